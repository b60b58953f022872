"""How well records fit what is searched for, where there is no index to tell: as FTS5 has it.

BM25, with the constants and the rounding up of sqlite.org/fts5.html, 5.1, but that more is better.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log

from discobase.engine.search_text import SearchText, counts

_K1, _B = 1.2, 0.75
_LEAST_WEIGHT = 1e-6
"""Of a term that more than half of all records have."""


class Ranking:
    """Ranks the records of a table, each of which it has to see.

    Args:
        asked: what is searched for.
    """

    def __init__(self, asked: SearchText) -> None:
        self._terms = asked.wanted
        self._records = 0
        self._words = 0
        self._with_term = [0] * len(self._terms)

    def see(self, words: Sequence[str]) -> Seen:
        """Take note of a record's words, and return what its rank is made of."""
        self._records += 1
        self._words += len(words)
        found = counts(self._terms, words)
        for number, count in enumerate(found):
            self._with_term[number] += count > 0
        return len(words), found

    def rank(self, seen: Seen) -> float:
        """Return the rank of a record, once all have been seen: the greater the better."""
        length, found = seen
        mean = self._words / self._records
        rank = 0.0
        for count, with_term in zip(found, self._with_term, strict=True):
            rarity = log((self._records - with_term + 0.5) / (with_term + 0.5))
            weight = rarity if rarity > 0 else _LEAST_WEIGHT
            dampened = count + _K1 * (1 - _B + _B * length / mean)
            rank += weight * (count * (_K1 + 1) / dampened)
        return rank


Seen = tuple[int, list[int]]
"""Of one record: how many words it has, and how often it has each term."""
