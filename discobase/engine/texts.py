"""The texts in a stored record that are searched."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias, cast

Place: TypeAlias = tuple[str | None, ...]
"""Where in a record texts stand: the name of a field, and what leads on from there, the name of a
field in a model, or None for each element of a list and each value of a dictionary."""


def texts_in(stored: object, places: Iterable[Place]) -> Iterator[str]:
    """Yield the texts that stand at some places of a record, in the order of the places.

    Args:
        stored: the record, as its JSON has it.
        places: where to look. What is no text there is passed over.
    """
    for place in places:
        yield from _texts_at(stored, place)


def places_text(places: Iterable[Place]) -> str:
    """Return places as one text, equal for equal ones."""
    return json.dumps([list(place) for place in places])


def places_of(text: str) -> tuple[Place, ...]:
    """Return the places of which :func:`places_text` has made a text."""
    return tuple(tuple(place) for place in json.loads(text))


def _texts_at(value: object, place: Place) -> Iterator[str]:
    if not place:
        if isinstance(value, str):
            yield value
        return
    step, *rest = place
    if step is not None:
        if isinstance(value, dict):
            yield from _texts_at(cast("dict[str, Any]", value).get(step), tuple(rest))
        return
    parts: Iterable[object] = ()
    if isinstance(value, dict):
        parts = cast("dict[str, Any]", value).values()
    elif isinstance(value, list):
        parts = cast("Iterable[object]", value)
    for part in parts:
        yield from _texts_at(part, tuple(rest))
