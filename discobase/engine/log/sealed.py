"""Facts in the text of a message, under a seal that shows whether they were altered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from discobase.engine.log.formats import (
    FENCE_CLOSE,
    FENCE_OPEN,
    MessageKind,
    mark,
    refuse_later,
)
from discobase.engine.log.frame import hash_of

ABSURD = (KeyError, TypeError, ValueError, OverflowError, RecursionError)
"""What reading raises that was given what nobody has written."""


def seal(
    kind: MessageKind, number: int, facts: Mapping[str, Any], *, needs: str | None = None
) -> str:
    """Write facts as the text of a message.

    Args:
        kind: what they are.
        number: of the format that they are in.
        facts: what JSON can say, without back-ticks.
        needs: the version of discobase that reads that format, where not all of them do.
    """
    text = json.dumps(facts, separators=(",", ":"))
    needed = f',"needs":"{needs}"' if needs else ""
    sealed = f'"{kind}":{number},"hash":"{hash_of(text.encode())}"{needed}'
    return f'{FENCE_OPEN}{{{sealed},\n"is":{text}}}{FENCE_CLOSE}'


def unseal(content: str, kind: MessageKind, number: int) -> dict[str, Any] | None:
    """Read what :func:`seal` has written, in a format up to the one of this number; None where the
    text is of another kind, or was altered.

    Raises:
        LaterFormat: it is of this kind, and this version cannot read it.
    """
    if not content.startswith(mark(kind)):
        return None
    refuse_later(content, kind, number)
    try:
        raw = json.loads(content.removeprefix(FENCE_OPEN).removesuffix(FENCE_CLOSE))
        facts: dict[str, Any] = raw["is"]
        text = json.dumps(facts, separators=(",", ":")).encode()
        as_sealed = raw[kind] in range(1, number + 1) and hash_of(text) == raw["hash"]
    except ABSURD:
        return None
    return facts if as_sealed and isinstance(raw["is"], dict) else None
