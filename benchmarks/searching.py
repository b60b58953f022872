"""Searching: ``save()`` while the index of texts is made, and searches afterwards."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable
from functools import partial
from statistics import median, quantiles
from typing import Annotated, Any

import discobase
from benchmarks.measuring import Place

_RECORDS, _WORDS, _VOCABULARY, _BEFORE, _SEARCHES = 200_000, 10, 20_000, 200, 30
"""Short texts, of words as frequent as Zipf has it: the first one is in most of them."""


def searching(place: Place) -> None:
    """Save one record after the other, before and while the index is made, then search."""
    writer = discobase.Database(place.server)

    @writer.table(name="Article")
    class Plain(discobase.Table):
        text: str

    chance = random.Random(1)
    vocabulary = [f"word{n}" for n in range(_VOCABULARY)]
    weights = [*itertools.accumulate(1 / n for n in range(1, _VOCABULARY + 1))]

    def text() -> str:
        return " ".join(chance.choices(vocabulary, cum_weights=weights, k=_WORDS))

    with writer.conn(place.token, api_url=place.api_url):
        Plain.save_many(Plain(text=text()) for _ in range(_RECORDS))
        print(f"Save beside the making of an index of {_RECORDS:,} short texts")
        _tell("save() before", [_timed(Plain(text=text()).save) for _ in range(_BEFORE)])

    db = discobase.Database(place.server)

    @db.table
    class Article(discobase.Table):
        text: Annotated[str, discobase.Searchable()]

    with db.conn(place.token, api_url=place.api_url):
        began = time.perf_counter()
        scanned = _timed(lambda: Article.search("word77 word5").count())
        beside: list[float] = []
        while not Article.search("word0").limit(1).explain().searched:
            beside += [_timed(Article(text=text()).save) for _ in range(20)]
        print(f"  made in {time.perf_counter() - began:.1f} s; a search before {scanned:.2f} s")
        _tell("meanwhile", beside)
        _tell("afterwards", [_timed(Article(text=text()).save) for _ in range(_BEFORE)])
        for asked in ("word9000", "word77 word5", "word1*", '"word0 word1"', "word0"):
            found = Article.search(asked)
            best = [_timed(partial(_best, Article.search(asked))) for _ in range(_SEARCHES)]
            _tell(f"{asked!r} of {found.count():,}, the best ten", best)
            counts = [_timed(Article.search(asked).count) for _ in range(_SEARCHES)]
            _tell("    its count", counts)
        print()


def _best(query: discobase.Query[Any]) -> list[Any]:
    return list(query.limit(10))


def _timed(step: Callable[[], object]) -> float:
    began = time.perf_counter()
    step()
    return time.perf_counter() - began


def _tell(what: str, durations: list[float]) -> None:
    last = quantiles(durations, n=100)[98]
    print(
        f"  {what:<45} median {median(durations) * 1e3:6.1f} ms, p99 {last * 1e3:6.1f} ms, "
        f"longest {max(durations) * 1e3:6.1f} ms ({len(durations):,})"
    )
