"""What can be read of a generation, whatever is missing: a state, and what is lost to it.

It begins at the newest checkpoint that holds, and goes on with the frames above, in order. Where a
position is missing, or cannot be read, it goes on with the next: what that one says still holds, as
a record is put whole. A frame that cannot be applied without what is missing, as where two records
would have one unique value, is lost, too: as a whole, since a commit is one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

from discobase.engine.arrivals import Arrivals
from discobase.engine.checkpoints.bundle import read_bundle
from discobase.engine.checkpoints.manifest import Manifest
from discobase.engine.checkpoints.packing import unpack
from discobase.engine.checkpoints.store import (
    CheckpointDamaged,
    CheckpointListing,
    CheckpointStore,
    Stored,
)
from discobase.engine.log.commit_log import CommitLog
from discobase.engine.log.entry import Commit, Entry, carried, commit_of
from discobase.engine.log.formats import upgrade_needed
from discobase.engine.log.frame import GENESIS, Header, Limits, Malformed
from discobase.engine.log.superblock import Superblock
from discobase.engine.operations import LaterFormat, Missing, Operation, Seal
from discobase.engine.repair.loss import Loss, when
from discobase.engine.replica import Head, NotTheState, Replica
from discobase.engine.server.retry import persist
from discobase.engine.server.seam import UNKNOWN_CHANNEL, Message, NotFound, Server
from discobase.engine.trouble import Troubles
from discobase.engine.verification.judgement import Judged, judge
from discobase.engine.verification.lanes import Lanes
from discobase.errors import LogDamaged
from discobase.progress import Gauge

_BATCH = 256
"""Positions that are applied in one step aside: some 10 ms of small commits (measured for the
follower)."""


class Salvage:
    """Reads all of a generation, and applies what it can to a replica of its own. Changes nothing.

    Args:
        server: the seam.
        superblock: what and where the database is.
        limits: what a message carries.
        gauge: told how far it has come.

    Attributes:
        lost: what is lost, by position.
        broken: whether nobody could open the database, or lacks something who does.
        head: the last position that is known to have been written, with what the frame above it
            would continue, as far as is known.
        gone: the channels that are gone.
        sealed: whether the last frame is a seal.
        checkpoints: the messages of the checkpoints that are there.
    """

    def __init__(
        self, server: Server, superblock: Superblock, limits: Limits, gauge: Gauge
    ) -> None:
        self._server = server
        self._superblock = superblock
        self._gauge = gauge
        self._log = CommitLog(server, superblock, Troubles())
        self._store = CheckpointStore(server, superblock, limits)
        self._lanes = Lanes(server, superblock)
        self._arrivals: Arrivals = self._lanes.arrivals
        self._payloads: dict[int, bytes] = {}
        self._below_seal: dict[int, int] = {}
        self._replica: Replica | None = None
        self.lost: list[Loss] = []
        self.broken = False
        self.head = Head(0, GENESIS)
        self.gone: frozenset[int] = frozenset()
        self.sealed = False
        self.checkpoints: frozenset[int] = frozenset()

    @property
    def unexplained(self) -> dict[int, int]:
        """The last id of each lane whose newest message was deleted: also where an earlier repair,
        which came no further, has put its seal since.
        """
        return self._below_seal | self._lanes.unexplained

    @property
    def replica(self) -> Replica:
        """The state."""
        if self._replica is None:
            self._replica = Replica(len(self._superblock.lanes))
        return self._replica

    async def close(self) -> None:
        """Remove the state, after what is under way."""
        await self._server.aside(self._close)

    def _close(self) -> None:
        if self._replica is not None:
            self._replica.close()

    async def read(self) -> None:
        """Do it. One API call for 100 commits in each lane, and a few; a download for each commit
        that is a file, and for each checkpoint that is looked at.

        Raises:
            UpgradeNeeded: something is there that a later version has written.
            Refused, Uncertain: it could not be read.
        """
        with self._gauge.step("looking at the database"):
            listing = await self._listing()
            self.checkpoints = frozenset(each.message.id for each in listing.stored)
            channels = await persist(self._server, self._server.channels)
        with self._gauge.step("reading the log", unit="messages") as step:
            await self._lanes.read({each.id: each.last_message for each in channels}, step)
            start = await self._start(listing)
            judged = await self._judged(start, listing)
            if self._lanes.unexplained or any(each.breaks for each in judged):
                # It may only be shown late.
                await self._server.sleep(self._server.settling)
                await self._lanes.read_on(step)
                judged = await self._judged(start, listing)
        gone = self._lanes.gone
        self.gone, self.broken = self.gone | gone, self.broken or bool(gone)
        self.head = _end(start, judged)
        with self._gauge.step("applying what can be read", len(judged), "commits") as step:
            for first in range(0, len(judged), _BATCH):
                batch = judged[first : first + _BATCH]
                await self._take(batch)
                step.add(len(batch))
        self._note_ends()
        self._name_writers()

    # Where it begins

    async def _listing(self) -> CheckpointListing:
        try:
            return await self._store.list()
        except NotFound as error:
            if error.code != UNKNOWN_CHANNEL:
                raise
            self.gone |= {self._superblock.checkpoints}
            return CheckpointListing()

    async def _start(self, listing: CheckpointListing) -> Head:
        """Take over the newest checkpoint that holds, and return its head; where none does, that
        with which the generation begins.
        """
        await self._add_bundle()
        for stored in listing.stored:
            if await self._restored(stored):
                return stored.manifest.head
        base = self._superblock.base
        if base is None:
            return Head(0, GENESIS)
        self.broken = True
        why = (
            "all commits up to this position, which no checkpoint has any more with which this "
            "generation of the log could begin"
        )
        self.lost.append(Loss(base.seq, why, channel=self._superblock.checkpoints))
        await self._server.aside(lambda: self.replica.apply(_voids(range(1, base.seq + 1))))
        return Head(base.seq, base.chain)

    async def _add_bundle(self) -> None:
        try:
            frames = await read_bundle(self._server, self._superblock)
        except LogDamaged:
            return  # its positions are missing then
        for frame in frames:
            self._arrivals.note(frame.entry, read=True)
            if frame.payload is not None:
                self._payloads[frame.entry.message.id] = frame.payload

    async def _restored(self, stored: Stored) -> bool:
        manifest = stored.manifest
        if self._is_at_odds(manifest):
            return False
        try:
            packed = await self._store.verified(stored)
            await self._server.aside(
                lambda: self.replica.restore(
                    unpack(packed, manifest), manifest.head, manifest.state
                )
            )
        except (CheckpointDamaged, NotTheState, LaterFormat):
            return False
        return True

    def _is_at_odds(self, manifest: Manifest) -> bool:
        """Return whether the log says something else than a checkpoint: at its position, and above
        it.
        """
        here, above = self._arrivals.at(manifest.seq), self._arrivals.at(manifest.seq + 1)
        return (
            bool(here and above)
            and all(entry.header.hash != manifest.chain for entry in here)
            and all(entry.header.chain != manifest.chain for entry in above)
        )

    async def _judged(self, start: Head, listing: CheckpointListing) -> list[Judged]:
        known = (stored.manifest.seq for stored in listing.stored)
        until = max(start.seq, self._arrivals.last, *known)
        return await self._server.aside(
            lambda: [*judge(self._arrivals, start, until, _remembered_by_nobody)]
        )

    # What is above

    async def _take(self, batch: Sequence[Judged]) -> None:
        fetched = await asyncio.gather(*map(self._files, batch))
        await self._server.aside(partial(self._apply, [*zip(batch, fetched, strict=True)]))

    async def _files(self, judged: Judged) -> Sequence[bytes] | Malformed | NotFound:
        entry = judged.entry
        if entry is None or not judged.counts or entry.message.id in self._payloads:
            return ()
        try:
            return await self._log.files(entry)
        except (Malformed, NotFound) as error:
            return error

    def _apply(
        self, batch: Sequence[tuple[Judged, Sequence[bytes] | Malformed | NotFound]]
    ) -> None:
        """Apply a run of positions, as far as each can be."""
        left = [self._read(judged, files) for judged, files in batch]
        while (failed := self._first_to_fail(left)) is not None:
            index, why = failed
            self.replica.apply(left[:index])
            self._lose(left[index], why)
            left = left[index + 1 :]

    def _first_to_fail(self, left: Sequence[Commit | Entry]) -> tuple[int, str] | None:
        """Apply a run of positions; where one cannot be, apply none, and return which, and why."""
        try:
            self.replica.apply(left)
        except LogDamaged as error:
            index = next(number for number, each in enumerate(left) if _seq(each) == error.position)
            return index, f"it cannot be applied without what is missing: {error.__cause__}"
        return None

    def _lose(self, failed: Commit | Entry, why: str) -> None:
        """Pass a position by whose commit cannot be applied."""
        self.broken = True
        commit = failed if isinstance(failed, Commit) else Commit(failed, [])
        self.lost.append(Loss.of(commit.entry, why, _tables_of(commit.operations)))
        self.replica.apply([commit.entry])

    def _read(
        self, judged: Judged, files: Sequence[bytes] | Malformed | NotFound
    ) -> Commit | Entry:
        """Return what a position holds; a void frame where that is lost."""
        entry, seq = judged.entry, judged.seq
        self.sealed, self._below_seal = False, {}
        if entry is None:
            self.broken = True
            lane = self._superblock.lane_of(seq)
            self.lost.append(Loss(seq, "its message has been deleted", channel=lane))
            return _void(seq)
        self.broken = self.broken or not judged.fits
        if not judged.counts:
            return entry
        try:
            commit = self._commit(entry, files)
        except LaterFormat as later:
            raise upgrade_needed(later, entry.message, seq) from None
        except (Malformed, NotFound) as error:
            self.broken = True
            self.lost.append(Loss.of(entry, f"it is damaged: {error}"))
            return entry
        seals = (each for each in commit.operations if isinstance(each, Seal))
        self.sealed = any(each.generation > self._superblock.generation for each in seals)
        for each in commit.operations if self.sealed else ():
            if isinstance(each, Missing):
                self._below_seal[entry.message.channel] = each.message
        return commit

    def _commit(self, entry: Entry, files: Sequence[bytes] | Malformed | NotFound) -> Commit:
        if (payload := self._payloads.get(entry.message.id)) is not None:
            return carried(entry, payload)
        if isinstance(files, Exception):
            raise files
        return commit_of(entry, files, self._superblock.sealing)

    # What is known of what is lost

    def _note_ends(self) -> None:
        """Say what is known of the newest message of each lane that was deleted, or is gone. The
        seal of an earlier repair is no part of what is known: what was lost then is lost now.
        """
        known = self.head.seq - self.sealed
        for lane in sorted(self.gone & {*self._superblock.lanes}):
            why = (
                f"its channel has been deleted: whatever was written there above position "
                f"{known}; nobody knows whether that is anything"
            )
            self.lost.append(Loss(None, why, channel=lane))
        for lane, end in self.unexplained.items():
            missing = [
                (index, loss)
                for index, loss in enumerate(self.lost)
                if loss.channel == lane and loss.message is None and loss.position is not None
            ]
            held = self._arrivals.passed(known)
            seqs = (each.header.seq for each in held if each.message.channel == lane)
            last = max(seqs, default=0)
            above = [(index, loss) for index, loss in missing if (loss.position or 0) > last]
            if above:
                index, loss = above[-1]
                self.lost[index] = replace(loss, message=end, time=when(end))
            elif self.broken:
                why = "the newest message of its channel was deleted; nobody knows what it was"
                self.lost.append(Loss(None, why, when(end), channel=lane, message=end))

    def _name_writers(self) -> None:
        labels = self.replica.writers.labels
        self.lost = [
            replace(loss, label=labels.get(loss.writer)) if loss.writer else loss
            for loss in self.lost
        ]


def _end(start: Head, judged: Sequence[Judged]) -> Head:
    """Return the last position, and what a frame above it continues, as far as is known."""
    seq, chain = start.seq, start.chain
    for each in judged:
        seq = each.seq
        if each.entry is not None and each.counts:
            chain = each.entry.header.hash
    return Head(seq, chain)


def _remembered_by_nobody(_seq: int) -> None:
    return None


def _seq(each: Commit | Entry) -> int:
    return (each.entry if isinstance(each, Commit) else each).header.seq


def _void(seq: int) -> Entry:
    """Return what stands for a position of which nothing is left."""
    return Entry(Message(0, 0, 0, ""), Header(seq, "", "", 0.0, 0, "", "inline", 0, ""))


def _voids(positions: Iterable[int]) -> list[Entry]:
    return [_void(seq) for seq in positions]


def _tables_of(operations: Iterable[Operation]) -> list[str]:
    found = (getattr(operation, "table", None) for operation in operations)
    return sorted({table for table in found if isinstance(table, str)})
