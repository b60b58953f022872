"""What values of a field come to together: the least, the greatest, their sum, their mean."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

from discobase.errors import UsageError
from discobase.queries.answers import Answers
from discobase.queries.row_values import RowValues, is_field
from discobase.queries.values import FieldValues
from discobase.records.expressions.meaning import Operator
from discobase.records.expressions.nodes import Comparison, Ordering
from discobase.records.expressions.path import FieldPath
from discobase.records.expressions.reference import require_order

if TYPE_CHECKING:
    from discobase.binding import Binding
    from discobase.queries.plan import Plan

_JOINED = (str, bytes, Sequence)
"""Types whose ``+`` makes a longer one of two, which is no sum."""


def extreme(binding: Binding[Any], plan: Plan, path: FieldPath, *, greatest: bool) -> Any:
    """Return the least value of a field, or the greatest; None where there is none.

    Args:
        binding: the table.
        plan: the records.
        path: the field.
        greatest: which of them.

    Raises:
        UsageError: the values cannot be compared.
    """
    require_order(path)
    values = FieldValues(binding, [path])
    if plan.is_sliced or path.steps:
        return (greatest_of if greatest else least_of)(value for (value,) in values.read(plan))
    there = Comparison(path, Operator.IS_NOT_NONE)
    order = Ordering(path, descending=False, none_first=False)
    first = replace(plan, conditions=(*plan.conditions, there), orderings=(order,), limit=1)
    # From behind, with the primary keys: an index has that order. It has none where values descend
    # and the primary keys of equal ones do not.
    found = [*values.of(Answers(binding, first).found(reverse=greatest))]
    return found[0][0] if found else None


def least_of(values: Iterable[Any]) -> Any:
    """Return the least of some values, without None; None where there is none."""
    return _compared(min, values)


def greatest_of(values: Iterable[Any]) -> Any:
    """Return the greatest of some values, without None; None where there is none."""
    return _compared(max, values)


def total(binding: Binding[Any], plan: Plan, path: FieldPath) -> Any:
    """Return the sum of a field's values; 0 where there is none.

    Raises:
        UsageError: they cannot be added.
    """
    found = _added_in_sql(binding, plan, path)
    return sum_of(_values(binding, plan, path)) if found is None else found[0]


def mean(binding: Binding[Any], plan: Plan, path: FieldPath) -> Any:
    """Return the mean of a field's values; None where there is none.

    Raises:
        UsageError: they cannot be added, or divided.
    """
    found = _added_in_sql(binding, plan, path)
    if found is None:
        return mean_of(_values(binding, plan, path))
    added, number = found
    return added / number if number else None


def is_added_in_sql(binding: Binding[Any], path: FieldPath) -> bool:
    """Return whether SQL may add a field's values: only integers, and as they are stored. The sum
    of floats depends on how it is rounded on the way, that of decimals on their context.
    """
    if not is_field(binding.codec, path) or not path.name.isidentifier():
        return False
    field = binding.codec.model.model_fields[path.name]
    is_plain = path.name.isascii() and RowValues(binding).is_carried(path.name)
    return is_plain and field.annotation is int


def _added_in_sql(binding: Binding[Any], plan: Plan, path: FieldPath) -> tuple[int, int] | None:
    if not is_added_in_sql(binding, path):
        return None
    return Answers(binding, plan.unordered).total(path.name)


def _values(binding: Binding[Any], plan: Plan, path: FieldPath) -> Iterator[Any]:
    return (value for (value,) in FieldValues(binding, [path]).read(plan.unordered))


def sum_of(values: Iterable[Any]) -> Any:
    """Return the sum of some values, without None; 0 where there is none. That of floats is
    rounded once.

    Raises:
        UsageError: they cannot be added.
    """
    there = [value for value in values if value is not None]
    _refuse_joined("sum", there)
    try:
        if there and all(isinstance(value, float) for value in there):
            return _float_sum(there)
        return reduce(add, there) if there else 0
    except TypeError as error:
        raise UsageError(f"there is no sum of these values: {error}") from error


def mean_of(values: Iterable[Any]) -> Any:
    """Return the mean of some values, without None; None where there is none.

    Raises:
        UsageError: they cannot be added, or divided.
    """
    there = [value for value in values if value is not None]
    if not there:
        return None
    _refuse_joined("mean", there)
    try:
        return sum_of(there) / len(there)
    except TypeError as error:
        raise UsageError(f"there is no mean of these values: {error}") from error


def _refuse_joined(what: str, values: Iterable[Any]) -> None:
    for kind in map(type, values):
        if issubclass(kind, _JOINED):
            raise UsageError(
                f"there is no {what} of these values: + joins those of type {kind.__name__!r}, and "
                f"adds nothing up"
            )


def _compared(choose: Callable[..., Any], values: Iterable[Any]) -> Any:
    try:
        return choose((value for value in values if value is not None), default=None)
    except TypeError as error:
        raise UsageError(f"these values cannot be compared: {error}") from error


def _float_sum(values: list[float]) -> float:
    try:
        return math.fsum(values)
    except (OverflowError, ValueError):  # infinities of both signs, or a sum beyond all floats
        return sum(values)
