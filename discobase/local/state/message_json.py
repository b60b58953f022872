"""The JSON of messages, as each reader gets it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from discobase.local import wire
from discobase.local.state import reactions
from discobase.local.state.attachments import Attachments
from discobase.local.state.drafts import REPLY
from discobase.local.state.entities import Bot
from discobase.local.state.intents import MESSAGE_CONTENT
from discobase.local.state.store import MessageRow, Store

Json = dict[str, Any]

_REPLY_MARK = f'"type":{REPLY},'
_TYPE_WITHIN = 48
"""Where in a message's JSON its type is found without reading all of it: behind an id."""


class Viewer(NamedTuple):
    """Whom a message is shown to.

    Attributes:
        bot: ``None`` for one who sees everything.
        origin: scheme, host and port at which they reach this server.
        intents: what a gateway session asked for; elsewhere what the bot may ask for counts.
    """

    bot: Bot | None
    origin: str
    intents: int | None = None


class MessageJson:
    """The messages as JSON.

    Args:
        store: where the messages are that others reply to.
        attachments: makes the addresses of files.
    """

    def __init__(self, store: Store, attachments: Attachments) -> None:
        self._store = store
        self._attachments = attachments

    def of(self, message: MessageRow, viewer: Viewer, more: str = "") -> str:
        """Return a message's JSON.

        Args:
            message: the message.
            viewer: whom it is for: content is hidden from bots without the intent, but for their
                own messages.
            more: further fields, each with a comma before it.
        """
        if _REPLY_MARK in message.head[:_TYPE_WITHIN]:
            more = f'{more},"referenced_message":{self._referenced(message, viewer)}'
        return self._without_reference(message, viewer, more)

    def page(self, messages: Sequence[MessageRow], viewer: Viewer) -> str:
        """Return the JSON list of several messages."""
        return f"[{','.join([self.of(message, viewer) for message in messages])}]"

    def _referenced(self, message: MessageRow, viewer: Viewer) -> str:
        """Return the JSON of what a reply is to, without what that is to; null where it is gone."""
        reference: Json = message.fields()["message_reference"]
        place = (int(reference["channel_id"]), int(reference["message_id"]))
        found = self._store.message(*place)
        return "null" if found is None else self._without_reference(found, viewer, "")

    def _without_reference(self, message: MessageRow, viewer: Viewer, more: str) -> str:
        head, files = message.head, message.files
        if _hidden_from(message, viewer):
            head, files = _without_content(message), None
        head = reactions.for_reader(head, None if viewer.bot is None else viewer.bot.id)
        if files is not None:
            files = self._attachments.addressed(files, message.channel_id, viewer.origin)
        return f'{head},"attachments":{files or "[]"}{more}}}'


def _hidden_from(message: MessageRow, viewer: Viewer) -> bool:
    bot = viewer.bot
    if bot is None or message.author_id == bot.id:
        return False
    allowed = bot.privileged if viewer.intents is None else viewer.intents
    if allowed & MESSAGE_CONTENT:
        return False
    mentioned: list[Json] = message.fields()["mentions"]
    return all(user["id"] != str(bot.id) for user in mentioned)


def _without_content(message: MessageRow) -> str:
    fields = message.fields()
    fields.update(content="", embeds=[], components=[])
    return wire.text(fields)[:-1]
