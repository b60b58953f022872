"""Records as rows of what JSON has, and such rows as lines of JSON or CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from discobase.table import Table

Cells = Mapping[str, Any]
"""A row: values as JSON has them, by the names of columns."""


def row_of(record: Table) -> Cells:
    """Return a record as a row: its primary key, and its fields as JSON has them. Secrets are
    masked.
    """
    values = json.loads(record.model_dump_json())
    return {"pk": record.pk, **{name: values.get(name) for name in type(record).model_fields}}


def columns_of(table: type[Table]) -> list[str]:
    """Return the names of the columns of a table's rows."""
    return ["pk", *table.model_fields]


def text_of(value: Any) -> str:
    """Return a value of a row as a text: nothing for none, lists and models as JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def write_csv(rows: Iterable[Cells], columns: Sequence[str], to: TextIO) -> int:
    """Write rows as CSV with a header: lists and models as JSON, and nothing for none. Return how
    many there were.
    """
    writer = csv.writer(to, lineterminator="\n")
    writer.writerow(columns)
    count = 0
    for row in rows:
        writer.writerow([text_of(row.get(name)) for name in columns])
        count += 1
    return count


def write_lines(rows: Iterable[Cells], to: TextIO) -> int:
    """Write rows as JSON Lines, and return how many there were."""
    count = 0
    for row in rows:
        to.write(json.dumps(row, ensure_ascii=False) + "\n")
        count += 1
    return count
