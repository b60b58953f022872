"""The making of a new generation of a log.

It goes in steps, and each of them may be the last of its process:

1. New channels, under a random ticket in their topics, and in the new channel for checkpoints a
   checkpoint of a position that is not older than the call: what was deleted before the call is not
   in it.
2. The *seal*, a commit like any other. Whoever has applied it proposes nothing behind it in the old
   lanes; who makes two at once loses the position to the other one.
3. The commits between checkpoint and seal, as a bundle beside the checkpoint.
4. The superblock of the new generation, of which the first counts, and which is read back before
   anybody acts on it.

Until the superblock is there the old generation is in force, and from then on the new one. A seal
whose maker does not come to that is lifted (:mod:`discobase.engine.generations.watch`), by the
maker itself where it fails.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace

from discobase.engine.checkpoints.bundle import write_bundle
from discobase.engine.checkpoints.store import CheckpointStore, Stored, TooLarge
from discobase.engine.checkpoints.taking import take_first
from discobase.engine.committer import Committer
from discobase.engine.follower import Follower
from discobase.engine.generations.channels import tidy
from discobase.engine.generations.places import Place
from discobase.engine.generations.tail import Tail
from discobase.engine.log.commit_log import CommitLog
from discobase.engine.log.entry import Entry
from discobase.engine.log.frame import Limits
from discobase.engine.log.rekeying import Rekeying
from discobase.engine.log.sealing import Encryption, Sealing
from discobase.engine.log.sending import Unanswered
from discobase.engine.log.superblock import Base, Superblock, random_name
from discobase.engine.log.superseded import Superseded
from discobase.engine.operations import Seal
from discobase.engine.replica import Replica
from discobase.engine.server.seam import NotPermitted, ServerError
from discobase.errors import (
    ChannelDeleted,
    DatabaseEnded,
    DiscobaseError,
    OutcomeUnknown,
    Unavailable,
)
from discobase.key import NO_KEY
from discobase.progress import Step

_log = logging.getLogger(__name__)

_TRIES = 10
"""Checkpoints that are tried where others go on while one is written: a guess."""

_SEALS = 100
"""Positions at which a seal is tried, where others commit at the same time and one of them comes
first: with ten of them it fails once in 10,000 times."""

_SHORT, _SMALL = 1_000, 4_000_000
"""Commits, and bytes of them, that may be left to the bundle, for which saves wait: a guess at what
is written in a second."""


@dataclass(frozen=True, slots=True)
class Made:
    """A generation that was made.

    Attributes:
        superblock: what and where it is.
        checkpoint: the checkpoint that it begins at.
        carried: how many positions were carried on from the generation before.
        paused: the seconds for which saves had to wait.
    """

    superblock: Superblock
    checkpoint: Stored
    carried: int
    paused: float


@dataclass(slots=True)
class _Plan:
    """A generation as far as it has come.

    Attributes:
        superblock: its superblock, without what it begins behind.
        checkpoint: the checkpoint that it begins at.
        tail: the commits above that.
        sealed: whether the seal stands in the log, as far as is known.
    """

    superblock: Superblock
    checkpoint: Stored
    tail: Tail
    sealed: bool = False


class Making:
    """Makes the next generation of one log.

    Args:
        log: the log.
        replica: the state.
        follower: knows whether it is what the log says.
        committer: writes the seal.
        limits: what a message carries.
        rekeying: what is said of the key, where it is to be changed with this generation.
        place: where its channels are to be.
    """

    def __init__(
        self,
        log: CommitLog,
        replica: Replica,
        follower: Follower,
        committer: Committer,
        limits: Limits,
        *,
        rekeying: Rekeying | None,
        place: Place,
    ) -> None:
        self._log = log
        self._server = log.server
        self._replica = replica
        self._follower = follower
        self._committer = committer
        self._limits = limits
        self._rekeying = rekeying
        self._place = place

    async def make(
        self,
        lanes: int | None,
        sealed: tuple[Encryption | None, Sealing],
        *,
        writer: str,
        step: Step,
    ) -> Made:
        """Make it, and return what counts when its superblock has been read back. Some ten API
        calls, one for each lane, and those of a checkpoint.

        Args:
            lanes: how many lanes it is to have; None for as many as before.
            sealed: how it is to be encrypted, and what seals it
                (:func:`new_sealing <discobase.engine.log.unlocking.new_sealing>`).
            writer: who writes the checkpoint.
            step: told of each step.

        Raises:
            Unavailable: it could not be made; the old generation goes on.
            ServerFull, MissingPermission: there is no room for its channels, or no right to make
                them.
            LogDamaged, UpgradeNeeded: the log is not as it should be.
            DatabaseEnded: nobody writes to this database any more.
            OutcomeUnknown: it is not known which generation goes on. Whoever reads or writes will
                find out.
        """
        ticket = random_name(self._server).rjust(8, "0")
        try:
            return await self._make(ticket, lanes, sealed, writer, step)
        except Superseded as error:
            raise _overtaken() from error
        except ChannelDeleted as error:
            raise Unavailable(
                f"no new generation was made: {error}. Ask for it again when that channel is there"
            ) from error
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not self._log.catalog.successor.known.is_set() or task is None or task.cancelling():
                raise
            # What this one has just sent was given up, as others have made a generation.
            await self._place.remove(self._log.superblock, ticket)
            raise _overtaken() from None
        except NotPermitted as error:
            raise error.reason from error
        except (ServerError, TooLarge, Unanswered) as error:
            raise Unavailable(
                f"no new generation could be made: {error}. The old one goes on"
            ) from error

    async def _make(
        self,
        ticket: str,
        lanes: int | None,
        sealed: tuple[Encryption | None, Sealing],
        writer: str,
        step: Step,
    ) -> Made:
        async with self._follower.turn:
            self._require_open()
            await self._follower.refresh()
            self._require_open()
        block = self._log.superblock
        try:
            planned = await self._place.make(
                block, ticket, lanes or len(block.lanes), self._log.catalog.origin, sealed=sealed
            )
            # Somebody who deletes the database meanwhile has told the catalog by then.
            await self._log.catalog.require_unchanged()
            step.add(1)
            plan = await self._prepared(planned, writer)
            step.add(1)
        except (DiscobaseError, ServerError, TooLarge):
            await self._place.remove(block, ticket)
            raise
        try:
            return await self._changed(plan, step)
        except (DiscobaseError, ServerError, Unanswered) as error:
            await self._give_up(plan, error)
            raise

    def _require_open(self) -> None:
        """See that no other change of generation is under way, as far as is known."""
        self._follower.require_sound()
        if self._follower.sealed or self._log.catalog.successor.known.is_set():
            raise _overtaken()

    # Before anybody has to wait

    async def _prepared(self, planned: Superblock, writer: str) -> _Plan:
        """Write the checkpoint, and collect what is committed above it; another checkpoint where
        that is much.
        """
        store = CheckpointStore(self._place.server, planned, self._limits)
        for _ in range(_TRIES):
            manifest, packed = await self._server.aside(
                lambda: take_first(self._replica, planned, writer=writer, time=self._server.now())
            )
            if not await self._follower.is_certain(manifest.head):
                continue
            checkpoint = await store.write(manifest, packed)
            tail = Tail(self._log, self._replica, manifest.seq)
            await tail.collect()
            if len(tail.frames()) <= _SHORT and tail.size <= _SMALL:
                return _Plan(planned, checkpoint, tail)
        raise Unavailable(
            "no new generation could be made: others write faster than a checkpoint can be written"
        )

    # While others wait

    async def _changed(self, plan: _Plan, step: Step) -> Made:
        async with self._follower.turn:
            began, seal = await self._seal(plan)
        step.add(1)
        frames = plan.tail.frames()
        there = self._place.server
        bundle = await write_bundle(there, plan.superblock, frames, self._limits)
        step.add(1)
        volume = self._replica.volume
        base = Base(seal.header.seq, seal.header.hash, plan.checkpoint.message.id, bundle, volume)
        successor = replace(plan.superblock, base=base)
        if self._rekeying is not None:
            successor = self._rekeying.noted(successor)
        key = NO_KEY if self._rekeying is None else self._rekeying.key
        # What becomes of it is not known as long as Discord does not answer, so it is tried until
        # it does, or others have lifted the seal.
        counting = await self._log.catalog.follow_on(successor, key)
        step.add(1)
        if counting != successor:
            raise _second(successor, counting)
        paused = self._server.monotonic() - began
        return Made(successor, plan.checkpoint, len(frames), paused)

    async def _seal(self, plan: _Plan) -> tuple[float, Entry]:
        """Put the seal into the log, behind all that was committed before it; return when it was
        sent, and what stands there. In the follower's turn: nothing of this process is in flight.
        """
        seal = seal_of(plan.superblock, plan.checkpoint)
        await plan.tail.collect()
        for _ in range(_SEALS):
            await self._follower.make_sure()
            self._require_open()
            began = self._server.monotonic()
            entry, plan.sealed = await self._committer.commit_seal(seal)
            await plan.tail.add(entry)
            if plan.sealed:
                # Only now: to read between two tries lets others come first, again and again.
                await plan.tail.collect()
                return began, entry
        raise Unavailable(
            "no new generation could be made: others were faster at each position that was tried"
        )

    async def _give_up(self, plan: _Plan, error: Exception) -> None:
        """Lift the seal, if it may be there, and remove what was made; not where the new generation
        may count.
        """
        counting = self._log.catalog.successor.superblock
        try:
            if counting is None and plan.sealed:
                block = self._log.superblock
                counting = await self._log.catalog.follow_on(block.lifted(self._log.catalog.origin))
        except DatabaseEnded:
            return  # whoever has ended it removes what there is of it, or nobody does
        except ServerError as unread:
            raise OutcomeUnknown(
                f"it is not known whether the new generation counts: {error}; nor could that be "
                f"looked up: {unread}. Whoever reads or writes finds out"
            ) from error
        if counting is None or counting.ticket != plan.superblock.ticket:
            await self._place.remove(self._log.superblock, plan.superblock.ticket)
        if counting is not None:
            await tidy(self._server, self._log.superblock.catalog, counting)


def seal_of(planned: Superblock, checkpoint: Stored) -> Seal:
    """Return the seal that a generation is begun behind.

    Args:
        planned: the generation.
        checkpoint: what it begins at.
    """
    return Seal(
        planned.generation,
        planned.ticket,
        planned.checkpoints,
        checkpoint.message.id,
        planned.lanes,
    )


def _second(made: Superblock, counting: Superblock) -> Unavailable | OutcomeUnknown:
    """Return what is told of a generation where another one counts."""
    if counting.generation > made.generation:
        return OutcomeUnknown(
            f"it is not known whether the new generation has counted: it took so long that others "
            f"have come to generation {counting.generation} by now, which goes on"
        )
    return Unavailable(
        "no new generation was made: it took so long that others have gone on in the old channels. "
        "Ask for it again"
    )


def _overtaken() -> Unavailable:
    return Unavailable(
        "no new generation was made: another change of generation is under way. Ask for it again "
        "when that is over"
    )
