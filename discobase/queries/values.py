"""Values of fields, without the records they are in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from discobase.queries.answers import Answers
from discobase.queries.found import FoundRow
from discobase.queries.row_values import RowValues
from discobase.records.expressions.path import FieldPath
from discobase.records.sameness import MISSING

if TYPE_CHECKING:
    from discobase.binding import Binding
    from discobase.queries.plan import Plan


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
        names = [path.name for path in self._paths]
        are_carried = self._are_carried()
        for each in found:
            if are_carried and (values := self._values.carried(names, each.row)) is not None:
                yield values
                continue
            value_of = self._values.of(each.row)
            yield tuple(self._value(path, value_of(path.name), each) for path in self._paths)

    def _are_carried(self) -> bool:
        codec = self._binding.codec
        return all(
            not path.steps and path.name in codec.kinds and self._values.is_carried(path.name)
            for path in self._paths
        )

    def _value(self, path: FieldPath, value: Any, found: FoundRow[Any]) -> Any:
        if value is MISSING:
            value = getattr(self._binding.load(found.row), path.name)
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
