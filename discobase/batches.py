"""Changes put together, as many as one commit holds, and what came of them."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from discobase.counted import counted
from discobase.engine.changes import REQUEST_LINE, Change, Remove
from discobase.engine.log.frame import UNPACKED
from discobase.engine.operations import Delete, Names, Put, to_line

_HELD_BACK = 128 * 1024
"""Bytes that a compressor may still hold back. Its output buffer has 64 KiB (zlib's deflate.h, at
the default memory level); twice that is a guess on the safe side."""

_LEVEL = 6
"""Of compression: what the log uses (:mod:`discobase.engine.log.frame`)."""


AT_ONCE = 20_000
"""Records in one commit at the most. While one is made, or applied in another process, nothing else
is committed there: 10,000 small records take some 0.3 s to be made, and 400,000 at once held up the
saves of others for 7 s (measured)."""

_A_SCHEMA = 9_999
"""A number as long as any that a table's schemas get: a guess."""


@dataclass(frozen=True, slots=True)
class ChangeReport:
    """What a call did that changes many records.

    Attributes:
        records: how many records were changed, or deleted.
        commits: how many commits it took. Each is atomic; with one, all of it was.
    """

    records: int
    commits: int

    @property
    def is_atomic(self) -> bool:
        """Whether all of it was one commit, or there was nothing to do: with more of them, others
        may have seen one part without the other.
        """
        return self.commits <= 1


@dataclass(frozen=True, slots=True)
class Item:
    """One change of many.

    Args:
        change: the change.
        line: what stands in the log for it, at the most.
        record: the record that it is made of, where there is one.
    """

    change: Change
    line: bytes
    record: Any = None


class _Load:
    """Measures what a frame of some lines comes to, without compressing where that is not needed.

    Args:
        capacity: the bytes that one commit carries, compressed or not.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._plain = 0
        self._lines: list[bytes] = []
        self._packer: Any = None
        self._packed = 0

    def takes(self, line: bytes) -> bool:
        """Return whether the line fits as well, and count it in if so. The first always does."""
        if self._plain and not self._has_room(len(line) + 1):
            return False
        self._plain += len(line) + 1
        if self._packer is None:
            self._lines.append(line)
        else:
            self._pack(line)
        return True

    def _has_room(self, size: int) -> bool:
        if self._plain + size > UNPACKED:
            return False
        if self._plain + size <= self._capacity:
            return True
        if self._packer is None:
            self._packer = zlib.compressobj(_LEVEL)
            for line in self._lines:
                self._pack(line)
            self._lines.clear()
        return self._packed + _HELD_BACK + size <= self._capacity

    def _pack(self, line: bytes) -> None:
        self._packed += len(self._packer.compress(line + b"\n"))


def item_of(table: str, change: Change, pk: int, record: Any = None) -> Item:
    """Return a change with what stands in the log for it.

    Args:
        table: the table's name.
        change: the change.
        pk: the primary key of its record; any, where it has none yet.
        record: the record that it is made of.
    """
    line = to_line(
        Delete(table, pk) if isinstance(change, Remove) else Put(table, pk, change.data, _A_SCHEMA)
    )
    if change.attempt is not None:
        line = f"{to_line(Names(change.attempt.key, change.attempt.number))}\n{line}"
    return Item(change, line.encode("ascii"), record)


def batches(items: Iterable[Item], capacity: int) -> Iterator[list[Item]]:
    """Yield changes in their order, as many at a time as one commit holds.

    Args:
        items: the changes, consumed as they are needed.
        capacity: the bytes that one commit carries, compressed or not.
    """
    capacity -= REQUEST_LINE
    batch: list[Item] = []
    load = _Load(capacity)
    for item in items:
        if len(batch) == AT_ONCE or not load.takes(item.line):
            yield batch
            batch, load = [], _Load(capacity)
            load.takes(item.line)
        batch.append(item)
    if batch:
        yield batch


def note_done(error: BaseException, done: str, records: int, commits: int) -> None:
    """Note in an error what had been done before it, if anything had.

    Args:
        error: the error. An interrupt may come between the answer to a commit and its being counted
            here.
        done: what, as in "saved".
        records: of how many records.
        commits: in how many commits.
    """
    if commits:
        least = "" if isinstance(error, Exception) else "at least "
        before = f"{least}{counted(records, 'record')} had been {done} before"
        error.add_note(f"{before}, in {counted(commits, 'commit')}.")
