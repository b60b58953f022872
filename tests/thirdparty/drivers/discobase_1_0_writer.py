"""Drives the package discobase 1.0.0: leaves in a server what the import has to read.

The first argument is which login it is. In a second one 1.0.0 makes the table ``tag`` anew.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import os
import sys
from decimal import Decimal
from enum import Enum
from uuid import UUID

import pointed  # noqa: F401
from pydantic import BaseModel, SecretStr
from saying import say

import discobase

logging.basicConfig(level=logging.CRITICAL)
db = discobase.Database(os.environ["SERVER_NAME"])


class Colour(Enum):
    RED = "red"


class Address(BaseModel):
    city: str
    code: bytes


@db.table
class User(discobase.Table):
    name: str
    age: int


@db.table
class Thing(discobase.Table):
    """Of types that 1.0.0 can hash, so that it saves them to the end."""

    text: str
    tags: list[str]
    pair: tuple[int, str]
    blob: bytes
    fine: bool


@db.table
class Event(discobase.Table):
    """Of types that it cannot: the record is written, and then ``save`` raises."""

    name: str
    at: dt.datetime
    lasts: dt.timedelta
    price: Decimal
    key: UUID
    colour: Colour
    home: Address
    note: str | None = None


@db.table
class Account(discobase.Table):
    name: str
    password: SecretStr


@db.table
class Tag(discobase.Table):
    """Discord writes names of channels in lower case, so that this one is never found again."""

    Name: str


async def attempt(what: str, work) -> None:
    """Says what a step gave, or which error it raised."""
    try:
        say(what, repr(await work))
    except Exception as error:  # noqa: BLE001 - the test tells which it should be
        say(what, f"{type(error).__name__}: {error}")


async def first() -> None:
    for number in range(9):
        await attempt(f"user{number}", User(name=f"user{number}", age=number).save())
    changed = (await User.find(name="user3"))[0]
    changed.age = 33
    await attempt("changed", changed.update())
    await attempt("deleted", (await User.find(name="user5"))[0].delete())
    await attempt(
        "thing",
        Thing(text="ä`\n", tags=["a", "b"], pair=(1, "x"), blob="hé".encode(), fine=True).save(),
    )
    await attempt(
        "event",
        Event(
            name="party",
            at=dt.datetime(2024, 7, 26, 18, 30, tzinfo=dt.UTC),
            lasts=dt.timedelta(hours=2, seconds=5),
            price=Decimal("2.50"),
            key=UUID("6fa459ea-ee8a-3ca4-894e-db77e160355e"),
            colour=Colour.RED,
            home=Address(city="Rome", code=b"00184"),
        ).save(),
    )
    await attempt("account", Account(name="Ada", password=SecretStr("hidden")).save())
    await attempt("tag", Tag(Name="old").save())


async def second() -> None:
    await attempt("users", User.find())
    await attempt("events", Event.find())
    await attempt("tag", Tag(Name="new").save())


async def main(scene) -> None:
    async with db.conn(os.environ["TOKEN"]):
        await scene()
    say("closed")


asyncio.run(main({"first": first, "second": second}[sys.argv[1]]))
