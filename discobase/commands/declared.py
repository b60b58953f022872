"""The commands as Discord is told of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from discobase.engine.server.interactions import Json

_TEXT, _NUMBER = 3, 4

_TABLE: Json = {
    "type": _TEXT,
    "name": "table",
    "description": "The table's name",
    "required": True,
    "autocomplete": True,
}
_PK: Json = {
    "type": _NUMBER,
    "name": "pk",
    "description": "The record's primary key",
    "required": True,
    "min_value": 1,
}
_ORDER: Json = {
    "type": _TEXT,
    "name": "order",
    "description": "Fields to sort by, as in city,-age",
    "autocomplete": True,
}


def _field(description: str, *, needed: bool) -> Json:
    option: Json = {
        "type": _TEXT,
        "name": "field",
        "description": description,
        "autocomplete": True,
    }
    return {**option, "required": True} if needed else option


def _command(name: str, description: str, *options: Json) -> Json:
    return {"type": 1, "name": name, "description": description, "options": list(options)}


_WHERE: Json = {
    "type": _TEXT,
    "name": "where",
    "description": "Conditions and words, as in age>30 city=Berlin emma",
    "required": True,
    "autocomplete": True,
}

_ALL = (
    _command("tables", "List the tables"),
    _command("schema", "Show the fields of a table", _TABLE),
    _command("table", "Show the records of a table, page by page", _TABLE, _ORDER),
    _command("find", "Find records, as in age>30 city=Berlin", _TABLE, _WHERE, _ORDER),
    _command("get", "Show one record", _TABLE, _PK),
    _command(
        "column",
        "Show the values of a field, and how often each occurs",
        _TABLE,
        _field("The field's name", needed=True),
    ),
    _command("tablestats", "Show how much is in a table", _TABLE),
    _command(
        "export",
        "Get the records of a table as a file",
        _TABLE,
        {
            "type": _TEXT,
            "name": "format",
            "description": "CSV where it is left out",
            "choices": [
                {"name": "CSV", "value": "csv"},
                {"name": "JSON Lines", "value": "jsonl"},
            ],
        },
    ),
    _command("insert", "Store a new record, by a form", _TABLE),
    _command(
        "update",
        "Change a record, by a form",
        _TABLE,
        _PK,
        _field("The one field to change; all where it is left out", needed=False),
    ),
    _command("delete", "Delete a record, after a question", _TABLE, _PK),
    _command("reset", "Delete all records of a table, after a question", _TABLE),
)

NAMES = frozenset(each["name"] for each in _ALL)
"""Their names."""

_COMPARED = ("type", "name", "description", "required", "autocomplete", "choices", "min_value")
"""What of an option is compared with what is there."""


def declared(permission: int) -> list[Json]:
    """Return the commands.

    Args:
        permission: the bit of what people need who see them. A server's administrators can have
            Discord show them to others, too, whom they do not serve.
    """
    # Discord's description of its API asks for a number, and answers with it as a text.
    return [{**each, "default_member_permissions": permission} for each in _ALL]


def to_register(held: Sequence[Json], permission: int) -> list[Json] | None:
    """Return the commands that are to stand in a server in the place of those that do; None where
    nothing is to change. Commands of other programs of the same bot stay.

    Args:
        held: those that are there.
        permission: as for :func:`declared`.
    """
    ours = declared(permission)
    there = {each.get("name"): each for each in held if each.get("type", 1) == 1}
    if all(_compared(each) == _compared(there.get(each["name"], {})) for each in ours):
        return None
    others = [each for each in held if each.get("type", 1) != 1 or each.get("name") not in NAMES]
    return [*map(_as_asked_for, others), *ours]


def _as_asked_for(command: Json) -> Json:
    """Return a command that is there as it is asked for."""
    needed = command.get("default_member_permissions")
    if needed is None:
        return command
    return {**command, "default_member_permissions": int(needed)}


def _compared(command: Mapping[str, Any]) -> object:
    options = command.get("options") or ()
    return (
        command.get("description"),
        str(command.get("default_member_permissions")),
        [[option.get(name) or None for name in _COMPARED] for option in options],
    )
