"""Message components and modals: buttons, select menus, text inputs and what holds them.

Limits: Discord's page "Component Reference". Codes of mistakes are those that people report.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any, cast

from discobase.local import refusals
from discobase.local.rest.forms.form import Form
from discobase.local.state.components import (
    ACTION_ROW,
    BUTTON,
    CHECKBOX,
    CHECKBOX_GROUP,
    CONTAINER,
    LABEL,
    LINK,
    PREMIUM,
    RADIO_GROUP,
    SECTION,
    SELECTS,
    SEPARATOR,
    STRING_SELECT,
    TEXT_DISPLAY,
    TEXT_INPUT,
    parts,
)

Json = dict[str, Any]

LONGEST_CUSTOM_ID = 100
MOST_ROWS = 5
MOST_COMPONENTS = 40
_MOST_IN_ROW = 5
_MOST_OPTIONS = 25
_LONGEST_TITLE = 45
_LONGEST_INPUT = 4000
"""Discord's page "Component Reference"."""

_UNSERVED = {11: "thumbnail", 12: "media gallery", 13: "file", 19: "file upload"}
_IN_ROW = {BUTTON, *SELECTS}
_TOP_OF_V2 = {ACTION_ROW, SECTION, TEXT_DISPLAY, SEPARATOR, CONTAINER}
_IN_CONTAINER = _TOP_OF_V2 - {CONTAINER}
_TOP_OF_MODAL = {ACTION_ROW, TEXT_DISPLAY, LABEL}
_IN_LABEL = {TEXT_INPUT, *SELECTS, RADIO_GROUP, CHECKBOX_GROUP, CHECKBOX}


def read_components(form: Form, *, free: bool) -> list[Json] | None:
    """Read the ``components`` of a message, as they are sent back; ``None`` where there are none.

    Args:
        form: the message.
        free: whether it is laid out by its components alone (the flag ``IS_COMPONENTS_V2``).
    """
    if form.body.get("components") is None:
        return [] if "components" in form else None
    tree = _Tree(form)
    found = tree.list(
        form,
        "components",
        allowed=_TOP_OF_V2 if free else {ACTION_ROW},
        most=MOST_COMPONENTS if free else MOST_ROWS,
    )
    total = sum(1 for _ in parts(found))
    if total > MOST_COMPONENTS:
        form.wrong(
            "components", "COMPONENT_MAX_TOTAL", f"Must have {MOST_COMPONENTS} or fewer components."
        )
    return found


def read_modal(form: Form) -> Json:
    """Read a modal, as it is shown."""
    modal: Json = {
        "custom_id": form.text("custom_id", shortest=1, longest=LONGEST_CUSTOM_ID, needed=True),
        "title": form.text("title", shortest=1, longest=_LONGEST_TITLE, needed=True),
    }
    tree = _Tree(form, in_modal=True)
    modal["components"] = tree.list(
        form, "components", allowed=_TOP_OF_MODAL, least=1, most=MOST_ROWS
    )
    return modal


class _Tree:
    """The components of one message or modal: they share numbers and must not share custom ids."""

    def __init__(self, form: Form, *, in_modal: bool = False) -> None:
        self._form = form
        self._in_modal = in_modal
        self._numbers = count(1)
        self._custom_ids: set[str] = set()
        self._readers: dict[int, Callable[[Form], Json]] = {
            ACTION_ROW: self._row,
            BUTTON: self._button,
            TEXT_INPUT: self._text_input,
            SECTION: self._section,
            TEXT_DISPLAY: _text_display,
            SEPARATOR: _separator,
            CONTAINER: self._container,
            LABEL: self._label,
            RADIO_GROUP: self._choices,
            CHECKBOX_GROUP: self._choices,
            CHECKBOX: self._checkbox,
            **dict.fromkeys(SELECTS, self._select),
        }

    def list(
        self, form: Form, name: str, *, allowed: set[int], most: int, least: int = 0
    ) -> list[Json]:
        """Return a list of components."""
        items = form.objects(name, most=most) or []
        if len(items) < least:
            form.wrong(
                name, "BASE_TYPE_BAD_LENGTH", f"Must be between {least} and {most} in length."
            )
        read = (self._one(Form(i, form, f"{name}.{n}"), allowed) for n, i in enumerate(items))
        return [component for component in read if component is not None]

    def _inner(self, form: Form, name: str, allowed: set[int]) -> Json:
        given = form.body.get(name)
        if not isinstance(given, dict):
            form.wrong(name, "BASE_TYPE_REQUIRED", "This field is required")
            return {}
        return self._one(Form(cast("Json", given), form, name), allowed) or {}

    def _one(self, form: Form, allowed: set[int]) -> Json | None:
        kind = form.integer("type")
        if kind in _UNSERVED:
            raise refusals.not_served(f"components of the type {kind} ({_UNSERVED[kind]})")
        if kind not in allowed:
            listed = ", ".join(map(str, sorted(allowed)))
            form.wrong(
                "type", "UNION_TYPE_CHOICES", f'Value of field "type" must be one of ({listed}).'
            )
            return None
        number = form.integer("id") or next(self._numbers)
        return {"type": kind, "id": number, **self._readers[kind](form)}

    def _custom_id(self, form: Form) -> Json:
        found = form.text("custom_id", shortest=1, longest=LONGEST_CUSTOM_ID, needed=True)
        if found is None:
            return {}
        if found in self._custom_ids:
            form.wrong(
                "custom_id",
                "COMPONENT_CUSTOM_ID_DUPLICATED",
                "Component custom id cannot be duplicated",
            )
        self._custom_ids.add(found)
        return {"custom_id": found}

    def _row(self, form: Form) -> Json:
        allowed = {TEXT_INPUT} if self._in_modal else _IN_ROW
        found = self.list(form, "components", allowed=allowed, least=1, most=_MOST_IN_ROW)
        if any(component["type"] != BUTTON for component in found):
            for number in range(1, len(found)):
                form.wrong(
                    f"components.{number}",
                    "COMPONENT_LAYOUT_WIDTH_EXCEEDED",
                    "The specified component exceeds the maximum width",
                )
        return {"components": found}

    def _button(self, form: Form) -> Json:
        style = form.choice("style", range(1, 7)) or 0
        button: Json = {"style": style}
        if not style and form.body.get("style") is None:
            form.wrong("style", "BASE_TYPE_REQUIRED", "This field is required")
        if style == LINK:
            button["url"] = form.text("url", shortest=1, longest=512, needed=True)
        elif style == PREMIUM:
            button["sku_id"] = str(form.snowflake("sku_id"))
        elif style:
            button.update(self._custom_id(form))
        label, emoji = form.text("label", longest=80), form.body.get("emoji")
        if style and style != PREMIUM and not label and emoji is None:
            form.wrong(
                "label", "BUTTON_COMPONENT_INVALID_CONTENT", "A button needs a label or an emoji"
            )
        return _present({**button, "label": label, "emoji": emoji, **_switch(form, "disabled")})

    def _select(self, form: Form) -> Json:
        select = {
            **self._custom_id(form),
            "placeholder": form.text("placeholder", longest=150),
            "min_values": _or(form.integer("min_values", most=_MOST_OPTIONS), 1),
            "max_values": _or(form.integer("max_values", least=1, most=_MOST_OPTIONS), 1),
            "default_values": form.objects("default_values", most=_MOST_OPTIONS),
            "channel_types": form.body.get("channel_types"),
            **_switch(form, "disabled"),
        }
        if self._in_modal:
            select.update(_switch(form, "required", usually=True))
        if form.body["type"] == STRING_SELECT:
            select["options"] = _options(form)
        return _present(select)

    def _text_input(self, form: Form) -> Json:
        least = form.integer("min_length", most=_LONGEST_INPUT)
        most = form.integer("max_length", least=1, most=_LONGEST_INPUT)
        return _present(
            {
                **self._custom_id(form),
                "style": form.choice("style", (1, 2)),
                "label": form.text("label", shortest=1, longest=_LONGEST_TITLE),
                "min_length": least,
                "max_length": most,
                **_switch(form, "required", usually=True),
                "value": form.text("value", longest=most or _LONGEST_INPUT),
                "placeholder": form.text("placeholder", longest=100),
            }
        )

    def _choices(self, form: Form) -> Json:
        group = {
            **self._custom_id(form),
            "options": _options(form),
            **_switch(form, "required", usually=True),
        }
        if form.body["type"] == CHECKBOX_GROUP:
            group["min_values"] = _or(form.integer("min_values"), 1)
            group["max_values"] = _or(form.integer("max_values"), len(group["options"]))
        return group

    def _checkbox(self, form: Form) -> Json:
        return {**self._custom_id(form), "default": bool(form.boolean("default"))}

    def _section(self, form: Form) -> Json:
        texts = self.list(form, "components", allowed={TEXT_DISPLAY}, least=1, most=3)
        return {"components": texts, "accessory": self._inner(form, "accessory", {BUTTON})}

    def _container(self, form: Form) -> Json:
        found = self.list(form, "components", allowed=_IN_CONTAINER, least=1, most=MOST_COMPONENTS)
        return {
            "accent_color": form.integer("accent_color", most=0xFFFFFF),
            "spoiler": bool(form.boolean("spoiler")),
            "components": found,
        }

    def _label(self, form: Form) -> Json:
        return _present(
            {
                "label": form.text("label", shortest=1, longest=_LONGEST_TITLE, needed=True),
                "description": form.text("description", longest=100),
                "component": self._inner(form, "component", _IN_LABEL),
            }
        )


def _text_display(form: Form) -> Json:
    return {"content": form.text("content", shortest=1, longest=4000, needed=True)}


def _separator(form: Form) -> Json:
    spacing = form.choice("spacing", (1, 2)) or 1
    return {"spacing": spacing, "divider": form.boolean("divider") is not False}


def _options(form: Form) -> list[Json]:
    options = form.objects("options", most=_MOST_OPTIONS) or []
    if not options:
        form.wrong("options", "BASE_TYPE_REQUIRED", "This field is required")
    return [_option(Form(item, form, f"options.{n}")) for n, item in enumerate(options)]


def _option(form: Form) -> Json:
    return _present(
        {
            "label": form.text("label", shortest=1, longest=100, needed=True),
            "value": form.text("value", shortest=1, longest=100, needed=True),
            "description": form.text("description", longest=100),
            "emoji": form.body.get("emoji"),
            "default": form.boolean("default"),
        }
    )


def _switch(form: Form, name: str, *, usually: bool = False) -> Json:
    """Read a true-or-false field, where it is not as it usually is."""
    value = form.boolean(name)
    return {} if value is None or value is usually else {name: value}


def _or(value: int | None, usual: int) -> int:
    return usual if value is None else value


def _present(fields: Json) -> Json:
    return {name: value for name, value in fields.items() if value is not None}
