"""Columns as a frame of pandas, which takes every value: as an object where it has no type."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from discobase.frames.columns import FrameColumn, in_utc, with_zone
from discobase.frames.kinds import Kind
from discobase.frames.packages import imported


def frame_of(columns: Sequence[FrameColumn]) -> Any:
    """Return a ``pandas.DataFrame``.

    Raises:
        PackageMissing: pandas is not installed.
    """
    pandas = imported("pandas")
    series = {column.name: _series(pandas, column) for column in columns}
    return pandas.DataFrame(series, columns=[column.name for column in columns])


def _series(pandas: Any, column: FrameColumn) -> Any:
    make = _MAKERS.get(column.type.kind)
    if make is not None:
        try:
            return make(pandas, column)
        except (OverflowError, ValueError, TypeError):
            pass  # a value that the type does not have
    # Not as a list: pandas would look into lists and dictionaries.
    series = pandas.Series([None] * len(column.cells), dtype=object)
    for at, cell in enumerate(column.cells):
        series.iat[at] = cell
    return series


def _integers(pandas: Any, column: FrameColumn) -> Any:
    return pandas.Series(column.cells, dtype="Int64" if column.type.nullable else "int64")


def _numbers(pandas: Any, column: FrameColumn) -> Any:
    if not column.type.nullable:
        return pandas.Series(column.cells, dtype="float64")
    # Made of its parts, for else NaN would be taken for what is missing.
    numpy = imported("numpy")
    values = numpy.array([0.0 if cell is None else cell for cell in column.cells], dtype="float64")
    missing = numpy.array([cell is None for cell in column.cells], dtype=bool)
    return pandas.Series(pandas.arrays.FloatingArray(values, missing))


def _truths(pandas: Any, column: FrameColumn) -> Any:
    return pandas.Series(column.cells, dtype="boolean" if column.type.nullable else "bool")


def _texts(pandas: Any, column: FrameColumn) -> Any:
    return pandas.Series(column.cells, dtype="string")


def _moments(pandas: Any, column: FrameColumn) -> Any:
    zone = with_zone(column)
    if zone is None:
        raise TypeError("moments with a time zone, and without")
    cells = [None if cell is None else in_utc(cell) for cell in column.cells]
    return pandas.Series(cells, dtype="datetime64[us, UTC]" if zone else "datetime64[us]")


def _durations(pandas: Any, column: FrameColumn) -> Any:
    numpy = imported("numpy")
    each = timedelta(microseconds=1)
    # As integers: pandas takes durations by floats, which have not all of them.
    micros = [numpy.iinfo("int64").min if cell is None else cell // each for cell in column.cells]
    return pandas.Series(numpy.array(micros, dtype="int64").view("timedelta64[us]"))


_MAKERS: Mapping[Kind, Callable[[Any, FrameColumn], Any]] = {
    Kind.INTEGER: _integers,
    Kind.NUMBER: _numbers,
    Kind.TRUTH: _truths,
    Kind.TEXT: _texts,
    Kind.SECRET: _texts,
    Kind.MOMENT: _moments,
    Kind.DURATION: _durations,
}
"""What makes a series; of other kinds it has the values as objects."""
