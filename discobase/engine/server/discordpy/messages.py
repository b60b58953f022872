"""A message as Discord's API and its gateway give it, in the seam's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from discobase.engine.server.seam import Attachment, Message


def message_of(raw: Mapping[str, Any]) -> Message:
    """Read a message. Only its place has to be there: what else is missing stands for nothing, for
    which of its fields a message has depends on its kind (message resource, "Message Object").

    Raises:
        KeyError, TypeError, ValueError: it has no id, or no channel.
    """
    nonce = raw.get("nonce")
    author: Mapping[str, Any] = raw.get("author") or {}
    return Message(
        id=int(raw["id"]),
        channel=int(raw["channel_id"]),
        author=int(author.get("id") or 0),
        content=_text(raw.get("content")),
        attachments=tuple(map(_attachment, raw.get("attachments") or ())),
        nonce=None if nonce is None else str(nonce),
        edited=raw.get("edited_timestamp") is not None,
    )


def _attachment(raw: Mapping[str, Any]) -> Attachment:
    return Attachment(_text(raw.get("filename")), int(raw.get("size") or 0), _text(raw.get("url")))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
