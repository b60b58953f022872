"""Real columns: how the records of a table stand in SQLite, for whoever reads an export with SQL.

A value stands there exactly where SQLite has a type for it; what it has none for stands as the text
that is stored: integers of more than 64 bits, decimals and moments as texts, lists and models as
JSON. NaN is NULL, as SQLite has none.
"""

from __future__ import annotations

import base64
import binascii
import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from discobase.engine.operations import Schema
from discobase.queries.views import forms_of, named_columns

Cell = str | int | float | bytes | None

_STRICT_SINCE = (3, 37)
"""The version of SQLite from which on tables may be STRICT (sqlite.org/stricttables.html)."""

_LARGEST = 2**63

_NOT_NUMBERS = {"inf": float("inf"), "infinity": float("inf"), "nan": None}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        name: its name, unlike that of any other column of the table, whatever SQL holds for equal.
        field: the field's name.
        type: its type in SQL.
        cell: makes what stands in it of a value as it is stored.
    """

    name: str
    field: str
    type: str
    cell: Callable[[Any], Cell]


def columns_of(schemas: Sequence[Schema]) -> list[Column]:
    """Return a column for each field that the last of a table's schemas has.

    Args:
        schemas: the schemas, in the order in which they were declared. Where they say different
            things of a field, its column takes anything.
    """
    if not schemas:
        return []
    columns: list[Column] = []
    for name, field in named_columns(schemas[-1]):
        types = {_type_of(each, field) for each in schemas if field in each.fields}
        type_, cell = types.pop() if len(types) == 1 else _ANY
        columns.append(Column(name, field, type_, cell))
    return columns


def own_names() -> tuple[str, str]:
    """Return the names of the columns that each table has before those of its fields."""
    return "pk", "version"


def row_of(columns: Iterable[Column], pk: int, version: int, data: str) -> tuple[Cell, ...]:
    """Return the cells of a record: NULL for each field that it lacks."""
    stored: Mapping[str, Any] = json.loads(data)
    return (pk, version, *(column.cell(stored.get(column.field)) for column in columns))


def create(table: str, columns: Sequence[Column]) -> str:
    """Return the statement that makes a table.

    Args:
        table: its name in SQL.
        columns: its columns, besides primary key and version.
    """
    strict = sqlite3.sqlite_version_info >= _STRICT_SINCE
    pk, version = own_names()
    defined = [f"{quoted(pk)} INTEGER PRIMARY KEY", f"{quoted(version)} INTEGER NOT NULL"]
    # Elsewhere a column without a type takes anything as it is; ANY would make numbers of texts.
    defined += [
        f"{quoted(column.name)} {column.type if strict or column.type != 'ANY' else ''}".rstrip()
        for column in columns
    ]
    return f"CREATE TABLE {quoted(table)} ({', '.join(defined)}){' STRICT' if strict else ''}"


def quoted(name: str) -> str:
    """Return a name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


def _type_of(schema: Schema, field: str) -> tuple[str, Callable[[Any], Cell]]:
    """Return the type of a field's column, and what makes its cells."""
    kinds, formats = forms_of(schema, field)
    kinds = kinds - {"null"}
    if kinds == {"string"}:
        if "base64url" in formats:
            return "BLOB", _bytes_of_base64
        if "binary" in formats:
            return "BLOB", _bytes_of_text
        return "TEXT", _text
    if kinds == {"boolean"}:
        return "INTEGER", _truth
    if kinds == {"number"}:
        return "REAL", _real
    return _ANY


def _anything(value: Any) -> Cell:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        return value if -_LARGEST <= value < _LARGEST else str(value)
    if isinstance(value, dict | list):
        return json.dumps(value, separators=(",", ":"))
    return _text(value) if isinstance(value, str) else _real(value)


_ANY = ("ANY", _anything)


def _text(value: Any) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate, which no text in SQLite may have
        return json.dumps(value)
    return text


def _truth(value: Any) -> int | None:
    return int(value) if isinstance(value, bool) else None


def _real(value: Any) -> float | None:
    if isinstance(value, str):
        number = _NOT_NUMBERS.get(value.lower().lstrip("-"))
        return -number if number is not None and value.startswith("-") else number
    try:
        return float(value) if isinstance(value, int | float) else None
    except OverflowError:
        return None


def _bytes_of_base64(value: Any) -> bytes | None:
    try:
        return base64.urlsafe_b64decode(value) if isinstance(value, str) else None
    except (binascii.Error, ValueError):
        return None


def _bytes_of_text(value: Any) -> bytes | None:
    try:
        return value.encode() if isinstance(value, str) else None
    except UnicodeEncodeError:
        return None
