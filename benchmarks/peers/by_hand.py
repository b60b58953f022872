"""The questions, answered by hand: ``sqlite3``, and pydantic for what is handed on as a record."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pydantic

from benchmarks.peers.side import PAGE, Side, rows


class Plain(pydantic.BaseModel):
    """A record, without discobase."""

    name: str
    city: str
    points: int = 0


class ByHand(Side):
    """Records as JSON in a column, as discobase holds them, and columns for what is asked.

    Args:
        path: where the file is to be made.
        number: how many rows it is to have.
        stack: closes what is open.
    """

    name = "sqlite3 and pydantic"

    def __init__(self, path: Path, number: int, stack: ExitStack) -> None:
        self._raw = sqlite3.connect(path)
        stack.callback(self._raw.close)
        self._raw.executescript(
            "PRAGMA journal_mode=WAL;"
            "CREATE TABLE user (id INTEGER PRIMARY KEY, city TEXT, points INT, data TEXT);"
        )
        made = (
            (row["city"], row["points"], Plain(**row).model_dump_json()) for row in rows(number)
        )
        self._raw.executemany("INSERT INTO user (city, points, data) VALUES (?, ?, ?)", made)
        self._raw.executescript(
            "CREATE INDEX by_city ON user (city); CREATE INDEX by_points ON user (points);"
        )
        self._raw.commit()

    def _records(self, tail: str, *arguments: object) -> list[Plain]:
        read = Plain.model_validate_json
        found = self._raw.execute(f"SELECT data FROM user {tail}", arguments)
        return [read(data) for (data,) in found]

    def get(self, pk: int) -> object:
        (data,) = self._raw.execute("SELECT data FROM user WHERE id = ?", (pk,)).fetchone()
        return Plain.model_validate_json(data)

    def of_city(self, city: str) -> list[Any]:
        return self._records("WHERE city = ? ORDER BY id", city)

    def page(self, points: int) -> list[Any]:
        return self._records(f"WHERE points >= ? ORDER BY points LIMIT {PAGE}", points)

    def count(self, city: str) -> int:
        (number,) = self._raw.execute(
            "SELECT count(*) FROM user WHERE city = ?", (city,)
        ).fetchone()
        return int(number)

    def total(self) -> int:
        (total,) = self._raw.execute("SELECT sum(points) FROM user").fetchone()
        return int(total)

    def per_city(self) -> dict[str, int]:
        return dict(self._raw.execute("SELECT city, count(*) FROM user GROUP BY city").fetchall())

    def values(self, city: str) -> list[Any]:
        return self._raw.execute(
            "SELECT data ->> 'name', points FROM user WHERE city = ? ORDER BY id", (city,)
        ).fetchall()

    def iterate(self) -> Iterator[Any]:
        read = Plain.model_validate_json
        for (data,) in self._raw.execute("SELECT data FROM user ORDER BY id"):
            yield read(data)
