"""One client's conversation with the gateway: hello, identify or resume, heartbeats.

Mistakes end it with a close code. Source: Discord's page "Gateway".
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

from aiohttp import WSMsgType, web

from discobase.local import wire
from discobase.local.gateway.connection import Connection
from discobase.local.gateway.gateway import Gateway, gateway_url
from discobase.local.gateway.member_requests import chunks
from discobase.local.gateway.opcodes import (
    ALREADY_AUTHENTICATED,
    BAD_TOKEN,
    DECODE_ERROR,
    DISALLOWED_INTENTS,
    HEARTBEAT,
    HEARTBEAT_ACK,
    HELLO,
    IDENTIFY,
    INVALID_INTENTS,
    INVALID_SEQUENCE,
    INVALID_SESSION,
    INVALID_SHARD,
    MEMBERS,
    NOT_AUTHENTICATED,
    PRESENCE,
    RATE_LIMITED,
    RESUME,
    SESSION_TIMED_OUT,
    SOUNDS,
    UNKNOWN_OPCODE,
    VOICE,
)
from discobase.local.gateway.rate_limits import Frames
from discobase.local.gateway.session import Session
from discobase.local.state import intents, payloads
from discobase.local.state.entities import Bot, Guild

Json = dict[str, Any]

LONGEST_PAYLOAD = 4096
"""Bytes of a frame from a client (Discord's page "Gateway", "Sending Events")."""

_DATA = {WSMsgType.TEXT, WSMsgType.BINARY}
_FINAL = {1000, 1001}
"""Close codes of a client that end its session ("Gateway", "Disconnecting")."""

_MISSED_HEARTBEATS = 1.5
"""Heartbeat intervals without a heartbeat after which a client is taken for dead: a guess."""


class Conversation:
    """One client's conversation.

    Args:
        gateway: what all conversations share.
        websocket: open.
        connection: the way out of it.
        origin: scheme, host and port at which the client reaches this server.
    """

    def __init__(
        self,
        gateway: Gateway,
        websocket: web.WebSocketResponse,
        connection: Connection,
        origin: str,
    ) -> None:
        self._gateway = gateway
        self._websocket = websocket
        self._connection = connection
        self._origin = origin
        self._session: Session | None = None
        self._client_code: int | None = None
        self._heartbeat_timer: asyncio.TimerHandle | None = None
        self._frames = Frames(gateway.limits)
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
        """Talk until the client goes, or is sent away."""
        interval = round(self._gateway.settings.heartbeat_interval * 1000)
        self._send(HELLO, {"heartbeat_interval": interval, "_trace": ["local"]})
        self._watch_heartbeats()
        try:
            while (message := await self._websocket.receive()).type in _DATA:
                self._receive(message.data)
            if message.type is WSMsgType.CLOSE:
                self._client_code = message.data
        finally:
            if self._heartbeat_timer is not None:
                self._heartbeat_timer.cancel()
            self._part()

    def _part(self) -> None:
        session = self._session
        if session is None or session.connection is not self._connection:
            return
        window = 0.0 if self._client_code in _FINAL else self._gateway.settings.resume_window
        session.detach(window, self._gateway.sessions.end)

    def _receive(self, data: str | bytes) -> None:
        if self._frames.too_many():
            self._connection.close(RATE_LIMITED)
            return
        if len(data) > LONGEST_PAYLOAD:
            self._connection.close(DECODE_ERROR)
            return
        try:
            fields = _fields(wire.read(data))
        except ValueError:
            self._connection.close(DECODE_ERROR)
            return
        operation = fields.get("op")
        if type(operation) is not int:
            self._connection.close(DECODE_ERROR)
            return
        answer = self._answers.get(operation)
        if answer is None:
            self._connection.close(UNKNOWN_OPCODE)
        elif self._session is None and operation not in {HEARTBEAT, IDENTIFY, RESUME}:
            self._connection.close(NOT_AUTHENTICATED)
        else:
            answer(fields.get("d"))

    def _send(self, operation: int, data: object) -> None:
        frame = wire.text({"t": None, "s": None, "op": operation, "d": data})
        self._connection.send(frame, self._gateway.settings.half_latency())

    def _watch_heartbeats(self) -> None:
        if self._heartbeat_timer is not None:
            self._heartbeat_timer.cancel()
        seconds = self._gateway.settings.heartbeat_interval * _MISSED_HEARTBEATS
        loop = asyncio.get_running_loop()
        self._heartbeat_timer = loop.call_later(seconds, self._connection.close, SESSION_TIMED_OUT)

    def _heartbeat(self, data: object) -> None:
        self._watch_heartbeats()
        if self._session is not None and type(data) is int:
            self._session.acknowledge(data)
        self._send(HEARTBEAT_ACK, None)

    def _ignore(self, data: object) -> None:
        """Do nothing: presence, voice and sounds change nothing that anybody sees here."""

    def _identify(self, data: object) -> None:
        if self._session is not None:
            self._connection.close(ALREADY_AUTHENTICATED)
            return
        login = _fields(data)
        bot = self._gateway.state.bot_of(str(login.get("token", "")).removeprefix("Bot "))
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
        elif self._gateway.logins.too_fast(bot, shard[0]):
            self._send(INVALID_SESSION, data=False)
        elif self._too_many_logins(bot):
            sessions = self._gateway.sessions
            sessions.close(sessions.of_bot(bot), BAD_TOKEN, resumable=False)
            self._connection.close(BAD_TOKEN)
        else:
            self._begin(Session(bot, wanted, shard, self._origin), shard)

    def _too_many_logins(self, bot: Bot) -> bool:
        """Count a login; return whether the day had none left.

        Discord ends all sessions of a bot that logs in once more and resets its token. Here the
        token stays, for nobody could be told the new one, but is refused until the day is over.
        """
        self._gateway.requests.identifies += 1
        return self._gateway.logins.too_many(bot)

    def _begin(self, session: Session, shard: tuple[int, int]) -> None:
        self._session = session
        session.attach(self._connection)
        self._gateway.sessions.add(session)
        state = self._gateway.state
        guilds = [guild for guild in state.guilds_of(session.bot.id) if session.has_guild(guild.id)]
        ready = self._ready(session, guilds, shard)
        self._gateway.delivery.send_to_one("READY", session, wire.text(ready))
        if session.intents & intents.GUILDS:
            for guild in guilds:
                self._gateway.broadcast.guild_created_in(guild, session)

    def _ready(self, session: Session, guilds: list[Guild], shard: tuple[int, int]) -> Json:
        bot = session.bot
        return {
            "v": 10,
            "user_settings": {},
            "user": payloads.own_user(self._gateway.state.users[bot.id]),
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
        request = _fields(data)
        session = self._gateway.sessions.find(str(request.get("session_id")))
        token = str(request.get("token", "")).removeprefix("Bot ")
        sequence = request.get("seq")
        if self._session is not None:
            self._connection.close(ALREADY_AUTHENTICATED)
        elif self._gateway.state.bot_of(token) is None:
            self._connection.close(BAD_TOKEN)
        elif session is None or session.bot.token != token:
            self._send(INVALID_SESSION, data=False)
        elif type(sequence) is not int or sequence > session.sequence:
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
        delay = self._gateway.settings.half_latency()
        for frame in missed:
            self._connection.send(frame, delay)
        session.emit("RESUMED", '{"_trace":["local"]}', delay)

    def _members(self, data: object) -> None:
        session = self._session
        if session is None:
            return
        delay = self._gateway.settings.half_latency()
        for chunk in chunks(self._gateway.state, session, _fields(data)):
            session.emit("GUILD_MEMBERS_CHUNK", wire.text(chunk), delay)


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
