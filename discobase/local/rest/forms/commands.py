"""The bodies of requests that register application commands.

Limits: Discord's page "Application Commands". Codes of mistakes are those that people report.
"""

from __future__ import annotations

import unicodedata
from typing import Any, cast

from discobase.local import refusals
from discobase.local.rest.forms.form import Form, as_integer
from discobase.local.state.commands import (
    ATTACHMENT,
    CHANNEL,
    CHAT_INPUT,
    INTEGER,
    NUMBER,
    ON_MESSAGE,
    ON_USER,
    STRING,
    SUB_COMMAND,
    SUB_COMMAND_GROUP,
)

Json = dict[str, Any]

LONGEST_NAME = 32
LONGEST_DESCRIPTION = 100
MOST_OPTIONS = 25
MOST_CHOICES = 25
MOST_CHARACTERS = 8000
_LONGEST_CHOICE_NAME = 100
_LONGEST_STRING = 6000
"""Discord's page "Application Commands"."""

_CHOOSABLE = {STRING, INTEGER, NUMBER}
_VALUES = tuple(range(STRING, ATTACHMENT + 1))
_MORE_IN_NAMES = set("-_'")
_SCRIPTS_WITH_MARKS = ("DEVANAGARI", "THAI")


def read_command(body: object) -> Json:
    """Read the body of a *Create Application Command*.

    Raises:
        Refusal: 50035, it does not fit.
    """
    form = Form(body)
    command = _command(form, changed=None)
    form.check()
    return command


def read_changes(body: object, command: Json) -> Json:
    """Read the body of an *Edit Application Command*: the fields that it changes.

    Raises:
        Refusal: 50035, it does not fit.
    """
    form = Form(body)
    changes = _command(form, changed=command)
    form.check()
    _check_size({**command, **changes}, form)
    form.check()
    return changes


def read_commands(body: object) -> list[Json]:
    """Read the body of a *Bulk Overwrite Application Commands*.

    Raises:
        Refusal: 50035, it is no list, some of it does not fit, or two have one name.
    """
    if not isinstance(body, list | None):
        error = {
            "code": "LIST_TYPE_CONVERT",
            "message": "Only iterables may be used in a ListType",
        }
        raise refusals.invalid_form({"_errors": [error]})
    items = cast("list[object]", body or [])
    whole = Form({})
    commands = [_command(Form(item, whole, f"{n}"), changed=None) for n, item in enumerate(items)]
    seen: set[tuple[object, object]] = set()
    for number, command in enumerate(commands):
        key = (command["name"], command["type"])
        if key in seen:
            whole.wrong(
                f"{number}",
                "APPLICATION_COMMANDS_DUPLICATE_NAME",
                "Application command names must be unique",
            )
        seen.add(key)
    whole.check()
    return commands


def _command(form: Form, changed: Json | None) -> Json:
    """Read a command; of one that is ``changed`` only what the body has."""
    fresh = changed is None
    kind = changed["type"] if changed is not None else None
    kind = kind or form.choice("type", (CHAT_INPUT, ON_USER, ON_MESSAGE)) or CHAT_INPUT
    command: Json = {"type": kind, **_words(form, kind, fresh=fresh), **_reach(form)}
    if kind == CHAT_INPUT:
        options = _options(form, inside=None)
        if options or not fresh:
            command["options"] = options
    if not fresh:
        return {name: value for name, value in command.items() if name in form}
    _check_size(command, form)
    return command


def _reach(form: Form) -> Json:
    """Read where a command is offered, and to whom."""
    allowed = form.integer("default_member_permissions", most=(1 << 54) - 1)
    return {
        "default_member_permissions": None if allowed is None else str(allowed),
        "dm_permission": form.boolean("dm_permission") is not False,
        "nsfw": bool(form.boolean("nsfw")),
        "integration_types": _numbers(form, "integration_types", most=1) or [0],
        "contexts": _numbers(form, "contexts", most=2),
    }


def _words(form: Form, kind: int, *, fresh: bool) -> Json:
    """Read what a command is called and says of itself."""
    name = form.text("name", shortest=1, longest=LONGEST_NAME, needed=fresh or "name" in form)
    if name is not None and kind == CHAT_INPUT and not _is_name(name):
        form.wrong("name", "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
    description = ""
    if kind == CHAT_INPUT:
        description = _description(form, needed=fresh or "description" in form)
    elif form.body.get("description"):
        form.wrong(
            "description",
            "APPLICATION_COMMAND_CONTEXT_MENU_DESCRIPTION_INVALID",
            "Context menu commands cannot have description",
        )
    return {
        "name": name,
        "description": description,
        "name_localizations": form.body.get("name_localizations"),
        "description_localizations": form.body.get("description_localizations"),
    }


def _description(form: Form, *, needed: bool) -> str:
    found = form.text("description", shortest=1, longest=LONGEST_DESCRIPTION, needed=needed)
    return found or ""


def _options(form: Form, inside: int | None) -> list[Json]:
    """Read the options of a command (inside nothing), of a group, or of a subcommand."""
    items = form.objects("options", most=MOST_OPTIONS) or []
    options = [_option(Form(item, form, f"options.{n}"), inside) for n, item in enumerate(items)]
    names: set[object] = set()
    optional = False
    for number, option in enumerate(options):
        name, required = option.get("name"), option.get("required", False)
        if name in names:
            form.wrong(
                f"options.{number}",
                "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS",
                "Option name already exists",
            )
        names.add(name)
        if option.get("type") in _VALUES:
            if required and optional:
                form.wrong(
                    f"options.{number}",
                    "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
                    "Required options must be placed before non-required options",
                )
            optional = optional or not required
    mixed = {option.get("type") in _VALUES for option in options}
    if len(mixed) > 1:
        form.wrong(
            "options",
            "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
            "Sub-command and sub-command group option types are mutually exclusive to all other"
            " types",
        )
    return options


def _option(form: Form, inside: int | None) -> Json:
    allowed = {
        None: (SUB_COMMAND, SUB_COMMAND_GROUP, *_VALUES),
        SUB_COMMAND_GROUP: (SUB_COMMAND,),
        SUB_COMMAND: _VALUES,
    }[inside]
    if form.body.get("type") is None:
        form.wrong("type", "BASE_TYPE_REQUIRED", "This field is required")
    kind = form.choice("type", allowed)
    name = form.text("name", shortest=1, longest=LONGEST_NAME, needed=True)
    if name is not None and not _is_name(name):
        form.wrong("name", "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
    option: Json = {"type": kind, "name": name, "description": _description(form, needed=True)}
    for field in ("name_localizations", "description_localizations"):
        if form.body.get(field) is not None:
            option[field] = form.body[field]
    if kind in {SUB_COMMAND, SUB_COMMAND_GROUP}:
        option["options"] = _options(form, inside=kind)
        return option
    if (required := form.boolean("required")) is not None:
        option["required"] = required
    return {**option, **_bounds(form, kind)}


def _bounds(form: Form, kind: int | None) -> Json:
    """Read what an option's values are kept within."""
    bounds: Json = {}
    if kind == STRING:
        bounds["min_length"] = form.integer("min_length", most=_LONGEST_STRING)
        bounds["max_length"] = form.integer("max_length", least=1, most=_LONGEST_STRING)
    elif kind in {INTEGER, NUMBER}:
        bounds["min_value"] = _number(form, "min_value", kind)
        bounds["max_value"] = _number(form, "max_value", kind)
    elif kind == CHANNEL and form.body.get("channel_types"):
        bounds["channel_types"] = _numbers(form, "channel_types", most=16)
    if kind in _CHOOSABLE:
        bounds["autocomplete"] = form.boolean("autocomplete")
        choices = read_choices(form, kind)
        bounds["choices"] = choices or None
        if choices and bounds["autocomplete"]:
            form.wrong(
                "choices",
                "APPLICATION_COMMAND_OPTION_AUTOCOMPLETE_CHOICES",
                "Options with autocomplete cannot have choices",
            )
    return {name: value for name, value in bounds.items() if value is not None}


def read_choices(form: Form, kind: int) -> list[Json]:
    """Read the ``choices`` of an option, or those that complete what was typed into it."""
    choices: list[Json] = []
    for number, item in enumerate(form.objects("choices", most=MOST_CHOICES) or []):
        inner = Form(item, form, f"choices.{number}")
        name = inner.text("name", shortest=1, longest=_LONGEST_CHOICE_NAME, needed=True)
        choice: Json = {"name": name, "value": _value(inner, kind)}
        if inner.body.get("name_localizations") is not None:
            choice["name_localizations"] = inner.body["name_localizations"]
        choices.append(choice)
    return choices


def _value(form: Form, kind: int) -> object:
    if form.body.get("value") is None:
        form.wrong("value", "BASE_TYPE_REQUIRED", "This field is required")
        return None
    if kind == STRING:
        return form.text("value", longest=_LONGEST_STRING)
    return _number(form, "value", kind)


def _number(form: Form, name: str, kind: int) -> float | None:
    if kind == INTEGER:
        largest = 1 << 53
        return form.integer(name, least=-largest, most=largest)
    value = form.body.get(name)
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    form.wrong(name, "NUMBER_TYPE_COERCE", f'Value "{value}" is not float.')
    return None


def _numbers(form: Form, name: str, most: int) -> list[int] | None:
    """Read a list of small numbers."""
    given = form.body.get(name)
    if given is None:
        return None
    if not isinstance(given, list):
        form.wrong(name, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
        return None
    numbers = [as_integer(item) for item in cast("list[object]", given)]
    for position, number in enumerate(numbers):
        if number is None or not 0 <= number <= most:
            listed = ", ".join(map(str, range(most + 1)))
            form.wrong(
                f"{name}.{position}", "BASE_TYPE_CHOICES", f"Value must be one of ({listed})."
            )
    return sorted({number for number in numbers if number is not None})


def _check_size(command: Json, form: Form) -> None:
    size = _size(command)
    if size > MOST_CHARACTERS:
        form.wrong(
            "",
            "APPLICATION_COMMAND_TOO_LARGE",
            f"Command exceeds maximum size ({MOST_CHARACTERS})",
        )


def _size(part: Json) -> int:
    """Return how many characters of a command count: names, descriptions and values."""
    own = sum(len(str(part.get(name) or "")) for name in ("name", "description", "value"))
    inner: list[Json] = [*part.get("options", ()), *part.get("choices", ())]
    return own + sum(map(_size, inner))


def _is_name(name: str) -> bool:
    """Return whether it is letters, digits and -_' of any script, in lower case if it has one."""
    return name == name.lower() and all(
        sign in _MORE_IN_NAMES
        or sign.isalpha()
        or sign.isnumeric()
        or unicodedata.name(sign, "").startswith(_SCRIPTS_WITH_MARKS)
        for sign in name
    )
