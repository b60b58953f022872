"""The key of a database, as it is typed or stands in the environment."""

from __future__ import annotations

from typing import overload


@overload
def key_of(text: str) -> bytes | str: ...


@overload
def key_of(text: str | None) -> bytes | str | None: ...


def key_of(text: str | None) -> bytes | str | None:
    """Return a key that was given as a text: 32 bytes in hexadecimal, or a passphrase; None for
    none.
    """
    if not text:
        return None
    try:
        return bytes.fromhex(text) if len(text) == 64 else text
    except ValueError:
        return text
