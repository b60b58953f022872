"""Which fields of a stored record a feed shows: those that its table's schema knows, and that hold
no secret.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from discobase.engine.replica import Layout
from discobase.feed.gathering import Change

_REFERENCE = "#/$defs/"


def visible_fields(change: Change, layouts: Mapping[str, Layout]) -> frozenset[str] | None:
    """Return the names of the fields of a record that may be shown; None where no schema tells.

    A field holds a secret where JSON schema calls a part of it a password or "writeOnly", as
    pydantic has it of ``SecretStr`` and ``SecretBytes``.

    Args:
        change: that the record was written.
        layouts: the tables, by name.
    """
    types = _types(change, layouts.get(change.table))
    fields: Mapping[str, Any] = types.get("properties", {})
    if not fields:
        return None
    parts: Mapping[str, Any] = types.get("$defs", {})
    return frozenset(name for name, each in fields.items() if not _is_secret(each, parts))


def unknown_names(hide: Mapping[str, Collection[str]], layouts: Mapping[str, Layout]) -> list[str]:
    """Return what is to be hidden and is not there: a table, or a field that no schema of its table
    has. It may be misspelt, and then it hides nothing.

    Args:
        hide: the fields, by the names of their tables.
        layouts: the tables, by name.
    """
    unknown = [table for table in hide if table not in layouts]
    for table in hide.keys() & layouts.keys():
        schemas = layouts[table].schemas.values()
        known = {name for schema in schemas for name in schema.types.get("properties", {})}
        known |= {name for schema in schemas for name in schema.names}
        unknown += [f"{table}.{name}" for name in hide[table] if name not in known]
    return sorted(unknown)


def _types(change: Change, layout: Layout | None) -> Mapping[str, Any]:
    if layout is None:
        return {}
    written = layout.schemas.get(change.schema)
    if written is None or written.is_part:
        written = layout.newest  # of a class that was made of that one
    return {} if written is None else written.types


def _is_secret(field: object, parts: Mapping[str, Any]) -> bool:
    return any(
        each.get("format") == "password" or each.get("writeOnly") is True
        for each in _objects(field, parts, set())
    )


def _objects(schema: Any, parts: Mapping[str, Any], seen: set[str]) -> Iterator[Mapping[str, Any]]:
    """Give all JSON objects in a schema, with those of the parts that it refers to."""
    match schema:
        case {**members}:
            yield schema
            reference = str(members.get("$ref", ""))
            if reference not in seen:
                seen.add(reference)
                members["$ref"] = parts.get(reference.removeprefix(_REFERENCE))
            inner: Iterable[Any] = members.values()
        case [*items]:
            inner = items
        case _:
            return
    for each in inner:
        yield from _objects(each, parts, seen)
