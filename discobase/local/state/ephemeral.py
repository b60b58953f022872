"""Ephemeral messages: each is seen by one person, and lives in memory only."""

from __future__ import annotations

from typing import NamedTuple

from discobase.local.state.drafts import Draft
from discobase.local.state.entities import Channel
from discobase.local.state.messages import Messages
from discobase.local.state.store import MessageRow


class Ephemeral(NamedTuple):
    """A message that only one person sees."""

    message: MessageRow
    reader_id: int


class EphemeralMessages:
    """All messages that only one person sees.

    Args:
        messages: makes them, and keeps their files.
    """

    def __init__(self, messages: Messages) -> None:
        self._messages = messages
        self._by_id: dict[int, Ephemeral] = {}

    def create(self, channel: Channel, author_id: int, draft: Draft, reader_id: int) -> MessageRow:
        """Make a message that one person sees and the channel never has."""
        message = self._messages.compose(channel, author_id, draft)
        self._by_id[message.id] = Ephemeral(message, reader_id)
        return message

    def find(self, message_id: int) -> Ephemeral | None:
        """Return one of them by its id."""
        return self._by_id.get(message_id)

    def of_reader(self, channel_id: int, reader_id: int) -> list[MessageRow]:
        """Return those that a person sees in a channel, oldest first."""
        return [
            found.message
            for found in self._by_id.values()
            if (found.message.channel_id, found.reader_id) == (channel_id, reader_id)
        ]

    def replace(self, message: MessageRow) -> bool:
        """Keep one as it is now; return whether it is one of them."""
        found = self._by_id.get(message.id)
        if found is not None:
            self._by_id[message.id] = found._replace(message=message)
        return found is not None

    def remove(self, message_id: int) -> bool:
        """Forget one; return whether it was one of them."""
        return self._by_id.pop(message_id, None) is not None
