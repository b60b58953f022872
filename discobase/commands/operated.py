"""What commands need of a database, and the tables in it as they use them."""

from __future__ import annotations

from typing import Any, Protocol

from discobase.errors import UnknownField
from discobase.opened import StoredTable
from discobase.table import Table

LOCATED = ("pk", "version")
"""What each record has beside its fields."""


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
    """Return what is known of a table.

    Raises:
        TableNotFound: there is none of that name.
    """
    database.open_table(name)
    return next(each for each in database.stored_tables() if each.name == name)


def place(model: type[Table], field: str) -> Any:
    """Return a field of a table, for queries.

    Raises:
        UnknownField: it has no such field.
    """
    if field in LOCATED:
        return getattr(model, field)
    if field not in model.model_fields:
        raise UnknownField(model.__name__, field, [*model.model_fields, *LOCATED])
    # Not the attribute, which may be a method of pydantic's that the field has the name of.
    kind: Any = type(model)
    return kind.__getattr__(model, field)
