"""Checksums of rows, by which a file that was kept is known to hold what was written.

Each row of a kept file has one over its values, in a column that SQLite fills by itself
(sqlite.org/gencol.html): whoever writes a row knows nothing of it. What stands in key columns has
none, for the index over such a column has it a second time. A temporary file does without: nobody
alters it while its process lives, and it saves 3 us a row (measured).
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

SUM = "sum"
"""The column."""

_FUNCTION = "row_sum"

_TABLE = re.compile(r"CREATE TABLE (\S+) \(")

_SUMMED = re.compile(rf"{_FUNCTION}\(([^)]*)\)")


class Altered(sqlite3.DatabaseError):
    """What stands in a file is not what was written."""


def row_sum(*values: object) -> int:
    """Return the checksum of a row: CRC-32, which finds each single altered byte, and of other
    damage all but one in four thousand million.
    """
    return zlib.crc32(repr(values).encode())


def add_row_sum(connection: sqlite3.Connection) -> None:
    """Have a connection know how checksums are made."""
    # Functions in a schema are refused by builds that trust none (sqlite.org/pragma.html).
    connection.execute("PRAGMA trusted_schema=ON")
    connection.create_function(_FUNCTION, -1, row_sum, deterministic=True)


def summed(layout: str) -> str:
    """Return a layout, which makes tables, so that each row of them has a checksum."""
    with contextlib.closing(sqlite3.connect(":memory:")) as plain:
        plain.executescript(layout)

        def with_sum(found: re.Match[str]) -> str:
            columns = plain.execute(f"PRAGMA table_info({found[1]})")
            names = ", ".join(f'"{row[1]}"' for row in columns)
            return f"{found[0]}{SUM} INTEGER AS ({_FUNCTION}({names})) STORED, "

        return _TABLE.sub(with_sum, layout)


def summed_columns(connection: sqlite3.Connection, table: str) -> str:
    """Return the names of the columns that a table's checksums are over, as SQL has them.

    Raises:
        Altered: there are no checksums.
    """
    row = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    found = _SUMMED.search(row[0]) if row else None
    if found is None:
        raise Altered(f"{table!r} has no checksums")
    return found[1]


def require_sound(rows: Iterable[Sequence[Any]]) -> None:
    """See that rows, each with its checksum behind its values, are as they were written.

    Raises:
        Altered: one of them is not.
    """
    for row in rows:
        if row_sum(*row[:-1]) != row[-1]:
            raise Altered("a row is not what was written")
