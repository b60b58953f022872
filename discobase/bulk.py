"""Saving many records at once, in as few commits as they fit in."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel

from discobase.binding import Binding
from discobase.engine.changes import REQUEST_LINE, Change, Insert
from discobase.engine.log.frame import UNPACKED
from discobase.engine.operations import Names, Put, to_line
from discobase.errors import TableError, UsageError
from discobase.records.record import Record

R = TypeVar("R", bound=Record)

_log = logging.getLogger(__name__)

_HELD_BACK = 128 * 1024
"""Bytes that a compressor may still hold back. Its output buffer has 64 KiB (zlib's deflate.h, at
the default memory level); twice that is a guess on the safe side."""

_LEVEL = 6
"""Of compression: what the log uses (:mod:`discobase.engine.log.frame`)."""


_AT_ONCE = 20_000
"""Records in one commit at the most. While one is made, or applied in another process, nothing else
is committed there: 10,000 small records take some 0.3 s to be made, and 400,000 at once held up the
saves of others for 7 s (measured)."""

_A_SCHEMA = 9_999
"""A number as long as any that a table's schemas get: a guess."""


@dataclass(frozen=True, slots=True)
class SaveReport:
    """What :meth:`Table.save_many <discobase.Table.save_many>` did.

    Attributes:
        records: how many records were saved.
        commits: how many commits it took. Each is atomic; with one, all of it was.
    """

    records: int
    commits: int


@dataclass(frozen=True, slots=True)
class _Item:
    record: Any
    change: Change
    line: bytes


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


def save_all(binding: Binding[R], records: Iterable[R]) -> SaveReport:
    """Save records in as few commits as they fit in, in their order.

    See :meth:`discobase.Table.save_many`.
    """
    given: object = records
    if isinstance(given, BaseModel):  # such a one is iterable, too: it gives its fields
        raise UsageError(
            f"save_many() takes several records, and was given one, of {type(given).__name__}: put "
            f"it in a list, or save() it."
        )
    saved = commits = 0
    items = (_item(binding, record) for record in records)
    for batch in _batches(items, binding.source.capacity - REQUEST_LINE):
        _refuse_twins(batch)
        changes = [item.change for item in batch]
        binding.commit([item.record for item in batch], changes, "the save of several records")
        saved += len(batch)
        commits += 1
    if commits > 1:
        _log.info(
            "%d records of %r did not fit one commit: it took %d", saved, binding.name, commits
        )
    return SaveReport(saved, commits)


def _item(binding: Binding[R], record: R) -> _Item:
    own = binding.of(record)
    if own is None:
        raise TableError(
            f"save_many() of {binding.codec.model.__name__} was given a {type(record).__name__}: a "
            f"table saves objects of its own class only."
        )
    change = own.change(record)
    line = to_line(Put(binding.name, record.pk or 1, change.data, _A_SCHEMA))
    if change.attempt is not None:
        line = f"{to_line(Names(change.attempt.key, change.attempt.number))}\n{line}"
    return _Item(record, change, line.encode("ascii"))


def _refuse_twins(batch: Iterable[_Item]) -> None:
    """Refuse an object that is given twice. A new one would become two records, and know of one;
    one from a commit before has got its primary key there.
    """
    seen: set[int] = set()
    for item in batch:
        placed = isinstance(item.change, Insert) and item.record.pk is not None
        if placed or id(item.record) in seen:
            raise UsageError(
                f"save_many() was given the same object twice: {item.record!r}. Give each record "
                f"an object of its own."
            )
        seen.add(id(item.record))


def _batches(items: Iterable[_Item], capacity: int) -> Iterator[list[_Item]]:
    batch: list[_Item] = []
    load = _Load(capacity)
    for item in items:
        if len(batch) == _AT_ONCE or not load.takes(item.line):
            yield batch
            batch, load = [], _Load(capacity)
            load.takes(item.line)
        batch.append(item)
    if batch:
        yield batch
