"""Columns as a table of Arrow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from discobase.frames.columns import Fitting, FrameColumn, digits_of, zone_of
from discobase.frames.kinds import ColumnType, Kind
from discobase.frames.packages import imported


def table_of(columns: Sequence[FrameColumn]) -> Any:
    """Return a ``pyarrow.Table``.

    Raises:
        PackageMissing: pyarrow is not installed.
        FrameRefused: a value is none that the type of its column has.
    """
    pyarrow = imported("pyarrow")
    fields: list[Any] = []
    arrays: list[Any] = []
    for column in columns:
        type_ = _type_of(pyarrow, column)
        fields.append(pyarrow.field(column.name, type_, nullable=column.type.nullable))
        arrays.append(_array(pyarrow, column, type_))
    return pyarrow.table(arrays, schema=pyarrow.schema(fields))


def _array(pyarrow: Any, column: FrameColumn, type_: Any) -> Any:
    fitting = Fitting(column)
    cells = fitting.cells()
    try:
        return pyarrow.array(cells, type=type_)
    except (pyarrow.ArrowException, OverflowError, TypeError, ValueError) as error:
        raise fitting.refusal(str(error)) from error


def _type_of(pyarrow: Any, column: FrameColumn) -> Any:
    if column.type.kind is Kind.DECIMAL:
        return pyarrow.decimal128(*digits_of(column))
    if column.type.kind is Kind.MOMENT:
        return pyarrow.timestamp("us", tz=zone_of(column))
    return _plain_type(pyarrow, column.type)


def _plain_type(pyarrow: Any, type_: ColumnType) -> Any:
    if type_.kind is Kind.LIST and type_.inner is not None:
        return pyarrow.list_(_plain_type(pyarrow, type_.inner))
    if type_.kind is Kind.STRUCT:
        return pyarrow.struct(
            [
                pyarrow.field(name, _plain_type(pyarrow, each), nullable=True)
                for name, each in type_.fields.items()
            ]
        )
    return {
        Kind.INTEGER: pyarrow.int64(),
        Kind.NUMBER: pyarrow.float64(),
        Kind.TRUTH: pyarrow.bool_(),
        Kind.BYTES: pyarrow.binary(),
        Kind.DATE: pyarrow.date32(),
        Kind.TIME: pyarrow.time64("us"),
        Kind.DURATION: pyarrow.duration("us"),
        Kind.NOTHING: pyarrow.null(),
    }.get(type_.kind, pyarrow.string())
