"""The questions, asked of discobase."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import discobase
from benchmarks.peers.side import CHUNK, PAGE, Side


class WithDiscobase(Side):
    """Whose cost is to be known.

    Args:
        db: the database, which is not connected yet.
    """

    name = "discobase"

    def __init__(self, db: discobase.Database) -> None:
        @db.table
        class User(discobase.Table):
            name: str
            city: Annotated[str, discobase.Index()]
            points: Annotated[int, discobase.Index()] = 0

        self.table = User

    def get(self, pk: int) -> object:
        return self.table.get(pk)

    def of_city(self, city: str) -> list[Any]:
        return list(self.table.find(city=city))

    def page(self, points: int) -> list[Any]:
        return list(self.table.find(self.table.points >= points).order_by("points")[:PAGE])

    def count(self, city: str) -> int:
        return self.table.find(city=city).count()

    def total(self) -> int:
        total: int = self.table.find().sum("points")
        return total

    def per_city(self) -> dict[str, int]:
        return self.table.find().group_by("city").count()

    def values(self, city: str) -> list[Any]:
        return self.table.find(city=city).values_list("name", "points")

    def iterate(self) -> Iterator[Any]:
        return self.table.find().iterate(chunk=CHUNK)
