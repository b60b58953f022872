"""The records of a table as the window shows them: cells, and columns."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from discobase import LoggedChange, LoggedCommit, StoredTable, Table
from discobase.local import (
    Cell,
    Column,
    ShownChange,
    ShownCommit,
    ShownRecord,
    ShownRow,
    ShownTable,
)
from discobase.typed.field_types import type_of

_LONGEST = 120
"""Characters of a value among others: more than a column is wide. A guess."""

_CHANGES = 20
"""Records of a commit that are shown: as much as one looks through. A guess."""


def table_of(stored: StoredTable, model: type[Table]) -> ShownTable:
    """Return a table with its columns: the primary key, and the fields."""
    unique = {names[0] for names in stored.unique if len(names) == 1}
    fields = [Column(name, type_of(model, name), name in unique) for name in model.model_fields]
    return ShownTable(stored.name, stored.records, (Column("pk", "int", is_unique=True), *fields))


def row_of(record: Table) -> ShownRow:
    """Return a record as one of many: long values are cut. Secrets are masked."""
    return ShownRow(_pk(record), _cells(record, _LONGEST))


def record_of(record: Table, table: ShownTable) -> ShownRecord:
    """Return a record whole. Secrets are masked."""
    return ShownRecord(_pk(record), record.version or 0, table.columns, _cells(record, None))


def row_that_does_not_fit(pk: int, model: type[Table]) -> ShownRow:
    """Return what stands for a record that the table's fields do not take."""
    rest = [Cell("", "nothing")] * (len(model.model_fields) - 1)
    return ShownRow(pk, (Cell(str(pk), "number"), Cell("does not fit the table's fields"), *rest))


def commit_of(commit: LoggedCommit) -> ShownCommit:
    """Return a commit: of one that changed many records, the first of them."""
    return ShownCommit(
        commit.position,
        commit.time.isoformat(),
        commit.label or commit.writer,
        commit.channel,
        [_change(each) for each in commit.changes[:_CHANGES]],
        len(commit.changes),
        commit.notes,
        commit.unread,
    )


def _change(change: LoggedChange) -> ShownChange:
    values = None
    if change.values is not None:
        values = [(name, cell_of(value, _LONGEST)) for name, value in change.values.items()]
    return ShownChange(change.table, change.pk, values)


def _pk(record: Table) -> int:
    assert record.pk is not None, "it was just read"
    return record.pk


def _cells(record: Table, longest: int | None) -> tuple[Cell, ...]:
    values = json.loads(record.model_dump_json())
    cells = [Cell(str(record.pk), "number")]
    for name in type(record).model_fields:
        cell = cell_of(values.get(name), longest)
        is_number = isinstance(record.__dict__.get(name), Decimal)
        cells.append(Cell(cell.text, "number") if is_number else cell)
    return tuple(cells)


def cell_of(value: Any, longest: int | None = None) -> Cell:
    """Return a value as people read it.

    Args:
        value: as JSON has it.
        longest: characters that are written at the most; None for all.
    """
    match value:
        case None:
            return Cell("", "nothing")
        case bool():
            return Cell("true" if value else "false", "truth")
        case int() | float():
            return Cell(json.dumps(value), "number")
        case str():
            return _cut(Cell(value), longest)
        case _:
            indent = 2 if longest is None else None
            return _cut(Cell(json.dumps(value, ensure_ascii=False, indent=indent), "json"), longest)


def _cut(cell: Cell, longest: int | None) -> Cell:
    if longest is None or len(cell.text) <= longest:
        return cell
    return Cell(cell.text[:longest], cell.kind, is_cut=True)
