"""Whether a file that stands where a replica is kept is one, or somebody else's."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

_ID = int.from_bytes(b"dcbr", "big")
"""What SQLite calls the application id (sqlite.org/pragma.html#pragma_application_id): chosen at
random among those that sqlite.org lists for nobody (magic.txt)."""

SIGN = f"PRAGMA application_id={_ID};"
"""Has a file say that it is a replica, before anything else is written to it."""

_MAGIC = b"SQLite format 3\0"

_PLACE = slice(68, 72)
"""Where the id stands in a file (sqlite.org/fileformat.html, "The Database Header")."""


def is_own(path: Path) -> bool:
    """Return whether a file is a replica, whatever has become of it: one of its two signs is
    enough, the id or the table that says whose it is, for any byte may have been altered. An empty
    one is nobody's, and one that was cut within its header holds nothing. What its own user may not
    read is no file that another program uses.

    Raises:
        OSError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            begin = file.read(_PLACE.stop)
    except PermissionError:
        if _is_of_this_user(path):
            return True
        raise
    if len(begin) < _PLACE.stop:
        return begin[: len(_MAGIC)] == _MAGIC[: len(begin)]
    return int.from_bytes(begin[_PLACE], "big") == _ID or _says_whose_it_is(path)


def _is_of_this_user(path: Path) -> bool:
    own = getattr(os, "geteuid", None)  # Windows has none
    return own is not None and path.stat().st_uid == own()


def _says_whose_it_is(path: Path) -> bool:
    uri = f"{path.as_uri()}?mode=ro"
    try:
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as connection:
            connection.execute("SELECT format, superblock, clean FROM kept")
    except (sqlite3.Error, UnicodeDecodeError):  # the second where SQLite quotes what is no text
        return False
    return True
