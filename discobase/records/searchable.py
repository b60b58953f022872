"""Where in the records of a class the texts stand that are marked for searches."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NewType, Union, get_args, get_origin

from pydantic import BaseModel

from discobase.engine.texts import Place
from discobase.errors import TableError
from discobase.records.fields import (
    Searchable,
    check_place,
    fields_with_a_serializer,
    is_that_mark,
    rewrites,
)

_ELEMENTS = (list, tuple, set, frozenset, Sequence, AbstractSet, Collection)


def searched_places(model: type[BaseModel]) -> tuple[Place, ...]:
    """Return where the marked texts of a class stand, in the order of its fields.

    Args:
        model: a complete model class.

    Raises:
        TableError: a marked field holds no texts, or none that are stored as they are; or the mark
            stands where it would not be seen.
    """
    return tuple(dict.fromkeys(_of_model(model, ())))


def _of_model(model: type[BaseModel], outer: tuple[type[Any], ...]) -> Iterator[Place]:
    """Yield the places in a model that is in others."""
    if model in outer:
        return
    serialized = fields_with_a_serializer(model)
    for name, field in model.model_fields.items():
        check_place(model, name, field, Searchable)
        if not any(is_that_mark(entry, Searchable) for entry in field.metadata):
            yield from ((name, *place) for place in _inside(field.annotation, (*outer, model)))
            continue
        is_rewritten = name in serialized or any(map(rewrites, field.metadata))
        found = [] if is_rewritten else [*_texts(field.annotation)]
        if not found:
            raise TableError(
                f"{model.__name__}.{name} cannot be Searchable(): there is no text in it that is "
                f"stored as it is. A str is one, also optional, or in a list or a dictionary; in "
                f"a model mark the fields of that."
            )
        yield from ((name, *place) for place in found)


def _texts(annotation: Any) -> Iterator[Place]:
    """Yield where texts stand in the values of a type."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        if not any(map(rewrites, arguments[1:])):
            yield from _texts(arguments[0])
    elif origin is Union or origin is UnionType:
        for member in arguments:
            yield from _texts(member)
    elif isinstance(annotation, NewType):
        yield from _texts(annotation.__supertype__)
    elif hasattr(annotation, "__value__"):
        yield from _texts(annotation.__value__)
    elif _is_text(annotation):
        yield ()
    else:
        for part in _parts(annotation):
            yield from ((None, *place) for place in _texts(part))


def _inside(annotation: Any, outer: tuple[type[Any], ...]) -> Iterator[Place]:
    """Yield where marked texts stand in the models that are in the values of a type.

    Raises:
        TableError: a mark stands inside an annotation, where it would not be seen.
    """
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *metadata = get_args(annotation)
        if any(is_that_mark(entry, Searchable) for entry in metadata):
            raise TableError(
                f"{outer[-1].__name__}: Searchable() must be the outermost annotation of a field, "
                f"as in Annotated[list[str], Searchable()]."
            )
        yield from _inside(inner, outer)
    elif origin is Union or origin is UnionType:
        for member in get_args(annotation):
            yield from _inside(member, outer)
    elif hasattr(annotation, "__value__"):
        yield from _inside(annotation.__value__, outer)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from _of_model(annotation, outer)
    else:
        for part in _parts(annotation):
            yield from ((None, *place) for place in _inside(part, outer))


def _parts(annotation: Any) -> Iterator[Any]:
    """Yield the types of the elements of a collection, and of the values of a dictionary."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if not (isinstance(origin, type) and arguments) or dataclasses.is_dataclass(origin):
        return
    if issubclass(origin, Mapping):
        yield arguments[-1]
    elif issubclass(origin, _ELEMENTS):
        yield from (each for each in arguments if each is not Ellipsis)


def _is_text(leaf: Any) -> bool:
    if get_origin(leaf) is Literal:
        return any(isinstance(value, str) for value in get_args(leaf))
    if not isinstance(leaf, type) or leaf is NoneType:
        return False
    if issubclass(leaf, Enum):
        return any(isinstance(member.value, str) for member in leaf)
    return issubclass(leaf, str)
