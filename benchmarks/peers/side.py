"""What everybody is asked in the benchmark of queries, and the rows that it is asked of."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CITIES = 20
"""The cities that records are in, in turns."""

PAGE = 50
"""Records of a page: a guess at what a screen shows."""

CHUNK = 1000
"""Records that are read at a time where all of them are gone through."""


class Side(ABC):
    """Somebody who answers the same questions of the same rows.

    Attributes:
        name: what they are called.
    """

    name: str

    @abstractmethod
    def get(self, pk: int) -> object:
        """Return the record under a primary key."""

    @abstractmethod
    def of_city(self, city: str) -> list[Any]:
        """Return the records of a city, which has an index."""

    @abstractmethod
    def page(self, points: int) -> list[Any]:
        """Return the first :data:`PAGE` records with at least so many points, by points."""

    @abstractmethod
    def count(self, city: str) -> int:
        """Return the number of records of a city."""

    @abstractmethod
    def total(self) -> int:
        """Return the sum of all points."""

    @abstractmethod
    def per_city(self) -> dict[str, int]:
        """Return the number of records of each city."""

    @abstractmethod
    def values(self, city: str) -> list[Any]:
        """Return the names and points of a city's records, without making records."""

    @abstractmethod
    def iterate(self) -> Iterator[Any]:
        """Yield all records, without holding them."""


def rows(number: int) -> Iterator[dict[str, Any]]:
    """Yield the rows that everybody has."""
    for n in range(number):
        # 7919 is prime: the points come in no order, as moments of birth do.
        yield {"name": f"user {n}", "city": f"city {n % CITIES}", "points": n * 7919 % number}


def write_rows(path: Path, number: int) -> None:
    """Make the SQLite file that all sides but discobase read."""
    raw = sqlite3.connect(path)
    raw.execute("PRAGMA journal_mode=WAL")
    raw.execute("CREATE TABLE user (id INTEGER PRIMARY KEY, name TEXT, city TEXT, points INT)")
    made = (tuple(row.values()) for row in rows(number))
    raw.executemany("INSERT INTO user (name, city, points) VALUES (?, ?, ?)", made)
    raw.execute("CREATE INDEX by_city ON user (city)")
    raw.execute("CREATE INDEX by_points ON user (points)")
    raw.commit()
    raw.close()
