"""One client's conversation with the gateway: hello, identify or resume, heartbeats.

Mistakes end it with a close code. Operation and close codes: Discord's page "Opcodes and Status
Codes"; what they mean: its page "Gateway".
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from typing import Any, cast

from aiohttp import WSMsgType, web

from discobase.local import wire
from discobase.local.gateway.compression import packing
from discobase.local.gateway.connection import Connection
from discobase.local.gateway.member_requests import chunks
from discobase.local.gateway.rate_limits import Sends
from discobase.local.gateway.session import Session
from discobase.local.platform import Platform
from discobase.local.state import intents, payloads
from discobase.local.state.entities import Bot, Guild

Json = dict[str, Any]

HEARTBEAT, IDENTIFY, PRESENCE, VOICE, RESUME, RECONNECT = 1, 2, 3, 4, 6, 7
MEMBERS, INVALID_SESSION, HELLO, HEARTBEAT_ACK, SOUNDS = 8, 9, 10, 11, 31

UNKNOWN_OPCODE, DECODE_ERROR, NOT_AUTHENTICATED, BAD_TOKEN, ALREADY_AUTHENTICATED = range(
    4001, 4006
)
INVALID_SEQUENCE, RATE_LIMITED, SESSION_TIMED_OUT, INVALID_SHARD = 4007, 4008, 4009, 4010
INVALID_VERSION, INVALID_INTENTS, DISALLOWED_INTENTS = 4012, 4013, 4014

LONGEST_PAYLOAD = 4096
_DATA = {WSMsgType.TEXT, WSMsgType.BINARY}
_FINAL = {1000, 1001}
_VERSIONS = {"9", "10"}
_CLOSING_SECONDS = 2.0
_A_DAY = 86_400.0
_MISSED_HEARTBEATS = 1.5


class Conversation:
    """One client's conversation.

    Args:
        platform: the server.
        websocket: open.
        connection: the way out of it.
        origin: scheme, host and port at which the client reaches this server.
    """

    def __init__(
        self,
        platform: Platform,
        websocket: web.WebSocketResponse,
        connection: Connection,
        origin: str,
    ) -> None:
        self._platform = platform
        self._websocket = websocket
        self._connection = connection
        self._origin = origin
        self._session: Session | None = None
        self._goodbye: int | None = None
        self._zombie: asyncio.TimerHandle | None = None
        self._sends = Sends()
        self._answers: dict[int, Callable[[object], None]] = {
            HEARTBEAT: self._heartbeat,
            IDENTIFY: self._identify,
            RESUME: self._resume,
            PRESENCE: self._ignore,
            VOICE: self._ignore,
            SOUNDS: self._ignore,
            MEMBERS: self._members,
        }

    async def run(self) -> None:
        """Talks until the client goes, or is sent away."""
        interval = round(self._platform.settings.heartbeat_interval * 1000)
        self._send(HELLO, {"heartbeat_interval": interval, "_trace": ["local"]})
        self._watch_heartbeats()
        try:
            while (message := await self._websocket.receive()).type in _DATA:
                self._receive(message.data)
            if message.type is WSMsgType.CLOSE:
                self._goodbye = message.data
        finally:
            if self._zombie is not None:
                self._zombie.cancel()
            self._part()

    def _part(self) -> None:
        session = self._session
        if session is None or session.connection is not self._connection:
            return
        window = 0.0 if self._goodbye in _FINAL else self._platform.settings.resume_window
        session.detach(window, self._platform.broadcast.end_session)

    def _receive(self, data: str | bytes) -> None:
        if self._sends.too_many(self._platform.limits.profile.gateway):
            self._connection.close(RATE_LIMITED)
            return
        if len(data) > LONGEST_PAYLOAD:
            self._connection.close(DECODE_ERROR)
            return
        try:
            payload = json.loads(data)
        except ValueError:
            self._connection.close(DECODE_ERROR)
            return
        if not isinstance(payload, dict):
            self._connection.close(DECODE_ERROR)
            return
        fields = cast("Json", payload)
        answer = self._answers.get(fields.get("op", -1))
        if answer is None:
            self._connection.close(UNKNOWN_OPCODE)
        elif self._session is None and fields["op"] not in {HEARTBEAT, IDENTIFY, RESUME}:
            self._connection.close(NOT_AUTHENTICATED)
        else:
            answer(fields.get("d"))

    def _send(self, operation: int, data: object) -> None:
        frame = wire.text({"t": None, "s": None, "op": operation, "d": data})
        self._connection.send(frame, self._platform.settings.half_latency())

    def _watch_heartbeats(self) -> None:
        if self._zombie is not None:
            self._zombie.cancel()
        patience = self._platform.settings.heartbeat_interval * _MISSED_HEARTBEATS
        loop = asyncio.get_running_loop()
        self._zombie = loop.call_later(patience, self._connection.close, SESSION_TIMED_OUT)

    def _heartbeat(self, data: object) -> None:
        self._watch_heartbeats()
        if self._session is not None and isinstance(data, int):
            self._session.acknowledge(data)
        self._send(HEARTBEAT_ACK, None)

    def _ignore(self, data: object) -> None:
        """Presence, voice and sounds change nothing that anybody sees here."""

    def _identify(self, data: object) -> None:
        if self._session is not None:
            self._connection.close(ALREADY_AUTHENTICATED)
            return
        login = _fields(data)
        bot = self._platform.state.bot_of(str(login.get("token", "")).removeprefix("Bot "))
        shard = _shard(login.get("shard"))
        wanted = login.get("intents")
        if bot is None:
            self._connection.close(BAD_TOKEN)
        elif shard is None:
            self._connection.close(INVALID_SHARD)
        elif type(wanted) is not int or wanted & ~intents.KNOWN:
            self._connection.close(INVALID_INTENTS)
        elif wanted & intents.PRIVILEGED & ~bot.privileged:
            self._connection.close(DISALLOWED_INTENTS)
        elif self._platform.logins.too_fast(
            self._platform.limits.profile.gateway, bot.id, shard[0]
        ):
            self._send(INVALID_SESSION, data=False)
        elif self._may_identify(bot):
            self._begin(Session(bot, wanted, shard, self._origin), shard)
        else:
            self._platform.broadcast.end_sessions(bot, BAD_TOKEN)
            self._connection.close(BAD_TOKEN)

    def _may_identify(self, bot: Bot) -> bool:
        """Counts a login; whether the day has one left.

        Discord ends all sessions of a bot that logs in once more and resets its token. Here the
        token stays, for nobody could be told the new one, but is refused until the day is over.
        """
        platform = self._platform
        platform.requests.identifies += 1
        now = time.time()
        if now - bot.identifies_since >= _A_DAY:
            bot.identifies, bot.identifies_since = 0, now
        most = platform.settings.identifies_a_day
        if bot.identifies >= most and platform.limits.profile.gateway is not None:
            return False
        bot.identifies += 1
        platform.state.save_bot(bot)
        return True

    def _begin(self, session: Session, shard: tuple[int, int]) -> None:
        self._session = session
        session.attach(self._connection)
        broadcast = self._platform.broadcast
        broadcast.sessions[session.id] = session
        state = self._platform.state
        guilds = [guild for guild in state.guilds_of(session.bot.id) if session.has_guild(guild.id)]
        ready = self._ready(session, guilds, shard)
        delay = self._platform.settings.half_latency()
        session.emit("READY", wire.text(ready), delay)
        if session.intents & intents.GUILDS:
            for guild in guilds:
                session.emit("GUILD_CREATE", broadcast.guild_text(guild, session), delay)

    def _ready(self, session: Session, guilds: list[Guild], shard: tuple[int, int]) -> Json:
        bot = session.bot
        return {
            "v": 10,
            "user_settings": {},
            "user": payloads.own_user(self._platform.state.users[bot.id]),
            "session_type": "normal",
            "session_id": session.id,
            "resume_gateway_url": gateway_url(self._origin),
            "relationships": [],
            "private_channels": [],
            "presences": [],
            "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
            "guild_join_requests": [],
            "geo_ordered_rtc_regions": [],
            "auth": {},
            "application": {"id": str(bot.id), "flags": payloads.application_flags(bot)},
            "shard": list(shard),
            "_trace": ["local"],
        }

    def _resume(self, data: object) -> None:
        wish = _fields(data)
        session = self._platform.broadcast.sessions.get(str(wish.get("session_id")))
        token = str(wish.get("token", "")).removeprefix("Bot ")
        sequence = wish.get("seq")
        if self._session is not None:
            self._connection.close(ALREADY_AUTHENTICATED)
        elif self._platform.state.bot_of(token) is None:
            self._connection.close(BAD_TOKEN)
        elif session is None or session.bot.token != token:
            self._send(INVALID_SESSION, data=False)
        elif not isinstance(sequence, int) or sequence > session.sequence:
            self._connection.close(INVALID_SEQUENCE)
        else:
            self._replay(session, sequence)

    def _replay(self, session: Session, sequence: int) -> None:
        missed = session.missed_since(sequence)
        if missed is None:
            self._send(INVALID_SESSION, data=False)
            return
        self._session = session
        session.attach(self._connection)
        delay = self._platform.settings.half_latency()
        for frame in missed:
            self._connection.send(frame, delay)
        session.emit("RESUMED", '{"_trace":["local"]}', delay)

    def _members(self, data: object) -> None:
        session = self._session
        if session is None:
            return
        delay = self._platform.settings.half_latency()
        for chunk in chunks(self._platform.state, session, _fields(data)):
            session.emit("GUILD_MEMBERS_CHUNK", wire.text(chunk), delay)


def gateway_url(origin: str) -> str:
    """The gateway's address at an HTTP origin."""
    return f"{origin.replace('http', 'ws', 1)}/gateway"


async def converse(
    platform: Platform, request: web.BaseRequest, origin: str
) -> web.WebSocketResponse:
    """Serves one WebSocket from its opening to its end."""
    websocket = web.WebSocketResponse(
        compress=False, timeout=_CLOSING_SECONDS, max_msg_size=16 * LONGEST_PAYLOAD
    )
    await websocket.prepare(request)
    connection = Connection(websocket, packing(request.query.get("compress")), request.transport)
    platform.connections.add(connection)
    if not _spoken_here(request.query):
        connection.close(INVALID_VERSION)
    reading = asyncio.create_task(Conversation(platform, websocket, connection, origin).run())
    sending = asyncio.create_task(connection.pump())
    try:
        await asyncio.wait([reading, sending], return_when=asyncio.FIRST_COMPLETED)
        if connection.close_code is None:
            await reading
        else:
            # aiohttp waits for the client's answer to a close only while nobody else reads.
            reading.cancel()
            await asyncio.wait([reading])
            await websocket.close(code=connection.close_code)
    finally:
        platform.connections.discard(connection)
        for task in (reading, sending):
            task.cancel()
        await asyncio.wait([reading, sending])
    return websocket


def _spoken_here(query: Mapping[str, str]) -> bool:
    return query.get("v", "10") in _VERSIONS and query.get("encoding", "json") == "json"


def _fields(data: object) -> Json:
    return cast("Json", data) if isinstance(data, dict) else {}


def _shard(value: object) -> tuple[int, int] | None:
    match value:
        case None:
            return (0, 1)
        case [int(number), int(count)] if 0 <= number < count:
            return (number, count)
        case _:
            return None
