"""The answers that handlers give."""

from __future__ import annotations

from typing import NamedTuple

from discobase.local import wire


class Reply(NamedTuple):
    """An answer: its status and its JSON text (empty for 204)."""

    status: int
    text: str


NO_CONTENT = Reply(204, "")
"""Done, and nothing to say."""


def ok(body: object, status: int = 200) -> Reply:
    """Return an answer with a JSON body."""
    return Reply(status, wire.text(body))
