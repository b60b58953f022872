"""Messages of the log that were deleted or altered: each is looked up before anything else is
written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from discobase.engine.applier import Applier
from discobase.engine.checkpoints.store import Stored
from discobase.engine.doubt import Doubt
from discobase.engine.log.commit_log import CommitLog
from discobase.engine.log.listing import Listing
from discobase.engine.log.superseded import Superseded
from discobase.engine.replica import Replica
from discobase.engine.server.seam import MessageChanged
from discobase.errors import LogDamaged


@dataclass(frozen=True, slots=True)
class _Hole:
    """A position whose message is gone, or is something else now.

    Args:
        seq: the position.
        change: what has become of the message.
        since: when that was found, by a clock that does not go back.
    """

    seq: int
    change: MessageChanged
    since: float


class Holes:
    """What was deleted or altered, as far as it has been heard of or found.

    Args:
        log: the log.
        replica: the state, which still has what is gone.
        applier: applies what stands there instead.
        doubt: where damage is declared.

    Attributes:
        changed: what was heard of and has not been looked up yet, by message.
        catalog_changed: whether that goes for the superblock.
        heals: whether somebody heals what this process holds.
        wounded: set while there is something to heal.
        superblock_gone: whether the superblock is.
        hindrance: why the last try to heal has failed; None where none has.
        relied_on: a checkpoint without which something that is gone would be gone for all who
            come; None where none is known that has to be there for that.
    """

    def __init__(self, log: CommitLog, replica: Replica, applier: Applier, doubt: Doubt) -> None:
        self._log = log
        self._replica = replica
        self._applier = applier
        self._doubt = doubt
        self._held: dict[int, _Hole] = {}
        self._epoch = applier.epoch
        self._covered = self._uncovered = 0
        self.changed: dict[int, MessageChanged] = {}
        self.catalog_changed = False
        self._catalog_changes = 0
        self.heals = False
        self.wounded = asyncio.Event()
        self.superblock_gone = False
        self.hindrance: Exception | None = None
        self.relied_on: Stored | None = None

    def __bool__(self) -> bool:
        """Return whether any is known that is still there."""
        return bool(self._of_this_epoch())

    def _of_this_epoch(self) -> dict[int, _Hole]:
        """Return the holes; none are left of before the log was last read from its beginning."""
        if self._epoch != self._applier.epoch:
            self._epoch = self._applier.epoch
            self._held.clear()
            self._covered = 0
            self._note_whether_healed()
        return self._held

    @property
    def highest(self) -> int:
        """The highest position that is gone or altered, or that no checkpoint has any more though
        messages below it may be gone; 0 where none is.
        """
        held = max((hole.seq for hole in self._of_this_epoch().values()), default=0)
        return max(held, self._uncovered)

    def healed(self, position: int) -> None:
        """Take note that nobody needs the messages up to a position any more: a checkpoint has what
        they said.
        """
        self._covered = max(self._covered, position)
        if position >= self._uncovered:
            self._uncovered = 0
        for message, hole in [*self._of_this_epoch().items()]:
            if hole.seq <= position:
                del self._held[message]
        self._note_whether_healed()

    def uncover(self, position: int, message: int) -> None:
        """Take note that the checkpoint at a position has been deleted or altered: what is gone
        below it is gone for all who come, until there is another one.
        """
        if not self.heals:
            return
        self._covered, self._uncovered = 0, position
        self._wound(
            LogDamaged(
                "the newest checkpoint has been deleted or altered; this process still has what it "
                "said",
                position=position,
                channel=self._log.superblock.checkpoints,
                message=message,
            )
        )

    def give_up(self) -> None:
        """Call what could not be healed damage, so that nobody waits for it."""
        if (error := self._doubt.healing) is not None:
            self._doubt.declared(error)

    def _note_whether_healed(self) -> None:
        if not self._held and not self.superblock_gone and not self._uncovered:
            self.wounded.clear()
            self.hindrance = None
            self._doubt.healed()

    def _wound(self, error: LogDamaged) -> None:
        """Have something healed that this process holds, or stop writing.

        Raises:
            LogDamaged: nobody heals it.
        """
        if not self.heals:
            raise self._doubt.declared(error) from error.__cause__
        self._doubt.heal(error)
        self.wounded.set()

    def note(self, event: MessageChanged) -> bool:
        """Take note of a change, and return whether it is any of the log's."""
        if event.channel in self._log.superblock.lanes:
            self.changed[event.message] = event
            return True
        if event.channel != self._log.superblock.catalog:
            return False
        self._catalog_changes += 1
        if not self._log.may_be_superblock(event.message):
            return False
        self.catalog_changed = True
        return True

    def note_superblock(self) -> None:
        """Take note of a superblock that has come, which may be of a later generation."""
        self._catalog_changes += 1
        self.catalog_changed = True

    async def examine_again(self) -> None:
        """Look up again what was found to be gone or altered.

        Raises:
            LogDamaged: it still is.
        """
        for hole in [*self._of_this_epoch().values()]:
            await self.examine(hole.change)

    async def examine_changes(self) -> None:
        """Look up all that was changed and has not been looked up yet.

        Raises:
            LogDamaged: something of it is gone, or is something else now.
        """
        while self.changed:
            message, change = next(iter(self.changed.items()))
            try:
                await self.examine(change)
            except LogDamaged:
                if self._doubt.damage is not None:
                    del self.changed[message]
                raise
            # Only now: a writer that comes in between waits for what is found.
            del self.changed[message]

    async def examine(self, change: MessageChanged) -> None:
        """Look a message up that was changed: is it still what was applied?

        Raises:
            LogDamaged: it is gone, or is something else now.
        """
        if change.deleted:
            self._applier.arrivals.drop_message(change.message)
        seq = await self._log.server.work(lambda: self._replica.find(change.message))
        if seq is None or seq <= max(self._applier.reading.decided_up_to, self._covered):
            return  # what is kept of it is read again now, or a checkpoint has what it said
        found = await self._log.message(change.channel, change.message)
        if found is not None and await self._applier.is_as_applied(seq, found):
            self._of_this_epoch().pop(change.message, None)
            self._note_whether_healed()
            return
        instead = await self._log.at(seq, after=self._replica.positions.safely_below(seq))
        self._applier.lost.found(entry.message.id for entry in instead)
        for entry in instead:
            self._applier.note(entry, read=True)
        hole = self._hold(seq, change)
        error = LogDamaged(
            f"the message of this position has been {'altered' if found else 'deleted'}; this "
            f"process still has what it said",
            position=seq,
            channel=change.channel,
            message=change.message,
        )
        await self._applier.apply_all()
        if change.message not in self._of_this_epoch():
            return
        if found is None and not self._is_certain(hole):
            if not await self._is_covered(seq):
                raise error
            if seq <= self._covered:
                self.healed(seq)
                return
        self._wound(error)

    async def _is_covered(self, seq: int) -> bool:
        """Return whether a checkpoint has what was applied at a position: then nobody needs its
        message, were it only late.

        For who writes the head itself stays open even so: until something stands above it others
        may go on in its place once its nonce is forgotten.
        """
        stored = await self._applier.reading.covering(seq)
        if stored is None:
            return False
        self.relied_on = stored
        head = self._replica.head.seq
        closed = head - 1 if self.heals else head
        self._covered = max(self._covered, min(stored.manifest.seq, closed))
        return True

    def _hold(self, seq: int, change: MessageChanged) -> _Hole:
        """Note a hole; of one that is known it counts since when, and whether it was told of."""
        held = self._of_this_epoch()
        known = held.get(change.message)
        if known is None:
            known = _Hole(seq, change, self._log.server.monotonic())
        elif change.deleted:
            known = _Hole(seq, change, known.since)
        held[change.message] = known
        return known

    def _is_certain(self, hole: _Hole) -> bool:
        """Return whether a message is gone that is not found. Where nobody has said that it was
        deleted it may only be late.
        """
        return hole.change.deleted or self._doubt.has_lasted(hole.since)

    async def examine_head(self) -> None:
        """Look up the message of the head. One API call.

        Raises:
            LogDamaged: it is gone, or is something else now.
        """
        seq = self._replica.head.seq
        message = self._replica.positions.message_at(seq)
        if message:
            channel = self._log.superblock.lane_of(seq)
            await self.examine(MessageChanged(channel, message, deleted=False))

    async def miss_none(self, after: Sequence[int]) -> None:
        """See whether the newest message that was applied in each lane is still there, where the
        lane has just been read from below it.

        Raises:
            LogDamaged: one of them is gone, or is something else now.
        """
        missed: list[LogDamaged] = []
        passed = self._applier.arrivals.passed(self._replica.head.seq)
        held = {entry.message.id for entry in passed}
        for lane in range(len(self._log.superblock.lanes)):
            newest = self._replica.positions.newest_in(lane)
            if newest > after[lane] and newest not in held:
                change = MessageChanged(self._log.superblock.lanes[lane], newest, deleted=False)
                try:
                    await self.examine(change)
                except LogDamaged as error:
                    missed.append(error)
        if missed:
            raise missed[0]

    async def examine_catalog(self, listing: Listing | None = None) -> None:
        """See whether the superblock is still there, or was when the channels were listed.

        Read again where anything in the catalog was changed meanwhile: the event may tell of the
        superblock that is in the answer, which nobody here has known as one until then.
        """
        heard = None
        try:
            while heard != self._catalog_changes:
                heard = self._catalog_changes
                await self._log.read_catalog(listing)
                listing = None
            self.catalog_changed = self.superblock_gone = False
            self._note_whether_healed()
        except Superseded:
            raise
        except LogDamaged as error:
            self.superblock_gone = True
            self._wound(error)
