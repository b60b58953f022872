"""The messages: writing, history, editing, pins and deleting.

A message is stored as the JSON that is sent, without what changes from answer to answer (signed
addresses, the nonce), so that a page of history is little more than a join of strings.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from discobase.local import wire
from discobase.local.state import payloads
from discobase.local.state.attachments import Attachments
from discobase.local.state.drafts import DEFAULT, REPLY, Changes, Draft
from discobase.local.state.entities import Channel
from discobase.local.state.nonces import Nonces
from discobase.local.state.snowflakes import Snowflakes, timestamp, unix_time
from discobase.local.state.state import State
from discobase.local.state.store import AttachmentRow, MessageRow, Store

Json = dict[str, Any]

_AFTER_ALL = (1 << 63) - 1
"""Above every id: they have 63 bits in SQLite."""


class Messages:
    """All messages of all channels.

    Args:
        store: where they are kept.
        state: users and channels.
        new_id: makes ids.
        nonces: remembers which message had which nonce.
        attachments: describes their files.
    """

    def __init__(
        self,
        store: Store,
        state: State,
        new_id: Snowflakes,
        nonces: Nonces,
        attachments: Attachments,
    ) -> None:
        self._store = store
        self._state = state
        self._new_id = new_id
        self._nonces = nonces
        self._attachments = attachments

    def create(self, channel: Channel, author_id: int, draft: Draft) -> MessageRow:
        """Write a message; it is in the file when this returns."""
        message, files = self._compose(channel, author_id, draft)
        with self._store.transaction():
            self._store.insert_message(message, files)
            if draft.nonce is not None:
                self._nonces.remember(author_id, channel.id, draft.nonce, message.id)
        channel.last_message_id = max(message.id, channel.last_message_id or 0)
        return message

    def compose(self, channel: Channel, author_id: int, draft: Draft) -> MessageRow:
        """Make a message that the channel never has; only its files are kept.

        It can be edited and deleted like any other, but it is the caller's to remember.
        """
        message, files = self._compose(channel, author_id, draft)
        self._attachments.keep(files)
        return message

    def _compose(
        self, channel: Channel, author_id: int, draft: Draft
    ) -> tuple[MessageRow, list[AttachmentRow]]:
        id_ = self._new_id()
        usual = DEFAULT if draft.reference is None else REPLY
        head: Json = {
            "id": str(id_),
            "type": usual if draft.type is None else draft.type,
            "channel_id": str(channel.id),
            "author": payloads.user(self._state.users[author_id]),
            "content": draft.content,
            "timestamp": timestamp(unix_time(id_)),
            "edited_timestamp": None,
            "flags": draft.flags,
            "mentions": [payloads.user(self._state.users[user_id]) for user_id in draft.mentions],
            "mention_roles": [],
            "mention_everyone": draft.mention_everyone,
            "pinned": False,
            "tts": draft.tts,
            "embeds": draft.embeds,
            "components": draft.components,
            **draft.more,
        }
        if draft.reference is not None:
            head["message_reference"] = draft.reference
        described, files = self._attachments.describe(channel.id, id_, draft.files)
        listed = wire.text(described) if described else None
        return MessageRow(id_, channel.id, author_id, wire.text(head)[:-1], listed), files

    def find(self, channel_id: int, message_id: int) -> MessageRow | None:
        """Return one message, if the channel has it."""
        return self._store.message(channel_id, message_id)

    def before(
        self,
        channel_id: int,
        message_id: int | None,
        limit: int,
        *,
        without: AbstractSet[int] = frozenset(),
    ) -> list[MessageRow]:
        """Return the newest messages before an id (which need not exist), newest first.

        Args:
            channel_id: the channel.
            message_id: the id, or ``None`` for the newest of all.
            limit: how many at most.
            without: messages that are passed over.
        """
        upper = _AFTER_ALL if message_id is None else message_id
        found = self._store.newest(channel_id, upper, limit + len(without))
        return [message for message in found if message.id not in without][:limit]

    def after(
        self,
        channel_id: int,
        message_id: int,
        limit: int,
        *,
        without: AbstractSet[int] = frozenset(),
    ) -> list[MessageRow]:
        """Return the oldest messages after an id, yet newest first, as Discord gives them."""
        found = self._store.oldest(channel_id, message_id, limit + len(without))
        return [message for message in found if message.id not in without][:limit][::-1]

    def around(
        self,
        channel_id: int,
        message_id: int,
        limit: int,
        *,
        without: AbstractSet[int] = frozenset(),
    ) -> list[MessageRow]:
        """Return messages on both sides of an id and that one, newest first."""
        half = limit // 2
        later = self.after(channel_id, message_id - 1, limit - half, without=without)
        return later + self.before(channel_id, message_id, half, without=without)

    def edit(self, message: MessageRow, changes: Changes) -> MessageRow:
        """Write an edit; return the message as it is now."""
        head = _edited(message.fields(), changes)
        present: list[Json] = json.loads(message.files or "[]")
        kept = _kept(present, changes.kept)
        removed = {int(entry["id"]) for entry in present} - {int(entry["id"]) for entry in kept}
        described, files = self._attachments.describe(message.channel_id, message.id, changes.files)
        listed = wire.text(kept + described) if kept or described else None
        edited = message._replace(head=wire.text(head)[:-1], files=listed)
        self._store.update_message(edited, files, removed)
        return edited

    def rewrite(self, message: MessageRow, head: str) -> None:
        """Write what hangs on a message without being an edit of it."""
        self._store.update_message(message._replace(head=head), (), ())

    def pin(self, message: MessageRow, moment: float) -> MessageRow:
        """Pin a message at a moment (Unix seconds); return it as it is now."""
        return self._set_pin(message, moment)

    def unpin(self, message: MessageRow) -> MessageRow:
        """Take the pin off a message; return it as it is now."""
        return self._set_pin(message, None)

    def _set_pin(self, message: MessageRow, moment: float | None) -> MessageRow:
        head = {**message.fields(), "pinned": moment is not None}
        changed = message._replace(head=wire.text(head)[:-1])
        self._store.set_pin(changed, moment)
        return changed

    def pins(self, channel_id: int, before: float, limit: int) -> list[tuple[MessageRow, float]]:
        """Return the pins before a moment, the latest first, with the moments they were made."""
        return self._store.pins(channel_id, before, limit)

    def count_pins(self, channel_id: int) -> int:
        """Return how many pins a channel has."""
        return self._store.count_pins(channel_id)

    def delete(self, ids: Sequence[int]) -> None:
        """Remove messages with their files. Their nonces stay used."""
        self._store.delete_messages(ids)


def _edited(head: Json, changes: Changes) -> Json:
    """Return a message's fields with those that an edit gives."""
    given = {
        "content": changes.content,
        "embeds": changes.embeds,
        "flags": changes.flags,
        "components": changes.components,
    }
    edited = {**head, **{name: value for name, value in given.items() if value is not None}}
    if changes.visible() and not changes.silent:
        edited["edited_timestamp"] = timestamp(time.time())
    return edited


def _kept(present: list[Json], chosen: dict[int, Json] | None) -> list[Json]:
    """Return the files that an edit keeps, with what it says of them anew."""
    if chosen is None:
        return present
    return [{**entry, **chosen[id_]} for entry in present if (id_ := int(entry["id"])) in chosen]
