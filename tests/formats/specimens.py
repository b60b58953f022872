"""What the databases of this folder hold: tables in two versions of a program, and records."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from ipaddress import IPv4Address, IPv6Address
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, SecretStr, model_validator

from discobase import Database, Index, Table, Unique

SERVER = "Library"
SMALL_FILES = 20_000
"""Bytes of an attachment while the database is written, so that some commits need several."""
BULK = 300


class Colour(Enum):
    RED = "red"
    BLUE = 2


class Size(BaseModel):
    width: int
    height: float = 0.5


@dataclass
class Tables:
    """The tables of one version of the program."""

    author: type[Any]
    book: type[Any]
    specimen: type[Any]
    line: type[Any]
    capital: type[Any]
    small: type[Any]


class _Specimen(Table):
    """A field of each kind of value and of key."""

    model_config = ConfigDict(extra="allow")

    text: Annotated[str, Index()]
    whole: Annotated[int, Index()]
    real: Annotated[float, Index()]
    exact: Annotated[Decimal, Index()]
    moment: Annotated[datetime, Index()]
    clock: Annotated[time, Index()]
    day: Annotated[date, Index()]
    span: Annotated[timedelta, Index()]
    uuid: Annotated[UUID, Index()]
    colour: Annotated[Colour, Index()]
    path: Annotated[PurePosixPath, Index()]
    address: Annotated[IPv4Address, Index()]
    longer: Annotated[IPv6Address, Index()]
    flag: Annotated[bool, Index()]
    choice: Literal["a", 1] | None
    maybe: Annotated[str | None, Unique()] = None
    raw_: bytes
    secret: SecretStr
    size: Size
    sizes: dict[str, list[Size]]
    numbers: set[int]
    anything: Any

    @model_validator(mode="before")
    @classmethod
    def _rename(cls, values: dict[str, Any]) -> dict[str, Any]:
        # Until tables got a method of that name the field was called so, and 0.1 stored it.
        stored = dict(values)
        return {"raw_": stored.pop("raw"), **stored} if "raw" in stored else stored


def _common(database: Database) -> dict[str, type[Any]]:
    @database.table(name="Specimen")
    class Specimen(_Specimen):
        pass

    @database.table(name="Zeile · 行")
    class Line(Table):
        number: int
        text: str

    @database.table(name="case")
    class Small(Table):
        value: int

    @database.table(name="Case")
    class Capital(Table):
        value: int

    return {"specimen": Specimen, "line": Line, "small": Small, "capital": Capital}


def earlier(database: Database) -> Tables:
    """The tables as the program first declared them."""

    @database.table
    class Author(Table):
        name: Annotated[str, Unique()]
        born: date | None = None

    @database.table
    class Book(Table):
        title: Annotated[str, Index()]
        isbn: Annotated[str | None, Unique()] = None
        price: Decimal

    return Tables(author=Author, book=Book, **_common(database))


def later(database: Database) -> Tables:
    """The tables as the program declares them now: marks have gone and come, fields are new."""

    @database.table
    class Author(Table):
        name: Annotated[str, Index()]
        email: Annotated[str | None, Unique()] = None
        born: date | None = None

    @database.table
    class Book(Table):
        title: str
        isbn: Annotated[str | None, Unique()] = None
        price: Annotated[Decimal, Index()]
        pages: int = 0

    return Tables(author=Author, book=Book, **_common(database))


SPECIMENS: list[dict[str, Any]] = [
    {
        "text": '"]}],["del","Book",1] ``` @everyone 🎩 \u2028 \x00',
        "whole": 2**70,
        "real": math.inf,
        "exact": Decimal("1.50"),
        "moment": datetime(2026, 7, 1, 12, 30, 0, 123456, tzinfo=UTC),
        "clock": time(23, 59, 59, 999999),
        "day": date(2026, 11, 25),
        "span": timedelta(days=-3, microseconds=7),
        "uuid": UUID(int=7),
        "colour": Colour.RED,
        "path": PurePosixPath("/a/b c"),
        "address": IPv4Address("127.0.0.1"),
        "longer": IPv6Address("fe80::1%eth0"),
        "flag": True,
        "choice": "a",
        "maybe": "only",
        "raw_": bytes(range(256)),
        "secret": SecretStr("pass`word"),
        "size": Size(width=1),
        "sizes": {"a": [Size(width=1), Size(width=2, height=2.5)], "": []},
        "numbers": {3, 1, 2},
        "anything": {"nested": [1, None, True, "x", 1.5]},
        "extra": "a field that the class does not declare",
    },
    {
        "text": "",
        "whole": -1,
        "real": math.nan,
        "exact": Decimal("-0.10"),
        "moment": datetime(2026, 7, 1, 12, tzinfo=timezone(timedelta(hours=-9, minutes=-30))),
        "clock": time(0),
        "day": date.min,
        "span": timedelta(hours=1),
        "uuid": UUID(int=2**128 - 1),
        "colour": Colour.BLUE,
        "path": PurePosixPath("a"),
        "address": IPv4Address("255.255.255.255"),
        "longer": IPv6Address("::1"),
        "flag": False,
        "choice": 1,
        "maybe": None,
        "raw_": b"",
        "secret": SecretStr(""),
        "size": Size(width=-1, height=-0.0),
        "sizes": {},
        "numbers": set(),
        "anything": None,
    },
    {
        "text": "again",
        "whole": 0,
        "real": 5e-324,
        "exact": Decimal("1E+3"),
        "moment": datetime(2026, 7, 1, 12),  # noqa: DTZ001 - naive on purpose
        "clock": time(12, 0, tzinfo=UTC),
        "day": date.max,
        "span": timedelta.max,
        "uuid": UUID(int=0),
        "colour": Colour.RED,
        "path": PurePosixPath("a/b"),
        "address": IPv4Address("10.0.0.9"),
        "longer": IPv6Address("::"),
        "flag": True,
        "choice": None,
        "maybe": None,
        "raw_": b"\xff",
        "secret": SecretStr("ß"),
        "size": Size(width=0),
        "sizes": {"x": [Size(width=9)]},
        "numbers": {-(2**70)},
        "anything": ["list"],
    },
]


def long_text(seed: int, *, noise: int, plain: int = 0) -> str:
    """Text of `noise` characters that do not compress much, and `plain` that do."""
    letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    source = random.Random(seed)
    return "".join(source.choices(letters, k=noise)) + "-" * plain


LONG = {
    1: long_text(1, noise=3_000),  # one plain file
    2: long_text(2, noise=50_000),  # several plain files
    3: long_text(3, noise=30_000, plain=60_000),  # several compressed files
}
"""Text by line number. Line 4 and those after it were written in bulk: one compressed file."""


def line_text(number: int) -> str:
    """The text of a line."""
    return LONG.get(number, f"line {number}")


def raise_price(book: type[Any], title: str, price: str) -> None:
    """Let a book have another price, unless somebody else changes it meanwhile."""
    found = book.find_unique(title=title)
    found.price = Decimal(price)
    found.update(if_unchanged=True)
