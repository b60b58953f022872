"""What a field takes without loss is stored as the field's own type, and the record has it."""

from __future__ import annotations

import enum
import re
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from http import HTTPStatus
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    PrivateAttr,
    RootModel,
    SecretStr,
    ValidationError,
)
from typing_extensions import TypedDict

from discobase.errors import UnstorableValue
from discobase.records.codec import Codec
from discobase.records.sameness import difference
from tests.naming import without_address
from tests.values.records import Record, with_field


class Moment(datetime):
    """As freezegun's: a class of its own, with nothing of its own."""


class Stamp(datetime):
    """As pandas': with nanoseconds, which no datetime has."""

    nanosecond = 0

    def __eq__(self, other: object) -> bool:
        return self.nanosecond == getattr(other, "nanosecond", 0) and super().__eq__(other)

    __hash__ = datetime.__hash__


class Precise(Stamp):
    nanosecond = 7


class Day(date): ...


class Clock(time): ...


class Span(timedelta): ...


class Cents(Decimal): ...


class Key(UUID): ...


class Markup(str):
    __slots__ = ()


class Noted(str):  # noqa: SLOT000 - that it has attributes is what is tested
    note: str


class Slotted(datetime):
    __slots__ = ("note",)


class Ratio(float): ...


class Blob(bytes): ...


class Size(enum.Enum):
    S = "s"


class Level(enum.IntEnum):
    LOW = 1


class Name(enum.StrEnum):
    A = "a"


class Pair(NamedTuple):
    left: float
    right: str


class Movie(TypedDict):
    length: float


@dataclass
class Point:
    x: float
    y: float = 0


@dataclass(frozen=True)
class Fixed:
    x: float


class Inner(BaseModel):
    price: float = 0
    when: datetime | None = None
    _private: int = PrivateAttr(default=0)


class Numbers(RootModel[list[float]]): ...


class Frozen(BaseModel, frozen=True):
    price: float = 0


NOON = (2024, 5, 1, 12, 30, 15, 999)
CEST = timezone(timedelta(hours=2))

TAKEN: list[tuple[Any, Any, Any]] = [
    (float, 0, 0.0),
    (float, -(2**53), -(2.0**53)),
    (float, True, 1.0),
    (float | None, 3, 3.0),
    (float, Decimal("0.5"), 0.5),
    (float, Ratio(1.5), 1.5),
    (int, 3.0, 3),
    (int, False, 0),
    (int, Decimal(5), 5),
    (int, Level.LOW, 1),
    (int, HTTPStatus.NOT_FOUND, 404),
    (bool, 1, True),
    (Decimal, 5, Decimal(5)),
    (Decimal, 9.99, Decimal("9.99")),
    (Decimal, 5.0, Decimal(5)),
    (Decimal, 0.0, Decimal(0)),
    (Decimal, 1e16, Decimal(10**16)),
    (Decimal, Cents("1.50"), Decimal("1.50")),
    (str, Markup("<b>"), "<b>"),
    (str, Name.A, "a"),
    (Literal["a"], Name.A, "a"),
    (Size, "s", Size.S),
    (Name, "a", Name.A),
    (Level, 1, Level.LOW),
    (bytes, Blob(b"\xff"), b"\xff"),
    (datetime, Moment(*NOON), datetime(*NOON)),  # noqa: DTZ001 - naive on purpose
    (datetime, Moment(*NOON, tzinfo=CEST), datetime(*NOON, tzinfo=CEST)),
    (datetime | None, Stamp(*NOON, tzinfo=UTC), datetime(*NOON, tzinfo=UTC)),
    (Annotated[datetime, AfterValidator(lambda at: at.replace(second=0))], Moment(2024, 5, 1), datetime(2024, 5, 1)),  # noqa: DTZ001, E501
    (date, Day(2024, 5, 1), date(2024, 5, 1)),
    (time, Clock(12, 30), time(12, 30)),
    (timedelta, Span(days=-1, microseconds=1), timedelta(days=-1, microseconds=1)),
    (UUID, Key(int=7), UUID(int=7)),
    (list[float], [1, 2.5], [1.0, 2.5]),
    (list[datetime], [Moment(*NOON, tzinfo=UTC)], [datetime(*NOON, tzinfo=UTC)]),
    (list[str], (), []),
    (list[float], (1, Ratio(2)), [1.0, 2.0]),
    (tuple[float, ...], [1], (1.0,)),
    (deque[int], [1, 2], deque([1, 2])),
    (set[float], {1, 2}, {1.0, 2.0}),
    (set[str], frozenset({"a"}), {"a"}),
    (frozenset[float], frozenset({1}), frozenset({1.0})),
    (frozenset[int], {1}, frozenset({1})),
    (dict[str, float], {"b": 1, "a": 2}, {"b": 1.0, "a": 2.0}),
    (dict[float, int], {1: 2}, {1.0: 2}),
    (defaultdict[str, float], defaultdict(float, a=1), defaultdict(float, a=1.0)),
    (Pair, Pair(1, "a"), Pair(1.0, "a")),
    (Movie, {"length": 90}, {"length": 90.0}),
    (Point, Point(1), Point(1.0, 0.0)),
    (Fixed, Fixed(1), Fixed(1.0)),
    (Inner, Inner(), Inner(price=0.0)),
    (Inner, Inner(when=Moment(*NOON)), Inner(price=0.0, when=datetime(*NOON))),  # noqa: DTZ001
    (Numbers, Numbers.model_construct([1]), Numbers([1.0])),
    (Frozen, Frozen(), Frozen(price=0.0)),
    (list[dict[str, Inner]], [{"a": Inner()}], [{"a": Inner(price=0.0)}]),
    (Annotated[float, Field(ge=0)], 1, 1.0),
    (Annotated[str, AfterValidator(str.lower)], Markup("a"), "a"),
]  # fmt: skip


def box(annotation: Any, value: object) -> tuple[Codec[Any], Any]:
    """A record that holds a value as an assignment or a default leaves it: unchecked."""
    model = with_field(annotation)
    return Codec(model, "boxes"), model.model_construct(value=value)


@pytest.mark.parametrize(("annotation", "value", "own"), TAKEN, ids=without_address)
def test_it_is_stored_as_the_fields_own_type(annotation: Any, value: object, own: object) -> None:
    codec, record = box(annotation, value)
    text = codec.encode(record)
    assert difference(record.value, own) is None
    assert difference(codec.decode(text).value, own) is None
    assert codec.encode(record) == text == codec.encode(codec.model.model_construct(value=own))


def noted(value: Any) -> Any:
    value.note = "n"
    return value


LOST: list[tuple[Any, Any]] = [
    (float, 2**53 + 1),
    (float, 10**400),
    (float, Decimal("1.50")),
    (float, Decimal("0.1234567890123456789")),
    (float, "1.5"),
    (int, -0.0),
    (int, Decimal("5.0")),
    (int, "5"),
    (str, noted(Noted("a"))),
    (datetime, Precise(*NOON, tzinfo=UTC)),
    (datetime, noted(Slotted(*NOON, tzinfo=UTC))),
    (datetime, "2024-05-01T12:00:00"),
    (datetime, date(2024, 5, 1)),
    (date, datetime(2024, 5, 1)),  # noqa: DTZ001 - naive on purpose
    (Any, Markup("a")),
    (Any, [Ratio(1)]),
    (Any, Level.LOW),
    (Any, Name.A),
    (Any, Moment(*NOON, tzinfo=UTC)),
    (Any, (1,)),
    (Sequence[int], (1, 2)),
    (list[int], {1, 2}),
    (set[int], [1, 1]),
    (list[int], ["1"]),
    (list[int], deque([1], maxlen=1)),
    (defaultdict[str, float], defaultdict(list, a=1)),
    (Inner, {"price": 1.0}),
    (SecretStr, "a"),
    (Annotated[float, AfterValidator(lambda value: value + 1)], 1),
    (re.Pattern[str], re.compile("a", re.IGNORECASE)),
]


@pytest.mark.parametrize(("annotation", "value"), LOST, ids=without_address)
def test_what_would_lose_something_is_refused_and_left_as_it_is(
    annotation: Any, value: object
) -> None:
    codec, record = box(annotation, value)
    with pytest.raises((UnstorableValue, ValidationError)):
        codec.encode(record)
    assert record.value is value


def test_a_strict_model_takes_no_other_type() -> None:
    class Strict(Record, strict=True):
        price: Decimal
        at: datetime | None = None

    codec = Codec(Strict, "strict")
    with pytest.raises(UnstorableValue, match=r"strict\.price cannot be stored as 5"):
        codec.encode(Strict.model_construct(price=5, at=None))
    record = Strict(price=Decimal(5), at=Moment(*NOON, tzinfo=UTC))
    codec.encode(record)
    assert type(record.at) is datetime


def test_what_is_inside_a_record_stays_the_object_that_it_is() -> None:
    class Order(Record):
        lines: list[Inner]
        by_name: dict[str, list[float]]
        tags: set[float]
        pair: tuple[Inner, float]
        points: list[Point]
        total: float = 0
        note: str = ""

    line, point, numbers, tags = Inner(price=1), Point(1), [1.0], {1.0}
    order = Order(lines=[line], by_name={"a": numbers}, tags=tags, pair=(line, 1), points=[point])
    line, point, lines = order.lines[0], order.points[0], order.lines
    numbers, tags = order.by_name["a"], order.tags
    line.price, point.x, line._private = 2, 3, 4
    numbers.append(2)
    tags.add(3)
    codec = Codec(Order, "orders")
    text = codec.encode(order)
    assert difference(order, codec.decode(text)) is None
    assert order.lines is lines
    assert order.lines[0] is order.pair[0] is line
    assert (line.price, line._private, type(line.price)) == (2.0, 4, float)
    assert order.points[0] is point
    assert order.by_name["a"] is numbers
    assert order.tags is tags
    assert order.model_fields_set == {"lines", "by_name", "tags", "pair", "points"}


def test_where_one_value_would_lose_something_no_other_is_changed_and_the_error_names_it() -> None:
    class Two(Record):
        first: float = 0
        second: list[Any] = Field(default_factory=list)

    codec, record = Codec(Two, "twos"), Two(second=[1, (2,)])
    with pytest.raises(UnstorableValue, match=r"twos\.second\[1\] cannot be stored as \(2,\)"):
        codec.encode(record)
    assert type(record.first) is int


def test_secrets_extras_and_excluded_fields_are_stored_beside_it() -> None:
    class Account(Record, extra="allow"):
        balance: float = 0
        pin: SecretStr = SecretStr("1234")
        limit: float = Field(default=5, exclude=True)

    codec, account = Codec(Account, "accounts"), Account(more=[1])
    text = codec.encode(account)
    assert (type(account.balance), type(account.limit)) == (float, float)
    assert difference(codec.decode(text), account) is None
    assert codec.decode(text).pin.get_secret_value() == "1234"


numbers = st.integers() | st.floats() | st.decimals() | st.booleans()


@given(st.sampled_from([int, float, Decimal, bool]), numbers)
def test_a_number_is_stored_so_that_it_could_be_made_again_or_it_is_refused(
    kind: Any, number: Any
) -> None:
    codec, record = box(list[kind], [number])
    held = record.value
    try:
        text = codec.encode(record)
    except (UnstorableValue, ValidationError):
        assert record.value is held
        assert held[0] is number
        return
    (stored,) = codec.decode(text).value
    assert difference(held, [stored]) is None
    assert type(stored) is kind
    assert difference(type(number)(stored), number) is None


@given(st.datetimes(timezones=st.none() | st.just(UTC) | st.just(CEST)))
def test_a_moment_of_a_subclass_is_stored_as_the_same_moment(moment: datetime) -> None:
    codec, record = box(datetime, Moment.combine(moment.date(), moment.timetz()))
    assert type(record.value) is Moment
    codec.encode(record)
    assert difference(record.value, moment) is None
