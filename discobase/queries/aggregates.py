"""What values of a field come to together: the least, the greatest, their sum, their mean."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

from discobase.errors import UsageError
from discobase.queries.answers import Answers
from discobase.queries.values import FieldValues
from discobase.records.expressions.meaning import Operator
from discobase.records.expressions.nodes import Comparison, Ordering
from discobase.records.expressions.path import FieldPath

if TYPE_CHECKING:
    from discobase.binding import Binding
    from discobase.queries.plan import Plan


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
    values = FieldValues(binding, [path])
    if plan.is_sliced or path.steps:
        return (greatest_of if greatest else least_of)(value for (value,) in values.read(plan))
    there = Comparison(path, Operator.IS_NOT_NONE)
    order = Ordering(path, descending=greatest, none_first=False)
    first = replace(plan, conditions=(*plan.conditions, there), orderings=(order,), limit=1)
    found = [*values.of(Answers(binding, first).found())]
    return found[0][0] if found else None


def least_of(values: Iterable[Any]) -> Any:
    """Return the least of some values, without None; None where there is none."""
    return _compared(min, values)


def greatest_of(values: Iterable[Any]) -> Any:
    """Return the greatest of some values, without None; None where there is none."""
    return _compared(max, values)


def sum_of(values: Iterable[Any]) -> Any:
    """Return the sum of some values, without None; 0 where there is none. That of floats is
    rounded once.

    Raises:
        UsageError: they cannot be added.
    """
    there = [value for value in values if value is not None]
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
    try:
        return sum_of(there) / len(there)
    except TypeError as error:
        raise UsageError(f"there is no mean of these values: {error}") from error


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
