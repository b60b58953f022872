"""Whether a value that came back is the value that went in: of the same types, and equal.

Python's ``==`` is too kind for that (``1 == True == 1.0``, one moment in two time zones), and
sometimes too harsh (NaN).
"""

from __future__ import annotations

import dataclasses
import math
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal
from enum import Enum
from functools import singledispatch
from types import NoneType
from typing import Any, cast

from pydantic import BaseModel, Secret, SecretBytes, SecretStr
from pydantic.fields import FieldInfo

from discobase.shown import shortened


class Missing(Enum):
    """The type of :data:`MISSING`."""

    MISSING = "nothing"


MISSING = Missing.MISSING
"""Stands in a :class:`Difference` for a value that is not there."""


_MODEL = type(BaseModel)
"""The class of all classes of models. To ask it of a class takes no call into pydantic."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The first place where two values differ.

    Args:
        before: what went in.
        after: what came back.
        path: the way to it from the top, as in ``address.lines[0]``.
        shown: False where the value is a secret, or a model keeps it out of its repr.
    """

    before: object
    after: object
    path: str = ""
    shown: bool = True

    def inside(self, outer: str, *, shown: bool = True) -> Difference:
        """Return the same difference, seen from the value that has it in its part `outer`."""
        if not shown:  # a path quotes the keys of dictionaries
            return Difference(self.before, self.after, outer, shown=False)
        dot = "." if self.path and not self.path.startswith("[") else ""
        return Difference(self.before, self.after, f"{outer}{dot}{self.path}", self.shown)


def difference(before: object, after: object) -> Difference | None:
    """Return the first difference of two values, or None if they are the same in type and value.

    The same are: NaN and NaN; aware datetimes of one wall time and one offset (whatever object the
    time zone is, and whatever ``fold``); models with the same fields and extras (private attributes
    and which fields were given are not looked at). Different are: 1, 1.0 and True; 0.0 and -0.0;
    ``Decimal("1.0")`` and ``Decimal("1.00")``; a class and its subclass.
    """
    kind = type(before)
    if kind is not type(after):
        return Difference(before, after)
    if same := _ATOMS.get(kind):
        return None if same(before, after) else Difference(before, after)
    if isinstance(kind, _MODEL):  # each record that is written passes here: a short way for it
        return _compare_models(before, after)
    return _compare(before, after)


def _same_float(before: float, after: float) -> bool:
    if math.isnan(before):
        return math.isnan(after)
    return before == after and math.copysign(1, before) == math.copysign(1, after)


def _same_complex(before: complex, after: complex) -> bool:
    return _same_float(before.real, after.real) and _same_float(before.imag, after.imag)


def _same_decimal(before: Decimal, after: Decimal) -> bool:
    return before.as_tuple() == after.as_tuple()


def _same_clock(before: Any, after: Any) -> bool:
    zones = (before.tzinfo is None) == (after.tzinfo is None)
    offsets = before.utcoffset() == after.utcoffset()
    return zones and offsets and before.replace(tzinfo=None) == after.replace(tzinfo=None)


def _same_none(_before: None, _after: None) -> bool:
    return True


_ATOMS: dict[type[object], Callable[[Any, Any], bool]] = {
    str: str.__eq__,
    int: int.__eq__,
    bool: bool.__eq__,
    bytes: bytes.__eq__,
    NoneType: _same_none,
    float: _same_float,
    complex: _same_complex,
    Decimal: _same_decimal,
    datetime: _same_clock,
    time: _same_clock,
}


def same_in(base: type[object], before: object, after: object) -> bool:
    """Return whether an object of a subclass is the same as one of its base, in what the base has,
    and finds itself equal to it.
    """
    same = _ATOMS.get(base, _equal)
    return same(before, after) and _equal(before, after)


@singledispatch
def _compare(before: Any, after: Any) -> Difference | None:
    """Return the first difference of two values of one class; here, of one with no parts known."""
    if dataclasses.is_dataclass(before):
        return _compare_dataclasses(before, after)
    return None if _equal(before, after) else Difference(before, after)


def _equal(before: object, after: object) -> bool:
    try:
        return bool(before == after)
    except Exception:  # noqa: BLE001 - a foreign class may raise anything (as NumPy's do)
        return False


def _compare_dataclasses(before: Any, after: Any) -> Difference | None:
    for field in dataclasses.fields(before):
        old, new = getattr(before, field.name, MISSING), getattr(after, field.name, MISSING)
        found = difference(old, new)
        if found is not None:
            return found.inside(field.name, shown=field.repr)
    return None


def _compare_models(before: Any, after: Any) -> Difference | None:
    fields: dict[str, FieldInfo] = before.__pydantic_fields__
    old, new = before.__dict__, after.__dict__
    for name, field in fields.items():
        found = difference(old.get(name, MISSING), new.get(name, MISSING))
        if found is not None:
            return found.inside(name, shown=field.repr)
    extras: dict[str, Any] = before.__pydantic_extra__ or {}
    others: dict[str, Any] = after.__pydantic_extra__ or {}
    for name in extras | others:
        found = difference(extras.get(name, MISSING), others.get(name, MISSING))
        if found is not None:
            return found.inside(name)
    return None


@_compare.register(Secret)
@_compare.register(SecretStr)
@_compare.register(SecretBytes)
def _(before: Any, after: Any) -> Difference | None:
    found = difference(before.get_secret_value(), after.get_secret_value())
    return None if found is None else Difference(before, after, shown=False)


@_compare.register(Mapping)
def _(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> Difference | None:
    if _build(before) != _build(after) or not _same_elements(before, after):
        return Difference(before, after)
    for key, old in before.items():
        found = difference(old, after[key])
        if found is not None:
            return found.inside(f"[{shortened(key)}]")
    return None


def _build(mapping: Mapping[Any, Any]) -> tuple[object, ...]:
    """Return what a mapping has besides its items: a default, or an order that counts."""
    order = list(cast("Mapping[Any, Any]", mapping)) if isinstance(mapping, OrderedDict) else None
    return getattr(mapping, "default_factory", None), order


@_compare.register(AbstractSet)
def _(before: AbstractSet[Any], after: AbstractSet[Any]) -> Difference | None:
    return None if _same_elements(before, after) else Difference(before, after)


def _same_elements(before: Collection[Any], after: Collection[Any]) -> bool:
    """Return whether two collections of distinct elements have the same, in whatever order."""
    others = {element: element for element in after}
    return len(before) == len(others) and all(
        difference(element, others.get(element, MISSING)) is None for element in before
    )


@_compare.register(list)
@_compare.register(tuple)
@_compare.register(deque)
def _(before: Sequence[Any], after: Sequence[Any]) -> Difference | None:
    bounds = (getattr(before, "maxlen", None), getattr(after, "maxlen", None))
    if len(before) != len(after) or bounds[0] != bounds[1]:
        return Difference(before, after)
    for index, (old, new) in enumerate(zip(before, after, strict=True)):
        found = difference(old, new)
        if found is not None:
            return found.inside(f"[{index}]")
    return None
