"""The questions, asked of SQLModel."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import sqlmodel

from benchmarks.peers.side import CHUNK, PAGE, Side


class User(sqlmodel.SQLModel, table=True):
    """A row of the file."""

    id: int | None = sqlmodel.Field(default=None, primary_key=True)
    name: str
    city: str
    points: int


_USER: Any = User
"""For expressions, which checkers take for values."""


class WithSQLModel(Side):
    """Its models, which validate nothing that comes from a table.

    Args:
        path: the file.
        stack: closes what is open.
    """

    name = "SQLModel"

    def __init__(self, path: Path, stack: ExitStack) -> None:
        engine = sqlmodel.create_engine(f"sqlite:///{path}")
        stack.callback(engine.dispose)
        self._session = stack.enter_context(sqlmodel.Session(engine))

    def _all(self, wanted: Any) -> list[Any]:
        self._session.expunge_all()  # or records would be those of its memory
        return [*self._session.exec(wanted)]

    def get(self, pk: int) -> object:
        self._session.expunge_all()
        return self._session.get(User, pk)

    def of_city(self, city: str) -> list[Any]:
        return self._all(sqlmodel.select(User).where(_USER.city == city).order_by(_USER.id))

    def page(self, points: int) -> list[Any]:
        found = sqlmodel.select(User).where(_USER.points >= points).order_by(_USER.points)
        return self._all(found.limit(PAGE))

    def count(self, city: str) -> int:
        number = sqlmodel.select(sqlmodel.func.count()).where(_USER.city == city)
        return int(self._all(number)[0])

    def total(self) -> int:
        return int(self._all(sqlmodel.select(sqlmodel.func.sum(_USER.points)))[0])

    def per_city(self) -> dict[str, int]:
        grouped: Any = sqlmodel.select(_USER.city, sqlmodel.func.count())
        return dict(self._all(grouped.group_by(_USER.city)))

    def values(self, city: str) -> list[Any]:
        columns = sqlmodel.select(_USER.name, _USER.points)
        return self._all(columns.where(_USER.city == city).order_by(_USER.id))

    def iterate(self) -> Iterator[Any]:
        self._session.expunge_all()
        wanted = sqlmodel.select(User).order_by(_USER.id).execution_options(yield_per=CHUNK)
        yield from self._session.exec(wanted)
