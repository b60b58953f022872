"""The records that a query holds: rows of one moment, each made a record once, when it is asked
for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Generic, TypeVar

from discobase.queries.found import FoundRow
from discobase.records.outdated import OutdatedRecord
from discobase.records.record import Record

if TYPE_CHECKING:
    from discobase.binding import Binding

R = TypeVar("R", bound=Record)


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

    def read(self, index: int) -> R | OutdatedRecord:
        """Return what a row holds, or why it does not fit its class. The same object each time.

        Raises:
            IndexError: there is no such row.
        """
        found = self._found[index]
        if not isinstance(found, FoundRow):
            return found
        record = found.record
        read = self._binding.read(found.row) if record is None else record
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
        return found.row[:2] if isinstance(found, FoundRow) else (found.pk, found.version)

    def put(self, index: int, read: R | OutdatedRecord) -> None:
        """Take what was made of a row before, in another picture."""
        self._found[index] = read

    def part(self, part: slice) -> Picture[R]:
        """Return some of the rows, of which what was made is the same."""
        return Picture(self._binding, self._found[part])
