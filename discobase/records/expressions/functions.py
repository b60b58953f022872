"""The operators as functions, for type checkers: they take ``User.age`` for an int, which has no
method ``in_``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Any, TypeVar, cast

from discobase.errors import WrongExpression
from discobase.records.expressions.nodes import Expression, Ordering, condition_of
from discobase.records.expressions.reference import FieldReference

T = TypeVar("T")


def not_(expression: Expression | bool) -> Expression:
    """Ask the opposite, as ``~`` does: of which type checkers believe that it gives an int.

    Raises:
        WrongExpression: it is no expression.
    """
    return ~condition_of(expression)


def in_(field: T, values: Iterable[T]) -> Expression:
    """Ask whether a field equals one of these values.

    Raises:
        WrongOperand: the field's type does not take one of them.
    """
    return _field(field).in_(values)


def not_in(field: T, values: Iterable[T]) -> Expression:
    """Ask whether a field equals none of these values.

    Raises:
        WrongOperand: the field's type does not take one of them.
    """
    return _field(field).not_in(values)


def between(field: T | None, low: T, high: T) -> Expression:
    """Ask whether a field is at least `low` and at most `high`.

    Raises:
        WrongExpression: its values have no order.
        WrongOperand: the field's type does not take one of them.
    """
    return _field(field).between(low, high)


def is_none(field: object) -> Expression:
    """Ask whether a field is None. What is not there is not None."""
    return _field(field).is_none()


def is_not_none(field: object) -> Expression:
    """Ask whether a field is there, and not None."""
    return _field(field).is_not_none()


def contains(field: Collection[Any] | None, part: object) -> Expression:
    """Ask whether a text has this part, or a collection this element; a mapping, this key.

    Raises:
        WrongExpression: the field is neither text nor a collection.
        WrongOperand: the type of the elements does not take it.
    """
    return _field(field).contains(part)


def startswith(field: str | None, part: str) -> Expression:
    """Ask whether a text starts with this part.

    Raises:
        WrongExpression: the field is no text.
        WrongOperand: the part is none.
    """
    return _field(field).startswith(part)


def endswith(field: str | None, part: str) -> Expression:
    """Ask whether a text ends with this part.

    Raises:
        WrongExpression: the field is no text.
        WrongOperand: the part is none.
    """
    return _field(field).endswith(part)


def icontains(field: str | None, part: str) -> Expression:
    """Ask whether a text has this part, if upper and lower case are the same.

    Raises:
        WrongExpression: the field is no text.
        WrongOperand: the part is none.
    """
    return _field(field).icontains(part)


def iequals(field: str | None, text: str) -> Expression:
    """Ask whether a field is this text, if upper and lower case are the same.

    Raises:
        WrongExpression: the field is no text.
        WrongOperand: the text is none.
    """
    return _field(field).iequals(text)


def matches(field: str | None, pattern: str | re.Pattern[str]) -> Expression:
    """Ask whether a regular expression is found in a text, as :func:`re.search` does.

    Its time has no bound: Python's regular expressions may take very long for some patterns, such
    as ``(a+)+$``, and nothing else of the process runs meanwhile. Never take a pattern from
    strangers.

    Raises:
        WrongExpression: the field is no text.
        WrongOperand: the pattern is none.
    """
    return _field(field).matches(pattern)


def asc(field: object, *, none_first: bool = False) -> Ordering:
    """Sort by a field, the least first.

    Args:
        field: the field.
        none_first: whether records come first in which it is None, or is not there.

    Raises:
        WrongExpression: its values have no order.
    """
    return _field(field).asc(none_first=none_first)


def desc(field: object, *, none_first: bool = True) -> Ordering:
    """Sort by a field, the greatest first.

    Args:
        field: the field.
        none_first: whether records come first in which it is None, or is not there.

    Raises:
        WrongExpression: its values have no order.
    """
    return _field(field).desc(none_first=none_first)


def col(field: T | None) -> T:
    """Return a field as it is, and have type checkers forget that it may be None: they refuse
    ``User.nick > "m"`` otherwise, and ``User.parent.name``.

    Raises:
        WrongExpression: it is no field of a table.
    """
    return cast("T", _field(field))


def _field(given: object) -> FieldReference:
    if not isinstance(given, FieldReference):
        raise WrongExpression(
            f"a table's class attribute is expected, as in User.age, and not {given!r}."
        )
    return given
