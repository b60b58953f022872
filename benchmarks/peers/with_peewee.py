"""The questions, asked of peewee."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import peewee

from benchmarks.peers.side import PAGE, Side


class User(peewee.Model):
    """A row of the file."""

    name = peewee.TextField()
    city = peewee.TextField()
    points = peewee.IntegerField()


class WithPeewee(Side):
    """Its models, which validate nothing.

    Args:
        path: the file.
        stack: closes what is open.
    """

    name = "peewee"

    def __init__(self, path: Path, stack: ExitStack) -> None:
        database = peewee.SqliteDatabase(path)
        stack.callback(database.close)
        User.bind(database)

    def get(self, pk: int) -> object:
        return User.get_by_id(pk)

    def of_city(self, city: str) -> list[Any]:
        return list(User.select().where(User.city == city).order_by(User.id))

    def page(self, points: int) -> list[Any]:
        found = User.select().where(User.points >= points).order_by(User.points)
        return list(found.limit(PAGE))

    def count(self, city: str) -> int:
        return int(User.select().where(User.city == city).count())

    def total(self) -> int:
        return int(User.select(peewee.fn.SUM(User.points)).scalar())

    def per_city(self) -> dict[str, int]:
        grouped = User.select(User.city, peewee.fn.COUNT(User.id)).group_by(User.city)
        return dict(grouped.tuples())

    def values(self, city: str) -> list[Any]:
        found = User.select(User.name, User.points).where(User.city == city).order_by(User.id)
        return list(found.tuples())

    def iterate(self) -> Iterator[Any]:
        yield from User.select().order_by(User.id).iterator()
