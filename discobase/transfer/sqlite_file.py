"""An export as a SQLite file: tables with real columns, and beside them the lines of the export."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from discobase.engine.operations import Schema
from discobase.engine.together import names_of
from discobase.errors import ExportDamaged
from discobase.transfer.columns import Cell, Column, columns_of, create, quoted, row_of
from discobase.transfer.destination import APPLICATION_ID, Destination
from discobase.transfer.pieces import (
    NoLine,
    Piece,
    RecordPiece,
    SchemaPiece,
    TableBegins,
    UniquePiece,
)

_OWN = "discobase_"
"""What the names of this module's own tables and indexes begin with."""

_LINES = f"{_OWN}export"

_AT_ONCE = 1_000
"""Rows that are inserted in one step: a guess."""

_BYTES = 1 << 20
"""Characters of lines that are held before they are inserted: a guess."""


@dataclass(slots=True)
class _Table:
    """A table that is being written."""

    name: str
    sql_name: str
    schemas: list[Schema] = field(default_factory=list[Schema])
    unique: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    columns: Sequence[Column] | None = None
    rows: list[tuple[Cell, ...]] = field(default_factory=list[tuple[Cell, ...]])


class SqliteWriter:
    """Writes an export as a SQLite file.

    Args:
        path: of an empty file.
        destination: says of a failure what it means.
    """

    def __init__(self, path: Path, destination: Destination) -> None:
        self._destination = destination
        self._lines: list[tuple[int, str]] = []
        self._held = self._number = self._indexes = 0
        self._table: _Table | None = None
        self._taken: set[str] = set()
        with destination.failing():
            self._connection = sqlite3.connect(path, isolation_level=None)
            # Nobody sees the file before it is whole: it needs no journal, and is synced then.
            self._connection.executescript(
                f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; "
                f"PRAGMA application_id={APPLICATION_ID}; BEGIN; "
                f"CREATE TABLE {_LINES} (line INTEGER PRIMARY KEY, text TEXT NOT NULL); "
                f"CREATE TABLE {_OWN}tables (name TEXT PRIMARY KEY, sql_name TEXT NOT NULL)"
            )

    def write(self, line: str, piece: Piece | None) -> None:
        """Write a line, and what it holds.

        Args:
            line: the line.
            piece: what it holds; None at the end.
        """
        self._number += 1
        self._lines.append((self._number, line))
        self._held += len(line)
        with self._destination.failing():
            if len(self._lines) >= _AT_ONCE or self._held >= _BYTES:
                self._flush()
            self._take(piece)

    def finish(self) -> None:
        """Write what is still to be written."""
        with self._destination.failing():
            self._end_table()
            self._flush()
            self._connection.execute("COMMIT")
            self._connection.close()

    def abandon(self) -> None:
        """Let go of the file, whatever state it is in."""
        with suppress(sqlite3.Error):
            self._connection.close()

    def _take(self, piece: Piece | None) -> None:
        match piece:
            case TableBegins(table=name):
                self._end_table()
                self._table = _Table(name, self._sql_name(name))
                self._connection.execute(
                    f"INSERT INTO {_OWN}tables VALUES (?, ?)", (name, self._table.sql_name)
                )
            case SchemaPiece(says=says) if self._table is not None:
                if not (schema := Schema.from_json(says)).is_part:
                    self._table.schemas.append(schema)
            case UniquePiece(field=name) if self._table is not None:
                self._table.unique.append(names_of(name))
            case RecordPiece(pk=pk, version=version, data=data) if self._table is not None:
                columns = self._made(self._table)
                self._table.rows.append(row_of(columns, pk, version, data))
            case _:
                pass

    def _sql_name(self, table: str) -> str:
        """Return a name for a table: SQL takes `User` and `user` for one, keeps names that begin
        with `sqlite_` to itself, and has none with a NUL.
        """
        name = table.replace("\0", "\ufffd")
        if name.lower().startswith(("sqlite_", _OWN)):
            name = f"table_{name}"
        free, number = name, 1
        while free.lower() in self._taken:
            number += 1
            free = f"{name}_{number}"
        self._taken.add(free.lower())
        return free

    def _made(self, table: _Table) -> Sequence[Column]:
        if table.columns is None:
            table.columns = columns_of(table.schemas)
            self._connection.execute(create(table.sql_name, table.columns))
        return table.columns

    def _flush(self) -> None:
        self._connection.executemany(f"INSERT INTO {_LINES} VALUES (?, ?)", self._lines)
        self._lines.clear()
        self._held = 0
        if self._table is not None and self._table.rows:
            row = ", ".join("?" * len(self._table.rows[0]))
            self._connection.executemany(
                f"INSERT INTO {quoted(self._table.sql_name)} VALUES ({row})", self._table.rows
            )
            self._table.rows.clear()

    def _end_table(self) -> None:
        table = self._table
        if table is None:
            return
        columns = {column.field: column.name for column in self._made(table)}
        self._flush()
        for fields in table.unique:
            self._index(table, [columns[name] for name in fields if name in columns], unique=True)
        for name in table.schemas[-1].indexed if table.schemas else ():
            self._index(table, [columns[each] for each in names_of(name) if each in columns])
        self._table = None

    def _index(self, table: _Table, columns: Sequence[str], *, unique: bool = False) -> None:
        """Make an index. What is unique to a class need not be so to SQL, which knows the stored
        values alone: then it is an index like any other.
        """
        if not columns:
            return
        self._indexes += 1
        kind = "UNIQUE INDEX" if unique and self._is_unique(table, columns) else "INDEX"
        over = f"{quoted(table.sql_name)} ({', '.join(map(quoted, columns))})"
        self._connection.execute(f"CREATE {kind} {_OWN}index_{self._indexes} ON {over}")

    def _is_unique(self, table: _Table, columns: Sequence[str]) -> bool:
        """Return whether no two records have the same in columns, as SQL sees it. Asked before, for
        without a journal a failed statement is not undone.
        """
        names = [quoted(column) for column in columns]
        found = self._connection.execute(
            f"SELECT 1 FROM {quoted(table.sql_name)} "
            f"WHERE {' AND '.join(f'{name} IS NOT NULL' for name in names)} "
            f"GROUP BY {', '.join(names)} HAVING count(*) > 1 LIMIT 1"
        )
        return found.fetchone() is None


class SqliteExport:
    """An export that is there as a SQLite file.

    Args:
        path: the file.
        shown: the file, as errors show it.
    """

    def __init__(self, path: Path, shown: str) -> None:
        self._shown = shown
        self._connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)

    def lines(self) -> Iterator[str]:
        """Yield its lines, from the first one on.

        Raises:
            NoLine: the row that stands next is not that of the next line.
            ExportDamaged: SQLite cannot read them.
        """
        read = 0
        try:
            for number, text in self._connection.execute(
                f"SELECT line, text FROM {_LINES} ORDER BY line"
            ):
                if number != read + 1 or not isinstance(text, str):
                    raise NoLine
                read = number
                yield text
        # Where SQLite quotes what it cannot read, Python cannot always read the quotation.
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise ExportDamaged(
                f"line {read + 1} of {self._shown} cannot be read ({error}). Nothing of this file "
                f"is trusted: take another export.",
                line=read + 1,
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
