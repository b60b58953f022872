"""Requests, tried at the head: each for itself in a savepoint, with a verdict of its own."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import NamedTuple, cast

from discobase.engine.changes import (
    CarryIn,
    CarryNext,
    CarrySchema,
    CarryUnique,
    Change,
    ChangeName,
    DeclareSchema,
    DropUnique,
    Insert,
    MakeUnique,
    Placed,
    Remove,
    Replace,
    Request,
    RequireVersion,
    SayKeys,
    SchemaMoved,
    digest_of,
)
from discobase.engine.keys import NULL
from discobase.engine.operations import (
    LARGEST_PK,
    OF_0_1,
    Constrain,
    Declare,
    Delete,
    Introduce,
    Keys,
    Names,
    Operation,
    Put,
    Release,
    Require,
    extended,
)
from discobase.engine.replica.carrying import constraint_of, declaration_of, put_of, raising_of
from discobase.engine.replica.columns import KEYLESS, KeyColumn
from discobase.engine.replica.layout import Layouts, may_make_unique
from discobase.engine.replica.positions import Head
from discobase.engine.replica.requests import Done, RequestTable
from discobase.engine.replica.tables import Tables
from discobase.engine.replica.writers import WriterTable
from discobase.engine.versions import release_of
from discobase.errors import (
    ConflictError,
    DiscobaseError,
    DuplicatesFound,
    RecordNotFound,
    RecordRefused,
    UniqueViolation,
    UsageError,
)

Verdict = Placed | DiscobaseError
"""What became of one request: where its changes are placed, or the error that kept them out."""


@dataclass(slots=True)
class Proposal:
    """The requests that hold at the head, applied but not yet settled."""

    seq: int
    chain: str
    operations: list[Operation] = field(default_factory=list[Operation])
    verdicts: list[Verdict] = field(default_factory=list[Verdict])


class Proposals:
    """Tries requests on the writing connection, inside a transaction.

    Args:
        connection: the writing one.
        tables: the records at the head.
        layouts: how their tables are laid out.
        requests: what was done under which names.
        writers: what is known of those who write.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        tables: Tables,
        layouts: Layouts,
        requests: RequestTable,
        writers: WriterTable,
    ) -> None:
        self._connection = connection
        self._tables = tables
        self._layouts = layouts
        self._requests = requests
        self._writers = writers

    def propose(
        self, requests: Iterable[Request], head: Head, introduction: Introduce | None = None
    ) -> Proposal:
        """Apply the requests that hold on the state at the head, each after those before it.

        A request holds or fails as a whole, for itself alone.

        Args:
            requests: the requests.
            head: the head.
            introduction: of the writer, which goes with what there is to write where the log does
                not have it.
        """
        proposal = Proposal(seq=head.seq + 1, chain=head.chain)
        for request in requests:
            proposal.verdicts.append(self._try(request, proposal))
        if proposal.operations and introduction and not self._writers.knows(introduction):
            self._tables.apply(introduction, proposal.seq)
            proposal.operations.insert(0, introduction)
        return proposal

    def _try(self, request: Request, proposal: Proposal) -> Verdict:
        self._connection.execute("SAVEPOINT request")
        try:
            return self._place(request, proposal)
        except DiscobaseError as error:
            self._undo()
            return error
        finally:
            # After some errors, such as a full disk, SQLite has rolled back by itself.
            if self._connection.in_transaction:
                self._connection.execute("RELEASE request")

    def _undo(self) -> None:
        self._tables.forget()
        self._connection.execute("ROLLBACK TO request")

    def _place(self, request: Request, proposal: Proposal) -> Placed:
        """Apply what a request asks for, and add it to the proposal."""
        steps = _Steps(self._tables, proposal.seq)
        if request.preparations and not self._has_done(request):
            steps, places = self._prepare_and_change(request, steps)
        else:
            places = self._change(request, steps)
        self._tables.keep()
        proposal.operations += steps.taken
        return Placed(
            proposal.seq if steps.taken else proposal.seq - 1,
            [place.pk for place in places],
            [place.version for place in places],
            frozenset(index for index, place in enumerate(places) if place.ignored),
            frozenset(index for index, place in enumerate(places) if place.updated),
        )

    def _prepare_and_change(self, request: Request, steps: _Steps) -> tuple[_Steps, list[_Place]]:
        """Apply a request that says something of schemas. That a field becomes unique comes before
        the changes; or behind them, where they take away what stands in its way; or not at all,
        where they do not need it.
        """
        try:
            return steps, self._constrained(request, steps)
        except DuplicatesFound as error:
            refused = error
        self._undo()
        steps = _Steps(self._tables, steps.seq)
        with suppress(DuplicatesFound):
            return steps, self._constrained_afterwards(request, steps)
        self._undo()
        steps = _Steps(self._tables, steps.seq)
        return steps, self._unconstrained(request, steps, refused)

    def _constrained(self, request: Request, steps: _Steps) -> list[_Place]:
        for wanted in self._prepare(request, steps):
            steps.take(self._release(wanted.table, wanted.field))
            steps.take(self._constraint(wanted))
        return self._change(request, steps)

    def _constrained_afterwards(self, request: Request, steps: _Steps) -> list[_Place]:
        unique = self._prepare(request, steps)
        for wanted in unique:
            steps.take(self._release(wanted.table, wanted.field))
        places = self._change(request, steps)
        for wanted in unique:
            steps.take(self._constraint(wanted))
        return places

    def _unconstrained(
        self, request: Request, steps: _Steps, refused: DuplicatesFound
    ) -> list[_Place]:
        unique = self._prepare(request, steps)

        def require_no_need(operation: Put | Delete) -> None:
            if isinstance(operation, Put) and any(
                wanted.table == operation.table and self._needs(operation, wanted.field)
                for wanted in unique
            ):
                raise refused

        return self._change(request, steps, require_no_need)

    def _prepare(self, request: Request, steps: _Steps) -> list[MakeUnique]:
        """Take the steps that come before the changes, and return which fields are to be made
        unique.
        """
        unique: list[MakeUnique] = []
        for preparation in request.preparations:
            if isinstance(preparation, MakeUnique):
                unique.append(preparation)
            elif isinstance(preparation, CarryNext):
                for operation in raising_of(preparation, self._tables):
                    steps.take(operation)
            else:
                steps.take(self._prepared(preparation))
        return [wanted for wanted in unique if self._may_be_made(wanted)]

    def _change(
        self,
        request: Request,
        steps: _Steps,
        check: Callable[[Put | Delete], None] | None = None,
    ) -> list[_Place]:
        """Take the steps that the changes come to, and return where each is: those that the log has
        are where they were made, whatever has become of their records since.
        """
        places: list[_Place] = []
        for index, change in enumerate(request.changes):
            if isinstance(change, CarryIn):
                places.append(self._carry_in(change, request.name(index), steps))
                continue
            done = self._done(change)
            if done is not None and (pk := _pk_if_same(change, done)) is not None:
                places.append(_Place(pk, done.seq))
                continue
            operation = self._operation(change, request.schemas, done)
            if isinstance(operation, Put):
                resolved = self._resolved(change, operation, done)
                if isinstance(resolved, _Place):
                    places.append(resolved)
                    continue
                updated = resolved.pk != operation.pk
                operation = resolved
            else:
                updated = False
            if check is not None:
                check(operation)
            try:
                steps.take(operation, request.name(index))
            except UniqueViolation as error:
                if (error.pk, steps.seq) not in ((place.pk, place.version) for place in places):
                    raise
                raise _among_written(error) from None
            places.append(_Place(operation.pk, steps.seq, updated=updated))
        return places

    def _carry_in(self, change: CarryIn, name: ChangeName, steps: _Steps) -> _Place:
        operation = put_of(change, self._tables, self._layouts)
        if isinstance(operation, int):
            return _Place(change.pk, operation)
        steps.take(operation, name)
        return _Place(change.pk, steps.seq)

    # Changes

    def _operation(
        self, change: Insert | Replace | Remove, schemas: Mapping[str, str], done: Done | None
    ) -> Put | Delete:
        """Return what a change comes to at this state.

        Args:
            change: what is asked for.
            schemas: the schemas of the request.
            done: what the log has of it already.
        """
        match change:
            case Insert(table=table, data=data):
                pk = None if done is None else done.made
                if pk is None:
                    pk = self._next_pk(table)
                else:
                    self._require(table, pk, None, done)
                return Put(table, pk, data, self._number(table, schemas))
            case Replace(table=table, pk=pk, data=data, version=version):
                self._require(table, pk, version, done)
                return Put(table, pk, data, self._number(table, schemas))
            case Remove(table=table, pk=pk, version=version):
                self._require(table, pk, version, done)
                return Delete(table, pk)

    def _next_pk(self, table: str) -> int:
        """Return the primary key of a new record.

        Raises:
            RecordRefused: there is none any more.
        """
        pk = self._tables.next_pk(table)
        if pk == LARGEST_PK:
            raise RecordRefused(
                f"the table {table!r} has no primary key left: record {pk - 1} is or was there, "
                f"which nobody gets to by counting, and it takes new records no longer; nothing "
                f"was written. Save them in a table of another name."
            )
        return pk

    def _resolved(
        self, change: Insert | Replace | Remove, put: Put, done: Done | None
    ) -> Put | _Place:
        """Return what a put comes to where another record may have a value of it that is unique:
        another put, or the place where there is nothing to do.

        Args:
            change: what is asked for.
            put: what it comes to without that.
            done: what the log has of it already.
        """
        if isinstance(change, Remove):
            return put
        # It was sent before, and made no record: it has taken the place of one.
        took_place = isinstance(change, Insert) and done is not None and done.made is None
        if change.on_conflict == "error" and not took_place:
            return put
        other = self._tables.in_the_way(put)
        if took_place and done is not None:
            if other is None:
                raise RecordNotFound(
                    f"a record of {put.table!r} was written at position {done.seq} in the place of "
                    f"one that has been deleted since, or has other values; nothing was written."
                )
            if change.attempt is not None and change.attempt.digest == digest_of(change):
                return _Place(other, done.seq, updated=True)
            return self._in_place_of(put, other)
        if other is None:
            return put
        if change.on_conflict == "ignore":
            return _Place(other, self._tables.seq_of(put.table, other) or 0, ignored=True)
        return self._in_place_of(put, other) if isinstance(change, Insert) and not done else put

    def _in_place_of(self, put: Put, pk: int) -> Put:
        """Return a put that takes the place of a record. Fields that it does not have stay."""
        stored, known = json.loads(self._tables.data_of(put.table, pk)), json.loads(put.data)
        return replace(put, pk=pk, data=extended(put.data, known, stored))

    def _has_done(self, request: Request) -> bool:
        """Return whether the log has a request that may have been sent before: what it says of
        schemas has been said then.
        """
        return request.may_be_done and any(map(self._done, request.changes))

    def _done(self, change: Change) -> Done | None:
        """Return what the log has of a change that was sent before; None where it has nothing."""
        return None if change.attempt is None else self._requests.find(change.attempt)

    def _number(self, table: str, schemas: Mapping[str, str]) -> int:
        if table not in schemas:
            return 0
        number = self._layouts.of(table).numbers.get(schemas[table])
        if number is None:
            raise SchemaMoved(f"the schema of {table!r} is not declared")
        return number

    def _require(self, table: str, pk: int, version: int | None, done: Done | None) -> None:
        """Refuse to change a record that is gone, or not at the version that was asked for: at the
        one that the change itself has written before, if it has.
        """
        found = self._tables.seq_of(table, pk)
        if found is None:
            raise RecordNotFound(f"record {pk} of {table!r} has been deleted; nothing was written.")
        if version is None:
            return
        expected = version if done is None else done.seq
        if found != expected:
            conflict = ConflictError(table, pk, expected=expected, found=found)
            if done is not None:
                conflict.add_note(f"What was sent before, to an unknown end, became {expected}.")
            raise conflict

    # Schemas

    def _prepared(
        self,
        preparation: DeclareSchema
        | SayKeys
        | DropUnique
        | RequireVersion
        | CarrySchema
        | CarryUnique,
    ) -> Operation | None:
        """Return what a preparation comes to at this state; None where there is nothing to do."""
        match preparation:
            case DeclareSchema(table=table, schema=schema, base=base, seen=seen):
                return self._declaration(table, schema, base, seen)
            case SayKeys(table=table, field=name, schema=field, keys=keys, loaded=loaded):
                still = tuple(
                    (pk, key) for pk, seq, key in keys if self._tables.seq_of(table, pk) == seq
                )
                return Keys(table, name, field, still, loaded) if still or loaded else None
            case DropUnique(table=table, field=name):
                return self._release(table, name)
            case RequireVersion(version=version, lower=lower):
                return self._requirement(version, lower=lower)
            case CarrySchema():
                return declaration_of(preparation, self._layouts)
            case CarryUnique():
                return constraint_of(preparation, self._layouts)

    def _declaration(self, table: str, schema: str, base: int, seen: int) -> Declare | None:
        layout = self._layouts.of(table)
        if layout.numbers.get(schema, 0) > base:
            return None  # somebody with the same class has come first
        if layout.number != base:
            raise SchemaMoved(f"{table!r} has got schema {layout.number} after {base}")
        return Declare(table, schema, base + 1, seen)

    def _requirement(self, version: str, *, lower: bool) -> Require | None:
        """Return what makes a version the lowest that may write; None where it is.

        Raises:
            UsageError: a later one is, and it is not to be lowered.
        """
        held = self._writers.read().minimum
        if held is None or release_of(held) < release_of(version):
            return Require(version)
        if release_of(held) == release_of(version):
            return None
        if lower:
            return Require(version)
        raise UsageError(
            f"discobase {held} is required already, which is later than {version}; nothing was "
            f"written. To allow older versions again, say lower=True."
        )

    def _release(self, table: str, name: str) -> Release | None:
        held = self._layouts.of(table).unique_column(name)
        return None if held is None else Release(table, name)

    def _may_be_made(self, wanted: MakeUnique) -> bool:
        """Return whether a field is to be made unique as a class wants it: not where it is, or
        where it is as a newer class has it, or as one whose rules this one would weaken.
        """
        number, column = self._wanted_column(wanted)
        layout = self._layouts.of(wanted.table)
        return may_make_unique(layout, column, is_newest=layout.is_newest(number, column.field))

    def _wanted_column(self, wanted: MakeUnique) -> tuple[int, KeyColumn]:
        """Return the number of a class's schema, and the column of the field that it wants to be
        unique.
        """
        layout = self._layouts.of(wanted.table)
        number = self._number(wanted.table, {wanted.table: wanted.schema})
        return number, KeyColumn.of(wanted.field, layout.schemas[number].fields[wanted.field])

    def _constraint(self, wanted: MakeUnique) -> Constrain:
        """Return what makes a field unique, which may be made so."""
        table, name = wanted.table, wanted.field
        number, column = self._wanted_column(wanted)
        if not self._layouts.of(table).is_current(name, column.fingerprint):
            raise SchemaMoved(f"{table!r} has a schema that loads {name!r} otherwise")
        self._layouts.add_column(table, column)
        if not self._layouts.is_known(table, column):
            raise SchemaMoved(f"there are records of {table!r} whose {name!r} is not known")
        return Constrain(table, name, number)

    def _needs(self, put: Put, name: str) -> bool:
        """Return whether a put needs that a field is unique, which it is not: unless it leaves the
        field as it is, or takes away a value that is shared.
        """
        layout = self._layouts.of(put.table)
        fingerprint = layout.fingerprint(put.schema, name)
        column = layout.columns.get((name, fingerprint or OF_0_1))
        if column is None:
            return True
        before = self._tables.key_of(put.table, put.pk, column)
        after = column.key(json.loads(put.data))
        if after in (before, KEYLESS, NULL):
            return False
        was_shared = before is not None and self._tables.holders(put.table, column, before) > 1
        return after is None or not was_shared or self._tables.holders(put.table, column, after) > 0


def _among_written(error: UniqueViolation) -> UniqueViolation:
    """Return the error for a value that another record of the same request was to get."""
    fields = error.field.split(", ")
    values = [error.value] if len(fields) == 1 else cast("tuple[object, ...]", error.value)
    among = UniqueViolation.of_fields(error.table, fields, values, error.pk, written=True)
    among.add_note(f"Record {error.pk} was to be saved together with this one.")
    return among


class _Place(NamedTuple):
    """Where a change is: its record, and the position that made it; whether it was left out, or has
    taken the place of a record.
    """

    pk: int
    version: int
    ignored: bool = False
    updated: bool = False


def _pk_if_same(change: Change, done: Done) -> int | None:
    """Return the primary key of a change which the log has exactly as it is asked for again; None
    where it is to do something else than it did.
    """
    if isinstance(change, Remove):
        return change.pk if done.deleted else None
    if done.deleted or change.attempt is None or change.attempt.digest != digest_of(change):
        return None
    return done.made if isinstance(change, Insert) else change.pk


class _Steps:
    """Applies operations one after another, and notes them.

    Args:
        tables: what they are applied to.
        seq: the position.

    Attributes:
        taken: the operations.
    """

    def __init__(self, tables: Tables, seq: int) -> None:
        self.seq = seq
        self.taken: list[Operation] = []
        self._tables = tables
        self._expected: ChangeName | None = None

    def take(self, operation: Operation | None, name: ChangeName | None = None) -> None:
        """Apply an operation; do nothing where there is none.

        Args:
            operation: what is to be applied.
            name: what it is called, if it is a change. That is said where it does not follow from
                what the change before is called.
        """
        if operation is None:
            return
        if name is not None and name != self._expected:
            self._take(Names(*name))
        self._take(operation)
        if name is not None:
            self._expected = ChangeName(name.key, name.number + 1)

    def _take(self, operation: Operation) -> None:
        self._tables.apply(operation, self.seq)
        self.taken.append(operation)
