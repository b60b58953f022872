"""What completes an option while it is typed: tables, fields, values. Blocks; no API call."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

from discobase.commands.asked import Asked
from discobase.commands.operated import Operated, stored
from discobase.errors import DiscobaseError, UsageError
from discobase.table import Table
from discobase.typed import suggestions
from discobase.typed.field_types import is_secret
from discobase.typed.filters import condition
from discobase.typed.places import LOCATED, places_of
from discobase.typed.values import NULL, place_of

_LAST = re.compile(r"^(?P<before>.*\s)?(?P<last>\S*)$", re.DOTALL)
_STEP = re.compile(r"^(?P<field>[^!<>=~]*)$")
_BLANK = re.compile(r"[\s\"]")


def completions(database: Operated, asked: Asked) -> Sequence[str]:
    """Return what an option may be that begins as it was typed; more than Discord takes, maybe.

    Args:
        database: the database.
        asked: what was typed.
    """
    typed = asked.text(asked.typed)
    try:
        if asked.typed == "table":
            return suggestions.alike(typed, [each.name for each in database.stored_tables()])
        model = database.open_table(asked.text("table"))
        known = stored(database, asked.text("table"))
    except DiscobaseError:  # there is no such table yet, while it is typed
        return ()
    if asked.typed == "field":
        return suggestions.alike(typed, model.model_fields)
    if asked.typed == "order":
        return suggestions.orders(typed, [*model.model_fields, *LOCATED], suggestions.alike)
    return _conditions(model, [*places_of(model.model_fields, known.json_schema), *LOCATED], typed)


def _conditions(model: type[Table], places: Iterable[str], typed: str) -> list[str]:
    """Return the conditions whose last one goes on with a field, or with a value of it."""
    found = _LAST.match(typed)
    if found is None:
        return []
    before, last = found["before"] or "", found["last"]
    if _STEP.match(last):
        fitting = (each for each in places if not _BLANK.search(each))
        ends = suggestions.conditions(last, fitting, suggestions.alike)
    else:
        ends = _values(model, last)
    return [f"{before}{each}" for each in ends]


def _values(model: type[Table], typed: str) -> list[str]:
    """Return a condition with each of the field's values that begin as it was typed; what was typed
    first, for it may be none of them.
    """
    try:
        wanted = condition(typed)
        if is_secret(model, wanted.path[0]):
            return [typed]
        if len(wanted.path) != 1 or wanted.operator not in {"=", "!="}:
            return [typed]
        field = place_of(model, (wanted.path[0],))
        values = model.find().skip_outdated().group_by(field).count()
    except (DiscobaseError, UsageError):
        return [typed]
    begun = wanted.text.removeprefix('"').lower()
    often = sorted(values, key=lambda value: -values[value])
    texts = [NULL if each is None else str(each) for each in often]
    fitting = [_quoted(text) for text in texts if text.lower().startswith(begun)]
    whole = [f"{wanted.path[0]}{wanted.operator}{text}" for text in fitting]
    return [typed, *(each for each in whole if each != typed)]


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False) if _BLANK.search(text) else text
