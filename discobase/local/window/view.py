"""What the page shows, as JSON: servers with their channels, and pages of messages."""

from __future__ import annotations

import json
import zlib
from typing import Any

from discobase.local.platform import Platform
from discobase.local.state.entities import GUILD_CATEGORY, Channel, Guild
from discobase.local.state.message_json import Viewer
from discobase.local.state.store import MessageRow

Json = dict[str, Any]

PAGE = 50
"""Messages that are shown at once: as many as Discord gives unless told otherwise."""

_LINES, _LONGEST = 8, 400
"""Lines of a preview and characters of a line: a guess, about as much as Discord shows."""

_LOOKED_AT = 8192
"""Bytes of a file that a preview is made from: a guess, more than its lines mostly have."""

_GZIP = 16 + zlib.MAX_WBITS
_TEXTS = (".csv", ".json", ".jsonl", ".log", ".md", ".py", ".toml", ".txt", ".xml", ".yaml", ".yml")


def servers(platform: Platform) -> list[Json]:
    """Return all servers, each with its categories and channels in the order of Discord."""
    return [
        {"id": str(guild.id), "name": guild.name, "groups": _groups(guild)}
        for guild in platform.state.guilds.values()
    ]


def _groups(guild: Guild) -> list[Json]:
    """Return the channels by category: those without one first."""
    ordered = sorted(guild.channels.values(), key=lambda channel: (channel.position, channel.id))
    categories = [channel for channel in ordered if channel.type == GUILD_CATEGORY]
    places: list[tuple[int | None, str | None]] = [
        (None, None),
        *((category.id, category.name) for category in categories),
    ]
    groups: list[Json] = []
    for parent, name in places:
        channels = [
            {"id": str(channel.id), "name": channel.name, "topic": channel.topic}
            for channel in ordered
            if channel.type != GUILD_CATEGORY and channel.parent_id == parent
        ]
        if channels or name is not None:
            groups.append({"name": name, "channels": channels})
    return groups


def messages(platform: Platform, channel: Channel, before: int | None, origin: str) -> Json:
    """Return a page of a channel's messages, oldest first, with the beginnings of their text files.

    Args:
        platform: the server.
        channel: the channel.
        before: the id that all of them are below; ``None`` for the newest.
        origin: scheme, host and port at which the page reaches this server.
    """
    rows = platform.messages.before(channel.id, before, PAGE + 1)
    shown = [_message(platform, row, origin) for row in reversed(rows[:PAGE])]
    return {"messages": shown, "more": len(rows) > PAGE}


def _message(platform: Platform, row: MessageRow, origin: str) -> Json:
    message: Json = json.loads(platform.message_json.of(row, Viewer(None, origin)))
    for entry in message["attachments"]:
        file = platform.attachments.find(int(entry["id"]))
        if file is not None:
            entry["preview"] = preview(entry["filename"], file.content)
    return message


def preview(name: str, content: bytes) -> Json | None:
    """Return the first lines of a text file, also of a compressed one; ``None`` for others.

    Args:
        name: of the file: its ending says whether it is text.
        content: of the file; no more than some kilobytes of it are unpacked.
    """
    plain, compressed = name.lower(), name.lower().endswith(".gz")
    if compressed:
        plain = plain.removesuffix(".gz")
    if not plain.endswith(_TEXTS):
        return None
    head, more = content[:_LOOKED_AT], len(content) > _LOOKED_AT
    if compressed:
        unpacking = zlib.decompressobj(_GZIP)
        try:
            head = unpacking.decompress(content, _LOOKED_AT)
        except zlib.error:
            return None
        more = not unpacking.eof
    lines = head.decode("utf-8", "replace").splitlines()
    shown = [line if len(line) <= _LONGEST else line[:_LONGEST] + "…" for line in lines[:_LINES]]
    return {"text": "\n".join(shown), "more": more or len(lines) > _LINES}
