"""Which changes of recent requests the log has: where, and which records its inserts made.

A caller who never learned what became of a change asks for it again under the name it had
(:class:`~discobase.engine.changes.Attempt`), and this tells whether it has happened.

What one request did stands in few rows: the changes that follow one another in it, and made
records with primary keys that follow one another, or none, are a *run*.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from discobase.engine.changes import Attempt
from discobase.engine.operations import Delete, Names, Put

KEPT = 10_000
"""Positions for which it is known: at a position a second, which is what lanes take in the long
run, nearly three hours. A guess at when nobody repeats a save any more."""

LAYOUT = """
CREATE TABLE request (
    seq INTEGER NOT NULL, key TEXT NOT NULL, first INTEGER NOT NULL, count INTEGER NOT NULL,
    made INTEGER, deleted INTEGER NOT NULL
);
CREATE INDEX request_key ON request (key);
CREATE INDEX request_seq ON request (seq);
"""
"""A row is a run. ``made`` is the first primary key that it made, NULL where it changed records
that were there."""


@dataclass(frozen=True, slots=True)
class Done:
    """What the log has of a change.

    Attributes:
        seq: the position of the last commit that has it.
        made: the primary key of the record that it made; None where it changed one.
        deleted: whether it deleted its record.
    """

    seq: int
    made: int | None
    deleted: bool


@dataclass(slots=True)
class _Run:
    seq: int
    key: str
    first: int
    count: int
    made: int | None
    deleted: bool
    table: str

    def goes_on(self, table: str, made: int | None, *, deleted: bool) -> bool:
        """Return whether what the next change did belongs to the run."""
        if (table, deleted) != (self.table, self.deleted):
            return False
        return made == (None if self.made is None else self.made + self.count)


class RequestTable:
    """The changes of recent requests, on the writing connection, inside a transaction.

    Args:
        connection: the writing one.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._runs: list[_Run] = []
        self._names = Names("")
        self._seq = 0

    def begin(self, names: Names, seq: int) -> None:
        """Note what the changes are called that follow at a position.

        Raises:
            UnicodeEncodeError: that is no text which SQLite takes.
        """
        names.key.encode()
        self._names, self._seq = names, seq

    def note(self, operation: Put | Delete, seq: int, *, is_new: bool) -> None:
        """Note a change that was applied, under its name if it has one.

        Args:
            operation: what it did.
            seq: the position.
            is_new: whether it made a record.
        """
        if not self._names.key or self._seq != seq:
            return
        key, index = self._names.key, self._names.first
        self._names = Names(key, index + 1)
        made, deleted = operation.pk if is_new else None, isinstance(operation, Delete)
        last = self._runs[-1] if self._runs else None
        if (
            last is not None
            and (last.seq, last.key, last.first + last.count) == (seq, key, index)
            and last.goes_on(operation.table, made, deleted=deleted)
        ):
            last.count += 1
        else:
            self._runs.append(_Run(seq, key, index, 1, made, deleted, operation.table))

    def find(self, attempt: Attempt) -> Done | None:
        """Return what the log has of a change; None where it has nothing, as far as is kept."""
        self.keep()
        rows: list[tuple[int, int, int | None, int]] = self._connection.execute(
            "SELECT seq, first, made, deleted FROM request "
            "WHERE key = ? AND first <= ? AND first + count > ? ORDER BY rowid",
            (attempt.key, attempt.number, attempt.number),
        ).fetchall()
        if not rows:
            return None
        made = [pk + attempt.number - first for _, first, pk, _ in rows if pk is not None]
        return Done(rows[-1][0], made[-1] if made else None, bool(rows[-1][3]))

    def runs(self) -> Iterator[tuple[int, str, int, int, int | None, int]]:
        """Yield all that is kept, each run as long as can be, in the order of the log."""
        last: tuple[int, str, int, int, int | None, int] | None = None
        for run in self._connection.execute(
            "SELECT seq, key, first, count, made, deleted FROM request ORDER BY seq, rowid"
        ):
            if last is not None and _follows(run, last):
                seq, key, first, count, made, deleted = last
                last = (seq, key, first, count + run[3], made, deleted)
                continue
            if last is not None:
                yield last
            last = run
        if last is not None:
            yield last

    def keep(self) -> None:
        """Write down what was noted."""
        self._connection.executemany(
            "INSERT INTO request VALUES (?, ?, ?, ?, ?, ?)",
            [(run.seq, run.key, run.first, run.count, run.made, run.deleted) for run in self._runs],
        )
        self._runs.clear()

    def prune(self, head: int) -> None:
        """Let go of what is too long ago at a head."""
        self._connection.execute("DELETE FROM request WHERE seq <= ?", (head - KEPT,))

    def forget(self) -> None:
        """Forget what was noted and not written down: the transaction, or a part of it, has been
        rolled back.
        """
        self._runs.clear()
        self._names = Names("")

    def clear(self) -> None:
        """Go back to the beginning of the log."""
        self.forget()
        self._connection.execute("DELETE FROM request")


def _follows(
    run: tuple[int, str, int, int, int | None, int],
    last: tuple[int, str, int, int, int | None, int],
) -> bool:
    """Return whether two runs could be one: in which steps they were written down is no matter."""
    seq, key, first, count, made, deleted = last
    following = None if made is None else made + count
    return (run[0], run[1], run[2], run[4], run[5]) == (seq, key, first + count, following, deleted)
