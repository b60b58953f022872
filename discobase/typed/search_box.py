"""What somebody types into the search box of the window: conditions, and words.

``age>30 city=Berlin emma`` are two conditions, as the command line has them, and a word: all three
have to be true of a record. What has blanks stands in quotes: ``city="New York"``, ``"emma b"``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from discobase.errors import UsageError
from discobase.query import Query
from discobase.table import Table
from discobase.typed.field_types import is_secret
from discobase.typed.filters import condition
from discobase.typed.values import found, with_text

_PART = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^\s"]|")+?(?=\s|$)')


def searched(table: type[Table], typed: str) -> Query[Table]:
    """Return the query for the records of a table that are meant.

    Args:
        table: the table.
        typed: what was typed; empty for all records.

    Raises:
        UsageError: a condition is of no field of the table, or it has no texts for a word.
        pydantic.ValidationError, WrongOperand: a value is none of its field.
    """
    conditions, words = list[str](), list[str]()
    for part in _parts(typed):
        (conditions if _is_condition(part) else words).append(part)
    _refuse_secrets(table, conditions)
    query = found(table, conditions)
    for word in words:
        query = query.find(with_text(table, _unquoted(word)))
    return query


def _refuse_secrets(table: type[Table], conditions: Sequence[str]) -> None:
    """Refuse conditions on secrets: whoever may ask as often as they like finds them out."""
    for each in conditions:
        name = condition(each).path[0]
        if is_secret(table, name):
            raise UsageError(f"{name!r} holds secrets: nobody looks for them here.")


def _parts(typed: str) -> Iterator[str]:
    for part in _PART.finditer(typed):
        yield part[0]


def _is_condition(part: str) -> bool:
    try:
        condition(part)
    except UsageError:
        return False
    return True


def _unquoted(word: str) -> str:
    if len(word) > 1 and word.startswith('"') and word.endswith('"'):
        try:
            return str(json.loads(word))
        except ValueError:
            return word
    return word
