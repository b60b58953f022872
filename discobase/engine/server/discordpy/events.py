"""What the gateway tells of one server, in the seam's words."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from discobase.engine.server.discordpy.client import Handler
from discobase.engine.server.discordpy.messages import message_of
from discobase.engine.server.seam import (
    AccessChanged,
    Event,
    EventsLost,
    MessageArrived,
    MessageChanged,
)

_log = logging.getLogger(__name__)


class GatewayEvents:
    """The events of a server, translated and handed on at once, in the order of the gateway.

    What is needed of an event is read from what the gateway sends: discord.py's own models need
    more of it than that, and fail where it is missing. Other events are not looked at.

    Args:
        guild: the id of the server.
        bot: the id of the bot's user.
        shown: whether the gateway has shown the server in the present session.

    Attributes:
        handlers: what is to be called for which event, by its name on the gateway.
        flow: set while the events of the server come.
        silence: set while they do not.
    """

    def __init__(self, guild: int, bot: int, *, shown: bool = False) -> None:
        self._guild = guild
        self._bot = bot
        self._listeners: list[Callable[[Event], None]] = []
        self._shown = shown
        self.flow, self.silence = asyncio.Event(), asyncio.Event()
        self.silence.set()
        self.handlers: Mapping[str, Handler] = {
            "READY": self._session_began,
            "RESUMED": self._session_resumed,
            "GUILD_CREATE": self._kept(self._guild_shown, needed=True),
            "GUILD_DELETE": self._kept(self._guild_gone),
            "MESSAGE_CREATE": self._kept(self._message_arrived),
            "MESSAGE_UPDATE": self._kept(self._message_edited),
            "MESSAGE_DELETE": self._kept(self._message_deleted),
            "MESSAGE_DELETE_BULK": self._kept(self._messages_deleted),
            "CHANNEL_UPDATE": self._kept(self._channel_changed),
            "CHANNEL_DELETE": self._kept(self._channel_changed),
            "GUILD_ROLE_UPDATE": self._kept(self._role_changed),
            "GUILD_ROLE_DELETE": self._kept(self._role_changed),
            "GUILD_MEMBER_UPDATE": self._kept(self._member_changed),
        }

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Have `listener` called for every event, on the loop."""
        self._listeners.append(listener)

    def _tell(self, *events: Event) -> None:
        for event in events:
            for listener in self._listeners:
                listener(event)

    def _kept(
        self, read: Callable[[Mapping[str, Any]], Iterable[Event]], *, needed: bool = False
    ) -> Handler:
        """Return a handler that makes up for an event that cannot be read, or dealt with: what it
        told of is read from the log. The error of one that is `needed` for events to come is raised
        as well, which leads to a new session.
        """

        def handle(raw: Mapping[str, Any]) -> None:
            try:
                if _is_of_another_server(raw, self._guild):
                    return
                self._tell(*read(raw))
            except Exception:  # of whatever kind: the log has it all
                _log.exception("an event of the gateway cannot be read; the log is read instead")
                self._tell(EventsLost())
                if needed and not self._shown:
                    raise

        return handle

    # Messages

    def _message_arrived(self, raw: Mapping[str, Any]) -> Iterable[Event]:
        return [MessageArrived(message_of(raw))]

    def _message_edited(self, raw: Mapping[str, Any]) -> Iterable[Event]:
        return [MessageChanged(int(raw["channel_id"]), int(raw["id"]), deleted=False)]

    def _message_deleted(self, raw: Mapping[str, Any]) -> Iterable[Event]:
        return [MessageChanged(int(raw["channel_id"]), int(raw["id"]), deleted=True)]

    def _messages_deleted(self, raw: Mapping[str, Any]) -> Iterable[Event]:
        channel = int(raw["channel_id"])
        return [
            MessageChanged(channel, message, deleted=True)
            for message in sorted(map(int, raw["ids"]))
        ]

    # What the bot may do

    def _channel_changed(self, raw: Mapping[str, Any]) -> Iterable[Event]:
        return [AccessChanged(int(raw["id"]))]

    def _role_changed(self, _: object) -> Iterable[Event]:
        return [AccessChanged()]

    def _member_changed(self, raw: Mapping[str, Any]) -> Iterable[Event]:
        # Sent for the bot itself without the intent for members (gateway, "List of Intents").
        return [AccessChanged()] if int(raw["user"]["id"]) == self._bot else []

    # Whether events come

    def lost(self) -> None:
        """Take note that the gateway is lost: nothing comes until it has been found again."""
        self.flow.clear()
        self.silence.set()

    def _session_began(self, _: object) -> None:
        # Events of a server come once it has been shown.
        self._shown = False
        self.lost()

    def _session_resumed(self, _: object) -> None:
        # What came meanwhile has been sent by now.
        if self._shown:
            self._flows()

    def _guild_shown(self, raw: Mapping[str, Any]) -> Iterable[Event]:
        if int(raw["id"]) != self._guild or raw.get("unavailable"):
            return []
        self._shown = True
        self._flows()
        # From here on everything comes. What happened before, in whatever time there was no
        # session, or none yet, was missed.
        return [EventsLost()]

    def _guild_gone(self, raw: Mapping[str, Any]) -> Iterable[Event]:
        if int(raw["id"]) == self._guild:
            self._shown = False
            self.lost()
        return []

    def flows(self) -> None:
        """Take note that the gateway is there: where it has shown the server, its events come."""
        if self._shown:
            self._flows()

    def _flows(self) -> None:
        self.silence.clear()
        self.flow.set()


def _is_of_another_server(raw: Mapping[str, Any], guild: int) -> bool:
    """Return whether an event names another server. Not each event names its own."""
    return int(raw.get("guild_id") or guild) != guild
