"""The records of all tables, and the operations that are applied to them without deciding anything.

:mod:`discobase.engine.replica.proposals` decides, and a frame of the log is a decision already.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from discobase.engine.operations import (
    LARGEST_PK,
    Constrain,
    Declare,
    Delete,
    Introduce,
    Keys,
    Missing,
    Names,
    Operation,
    Put,
    Release,
    Require,
    Seal,
)
from discobase.engine.replica.columns import (
    NO_KEY,
    NO_VALUES,
    KeyColumn,
    table_name,
    values_of,
)
from discobase.engine.replica.layout import Layout, Layouts
from discobase.engine.replica.requests import RequestTable
from discobase.engine.replica.seals import SealTable
from discobase.engine.replica.text_index import TextIndexes
from discobase.engine.replica.writers import WriterTable
from discobase.engine.together import names_of
from discobase.errors import SchemaConflict, UniqueViolation


class Tables:
    """The records of all tables, changed on the writing connection, inside a transaction.

    Args:
        connection: the writing one.
        layouts: how the tables are laid out.
        requests: where changes are noted under their names.
        writers: what is known of those who write.
        texts: the indexes of the records' texts.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        layouts: Layouts,
        requests: RequestTable,
        writers: WriterTable,
        texts: TextIndexes,
    ) -> None:
        self._connection = connection
        self._layouts = layouts
        self._requests = requests
        self._writer_table = writers
        self._texts = texts
        self._seals = SealTable(connection)
        self._next: dict[str, int] = {}
        self._advanced: set[str] = set()
        self._writers: dict[tuple[str, int], _Writer] = {}

    def apply(self, operation: Operation, seq: int) -> None:
        """Do what the commit at a position says.

        Raises:
            UniqueViolation: it cannot be, because a unique field would hold one value twice.
            SchemaConflict: it cannot be, because nobody knows whether one would.
        """
        match operation:
            case Put():
                is_new = operation.pk >= self.next_pk(operation.table)
                self._put(operation, seq)
                self._requests.note(operation, seq, is_new=is_new)
            case Delete(table=table, pk=pk):
                self._layouts.forget_said(table, pk)
                self._layouts.forget_keys(table, pk)
                self._texts.remove(table, pk)
                self._connection.execute(f"DELETE FROM {table_name(table)} WHERE pk = ?", (pk,))
                self._requests.note(operation, seq, is_new=False)
            case Names():
                self._requests.begin(operation, seq)
            case Declare():
                self._layouts.declare(operation)
            case Keys():
                self._layouts.say(operation)
            case Constrain():
                self._layouts.constrain(operation)
            case Release():
                self._layouts.release(operation)
            case Introduce() | Require() | Seal():
                self._apply_to_no_table(operation, seq)
            case Missing():
                pass  # for whoever repairs the log again

    def _apply_to_no_table(self, operation: Introduce | Require | Seal, seq: int) -> None:
        match operation:
            case Introduce():
                self._writer_table.introduce(operation, seq)
            case Require():
                self._writer_table.require(operation)
            case Seal():
                self._seals.note(operation)

    def next_pk(self, table: str) -> int:
        """Return the primary key of a table's next record."""
        if table not in self._next:
            self._layouts.of(table)
            (self._next[table],) = self._connection.execute(
                "SELECT next FROM tables WHERE name = ?", (table,)
            ).fetchone()
        return self._next[table]

    def keep(self) -> None:
        """Write down what the next primary keys are, and what was done under which names, after
        operations that belong together.
        """
        for table in self._advanced:
            self._connection.execute(
                "UPDATE tables SET next = ? WHERE name = ?", (self._next[table], table)
            )
        self._advanced.clear()
        self._layouts.keep()
        self._requests.keep()

    def seq_of(self, table: str, pk: int) -> int | None:
        """Return the position that wrote a record last, None where there is no such record."""
        self._layouts.of(table)
        row = self._connection.execute(
            f"SELECT seq FROM {table_name(table)} WHERE pk = ?",
            (pk if abs(pk) <= LARGEST_PK else 0,),
        ).fetchone()
        return row[0] if row else None

    def data_of(self, table: str, pk: int) -> str:
        """Return what is stored of a record that is there."""
        row = self._connection.execute(
            f"SELECT data FROM {table_name(table)} WHERE pk = ?", (pk,)
        ).fetchone()
        return str(row[0])

    def stored(self, table: str, pk: int) -> tuple[int, str] | None:
        """Return the number of the schema under which a record was written, and what is stored of
        it; None where there is no such record.
        """
        self._layouts.of(table)
        found: tuple[int, str] | None = self._connection.execute(
            f"SELECT schema, data FROM {table_name(table)} WHERE pk = ?", (pk,)
        ).fetchone()
        return found

    def in_the_way(self, put: Put) -> int | None:
        """Return the primary key of a record that has a value which a put would give to another
        one, though it is unique; None where there is none.
        """
        writer = self._writer(put.table, put.schema)
        try:
            self._refuse_taken(put, writer, self._keys(put, writer))
        except UniqueViolation as error:
            return error.pk
        return None

    def key_of(self, table: str, pk: int, column: KeyColumn) -> str | None:
        """Return the key of a record in a column; None where it is not known, or no such record."""
        row = self._connection.execute(
            f"SELECT {column.name} FROM {table_name(table)} WHERE pk = ?", (pk,)
        ).fetchone()
        return row[0] if row else None

    def holders(self, table: str, column: KeyColumn, key: str) -> int:
        """Return how many records have a key in a column."""
        (found,) = self._connection.execute(
            f"SELECT count(*) FROM {table_name(table)} WHERE {column.name} = ?", (key,)
        ).fetchone()
        return int(found)

    def forget(self) -> None:
        """Forget what was read: the transaction, or a part of it, has been rolled back."""
        self._layouts.forget()
        self._texts.forget()
        self._requests.forget()
        self._next.clear()
        self._advanced.clear()
        self._writers.clear()
        self._writer_table.forget()

    def drop_all(self) -> None:
        """Remove every table, and forget what was done."""
        self._layouts.drop_all()
        self._texts.begin_anew()
        self._requests.clear()
        self._next.clear()
        self._advanced.clear()
        self._writers.clear()
        self._writer_table.clear()
        self._seals.clear()

    def _put(self, put: Put, seq: int) -> None:
        table, pk = put.table, put.pk
        writer = self._writer(table, put.schema)
        keys = self._keys(put, writer)
        if writer.foreign:
            self._refuse_unknown(put, writer, keys)
        if writer.unique:
            self._refuse_taken(put, writer, keys)
        self._texts.put(table, pk, put.data)
        self._connection.execute(writer.statement, (pk, seq, put.schema, put.data, *keys))
        if writer.has_lacking or not NO_KEY.isdisjoint(keys):
            for (column, _), key in zip(writer.columns, keys, strict=True):
                self._layouts.note_keys(table, column, [(key, pk)])
        self._layouts.forget_said(table, pk)
        if pk >= self.next_pk(table):
            if pk == LARGEST_PK:
                raise ValueError(f"no primary key would be left in {table!r} above {pk}")
            self._next[table] = pk + 1
            self._advanced.add(table)

    def _keys(self, put: Put, writer: _Writer) -> list[str | None]:
        if not writer.columns:
            return []
        record = json.loads(put.data)
        before = self._before(put.table, put.pk, writer.foreign) if writer.foreign else {}
        return [
            column.key(record)
            if is_own
            else column.foreign_key(record, before.get(column), writer.schema)
            for column, is_own in writer.columns
        ]

    def _writer(self, table: str, schema: int) -> _Writer:
        layout = self._layouts.of(table)
        writer = self._writers.get((table, schema))
        if writer is None or writer.layout is not layout:
            writer = self._writers[table, schema] = _Writer(table, schema, layout)
        return writer

    def _before(
        self, table: str, pk: int, columns: Sequence[KeyColumn]
    ) -> dict[KeyColumn, tuple[dict[str, Any], str | None]]:
        """Return what was stored of a record, and its key, for each of the columns; nothing where
        there was no such record.
        """
        names = "".join(f", {column.name}" for column in columns)
        row = self._connection.execute(
            f"SELECT data{names} FROM {table_name(table)} WHERE pk = ?", (pk,)
        ).fetchone()
        if row is None:
            return {}
        record = json.loads(row[0])
        return {column: (record, key) for column, key in zip(columns, row[1:], strict=True)}

    def _refuse_unknown(self, put: Put, writer: _Writer, keys: Sequence[str | None]) -> None:
        for (column, is_own), key in zip(writer.columns, keys, strict=True):
            if key is None and column.unique and not is_own:
                raise SchemaConflict(put.table, *names_of(column.field))

    def _refuse_taken(self, put: Put, writer: _Writer, keys: Sequence[str | None]) -> None:
        for (column, _), key in zip(writer.columns, keys, strict=True):
            if not column.unique or key in NO_VALUES:
                continue
            holder = self._connection.execute(
                f"SELECT pk FROM {table_name(put.table)} WHERE {column.name} = ? AND pk <> ?",
                (key, put.pk),
            ).fetchone()
            if holder:
                values = values_of(column, json.loads(put.data), key)
                raise UniqueViolation.of_fields(
                    put.table, names_of(column.field), values, holder[0]
                )


class _Writer:
    """How the classes with one schema put records into a table.

    Args:
        table: the table's name.
        schema: the schema's number.
        layout: how the table is laid out.

    Attributes:
        schema: theirs, as it was declared; None where it was not.
        columns: the key columns, each with whether it is for these classes.
        foreign: those of them that are for other classes.
        unique: whether any of them is.
        has_lacking: whether some row lacks a key in any of them.
        statement: puts a record.
    """

    def __init__(self, table: str, schema: int, layout: Layout) -> None:
        self.layout = layout
        self.schema = layout.schemas.get(schema)
        columns = layout.every_column
        self.columns = [
            (column, column.is_for(layout.fingerprint(schema, column.field))) for column in columns
        ]
        self.foreign = [column for column, is_own in self.columns if not is_own]
        self.unique = any(column.unique for column in columns)
        self.has_lacking = bool(layout.lacking)
        self.statement = _put_statement(table, columns)


def _put_statement(table: str, columns: Sequence[KeyColumn]) -> str:
    # Only the primary key may be in the way: a row in the way of a unique key is a violation, not
    # to be replaced.
    names = "".join(f", {column.name}" for column in columns)
    updates = "".join(f", {column.name} = excluded.{column.name}" for column in columns)
    return (
        f"INSERT INTO {table_name(table)} (pk, seq, schema, data{names}) "
        f"VALUES (?, ?, ?, ?{', ?' * len(columns)}) ON CONFLICT (pk) DO UPDATE SET "
        f"seq = excluded.seq, schema = excluded.schema, data = excluded.data{updates}"
    )
