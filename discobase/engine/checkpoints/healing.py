"""Heals what somebody has deleted or altered, as long as this process holds what was there.

What a message of the log said is in the replica still, so a checkpoint at its position or above it
makes the hole history: who opens the database reads the checkpoint, and nothing below it. Where the
hole is the head of the log, an empty commit goes above it first: it shows that there is a hole, and
keeps others from writing there once its nonce is forgotten (invariant I6). A superblock is written
again. Until that is done nothing else is acknowledged; what cannot be healed in half a minute is
damage.
"""

from __future__ import annotations

import asyncio
import logging

from discobase.engine.checkpoints.keeper import CheckpointKeeper
from discobase.engine.checkpoints.store import TooLarge
from discobase.engine.committer import Committer
from discobase.engine.follower import Follower
from discobase.engine.log.commit_log import CommitLog
from discobase.engine.log.sending import Unanswered
from discobase.engine.replica import Replica
from discobase.engine.server.retry import pause
from discobase.engine.server.seam import Event, MessageChanged, ServerError
from discobase.errors import DiscobaseError, Unavailable

_log = logging.getLogger(__name__)

_SPREAD = 2.0
"""Seconds within which processes that hear of a deletion begin to heal it, so that as a rule one of
them does: a guess, some ten round trips."""

HEALED_WITHIN = 30.0
"""Seconds after which what could not be healed is damage: half of what a caller waits who says
nothing of it (the default timeout), and a guess like that."""

_POLL_SECONDS = 0.1
"""Between two questions whether all is healed: a guess, far below what healing takes."""


class Healer:
    """Heals the log of one database.

    Args:
        log: the log.
        replica: the state, which holds what is gone.
        follower: says what is gone.
        keeper: writes checkpoints.
        committer: writes the commit above a hole.
    """

    def __init__(
        self,
        log: CommitLog,
        replica: Replica,
        follower: Follower,
        keeper: CheckpointKeeper,
        committer: Committer,
    ) -> None:
        self._log = log
        self._replica = replica
        self._follower = follower
        self._keeper = keeper
        self._committer = committer
        self._changed = (0, 0)
        self._told = asyncio.Event()

    def handle(self, event: Event) -> None:
        """Take note that the newest checkpoint, as far as this process knows, was deleted or
        altered, or one that has what is gone. Called on the loop.
        """
        if not isinstance(event, MessageChanged):
            return
        for known in (self._keeper.newest, self._follower.holes.relied_on):
            if known is not None and event.message in known.messages:
                self._changed = (known.manifest.seq, event.message)
                self._told.set()
                return

    async def watch(self) -> None:
        """See to it that there is a checkpoint where there was one: others may have removed an
        older one than their own. Until cancelled, or until the database has ended.
        """
        attempt = 0
        while self._log.ended is None:
            await self._told.wait()
            self._told.clear()
            position, message = self._changed
            try:
                if not await self._keeper.is_covered(position):
                    self._follower.holes.uncover(position, message)
                attempt = 0
            except ServerError as error:
                _log.info("the checkpoints could not be listed, which is tried again: %s", error)
                await self._log.server.sleep(pause(self._log.server, attempt))
                attempt += 1
                self._told.set()

    async def finished(self) -> None:
        """Wait while there is something to heal, or to be looked up: the connection is about to be
        closed, and nobody else may have it.
        """
        holes = self._follower.holes
        while (
            holes.wounded.is_set() or holes.changed or self._told.is_set()
        ) and self._follower.stopped is None:
            await self._log.server.sleep(_POLL_SECONDS)

    async def heal(self) -> None:
        """Heal what comes, until cancelled, or until the database has ended."""
        server = self._log.server
        while self._log.ended is None:
            await self._follower.holes.wounded.wait()
            began, attempt = server.monotonic(), 0
            await server.sleep(server.random() * _SPREAD)
            while self._follower.holes.wounded.is_set() and self._log.ended is None:
                try:
                    await self._heal_once()
                except (DiscobaseError, ServerError, TooLarge, Unanswered) as error:
                    _log.info("what was deleted or altered could not be healed yet: %s", error)
                    self._follower.holes.hindrance = error
                    if server.monotonic() - began > HEALED_WITHIN:
                        self._follower.holes.give_up()
                    await server.sleep(pause(server, attempt))
                    attempt += 1

    async def _heal_once(self) -> None:
        holes = self._follower.holes
        if holes.superblock_gone:
            await self._log.list_channels()  # not that of a generation whose channels are gone
            await self._log.write_superblock()
            async with self._follower.turn:
                await holes.examine_catalog()
        async with self._follower.turn:
            await self._follower.make_sure()
            if self._follower.sealed:
                raise Unavailable("the log is sealed: it goes on without what is gone")
            if holes.highest == self._replica.head.seq > 0:
                await self._committer.commit_nothing()
        if highest := holes.highest:
            await self._keeper.cover(highest)
            holes.healed(highest)
