"""Reactions as a message keeps them: which emoji, by whom, in the order of their first use.

In the stored JSON of a message each one carries its ``users``; what is sent says instead whether
the reader is one of them.
"""

from __future__ import annotations

import json
from typing import Any

from discobase.local import wire

Json = dict[str, Any]

MOST_EMOJI = 20
"""Discord's list of codes, 30010."""

_MARK = ',"reactions":['
_KEYCAP = "\u20e3"
_LONGEST_EMOJI = 16
"""Characters of an emoji: a guess; families joined from several have up to eleven."""


def is_emoji(text: str) -> bool:
    """Return whether a text may be a Unicode emoji; custom ones there are none here."""
    if not 0 < len(text) <= _LONGEST_EMOJI:
        return False
    return text.endswith(_KEYCAP) or all(ord(character) > 0xA8 for character in text)


def users_of(head: str, emoji: str) -> list[int]:
    """Return who reacted with an emoji, in order."""
    for found in _read(head):
        if found["emoji"] == emoji:
            return list(found["users"])
    return []


def emoji_of(head: str) -> list[str]:
    """Return the emoji of a message."""
    return [found["emoji"] for found in _read(head)]


def with_users(head: str, emoji: str, users: list[int]) -> str:
    """Return the stored JSON with other users of one emoji; without any, it goes."""
    fields: Json = json.loads(head + "}")
    reactions: list[Json] = fields.pop("reactions", [])
    found = next((entry for entry in reactions if entry["emoji"] == emoji), None)
    if found is None:
        reactions.append({"emoji": emoji, "users": users})
    else:
        found["users"] = users
    kept = [entry for entry in reactions if entry["users"]]
    return wire.text({**fields, "reactions": kept} if kept else fields)[:-1]


def without(head: str) -> str:
    """Return the stored JSON without reactions."""
    fields: Json = json.loads(head + "}")
    fields.pop("reactions", None)
    return wire.text(fields)[:-1]


def for_reader(head: str, reader: int | None) -> str:
    """Return the JSON as one user gets it."""
    if _MARK not in head:
        return head
    fields: Json = json.loads(head + "}")
    fields["reactions"] = [_body(entry, reader) for entry in fields["reactions"]]
    return wire.text(fields)[:-1]


def partial_emoji(emoji: str) -> Json:
    """Return an emoji as events and messages name it."""
    return {"id": None, "name": emoji}


def _read(head: str) -> list[Json]:
    if _MARK not in head:
        return []
    found: list[Json] = json.loads(head + "}")["reactions"]
    return found


def _body(entry: Json, reader: int | None) -> Json:
    users: list[int] = entry["users"]
    return {
        "emoji": partial_emoji(entry["emoji"]),
        "count": len(users),
        "count_details": {"burst": 0, "normal": len(users)},
        "burst_colors": [],
        "me_burst": False,
        "me": reader in users,
    }
