"""Saving while a checkpoint of a million records is written, beside saving while none is."""

from __future__ import annotations

import os
import statistics
import threading
import time
from collections.abc import Callable

import discobase
from benchmarks.measuring import Place

_RECORDS = 1_000_000
_ROUNDS = 5


def checkpointing(place: Place) -> None:
    """Save one record after another, in turns: beside a checkpoint, and as long without one."""
    db = discobase.Database(place.server, timeout=600)

    @db.table
    class User(discobase.Table):
        name: str
        points: int = 0

    def save() -> float:
        began = time.perf_counter()
        User(name="Peter").save()
        return time.perf_counter() - began

    beside: list[float] = []
    alone: list[float] = []
    with db.conn(place.token, api_url=place.api_url, timeout=600):
        User.save_many(User(name=f"user {n}", points=n) for n in range(_RECORDS))
        _beside_a_checkpoint(db, save)
        print(f"save() while a checkpoint of {_RECORDS:,} records is written; {_load()}")
        for _ in range(_ROUNDS):
            taken = _beside_a_checkpoint(db, save)
            beside += taken
            alone += _for_as_long(sum(taken), save)
    _tell("while one is written", beside)
    _tell("while none is", alone)
    print(f"  afterwards: {_load()}\n")


def _beside_a_checkpoint(db: discobase.Database, save: Callable[[], float]) -> list[float]:
    """Save until a checkpoint is written; return what each save took that began before that."""
    save()  # or the head is that of the last checkpoint, and none is written
    writing = threading.Thread(target=db.checkpoint)
    writing.start()
    taken = []
    while writing.is_alive():
        taken.append(save())
    writing.join()
    return taken


def _for_as_long(seconds: float, save: Callable[[], float]) -> list[float]:
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        taken.append(save())
    return taken


def _tell(name: str, taken: list[float]) -> None:
    hundredths = statistics.quantiles(taken, n=100)
    figures = {"p50": hundredths[49], "p99": hundredths[98], "max": max(taken)}
    told = "  ".join(f"{figure} {value * 1e3:>7.1f} ms" for figure, value in figures.items())
    print(f"  {name:<24} {len(taken):>6} saves  {told}")


def _load() -> str:
    """How busy the machine is, which decides how much the figures say."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
