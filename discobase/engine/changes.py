"""What callers ask of the engine: changes, what is to be said of schemas before them, the requests
they come in, and indexes.

A *change* names no primary key yet, or depends on the state at the head. Checked at the head it
becomes an *operation* (:mod:`discobase.engine.operations`): a fact, which every replica
applies without deciding anything.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from json.encoder import encode_basestring_ascii
from math import inf
from typing import Literal, NamedTuple

from discobase.engine.operations import FieldSchema, Loaded
from discobase.engine.texts import Place
from discobase.errors import DiscobaseError
from discobase.outcome import Outcome

_KEY_BYTES = 6
"""Of a request's key, 8 characters. A repeated change is looked up among the requests of the last
:data:`~discobase.engine.replica.requests.KEPT` positions; were these a million, it would meet the
key of another one, one time in 280 millions."""


def new_key() -> str:
    """Return a random key for a request: from the operating system, so that a forked process does
    not draw what its parent draws.
    """
    return secrets.token_urlsafe(_KEY_BYTES)


class ChangeName(NamedTuple):
    """What a change is called in the log: the key of the request with which it was first sent, and
    its number among the changes of that.
    """

    key: str
    number: int


class Attempt(NamedTuple):
    """What is kept of a change whose outcome is unknown, so that it can be told whether the log has
    it when it is asked for again.

    Args:
        key: of its name.
        number: of its name.
        digest: of the data that was sent under that name; empty where it was not always the same.
    """

    key: str
    number: int
    digest: str


OnConflict = Literal["error", "ignore", "update"]
"""What becomes of a record where another one has a value of it that is unique: the request fails;
the record is left out; or, where it is a new one, it takes the place of the other one, whose fields
that it does not have stay."""


@dataclass(frozen=True, slots=True)
class Insert:
    """A new record, to be stored under the table's next primary key.

    This and the other changes have an `attempt` where they were sent before, and what became of
    that is unknown. Where the log has it, all is done, whatever has become of the record since; or
    if the data is another one by now, an insert replaces that of the record it made.
    """

    table: str
    data: str
    attempt: Attempt | None = None
    on_conflict: OnConflict = "error"


@dataclass(frozen=True, slots=True)
class Replace:
    """Record `pk`, to be written anew. It must exist and, where `version` is given, be at that
    version; at the one that the `attempt` wrote, where the log has that.
    """

    table: str
    pk: int
    data: str
    version: int | None = None
    attempt: Attempt | None = None
    on_conflict: OnConflict = "error"


@dataclass(frozen=True, slots=True)
class Remove:
    """Record `pk`, to be deleted. It must exist and, where `version` is given, be at that version;
    at the one that the `attempt` wrote, where the log has that. If the attempt deleted it, all is
    done.
    """

    table: str
    pk: int
    version: int | None = None
    attempt: Attempt | None = None


@dataclass(frozen=True, slots=True)
class CarryIn:
    """Record `pk`, as an export has it, to be stored under the schema of that number. The same
    record may be there already; another one is not displaced.
    """

    table: str
    pk: int
    data: str
    schema: int
    attempt: Attempt | None = None


Change = Insert | Replace | Remove | CarryIn

_DIGEST_BYTES = 8
"""Of a digest. That another text of the same record has the same one takes chance alone, one time
in 2**64."""


def digest_of(change: Change) -> str:
    """Return what tells the data of a change from others."""
    if isinstance(change, Remove):
        return "removed"
    return blake2b(change.data.encode(), digest_size=_DIGEST_BYTES).hexdigest()


def attempt_of(change: Change, key: str, number: int) -> Attempt:
    """Return what is to be kept of a change while its outcome is unknown.

    Args:
        change: what is sent.
        key: of the request it is sent with.
        number: its number there, from 0.
    """
    digest, before = digest_of(change), change.attempt
    if before is None:
        return Attempt(key, number, digest)
    return before if before.digest == digest else before._replace(digest="")


@dataclass(frozen=True, slots=True)
class DeclareSchema:
    """A schema that the log lacks, to be the table's from here on.

    Args:
        table: the table's name.
        schema: as :meth:`Schema.to_json <discobase.engine.operations.Schema.to_json>` writes it.
        base: the number of the schema that was the table's when the records were loaded.
        seen: the position up to which they were loaded.
    """

    table: str
    schema: str
    base: int
    seen: int


@dataclass(frozen=True, slots=True)
class SayKeys:
    """The keys of a field that records have for classes with a fingerprint.

    Args:
        table: the table's name.
        field: the field's name.
        schema: what such a class says of it.
        keys: primary key, version and key of each record. One that has another version by now is
            left out.
        loaded: where the field is to get a key column, the records that were loaded: the keys that
            are not given are as what is stored.
    """

    table: str
    field: str
    schema: FieldSchema
    keys: tuple[tuple[int, int, str], ...]
    loaded: Loaded | None = None


@dataclass(frozen=True, slots=True)
class MakeUnique:
    """A field that a class counts on to be unique, to be made so.

    Args:
        table: the table's name.
        field: the field's name.
        schema: the class's, as text.
    """

    table: str
    field: str
    schema: str


@dataclass(frozen=True, slots=True)
class DropUnique:
    """A field that is to be unique no longer.

    Args:
        table: the table's name.
        field: the field's name.
    """

    table: str
    field: str


@dataclass(frozen=True, slots=True)
class RequireVersion:
    """The lowest version of discobase that may write from here on.

    Args:
        version: its numbers, as in "2.1".
        lower: whether it may be lower than the one that stands.
    """

    version: str
    lower: bool


@dataclass(frozen=True, slots=True)
class CarrySchema:
    """A schema, as an export has it, to be the table's of that number.

    Args:
        table: the table's name.
        number: the schema's.
        schema: as :meth:`Schema.to_json <discobase.engine.operations.Schema.to_json>` writes it.
    """

    table: str
    number: int
    schema: str


@dataclass(frozen=True, slots=True)
class CarryNext:
    """The primary key that a table's next record is to get, where it would get a lower one."""

    table: str
    next: int


@dataclass(frozen=True, slots=True)
class CarryUnique:
    """A field that is to be unique, as classes with the schema of a number load it.

    Args:
        table: the table's name.
        field: the field's name.
        schema: the number of a schema that the log has.
    """

    table: str
    field: str
    schema: int


Preparation = (
    DeclareSchema
    | SayKeys
    | MakeUnique
    | DropUnique
    | RequireVersion
    | CarrySchema
    | CarryNext
    | CarryUnique
)


class SchemaMoved(DiscobaseError):
    """What a request rests on is not so any more, or not yet: the schema is not declared, other
    ones have come, or records were put whose keys nobody has said. It is to be prepared again.
    """


@dataclass(slots=True)
class Placed:
    """Where a request's changes ended up: the position of their commit (the head, where there was
    nothing to do), and the primary key and the version of each change, in order.

    A change that was sent before, and had been made, is at the version that this gave it. One that
    was left out has those of the record that was in its way.

    Attributes:
        ignored: the numbers of the changes that were left out.
        updated: the numbers of the inserts that took the place of a record.
    """

    seq: int
    pks: list[int] = field(default_factory=list[int])
    versions: list[int] = field(default_factory=list[int])
    ignored: frozenset[int] = frozenset()
    updated: frozenset[int] = frozenset()


@dataclass(slots=True, eq=False)
class Request:
    """Changes that hold or fail together, and the future of the caller who waits for them.

    Args:
        changes: what is to be done, in order.
        schemas: the schema of each table that the changes put records into, by the table's name,
            as :meth:`Schema.to_json <discobase.engine.operations.Schema.to_json>` writes it; none
            for records that are written by no class.
        preparations: what the log is to say of those schemas, in the same commit.
        purpose: a name for it in errors, as in "the save".
        timeout: seconds for which the caller waits; None for no limit.
        future: what the caller waits for.
        key: what it is called in the log, in which each change that was not sent before gets its
            name (:meth:`name`); random.

    Attributes:
        size: about the bytes that the request takes up in a frame.
        sent: whether a frame with it was sent, and another one holds its position.
        strikes: how often the server had no answer to frames with it, and to others it had
            (:mod:`discobase.engine.committer`).
        unanswered: how often it was sent without an answer since then.
        may_be_done: whether it may stand in the log already (:meth:`repeat`).
        ends: when its caller's time is over, by the engine's clock that does not go back.
    """

    changes: Sequence[Change]
    schemas: Mapping[str, str] = field(default_factory=dict[str, str])
    preparations: Sequence[Preparation] = ()
    purpose: str = "the commit"
    timeout: float | None = None
    future: Future[Placed] = field(default_factory=Outcome[Placed])
    key: str = field(default_factory=new_key)
    size: int = field(init=False)
    unanswered: int = field(default=0, init=False)
    sent: bool = field(default=False, init=False)
    strikes: int = field(default=0, init=False)
    may_be_done: bool = field(default=False, init=False)
    ends: float = field(default=inf, init=False)

    def __post_init__(self) -> None:
        self.size = _size(self.changes, self.preparations)

    def name(self, index: int) -> ChangeName:
        """Return what the change of an index is called in the log."""
        attempt = self.changes[index].attempt
        return ChangeName(*attempt[:2]) if attempt else ChangeName(self.key, index)

    def repeat(self) -> None:
        """Have it done only where it has not been done: it was sent, and what became of it is not
        known, as where the log has changed to another generation meanwhile.
        """
        self.may_be_done = True
        self.changes = [
            replace(change, attempt=attempt_of(change, self.key, index))
            for index, change in enumerate(self.changes)
        ]


_KEY_AND_PUNCTUATION = 32
"""Bytes of a line besides the table's name and the text it carries: up to 19 for a primary key, and
up to 13 for verb, brackets, quotes, commas and the line's end."""


REQUEST_LINE = 32
"""Bytes of the line that names the changes behind it: 25 and a small index."""


def _size(changes: Sequence[Change], preparations: Sequence[Preparation]) -> int:
    size = REQUEST_LINE + REQUEST_LINE * sum(change.attempt is not None for change in changes)
    for preparation in preparations:
        if isinstance(preparation, RequireVersion):
            size += len(preparation.version) + _KEY_AND_PUNCTUATION
            continue
        size += len(encode_basestring_ascii(preparation.table)) + _KEY_AND_PUNCTUATION
        match preparation:
            case DeclareSchema(schema=schema) | CarrySchema(schema=schema):
                size += len(schema)
            case SayKeys(field=name, keys=keys):
                size += len(name) + sum(len(key) + _KEY_AND_PUNCTUATION for _, _, key in keys)
            case MakeUnique(field=name) | DropUnique(field=name) | CarryUnique(field=name):
                size += len(name)
            case CarryNext(table=table):  # a record that is put, and gone again
                size += len(encode_basestring_ascii(table)) + 2 * _KEY_AND_PUNCTUATION
    for change in changes:
        size += len(encode_basestring_ascii(change.table)) + _KEY_AND_PUNCTUATION
        if not isinstance(change, Remove):
            size += len(change.data)
    return size


@dataclass(frozen=True, slots=True)
class TextIndexWanted:
    """The index of a table's texts, as the table's class has it.

    Args:
        table: the table's name.
        places: where the texts stand; none where the class has no text that is searched.
    """

    table: str
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class IndexWanted:
    """An index on a field that a reader looked for, and that has no key column.

    Args:
        table: the table's name.
        field: the field's name.
        fingerprint: the field's, by the class that looked.
    """

    table: str
    field: str
    fingerprint: str
