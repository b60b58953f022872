"""Finding: ``find_unique`` among 100,000 records beside raw sqlite3 and pydantic."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from itertools import count
from pathlib import Path
from typing import Annotated

import pydantic

import discobase
from benchmarks.measuring import Place, compare, seconds

_RECORDS, _FINDS = 100_000, 2_000


class Plain(pydantic.BaseModel):
    """What is found, without discobase."""

    name: str
    email: str
    points: int = 0


def finding(place: Place) -> None:
    """Find single records by an indexed field, in two ways."""
    db = discobase.Database(place.server)

    @db.table
    class User(discobase.Table):
        name: str
        email: Annotated[str, discobase.Index()]
        points: int = 0

    with db.conn(place.token, api_url=place.api_url), tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        User.save_many(User(name=f"user {n}", email=_email(n)) for n in range(_RECORDS))
        print(f"{_RECORDS:,} records saved in {time.perf_counter() - began:.1f} s")
        raw = _raw(Path(folder) / "raw.sqlite")
        ours, theirs = count(), count()

        def find() -> None:
            User.find_unique(email=_email(next(ours) * 7919 % _RECORDS))

        def find_raw() -> None:
            wanted = _email(next(theirs) * 7919 % _RECORDS)
            (data,) = raw.execute("SELECT data FROM user WHERE email = ?", (wanted,)).fetchone()
            Plain.model_validate_json(data)

        compare(
            f"Find one of {_RECORDS:,} records by an indexed field",
            ("discobase: find_unique()", lambda: seconds(find, _FINDS)),
            ("sqlite3 and pydantic, by hand", lambda: seconds(find_raw, _FINDS)),
        )
        raw.close()
    began = time.perf_counter()
    with db.conn(place.token, api_url=place.api_url):
        print(f"Start with {_RECORDS:,} records in the log: {time.perf_counter() - began:.2f} s")


def _raw(path: Path) -> sqlite3.Connection:
    raw = sqlite3.connect(path)
    raw.execute("PRAGMA journal_mode=WAL")
    raw.execute("CREATE TABLE user (pk INTEGER PRIMARY KEY, email TEXT, data TEXT)")
    rows = (
        (n, _email(n), Plain(name=f"user {n}", email=_email(n)).model_dump_json())
        for n in range(_RECORDS)
    )
    raw.executemany("INSERT INTO user VALUES (?, ?, ?)", rows)
    raw.execute("CREATE INDEX by_email ON user (email)")
    raw.commit()
    return raw


def _email(number: int) -> str:
    return f"user{number}@example.org"
