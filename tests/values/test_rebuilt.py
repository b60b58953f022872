"""Types made again of what a declaration says: what is stored stays as it is, whatever it was."""

from __future__ import annotations

import enum
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

import pytest
from pydantic import (
    AnyUrl,
    AwareDatetime,
    Base64Bytes,
    BaseModel,
    ByteSize,
    Field,
    HttpUrl,
    JsonValue,
    NaiveDatetime,
    SecretBytes,
    SecretStr,
    StrictInt,
    create_model,
    field_serializer,
)
from typing_extensions import TypedDict  # pydantic wants it before Python 3.12

from discobase import Table
from discobase.engine.operations import Schema
from discobase.records.codec import Codec
from discobase.records.rebuilt import rebuilt_fields
from discobase.schema import TableSchema


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Mixed(enum.Enum):
    HALF = 0.5
    NOTHING = None


class Address(BaseModel):
    city: str
    zip: str | None = None
    since: date = date(2020, 1, 1)


class Tree(BaseModel):
    name: str
    below: list[Tree] = []


class Odd(BaseModel):
    _secret: int = 1
    made: list[int] = Field(default_factory=list)


class Squared(BaseModel):
    side: int

    @field_serializer("side")
    def _squared(self, side: int) -> str:
        return f"{side} metres"


class Circle(BaseModel):
    kind: Literal["circle"] = "circle"
    radius: float = 1.0


class Square(BaseModel):
    kind: Literal["square"] = "square"
    side: int = 1


@dataclass
class Point:
    x: int
    y: int = 0


class Pair(NamedTuple):
    first: int
    second: str = "b"


class Told(TypedDict, total=False):
    name: str


MOMENT = datetime(2026, 1, 2, 3, 4, 5, 600, tzinfo=timezone(timedelta(hours=2)))

KNOWN = [
    (str, "a"),
    (Annotated[str, Field(min_length=1, max_length=3, pattern="^a")], "abc"),
    (int, -(2**80)),
    (Annotated[int, Field(ge=0, lt=10, multiple_of=2)], 4),
    (float, 0.1),
    (float, float("nan")),
    (bool, True),
    (Decimal, Decimal("1.50")),
    (Decimal | None, None),
    (date, date(2026, 1, 2)),
    (datetime, MOMENT),
    (NaiveDatetime, MOMENT.replace(tzinfo=None)),
    (AwareDatetime, MOMENT),
    (time, time(3, 4, 5)),
    (timedelta, timedelta(days=3, microseconds=7)),
    (UUID, UUID(int=7)),
    (bytes, b"\x00\xff"),
    (Path, Path("/a/b")),
    (IPv4Address, IPv4Address("10.0.0.1")),
    (IPv6Address, IPv6Address("fe80::1%eth0")),
    (HttpUrl, HttpUrl("https://example.org/x")),
    (AnyUrl, AnyUrl("ftp://example.org/x")),
    (SecretStr, SecretStr("hush")),
    (Literal["a", 1, True], "a"),
    (int | str | None, "7"),
    (int | float, 7),
    (list[int], [1, 2]),
    (list[int] | None, None),
    (set[str], {"a"}),
    (frozenset[int], frozenset({1})),
    (tuple[int, str], (1, "a")),
    (tuple[int, ...], (1, 2)),
    (dict[str, float], {"a": 0.5}),
    (dict[str, list[int | None]], {"a": [1, None]}),
    (Annotated[list[int], Field(min_length=1)], [1]),
    (Any, {"a": [1, None, 0.5, "x"]}),
]
"""Types that come back: the classes load a field alike, as the fingerprints tell."""

GUESSED = [
    (Color, Color.RED),
    (Level, Level.HIGH),
    (Mixed, Mixed.HALF),
    (Color | None, None),
    (StrictInt, 3),
    (ByteSize, ByteSize(1000)),
    (SecretBytes, SecretBytes(b"hush")),
    (Base64Bytes, b"aGk="),
    (JsonValue, {"a": [1]}),
    (Address, Address(city="Rome")),
    (Address | None, Address(city="Rome", zip="1", since=date(2026, 1, 1))),
    (list[Address], [Address(city="Rome")]),
    (Tree, Tree(name="a", below=[Tree(name="b")])),
    (Odd, Odd(made=[1])),
    (Squared | None, None),
    (Circle | Square, Square(side=3)),
    (Annotated[Circle | Square, Field(discriminator="kind")], Square(side=3)),
    (Point, Point(1)),
    (Pair, Pair(1)),
    (Told, {"name": "a"}),
    (list[Decimal], [Decimal("1.50")]),
    (dict[int, Decimal], {1: Decimal("1.50")}),
    (list[bytes], [b"\xff"]),
    (dict[str, Address | list[int]], {"a": [1]}),
    (Sequence[int] | None, None),
]
"""Types of which the log does not have all."""


def both(annotation: Any, field: Any = ...) -> tuple[type[Table], list[type[Table]], Schema]:
    """A class with a field, those that are made again of what it declares, and that."""
    real = create_model("Real", __base__=Table, it=(annotation, field))
    declared = TableSchema(Codec(real, "Real"), "Real").text
    schema = Schema.from_json(declared)
    rebuilt = rebuilt_fields(schema)["it"]
    made = [
        create_model("Made", __base__=Table, it=rebuilt.definition(choice, ()))
        for choice in range(len(rebuilt.types))
    ]
    return real, made, schema


def is_alike(made: type[Table], schema: Schema) -> bool:
    return TableSchema(Codec(made, "Real"), "Real").fields["it"] == schema.fields["it"]


@pytest.mark.parametrize(("annotation", "value"), KNOWN, ids=lambda each: repr(each)[:40])
def test_a_type_that_the_log_tells_of_comes_back(annotation, value):
    _, made, schema = both(annotation)
    assert any(is_alike(each, schema) for each in made)


@pytest.mark.parametrize(
    ("annotation", "value"), [*KNOWN, *GUESSED], ids=lambda each: repr(each)[:40]
)
def test_what_is_stored_is_read_and_written_as_it_was(annotation, value):
    real, made, _ = both(annotation)
    stored = Codec(real, "Real").encode(real(it=value))
    codec = Codec(made[0], "Real")
    assert codec.encode(codec.decode(stored)) == stored


@pytest.mark.parametrize(
    ("annotation", "default"),
    [
        (int, 3),
        (Decimal, Decimal("1.50")),
        (datetime | None, None),
        (set[str], frozenset({"a"})),
        (Literal["a", "b"], "b"),
        (bytes, b"\xff"),
    ],
    ids=repr,
)
def test_a_default_comes_back_as_a_value_of_the_type(annotation, default):
    real, made, schema = both(annotation, default)
    assert made[0]().it == real().it == default
    assert is_alike(made[0], schema)


def test_what_a_function_makes_a_default_of_has_to_be_given():
    _, made, schema = both(list[int], Field(default_factory=list))
    assert made[0].model_fields["it"].is_required()
    assert is_alike(made[0], schema)


def test_a_pattern_that_only_another_engine_reads_is_left_out():
    form = {"type": "string", "pattern": "^a(?=b)"}
    text = json.dumps(
        {
            "fields": {"a": {"kind": "plain", "print": "x"}},
            "index": [],
            "unique": [],
            "types": {"properties": {"a": form}, "required": ["a"]},
        }
    )
    assert [*rebuilt_fields(Schema.from_json(text))["a"].types] == [Any]


def test_without_a_json_schema_a_value_is_any():
    schema = Schema.from_json('{"fields":{"a":"decimal","_b":"plain"},"index":[],"unique":[]}')
    (field,) = rebuilt_fields(schema).items()
    assert (field[0], [*field[1].types]) == ("a", [Any])
