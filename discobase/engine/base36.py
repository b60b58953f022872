"""Numbers in base 36: short, and of characters that nonces and names may have."""

from __future__ import annotations

import string

DIGITS = string.digits + string.ascii_lowercase
"""The digits of base 36. ``int(text, 36)`` reads them."""


def base36(number: int) -> str:
    """Write a number in base 36."""
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = DIGITS[rest] + digits
    return digits or "0"
