"""Values that a field takes without loss: held as another type, stored as the field's own.

``balance: float = 0`` holds an integer until it is stored. Two things have to hold: pydantic itself
makes the field's type of the value, or takes it as it is; and the value could be made again of what
is stored. ``docs/values.md`` says for users which values these are.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import partial
from typing import Any, cast
from uuid import UUID

from pydantic import BaseModel, PydanticUserError, TypeAdapter, ValidationError

from discobase.records.model import blank
from discobase.records.sameness import MISSING, Difference, difference, same_in

_NUMBERS = (int, float, Decimal, bool)
_MAPPINGS: tuple[type[object], ...] = (dict,)
_SEQUENCES: tuple[type[object], ...] = (list, tuple, deque)
_SETS: tuple[type[object], ...] = (set, frozenset)

_AS_IN_JSON = (str, int, float)
"""Types that JSON has. Where a field is ``Any``, all their subclasses come back as these, so there
it says nothing that a value came back as one."""

_BASES = (*_AS_IN_JSON, bytes, Decimal, datetime, date, time, timedelta, UUID)
"""Types that stand for their subclasses, where those have nothing of their own."""


class Conversion:
    """What it takes to make a record hold what was read from its stored form.

    Nothing is changed before :meth:`carry_out`. Lists, dictionaries, sets, models and dataclasses
    inside the record stay the objects that they are, for others may hold them too.

    Args:
        record: the record.
        back: the same record, as it came back.

    Attributes:
        lost: the first difference by which something would be lost; None if there is none.
    """

    def __init__(self, record: BaseModel, back: BaseModel) -> None:
        self.lost: Difference | None = None
        self._steps: list[Callable[[], object]] = []
        self._containers: dict[object, Callable[[Any, Any, Any], Any]] = {
            _MAPPINGS: self._mapping,
            _SEQUENCES: self._sequence,
            _SETS: self._set,
        }
        try:
            self._converted(record, back, record)
        except _Loss as loss:
            self.lost = loss.difference

    def carry_out(self) -> None:
        """Make the record hold what came back."""
        for step in self._steps:
            step()

    def _converted(self, before: Any, after: Any, taken: Any) -> Any:
        """Return what is to be held in the place of a value.

        Args:
            before: the value.
            after: what it came back as.
            taken: what pydantic makes of it in Python; MISSING where it refuses it.

        Raises:
            _Loss: something would be lost.
        """
        found = difference(before, after)
        if found is None:
            return before
        if convert := self._way(before, after):
            return convert(before, after)
        if _differ_in_parts(before, after, taken):
            return self._containers[_family(before)](before, after, taken)
        if taken is MISSING or not _is_all_there(before, after, taken):
            raise _Loss(found)
        return after

    def _way(self, before: Any, after: Any) -> Callable[[Any, Any], Any] | None:
        """Return how two values of one class with fields are compared; None for other values."""
        if type(before) is not type(after):
            return None
        if isinstance(before, BaseModel):
            return self._model
        return self._dataclass if dataclasses.is_dataclass(before) else None

    def _part(self, place: str, before: Any, after: Any, taken: Any, *, shown: bool = True) -> Any:
        try:
            return self._converted(before, after, taken)
        except _Loss as loss:
            raise _Loss(loss.difference.inside(place, shown=shown)) from None

    def _model(self, before: BaseModel, after: BaseModel) -> BaseModel:
        taken, fields = _taken_by_model(before), type(before).model_fields
        shown = {name: field.repr for name, field in fields.items()}
        held: dict[str, Any] = vars(before)
        self._values(shown, held, after.__dict__, taken)
        extras, others = before.__pydantic_extra__ or {}, after.__pydantic_extra__ or {}
        self._values(dict.fromkeys(extras | others, True), extras, others, taken)
        return before

    def _values(
        self,
        shown: dict[str, bool],
        held: dict[str, Any],
        back: Mapping[str, Any],
        taken: Mapping[str, Any],
    ) -> None:
        for name, is_shown in shown.items():
            old, *others = (each.get(name, MISSING) for each in (held, back, taken))
            new = self._part(name, old, *others, shown=is_shown)
            if new is not old:
                self._steps.append(partial(held.__setitem__, name, new))

    def _dataclass(self, before: Any, after: Any) -> Any:
        taken = _taken_by_dataclass(before)
        for field in dataclasses.fields(before):
            old, back, other = (
                getattr(each, field.name, MISSING) for each in (before, after, taken)
            )
            new = self._part(field.name, old, back, other, shown=field.repr)
            if new is not old:
                self._steps.append(partial(object.__setattr__, before, field.name, new))
        return before

    def _mapping(self, before: dict[Any, Any], after: dict[Any, Any], taken: Any) -> Any:
        keys = self._elements(before, after, taken)
        values = [
            self._part(f"[{key!r}]", *parts)
            for key, *parts in zip(
                before, before.values(), after.values(), taken.values(), strict=True
            )
        ]
        if _changed(before, keys) or _changed(before.values(), values):
            new = dict(zip(keys, values, strict=True))
            self._steps += [before.clear, partial(before.update, new)]
        return before

    def _set(self, before: Any, after: Any, taken: Any) -> Any:
        others, makings = ({element: element for element in each} for each in (after, taken))
        new = self._elements(
            before,
            [others.get(element, MISSING) for element in before],
            [makings.get(element, MISSING) for element in before],
        )
        if not hasattr(before, "clear") or type(before) is not type(after):
            return type(after)(new)
        if _changed(before, new):
            self._steps += [before.clear, partial(before.update, new)]
        return before

    def _elements(
        self, before: Iterable[Any], after: Iterable[Any], taken: Iterable[Any]
    ) -> list[Any]:
        """Convert keys or elements, which no path leads to."""
        return [self._converted(*parts) for parts in zip(before, after, taken, strict=True)]

    def _sequence(self, before: Any, after: Any, taken: Any) -> Any:
        new = [
            self._part(f"[{index}]", *parts)
            for index, parts in enumerate(zip(before, after, taken, strict=True))
        ]
        if type(before) is not type(after):
            return type(after)(new)
        if not _changed(before, new):
            return before
        if not hasattr(before, "clear"):
            return getattr(before, "_make", tuple)(new)
        self._steps += [before.clear, partial(before.extend, new)]
        return before


class _Loss(Exception):
    def __init__(self, difference: Difference) -> None:
        super().__init__()
        self.difference = difference


def _taken_by_model(model: BaseModel) -> Mapping[str, Any]:
    """Return the fields and extras that pydantic makes of a model's in Python; none where it
    refuses them.
    """
    kind = type(model)
    values = model.__dict__ | (model.__pydantic_extra__ or {})
    given: Any = values["root"] if kind.__pydantic_root_model__ else values
    try:
        taken: BaseModel = kind.__pydantic_validator__.validate_python(
            given, self_instance=blank(kind), by_alias=False, by_name=True
        )
    except ValidationError:
        return {}
    return taken.__dict__ | (taken.__pydantic_extra__ or {})


def _taken_by_dataclass(value: Any) -> object:
    values = {
        field.name: getattr(value, field.name)
        for field in dataclasses.fields(value)
        if field.init and hasattr(value, field.name)
    }
    kind = cast("type[object]", type(value))
    try:
        return TypeAdapter(kind).validate_python(values, by_alias=False, by_name=True)
    except (ValidationError, PydanticUserError):
        return MISSING


def _differ_in_parts(before: Any, after: Any, taken: Any) -> bool:
    """Return whether two containers differ by what they hold alone, or by a type that pydantic
    itself makes of the other.
    """
    family = _family(before)
    if not family or family != _family(after) or type(taken) is not type(after):
        return False
    if not len(before) == len(after) == len(taken):
        return False
    if type(before) is type(after):
        return _build(before) == _build(after)
    return _is_of(family, before) and _is_of(family, after) and _build(before) == (None, None)


def _family(value: object) -> tuple[type[object], ...]:
    families = (_MAPPINGS, _SEQUENCES, _SETS)
    return next((kinds for kinds in families if isinstance(value, kinds)), ())


def _is_of(kinds: tuple[type[object], ...], value: object) -> bool:
    """Return whether it is an object of one of these very types."""
    return type(value) in kinds


def _build(container: object) -> tuple[object, object]:
    return getattr(container, "maxlen", None), getattr(container, "default_factory", None)


def _changed(old: Iterable[object], new: Iterable[object]) -> bool:
    return any(before is not after for before, after in zip(old, new, strict=True))


def _is_all_there(before: Any, after: Any, taken: Any) -> bool:
    """Return whether a value without parts could be made again of what it came back as.

    Mostly pydantic makes the one of the other in Python, too. An object of a subclass, such as one
    of datetime's, it takes as it is; then its base is the field's type, unless JSON alone gave it.
    """
    is_made = difference(taken, after) is None or _is_same_number(taken, after)
    base = cast("type[object]", type(after))
    if isinstance(before, base) and base in _BASES:
        is_taken = is_made or (base not in _AS_IN_JSON and difference(taken, before) is None)
        return is_taken and _is_no_more_than(base, before, after)
    if not is_made:
        return False
    if isinstance(after, Enum):
        return difference(before, after.value) is None
    return _is_of(_NUMBERS, before) and _is_of(_NUMBERS, after) and _is_made_again(before, after)


def _is_same_number(one: Any, other: Any) -> bool:
    """Return whether two decimals are equal: that of a float has a digit behind the point which
    JSON's has not.
    """
    return type(one) is type(other) is Decimal and bool(one == other)


def _is_no_more_than(base: type[object], before: Any, after: Any) -> bool:
    """Return whether an object of a subclass has nothing that the other one has not."""
    if isinstance(before, Enum):
        return _is_made_again(before, after)
    return _attributes(before) == _attributes(after) and same_in(base, before, after)


def _attributes(value: object) -> object:
    """Return what an object has of its own, but for how a UUID was made, which is no part of what
    it is: of those from JSON, pydantic says another thing before 2.13.
    """
    state: Any = object.__getstate__(value)
    if isinstance(value, UUID):
        instance, slots = state
        return instance, {name: held for name, held in slots.items() if name != "is_safe"}
    return state


def _is_made_again(before: Any, after: Any) -> bool:
    try:
        return difference(before, type(before)(after)) is None
    except (ValueError, ArithmeticError):
        return False
