"""Indexing: ``save()`` while the first query on a field has a million records indexed by it."""

from __future__ import annotations

import itertools
import time
from statistics import median, quantiles

import discobase
from benchmarks.measuring import Place

_RECORDS, _SAVES = 1_000_000, 300


def indexing(place: Place) -> None:
    """Save one record after the other, before and while an index is made."""
    db = discobase.Database(place.server)
    number = place.records or _RECORDS

    @db.table
    class User(discobase.Table):
        name: str
        points: int

    numbers = itertools.count(number)

    def save() -> float:
        began = time.perf_counter()
        User(name="one more", points=next(numbers)).save()
        return time.perf_counter() - began

    with db.conn(place.token, api_url=place.api_url):
        # 7919 is prime: the keys come in no order, as those of names or moments of birth do.
        User.save_many(User(name=f"user {n}", points=n * 7919 % number) for n in range(number))
        print(f"Save beside the making of an index of {number:,} records")
        _tell("before", [save() for _ in range(_SAVES)])
        began = time.perf_counter()
        found = User.find(points=7919).first()
        first, beside = time.perf_counter() - began, list[float]()
        assert found is not None
        # Of the first record alone: explaining reads the rows, and the others would be a million.
        while User.find(points=7919)[:1].explain().is_scan:
            beside += [save() for _ in range(_SAVES)]
        print(f"  the first query {first:.2f} s, the index {time.perf_counter() - began:.1f} s")
        _tell("meanwhile", beside)
        began = time.perf_counter()
        assert User.find(points=7919).first() is not None
        print(f"  a query by the index {(time.perf_counter() - began) * 1e3:.2f} ms\n")


def _tell(when: str, durations: list[float]) -> None:
    last = quantiles(durations, n=100)[98]
    print(
        f"  save() {when:<10} median {median(durations) * 1e3:6.1f} ms, p99 {last * 1e3:6.1f} ms, "
        f"longest {max(durations) * 1e3:6.1f} ms ({len(durations):,} saves)"
    )
