"""discord.py's client, bound to one API URL, and its gateway loop without the traps of 2.7.1.

discord.py keeps the API's address in class attributes, shared by the whole process. Here each
client rewrites its own requests, so that two databases in one process may live on two servers, and
a bot of the user's beside them is left alone.

``Client.connect`` of 2.7.1 dies with an AttributeError when the first connection fails (dpy#10520),
and later waits up to 17 minutes between two tries. :meth:`GatewayClient.listen` is that loop again,
with a bounded wait, and with the address that the server gave.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, cast

import aiohttp
import discord
import yarl
from discord.gateway import DiscordWebSocket, ReconnectWebSocket
from discord.http import HTTPClient, Route
from discord.state import ConnectionState

_log = logging.getLogger(__name__)

DISCORD_API = "https://discord.com/api/v10"

_CONNECT_SECONDS, _SILENCE_SECONDS = 10.0, 30.0
_IDENTIFIES_AT_ONCE, _IDENTIFY_SECONDS = 10, 90.0
_HANDSHAKE_SECONDS = 60.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 15.0
_QUIET_LOSSES = 5
"""Losses in a row that are no news. An embedded server that another process takes over costs three
(the session, a refused connection, a refused resume); five are over within a second.
"""
_SESSION_BEGINS = frozenset({"connect", "resumed"})
"""discord.py's events for READY and RESUMED."""

Handler = Callable[..., None]


class ApiClient(HTTPClient):
    """discord.py's HTTP client, with one server's address, and with a limit on how long a socket
    may be silent.

    aiohttp's own limit is five minutes for a whole request, which is too long to wait for a dead
    peer, and too short for a large upload that has to wait for its rate limit.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, api_url: str) -> None:
        super().__init__(loop)
        self._api_url = api_url

    async def static_login(self, token: str) -> Any:
        """Log in. May be tried again when it fails, which leaves the sockets of 2.7.1 open."""
        try:
            return await super().static_login(token)
        except BaseException:
            await self.close()
            self.connector = discord.utils.MISSING
            raise

    async def request(self, route: Route, **kwargs: Any) -> Any:
        """Make a request of this client's server.

        2.7.1 takes JSON for JSON only where its type is ``application/json`` to the letter: many a
        compatible server adds the charset.
        """
        route.url = self._api_url + route.url.removeprefix(Route.BASE)
        kwargs["timeout"] = aiohttp.ClientTimeout(
            total=None, sock_connect=_CONNECT_SECONDS, sock_read=_SILENCE_SECONDS
        )
        try:
            answer = await super().request(route, **kwargs)
        except discord.HTTPException as error:
            said = _as_json(error.text)
            if not isinstance(said, dict):
                raise
            raise type(error)(error.response, cast("dict[str, Any]", said)) from error
        return _as_json(answer) if isinstance(answer, str) else answer


def _as_json(text: str) -> object:
    """What a body says, if it is JSON; else the body."""
    try:
        return json.loads(text)
    except ValueError:
        return text


class GatewaySocket(DiscordWebSocket):
    """A gateway connection whose heartbeats end when its handshake is cut short.

    Each of 2.7.1 has a thread for them, which then would run on: before it identifies again,
    discord.py waits for 5 s, so there is time for that.
    """

    async def identify(self) -> None:
        """Begin a session."""
        async with self._closed_if_cut_short():
            await super().identify()

    async def resume(self) -> None:
        """Go on with a session."""
        async with self._closed_if_cut_short():
            await super().resume()

    @contextlib.asynccontextmanager
    async def _closed_if_cut_short(self) -> AsyncGenerator[None]:
        try:
            yield
        except BaseException:
            await self.close()
            raise


class Thrift:
    """When the next identify may be spent: ten at once, and one more for each 90 s that pass.

    Discord allows 1000 a day over all processes with one token, and resets a token that exceeds
    them (gateway, "Session Start Limit"). A gateway that ends each new session after a second must
    not use them up.
    """

    def __init__(self) -> None:
        self._paid_until = float("-inf")

    def wait(self, now: float) -> float:
        """The seconds to wait before the next one.

        Args:
            now: the time by a clock that does not go back.
        """
        return max(0.0, self._paid_until - now - (_IDENTIFIES_AT_ONCE - 1) * _IDENTIFY_SECONDS)

    def spend(self, now: float) -> None:
        """Note that one is spent."""
        self._paid_until = max(self._paid_until, now) + _IDENTIFY_SECONDS


class _Patience:
    """How long to wait before connecting again: not at all when a session is lost that lasted, then
    twice as long each time, until another one has lasted.

    Attributes:
        losses: how often the gateway was lost, or not reached, since a session lasted.
    """

    def __init__(self) -> None:
        self.losses = 0
        self._pause = 0.0
        self._began: float | None = None

    def session_began(self) -> None:
        """Note that the gateway delivers."""
        self._began = time.monotonic()

    def lost(self) -> float:
        """Note that the gateway is lost, or was not reached; the seconds to wait.

        A session that ends sooner than the pause before the next one is no better than none: a
        gateway that drops each at once would be called without end.
        """
        began, self._began = self._began, None
        if began is not None and time.monotonic() - began > max(self._pause, _FIRST_PAUSE):
            self.losses, self._pause = 0, 0.0
        wait = self._pause * (1 - random.random() / 2)  # noqa: S311 - jitter
        self.losses += 1
        self._pause = min(_LONGEST_PAUSE, max(_FIRST_PAUSE, self._pause * 2))
        return wait


class GatewayClient(discord.Client):
    """A client of one server that keeps no cache to speak of, and hands on events at once and in
    order.

    discord.py runs each event handler as a task of its own, so handlers of consecutive events may
    interleave. Here a handler is called from within the dispatch, before the next event is read.

    Args:
        api_url: the address of the REST API, up to and with its version.
        handlers: what to call for which of discord.py's events.

    Attributes:
        trouble: what keeps the gateway session away, in words; None while there is one.
    """

    def __init__(self, api_url: str, handlers: Mapping[str, Handler]) -> None:
        self._api_url = api_url
        self._called = handlers
        self._patience = _Patience()
        self._thrift = Thrift()
        self.trouble: str | None = None
        warn_nacl, warn_dave = discord.VoiceClient.warn_nacl, discord.VoiceClient.warn_dave
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
        try:
            super().__init__(
                intents=discord.Intents(guilds=True, guild_messages=True),
                max_messages=None,
                member_cache_flags=discord.MemberCacheFlags.none(),
                chunk_guilds_at_startup=False,
            )
        finally:
            discord.VoiceClient.warn_nacl, discord.VoiceClient.warn_dave = warn_nacl, warn_dave

    def _get_state(self, **options: Any) -> ConnectionState[Any]:
        # The one place between the making of the HTTP client and its being handed on.
        self.http = ApiClient(self.loop, self._api_url)
        return super()._get_state(**options)

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        """Call the handler of an event, if there is one, now."""
        if event in _SESSION_BEGINS:
            self._patience.session_began()
            self.trouble = None
        if handler := self._called.get(event):
            handler(*args, **kwargs)

    async def close(self) -> None:
        """Let go of everything. 2.7.1 forgets the heartbeats of a socket that the other side has
        closed.
        """
        await super().close()
        socket = cast("DiscordWebSocket | None", self.ws)
        if socket is not None:
            await socket.close()

    async def listen(self, gateway_url: str) -> None:
        """Keep a gateway session: connect, resume, identify again, until closed.

        Args:
            gateway_url: where the server's gateway is.

        Raises:
            discord.ConnectionClosed: the gateway will not have us (bad token, bad intents); trying
            again would not help.
        """
        fresh: dict[str, Any] = {"gateway": yarl.URL(gateway_url)}
        wanted: dict[str, Any] = {**fresh, "initial": True}
        self.trouble = f"the gateway at {gateway_url} has not answered yet"
        while not self.is_closed():
            if "session" not in wanted:
                await self._wait_for_identify()
            try:
                # wait_for would lose a cancellation that comes with the end of the handshake, in
                # Python 3.11.
                async with asyncio.timeout(_HANDSHAKE_SECONDS):
                    self.ws = await GatewaySocket.from_client(self, **wanted)
                while True:
                    await self.ws.poll_event()
            except ReconnectWebSocket as order:
                reason = "it ended the connection"
                wanted = (self._resume() if order.resume else {}) or fresh
            except discord.ConnectionClosed as error:
                if error.code != 1000:
                    raise
                reason = "it ended the session"
                wanted = fresh
            except (OSError, discord.HTTPException, aiohttp.ClientError, TimeoutError) as error:
                reason = f"{type(error).__name__}: {error}"
                wanted = self._resume() or wanted
            await self._wait_after_loss(f"the gateway at {wanted['gateway']} is lost: {reason}")

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Called by discord.py before each identify, which it spaces by 5 s."""
        self._thrift.spend(time.monotonic())
        await super().before_identify_hook(shard_id, initial=initial)

    async def _wait_for_identify(self) -> None:
        if wait := self._thrift.wait(time.monotonic()):
            self.trouble = f"no new gateway session for {wait:.0f} s: they end too soon"
            _log.warning("%s", self.trouble)
            await asyncio.sleep(wait)

    async def _wait_after_loss(self, trouble: str) -> None:
        self.trouble = trouble
        self.dispatch("disconnect")
        wait = self._patience.lost()
        # Most losses are over at once, and no news for who runs a script.
        level = logging.INFO if self._patience.losses <= _QUIET_LOSSES else logging.WARNING
        _log.log(level, "%s; trying again in %.1f s", trouble, wait)
        await asyncio.sleep(wait)

    def _resume(self) -> dict[str, Any]:
        """What it takes to resume the session, or nothing where there is none."""
        socket = cast("DiscordWebSocket | None", self.ws)  # None before the first connection
        if socket is None or socket.session_id is None:
            return {}
        return {
            "gateway": socket.gateway,
            "session": socket.session_id,
            "sequence": socket.sequence,
            "resume": True,
        }
