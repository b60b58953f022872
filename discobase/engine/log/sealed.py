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


def seal(kind: MessageKind, number: int, facts: Mapping[str, Any], needs: str | None = None) -> str:
    """Write facts as the text of a message.

    Args:
        kind: what they are.
        number: of the format that they are in.
        facts: what JSON can say, without back-ticks.
        needs: the version of discobase that is needed to read it; None where any will do that
            knows this kind.
    """
    text = json.dumps(facts, separators=(",", ":"))
    needed = "" if needs is None else f'"needs":"{needs}",'
    sealed = f'"{kind}":{number},{needed}"hash":"{hash_of(text.encode())}"'
    return f'{FENCE_OPEN}{{{sealed},\n"is":{text}}}{FENCE_CLOSE}'


def unseal(content: str, kind: MessageKind, number: int) -> dict[str, Any] | None:
    """Read what :func:`seal` has written; None where the text is of another kind, or was altered.

    Args:
        content: the text of the message.
        kind: what it is to be.
        number: the newest of its formats that this version knows.

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
        is_known = type(raw[kind]) is int and 0 < raw[kind] <= number
        as_sealed = is_known and hash_of(text) == raw["hash"]
    except ABSURD:
        return None
    return facts if as_sealed and isinstance(raw["is"], dict) else None
