"""Channels of a database that have been deleted, until they are made again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from discobase.engine.log.listing import Listing
from discobase.engine.log.superblock import Superblock
from discobase.engine.trouble import Trouble, Troubles
from discobase.errors import ChannelDeleted, LogDamaged


class Gone:
    """What has been deleted of the channels of one generation.

    Args:
        superblock: which they are.
        troubles: what is told of it.
        declared: called with what is gone for good.

    Attributes:
        remade: whether this process has them made again. If not, what is gone is damage.
        found: set when something may be gone.
        hindrance: why the last try to make them again has failed; None where none has.
    """

    def __init__(
        self,
        superblock: Superblock,
        troubles: Troubles,
        declared: Callable[[LogDamaged], object],
    ) -> None:
        self._superblock = superblock
        self._troubles = troubles
        self._declared = declared
        self._awaited: ChannelDeleted | None = None
        self._given_up = False
        self.remade = False
        self.found = asyncio.Event()
        self.hindrance: Exception | None = None

    @property
    def awaited(self) -> ChannelDeleted | None:
        """What writing waits for; None while it waits for nothing. From any thread."""
        return None if self._given_up else self._awaited

    def note(self, error: ChannelDeleted) -> bool:
        """Take note that a channel is gone; return whether it is about to be made again. Writing
        waits for that, unless the channel is the one of the checkpoints.
        """
        channels = {*self._superblock.lanes, self._superblock.checkpoints}
        if not self.remade or error.channel not in channels:
            return False
        self.found.set()
        if error.channel in self._superblock.lanes and self._awaited is None:
            self._awaited = error
            self._tell(error, "this process has it made again, and saves wait for that")
        return not self._given_up

    def suspect(self, listing: Listing) -> None:
        """Have looked up what is not among the channels that were listed."""
        if not {*self._superblock.lanes, self._superblock.checkpoints} <= listing.last.keys():
            self.found.set()

    def give_up(self) -> None:
        """Call what could not be made again damage, so that nobody waits for it."""
        if self._awaited is None or self._given_up:
            return
        self._given_up = True
        tried = f"It could not be made again: {self.hindrance}. This is tried on"
        error = ChannelDeleted(
            f"the {self._superblock.names[self._awaited.channel or 0]} of the database has been "
            f"deleted, with all it held",
            channel=self._awaited.channel,
            step=tried,
        )
        self._declared(error)

    def _tell(self, error: ChannelDeleted, follows: str) -> None:
        text = f"{error}; {follows}"
        told = Trouble("damage", text, writes_blocked=True, channel=error.channel)
        self._troubles.begin(told, of=error.channel)

    def none(self) -> None:
        """Take note that all channels are there after all."""
        if self._awaited is not None:
            self._troubles.end("damage", "all channels are there", of=self._awaited.channel)
        self._awaited, self._given_up, self.hindrance = None, False, None
