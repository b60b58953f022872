"""What a query asks for, before anything is read."""

from __future__ import annotations

from dataclasses import dataclass, replace

from discobase.records.expressions.nodes import All, Expression, Ordering
from discobase.records.expressions.text_search import TextSearch

_MOST = 2**62 - 1
"""Records that a slice leaves out, and that it takes, at the most: no table has as many, and both
together are an integer that SQLite and :func:`itertools.islice` take.
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """Which records of a table, in which order.

    Args:
        conditions: what all of them fit.
        orderings: what they are sorted by, before their primary keys.
        search: that one of the conditions which asks for words, where the index of texts is to
            answer it.
        by_rank: whether they are sorted by how well they fit that, where there are no orderings.
        with_ranks: whether it is to be told of each how well it fits.
        offset: how many to leave out before them.
        limit: how many there are to be at most; None for all.
        skips_outdated: whether those are left out that their class cannot load any more.
        fresh: whether what was committed anywhere before it is read has to be seen.
    """

    conditions: tuple[Expression, ...] = ()
    orderings: tuple[Ordering, ...] = ()
    offset: int = 0
    limit: int | None = None
    skips_outdated: bool = False
    fresh: bool = False
    search: TextSearch | None = None
    by_rank: bool = False
    with_ranks: bool = False

    @property
    def is_ranked(self) -> bool:
        """Whether those come first that fit best what is searched for."""
        return self.by_rank and not self.orderings

    @property
    def condition(self) -> Expression | None:
        """What all of the records fit, as one expression; None where all of them do."""
        if len(self.conditions) == 1:
            return self.conditions[0]
        # Side by side they stand no deeper in each other, and each was checked for that.
        return All(self.conditions, depth=1) if self.conditions else None

    @property
    def is_sliced(self) -> bool:
        """Whether it asks for some of the records that fit, by where they stand."""
        return self.offset > 0 or self.limit is not None

    @property
    def stop(self) -> int | None:
        """Before which of the records that fit, counted from 0, it ends; None for the last one."""
        return None if self.limit is None else self.offset + self.limit

    @property
    def unordered(self) -> Plan:
        """The plan for the same records, in whatever order."""
        return self if self.is_sliced else replace(self, orderings=(), by_rank=False)

    def sliced(self, start: int, stop: int | None) -> Plan:
        """Return the plan for some of these records, by where they stand among them.

        Args:
            start: how many to leave out.
            stop: where to end; None for the last of them.
        """
        taken = None if stop is None else max(stop - start, 0)
        if self.limit is not None:
            left = max(self.limit - start, 0)
            taken = left if taken is None else min(taken, left)
        # As dataclasses.replace does, in a quarter of the time: whoever finds one record does this.
        return Plan(
            self.conditions,
            self.orderings,
            min(self.offset + start, _MOST),
            None if taken is None else min(taken, _MOST),
            self.skips_outdated,
            self.fresh,
            self.search,
            self.by_rank,
            self.with_ranks,
        )
