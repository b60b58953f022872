"""The tables that a database has attached: a mapping, whose names can be completed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from discobase.table import Table


class AttachedTables(Mapping[str, type[Table]]):
    """Classes by the names of their tables: ``db.tables["User"]``, and ``db.tables.User`` where
    that is no method of a mapping. It shows what is attached later, too, and changes nothing.

    Args:
        tables: the classes.
    """

    def __init__(self, tables: Mapping[str, type[Table]]) -> None:
        self._tables = tables

    def __getitem__(self, name: str) -> type[Table]:
        if name not in self._tables:
            there = ", ".join(self._tables) or "none yet"
            raise KeyError(f"no table {name!r} is attached: there are {there}")
        return self._tables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)

    def __repr__(self) -> str:
        return f"<tables: {', '.join(self._tables)}>"

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._tables]

    def _ipython_key_completions_(self) -> list[str]:
        return [*self._tables]

    if not TYPE_CHECKING:  # with it, checkers would take each misspelt method for a table

        def __getattr__(self, name: str) -> Any:
            """Return the class of a table."""
            if name.startswith("_") or name not in self._tables:
                raise AttributeError(f"there is no table {name!r} attached", name=name, obj=self)
            return self._tables[name]
