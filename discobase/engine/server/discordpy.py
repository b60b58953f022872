"""The seam over discord.py: one Discord server, reached with one bot token.

Together with :mod:`discobase.engine.server.client` the only module that knows discord.py. It uses
its REST calls and gateway events as documented, lets it wait out rate limits as it always does, and
translates what it raises into the seam's own errors.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Mapping, Sequence
from io import BytesIO
from typing import Any, ParamSpec, TypeVar

import aiohttp
import discord
import yarl
from discord.http import handle_message_parameters

from discobase.engine.server.client import DISCORD_API, GatewayClient
from discobase.engine.server.clock import SystemClock
from discobase.engine.server.permissions import Permission, invite_link, missing
from discobase.engine.server.retry import pause, persist
from discobase.engine.server.seam import (
    Attachment,
    Channel,
    Event,
    EventsLost,
    Forbidden,
    Message,
    MessageArrived,
    MessageChanged,
    NotFound,
    Refused,
    Uncertain,
    Upload,
)
from discobase.errors import (
    BadToken,
    ConnectError,
    IdentifyLimit,
    MissingPermission,
    ServerAmbiguous,
    ServerFull,
    ServerNotFound,
)
from discobase.worker import Worker

P = ParamSpec("P")
T = TypeVar("T")

_log = logging.getLogger(__name__)

_LOGIN_TRIES = 6
"""They take some 2.5 s where nobody answers."""

_TOKEN = re.compile(r"[!-~]+")
_UNKNOWN_BOT = (
    "Discord refused the bot token. Copy it anew from the developer portal (Bot, Reset Token); a "
    "token is three parts with dots between them, without the word 'Bot'."
)
_TEXT, _CATEGORY = 0, 4
_CHANNELS_FULL = 30013
_GUILDS_A_PAGE = 200
_FIRST_REPETITION_SECONDS = 1.0
_BRIEF = 200


class Connection(SystemClock):
    """One server, one bot, one login. Made by :meth:`open`; implements
    :class:`~discobase.engine.server.seam.Server`.

    A closed discord.py client cannot log in again, so neither can a connection: open another one.
    """

    def __init__(self, api_url: str) -> None:
        self._handlers: list[Callable[[Event], None]] = []
        self._client = GatewayClient(
            api_url,
            {
                "message": self._message_arrived,
                "raw_message_edit": self._message_edited,
                "raw_message_delete": self._message_deleted,
                "raw_bulk_message_delete": self._messages_deleted,
                "connect": self._session_began,
                "socket_event_type": self._event_came,
            },
        )
        self._worker = Worker("discobase-worker")
        self._sessions = 0
        self._live = asyncio.Event()
        self._listening: asyncio.Task[None] | None = None
        self._guild = 0

    # Connecting

    @classmethod
    async def open(
        cls, token: str, server: str | int, *, api_url: str, failed: Callable[[ConnectError], None]
    ) -> Connection:
        """Log in, find the server, and start the gateway beside it; usable for REST at once,
        :meth:`live` when events flow.

        Costs 4 API calls (two of them discord.py's login), and one identify.

        Args:
            token: the bot's token.
            server: the server's name, or its id; digits that are the name of none are taken for an
                id, as an environment variable has no other way to give one.
            api_url: the address of the REST API.
            failed: called when the gateway has ended for good.

        Raises:
            ConnectError: one of its subclasses says what is wrong.
        """
        _check_address(api_url)
        connection = cls(api_url)
        try:
            connection._worker.begin()
            with _of_discord(api_url):
                await connection._log_in(token, api_url)
                gateway, found = await asyncio.gather(
                    connection._gateway(), connection._find(server)
                )
                connection._guild = int(found["id"])
            connection._listening = asyncio.create_task(connection._listen(gateway, failed))
        except BaseException:
            await connection.close()
            raise
        return connection

    async def _log_in(self, token: str, api_url: str) -> None:
        if not _TOKEN.fullmatch(token):  # it would not fit into a header
            raise BadToken(_UNKNOWN_BOT)

        try:
            await self._reach(token)
        except discord.LoginFailure:
            raise BadToken(_UNKNOWN_BOT) from None
        except Uncertain as error:
            raise ConnectError(f"{api_url} cannot be reached: {error}") from error
        except NotFound as error:
            raise ConnectError(
                f"what answers at {api_url} is no Discord API: it knows no logins ({_brief(error)})"
            ) from error
        except Refused as error:
            raise ConnectError(f"{api_url} refused the login: {_brief(error)}") from error

    async def _reach(self, token: str) -> None:
        """Log in. Gives up sooner than other requests do: most often the address is wrong."""
        for attempt in range(_LOGIN_TRIES):
            try:
                with _translated():
                    await self._client.login(token)
            except Uncertain:
                if attempt == _LOGIN_TRIES - 1:
                    raise
                await self.sleep(pause(self, attempt))
            else:
                return

    async def _gateway(self) -> str:
        """Where the gateway is, asked of the server; refuses when there are no identifies left that
        day.
        """
        answer = await self._ask(self._client.http.get_bot_gateway)
        url: str = answer[1]
        budget: Mapping[str, int] = answer[2]
        if budget.get("remaining", 1) <= 0:
            hours = budget.get("reset_after", 0) / 3_600_000
            raise IdentifyLimit(
                f"this bot has logged in to the gateway {budget.get('total')} times today, which "
                f"is all Discord allows (it would reset the token). Wait {hours:.1f} h, and find "
                f"out which process restarts so often."
            )
        return url

    async def _find(self, wanted: str | int) -> Mapping[str, Any]:
        guilds = [guild async for guild in self._guilds()]
        named = [guild for guild in guilds if guild["name"] == wanted]
        fitting = named or [guild for guild in guilds if guild["id"] == str(wanted)]
        if not fitting:
            raise ServerNotFound(str(wanted), [guild["name"] for guild in guilds], self._invite())
        if len(fitting) > 1:
            ids = ", ".join(guild["id"] for guild in fitting)
            raise ServerAmbiguous(
                f"the bot is in {len(fitting)} servers named {wanted!r}: say which one with "
                f"server=ID (one of {ids})."
            )
        self._require_permissions(fitting[0])
        return fitting[0]

    async def _guilds(self) -> AsyncIterator[Mapping[str, Any]]:
        after: int | None = None
        while True:
            page = await self._ask(
                self._client.http.get_guilds, _GUILDS_A_PAGE, after=after, with_counts=False
            )
            for guild in page:
                yield guild
            if len(page) < _GUILDS_A_PAGE:
                return
            after = int(page[-1]["id"])

    async def _ask(
        self, request: Callable[P, Awaitable[Any]], *args: P.args, **kwargs: P.kwargs
    ) -> Any:
        async def once() -> Any:
            with _translated():
                return await request(*args, **kwargs)

        try:
            return await persist(self, once)
        except Refused as error:
            raise ConnectError(f"the server refused: {error} (code {error.code})") from error
        except Uncertain as error:
            raise ConnectError(f"the server did not answer: {error}") from error

    def _require_permissions(self, guild: Mapping[str, Any]) -> None:
        if lacking := missing(int(guild["permissions"])):
            raise MissingPermission(guild["name"], lacking, self._invite(int(guild["id"])))

    def _invite(self, guild: int | None = None) -> str:
        return invite_link(self._client.application_id or 0, guild)

    async def live(self) -> None:
        """Wait until the gateway session delivers the events of the server."""
        await self._live.wait()

    @property
    def awaited(self) -> str | None:
        """What :meth:`live` waits for, in words; None when the events flow. From any thread."""
        if self._live.is_set():
            return None
        return self._client.trouble or (
            f"the gateway is there, but has not shown the server {self._guild} yet: Discord may "
            f"have an outage"
        )

    async def _listen(self, gateway: str, failed: Callable[[ConnectError], None]) -> None:
        try:
            await self._client.listen(gateway)
        except discord.ConnectionClosed as error:
            refusal = BadToken if error.code == 4004 else ConnectError
            failed(
                refusal(f"Discord's gateway has closed the connection for good (code {error.code})")
            )
        except Exception as error:  # noqa: BLE001 - whatever ends the gateway has to reach those who wait
            _log.exception("the gateway loop has failed")
            failed(ConnectError(f"the gateway loop has failed: {error!r}"))

    async def close(self) -> None:
        """End the session and let go of every socket and thread. May be called again."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        with contextlib.suppress(OSError, aiohttp.ClientError):
            await self._client.close()
        self._worker.shutdown()

    # Events, called by discord.py in the order of the gateway

    def listen(self, handler: Callable[[Event], None]) -> None:
        """See :meth:`~discobase.engine.server.seam.Server.listen`."""
        self._handlers.append(handler)

    def _tell(self, event: Event) -> None:
        for handler in self._handlers:
            handler(event)

    def _message_arrived(self, message: discord.Message) -> None:
        self._tell(
            MessageArrived(
                Message(
                    id=message.id,
                    channel=message.channel.id,
                    author=message.author.id,
                    content=message.content,
                    attachments=tuple(
                        Attachment(file.filename, file.size, file.url)
                        for file in message.attachments
                    ),
                    nonce=None if message.nonce is None else str(message.nonce),
                )
            )
        )

    def _message_edited(self, event: discord.RawMessageUpdateEvent) -> None:
        self._tell(MessageChanged(event.channel_id, event.message_id, deleted=False))

    def _message_deleted(self, event: discord.RawMessageDeleteEvent) -> None:
        self._tell(MessageChanged(event.channel_id, event.message_id, deleted=True))

    def _messages_deleted(self, event: discord.RawBulkMessageDeleteEvent) -> None:
        for message in sorted(event.message_ids):
            self._tell(MessageChanged(event.channel_id, message, deleted=True))

    def _session_began(self) -> None:
        self._sessions += 1
        if self._sessions > 1:
            self._tell(EventsLost())

    def _event_came(self, kind: str) -> None:
        # discord.py keeps its own guild events back until it thinks it is ready, 2 s later. When
        # this is called the event is about to be parsed; when the loop comes round it has been.
        if kind == "GUILD_CREATE" and not self._live.is_set():
            asyncio.get_running_loop().call_soon(self._look_for_guild)

    def _look_for_guild(self) -> None:
        guild = self._client.get_guild(self._guild)
        if guild is not None and not guild.unavailable:
            self._live.set()

    # Requests

    @property
    def author(self) -> int:
        """The bot's own user id."""
        user = self._client.user
        if user is None:
            raise ConnectError("the bot has not logged in")
        return user.id

    async def send(
        self, channel: int, content: str, uploads: Sequence[Upload], nonce: str
    ) -> Message:
        """See :meth:`~discobase.engine.server.seam.Requests.send`."""
        began = self.monotonic()
        try:
            return await self._send(channel, content, uploads, nonce)
        except Refused as error:
            # discord.py repeats 500, 502, 504 and 524 by itself, after a second at the least.
            error.repeated = self.monotonic() - began >= _FIRST_REPETITION_SECONDS
            raise

    async def _send(
        self, channel: int, content: str, uploads: Sequence[Upload], nonce: str
    ) -> Message:
        files = [discord.File(BytesIO(upload.data), upload.name) for upload in uploads]
        flags = discord.MessageFlags(suppress_embeds=True, suppress_notifications=True)
        with (
            _translated(),
            handle_message_parameters(
                content,
                nonce=nonce,
                flags=flags,
                files=files or discord.utils.MISSING,
                allowed_mentions=discord.AllowedMentions.none(),
            ) as parameters,
        ):
            return _message(await self._client.http.send_message(channel, params=parameters))

    async def history(self, channel: int, *, after: int, limit: int = 100) -> list[Message]:
        """See :meth:`~discobase.engine.server.seam.Requests.history`."""
        with _translated():
            page = await self._client.http.logs_from(channel, limit, after=after)
        # With equal timestamps Discord's order depends on the parameters (docs#2816): sort, and
        # take each message once.
        found = {message.id: message for message in map(_message, page)}
        return [found[identity] for identity in sorted(found)]

    async def message(self, channel: int, message: int) -> Message:
        """See :meth:`~discobase.engine.server.seam.Requests.message`."""
        with _translated():
            return _message(await self._client.http.get_message(channel, message))

    async def fetch(self, attachment: Attachment) -> bytes:
        """See :meth:`~discobase.engine.server.seam.Requests.fetch`."""
        try:
            with _translated():
                return await self._client.http.get_from_cdn(attachment.url)
        except Forbidden as error:
            # What the CDN says of an expired URL is not documented: 403 and 404 are both seen.
            raise NotFound(str(error)) from error

    async def delete_message(self, channel: int, message: int) -> None:
        """See :meth:`~discobase.engine.server.seam.Requests.delete_message`."""
        with _translated():
            await self._client.http.delete_message(channel, message)

    async def channels(self) -> list[Channel]:
        """See :meth:`~discobase.engine.server.seam.Requests.channels`."""
        with _translated():
            return [
                _channel(raw) for raw in await self._client.http.get_all_guild_channels(self._guild)
            ]

    async def create_category(self, name: str) -> Channel:
        """See :meth:`~discobase.engine.server.seam.Requests.create_category`.

        The bot is allowed in first, or it would lock itself out.
        """
        sees = Permission.VIEW_CHANNEL.value
        hidden = {"id": str(self._guild), "type": 0, "allow": "0", "deny": str(sees)}
        shown = {"id": str(self.author), "type": 1, "allow": str(sees), "deny": "0"}
        return await self._create(_CATEGORY, name=name, permission_overwrites=[shown, hidden])

    async def create_channel(self, name: str, *, parent: int, topic: str) -> Channel:
        """See :meth:`~discobase.engine.server.seam.Requests.create_channel`."""
        return await self._create(_TEXT, name=name, parent_id=parent, topic=topic)

    async def _create(self, kind: Any, **options: Any) -> Channel:
        try:
            with _translated():
                return _channel(
                    await self._client.http.create_channel(self._guild, kind, **options)
                )
        except Refused as error:
            if error.code != _CHANNELS_FULL:
                raise
            raise ServerFull(
                "the server has 500 channels, all that Discord allows: delete some, or use another "
                "server (a database needs 7)."
            ) from error

    async def delete_channel(self, channel: int) -> None:
        """See :meth:`~discobase.engine.server.seam.Requests.delete_channel`."""
        with _translated():
            await self._client.http.delete_channel(channel)

    # Heavy steps

    async def work(self, step: Callable[[], T]) -> T:
        """See :meth:`~discobase.engine.server.seam.Server.work`."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, step)


def _check_address(api_url: str) -> None:
    try:
        url = yarl.URL(api_url)
        usable = url.scheme in {"http", "https"} and bool(url.host)
    except ValueError:
        usable = False
    if not usable:
        raise ConnectError(
            f"{api_url!r} is no address of a REST API: it begins with http:// or https://, as in "
            f"{DISCORD_API}. It comes from api_url=, or else from DISCOBASE_API_URL."
        )


@contextlib.contextmanager
def _of_discord(api_url: str) -> Generator[None]:
    """Say so where answers do not have the form of Discord's: the address is most often wrong."""
    try:
        yield
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise ConnectError(
            f"what answers at {api_url} is no Discord API: it answers in another form "
            f"({type(error).__name__}: {error})"
        ) from error


def _brief(error: Refused) -> str:
    """What a refusal says, on one line: it may be a whole web page."""
    return textwrap.shorten(str(error), _BRIEF, placeholder=" ...")


@contextlib.contextmanager
def _translated() -> Generator[None]:
    """Say in the seam's words what discord.py raises: whether the request had an effect is what
    matters.

    :exc:`discord.LoginFailure` passes: only a login raises it.
    """
    try:
        yield
    except discord.LoginFailure:
        raise
    except discord.GatewayNotFound as error:
        raise Uncertain("the gateway's address could not be had") from error
    except discord.NotFound as error:
        raise NotFound(error.text or "not found", error.code) from error
    except discord.HTTPException as error:
        if error.status in (401, 403):
            raise Forbidden(error.text or "forbidden", error.code) from error
        if error.status >= 500 or error.status == 429:
            raise Uncertain(f"HTTP status {error.status}") from error
        raise Refused(error.text or f"HTTP status {error.status}", error.code) from error
    except (OSError, aiohttp.ClientError, TimeoutError) as error:
        raise Uncertain(f"{type(error).__name__}: {error}") from error


def _message(raw: Mapping[str, Any]) -> Message:
    nonce = raw.get("nonce")
    return Message(
        id=int(raw["id"]),
        channel=int(raw["channel_id"]),
        author=int(raw["author"]["id"]),
        content=raw["content"],
        attachments=tuple(
            Attachment(file["filename"], file["size"], file["url"]) for file in raw["attachments"]
        ),
        nonce=None if nonce is None else str(nonce),
    )


def _channel(raw: Mapping[str, Any]) -> Channel:
    parent = raw.get("parent_id")
    return Channel(
        id=int(raw["id"]),
        name=raw.get("name") or "",
        parent=int(parent) if parent else None,
        topic=raw.get("topic") or "",
        is_category=raw["type"] == _CATEGORY,
    )
