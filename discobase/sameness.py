"""Whether a value that came back is the value that went in: of the same types all the way down, and equal.

Python's ``==`` is too kind for that (``1 == True == 1.0``, one moment in two time zones), and sometimes too harsh (NaN).
"""

from __future__ import annotations

import dataclasses
import math
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal
from enum import Enum
from types import NoneType
from typing import Any

from pydantic import BaseModel, Secret, SecretBytes, SecretStr


class Missing(Enum):
    """The type of :data:`MISSING`."""

    MISSING = "nothing"


MISSING = Missing.MISSING
"""Stands in a :class:`Difference` for a value that is not there."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The first place where two values differ.

    Args:
        path: the way to it from the top, as in ``address.lines[0]``.
        before: what went in.
        after: what came back.
        shown: False where the value is a secret, or a model keeps it out of its repr.
    """

    path: str
    before: object
    after: object
    shown: bool = True


def difference(before: Any, after: Any, path: str = "") -> Difference | None:
    """The first difference of two values, or None if they are the same in type and value.

    The same are: NaN and NaN; aware datetimes of one wall time and one offset (whatever object the time zone is, and whatever
    ``fold``); models with the same fields and extras (private attributes, and which fields were given, are not looked at).
    Different are: 1, 1.0 and True; 0.0 and -0.0; ``Decimal("1.0")`` and ``Decimal("1.00")``; a class and its subclass.
    """
    kind = type(before)
    if kind is type(after):
        same = _SAME.get(kind)
        if same is not None:
            return None if same(before, after) else Difference(path, before, after)
        inside = _parts(before, after, path)
        if inside is not None:
            return next(inside, None)
        if _equal(before, after):
            return None
    return Difference(path, before, after)


def _same_float(before: float, after: float) -> bool:
    if math.isnan(before):
        return math.isnan(after)
    return before == after and math.copysign(1, before) == math.copysign(1, after)


def _same_complex(before: complex, after: complex) -> bool:
    return _same_float(before.real, after.real) and _same_float(before.imag, after.imag)


def _same_decimal(before: Decimal, after: Decimal) -> bool:
    return before.as_tuple() == after.as_tuple()


def _same_datetime(before: datetime, after: datetime) -> bool:
    same_zone = (before.tzinfo is None) == (after.tzinfo is None)
    same_offset = before.utcoffset() == after.utcoffset()
    return same_zone and same_offset and before.replace(tzinfo=None) == after.replace(tzinfo=None)


def _same_time(before: time, after: time) -> bool:
    same_zone = (before.tzinfo is None) == (after.tzinfo is None)
    same_offset = before.utcoffset() == after.utcoffset()
    return same_zone and same_offset and before.replace(tzinfo=None) == after.replace(tzinfo=None)


def _equal(before: Any, after: Any) -> bool:
    try:
        return bool(before == after)
    except Exception:  # noqa: BLE001 - a foreign class may raise anything here (NumPy does), and is then not shown to be equal
        return False


_SAME: dict[type, Callable[[Any, Any], bool]] = {
    str: str.__eq__,
    int: int.__eq__,
    bool: bool.__eq__,
    bytes: bytes.__eq__,
    NoneType: lambda _before, _after: True,
    float: _same_float,
    complex: _same_complex,
    Decimal: _same_decimal,
    datetime: _same_datetime,
    time: _same_time,
}


def _parts(before: Any, after: Any, path: str) -> Iterator[Difference] | None:
    """The differences of what two values of one class consist of, or None for classes not known to have parts."""
    if isinstance(before, BaseModel):
        return _models(before, after, path)
    if dataclasses.is_dataclass(before):
        return _dataclasses(before, after, path)
    if isinstance(before, (Secret, SecretStr, SecretBytes)):
        return _secrets(before, after, path)
    if isinstance(before, Mapping):
        return _mappings(before, after, path)
    if isinstance(before, AbstractSet):
        return _sets(before, after, path)
    if isinstance(before, (list, tuple, deque)):
        return _sequences(before, after, path)
    return None


def _models(before: BaseModel, after: BaseModel, path: str) -> Iterator[Difference]:
    fields = type(before).model_fields
    shown = {name: fields[name].repr for name in fields}
    yield from _attributes(before.__dict__, after.__dict__, path, shown)
    extras, others = before.model_extra or {}, after.model_extra or {}
    yield from _attributes(extras, others, path, dict.fromkeys(extras | others, True))


def _dataclasses(before: Any, after: Any, path: str) -> Iterator[Difference]:
    shown = {field.name: field.repr for field in dataclasses.fields(before)}
    yield from _attributes(_values(before, shown), _values(after, shown), path, shown)


def _values(instance: object, names: Iterable[str]) -> dict[str, object]:
    return {name: getattr(instance, name, MISSING) for name in names}


def _attributes(
    before: Mapping[str, object],
    after: Mapping[str, object],
    path: str,
    shown: Mapping[str, bool],
) -> Iterator[Difference]:
    for name in shown:
        old, new = before.get(name, MISSING), after.get(name, MISSING)
        found = difference(old, new, f"{path}.{name}" if path else name)
        if found is not None:
            yield dataclasses.replace(found, shown=found.shown and shown[name])


def _secrets(before: Any, after: Any, path: str) -> Iterator[Difference]:
    if difference(before.get_secret_value(), after.get_secret_value()) is not None:
        yield Difference(path, before, after, shown=False)


def _mappings(
    before: Mapping[Any, Any], after: Mapping[Any, Any], path: str
) -> Iterator[Difference]:
    if _build(before) != _build(after) or not _same_elements(before, after):
        yield Difference(path, before, after)
        return
    for key, old in before.items():
        found = difference(old, after[key], f"{path}[{key!r}]")
        if found is not None:
            yield found


def _build(mapping: Mapping[Any, Any]) -> tuple[object, ...]:
    """What a mapping has besides its items: a default, or an order that its class makes something of."""
    order = list(mapping) if isinstance(mapping, OrderedDict) else None
    return getattr(mapping, "default_factory", None), order


def _sets(before: AbstractSet[Any], after: AbstractSet[Any], path: str) -> Iterator[Difference]:
    if not _same_elements(before, after):
        yield Difference(path, before, after)


def _same_elements(before: Collection[Any], after: Collection[Any]) -> bool:
    """Whether two collections of distinct elements have the same ones, in whatever order."""
    others = {element: element for element in after}
    return len(before) == len(others) and all(
        difference(element, others.get(element, MISSING)) is None for element in before
    )


def _sequences(before: Sequence[Any], after: Sequence[Any], path: str) -> Iterator[Difference]:
    if len(before) != len(after) or _bound(before) != _bound(after):
        yield Difference(path, before, after)
        return
    for index, (old, new) in enumerate(zip(before, after, strict=True)):
        found = difference(old, new, f"{path}[{index}]")
        if found is not None:
            yield found


def _bound(sequence: Sequence[Any]) -> int | None:
    return sequence.maxlen if isinstance(sequence, deque) else None
