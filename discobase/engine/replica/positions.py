"""Which positions have been applied, and by which messages.

This tells where in a lane the next ones are to be looked for, and whether a message at a position
that has passed would have been taken instead of the one that was.

All of them stand in SQL; the recent ones, which are asked for with every commit, are published
together with the head, so that the event loop needs no query.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from discobase.engine.log.entry import Entry
from discobase.engine.log.frame import GENESIS

RECENT = 1024
"""Positions that are published with the head: 170 kB of memory (measured).

A guess. With eight lanes it is what is written in two minutes at full speed (about a message a
second in each lane, docs#5646); echoes take seconds, or as long as a session was gone. It has to be
more than the lanes of any log, for :meth:`Positions.below` (a server has 500 channels at the most).
"""


_OUT_OF_ORDER = 1_000 << 22
"""By how much ids may be out of order: a second, by their own clock (reference, "Snowflakes"). That
each message of a channel has a larger id than those before it is nowhere promised; a guess, many
times what clocks that are kept in step differ by."""


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
class Applied:
    """A frame that was applied: its position, message and writer."""

    seq: int
    message: int
    writer: str


@dataclass(frozen=True, slots=True)
class Positions:
    """The head and the recent positions, the head's included, of one moment.

    Args:
        head: the head.
        recent: the recent positions.
        lanes: how many lanes the log has.
    """

    head: Head
    recent: tuple[Position, ...]
    lanes: int

    @property
    def oldest(self) -> int:
        """The first of the recent positions."""
        return self.head.seq + 1 - len(self.recent)

    def at(self, seq: int) -> Position | None:
        """Return a recent position; None where it is none."""
        return self.recent[seq - self.oldest] if self.oldest <= seq <= self.head.seq else None

    def message_at(self, seq: int) -> int:
        """Return the message id of a recent position, 0 where there is none."""
        position = self.at(seq)
        return 0 if position is None else position.message

    def newest_in(self, lane: int) -> int:
        """Return the id of the newest message of a lane that has passed recently, 0 where there is
        none.

        Args:
            lane: the lane's number.
        """
        behind = (self.head.seq - lane) % self.lanes
        return self.message_at(self.head.seq - behind)

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

    def safely_below(self, seq: int) -> int:
        """Return such a message id also for servers whose clocks differ a little: there the ids of
        messages that follow each other may be out of order.
        """
        return max(0, self.below(seq) - _OUT_OF_ORDER)

    def read_from(self) -> list[int]:
        """Return a message id for each lane from above which it has to be read, for what follows
        the head.
        """
        following = (self.head.seq + 1 + step for step in range(self.lanes))
        by_lane = sorted(following, key=lambda seq: seq % self.lanes)
        return [self.safely_below(seq) for seq in by_lane]


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

    def load(self) -> None:
        """Take over what stands in the file: another process has left it."""
        head, chain = self._connection.execute("SELECT head, chain FROM state").fetchone()
        self.head = Head(head, chain)
        recent = self._connection.execute(
            "SELECT message, chain, applied FROM frame ORDER BY seq DESC LIMIT ?", (RECENT,)
        ).fetchall()
        self._recent.extend(
            Position(message, before, bool(applied)) for message, before, applied in recent[::-1]
        )

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
            "INSERT INTO frame VALUES (?, ?, ?, ?, ?)",
            (seq, position.message, before.chain, applied, entry.header.writer),
        )
        execute("UPDATE state SET head = ?, chain = ?", (seq, self.head.chain))

    def relay(self, lanes: int) -> None:
        """Have positions lie in so many lanes from now on."""
        self._lanes = lanes

    def clear(self) -> None:
        """Go back to the beginning of the log."""
        self.head = Head(0, GENESIS)
        self._recent.clear()
        self._connection.execute("DELETE FROM frame")
        self._connection.execute("UPDATE state SET head = 0, chain = ?", (GENESIS,))

    def restore_from(self, head: Head, recent: Sequence[tuple[int, Position, str]]) -> None:
        """Make a position the head, of whose predecessors no more than the recent ones are known:
        each with its number and its writer.

        Raises:
            ValueError: they do not lead to that head.
        """
        first = max(0, head.seq - RECENT) + 1
        if [seq for seq, _, _ in recent] != [*range(first, head.seq + 1)]:
            raise ValueError("positions are missing")
        self._connection.executemany(
            "INSERT INTO frame VALUES (?, ?, ?, ?, ?)",
            [
                (seq, position.message, position.chain, position.applied, writer)
                for seq, position, writer in recent
            ],
        )
        self._connection.execute("UPDATE state SET head = ?, chain = ?", (head.seq, head.chain))
        self.head = head
        self._recent.extend(position for _, position, _ in recent)

    def restore(self, published: Positions) -> None:
        """Go back to what was published last: the transaction has been rolled back."""
        self.head = published.head
        self._recent = deque(published.recent, RECENT)

    def at(self, seq: int) -> Position | None:
        """Return a position that has passed, however long ago; None where there is none."""
        row = self._connection.execute(
            "SELECT message, chain, applied FROM frame WHERE seq = ?", (seq,)
        ).fetchone()
        return None if row is None else Position(row[0], row[1], bool(row[2]))

    def find(self, message: int) -> int | None:
        """Return the position that a message was taken for; None where it was taken for none."""
        row = self._connection.execute(
            "SELECT seq FROM frame WHERE message = ?", (message,)
        ).fetchone()
        return None if row is None else int(row[0])

    def hash_at(self, seq: int) -> str | None:
        """Return the hash of the frame that was applied at a position; None where it is void, or
        has not passed.
        """
        position = self.at(seq)
        if position is None or not position.applied:
            return None
        above = self.at(seq + 1)
        return self.head.chain if above is None else above.chain

    def applied_below(self, below: int | None, *, above: int, number: int) -> list[Applied]:
        """Return the last frames that are known to have been applied between two positions, the
        last one first.

        Args:
            below: the position that they are below; None for the newest.
            above: the position that they are above.
            number: how many they are at the most.
        """
        rows = self._connection.execute(
            "SELECT seq, message, writer FROM frame WHERE applied AND seq < ? AND seq > ? "
            "ORDER BY seq DESC LIMIT ?",
            (self.head.seq + 1 if below is None else below, above, number),
        )
        return [Applied(*row) for row in rows]

    def applied(self) -> list[Applied]:
        """Return which frames are known to have been applied, by position."""
        rows = self._connection.execute(
            "SELECT seq, message, writer FROM frame WHERE applied ORDER BY seq"
        )
        return [Applied(*row) for row in rows]
