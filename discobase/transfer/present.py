"""Which records of an export a database has already: an import that was interrupted is gone on with
so, and nothing else is mixed with what is imported.
"""

from __future__ import annotations

from collections.abc import Iterator

from discobase.engine.replica import Replica
from discobase.errors import ImportRefused
from discobase.transfer.pieces import RecordPiece

_AT_ONCE = 1_000
"""Records that are read at a time: a guess."""

_Stored = tuple[int, int, int, str]


class Present:
    """The records of one table, held against those of an export, which come by primary key.

    Args:
        replica: what the database holds.
        table: the table's name.
    """

    def __init__(self, replica: Replica, table: str) -> None:
        self._table = table
        self._rows = _records(replica, table)
        self._next = next(self._rows, None)

    def has(self, record: RecordPiece) -> bool:
        """Return whether the database has a record of the export.

        Raises:
            ImportRefused: it has another one, or one that the export does not have.
        """
        if self._next is None or self._next[0] > record.pk:
            return False
        pk, seq, schema, data = self._next
        if pk != record.pk:
            self._refuse(pk, seq, "which the export does not have")
        if (schema, data) != (record.schema, record.data):
            self._refuse(pk, seq, "which is another one than the export's")
        self._next = next(self._rows, None)
        return True

    def end(self) -> None:
        """See that nothing is left.

        Raises:
            ImportRefused: the database has a record that the export does not have.
        """
        if self._next is not None:
            self._refuse(self._next[0], self._next[1], "which the export does not have")

    def _refuse(self, pk: int, seq: int, why: str) -> None:
        raise ImportRefused(
            f"{self._table!r} has a record {pk} already, of position {seq}, {why}. An import goes "
            f"into tables that are empty, or hold a part of that very export, and into which "
            f"nobody writes meanwhile.",
            table=self._table,
            pk=pk,
        )


def _records(replica: Replica, table: str) -> Iterator[_Stored]:
    after = 0
    while rows := replica.stored(table, after, (), 0, _AT_ONCE):
        yield from rows
        after = rows[-1][0]
