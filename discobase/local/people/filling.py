"""What a person types into a command, picks in a menu or writes into a modal, as a bot gets it.

Discord's clients let nobody send what a command's definition, a menu or a modal does not allow;
here that is a :class:`discobase.errors.UsageError`, for it is a mistake of the test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from discobase.errors import UsageError
from discobase.local.rest.forms.commands import (
    ATTACHMENT,
    BOOLEAN,
    CHANNEL,
    INTEGER,
    MENTIONABLE,
    NUMBER,
    ROLE,
    STRING,
    SUB_COMMAND,
    SUB_COMMAND_GROUP,
    USER,
)
from discobase.local.rest.forms.components import (
    ACTION_ROW,
    CHANNEL_SELECT,
    CHECKBOX,
    CHECKBOX_GROUP,
    LABEL,
    MENTIONABLE_SELECT,
    RADIO_GROUP,
    ROLE_SELECT,
    TEXT_INPUT,
    USER_SELECT,
)
from discobase.local.state import payloads
from discobase.local.state.entities import Guild
from discobase.local.state.messages import NewFile
from discobase.local.state.permissions import in_channel, in_guild
from discobase.local.state.state import State

Json = dict[str, Any]

_OF_SELECT = {
    USER_SELECT: USER,
    ROLE_SELECT: ROLE,
    MENTIONABLE_SELECT: MENTIONABLE,
    CHANNEL_SELECT: CHANNEL,
}
_KINDS: dict[int, tuple[type, ...]] = {
    STRING: (str,),
    INTEGER: (int,),
    BOOLEAN: (bool,),
    NUMBER: (int, float),
}


class Resolved:
    """What ids in an interaction stand for.

    Args:
        state: who and what there is.
        guild: where.
        member_id: the person.
        keep: uploads a file; returns it as it is sent.
    """

    def __init__(
        self, state: State, guild: Guild, member_id: int, keep: Callable[[NewFile], Json]
    ) -> None:
        self._state = state
        self._guild = guild
        self._member_id = member_id
        self._keep = keep
        self.fields: dict[str, Json] = {}

    def add(self, kind: int, value: object) -> str:
        """Takes the id of a user, role or channel up; returns it as it is sent.

        Raises:
            UsageError: the guild has no such thing.
        """
        id_ = _as_id(value)
        added = (
            (kind in {USER, MENTIONABLE} and self._add_user(id_))
            or (kind in {ROLE, MENTIONABLE} and self._add_role(id_))
            or (kind == CHANNEL and self._add_channel(id_))
        )
        if not added:
            raise UsageError(f"there is nothing here with the id {value!r} that fits.")
        return str(id_)

    def message(self, message: Json) -> None:
        """Takes a message up."""
        self.fields.setdefault("messages", {})[message["id"]] = message

    def file(self, file: NewFile) -> str:
        """Takes a file up; returns its id as it is sent."""
        kept = self._keep(file)
        self.fields.setdefault("attachments", {})[kept["id"]] = kept
        return str(kept["id"])

    def _add_user(self, id_: int) -> bool:
        user, member = self._state.users.get(id_), self._guild.members.get(id_)
        if user is None or member is None:
            return False
        self.fields.setdefault("users", {})[str(id_)] = payloads.user(user)
        fields = payloads.member_fields(member)
        fields["permissions"] = str(in_guild(self._guild, member))
        self.fields.setdefault("members", {})[str(id_)] = fields
        return True

    def _add_role(self, id_: int) -> bool:
        role = self._guild.roles.get(id_)
        if role is None:
            return False
        self.fields.setdefault("roles", {})[str(id_)] = payloads.role(role)
        return True

    def _add_channel(self, id_: int) -> bool:
        channel = self._guild.channels.get(id_)
        if channel is None:
            return False
        allowed = in_channel(self._guild, channel, self._guild.members[self._member_id])
        fields = {**payloads.channel(channel), "permissions": str(allowed)}
        self.fields.setdefault("channels", {})[str(id_)] = fields
        return True


def subcommand(command: Json, words: Sequence[str]) -> list[Json]:
    """The definitions of a command's options, or of those of the subcommand that is named.

    Raises:
        UsageError: the command has no such subcommand, or is none without one.
    """
    options: list[Json] = command.get("options") or []
    for word in words:
        found = next((o for o in options if o["name"] == word and o["type"] <= 2), None)
        if found is None:
            raise UsageError(f"the command {command['name']!r} has no subcommand {word!r}.")
        options = found["options"]
    if options and options[0]["type"] <= SUB_COMMAND_GROUP:
        names = ", ".join(option["name"] for option in options)
        raise UsageError(f"the command {command['name']!r} needs one of its subcommands: {names}.")
    return options


def nested(words: Sequence[str], options: list[Json]) -> list[Json]:
    """Options inside the group and subcommand that they are for."""
    kinds = {1: [SUB_COMMAND], 2: [SUB_COMMAND_GROUP, SUB_COMMAND]}.get(len(words), [])
    for word, kind in zip(reversed(words), reversed(kinds), strict=True):
        options = [{"name": word, "type": kind, "options": options}]
    return options


def fill_options(
    defined: list[Json], given: Mapping[str, object], resolved: Resolved, typed: str | None = None
) -> list[Json]:
    """A command's options with the values that a person gives them.

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
    """The value of a choice, which may be given by its name as well."""
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


def fill_select(component: Json, values: Sequence[object], resolved: Resolved) -> list[str]:
    """What is picked in a menu.

    Raises:
        UsageError: the menu has no such entry, or takes more or fewer.
    """
    least, most = component.get("min_values", 1), component.get("max_values", 1)
    if not least <= len(values) <= most:
        raise UsageError(f"this menu takes {least} to {most} entries, not {len(values)}.")
    if component["type"] in _OF_SELECT:
        return [resolved.add(_OF_SELECT[component["type"]], value) for value in values]
    return [_entry(component, value) for value in values]


def _entry(component: Json, value: object) -> str:
    for option in component["options"]:
        if value in {option["value"], option["label"]}:
            return str(option["value"])
    listed = ", ".join(option["label"] for option in component["options"])
    raise UsageError(f"there is no entry {value!r}; there are: {listed}.")


def fill_modal(modal: Json, given: Mapping[str, object], resolved: Resolved) -> list[Json]:
    """A modal's components with what a person writes into them.

    Args:
        modal: as it is shown.
        given: values by the custom id or the label of the field.
        resolved: takes up what ids stand for.

    Raises:
        UsageError: a field is not there or not filled in, or its value does not fit.
    """
    rest = dict(given)
    filled = [_filled(component, rest, resolved) for component in modal["components"]]
    if rest:
        raise UsageError(f"the modal has no field {', '.join(sorted(rest))}.")
    return [component for component in filled if component is not None]


def _filled(component: Json, rest: dict[str, object], resolved: Resolved) -> Json | None:
    place = {"type": component["type"], "id": component["id"]}
    if component["type"] == LABEL:
        inner = _field(component["component"], component["label"], rest, resolved)
        return {**place, "component": inner}
    if component["type"] == ACTION_ROW:
        fields = [
            _field(item, item.get("label"), rest, resolved) for item in component["components"]
        ]
        return {**place, "components": fields}
    return place


def _field(component: Json, label: str | None, rest: dict[str, object], resolved: Resolved) -> Json:
    custom_id, kind = component["custom_id"], component["type"]
    value = rest.pop(custom_id, None)
    if value is None and label is not None:
        value = rest.pop(label, None)
    field: Json = {"type": kind, "id": component["id"], "custom_id": custom_id}
    needed = component.get("required", True)
    if kind == TEXT_INPUT:
        return {**field, "value": _text(component, label, value, needed=needed)}
    if kind == CHECKBOX:
        return {**field, "value": bool(component["default"] if value is None else value)}
    if value is None and needed:
        raise UsageError(f"the modal's field {label or custom_id!r} is not filled in.")
    if kind == RADIO_GROUP:
        return {**field, "value": None if value is None else _entry(component, value)}
    values = _listed(value)
    if kind == CHECKBOX_GROUP or not values:
        return {**field, "values": [_entry(component, item) for item in values]}
    return {**field, "values": fill_select(component, values, resolved)}


def _text(component: Json, label: str | None, value: object, *, needed: bool) -> str:
    text = str(component.get("value", "") if value is None else value)
    name = label or component["custom_id"]
    if needed and not text:
        raise UsageError(f"the modal's field {name!r} is not filled in.")
    least, most = component.get("min_length", 0), component.get("max_length", 4000)
    if text and not least <= len(text) <= most:
        raise UsageError(f"the modal's field {name!r} takes {least} to {most} characters.")
    return text


def _listed(value: object) -> list[object]:
    if value is None:
        return []
    return list(cast("list[object]", value)) if isinstance(value, list | tuple) else [value]


def _as_id(value: object) -> int:
    """An id, given as such or as a thing that has one."""
    found = getattr(value, "id", value)
    if isinstance(found, int | str) and str(found).isdecimal():
        return int(found)
    raise UsageError(f"an id is a number, not {value!r}.")
