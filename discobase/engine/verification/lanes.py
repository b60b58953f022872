"""All messages of the lanes: read to the end, and sorted into frames and what is none."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from contextlib import aclosing

from discobase.engine.arrivals import Arrivals
from discobase.engine.log.entry import Entry
from discobase.engine.log.formats import upgrade_needed
from discobase.engine.log.frame import Malformed, is_frame, read_header
from discobase.engine.log.history import read_pages
from discobase.engine.log.superblock import Superblock
from discobase.engine.operations import LaterFormat
from discobase.engine.server.seam import UNKNOWN_CHANNEL, Message, NotFound, Server
from discobase.engine.verification.report import Finding
from discobase.progress import Step

_LATE = 60_000 << 22
"""Ids of a minute: what is read once more where something was missing, for a history that shows it
late. A guess, as for what others may have written meanwhile."""


class Lanes:
    """What stands in the lanes.

    Args:
        server: the seam.
        superblock: where they are.

    Attributes:
        arrivals: the frames.
        count: how many messages there are.
        existing: the last position that was there when the reading began, as far as is seen.
    """

    def __init__(self, server: Server, superblock: Superblock) -> None:
        self._server = server
        self._superblock = superblock
        self._findings: dict[int, Finding] = {}
        self._read: dict[int, int] = dict.fromkeys(superblock.lanes, 0)
        self._messages: set[int] = set()
        self._gone: set[int] = set()
        self._ends: Mapping[int, int] = {}
        self.arrivals = Arrivals()
        self.existing = 0

    @property
    def count(self) -> int:
        """How many messages were read."""
        return len(self._messages)

    @property
    def gone(self) -> frozenset[int]:
        """The lanes that have been deleted."""
        return frozenset(self._gone)

    @property
    def unexplained(self) -> dict[int, int]:
        """The last id of each lane in which no message has it: it was deleted, or is shown late."""
        ends = {lane: self._ends.get(lane, 0) for lane in self._read if lane not in self._gone}
        return {lane: end for lane, end in ends.items() if end and end not in self._messages}

    async def read(self, ends: Mapping[int, int], step: Step) -> None:
        """Read all lanes. One API call for 100 messages of each, and one for each whose last
        message was deleted.

        Args:
            ends: the last id of each channel, as a list of channels told it.
            step: told how many messages have been read.

        Raises:
            UpgradeNeeded: there is a frame of a later format.
            Refused, Uncertain: a lane could not be read.
        """
        self._ends = ends
        lanes = self._superblock.lanes
        await _together(self._read_lane(lane, 0, ends.get(lane), step) for lane in lanes)

    async def read_on(self, step: Step) -> None:
        """Read what the lanes have shown since, or show late. Two API calls for each, as a rule."""
        lanes = [lane for lane in self._superblock.lanes if lane not in self._gone]
        after = {lane: max(0, self._read[lane] - _LATE) for lane in lanes}
        await _together(self._read_lane(lane, after[lane], None, step) for lane in lanes)

    async def _read_lane(self, lane: int, after: int, end: int | None, step: Step) -> None:
        # A last id of 0 may also be that of a server that names none.
        reading = read_pages(self._server, lane, after=after, end=end or None, step=step)
        try:
            async with aclosing(reading) as pages:
                async for page in pages:
                    for message in page:
                        self._sort(message)
                    self._read[lane] = max(self._read[lane], page[-1].id)
        except NotFound as error:
            if error.code != UNKNOWN_CHANNEL:
                raise
            self._gone.add(lane)

    def _sort(self, message: Message) -> None:
        if message.id in self._messages:
            return
        self._messages.add(message.id)
        found = self._entry_or_finding(message)
        if isinstance(found, Finding):
            self._findings[message.id] = found
            return
        self.arrivals.note(found, read=True)
        if message.id <= self._ends.get(message.channel, 0):
            self.existing = max(self.existing, found.header.seq)

    def _entry_or_finding(self, message: Message) -> Entry | Finding:
        lane = message.channel
        bots = {self._server.author, *(each.bot for each in self._superblock.predecessors)}
        if message.author not in bots:
            forged = is_frame(message.content)
            what = "a forged commit" if forged else "a message"
            return _of(message, f"{what} by somebody else, {message.author}, which nobody applies")
        try:
            header = read_header(message.content, self._superblock.sealing)
        except LaterFormat as later:
            raise upgrade_needed(later, message) from None
        except Malformed as error:
            return _of(message, f"a commit that cannot be read: {error}")
        if header is None:
            return _of(message, "a message of this bot that is no commit, or none any more")
        if self._superblock.lane_of(header.seq) != lane:
            return _of(message, "a commit in a channel where its position is not", header.seq)
        if not self._superblock.is_of(message.author, self._server.author, header.seq):
            what = (
                f"a commit by the bot {message.author}, which may not write there any more, or yet"
            )
            return _of(message, what, header.seq)
        return Entry(message, header)

    def findings(self, gone: set[int]) -> list[Finding]:
        """Return what is not as it should be, apart from the frames.

        Args:
            gone: messages that are known to have been deleted.
        """
        found = [*self._findings.values()]
        what = "this channel has been deleted"
        found += [Finding("damage", what, channel=lane) for lane in self._gone]
        what = "the newest message of this channel has been deleted; nobody knows what it was"
        ends = self.unexplained.items()
        found += [
            Finding("warning", what, None, lane, end) for lane, end in ends if end not in gone
        ]
        return found


async def _together(readings: Iterable[Coroutine[None, None, None]]) -> None:
    """Do them at the same time, and none any more after the first that fails."""
    tasks = [asyncio.create_task(reading) for reading in readings]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


def _of(message: Message, what: str, position: int | None = None) -> Finding:
    """Return a finding that does no harm by itself: what it may be the reason for is one, too."""
    return Finding("note", what, position, message.channel, message.id)
