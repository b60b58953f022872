"""What the log says of those who write: what each is called.

A writer introduces itself in a commit of its own, whenever the replica does not know it: so the
newest introductions are enough, and a writer that was pushed out of them comes back by itself.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from discobase.engine.operations import Introduce

KEPT = 1_000
"""Writers whose labels are known, the newest ones: a cron job a minute for most of a day. A guess;
they come to some 100 kB."""

LAYOUT = """
CREATE TABLE writer (id TEXT PRIMARY KEY, label TEXT NOT NULL, seq INTEGER NOT NULL);
"""
"""``seq`` is the position of the introduction."""


@dataclass(frozen=True, slots=True)
class Writers:
    """What is known of writers at one moment.

    Attributes:
        labels: what each is called, by its id.
    """

    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


class WriterTable:
    """What is known of writers, on the writing connection, inside a transaction.

    Args:
        connection: the writing one.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._read: Writers | None = None
        self._has_grown = False

    def read(self) -> Writers:
        """Return what is known now."""
        if self._read is None:
            labels = self._connection.execute("SELECT id, label FROM writer").fetchall()
            self._read = Writers(MappingProxyType(dict(labels)))
        return self._read

    def rows(self) -> Iterator[tuple[str, str, int]]:
        """Yield what each is called, and where it was said, in the order of the log."""
        yield from self._connection.execute("SELECT id, label, seq FROM writer ORDER BY seq, id")

    def introduce(self, operation: Introduce, seq: int) -> None:
        """Note what a writer is called."""
        self._read, self._has_grown = None, True
        self._connection.execute(
            "INSERT OR REPLACE INTO writer VALUES (?, ?, ?)",
            (operation.writer, operation.label, seq),
        )

    def prune(self) -> None:
        """Let go of those who were introduced too long ago."""
        if not self._has_grown:
            return
        self._read, self._has_grown = None, False
        self._connection.execute(
            "DELETE FROM writer WHERE id IN "
            "(SELECT id FROM writer ORDER BY seq DESC, id LIMIT -1 OFFSET ?)",
            (KEPT,),
        )

    def knows(self, introduction: Introduce) -> bool:
        """Return whether an introduction would say nothing new."""
        return self.read().labels.get(introduction.writer) == introduction.label

    def forget(self) -> None:
        """Forget what was read: the transaction, or a part of it, has been rolled back."""
        self._read = None

    def clear(self) -> None:
        """Go back to the beginning of the log."""
        self.forget()
        self._connection.execute("DELETE FROM writer")
