"""Which positions have been applied, and by which messages.

This tells where in a lane the next ones are to be looked for, and whether a message at a position
that has passed would have been taken instead of the one that was.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from discobase.engine.log.commit_log import Entry
from discobase.engine.log.frame import GENESIS


@dataclass(frozen=True, slots=True)
class Head:
    """The last position the state includes, and the hash that the next frame has to continue."""

    seq: int
    chain: str


class Positions:
    """The applied positions, on the writing connection.

    Args:
        connection: the writing one.
        lanes: how many lanes the log has.
    """

    def __init__(self, connection: sqlite3.Connection, lanes: int) -> None:
        self._connection = connection
        self._lanes = lanes

    def head(self) -> Head:
        """Return the head, as the open transaction has it."""
        seq, chain = self._connection.execute("SELECT head, chain FROM state").fetchone()
        return Head(seq, chain)

    def advance(self, entry: Entry, *, applied: bool) -> None:
        """Make an entry's position the head. A void one passes, and the chain stays as it is."""
        seq, head = entry.header.seq, self.head()
        if seq != head.seq + 1:
            raise AssertionError(f"position {seq} does not follow the head {head.seq}")
        execute = self._connection.execute
        execute(
            "INSERT INTO frame VALUES (?, ?, ?, ?)", (seq, entry.message.id, head.chain, applied)
        )
        execute(
            "UPDATE state SET head = ?, chain = ?",
            (seq, entry.header.digest if applied else head.chain),
        )

    def clear(self) -> None:
        """Go back to the beginning of the log."""
        self._connection.execute("DELETE FROM frame")
        self._connection.execute("UPDATE state SET head = 0, chain = ?", (GENESIS,))

    def below(self, seq: int) -> int:
        """Return a message id below which the message of a position is not: from there on its lane
        has to be read.

        The message before it in the lane would do, if it were known to be the first at its own
        position. One that came second may be younger than what is looked for, but not all that came
        since: hence the lowest of these.
        """
        (message,) = self._connection.execute(
            "SELECT min(message) FROM frame WHERE seq >= ? AND seq < ?", (seq - self._lanes, seq)
        ).fetchone()
        return message if message is not None and seq > self._lanes else 0

    def message_at(self, seq: int) -> int:
        """Return the message id of an applied position, 0 where there is none."""
        row = self._connection.execute("SELECT message FROM frame WHERE seq = ?", (seq,)).fetchone()
        return int(row[0]) if row else 0

    def changes_history(self, entry: Entry) -> bool:
        """Return whether an entry at a position that is already applied would have been taken
        instead of the one that was.
        """
        row = self._connection.execute(
            "SELECT message, chain, applied FROM frame WHERE seq = ?", (entry.header.seq,)
        ).fetchone()
        if row is None or row[0] == entry.message.id:
            return False
        message, chain, applied = row
        fits = entry.header.prev == chain
        return fits and (not applied or entry.message.id < message)
