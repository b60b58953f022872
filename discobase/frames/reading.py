"""A frame of any of the packages as plain Python values, with nothing lost on the way."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

from discobase.errors import FrameRefused
from discobase.frames.packages import imported


@dataclass(frozen=True, slots=True)
class Frame:
    """What is in a frame.

    Attributes:
        columns: the cells of each column by its name, from the first row to the last; None for what
            is missing.
        height: how many rows there are.
        nan_is_missing: the columns that have no other way to say that a value is missing.
        json_is_text: whether what has no type of its own stands in its columns as the text of JSON.
    """

    columns: Mapping[str, Sequence[Any]]
    height: int
    nan_is_missing: frozenset[str] = frozenset()
    json_is_text: bool = True


def read(frame: object) -> Frame:
    """Return what is in a frame of pandas or Polars, or in a table or batch of Arrow.

    Raises:
        FrameRefused: it is none of these, or something of it would be lost.
    """
    kinds = [(each.__module__.partition(".")[0], each.__name__) for each in type(frame).__mro__]
    reader = next((_READERS[kind] for kind in kinds if kind in _READERS), None)
    if reader is None:
        package, name = kinds[0]
        hint = " Collect it first: frame.collect()." if name == "LazyFrame" else ""
        raise FrameRefused(
            f"from_frame() takes a pandas.DataFrame, a polars.DataFrame, a pyarrow.Table or a "
            f"pyarrow.RecordBatch, and not a {package}.{name}.{hint}"
        )
    return reader(frame)


# pandas


def _of_pandas(frame: Any) -> Frame:
    pandas = imported("pandas")
    frame = _with_index(pandas, frame)
    _refuse_doubles(frame.columns)
    columns = {name: _of_series(pandas, frame[name], name) for name in frame.columns}
    floats = [name for name in columns if not _is_masked(pandas, frame[name].dtype)]
    return Frame(columns, len(frame), frozenset(floats), json_is_text=False)


def _with_index(pandas: Any, frame: Any) -> Any:
    """Return a frame whose index is among its columns, as far as it says anything."""
    names = frame.index.names
    if any(name is not None for name in names):
        if None in names:
            raise FrameRefused(
                f"the index has levels with names and without, {list(names)}: name each for its "
                f"field, or drop it by reset_index(drop=True)."
            )
        if taken := [name for name in names if name in frame.columns]:
            raise FrameRefused(
                f"{taken[0]!r} is a column, and the name of an index, too: drop one of them.",
                column=str(taken[0]),
            )
        return frame.reset_index()
    # What is left of a frame that was filtered or sorted are the numbers of its rows.
    if frame.index.nlevels == 1 and pandas.api.types.is_integer_dtype(frame.index.dtype):
        return frame
    if len(frame) == 0:
        return frame
    raise FrameRefused(
        "the frame has an index without a name, which is no field: name it for the field that it "
        "holds, by rename_axis('name'), or drop it by reset_index(drop=True)."
    )


def _of_series(pandas: Any, series: Any, name: str) -> list[Any]:
    cells = series.astype(object).tolist()
    return [_of_cell(pandas, cell, row, name) for row, cell in enumerate(cells)]


def _of_cell(pandas: Any, cell: Any, row: int, name: str) -> Any:
    if cell is pandas.NA or cell is pandas.NaT:
        return None
    if isinstance(cell, pandas.Timestamp | pandas.Timedelta):
        if cell.nanosecond if isinstance(cell, pandas.Timestamp) else cell.nanoseconds:
            raise _too_fine(row, name)
        is_moment = isinstance(cell, pandas.Timestamp)
        return cell.to_pydatetime() if is_moment else cell.to_pytimedelta()
    return _plain(cell)


def _plain(cell: Any) -> Any:
    """Return a value of NumPy's as one of Python's, also inside of lists and dictionaries."""
    if type(cell).__module__ == "numpy":
        return _plain(cell.tolist())
    if type(cell) is list:
        elements = cast("Sequence[Any]", cell)
        return [*map(_plain, elements)]
    if type(cell) is dict:
        entries = cast("Mapping[Any, Any]", cell)
        return {key: _plain(value) for key, value in entries.items()}
    return cell


def _is_masked(pandas: Any, dtype: Any) -> bool:
    """Return whether a column of a type says by itself what is missing."""
    is_numpys = dtype.kind in "fc" and type(dtype).__module__.partition(".")[0] == "numpy"
    return not (is_numpys or pandas.api.types.is_object_dtype(dtype))


# Polars and Arrow


def _of_polars(frame: Any) -> Frame:
    polars = imported("polars")
    columns = {
        series.name: _of_polars_series(polars, series).to_list() for series in frame.get_columns()
    }
    return Frame(columns, frame.height)


def _of_polars_series(polars: Any, series: Any) -> Any:
    """Return a series of which Python's values are the same: Polars cuts nanoseconds off."""
    dtype = series.dtype
    if isinstance(dtype, polars.Time) or getattr(dtype, "time_unit", None) == "ns":
        wrong = (series.to_physical() % 1000 != 0).fill_null(value=False).arg_true()
        if len(wrong):
            raise _too_fine(wrong[0], series.name)
    return series


def _of_arrow(table: Any) -> Frame:
    pyarrow = imported("pyarrow")
    _refuse_doubles(table.schema.names)
    columns = {
        field.name: _of_arrow_column(pyarrow, field, table.column(at)).to_pylist()
        for at, field in enumerate(table.schema)
    }
    return Frame(columns, table.num_rows)


def _of_arrow_column(pyarrow: Any, field: Any, column: Any) -> Any:
    kind = field.type
    try:
        if pyarrow.types.is_timestamp(kind) and kind.unit == "ns":
            return column.cast(pyarrow.timestamp("us", tz=kind.tz))
        if pyarrow.types.is_duration(kind) and kind.unit == "ns":
            return column.cast(pyarrow.duration("us"))
        if pyarrow.types.is_time64(kind) and kind.unit == "ns":
            return column.cast(pyarrow.time64("us"))
    except pyarrow.ArrowInvalid:
        raise _too_fine(None, field.name) from None
    return column


_READERS: Mapping[tuple[str, str], Callable[[Any], Frame]] = {
    ("pandas", "DataFrame"): _of_pandas,
    ("polars", "DataFrame"): _of_polars,
    ("pyarrow", "Table"): _of_arrow,
    ("pyarrow", "RecordBatch"): _of_arrow,
}


# What cells may be


def is_nan(cell: object) -> bool:
    """Return whether a cell is NaN, as floats and decimals have it."""
    return isinstance(cell, float | Decimal) and math.isnan(cell)


def _too_fine(row: int | None, name: str) -> FrameRefused:
    where = "" if row is None else f", row {row}"
    return FrameRefused(
        f"column {name!r}{where}: it has nanoseconds, and Python's moments and durations have "
        f"microseconds: round it first.",
        row=row,
        column=name,
    )


def _refuse_doubles(names: Iterable[Any]) -> None:
    seen: set[Any] = set()
    for name in names:
        if not isinstance(name, str):
            raise FrameRefused(
                f"the frame has a column {name!r}, whose name is no text: name it for its field, "
                f"or drop it."
            )
        if name in seen:
            raise FrameRefused(f"the frame has two columns {name!r}: drop one.", column=name)
        seen.add(name)
