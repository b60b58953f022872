"""What a program can show in the window beside the channels: tables, their records, a history.

The server knows nothing of what its bots keep in its channels. Whoever does, and wants people to
see it, gives the window an object with these methods (:meth:`LocalDiscord.show
<discobase.local.LocalDiscord.show>`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

CellKind = Literal["text", "number", "truth", "nothing", "json"]


@dataclass(frozen=True, slots=True)
class Cell:
    """A value as people read it.

    Attributes:
        text: what is written.
        kind: what it is, by which it is laid out.
        is_cut: whether there is more of it than is written here.
    """

    text: str
    kind: CellKind = "text"
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """A field of a table.

    Attributes:
        name: its name.
        type: what its values are, in words.
        is_unique: whether no two records have the same value.
    """

    name: str
    type: str = ""
    is_unique: bool = False


@dataclass(frozen=True, slots=True)
class ShownTable:
    """A table.

    Attributes:
        name: its name.
        records: how many it has.
        columns: its columns, in order; the first is the key of a record.
    """

    name: str
    records: int
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class ShownDatabase:
    """What a bot keeps in a server.

    Attributes:
        id: by which it is asked for; in letters, digits and ``-``.
        server: the id of the server.
        tables: its tables, in order.
        trouble: why they cannot be shown, in words for people; None where they can.
        is_coming: whether something else may be there soon, without a further word of it.
    """

    id: str
    server: int
    tables: tuple[ShownTable, ...] = ()
    trouble: str | None = None
    is_coming: bool = False


@dataclass(frozen=True, slots=True)
class ShownRow:
    """A record among others.

    Attributes:
        key: by which it is asked for.
        cells: its values, by the columns of its table.
    """

    key: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class ShownRows:
    """A page of records.

    Attributes:
        table: their table, as it is now.
        rows: the records.
        total: how many there are on all pages.
        order: by which they are sorted, as it was asked for.
    """

    table: ShownTable
    rows: Sequence[ShownRow]
    total: int
    order: str = ""


@dataclass(frozen=True, slots=True)
class ShownRecord:
    """One record, whole.

    Attributes:
        key: by which it was asked for.
        position: where in the history it was written last.
        columns: its columns.
        cells: their values, in the same order.
    """

    key: int
    position: int
    columns: tuple[Column, ...]
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class ShownChange:
    """What became of one record.

    Attributes:
        table: the name of its table.
        key: by which it is asked for.
        values: what it was from there on, by the names of columns; None where it was deleted.
    """

    table: str
    key: int
    values: Sequence[tuple[str, Cell]] | None


@dataclass(frozen=True, slots=True)
class ShownCommit:
    """What was written at once.

    Attributes:
        position: where in the history it stands.
        time: when it was written, as ISO 8601 has it.
        writer: who wrote it, in words.
        channel: the id of the channel that it stands in.
        changes: what became of records: the first of them.
        changed: how many records it changed, also those that are not among the changes.
        notes: what else it did, in words.
        trouble: why no more is told of it, in words; None where all is.
    """

    position: int
    time: str
    writer: str
    channel: int
    changes: Sequence[ShownChange] = ()
    changed: int = 0
    notes: Sequence[str] = ()
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class ShownHistory:
    """A page of what was written, the newest first.

    Attributes:
        commits: what was written.
        is_over: whether nothing is known of what came before.
    """

    commits: Sequence[ShownCommit]
    is_over: bool


class Exhibit(Protocol):
    """What is shown. Its methods may block, are called on several threads at once, and raise a
    :exc:`~discobase.errors.DiscobaseError` whose text is for whoever looks at the page.
    """

    def databases(self) -> Sequence[ShownDatabase]:
        """Return what there is to be seen."""
        ...

    def rows(
        self, database: str, table: str, *, search: str, order: str, offset: int, limit: int
    ) -> ShownRows:
        """Return a page of a table's records.

        Args:
            database: the id of the database.
            table: the name of the table.
            search: what somebody has typed to say which; empty for all.
            order: the name of the column that they are sorted by, with a ``-`` before it where the
                largest comes first; empty for the order of their keys.
            offset: how many come before them.
            limit: how many they are at the most.
        """
        ...

    def record(self, database: str, table: str, key: int) -> ShownRecord:
        """Return one record, whole."""
        ...

    def history(self, database: str, *, before: int | None, limit: int) -> ShownHistory:
        """Return what was written to a database, the newest first.

        Args:
            database: the id of the database.
            before: the position that all of it is below; None for the newest.
            limit: how much it is at the most.
        """
        ...
