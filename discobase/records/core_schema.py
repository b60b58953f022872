"""What a core schema holds, found without knowing each of its kinds: the form in which pydantic
hands a type to its validator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

_NO_SCHEMAS = frozenset(
    {"config", "default", "expected", "function", "members", "metadata", "serialization"}
)
"""Keys under which a schema holds no other schema that takes part in validating."""


def nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield each schema that a schema consists of, the outer ones first."""
    if isinstance(schema, dict):
        node = cast("dict[str, Any]", schema)
        yield node
        for key, part in node.items():
            if key not in _NO_SCHEMAS:
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
        node = replace(cast("dict[str, Any]", schema))
        if node is None:
            return cast("dict[str, Any]", schema)
        return {
            key: part if key in _NO_SCHEMAS else replaced(part, replace)
            for key, part in node.items()
        }
    if isinstance(schema, (list, tuple)):
        parts = cast("list[Any]", schema)
        return type(parts)(replaced(part, replace) for part in parts)
    return schema
