"""What a commit is made of: the operations the log carries, and the changes a writer asks for.

A *change* is a wish: it names no primary key yet, or depends on the state at the head. Checked at
the head it becomes an *operation*: a fact, which every replica applies without deciding anything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from discobase.engine.keys import Kind


@dataclass(frozen=True, slots=True)
class Schema:
    """What the log knows of a table's fields: the kind of each field's key, and which of them are
    unique or indexed.
    """

    kinds: Mapping[str, Kind]
    unique: tuple[str, ...] = ()
    indexed: tuple[str, ...] = ()

    def to_json(self) -> str:
        """The schema as compact JSON, the same text for equal schemas, without back-ticks."""
        fields = {
            "fields": dict(sorted(self.kinds.items())),
            "index": sorted(self.indexed),
            "unique": sorted(self.unique),
        }
        return _line(fields)

    def joined(self, other: Schema) -> Schema:
        """What both schemas ask for. Where they disagree on a kind, the other one's counts."""
        return Schema(
            {**self.kinds, **other.kinds},
            tuple({*self.unique, *other.unique}),
            tuple({*self.indexed, *other.indexed}),
        )

    @classmethod
    def from_json(cls, text: str) -> Schema:
        """The schema that :meth:`to_json` wrote."""
        raw = json.loads(text)
        return cls(raw["fields"], tuple(raw["unique"]), tuple(raw["index"]))


@dataclass(frozen=True, slots=True)
class Put:
    """Record `pk` of `table` is now `data` (a JSON object, as text)."""

    table: str
    pk: int
    data: str


@dataclass(frozen=True, slots=True)
class Delete:
    """Record `pk` of `table` is gone."""

    table: str
    pk: int


@dataclass(frozen=True, slots=True)
class Declare:
    """`table` has this schema from here on (a JSON object, as text)."""

    table: str
    schema: str


Operation = Put | Delete | Declare


_PUT = re.compile(r'\["put",("(?:[^"\\]|\\.)*"),([1-9][0-9]*),(\{.*\})\]')
_DELETE = re.compile(r'\["del",("(?:[^"\\]|\\.)*"),([1-9][0-9]*)\]')
_DECLARE = re.compile(r'\["schema",("(?:[^"\\]|\\.)*"),(\{.*\})\]')


def _line(value: object) -> str:
    # A frame is a fenced block: nothing in it may close the fence.
    return json.dumps(value, separators=(",", ":")).replace("`", "\\u0060")


def to_line(operation: Operation) -> str:
    """One operation as one line of ASCII-only JSON. The record inside it is taken over as it
    stands, not encoded again.
    """
    table = _line(operation.table)
    match operation:
        case Put(pk=pk, data=data):
            return f'["put",{table},{pk},{data}]'
        case Delete(pk=pk):
            return f'["del",{table},{pk}]'
        case Declare(schema=schema):
            return f'["schema",{table},{schema}]'


def from_line(line: str) -> Operation:
    """The operation that a line holds.

    The record inside a put is cut out, not parsed: at catch-up that is most of the work saved.

    Raises:
        ValueError: the line holds no operation.
    """
    if found := _PUT.fullmatch(line):
        return Put(json.loads(found[1]), int(found[2]), found[3])
    if found := _DELETE.fullmatch(line):
        return Delete(json.loads(found[1]), int(found[2]))
    if found := _DECLARE.fullmatch(line):
        return Declare(json.loads(found[1]), found[2])
    raise ValueError(f"no operation: {line[:80]!r}")
