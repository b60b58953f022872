"""A field of a table as its class gives it, ``User.age``: what operators are applied to."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import Any, Never

from pydantic import BaseModel

from discobase.errors import UnknownAttribute, WrongExpression, WrongOperand
from discobase.records.expressions.meaning import Operator
from discobase.records.expressions.nodes import (
    Calculable,
    Combinable,
    Comparison,
    Computed,
    Expression,
    Ordering,
    WrittenOut,
    no_text,
)
from discobase.records.expressions.path import PLACE, FieldPath, StepKind
from discobase.records.expressions.place_type import PlaceType, complete, of_field


class FieldReference(Combinable, Calculable):
    """A field of a table, or what stands in it: compare it to make an expression.

    ``User.address.city`` is a field of a model in a field, ``User.tags[0]`` an element,
    ``User.prices["EUR"]`` the value of a key. A model's field that has the name of an operator
    below is reached by ``User.address["contains"]``.

    Operands of ``==``, ``!=``, ``in_``, ``not_in`` and of ``contains`` for elements are taken
    through the field's own type, with its validators; those of ``<``, ``<=``, ``>``, ``>=`` and
    ``between`` through the type without its constraints and validators; text operators take text.

    Each raises :exc:`~discobase.errors.WrongOperand` for a value that the type does not take, and
    :exc:`~discobase.errors.WrongExpression` where the type does not have the operator. None reads
    anything, or costs an API call.
    """

    def __init__(self, path: FieldPath, type_: PlaceType) -> None:
        self._path = path
        self._type = type_

    # Order and equality

    def __eq__(self, other: object) -> Expression:  # type: ignore[override]
        return self._compare(Operator.EQ, self._exact(other))

    def __ne__(self, other: object) -> Expression:  # type: ignore[override]
        return self._compare(Operator.NE, self._exact(other))

    def __lt__(self, other: object) -> Expression:
        return self._compare(Operator.LT, self._bound(other, up=True))

    def __le__(self, other: object) -> Expression:
        return self._compare(Operator.LE, self._bound(other, up=False))

    def __gt__(self, other: object) -> Expression:
        return self._compare(Operator.GT, self._bound(other, up=False))

    def __ge__(self, other: object) -> Expression:
        return self._compare(Operator.GE, self._bound(other, up=True))

    __hash__ = object.__hash__

    def between(self, low: object, high: object) -> Expression:
        """Ask whether it is at least `low` and at most `high`."""
        bounds = self._bound(low, up=True), self._bound(high, up=False)
        return self._compare(Operator.BETWEEN, bounds)

    # One of several, or none

    def in_(self, values: Iterable[Any]) -> Expression:
        """Ask whether it equals one of these values."""
        return self._compare(Operator.IN, self._several(values))

    def not_in(self, values: Iterable[Any]) -> Expression:
        """Ask whether it equals none of these values."""
        return self._compare(Operator.NOT_IN, self._several(values))

    def is_none(self) -> Expression:
        """Ask whether it is None. What is not there is not None."""
        return self._compare(Operator.IS_NONE)

    def is_not_none(self) -> Expression:
        """Ask whether it is there, and not None."""
        return self._compare(Operator.IS_NOT_NONE)

    # Text and collections

    def contains(self, part: object) -> Expression:
        """Ask whether a text has this part, or a collection this element; a mapping, this key."""
        if self._type.is_text and (isinstance(part, str) or not self._type.is_collection):
            return self._compare(Operator.CONTAINS, self._text(part))
        if not self._type.is_collection:
            raise WrongExpression(
                f"{self!r}.contains() asks a text for a part, or a collection for an element, and "
                f"the field is of type {self._type}."
            )
        wanted = self._type.element(self._path, require_value(self, part))
        return self._compare(Operator.CONTAINS, wanted)

    def startswith(self, part: str) -> Expression:
        """Ask whether the text starts with this part."""
        return self._compare(Operator.STARTSWITH, self._text(part))

    def endswith(self, part: str) -> Expression:
        """Ask whether the text ends with this part."""
        return self._compare(Operator.ENDSWITH, self._text(part))

    def icontains(self, part: str) -> Expression:
        """Ask whether the text has this part, if upper and lower case are the same
        (:meth:`str.casefold`).
        """
        return self._compare(Operator.ICONTAINS, self._text(part))

    def iequals(self, text: str) -> Expression:
        """Ask whether it is this text, if upper and lower case are the same."""
        return self._compare(Operator.IEQUALS, self._text(text))

    def matches(self, pattern: str | re.Pattern[str]) -> Expression:
        """Ask whether a regular expression is found in the text, as :func:`re.search` does.

        Its time has no bound: Python's regular expressions may take very long for some patterns,
        such as ``(a+)+$``, and nothing else of the process runs meanwhile. Never take a pattern
        from strangers.
        """
        self._text(pattern.pattern if isinstance(pattern, re.Pattern) else pattern)
        try:
            compiled = re.compile(pattern)
        except re.error as error:
            why = f"it is no regular expression: {error}"
            raise WrongOperand(repr(self), pattern, why) from error
        return self._compare(Operator.MATCHES, compiled)

    # Order of records

    def asc(self, *, none_first: bool = False) -> Ordering:
        """Sort by it, the least first."""
        self._type.require_order(self._path)
        return Ordering(self._path, descending=False, none_first=none_first)

    def desc(self, *, none_first: bool = True) -> Ordering:
        """Sort by it, the greatest first."""
        self._type.require_order(self._path)
        return Ordering(self._path, descending=True, none_first=none_first)

    # What stands in it

    def __getattr__(self, name: str) -> FieldReference:
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        inner = self._type.inner(StepKind.FIELD, name)
        if inner is None:
            raise UnknownAttribute(repr(self), name, self._type.field_names(), OPERATORS)
        return FieldReference(self._path.then(StepKind.FIELD, name), inner)

    def __getitem__(self, key: Any) -> FieldReference:
        if isinstance(key, str) and key in self._type.field_names():
            return self.__getattr__(key)
        if type(key) is int and (element := self._type.inner(StepKind.INDEX, key)):
            return FieldReference(self._path.then(StepKind.INDEX, key), element)
        if not isinstance(key, slice) and (value := self._type.inner(StepKind.KEY, key)):
            exact = self._type.key(self._path, key)
            return FieldReference(self._path.then(StepKind.KEY, exact), value)
        raise WrongExpression(
            f"{self!r}[{key!r}]: its type, {self._type}, has nothing there. Lists take an index, "
            f"dictionaries a key."
        )

    def __iter__(self) -> Never:
        raise WrongExpression(f"{self!r} is a field, and its elements are in each record.")

    def __contains__(self, element: object) -> Never:
        raise WrongExpression(f"use contains({self!r}, {element!r}) for `in`.")

    def __repr__(self) -> str:
        return repr(self._path)

    def __reduce__(self) -> tuple[object, ...]:
        return at, (self._path,)

    # Within

    def _condition(self) -> Expression:
        if not self._type.is_bool:
            raise WrongExpression(
                f"an expression is expected, and {self!r} is a field: compare it, as in "
                f"{self!r} == ..., or is_not_none({self!r})."
            )
        return Comparison(self._path, Operator.EQ, operand=True)

    def _in_arithmetic(self) -> FieldPath:
        return self._path

    def _compare(self, operator: Operator, operand: Any = None) -> Comparison:
        return Comparison(self._path, operator, operand)

    def _exact(self, value: object) -> Any:
        return self._type.exact(self._path, require_value(self, value))

    def _bound(self, value: object, *, up: bool) -> Any:
        return self._type.ordered(self._path, require_value(self, value), up=up)

    def _several(self, values: Iterable[Any]) -> tuple[Any, ...]:
        # A class may have the method, and only its objects be iterable.
        if isinstance(values, str | bytes) or not hasattr(type(values), "__iter__"):
            raise WrongOperand(repr(self), values, "a list of values is expected")
        return tuple(map(self._exact, values))

    def _text(self, text: object) -> str:
        if not self._type.is_text:
            raise WrongExpression(
                f"{self!r} is of type {self._type}, and this operator is one of text."
            )
        require_value(self, text)
        if not isinstance(text, str):
            raise WrongOperand(repr(self), text, "a text is expected")
        return str.__str__(text)


OPERATORS = frozenset(name for name in vars(FieldReference) if not name.startswith("_"))
"""The names of the operators that are methods: no field of a model is reached by them."""


class PlaceReference(FieldReference, property):
    """``pk`` or ``version`` of a table. It is a property as well, for those who look for one at the
    class: pydantic, which refuses to set it then, and tools that write documentation.

    Args:
        path: the place.
        type_: its type.
        held_by: the property of its records.
    """

    def __init__(self, path: FieldPath, type_: PlaceType, held_by: property) -> None:
        FieldReference.__init__(self, path, type_)
        property.__init__(self, held_by.fget)  # whose docstring it takes


class _References(dict[str, FieldReference]):
    """Those of one class, kept in it: to make what validates operands takes long."""

    def __reduce__(self) -> tuple[object, ...]:
        return _References, ()  # they are made again where the class goes to


def reference(model: type[BaseModel], name: str) -> FieldReference:
    """Return a field of a table, ``pk`` or ``version``, as its class gives it.

    Raises:
        TableError: the class names in its annotations what is not defined.
    """
    known: _References | None = vars(model).get(_KEPT)
    if known is None:
        known = _References()
        setattr(model, _KEPT, known)
    if name not in known:
        complete(model)
        path, type_ = FieldPath(model, name), of_field(model, name)
        held_by: Any = inspect.getattr_static(model, name, None) if name in PLACE else None
        known[name] = (
            PlaceReference(path, type_, held_by)
            if isinstance(held_by, property)
            else FieldReference(path, type_)
        )
    return known[name]


_KEPT = "_field_references"
"""The name under which a class keeps them."""


def at(path: FieldPath) -> FieldReference:
    """Return what a path stands for, as the class gives it."""
    found = reference(path.model, path.name)
    for step in path.steps:
        found = found[step.key]
    return found


def path_of(given: FieldReference) -> FieldPath:
    """Return the place that a class attribute stands for."""
    return given._path  # pyright: ignore[reportPrivateUsage] - hidden from users' fields


def require_order(path: FieldPath) -> None:
    """Refuse a place whose values have no order.

    Raises:
        WrongExpression: they have none.
    """
    at(path)._type.require_order(path)  # pyright: ignore[reportPrivateUsage] - as above


def types_at(given: FieldReference) -> tuple[Any, ...]:
    """Return the types of the values that stand there; without None."""
    return given._type.leaves  # pyright: ignore[reportPrivateUsage] - as above


OF_RECORDS = (FieldReference, Expression, Computed, WrittenOut)
"""What stands for something that each record has of its own, and is no value."""


def require_value(place: object, value: object) -> object:
    """Return a value that a place is compared with.

    Raises:
        WrongExpression: it is something that each record has of its own, such as another field.
    """
    if isinstance(value, WrittenOut):
        raise no_text(value)
    if isinstance(value, OF_RECORDS):
        raise WrongExpression(
            f"{place!r} is a field, which is compared with a value, and {value!r} is none: a query "
            f"cannot compare what a record has in two places. Go through the records instead, as "
            f"in [user for user in User.find() if user.age < user.limit]."
        )
    return value
