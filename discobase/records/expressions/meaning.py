"""What each operator says of a value, in Python: the meaning of all queries.

None and a value that is not there (:data:`~discobase.records.sameness.MISSING`: a key or an element
that does not exist, or a field of a model that is None) fit only what is said of them:

===================================  ==============  ==========
operator                             value is None   is missing
===================================  ==============  ==========
``==``, ``in_``                      as Python says  no
``!=``, ``not_in``                   as Python says  yes
``<``, ``<=``, ``>``, ``>=``         no              no
``between``                          no              no
``is_none``                          yes             no
``is_not_none``                      no              no
``contains`` and the text operators  no              no
===================================  ==============  ==========

NaN is as everywhere in Python: it equals nothing, itself included, and is neither below nor above
anything. Values without an order between them, such as a naive and an aware datetime, are neither
below nor above each other. Aware datetimes are compared as the moments that they are, also in the
hour that a clock shows twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, TypeAlias
from uuid import UUID

from discobase.records.equality import as_moment, equal_as_stored
from discobase.records.sameness import MISSING

_PLAIN = frozenset(
    {bool, bytes, date, datetime, Decimal, float, int, str, time, timedelta, type(None), UUID}
)
"""Types whose values Python alone compares: nothing private is in them."""

Test: TypeAlias = Callable[[Any], bool]
"""What says of a value whether it fits."""


class Operator(Enum):
    """What a comparison asks. The value is how it is written."""

    EQ = "=="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    IN = "in_"
    NOT_IN = "not_in"
    BETWEEN = "between"
    IS_NONE = "is_none"
    IS_NOT_NONE = "is_not_none"
    CONTAINS = "contains"
    STARTSWITH = "startswith"
    ENDSWITH = "endswith"
    ICONTAINS = "icontains"
    IEQUALS = "iequals"
    MATCHES = "matches"


def fit(operator: Operator, operand: Any) -> Test:
    """Return what says of a value whether it fits.

    Args:
        operator: what is asked.
        operand: with what: a value; a tuple of them for ``IN`` and ``NOT_IN``; a pair for
            ``BETWEEN``; a compiled pattern for ``MATCHES``; None where there is none.
    """
    return _TESTS[operator](operand)


def _equals(operand: Any) -> Test:
    if type(operand) is datetime:
        moment = as_moment(operand)
        return lambda value: bool(as_moment(value) == moment)
    if type(operand) in _PLAIN:
        return lambda value: bool(value == operand)
    return lambda value: value is not MISSING and equal_as_stored(value, operand)


def _is_in(operands: tuple[Any, ...]) -> Test:
    if any(type(operand) not in _PLAIN for operand in operands):
        return lambda value: value is not MISSING and _is_among(value, operands)
    # A set takes an object for equal to itself, NaN included.
    among = frozenset(as_moment(each) for each in operands if each == each)  # noqa: PLR0124

    def holds(value: Any) -> bool:
        try:
            return as_moment(value) in among
        except TypeError:  # it has no hash, and is nothing plain
            return False

    return holds


def _is_among(value: Any, others: Collection[Any]) -> bool:
    # Not Python's `in`, which takes an object for equal to itself, NaN included.
    return any(equal_as_stored(value, other) for other in others)


def _opposite(test: Callable[[Any], Test]) -> Callable[[Any], Test]:
    def make(operand: Any) -> Test:
        holds = test(operand)
        return lambda value: not holds(value)

    return make


def _ordered(compare: Callable[[Any, Any], Any]) -> Callable[[Any], Test]:
    def make(operand: Any) -> Test:
        bound = as_moment(operand)

        def holds(value: Any) -> bool:
            if value is None or value is MISSING:
                return False
            try:
                return bool(compare(as_moment(value), bound))
            except (TypeError, ArithmeticError):  # of decimals, comparing with a signalling NaN
                return False

        return holds

    return make


def _between(operands: tuple[Any, Any]) -> Test:
    low, high = operands
    from_low, to_high = (
        _ordered(lambda value, bound: value >= bound)(low),
        _ordered(lambda value, bound: value <= bound)(high),
    )
    return lambda value: from_low(value) and to_high(value)


def _is_none(_: object) -> Test:
    return lambda value: value is None


def _is_not_none(_: object) -> Test:
    return lambda value: value is not None and value is not MISSING


def _contains(operand: Any) -> Test:
    def holds(value: Any) -> bool:
        if isinstance(value, str):
            return isinstance(operand, str) and operand in value
        return _is_collection(value) and _is_among(operand, value)

    return holds


def _is_collection(value: object) -> bool:
    return isinstance(value, Collection) and not isinstance(value, bytes)


def _text(test: Callable[[str, Any], Any]) -> Callable[[Any], Test]:
    def make(operand: Any) -> Test:
        return lambda value: isinstance(value, str) and bool(test(value, operand))

    return make


def _folded(test: Callable[[str, str], bool]) -> Callable[[str], Test]:
    def make(operand: str) -> Test:
        folded = operand.casefold()
        return lambda value: isinstance(value, str) and test(value.casefold(), folded)

    return make


def _matches(text: str, pattern: re.Pattern[str]) -> bool:
    return pattern.search(text) is not None


_TESTS: dict[Operator, Callable[[Any], Test]] = {
    Operator.EQ: _equals,
    Operator.NE: _opposite(_equals),
    Operator.LT: _ordered(lambda value, bound: value < bound),
    Operator.LE: _ordered(lambda value, bound: value <= bound),
    Operator.GT: _ordered(lambda value, bound: value > bound),
    Operator.GE: _ordered(lambda value, bound: value >= bound),
    Operator.IN: _is_in,
    Operator.NOT_IN: _opposite(_is_in),
    Operator.BETWEEN: _between,
    Operator.IS_NONE: _is_none,
    Operator.IS_NOT_NONE: _is_not_none,
    Operator.CONTAINS: _contains,
    Operator.STARTSWITH: _text(str.startswith),
    Operator.ENDSWITH: _text(str.endswith),
    Operator.ICONTAINS: _folded(lambda text, part: part in text),
    Operator.IEQUALS: _folded(lambda text, other: text == other),
    Operator.MATCHES: _text(_matches),
}
