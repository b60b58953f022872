"""What a person types into a command, as a bot gets it.

Discord's clients let nobody send what a command's definition does not allow; here that is a
:class:`discobase.errors.UsageError`, for it is a mistake of the test.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from discobase.errors import UsageError
from discobase.local.people.resolved import Resolved
from discobase.local.state.commands import (
    ATTACHMENT,
    BOOLEAN,
    INTEGER,
    NUMBER,
    STRING,
    SUB_COMMAND,
    SUB_COMMAND_GROUP,
)
from discobase.local.state.drafts import NewFile

Json = dict[str, Any]

_KINDS: dict[int, tuple[type, ...]] = {
    STRING: (str,),
    INTEGER: (int,),
    BOOLEAN: (bool,),
    NUMBER: (int, float),
}


def subcommand(command: Json, words: Sequence[str]) -> list[Json]:
    """Return the definitions of a command's options, or of those of the subcommand that is named.

    Raises:
        UsageError: the command has no such subcommand, or is none without one.
    """
    options: list[Json] = command.get("options") or []
    for word in words:
        found = _inner(options, word)
        if found is None:
            raise UsageError(f"the command {command['name']!r} has no subcommand {word!r}.")
        options = found["options"]
    if options and options[0]["type"] <= SUB_COMMAND_GROUP:
        names = ", ".join(option["name"] for option in options)
        raise UsageError(f"the command {command['name']!r} needs one of its subcommands: {names}.")
    return options


def _inner(options: list[Json], name: str) -> Json | None:
    """Return the group or subcommand of this name."""
    for option in options:
        if option["name"] == name and option["type"] <= SUB_COMMAND_GROUP:
            return option
    return None


def nested(words: Sequence[str], options: list[Json]) -> list[Json]:
    """Return options inside the group and subcommand that they are for."""
    kinds = {1: [SUB_COMMAND], 2: [SUB_COMMAND_GROUP, SUB_COMMAND]}.get(len(words), [])
    for word, kind in zip(reversed(words), reversed(kinds), strict=True):
        options = [{"name": word, "type": kind, "options": options}]
    return options


def fill_options(
    defined: list[Json], given: Mapping[str, object], resolved: Resolved, typed: str | None = None
) -> list[Json]:
    """Return a command's options with the values that a person gives them.

    Args:
        defined: the options that the command has.
        given: values by the option's name.
        resolved: takes up what ids stand for.
        typed: the name of the option that is still being typed, if one is.

    Raises:
        UsageError: an option is not there or not given, or its value does not fit.
    """
    unknown = given.keys() - {option["name"] for option in defined}
    if unknown:
        raise UsageError(f"the command has no option {', '.join(sorted(unknown))}.")
    if typed is not None and typed not in given:
        raise UsageError(f"it is not said what is typed into the option {typed!r}.")
    filled: list[Json] = []
    for option in defined:
        name = option["name"]
        if name == typed:
            filled.append(
                {"name": name, "type": option["type"], "value": given[name], "focused": True}
            )
        elif name in given:
            value = _value(option, given[name], resolved)
            filled.append({"name": name, "type": option["type"], "value": value})
        elif option.get("required") and typed is None:
            raise UsageError(f"the command needs its option {name!r}.")
    return filled


def _value(option: Json, value: object, resolved: Resolved) -> object:
    kind, name = option["type"], option["name"]
    if kind == ATTACHMENT:
        return _file(name, value, resolved)
    if kind not in _KINDS:
        return resolved.add(kind, value)
    wrong_bool = isinstance(value, bool) and kind != BOOLEAN
    if wrong_bool or not isinstance(value, _KINDS[kind]):
        raise UsageError(f"the option {name!r} does not take {value!r}.")
    choices = option.get("choices")
    if choices and not option.get("autocomplete"):
        return _choice(name, value, choices)
    size = len(value) if isinstance(value, str) else value
    least, most = (
        option.get(f"{bound}_{'length' if kind == STRING else 'value'}") for bound in ("min", "max")
    )
    if (least is not None and size < least) or (most is not None and size > most):
        raise UsageError(f"the option {name!r} takes from {least} to {most}, not {value!r}.")
    return value


def _choice(name: str, value: object, choices: list[Json]) -> object:
    """Return the value of a choice, which may be given by its name as well."""
    for choice in choices:
        if value in {choice["name"], choice["value"]}:
            return choice["value"]
    listed = ", ".join(str(choice["name"]) for choice in choices)
    raise UsageError(f"the option {name!r} takes one of {listed}, not {value!r}.")


def _file(name: str, value: object, resolved: Resolved) -> str:
    match value:
        case (str(file_name), bytes(content)):
            return resolved.file(NewFile(file_name, content))
        case _:
            raise UsageError(f"the option {name!r} takes a file: its name and its bytes.")
