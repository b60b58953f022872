"""What a change by query writes into fields: values, and what is computed from each record anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from discobase.errors import UnknownField, UsageError, WrongExpression, WrongOperand
from discobase.records.expressions.nodes import (
    Combinable,
    Computed,
    WrittenOut,
    compute,
    no_text,
    require_of,
    value_in,
)
from discobase.records.expressions.path import PLACE, FieldPath
from discobase.records.expressions.reference import FieldReference, at, path_of, types_at

Validate = Callable[[str, object], Any]
"""Returns a value as a field has it, given its name."""


class Assignments:
    """Which fields are written, and with what. The same for equal ones.

    Args:
        model: the class of the table.
        table: the table's name, for errors.
        given: by field a value, or what is computed of each record: ``User.age + 1``, or another
            field as it is.
        validate: returns a value as a field has it.

    Raises:
        UsageError: there is none, or a primary key or a version is to be written.
        UnknownField: the table has no such field.
        WrongExpression: it is computed from another table, or is a comparison.
        WrongOperand: Python cannot compute it from values of those types.
        pydantic.ValidationError: the field does not allow the value.
    """

    def __init__(
        self, model: type[BaseModel], table: str, given: Mapping[str, object], validate: Validate
    ) -> None:
        if not given:
            raise UsageError("update() takes the fields to be written, as in city='Rome'.")
        self._validate = validate
        self._values: dict[str, Any] = {}
        self._computed: dict[str, Computed | FieldPath] = {}
        for name, value in given.items():
            if name in PLACE:
                raise UsageError(
                    f"update({name}=...): the database gives a record its primary key and its "
                    f"version, and no program writes them."
                )
            if name not in model.model_fields:
                raise UnknownField(table, name, model.model_fields)
            term = _term(model, value)
            if isinstance(term, Computed | FieldPath):
                self._computed[name] = term
            else:
                self._values[name] = validate(name, term)

    def of(self, record: object) -> dict[str, Any]:
        """Return the values that are written into a record.

        Raises:
            WrongOperand: one cannot be computed from what the record has.
            pydantic.ValidationError: the field does not allow what it comes to.
        """
        computed = {name: value_in(term, record) for name, term in self._computed.items()}
        return self._values | {
            name: self._validate(name, value) for name, value in computed.items()
        }

    def are_those_of(self, other: Assignments) -> bool:
        """Return whether others write the same."""
        return self._values == other._values and self._written() == other._written()

    def _written(self) -> dict[str, Any]:
        return {name: _written(term) for name, term in self._computed.items()}


def _term(model: type[BaseModel], value: object) -> Any:
    if isinstance(value, FieldReference):
        require_of(model, path_of(value))
        return path_of(value)
    if isinstance(value, Computed):
        for path in value.paths():
            require_of(model, path)
        _samples(value)
        return value
    if isinstance(value, WrittenOut):
        raise no_text(value)
    if isinstance(value, Combinable):
        raise WrongExpression(
            f"{value!r} is an expression, and no value: update() takes values, fields, and what is "
            f"computed of them, as in User.age + 1."
        )
    return value


def _samples(term: Any) -> list[Any]:
    """Return a value of each type that a term may have; none where that is not known.

    Raises:
        WrongOperand: Python cannot compute it from any values of the types that stand in it.
    """
    if isinstance(term, FieldPath):
        types = types_at(at(term))
        known = all(each in _SAMPLES for each in types)
        return [sample for each in types for sample in _SAMPLES[each]] if known else []
    if not isinstance(term, Computed):
        return [term]
    lefts, rights = _samples(term.left), _samples(term.right)
    found: list[Any] = []
    refused: TypeError | None = None
    for left in lefts:
        for right in rights:
            try:
                found.append(compute(term.operator, left, right))
            except TypeError as error:
                refused = error
            except ArithmeticError:  # of the sample, or of a value that is 0
                return []
    if refused is not None and not found:
        operand = next((part for part in (term.right, term.left) if not _is_place(part)), term)
        raise WrongOperand(repr(term), operand, str(refused))
    return found


def _is_place(part: Any) -> bool:
    return isinstance(part, FieldPath | Computed)


_SAMPLES: dict[Any, tuple[Any, ...]] = {
    bool: (True,),
    int: (1,),
    float: (1.0,),
    Decimal: (Decimal(1),),
    str: ("",),
    bytes: (b"",),
    timedelta: (timedelta(1),),
    date: (date(2000, 1, 2),),
    datetime: (datetime(2000, 1, 2), datetime(2000, 1, 2, tzinfo=UTC)),  # noqa: DTZ001 - as some are
    time: (time(1),),
}
"""Values of types, by which it is found out what can be computed from them. Texts are empty, since
they may be multiplied."""


def _written(term: Any) -> Any:
    """Return a term as plain data, which compares as it is written."""
    if isinstance(term, Computed):
        return (_written(term.left), term.operator, _written(term.right))
    return term
