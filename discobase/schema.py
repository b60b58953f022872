"""What a class says of a table's fields, and what the log lacks of that.

The log has to know how a class loads the fields before it takes a record that the class has
written: :mod:`discobase.engine.replica.columns` says why. What it lacks is said in the same commit,
before the record. Replicas run no code of a class. So where other classes have written records,
their keys for this one are made here, on the thread of the caller who comes first: it loads these
records, some at a time, and the log is told the keys that come out otherwise than what is stored.
Commits of others go on meanwhile.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from time import monotonic
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from discobase.engine.changes import (
    Change,
    DeclareSchema,
    MakeUnique,
    Placed,
    Preparation,
    Request,
    SayKeys,
    SchemaMoved,
)
from discobase.engine.operations import DEPENDS, FieldSchema, Loaded, Schema
from discobase.engine.replica import EMPTY, KEYLESS, KeyColumn, Layout, may_make_unique
from discobase.errors import Unavailable, UnstorableValue
from discobase.records.codec import Codec
from discobase.records.fingerprint import fingerprints, json_types, missing_values
from discobase.records.record import Record
from discobase.records.sameness import MISSING

if TYPE_CHECKING:
    from discobase.source import Source

R = TypeVar("R", bound=Record)

_AT_A_TIME = 10_000
"""Records that are read and loaded at a time, and whose keys are said in one commit. A replica
takes about a tenth of a second for them, and a million need a hundred commits."""

_TRIES = 20
"""How often a request is prepared anew, because other writers' schemas or records came between,
where there is no timeout: a guess at what no real load reaches."""

_DEFAULT_LENGTH = 6
"""Characters of the hash by which a default stands in a fingerprint. Equal ones for different
defaults, one time in 16 millions, would matter to records that lack the field alone."""


class TableSchema(Generic[R]):
    """The schema of one table class, and its way into the log.

    Args:
        codec: how the class's records are written and read.
        table: the table's name.
    """

    def __init__(self, codec: Codec[R], table: str) -> None:
        self._codec = codec
        self._table = table
        self._settled: Layout | None = None

    @cached_property
    def fields(self) -> Mapping[str, FieldSchema]:
        """What the log is to know of each field."""
        prints = fingerprints(self._codec.model)
        missing = self._missing_keys()
        return {
            name: FieldSchema(
                kind, _with_default(prints[name], missing.get(name)), missing.get(name)
            )
            for name, kind in self._codec.kinds.items()
        }

    @cached_property
    def text(self) -> str:
        """The schema as the log has it."""
        codec = self._codec
        return Schema(self.fields, codec.unique, codec.indexed, json_types(codec.model)).to_json()

    def commit(self, source: Source, changes: Sequence[Change], purpose: str) -> Placed:
        """Commit changes that put records of this class, and what the log lacks of its schema.

        Args:
            source: where to.
            changes: what is to be done, in order.
            purpose: a name for it in errors.

        Raises:
            Unavailable: other programs kept changing what it rests on.
            DiscobaseError: as for :meth:`Table.save <discobase.Table.save>`.
        """
        schemas, limit = {self._table: self.text}, source.timeout
        end = None if limit is None else monotonic() + limit
        tries = 0
        while True:
            tries += 1
            try:
                layout = source.replica(purpose).layouts.get(self._table, EMPTY)
                preparations = self.preparations(source, layout)
                request = Request(changes, schemas, preparations, purpose, limit)
                if _says_too_much(request, source.capacity):
                    source.commit(Request((), schemas, preparations, purpose, limit))
                    continue
                return source.commit(request)
            except SchemaMoved as error:
                gives_up = tries >= _TRIES if end is None else monotonic() > end
                if gives_up:
                    raise Unavailable(
                        f"{purpose}: other programs kept changing what it rests on ({error}); "
                        f"nothing was written."
                    ) from None

    def preparations(self, source: Source, layout: Layout) -> Sequence[Preparation]:
        """Return what the log lacks before records can be put; the most part of what is to be said
        of many records has been committed by then.
        """
        if layout is self._settled:
            return ()
        number = layout.numbers.get(self.text)
        if number is None:
            return self._declaration(source, layout)
        wanted = [
            column
            for column in self._unique
            if may_make_unique(layout, column, is_newest=layout.is_newest(number, column.field))
        ]
        if not wanted:
            self._settled = layout
            return ()
        if not all(layout.is_current(column.field, column.fingerprint) for column in wanted):
            return self._declaration(source, layout)
        seen = min(layout.seen(*_identity(column)) for column in wanted)
        said = self._said(source, layout, wanted, seen=seen)
        return [*said, *self._make_unique(wanted)]

    def _declaration(self, source: Source, layout: Layout) -> Sequence[Preparation]:
        """Declare the schema, for the first time or again: it is the newest one then, and may make
        unique what another one has made so.
        """
        seen = source.replica().head.seq
        said = self._said(source, layout, list(self._columns.values()), seen=seen)
        declared = DeclareSchema(self._table, self.text, layout.number, seen)
        wanted = [
            column for column in self._unique if may_make_unique(layout, column, is_newest=True)
        ]
        return [*said, declared, *self._make_unique(wanted)]

    @cached_property
    def _unique(self) -> list[KeyColumn]:
        return [self._columns[name] for name in self._codec.unique]

    def _make_unique(self, columns: Sequence[KeyColumn]) -> list[MakeUnique]:
        return [MakeUnique(self._table, column.field, self.text) for column in columns]

    @cached_property
    def _columns(self) -> dict[str, KeyColumn]:
        """The key column of each field that has keys."""
        return {
            name: KeyColumn.of(name, field)
            for name, field in self.fields.items()
            if field.kind != "opaque"
        }

    def _missing_keys(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for name, value in missing_values(self._codec.model).items():
            with suppress(UnstorableValue):
                key = self._codec.stored_key(name, value)
                if key is not None:
                    found[name] = key
        return found

    # Keys of what other classes have written

    def _said(
        self, source: Source, layout: Layout, columns: Sequence[KeyColumn], *, seen: int
    ) -> list[SayKeys]:
        """Load the records whose keys are not known, and return what is to be said of the last of
        them; commit what is to be said of the others.

        Args:
            source: where they are.
            layout: the table's.
            columns: which keys are wanted.
            seen: the position up to which nothing need be said of keys that are as what is stored.
        """
        lacking = self._lacking(source, layout, columns)
        said: list[SayKeys] = []
        after = 0
        for rows in self._rows(source, layout, columns, everything=bool(lacking)):
            if said:
                self._say(source, said)
            among = Loaded(after, rows[-1].pk, seen)
            after = among.upto
            keys = self._keys(rows, seen)
            said = [
                SayKeys(
                    self._table,
                    column.field,
                    self.fields[column.field],
                    tuple(keys.get(column.field, ())),
                    among if column in lacking else None,
                )
                for column in columns
                if column in lacking or column.field in keys
            ]
        return said

    def _lacking(
        self, source: Source, layout: Layout, columns: Sequence[KeyColumn]
    ) -> list[KeyColumn]:
        """Return the columns that are to be there from the start, and are not, where there are so
        many records that replicas had better fill them in steps.
        """
        marked = {*self._codec.unique, *self._codec.indexed}
        lacking = [
            column
            for column in columns
            if column.field in marked and (column.field, column.fingerprint) not in layout.columns
        ]
        is_large = lacking and source.replica().count(self._table) > _AT_A_TIME
        return lacking if is_large else []

    def _say(self, source: Source, said: Sequence[SayKeys]) -> None:
        purpose = f"keying the records of {self._table!r}"
        source.commit(Request((), {}, said, purpose, source.timeout))

    def _rows(
        self, source: Source, layout: Layout, columns: Sequence[KeyColumn], *, everything: bool
    ) -> Iterator[list[_Row]]:
        """Yield the records that may have keys which are not known, or all, some at a time."""
        replica = source.replica()
        wanted = [(column.field, column.fingerprint) for column in columns]
        alike = [
            number
            for number in layout.schemas
            if not everything
            and all(layout.fingerprint(number, name) == each for name, each in wanted)
        ]
        known_to = {column: layout.seen(*_identity(column)) for column in columns}
        since = 0 if everything else min(known_to.values(), default=0)
        said = replica.said(self._table, wanted)

        def unknown(pk: int, seq: int, number: int) -> list[KeyColumn]:
            return [
                column
                for column in columns
                if seq > known_to[column]
                and layout.fingerprint(number, column.field) != column.fingerprint
                and (pk, column.field) not in said
            ]

        after = 0
        while rows := replica.stored(self._table, after, alike, since, _AT_A_TIME):
            after = rows[-1][0]
            yield [_Row(pk, seq, data, unknown(pk, seq, number)) for pk, seq, number, data in rows]

    def _keys(
        self, rows: Sequence[_Row], seen: int
    ) -> Mapping[str, Sequence[tuple[int, int, str]]]:
        """Return what is to be said of the keys of records, by field."""
        keys: dict[str, list[tuple[int, int, str]]] = {}
        for row in rows:
            if not row.unknown:
                continue
            stored = json.loads(row.data)
            for name, key in self._loaded_keys(row, stored).items():
                if row.seq > seen or key != self._columns[name].key(stored):
                    keys.setdefault(name, []).append((row.pk, row.seq, key))
        return keys

    def _loaded_keys(self, row: _Row, stored: Mapping[str, Any]) -> dict[str, str]:
        """Return the keys that a record has for this class."""
        names = [column.field for column in row.unknown]
        is_plain = not any(
            column.field in stored or column.fingerprint.endswith(DEPENDS) for column in row.unknown
        )
        if is_plain:
            return {name: self._columns[name].key(stored) or KEYLESS for name in names}
        record = self._codec.decoded(row.data)
        if isinstance(record, Exception):
            values = {name: self._codec.value_alone(name, stored) for name in names}
        else:
            values = {name: getattr(record, name) for name in names}
        return {name: self._key(name, value, stored) for name, value in values.items()}

    def _key(self, name: str, value: object, stored: Mapping[str, Any]) -> str:
        is_made_anew = name not in stored and self._codec.model.model_fields[name].default_factory
        if value is MISSING or is_made_anew:
            return KEYLESS
        try:
            return self._codec.stored_key(name, value) or KEYLESS
        except UnstorableValue:
            return KEYLESS


@dataclass(frozen=True, slots=True)
class _Row:
    """A record, and the columns in which its key is not known."""

    pk: int
    seq: int
    data: str
    unknown: Sequence[KeyColumn]


def _identity(column: KeyColumn) -> tuple[str, str]:
    return column.field, column.fingerprint


def _says_too_much(request: Request, capacity: int) -> bool:
    """Return whether what a request says of schemas had better go ahead of its changes, in a commit
    of its own: those may be as many as one commit carries. Fields are made unique with the changes,
    which may need that.
    """
    says_more = not all(isinstance(each, MakeUnique) for each in request.preparations)
    return says_more and bool(request.changes) and request.size > capacity


def _with_default(fingerprint: str, missing: str | None) -> str:
    """Return a fingerprint in which a default counts, too: it is the value of the records that lack
    the field.
    """
    if missing is None:
        return fingerprint
    default = hashlib.sha256(missing.encode()).hexdigest()[:_DEFAULT_LENGTH]
    bare = fingerprint.removesuffix(DEPENDS)
    return f"{bare}-{default}{fingerprint[len(bare) :]}"
