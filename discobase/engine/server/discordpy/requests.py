"""What is asked of one server over REST, and what comes back, in the seam's words."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import discord
from discord.http import handle_message_parameters

from discobase.engine.server.discordpy.client import GatewayClient
from discobase.engine.server.discordpy.errors import answered
from discobase.engine.server.discordpy.messages import message_of
from discobase.engine.server.permissions import Permission
from discobase.engine.server.seam import (
    Attachment,
    Channel,
    Forbidden,
    Message,
    NotFound,
    Refused,
    Upload,
)
from discobase.errors import ServerFull

_TEXT, _CATEGORY = 0, 4
"""Types of channels (channel resource, "Channel Types")."""

_FOR_ROLE, _FOR_MEMBER = 0, 1
"""Types of permission overwrites (channel resource, "Overwrite Object")."""

_CHANNELS_FULL = 30013
"""What a server answers that has 500 channels (opcodes and status codes)."""

_FIRST_REPETITION_SECONDS = 1.0
"""How long discord.py 2.7.1 waits before it repeats a request (`HTTPClient.request`)."""


class RestRequests:
    """One server, asked by one bot; implements :class:`~discobase.engine.server.seam.Requests`.

    Args:
        client: the client, logged in.
        bot: the id of the bot's user.
        guild: the id of the server.
        settling: seconds within which what was written there can be read.
    """

    def __init__(self, client: GatewayClient, *, bot: int, guild: int, settling: float) -> None:
        self._client = client
        self._settling = settling
        self._bot = bot
        self._guild = guild

    @property
    def author(self) -> int:
        """The bot's own user id."""
        return self._bot

    @property
    def settling(self) -> float:
        """See :meth:`~discobase.engine.server.seam.Requests.settling`."""
        return self._settling

    async def send(
        self, channel: int, content: str, uploads: Sequence[Upload], nonce: str
    ) -> Message:
        """See :meth:`~discobase.engine.server.seam.Requests.send`."""
        began = time.monotonic()
        try:
            return await self._send(channel, content, uploads, nonce)
        except Refused as error:
            # discord.py repeats 500, 502, 504 and 524 by itself, after a second at the least.
            error.repeated = time.monotonic() - began >= _FIRST_REPETITION_SECONDS
            raise

    async def _send(
        self, channel: int, content: str, uploads: Sequence[Upload], nonce: str
    ) -> Message:
        files = [discord.File(BytesIO(upload.data), upload.name) for upload in uploads]
        flags = discord.MessageFlags(suppress_embeds=True, suppress_notifications=True)
        with (
            answered(),
            handle_message_parameters(
                content,
                nonce=nonce,
                flags=flags,
                files=files or discord.utils.MISSING,
                allowed_mentions=discord.AllowedMentions.none(),
            ) as parameters,
        ):
            return message_of(await self._client.http.send_message(channel, params=parameters))

    async def history(self, channel: int, *, after: int, limit: int = 100) -> list[Message]:
        """See :meth:`~discobase.engine.server.seam.Requests.history`."""
        with answered():
            page = await self._client.http.logs_from(channel, limit, after=after)
            found = {message.id: message for message in map(message_of, page)}
        # With equal timestamps Discord's order depends on the parameters (docs#2816): sort, and
        # take each message once.
        return [found[identity] for identity in sorted(found)]

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
        with answered():
            return [
                _channel(raw) for raw in await self._client.http.get_all_guild_channels(self._guild)
            ]

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
        return await self._create(_TEXT, name=name, parent_id=parent, topic=topic)

    async def _create(self, kind: Any, **options: Any) -> Channel:
        try:
            with answered():
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
        with answered():
            await self._client.http.delete_channel(channel)


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
