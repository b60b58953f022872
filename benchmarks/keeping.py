"""Beginning with what was kept: a login to a million records that nobody has written to since."""

from __future__ import annotations

import json
import tempfile
import time
import urllib.request

import discobase
from benchmarks.measuring import Place

_RECORDS = 1_000_000
_ROUNDS = 5


def keeping(place: Place) -> None:
    """Save a million small records, close, and log in again with the cache."""
    with tempfile.TemporaryDirectory() as folder:
        db = discobase.Database(place.server, cache=folder)

        @db.table
        class User(discobase.Table):
            name: str
            points: int = 0

        began = time.perf_counter()
        with db.conn(place.token, api_url=place.api_url, timeout=None):
            User.save_many(User(name=f"user {n}", points=n) for n in range(_RECORDS))
        print(f"{_RECORDS:,} records saved and kept in {time.perf_counter() - began:.1f} s")
        for _ in range(_ROUNDS):
            before = _calls(place)
            began = time.perf_counter()
            with db.conn(place.token, api_url=place.api_url, timeout=None):
                ready = time.perf_counter() - began
                calls = _calls(place) - before
                began = time.perf_counter()
                found = User.get(_RECORDS // 2)
                first = time.perf_counter() - began
                assert found is not None
                assert found.points == _RECORDS // 2 - 1
            print(f"  ready in {ready:.2f} s and {calls} API calls, first record in {first:.3f} s")


def _calls(place: Place) -> int:
    """The API calls that the server has counted."""
    address = f"{place.api_url.split('/api/')[0]}/_local/requests"
    with urllib.request.urlopen(address) as answer:
        return int(json.load(answer)["total"])
