"""Keeps a replica at the head of the log: events are applied in order, gaps are fetched, the start
is caught up with.

All state changes of the replica happen under :attr:`Follower.turn`, which the committer takes too:
while a proposal is in flight nobody else moves the head.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from itertools import islice

from discobase.engine.log import Commit, CommitLog, Entry, decide
from discobase.engine.replica import Replica
from discobase.engine.retry import pause
from discobase.engine.server import (
    Event,
    EventsLost,
    MessageArrived,
    MessageChanged,
    Refused,
    Uncertain,
)
from discobase.errors import LogDamaged

_log = logging.getLogger(__name__)

PATIENCE = 1.0
"""Seconds that a missing position may be on its way before it is fetched: events of several lanes
may overtake each other."""

_BATCH = 256
"""Frames that are applied in one step of the worker, so that other steps get their turn."""

_LOOKS = 4
"""How often the log is read in vain before a missing position counts as lost.

A message may become readable a little after it was written, and the lanes are read one beside the
other while others write.
"""


class Follower:
    """Applies the log to a replica, as it grows.

    Args:
        log: the log.
        replica: the replica, which nobody else changes except under :attr:`turn`.
    """

    def __init__(self, log: CommitLog, replica: Replica) -> None:
        self._log = log
        self._replica = replica
        self._early: dict[int, list[Entry]] = {}
        self._arrived = asyncio.Event()
        self._outdated = False
        self._gap = (-1, 0.0)
        self.turn = asyncio.Lock()
        self.damage: LogDamaged | None = None

    # Events

    def handle(self, event: Event) -> None:
        """Take note of an event. Called on the loop, in the order of the gateway; never waits."""
        match event:
            case MessageArrived(message=message):
                self._log.echo(event)
                if entry := self._log.entry(message):
                    self._note(entry)
            case MessageChanged(channel=channel, message=message, deleted=deleted):
                if channel in self._log.superblock.lanes:
                    _log.error(
                        "message %d in lane channel %d was %s: the log is damaged there; "
                        "this process still has the data",
                        message,
                        channel,
                        "deleted" if deleted else "edited",
                    )
            case EventsLost():
                self._outdated = True
                self._arrived.set()

    def _note(self, entry: Entry) -> None:
        held = self._early.setdefault(entry.header.seq, [])
        if all(other.message.id != entry.message.id for other in held):
            held.append(entry)
        self._arrived.set()

    async def follow(self) -> None:
        """Apply what arrives, for as long as it is not cancelled or the log is found damaged."""
        attempt = 0
        while self.damage is None:
            await self._arrived.wait()
            self._arrived.clear()
            try:
                await self._take_in()
                attempt = 0
            except (Uncertain, Refused) as error:
                _log.warning("the log could not be read (%s); trying again", error)
                await self._log.server.sleep(pause(self._log.server, attempt))
                attempt += 1
                self._arrived.set()
            except LogDamaged as error:
                _log.critical("%s; this process keeps what it has and writes no more", error)
                self.damage = error

    async def _take_in(self) -> None:
        async with self.turn:
            await self._advance()
            if self._outdated:
                await self.catch_up()
                self._outdated = False
        if self._early:
            await self._wait_for_gap()

    async def _wait_for_gap(self) -> None:
        """Give a missing position its time to arrive, then fetch it."""
        head, now = self._replica.head.seq, self._log.server.monotonic()
        if self._gap[0] != head:
            self._gap = (head, now)
        remaining = self._gap[1] + PATIENCE - now
        if remaining <= 0:
            async with self.turn:
                await self.catch_up()
            return
        await asyncio.wait(
            {arrival := asyncio.ensure_future(self._arrived.wait())}, timeout=remaining
        )
        arrival.cancel()
        self._arrived.set()

    # Reading the log; the caller holds the turn

    async def catch_up(self) -> None:
        """Read all lanes to their ends and apply what is new. One API call for 100 frames of a
        lane, and one to see that it ends.

        Raises:
            LogDamaged: a position is missing though later ones are there, or a frame is not what
            was written. Uncertain, Refused: Discord could not be read.
        """
        looks = 0
        while looks < _LOOKS:
            before = self._replica.head.seq
            await self._read_lanes()
            self._log.confirm()
            await self._advance()
            if not self._early:
                return
            looks = looks + 1 if self._replica.head.seq == before else 0
            await self._log.server.sleep(pause(self._log.server, looks))
        missing = self._replica.head.seq + 1
        raise LogDamaged(
            f"this position is missing from the log, though position {min(self._early)} is there: "
            f"its message has been deleted, or altered so that it is no frame any more",
            position=missing,
            channel=self._log.superblock.lane_of(missing),
        )

    async def _read_lanes(self) -> None:
        lanes = range(len(self._log.superblock.lanes))
        for entries in await asyncio.gather(
            *(self._log.tail(lane, self._replica.cursor(lane)) for lane in lanes)
        ):
            for entry in entries:
                self._note(entry)

    async def refresh(self) -> None:
        """Apply every commit that was acknowledged before this call. One API call where there is
        none.
        """
        while True:
            head = self._replica.head.seq
            entries = await self._log.newer(head, self._cursor(head + 1))
            self._log.confirm()
            if not entries:
                return
            for entry in entries:
                self._note(entry)
            await self._advance()
            if self._replica.head.seq == head:
                return

    async def adopt(self, entry: Entry) -> None:
        """Apply the frame of another writer, which came first at the position after the head."""
        self._note(entry)
        await self._advance()

    async def _advance(self) -> None:
        """Apply all that follows the head without a gap."""
        if self._changes_history():
            await self._rebuild()
        ready = self._decided()
        while batch := list(islice(ready, _BATCH)):
            await self._apply(batch)
            self._log.confirm()
        for seq in [seq for seq in self._early if seq <= self._replica.head.seq]:
            del self._early[seq]

    def _decided(self) -> Iterator[tuple[Entry, bool]]:
        """What follows the head in order: each position's entry, and whether it counts or is
        void.
        """
        seq, chain = self._replica.head.seq + 1, self._replica.head.chain
        while candidates := self._early.get(seq):
            winner = decide(candidates, chain)
            if winner is None:
                yield min(candidates, key=lambda entry: entry.message.id), False
            else:
                yield winner, True
                chain = winner.header.digest
            seq += 1

    async def _apply(self, batch: Sequence[tuple[Entry, bool]]) -> None:
        """Apply a run of positions; up to the first damaged one, if there is one."""
        reading: list[Awaitable[Commit | Entry]] = [
            self._log.read(entry) if counts else _void(entry) for entry, counts in batch
        ]
        read = await asyncio.gather(*reading, return_exceptions=True)
        sound: list[Commit | Entry] = []
        failed: BaseException | None = None
        for commit in read:
            if isinstance(commit, BaseException):
                failed = commit
                break
            sound.append(commit)
        await self._log.server.work(lambda: self._replica.apply(sound))
        if failed is not None:
            raise failed

    # Two messages at one position

    def _changes_history(self) -> bool:
        applied: Iterable[int] = [seq for seq in self._early if seq <= self._replica.head.seq]
        return any(
            self._replica.changes_history(entry) for seq in applied for entry in self._early[seq]
        )

    async def _rebuild(self) -> None:
        """Start again from the first frame: an earlier message turned up at a position that had
        been decided.
        """
        _log.error("two messages carry one position: the replica is built again from the log")
        await self._log.server.work(self._replica.reset)
        await self._read_lanes()

    def _cursor(self, seq: int) -> int:
        return self._replica.cursor(seq % len(self._log.superblock.lanes))


async def _void(entry: Entry) -> Entry:
    return entry
