"""Facts in the text of a message, sealed: they show whether they were altered, and where the
database is encrypted nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from discobase.engine.log.formats import (
    FENCE_CLOSE,
    FENCE_OPEN,
    mark,
    refuse_later,
)
from discobase.engine.log.sealing import Sealing

SealedKind = Literal["superblock", "checkpoint", "part", "bundle", "piece", "succession"]
"""What is sealed as facts: not frames, which have a form of their own."""

ABSURD = (KeyError, TypeError, ValueError, OverflowError, RecursionError)
"""What reading raises that was given what nobody has written."""


@dataclass(frozen=True, slots=True)
class Signed:
    """Facts that everybody may read, as they stand in a message.

    Attributes:
        kind: what they are.
        number: of the format that they are in.
        facts: the facts.
        digest: the hash that the message gives of them.
    """

    kind: SealedKind
    number: int
    facts: dict[str, Any]
    digest: object

    def is_by(self, sealing: Sealing) -> bool:
        """Return whether they were signed with a sealing, and not altered since."""
        return _hash(self.kind, sealing, _compact(self.facts)) == self.digest


def seal(kind: SealedKind, sealing: Sealing, facts: Mapping[str, Any]) -> str:
    """Write facts as the text of a message.

    Args:
        kind: what they are.
        sealing: how they are sealed.
        facts: what JSON can say, without back-ticks.
    """
    text = _compact(facts)
    digest = _hash(kind, sealing, text)
    closed = sealing.close(kind, "", digest, text)
    return _message(kind, sealing, digest, sealing.to_json(closed))


def unseal(content: str, kind: SealedKind, sealing: Sealing) -> dict[str, Any] | None:
    """Read what :func:`seal` has written; None where the text is of another kind, or was altered.

    Raises:
        LaterFormat: it is of this kind, and this version cannot read it.
    """
    raw = _raw(content, kind, sealing.number)
    if raw is None or raw[kind] != sealing.number:
        return None
    try:
        digest = raw["hash"]
        text = sealing.open(kind, "", digest, sealing.from_json(raw["is"]))
        facts = _object(json.loads(text))
        as_sealed = _hash(kind, sealing, text) == digest
    except ABSURD:
        return None
    return facts if as_sealed else None


def sign(
    kind: SealedKind,
    sealing: Sealing,
    facts: Mapping[str, Any],
    *,
    number: int | None = None,
    needs: str | None = None,
) -> str:
    """Write facts that everybody may read as the text of a message.

    Args:
        kind: what they are.
        sealing: what signs them.
        facts: what JSON can say, without back-ticks.
        number: of the format that they are in, where that is not the sealing's.
        needs: the version of discobase that reads that format.
    """
    text = _compact(facts)
    digest = _hash(kind, sealing, text)
    return _message(kind, sealing, digest, text.decode("ascii"), number=number, needs=needs)


def signed_in(content: str, kind: SealedKind, known: int) -> Signed | None:
    """Read what :func:`sign` has written, and believe it; None where the text is of another kind,
    or nobody has written it.

    Args:
        content: the text of the message.
        kind: what it is to be.
        known: the highest number of a format that this version reads.

    Raises:
        LaterFormat: it is of this kind, and of a later format.
    """
    raw = _raw(content, kind, known)
    facts = None if raw is None else _object(raw.get("is"))
    if raw is None or facts is None:
        return None
    return Signed(kind, raw[kind], facts, raw.get("hash"))


def _raw(content: str, kind: SealedKind, known: int) -> dict[str, Any] | None:
    """Read the JSON of a message of a kind; None where it is another one."""
    if not content.startswith(mark(kind)):
        return None
    refuse_later(content, kind, known)
    try:
        raw = _object(json.loads(content.removeprefix(FENCE_OPEN).removesuffix(FENCE_CLOSE)))
    except ABSURD:
        return None
    return raw if raw is not None and kind in raw else None


def _object(value: object) -> dict[str, Any] | None:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def _compact(facts: Mapping[str, Any]) -> bytes:
    return json.dumps(facts, separators=(",", ":")).encode("ascii")


def _hash(kind: SealedKind, sealing: Sealing, text: bytes) -> str:
    return sealing.hash(kind, text)[:32]


def _message(
    kind: SealedKind,
    sealing: Sealing,
    digest: str,
    text: str,
    *,
    number: int | None = None,
    needs: str | None = None,
) -> str:
    needed = needs or sealing.needs
    told = "" if needed is None else f',"needs":"{needed}"'
    first = f'"{kind}":{number or sealing.number}{told},"hash":"{digest}"'
    return f'{FENCE_OPEN}{{{first},\n"is":{text}}}{FENCE_CLOSE}'
