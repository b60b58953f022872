"""The parts of an expression: comparisons, how they are combined, orderings and computed values."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Never

from discobase.errors import WrongExpression, WrongOperand
from discobase.records.expressions.meaning import Operator, Test, fit
from discobase.records.expressions.path import FieldPath, ValueOf, values_of
from discobase.records.sameness import MISSING
from discobase.shown import in_full

_DEEPEST = 200
"""How deep expressions may stand in each other: a guess. Asked of a record, each takes two calls of
the 1,000 that Python allows."""

_INFIX = frozenset(
    {Operator.EQ, Operator.NE, Operator.LT, Operator.LE, Operator.GT, Operator.GE},
)


class Combinable:
    """What ``&``, ``|`` and ``~`` combine: an expression, or a field of booleans."""

    __slots__ = ()

    @abstractmethod
    def _condition(self) -> Expression:
        """Return what it says of a record.

        Raises:
            WrongExpression: nothing.
        """

    def __and__(self, other: object) -> Expression:
        return _joined(All, self, other)

    def __rand__(self, other: object) -> Expression:
        return _joined(All, other, self)

    def __or__(self, other: object) -> Expression:
        return _joined(AnyOf, self, other)

    def __ror__(self, other: object) -> Expression:
        return _joined(AnyOf, other, self)

    def __invert__(self) -> Expression:
        return Not(self._condition())

    def __bool__(self) -> Never:
        raise WrongExpression(
            f"{self!r} is neither true nor false before it is asked of a record. Combine "
            f"expressions with &, | and ~, each in parentheses of its own: (User.age > 30) & "
            f"(User.city == 'Rome'), in the place of `and`, `or` and `not`; write "
            f"between(User.age, 30, 40) for `30 <= User.age <= 40`, in_(User.city, [...]) for "
            f"`in`, and contains(User.tags, ...) for `in` the other way around."
        )


def condition_of(given: object) -> Expression:
    """Return what is given as an expression.

    Raises:
        WrongExpression: it is none.
    """
    if isinstance(given, Combinable):
        return given._condition()  # pyright: ignore[reportPrivateUsage] - hidden from users' fields
    if isinstance(given, bool):
        raise WrongExpression(
            f"an expression is expected, and not {given}: compare a table's class attribute, as in "
            f"User.age == 30, and not an object's; a property is in no query; write "
            f"is_none(User.nick) for `User.nick is "
            f"None`, and in_(User.city, [...]) for `in`."
        )
    raise WrongExpression(
        f"an expression is expected, such as User.age > 30, and not {in_full(given)}, which is "
        f"{_article(type(given).__name__)}."
    )


class Expression(Combinable):
    """What a query asks of a record: made of a table's class attributes, as in ``User.age > 30``,
    combined by ``&``, ``|`` and ``~``. It never changes.
    """

    __slots__ = ()

    depth: int = 0
    """How deep others stand in it."""

    def holds(self, record: object) -> bool:
        """Return whether it is true of a record. This is its meaning, whatever way a query takes.
        No API call.

        Raises:
            WrongExpression: it is of another table's records.
        """
        for path in self.paths():
            require_of(type(record), path)
        return self.holds_of(values_of(record))

    @abstractmethod
    def holds_of(self, value_of: ValueOf) -> bool:
        """Return whether it is true of a record, given what gives its values by name."""

    @abstractmethod
    def paths(self) -> Iterator[FieldPath]:
        """Yield all places that it looks at."""

    def _condition(self) -> Expression:
        return self


def require_of(asked: type[object], path: FieldPath) -> None:
    """Refuse a place in records of another table.

    Raises:
        WrongExpression: it is one.
    """
    if not issubclass(asked, path.model):
        again = " of before" if path.model.__name__ == asked.__name__ else ""
        raise WrongExpression(
            f"{path!r} is of the class {path.model.__name__}{again}, and {asked.__name__} is asked:"
            f" use {asked.__name__}'s own attributes."
        )


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Expression):
    """One question about one place.

    Attributes:
        path: the place.
        operator: what is asked.
        operand: with what, converted to what the field's type makes of it; see
            :func:`~discobase.records.expressions.meaning.fit`.
    """

    path: FieldPath
    operator: Operator
    operand: Any = None
    _fits: Test = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_fits", fit(self.operator, self.operand))

    def __reduce__(self) -> tuple[object, ...]:
        return Comparison, (self.path, self.operator, self.operand)

    def holds_of(self, value_of: ValueOf) -> bool:
        """Return whether it is true of a record, given what gives its values by name."""
        return self._fits(self.path.value(value_of))

    def fits(self, value: Any) -> bool:
        """Return whether it is true of a value that stands at its place; MISSING for none."""
        return self._fits(value)

    def paths(self) -> Iterator[FieldPath]:
        """Yield the place."""
        yield self.path

    def __repr__(self) -> str:
        if self.operator in _INFIX:
            return f"{self.path!r} {self.operator.value} {in_full(self.operand)}"
        return f"{self.path!r}.{self.operator.value}({self._arguments()})"

    def _arguments(self) -> str:
        if self.operator in (Operator.IS_NONE, Operator.IS_NOT_NONE):
            return ""
        if self.operator in (Operator.IN, Operator.NOT_IN):
            return f"[{', '.join(map(in_full, self.operand))}]"
        if self.operator is Operator.BETWEEN:
            return ", ".join(map(in_full, self.operand))
        shown: Any = getattr(self.operand, "pattern", self.operand)
        return in_full(shown)


@dataclass(frozen=True, eq=False, repr=False)
class All(Expression):
    """True of what all its parts are true of."""

    parts: tuple[Expression, ...]
    depth: int = 0

    def __post_init__(self) -> None:
        _note_depth(self, self.parts)

    def holds_of(self, value_of: ValueOf) -> bool:
        """Return whether it is true of a record, given what gives its values by name."""
        return all(part.holds_of(value_of) for part in self.parts)

    def paths(self) -> Iterator[FieldPath]:
        """Yield all places that its parts look at."""
        for part in self.parts:
            yield from part.paths()

    def __repr__(self) -> str:
        return " & ".join(map(_in_parentheses, self.parts))


@dataclass(frozen=True, eq=False, repr=False)
class AnyOf(Expression):
    """True of what one of its parts is true of, or several."""

    parts: tuple[Expression, ...]
    depth: int = 0

    def __post_init__(self) -> None:
        _note_depth(self, self.parts)

    def holds_of(self, value_of: ValueOf) -> bool:
        """Return whether it is true of a record, given what gives its values by name."""
        return any(part.holds_of(value_of) for part in self.parts)

    def paths(self) -> Iterator[FieldPath]:
        """Yield all places that its parts look at."""
        for part in self.parts:
            yield from part.paths()

    def __repr__(self) -> str:
        return " | ".join(map(_in_parentheses, self.parts))


@dataclass(frozen=True, eq=False, repr=False)
class Not(Expression):
    """True of what its part is not true of."""

    part: Expression
    depth: int = 0

    def __post_init__(self) -> None:
        _note_depth(self, (self.part,))

    def holds_of(self, value_of: ValueOf) -> bool:
        """Return whether it is true of a record, given what gives its values by name."""
        return not self.part.holds_of(value_of)

    def paths(self) -> Iterator[FieldPath]:
        """Yield all places that its part looks at."""
        return self.part.paths()

    def __repr__(self) -> str:
        return f"~{_in_parentheses(self.part)}"


@dataclass(frozen=True)
class Ordering:
    """What records are sorted by.

    Attributes:
        path: the place whose values are compared.
        descending: whether the greatest come first.
        none_first: whether records come first that have None there, or nothing.
    """

    path: FieldPath
    descending: bool
    none_first: bool


class Arithmetic(Enum):
    """What a computed value is made by. The value is how it is written."""

    ADD = "+"
    SUBTRACT = "-"
    MULTIPLY = "*"
    DIVIDE = "/"
    FLOOR_DIVIDE = "//"
    REMAINDER = "%"


_COMPUTE: dict[Arithmetic, Callable[[Any, Any], Any]] = {
    Arithmetic.ADD: lambda one, other: one + other,
    Arithmetic.SUBTRACT: lambda one, other: one - other,
    Arithmetic.MULTIPLY: lambda one, other: one * other,
    Arithmetic.DIVIDE: lambda one, other: one / other,
    Arithmetic.FLOOR_DIVIDE: lambda one, other: one // other,
    Arithmetic.REMAINDER: lambda one, other: one % other,
}


def no_text(what: object) -> WrongExpression:
    """Return the error for a text in the place of what each record has of its own."""
    shown = str.__str__(what) if isinstance(what, WrittenOut) else repr(what)
    return WrongExpression(
        f"{shown} has its value in each record, and no text can be made of it here: compute it, as "
        f"in User.name + '!', or write !r behind it where its name is meant."
    )


class WrittenOut(str):
    """How a field, or a computed value, is written, and what is added to that in front or behind:
    no value that a record is asked for, or that is written into one.
    """

    __slots__ = ()

    def __add__(self, other: str) -> WrittenOut:
        return WrittenOut(str.__add__(self, other))

    def __radd__(self, other: str) -> WrittenOut:
        return WrittenOut(str.__add__(other, self))

    def __format__(self, _: str) -> Never:
        raise no_text(self)

    def __reduce__(self) -> tuple[object, ...]:
        return str, (str.__str__(self),)


class Calculable:
    """What arithmetic is done with: a field, or a computed value."""

    __slots__ = ()

    def __add__(self, other: object) -> Computed:
        return Computed(_term(self), Arithmetic.ADD, _term(other))

    def __radd__(self, other: object) -> Computed:
        return Computed(_term(other), Arithmetic.ADD, _term(self))

    def __sub__(self, other: object) -> Computed:
        return Computed(_term(self), Arithmetic.SUBTRACT, _term(other))

    def __rsub__(self, other: object) -> Computed:
        return Computed(_term(other), Arithmetic.SUBTRACT, _term(self))

    def __mul__(self, other: object) -> Computed:
        return Computed(_term(self), Arithmetic.MULTIPLY, _term(other))

    def __rmul__(self, other: object) -> Computed:
        return Computed(_term(other), Arithmetic.MULTIPLY, _term(self))

    def __truediv__(self, other: object) -> Computed:
        return Computed(_term(self), Arithmetic.DIVIDE, _term(other))

    def __rtruediv__(self, other: object) -> Computed:
        return Computed(_term(other), Arithmetic.DIVIDE, _term(self))

    def __floordiv__(self, other: object) -> Computed:
        return Computed(_term(self), Arithmetic.FLOOR_DIVIDE, _term(other))

    def __rfloordiv__(self, other: object) -> Computed:
        return Computed(_term(other), Arithmetic.FLOOR_DIVIDE, _term(self))

    def __mod__(self, other: object) -> Computed:
        return Computed(_term(self), Arithmetic.REMAINDER, _term(other))

    def __rmod__(self, other: object) -> Computed:
        return Computed(_term(other), Arithmetic.REMAINDER, _term(self))

    def __neg__(self) -> Never:
        raise WrongExpression(
            f"-{_term(self)!r} could mean two things: write desc({_term(self)!r}) for descending "
            f"order, and 0 - {_term(self)!r} for the value."
        )

    def __format__(self, _: str) -> Never:
        # A text with its name in it would be written into every record that a query updates.
        raise no_text(_term(self))

    def __str__(self) -> str:
        # Logs and error messages need one, so it is refused where it comes back as a value.
        return WrittenOut(repr(_term(self)))

    def _in_arithmetic(self) -> Any:
        """Return the part of a computed value that it is."""
        return self


@dataclass(frozen=True, eq=False, repr=False)
class Computed(Calculable):
    """A value that is computed from each record anew, as ``User.age + 1``: what a query's update
    takes.

    Attributes:
        left: what stands before the operator: a place in the record, a computed value, or a value.
        operator: what is done.
        right: what stands behind it.
    """

    left: Any
    operator: Arithmetic
    right: Any

    def value(self, record: object) -> Any:
        """Return what it comes to for a record.

        Raises:
            WrongOperand: Python cannot compute it from what the record has.
        """
        left, right = (value_in(part, record) for part in (self.left, self.right))
        try:
            return compute(self.operator, left, right)
        except (TypeError, ArithmeticError) as error:
            asked = f"{in_full(left)} {self.operator.value} {in_full(right)}"
            why = f"{asked} cannot be computed: {error}"
            raise WrongOperand(repr(self), record, why) from error

    def paths(self) -> Iterator[FieldPath]:
        """Yield all places that it looks at."""
        for part in (self.left, self.right):
            if isinstance(part, FieldPath):
                yield part
            elif isinstance(part, Computed):
                yield from part.paths()

    def _refuse(self, *_: object) -> Never:
        raise WrongExpression(
            f"{self!r} is a value for update(), and cannot be compared or combined: move the "
            f"arithmetic to the other side, as in User.age > 30 - 1."
        )

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse
    __and__ = __rand__ = __or__ = __ror__ = __invert__ = __bool__ = _refuse
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        left, right = (
            f"({part!r})" if isinstance(part, Computed) else in_full(part)
            for part in (self.left, self.right)
        )
        return f"{left} {self.operator.value} {right}"


def _term(given: object) -> Any:
    if isinstance(given, Calculable):
        return given._in_arithmetic()  # pyright: ignore[reportPrivateUsage] - as above
    if isinstance(given, WrittenOut):
        raise no_text(given)
    if isinstance(given, Combinable):
        raise WrongExpression(f"{given!r} is an expression, and no value to compute with.")
    return given


def compute(operator: Arithmetic, left: Any, right: Any) -> Any:
    """Return what Python makes of two values."""
    return _COMPUTE[operator](left, right)


def value_in(part: Any, record: object) -> Any:
    """Return what a place, a computed value or a value is for a record.

    Raises:
        WrongOperand: Python cannot compute it from what the record has.
    """
    if isinstance(part, Computed):
        return part.value(record)
    if not isinstance(part, FieldPath):
        return part
    value = part.value(values_of(record))
    if value is MISSING:
        raise WrongOperand(repr(part), record, "there is no such value in it to compute with")
    return value


def _joined(kind: type[All | AnyOf], *given: object) -> Expression:
    conditions = [*map(_combinable, given)]
    parts: list[Expression] = []
    depth = 0
    for each in conditions:
        parts += each.parts if isinstance(each, kind) else (each,)
        depth = max(depth, each.depth if isinstance(each, kind) else each.depth + 1)
    return kind(tuple(parts), depth)


def _combinable(given: object) -> Expression:
    try:
        return condition_of(given)
    except WrongExpression as error:
        raise WrongExpression(
            f"{error} (& and | bind closer than comparisons, each of which needs parentheses: "
            f"(User.age > 30) & (User.city == 'Rome').)"
        ) from None


def _note_depth(made: All | AnyOf | Not, parts: tuple[Expression, ...]) -> None:
    """Note how deep others stand in an expression, where that is not known.

    Raises:
        WrongExpression: too deep.
    """
    if not made.depth:
        object.__setattr__(made, "depth", 1 + max(part.depth for part in parts))
    if made.depth > _DEEPEST:
        raise WrongExpression(
            f"more than {_DEEPEST} expressions stand in each other. Side by side there may be any "
            f"number: a | b | c, or in_(User.city, [...])."
        )


def _in_parentheses(part: Expression) -> str:
    plain = isinstance(part, Comparison) and part.operator not in _INFIX
    return repr(part) if plain or isinstance(part, Not) else f"({part!r})"


def _article(noun: str) -> str:
    return f"an {noun}" if noun[:1].lower() in "aeiou" else f"a {noun}"
