"""A condition as SQL, as far as keys decide it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import NoneType
from typing import Any

from discobase.engine.keys import NAN, NULL
from discobase.engine.replica import table_name
from discobase.errors import UnstorableValue
from discobase.queries.bounds import (
    EVERY,
    FALSE,
    NONE,
    OPEN,
    TRUE,
    Bounds,
    all_of,
    any_of,
    exactly,
)
from discobase.queries.key_terms import KeyTerm, KeyTerms
from discobase.records.expressions.meaning import Operator
from discobase.records.expressions.nodes import All, AnyOf, Comparison, Expression, Not
from discobase.records.expressions.text_search import TextSearch
from discobase.records.fields import sorts_as_its_keys, types_of

_ROOM = 60
"""Places on the stack of SQLite's parser that a condition may take; what stands deeper in others is
left to Python. Before SQLite 3.46 there are 100 of them (sqlite.org/compile.html, YYSTACKDEPTH), of
which up to 30 are taken around the condition, and within one comparison: measured, with 3.40."""

_JOINED, _OPPOSITE = 3, 2
"""Places that are taken around what stands on the right of AND and OR in parentheses, and around
what stands in NOT ()."""

_BOUND = 3
"""Values that a comparison binds at the most, where it is not with a list: a range of keys."""

_COLUMNS = {"pk": "pk", "version": "seq"}
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
"""Integers that SQLite can store (sqlite.org/datatype3.html)."""

_CLASSES = {'"': ('"', "#"), "#": ("#", NAN), "@": ("@", "A"), "&": ("&", "'"), "^": ("^4", "^5")}
"""Between which keys those stand that can be below or above a key with this first letter: numbers
without NaN, IP addresses of version 4."""

_OF_PYTHON = frozenset({Operator.ENDSWITH, Operator.ICONTAINS, Operator.IEQUALS, Operator.MATCHES})
"""What a key says nothing of."""

_ORDER = {Operator.LT: "<", Operator.LE: "<=", Operator.GT: ">", Operator.GE: ">="}


def compiled(expression: Expression | None, terms: KeyTerms, room: int = _ROOM) -> Bounds:
    """Return a condition in SQL.

    Args:
        expression: the condition; None for none.
        terms: the keys of the table's fields.
        room: how many places on the stack of SQLite's parser it may take.
    """
    if expression is None:
        return EVERY
    if room < 0:
        return OPEN
    match expression:
        case All():
            return all_of(_each(_flat(expression), terms, room))
        case AnyOf():
            return any_of(_each(_flat(expression), terms, room))
        case Not(part=Not(part=part)):
            return compiled(part, terms, room)
        case Not(part=part):
            return compiled(part, terms, room - _OPPOSITE).opposite()
        case Comparison():
            return _compared(expression, terms)
        case TextSearch():
            return _searched(expression, terms)
        case _:
            return OPEN


def room_in(number: int, room: int = _ROOM) -> int:
    """Return the room that is left to each of some conditions that are joined."""
    return room - _JOINED * (number - 1).bit_length()  # they are joined by halves


def _each(parts: Sequence[Expression], terms: KeyTerms, room: int) -> list[Bounds]:
    left = room_in(len(parts), room)
    return [OPEN] if left < 0 else [compiled(part, terms, left) for part in parts]


def _flat(joined: All | AnyOf) -> list[Expression]:
    """Return the parts, and those of parts that are joined in the same way in their place."""
    parts: list[Expression] = []
    for part in joined.parts:
        parts += _flat(part) if isinstance(part, type(joined)) else (part,)
    return parts


def _searched(asked: TextSearch, terms: KeyTerms) -> Bounds:
    if not asked.asked.wanted:
        return NONE
    return EVERY if asked is terms.search else OPEN


def _compared(asked: Comparison, terms: KeyTerms) -> Bounds:
    path, operator, operand = asked.path, asked.operator, asked.operand
    if terms.is_full(_BOUND):
        return OPEN
    match operator:
        case Operator.NE | Operator.NOT_IN:
            positive = Operator.EQ if operator is Operator.NE else Operator.IN
            return _compared(Comparison(path, positive, operand), terms).opposite()
        case Operator.BETWEEN:
            low, high = (
                _compared(Comparison(path, each, bound), terms)
                for each, bound in zip((Operator.GE, Operator.LE), operand, strict=True)
            )
            return all_of([low, high])
        case _:
            pass
    if path.steps or operator in _OF_PYTHON:  # no index would be of use
        return OPEN
    if path.name in _COLUMNS:
        column = f"{table_name(terms.binding.name)}.{_COLUMNS[path.name]}"
        return _of_column(column, operator, operand, terms)
    term = terms.of(path.name)
    return (
        OPEN if term is None else _KeyComparison(path.name, term, terms).bounds(operator, operand)
    )


# Primary keys and versions


def _of_column(column: str, operator: Operator, operand: Any, terms: KeyTerms) -> Bounds:
    """Compare a column of integers, which is never NULL."""
    match operator:
        case Operator.EQ:
            return _listed(column, [operand], terms)
        case Operator.IN:
            return _listed(column, operand, terms)
        case Operator.IS_NONE:
            return NONE
        case Operator.IS_NOT_NONE:
            return EVERY
        case Operator.LT | Operator.LE | Operator.GT | Operator.GE if _is_integer(operand):
            return exactly(_bounded(column, operator, operand, terms))
        case _:
            return OPEN


def _bounded(column: str, operator: Operator, operand: int, terms: KeyTerms) -> str:
    is_below = operator in (Operator.LT, Operator.LE)
    if operand > _LARGEST:
        return TRUE if is_below else FALSE
    if operand < _SMALLEST:
        return FALSE if is_below else TRUE
    return f"{column} {_ORDER[operator]} {terms.bind(operand)}"


def _listed(column: str, operands: Iterable[Any], terms: KeyTerms) -> Bounds:
    wanted = list(operands)
    if terms.is_full(len(wanted)) or not all(each is None or _is_integer(each) for each in wanted):
        return OPEN
    bound = [
        terms.bind(int(each))
        for each in dict.fromkeys(wanted)
        if each is not None and _SMALLEST <= each <= _LARGEST
    ]
    return exactly(_among(column, bound))


def _is_integer(value: object) -> bool:
    return isinstance(value, int)


def _among(column: str, bound: list[str]) -> str:
    if not bound:
        return FALSE
    return f"{column} = {bound[0]}" if len(bound) == 1 else f"{column} IN ({', '.join(bound)})"


# Fields


class _KeyComparison:
    """Comparisons of one field by its key."""

    def __init__(self, name: str, term: KeyTerm, terms: KeyTerms) -> None:
        self._name = name
        self._term = term
        self._terms = terms
        self._codec = terms.binding.codec
        self._annotation = self._codec.model.model_fields[name].annotation

    def bounds(self, operator: Operator, operand: Any) -> Bounds:
        """Return what the key says of a comparison."""
        match operator:
            case Operator.EQ:
                return self._equal([operand])
            case Operator.IN:
                return self._equal(operand)
            case Operator.IS_NONE:
                return self._known(f"{self._term.sql} = '{NULL}'")
            case Operator.IS_NOT_NONE:
                return self._known(f"{self._term.sql} <> '{NULL}'")
            case Operator.STARTSWITH:
                return self._starts(operand)
            case Operator.CONTAINS:
                return self._contains(operand)
            case Operator.LT | Operator.LE | Operator.GT | Operator.GE:
                return self._ordered(operator, operand)
            case _:
                return OPEN

    def _equal(self, operands: Iterable[Any]) -> Bounds:
        wanted = list(operands)
        if self._terms.is_full(len(wanted)):
            return OPEN
        try:
            keys = {self._key(value): value for value in wanted}
        except UnstorableValue:
            return OPEN
        bound = [self._terms.bind(key) for key in keys]
        found = self._known(_among(self._term.sql, bound))
        is_exact = all(self._codec.comes_back(self._name, value) for value in wanted)
        return found if is_exact else Bounds(FALSE, found.maybe)

    def _ordered(self, operator: Operator, operand: Any) -> Bounds:
        if not sorts_as_its_keys(self._annotation):
            return OPEN
        try:
            key = self._key(operand)
        except UnstorableValue:
            return OPEN
        if key in (NULL, NAN):
            return NONE
        if key not in ("true", "false"):
            return self._range(operator, key)
        sql, bound = self._term.sql, self._terms.bind(key)
        return self._known(f"({sql} IN ('false', 'true') AND {sql} {_ORDER[operator]} {bound})")

    def _range(self, operator: Operator, key: str) -> Bounds:
        between = _CLASSES.get(key[0])
        if between is None:
            return OPEN
        sql, bound = self._term.sql, self._terms.bind(key)
        low, high = map(self._terms.bind, between)
        if operator in (Operator.LT, Operator.LE):
            return self._known(f"({sql} >= {low} AND {sql} {_ORDER[operator]} {bound})")
        return self._known(f"({sql} {_ORDER[operator]} {bound} AND {sql} < {high})")

    @property
    def _is_text(self) -> bool:
        return types_of(self._annotation) <= {str, NoneType}

    def _starts(self, text: Any) -> Bounds:
        if not (isinstance(text, str) and self._is_text and _is_storable(text)):
            return OPEN
        sql, key = self._term.sql, f'"{text}'
        after = _successor(key)
        if after is None:
            return OPEN
        low, high = map(self._terms.bind, (key, after))
        return self._known(f"({sql} >= {low} AND {sql} < {high})")

    def _contains(self, text: Any) -> Bounds:
        if not (isinstance(text, str) and self._is_text and _is_storable(text)):
            return OPEN
        # The key has a quote before the text.
        if text[:1] in ("", '"'):
            return OPEN
        sql = self._term.sql
        return self._known(f"({sql} <> '{NULL}' AND instr({sql}, {self._terms.bind(text)}) > 0)")

    def _known(self, sql: str) -> Bounds:
        """Return the bounds of a condition that is right where the key is known."""
        if self._term.is_known or sql in (TRUE, FALSE):
            return exactly(sql)
        if self._term.column is None:
            # Each time that the key is named it is computed; of NULL, all of this is NULL.
            return Bounds(f"ifnull({sql}, {FALSE})", f"ifnull({sql}, {TRUE})")
        unknown = self._term.unknown
        return Bounds(f"(NOT {unknown} AND {sql})", f"({unknown} OR {sql})")

    def _key(self, value: Any) -> str:
        key = self._codec.stored_key(self._name, value)
        assert key is not None  # or there would be no term
        return key


def _is_storable(text: str) -> bool:
    """Return whether SQLite takes a text: a surrogate by itself is no character."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _successor(text: str) -> str | None:
    """Return the least text that is above all that begin with a text; None where there is none."""
    last = ord(text[-1])
    if 0xD7FF <= last < 0xE000 or last == 0x10FFFF:  # surrogates are no characters
        return None
    return text[:-1] + chr(last + 1)
