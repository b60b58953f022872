"""The types of a table's fields, as people write them."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from discobase.records.secrets import holds_secrets

if TYPE_CHECKING:
    from discobase.table import Table


def type_of(model: type[Table], name: str) -> str:
    """Return the type of a field of a table."""
    field = model.model_fields.get(name)
    return "(no class can have this name)" if field is None else _shown_type(field.annotation)


def is_secret(model: type[Table], name: str) -> bool:
    """Return whether a table has such a field, and its values may be secrets."""
    field = model.model_fields.get(name)
    return field is not None and holds_secrets(field.annotation)


def _shown_type(annotation: Any) -> str:
    """Return a type as people write it."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is None or annotation is NoneType:
        return "None"
    if origin is Annotated:
        return _shown_type(arguments[0])
    if origin is Literal:
        return " | ".join(map(repr, arguments))
    if origin is Union or origin is UnionType:
        return " | ".join(map(_shown_type, arguments))
    if annotation is Ellipsis:
        return "..."
    name = str(getattr(annotation, "__name__", annotation))
    return f"{name}[{', '.join(map(_shown_type, arguments))}]" if arguments else name
