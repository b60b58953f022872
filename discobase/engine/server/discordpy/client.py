"""discord.py's client, with a gateway loop without the traps of 2.7.1.

``Client.connect`` of 2.7.1 dies with an AttributeError when the first connection fails (dpy#10520),
and later waits up to 17 minutes between two tries. :meth:`GatewayClient.run_gateway` is that loop
again, with a bounded wait, and with the address that the server gave.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, NoReturn, cast

import aiohttp
import discord
import yarl
from discord.gateway import DiscordWebSocket, ReconnectWebSocket
from discord.state import ConnectionState

from discobase.engine.server.discordpy.api_client import ApiClient
from discobase.engine.server.discordpy.day_limit import DayLimit
from discobase.engine.server.discordpy.reconnect import IdentifyBudget, ReconnectBackoff
from discobase.engine.server.seam import ServerError
from discobase.engine.server.usage import Usage
from discobase.token import forget_frames

_log = logging.getLogger(__name__)

_HANDSHAKE_SECONDS = 60.0
"""How long the gateway may take until a session can begin: what discord.py allows
(`Client.connect`)."""

_CLOSING_SECONDS = 2.0
"""How long the gateway may take to answer a close: a guess. In 2.7.1 these are 30 s, longer
than a whole session may take to close."""

_NORMAL_CLOSURE = 1000
"""The close code of a session that is over though nothing is wrong: Discord sends it now and then
(discord.py connects again, too)."""

_NOT_RESUMED = (4002, 4003, 4007, 4009)
"""The close codes after which a session is not to be resumed (opcodes and status codes, "Gateway
Close Event Codes"): it timed out, or was invalidated, or what a resume says of it is wrong. In
2.7.1 each leads to another resume, and that one to the same code."""

_LARGEST_SEQUENCE = 2**63 - 1
"""The largest number of an event that is believed: a guess, far above what any session comes to."""

_LEAST_HEARTBEAT_SECONDS = 0.5
"""Between two heartbeats at the least. More often they alone were more than the 120 events in 60 s
after which Discord ends a connection ("Gateway", "Rate Limiting"); Discord asks for one in 41 s."""

_LARGEST_HEARTBEAT_SECONDS = 3600.0
"""Between two heartbeats at the most: a guess, far above what any gateway asks for, and far below
what a thread can wait for."""

_RESUMES = 12
"""Losses in a row after which a session is not resumed any more: its address may be wrong. They
take some 40 s, and Discord forgets a session after about 90 (seen; docs#1619)."""

_QUIET_LOSSES = 5
"""Losses in a row that are no news. An embedded server that another process takes over costs three
(the session, a refused connection, a refused resume); five are over within a second.
"""

_SESSION_BEGINS = ("READY", "RESUMED")
"""The gateway's events that tell of a session."""

Handler = Callable[[Mapping[str, Any]], None]
"""What takes the data of an event."""


class Garbled(Exception):
    """The gateway has sent what cannot be read."""


class GatewaySocket(DiscordWebSocket):
    """A gateway connection whose heartbeats end when its handshake is cut short, and when what it
    gets cannot be read; and begin only where they can be sent as it is asked.

    Each of 2.7.1 has a thread for them, which then would run on: before it identifies again,
    discord.py waits for 5 s, so there is time for that.
    """

    async def poll_event(self) -> None:
        """Take in what comes next.

        Raises:
            Garbled: it cannot be decompressed, is no JSON, or lacks what it has to have.
        """
        try:
            await super().poll_event()
            self._check_sequence()
        except ReconnectWebSocket as order:
            if self.socket.close_code in _NOT_RESUMED:
                raise ReconnectWebSocket(order.shard_id, resume=False) from None
            raise
        except discord.ConnectionClosed:
            raise
        except (OSError, aiohttp.ClientError, TimeoutError, asyncio.CancelledError):
            # The first event comes before anybody else has the socket: a login that fails meanwhile
            # would leave it open.
            await self.close()
            raise
        except Exception as error:
            await self.close()
            raise Garbled(f"{type(error).__name__}: {error}") from error

    def _check_sequence(self) -> None:
        """See that the number of the last event can be one: heartbeats and a resume tell it."""
        number: object = self.sequence
        if number is None or (type(number) is int and 0 <= number <= _LARGEST_SEQUENCE):
            return
        raise ValueError(f"an event has the number {number!r:.80}")

    async def send_as_json(self, data: Any) -> None:
        """Send a payload. The first one is a heartbeat: 2.7.1 sends it at a HELLO, and then begins
        to send them by its interval, without a pause where that is none.

        Raises:
            ValueError: that interval is none.
        """
        self._check_heartbeats()
        await super().send_as_json(data)

    def _check_heartbeats(self) -> None:
        beats = self._keep_alive
        if beats is None:
            return
        seconds: object = beats.interval
        if not isinstance(seconds, float) or not (
            _LEAST_HEARTBEAT_SECONDS <= seconds <= _LARGEST_HEARTBEAT_SECONDS
        ):
            raise ValueError(f"heartbeats are asked for every {seconds!r:.80} s")

    async def close(self, code: int = 4000) -> None:
        """Close the connection, also where the other side is gone, or frozen, and says nothing."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING_SECONDS):
                await super().close(code)

    async def send(self, data: str, /) -> None:
        """Send a payload: that of an identify has the token in it."""
        try:
            await super().send(data)
        except BaseException as error:
            del data
            forget_frames(error)
            raise

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


class GatewayClient(discord.Client):
    """A client of one server that keeps no cache, and hands on events at once, in order and
    unread.

    discord.py makes objects of all events, and fails at those that are not as it knows them. And it
    runs each event handler as a task of its own, so handlers of consecutive events may interleave.
    Here a handler is called with the data of its event before the next one is read.

    Args:
        api_url: the address of the REST API, up to and with its version.
        usage: where calls are counted.

    Attributes:
        trouble: what keeps the gateway session away, in words; None while there is one.
        usage: as given.
    """

    def __init__(self, api_url: str, usage: Usage) -> None:
        self._api_url = api_url
        self.usage = usage
        self._backoff = ReconnectBackoff()
        self._identifies = IdentifyBudget()
        self._day: DayLimit | None = None
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
        self.http = ApiClient(self.loop, self._api_url, self.usage)
        return super()._get_state(**options)

    async def log_in(self, token: str) -> Mapping[str, Any]:
        """Log in, and return the bot's user as it is told: discord.py's models fail where a field
        is missing.
        """
        await self._async_setup_hook()
        return cast("Mapping[str, Any]", await self.http.static_login(token))

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        """Do nothing: events reach their handlers unread (:meth:`run_gateway`)."""

    async def close(self) -> None:
        """Let go of everything. 2.7.1 forgets the heartbeats of a socket that the other side has
        closed.
        """
        await super().close()
        socket = cast("DiscordWebSocket | None", self.ws)
        if socket is not None:
            await socket.close()

    async def run_gateway(
        self,
        gateway_url: str,
        day: DayLimit,
        handlers: Mapping[str, Handler],
        lost: Callable[[], None],
    ) -> None:
        """Keep a gateway session: connect, resume, identify again, until closed.

        Args:
            gateway_url: where the server's gateway is.
            day: how many identifies are left today. While there are none nothing is tried.
            handlers: what to call for which event. Others are not looked at.
            lost: called when the connection is lost.

        Raises:
            discord.ConnectionClosed: the gateway refuses this bot for good (bad token, bad
                intents); trying again would not help.
        """
        self._connection.parsers = self._noting_sessions(handlers)
        fresh: dict[str, Any] = {"gateway": yarl.URL(gateway_url)}
        wanted: dict[str, Any] = {**fresh, "initial": True}
        self.trouble = f"the gateway at {gateway_url} has not answered yet"
        self._day = day
        while not self.is_closed():
            try:
                if "session" not in wanted:
                    await self._wait_for_identify(day)
                await self._receive(wanted)
            except ReconnectWebSocket as order:
                reason = "it ended the connection"
                wanted = (self._resume() if order.resume else {}) or fresh
            except discord.ConnectionClosed as error:
                if error.code != _NORMAL_CLOSURE:
                    raise
                reason = "it ended the session"
                wanted = fresh
            except (OSError, discord.HTTPException, aiohttp.ClientError, TimeoutError) as error:
                reason = f"{type(error).__name__}: {error}"
                wanted = self._resume() or (fresh if "session" in wanted else wanted)
            except ServerError as error:
                reason = f"how many logins are left today could not be asked: {error}"
            except Exception as error:  # noqa: BLE001 - a session that has failed is no reason to end
                # Not resumed: it might be sent once more.
                _log.warning("what the gateway sends cannot be read", exc_info=error)
                reason = str(error)
                wanted = fresh
            lost()
            await self._wait_after_loss(f"the gateway at {wanted['gateway']} is lost: {reason}")

    def _noting_sessions(self, handlers: Mapping[str, Handler]) -> dict[str, Handler]:
        """Return handlers of which those of READY and RESUMED tell that a session has begun."""

        def noting(handler: Handler) -> Handler:
            def handle(raw: Mapping[str, Any]) -> None:
                self._backoff.session_began()
                self.trouble = None
                handler(raw)

            return handle

        return {
            name: noting(handler) if name in _SESSION_BEGINS else handler
            for name, handler in handlers.items()
        }

    async def _receive(self, wanted: Mapping[str, Any]) -> NoReturn:
        """Connect, and read events until the connection ends."""
        # wait_for would lose a cancellation that comes with the end of the handshake, in Python
        # 3.11.
        async with asyncio.timeout(_HANDSHAKE_SECONDS):
            self.ws = await GatewaySocket.from_client(self, **wanted)
        while True:
            await self.ws.poll_event()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Note that an identify is spent: discord.py calls this before each, and spaces them by
        5 s.
        """
        self._identifies.spend(time.monotonic())
        if self._day is not None:
            self._day.spend()
        await super().before_identify_hook(shard_id, initial=initial)

    async def _wait_for_identify(self, day: DayLimit) -> None:
        if delay := self._identifies.delay(time.monotonic()):
            self.trouble = f"no new gateway session for {delay:.0f} s: they end too soon"
            _log.warning("%s", self.trouble)
            await asyncio.sleep(delay)
        await day.wait(self._note_trouble)

    def _note_trouble(self, trouble: str) -> None:
        self.trouble = trouble

    async def _wait_after_loss(self, trouble: str) -> None:
        self.trouble = trouble
        delay = self._backoff.connection_lost()
        # Most losses are over at once, and no news for who runs a script.
        level = logging.INFO if self._backoff.losses <= _QUIET_LOSSES else logging.WARNING
        _log.log(level, "%s; trying again in %.1f s", trouble, delay)
        await asyncio.sleep(delay)

    def _resume(self) -> dict[str, Any]:
        """Return what it takes to resume the session; nothing where there is none, or where that
        has failed too often.
        """
        socket = cast("DiscordWebSocket | None", self.ws)  # None before the first connection
        if socket is None or socket.session_id is None or self._backoff.losses >= _RESUMES:
            return {}
        return {
            "gateway": socket.gateway,
            "session": socket.session_id,
            "sequence": socket.sequence,
            "resume": True,
        }
