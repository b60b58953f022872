"""What the gateway tells of one server, in the seam's words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import discord

from discobase.engine.server.discordpy.client import GatewayClient, Handler
from discobase.engine.server.seam import (
    Attachment,
    Event,
    EventsLost,
    Message,
    MessageArrived,
    MessageChanged,
)


class GatewayEvents:
    """The events of a server, translated and handed on at once, in the order of the gateway.

    Args:
        client: whose events they are.
        guild: the id of the server.

    Attributes:
        handlers: what is to be called for which of discord.py's events.
        ready: set once the gateway has shown the server: its events flow.
    """

    def __init__(self, client: GatewayClient, guild: int) -> None:
        self._client = client
        self._guild = guild
        self._listeners: list[Callable[[Event], None]] = []
        self._sessions = 0
        self.ready = asyncio.Event()
        self.handlers: Mapping[str, Handler] = {
            "message": self._message_arrived,
            "raw_message_edit": self._message_edited,
            "raw_message_delete": self._message_deleted,
            "raw_bulk_message_delete": self._messages_deleted,
            "connect": self._session_began,
            "socket_event_type": self._event_came,
        }

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Have `listener` called for every event, on the loop."""
        self._listeners.append(listener)

    def tell(self, event: Event) -> None:
        """Hand an event to all who listen."""
        for listener in self._listeners:
            listener(event)

    def _message_arrived(self, message: discord.Message) -> None:
        self.tell(
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
        self.tell(MessageChanged(event.channel_id, event.message_id, deleted=False))

    def _message_deleted(self, event: discord.RawMessageDeleteEvent) -> None:
        self.tell(MessageChanged(event.channel_id, event.message_id, deleted=True))

    def _messages_deleted(self, event: discord.RawBulkMessageDeleteEvent) -> None:
        for message in sorted(event.message_ids):
            self.tell(MessageChanged(event.channel_id, message, deleted=True))

    def _session_began(self) -> None:
        self._sessions += 1
        if self._sessions > 1:
            self.tell(EventsLost())

    def _event_came(self, kind: str) -> None:
        # discord.py keeps its own guild events back until it thinks it is ready, 2 s later. When
        # this is called the event is about to be parsed; when the loop comes round it has been.
        if kind == "GUILD_CREATE" and not self.ready.is_set():
            asyncio.get_running_loop().call_soon(self._look_for_guild)

    def _look_for_guild(self) -> None:
        guild = self._client.get_guild(self._guild)
        if guild is not None and not guild.unavailable:
            self.ready.set()
