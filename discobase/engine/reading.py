"""Reads the lanes: from where the replica stands, or from a checkpoint on, whose state it loads
meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterable, Sequence

from discobase.engine.arrivals import Arrivals
from discobase.engine.checkpoints.bundle import read_bundle
from discobase.engine.checkpoints.manifest import Manifest
from discobase.engine.checkpoints.recovery import (
    CheckpointUnreadable,
    Recovery,
    lines_of,
    read_from,
)
from discobase.engine.checkpoints.store import CheckpointDamaged, Stored
from discobase.engine.log.commit_log import CommitLog
from discobase.engine.log.entry import Commit, Entry
from discobase.engine.log.history import PAGE
from discobase.engine.log.listing import Listing
from discobase.engine.operations import LaterFormat
from discobase.engine.replica import NotTheState, Replica, ReplicaLost
from discobase.engine.server.seam import ServerError
from discobase.errors import LogDamaged, UpgradeNeeded
from discobase.progress import Step

_SHORT_SECONDS = 1.0
"""Seconds that reading the lanes may take before it is asked how much there is, for whoever is told
of it after two: a guess.
"""


class Reading:
    """What is read of the log, for frames to wait for their turn.

    Args:
        log: the log.
        replica: the replica, whose turn the caller holds.
        recovery: which checkpoint it begins at.
        arrivals: the frames that wait.
        note: keeps one that was read until its turn comes.
    """

    def __init__(
        self,
        log: CommitLog,
        replica: Replica,
        recovery: Recovery,
        arrivals: Arrivals,
        note: Callable[[Entry], object],
    ) -> None:
        self._log = log
        self._replica = replica
        self._recovery = recovery
        self._arrivals = arrivals
        self._note = note
        self._lanes = range(len(log.superblock.lanes))

    @property
    def decided_up_to(self) -> int:
        """The position up to which a checkpoint, or an earlier generation, has decided what the
        replica holds, whatever stands there now; 0 where the replica began at the first frame.
        """
        used, floor = self._recovery.used, self._log.superblock.floor
        return floor if used is None else max(floor, used.manifest.seq)

    async def read_lanes(
        self,
        *,
        after: Sequence[int],
        listing: Listing | None = None,
        above: Manifest | None = None,
    ) -> None:
        """Read every lane to its end, or as far as it went when the channels were listed.

        Args:
            after: the message id in each lane from above which it is read.
            listing: how far the channels went.
            above: the checkpoint above which they are read: a lane that went no further is not.
        """
        known = above.lanes if above else [0] * len(self._lanes)
        with self._log.gauge.step("reading the log", unit="commits") as step:
            head = above.seq if above else self._replica.head.seq
            counting = asyncio.create_task(self._expect(listing, step, head))
            reading = (
                self._log.tail(lane, after[lane], listing, step, known=known[lane])
                for lane in self._lanes
            )
            try:
                found = await asyncio.gather(*reading)
            finally:
                counting.cancel()
        for entries in found:
            for entry in entries:
                self._note(entry)

    async def _expect(self, listing: Listing | None, step: Step, head: int) -> None:
        """Find out how much there is to read, where the reading takes a while: the newest message
        has the number of its position. One API call.
        """
        if listing is None:
            return
        await self._log.server.sleep(_SHORT_SECONDS)
        lanes = self._log.superblock.lanes
        newest = max(lanes, key=lambda lane: listing.last.get(lane, 0))
        with contextlib.suppress(ServerError, UpgradeNeeded):
            message = await self._log.message(newest, listing.last.get(newest, 0))
            if message is not None and (entry := self._log.entry(message)):
                step.expect(entry.header.seq - head)

    async def from_newest(
        self,
        candidates: Iterable[Stored],
        restore: Callable[[Stored, bytes], Awaitable[None]],
        listing: Listing | None = None,
    ) -> bool:
        """Restore the newest checkpoint that holds, after the lanes have been read from there on.
        Return whether there is one.
        """
        for stored in candidates:
            packed = await self._read_above(stored, listing)
            if packed is None:
                continue
            try:
                await restore(stored, packed)
            except (NotTheState, LaterFormat) as error:
                self._recovery.pass_over(stored.message.id, str(error))
                continue
            self._recovery.used = stored
            return True
        self._recovery.used = None
        return False

    async def _read_above(self, stored: Stored, listing: Listing | None) -> bytes | None:
        """Download a checkpoint, and read the lanes from there on meanwhile; return its bytes, None
        where it is passed over.
        """
        manifest = stored.manifest
        download = asyncio.create_task(self._recovery.read(stored))
        try:
            await self.read_lanes(after=read_from(manifest), listing=listing, above=manifest)
            await self._carry_on(manifest)
            if self._is_at_odds(manifest):
                why = "the log does not go on from it"
                self._recovery.pass_over(stored.message.id, why)
                return None
            return await download
        except CheckpointUnreadable as error:
            self._recovery.pass_over(stored.message.id, str(error), for_a_while=True)
            return None
        except CheckpointDamaged as error:
            self._recovery.pass_over(stored.message.id, str(error))
            return None
        finally:
            download.cancel()
            await asyncio.gather(download, return_exceptions=True)

    async def _carry_on(self, manifest: Manifest) -> None:
        """Keep the commits between a checkpoint and the lanes, where there are any: those that the
        generation has carried on from the one before. No API call else.

        Raises:
            LogDamaged: they are gone, or not what was written.
        """
        if manifest.seq >= self._log.superblock.floor:
            return
        try:
            frames = await read_bundle(self._log.server, self._log.superblock)
        except LogDamaged:
            await self._log.require_current()  # it is gone, too, where a later generation is there
            raise
        for frame in frames:
            if frame.entry.header.seq > manifest.seq:
                self._note(frame.entry)
            if frame.payload is not None:
                self._log.carried[frame.entry.message.id] = frame.payload

    def _is_at_odds(self, manifest: Manifest) -> bool:
        """Return whether what was read from a checkpoint on contradicts it: the next frame does not
        go on from it, or another one stands in the place of one that it includes.
        """
        following = self._arrivals.at(manifest.seq + 1)
        if following and next(self._arrivals.decided(manifest.head), None) is None:
            return True
        for seq in range(max(1, manifest.seq + 1 - len(self._lanes)), manifest.seq + 1):
            read = {
                each.message.id for each in self._arrivals.at(seq) if self._arrivals.was_read(each)
            }
            if read and manifest.lanes[seq % len(self._lanes)] not in read:
                return True
        return False

    async def restore(
        self, stored: Stored, packed: bytes, commits: Sequence[Commit | Entry] = ()
    ) -> None:
        """Make the state of a checkpoint the replica's, with commits that follow it.

        Raises:
            NotTheState, LaterFormat: it is none, or another one.
            ReplicaLost: no file takes it.
        """
        manifest, given_up = stored.manifest, threading.Event()

        def note(size: int) -> None:
            if given_up.is_set():
                raise NotTheState("the opening was given up")
            step.add(size)

        def restore() -> None:
            lines = lines_of(packed, manifest, note)
            self._replica.restore(lines, manifest.head, manifest.state, commits)

        with self._log.gauge.step("loading a checkpoint", manifest.size, "bytes") as step:
            try:
                with contextlib.suppress(ReplicaLost):
                    await self._log.server.work(restore)
                    return
                await self._log.server.work(restore)  # into the file that is there instead
            except asyncio.CancelledError:
                given_up.set()  # it takes seconds, and whoever closes the replica waits for it
                raise

    def spares_pages(self, candidates: Iterable[Stored]) -> bool:
        """Return whether a checkpoint is so far above the head that it spares a page in each
        lane.
        """
        least = self._replica.head.seq + len(self._lanes) * PAGE
        return any(stored.manifest.seq >= least for stored in candidates)

    async def covered_up_to(self) -> int:
        """Return the position of the newest checkpoint, 0 where there is none. One API call.

        Raises:
            Uncertain, Refused: Discord could not be read.
        """
        found = await self._recovery.candidates(None)
        return max((stored.manifest.seq for stored in found), default=0)

    async def covering(self, position: int) -> Stored | None:
        """Return a checkpoint that has what was applied at a position (:meth:`Recovery.covering
        <discobase.engine.checkpoints.recovery.Recovery.covering>`).
        """
        return await self._recovery.covering(position, self.chain_at)

    async def chain_at(self, seq: int) -> str | None:
        """Return which hash the frame above a position continues; None where that is not known."""
        return await self._log.server.work(lambda: self._replica.hash_at(seq))
