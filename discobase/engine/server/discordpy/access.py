"""What the bot may do in the channels of one server, as Discord has last told.

It is asked for as seldom as may be: a login has asked for most of it already, and the gateway tells
when it has changed. What the bot's roles allow comes from Discord itself; the channels' overwrites
are added here (:func:`~discobase.engine.server.permissions.in_channel`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from discobase.engine.server.discordpy.application import Application
from discobase.engine.server.discordpy.client import GatewayClient
from discobase.engine.server.discordpy.errors import answered
from discobase.engine.server.login import Access, Membership
from discobase.engine.server.permissions import (
    READING,
    Overwrite,
    Permission,
    Standing,
    in_channel,
    invite_link,
    missing,
)
from discobase.engine.server.seam import Forbidden, NotFound, NotPermitted, ServerError
from discobase.errors import MissingPermission

BELIEVED_SECONDS = 5.0
"""For which a permission is taken for missing without asking again: an event tells when it is back,
but events get lost. A guess, and few enough refused requests: Discord bans who makes 10,000 in ten
minutes (topics, rate limits, "Invalid Request Limit")."""

UNTOLD_SECONDS = 60.0
"""For which permissions are taken for what they were where no events tell of changes, and what is
read does not: as often as such a process looks for what else it was not told
(:data:`~discobase.engine.log.last_look.TRUST`)."""

_READING_NAMES = set(missing(0, READING))
"""What a member who is timed out still has."""


@dataclass(frozen=True, slots=True)
class _Denial:
    """What was missing in a channel, and until when that is believed."""

    needed: Permission
    error: NotPermitted
    until: float


class ChannelAccess:
    """What the bot may do in each channel.

    Args:
        client: the client, logged in.
        access: what the login came to.
        application: the bot's application.
    """

    def __init__(self, client: GatewayClient, access: Access, application: Application) -> None:
        self._client = client
        self._bot = access.bot
        self._application = application
        self._server = access.membership
        self._roles: frozenset[int] | None = None
        self._timed_out_until = 0.0
        self._overwrites: dict[int, Mapping[int, Overwrite]] = {}
        self._names: dict[int, str] = {}
        self._denied: dict[int, _Denial] = {}
        self._changed = False
        self._looks = 0
        self._asked = float("-inf")
        self._logged_in = time.monotonic()
        self._asking = asyncio.Lock()

    def changed(self) -> None:
        """Note that what is known may not be so any more."""
        self._changed = True

    def changed_untold(self) -> None:
        """Note that permissions may have changed, if they were asked for some time ago."""
        if time.monotonic() - max(self._asked, self._logged_in) >= UNTOLD_SECONDS:
            self._changed = True

    async def list_channels(self) -> Sequence[Mapping[str, Any]]:
        """Return the server's channels as Discord describes them. One API call.

        Discord leaves out those that the bot may not view (since the 16th of November 2026;
        channel resource, "Obfuscated Channels"); other servers do not.
        """
        with answered():
            raw = await self._client.http.get_all_guild_channels(self._server.guild)
            self._overwrites = {}
            for channel in raw:
                self.note(channel)
        return raw

    def note(self, channel: Mapping[str, Any]) -> None:
        """Take note of a channel that is there."""
        identity = int(channel["id"])
        self._overwrites[identity] = _overwrites(channel)
        self._names[identity] = channel.get("name") or ""

    async def hidden(self, channel: int) -> NotPermitted:
        """Return the error for a channel that the bot may not view."""
        return await self._denial(channel, missing(0, READING))

    def is_listed(self, channel: int) -> bool:
        """Return whether a channel was there when the channels were last listed."""
        return channel in self._overwrites

    async def require(self, channel: int, needed: Permission) -> None:
        """See that the bot has permissions in a channel. No API call where nothing has changed
        since they were asked for, and the channel has overwrites of the bot and of everyone only;
        else up to three, at once.

        Raises:
            NotPermitted: it lacks some of them.
        """
        self.refuse_denied(channel, needed)
        looks = self._looks
        async with self._asking:
            if self._is_outdated(channel):
                await self._ask(looks)
            elif self._roles is None and self._names_other_roles(channel):
                await self._ask_roles()
        await self._refuse(channel, needed)

    async def explain(self, channel: int, needed: Permission, refusal: Forbidden) -> Forbidden:
        """Return the error for a request that was refused: what the bot lacks, if that is known to
        be the reason. Up to three API calls, at once.
        """
        looks = self._looks
        try:
            async with self._asking:
                if self._changed or time.monotonic() - self._asked >= BELIEVED_SECONDS:
                    await self._ask(looks)
            await self._refuse(channel, needed)
        except NotPermitted as error:
            return error
        except ServerError:
            pass
        return refusal

    def refuse_denied(self, channel: int, needed: Permission) -> None:
        """Raise what was found to be missing a moment ago, so that nothing is asked in vain. No API
        call.

        Raises:
            NotPermitted: some of the permissions are missing.
        """
        denial = self._denied.get(channel)
        if denial is None or self._changed or time.monotonic() >= denial.until:
            return
        if denial.needed & needed:
            raise NotPermitted(denial.error.reason)

    async def _refuse(self, channel: int, needed: Permission) -> None:
        overwrites = self._overwrites.get(channel)
        held = 0 if overwrites is None else in_channel(self._standing, overwrites)
        lacking = missing(held, needed)
        if not lacking:
            return
        error = await self._denial(channel, lacking)
        if overwrites is None:  # it may be gone: what is asked of it tells
            raise error
        self._denied[channel] = _Denial(
            needed & ~Permission(held & needed), error, time.monotonic() + BELIEVED_SECONDS
        )
        raise error

    async def _denial(self, channel: int, lacking: Sequence[str]) -> NotPermitted:
        application = await self._application.known_id()
        explained = self._standing.timed_out and not set(lacking) & _READING_NAMES
        return NotPermitted(
            MissingPermission(
                self._server.name,
                lacking,
                invite_link(application, self._server.guild),
                self._names.get(channel, str(channel)),
                timed_out=explained,
            )
        )

    @property
    def _standing(self) -> Standing:
        return Standing(
            guild=self._server.guild,
            user=self._bot,
            permissions=self._server.permissions,
            roles=self._roles or frozenset(),
            owns=self._server.owns,
            timed_out=self._timed_out_until > time.time(),
        )

    def _names_other_roles(self, channel: int) -> bool:
        return bool(set(self._overwrites[channel]) - {self._server.guild, self._bot})

    def _is_outdated(self, channel: int) -> bool:
        return self._changed or channel not in self._overwrites or channel in self._denied

    async def _ask(self, looks: int) -> None:
        """Ask for all that counts, unless that was begun after so many times."""
        if self._looks > looks:
            return
        self._looks += 1
        self._changed = False
        try:
            await asyncio.gather(self.list_channels(), self._ask_server(), self._ask_roles())
        except BaseException:
            self._changed = True
            raise
        self._asked = time.monotonic()
        self._denied.clear()

    async def may_write(self, user: int, channel: int) -> bool:
        """Return whether somebody is a member of the server and may write in a channel. Up to three
        API calls.
        """
        guild = self._server.guild
        try:
            with answered():
                member = await self._client.http.get_member(guild, user)
                roles = await self._client.http.get_roles(guild)
        except NotFound:
            return False
        await self.list_channels()
        held = {int(role) for role in member["roles"]}
        permissions = 0
        for role in roles:
            if int(role["id"]) in {guild, *held}:
                permissions |= int(role["permissions"])
        standing = Standing(guild, user, permissions, frozenset(held))
        may = in_channel(standing, self._overwrites.get(channel, {}))
        return bool(may & Permission.SEND_MESSAGES)

    async def _ask_server(self) -> None:
        guild = self._server.guild
        with answered():
            page = await self._client.http.get_guilds(1, after=guild - 1, with_counts=False)
            found = [server for server in map(membership, page) if server.guild == guild]
        self._server = found[0] if found else replace(self._server, permissions=0)

    async def _ask_roles(self) -> None:
        with answered():
            member = await self._client.http.get_member(self._server.guild, self._bot)
            self._roles = frozenset(int(role) for role in member["roles"])
            until = member.get("communication_disabled_until")
            self._timed_out_until = datetime.fromisoformat(until).timestamp() if until else 0.0


def membership(raw: Mapping[str, Any]) -> Membership:
    """Read a server in the list of those that the bot is in."""
    return Membership(
        int(raw["id"]), raw["name"], int(raw["permissions"]), owns=raw.get("owner") is True
    )


def _overwrites(raw: Mapping[str, Any]) -> dict[int, Overwrite]:
    return {
        int(each["id"]): Overwrite(int(each["allow"]), int(each["deny"]))
        for each in raw.get("permission_overwrites") or ()
    }
