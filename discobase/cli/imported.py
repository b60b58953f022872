"""Rows of files as records of a table: whose values they are, and where one does not fit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import ValidationError

import discobase
from discobase.cli.files import FileRow
from discobase.errors import UnknownField
from discobase.typed.values import FieldValues

NOT_FIELDS = ("pk", "version")
"""Columns that an export has, and no record takes: it gets them when it is saved."""


class Records:
    """Makes records of rows.

    Args:
        table: their table.
    """

    def __init__(self, table: type[discobase.Table]) -> None:
        self._table = table
        self._fields: dict[str, FieldValues] = {}

    def of(self, rows: Iterable[FileRow]) -> Iterator[discobase.Table]:
        """Yield a record for each row.

        Raises:
            UnknownField: a column is no field.
            pydantic.ValidationError: a value is none of its field; a note says where it stands.
        """
        for row in rows:
            try:
                values = {
                    name: self._value(name, value, row)
                    for name, value in row.values.items()
                    if name not in NOT_FIELDS and not self._is_left_out(name, value, row)
                }
                yield self._table(**values)
            except (ValidationError, UnknownField) as error:
                error.add_note(f"({row.where}; nothing was written.)")
                raise

    def _value(self, name: str, value: Any, row: FileRow) -> Any:
        field = self._field(name)
        if isinstance(value, str) and not row.are_texts:
            # SQLite has lists and models as JSON, which no type takes for a text.
            return field.of_json_or_text(value)
        if not row.are_texts:
            return field.of_json(value)
        return None if not value and field.takes_none else field.of(value)

    def _is_left_out(self, name: str, value: Any, row: FileRow) -> bool:
        """Return whether a value is an empty cell, which stands for the default."""
        if not row.are_texts or value:
            return False
        field = self._field(name)
        return not (field.takes_none or field.takes_texts)

    def _field(self, name: str) -> FieldValues:
        found = self._fields.get(name)
        if found is None:
            found = self._fields[name] = FieldValues(self._table, name)
        return found
