"""The reading connections of a replica: any thread reads what is settled, and waits for nobody."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import chain
from operator import itemgetter
from typing import Any, TypeVar

from discobase.engine.operations import LARGEST_PK
from discobase.engine.replica.checksums import SUM, require_sound
from discobase.engine.replica.columns import KEYLESS, KeyColumn, table_name
from discobase.engine.replica.computed_keys import add_computed_keys
from discobase.engine.replica.file import ReplicaFile, failed, is_busy
from discobase.engine.replica.folder import gone
from discobase.engine.replica.layout import by_columns, exists, keys_unknown, unfilled
from discobase.engine.replica.text_index import TextIndex
from discobase.errors import Disconnected, Unavailable
from discobase.once import once
from discobase.own_threads import is_own_thread

T = TypeVar("T")

Row = tuple[int, int, str]
"""A record as it is held: primary key, seq, data."""

FlaggedRow = tuple[int, int, str, int]
"""A record as it is held, and its :attr:`Selection.flag`."""

Arguments = Mapping[str, object] | Sequence[object]
"""What is bound in a statement: by name, as in ``:p1``, or in order."""


_Read = Callable[[sqlite3.Connection, bool], T]
"""What reads over a connection, told whether the file is a kept one, of which rows are checked."""


class LayoutChanged(Exception):
    """A key column that was there when the query was written is gone."""


class KeysUnknown(Exception):
    """A selection counts on all keys of a column, and some are not known."""


@dataclass(frozen=True)
class Selection:
    """Rows of a table in an order, as SQL has it, with names for the values that are bound in it.

    Args:
        table: the table's name.
        where: the condition for all that may be wanted.
        decided: the condition for those that are wanted for sure; the same where nothing is left
            to be decided in Python.
        order: the terms of the order.
        wrong: the condition by which the order cannot be had in SQL.
        limit: how many there are to be at most; None for all.
        offset: how many to leave out before them.
        whole: the key columns that are to have the key of each row.
        others: the other key columns, which need not.
        text: the index that names the rows among which to look; None for all rows.
        match: what it is asked, as a statement has it.
        extra: what else is wanted of each row, as expressions in SQL.
    """

    table: str
    where: str = "1"
    decided: str = "1"
    order: Sequence[str] = ("pk",)
    wrong: str = "0"
    limit: int | None = None
    offset: int = 0
    whole: Sequence[KeyColumn] = ()
    others: Sequence[KeyColumn] = ()
    text: TextIndex | None = None
    match: str = ""
    extra: Sequence[str] = ()

    @property
    def source(self) -> str:
        """Where the rows come from."""
        if self.text is None:
            return table_name(self.table)
        # Not in another order: FTS5 would be asked for each row anew, and rank all of them for it.
        return f"{self.text.name} CROSS JOIN {table_name(self.table)}"

    @property
    def condition(self) -> str:
        """What follows the source, without order and limit."""
        if self.text is None:
            return "" if self.where == "1" else f"WHERE {self.where}"
        found = f"{self.text.name} MATCH {self.match} AND pk = {self.text.name}.rowid"
        return f"WHERE {found}" if self.where == "1" else f"WHERE {found} AND ({self.where})"

    @once
    def tail(self) -> str:
        """What follows the name of the table."""
        order = f"ORDER BY {', '.join(self.order)}" if self.order else ""
        return f"{self.condition} {order} {self.slice}".strip()

    @once
    def gaps(self) -> str:
        """The statement that tells whether a key is not known, and whether a column, or the index
        of texts, is gone.
        """
        return f"SELECT {', '.join(self._gaps)}"

    @property
    def _gaps(self) -> tuple[str, str]:
        gone = unfilled(self.table, self.others)
        if self.text is not None:
            gone = f"{gone} OR {self.text.gone}"
        return keys_unknown(self.table, self.whole), gone

    @property
    def slice(self) -> str:
        """The limit and the offset."""
        if self.limit is None and not self.offset:
            return ""
        return f"LIMIT {-1 if self.limit is None else self.limit} OFFSET {self.offset}"

    @once
    def flag(self) -> str:
        """The expression for whether a row is decided: 1, or 0; two more where the order is not
        right.
        """
        decided = "1" if self.decided == self.where else self.decided
        return f"({decided})" if self.wrong == "0" else f"({decided}) + 2 * ({self.wrong})"

    @once
    def sql(self) -> str:
        """The whole statement that gives the rows."""
        return self._of_file(is_kept=False)

    @once
    def sql_of_kept(self) -> str:
        """The same for a kept file, of which rows are checked."""
        return self._of_file(is_kept=True)

    def _of_file(self, *, is_kept: bool) -> str:
        names = _names(_RECORD, is_kept, (self.flag, *self.extra))
        return f"SELECT {names} FROM {self.source} {self.tail}"

    @once
    def without_gaps(self) -> Selection:
        """The same rows where all keys are as they are to be, and none otherwise."""
        is_unknown, is_gone = self._gaps
        where = f"({self.where}) AND NOT ({is_unknown}) AND NOT ({is_gone})"
        decided = where if self.decided == self.where else self.decided
        return replace(self, where=where, decided=decided)


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
        connection = self.take()
        if connection is None:
            connection = self.file.connect()
            add_computed_keys(connection)
        try:
            yield connection
        finally:
            self.give_back(connection)

    def take(self) -> sqlite3.Connection | None:
        """Return a connection that nobody uses, for :meth:`give_back`; None where there is none."""
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def give_back(self, connection: sqlite3.Connection) -> None:
        """Take a connection back."""
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
        pool = self._pool
        if self._usable.is_set() and not pool.file.is_kept and (idle := pool.take()) is not None:
            try:
                found: Row | None = idle.execute(_by_pk(table), (pk,)).fetchone()
            except sqlite3.Error:  # the long way says what is wrong
                pass
            else:
                return found
            finally:
                pool.give_back(idle)
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
            with contextlib.suppress(LayoutChanged):
                return self._read(table, where, [key for _, key in keys], _RECORD)
        return self._read(table, "ORDER BY pk", (), _RECORD)

    def fold(
        self,
        selection: Selection,
        arguments: Mapping[str, object],
        fold: Callable[[Iterable[FlaggedRow]], T],
    ) -> T:
        """Return what a function makes of the rows of a selection, which come one by one, and are
        those of one moment. Where the file fails meanwhile, it is called again from the beginning.

        Args:
            selection: which rows.
            arguments: what is bound in it.
            fold: takes the rows, as many as it wants, each with its flag.

        Raises:
            LayoutChanged: a key column that the selection names is gone.
            KeysUnknown: one is not whole that is to be.
        """

        def fold_any(rows: Iterator[FlaggedRow]) -> list[T]:
            first = next(rows, None)
            return [] if first is None else [fold(chain((first,), rows))]

        def read_any(connection: sqlite3.Connection, is_kept: bool) -> list[T]:
            return _folded(connection, is_kept, selection.without_gaps, arguments, fold_any)

        def read_all(connection: sqlite3.Connection, is_kept: bool) -> T:
            return _folded(connection, is_kept, selection, arguments, fold)

        if (selection.whole or selection.others) and selection.text is None:
            # Most searches find something, and then one statement does, in the place of four.
            for found in self._lend(selection.table, read_any, list[T]):
                return found
        return self._of_one_moment(selection, read_all, partial(fold, ()))

    def cells(
        self,
        selection: Selection,
        arguments: Mapping[str, object],
        columns: Sequence[str],
        tail: str,
    ) -> list[Any]:
        """Return something else of the rows of a selection than the records.

        Args:
            selection: which rows.
            arguments: what is bound in it.
            columns: what of them, as expressions in SQL.
            tail: what follows the name of the table.

        Raises:
            LayoutChanged: a key column that the selection names is gone.
            KeysUnknown: one is not whole that is to be.
        """
        sql = f"SELECT {', '.join(columns)} FROM {selection.source} {tail}"

        def read(connection: sqlite3.Connection, _: bool) -> list[Any]:
            return connection.execute(sql, arguments).fetchall()

        return self._of_one_moment(selection, read, list[Any])

    def explain(
        self, selection: Selection, arguments: Mapping[str, object]
    ) -> tuple[list[str], int, int]:
        """Read the rows of a selection, and return how: SQLite's plan, how many rows it looked at,
        and how many it did not decide.

        Raises:
            LayoutChanged: a key column that the selection names is gone.
            KeysUnknown: one is not whole that is to be.
        """
        looked_at = 0

        def look(_: object) -> int:
            nonlocal looked_at
            looked_at += 1
            return 1

        def read(connection: sqlite3.Connection, _: bool) -> tuple[list[str], int, int]:
            nonlocal looked_at
            looked_at = 0
            plan = connection.execute(f"EXPLAIN QUERY PLAN {selection.sql}", arguments).fetchall()
            connection.create_function("look", 1, look)
            counted = replace(selection, where=f"look(pk) AND ({selection.where})")
            undecided = sum(
                flag % 2 == 0
                for (flag,) in connection.execute(
                    f"SELECT {selection.flag} FROM {selection.source} {counted.tail}", arguments
                )
            )
            steps = by_columns(connection, selection.table, (str(step[-1]) for step in plan))
            return [*steps], looked_at, undecided

        return self._of_one_moment(selection, read, lambda: ([], 0, 0))

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
        arguments = (after, *schemas, since, limit)
        return self._read(table, where, arguments, _STORED)

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

    def next_pk(self, table: str) -> int:
        """Return the primary key that the next record of a table gets."""
        rows = self._read(table, "SELECT next FROM tables WHERE name = ?", (table,))
        return int(rows[0][0]) if rows else 1

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
        arguments: Arguments,
        columns: tuple[str, ...] | None = None,
    ) -> list[Any]:
        """Return rows of a table.

        Args:
            table: the table's name.
            sql: the statement; what follows the name of the table in it where it is for records.
            arguments: of the statement.
            columns: what of records is wanted; None where it is not for records.
        """

        def read(connection: sqlite3.Connection, is_kept: bool) -> list[Any]:
            if columns is None:
                return connection.execute(sql, arguments).fetchall()
            names = _names(columns, is_kept)
            with _select(connection, table_name(table), sql, arguments, names) as rows:
                return list(_checked(rows, columns) if is_kept else rows)

        return self._lend(table, read, list[Any])

    def _of_one_moment(
        self,
        selection: Selection,
        read: _Read[T],
        nothing: Callable[[], T],
    ) -> T:
        """Return what a function reads of the moment at which the keys of a selection are known.

        Raises:
            LayoutChanged: a key column that the selection names is gone.
            KeysUnknown: one is not whole that is to be.
        """
        if not (selection.whole or selection.others or selection.text):
            return self._lend(selection.table, read, nothing)

        def look_and_read(connection: sqlite3.Connection, is_kept: bool) -> T:
            connection.execute("BEGIN")
            try:
                is_unknown, is_gone = connection.execute(selection.gaps).fetchone()
                if is_gone:
                    raise LayoutChanged
                if is_unknown:
                    raise KeysUnknown
                return read(connection, is_kept)
            finally:
                # After some errors SQLite has rolled back by itself.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

        return self._lend(selection.table, look_and_read, nothing)

    def _lend(self, table: str, read: _Read[T], nothing: Callable[[], T]) -> T:
        """Return what a function reads over a connection.

        Args:
            table: the table that it reads.
            read: the function, which may be called several times.
            nothing: what there is to be read where there is no such table.
        """
        return self._patiently(partial(_lent, table=table, read=read, nothing=nothing))

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


def _lent(pool: _Pool, *, table: str, read: _Read[T], nothing: Callable[[], T]) -> T:
    with pool.connection() as connection:
        reading = partial(read, connection, pool.file.is_kept)
        return _read_from(connection, table, reading, nothing)


@cache
def _by_pk(table: str) -> str:
    return f"SELECT {', '.join(_RECORD)} FROM {table_name(table)} WHERE pk = ?"


def _names(columns: Sequence[str], is_kept: bool, extra: Sequence[str] = ()) -> str:
    """Return what is to be read of records, for :func:`_checked` in a kept file."""
    return ", ".join((*((*_STORED, SUM) if is_kept else columns), *extra))


@contextlib.contextmanager
def _select(
    connection: sqlite3.Connection, source: str, tail: str, arguments: Arguments, names: str
) -> Generator[sqlite3.Cursor]:
    """Read rows; what is not read to its end would hold the moment that it shows."""
    cursor = connection.execute(f"SELECT {names} FROM {source} {tail}", arguments)
    try:
        yield cursor
    finally:
        cursor.close()


def _folded(
    connection: sqlite3.Connection,
    is_kept: bool,
    selection: Selection,
    arguments: Mapping[str, object],
    fold: Callable[[Iterator[FlaggedRow]], T],
) -> T:
    cursor = connection.execute(selection.sql_of_kept if is_kept else selection.sql, arguments)
    try:
        return fold(_checked(cursor, _RECORD) if is_kept else cursor)
    finally:
        cursor.close()


def _checked(rows: Iterable[Sequence[Any]], columns: tuple[str, ...]) -> Iterator[Any]:
    """Yield records of a kept file, each held against its checksum, with what was read besides.

    Raises:
        Altered: one of them is not what was written.
    """
    summed = len(_STORED) + 1
    for row in rows:
        require_sound([row[:summed]])
        found = row[: len(_STORED)] if columns is _STORED else _as_record(row)
        yield (*found, *row[summed:])


def _read_from(
    connection: sqlite3.Connection,
    table: str,
    read: Callable[[], T],
    nothing: Callable[[], T],
) -> T:
    try:
        return read()
    except sqlite3.OperationalError as error:
        if not exists(connection, table):
            return nothing()
        if "no such column" in str(error):
            raise LayoutChanged from error
        # It was not there a moment ago.
        return read()


def _condition(sql_column: str) -> str:
    return f"({sql_column} = ? OR {sql_column} = '{KEYLESS}' OR {sql_column} IS NULL)"
