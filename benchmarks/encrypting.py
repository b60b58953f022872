"""Encryption: a save into a database with a key beside one without, each on a server of its own."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator

import discobase
from benchmarks.measuring import Place, compare, embedded_server, seconds

_SINGLE, _MANY = 100, 1_000


def encrypting(place: Place) -> None:
    """One record, and a thousand in one commit."""
    with (
        embedded_server() as other,
        _table(discobase.Database(other.server, key=secrets.token_bytes(32)), other) as encrypted,
        _table(discobase.Database(place.server), place) as plain,
    ):
        compare(
            "One record, until Discord has it",
            ("with a key", lambda: seconds(lambda: _save(encrypted), _SINGLE)),
            ("without", lambda: seconds(lambda: _save(plain), _SINGLE)),
        )
        compare(
            f"{_MANY} records with save_many, until Discord has them",
            ("with a key", lambda: seconds(lambda: _save_many(encrypted), 1)),
            ("without", lambda: seconds(lambda: _save_many(plain), 1)),
        )


@contextlib.contextmanager
def _table(db: discobase.Database, place: Place) -> Iterator[type[discobase.Table]]:
    @db.table
    class User(discobase.Table):
        name: str
        password: str

    with db.conn(place.token, api_url=place.api_url):
        yield User


def _save(user: type[discobase.Table]) -> None:
    user(name="Peter", password="foobar").save()


def _save_many(user: type[discobase.Table]) -> None:
    user.save_many(user(name=f"user {n}", password="foobar") for n in range(_MANY))
