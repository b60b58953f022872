"""One of the servers that a bot is in, asked and heard through the client that they share."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from discobase.engine.server.clock import SystemClock
from discobase.engine.server.discordpy.all_events import AllEvents
from discobase.engine.server.discordpy.client import GatewayClient
from discobase.engine.server.discordpy.requests import RestRequests
from discobase.engine.server.login import Access, BotIdentity, Login
from discobase.engine.server.seam import AccessChanged, Event, Server
from discobase.worker import Worker

T = TypeVar("T")


@dataclass(slots=True)
class Shared:
    """What all servers of one connection share.

    Attributes:
        client: the client, logged in.
        login: finds other servers.
        worker: runs the heavy steps.
        aside: runs those that take seconds.
        events: of the gateway.
        servers: those that were asked for, by their ids.
    """

    client: GatewayClient
    login: Login
    worker: Worker
    aside: Worker
    events: AllEvents
    servers: dict[int, OneServer] = field(default_factory=dict[int, "OneServer"])


class OneServer(RestRequests, SystemClock):
    """One server, one bot; implements :class:`~discobase.engine.server.seam.Server`.

    Args:
        shared: what it has in common with the other servers of a connection.
        access: what the login came to, in this server.

    Attributes:
        access: as given.
    """

    def __init__(self, shared: Shared, access: Access) -> None:
        super().__init__(shared.client, access)
        self.access = access
        self._shared = shared
        self._events = shared.events.of(access.guild)
        self._events.listen(self._note_access)
        shared.servers[access.guild] = self

    def _note_access(self, event: Event) -> None:
        if isinstance(event, AccessChanged):
            self._access.changed()

    async def elsewhere(self, server: str | int) -> Server:
        """See :meth:`~discobase.engine.server.seam.Server.elsewhere`."""
        servers = self._shared.servers
        if isinstance(server, int) and server in servers:
            return servers[server]
        bot = BotIdentity(self.author, self.settling)
        found = await self._shared.login.find(server, bot)
        if found.guild in servers:
            return servers[found.guild]
        return OneServer(self._shared, replace(self.access, guild=found.guild, membership=found))

    def listen(self, handler: Callable[[Event], None]) -> None:
        """See :meth:`~discobase.engine.server.seam.Server.listen`."""
        self._events.listen(handler)

    async def events_come(self, *, within: float) -> bool:
        """See :meth:`~discobase.engine.server.seam.Server.events_come`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._events.flow.wait()
        return self._events.flow.is_set()

    async def events_stop(self) -> None:
        """See :meth:`~discobase.engine.server.seam.Server.events_stop`."""
        await self._events.silence.wait()

    @property
    def trouble(self) -> str | None:
        """See :meth:`~discobase.engine.server.seam.Server.trouble`."""
        if self.access.gateway is None:
            return "the gateway is off: the database was made with gateway=False"
        if self._events.flow.is_set():
            return None
        return self._client.trouble or (
            f"the gateway is there, but has not shown the server {self._guild} yet: Discord may "
            f"have an outage"
        )

    def work(self, step: Callable[[], T]) -> Awaitable[T]:
        """See :meth:`~discobase.engine.server.seam.Server.work`."""
        return asyncio.get_running_loop().run_in_executor(self._shared.worker, step)

    def aside(self, step: Callable[[], T]) -> Awaitable[T]:
        """See :meth:`~discobase.engine.server.seam.Server.aside`."""
        return asyncio.get_running_loop().run_in_executor(self._shared.aside, step)
