"""How much the log holds: the bytes of all that counts in it."""

from __future__ import annotations

import sqlite3

LAYOUT = """
CREATE TABLE volume (only INTEGER PRIMARY KEY CHECK (only = 1), bytes INTEGER NOT NULL);
INSERT INTO volume VALUES (1, 0);
"""


class VolumeTable:
    """The bytes of the log's payloads, unpacked, up to the head, on the writing connection, inside
    a transaction. A checkpoint carries it, so that those who begin with one know it, too.

    Args:
        connection: one to the replica's file.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def read(self) -> int:
        """Return the bytes."""
        (size,) = self._connection.execute("SELECT bytes FROM volume").fetchone()
        return int(size)

    def add(self, size: int) -> None:
        """Note that so many have come."""
        self._connection.execute("UPDATE volume SET bytes = bytes + ?", (size,))

    def clear(self) -> None:
        """Go back to the beginning of the log."""
        self._connection.execute("UPDATE volume SET bytes = 0")
