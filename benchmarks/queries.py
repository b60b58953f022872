"""Queries: what each kind of them costs beside raw sqlite3 with pydantic, and beside peewee,
SQLModel and Django where they are installed, of the same rows in the same run.
"""

from __future__ import annotations

import importlib
import importlib.util
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import discobase
from benchmarks.measuring import Place
from benchmarks.peers.by_hand import ByHand
from benchmarks.peers.side import CITIES, PAGE, Side, rows, write_rows
from benchmarks.peers.with_discobase import WithDiscobase

_RECORDS = 100_000

_ROUNDS = 7
"""Turns of each side, the first of which does not count."""

_PEERS = {"peewee": "WithPeewee", "sqlmodel": "WithSQLModel", "django": "WithDjango"}
"""The class in each peer's module, by the package that it needs."""


@dataclass(frozen=True)
class Question:
    """What everybody is asked, a number of times in each turn.

    Args:
        title: what is asked.
        ask: asks a side the question of a number.
        times: how often it is asked in a turn.
        unit: what is counted.
        count: how many of those an answer is.
    """

    title: str
    ask: Callable[[Side, int], Any]
    times: int = 1
    unit: str = "records"
    count: Callable[[Any], int] = len

    def seconds(self, side: Side, turn: int) -> float:
        """Return what one of the unit takes a side, of those of one turn."""
        numbers = range(turn * self.times, (turn + 1) * self.times)
        began = time.perf_counter()
        got = sum(self.count(self.ask(side, number)) for number in numbers)
        return (time.perf_counter() - began) / got


def queries(place: Place) -> None:
    """Ask each question of all sides in turns, and print the medians."""
    number = place.records or _RECORDS
    db = discobase.Database(place.server)
    ours = WithDiscobase(db)
    with (
        tempfile.TemporaryDirectory() as folder,
        ExitStack() as stack,
        db.conn(place.token, api_url=place.api_url, timeout=None),
    ):
        ours.table.save_many(ours.table(**row) for row in rows(number))
        by_hand = ByHand(Path(folder) / "by_hand.sqlite", number, stack)
        sides = [ours, by_hand, *_peers(Path(folder) / "peers.sqlite", number, stack)]
        for question in _questions(number):
            _compare(question, sides)


def _questions(number: int) -> list[Question]:
    def city(n: int) -> str:
        return f"city {n % CITIES}"

    def pk(n: int) -> int:
        return 1 + n * 7919 % number

    return [
        Question("get by primary key", lambda side, n: [side.get(pk(n))], min(number, 3_000)),
        Question("indexed equality", lambda side, n: side.of_city(city(n))),
        Question(f"range, order, the first {PAGE}", lambda side, n: side.page(pk(n)), 50),
        Question("count of a city", lambda side, n: side.count(city(n)), 20, "queries", _one),
        Question("sum of all", lambda side, _: side.total(), 1, "queries", _one),
        Question("count per city", lambda side, _: side.per_city(), 1, "queries", _one),
        Question("values of a city", lambda side, n: side.values(city(n)), unit="rows"),
        Question("iterate over all", lambda side, _: _gone_through(side.iterate()), count=int),
    ]


def _one(_: object) -> int:
    return 1


def _gone_through(records: Iterator[Any]) -> int:
    ((number, _),) = deque(enumerate(records, 1), maxlen=1)
    return number


def _peers(path: Path, number: int, stack: ExitStack) -> Iterator[Side]:
    write_rows(path, number)
    for package, name in _PEERS.items():
        if importlib.util.find_spec(package) is None:
            print(f"{package} is left out: it is not installed")
            continue
        module = importlib.import_module(f"benchmarks.peers.with_{package}")
        yield getattr(module, name)(path, stack)


def _compare(question: Question, sides: list[Side]) -> None:
    answers = [question.ask(side, 0) for side in sides]
    assert len({question.count(answer) for answer in answers}) == 1, question.title
    if question.unit == "queries":
        assert all(answer == answers[0] for answer in answers), (question.title, answers)
    turns = [[question.seconds(side, turn) for side in sides] for turn in range(_ROUNDS)][1:]
    print(f"{question.title} ({sides[1].name} is 1)")
    for number, side in enumerate(sides):
        rate = 1 / median(turn[number] for turn in turns)
        relative = median(turn[number] / turn[1] for turn in turns)
        print(f"  {side.name:<22} {rate:>12,.0f} {question.unit}/s {relative:>8.2f}")
    print()
