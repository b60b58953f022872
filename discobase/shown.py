"""A value as an error or a query shows it."""

from __future__ import annotations

_SHOWN = 80
"""Characters of a value in an error: a guess."""


def in_full(value: object) -> str:
    """Return the repr of a value, however long; ``a value`` where Python does not make it."""
    try:
        return repr(value)
    except (ValueError, RecursionError):  # an integer of too many digits, a value inside itself
        return "a value"


def shortened(value: object) -> str:
    """Return the repr of a value, for an error: 80 characters at most."""
    text = in_full(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
