"""What a query is given, checked against its table: expressions, equality by keyword, orderings."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from discobase.errors import UnknownField, UsageError, WrongExpression
from discobase.records.expressions.meaning import Operator
from discobase.records.expressions.nodes import (
    Comparison,
    Expression,
    Ordering,
    condition_of,
    require_of,
)
from discobase.records.expressions.path import PLACE, FieldPath
from discobase.records.expressions.reference import FieldReference, path_of, reference
from discobase.records.sameness import MISSING
from discobase.shown import in_full, shortened


def conditions(model: type[BaseModel], given: Iterable[object]) -> tuple[Expression, ...]:
    """Return what a query is given as expressions.

    Args:
        model: the class of the table that is asked.
        given: expressions, and fields of booleans.

    Raises:
        WrongExpression: one is no expression, or of another table.
    """
    found = tuple([condition_of(each) for each in given])
    for condition in found:
        for path in condition.paths():
            require_of(model, path)
    return found


def equality(model: type[BaseModel], name: str, value: Any) -> Comparison:
    """Return what equality by keyword comes to.

    Args:
        model: the class of the table that is asked.
        name: a field, or ``pk``.
        value: the value, as the field's type has it.
    """
    return Comparison(FieldPath(model, name), Operator.EQ, value)


def orderings(model: type[BaseModel], table: str, given: Iterable[object]) -> tuple[Ordering, ...]:
    """Return what records are to be sorted by.

    Args:
        model: the class of the table that is asked.
        table: the table's name, for errors.
        given: names, ``-`` before those that descend; fields; orderings.

    Raises:
        UnknownField: the table has no field of a name.
        WrongExpression: something else is given, or values of a type that has no order.
    """
    return tuple(_ordering(model, table, each) for each in given)


def place_of(model: type[BaseModel], table: str, given: object) -> FieldPath:
    """Return the place that a name or a class attribute stands for.

    Raises:
        UnknownField: the table has no field of that name.
        WrongExpression: it is neither, or of another table.
    """
    return path_of(_reference(model, table, given))


def unknown_field(
    model: type[BaseModel], table: str, name: str, others: Iterable[str], value: object = MISSING
) -> UnknownField:
    """Return the error for a name that is no field: with the place within a field, where the name
    leads to one as other libraries write it.

    Args:
        model: the class of the table that is asked.
        table: the table's name.
        name: the name as it was given.
        others: what else could be given there, such as ``pk``.
        value: what the name is to equal, where that is said.
    """
    hint = _within(model, name) or ("" if value is MISSING else _compared(model, name, value))
    return UnknownField(table, name, {*model.model_fields, *others}, hint)


def _within(model: type[BaseModel], name: str) -> str:
    first, *steps = re.split(r"__|\.", name)
    place = _at(model, first, steps) if steps else None
    return "" if place is None else f"a place within a field is written {place!r}."


def _at(model: type[BaseModel], first: str, steps: Iterable[str]) -> FieldReference | None:
    if first not in model.model_fields and first not in PLACE:
        return None
    place = reference(model, first)
    try:
        for step in steps:
            place = place[step]
    except UsageError:
        return None
    return place


def _compared(model: type[BaseModel], name: str, value: object) -> str:
    """Return how a comparison is written whose operator others write behind the field's name."""
    first, *steps, lookup = name.split("__") if "__" in name else (name, "")
    write, place = _LOOKUPS.get(lookup), _at(model, first, steps)
    if write is None or place is None:
        return ""
    return f"write {place!r}{write.format(shortened(value), 'none' if value else 'not_none')}."


_LOOKUPS = {
    "exact": " == {0}",
    "ne": " != {0}",
    "gt": " > {0}",
    "gte": " >= {0}",
    "lt": " < {0}",
    "lte": " <= {0}",
    "in": ".in_({0})",
    "range": ".between(*{0})",
    "isnull": ".is_{1}()",
    "contains": ".contains({0})",
    "icontains": ".icontains({0})",
    "startswith": ".startswith({0})",
    "endswith": ".endswith({0})",
    "iexact": ".iequals({0})",
    "regex": ".matches({0})",
}
"""What stands behind the field in an expression, by what Django writes (its documentation, "Field
lookups") and, for ``ne``, MongoEngine."""


def _ordering(model: type[BaseModel], table: str, given: object) -> Ordering:
    if isinstance(given, Ordering):
        require_of(model, given.path)
        return given
    descends = isinstance(given, str) and given.startswith("-")
    field = _reference(model, table, given[1:] if isinstance(given, str) and descends else given)
    return field.desc() if descends else field.asc()


def _reference(model: type[BaseModel], table: str, given: object) -> FieldReference:
    if isinstance(given, FieldReference):
        require_of(model, path_of(given))
        return given
    if not isinstance(given, str):
        raise WrongExpression(
            f"a field is expected, as in {model.__name__}.name or its name as a text, and not "
            f"{in_full(given)}."
        )
    if given not in model.model_fields and given not in PLACE:
        raise unknown_field(model, table, given, PLACE)
    return reference(model, given)
