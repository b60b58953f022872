"""The columns of a frame that is to be made: values that each of the packages takes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic_core import to_jsonable_python

from discobase.errors import FrameRefused
from discobase.frames.kinds import (
    INTEGERS,
    ColumnType,
    Kind,
    type_of_field,
    type_of_place,
    type_of_values,
)
from discobase.records.expressions.path import PLACE
from discobase.records.expressions.place_type import PlaceType, of_field
from discobase.records.secrets import MASK
from discobase.shown import shortened

if TYPE_CHECKING:
    from discobase.binding import Binding
    from discobase.records.expressions.path import FieldPath

_LARGEST = 2**63
"""Above any integer of eight bytes, which is what a column has for each."""
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class FrameColumn:
    """A column of a frame.

    Attributes:
        name: its name.
        type: what it holds.
        cells: its values, from the first row to the last; None for what is missing.
    """

    name: str
    type: ColumnType
    cells: Sequence[Any]


def told_apart(names: Sequence[str]) -> Sequence[str]:
    """Return the names of columns, each of which is there once.

    Raises:
        FrameRefused: one is there twice.
    """
    for name in names:
        if names.count(name) > 1:
            raise FrameRefused(f"the column {name!r} is asked for twice.", column=name)
    return names


def columns_of(
    binding: Binding[Any], paths: Sequence[FieldPath], names: Sequence[str], rows: Iterable[Any]
) -> list[FrameColumn]:
    """Return the columns of values that were read from a table.

    Args:
        binding: the table.
        paths: where each column's values stand in a record.
        names: what each column is called.
        rows: the values, of each record in a tuple.
    """
    read = [*rows]
    columns: list[FrameColumn] = []
    for at_, (path, name) in enumerate(zip(paths, names, strict=True)):
        type_ = _type_at(binding, path)
        form = _form(binding, path, type_)
        cells = [None if row[at_] is None else form(row[at_]) for row in read]
        columns.append(FrameColumn(name, type_, cells))
    return columns


def columns_of_sql(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[FrameColumn]:
    """Return the columns of what a statement in SQL has selected. Of columns that share a name each
    but the first has a number behind it.
    """
    cells = [[row[at_] for row in rows] for at_ in range(len(names))]
    return [
        FrameColumn(name, type_of_values(values), values)
        for name, values in zip(_apart(names), cells, strict=True)
    ]


def _apart(names: Sequence[str]) -> list[str]:
    apart: list[str] = []
    for name in names:
        free, number = name, 2
        while free in apart or (free != name and free in names):
            free, number = f"{name}_{number}", number + 1
        apart.append(free)
    return apart


def _type_at(binding: Binding[Any], path: FieldPath) -> ColumnType:
    if path.steps:
        place: PlaceType | None = of_field(path.model, path.name)
        for step in path.steps:
            place = None if place is None else place.inner(step.kind, step.key)
        return type_of_place(() if place is None else place.leaves)
    if path.name in PLACE:
        return INTEGERS
    return type_of_field(path.model, path.name, binding.schema.declared.types)


def _form(binding: Binding[Any], path: FieldPath, type_: ColumnType) -> Callable[[Any], Any]:
    """Return what makes a cell of a value."""
    if type_.kind is Kind.SECRET:
        return lambda _: MASK
    if not type_.stored:
        return lambda value: value
    if path.steps:
        return partial(to_jsonable_python, bytes_mode="base64", inf_nan_mode="strings")
    return partial(binding.codec.stored_form, path.name)


# As packages take them whose columns have a type


class Fitting:
    """Makes of the cells of a column what a typed column takes.

    Args:
        column: the column.
    """

    def __init__(self, column: FrameColumn) -> None:
        self._column = column

    def cells(self) -> list[Any]:
        """Return the cells.

        Raises:
            FrameRefused: one is nothing that the column's type has.
        """
        type_ = self._column.type
        fit = _fitting(type_)
        return [
            None if cell is None else self._fitted(fit, cell, row)
            for row, cell in enumerate(self._column.cells)
        ]

    def _fitted(self, fit: Callable[[Any], Any], cell: Any, row: int) -> Any:
        try:
            return fit(cell)
        except (ValueError, TypeError, OverflowError, AttributeError) as error:
            raise self.refusal(str(error), row) from None

    def refusal(self, why: str, row: int | None = None) -> FrameRefused:
        """Return what is raised where a column cannot be made."""
        name = self._column.name
        where = "" if row is None else f", row {row}"
        value = "" if row is None else f" ({shortened(self._column.cells[row])})"
        return FrameRefused(
            f"column {name!r}{where}: {why}{value}. to_pandas() takes any value; or leave the "
            f"column out, by naming the others.",
            row=row,
            column=name,
        )


def with_zone(column: FrameColumn) -> bool | None:
    """Return whether the moments of a column have a time zone; None where some have one, and some
    have none. Where there are none, they would have one.
    """
    if column.type.has_zone is not None:
        return column.type.has_zone
    found = {cell.tzinfo is not None for cell in column.cells if isinstance(cell, datetime)}
    return None if len(found) > 1 else found != {False}


def zone_of(column: FrameColumn) -> str | None:
    """Return the time zone of a column of moments, in a package that has one for all; None for
    none.

    Raises:
        FrameRefused: some of its moments have one, and some have none.
    """
    zone = with_zone(column)
    if zone is None:
        why = "some of its moments have a time zone, and some have none"
        raise Fitting(column).refusal(why)
    return "UTC" if zone else None


def in_utc(moment: datetime) -> datetime:
    """Return the same moment in UTC, if it has a time zone."""
    return moment if moment.tzinfo is None else moment.astimezone(UTC)


_DIGITS, _PLACES = 38, 9
"""The digits of decimals of whose digits nothing is said, and those of them after the point: as
others have it who keep numbers of money, so that columns of several frames are of one type."""


def digits_of(column: FrameColumn) -> tuple[int, int]:
    """Return how many digits the decimals of a column have at most, and how many of them after the
    point: more than usual where the values need it.

    Raises:
        FrameRefused: they need more than there are.
    """
    before = after = 0
    for row, cell in enumerate(column.cells):
        if cell is None:
            continue
        exponent = cell.as_tuple().exponent
        if not isinstance(exponent, int):
            raise Fitting(column).refusal("a decimal column has no such number", row)
        after = max(after, -exponent)
        before = max(before, cell.adjusted() + 1)
    digits, places = column.type.digits or (_DIGITS, max(after, _PLACES))
    if column.type.digits is None and before + places > digits:
        places = after
    if before + places > digits:
        raise Fitting(column).refusal(f"its decimals need more than {digits} digits")
    return digits, places


def _fitting(type_: ColumnType) -> Callable[[Any], Any]:
    if type_.kind is Kind.LIST:
        inner = _or_none(_fitting(type_.inner or type_))
        return lambda cell: [*map(inner, _a(list, cell))]
    if type_.kind is Kind.STRUCT:
        fields = {name: _or_none(_fitting(each)) for name, each in type_.fields.items()}
        return partial(_struct, fields)
    return _FITTING.get(type_.kind, lambda cell: cell)


def _or_none(fit: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda cell: None if cell is None else fit(cell)


def _a(kind: type[Any], cell: Any) -> Any:
    if not isinstance(cell, kind):
        raise TypeError(f"it is no {kind.__name__}")
    return cell


def _struct(fields: Mapping[str, Callable[[Any], Any]], cell: Any) -> dict[str, Any]:
    stored: dict[str, Any] = _a(dict, cell)
    if others := stored.keys() - fields.keys():
        raise ValueError(f"the type of the field has no {min(others)!r}")
    return {name: fit(stored.get(name)) for name, fit in fields.items()}


def _integer(cell: Any) -> int:
    if isinstance(cell, bool) or not isinstance(cell, int):
        raise TypeError("it is no integer")
    if not -_LARGEST <= cell < _LARGEST:
        raise OverflowError("an integer of more than 64 bits")
    return cell


def _text(cell: Any) -> str:
    text: str = _a(str, cell)
    text.encode()  # a lone surrogate is no text elsewhere
    return text


def _duration(cell: timedelta) -> timedelta:
    # Polars 1 makes another duration of one that does not fit, and says nothing.
    if not -_LARGEST <= cell // _MICROSECOND < _LARGEST:
        raise OverflowError("a duration of more than 64 bits, in microseconds")
    return cell


def _time(cell: time) -> time:
    if cell.tzinfo is not None:
        raise ValueError("a time of day in a time zone")
    return cell


_FITTING: Mapping[Kind, Callable[[Any], Any]] = {
    Kind.INTEGER: _integer,
    Kind.NUMBER: float,  # infinity and NaN inside of a field are texts, as stored
    Kind.TRUTH: partial(_a, bool),
    Kind.TEXT: _text,
    Kind.DECIMAL: partial(_a, Decimal),
    Kind.MOMENT: in_utc,
    Kind.TIME: _time,
    Kind.DURATION: _duration,
    Kind.JSON: partial(json.dumps, ensure_ascii=False),
}
