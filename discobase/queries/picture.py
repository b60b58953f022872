"""The records that a query holds: rows of one moment, each made a record once, when it is asked
for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Generic, TypeVar

from discobase.queries.found import FoundRow, row_of
from discobase.records.outdated import OutdatedRecord
from discobase.records.record import Record

if TYPE_CHECKING:
    from discobase.binding import Binding

R = TypeVar("R", bound=Record)

_MOST_AT_ONCE = 256
"""Records that are made by one call of pydantic, which saves a third of its time. With 16 it is as
quick; with more it is no quicker (measured)."""


class Picture(Generic[R]):
    """Rows in an order, and the records that were made of them.

    Args:
        binding: the table.
        found: the rows, or what was made of them.
    """

    def __init__(
        self, binding: Binding[R], found: Iterable[FoundRow[R] | R | OutdatedRecord]
    ) -> None:
        self._binding = binding
        self._found = list(found)

    def __len__(self) -> int:
        return len(self._found)

    def each(self) -> Iterator[R]:
        """Return an iterator over the records, which goes on after one that is outdated. Where
        nobody can tell when one is made, some are made at once: twice as many each time, so that
        for whoever stops early no more are made for nothing than they have seen.

        Raises:
            RecordOutdated: one does not fit the table's fields any more.
        """
        return chain.from_iterable(self._portions())

    def _portions(self) -> Iterator[Iterable[R]]:
        start, number = 0, 1
        while part := self._found[start : start + number]:
            yield self._records(start, part)
            start += number
            number = min(2 * number, _MOST_AT_ONCE)

    def _records(self, start: int, part: Sequence[FoundRow[R] | R | OutdatedRecord]) -> Iterable[R]:
        rows = [found for found in part if isinstance(found, tuple)]
        if 1 < len(rows) == len(part):
            pks, versions, texts, made = zip(*rows, strict=True)
            if {*map(type, made)} == {int}:
                records = self._binding.load_all(pks, versions, texts)
                if records is not None:
                    self._found[start : start + len(part)] = records
                    return records
        return map(self.reached, range(start, start + len(part)))

    def read(self, index: int) -> R | OutdatedRecord:
        """Return what a row holds, or why it does not fit its class. The same object each time.

        Raises:
            IndexError: there is no such row.
        """
        found = self._found[index]
        if not isinstance(found, tuple):
            return found
        made = found[3]
        read = self._binding.read(row_of(found)) if isinstance(made, int) else made
        self._found[index] = read
        return read

    def reached(self, index: int) -> R:
        """Return the record that somebody asks for.

        Raises:
            IndexError: there is no such row.
            RecordOutdated: it does not fit the table's fields any more.
        """
        found = self.read(index)
        if isinstance(found, OutdatedRecord):
            raise found.error()
        return found

    def place(self, index: int) -> tuple[int | None, int | None]:
        """Return the primary key and the version of a row."""
        found = self._found[index]
        return found[:2] if isinstance(found, tuple) else (found.pk, found.version)

    def put(self, index: int, read: R | OutdatedRecord) -> None:
        """Take what was made of a row before, in another picture."""
        self._found[index] = read

    def part(self, part: slice) -> Picture[R]:
        """Return some of the rows, of which what was made is the same."""
        return Picture(self._binding, self._found[part])
