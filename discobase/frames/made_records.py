"""Records made of the rows of a frame: new ones, or changed ones where the frame says which."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, time
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from pydantic import ValidationError

from discobase.errors import FrameRefused
from discobase.frames.kinds import ColumnType, Kind, type_of_field
from discobase.frames.reading import Frame, is_nan, read
from discobase.records.lone_field import LoneField
from discobase.records.model import inner_models
from discobase.records.outdated import reasons_for
from discobase.records.record import (
    Record,
    note_unknown_fields,
    place,
    unknown_fields,
)
from discobase.records.secrets import MASK, holds_secrets
from discobase.shown import shortened

if TYPE_CHECKING:
    from discobase.binding import Binding

R = TypeVar("R", bound=Record)

_PK, _VERSION = "pk", "version"

_SHOWN = 5
"""Rows that an error explains, of those that do not fit: a guess at what is read."""

_JSON = (str, int, float, bool, list, dict)
"""Types of cells that may be what is stored. What is of another type can only be a field's own
value, as where a frame was made of such.
"""


class _Missing(Exception):
    """A cell says nothing, and its field has to."""


def records_of(binding: Binding[R], frame: object) -> list[R]:
    """Return a record for each row of a frame, none of them saved.

    Args:
        binding: the table.
        frame: a frame of pandas or Polars, or a table of Arrow.

    Raises:
        FrameRefused: it is none, or does not fit the table.
        RecordOutdated: a record that a row is about does not load.
        NotConnected: rows are about records, and there is no connection.
    """
    found = read(frame)
    _check_names(binding, found)
    maker = _Maker(binding, found)
    records: list[R] = []
    wrong: list[_Wrong] = []
    for row in range(found.height):
        made = maker.made(row)
        if isinstance(made, _Wrong):
            wrong.append(made)
        else:
            records.append(made)
    if wrong:
        raise _refusal(binding.name, wrong, found.height)
    return records


class _Wrong:
    """Why there is no record of a row."""

    def __init__(self, row: int, reasons: Mapping[str, str]) -> None:
        self.row = row
        self.reasons = reasons

    def __str__(self) -> str:
        return "; ".join(f"row {self.row}, {name!r}: {why}" for name, why in self.reasons.items())


class _Maker:
    """Makes records of rows.

    Args:
        binding: the table.
        frame: the rows.
    """

    def __init__(self, binding: Binding[Any], frame: Frame) -> None:
        self._binding = binding
        self._model = binding.codec.model
        self._frame = frame
        self._row_about: dict[int, int] = {}
        hides = any(map(_has_secrets, {self._model, *inner_models(self._model)}))
        self._cells = {
            name: _Cells(binding, name, frame, hides=hides)
            for name in frame.columns
            if name not in (_PK, _VERSION)
        }

    def made(self, row: int) -> Any:
        """Return the record of a row, or why there is none."""
        values: dict[str, Any] = {}
        reasons: dict[str, str] = {}
        base = self._base(row)
        if isinstance(base, _Wrong):
            return base
        for name, cells in self._cells.items():
            if base is not None and cells.is_mask(row):
                continue
            try:
                values[name] = cells.value(row)
            except _Missing:
                reasons[name] = "it is missing, and the field takes no None"
            except ValidationError as error:
                reasons[name] = "; ".join(reasons_for(self._model, error).values())
            except ValueError as error:
                reasons[name] = str(error)
        try:
            made = self._record(values, base, row)
        except ValidationError as error:
            found = reasons_for(self._model, error).items()
            reasons |= {name: why for name, why in found if name not in reasons}
        else:
            if not reasons:
                return made
        return _Wrong(row, {name: reasons[name] for name in self._in_order(reasons)})

    def _in_order(self, names: Iterable[str]) -> list[str]:
        columns = [*self._frame.columns]
        first = {name: name.partition(".")[0] for name in names}
        return sorted(
            first,
            key=lambda name: columns.index(first[name]) if first[name] in columns else len(columns),
        )

    def _base(self, row: int) -> Any:
        """Return the record that a row is about; None where it is a new one."""
        pk = self._frame.columns[_PK][row] if _PK in self._frame.columns else None
        if pk is None or is_nan(pk):
            return None
        if isinstance(pk, float) and pk.is_integer():
            pk = int(pk)
        if not isinstance(pk, int) or isinstance(pk, bool):
            return _Wrong(row, {_PK: "a primary key is an integer"})
        if (first := self._row_about.setdefault(pk, row)) != row:
            why = f"row {first} is about record {pk} as well: one of the two would be lost"
            return _Wrong(row, {_PK: why})
        stored = self._binding.row(pk)
        if stored is None:
            why = f"there is no record {pk}. Leave it empty, or the column out, for new records"
            return _Wrong(row, {_PK: why})
        return self._binding.load(stored)

    def _record(self, values: Mapping[str, Any], base: Any, row: int) -> Any:
        held: dict[str, Any] = (
            {} if base is None else {**base.__dict__, **(base.__pydantic_extra__ or {})}
        )
        made = self._model.model_validate({**held, **values}, by_alias=False, by_name=True)
        if base is not None:
            place(made, base.pk, self._version(row, base.version))
            note_unknown_fields(made, unknown_fields(base))
        return made

    def _version(self, row: int, current: int) -> int:
        given = self._frame.columns.get(_VERSION)
        version = None if given is None else given[row]
        if version is None or is_nan(version):
            return current
        try:
            return int(version)
        except (TypeError, ValueError):
            raise FrameRefused(
                f"row {row}, column 'version': {shortened(version)} is no version, which is an "
                f"integer.",
                row=row,
                column=_VERSION,
            ) from None


# Cells


class _Cells(Generic[R]):
    """The cells of one field's column, and what a record is made with of each.

    Args:
        binding: the table.
        name: the field.
        frame: where the cells are.
        hides: whether the table has secrets, so that there may be masks.
    """

    def __init__(self, binding: Binding[R], name: str, frame: Frame, *, hides: bool) -> None:
        model = binding.codec.model
        self._type = type_of_field(model, name, binding.schema.declared.types)
        self._lone = LoneField(model, name)
        self._name = name
        self._cells = frame.columns[name]
        self._nan_is_missing = name in frame.nan_is_missing
        self._json_is_text = frame.json_is_text
        self._hides = hides

    def is_mask(self, row: int) -> bool:
        """Return whether a cell stands for a secret that is not told."""
        return self._type.kind is Kind.SECRET and self._cells[row] == MASK

    def value(self, row: int) -> Any:
        """Return what a record is made with.

        Raises:
            _Missing: the cell says nothing, and the field takes no None.
            ValueError: the field does not take it.
        """
        cell = self._cells[row]
        if cell is None or (is_nan(cell) and self._nan_says_nothing()):
            if not self._type.nullable:
                raise _Missing
            return None
        if self._type.stored or self._type.kind is Kind.SECRET:
            return self._of_stored(cell)
        return _HELD.get(self._type.kind, lambda each: each)(cell)

    def _nan_says_nothing(self) -> bool:
        if self._type.kind not in (Kind.NUMBER, Kind.DECIMAL, Kind.JSON):
            return True
        return self._nan_is_missing and self._type.nullable

    def _of_stored(self, cell: Any) -> Any:
        if self._hides and _has_mask(cell):
            raise ValueError(
                f"{MASK!r} stands for a secret, which frames have not: leave the column out, or "
                f"give the secret itself"
            )
        if type(cell) not in _JSON:
            return cell
        return self._lone.read({self._name: self._pruned(self._type, cell)})

    def _pruned(self, type_: ColumnType, cell: Any) -> Any:
        """Return what is stored, of what a column with a type has made of it: without the fields
        that it lacks, and with whole numbers where a column of numbers has none.
        """
        if isinstance(cell, list) and type_.inner is not None:
            elements = cast("Sequence[Any]", cell)
            return [self._pruned(type_.inner, each) for each in elements]
        if isinstance(cell, dict) and type_.fields:
            entries = cast("Mapping[str, Any]", cell)
            return {
                name: self._pruned(type_.fields.get(name, type_), each)
                for name, each in entries.items()
                if each is not None or name not in type_.fields or type_.fields[name].nullable
            }
        if type_.kind is Kind.JSON and isinstance(cell, str) and self._json_is_text:
            return _parsed(cell)
        return _whole(cell) if type_.kind is Kind.INTEGER else cast("Any", cell)


def _parsed(cell: str) -> Any:
    """Return what the text of JSON says; or the text itself where it is none."""
    try:
        return json.loads(cell)
    except ValueError:
        return cell


def _whole(cell: Any) -> Any:
    is_whole = isinstance(cell, float) and math.isfinite(cell) and cell.is_integer()
    return int(cell) if is_whole else cell


def _day(cell: Any) -> Any:
    """Return the day of a moment that is its beginning, as where a column has moments alone."""
    if isinstance(cell, datetime) and cell.tzinfo is None and cell.time() == time():
        return cell.date()
    return cell


_HELD: Mapping[Kind, Callable[[Any], Any]] = {Kind.INTEGER: _whole, Kind.DATE: _day}


# Secrets


def _has_secrets(model: Any) -> bool:
    return any(holds_secrets(field.annotation) for field in model.model_fields.values())


def _has_mask(cell: Any) -> bool:
    if isinstance(cell, list):
        elements = cast("Sequence[Any]", cell)
        return any(map(_has_mask, elements))
    if isinstance(cell, dict):
        entries = cast("Mapping[Any, Any]", cell)
        return any(map(_has_mask, entries.values()))
    return isinstance(cell, str) and MASK in cell


# What is refused as a whole


def _check_names(binding: Binding[Any], frame: Frame) -> None:
    fields = binding.codec.model.model_fields
    for name in frame.columns:
        if name not in fields and name not in (_PK, _VERSION):
            nearest = get_close_matches(name, [*fields, _PK], n=3)
            hint = f": did you mean {' or '.join(map(repr, nearest))}?" if nearest else "."
            raise FrameRefused(
                f"{binding.name!r} has no field for the column {name!r}{hint} It has "
                f"{', '.join(fields)}. Name the column for its field, or drop it.",
                column=name,
            )
    if _PK in frame.columns:
        return
    if _VERSION in frame.columns:
        raise FrameRefused(
            "the frame has a column 'version', and no column 'pk' that says of which records.",
            column=_VERSION,
        )
    for name, field in fields.items():
        if name not in frame.columns and field.is_required():
            raise FrameRefused(
                f"the frame has no column {name!r}, which {binding.name!r} needs for new records "
                f"(a column 'pk' would say which records are to be changed).",
                column=name,
            )


def _refusal(table: str, wrong: list[_Wrong], rows: int) -> FrameRefused:
    shown = ". ".join(map(str, _first(wrong)))
    rest = len(wrong) - _SHOWN
    more = f". And {rest} more rows" if rest > 0 else ""
    (column, *_) = wrong[0].reasons
    return FrameRefused(
        f"rows that do not fit {table!r}, {len(wrong)} of {rows}: {shown}{more}.",
        row=wrong[0].row,
        column=column,
    )


def _first(wrong: list[_Wrong]) -> Iterator[_Wrong]:
    yield from wrong[:_SHOWN]
