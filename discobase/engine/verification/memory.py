"""What this process remembers of the log: the positions that it has applied, and its state."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field

from discobase.engine.log.frame import GENESIS
from discobase.engine.replica import Head, Replica, ReplicaLost, Snapshot
from discobase.errors import Disconnected


@dataclass(frozen=True, slots=True)
class Remembered:
    """A position that this process has applied.

    Attributes:
        message: the message that it took.
        chain: what a frame there has to continue.
        applied: whether it counts.
        writer: who wrote it.
    """

    message: int
    chain: str
    applied: bool
    writer: str


@dataclass(frozen=True, slots=True)
class Memory:
    """What this process remembered at one moment.

    Attributes:
        head: its head.
        state: the hash of its state; empty where it was not to be had.
        why_not: why, then.
        positions: what it has applied, as far back as it remembers.
    """

    head: Head = Head(0, GENESIS)  # noqa: RUF009 - it is immutable
    state: str = ""
    why_not: str = ""
    positions: Mapping[int, Remembered] = field(default_factory=dict[int, Remembered])

    def chain_at(self, seq: int) -> str | None:
        """Return what a frame at a position has to continue; None where that is forgotten."""
        if seq == self.head.seq + 1:
            return self.head.chain
        position = self.positions.get(seq)
        return None if position is None else position.chain


def memory_of(replica: Replica | None) -> Memory:
    """Return what a replica remembers now, if there is one. Takes seconds where it has a million
    records; nobody waits for that.
    """
    if replica is None:
        return Memory(why_not="it has none, since it could not open the database")
    if replica.in_memory:
        return Memory(
            why_not="this process has its records in memory, where nobody could write while they "
            "are read"
        )
    try:
        with contextlib.closing(replica.snapshot()) as taken:
            return _read(taken)
    except (ReplicaLost, Disconnected):
        return Memory(why_not="this process is just reading its records again")
    except sqlite3.Error as error:
        return Memory(why_not=f"the file that holds them in this process fails ({error})")


def _read(taken: Snapshot) -> Memory:
    for _ in taken.lines():
        pass
    positions = {
        seq: Remembered(message, chain, applied, writer)
        for seq, message, chain, applied, writer in taken.frames()
    }
    return Memory(taken.head, taken.hash, "", positions)
