"""Channels that were deleted are made again, as a new generation, by whoever has the state.

Where only the channel of the checkpoints is gone, the log is whole, and the change of generation is
a usual one (:mod:`discobase.engine.generations.making`).

Where a lane is gone, no seal can be put at its positions, and none is needed: the missing lane is
the seal. Nobody can commit at the first position above the head that lies in it, and so nobody at
one above that (invariant I1). So whoever makes the channels again fills the positions below with
empty commits, until the next one is in a missing lane. Then nothing can be acknowledged any more,
and the state at that head is all that there is: a checkpoint has it, and the next generation begins
behind it, with nothing to be carried on.

Only who has all of that may do so. What stands in the lanes that are left, above a position that is
missing here, shows that somebody has more. Who may not have heard of everything waits for others
before it begins, and everybody looks once more before it writes the superblock, which decides.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from dataclasses import replace

from discobase.engine.checkpoints.store import CheckpointStore, Stored, TooLarge
from discobase.engine.checkpoints.taking import take_first
from discobase.engine.committer import Committer
from discobase.engine.follower import Follower
from discobase.engine.generations.channels import make_channels, remove_channels, tidy
from discobase.engine.log.commit_log import CommitLog
from discobase.engine.log.frame import Limits
from discobase.engine.log.lane_ends import EXPLAINED_WITHIN
from discobase.engine.log.sealing import Encryption, Sealing
from discobase.engine.log.sending import Unanswered
from discobase.engine.log.superblock import Base, Superblock, random_name
from discobase.engine.log.superseded import Superseded
from discobase.engine.log.topic import part_of
from discobase.engine.replica import Head, Replica
from discobase.engine.server.retry import pause, persist
from discobase.engine.server.seam import Channel, NotFound, NotPermitted, ServerError
from discobase.engine.trouble import Trouble
from discobase.errors import DatabaseEnded, DiscobaseError, LogDamaged, Unavailable

_log = logging.getLogger(__name__)

_SPREAD = 2.0
"""Seconds within which processes that hear of a deletion begin, so that as a rule one of them does
it: a guess, as for what is healed (``checkpoints/healing.py``)."""

SETTLED_AFTER = 5.0
"""Seconds after which everybody who has heard of a deletion has put a commit above what they hold,
where they can: a guess, twice the time within which they begin."""

_LOOK_SECONDS = 5.0
"""Between two looks at what others do, while it is waited for them: a guess."""

_ANOTHER_BEGAN = 20.0
"""Seconds for which channels with a ticket that no superblock names are taken for somebody's who is
making a generation: some ten times what it takes, and a guess."""

REMADE_WITHIN = 45.0
"""Seconds after which what could not be made again is damage to those who wait: below what a caller
waits who says nothing of it (the default timeout), and above what it takes for whoever has to wait
for others first. A guess."""

Sealed = tuple[Encryption | None, Sealing]


class Remaking:
    """Makes the channels of one log again, as often as it takes.

    Args:
        log: the log.
        replica: the state.
        follower: knows what is gone.
        committer: fills positions.
        limits: what a message carries.
        writer: who writes the checkpoint.
        is_told: tells whether this process has heard of all that was written.
        new_sealing: makes the sealing of the next generation.
        change: makes the next generation as a vacuum does, and returns its superblock.
    """

    def __init__(
        self,
        log: CommitLog,
        replica: Replica,
        follower: Follower,
        committer: Committer,
        limits: Limits,
        *,
        writer: str,
        is_told: Callable[[], bool],
        new_sealing: Callable[[], Awaitable[Sealed]],
        change: Callable[[], Awaitable[Superblock]],
    ) -> None:
        self._log = log
        self._server = log.server
        self._replica = replica
        self._follower = follower
        self._gone = follower.gone
        self._committer = committer
        self._limits = limits
        self._writer = writer
        self._is_told = is_told
        self._new_sealing = new_sealing
        self._change = change
        self._seen: dict[str, float] = {}
        self._ticket = ""
        self._made: Superblock | None = None
        self._is_changing = False

    async def run(self) -> Superblock | None:
        """Wait until a channel is gone, and make a generation that has all of them; return its
        superblock. None where the log goes on without that, or has ended.
        """
        while await self._is_found():
            await self._until_made()
        counting = self._log.catalog.successor.superblock
        if self._made is not None or counting is None or not self._ticket:
            return self._made
        if counting.ticket == self._ticket:
            return counting
        await remove_channels(self._server, self._log.superblock, self._ticket)
        await tidy(self._server, self._log.superblock.catalog, counting)
        return None

    async def _is_found(self) -> bool:
        """Wait until a channel may be gone; return False where this generation is over before."""
        known = asyncio.ensure_future(self._log.catalog.successor.known.wait())
        found = asyncio.ensure_future(self._gone.found.wait())
        try:
            await asyncio.wait({known, found}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            known.cancel()
            found.cancel()
            await asyncio.gather(known, found, return_exceptions=True)
        self._gone.found.clear()
        return not self._is_over

    @property
    def _is_over(self) -> bool:
        return self._log.catalog.successor.known.is_set() or self._log.stop.ended is not None

    async def _until_made(self) -> None:
        began, attempt = self._server.monotonic(), 0
        waits = self._server.random() * _SPREAD if self._is_told() else EXPLAINED_WITHIN
        while not (self._is_over or await self._is_done(began, began + waits)):
            if self._server.monotonic() - began > REMADE_WITHIN:
                self._gone.give_up()
            await self._server.sleep(pause(self._server, attempt))
            attempt += 1

    async def _is_done(self, began: float, starts: float) -> bool:
        """Try once; return whether there is nothing left to do."""
        try:
            return await self._unless_over(self._try(began, starts))
        except (Superseded, DatabaseEnded):
            return True
        except (DiscobaseError, ServerError, TooLarge, Unanswered) as error:
            _log.info("a channel that was deleted could not be made again yet: %s", error)
            self._gone.hindrance = error
            return False

    async def _try(self, began: float, starts: float) -> bool:
        channels = await persist(self._server, self._server.channels)
        missing = await self._missing(channels)
        if not missing:
            self._gone.none()
            return True
        await self._log.catalog.require_current()  # or deleted with the database, or as it is over
        is_another_at_it = self._is_another_at_it(channels)
        left = starts - self._server.monotonic()
        if left > 0:
            await self._server.sleep(min(left, _LOOK_SECONDS))
            return False
        lanes = missing & {*self._log.superblock.lanes}
        # First of all: what is above a missing position shows others that it was written.
        head = await self._fill(lanes) if lanes else None
        if is_another_at_it:
            raise Unavailable("another process is about to do it")
        if head is not None:
            await self._beside(lanes, head, began)
            return True
        self._is_changing = True
        try:
            self._made = await self._change()
        finally:
            self._is_changing = False
        return True

    async def _unless_over(self, trying: Coroutine[None, None, bool]) -> bool:
        """Try as long as this generation is not over: from then on the replica may be with the next
        one. A usual change of generation sees to that itself.
        """
        task = asyncio.ensure_future(trying)
        known = asyncio.ensure_future(self._log.catalog.successor.known.wait())
        try:
            await asyncio.wait({task, known}, return_when=asyncio.FIRST_COMPLETED)
            if self._is_changing:
                await asyncio.wait({task})
        finally:
            known.cancel()
            task.cancel()
            await asyncio.gather(known, task, return_exceptions=True)
        return self._is_over or task.result()

    async def _missing(self, channels: Sequence[Channel]) -> set[int]:
        """Return which lanes are gone, and whether the channel of the checkpoints is."""
        listed, block = {channel.id for channel in channels}, self._log.superblock
        missing = set[int]()
        for channel in {*block.lanes, block.checkpoints} - listed:
            try:
                await persist(self._server, self._server.require_readable, channel)
            except NotFound:
                missing.add(channel)
            except NotPermitted:
                continue  # it is there
        return missing

    def _is_another_at_it(self, channels: Sequence[Channel]) -> bool:
        """Return whether there are channels of a generation that somebody else is about to make, as
        far as can be told.
        """
        block, now = self._log.superblock, self._server.monotonic()
        parts = (part_of(channel, self._server.author) for channel in channels)
        tickets = {part.ticket for part in parts if part and part.database == block.database}
        others = [ticket for ticket in tickets if ticket and ticket != block.ticket]
        return any(now - self._seen.setdefault(each, now) < _ANOTHER_BEGAN for each in others)

    # Where a lane is gone

    async def _beside(self, gone: Collection[int], head: Head, began: float) -> None:
        block = self._log.superblock
        self._ticket = ticket = random_name(self._server).rjust(8, "0")
        try:
            planned = await make_channels(
                self._server,
                block,
                ticket,
                len(block.lanes),
                self._log.catalog.origin,
                sealed=await self._new_sealing(),
            )
            checkpoint = await self._checkpoint(planned, head)
            await self._server.sleep(began + SETTLED_AFTER - self._server.monotonic())
            if await self._fill(gone) != head:
                raise Unavailable("others had more to say")
            base = Base(head.seq, head.chain, checkpoint.message.id, 0, self._replica.volume)
        except (DiscobaseError, ServerError, TooLarge, Unanswered):
            if self._log.catalog.successor.superblock is None:
                await remove_channels(self._server, block, ticket)
            raise
        if not self._is_told():
            self._tell_what_may_be_missing(head)
        # Where that has no answer the superblock may be there: nothing is removed then.
        await self._log.catalog.follow_on(replace(planned, base=base))

    async def _fill(self, gone: Collection[int]) -> Head:
        """Apply all that can be seen, and fill all positions below the first one that cannot be
        written. Return the head then.

        Raises:
            LogDamaged: there is more than this process has.
        """
        follower, block = self._follower, self._log.superblock
        async with follower.turn:
            await follower.look_beside(gone)
            while not follower.sealed and block.lane_of(self._replica.head.seq + 1) not in gone:
                await self._committer.commit_nothing()
            if follower.sealed:
                raise Unavailable("somebody has sealed the log, and makes the next generation")
            return self._replica.head

    async def _checkpoint(self, planned: Superblock, head: Head) -> Stored:
        """Write the state into the new channel of checkpoints."""
        manifest, packed = await self._server.aside(
            lambda: take_first(self._replica, planned, writer=self._writer, time=self._server.now())
        )
        if manifest.head != head:
            raise LogDamaged("the log is read anew", channel=planned.checkpoints, step="")
        return await CheckpointStore(self._server, planned, self._limits).write(manifest, packed)

    def _tell_what_may_be_missing(self, head: Head) -> None:
        text = (
            "channels that were deleted are made again by a process that may not have heard of all "
            f"that was written: commits above position {head.seq}, if there were any, are lost"
        )
        self._log.troubles.tell(Trouble("lost", text, position=head.seq + 1))
