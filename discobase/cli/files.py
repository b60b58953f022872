"""Files of rows: CSV, JSON Lines and SQLite, read and written."""

from __future__ import annotations

import base64
import csv
import json
import os
import sqlite3
import sys
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, TextIO, cast

from discobase.errors import PathRefused, UsageError
from discobase.typed.rows import Cells, write_csv

STANDARD = "-"
"""What stands for standard input, or output."""

_SQLITE = b"SQLite format 3\0"
"""What each SQLite file begins with (sqlite.org/fileformat2.html)."""


class FileFormat(StrEnum):
    """What a file of rows is."""

    CSV = "csv"
    JSONL = "jsonl"
    SQLITE = "sqlite"


_ENDINGS: Mapping[str, FileFormat] = {
    ".csv": FileFormat.CSV,
    ".jsonl": FileFormat.JSONL,
    ".ndjson": FileFormat.JSONL,
    ".sqlite": FileFormat.SQLITE,
    ".sqlite3": FileFormat.SQLITE,
    ".db": FileFormat.SQLITE,
}


@dataclass(frozen=True, slots=True)
class FileRow:
    """A row of a file.

    Attributes:
        where: where it stands, in words.
        values: its values, by column.
        are_texts: whether they are texts, as in CSV, and not what JSON has.
    """

    where: str
    values: Mapping[str, Any]
    are_texts: bool = False


def format_of(path: str, given: FileFormat | None) -> FileFormat:
    """Return what a file is, or is to be: by its name, where that is not said.

    Raises:
        UsageError: its name does not tell.
    """
    known = given or _ENDINGS.get(Path(path).suffix.lower())
    if known is None:
        raise UsageError(
            f"what is {path!r}? Its name does not end with {', '.join(_ENDINGS)}: say it with "
            f"--format."
        )
    return known


def read_rows(path: str, how: FileFormat, table: str) -> Iterator[FileRow]:
    """Yield the rows of a file.

    Args:
        path: the file's, or ``-`` for standard input.
        how: what it is.
        table: which table of a SQLite file.

    Raises:
        PathRefused: there is no such file.
        UsageError: it is not what it is taken for.
    """
    if how is FileFormat.SQLITE:
        yield from _sqlite_rows(path, table)
        return
    with _opened(path) as file:
        yield from _csv_rows(path, file) if how is FileFormat.CSV else _json_rows(path, file)


def write_file(
    path: str, how: FileFormat, table: str, rows: Iterable[Cells], columns: Sequence[str]
) -> int:
    """Write rows into a new file, or to standard output, and return how many there were.

    Args:
        path: the file's, which must not be there; ``-`` for standard output.
        how: what it is to be.
        table: what a table in a SQLite file is to be called.
        rows: the rows.
        columns: the names of their columns.

    Raises:
        PathRefused: there is a file already, or no folder.
    """
    if how is FileFormat.SQLITE:
        return _write_sqlite(path, table, rows, columns)
    if path == STANDARD:
        return _write_text(sys.stdout, how, rows, columns)
    with _new(path) as file:
        return _write_text(file, how, rows, columns)


def _write_text(to: TextIO, how: FileFormat, rows: Iterable[Cells], columns: Sequence[str]) -> int:
    if how is FileFormat.CSV:
        return write_csv(rows, columns, to)
    count = 0
    for row in rows:
        to.write(json.dumps(row, ensure_ascii=False) + "\n")
        count += 1
    return count


@contextmanager
def _opened(path: str) -> Generator[TextIO]:
    if path == STANDARD:
        yield sys.stdin
        return
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise PathRefused(f"{path!r} cannot be read: {error.strerror}.") from None
    # What spreadsheets write begins with a mark of its encoding.
    with os.fdopen(descriptor, encoding="utf-8-sig", newline="") as file:
        yield file


@contextmanager
def _new(path: str) -> Generator[TextIO]:
    """Make a file that only this user may read: secrets stand in it."""
    _refuse_taken(path)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise PathRefused(f"{path!r} cannot be written: {error.strerror}.") from None
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        yield file


def _refuse_taken(path: str) -> None:
    if path == STANDARD:
        raise UsageError("a SQLite file cannot be written to standard output: name a file.")
    if Path(path).exists():
        raise PathRefused(f"{path!r} is there already: name another file, or remove it.")


def _csv_rows(path: str, file: TextIO) -> Iterator[FileRow]:
    reader = csv.DictReader(file, strict=True)
    try:
        for values in reader:
            where = f"line {reader.line_num} of {path}"
            if None in values or None in values.values():
                raise UsageError(f"{where} has not as many values as the header has names.")
            yield FileRow(where, values, are_texts=True)
    except (csv.Error, UnicodeDecodeError) as error:
        raise UsageError(f"line {reader.line_num} of {path} is no CSV in UTF-8: {error}.") from None


def _json_rows(path: str, file: TextIO) -> Iterator[FileRow]:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        where = f"line {number} of {path}"
        try:
            values = json.loads(line)
        except ValueError as error:
            raise UsageError(f"{where} is no JSON: {error}.") from None
        if not isinstance(values, dict):
            raise UsageError(f"{where} is no JSON object.")
        yield FileRow(where, cast("dict[str, Any]", values))


def _sqlite_rows(path: str, table: str) -> Iterator[FileRow]:
    if not is_sqlite(path):
        raise PathRefused(f"{path!r} is no SQLite file, or is not there.")
    uri = f"{Path(path).absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        tables = [
            name
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY name"
            )
        ]
        if table not in tables:
            raise UsageError(
                f"{path!r} has no table {table!r}: there are {', '.join(tables) or 'none'}. Say "
                f"which one with --from."
            )
        quoted = table.replace('"', '""')
        cursor = connection.execute(f'SELECT * FROM "{quoted}"')  # noqa: S608 - it is quoted
        for number, row in enumerate(cursor, 1):
            values = dict(zip(row.keys(), map(_json, row), strict=True))
            yield FileRow(f"row {number} of {path}", values)


def _json(value: Any) -> Any:
    """Return a value of SQLite's as JSON has it: bytes as base64."""
    if isinstance(value, bytes):
        return base64.urlsafe_b64encode(value).decode()
    return value


def is_sqlite(path: str) -> bool:
    """Return whether a file is one of SQLite's."""
    try:
        with Path(path).open("rb") as file:
            return file.read(len(_SQLITE)) == _SQLITE
    except OSError:
        return False


def _write_sqlite(path: str, table: str, rows: Iterable[Cells], columns: Sequence[str]) -> int:
    _refuse_taken(path)
    with _new(path):
        pass
    quoted = ['"' + name.replace('"', '""') + '"' for name in (table, *columns)]
    marks = ", ".join("?" for _ in columns)
    count = 0
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"CREATE TABLE {quoted[0]} ({', '.join(quoted[1:])})")
        for row in rows:
            connection.execute(
                f"INSERT INTO {quoted[0]} VALUES ({marks})",  # noqa: S608 - names are quoted
                [_for_sqlite(row.get(name)) for name in columns],
            )
            count += 1
    return count


def _for_sqlite(value: Any) -> Any:
    is_large = type(value) is int and not -(2**63) <= value < 2**63
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value) if is_large else value
