"""Whether two values are equal in what is stored of them: private attributes are not.

Python's ``==`` decides, but for models: pydantic's compares their private attributes, too, and a
counter or a trace in one would keep it from ever being found.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, RootModel

_PYDANTICS: tuple[object, ...] = (vars(BaseModel)["__eq__"], vars(RootModel)["__eq__"])


def equal_as_stored(one: Any, other: Any) -> bool:
    """Return whether two values are equal, models by their fields and extras alone.

    A model with an ``__eq__`` of its own decides by that; aware datetimes are equal where they are
    one moment.
    """
    if isinstance(one, datetime) and isinstance(other, datetime):
        return bool(as_moment(one) == as_moment(other))
    if bool(one == other):
        return True
    for kinds, compare in _COMPARISONS:
        if isinstance(one, kinds) and isinstance(other, kinds):
            return compare(one, other)
    is_pair = dataclasses.is_dataclass(one) and type(one) is type(other)
    return is_pair and _equal_dataclasses(one, other)


def as_moment(value: Any) -> Any:
    """Return an aware datetime in UTC, and all else as it is.

    Python compares two datetimes of one time zone by what the clock shows, which in the hour that
    it shows twice is not when they are, and never calls one of that hour equal to one of another
    time zone.
    """
    if not isinstance(value, datetime) or value.utcoffset() is None:
        return value
    try:
        return value.astimezone(UTC)
    except OverflowError:  # UTC has it in a year that datetime does not know
        return value


def _equal_models(one: BaseModel, other: BaseModel) -> bool:
    if type(one) is not type(other) or type(one).__eq__ not in _PYDANTICS:
        return False
    extras = (one.__pydantic_extra__ or {}, other.__pydantic_extra__ or {})
    names = type(one).model_fields
    return _equal_mappings(*extras) and all(
        equal_as_stored(one.__dict__.get(name), other.__dict__.get(name)) for name in names
    )


def _equal_dataclasses(one: Any, other: Any) -> bool:
    return all(
        equal_as_stored(getattr(one, field.name, None), getattr(other, field.name, None))
        for field in dataclasses.fields(one)
        if field.compare
    )


def _equal_mappings(one: Mapping[Any, Any], other: Mapping[Any, Any]) -> bool:
    return one.keys() == other.keys() and all(
        equal_as_stored(value, other[key]) for key, value in one.items()
    )


def _equal_sequences(one: Sequence[Any], other: Sequence[Any]) -> bool:
    return len(one) == len(other) and all(map(equal_as_stored, one, other))


def _equal_sets(one: AbstractSet[Any], other: AbstractSet[Any]) -> bool:
    return len(one) == len(other) and all(_is_in(element, other) for element in one)


def _is_in(value: Any, others: Iterable[Any]) -> bool:
    return any(equal_as_stored(value, other) for other in others)


_COMPARISONS: tuple[tuple[type[Any] | tuple[type[Any], ...], Callable[[Any, Any], bool]], ...] = (
    (BaseModel, _equal_models),
    (Mapping, _equal_mappings),
    (list, _equal_sequences),
    (tuple, _equal_sequences),
    (deque, _equal_sequences),
    (AbstractSet, _equal_sets),
)
