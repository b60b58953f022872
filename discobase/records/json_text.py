"""JSON text as a frame of the log carries it: compact, ASCII, without back-ticks."""

from __future__ import annotations

import json
import re
from typing import Any

_UNSAFE = re.compile(r"[`\x7f-\U0010ffff]")
"""What a frame cannot carry: it is ASCII, in a block that a back-tick could close."""


def json_text(value: Any) -> str:
    """Write a JSON value as such text."""
    return as_ascii(json.dumps(value, separators=(",", ":")))


def as_ascii(text: str) -> str:
    """Return compact JSON text with the characters escaped that a frame cannot carry."""
    return _UNSAFE.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
