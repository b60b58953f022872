"""What a statement in SQL has selected: rows whose values have names, too."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Self

from discobase import markup
from discobase.frames import arrow_tables, pandas_frames, polars_frames
from discobase.frames.columns import columns_of_sql

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped]
    import polars as pl

_LISTED = 20
"""Names that an error lists at the most where none is near: a guess at what is read."""


class SqlRow(tuple[Any, ...]):  # noqa: SLOT001 - a tuple's heirs can have no slots
    """A row of what a statement has selected: a tuple whose values have names, too.

    ``row[0]``, ``row["city"]`` and ``row.city`` are the same; ``dict(row)`` has all by name. Of
    columns that share a name the first one counts. A column's name goes before a tuple's method:
    where a column is named so, ``row.count`` and ``row.index`` are values. What ``dict`` asks for,
    :meth:`keys`, stays; a column of that name is ``row["keys"]``.
    """

    _fields: tuple[str, ...]

    @property
    def count(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride] - a value
        """The value of the column of that name; a tuple's method where there is none."""
        return self["count"] if "count" in self._fields else super().count

    @property
    def index(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride] - a value
        """The value of the column of that name; a tuple's method where there is none."""
        return self["index"] if "index" in self._fields else super().index

    @classmethod
    def of(cls, values: Iterable[Any], names: tuple[str, ...]) -> Self:
        """Return a row of values with names."""
        made = cls(values)
        made._fields = names
        return made

    def keys(self) -> tuple[str, ...]:
        """Return the names of the columns, in order."""
        return self._fields

    def __getitem__(self, at: Any) -> Any:
        if not isinstance(at, str):
            return super().__getitem__(at)
        try:
            return super().__getitem__(self._fields.index(at))
        except ValueError:
            raise KeyError(f"the row has no column {at!r}: {hint(at, self._fields)}") from None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name not in self._fields:
            known = self.__dict__.get("_fields", ())
            raise AttributeError(f"the row has no column {name!r}: {hint(name, known)}")
        return self[name]

    def __repr__(self) -> str:
        shown = zip(self._fields, self, strict=True)
        return f"SqlRow({', '.join(f'{name}={value!r}' for name, value in shown)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return SqlRow.of, (tuple(self), self._fields)


class SqlRows(list[SqlRow]):
    """The rows of a statement, in order: a list, which knows the names of its columns also where it
    is empty.

    Args:
        columns: the names.
        rows: the rows.

    Attributes:
        columns: the names of the columns, in order.
    """

    def __init__(self, columns: Iterable[str], rows: Iterable[SqlRow]) -> None:
        super().__init__(rows)
        self.columns: tuple[str, ...] = tuple(columns)

    def to_pandas(self) -> pd.DataFrame:
        """Return the rows as a ``pandas.DataFrame``. SQLite says no types of columns, so they have
        those of the values: one without any has none, and one with several has objects.

        Raises:
            PackageMissing: pandas is not installed.
        """
        return pandas_frames.frame_of(columns_of_sql(self.columns, self))

    def to_polars(self) -> pl.DataFrame:
        """Return the rows as a ``polars.DataFrame``, with types as for :meth:`to_pandas`;
        values of several types are the text of JSON.

        Raises:
            PackageMissing: Polars is not installed.
            FrameRefused: a value has no place in its column.
        """
        return polars_frames.frame_of(columns_of_sql(self.columns, self))

    def to_arrow(self) -> Any:  # of which nobody has types
        """Return the rows as a ``pyarrow.Table``, with types as for :meth:`to_pandas`;
        values of several types are the text of JSON.

        Raises:
            PackageMissing: pyarrow is not installed.
            FrameRefused: a value has no place in its column.
        """
        return arrow_tables.table_of(columns_of_sql(self.columns, self))

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the first rows, and how many there are."""
        shown = self[: markup.MOST_ROWS]
        told = markup.of_how_many(len(shown), len(self), "rows")
        return markup.table(self.columns, shown, "SQL", told)

    def __reduce__(self) -> tuple[Any, ...]:
        return SqlRows, (self.columns, list(self))


def hint(name: str, known: Iterable[str]) -> str:
    """Return the names that are nearest to one that is not there, or some of those that are."""
    lower = {each.lower(): each for each in known}
    nearest = [lower[each] for each in get_close_matches(name.lower(), lower, n=3)]
    if nearest:
        return f"did you mean {' or '.join(map(repr, nearest))}?"
    listed = [*lower.values()][:_LISTED]
    return f"there are {', '.join(listed)}." if listed else ""
