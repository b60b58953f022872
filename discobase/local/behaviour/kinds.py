"""Whether values are of the kinds that their annotations name: what a test gives the server breaks
it where it is given, not later, where a client is answered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from discobase.errors import UsageError

_LARGEST = 2**63 - 1
"""Larger numbers fit into no field of Discord's, and into none of SQLite's."""


def check(described: Callable[..., object], values: Mapping[str, object]) -> None:
    """Hold values against the annotations of a function's parameters, or of a class's fields.

    Raises:
        UsageError: one of them is of another kind, is infinite, or too large.
    """
    for name, adapter in _adapters(described).items():
        if name in values:
            _check_one(name, values[name], adapter)


def _check_one(name: str, value: object, adapter: TypeAdapter[Any]) -> None:
    try:
        adapter.validate_python(value)
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]["msg"]
        raise UsageError(f"{name}={value!r:.80}: {reason}.") from None
    if isinstance(value, int | float) and abs(value) > _LARGEST:
        raise UsageError(f"{name}={value!r:.80}: it is too large.")


@cache
def _adapters(described: Callable[..., object]) -> dict[str, TypeAdapter[Any]]:
    strict = ConfigDict(strict=True, allow_inf_nan=False)
    return {
        name: TypeAdapter(kind, config=strict)
        for name, kind in get_type_hints(described).items()
        if name != "return" and not name.startswith("_")
    }
