"""The records of a query in groups of equal values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from discobase.errors import UsageError
from discobase.queries.aggregates import (
    greatest_of,
    is_added_in_sql,
    least_of,
    mean_of,
    sum_of,
)
from discobase.queries.answers import Answers
from discobase.queries.row_values import is_field
from discobase.queries.values import FieldValues
from discobase.records.expressions.given import place_of
from discobase.records.expressions.reference import require_order

if TYPE_CHECKING:
    from discobase.binding import Binding
    from discobase.queries.plan import Plan
    from discobase.records.expressions.path import FieldPath


class Groups:
    """The records of a query in groups: those with equal values in some fields. Made by
    :meth:`Query.group_by <discobase.Query.group_by>`.

    Each question reads anew, without an API call and without making records, and answers with a
    dictionary: by value, or by a tuple of values where there are several fields, in the order of
    their first records' primary keys; for a slice, in which they come in it.
    """

    def __init__(self, binding: Binding[Any], plan: Plan, paths: Sequence[FieldPath]) -> None:
        self._binding = binding
        self._plan = plan.unordered
        self._paths = paths

    def count(self) -> dict[Any, int]:
        """Return the number of records of each group.

        Raises:
            UsageError: a value cannot be the key of a dictionary.
        """
        if (groups := self._in_sql(None)) is not None:
            return {key: number for key, number, _ in groups}
        return {key: len(values) for key, values in self._grouped(()).items()}

    def min(self, field: Any) -> dict[Any, Any]:
        """Return the least value of a field in each group, None left out.

        Raises:
            UsageError: the values cannot be compared.
        """
        require_order(self._path(field))
        return self._each(field, least_of)

    def max(self, field: Any) -> dict[Any, Any]:
        """Return the greatest value of a field in each group, None left out.

        Raises:
            UsageError: the values cannot be compared.
        """
        require_order(self._path(field))
        return self._each(field, greatest_of)

    def sum(self, field: Any) -> dict[Any, Any]:
        """Return the sum of the values of a field in each group, None left out."""
        if (groups := self._in_sql(field)) is not None:
            return {key: total for key, _, total in groups}
        return self._each(field, sum_of)

    def avg(self, field: Any) -> dict[Any, Any]:
        """Return the mean of the values of a field in each group, None left out."""
        if (groups := self._in_sql(field)) is not None:
            return {key: total / number for key, number, total in groups}
        return self._each(field, mean_of)

    def __repr__(self) -> str:
        return f"<groups by {', '.join(map(repr, self._paths))}>"

    def _in_sql(self, added: Any) -> list[tuple[Any, int, int]] | None:
        """Return the value of each group, how many records are in it, and the sum of a field in
        them, if one is given; None where SQL cannot tell.
        """
        (first, *others) = self._paths
        if others or not is_field(self._binding.codec, first):
            return None
        path = None if added is None else self._path(added)
        if path is not None and not is_added_in_sql(self._binding, path):
            return None
        rows = Answers(self._binding, self._plan).groups(
            first.name, None if path is None else path.name
        )
        if rows is None:
            return None
        found = FieldValues(self._binding, self._paths).of((*row, 1) for row, *_ in rows)
        return [
            (key, number, total) for (key,), (_, number, total) in zip(found, rows, strict=True)
        ]

    def _path(self, field: Any) -> FieldPath:
        return place_of(self._binding.codec.model, self._binding.name, field)

    def _each(self, field: Any, come_to: Callable[[Iterable[Any]], Any]) -> dict[Any, Any]:
        grouped = self._grouped((self._path(field),))
        return {key: come_to(value for (value,) in values) for key, values in grouped.items()}

    def _grouped(self, wanted: Sequence[FieldPath]) -> dict[Any, list[tuple[Any, ...]]]:
        number = len(self._paths)
        groups: dict[Any, list[tuple[Any, ...]]] = {}
        for values in FieldValues(self._binding, (*self._paths, *wanted)).read(self._plan):
            key = values[0] if number == 1 else values[:number]
            try:
                groups.setdefault(key, []).append(values[number:])
            except TypeError as error:
                raise UsageError(f"{self!r}: {key!r} cannot be the key of a dictionary") from error
        return groups
