"""Which positions have been applied, and by which messages.

This tells where in a lane the next ones are to be looked for, and whether a message at a position
that has passed would have been taken instead of the one that was.

All of them stand in SQL; the recent ones, which are asked for with every commit, are published
together with the head, so that the event loop needs no query.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from dataclasses import dataclass

from discobase.engine.log.commit_log import Entry
from discobase.engine.log.frame import GENESIS

RECENT = 1024
"""Positions that are published with the head: 170 kB of memory (measured).

A guess. With eight lanes it is what is written in two minutes at full speed (about a message a
second in each lane, docs#5646); echoes take seconds, or as long as a session was gone. It has to be
more than the lanes of any log, for :meth:`Positions.below` (a server has 500 channels at the most).
"""


@dataclass(frozen=True, slots=True)
class Head:
    """The last position the state includes, and the hash that the next frame has to continue."""

    seq: int
    chain: str


@dataclass(frozen=True, slots=True)
class Position:
    """A position that has passed: the message that was taken, the hash that a frame there had to
    continue, and whether the message was applied or is void.
    """

    message: int
    chain: str
    applied: bool

    def loses_to(self, entry: Entry) -> bool:
        """Return whether an entry at this position would have been taken instead."""
        if entry.message.id == self.message or entry.header.chain != self.chain:
            return False
        return not self.applied or entry.message.id < self.message


@dataclass(frozen=True, slots=True)
class Positions:
    """The head and the recent positions, the head's included, of one moment."""

    head: Head
    recent: tuple[Position, ...]
    lanes: int

    @property
    def oldest(self) -> int:
        """The first of the recent positions."""
        return self.head.seq + 1 - len(self.recent)

    def message_at(self, seq: int) -> int:
        """Return the message id of a recent position, 0 where there is none."""
        return self.recent[seq - self.oldest].message if self._includes(seq) else 0

    def below(self, seq: int) -> int:
        """Return a message id below which the message of a position is not: from there on its lane
        has to be read. 0, which is the whole lane, where the positions before it are not recent.

        The message before it in the lane would do, if it were known to be the first at its own
        position. One that came second may be younger than what is looked for, but not all that came
        since: hence the lowest of these.
        """
        first = seq - self.lanes - self.oldest
        if first < 0:
            return 0
        since = self.recent[first : first + self.lanes]
        return min((position.message for position in since), default=0)

    def changes_history(self, entry: Entry) -> bool:
        """Return whether an entry at a recent position would have been taken instead of the one
        that was.
        """
        seq = entry.header.seq
        return self._includes(seq) and self.recent[seq - self.oldest].loses_to(entry)

    def _includes(self, seq: int) -> bool:
        return self.oldest <= seq <= self.head.seq


class PositionTable:
    """All applied positions, on the writing connection, inside a transaction.

    Args:
        connection: the writing one.
        lanes: how many lanes the log has.
    """

    def __init__(self, connection: sqlite3.Connection, lanes: int) -> None:
        self._connection = connection
        self._lanes = lanes
        self._recent: deque[Position] = deque(maxlen=RECENT)
        self.head = Head(0, GENESIS)

    def read(self) -> Positions:
        """Return the head and the recent positions, to be published."""
        return Positions(self.head, tuple(self._recent), self._lanes)

    def advance(self, entry: Entry, *, applied: bool) -> None:
        """Make an entry's position the head. A void one passes, and the chain stays as it is."""
        seq, before = entry.header.seq, self.head
        if seq != before.seq + 1:
            raise AssertionError(f"position {seq} does not follow the head {before.seq}")
        position = Position(entry.message.id, before.chain, applied)
        self.head = Head(seq, entry.header.hash if applied else before.chain)
        self._recent.append(position)
        execute = self._connection.execute
        execute(
            "INSERT INTO frame VALUES (?, ?, ?, ?)", (seq, position.message, before.chain, applied)
        )
        execute("UPDATE state SET head = ?, chain = ?", (seq, self.head.chain))

    def clear(self) -> None:
        """Go back to the beginning of the log."""
        self.head = Head(0, GENESIS)
        self._recent.clear()
        self._connection.execute("DELETE FROM frame")
        self._connection.execute("UPDATE state SET head = 0, chain = ?", (GENESIS,))

    def restore(self, published: Positions) -> None:
        """Go back to what was published last: the transaction has been rolled back."""
        self.head = published.head
        self._recent = deque(published.recent, RECENT)

    def changes_history(self, entry: Entry) -> bool:
        """Return whether an entry at a position that has passed, however long ago, would have been
        taken instead of the one that was.
        """
        row = self._connection.execute(
            "SELECT message, chain, applied FROM frame WHERE seq = ?", (entry.header.seq,)
        ).fetchone()
        return row is not None and Position(row[0], row[1], bool(row[2])).loses_to(entry)
