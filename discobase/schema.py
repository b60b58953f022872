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
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

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
from discobase.engine.replica import EMPTY, KEYLESS, KeyColumn, Layout, Replica, may_make_unique
from discobase.engine.together import is_together, joined_key, names_of, together
from discobase.errors import OutcomeUnknown, Unavailable, WaitTimeout
from discobase.once import once
from discobase.records.codec import Codec
from discobase.records.fingerprint import fingerprints, json_types, missing_values
from discobase.records.record import Record
from discobase.records.sameness import MISSING

if TYPE_CHECKING:
    from discobase.source import Source

R = TypeVar("R", bound=Record)

_AT_A_TIME = 2_000
"""Records that are read and loaded at a time, and whose keys are said in one commit. A replica
takes some 20 ms for them: a commit that takes much longer loses its position to smaller ones, again
and again, where other processes write all the time. A million records need five hundred."""

_NO_WAIT = 0.05
"""Seconds that a call may take until it waits, and that are not counted: a guess, many times what
that takes where the machine is not busy."""

_LAST_MOMENT = 0.001
"""Seconds that a call has at least, so that one with a timeout of 0 can look once: a guess."""

_TRIES = 20
"""How often a request is prepared anew, because other writers' schemas or records came between,
where there is no timeout: a guess at what no real load reaches."""

NOTHING_BESIDE: Mapping[str, str] = MappingProxyType({})
"""The schemas of other tables, for changes of one table alone."""

_DEFAULT_LENGTH = 6
"""Characters of the hash by which a default stands in a fingerprint. Equal ones for different
defaults, one time in 16 millions, would matter to records that lack the field alone."""


class TableSchema(Generic[R]):
    """The schema of one table class, and its way into the log.

    Args:
        codec: how the class's records are written and read.
        table: the table's name.

    Attributes:
        is_own: whether records are put under the class's own schema, as they are by all classes but
            those that are made of the log.
    """

    is_own: ClassVar[bool] = True

    def __init__(self, codec: Codec[R], table: str) -> None:
        self._codec = codec
        self._table = table
        self._settled: Layout | None = None
        self._pass: _Pass | None = None

    @once
    def fields(self) -> Mapping[str, FieldSchema]:
        """What the log is to know of each field."""
        prints = fingerprints(self._codec.model)
        missing = self._missing_keys()
        fields = {
            name: FieldSchema(
                kind, _with_default(prints[name], missing.get(name)), missing.get(name)
            )
            for name, kind in self._codec.kinds.items()
        }
        return fields | {
            together(names): FieldSchema.together([fields[name] for name in names])
            for names in self._codec.together
        }

    @once
    def declared(self) -> Schema:
        """The schema."""
        codec = self._codec
        return Schema(self.fields, self._unique_names, codec.indexed, json_types(codec.model))

    @once
    def text(self) -> str:
        """The schema as the log has it."""
        return self.declared.to_json()

    def commit(
        self,
        source: Source,
        changes: Sequence[Change],
        purpose: str,
        key: str,
        *,
        beside: Mapping[str, str] = NOTHING_BESIDE,
    ) -> Placed:
        """Commit changes that put records of this class, and what the log lacks of its schema.

        Args:
            source: where to.
            changes: what is to be done, in order.
            purpose: a name for it in errors.
            key: what it is called in the log.
            beside: the schemas of other tables that the changes put records into, by their names.
                The log has them already.

        Raises:
            Unavailable: other programs kept changing what it rests on.
            DiscobaseError: as for :meth:`Table.save <discobase.Table.save>`.
        """
        call = Call(source, purpose)
        while True:
            call.tries += 1
            try:
                layout = call.layout(self._table)
                with call.not_sent_before():
                    preparations = self.preparations(call, layout)
                # Without a call where there is nothing to ask: a save has few of them.
                own = {self._table: self.text} if self.is_own else self.written_under(layout)
                schemas = {**own, **beside}
                request = Request(changes, schemas, preparations, purpose, call.left(), key=key)
                if _says_too_much(request, source.capacity):
                    call.say(schemas, preparations)
                    continue
                return source.commit(request)
            except SchemaMoved as error:
                call.give_up_at_last(error)

    def written_under(self, layout: Layout) -> Mapping[str, str]:  # noqa: ARG002 - others look
        """Return the schema that records are put under, by the table's name; nothing for none.

        Args:
            layout: how the table is laid out.
        """
        return {self._table: self.text}

    def preparations(self, call: Call, layout: Layout) -> Sequence[Preparation]:
        """Return what the log lacks before records can be put; the most part of what is to be said
        of many records has been committed by then.
        """
        if layout is self._settled:
            return ()
        number = layout.numbers.get(self.text)
        if number is None:
            return self._declaration(call, layout)
        wanted = [
            column
            for column in self._unique
            if may_make_unique(layout, column, is_newest=layout.is_newest(number, column.field))
        ]
        if not wanted:
            self._settled = layout
            return ()
        if not all(layout.is_current(*column.identity) for column in wanted):
            return self._declaration(call, layout)
        seen = min(layout.seen(*column.identity) for column in wanted)
        said = self._say_rest(call, layout, wanted, since=seen, seen=seen)
        return [*said, *self._make_unique(wanted)]

    def _declaration(self, call: Call, layout: Layout) -> Sequence[Preparation]:
        """Declare the schema, for the first time or again: it is the newest one then, and may make
        unique what another one has made so.
        """
        wanted = [
            column for column in self._unique if may_make_unique(layout, column, is_newest=True)
        ]
        return [*self._declared(call, layout), *self._make_unique(wanted)]

    def _declared(self, call: Call, layout: Layout) -> Sequence[Preparation]:
        """Say what is to be said of the records that are there, and declare the schema."""
        if layout is EMPTY:
            # No record is there, and to look for some took each of a hundred threads that save
            # their first record at once a connection of its own: their saves came one by one.
            return [DeclareSchema(self._table, self.text, layout.number, 0)]
        columns = list(self._columns.values())
        is_large = call.replica().count(self._table) > _AT_A_TIME
        since = self._say_most(call, layout, columns) if is_large else 0
        seen = call.replica().head.seq
        said = self._say_rest(call, layout, columns, since=since, seen=seen)
        return [*said, DeclareSchema(self._table, self.text, layout.number, seen)]

    @once
    def _unique(self) -> list[KeyColumn]:
        return [self._columns[name] for name in self._unique_names]

    @property
    def _unique_names(self) -> tuple[str, ...]:
        return (*self._codec.unique, *map(together, self._codec.together))

    def _make_unique(self, columns: Sequence[KeyColumn]) -> list[MakeUnique]:
        return [MakeUnique(self._table, column.field, self.text) for column in columns]

    @once
    def _columns(self) -> dict[str, KeyColumn]:
        """The key column of each field that has keys."""
        return {
            name: KeyColumn.of(name, field)
            for name, field in self.fields.items()
            if field.kind != "opaque"
        }

    def _missing_keys(self) -> dict[str, str]:
        defaults = missing_values(self._codec.model)
        keys = {name: self._key_of_any(name, value) for name, value in defaults.items()}
        return {name: key for name, key in keys.items() if key is not None}

    # Keys of what other classes have written

    def _say_most(self, call: Call, layout: Layout, columns: Sequence[KeyColumn]) -> int:
        """Load the records that there are and commit what is to be said of them, some at a time. A
        pass that was given up is gone on with.

        Returns:
            The position up to which all is said.
        """
        if self._pass is None or self._pass.base != layout.number:
            self._pass = _Pass(layout.number, call.replica().head.seq)
        begun = self._pass
        marked = {*self._unique_names, *self._codec.indexed}
        lacking = [
            column
            for column in columns
            if column.field in marked and column.identity not in layout.columns
        ]
        for rows in self._rows(call, layout, columns, begun.after, everything=bool(lacking)):
            among = Loaded(begun.after, rows[-1].pk, begun.seen)
            said = self._says(rows, columns, begun.seen, lacking, among)
            if said:
                call.say({}, said)
            begun.after = among.upto
        return begun.seen

    def _say_rest(
        self, call: Call, layout: Layout, columns: Sequence[KeyColumn], *, since: int, seen: int
    ) -> list[SayKeys]:
        """Load the records whose keys are not known, and return what is to be said of the last of
        them; commit what is to be said of the others.

        Args:
            call: whose records they are.
            layout: the table's.
            columns: which keys are wanted.
            since: the position above which records were written that are to be loaded.
            seen: the position up to which nothing need be said of keys that are as what is stored.
        """
        said: list[SayKeys] = []
        for rows in self._rows(call, layout, columns, since=since):
            if said:
                call.say({}, said)
            said = self._says(rows, columns, seen)
        return said

    def _rows(
        self,
        call: Call,
        layout: Layout,
        columns: Sequence[KeyColumn],
        after: int = 0,
        *,
        since: int = 0,
        everything: bool = False,
    ) -> Iterator[list[_Row]]:
        """Yield the records that may have keys which are not known, or all, some at a time."""
        replica = call.replica()
        wanted = [column.identity for column in columns]
        alike = [
            number
            for number in layout.schemas
            if not everything
            and all(layout.fingerprint(number, name) == each for name, each in wanted)
        ]
        known_to = {column: layout.seen(*column.identity) for column in columns}
        if not everything:
            since = max(since, min(known_to.values(), default=0))
        said = replica.said(self._table, wanted)

        def unknown(pk: int, seq: int, number: int) -> list[KeyColumn]:
            return [
                column
                for column in columns
                if seq > known_to[column]
                and layout.fingerprint(number, column.field) != column.fingerprint
                and (pk, column.field) not in said
            ]

        while rows := replica.stored(self._table, after, alike, since, _AT_A_TIME):
            after = rows[-1][0]
            yield [_Row(pk, seq, data, unknown(pk, seq, number)) for pk, seq, number, data in rows]

    def _says(
        self,
        rows: Sequence[_Row],
        columns: Sequence[KeyColumn],
        seen: int,
        lacking: Sequence[KeyColumn] = (),
        among: Loaded | None = None,
    ) -> list[SayKeys]:
        """Return what is to be said of records; of all that are among those which were loaded,
        where a column is lacking that is to be there from the start. So replicas fill it in steps.
        """
        keys = self._keys(rows, seen)
        return [
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
        columns = [column.field for column in row.unknown]
        names = list(dict.fromkeys(name for each in columns for name in names_of(each)))
        is_plain = not any(name in stored for name in names) and not any(
            column.fingerprint.endswith(DEPENDS) for column in row.unknown
        )
        if is_plain:
            return {name: self._columns[name].key(stored) or KEYLESS for name in columns}
        record = self._codec.decoded(row.data)
        if isinstance(record, Exception):
            values = {name: self._codec.value_alone(name, stored) for name in names}
        else:
            values = {name: getattr(record, name) for name in names}
        keys = {name: self._key(name, value, stored) for name, value in values.items()}
        return {
            name: joined_key([keys[each] for each in names_of(name)], KEYLESS) or KEYLESS
            if is_together(name)
            else keys[name]
            for name in columns
        }

    def _key(self, name: str, value: object, stored: Mapping[str, Any]) -> str:
        is_made_anew = name not in stored and self._codec.model.model_fields[name].default_factory
        if value is MISSING or is_made_anew:
            return KEYLESS
        return self._key_of_any(name, value) or KEYLESS

    def _key_of_any(self, name: str, value: object) -> str | None:
        """Return the key of a value that need not be of the field's type: a default is not checked
        by pydantic, and a validator of the whole class may set anything. None where it may equal
        values that have other keys.
        """
        try:
            taken = self._codec.stored_value(name, value)
            # Python holds True and 1 for equal, as the one who compares values does.
            same = taken if bool(taken == value) else value
            return self._codec.stored_key(name, same)
        except Exception:  # noqa: BLE001 - a validator may raise anything at what it did not expect
            return None


class Call:
    """A caller who waits for changes to be committed.

    Args:
        source: where to.
        purpose: a name for it in errors.

    Attributes:
        tries: how often it has been tried.
    """

    def __init__(self, source: Source, purpose: str = "the save") -> None:
        self._source = source
        self._purpose = purpose
        self._end = None if source.timeout is None else monotonic() + source.timeout
        self.tries = 0

    def replica(self) -> Replica:
        """Return the state."""
        return self._source.replica(self._purpose)

    def layout(self, table: str) -> Layout:
        """Return how a table is laid out."""
        return self.replica().layouts.get(table, EMPTY)

    def left(self) -> float | None:
        """Return the seconds that are left; None for no limit.

        Raises:
            WaitTimeout: there are none.
        """
        timeout = self._source.timeout
        if self._end is None or timeout is None:
            return None
        if self.tries > 1 and monotonic() >= self._end:
            raise WaitTimeout(f"{self._purpose} was not sent in time; nothing was written.")
        left = self._end - monotonic()
        if timeout - left < _NO_WAIT:
            left = timeout  # as whoever has waited gave it, and errors name it
        return max(left, _LAST_MOMENT)

    def say(self, schemas: Mapping[str, str], preparations: Sequence[Preparation]) -> None:
        """Commit what is to be said of a schema, ahead of the changes.

        Raises:
            WaitTimeout: that took too long. What was said is kept.
            DiscobaseError: as for any commit, but that the changes were not sent is sure.
        """
        if self._end is not None and monotonic() >= self._end:
            raise self._still_keying()
        request = Request((), schemas, preparations, "keying the records", self.left())
        try:
            self._source.commit(request)
        except (OutcomeUnknown, WaitTimeout) as error:
            raise self._still_keying() from error

    def _still_keying(self) -> WaitTimeout:
        return WaitTimeout(
            f"{self._purpose} was not sent: the records that are there are still being loaded by "
            f"the class, which is new to the database. Nothing of it was written; the next save "
            f"goes on where this one stopped."
        )

    @contextmanager
    def not_sent_before(self) -> Generator[None]:
        """Note in an interrupt, such as Ctrl-C, that the changes were not sent yet."""
        try:
            yield
        except KeyboardInterrupt as interrupt:
            interrupt.add_note(f"{self._purpose} was not sent: its class was being made known")
            raise

    def give_up_at_last(self, error: SchemaMoved) -> None:
        """Do nothing while another try is worth it.

        Raises:
            Unavailable: it is not any more.
        """
        is_over = self.tries >= _TRIES if self._end is None else monotonic() > self._end
        if is_over:
            raise Unavailable(
                f"{self._purpose}: other programs kept changing what it rests on ({error}); "
                f"nothing was written."
            ) from None


@dataclass(slots=True)
class _Pass:
    """How far the records of a table have been loaded.

    Args:
        base: the number of the schema that was the table's when it was begun.
        seen: the position at which it was begun.
        after: the primary key up to which it has come.
    """

    base: int
    seen: int
    after: int = 0


@dataclass(frozen=True, slots=True)
class _Row:
    """A record, and the columns in which its key is not known."""

    pk: int
    seq: int
    data: str
    unknown: Sequence[KeyColumn]


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
