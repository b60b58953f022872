"""The bodies of requests that send and edit messages (Discord's page "Message")."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from discobase.local import refusals
from discobase.local.rest.call import Call
from discobase.local.rest.forms.components import read_components
from discobase.local.rest.forms.embeds import read_embeds
from discobase.local.rest.forms.form import Form, as_integer
from discobase.local.state.drafts import Changes, Draft, NewFile
from discobase.local.state.entities import Channel
from discobase.local.state.permissions import MENTION_EVERYONE
from discobase.local.state.store import MessageRow

Json = dict[str, Any]

LONGEST_CONTENT = 2000
LONGEST_NONCE = 25
LARGEST_NONCE = (1 << 63) - 1
LONGEST_DESCRIPTION = 1024
MOST_FILES = 10
"""Discord's page "Message"; that a nonce has 64 bits where it is a number is assumed, and the
number of files from its list of codes, 30015."""

SUPPRESS_EMBEDS = 1 << 2
SUPPRESS_NOTIFICATIONS = 1 << 12
COMPONENTS_V2 = 1 << 15
"""The message is laid out by its components; the flag cannot be taken away again."""

_MOST_MENTIONED = 100
"""Discord's page "Message", "Allowed Mentions Object"."""

_REPLY, _FORWARD = 0, 1
_UNSERVED = ("poll", "sticker_ids", "shared_client_theme")

_USER_MENTION = re.compile(r"<@!?(\d{1,20})>")


@dataclass(slots=True)
class NewMessage:
    """A message to send, and whether only if its nonce is new."""

    draft: Draft
    enforce_nonce: bool


def read_new_message(call: Call, channel: Channel) -> NewMessage:
    """Read the body of a *Create Message*.

    Raises:
        Refusal: it does not fit, is empty, or its files are too many or too large.
    """
    form = Form({} if call.body is None else call.body)
    if unserved := next((name for name in _UNSERVED if form.body.get(name)), None):
        raise refusals.not_served(f"create_message with {unserved}")
    content = form.text("content", longest=LONGEST_CONTENT, trimmed=True) or ""
    embeds = read_embeds(form)
    flags = form.integer("flags") or 0
    tts = form.boolean("tts")
    nonce = _nonce(form)
    enforce = form.boolean("enforce_nonce")
    files = _new_files(form, call)
    reference = _reference(form, call, channel)
    mentions, everyone = _mentions(form, call, channel, content)
    components = read_components(form, free=bool(flags & COMPONENTS_V2))
    if flags & COMPONENTS_V2:
        _refuse_old_fields(form)
    form.check()
    if not content and not embeds and not files and not components:
        raise refusals.empty_message()
    draft = Draft(
        content=content,
        embeds=embeds or [],
        files=files,
        flags=flags & (SUPPRESS_EMBEDS | SUPPRESS_NOTIFICATIONS | COMPONENTS_V2),
        tts=bool(tts),
        nonce=nonce,
        mentions=mentions,
        mention_everyone=everyone,
        reference=reference,
        components=components or [],
    )
    return NewMessage(draft, bool(enforce))


def read_changes(call: Call, message: MessageRow) -> Changes:
    """Read the body of an *Edit Message*.

    Raises:
        Refusal: it does not fit, its files are too many or too large, or nothing would be left of
            the message.
    """
    form = Form({} if call.body is None else call.body)
    content = form.text("content", longest=LONGEST_CONTENT, trimmed=True)
    if "content" in form:
        content = content or ""
    embeds = read_embeds(form)
    if "embeds" in form and embeds is None:
        embeds = []
    flags = form.integer("flags")
    head: Json = json.loads(message.head + "}")
    free = bool((head["flags"] | (flags or 0)) & COMPONENTS_V2)
    components = read_components(form, free=free)
    if free:
        _refuse_old_fields(form)
    if flags is not None:
        settable = SUPPRESS_EMBEDS | COMPONENTS_V2
        flags = (flags & settable) | (head["flags"] & ~SUPPRESS_EMBEDS)
    present = {int(entry["id"]): entry for entry in json.loads(message.files or "[]")}
    kept = _kept(form, call, set(present))
    files = _new_files(form, call)
    form.check()
    remaining = len(present if kept is None else kept) + len(files)
    if remaining > MOST_FILES:
        raise refusals.too_many_attachments(MOST_FILES)
    text = head["content"] if content is None else content
    shown = head["components"] if components is None else components
    if not (text or remaining or shown or (head["embeds"] if embeds is None else embeds)):
        raise refusals.empty_message()
    return Changes(content, embeds, flags, kept, files, components)


def _refuse_old_fields(form: Form) -> None:
    """Refuse text and embeds beside the components that a message is laid out by."""
    for name in ("content", "embeds"):
        if form.body.get(name):
            form.wrong(
                name,
                "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
                f"The '{name}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2",
            )


def _nonce(form: Form) -> str | int | None:
    nonce = form.body.get("nonce")
    if isinstance(nonce, int) and not isinstance(nonce, bool):
        return form.integer("nonce", least=-LARGEST_NONCE - 1, most=LARGEST_NONCE)
    return form.text("nonce", longest=LONGEST_NONCE)


def _new_files(form: Form, call: Call) -> list[NewFile]:
    """Read the uploaded files by number, as the ``attachments`` with these ids describe them."""
    limit = call.platform.settings.attachment_limit
    if len(call.files) > MOST_FILES:
        raise refusals.too_many_attachments(MOST_FILES)
    if any(len(file.content) > limit for file in call.files.values()):
        raise refusals.too_large()
    described = {
        as_integer(entry.get("id")): Form(entry)
        for entry in form.objects("attachments", most=99) or ()
    }
    if any("uploaded_filename" in entry for entry in described.values()):
        raise refusals.unknown_upload()
    files: list[NewFile] = []
    for number, upload in sorted(call.files.items()):
        entry = described.get(number) or Form({})
        name = entry.text("filename", longest=1024) or upload.name
        description = entry.text("description", longest=LONGEST_DESCRIPTION)
        entry.check()
        files.append(NewFile(name, upload.content, description))
    return files


def _kept(form: Form, call: Call, present: set[int]) -> dict[int, Json] | None:
    """Read the files an edit keeps, with new descriptions; ``None`` (it does not say) keeps all."""
    if "attachments" not in form:
        return None
    kept: dict[int, Json] = {}
    for number, entry in enumerate(form.objects("attachments", most=99) or ()):
        id_ = as_integer(entry.get("id"))
        if id_ in present:
            described = Form(entry).text("description", longest=LONGEST_DESCRIPTION)
            kept[id_] = {} if described is None else {"description": described}
        elif id_ not in call.files:
            form.wrong(
                f"attachments.{number}.id",
                "ATTACHMENT_NOT_FOUND",
                f"Attachment data not found for index: {id_}",
            )
    return kept


def _reference(form: Form, call: Call, channel: Channel) -> Json | None:
    reference = form.part("message_reference")
    if reference is None:
        return None
    message_id, elsewhere = reference.snowflake("message_id"), reference.snowflake("channel_id")
    if reference.choice("type", (_REPLY, _FORWARD)) == _FORWARD:
        raise refusals.not_served("create_message with a forward")
    optional = reference.boolean("fail_if_not_exists") is False
    if message_id is None:
        if reference.body.get("message_id") is None:
            reference.wrong("message_id", "BASE_TYPE_REQUIRED", "This field is required")
        return None
    if elsewhere not in {None, channel.id}:
        message = "Cannot reply to a message in a different channel"
        form.wrong("message_reference", "REPLIES_CANNOT_REPLY_TO_MESSAGE_IN_OTHER_CHANNEL", message)
        return None
    if call.platform.messages.find(channel.id, message_id) is not None:
        place = {"channel_id": str(channel.id), "guild_id": str(channel.guild_id)}
        return {"type": 0, "message_id": str(message_id), **place}
    if not optional:
        form.wrong("message_reference", "MESSAGE_REFERENCE_UNKNOWN_MESSAGE", "Unknown message")
    return None


def _mentions(form: Form, call: Call, channel: Channel, content: str) -> tuple[list[int], bool]:
    """Return which users are mentioned, and whether everyone is, as ``allowed_mentions`` says."""
    parsed, listed = _allowed_mentions(form)
    named = dict.fromkeys(int(found) for found in _USER_MENTION.findall(content))
    users = call.platform.state.users
    mentions = [id_ for id_ in named if id_ in users and ("users" in parsed or id_ in listed)]
    may = call.platform.state.permissions_in(channel, call.bot.id) & MENTION_EVERYONE
    everyone = bool(may) and "everyone" in parsed and ("@everyone" in content or "@here" in content)
    return mentions, everyone


def _allowed_mentions(form: Form) -> tuple[list[object], list[int]]:
    """Return which kinds of mentions are read from the text, and which users else."""
    if form.body.get("allowed_mentions") is None:
        return ["users", "roles", "everyone"], []
    rules = form.part("allowed_mentions")
    if rules is None:
        return [], []
    parsed = rules.items("parse") or []
    return parsed, rules.ids("users", most=_MOST_MENTIONED) or []
