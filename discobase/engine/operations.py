"""The operations that the log carries: facts, which replicas apply without deciding anything.

An operation is a line: a JSON array that begins with the operation's name. A later version of
discobase may write operations that this one does not know. Where such a name ends with a question
mark, older versions pass the operation over; else they stop there (:class:`LaterFormat`). So what a
replica must apply to have the state right never has such a name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from discobase.engine.keys import JSON, KINDS, Kind
from discobase.engine.together import (
    TOGETHER,
    Part,
    check,
    is_together,
    joined_missing,
    joined_prints,
    names_of,
)
from discobase.engine.versions import RELEASE, latest

LARGEST_PK = 2**63 - 1
"""The largest integer that SQLite stores, in 8 bytes (sqlite.org, "Datatypes In SQLite")."""

_DIGITS = len(str(LARGEST_PK))
_MAY_BE_SKIPPED = "?"
_REQUEST = "request?"


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


OF_0_1 = ""
"""The fingerprint of fields that version 0.1 declared. Their keys are made of what is stored, by
whatever class."""

DEPENDS = "*"
"""The end of a fingerprint where a field's value may depend on other fields."""


@dataclass(frozen=True, slots=True)
class FieldSchema:
    """What the log knows of one field, by the class that declared it.

    Args:
        kind: how its key is made.
        fingerprint: a text that is equal for two classes only if they load a stored value as the
            same one. It ends with :data:`DEPENDS` where the value may depend on other fields.
            :data:`OF_0_1` for fields that version 0.1 declared.
        missing: the key of records that lack the field; None where no one key is right for them. Of
            fields together, how the key of each is made (:mod:`discobase.engine.together`).
    """

    kind: Kind
    fingerprint: str = OF_0_1
    missing: str | None = None

    def to_json(self) -> JSON:
        """Return what stands for it in the log."""
        if self.fingerprint == OF_0_1:
            return self.kind
        stored: dict[str, JSON] = {"kind": self.kind, "print": self.fingerprint}
        return stored if self.missing is None else stored | {"missing": self.missing}

    @classmethod
    def from_json(cls, name: str, stored: Any) -> FieldSchema:
        """Read what :meth:`to_json` gave.

        Args:
            name: the field's, or what stands for several.
            stored: what stands in the log.

        Raises:
            TypeError, KeyError, ValueError: it says what this version does not know.
        """
        if isinstance(stored, str):
            stored = {"kind": stored}
        missing = stored.get("missing")
        fingerprint = stored.get("print", OF_0_1)
        texts = isinstance(missing, str | None) and isinstance(fingerprint, str)
        if stored["kind"] not in KINDS or not texts:
            raise ValueError(stored)
        check(name, stored["kind"], fingerprint, missing)
        return cls(stored["kind"], fingerprint, missing)

    @classmethod
    def together(cls, fields: Sequence[FieldSchema]) -> FieldSchema:
        """Return what is known of several fields as one."""
        parts = [Part(each.kind, each.fingerprint, each.missing) for each in fields]
        prints = [part.fingerprint for part in parts]
        return cls(TOGETHER, joined_prints(prints), joined_missing(parts))


_PART = {"part": True}
"""What a schema has that is a part of another one."""


@dataclass(frozen=True, slots=True)
class Schema:
    """What a class says of a table's fields.

    Args:
        fields: what is known of each.
        unique: those whose values the class counts on to be unique.
        indexed: those that are to have an index from the start.
        types: the JSON schema of what is stored, for tools that have no class at hand.
        is_part: whether it says no more than that some fields are loaded as by the class of another
            one. It is not what the table's fields are.
    """

    fields: Mapping[str, FieldSchema]
    unique: tuple[str, ...] = ()
    indexed: tuple[str, ...] = ()
    types: Mapping[str, Any] = field(default_factory=dict[str, Any])
    is_part: bool = False

    @property
    def keyed(self) -> tuple[str, ...]:
        """The fields that are to have a key column."""
        return tuple(dict.fromkeys((*self.unique, *self.indexed)))

    def fingerprint(self, name: str) -> str | None:
        """Return the fingerprint of a field; None where there is no such field."""
        prints = [self.fields[each].fingerprint for each in names_of(name) if each in self.fields]
        if len(prints) < len(names_of(name)):
            return None
        # Of fields together by what they are, whether the class has them so or not.
        return joined_prints(prints) if is_together(name) else prints[0]

    @property
    def names(self) -> tuple[str, ...]:
        """The fields, without what stands for several."""
        return tuple(name for name in self.fields if not is_together(name))

    def to_json(self) -> str:
        """Write the schema as compact JSON, the same text for equal schemas, without back-ticks."""
        fields = {
            "fields": {name: each.to_json() for name, each in sorted(self.fields.items())},
            "index": sorted(self.indexed),
            "unique": sorted(self.unique),
        }
        said = ({"types": self.types} if self.types else {}) | (_PART if self.is_part else {})
        return _line(fields | said)

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
            fields = {
                name: FieldSchema.from_json(name, each) for name, each in raw["fields"].items()
            }
            schema = cls(
                fields,
                tuple(raw["unique"]),
                tuple(raw["index"]),
                raw.get("types", {}),
                raw.get("part") is True,
            )
            known = schema.fields.keys() >= {*schema.unique, *schema.indexed}
        except (AttributeError, KeyError, TypeError, ValueError):
            raise later from None
        if not known:
            raise later
        return schema


@dataclass(frozen=True, slots=True)
class Put:
    """Record `pk` of `table` is now `data` (a JSON object, as text), written by a class with the
    schema of this number; 0 where none is known, as of version 0.1.
    """

    table: str
    pk: int
    data: str
    schema: int = 0


@dataclass(frozen=True, slots=True)
class Delete:
    """Record `pk` of `table` is gone."""

    table: str
    pk: int


@dataclass(frozen=True, slots=True)
class Declare:
    """`table` has this schema from here on (a JSON object, as text), as number `number`.

    All records that were written up to position `seen` have been loaded by the class: where a key
    comes out otherwise than from what is stored, a :class:`Keys` says so. A number of 0 stands for
    a declaration by version 0.1, which is all that such a table has, marks included.
    """

    table: str
    schema: str
    number: int = 0
    seen: int = 0


@dataclass(frozen=True, slots=True)
class Keys:
    """Records of `table` have these keys in field `field`, by primary key, for classes that have
    this fingerprint of it. They hold until the record is put again.

    Where there is a `loaded` range, the field is to get a key column, and all records in the range
    have been loaded by such a class; the keys that are not given are as what is stored.
    """

    table: str
    field: str
    schema: FieldSchema
    keys: tuple[tuple[int, str], ...]
    loaded: Loaded | None = None


@dataclass(frozen=True, slots=True)
class Loaded:
    """The records with primary keys above `after`, up to `upto`, that were written up to position
    `seen`.
    """

    after: int
    upto: int
    seen: int


@dataclass(frozen=True, slots=True)
class Constrain:
    """`field` of `table` is unique from here on, as classes with the schema of this number load
    it.
    """

    table: str
    field: str
    schema: int


@dataclass(frozen=True, slots=True)
class Release:
    """`field` of `table` is unique no longer."""

    table: str
    field: str


@dataclass(frozen=True, slots=True)
class Names:
    """What the puts and deletes that follow in the commit are called, up to the next one of these:
    the changes of the request with this key, from this index on. An empty key names nothing.
    """

    key: str
    first: int = 0


@dataclass(frozen=True, slots=True)
class Introduce:
    """The writer with this id, as it stands in frames, is called `label` by those who look for it.

    Args:
        writer: the writer's id.
        label: host, program and version, or what the program says.
    """

    writer: str
    label: str


@dataclass(frozen=True, slots=True)
class Require:
    """Programs with a discobase below this version write no more, nor do they open the database.

    It stands until another one does: the last one counts. So what reads the log passes over it, and
    asks at the head.
    """

    version: str


@dataclass(frozen=True, slots=True)
class Seal:
    """Nobody writes behind this one in the same generation of the log: what follows is said by the
    superblock of the next one, whichever that is.

    It names what its writer is about to make that one of. A seal whose writer dies is lifted: then
    the next generation goes on in the same channels.

    Args:
        generation: the number of the next generation.
        ticket: of its channels.
        checkpoints: its channel for checkpoints.
        checkpoint: the message there with the checkpoint that it begins at.
        lanes: its lanes.
    """

    generation: int
    ticket: str
    checkpoints: int
    checkpoint: int
    lanes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Missing:
    """Beside the seal of a repair: the newest message of its lane had been deleted. Behind the seal
    nobody could tell that any more, and what is lost is what was said back to that repair.

    Args:
        message: the id of the message.
    """

    message: int


Operation = (
    Put
    | Delete
    | Declare
    | Keys
    | Constrain
    | Release
    | Names
    | Introduce
    | Require
    | Seal
    | Missing
)


def version_for(operations: Iterable[Operation]) -> str | None:
    """Return the version of discobase that is needed to apply operations; None where any will
    do. Where they require a later one, that: versions that do not know the operation name it.
    """
    needed: list[str] = []
    for operation in operations:
        if isinstance(operation, Require):
            needed.append(operation.version)
        if not _is_of_0_1(operation):
            needed.append("2.0")
    return latest(needed)


def _is_of_0_1(operation: Operation) -> bool:
    match operation:
        case Put(schema=0) | Delete() | Declare(number=0) | Names() | Introduce():
            return True
        case _:
            return False


_NAMED = re.compile(r'\[("(?:[^"\\]|\\.)*")(?=[,\]])')
_TEXT = r'("(?:[^"\\]|\\.)*")'
_NUMBER = "([1-9][0-9]*)"
_PUT = re.compile(rf'\["put",{_TEXT},{_NUMBER}(?:,{_NUMBER})?,(\{{.*\}})\]')
_DELETE = re.compile(rf'\["del",{_TEXT},{_NUMBER}\]')
_DECLARE_0_1 = re.compile(rf'\["schema",{_TEXT},(\{{.*\}})\]')
_DECLARE = re.compile(rf'\["declare",{_TEXT},{_NUMBER},([0-9]+),(\{{.*\}})\]')
_CONSTRAIN = re.compile(rf'\["unique",{_TEXT},{_TEXT},{_NUMBER}\]')
_RELEASE = re.compile(rf'\["release",{_TEXT},{_TEXT}\]')
_NAMES = re.compile(rf'\["request\?",{_TEXT}(?:,([1-9][0-9]{{0,8}}))?\]')
_INTRODUCE = re.compile(rf'\["writer\?",{_TEXT},{_TEXT}\]')
_REQUIRE = re.compile(rf'\["minimum","({RELEASE})"\]')
_ID = '"([1-9][0-9]{0,18})"'
_SEAL = re.compile(
    rf'\["seal",([1-9][0-9]{{0,12}}),"([0-9a-z]{{1,24}})",{_ID},{_ID},'
    rf'\[("[1-9][0-9]{{0,18}}"(?:,"[1-9][0-9]{{0,18}}")*)\]\]'
)
_MISSING = re.compile(rf'\["missing\?",{_ID}\]')
_KEYS = '["keys",'

_parsed = json.JSONDecoder().raw_decode
"""As :func:`json.loads` in all but the blanks around a value, and twice as fast (measured)."""


def _line(value: object) -> str:
    # A frame is a fenced block: nothing in it may close the fence.
    return json.dumps(value, separators=(",", ":")).replace("`", "\\u0060")


def extended(data: str, known: Mapping[str, Any], stored: Mapping[str, Any]) -> str:
    """Return the text of a record with the fields behind it that only another record has.

    Args:
        data: the text.
        known: what it says.
        stored: the other record.
    """
    others = {name: value for name, value in stored.items() if name not in known}
    if not others:
        return data
    return f"{data[:-1]}{',' if known else ''}{_line(others)[1:]}"


def to_line(operation: Operation) -> str:
    """Write one operation as one line of ASCII-only JSON. The record inside it is taken over as it
    stands, not encoded again.
    """
    if isinstance(operation, Names | Introduce | Require | Seal | Missing):
        return _of_no_table(operation)
    table = _line(operation.table)
    match operation:
        case Put(pk=pk, data=data, schema=0):
            return f'["put",{table},{pk},{data}]'
        case Put(pk=pk, data=data, schema=number):
            return f'["put",{table},{pk},{number},{data}]'
        case Delete(pk=pk):
            return f'["del",{table},{pk}]'
        case Declare(schema=schema, number=0):
            return f'["schema",{table},{schema}]'
        case Declare(schema=schema, number=number, seen=seen):
            return f'["declare",{table},{number},{seen},{schema}]'
        case Keys(field=name, schema=schema, keys=keys, loaded=loaded):
            among = loaded and [loaded.after, loaded.upto, loaded.seen]
            return _line(["keys", operation.table, name, schema.to_json(), among, keys])
        case Constrain(field=name, schema=number):
            return f'["unique",{table},{_line(name)},{number}]'
        case Release(field=name):
            return f'["release",{table},{_line(name)}]'


def _of_no_table(operation: Names | Introduce | Require | Seal | Missing) -> str:
    match operation:
        case Names(key=key, first=0):
            return _line(["request?", key])
        case Names(key=key, first=first):
            return _line(["request?", key, first])
        case Introduce(writer=writer, label=label):
            return _line(["writer?", writer, label])
        case Require(version=version):
            return _line(["minimum", version])
        case Seal(checkpoints=channel, checkpoint=message):
            lanes = [str(lane) for lane in operation.lanes]
            named = [operation.generation, operation.ticket, str(channel), str(message), lanes]
            return _line(["seal", *named])
        case Missing(message=message):
            return _line(["missing?", str(message)])


def from_line(line: str) -> Operation | None:
    """Read the operation that a line holds; None where it is one to be passed over.

    The record inside a put is taken over as it stands. It is parsed all the same, which takes 1
    of 4 µs: what is no object is none to any replica, whether it has keys to make of it or not
    (invariant I3).

    Raises:
        LaterFormat: it is an operation that this version does not know.
        ValueError: the line holds no operation.
    """
    if (found := _PUT.fullmatch(line)) and _is_pk(found[2]) and _is_one_object(found[4]):
        return Put(json.loads(found[1]), int(found[2]), found[4], int(found[3] or 0))
    if (found := _DELETE.fullmatch(line)) and _is_pk(found[2]):
        return Delete(json.loads(found[1]), int(found[2]))
    if found := _NAMES.fullmatch(line):
        return Names(json.loads(found[1]), int(found[2] or 0))
    if operation := _of_schema(line) or _of_writers(line) or _of_the_end(line):
        return operation
    name = _name_of(line)
    if name == _REQUEST:
        return Names("")  # of a form to come: the names before it end here
    if name.endswith(_MAY_BE_SKIPPED):
        return None
    raise LaterFormat(f"an operation {name!r} of this form")


def _of_the_end(line: str) -> Seal | Missing | None:
    """Read a seal, or what stands beside one; None where the line holds another operation."""
    if found := _MISSING.fullmatch(line):
        return Missing(int(found[1]))
    if (found := _SEAL.fullmatch(line)) is None:
        return None
    lanes = tuple(int(lane) for lane in json.loads(f"[{found[5]}]"))
    return Seal(int(found[1]), found[2], int(found[3]), int(found[4]), lanes)


def _of_schema(line: str) -> Operation | None:
    """Read an operation that says something of fields; None where it is another one."""
    if (found := _DECLARE.fullmatch(line)) and _is_one_object(found[4]):
        Schema.from_json(found[4])
        return Declare(json.loads(found[1]), found[4], int(found[2]), int(found[3]))
    if (found := _DECLARE_0_1.fullmatch(line)) and _is_one_object(found[2]):
        Schema.from_json(found[2])
        return Declare(json.loads(found[1]), found[2])
    if found := _CONSTRAIN.fullmatch(line):
        return Constrain(json.loads(found[1]), json.loads(found[2]), int(found[3]))
    if found := _RELEASE.fullmatch(line):
        return Release(json.loads(found[1]), json.loads(found[2]))
    return _keys(line) if line.startswith(_KEYS) else None


def _of_writers(line: str) -> Operation | None:
    """Read an operation that says something of those who write; None where it is another one."""
    if found := _INTRODUCE.fullmatch(line):
        return Introduce(json.loads(found[1]), json.loads(found[2]))
    if found := _REQUIRE.fullmatch(line):
        return Require(found[1])
    return None


def _keys(line: str) -> Keys | None:
    match json.loads(line):
        case ["keys", str(table), str(name), {} as schema, loaded, [*pairs]]:
            found = tuple(map(_pk_and_key, pairs))
        case _:
            return None
    fits = tuple(pair for pair in found if pair is not None)
    try:
        field_schema, among = FieldSchema.from_json(name, schema), _loaded(loaded)
    except (KeyError, TypeError, ValueError):
        return None
    operation = Keys(table, name, field_schema, fits, among)
    # Of several members with one name, or one that is not known, something would be passed over.
    return operation if len(fits) == len(found) and to_line(operation) == line else None


def _loaded(among: Any) -> Loaded | None:
    match among:
        case None:
            return None
        case [int(after), int(upto), int(seen)] if all(map(_is_whole, among)):
            return Loaded(after, upto, seen)
        case _:
            raise ValueError(among)


def _is_whole(number: object) -> bool:
    return type(number) is int and number >= 0


def _pk_and_key(pair: Any) -> tuple[int, str] | None:
    match pair:
        case [int(pk), str(key)] if 0 < pk <= LARGEST_PK and type(pk) is int:
            return pk, key
        case _:
            return None


def _is_pk(digits: str) -> bool:
    return len(digits) < _DIGITS or int(digits) <= LARGEST_PK


def _is_one_object(text: str) -> bool:
    """Return whether what a pattern took for a JSON object is one, and not something else, or that
    and something behind it which a later version has added.
    """
    try:
        _, end = _parsed(text, 0)
    except json.JSONDecodeError:
        return False
    return end == len(text)


def _name_of(line: str) -> str:
    """Read the name of an operation of whatever version."""
    found = _NAMED.match(line)
    if found is None:
        raise ValueError(f"no operation: {line[:80]!r}")
    return str(json.loads(found[1]))
