"""What the tables of one moment hold, told table by table as an export has it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from discobase.engine.replica.checksums import SUM, require_sound
from discobase.engine.replica.columns import KeyColumn, table_name
from discobase.engine.replica.layout import Layout, Layouts

_AT_ONCE = 1_000
"""Rows that are held against their checksums in one step: a guess."""


class Contents:
    """The tables, read on a connection that is inside a transaction. Used by one thread at a time.

    Args:
        connection: shows one moment.
        with_sums: whether each row has a checksum, and is held against it.
    """

    def __init__(self, connection: sqlite3.Connection, *, with_sums: bool) -> None:
        self._connection = connection
        self._with_sums = with_sums
        self._layouts = Layouts(connection)

    def tables(self) -> list[tuple[str, int]]:
        """Return the tables by name, each with its next primary key."""
        return self._connection.execute("SELECT name, next FROM tables ORDER BY name").fetchall()

    def count(self, table: str) -> int:
        """Return how many records a table has."""
        (found,) = self._connection.execute(f"SELECT count(*) FROM {table_name(table)}").fetchone()
        return int(found)

    def schemas(self, table: str) -> list[tuple[int, str]]:
        """Return the schemas of a table, by number."""
        return self._connection.execute(
            "SELECT number, schema FROM schemas WHERE name = ? ORDER BY number", (table,)
        ).fetchall()

    def unique(self, table: str) -> list[tuple[str, int]]:
        """Return the fields that are unique, each with the number of the last schema whose classes
        load it as it is unique.
        """
        layout = self._layouts.of(table)
        columns = [column for column in layout.columns.values() if column.unique]
        return sorted((column.field, _number_of(layout, column)) for column in columns)

    def records(self, table: str) -> Iterator[tuple[int, int, int, str]]:
        """Yield the records by primary key: that, version, number of the schema, and data.

        Raises:
            Altered: one of them is not what was written.
        """
        names = f"pk, seq, schema, data{f', {SUM}' if self._with_sums else ''}"
        rows = self._connection.execute(f"SELECT {names} FROM {table_name(table)} ORDER BY pk")
        if not self._with_sums:
            yield from rows
            return
        while some := rows.fetchmany(_AT_ONCE):
            require_sound(some)
            for row in some:
                yield row[:-1]

    def keys(self, table: str) -> Iterator[tuple[str, int, int, str]]:
        """Yield what is known of records by keys alone, since other classes have put them than
        those that would have their keys: field, number of the schema whose key it is, primary key,
        key.
        """
        layout = self._layouts.of(table)
        present = self._connection.execute(f"SELECT DISTINCT schema FROM {table_name(table)}")
        numbers = [number for (number,) in present]
        unique = {column.identity: column for column in layout.columns.values() if column.unique}
        current = (KeyColumn.of(name, each.schema) for name, each in layout.current.items())
        columns = {column.identity: column for column in current} | unique
        for _, column in sorted(columns.items()):
            prints = {layout.fingerprint(number, column.field) for number in numbers}
            if column.kind == "opaque" or all(column.is_for(each) for each in prints):
                continue
            number = _number_of(layout, column)
            for pk, key in self._layouts.told_keys(table, column):
                yield column.field, number, pk, key


def _number_of(layout: Layout, column: KeyColumn) -> int:
    """Return the number of the last schema whose classes have a column for a field."""
    return max(
        number
        for number, schema in layout.schemas.items()
        if column.field in schema.fields
        and KeyColumn.of(column.field, schema.fields[column.field]).identity == column.identity
    )
