"""Log in: reach the API, find the server, see that the bot may do there what a database needs.

What it needs of a client are plain facts, which :class:`Account` names; it knows nothing of
discord.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import ParamSpec, Protocol, TypeVar

import yarl

from discobase.engine.server.permissions import NEEDED, READING, invite_link, missing
from discobase.engine.server.retry import persist, repeat
from discobase.engine.server.seam import SETTLING, Clock, NotFound, Refused, Uncertain
from discobase.errors import (
    BadToken,
    ConnectError,
    MissingPermission,
    ServerAmbiguous,
    ServerNotFound,
)

P = ParamSpec("P")
T = TypeVar("T")

DISCORD_API = "https://discord.com/api/v10"
"""Where Discord's own API is (reference, "API Versioning")."""

_TRIES = 6
"""Tries to reach the API. Fewer than other requests get, because most often the address is wrong
where nobody answers: some 2.5 s, a guess."""

_GUILDS_A_PAGE = 200
"""The most that Discord gives (user resource, "Get Current User Guilds")."""

_BRIEF = 200
"""Characters of a refusal that are repeated in an error: a guess."""

_TOKEN = re.compile(r"[!-~]{1,1000}")
"""What may be a token: what a header can carry. Discord's have some 70 characters; servers echo the
head of a header that is too long for them (8 kB, in aiohttp)."""
_UNKNOWN_BOT = (
    "Discord refused the bot token. Copy it anew from the developer portal (Bot, Reset Token); a "
    "token is three parts with dots between them, without the word 'Bot'."
)


@dataclass(frozen=True, slots=True)
class BotIdentity:
    """Who has logged in: the id of the bot's user.

    `settling` is what the server says of when writes can be read (:data:`SETTLING`).
    """

    user: int
    settling: float = SETTLING


@dataclass(frozen=True, slots=True)
class Membership:
    """A server that the bot is in, and what the bot may do there, in bits, before any channel's
    overwrites.
    """

    guild: int
    name: str
    permissions: int
    owns: bool = False


@dataclass(frozen=True, slots=True)
class Gateway:
    """Where the gateway is, and how many identifies the bot has left (gateway, "Session Start Limit
    Object").
    """

    url: str
    remaining: int
    total: int | None
    reset_seconds: float


@dataclass(frozen=True, slots=True)
class Access:
    """What a login comes to.

    Attributes:
        bot: the id of the bot's user.
        guild: the id of the server.
        gateway: where the gateway is; None where none is wanted.
        membership: the server, and what the bot may do there.
        settling: seconds within which what was written there can be read by everybody.
    """

    bot: int
    guild: int
    gateway: Gateway | None
    membership: Membership
    settling: float = SETTLING


class TokenRefused(Refused):
    """401 to the login itself: no bot has this token."""


class Account(Protocol):
    """What a login asks of Discord. Each method raises the seam's errors."""

    async def log_in(self, token: str) -> BotIdentity:
        """Log in, which may be tried again where it fails. One API call.

        Raises:
            TokenRefused: no bot has this token.
        """
        ...

    async def application(self) -> int:
        """Return the id of the bot's application, which links to it need. One API call."""
        ...

    async def gateway(self) -> Gateway:
        """Return where the gateway is. One API call."""
        ...

    async def servers(self, limit: int, after: int | None) -> list[Membership]:
        """Return the first servers that the bot is in, in ascending order of id; those above
        `after`, where it is given. One API call.
        """
        ...


@dataclass(frozen=True, slots=True)
class Login:
    """A login to one API.

    Args:
        account: the bot's account there.
        clock: the time.
        api_url: the address of the REST API, for errors.
        read_only: whether nothing is to be written, so that the bot may be allowed less.

    Raises:
        ConnectError: the address is none.
    """

    account: Account
    clock: Clock
    api_url: str
    read_only: bool = False

    def __post_init__(self) -> None:
        try:
            url = yarl.URL(self.api_url)
            usable = url.scheme in {"http", "https"} and bool(url.host)
        except ValueError:
            usable = False
        if not usable:
            raise ConnectError(
                f"{self.api_url!r} is no address of a REST API: it begins with http:// or "
                f"https://, as in {DISCORD_API}. It comes from api_url=, or else from "
                f"DISCOBASE_API_URL."
            )

    async def enter(self, token: str, server: str | int, *, gateway: bool = True) -> Access:
        """Log in and find the server. 3 API calls; one less without the gateway, and one more for
        each 200 servers of the bot.

        Args:
            token: the bot's token.
            server: the server's name, or its id; digits that are the name of none are taken for an
                id, as an environment variable has no other way to give one.
            gateway: whether the gateway is wanted, too.

        Raises:
            ConnectError: one of its subclasses says what is wrong.
        """
        with self._in_discords_form():
            bot = await self._log_in(token)
            found_gateway, found = await asyncio.gather(
                self._gateway(wanted=gateway), self._find(server, bot)
            )
            return Access(bot.user, found.guild, found_gateway, found, bot.settling)

    async def find(self, server: str | int, bot: BotIdentity) -> Membership:
        """Find another server, once logged in. One API call for 200 servers of the bot.

        Args:
            server: its name, or its id, as for :meth:`enter`.
            bot: who has logged in.

        Raises:
            ServerNotFound, ServerAmbiguous, MissingPermission: as for :meth:`enter`.
            ConnectError: Discord refused, or did not answer.
        """
        with self._in_discords_form():
            return await self._find(server, bot)

    @contextlib.contextmanager
    def _in_discords_form(self) -> Generator[None]:
        """Say so where answers do not have the form of Discord's: the address is most often
        wrong.
        """
        try:
            yield
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            raise ConnectError(
                f"what answers at {self.api_url} is no Discord API: it answers in another form "
                f"({type(error).__name__}: {error})"
            ) from error

    async def _log_in(self, token: str) -> BotIdentity:
        if not _TOKEN.fullmatch(token):  # it would not fit into a header
            raise BadToken(_UNKNOWN_BOT)

        try:
            return await repeat(self.clock, _TRIES, lambda: self.account.log_in(token))
        except TokenRefused:
            raise BadToken(_UNKNOWN_BOT) from None
        except Uncertain as error:
            raise ConnectError(
                f"{self.api_url} cannot be reached: {error}. See that this machine has a network "
                f"that leads there, and log in again; the token 'local' needs none."
            ) from error
        except NotFound as error:
            raise ConnectError(
                f"what answers at {self.api_url} is no Discord API: it knows no logins "
                f"({_brief(error)})"
            ) from error
        except Refused as error:
            raise ConnectError(f"{self.api_url} refused the login: {_brief(error)}") from error

    async def _gateway(self, *, wanted: bool) -> Gateway | None:
        return await self._ask(self.account.gateway) if wanted else None

    async def _find(self, wanted: str | int, bot: BotIdentity) -> Membership:
        servers = [server async for server in self._servers()]
        named = [server for server in servers if server.name == wanted]
        fitting = named or [server for server in servers if str(server.guild) == str(wanted)]
        if not fitting:
            present = [server.name for server in servers]
            raise ServerNotFound(str(wanted), present, await self._invite(bot))
        if len(fitting) > 1:
            ids = ", ".join(str(server.guild) for server in fitting)
            raise ServerAmbiguous(
                f"the bot is in {len(fitting)} servers named {wanted!r}: say which one with "
                f"server=ID (one of {ids})."
            )
        (found,) = fitting
        if lacking := missing(found.permissions, READING if self.read_only else NEEDED):
            raise MissingPermission(found.name, lacking, await self._invite(bot, found.guild))
        return found

    async def _invite(self, bot: BotIdentity, guild: int | None = None) -> str:
        """Return the link that adds the bot to a server. One API call. Where its application's id
        is not to be had it is the bot's own, which is the same for all but the oldest (observed).
        """
        try:
            application = await self._ask(self.account.application)
        except (ConnectError, TypeError, KeyError, ValueError):
            application = bot.user
        return invite_link(application, guild, READING if self.read_only else NEEDED)

    async def _servers(self) -> AsyncIterator[Membership]:
        after: int | None = None
        while True:
            page = await self._ask(self.account.servers, _GUILDS_A_PAGE, after)
            for server in page:
                yield server
            if len(page) < _GUILDS_A_PAGE:
                return
            after = page[-1].guild

    async def _ask(
        self, request: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        try:
            return await persist(self.clock, request, *args, **kwargs)
        except Refused as error:
            raise ConnectError(f"the server refused: {error} (code {error.code})") from error
        except Uncertain as error:
            raise ConnectError(f"the server did not answer: {error}") from error


def _brief(error: Refused) -> str:
    """Return what a refusal says, on one line: it may be a whole web page."""
    return textwrap.shorten(str(error), _BRIEF, placeholder=" ...")
