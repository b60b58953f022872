"""How a replica is laid out in SQL: its own tables, and the names of those that hold records."""

from __future__ import annotations

from functools import cache

LAYOUT = """
CREATE TABLE frame (
    seq INTEGER PRIMARY KEY, message INTEGER NOT NULL, prev TEXT NOT NULL, applied INTEGER NOT NULL
);
CREATE TABLE state (
    only INTEGER PRIMARY KEY CHECK (only = 1), head INTEGER NOT NULL, chain TEXT NOT NULL
);
CREATE TABLE tables (name TEXT PRIMARY KEY, next INTEGER NOT NULL, schema TEXT);
CREATE TABLE declared (
    name TEXT NOT NULL, schema TEXT NOT NULL, PRIMARY KEY (name, schema)
) WITHOUT ROWID;
CREATE TABLE keyed (
    name TEXT NOT NULL, field TEXT NOT NULL, kind TEXT NOT NULL, is_unique INTEGER NOT NULL,
    PRIMARY KEY (name, field)
) WITHOUT ROWID;
"""
"""What every replica begins with."""


@cache
def table_name(name: str) -> str:
    """The SQL table that holds a table's records, quoted."""
    return _sql_name("records", name)


@cache
def column_name(name: str) -> str:
    """The SQL column that holds a field's keys, quoted."""
    return _sql_name("key", name)


def index_name(table: str, name: str) -> str:
    """The SQL index over a field's keys, quoted."""
    return _sql_name("index", table, name)


def _sql_name(*parts: str) -> str:
    # In hexadecimal, because SQLite takes "User" and "user" for the same table.
    return f'"{"_".join((parts[0], *(part.encode().hex() for part in parts[1:])))}"'
