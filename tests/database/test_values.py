"""Odd values, stored through a real server and found in another database object."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any
from uuid import UUID

import pytest
from pydantic import BaseModel, SecretStr, ValidationError

from discobase import Database, Table, Unique
from discobase.errors import DiscobaseError, UniqueViolation, UnstorableValue
from discobase.records.sameness import difference
from tests.naming import without_address


class Colour(Enum):
    RED = 1


class Point(BaseModel):
    x: int
    y: float = 0.5


VALUES = [
    (SecretStr, SecretStr("pass`word")),
    (bytes, bytes(range(256))),
    (Decimal, Decimal("0.10")),
    (datetime, datetime(2026, 7, 1, 12, 30, 0, 123456, tzinfo=UTC)),
    (datetime, datetime(2026, 7, 1, 12, tzinfo=timezone(timedelta(hours=-9, minutes=-30)))),
    (datetime, datetime(2026, 7, 1, 12)),  # noqa: DTZ001 - naive on purpose
    (date, date.max),
    (time, time(23, 59, 59, 999999)),
    (timedelta, timedelta(days=-3, microseconds=7)),
    (Colour, Colour.RED),
    (Point, Point(x=1)),
    (dict[str, list[Point]], {"a": [Point(x=1), Point(x=2, y=2.5)], "": []}),
    (set[int], {3, 1, 2}),
    (frozenset[str], frozenset({"x"})),
    (tuple[int, str], (1, "x")),
    (int | str, "3"),
    (int | str | None, None),
    (int, 2**70),
    (int, -(2**70)),
    (float, math.nan),
    (float, -math.inf),
    (float, -0.0),
    (float, 5e-324),
    (UUID, UUID(int=7)),
    (str, ""),
    (str, "```"),
    (str, "``` json\n```json\n{}"),
    (str, "@everyone @here <@1> <@&2> <#3>"),
    (str, "  leading and trailing  \n"),
    (str, "a\x00b\r\n\t\u2028\ufeff"),
    (str, "🎩🏳️‍🌈 ẞ ﷽ \U0010ffff"),
    (str, "<t:1:R> https://example.com **bold** ||spoiler|| \\"),
    (str, '"]}],["del","Thing",1]'),
    (Any, {"nested": [1, None, True, "x", 1.5]}),
]


def thing(kind: Any) -> tuple[Database, type[Any]]:
    database = Database("shop")

    @database.table
    class Thing(Table):
        value: kind

    Thing.model_rebuild(_types_namespace={"kind": kind})
    return database, Thing


def test_every_kind_of_value_comes_back_exactly_in_another_database_object(place):
    kinds = [thing(kind) for kind, _ in VALUES]
    database = Database("shop")
    again = Database("shop")
    first, second = [], []
    for number, (_, table) in enumerate(kinds):
        first.append(database.table(name=f"t{number}")(type("Thing", (table,), {})))
        second.append(again.table(name=f"t{number}")(type("Thing", (table,), {})))
    with place.conn(database):
        for table, (_, value) in zip(first, VALUES, strict=True):
            table(value=value).save()
    with place.conn(again):
        for table, (kind, value) in zip(second, VALUES, strict=True):
            found = table.get(1).value
            assert difference(value, found) is None, (kind, value, found)
            if value == value:  # NaN equals nothing
                assert len(table.find(value=value)) == 1, (kind, value)


def test_mentions_in_data_ping_nobody(place):
    database, table = thing(str)
    with place.conn(database):
        table(value="@everyone @here <@1>").save()
    (message,) = place.frames()
    assert message["mention_everyone"] is False
    assert message["mentions"] == []


@pytest.mark.parametrize(
    ("kind", "value", "error"),
    [
        (str, "\ud800", UnstorableValue),
        (Any, object(), UnstorableValue),
        (Any, (1, 2), UnstorableValue),
        (Any, Decimal(1), UnstorableValue),
        (Any, [*range(3), {1}], UnstorableValue),
    ],
    ids=without_address,
)
def test_what_would_not_come_back_is_refused_before_anything_is_sent(place, kind, value, error):
    database, table = thing(kind)
    with place.conn(database):
        place.forget_calls()
        with pytest.raises(error, match=r"Thing\.value"):
            table.model_construct(value=value).save()
        with pytest.raises((error, ValidationError)):
            table.save_many([table.model_construct(value=value)])
        assert place.calls == 0
        assert issubclass(error, DiscobaseError)


def test_a_value_of_another_type_is_stored_as_the_fields_own_and_found_by_either(place):
    database = Database("shop")

    class Moment(datetime): ...

    @database.table
    class Account(Table):
        balance: Annotated[float, Unique()] = 0
        at: datetime | None = None

    with place.conn(database):
        account = Account(at=Moment(2024, 5, 1, tzinfo=UTC)).save()
        assert (type(account.balance), type(account.at)) == (float, datetime)
        with pytest.raises(UniqueViolation):
            Account(balance=0.0).save()
        account.balance = 5
        account.update()
        assert type(account.balance) is float
        assert Account.save_many([Account(), account]).records == 2
        assert [found.pk for found in Account.find(balance=5)] == [1]
        assert [found.pk for found in Account.find(at=Moment(2024, 5, 1, tzinfo=UTC))] == [1]
        assert difference(Account.get(1).model_dump(), account.model_dump()) is None


def test_secrets_are_stored_but_not_shown(place):
    database, table = thing(SecretStr)
    with place.conn(database):
        saved = table(value="hunter2").save()
        assert "hunter2" not in repr(saved)
        assert "hunter2" not in repr(table.find(value="hunter2"))
        assert table.find_unique(value="hunter2").value.get_secret_value() == "hunter2"
