"""Conditions in SQL that need not be exact: for which rows they hold for sure, and for which they
may.

Each of the two texts is true or false of every row, never NULL.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

TRUE, FALSE = "1", "0"


@dataclass(frozen=True, slots=True)
class Bounds:
    """A condition from below and from above.

    Args:
        sure: holds for no row that does not fit.
        maybe: holds for each row that fits.
    """

    sure: str
    maybe: str

    @property
    def is_exact(self) -> bool:
        """Whether SQL decides each row."""
        return self.sure == self.maybe

    def opposite(self) -> Bounds:
        """Return the condition that holds where this one does not."""
        return Bounds(_not(self.maybe), _not(self.sure))


EVERY = Bounds(TRUE, TRUE)
NONE = Bounds(FALSE, FALSE)
OPEN = Bounds(FALSE, TRUE)
"""What SQL knows nothing of."""


def exactly(sql: str) -> Bounds:
    """Return the condition that a text says for each row."""
    return Bounds(sql, sql)


def all_of(parts: Sequence[Bounds]) -> Bounds:
    """Return the condition that holds where all the parts do."""
    return Bounds(
        _joined([part.sure for part in parts], "AND", TRUE, FALSE),
        _joined([part.maybe for part in parts], "AND", TRUE, FALSE),
    )


def any_of(parts: Sequence[Bounds]) -> Bounds:
    """Return the condition that holds where one of the parts does."""
    return Bounds(
        _joined([part.sure for part in parts], "OR", FALSE, TRUE),
        _joined([part.maybe for part in parts], "OR", FALSE, TRUE),
    )


def _not(sql: str) -> str:
    return {TRUE: FALSE, FALSE: TRUE}.get(sql, f"NOT ({sql})")


def _joined(parts: Sequence[str], operator: str, neutral: str, absorbing: str) -> str:
    if absorbing in parts:
        return absorbing
    kept = [part for part in dict.fromkeys(parts) if part != neutral]
    return _balanced(kept, operator) if kept else neutral


def _balanced(parts: Sequence[str], operator: str) -> str:
    """Join texts so that they stand as little deep in parentheses as can be: SQLite takes a depth
    of 1000 (sqlite.org/limits.html).
    """
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    left, right = _balanced(parts[:half], operator), _balanced(parts[half:], operator)
    return f"({left} {operator} {right})"
