"""The operations that the log carries: facts, which replicas apply without deciding anything.

An operation is a line: a JSON array that begins with the operation's name. A later version of
discobase may write operations that this one does not know. Where such a name ends with a question
mark, older versions pass the operation over; else they stop there (:class:`LaterFormat`). So what a
replica must apply to have the state right never has such a name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from discobase.engine.keys import KINDS, Kind

LARGEST_PK = 2**63 - 1
"""The largest integer that SQLite stores, in 8 bytes (sqlite.org, "Datatypes In SQLite")."""

_DIGITS = len(str(LARGEST_PK))
_MAY_BE_SKIPPED = "?"


class LaterFormat(Exception):
    """Something in the log is of a form that only a later version of discobase knows.

    Args:
        what: what it is, as in "a frame of format 2".
        needs: the version of discobase that knows it, where the log says so.
    """

    def __init__(self, what: str, needs: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.needs = needs


@dataclass(frozen=True, slots=True)
class Schema:
    """What the log knows of a table's fields: the kind of each field's key, and which of them are
    unique or indexed.
    """

    kinds: Mapping[str, Kind]
    unique: tuple[str, ...] = ()
    indexed: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Write the schema as compact JSON, the same text for equal schemas, without back-ticks."""
        fields = {
            "fields": dict(sorted(self.kinds.items())),
            "index": sorted(self.indexed),
            "unique": sorted(self.unique),
        }
        return _line(fields)

    def joined(self, other: Schema) -> Schema:
        """Return what both schemas ask for. Where they disagree on a kind, that of the other one
        counts.
        """
        return Schema(
            {**self.kinds, **other.kinds},
            tuple({*self.unique, *other.unique}),
            tuple({*self.indexed, *other.indexed}),
        )

    @classmethod
    def from_json(cls, text: str) -> Schema:
        """Read the schema that :meth:`to_json` wrote.

        Raises:
            LaterFormat: it says of fields what this version does not know.
            ValueError: it is no JSON.
        """
        raw: Any = json.loads(text)
        later = LaterFormat(f"a schema of another form, {text[:80]!r}")
        try:
            schema = cls(dict(raw["fields"].items()), tuple(raw["unique"]), tuple(raw["index"]))
            marked = {*schema.unique, *schema.indexed}
            known = KINDS.issuperset(schema.kinds.values()) and schema.kinds.keys() >= marked
        except (AttributeError, KeyError, TypeError):
            raise later from None
        if not known:
            raise later
        return schema


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


_NAMED = re.compile(r'\[("(?:[^"\\]|\\.)*")(?=[,\]])')
_PUT = re.compile(r'\["put",("(?:[^"\\]|\\.)*"),([1-9][0-9]*),(\{.*\})\]')
_DELETE = re.compile(r'\["del",("(?:[^"\\]|\\.)*"),([1-9][0-9]*)\]')
_DECLARE = re.compile(r'\["schema",("(?:[^"\\]|\\.)*"),(\{.*\})\]')


def _line(value: object) -> str:
    # A frame is a fenced block: nothing in it may close the fence.
    return json.dumps(value, separators=(",", ":")).replace("`", "\\u0060")


def to_line(operation: Operation) -> str:
    """Write one operation as one line of ASCII-only JSON. The record inside it is taken over as it
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


def from_line(line: str) -> Operation | None:
    """Read the operation that a line holds; None where it is one to be passed over.

    The record inside a put is cut out, not parsed: at catch-up that is most of the work saved.

    Raises:
        LaterFormat: it is an operation that this version does not know.
        ValueError: the line holds no operation.
    """
    if (found := _PUT.fullmatch(line)) and _is_pk(found[2]) and _is_one_object(found[3]):
        return Put(json.loads(found[1]), int(found[2]), found[3])
    if (found := _DELETE.fullmatch(line)) and _is_pk(found[2]):
        return Delete(json.loads(found[1]), int(found[2]))
    if (found := _DECLARE.fullmatch(line)) and _is_one_object(found[2]):
        Schema.from_json(found[2])
        return Declare(json.loads(found[1]), found[2])
    name = _name_of(line)
    if name.endswith(_MAY_BE_SKIPPED):
        return None
    raise LaterFormat(f"an operation {name!r} of this form")


def _is_pk(digits: str) -> bool:
    return len(digits) < _DIGITS or int(digits) <= LARGEST_PK


def _is_one_object(text: str) -> bool:
    """Return whether what a pattern took for a JSON object is one, and not that and something
    behind it which a later version has added. Where no comma follows a brace there is nothing to be
    parsed.
    """
    if "}," not in text:
        return True
    try:
        json.loads(text)
    except json.JSONDecodeError:
        return False
    return True


def _name_of(line: str) -> str:
    """Read the name of an operation of whatever version."""
    found = _NAMED.match(line)
    if found is None:
        raise ValueError(f"no operation: {line[:80]!r}")
    return str(json.loads(found[1]))
