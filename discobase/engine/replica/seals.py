"""For which generation the log was sealed last, as far as this replica has read it."""

from __future__ import annotations

import sqlite3

from discobase.engine.operations import Seal

LAYOUT = """
CREATE TABLE seal (only INTEGER PRIMARY KEY CHECK (only = 1), generation INTEGER NOT NULL);
INSERT INTO seal VALUES (1, 0);
"""


class SealTable:
    """The last seal, on the writing connection, inside a transaction. No part of the state: who
    begins at a checkpoint of the next generation needs to know nothing of it.

    Args:
        connection: one to the replica's file.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def read(self) -> int:
        """Return the generation that it has announced; 0 where there was none."""
        (generation,) = self._connection.execute("SELECT generation FROM seal").fetchone()
        return int(generation)

    def note(self, seal: Seal) -> None:
        """Take note of a seal."""
        self._connection.execute("UPDATE seal SET generation = ?", (seal.generation,))

    def clear(self) -> None:
        """Go back to the beginning of the log."""
        self._connection.execute("UPDATE seal SET generation = 0")
