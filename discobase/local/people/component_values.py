"""What a person picks in a menu or enters into a modal, as a bot gets it.

Discord's clients let nobody send what a menu or a modal does not allow; here that is a
:class:`discobase.errors.UsageError`, for it is a mistake of the test.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from discobase.errors import UsageError
from discobase.local.people.resolved import Resolved
from discobase.local.state.commands import CHANNEL, MENTIONABLE, ROLE, USER
from discobase.local.state.components import (
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

Json = dict[str, Any]

_OF_SELECT = {
    USER_SELECT: USER,
    ROLE_SELECT: ROLE,
    MENTIONABLE_SELECT: MENTIONABLE,
    CHANNEL_SELECT: CHANNEL,
}


def fill_select(component: Json, values: Sequence[object], resolved: Resolved) -> list[str]:
    """Return what is picked in a menu.

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
    """Return a modal's components with what a person writes into them.

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
    return filled


def _filled(component: Json, rest: dict[str, object], resolved: Resolved) -> Json:
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
