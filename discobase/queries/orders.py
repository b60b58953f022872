"""An order as SQL, as far as keys decide it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from types import NoneType

from discobase.engine.keys import NULL
from discobase.engine.replica import KEYLESS
from discobase.queries.bounds import FALSE, TRUE
from discobase.queries.key_terms import KeyTerms
from discobase.records.expressions.nodes import Ordering
from discobase.records.expressions.path import FieldPath
from discobase.records.fields import sorts_as_its_keys, types_of

_COLUMNS = {"pk": "pk", "version": "seq"}

_MOST = 2000
"""Terms that SQLite sorts by at the most (sqlite.org/limits.html, SQLITE_MAX_COLUMN)."""


@dataclass(frozen=True, slots=True)
class Order:
    """An order in SQL.

    Args:
        terms: what rows are sorted by.
        wrong: the condition for rows, sorted first, whose keys are not known, so that SQL cannot
            sort.
        by_index: a condition that holds for all rows, for SQLite to see that an index has the
            order; where one field descends and the next one does not, it sorts all rows otherwise.
    """

    terms: tuple[str, ...]
    wrong: str = FALSE
    by_index: str = TRUE


def ordered(orderings: Iterable[Ordering], terms: KeyTerms, *, reverse: bool) -> Order | None:
    """Return an order in SQL; None where Python has to sort.

    Args:
        orderings: the order. Records that it holds for equal follow each other by primary key.
        terms: the keys of the table's fields.
        reverse: whether the last one is to come first.
    """
    found: list[tuple[str, bool]] = []
    wrong: list[str] = []
    by_index = TRUE
    for ordering in _that_decide(orderings):
        name = ordering.path.name
        if ordering.path.steps:
            return None
        if name in _COLUMNS:
            found.append((_COLUMNS[name], ordering.descending))
            continue
        term, annotation = terms.of(name), terms.binding.codec.model.model_fields[name].annotation
        if term is None or not sorts_as_its_keys(annotation):
            return None
        if not term.is_known:
            wrong.append(term.unknown)
        if term.is_known and not found:
            by_index = f"{term.sql} > '{KEYLESS}'"
        if not _is_natural(ordering, types_of(annotation)):
            found.append((f"({term.sql} = '{NULL}')", ordering.none_first))
        found.append((term.sql, ordering.descending))
    if not any(sql == "pk" for sql, _ in found):
        found.append(("pk", False))
    ways = [f"{sql} DESC" if descending is not reverse else sql for sql, descending in found]
    first = [f"{unknown} DESC" for unknown in wrong]
    return (
        None
        if len(first) + len(ways) > _MOST
        else Order((*first, *ways), " OR ".join(wrong) or FALSE, by_index)
    )


def _that_decide(orderings: Iterable[Ordering]) -> Iterable[Ordering]:
    """Return the orderings without those by a place that an earlier one has sorted by."""
    first: dict[FieldPath, Ordering] = {}
    for ordering in orderings:
        first.setdefault(ordering.path, ordering)
    return first.values()


def _is_natural(ordering: Ordering, types: frozenset[object]) -> bool:
    """Return whether None comes where its key does: above all others but those of booleans."""
    if NoneType not in types:
        return True
    return bool not in types and ordering.none_first is ordering.descending
