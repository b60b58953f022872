"""How tables look to statements in SQL: each as a view, with a column for each field.

A column has what people who write SQL expect, made of the JSON that is stored: numbers are numbers,
also decimals; moments are texts in UTC that sort, as SQLite's own functions take them; durations
are seconds. What SQLite has no type for (lists, models) stays JSON. Secrets are masked.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, cast

from discobase.engine.operations import Schema
from discobase.engine.replica import Layout, table_name
from discobase.engine.replica.guarded import BYTES, SECONDS, SOUND

_MASK = "**********"
"""What stands for a secret, as pydantic writes it."""

_OWN = ("pk", "version")


def columns_of(schema: Schema | None) -> list[str]:
    """Return the names of the columns of a table with this schema, in order."""
    return [name for name, _ in _named_apart(_OWN + _fields(schema))]


def named_columns(schema: Schema) -> list[tuple[str, str]]:
    """Return the columns of a table's fields, each with the field that it stands for."""
    return [*_named_apart(_OWN + _fields(schema))][len(_OWN) :]


def forms_of(schema: Schema, field: str) -> tuple[set[str], set[str]]:
    """Return the types and the formats that occur in the JSON schema of a field."""
    form = schema.types.get("properties", {}).get(field, {})
    return _kinds_and_formats(form, schema.types.get("$defs", {}))


def view_of(
    table: str,
    schema: Schema | None,
    layout: Layout | None,
    defaults: Mapping[str, Any],
    secret: Collection[str],
    *,
    with_sums: bool,
) -> str:
    """Return the statement that selects a table's records with a column for each field.

    Args:
        table: the table's name.
        schema: what is known of its fields; None for nothing.
        layout: how the table is laid out; None where there is none yet.
        defaults: the stored form of defaults, for records that were written without the field.
        secret: the fields that are to be masked, besides those that the schema tells of.
        with_sums: whether each record has a checksum, and is to be held against it.
    """
    names = columns_of(schema)
    if layout is None:
        return f"SELECT {', '.join(f'NULL AS {_quoted(name)}' for name in names)} WHERE FALSE"
    values = ["pk", "seq"]
    for name in _fields(schema):
        value = _value(name, schema, layout, defaults)
        values.append(_masked(_stored(name)) if name in secret else value)
    columns = [f"{value} AS {_quoted(name)}" for name, value in zip(names, values, strict=True)]
    row = "sum || '|' || pk || '|' || seq || '|' || schema || '|' || data"
    where = f" WHERE {SOUND}({row})" if with_sums else ""
    return f"SELECT {', '.join(columns)} FROM main.{table_name(table)}{where}"


def named_apart(tables: Iterable[str]) -> dict[str, str]:
    """Return tables by the names of their views: SQL takes `User` and `user` for one, so the second
    of those in order is ``user_2``.
    """
    return dict(_named_apart(sorted(tables)))


def _named_apart(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield names that SQL tells apart, each with the one that it stands for."""
    given = list(names)
    taken: set[str] = set()
    for name in given:
        free, number = name, 1
        while free.lower() in taken or (number > 1 and free in given):
            number += 1
            free = f"{name}_{number}"
        taken.add(free.lower())
        yield free, name


def _fields(schema: Schema | None) -> tuple[str, ...]:
    if schema is None:
        return ()
    # The order of the class, where it is known.
    order = [name for name in schema.types.get("properties", {}) if name in schema.fields]
    return tuple(dict.fromkeys((*order, *schema.names)))


def _value(name: str, schema: Schema | None, layout: Layout, defaults: Mapping[str, Any]) -> str:
    assert schema is not None
    stored = _stored(name)
    may_lack = any(name not in each.fields for each in layout.schemas.values())
    if may_lack and defaults.get(name) is not None:
        stored = f"CASE WHEN {_is_there(name)} THEN {stored} ELSE {_literal(defaults[name])} END"
    kinds, formats = forms_of(schema, name)
    if "password" in formats:
        return _masked(stored)
    if "base64url" in formats and kinds <= {"string", "null"}:
        return f"{BYTES}({stored})"
    if "binary" in formats and kinds <= {"string", "null"}:
        return f"CAST({stored} AS BLOB)"
    kind = schema.fields[name].kind
    if kind == "decimal":
        return _number(stored, is_real="integer" not in kinds)
    if kind == "instant":
        return _moment(stored)
    return f"{SECONDS}({stored})" if kind == "duration" else stored


def _masked(stored: str) -> str:
    return f"CASE WHEN {stored} IS NOT NULL THEN '{_MASK}' END"


def _stored(name: str) -> str:
    if _is_plain(name):
        return f"json_extract(data, '$.\"{name}\"')"
    return f"(SELECT value FROM json_each(data) WHERE key = {_text(name)})"


def _is_there(name: str) -> str:
    if _is_plain(name):
        return f"json_type(data, '$.\"{name}\"') IS NOT NULL"
    return f"EXISTS (SELECT 1 FROM json_each(data) WHERE key = {_text(name)})"


def _is_plain(name: str) -> bool:
    """Return whether a JSON path finds a name: SQLite compares it with what is stored as it stands
    there, escapes and all.
    """
    return name.isascii() and name.isidentifier()


def _number(stored: str, *, is_real: bool) -> str:
    number = f"CAST({stored} AS REAL)"
    return (
        f"CASE WHEN typeof({stored}) <> 'text' THEN {number if is_real else stored} "
        f"WHEN {stored} LIKE 'inf%' THEN 9e999 WHEN {stored} LIKE '-inf%' THEN -9e999 "
        f"WHEN {stored} LIKE '%nan%' THEN NULL ELSE {number} END"
    )


def _moment(stored: str) -> str:
    """Return the UTC of a datetime with a zone, or a datetime without one, as ``str`` writes it; a
    time of day as it is.
    """
    # Without the fraction, which strftime would round.
    has_fraction = f"substr({stored}, 20, 1) = '.'"
    whole = (
        f"substr({stored}, 1, 19) || CASE WHEN {has_fraction} THEN substr({stored}, 27) "
        f"ELSE substr({stored}, 20) END"
    )
    fraction = f"CASE WHEN {has_fraction} THEN substr({stored}, 20, 7) ELSE '' END"
    moment = f"strftime('%Y-%m-%d %H:%M:%S', {whole}) || {fraction}"
    return (
        f"CASE WHEN substr({stored}, 3, 1) = ':' THEN {stored} "
        f"ELSE coalesce({moment}, {stored}) END"
    )


def _kinds_and_formats(form: Any, definitions: Mapping[str, Any]) -> tuple[set[str], set[str]]:
    """Return the types and the formats that occur in a JSON schema, and in what it refers to."""
    kinds: set[str] = set()
    formats: set[str] = set()
    seen: set[str] = set()
    left = [form]
    while left:
        node = left.pop()
        if isinstance(node, list):
            left.extend(cast("Iterable[Any]", node))
        if not isinstance(node, dict):
            continue
        known = cast("dict[str, Any]", node)
        left.extend(known.values())
        kinds |= {known["type"]} if isinstance(known.get("type"), str) else set()
        formats |= {known["format"]} if isinstance(known.get("format"), str) else set()
        name = str(known.get("$ref", "")).rpartition("/")[2]
        if name and name not in seen:
            seen.add(name)
            left.append(definitions.get(name))
    return kinds, formats


def _literal(stored: Any) -> str:
    """Return a JSON value as json_extract would give it."""
    return f"json_extract({_text(json.dumps([stored]))}, '$[0]')"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
