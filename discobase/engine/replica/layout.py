"""How a replica is laid out in SQL: names, key columns and statements.

One SQL table holds one discobase table: ``pk``, ``seq`` (the commit that last wrote the record) and
``data`` (its JSON text), and beside them one column for each field that is looked up, holding the
field's key (:mod:`discobase.engine.keys`). Keys compare as the field's own type does, so an index
on the column serves equality and order; a unique field has a unique one. Plain columns, filled by
us, work with every SQLite there is and cost a reader nothing.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from discobase.engine.keys import JSON, NULL, Kind, key
from discobase.engine.operations import Schema
from discobase.errors import UniqueViolation

LAYOUT = """
CREATE TABLE frame (
    seq INTEGER PRIMARY KEY, message INTEGER NOT NULL, chain TEXT NOT NULL, applied INTEGER NOT NULL
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
    """Return the SQL table that holds a table's records, quoted."""
    return _sql_name("records", name)


@cache
def column_name(name: str) -> str:
    """Return the SQL column that holds a field's keys, quoted."""
    return _sql_name("key", name)


def index_name(table: str, name: str) -> str:
    """Return the SQL index over a field's keys, quoted."""
    return _sql_name("index", table, name)


def _sql_name(*parts: str) -> str:
    # In hexadecimal, because SQLite takes "User" and "user" for the same table.
    return f'"{"_".join((parts[0], *(part.encode().hex() for part in parts[1:])))}"'


@dataclass(frozen=True, slots=True)
class KeyedField:
    """A field that has a key column: the kind of its key, and whether it is unique."""

    kind: Kind
    unique: bool

    def key(self, pk: int, value: JSON) -> str | None:
        """Return the key of a value. Any number of records may have null in a unique field, so
        there the key of each is its own; no other key begins like it
        (:func:`discobase.engine.keys.key`).
        """
        if self.unique and value is None:
            return f"{NULL}{pk}"
        return key(self.kind, value)

    def condition(self, column: str, wanted: str) -> tuple[str, tuple[str, ...]]:
        """Return the SQL condition for a key as :func:`discobase.engine.keys.key` makes it, and its
        arguments.
        """
        if self.unique and wanted == NULL:
            return f"{column} BETWEEN '{NULL}' AND '{NULL}~'", ()
        return f"{column} = ?", (wanted,)


def keys_of(pk: int, data: str, columns: Mapping[str, KeyedField]) -> dict[str, str | None]:
    """Return the keys of a record's fields; None where the record lacks the field."""
    if not columns:
        return {}
    record = json.loads(data)
    return {
        name: column.key(pk, record[name]) if name in record else None
        for name, column in columns.items()
    }


def exists(connection: sqlite3.Connection, table: str) -> bool:
    """Return whether there is a SQL table for a table's records."""
    found = connection.execute("SELECT 1 FROM tables WHERE name = ?", (table,))
    return found.fetchone() is not None


@dataclass(slots=True)
class Layout:
    """How one table is laid out: the statement that puts a record, the fields that have a key
    column, and the schemas that were found to ask for no more.
    """

    put: str
    keyed: Mapping[str, KeyedField]
    met: set[str] = field(default_factory=set[str])


class Layouts:
    """The layouts of all tables, made and changed on the writing connection, inside a transaction.

    Args:
        connection: the writing one.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._known: dict[str, Layout] = {}

    def of(self, table: str) -> Layout:
        """Return the layout of a table, which is made if it is not there."""
        if found := self._known.get(table):
            return found
        if not exists(self._connection, table):
            self._make(table)
        keyed = self._keyed(table)
        layout = self._known[table] = Layout(_put_statement(table, keyed), keyed)
        return layout

    def keyed(self) -> dict[str, dict[str, KeyedField]]:
        """Return the fields that have a key column, for each table that has some."""
        found: dict[str, dict[str, KeyedField]] = {}
        for table, name, kind, unique in self._connection.execute(
            "SELECT name, field, kind, is_unique FROM keyed"
        ):
            found.setdefault(table, {})[name] = KeyedField(kind, bool(unique))
        return found

    def forget(self) -> None:
        """Forget what was read: the transaction, or a part of it, has been rolled back."""
        self._known.clear()

    def drop_all(self) -> None:
        """Remove every table, and what was declared of it."""
        self.forget()
        for (name,) in self._connection.execute("SELECT name FROM tables").fetchall():
            self._connection.execute(f"DROP TABLE {table_name(name)}")
        for table in ("tables", "declared", "keyed"):
            self._connection.execute(f"DELETE FROM {table}")

    def _make(self, table: str) -> None:
        self._connection.execute("INSERT INTO tables VALUES (?, 1, NULL)", (table,))
        self._connection.execute(
            f"CREATE TABLE {table_name(table)} "
            f"(pk INTEGER PRIMARY KEY, seq INTEGER NOT NULL, data TEXT NOT NULL)"
        )

    def _keyed(self, table: str) -> dict[str, KeyedField]:
        found = self._connection.execute(
            "SELECT field, kind, is_unique FROM keyed WHERE name = ? ORDER BY field", (table,)
        )
        return {name: KeyedField(kind, bool(unique)) for name, kind, unique in found}

    # Schemas

    def declare(self, table: str, text: str) -> None:
        """Give a table a schema, and the key columns that it asks for.

        Raises:
            UniqueViolation: records have the same value in a field that is to be unique.
        """
        schema = Schema.from_json(text)
        for name, column in self.of(table).keyed.items():
            if name in schema.unique or column.unique or schema.kinds.get(name) != column.kind:
                self._drop_key(table, name)
        for name in dict.fromkeys((*schema.unique, *schema.indexed)):
            self.add_key(table, name, KeyedField(schema.kinds[name], name in schema.unique))
        execute = self._connection.execute
        execute("UPDATE tables SET schema = ? WHERE name = ?", (text, table))
        execute("INSERT OR IGNORE INTO declared VALUES (?, ?)", (table, text))

    def schema(self, table: str) -> Schema:
        """Return the schema of a table that has one."""
        (text,) = self._connection.execute(
            "SELECT schema FROM tables WHERE name = ?", (table,)
        ).fetchone()
        return Schema.from_json(text)

    def was_declared(self, table: str, schema: str) -> bool:
        """Return whether a table ever had a schema."""
        found = self._connection.execute(
            "SELECT 1 FROM declared WHERE name = ? AND schema = ?", (table, schema)
        )
        return found.fetchone() is not None

    # Key columns

    def add_key(self, table: str, name: str, column: KeyedField) -> None:
        """Give a field a key column with an index, if it has none.

        Raises:
            UniqueViolation: records have the same value in a field that is to be unique.
        """
        if name in self.of(table).keyed:
            return
        self._fill_column(table, name, column)
        if column.unique:
            self._refuse_duplicates(table, name)
        kind = "UNIQUE INDEX" if column.unique else "INDEX"
        execute = self._connection.execute
        execute(
            f"CREATE {kind} {index_name(table, name)} ON {table_name(table)} ({column_name(name)})"
        )
        execute("INSERT INTO keyed VALUES (?, ?, ?, ?)", (table, name, column.kind, column.unique))
        del self._known[table]

    def _fill_column(self, table: str, name: str, column: KeyedField) -> None:
        execute = self._connection.execute
        sql_table, sql_column = table_name(table), column_name(name)
        present = {f'"{row[1]}"' for row in execute(f"PRAGMA table_info({sql_table})")}
        if sql_column not in present:
            execute(f"ALTER TABLE {sql_table} ADD COLUMN {sql_column} TEXT")
        for pk, data in execute(f"SELECT pk, data FROM {sql_table}").fetchall():
            found = keys_of(pk, data, {name: column})[name]
            execute(f"UPDATE {sql_table} SET {sql_column} = ? WHERE pk = ?", (found, pk))

    def _refuse_duplicates(self, table: str, name: str) -> None:
        column = column_name(name)
        twice = self._connection.execute(
            f"SELECT min(pk), max(data) FROM {table_name(table)} WHERE {column} IS NOT NULL "
            f"GROUP BY {column} HAVING count(*) > 1"
        ).fetchone()
        if twice:
            raise UniqueViolation(table, name, json.loads(twice[1])[name], twice[0])

    def _drop_key(self, table: str, name: str) -> None:
        # The column stays, out of use: SQLite can drop columns only since 3.35, and a replica does
        # not live long.
        self._connection.execute(f"DROP INDEX {index_name(table, name)}")
        self._connection.execute("DELETE FROM keyed WHERE name = ? AND field = ?", (table, name))
        self._known.pop(table, None)


def _put_statement(table: str, keyed: Mapping[str, KeyedField]) -> str:
    # Only the primary key may be in the way: a row in the way of a unique key is a violation, not
    # to be replaced.
    columns = [column_name(name) for name in keyed]
    names = "".join(f", {column}" for column in columns)
    updates = "".join(f", {column} = excluded.{column}" for column in columns)
    return (
        f"INSERT INTO {table_name(table)} (pk, seq, data{names}) "
        f"VALUES (?, ?, ?{', ?' * len(columns)}) "
        f"ON CONFLICT (pk) DO UPDATE SET seq = excluded.seq, data = excluded.data{updates}"
    )
