"""A value as an error shows it: so that it fits a line."""

from __future__ import annotations

_SHOWN = 80
"""Characters of a value in an error: a guess."""


def shortened(value: object) -> str:
    """Return the repr of a value, for an error: 80 characters at most."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an integer of too many digits, a value inside itself
        return "a value"
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
