"""The reading connections of a replica: any thread reads what is settled, and waits for nobody."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from functools import partial
from operator import itemgetter
from typing import Any, TypeVar

from discobase.engine.operations import LARGEST_PK
from discobase.engine.replica.checksums import SUM, require_sound
from discobase.engine.replica.columns import KEYLESS, KeyColumn, table_name
from discobase.engine.replica.file import ReplicaFile, failed, is_busy
from discobase.engine.replica.folder import gone
from discobase.engine.replica.layout import exists
from discobase.errors import Disconnected, Unavailable
from discobase.own_threads import is_own_thread

T = TypeVar("T")

Row = tuple[int, int, str]
"""A record as it is held: primary key, seq, data."""


class _LayoutChanged(Exception):
    """A key column that was there when the query was written is gone."""


class _Failed(Exception):
    """A read did not succeed for reasons that pass."""


_RECORD = ("pk", "seq", "data")

_STORED = ("pk", "seq", "schema", "data")
"""What a record's checksum is over."""

_as_record = itemgetter(*(_STORED.index(name) for name in _RECORD))

_PATIENCE = 30.0
"""Seconds for which a read waits for another file. A guess: 10,000 commits are read anew in so
long."""

_POLL_SECONDS = 0.02
"""Between two looks: a guess, about what making a small file takes."""


def _unreadable() -> Unavailable:
    return Unavailable(
        "the file that holds the records in this process has failed, and is being built again from "
        "the log: read again in a moment. Is the disk of the temporary folder full, or was the "
        "folder removed?"
    )


class _Pool:
    """Connections to one file."""

    def __init__(self, file: ReplicaFile) -> None:
        self.file = file
        self._idle: deque[sqlite3.Connection] = deque()
        self._closed = False

    @contextlib.contextmanager
    def connection(self) -> Generator[sqlite3.Connection]:
        """Lend a connection for the length of a block."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self.file.connect()
        try:
            yield connection
        finally:
            # Back first, and then the question: the close may come between the two.
            self._idle.append(connection)
            if self._closed:
                self._close_idle()

    def close(self) -> None:
        """Close every connection; those at work when they are handed back."""
        self._closed = True
        self._close_idle()

    def _close_idle(self) -> None:
        with contextlib.suppress(IndexError):
            while True:
                self.file.disconnect(self._idle.pop())


class Reader:
    """Reads records, over a pool of connections.

    Where the file fails, a read waits until another one is in its place, or until a connection that
    was open before is free: the files that it has open are still there.

    Args:
        file: what the connections are to.
        failing: called, on any thread, with what says that the file fails.
    """

    def __init__(self, file: ReplicaFile, failing: Callable[[sqlite3.Error], None]) -> None:
        self._pool = _Pool(file)
        self._failing = failing
        self._usable = threading.Event()
        self._usable.set()

    def get(self, table: str, pk: int) -> Row | None:
        """Return the record under a primary key, or None."""
        if not 0 < pk <= LARGEST_PK:
            return None
        rows = self._read(table, "WHERE pk = ?", (pk,), _RECORD)
        return rows[0] if rows else None

    def select(self, table: str, keys: Sequence[tuple[KeyColumn, str]]) -> list[Row]:
        """Return the records that may have these keys, in the order of their primary keys.

        May return too many: those whose keys are not known are always included.

        Args:
            table: the table's name.
            keys: key columns, and the key in each.
        """
        if keys:
            # Qualified: SQLite takes the bare name of a column that is not there for a string.
            conditions = [_condition(f"{table_name(table)}.{column.name}") for column, _ in keys]
            where = f"WHERE {' AND '.join(conditions)} ORDER BY pk"
            with contextlib.suppress(_LayoutChanged):
                return self._read(table, where, [key for _, key in keys], _RECORD)
        return self._read(table, "ORDER BY pk", (), _RECORD)

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
        where = f"WHERE pk > ? AND schema NOT IN ({others}) AND seq > ? ORDER BY pk LIMIT ?"
        return self._read(table, where, (after, *schemas, since, limit), _STORED)

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

    def with_file(self, step: Callable[[ReplicaFile], T]) -> T:
        """Do a step that reads the file by a connection of its own; where the file fails, again
        with the one that comes in its place.
        """
        return self._patiently(lambda pool: step(pool.file))

    def suspend(self) -> None:
        """Have reads wait from now on: there is nothing to be read."""
        self._usable.clear()

    def change(self, file: ReplicaFile) -> None:
        """Read from another file from now on, which holds the same or more."""
        before, self._pool = self._pool, _Pool(file)
        before.close()

    def resume(self) -> None:
        """Have reads go on."""
        self._usable.set()

    def close(self) -> None:
        """Close every connection; those at work when they are handed back."""
        self._pool.close()
        self._usable.set()

    def _read(
        self,
        table: str,
        sql: str,
        arguments: Sequence[object],
        columns: tuple[str, ...] | None = None,
    ) -> list[Any]:
        """Return rows of a table.

        Args:
            table: the table's name.
            sql: the statement; what follows the name of the table in it where it is for records.
            arguments: of the statement.
            columns: what of records is wanted; None where it is not for records.
        """
        return self._patiently(
            partial(_read_from, table=table, sql=sql, arguments=arguments, columns=columns)
        )

    def _patiently(self, step: Callable[[_Pool], T]) -> T:
        """Do a step that reads; where the file fails, again in the one that comes in its place."""
        if self._usable.is_set():
            with contextlib.suppress(_Failed):
                return self._try(step)
        if is_own_thread():  # it may be what the file's successor waits for
            raise _unreadable()
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            if self._usable.wait(_POLL_SECONDS):
                with contextlib.suppress(_Failed):
                    return self._try(step)
                time.sleep(_POLL_SECONDS)
        raise _unreadable()

    def _try(self, step: Callable[[_Pool], T]) -> T:
        pool = self._pool
        try:
            return step(pool)
        except (sqlite3.Error, Disconnected) as error:
            if pool is not self._pool:
                raise _Failed from error
            if isinstance(error, Disconnected):
                raise
            if pool.file.gone:
                raise gone() from error
            if failed(error):
                self._failing(error)
            elif not is_busy(error):
                raise
            raise _Failed from error


def _read_from(
    pool: _Pool,
    table: str,
    sql: str,
    arguments: Sequence[object],
    columns: tuple[str, ...] | None,
) -> list[Any]:
    with pool.connection() as connection:
        if columns is None:
            return _rows(connection, table, sql, arguments)
        if pool.file.is_kept:
            return _checked(connection, table, sql, arguments, columns)
        return _records(connection, table, sql, arguments, columns)


def _records(
    connection: sqlite3.Connection,
    table: str,
    sql: str,
    arguments: Sequence[object],
    columns: Sequence[str],
) -> list[Any]:
    sql = f"SELECT {', '.join(columns)} FROM {table_name(table)} {sql}"
    return _rows(connection, table, sql, arguments)


def _checked(
    connection: sqlite3.Connection,
    table: str,
    sql: str,
    arguments: Sequence[object],
    columns: tuple[str, ...],
) -> list[Any]:
    """Return records of a kept file, each held against its checksum.

    Raises:
        Altered: one of them is not what was written.
    """
    rows = _records(connection, table, sql, arguments, (*_STORED, SUM))
    require_sound(rows)
    return [row[:-1] if columns is _STORED else _as_record(row) for row in rows]


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
