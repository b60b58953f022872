"""What becomes of a generation that was sealed: the next one follows, or the seal is lifted.

Whoever makes a generation seals the one before, and a moment later writes the superblock of the new
one. Everybody else waits for that superblock, and goes on there. Where none comes, whoever made the
seal has died, or stands still: then each process that waits writes the superblock of a generation
that goes on in the same channels. The first superblock counts, so a maker that wakes finds itself
second.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

from discobase.engine.follower import Follower
from discobase.engine.log.commit_log import CommitLog
from discobase.engine.log.superblock import Superblock
from discobase.engine.log.superseded import Superseded
from discobase.engine.operations import LaterFormat
from discobase.engine.replica import Replica
from discobase.engine.server.retry import pause
from discobase.engine.server.seam import Event, Message, MessageArrived, ServerError
from discobase.errors import DatabaseEnded, DiscobaseError

_log = logging.getLogger(__name__)

LIFTED_AFTER = 20.0
"""Seconds for which a superblock may be to come: some ten times what it takes, and a third of what
a caller waits who says nothing of it (the default timeout), so that no caller hears of a maker that
died. A guess."""

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 5.0
"""Seconds between two looks at the catalog while the log is sealed, for who hears of nothing.
Discord gives about 5 pages in 5 seconds of one channel (observed), and the maker needs some of
them. A guess."""


class GenerationWatch:
    """Waits for the generation after one.

    Args:
        log: the log of this one.
        replica: the state.
        follower: applies the seal.
        lifts: whether a seal is to be lifted.
    """

    def __init__(
        self, log: CommitLog, replica: Replica, follower: Follower, *, lifts: bool
    ) -> None:
        self._log = log
        self._replica = replica
        self._follower = follower
        self._lifts = lifts

    def handle(self, event: Event) -> None:
        """Take note of the superblock of a later generation that has arrived: it is looked up
        whether it counts. Called on the loop; never waits.
        """
        match event:
            case MessageArrived(message=message) if self._is_later(message):
                self._follower.look_at_catalog()
            case _:
                pass

    def _is_later(self, message: Message) -> bool:
        own = self._log.superblock
        if (message.channel, message.author) != (own.catalog, self._log.server.author):
            return False
        try:
            found = Superblock.from_content(message.content)
        except LaterFormat:
            return False  # the follower stops at it
        return found is not None and found.generation > own.generation

    async def watch(self) -> None:
        """Wait until this generation is sealed, and find out by which one it is followed."""
        if await self._sealed():
            with contextlib.suppress(DatabaseEnded):  # which is told already, and is final
                await self._until_followed()

    async def _sealed(self) -> bool:
        """Wait until the seal has been applied; return whether it was before the end."""
        try:
            while not self._follower.sealed:
                await self._follower.awaited.comes(self._replica.head.seq + 1, within=None)
        except DiscobaseError:  # the database is being closed
            return False
        return True

    async def _until_followed(self) -> None:
        server, known = self._log.server, self._log.successor.known
        until, seconds = server.monotonic() + LIFTED_AFTER, _FIRST_PAUSE
        while not known.is_set():
            left = until - server.monotonic() if self._lifts else _LONGEST_PAUSE
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.1, min(left, seconds))):
                    await known.wait()
            if known.is_set() or await self._look():
                return
            if self._lifts and server.monotonic() >= until:
                await self._lift()
            seconds = min(2 * seconds, _LONGEST_PAUSE)

    async def _look(self) -> bool:
        """Look whether there is a next generation. One API call.

        Raises:
            DatabaseEnded: nobody writes to this database any more.
        """
        try:
            await self._log.require_current()
        except Superseded:
            return True
        except DatabaseEnded:
            raise
        except (ServerError, DiscobaseError) as error:
            _log.info("the catalog could not be read, which is tried again: %s", error)
        return False

    async def _lift(self) -> None:
        """Have the log go on in the same channels, unless the database has ended meanwhile.

        Raises:
            DatabaseEnded: it has.
        """
        _log.warning(
            "a change of generation was begun and not finished: whoever made it is gone, or has "
            "stood still for %.0f s; the log goes on in the same channels",
            LIFTED_AFTER,
        )
        try:
            await self._log.follow_on(self._log.superblock.lifted(self._log.origin))
        except ServerError as error:
            _log.info("the seal could not be lifted, which is tried again: %s", error)
            await self._log.server.sleep(pause(self._log.server, 3))
