"""What a message is made of: drafts of new ones, changes of old ones, and the files they bring."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

DEFAULT = 0
PIN_ADDED = 6
REPLY = 19
"""Types of messages (Discord's page "Message", "Message Types")."""

EPHEMERAL, LOADING = 1 << 6, 1 << 7
"""Flags of messages: only one person sees it; the person is told that the bot is thinking."""


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
        """Return whether more than the flags changes."""
        changed = (self.content, self.embeds, self.kept, self.components)
        return bool(self.files) or any(part is not None for part in changed)
