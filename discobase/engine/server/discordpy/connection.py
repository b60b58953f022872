"""One connection to Discord from beginning to end: login, requests, events, and their end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

import aiohttp
import discord

from discobase.engine.server.clock import SystemClock
from discobase.engine.server.discordpy.account import BotAccount
from discobase.engine.server.discordpy.all_events import AllEvents
from discobase.engine.server.discordpy.application import Application
from discobase.engine.server.discordpy.client import GatewayClient
from discobase.engine.server.discordpy.day_limit import DayLimit
from discobase.engine.server.discordpy.interactions import EVENT, BotInteractions
from discobase.engine.server.discordpy.one_server import OneServer, Shared
from discobase.engine.server.login import Access, Login
from discobase.engine.server.usage import Usage
from discobase.errors import BadToken, ConnectError
from discobase.worker import Worker

_log = logging.getLogger(__name__)

_AUTHENTICATION_FAILED = 4004
"""The close code for a token that is not valid any more (opcodes and
status codes, "Gateway Close Event Codes")."""


class Connection(OneServer):
    """One bot, one login, and the server that it is for. Made by :meth:`open`.

    A closed discord.py client cannot log in again, so neither can a connection: open another one.

    Args:
        shared: what it has in common with the other servers of the bot.
        access: what the login came to; without a gateway none is connected to.
        failed: called when the gateway has ended for good.

    Attributes:
        interactions: what people do with the bot's commands.
    """

    def __init__(
        self, shared: Shared, access: Access, failed: Callable[[ConnectError], None]
    ) -> None:
        super().__init__(shared, access)
        self.interactions = BotInteractions(shared.client, Application(shared.client, access))
        self._failed = failed
        self._gateway: asyncio.Task[None] | None = None
        if access.gateway is not None:
            day = DayLimit(access.gateway, BotAccount(shared.client).gateway)
            self._gateway = asyncio.create_task(self._keep_gateway(access.gateway.url, day))

    @classmethod
    async def open(
        cls,
        token: str,
        server: str | int,
        *,
        api_url: str,
        failed: Callable[[ConnectError], None],
        usage: Usage,
        gateway: bool = True,
        read_only: bool = False,
    ) -> Connection:
        """Log in, find the server, and start the gateway beside it. Usable for REST at once;
        events come when they do (:meth:`events_come`).

        Costs 3 API calls (one of them discord.py's login), and one identify; one call less, and
        none, without the gateway.

        Args:
            token: the bot's token.
            server: the server's name, or its id.
            api_url: the address of the REST API.
            failed: called when the gateway has ended for good.
            usage: where API calls are counted.
            gateway: whether the gateway is wanted; without it no events come.
            read_only: whether nothing is to be written, so that the bot may be allowed less.

        Raises:
            ConnectError: one of its subclasses says what is wrong.
        """
        client = GatewayClient(api_url, usage)
        worker = Worker("discobase-worker", awaited=True, rests=True)
        try:
            login = Login(BotAccount(client), SystemClock(), api_url, read_only=read_only)
            worker.start()
            access = await login.enter(token, server, gateway=gateway)
            aside = Worker("discobase-aside", rests=True)
            events = AllEvents(access.guild, access.bot)
            return cls(Shared(client, login, worker, aside, events), access, failed)
        except BaseException:
            await _release(client, worker)
            raise

    async def _keep_gateway(self, gateway_url: str, day: DayLimit) -> None:
        try:
            events = self._shared.events
            handlers = {**events.handlers, EVENT: self.interactions.handle}
            await self._client.run_gateway(gateway_url, day, handlers, events.lost)
        except discord.ConnectionClosed as error:
            refusal = BadToken if error.code == _AUTHENTICATION_FAILED else ConnectError
            self._failed(
                refusal(f"Discord's gateway has closed the connection for good (code {error.code})")
            )
        except Exception as error:  # noqa: BLE001 - whatever ends the gateway has to reach those who wait
            _log.exception("the gateway loop has failed")
            reason = ConnectError(f"the gateway loop has failed: {error!r}")
            reason.__cause__ = error
            self._failed(reason)

    async def close(self) -> None:
        """End the session and let go of every socket and thread. May be called again."""
        if self._gateway is not None:
            self._gateway.cancel()
            await asyncio.gather(self._gateway, return_exceptions=True)
        self._shared.aside.shutdown()
        await _release(self._client, self._shared.worker)


async def _release(client: GatewayClient, worker: Worker) -> None:
    with contextlib.suppress(OSError, aiohttp.ClientError):
        await client.close()
    worker.shutdown()
