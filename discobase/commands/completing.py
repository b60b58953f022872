"""What completes an option while it is typed: tables, fields, values. Blocks; no API call."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from discobase.commands.asked import Asked
from discobase.commands.operated import Operated
from discobase.commands.replies import CHOICES, LONGEST_CHOICE
from discobase.errors import DiscobaseError, UsageError
from discobase.table import Table
from discobase.typed.field_types import is_secret
from discobase.typed.filters import condition
from discobase.typed.values import LOCATED, NULL, place_of

_LAST = re.compile(r"^(?P<before>.*\s)?(?P<last>\S*)$", re.DOTALL)
_STEP = re.compile(r"^(?P<field>[^!<>=~]*)$")
_BLANK = re.compile(r"[\s\"]")


def completions(database: Operated, asked: Asked) -> Sequence[str]:
    """Return what an option may be that begins as it was typed.

    Args:
        database: the database.
        asked: what was typed.
    """
    typed = asked.text(asked.typed)
    try:
        if asked.typed == "table":
            return _beginning(typed, [each.name for each in database.stored_tables()])
        model = database.open_table(asked.text("table"))
    except DiscobaseError:  # there is no such table yet, while it is typed
        return ()
    if asked.typed == "field":
        return _beginning(typed, [*model.model_fields])
    if asked.typed == "order":
        return _orders(model, typed)
    return _conditions(model, typed)


def _orders(model: type[Table], typed: str) -> list[str]:
    """Return the orders that go on with one more field."""
    before, comma, last = typed.rpartition(",")
    sign = "-" if last.strip().startswith("-") else ""
    names = _beginning(last.strip().removeprefix("-"), [*model.model_fields, *LOCATED])
    fitting = [f"{before}{comma}{sign}{name}" for name in names]
    if not sign:
        fitting += [f"{before}{comma}-{name}" for name in names]
    return fitting[:CHOICES]


def _conditions(model: type[Table], typed: str) -> list[str]:
    """Return the conditions whose last one goes on with a field, or with a value of it."""
    found = _LAST.match(typed)
    if found is None:
        return []
    before, last = found["before"] or "", found["last"]
    if _STEP.match(last):
        names = _beginning(last, [*model.model_fields, *LOCATED])
        return [f"{before}{name}=" for name in names if not _BLANK.search(name)]
    return [f"{before}{each}" for each in _values(model, last)]


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
    return [typed, *(each for each in whole if each != typed)][:CHOICES]


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False) if _BLANK.search(text) else text


def _beginning(typed: str, names: Sequence[str]) -> list[str]:
    """Return the names that begin with what was typed, and then those that have it in them."""
    wanted = typed.lower()
    first = [name for name in names if name.lower().startswith(wanted)]
    others = [name for name in names if wanted in name.lower() and name not in first]
    return [each for each in (*first, *others) if len(each) <= LONGEST_CHOICE][:CHOICES]
