"""What is asked of one server over REST, and what comes back, in the seam's words."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import discord
from discord.http import handle_message_parameters

from discobase.engine.server.discordpy.access import ChannelAccess
from discobase.engine.server.discordpy.application import Application
from discobase.engine.server.discordpy.client import GatewayClient
from discobase.engine.server.discordpy.errors import answered
from discobase.engine.server.discordpy.messages import message_of
from discobase.engine.server.login import Access
from discobase.engine.server.permissions import READING, WRITING, WRITING_FILES, Permission
from discobase.engine.server.seam import (
    MISSING_ACCESS,
    MISSING_PERMISSIONS,
    Attachment,
    Channel,
    Forbidden,
    Message,
    NotFound,
    NotPermitted,
    Refused,
    Trace,
    Upload,
)
from discobase.errors import ServerFull

_TEXT, _CATEGORY = 0, 4
"""Types of channels (channel resource, "Channel Types")."""

_FOR_ROLE, _FOR_MEMBER = 0, 1
"""Types of permission overwrites (channel resource, "Overwrite Object")."""

_PAGE = 100
"""The most messages that Discord gives at once (message resource, "Get Channel Messages")."""

_CHANNELS_FULL = 30013
"""What a server answers that has 500 channels (opcodes and status codes)."""

_FIRST_REPETITION_SECONDS = 1.0
"""How long discord.py 2.7.1 waits before it repeats a request (`HTTPClient.request`)."""


class RestRequests:
    """One server, asked by one bot; implements :class:`~discobase.engine.server.seam.Requests`.

    Args:
        client: the client, logged in.
        access: what the login came to.
    """

    def __init__(self, client: GatewayClient, access: Access) -> None:
        self._client = client
        self._bot = access.bot
        self._name = access.membership.name
        self._guild = access.guild
        self._settling = access.settling
        self._hears = access.gateway is not None
        self._application = Application(client, access)
        self._access = ChannelAccess(client, access, self._application)

    @property
    def author(self) -> int:
        """The bot's own user id."""
        return self._bot

    @property
    def id(self) -> int:
        """See :meth:`~discobase.engine.server.seam.Requests.id`."""
        return self._guild

    @property
    def name(self) -> str:
        """See :meth:`~discobase.engine.server.seam.Requests.name`."""
        return self._name

    @property
    def settling(self) -> float:
        """See :meth:`~discobase.engine.server.seam.Requests.settling`."""
        return self._settling

    async def send(
        self,
        channel: int,
        content: str,
        uploads: Sequence[Upload],
        nonce: str,
        *,
        mention: int | None = None,
    ) -> Message:
        """See :meth:`~discobase.engine.server.seam.Requests.send`."""
        needed = WRITING_FILES if uploads else WRITING
        self._access.refuse_denied(channel, needed)
        began = time.monotonic()
        try:
            return await self._send(channel, content, uploads, nonce, mention)
        except Refused as error:
            # discord.py repeats 500, 502, 504 and 524 by itself, after a second at the least.
            repeated = time.monotonic() - began >= _FIRST_REPETITION_SECONDS
            known = error
            if isinstance(error, Forbidden):
                known = await self._access.explain(channel, needed, error)
            known.repeated = repeated
            raise known from error

    async def _send(
        self,
        channel: int,
        content: str,
        uploads: Sequence[Upload],
        nonce: str,
        mention: int | None,
    ) -> Message:
        allowed = discord.AllowedMentions.none()
        if mention is not None:
            allowed.users = [discord.Object(mention)]
        files = [discord.File(BytesIO(upload.data), upload.name) for upload in uploads]
        flags = discord.MessageFlags(suppress_embeds=True, suppress_notifications=True)
        with (
            answered(),
            handle_message_parameters(
                content,
                nonce=nonce,
                flags=flags,
                files=files or discord.utils.MISSING,
                allowed_mentions=allowed,
            ) as parameters,
        ):
            return message_of(await self._client.http.send_message(channel, params=parameters))

    async def history(self, channel: int, *, after: int, limit: int = 100) -> list[Message]:
        """See :meth:`~discobase.engine.server.seam.Requests.history`."""
        self._access.refuse_denied(channel, READING)
        # The message `after` is asked for once more: it is there, so a channel that may be read is
        # not empty. Where there was none, what is known of permissions has to do.
        page = await self._page(channel, max(after - 1, 0), min(limit + 1, _PAGE))
        if not page:
            if after:
                self._access.changed()
            elif not self._hears:
                self._access.changed_untold()
            await self.require_readable(channel)
        # With equal timestamps Discord's order depends on the parameters (docs#2816): sort, and
        # take each message once.
        with answered():
            found = {message.id: message for message in map(message_of, page) if message.id > after}
        return [found[identity] for identity in sorted(found)]

    async def _page(self, channel: int, after: int, limit: int) -> Sequence[Mapping[str, Any]]:
        try:
            with answered():
                return await self._client.http.logs_from(channel, limit, after=after)
        except Forbidden as error:
            raise await self._access.explain(channel, READING, error) from error

    async def require_readable(self, channel: int) -> None:
        """See :meth:`~discobase.engine.server.seam.Requests.require_readable`."""
        if not self._access.is_listed(channel):
            await self._look_at(channel)
        try:
            await self._access.require(channel, READING)
        except NotPermitted:
            if not self._access.is_listed(channel):
                await self._look_at(channel)
            raise

    async def _look_at(self, channel: int) -> None:
        """Ask for a channel that is not listed: it is hidden from the bot, gone, or new."""
        try:
            with answered():
                self._access.note(await self._client.http.get_channel(channel))
        except Forbidden as error:
            if error.code not in {MISSING_ACCESS, MISSING_PERMISSIONS}:
                raise
            raise await self._access.hidden(channel) from error

    async def message(self, channel: int, message: int) -> Message:
        """See :meth:`~discobase.engine.server.seam.Requests.message`."""
        with answered():
            return message_of(await self._client.http.get_message(channel, message))

    async def fetch(self, attachment: Attachment) -> bytes:
        """See :meth:`~discobase.engine.server.seam.Requests.fetch`."""
        try:
            with answered():
                return await self._client.http.get_from_cdn(attachment.url)
        except Forbidden as error:
            # What the CDN says of an expired URL is not documented: 403 and 404 are both seen.
            raise NotFound(str(error)) from error

    async def delete_message(self, channel: int, message: int) -> None:
        """See :meth:`~discobase.engine.server.seam.Requests.delete_message`."""
        with answered():
            await self._client.http.delete_message(channel, message)

    async def channels(self) -> list[Channel]:
        """See :meth:`~discobase.engine.server.seam.Requests.channels`."""
        raw = await self._access.list_channels()
        with answered():
            return [_channel(channel) for channel in raw]

    async def may_write(self, user: int, channel: int) -> bool:
        """See :meth:`~discobase.engine.server.seam.Requests.may_write`."""
        return await self._access.may_write(user, channel)

    async def create_category(self, name: str) -> Channel:
        """See :meth:`~discobase.engine.server.seam.Requests.create_category`.

        The bot is allowed in first, or it would lock itself out.
        """
        sees = Permission.VIEW_CHANNEL.value
        hidden = {"id": str(self._guild), "type": _FOR_ROLE, "allow": "0", "deny": str(sees)}
        shown = {"id": str(self._bot), "type": _FOR_MEMBER, "allow": str(sees), "deny": "0"}
        return await self._create(_CATEGORY, name=name, permission_overwrites=[shown, hidden])

    async def create_channel(self, name: str, *, parent: int, topic: str) -> Channel:
        """See :meth:`~discobase.engine.server.seam.Requests.create_channel`."""
        try:
            return await self._create(_TEXT, name=name, parent_id=parent, topic=topic)
        except Forbidden as error:
            # It is seldom done, so what was known of permissions may be old.
            self._access.changed()
            needed = Permission.MANAGE_CHANNELS
            raise await self._access.explain(parent, needed, error) from error

    async def _create(self, kind: Any, **options: Any) -> Channel:
        try:
            with answered():
                made = await self._client.http.create_channel(self._guild, kind, **options)
                self._access.note(made)
                return _channel(made)
        except Refused as error:
            if error.code != _CHANNELS_FULL:
                raise
            raise ServerFull(
                "the server has 500 channels, all that Discord allows: delete some, or use another "
                "server (a database needs 7)."
            ) from error

    async def delete_channel(self, channel: int) -> None:
        """See :meth:`~discobase.engine.server.seam.Requests.delete_channel`."""
        with answered():
            await self._client.http.delete_channel(channel)

    async def traces(self) -> list[Trace]:
        """See :meth:`~discobase.engine.server.seam.Requests.traces`."""
        return await self._application.traces()

    async def leave_trace(self, catalog: int) -> None:
        """See :meth:`~discobase.engine.server.seam.Requests.leave_trace`."""
        await self._application.leave_trace(catalog)

    async def remove_trace(self, trace: int) -> None:
        """See :meth:`~discobase.engine.server.seam.Requests.remove_trace`."""
        await self._application.remove_trace(trace)


def _channel(raw: Mapping[str, Any]) -> Channel:
    parent = raw.get("parent_id")
    return Channel(
        id=int(raw["id"]),
        name=raw.get("name") or "",
        parent=int(parent) if parent else None,
        topic=raw.get("topic") or "",
        is_category=raw["type"] == _CATEGORY,
        last_message=int(raw.get("last_message_id") or 0),
        shown_to=frozenset(
            int(overwrite["id"])
            for overwrite in raw.get("permission_overwrites") or ()
            if int(overwrite["type"]) == _FOR_MEMBER
            and int(overwrite["allow"]) & Permission.VIEW_CHANNEL
        ),
    )
