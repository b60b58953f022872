"""Commits of the past, read again from the log: the newest first, as many as somebody asks for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from discobase.engine.log.entry import Entry
from discobase.engine.log.read_log import ReadLog
from discobase.engine.operations import Operation
from discobase.engine.replica import Applied, Replica
from discobase.errors import LogDamaged


@dataclass(frozen=True, slots=True)
class PastCommit:
    """A commit that counts.

    Attributes:
        seq: its position.
        channel: the id of its channel.
        message: the id of its message.
        writer: the id of who wrote it, as it stands in the frame.
        operations: what it did, in order; empty where that was not read.
        count: how many operations those are; None where nobody can tell.
        size: the bytes that they take before compression; None where nobody can tell.
        unread: why they were not read, in words; None where they were.
    """

    seq: int
    channel: int
    message: int
    writer: str
    operations: Sequence[Operation] = ()
    count: int | None = None
    size: int | None = None
    unread: str | None = None


class Past:
    """Reads what this process has applied once more. Used on the loop alone.

    What was committed before the present generation of the log is in no lane any more, and of what
    a checkpoint has brought, this process knows the last positions alone: there it ends.

    Args:
        log: the log.
        replica: knows which message was taken at each position.
    """

    def __init__(self, log: ReadLog, replica: Replica) -> None:
        self._log = log
        self._replica = replica

    async def read(self, below: int | None, number: int, largest: int) -> list[PastCommit]:
        """Return the last commits below a position, newest first. One API call for each lane that
        they are in, or for 100 messages of one; a download for each that is a file.

        Args:
            below: the position; None for the newest commits that this process knows.
            number: how many they are at the most.
            largest: the bytes, before compression, of what is read of one commit; what is larger is
                left unread.

        Raises:
            Refused, Uncertain: the server refused, or did not answer.
            LogDamaged: a lane is gone.
            UpgradeNeeded: a later version has written one of them.
        """
        floor = self._log.superblock.floor
        known = await self._log.server.work(
            lambda: self._replica.applied_below(below, above=floor, number=number)
        )
        entries = await self._entries(known)
        return [await self._commit(each, entries.get(each.seq), largest) for each in known]

    async def _entries(self, known: Sequence[Applied]) -> dict[int, Entry]:
        by_lane = defaultdict[int, dict[int, int]](dict)
        for each in known:
            by_lane[self._log.superblock.lane_of(each.seq)][each.seq] = each.message
        found: dict[int, Entry] = {}
        for lane, messages in by_lane.items():
            after, last = min(messages.values()) - 1, max(messages.values())
            for entry in await self._log.stretch(lane, after, last):
                if messages.get(entry.header.seq) == entry.message.id:
                    found[entry.header.seq] = entry
        return found

    async def _commit(self, known: Applied, entry: Entry | None, largest: int) -> PastCommit:
        place = (known.seq, self._log.superblock.lane_of(known.seq), known.message, known.writer)
        if entry is None:
            return PastCommit(*place, unread="its message is gone, or was altered")
        count, size = entry.header.operations, entry.header.size
        if size > largest:
            what = f"it takes {size:,} bytes, and no more than {largest:,} were to be read"
            return PastCommit(*place, count=count, size=size, unread=what)
        try:
            commit = await self._log.read(entry)
        except LogDamaged as error:
            return PastCommit(*place, count=count, size=size, unread=str(error))
        return PastCommit(*place, tuple(commit.operations), count, size)
