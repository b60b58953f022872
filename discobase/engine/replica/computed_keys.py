"""Keys that SQL has computed for it while it reads, where a field has no key column yet.

A row has one where a class with the same fingerprint of the field wrote it: what is stored is then
what the class loads. It costs some microseconds a row, an index nothing of the kind.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable
from typing import Any

from discobase.engine.keys import key
from discobase.engine.replica.columns import KeyColumn, sql_text, table_name

_FUNCTION = "computed_key"


def add_computed_keys(connection: sqlite3.Connection) -> None:
    """Have a connection know how keys are computed."""
    connection.create_function(_FUNCTION, 4, _computing(), deterministic=True)


def computed_key(table: str, column: KeyColumn, schemas: Iterable[int]) -> str:
    """Return the expression for the key of a field; NULL where it is not known.

    Args:
        table: the table's name.
        column: what a key column of the field would be.
        schemas: the numbers of the schemas by which the field has the column's fingerprint.
    """
    name, numbers = table_name(table), ", ".join(map(str, schemas))
    missing = "NULL" if column.missing is None else sql_text(column.missing)
    of = ", ".join((sql_text(column.kind), sql_text(column.field), missing))
    return f"CASE WHEN {name}.schema IN ({numbers}) THEN {_FUNCTION}({of}, {name}.data) END"


def _computing() -> Callable[[Any, str, str | None, str], str | None]:
    text, record = "{}", dict[str, Any]()

    def compute(kind: Any, field: str, missing: str | None, data: str) -> str | None:
        # Several fields of one row are asked for one after the other.
        nonlocal text, record
        try:
            if data != text:
                record = json.loads(data)
                text = data
            return key(kind, record[field]) if field in record else missing
        except (ValueError, RecursionError):
            return None

    return compute
