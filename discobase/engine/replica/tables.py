"""The records of all tables, and the operations that are applied to them without deciding anything.

:mod:`discobase.engine.replica.proposals` decides, and a frame of the log is a decision already.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping

from discobase.engine.operations import LARGEST_PK, Declare, Delete, Operation, Put
from discobase.engine.replica.layout import Layouts, column_name, keys_of, table_name
from discobase.errors import UniqueViolation


class Tables:
    """The records of all tables, changed on the writing connection, inside a transaction.

    Args:
        connection: the writing one.
        layouts: how the tables are laid out.
    """

    def __init__(self, connection: sqlite3.Connection, layouts: Layouts) -> None:
        self._connection = connection
        self._layouts = layouts
        self._next: dict[str, int] = {}

    def apply(self, operation: Operation, seq: int) -> None:
        """Do what the commit at a position says.

        Raises:
            UniqueViolation: it cannot be, because a unique field would hold one value twice.
        """
        match operation:
            case Put(table=table, pk=pk, data=data):
                self._put(table, pk, seq, data)
            case Delete(table=table, pk=pk):
                self._layouts.of(table)
                self._connection.execute(f"DELETE FROM {table_name(table)} WHERE pk = ?", (pk,))
            case Declare(table=table, schema=schema):
                self._layouts.declare(table, schema)

    def next_pk(self, table: str) -> int:
        """Return the primary key of a table's next record."""
        if table not in self._next:
            self._layouts.of(table)
            (self._next[table],) = self._connection.execute(
                "SELECT next FROM tables WHERE name = ?", (table,)
            ).fetchone()
        return self._next[table]

    def seq_of(self, table: str, pk: int) -> int | None:
        """Return the position that wrote a record last, None where there is no such record."""
        self._layouts.of(table)
        row = self._connection.execute(
            f"SELECT seq FROM {table_name(table)} WHERE pk = ?",
            (pk if abs(pk) <= LARGEST_PK else 0,),
        ).fetchone()
        return row[0] if row else None

    def forget(self) -> None:
        """Forget what was read: the transaction, or a part of it, has been rolled back."""
        self._layouts.forget()
        self._next.clear()

    def drop_all(self) -> None:
        """Remove every table."""
        self._layouts.drop_all()
        self._next.clear()

    def _put(self, table: str, pk: int, seq: int, data: str) -> None:
        layout = self._layouts.of(table)
        keys = keys_of(pk, data, layout.keyed)
        try:
            self._connection.execute(layout.put, (pk, seq, data, *keys.values()))
        except sqlite3.IntegrityError:
            raise self._violation(table, pk, data, keys) from None
        if pk >= self.next_pk(table):
            self._next[table] = pk + 1
            self._connection.execute("UPDATE tables SET next = ? WHERE name = ?", (pk + 1, table))

    def _violation(
        self, table: str, pk: int, data: str, keys: Mapping[str, str | None]
    ) -> UniqueViolation:
        for name, column in self._layouts.of(table).keyed.items():
            held = self._connection.execute(
                f"SELECT pk FROM {table_name(table)} WHERE {column_name(name)} = ? AND pk <> ?",
                (keys[name], pk),
            ).fetchone()
            if held and column.unique:
                return UniqueViolation(table, name, json.loads(data)[name], held[0])
        raise AssertionError(f"{table!r} refused record {pk}, and no unique field says why")
