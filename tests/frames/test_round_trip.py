"""Records made frames, and records again: nothing of them changes on the way."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from ipaddress import IPv4Address
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, NaiveDatetime

import discobase
from discobase.errors import FrameRefused
from discobase.frames import arrow_tables, pandas_frames, polars_frames
from discobase.frames.columns import columns_of
from discobase.records.expressions.path import FieldPath
from discobase.records.sameness import difference

db = discobase.Database("frames")


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Size(IntEnum):
    SMALL = 1
    LARGE = 2


class Point(NamedTuple):
    x: int
    y: float


class Home(BaseModel):
    model_config = ConfigDict(ser_json_inf_nan="strings")

    city: str
    since: date | None = None
    price: Decimal = Decimal(1)
    lat: float = 0.0
    rooms: list[str] = []
    landlord: Home | None = None


@db.table
class Thing(discobase.Table):
    count: int
    score: float
    done: bool
    name: str
    data: bytes
    price: Decimal
    exact: Annotated[Decimal, Field(max_digits=10, decimal_places=2)]
    seen: datetime
    aware: AwareDatetime
    naive: NaiveDatetime
    day: date
    hour: time
    took: timedelta
    id: UUID
    colour: Colour
    size: Size
    kind: Literal["a", "b"]
    address: IPv4Address
    path: PurePosixPath
    home: Home
    homes: list[Home]
    tags: set[str]
    point: Point
    pair: tuple[int, str]
    sizes: dict[str, int]
    either: int | str
    anything: Any
    maybe_count: int | None
    maybe_score: float | None
    maybe_done: bool | None
    maybe_name: str | None
    maybe_data: bytes | None
    maybe_price: Decimal | None
    maybe_seen: datetime | None
    maybe_day: date | None
    maybe_took: timedelta | None
    maybe_id: UUID | None
    maybe_home: Home | None
    maybe_tags: list[str] | None


@db.table
class Strict(discobase.Table):
    model_config = ConfigDict(strict=True)

    count: int
    score: float | None
    seen: datetime
    day: date
    id: UUID
    colour: Colour
    tags: frozenset[int]
    home: Home


text = st.text(st.characters(codec="utf-8"), max_size=4)
zones = st.sampled_from(
    [UTC, timezone(timedelta(hours=5, minutes=30)), timezone(-timedelta(1) / 3)]
)
moments = st.datetimes(timezones=zones)
naive = st.datetimes()
floats = st.floats(allow_nan=False)
decimals = st.decimals(
    allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9
)
homes = st.recursive(
    st.builds(
        Home,
        city=text,
        since=st.none() | st.dates(),
        price=decimals,
        lat=floats,
        rooms=st.lists(text, max_size=2),
    ),
    lambda inner: st.builds(Home, city=text, landlord=inner),
    max_leaves=2,
)
json = st.recursive(
    st.none() | st.booleans() | st.integers() | text,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(text, inner, max_size=2),
    max_leaves=3,
)
usual = st.integers(-(2**63), 2**63 - 1)
FIELDS = {
    "count": usual,
    "score": floats,
    "done": st.booleans(),
    "name": text,
    "data": st.binary(max_size=4),
    "price": decimals,
    "exact": st.decimals(min_value=-9999, max_value=9999, places=2),
    "seen": moments,
    "aware": moments,
    "naive": naive,
    "day": st.dates(),
    "hour": st.times(),
    "took": st.timedeltas(timedelta(-99999999), timedelta(99999999)),
    "id": st.uuids(),
    "colour": st.sampled_from(Colour),
    "size": st.sampled_from(Size),
    "kind": st.sampled_from(["a", "b"]),
    "address": st.ip_addresses(v=4),
    "path": st.just(PurePosixPath("a/b")),
    "home": homes,
    "homes": st.lists(homes, max_size=2),
    "tags": st.sets(text, max_size=2),
    "point": st.builds(Point, usual, floats),
    "pair": st.tuples(usual, text),
    "sizes": st.dictionaries(text, usual, max_size=2),
    "either": usual | text,
    "anything": json,
}
FIELDS |= {
    f"maybe_{name}": st.none() | FIELDS[name]
    for name in (
        "count",
        "score",
        "done",
        "name",
        "data",
        "price",
        "seen",
        "day",
        "took",
        "id",
        "home",
    )
} | {"maybe_tags": st.none() | st.lists(text, max_size=2)}
# What no package but pandas has a type for.
ODD = {
    "count": st.integers(),
    "score": st.floats(),
    "name": st.text(max_size=3),
    "price": st.decimals(allow_nan=False, allow_infinity=False),
    "seen": naive | moments,
    "hour": st.times(timezones=zones),
    "took": st.timedeltas(),
    "maybe_score": st.none() | st.floats(),
    "maybe_count": st.none() | st.integers(),
}
things = st.fixed_dictionaries(FIELDS)
odd = st.fixed_dictionaries(ODD)
PACKAGES = {
    "pandas": pandas_frames.frame_of,
    "polars": polars_frames.frame_of,
    "arrow": arrow_tables.table_of,
}


EXAMPLE = {
    "count": 1,
    "score": 1.5,
    "done": True,
    "name": "a",
    "data": b"\xff",
    "price": Decimal("1.50"),
    "exact": Decimal("1.50"),
    "seen": datetime(2026, 1, 2, tzinfo=UTC),
    "aware": datetime(2026, 1, 2, tzinfo=UTC),
    "naive": datetime(2026, 1, 2),  # noqa: DTZ001 - without a zone
    "day": date(2026, 1, 2),
    "hour": time(3),
    "took": timedelta(1),
    "id": UUID(int=1),
    "colour": "red",
    "size": 1,
    "kind": "a",
    "address": "127.0.0.1",
    "path": "a",
    "home": {"city": "Rome"},
    "homes": [],
    "tags": [],
    "point": (1, 2.0),
    "pair": (1, "a"),
    "sizes": {},
    "either": 1,
    "anything": None,
    **dict.fromkeys([name for name in Thing.model_fields if name.startswith("maybe")]),
}


def columns(table, records):
    paths = [FieldPath(table, name) for name in table.model_fields]
    rows = [tuple(getattr(record, name) for name in table.model_fields) for record in records]
    return columns_of(table._bound(), paths, [*table.model_fields], rows)


def stored(record):
    """A record as it is once it has been stored: a zone is its offset then."""
    codec = type(record)._bound().codec
    return codec.decode(codec.encode(record))


@pytest.mark.parametrize("package", PACKAGES)
@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    deadline=None,
)
@given(given_=st.lists(things, max_size=3))
def test_records_come_back_equal(package, given_):
    records = [stored(Thing(**values)) for values in given_]
    frame = PACKAGES[package](columns(Thing, records))
    assert Thing.from_frame(frame) == records


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(values=odd)
def test_pandas_takes_whatever_can_be_stored(values):
    record = stored(Thing(**EXAMPLE | values))
    (back,) = Thing.from_frame(pandas_frames.frame_of(columns(Thing, [record])))
    for name in Thing.model_fields:
        held, found = getattr(record, name), getattr(back, name)
        is_nan = held != held
        assert found == held or (is_nan and found != found), name


@pytest.mark.parametrize("package", ["polars", "arrow"])
@settings(max_examples=40, deadline=None)
@given(given_=st.sampled_from([*ODD]).flatmap(lambda name: st.tuples(st.just(name), ODD[name])))
def test_others_take_a_value_exactly_or_name_the_column_that_does_not(package, given_):
    name, value = given_
    record = stored(Thing(**EXAMPLE | {name: value}))
    refused = None
    try:
        frame = PACKAGES[package](columns(Thing, [record]))
    except FrameRefused as error:
        refused = error.column
    if refused is not None:
        assert refused == name
        return
    (back,) = Thing.from_frame(frame)
    held, found = getattr(record, name), getattr(back, name)
    assert found == held or (held != held and found != found)


@pytest.mark.parametrize("package", PACKAGES)
def test_strict_classes_take_what_stands_in_a_frame_of_theirs(package):
    record = stored(
        Strict(
            count=1,
            score=None,
            seen=datetime(2026, 1, 2, tzinfo=UTC),
            day=date(2026, 1, 2),
            id=UUID(int=7),
            colour=Colour.RED,
            tags=frozenset({1, 2}),
            home=Home(city="Rome"),
        )
    )
    assert Strict.from_frame(PACKAGES[package](columns(Strict, [record]))) == [record]


def test_a_frame_of_nothing_has_the_types_of_the_fields():
    one = [stored(Thing(**EXAMPLE))]
    for make in (polars_frames.frame_of, arrow_tables.table_of):
        assert make(columns(Thing, [])).schema == make(columns(Thing, one)).schema
    none, some = (pandas_frames.frame_of(columns(Thing, each)) for each in ([], one))
    assert (none.dtypes == some.dtypes).all()
    assert some.dtypes["maybe_count"] == pd.Int64Dtype()
    assert str(some.dtypes["aware"]) == "datetime64[us, UTC]"
    assert polars_frames.frame_of(columns(Thing, one)).schema["exact"] == pl.Decimal(10, 2)
    schema = arrow_tables.table_of(columns(Thing, one)).schema
    assert schema.field("home").type.field("city").type == pa.string()
    assert (schema.field("count").nullable, schema.field("maybe_count").nullable) == (False, True)


def test_nothing_compares_equal_that_differs():
    record = stored(Thing(**EXAMPLE))
    (back,) = Thing.from_frame(pandas_frames.frame_of(columns(Thing, [record])))
    assert difference(record, back) is None
