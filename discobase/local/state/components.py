"""Message components: their types, and all of those in a message.

Source: Discord's page "Component Reference".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

ACTION_ROW, BUTTON, STRING_SELECT, TEXT_INPUT = 1, 2, 3, 4
USER_SELECT, ROLE_SELECT, MENTIONABLE_SELECT, CHANNEL_SELECT = 5, 6, 7, 8
SECTION, TEXT_DISPLAY, SEPARATOR, CONTAINER, LABEL = 9, 10, 14, 17, 18
RADIO_GROUP, CHECKBOX_GROUP, CHECKBOX = 21, 22, 23

SELECTS = frozenset({STRING_SELECT, USER_SELECT, ROLE_SELECT, MENTIONABLE_SELECT, CHANNEL_SELECT})

LINK, PREMIUM = 5, 6
"""Styles of buttons that send no interaction."""


def parts(components: list[Json]) -> Iterator[Json]:
    """Yield all components of a list with those inside them, each before what it holds."""
    for component in components:
        yield component
        yield from parts(component.get("components", []))
        for inner in ("accessory", "component"):
            if inner in component:
                yield from parts([component[inner]])
