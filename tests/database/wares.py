"""A table with a field of every kind that keys are made for, and records of all sorts in it."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from ipaddress import IPv4Address
from pathlib import PurePosixPath
from random import Random
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, create_model

from discobase import Index, Table

BERLIN = ZoneInfo("Europe/Berlin")
EAST, WEST = timezone(timedelta(hours=2)), timezone(timedelta(hours=-5))


class Colour(Enum):
    RED = "r"
    BLUE = "b"


class Rank(IntEnum):
    LOW = 1
    HIGH = 20


class Size(StrEnum):
    SMALL = "s"
    LARGE = "l"


class Maker(BaseModel):
    city: str
    founded: int | None = None


POOLS: dict[str, list[Any]] = {
    "number": [0, 1, -1, 9, 10, 99, -10, 2**53 + 1, 2**63, -(2**63) - 1, 10**40, 10**40 + 1],
    "weight": [0.0, -0.0, 1.5, -1.5, 1e-9, 1e300, math.inf, -math.inf, math.nan, 2.0**70, 0.1],
    "price": [
        Decimal(text) for text in ("0", "1.0", "1.00", "-2.5", "1E+3", "999.99", "0.1", "1E-9")
    ],
    "name": [
        "",
        "a",
        "A",
        "ab",
        "b",
        "é",
        "e\u0301",
        "ß",
        "ss",
        "\U0001f600",
        "\uffff",
        'a"b',
        "a'b",
        "z\x00y",
        "0",
    ],
    "sold": [
        datetime(2026, 7, 1, 12, tzinfo=UTC),
        datetime(2026, 7, 1, 14, tzinfo=EAST),
        datetime(2026, 7, 1, 12, tzinfo=WEST),
        datetime(1, 1, 2, tzinfo=EAST),
        datetime(9999, 12, 30, tzinfo=WEST),
        datetime(2026, 7, 1, 12, 0, 0, 1, tzinfo=UTC),
        # in the hour that the clocks of Berlin show twice
        datetime(2024, 10, 27, 2, 30, tzinfo=BERLIN),
        datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=BERLIN),
        datetime(2024, 10, 27, 0, 30, tzinfo=UTC),
        datetime(2024, 10, 27, 2, 45, tzinfo=BERLIN),
    ],
    "noted": [datetime(2026, 7, 1, 12), datetime(2025, 1, 1), datetime(2026, 7, 1, 12, 0, 0, 5)],  # noqa: DTZ001 - naive on purpose
    "made": [date(2026, 7, 1), date(999, 1, 1), date(2025, 12, 31), date(9999, 12, 31)],
    "opens": [time(9), time(9, 30), time(23, 59, 59, 999999)],
    "lasts": [
        timedelta(0),
        timedelta(hours=1),
        timedelta(minutes=60),
        timedelta(days=-1),
        timedelta(days=400),
    ],
    "fragile": [True, False],
    "rank": list(Rank),
    "size": list(Size),
    "colour": list(Colour),
    "code": [UUID(int=each) for each in (0, 1, 2**64, 2**127)],
    "place": [PurePosixPath(each) for each in ("a", "a/b", "a.b", "a/b/c", "b", ".")],
    "host": [IPv4Address(each) for each in (0, 1, 2**31, 2**32 - 1)],
    "tags": [[], ["a"], ["a", "b"], ["b"]],
    "maker": [Maker(city="Rome"), Maker(city="Oslo", founded=1900), Maker(city="Rome", founded=7)],
    "prices": [{}, {"EUR": 1}, {"EUR": 2, "USD": 3}],
}

TYPES: dict[str, Any] = {
    "number": int,
    "weight": float,
    "price": Decimal,
    "name": str,
    "sold": datetime,
    "noted": datetime,
    "made": date,
    "opens": time,
    "lasts": timedelta,
    "fragile": bool,
    "rank": Rank,
    "size": Size,
    "colour": Colour,
    "code": UUID,
    "place": PurePosixPath,
    "host": IPv4Address,
    "tags": list[str],
    "maker": Maker,
    "prices": dict[str, int],
}

OPAQUE = ("tags", "maker", "prices")
UNORDERED = ("colour", "maker", "prices")

FORMS: dict[str, str] = {
    # what a field's name begins with: whether it has an index, and whether it may be None
    "": "plain",
    "known_": "index",
    "maybe_": "none",
    "known_maybe_": "index none",
}


def of_form(form: str, name: str, loosely: bool) -> tuple[Any, Any]:
    """The annotation and the default of a field."""
    annotation: Any = TYPES[name]
    if "none" in form:
        annotation = annotation | None
    if loosely:  # another fingerprint, the same values
        annotation = Annotated[annotation, AfterValidator(_unchanged)]
    if "index" in form and not loosely:
        annotation = Annotated[annotation, Index()]
    return annotation, None if "none" in form else ...


def _unchanged(value: Any) -> Any:
    return value


def make_table(*, loosely: bool = False) -> type[Table]:
    """A class for the table; `loosely` as another program declares it."""
    fields: dict[str, Any] = {"of_all": (int, 0)}
    for prefix, form in FORMS.items():
        for name in TYPES:
            if "index" in form and name in OPAQUE:
                continue
            fields[prefix + name] = of_form(form, name, loosely)
    return create_model("Ware", __base__=Table, __module__=__name__, **fields)


def wares(table: type[Table], number: int, seed: int) -> list[Table]:
    """Records with values from the pools."""
    random = Random(seed)
    made: list[Table] = []
    for _ in range(number):
        values: dict[str, Any] = {}
        for name in table.model_fields:
            bare = bare_name(name)
            if bare == "of_all":
                continue
            empty = "maybe_" in name and random.random() < 0.3
            values[name] = None if empty else random.choice(POOLS[bare])
        made.append(table(**values))
    return made


def bare_name(name: str) -> str:
    return name.removeprefix("known_").removeprefix("maybe_")
