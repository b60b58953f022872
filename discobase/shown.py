"""A value as an error or a query shows it."""

from __future__ import annotations

import re

_SHOWN = 80
"""Characters of a value in an error: a guess."""

_TOKEN = re.compile(r"[\w-]{16,}\.[\w-]{4,}\.[\w-]{16,}", re.ASCII)
"""The form of a bot's token: its id, a time and a signature, in Base64 with dots between them. The
least lengths are a guess, below those of all tokens (18, 6 and 27 characters).
"""


def in_full(value: object) -> str:
    """Return the repr of a value, however long; ``a value`` where Python does not make it."""
    try:
        return repr(value)
    except (ValueError, RecursionError):  # an integer of too many digits, a value inside itself
        return "a value"


def looks_like_token(text: str) -> bool:
    """Return whether a text looks like a bot's token, which nobody is to see."""
    return _TOKEN.fullmatch(text.strip()) is not None


def shortened(value: object) -> str:
    """Return the repr of a value, for an error: 80 characters at most, and nothing of what looks
    like a bot's token, which is easily given in the place of a bot's id or a database's name.
    """
    if isinstance(value, str) and looks_like_token(value):
        return "<hidden: it looks like a bot's token>"
    text = in_full(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
