"""How far a table of 1.0.0 has been taken over: kept in the database, in the same commits.

Whoever imports again goes by that. A commit holds records and the mark that counts them, or
neither; and it is conditional on the mark as it was read, so that of two imports at the same time
one fails.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from discobase.binding import Binding
from discobase.engine.changes import Replace, new_key
from discobase.records.fields import Unique
from discobase.records.record import Record, place
from discobase.source import Source
from discobase.upsert import get_or_create

MARKS = "discobase 1.0.0"
"""The table that has the marks."""


class Mark(Record):
    """How far one table was taken over into another one.

    Attributes:
        origin: the channel of the records, and the table they were taken into.
        last: the highest id of a message that was looked at.
        taken: how many records were taken.
        left: the ids of messages up to there that could not be taken.
    """

    origin: Annotated[str, Unique()]
    last: int = 0
    taken: int = 0
    left: tuple[int, ...] = ()

    @property
    def begins_after(self) -> int:
        """The message id above which all stands that has not been taken."""
        return min([self.last, *(message - 1 for message in self.left)])


class Marks:
    """The marks of one database.

    Args:
        source: where they are.
    """

    def __init__(self, source: Source) -> None:
        self._binding: Binding[Mark] = Binding(source, MARKS, Mark)

    def find(self, channel: int, table: str) -> Mark | None:
        """Return the mark of a channel that was taken into a table; None where none was begun. No
        API call.
        """
        found = (self._binding.load(row) for row in self._binding.rows())
        return next((mark for mark in found if mark.origin == _origin(channel, table)), None)

    def begin(self, channel: int, table: str) -> Mark:
        """Return the mark of a channel that is to be taken into a table. One API call where none
        was begun; none otherwise.
        """
        mark, _ = get_or_create(self._binding, {"origin": _origin(channel, table)}, None)
        layout = self._binding.source.replica().layouts[MARKS]
        if self._binding.schema.text not in layout.numbers:  # begun with another pydantic
            self.store(mark, self.change(mark, last=mark.last, taken=mark.taken, left=mark.left))
        return mark

    def schemas(self) -> dict[str, str]:
        """Return the schema of the table, by its name, as a request takes it."""
        return {MARKS: self._binding.schema.text}

    def change(self, mark: Mark, *, last: int, taken: int, left: Iterable[int]) -> Replace:
        """Have a mark say how far it is now, and return the change that stores it, where nobody has
        changed it in the meantime.
        """
        mark.last, mark.taken, mark.left = last, taken, tuple(sorted(left))
        change = self._binding.change(mark, version=mark.version)
        assert isinstance(change, Replace)
        return change

    def store(self, mark: Mark, change: Replace) -> None:
        """Store a mark by itself. One API call."""
        placed = self._binding.commit_changes([change], "the mark of the import", new_key())
        place(mark, mark.pk, placed.versions[0])


def _origin(channel: int, table: str) -> str:
    return f"{channel} {table}"
