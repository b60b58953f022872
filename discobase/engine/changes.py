"""What callers ask of the engine: changes, the requests they come in, and indexes.

A *change* is a wish: it names no primary key yet, or depends on the state at the head. Checked at
the head it becomes an *operation* (:mod:`discobase.engine.operations`): a fact, which every replica
applies without deciding anything.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from discobase.engine.keys import Kind
from discobase.engine.operations import Declare


@dataclass(frozen=True, slots=True)
class Insert:
    """Wish: store a new record, under the table's next primary key."""

    table: str
    data: str


@dataclass(frozen=True, slots=True)
class Replace:
    """Wish: write record `pk` anew. It must exist and, where `version` is given, be at that
    version.
    """

    table: str
    pk: int
    data: str
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Remove:
    """Wish: delete record `pk`. It must exist and, where `version` is given, be at that version."""

    table: str
    pk: int
    version: int | None = None


Change = Insert | Replace | Remove | Declare


@dataclass(slots=True)
class Placed:
    """Where a request's changes ended up: the position of their commit (the head, where there was
    nothing left to do), and the primary key of each change, in order.

    A :class:`Declare` has no primary key: 0 stands in its place.
    """

    seq: int
    pks: list[int] = field(default_factory=list[int])


@dataclass(slots=True, eq=False)
class Request:
    """Changes that hold or fail together, and the future of the caller who waits for them."""

    changes: Sequence[Change]
    future: Future[Placed] = field(default_factory=Future[Placed])

    @property
    def size(self) -> int:
        """About the bytes that the changes take up in a frame."""
        return sum(map(_size, self.changes))


def _size(change: Change) -> int:
    """At least the bytes of the line that the change becomes."""
    around = len(json.dumps(change.table)) + 32
    match change:
        case Insert(data=data) | Replace(data=data):
            return around + len(data)
        case Declare(schema=schema):
            return around + len(schema)
        case _:
            return around


@dataclass(frozen=True, slots=True)
class IndexWanted:
    """A reader looked for a field that has no key column, and had to scan."""

    table: str
    field: str
    kind: Kind
