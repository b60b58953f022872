"""Values of fields, without the records they are in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from discobase.queries.answers import Answers
from discobase.queries.found import FoundRow, row_of
from discobase.queries.row_values import RowValues, is_field
from discobase.records.expressions.path import FieldPath
from discobase.records.sameness import MISSING

if TYPE_CHECKING:
    from discobase.binding import Binding
    from discobase.queries.plan import Plan


_AT_ONCE = 256
"""Rows whose JSON is parsed by one call: with more it is no quicker (measured)."""


class FieldValues:
    """Reads the values at some places of the records that a plan asks for.

    Args:
        binding: the table.
        paths: the places.
    """

    def __init__(self, binding: Binding[Any], paths: Sequence[FieldPath]) -> None:
        self._binding = binding
        self._paths = paths
        self._values = RowValues(binding)

    def read(self, plan: Plan) -> list[tuple[Any, ...]]:
        """Return the values, of each record in a tuple; None for what is not there.

        Raises:
            RecordOutdated: a field does not load any more.
        """
        return Answers(self._binding, plan).fold(lambda found: [*self.of(found)])

    def of(self, found: Iterable[FoundRow[Any]]) -> Iterator[tuple[Any, ...]]:
        """Yield the values of rows."""
        if not self._are_carried():
            yield from map(self._loaded, found)
            return
        names = [path.name for path in self._paths]
        left = iter(found)
        while rows := [*islice(left, _AT_ONCE)]:
            values = self._values.carried(names, [text for _, _, text, _ in rows])
            yield from map(self._loaded, rows) if values is None else values

    def _loaded(self, found: FoundRow[Any]) -> tuple[Any, ...]:
        value_of = self._values.of(found)
        return tuple([self._value(path, value_of(path.name), found) for path in self._paths])

    def _are_carried(self) -> bool:
        codec = self._binding.codec
        return all(
            is_field(codec, path) and self._values.is_carried(path.name) for path in self._paths
        )

    def _value(self, path: FieldPath, value: Any, found: FoundRow[Any]) -> Any:
        if value is MISSING:
            value = getattr(self._binding.load(row_of(found)), path.name)
        inner = path.value(lambda _: value) if path.steps else value
        return None if inner is MISSING else inner


def without_doubles(values: Iterable[Any]) -> list[Any]:
    """Return values without those that equal an earlier one, whether they can be hashed or not."""
    seen: set[Any] = set()
    unhashable: list[Any] = []
    kept: list[Any] = []
    for value in values:
        try:
            is_new = value not in seen
            seen.add(value)
        except TypeError:
            is_new = value not in unhashable
            unhashable.append(value)
        if is_new:
            kept.append(value)
    return kept


def name_of(path: FieldPath) -> str:
    """Return what a place is called among the values of a record, as in ``address.city``."""
    return f"{path.name}{''.join(map(repr, path.steps))}"
