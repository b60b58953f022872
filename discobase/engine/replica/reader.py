"""The reading connections of a replica: any thread reads what is settled, and waits for nobody."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import deque
from collections.abc import Generator, Mapping, Sequence

from discobase.engine.keys import Kind
from discobase.engine.operations import LARGEST_PK
from discobase.engine.replica.file import ReplicaFile
from discobase.engine.replica.layout import (
    KeyedField,
    column_name,
    exists,
    table_name,
)

Row = tuple[int, int, str]
"""A record as it is held: primary key, seq, data."""


class _LayoutChanged(Exception):
    """A key column that was there when the query was written is gone."""


class Reader:
    """Reads records, over a pool of connections.

    Args:
        file: what the connections are to.
    """

    def __init__(self, file: ReplicaFile) -> None:
        self._file = file
        self._idle: deque[sqlite3.Connection] = deque()
        self._closed = False

    def get(self, table: str, pk: int) -> Row | None:
        """Return the record under a primary key, or None."""
        if not 0 < pk <= LARGEST_PK:
            return None
        rows = self._read(
            table, f"SELECT pk, seq, data FROM {table_name(table)} WHERE pk = ?", (pk,)
        )
        return rows[0] if rows else None

    def select(
        self,
        table: str,
        keys: Mapping[str, tuple[Kind, str]],
        keyed: Mapping[str, KeyedField],
    ) -> list[Row]:
        """Return the records whose fields may have these keys, in the order of their primary keys.

        May return too many: fields without a usable key column narrow nothing down, and a record
        that lacks a field is always included, for the field may have a default that fits.

        Args:
            table: the table's name.
            keys: for each field the kind of its key, and the key.
            keyed: the fields that have a key column.
        """
        rows = f"SELECT pk, seq, data FROM {table_name(table)}"
        conditions, arguments = _conditions(table, keys, keyed)
        if conditions:
            with contextlib.suppress(_LayoutChanged):
                where = f" WHERE {' AND '.join(conditions)} ORDER BY pk"
                return self._read(table, rows + where, arguments)
        return self._read(table, f"{rows} ORDER BY pk", ())

    def count(self, table: str) -> int:
        """Return the number of records of a table."""
        rows = self._read(table, f"SELECT count(*) FROM {table_name(table)}", ())
        return int(rows[0][0]) if rows else 0

    def close(self) -> None:
        """Close every connection; those at work when they are handed back."""
        self._closed = True
        self._close_idle()

    def _close_idle(self) -> None:
        with contextlib.suppress(IndexError):
            while True:
                self._file.disconnect(self._idle.pop())

    def _read(self, table: str, sql: str, arguments: Sequence[object]) -> list[Row]:
        with self._connection() as connection:
            try:
                return connection.execute(sql, arguments).fetchall()
            except sqlite3.OperationalError as error:
                if not exists(connection, table):
                    return []
                if "no such column" in str(error):
                    raise _LayoutChanged from error
                # It was not there a moment ago.
                return connection.execute(sql, arguments).fetchall()

    @contextlib.contextmanager
    def _connection(self) -> Generator[sqlite3.Connection]:
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._file.connect()
        try:
            yield connection
        finally:
            # Back first, and then the question: the close may come between the two.
            self._idle.append(connection)
            if self._closed:
                self._close_idle()


def _conditions(
    table: str, keys: Mapping[str, tuple[Kind, str]], keyed: Mapping[str, KeyedField]
) -> tuple[list[str], list[str]]:
    conditions: list[str] = []
    arguments: list[str] = []
    for name, (kind, wanted) in keys.items():
        column = keyed.get(name)
        if column is None or column.kind != kind:
            continue
        # Qualified: SQLite takes the bare name of a column that is not there for a string.
        sql_column = f"{table_name(table)}.{column_name(name)}"
        condition, values = column.condition(sql_column, wanted)
        conditions.append(f"({condition} OR {sql_column} IS NULL)")
        arguments += values
    return conditions, arguments
