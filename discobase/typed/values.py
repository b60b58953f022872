"""What a text that somebody typed stands for in a table: a value, a condition, an order."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from discobase.errors import UnknownField, UsageError, WrongExpression
from discobase.records.expressions.functions import desc
from discobase.typed.filters import Condition, assignment, condition
from discobase.typed.places import LOCATED

if TYPE_CHECKING:
    from discobase.query import Query
    from discobase.table import Table

NULL = "null"
"""What is typed where there is to be no value."""


def found(table: type[Table], conditions: Iterable[str], *, fresh: bool = False) -> Query[Table]:
    """Return the query for all records that meet all conditions.

    Args:
        table: the table.
        conditions: as they were typed.
        fresh: see also what any process has saved before.

    Raises:
        UsageError: one is no condition, or of no field of the table.
        pydantic.ValidationError, WrongOperand: a value is none of its field.
    """
    return table.find(*[_expression(table, condition(each)) for each in conditions], fresh=fresh)


def with_text(table: type[Table], text: str) -> Any:
    """Return the condition that a text stands in one of a table's texts, in whatever case.

    Raises:
        UsageError: it has none.
    """
    any_of_them: Any = None
    for name in table.model_fields:
        with suppress(WrongExpression):  # it is no text
            has_it = place_of(table, (name,)).icontains(text)
            any_of_them = has_it if any_of_them is None else any_of_them | has_it
    if any_of_them is None:
        raise UsageError(
            f"{table.__name__!r} has no texts in which {text!r} could stand: write a condition, as "
            f"in pk>7."
        )
    return any_of_them


def ordered(query: Query[Table], table: type[Table], order: str) -> Query[Table]:
    """Return a query in an order.

    Args:
        query: the query.
        table: its table.
        order: names of fields with commas between them, a ``-`` before one for the other way round.
    """
    fields: list[object] = []
    for name in filter(None, (each.strip() for each in order.split(","))):
        place = place_of(table, tuple(name.removeprefix("-").split(".")))
        fields.append(desc(place) if name.startswith("-") else place)
    return query.order_by(*fields) if fields else query


def assigned(table: type[Table], typed: Iterable[str]) -> dict[str, Any]:
    """Return the values that assignments give, by field.

    Raises:
        UsageError: one is no assignment, of no field of the table, or of one that had a value.
        pydantic.ValidationError: a value is none of its field.
    """
    values: dict[str, Any] = {}
    for each in typed:
        name, text = assignment(each)
        if name in values:
            raise UsageError(f"{name!r} is given two values.")
        values[name] = value_of(table, name, text)
    return values


def value_of(table: type[Table], name: str, text: str) -> Any:
    """Return the value of a field that a text stands for: by the field's type, ``null`` for none
    where it takes none, JSON for what has no form as a text.

    Raises:
        UnknownField: the table has no such field.
        pydantic.ValidationError: it is no value of the field.
    """
    return FieldValues(table, name).of(text)


class FieldValues:
    """The values of one field, of texts or of JSON.

    Args:
        table: the field's table.
        name: its name.

    Attributes:
        takes_none: whether it may have none.
        takes_texts: whether an empty text is a value of it.

    Raises:
        UnknownField: the table has no such field.
    """

    def __init__(self, table: type[Table], name: str) -> None:
        field = table.model_fields.get(name)
        if field is None:
            raise UnknownField(table.__name__, name, table.model_fields)
        annotation: Any = field.annotation
        for entry in field.metadata:
            annotation = Annotated[annotation, entry]
        self._takes_anything = annotation is Any
        config = None if _is_model(annotation) else ConfigDict(val_json_bytes="base64")
        self._adapter = TypeAdapter[Any](annotation, config=config)
        self._name = name
        self.takes_none = self._takes(None)
        self.takes_texts = self._takes("")

    def of(self, text: str) -> Any:
        """Return the value that a text stands for.

        Raises:
            pydantic.ValidationError: it is none.
        """
        if self._takes_anything:
            return _json_or_text(text)
        if text == NULL and self.takes_none:
            return None
        try:
            return self._adapter.validate_strings(_unquoted(text))
        except ValidationError as error:
            try:
                return self._adapter.validate_json(text)
            except ValidationError:
                raise _of_field(self._name, error) from None

    def of_json(self, value: Any) -> Any:
        """Return the value that stands as JSON in a file.

        Raises:
            pydantic.ValidationError: it is none.
        """
        try:
            return self._adapter.validate_json(json.dumps(value))
        except ValidationError as error:
            raise _of_field(self._name, error) from None

    def of_json_or_text(self, text: str) -> Any:
        """Return the value that a text in a file is, or else stands for, as in SQLite, which has
        lists and models as JSON.

        Raises:
            pydantic.ValidationError: it is none.
        """
        try:
            return self.of_json(text)
        except ValidationError:
            return self.of(text)

    def _takes(self, value: object) -> bool:
        try:
            self._adapter.validate_python(value)
        except ValidationError:
            return False
        return True


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and BaseModel in annotation.__mro__


def _of_field(name: str, error: ValidationError) -> ValidationError:
    """Return an error that says which field it is about, and does not quote what was given."""
    details: list[Any] = [
        {**each, "loc": (name, *each["loc"])} for each in error.errors(include_url=False)
    ]
    return ValidationError.from_exception_data(error.title, details, hide_input=True)


def _unquoted(text: str) -> str:
    """Return the text that stands in quotes, by which it can be ``null``."""
    if len(text) < len('""') or not (text.startswith('"') and text.endswith('"')):
        return text
    value = _json_or_text(text)
    return value if isinstance(value, str) else text


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _expression(table: type[Table], wanted: Condition) -> Any:
    place = place_of(table, wanted.path)
    if wanted.operator == "~":
        return _contains(place, _unquoted(wanted.text))
    value = _operand(table, wanted)
    match wanted.operator:
        case "=":
            return place == value
        case "!=":
            return place != value
        case "<":
            return place < value
        case "<=":
            return place <= value
        case ">":
            return place > value
        case _:
            return place >= value


def _operand(table: type[Table], wanted: Condition) -> Any:
    if len(wanted.path) == 1 and wanted.path[0] not in LOCATED:
        name = wanted.path[0]
        try:
            return value_of(table, name, wanted.text)
        except ValidationError:
            return wanted.text  # the query says what is wrong with it
    return None if wanted.text == NULL else _unquoted(wanted.text)


def _contains(place: Any, text: str) -> Any:
    try:
        return place.icontains(text)
    except WrongExpression:
        return place.contains(text)


def place_of(table: type[Table], path: tuple[str, ...]) -> Any:
    """Return what a query compares.

    Args:
        table: the table.
        path: a field, and the steps that lead into it.

    Raises:
        UnknownField: the table has no such field.
    """
    name, *steps = path
    if name not in table.model_fields and name not in LOCATED:
        known: Mapping[str, object] = table.model_fields
        raise UnknownField(table.__name__, name, [*known, *LOCATED])
    kind: Any = type(table)
    # Not the attribute, which may be a method of pydantic's that the field has the name of.
    place = kind.__getattr__(table, name) if name in table.model_fields else getattr(table, name)
    for step in steps:
        place = place[step] if _is_mapping(place) else getattr(place, step)
    return place


def _is_mapping(place: Any) -> bool:
    """Return whether the next step is a key, and no field of a model inside."""
    try:
        place["a key"]
    except (TypeError, WrongExpression):
        return False
    return True
