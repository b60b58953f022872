"""The channels of a database: that they are there, and that the bot may read them.

What may not be read looks empty (message resource, "Get Channel Messages"), or is not even listed
(channel resource, "Obfuscated Channels"): so nothing is created beside it, and nothing that was
read is called up to date.
"""

from __future__ import annotations

import asyncio
import copy
import logging
from collections.abc import Awaitable, Callable

from discobase.engine.log.presence import require_present
from discobase.engine.log.superblock import Superblock
from discobase.engine.log.superseded import Superseded
from discobase.engine.server.retry import pause
from discobase.engine.server.seam import (
    AccessChanged,
    Event,
    NotPermitted,
    Server,
    ServerError,
)
from discobase.engine.trouble import Trouble, Troubles
from discobase.errors import DatabaseEnded, LogDamaged, MissingPermission

_log = logging.getLogger(__name__)

_AGAIN_SECONDS = 10.0
"""After which a channel that may not be read is tried again: an event tells when it may be, but
events get lost. A guess."""


class OwnChannels:
    """The channels of one database, looked at whenever the server says that something has changed.

    Args:
        server: the seam.
        superblock: which channels they are.
        regained: called when all of them may be read again.
        troubles: what is told of what goes wrong.
        require_current: asked where one of them is gone; raises where another generation of the
            database has others.

    Attributes:
        trouble: what keeps the database from being read; None while nothing does.
    """

    def __init__(
        self,
        server: Server,
        superblock: Superblock,
        regained: Callable[[], None],
        troubles: Troubles,
        require_current: Callable[[], Awaitable[None]],
    ) -> None:
        self._server = server
        self._superblock = superblock
        self._regained = regained
        self._troubles = troubles
        self._require_current = require_current
        self._changed = asyncio.Event()
        self.trouble: MissingPermission | LogDamaged | DatabaseEnded | None = None

    def handle(self, event: Event) -> None:
        """Take note of an event. Called on the loop; never waits."""
        match event:
            case AccessChanged(channel=None):
                self._changed.set()
            case AccessChanged(channel=channel) if channel in self._superblock.names:
                self._changed.set()
            case _:
                pass

    def check(self) -> None:
        """See that nothing keeps the database from being read, as far as is known. No API call.
        From any thread.

        Raises:
            MissingPermission: the bot may not read one of the channels.
            LogDamaged: one of them has been deleted.
            DatabaseEnded: it has, with the database.
        """
        if trouble := self.trouble:
            raise copy.copy(trouble)  # one that is raised again and again would grow

    async def watch(self) -> None:
        """Look at the channels whenever something has changed, until cancelled."""
        attempt = 0
        while True:
            await self._wait()
            try:
                await self._look()
                attempt = 0
            except ServerError as error:
                _log.warning("the channels could not be looked at (%s); trying again", error)
                await self._server.sleep(pause(self._server, attempt))
                attempt += 1
                self._changed.set()

    async def _wait(self) -> None:
        again = _AGAIN_SECONDS if isinstance(self.trouble, MissingPermission) else None
        waiting = asyncio.ensure_future(self._changed.wait())
        try:
            await asyncio.wait({waiting}, timeout=again)
        finally:
            waiting.cancel()
        self._changed.clear()

    async def _look(self) -> None:
        before = self.trouble
        try:
            await self._require_present()
            self.trouble = None
        except NotPermitted as error:
            self.trouble = error.reason
        except Superseded:
            return  # these channels are nothing to anybody any more
        except (DatabaseEnded, LogDamaged) as error:
            self.trouble = error
        if self.trouble is not None:
            self._troubles.begin(Trouble("access", str(self.trouble), writes_blocked=True))
        elif before is not None:
            self._troubles.end("access", "all channels of the database may be read again")
            self._regained()

    async def _require_present(self) -> None:
        try:
            await require_present(self._server, self._superblock, self._superblock.names)
        except LogDamaged:
            await self._require_current()
            raise
