"""Who serves a file: a lock that the operating system releases when its holder dies.

It is an exclusive SQLite transaction on an empty file beside the one that is served
(``PATH-lock``): SQLite has such locks on every system Python runs on.
"""

from __future__ import annotations

import sqlite3


class Claim:
    """The claim to serve a file; at most one process has it.

    Args:
        path: of the file that is served. Whether it can be served at all is for the caller to see
            before a claim is taken.
    """

    def __init__(self, path: str) -> None:
        self._path = f"{path}-lock"
        self._held: sqlite3.Connection | None = None

    def take(self, seconds: float) -> bool:
        """Wait for the claim, and return whether it was got.

        Args:
            seconds: to wait at most, 0 for one try.
        """
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
