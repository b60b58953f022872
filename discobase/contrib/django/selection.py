"""Which records of a table a page of the admin shows, and in which order, as its address says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import eq, ge, gt, le, lt, ne
from types import MappingProxyType
from typing import Annotated, Any

from django.http import QueryDict
from pydantic import TypeAdapter, ValidationError

from discobase import Query, Table
from discobase.errors import UsageError, WrongExpression

SEARCH, ORDER, PAGE = "q", "o", "p"
FIELD, OPERATOR, VALUE = "field", "is", "value"
"""What the parts of an address are called. The last three stand once for each condition."""

_LOCATED = ("pk", "version")

_COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = MappingProxyType(
    {"eq": eq, "ne": ne, "lt": lt, "le": le, "gt": gt, "ge": ge}
)

OPERATORS: Mapping[str, str] = MappingProxyType(
    {
        "eq": "=",
        "ne": "≠",
        "lt": "<",
        "le": "≤",
        "gt": ">",
        "ge": "≥",
        "has": "contains",
        "none": "is empty",
        "some": "is not empty",
    }
)
"""How a field may be compared, and how that is called on the page."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition.

    Attributes:
        field: the name of the field.
        operator: one of :data:`OPERATORS`.
        value: what was typed.
    """

    field: str
    operator: str
    value: str

    def __str__(self) -> str:
        said = f"{self.field} {OPERATORS.get(self.operator, self.operator)}"
        return said if self.operator in {"none", "some"} else f"{said} {self.value}"


@dataclass(frozen=True, slots=True)
class Selection:
    """What an address says.

    Attributes:
        search: a text that some field has in it; empty for all records.
        conditions: what has to hold besides.
        order: the field by which records are sorted, with a ``-`` for the other way round; empty
            for the order of their primary keys.
    """

    search: str
    conditions: tuple[Condition, ...]
    order: str

    @classmethod
    def of(cls, address: QueryDict) -> Selection:
        """Return what an address says. A condition without a field is none."""
        said = zip(
            address.getlist(FIELD),
            address.getlist(OPERATOR),
            address.getlist(VALUE),
            strict=False,
        )
        conditions = tuple(Condition(*each) for each in said if each[0])
        return cls(address.get(SEARCH, "").strip(), conditions, address.get(ORDER, ""))

    def query(self, table: type[Table], fields: Sequence[str]) -> Query[Table]:
        """Return the query for the records. Read nothing.

        Args:
            table: the table.
            fields: the names of the fields that may be asked for.

        Raises:
            UsageError: another field is asked for, or one in a way in which it cannot be.
            pydantic.ValidationError: a value is none of its field.
        """
        allowed = (*_LOCATED, *fields)
        wanted = [_expression(table, each, allowed) for each in self.conditions]
        query = table.find(*wanted)
        if self.search:
            query = query.find(_anywhere(table, fields, self.search))
        if self.order:
            name = self.order.removeprefix("-")
            _check(name, allowed)
            query = query.order_by(self.order)
        return query


def _check(field: str, allowed: Sequence[str]) -> None:
    if field not in allowed:
        raise UsageError(f"There is no field {field!r} to be asked for: {', '.join(allowed)}.")


def _expression(table: type[Table], wanted: Condition, allowed: Sequence[str]) -> Any:
    _check(wanted.field, allowed)
    place = _place(table, wanted.field)
    match wanted.operator:
        case "none":
            return place == None  # noqa: E711 - an expression
        case "some":
            return place != None  # noqa: E711 - an expression
        case "has":
            return _contains(place, wanted.value)
        case operator if operator in _COMPARISONS:
            return _COMPARISONS[operator](place, _operand(table, wanted))
        case operator:
            raise UsageError(f"There is no comparison {operator!r}: {', '.join(OPERATORS)}.")


def _anywhere(table: type[Table], fields: Sequence[str], text: str) -> Any:
    """Return the expression for records that have a text in one of the fields that hold texts."""
    anywhere: Any = None
    for found in _texts(table, fields, text):
        anywhere = found if anywhere is None else anywhere | found
    if anywhere is None:
        raise UsageError("This table has no field with texts that could be searched.")
    return anywhere


def _texts(table: type[Table], fields: Sequence[str], text: str) -> Iterator[Any]:
    for name in fields:
        try:
            yield _place(table, name).icontains(text)
        except WrongExpression:
            continue  # no text


def _contains(place: Any, text: str) -> Any:
    try:
        return place.icontains(text)
    except WrongExpression:
        return place.contains(text)  # a list that has it as an element


def _place(table: type[Table], name: str) -> Any:
    """Return what a query compares."""
    if name in _LOCATED:
        return getattr(table, name)
    kind: Any = type(table)
    # Not the attribute, which may be a method of pydantic's that the field has the name of.
    return kind.__getattr__(table, name)


def _operand(table: type[Table], wanted: Condition) -> Any:
    """Return the value that a text stands for, by the type of its field."""
    if wanted.field in _LOCATED:
        return wanted.value
    info = table.model_fields[wanted.field]
    annotation: Any = info.annotation
    for entry in info.metadata:
        annotation = Annotated[annotation, entry]
    adapter = TypeAdapter[Any](annotation)
    try:
        return adapter.validate_strings(wanted.value)
    except ValidationError:
        pass
    try:
        return adapter.validate_json(wanted.value)
    except ValidationError:
        return wanted.value  # the query says what is wrong with it
