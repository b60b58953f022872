"""Who serves a file: a lock that the operating system releases when its holder dies.

It is an exclusive SQLite transaction on an empty file beside the server's own (``PATH-lock``):
SQLite has such locks on every system Python runs on. Before that file is made, it is looked at
whether the server's own can be one.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from discobase.errors import ConnectError

_SQLITE = b"SQLite format 3\0"
"""What every SQLite file but an empty one begins with."""


def require_usable(path: str) -> None:
    """Refuses what cannot be a server's file; changes nothing.

    Args:
        path: of the file, which need not be there yet.

    Raises:
        ConnectError: it says what is in the way, and what to do.
    """
    if obstacle := _obstacle(Path(path)):
        raise ConnectError(f"the embedded server cannot keep its state in {path!r}: {obstacle}.")


def _obstacle(path: Path) -> str | None:
    folder = path.parent
    try:
        if path.is_dir():
            return "that is a folder; name a file in it"
        if not folder.is_dir():
            return f"there is no folder {str(folder)!r}; make it first"
        if not os.access(folder, os.W_OK | os.X_OK):
            return f"the folder {str(folder)!r} is not writable; choose another one"
        if not path.exists():
            return None
        if not path.is_file():
            return "that is no ordinary file"
        if not os.access(path, os.R_OK | os.W_OK):
            return "the file is not writable"
        with path.open("rb") as file:
            begin = file.read(len(_SQLITE))
    except OSError as error:
        return error.strerror or str(error)
    if begin and begin != _SQLITE:
        return "the file is no SQLite database; name another one, which may be new"
    return None


class Claim:
    """The claim to serve a file; at most one process has it.

    Args:
        path: of the server's file.
    """

    def __init__(self, path: str) -> None:
        self._served = path
        self._path = f"{path}-lock"
        self._held: sqlite3.Connection | None = None

    def take(self, seconds: float) -> bool:
        """Wait for the claim, and return whether it was got.

        Args:
            seconds: to wait at most, 0 for one try.

        Raises:
            ConnectError: there is no such file to serve, and none can be made.
        """
        require_usable(self._served)
        connection = sqlite3.connect(
            self._path, timeout=seconds, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("begin exclusive")
        except sqlite3.OperationalError as error:
            connection.close()
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            return False
        self._held = connection
        return True

    def release(self) -> None:
        """Give the claim up."""
        if self._held is not None:
            self._held.close()
            self._held = None
