"""The two kinds of answer that handlers give."""

from __future__ import annotations

from discobase.local import wire
from discobase.local.rest.routing import Reply

NO_CONTENT = Reply(204, "")
"""Done, and nothing to say."""


def ok(body: object, status: int = 200) -> Reply:
    """An answer with a JSON body."""
    return Reply(status, wire.text(body))
