"""What callers ask of the engine: changes, the requests they come in, and indexes.

A *change* names no primary key yet, or depends on the state at the head. Checked at the head it
becomes an *operation* (:mod:`discobase.engine.operations`): a fact, which every replica
applies without deciding anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from json.encoder import encode_basestring_ascii

from discobase.engine.keys import Kind
from discobase.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Insert:
    """A new record, to be stored under the table's next primary key."""

    table: str
    data: str


@dataclass(frozen=True, slots=True)
class Replace:
    """Record `pk`, to be written anew. It must exist and, where `version` is given, be at that
    version.
    """

    table: str
    pk: int
    data: str
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Remove:
    """Record `pk`, to be deleted. It must exist and, where `version` is given, be at that
    version.
    """

    table: str
    pk: int
    version: int | None = None


Change = Insert | Replace | Remove


@dataclass(slots=True)
class Placed:
    """Where a request's changes ended up: the position of their commit (the head, where there was
    nothing to do), and the primary key of each change, in order.
    """

    seq: int
    pks: list[int] = field(default_factory=list[int])


@dataclass(slots=True, eq=False)
class Request:
    """Changes that hold or fail together, and the future of the caller who waits for them.

    Args:
        changes: what is to be done, in order.
        schemas: the schema of each table that the changes touch, by the table's name, as
            :meth:`Schema.to_json <discobase.engine.operations.Schema.to_json>` writes it. What the
            log lacks of them is declared before the changes, in the same commit.
        purpose: a name for it in errors, as in "the save".
        timeout: seconds for which the caller waits; None for no limit.
        future: what the caller waits for.

    Attributes:
        size: about the bytes that the request takes up in a frame.
    """

    changes: Sequence[Change]
    schemas: Mapping[str, str] = field(default_factory=dict[str, str])
    purpose: str = "the commit"
    timeout: float | None = None
    future: Future[Placed] = field(default_factory=Outcome[Placed])
    size: int = field(init=False)

    def __post_init__(self) -> None:
        self.size = _size(self.changes, self.schemas)


_KEY_AND_PUNCTUATION = 32
"""Bytes of a line besides the table's name and the text it carries: up to 19 for a primary key, and
up to 13 for verb, brackets, quotes, commas and the line's end."""


def _size(changes: Sequence[Change], schemas: Mapping[str, str]) -> int:
    size = 0
    for table, schema in schemas.items():
        size += len(encode_basestring_ascii(table)) + len(schema) + _KEY_AND_PUNCTUATION
    for change in changes:
        size += len(encode_basestring_ascii(change.table)) + _KEY_AND_PUNCTUATION
        if not isinstance(change, Remove):
            size += len(change.data)
    return size


@dataclass(frozen=True, slots=True)
class IndexWanted:
    """An index on a field that a reader looked for, and that has no key column."""

    table: str
    field: str
    kind: Kind
