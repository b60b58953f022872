"""JSON in the compact form in which it is stored and sent: ASCII, no blanks; and what is none."""

from __future__ import annotations

import json
import math
from json import JSONEncoder
from typing import cast

text = JSONEncoder(separators=(",", ":")).encode
"""The JSON text of a value."""

_DEEPEST = 100
"""How deep what is read may be: a guess, far above what anything of Discord's needs, and far below
what Python reads and writes without an error of its own."""


def read(raw: str | bytes) -> object:
    """Read a JSON text.

    Raises:
        ValueError: it is none, or too deep, or has a number or half a character that no JSON of
            ours could have.
    """
    try:
        value: object = json.loads(raw, parse_constant=_refused, parse_float=_finite)
    except RecursionError as error:
        raise ValueError("this JSON is too deep") from error
    brackets = (b"[", b"{") if isinstance(raw, bytes) else ("[", "{")
    if sum(map(raw.count, brackets)) > _DEEPEST:  # type: ignore[arg-type]
        _check_depth(value)
    return value


def _refused(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits} is too large a number")
    return number


def _check_depth(value: object) -> None:
    level: list[object] = [value]
    for _ in range(_DEEPEST):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return
    raise ValueError("this JSON is too deep")


def _inside(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(cast("dict[str, object]", value).values())
    return cast("list[object]", value) if isinstance(value, list) else []
