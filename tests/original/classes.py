"""The tables that 1.0.0 has left, as classes of today."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from enum import Enum
from uuid import UUID

from pydantic import BaseModel, SecretStr

from discobase import Database, Table


class Colour(Enum):
    RED = "red"


class Address(BaseModel):
    city: str
    code: bytes


def attached(name: str, **options) -> tuple[Database, dict[str, type[Table]]]:
    """A database with all of them."""
    database = Database(name, **options)

    class User(Table):
        name: str
        age: int

    class Thing(Table):
        text: str
        tags: list[str]
        pair: tuple[int, str]
        blob: bytes
        fine: bool

    class Event(Table):
        name: str
        at: dt.datetime
        lasts: dt.timedelta
        price: Decimal
        key: UUID
        colour: Colour
        home: Address
        note: str | None = None

    class Account(Table):
        name: str
        password: SecretStr

    class Tag(Table):
        Name: str

    classes = {each.__name__: each for each in (User, Thing, Event, Account, Tag)}
    for each in classes.values():
        database.table(each)
    return database, classes
