"""Messages of the log that were deleted or altered: each is looked up before anything else is
written.
"""

from __future__ import annotations

from collections.abc import Sequence

from discobase.engine.applier import Applier
from discobase.engine.doubt import Doubt
from discobase.engine.log.commit_log import CommitLog
from discobase.engine.log.listing import Listing
from discobase.engine.replica import Replica
from discobase.engine.server.seam import MessageChanged
from discobase.errors import LogDamaged


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
    """

    def __init__(self, log: CommitLog, replica: Replica, applier: Applier, doubt: Doubt) -> None:
        self._log = log
        self._replica = replica
        self._applier = applier
        self._doubt = doubt
        self._held: dict[int, MessageChanged] = {}
        self._epoch = applier.epoch
        self.changed: dict[int, MessageChanged] = {}
        self.catalog_changed = False

    def __bool__(self) -> bool:
        """Return whether any is known that is still there."""
        return bool(self._of_this_epoch())

    def _of_this_epoch(self) -> dict[int, MessageChanged]:
        """Return the holes; none are left of before the log was last read from its beginning."""
        if self._epoch != self._applier.epoch:
            self._epoch = self._applier.epoch
            self._held.clear()
        return self._held

    def note(self, event: MessageChanged) -> bool:
        """Take note of a change, and return whether it is any of the log's."""
        if event.channel in self._log.superblock.lanes:
            self.changed[event.message] = event
            return True
        catalog = event.channel == self._log.superblock.catalog
        if not catalog or not self._log.may_be_superblock(event.message):
            return False
        self.catalog_changed = True
        return True

    async def examine_again(self) -> None:
        """Look up again what was found to be gone or altered.

        Raises:
            LogDamaged: it still is.
        """
        for hole in [*self._of_this_epoch().values()]:
            await self.examine(hole)

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
        if seq is None:
            return  # what is kept of it is read again now
        found = await self._log.message(change.channel, change.message)
        if found is not None and await self._applier.is_as_applied(seq, found):
            self._of_this_epoch().pop(change.message, None)
            return
        instead = await self._log.at(seq, after=self._replica.positions.safely_below(seq))
        self._applier.lost.found(entry.message.id for entry in instead)
        for entry in instead:
            self._applier.note(entry, read=True)
        self._of_this_epoch()[change.message] = change
        error = LogDamaged(
            f"the message of this position has been {'altered' if found else 'deleted'}; this "
            f"process still has what it said",
            position=seq,
            channel=change.channel,
            message=change.message,
        )
        await self._applier.apply_all()
        if change.message in self._of_this_epoch():
            # What is not found though nobody has said that it was deleted may only be late.
            raise self._doubt.declared(error) if change.deleted or found is not None else error

    async def miss_none(self, after: Sequence[int]) -> None:
        """See whether the newest message that was applied in each lane is still there, where the
        lane has just been read from below it.
        """
        passed = self._applier.arrivals.passed(self._replica.head.seq)
        held = {entry.message.id for entry in passed}
        for lane in range(len(self._log.superblock.lanes)):
            newest = self._replica.positions.newest_in(lane)
            if newest > after[lane] and newest not in held:
                change = MessageChanged(self._log.superblock.lanes[lane], newest, deleted=False)
                await self.examine(change)

    async def examine_catalog(self, listing: Listing | None = None) -> None:
        """See whether the superblock is still there, or was when the channels were listed."""
        try:
            await self._log.read_catalog(listing)
            self.catalog_changed = False
        except LogDamaged as error:
            raise self._doubt.declared(error) from error.__cause__
