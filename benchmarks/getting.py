"""Getting: records by primary key and by an indexed field, beside raw sqlite3 with pydantic, and
beside peewee, SQLModel and Django where they are installed, on the same rows in the same run.
"""

from __future__ import annotations

import importlib.util
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import pydantic

import discobase
from benchmarks.measuring import Place

_RECORDS, _CITIES, _GETS, _ROUNDS = 100_000, 20, 5_000, 5
_PER_CITY = _RECORDS // _CITIES

Side = tuple[str, Callable[[int], object], Callable[[str], int]]
"""A name, what gets the record of a number, and what finds those of a city and counts them."""


class Plain(pydantic.BaseModel):
    """What is found, without discobase."""

    name: str
    city: str
    points: int = 0


def getting(place: Place) -> None:
    """Get single records, and find one in twenty, in several ways that take turns."""
    db = discobase.Database(place.server)

    @db.table
    class User(discobase.Table):
        name: str
        city: Annotated[str, discobase.Index()]
        points: int = 0

    with (
        db.conn(place.token, api_url=place.api_url),
        tempfile.TemporaryDirectory() as folder,
        ExitStack() as stack,
    ):
        User.save_many(User(**row) for row in _rows())
        path = Path(folder) / "raw.sqlite"
        raw = _raw(path)
        stack.callback(raw.close)
        ours = ("discobase", User.get, lambda city: len(list(User.find(city=city))))
        sides: list[Side] = [ours, _by_hand(raw)]
        for library, side in (("peewee", _peewee), ("sqlmodel", _sqlmodel), ("django", _django)):
            if importlib.util.find_spec(library) is None:
                print(f"({library} is not installed)")
            else:
                sides.append(side(path, stack))
        gets: dict[str, list[float]] = {name: [] for name, *_ in sides}
        finds: dict[str, list[float]] = {name: [] for name, *_ in sides}
        for turn in range(_ROUNDS):
            for name, get, find in sides:
                began = time.perf_counter()
                for number in range(_GETS):
                    get(1 + number * 7919 % _RECORDS)
                between = time.perf_counter()
                assert find(f"city {turn}") == _PER_CITY
                finds[name].append((time.perf_counter() - between) / _PER_CITY)
                gets[name].append((between - began) / _GETS)
        _tell(f"Get one of {_RECORDS:,} records", gets)
        _tell(f"Find {_PER_CITY:,} of {_RECORDS:,} records by an index", finds)


def _tell(title: str, taken: dict[str, list[float]]) -> None:
    print(title)
    base = median(taken["sqlite3 and pydantic"])
    for name, each in taken.items():
        print(f"  {name:<22} {1 / median(each):>10,.0f} records/s {median(each) / base:>7.2f}")
    print()


def _rows() -> Iterator[dict[str, Any]]:
    for n in range(_RECORDS):
        yield {"name": f"user {n}", "city": f"city {n % _CITIES}", "points": n}


def _raw(path: Path) -> sqlite3.Connection:
    raw = sqlite3.connect(path)
    raw.execute("PRAGMA journal_mode=WAL")
    raw.execute(
        "CREATE TABLE user (id INTEGER PRIMARY KEY, name TEXT, city TEXT, points INT, data TEXT)"
    )
    rows = ((*row.values(), Plain(**row).model_dump_json()) for row in _rows())
    raw.executemany("INSERT INTO user (name, city, points, data) VALUES (?, ?, ?, ?)", rows)
    raw.execute("CREATE INDEX by_city ON user (city)")
    raw.commit()
    return raw


def _by_hand(raw: sqlite3.Connection) -> Side:
    read = Plain.model_validate_json

    def get(pk: int) -> object:
        return read(raw.execute("SELECT data FROM user WHERE id = ?", (pk,)).fetchone()[0])

    def find(city: str) -> int:
        rows = raw.execute("SELECT data FROM user WHERE city = ? ORDER BY id", (city,))
        return len([read(data) for (data,) in rows])

    return "sqlite3 and pydantic", get, find


def _peewee(path: Path, stack: ExitStack) -> Side:
    import peewee

    database = peewee.SqliteDatabase(path)
    stack.callback(database.close)

    class User(peewee.Model):  # type: ignore[misc]
        name = peewee.TextField()
        city = peewee.TextField()
        points = peewee.IntegerField()

        class Meta:
            """Where it is."""

    User.bind(database)
    return (
        "peewee",
        User.get_by_id,
        lambda city: len(list(User.select().where(User.city == city).order_by(User.id))),
    )


def _sqlmodel(path: Path, stack: ExitStack) -> Side:
    import sqlmodel

    class User(sqlmodel.SQLModel, table=True):  # type: ignore[call-arg, misc]
        id: int | None = sqlmodel.Field(default=None, primary_key=True)
        name: str
        city: str
        points: int

    engine = sqlmodel.create_engine(f"sqlite:///{path}")
    stack.callback(engine.dispose)
    session = stack.enter_context(sqlmodel.Session(engine))

    def get(pk: int) -> object:
        session.expunge_all()  # or it would be one from its memory
        return session.get(User, pk)

    def find(city: str) -> int:
        session.expunge_all()
        wanted = sqlmodel.select(User).where(User.city == city).order_by("id")
        return len(session.exec(wanted).all())

    return "SQLModel", get, find


def _django(path: Path, stack: ExitStack) -> Side:
    import django
    from django.conf import settings

    at = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path)}}
    settings.configure(DATABASES=at)
    django.setup()
    from django.db import connection, models

    class User(models.Model):  # type: ignore[misc]
        name = models.TextField()
        city = models.TextField()
        points = models.IntegerField()

        class Meta:
            """Where it is."""

            app_label = "benchmarks"
            db_table = "user"

    stack.callback(connection.close)
    return (
        "Django",
        lambda pk: User.objects.get(pk=pk),
        lambda city: len(list(User.objects.filter(city=city).order_by("id"))),
    )
