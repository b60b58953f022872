"""Sort in Python, where SQL does not know the keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from discobase.errors import UnstorableValue, UsageError
from discobase.queries.row_values import is_field
from discobase.records.expressions.nodes import Ordering
from discobase.records.fields import sorts_as_its_keys
from discobase.records.sameness import MISSING

if TYPE_CHECKING:
    from discobase.queries.found import FoundRow
    from discobase.queries.row_values import RowValues
    from discobase.records.codec import Codec

F = TypeVar("F", bound="FoundRow[Any]")


def in_order(
    found: Iterable[F], orderings: Sequence[Ordering], codec: Codec[Any], values: RowValues
) -> list[F]:
    """Return rows in an order, those that it holds for equal by primary key.

    Args:
        found: the rows.
        orderings: the order.
        codec: how keys are made.
        values: what gives the values of rows.

    Raises:
        UsageError: values cannot be compared.
    """
    rows = sorted(found, key=lambda each: each[0])
    for ordering in reversed(orderings):
        rows = _by_one(rows, ordering, codec, values)
    return rows


def _by_one(rows: Sequence[F], ordering: Ordering, codec: Codec[Any], values: RowValues) -> list[F]:
    nothing: list[F] = []
    keyed: list[tuple[Any, F]] = []
    for each in rows:
        value = ordering.path.value(values.of(each))
        if value is None or value is MISSING:
            nothing.append(each)
        else:
            keyed.append((_sort_key(value, ordering, codec), each))
    try:
        keyed.sort(key=lambda pair: pair[0], reverse=ordering.descending)
    except TypeError as error:
        raise UsageError(
            f"records cannot be sorted by {ordering.path!r}, whose values have no order: {error}"
        ) from error
    there = [each for _, each in keyed]
    return nothing + there if ordering.none_first else there + nothing


def _sort_key(value: Any, ordering: Ordering, codec: Codec[Any]) -> Any:
    """Return what a value is sorted by: its key where keys sort as values do, as in SQL."""
    path = ordering.path
    if not is_field(codec, path) or codec.kinds[path.name] == "opaque":
        return value
    if not sorts_as_its_keys(codec.model.model_fields[path.name].annotation):
        return value
    try:
        return codec.stored_key(path.name, value)
    except UnstorableValue:  # what a validator of today makes of it
        return value
