"""The reading connections of a replica: any thread reads what is settled, and waits for nobody."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import deque
from collections.abc import Generator, Sequence
from typing import Any

from discobase.engine.operations import LARGEST_PK
from discobase.engine.replica.columns import KEYLESS, KeyColumn, table_name
from discobase.engine.replica.file import ReplicaFile, gone
from discobase.engine.replica.layout import exists

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

    def select(self, table: str, keys: Sequence[tuple[KeyColumn, str]]) -> list[Row]:
        """Return the records that may have these keys, in the order of their primary keys.

        May return too many: those whose keys are not known are always included.

        Args:
            table: the table's name.
            keys: key columns, and the key in each.
        """
        rows = f"SELECT pk, seq, data FROM {table_name(table)}"
        if keys:
            # Qualified: SQLite takes the bare name of a column that is not there for a string.
            conditions = [_condition(f"{table_name(table)}.{column.name}") for column, _ in keys]
            where = f" WHERE {' AND '.join(conditions)} ORDER BY pk"
            with contextlib.suppress(_LayoutChanged):
                return self._read(table, rows + where, [key for _, key in keys])
        return self._read(table, f"{rows} ORDER BY pk", ())

    def stored(
        self, table: str, after: int, schemas: Sequence[int], since: int, limit: int
    ) -> list[tuple[int, int, int, str]]:
        """Return records that were not written under any of some schemas: primary key, version,
        number of the schema and data, in the order of their primary keys.

        Args:
            table: the table's name.
            after: the primary key above which to begin.
            schemas: the numbers of those schemas.
            since: the version above which to look.
            limit: how many to return at most.
        """
        others = ", ".join("?" * len(schemas))
        sql = (
            f"SELECT pk, seq, schema, data FROM {table_name(table)} "
            f"WHERE pk > ? AND schema NOT IN ({others}) AND seq > ? ORDER BY pk LIMIT ?"
        )
        return self._read(table, sql, (after, *schemas, since, limit))

    def said(self, table: str, fields: Sequence[tuple[str, str]]) -> set[tuple[int, str]]:
        """Return for which records the log says a key, by primary key and field.

        Args:
            table: the table's name.
            fields: the fields, and the fingerprint of each.
        """
        found = self._read(
            table, "SELECT pk, field, fingerprint FROM said WHERE name = ?", (table,)
        )
        return {(pk, name) for pk, name, fingerprint in found if (name, fingerprint) in fields}

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

    def _read(self, table: str, sql: str, arguments: Sequence[object]) -> list[Any]:
        try:
            with self._connection() as connection:
                return _rows(connection, table, sql, arguments)
        except sqlite3.Error as error:
            if self._file.gone:
                raise gone() from error
            raise

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


def _rows(
    connection: sqlite3.Connection, table: str, sql: str, arguments: Sequence[object]
) -> list[Any]:
    try:
        return connection.execute(sql, arguments).fetchall()
    except sqlite3.OperationalError as error:
        if not exists(connection, table):
            return []
        if "no such column" in str(error):
            raise _LayoutChanged from error
        # It was not there a moment ago.
        return connection.execute(sql, arguments).fetchall()


def _condition(sql_column: str) -> str:
    return f"({sql_column} = ? OR {sql_column} = '{KEYLESS}' OR {sql_column} IS NULL)"
