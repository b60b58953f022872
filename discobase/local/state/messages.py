"""The messages: creating them once per nonce, history, editing, deleting, and their JSON.

A message is stored as the JSON that is sent, without what changes from answer to answer (signed
addresses, the nonce), so that a page of history is little more than a join of strings.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from mimetypes import guess_type
from typing import Any, NamedTuple

from discobase.local import wire
from discobase.local.behaviour.settings import Settings
from discobase.local.state import attachment_urls as cdn
from discobase.local.state import payloads, reactions
from discobase.local.state.entities import Bot, Channel
from discobase.local.state.intents import MESSAGE_CONTENT
from discobase.local.state.snowflakes import Snowflakes, timestamp, unix_time
from discobase.local.state.state import State
from discobase.local.state.store import AttachmentRow, MessageRow, NonceRow, Store

Json = dict[str, Any]

DEFAULT = 0
PIN_ADDED = 6
REPLY = 19

_REPLY_MARK = f'"type":{REPLY},'
_TYPE_WITHIN = 48
"""Where in a message's JSON its type is found without reading all of it."""
_NONCES_PER_SWEEP = 512
_AFTER_ALL = (1 << 63) - 1


@dataclass(slots=True)
class NewFile:
    """A file that comes with a message."""

    name: str
    content: bytes
    description: str | None = None


@dataclass(slots=True)
class Draft:
    """A message to be.

    ``type`` is told where it is neither a usual one nor a reply; ``more`` are further fields, as an
    answer to an interaction has them.
    """

    content: str = ""
    embeds: list[Json] = field(default_factory=list[Json])
    files: list[NewFile] = field(default_factory=list[NewFile])
    flags: int = 0
    tts: bool = False
    nonce: str | int | None = None
    mentions: list[int] = field(default_factory=list[int])
    mention_everyone: bool = False
    reference: Json | None = None
    components: list[Json] = field(default_factory=list[Json])
    type: int | None = None
    more: Json = field(default_factory=dict[str, Any])


@dataclass(slots=True)
class Changes:
    """An edit; ``None`` leaves a thing as it is. ``kept`` are the ids of the files to keep.

    ``silent`` leaves no trace of it, as when a deferred answer gets its text.
    """

    content: str | None = None
    embeds: list[Json] | None = None
    flags: int | None = None
    kept: dict[int, Json] | None = None
    files: list[NewFile] = field(default_factory=list[NewFile])
    components: list[Json] | None = None
    silent: bool = False

    def visible(self) -> bool:
        """Whether more than the flags changes."""
        changed = (self.content, self.embeds, self.kept, self.components)
        return bool(self.files) or any(part is not None for part in changed)


class Viewer(NamedTuple):
    """Whom a message is shown to.

    Attributes:
        bot: ``None`` for one who sees everything.
        origin: scheme, host and port at which he reaches this server.
        intents: what a gateway session asked for; elsewhere what the bot may ask for counts.
    """

    bot: Bot | None
    origin: str
    intents: int | None = None


class Messages:
    """All messages of all channels.

    Args:
        store: where they are kept.
        state: users and channels.
        settings: the window of the nonces.
        new_id: makes ids.
        signer: makes the addresses of files.
    """

    def __init__(
        self, store: Store, state: State, settings: Settings, new_id: Snowflakes, signer: cdn.Signer
    ) -> None:
        self._store = store
        self._state = state
        self._settings = settings
        self._new_id = new_id
        self._signer = signer
        since = time.time() - settings.nonce_window
        self._nonces = {row[:3]: row for row in store.nonces(since)}
        self._sweep_at = _NONCES_PER_SWEEP

    def first_with_nonce(self, author_id: int, channel_id: int, nonce: str | int) -> int | None:
        """The message, deleted or not, that the author sent here with this nonce in the window.

        Discord's documentation says that the nonce is unique by author; unofficial documentation
        says by author and channel, which is what is done here.
        """
        used = self._nonces.get((author_id, channel_id, str(nonce)))
        if used is None or time.time() - used.sent > self._settings.nonce_window:
            return None
        return used.message_id

    def create(self, channel: Channel, author_id: int, draft: Draft) -> MessageRow:
        """Writes a message; it is in the file when this returns."""
        message, attachments = self._compose(channel, author_id, draft)
        with self._store.transaction():
            self._store.insert_message(message, attachments)
            if draft.nonce is not None:
                nonce = NonceRow(author_id, channel.id, str(draft.nonce), message.id, time.time())
                self._remember(nonce)
        channel.last_message_id = message.id
        return message

    def whisper(self, channel: Channel, author_id: int, draft: Draft) -> MessageRow:
        """Makes a message that one person sees and the channel never has; only its files are kept.

        It can be edited and deleted like any other, but it is the caller's to remember.
        """
        message, attachments = self._compose(channel, author_id, draft)
        with self._store.transaction():
            self._store.insert_attachments(attachments)
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
        described, attachments = self._attach(channel.id, id_, draft.files)
        files = wire.text(described) if described else None
        return MessageRow(id_, channel.id, author_id, wire.text(head)[:-1], files), attachments

    def _remember(self, nonce: NonceRow) -> None:
        self._store.insert_nonce(nonce)
        self._nonces[nonce[:3]] = nonce
        if len(self._nonces) >= self._sweep_at:
            oldest = time.time() - self._settings.nonce_window
            self._store.forget_nonces(oldest)
            self._nonces = {key: row for key, row in self._nonces.items() if row.sent >= oldest}
            self._sweep_at = 2 * len(self._nonces) + _NONCES_PER_SWEEP

    def _attach(
        self, channel_id: int, message_id: int, files: Sequence[NewFile]
    ) -> tuple[list[Json], list[AttachmentRow]]:
        described: list[Json] = []
        attachments: list[AttachmentRow] = []
        for file in files:
            name = cdn.clean_name(file.name)
            kind = _content_type(name)
            row = AttachmentRow(self._new_id(), channel_id, message_id, name, kind, file.content)
            entry: Json = {"id": str(row.id), "filename": name, "size": len(file.content)}
            if kind is not None:
                entry["content_type"] = kind
            if file.description is not None:
                entry["description"] = file.description
            if name != file.name:
                entry["title"] = file.name.rpartition(".")[0] or file.name
            described.append(entry)
            attachments.append(row)
        return described, attachments

    def upload(self, channel_id: int, owner_id: int, file: NewFile, origin: str) -> Json:
        """Keeps a file that is no message's; returns its JSON."""
        described, attachments = self._attach(channel_id, owner_id, [file])
        with self._store.transaction():
            self._store.insert_attachments(attachments)
        addressed = self._with_addresses(wire.text(described), channel_id, origin)
        entry: Json = json.loads(addressed)[0]
        return entry

    def message(self, channel_id: int, message_id: int) -> MessageRow | None:
        """One message, if the channel has it."""
        return self._store.message(channel_id, message_id)

    def before(self, channel_id: int, message_id: int | None, limit: int) -> list[MessageRow]:
        """The newest messages before an id (which need not exist), newest first."""
        return self._store.newest(
            channel_id, _AFTER_ALL if message_id is None else message_id, limit
        )

    def after(self, channel_id: int, message_id: int, limit: int) -> list[MessageRow]:
        """The oldest messages after an id, yet newest first, as Discord gives them."""
        return self._store.oldest(channel_id, message_id, limit)[::-1]

    def around(self, channel_id: int, message_id: int, limit: int) -> list[MessageRow]:
        """Messages on both sides of an id and that one, newest first."""
        half = limit // 2
        later = self._store.oldest(channel_id, message_id - 1, limit - half)[::-1]
        return later + self._store.newest(channel_id, message_id, half)

    def edit(self, message: MessageRow, changes: Changes) -> MessageRow:
        """Writes an edit; returns the message as it is now."""
        head: Json = json.loads(message.head + "}")
        if changes.content is not None:
            head["content"] = changes.content
        if changes.embeds is not None:
            head["embeds"] = changes.embeds
        if changes.flags is not None:
            head["flags"] = changes.flags
        if changes.components is not None:
            head["components"] = changes.components
        if changes.visible() and not changes.silent:
            head["edited_timestamp"] = timestamp(time.time())
        present: list[Json] = json.loads(message.files or "[]")
        kept = present
        if changes.kept is not None:
            kept = [
                {**entry, **changes.kept[id_]}
                for entry in present
                if (id_ := int(entry["id"])) in changes.kept
            ]
        removed = {int(entry["id"]) for entry in present} - {int(entry["id"]) for entry in kept}
        described, attachments = self._attach(message.channel_id, message.id, changes.files)
        files = wire.text(kept + described) if kept or described else None
        edited = message._replace(head=wire.text(head)[:-1], files=files)
        self._store.update_message(edited, attachments, removed)
        return edited

    def rewrite(self, message: MessageRow, head: str) -> None:
        """Writes what hangs on a message without being an edit of it."""
        self._store.update_message(message._replace(head=head), (), ())

    def pin(self, message: MessageRow, moment: float) -> MessageRow:
        """Pins a message at a moment (Unix seconds); returns it as it is now."""
        return self._set_pin(message, moment)

    def unpin(self, message: MessageRow) -> MessageRow:
        """Takes the pin off a message; returns it as it is now."""
        return self._set_pin(message, None)

    def _set_pin(self, message: MessageRow, moment: float | None) -> MessageRow:
        head = {**json.loads(message.head + "}"), "pinned": moment is not None}
        changed = message._replace(head=wire.text(head)[:-1])
        self._store.set_pin(changed, moment)
        return changed

    def pinned(self, message: MessageRow) -> bool:
        """Whether a message is pinned."""
        return bool(json.loads(message.head + "}")["pinned"])

    def pins(self, channel_id: int, before: float, limit: int) -> list[tuple[MessageRow, float]]:
        """The channel's pins before a moment, the latest first, with the moments they were made."""
        return self._store.pins(channel_id, before, limit)

    def count_pins(self, channel_id: int) -> int:
        """How many pins a channel has."""
        return self._store.count_pins(channel_id)

    def delete(self, ids: Sequence[int]) -> None:
        """Removes messages with their files. Their nonces stay used."""
        self._store.delete_messages(ids)

    def attachment(self, attachment_id: int) -> AttachmentRow | None:
        """One file with its content."""
        return self._store.attachment(attachment_id)

    def json(self, message: MessageRow, viewer: Viewer, more: str = "") -> str:
        """A message's JSON.

        Args:
            message: the message.
            viewer: whom it is for: content is hidden from bots without the intent, but for their
                own messages.
            more: further fields, each with a comma before it.
        """
        if _REPLY_MARK in message.head[:_TYPE_WITHIN]:
            more = f'{more},"referenced_message":{self._referenced(message, viewer)}'
        return self._plain_json(message, viewer, more)

    def _referenced(self, message: MessageRow, viewer: Viewer) -> str:
        """The JSON of what a reply is to, without what that one is to; null where it is gone."""
        reference: Json = json.loads(message.head + "}")["message_reference"]
        place = (int(reference["channel_id"]), int(reference["message_id"]))
        found = self._store.message(*place)
        return "null" if found is None else self._plain_json(found, viewer, "")

    def _plain_json(self, message: MessageRow, viewer: Viewer, more: str) -> str:
        head, files = message.head, message.files
        if _hidden_from(message, viewer):
            head, files = _without_content(head), None
        head = reactions.for_reader(head, None if viewer.bot is None else viewer.bot.id)
        if files is not None:
            files = self._with_addresses(files, message.channel_id, viewer.origin)
        return f'{head},"attachments":{files or "[]"}{more}}}'

    def page(self, messages: Sequence[MessageRow], viewer: Viewer) -> str:
        """The JSON list of several messages."""
        return f"[{','.join([self.json(message, viewer) for message in messages])}]"

    def _with_addresses(self, files: str, channel_id: int, origin: str) -> str:
        entries: list[Json] = json.loads(files)
        for entry in entries:
            url = self._signer.url(origin, channel_id, int(entry["id"]), entry["filename"])
            entry["url"] = entry["proxy_url"] = url
        return wire.text(entries)


def _hidden_from(message: MessageRow, viewer: Viewer) -> bool:
    bot = viewer.bot
    if bot is None or message.author_id == bot.id:
        return False
    allowed = bot.privileged if viewer.intents is None else viewer.intents
    if allowed & MESSAGE_CONTENT:
        return False
    mentioned: list[Json] = json.loads(message.head + "}")["mentions"]
    return all(user["id"] != str(bot.id) for user in mentioned)


def _without_content(head: str) -> str:
    fields: Json = json.loads(head + "}")
    fields.update(content="", embeds=[], components=[])
    return wire.text(fields)[:-1]


def _content_type(name: str) -> str | None:
    kind, encoding = guess_type(name)
    if encoding == "gzip":
        return "application/gzip"
    if kind is not None and (kind.startswith("text/") or kind == "application/json"):
        return f"{kind}; charset=utf-8"
    return kind
