"""The repair of a log that nobody can read to its end any more, step by step.

1. All is read (:mod:`discobase.engine.repair.salvage`), and what is lost has to be said back.
2. New channels, under a ticket, and in the channel of checkpoints the state that was made of what
   can be read.
3. A seal above the last position that is known, unless that position would lie in a lane which is
   gone, and so cannot be written: nobody goes on in the old lanes from then on.
4. A wait. Whoever is connected and has the state lifts the seal meanwhile, as for any change of
   generation that does not come about (:mod:`discobase.engine.generations.watch`), or makes the
   lane again: then nothing is lost, and nothing is repaired.
5. The superblock of the new generation. It begins behind a position and a chain that nobody has, so
   that all begin at its checkpoint.

Each step may be the last of its process: until the superblock is there nothing is in force.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import replace

from discobase.engine.checkpoints.store import CheckpointStore, Stored, TooLarge
from discobase.engine.checkpoints.taking import take_first
from discobase.engine.generations.channels import make_channels, remove_channels, tidy
from discobase.engine.generations.making import seal_of
from discobase.engine.generations.watch import LIFTED_AFTER
from discobase.engine.log.arrival import find_anywhere
from discobase.engine.log.commit_log import CommitLog
from discobase.engine.log.creation import Found
from discobase.engine.log.entry import Commit, Entry
from discobase.engine.log.frame import Header, Limits, encode
from discobase.engine.log.sending import Unanswered
from discobase.engine.log.superblock import Base, Superblock, random_name
from discobase.engine.log.superseded import Superseded
from discobase.engine.log.unlocking import new_sealing
from discobase.engine.operations import Missing, Operation
from discobase.engine.repair.loss import Loss, Repair, phrase
from discobase.engine.repair.refinding import CannotTell, Refound, refind, write_again
from discobase.engine.repair.salvage import Salvage
from discobase.engine.replica import Head, ReplicaLost
from discobase.engine.server.read_only import read_only
from discobase.engine.server.seam import Message, NotPermitted, Server, ServerError
from discobase.engine.trouble import Troubles
from discobase.engine.versions import OWN, release_of
from discobase.errors import (
    DatabaseEnded,
    DiscobaseError,
    LogDamaged,
    OutcomeUnknown,
    Unavailable,
    UpgradeNeeded,
    UsageError,
)
from discobase.key import Key
from discobase.progress import Gauge, Step

_log = logging.getLogger(__name__)

WAITED = LIFTED_AFTER + 20.0
"""Seconds for which whoever has the state may say so: within :data:`LIFTED_AFTER` a process that
has applied the seal lifts it, and what was deleted is healed in a few. A guess above both."""

_LOOK_SECONDS = 5.0
"""Between two looks whether somebody has: a guess."""


async def repair(
    server: Server,
    limits: Limits,
    gauge: Gauge,
    place: str,
    *,
    key: Key | None = None,
    confirm: str | None = None,
) -> Repair:
    """Read all of a database, and say what is lost; begin a new generation with the rest, where
    that is said back. The calls of :func:`examine <discobase.engine.engine.examine>`; some twenty
    more, and :data:`WAITED` seconds, where it is done.

    Args:
        server: the seam.
        limits: what a message carries.
        gauge: told how far it has come.
        place: which server it is, for errors.
        key: the key that it is encrypted by; None for none.
        confirm: what is said back; None to change nothing.

    Raises:
        UsageError: something else is lost than what was said back; nothing was changed.
        Unavailable: Discord did not answer, or refused; or somebody who is connected has the
            records, or was faster. Nothing was changed.
        OutcomeUnknown: it is not known whether the new generation is in force.
        DatabaseNotFound: there is no database.
        LogDamaged: its superblock is gone.
        DatabaseEnded, UpgradeNeeded, ServerFull, MissingPermission: it cannot be done.
        KeyNeeded, WrongKey, NotEncrypted: it is not encrypted so.
    """
    try:
        try:
            server, found = await find_anywhere(server, place, key, writes=confirm is not None)
        except LogDamaged as damage:
            refound = await _refound(server, limits, key, damage)
            planned, left = await _named_again(server, refound, limits, gauge, confirm)
            if confirm is None or left is None:
                return planned
            # With its superblock it can be found, and what else is lost was said back as well.
            return await repair(server, limits, gauge, place, confirm=left)
        salvage = Salvage(read_only(server), found.superblock, limits, gauge)
        try:
            await salvage.read()
            planned = _planned(salvage, found.superblock)
            if confirm is None or planned.confirm is None:
                return planned
            _require_said(confirm, planned)
            _require_release(salvage.replica.writers.minimum)
            with gauge.step("repairing", 5, "steps") as step:
                repairing = _Repairing(
                    server, found, salvage, limits=limits, key=key, place=place, step=step
                )
                block = await repairing.run()
            return replace(planned, done=True, confirm=None, generation=block.generation)
        finally:
            await salvage.close()
    except NotPermitted as error:
        raise error.reason from error
    except ReplicaLost as error:
        raise Unavailable(f"no disk has room for the records: {error}") from error
    except (ServerError, TooLarge, Unanswered) as error:
        raise Unavailable(f"nothing was repaired: {error}") from error


async def _refound(server: Server, limits: Limits, key: Key | None, damage: LogDamaged) -> Refound:
    """Find a database without its superblock.

    Raises:
        LogDamaged: it cannot be said what that said.
    """
    try:
        return await refind(read_only(server), limits, key)
    except CannotTell as why:
        raise LogDamaged(
            f"{damage} It cannot be repaired either: {why}", channel=damage.channel, step=""
        ) from damage


async def _named_again(
    server: Server, refound: Refound, limits: Limits, gauge: Gauge, confirm: str | None
) -> tuple[Repair, str | None]:
    """Write the superblock again, if what is lost was said back; return what that comes to, and
    what is to be said back of all else that is lost, None where that is nothing.
    """
    salvage = Salvage(read_only(server), refound.superblock, limits, gauge)
    try:
        await salvage.read()
        block = refound.superblock
        if (number := salvage.replica.sealed) > block.generation:
            # Nothing tells of the generation that was to come, so its seal is lifted.
            made = block.made or block.generation
            block = replace(block, generation=number, made=made)
        rest = _planned(salvage, block)
        lost = (_SUPERBLOCK, *rest.lost)
        planned = replace(rest, lost=lost, confirm=phrase(lost))
        if confirm is None:
            return planned, rest.confirm
        _require_said(confirm, planned)
        _require_release(salvage.replica.writers.minimum)
        try:
            await write_again(server, replace(refound, superblock=block))
        except ServerError as error:
            raise OutcomeUnknown(
                f"it is not known whether the superblock is there again: {error}. Connect, or ask "
                f"for the repair again: either shows it"
            ) from error
        return replace(planned, done=True, confirm=None), rest.confirm
    finally:
        await salvage.close()


_SUPERBLOCK = Loss(
    None, "the superblock is gone: it is written again, as the other channels tell what it said"
)


def _planned(salvage: Salvage, superblock: Superblock) -> Repair:
    """Return what a repair would come to."""
    lost = sorted(salvage.lost, key=lambda loss: (loss.position is None, loss.position or 0))
    return Repair(
        done=False,
        lost=tuple(lost) if salvage.broken else (),
        records=salvage.replica.count_all(),
        confirm=phrase(lost) if salvage.broken else None,
        generation=superblock.generation,
    )


def _require_said(confirm: str, planned: Repair) -> None:
    """See that just what is lost was said back.

    Raises:
        UsageError: it was not.
    """
    if confirm != planned.confirm:
        raise UsageError(
            f"nothing was repaired: {confirm!r} was said back, which is not what is lost now. "
            f"{planned}"
        )


def _require_release(minimum: str | None) -> None:
    """See that this version may write.

    Raises:
        UpgradeNeeded: the operator has required a later one.
    """
    if minimum is not None and release_of(minimum) > release_of(OWN):
        raise UpgradeNeeded("a minimum version that its operator has set", minimum)


class _Repairing:
    """One repair, from the first channel on.

    Args:
        server: the seam.
        found: the database.
        salvage: what can be read of it.
        limits: what a message carries.
        key: the key that it is encrypted by; None for none.
        place: which server it is, for errors.
        step: told of each step.
    """

    def __init__(
        self,
        server: Server,
        found: Found,
        salvage: Salvage,
        *,
        limits: Limits,
        key: Key | None,
        place: str,
        step: Step,
    ) -> None:
        self._server = server
        self._found = found
        self._block = found.superblock
        self._salvage = salvage
        self._limits = limits
        self._key = key
        self._log = CommitLog(server, self._block, Troubles(), key=key, place=place)
        self._writer = random_name(server)
        self._ticket = random_name(server).rjust(8, "0")
        self._step = step

    async def run(self) -> Superblock:
        """Do it, and return the superblock of the new generation."""
        try:
            await self._log.catalog.take(self._found.catalog)
            successor = await self._prepared()
            await self._wait()
        except Superseded as error:
            await self._remove()
            raise _others_went_on() from error
        except (DiscobaseError, ServerError, TooLarge, Unanswered):
            await self._remove()
            raise
        counting = await self._counting(successor)
        if counting != successor:
            await self._remove()
            await tidy(self._server, self._block.catalog, counting)
            raise _second(successor, counting)
        self._step.add(1)
        if (left := await tidy(self._server, self._block.catalog, successor)) is not None:
            _log.warning("what is left of the old generation could not be deleted yet: %s", left)
        return successor

    async def _counting(self, successor: Superblock) -> Superblock:
        try:
            return await self._log.catalog.follow_on(successor)
        except DatabaseEnded:
            await self._remove()
            raise
        except ServerError as error:
            raise OutcomeUnknown(
                f"it is not known whether the repair counts: {error}. Connect, or ask for it "
                f"again: either shows it"
            ) from error

    async def _remove(self) -> None:
        await remove_channels(self._server, self._block, self._ticket)

    async def _prepared(self) -> Superblock:
        """Make the channels and the checkpoint, and see to it that nobody goes on in the old
        lanes.
        """
        number = self._block.generation + 1
        planned = await make_channels(
            self._server,
            self._block,
            self._ticket,
            len(self._block.lanes),
            self._log.catalog.origin,
            sealed=await new_sealing(self._server, self._block.database, number, self._key),
        )
        await self._log.catalog.require_current()
        self._step.add(1)
        head = await self._server.aside(self._close_state)
        checkpoint = await self._checkpoint(planned)
        self._step.add(1)
        await self._seal(planned, checkpoint)
        self._step.add(1)
        volume = self._salvage.replica.volume
        return replace(planned, base=Base(head.seq, head.chain, checkpoint.message.id, 0, volume))

    def _close_state(self) -> Head:
        """End the state with a position, and a chain, that nobody has: who holds something else of
        the old generation cannot go on from it.
        """
        seq = self._salvage.head.seq + 1
        chain = hashlib.sha256(f"repair {self._ticket} {self._writer}".encode()).hexdigest()[:32]
        header = Header(seq, "", self._writer, self._server.now(), 0, "", "inline", 0, chain)
        self._salvage.replica.apply([Commit(Entry(Message(0, 0, 0, ""), header), [])])
        return self._salvage.replica.head

    async def _checkpoint(self, planned: Superblock) -> Stored:
        manifest, packed = await self._server.aside(
            lambda: take_first(
                self._salvage.replica, planned, writer=self._writer, time=self._server.now()
            )
        )
        return await CheckpointStore(self._server, planned, self._limits).write(manifest, packed)

    async def _seal(self, planned: Superblock, checkpoint: Stored) -> None:
        """Put a seal above the last position that is known, where one can be there."""
        salvage, block = self._salvage, self._block
        seq = salvage.head.seq + 1
        if salvage.sealed or block.lane_of(seq) in salvage.gone:
            return
        seal: list[Operation] = [seal_of(planned, checkpoint)]
        if (newest := salvage.unexplained.get(block.lane_of(seq))) is not None:
            seal.append(Missing(newest))  # where the seal is, nobody can see that any more
        draft = encode(
            seal,
            seq=seq,
            chain=salvage.head.chain,
            writer=self._writer,
            time=self._server.now(),
            limits=self._limits,
            sealing=block.sealing,
        )
        # Nothing is known of how long that position has been empty: the lane is read afterwards.
        try:
            entry = await self._log.append(draft, after=0, chain=salvage.head.chain)
        except LogDamaged as error:
            if isinstance(error, Superseded):
                raise
            raise Unavailable(f"nothing was repaired: {error}. Ask for it again then") from error
        if entry.header.hash != draft.header.hash:
            raise Unavailable(
                "nothing was repaired: somebody has written to the log meanwhile. Ask for it again"
            )

    async def _wait(self) -> None:
        """Give those who have the state the time to say so.

        Raises:
            Superseded, Unavailable: somebody has.
        """
        until = self._server.monotonic() + WAITED
        store = CheckpointStore(self._server, self._block, self._limits)
        while (left := until - self._server.monotonic()) > 0:
            await self._server.sleep(min(left, _LOOK_SECONDS))
            await self._log.catalog.require_current()
        if self._block.checkpoints not in self._salvage.gone:
            there = {each.message.id for each in (await store.list()).stored}
            if there - self._salvage.checkpoints:
                raise _others_went_on()
        self._step.add(1)


def _second(made: Superblock, counting: Superblock) -> Unavailable | OutcomeUnknown:
    """Return what is told of a repair where another generation counts."""
    if counting.generation > made.generation:
        return OutcomeUnknown(
            f"it is not known whether the repair has counted: it took so long that others have "
            f"come to generation {counting.generation} by now. Connect, and look"
        )
    return _others_went_on()


def _others_went_on() -> Unavailable:
    return Unavailable(
        "nothing was repaired, as nothing is to be lost: a process that is connected has the "
        "records, or has repaired the database itself. Connect, and look; if that is refused as "
        "before, call db.checkpoint() in that process, which keeps what it has"
    )
