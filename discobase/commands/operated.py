"""What commands need of a database, and the tables in it as they use them."""

from __future__ import annotations

from typing import Protocol

from discobase.opened import StoredTable
from discobase.table import Table


class Operated(Protocol):
    """A database: :class:`~discobase.Database`, for short."""

    @property
    def name(self) -> str:
        """The database's name."""
        ...

    def open_table(self, name: str) -> type[Table]:
        """Return a table's class."""
        ...

    def stored_tables(self) -> list[StoredTable]:
        """Return the tables that there are."""
        ...


def stored(database: Operated, name: str) -> StoredTable:
    """Return what the log says of a table: nothing, where the program has a class for it and no
    record has been saved yet.

    Raises:
        TableNotFound: there is none of that name.
    """
    database.open_table(name)
    nothing = StoredTable(name, records=0, fields=(), unique=(), indexed=(), json_schema={})
    return next((each for each in database.stored_tables() if each.name == name), nothing)
