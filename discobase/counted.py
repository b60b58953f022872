"""How many there are of something, in words."""

from __future__ import annotations


def counted(number: int, what: str) -> str:
    """Return a number with what it counts.

    Args:
        number: how many there are.
        what: one of them, whose plural ends with an s.

    >>> counted(1, "record"), counted(12_345, "record")
    ('1 record', '12,345 records')
    """
    return f"{number:,} {what}{'' if number == 1 else 's'}"
