"""Columns as a frame of Polars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from discobase.frames.columns import Fitting, FrameColumn, digits_of, zone_of
from discobase.frames.kinds import ColumnType, Kind
from discobase.frames.packages import imported

if TYPE_CHECKING:
    import polars as pl


def frame_of(columns: Sequence[FrameColumn]) -> pl.DataFrame:
    """Return a ``polars.DataFrame``.

    Raises:
        PackageMissing: Polars is not installed.
        FrameRefused: a value is none that the type of its column has.
    """
    polars = imported("polars")
    frame: pl.DataFrame = polars.DataFrame([_series(polars, column) for column in columns])
    return frame


def _series(polars: Any, column: FrameColumn) -> Any:
    fitting = Fitting(column)
    cells = fitting.cells()
    try:
        return polars.Series(column.name, cells, dtype=_type_of(polars, column), strict=True)
    except (polars.exceptions.PolarsError, OverflowError, TypeError, ValueError) as error:
        raise fitting.refusal(str(error).splitlines()[0]) from error


def _type_of(polars: Any, column: FrameColumn) -> Any:
    if column.type.kind is Kind.DECIMAL:
        return polars.Decimal(*digits_of(column))
    if column.type.kind is Kind.MOMENT:
        return polars.Datetime("us", zone_of(column))
    return _plain_type(polars, column.type)


def _plain_type(polars: Any, type_: ColumnType) -> Any:
    if type_.kind is Kind.LIST and type_.inner is not None:
        return polars.List(_plain_type(polars, type_.inner))
    if type_.kind is Kind.STRUCT:
        fields = {name: _plain_type(polars, each) for name, each in type_.fields.items()}
        return polars.Struct(fields)
    return {
        Kind.INTEGER: polars.Int64,
        Kind.NUMBER: polars.Float64,
        Kind.TRUTH: polars.Boolean,
        Kind.BYTES: polars.Binary,
        Kind.DATE: polars.Date,
        Kind.TIME: polars.Time,
        Kind.DURATION: polars.Duration("us"),
        Kind.NOTHING: polars.Null,
    }.get(type_.kind, polars.String)
