"""What a person sees: channels, messages, and what a bot answered."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from discobase.errors import UsageError
from discobase.local.platform import Platform
from discobase.local.state.drafts import LOADING
from discobase.local.state.entities import Channel, User
from discobase.local.state.interactions import (
    CHOICES,
    DEFERRED_UPDATE,
    MODAL,
    PONG,
    UPDATE,
    Interaction,
)
from discobase.local.state.message_json import Viewer
from discobase.local.state.permissions import VIEW_CHANNEL
from discobase.local.state.store import MessageRow

Json = dict[str, Any]

_NEWEST = 100
"""Messages of a channel that are shown: as many as one page of Discord's history has at most."""

_STATES = {
    None: "waiting",
    PONG: "acknowledged",
    DEFERRED_UPDATE: "acknowledged",
    UPDATE: "updated",
    CHOICES: "choices",
    MODAL: "modal",
}


class View:
    """The server as people see it.

    Args:
        platform: the server.
    """

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def person(self, person_id: int) -> User:
        """Return a person.

        Raises:
            UsageError: there is none with this id.
        """
        person = self._platform.state.users.get(person_id)
        if person is None or person.bot:
            raise UsageError(f"there is no person {person_id}.")
        return person

    def channel(self, person_id: int, channel_id: int, needed: int = 0) -> Channel:
        """Return a channel that a person sees and in which they may do what is needed.

        Raises:
            UsageError: they do not, or may not.
        """
        person = self.person(person_id)
        channel = self._platform.state.channels.get(channel_id)
        if channel is None:
            raise UsageError(f"there is no channel {channel_id}.")
        allowed = self._platform.state.permissions_in(channel, person.id)
        if not allowed & VIEW_CHANNEL or needed & ~allowed:
            raise UsageError(f"{person.name} may not do this in the channel {channel.name!r}.")
        return channel

    def message(self, person_id: int, message_id: int) -> MessageRow:
        """Return a message that a person sees.

        Raises:
            UsageError: they see no such message.
        """
        ephemeral = self._platform.ephemeral.find(message_id)
        if ephemeral is not None and ephemeral.reader_id == person_id:
            return ephemeral.message
        for channel in self._channels(person_id):
            row = self._platform.messages.find(channel.id, message_id)
            if row is not None:
                return row
        raise UsageError(f"this person sees no message {message_id}.")

    def messages(self, person_id: int, channel_id: int) -> list[Json]:
        """Return what a person sees in a channel, oldest first: the newest, and what is theirs.

        Raises:
            UsageError: they do not see the channel.
        """
        channel = self.channel(person_id, channel_id)
        rows = self._platform.messages.before(channel.id, None, _NEWEST)
        rows += self._platform.ephemeral.of_reader(channel.id, person_id)
        return [self.json(row) for row in sorted(rows, key=lambda row: row.id)]

    def json(self, message: MessageRow, origin: str | None = None) -> Json:
        """Return a message as Discord's JSON, for whoever reaches this server at an origin."""
        viewer = Viewer(None, origin or self._platform.origin)
        found: Json = json.loads(self._platform.message_json.of(message, viewer))
        return found

    def answer(self, interaction: Interaction) -> Json:
        """Return what a person sees by now of a bot's answer to what they did."""
        message = self._shown(interaction, interaction.original_id)
        followups = (self._shown(interaction, id_) for id_ in interaction.followup_ids)
        return {
            "interaction_id": str(interaction.id),
            "state": _state(interaction, message),
            "message": None if message is None or message["flags"] & LOADING else message,
            "followups": [followup for followup in followups if followup is not None],
            "modal": interaction.modal,
            "choices": interaction.choices,
            "error": interaction.error,
        }

    def _shown(self, interaction: Interaction, message_id: int | None) -> Json | None:
        row = self._platform.message(interaction.channel.id, message_id)
        return None if row is None else self.json(row)

    def _channels(self, person_id: int) -> Iterable[Channel]:
        state = self._platform.state
        for guild in state.guilds_of(person_id):
            for channel in guild.channels.values():
                if state.permissions_in(channel, person_id) & VIEW_CHANNEL:
                    yield channel


def _state(interaction: Interaction, message: Json | None) -> str:
    if interaction.error is not None:
        return "failed"
    if message is not None and message["flags"] & LOADING:
        return "thinking"
    return _STATES.get(interaction.answer, "answered")
