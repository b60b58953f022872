"""The places in a table's records that have a name, as people type them: ``home.city``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from discobase.typed.filters import written

LOCATED = ("pk", "version")
"""What each record has beside its fields."""

_NESTED = 3
"""Names one behind another in a place: deeper ones are rarely typed, and models may hold
themselves."""


def places_of(fields: Iterable[str], json_schema: Mapping[str, Any]) -> Iterator[str]:
    """Yield the places in a table's records: fields, and those of the models in them.

    Args:
        fields: the table's fields.
        json_schema: of a record.
    """
    properties = json_schema.get("properties", {})
    for name in fields:
        yield from _below((name,), properties.get(name, {}), json_schema)


def _below(path: tuple[str, ...], schema: Any, whole: Mapping[str, Any]) -> Iterator[str]:
    """Yield a place, and those of the models that may stand there."""
    yield written(path)
    if len(path) == _NESTED or not isinstance(schema, dict):
        return
    known = cast("dict[str, Any]", schema)
    found: dict[str, Any] = {}
    for one in (known, *known.get("anyOf", ())):
        found |= _followed(one, whole).get("properties", {})
    for name, inner in found.items():
        yield from _below((*path, name), inner, whole)


def _followed(schema: Any, whole: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema, or the one that it refers to."""
    reference = str(schema.get("$ref", ""))
    name = reference.removeprefix("#/$defs/")
    return cast("dict[str, Any]", whole.get("$defs", {}).get(name, schema))
