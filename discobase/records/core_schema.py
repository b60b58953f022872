"""What a core schema holds, found without knowing each of its kinds: the form in which pydantic
hands a type to its validator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

from pydantic_core import CoreSchema, core_schema

_NO_SCHEMAS = frozenset(
    {"config", "default", "expected", "function", "members", "metadata", "serialization"}
)
"""Keys under which a schema holds no other schema that takes part in validating."""


def nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield each schema that a schema consists of, the outer ones first."""
    if isinstance(schema, dict):
        node = cast("dict[str, Any]", schema)
        if _is_schema(node):
            yield node
        for part in _parts(node).values():
            yield from nodes(part)
    elif isinstance(schema, (list, tuple)):
        for part in cast("list[Any]", schema):
            yield from nodes(part)


def replaced(schema: Any, replace: Callable[[dict[str, Any]], dict[str, Any] | None]) -> Any:
    """Return a copy of a schema with some of its parts replaced.

    Args:
        schema: the schema, which stays as it is.
        replace: returns what stands for a part, whose own parts are then looked at; the part itself
            to leave it; None to leave it with all that is in it.
    """
    if isinstance(schema, dict):
        node = cast("dict[str, Any]", schema)
        stand_in = replace(node) if _is_schema(node) else node
        if stand_in is None:
            return node
        return stand_in | {key: replaced(part, replace) for key, part in _parts(stand_in).items()}
    if isinstance(schema, (list, tuple)):
        parts = cast("list[Any]", schema)
        return type(parts)(replaced(part, replace) for part in parts)
    return schema


def runs_no_code(schema: Any) -> bool:
    """Return whether validating runs no function, neither of a class nor of a type in it."""
    return not any(
        node["type"].startswith(("function", "call", "generator", "lax-or-strict"))
        or "default_factory" in node
        or node.get("post_init")
        or node.get("custom_init")
        for node in nodes(schema)
    )


def list_of(schema: CoreSchema) -> CoreSchema:
    """Return the schema of a list of what a schema is of."""
    if schema["type"] == "definitions":
        inner = core_schema.list_schema(schema["schema"])
        return core_schema.definitions_schema(inner, schema["definitions"])
    return core_schema.list_schema(schema)


def _is_schema(node: dict[str, Any]) -> bool:
    """Return whether it is one, and not a dictionary of fields by their names, or of choices."""
    return isinstance(node.get("type"), str)


def _parts(node: dict[str, Any]) -> dict[str, Any]:
    if not _is_schema(node):
        return node
    return {key: part for key, part in node.items() if key not in _NO_SCHEMAS}
