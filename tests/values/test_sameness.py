"""What counts as the same value, and how the first difference is described."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import IntEnum
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, PrivateAttr, SecretStr

from discobase.records.sameness import MISSING, Difference, difference
from discobase.shown import shortened
from tests.naming import without_address


class Level(IntEnum):
    LOW = 1


class Model(BaseModel, extra="allow"):
    value: Any = None
    hidden: Any = Field(default=None, repr=False)
    _private: int = PrivateAttr(default=0)


@dataclass
class Point:
    x: Any
    quiet: Any = field(default=None, repr=False)


class Sour:
    def __eq__(self, other: object) -> bool:
        raise TypeError("no")

    __hash__ = None  # type: ignore[assignment]


NOON = datetime(2024, 7, 1, 12)  # noqa: DTZ001

SAME: list[tuple[Any, Any]] = [
    (float("nan"), float("nan")),
    (Decimal("NaN"), Decimal("NaN")),
    (NOON.replace(tzinfo=ZoneInfo("Africa/Abidjan")), NOON.replace(tzinfo=UTC)),
    (NOON, NOON.replace(fold=1)),
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    ({1, 2}, {2, 1}),
    (Model(value=None), Model()),
    (SecretStr("a"), SecretStr("a")),
]

DIFFERENT: list[tuple[Any, Any]] = [
    (1, True),
    (1, 1.0),
    (1, Level.LOW),
    (0.0, -0.0),
    (Decimal("1.0"), Decimal("1.00")),
    (Decimal(0), Decimal("-0")),
    (NOON, NOON.replace(tzinfo=UTC)),
    (NOON.replace(tzinfo=UTC), NOON.replace(tzinfo=UTC).astimezone(timezone(timedelta(hours=1)))),
    ([1], (1,)),
    ([1], [1, 2]),
    ({1}, {True}),
    ({1: "a"}, {True: "a"}),
    ({1: "a"}, {1: "a", 2: "b"}),
    ({1: 1}, {1: 1.0}),
    (frozenset({(1, 2)}), frozenset({(1, 2.0)})),
    (OrderedDict(a=1, b=2), OrderedDict(b=2, a=1)),
    (defaultdict(int), defaultdict(str)),
    (deque([1], maxlen=2), deque([1], maxlen=3)),
    (Model(extra=1), Model()),
    (Model(), Model(extra=None)),
    (Model(value=Model(extra=[1])), Model(value=Model(extra=[2]))),
    (Point(1), Point(1.0)),
    (SecretStr("a"), SecretStr("b")),
    (object(), object()),
    (Sour(), Sour()),
    (None, MISSING),
]


@pytest.mark.parametrize(("before", "after"), SAME, ids=without_address)
def test_they_are_the_same(before: object, after: object) -> None:
    assert difference(before, after) is None
    assert difference([before], [after]) is None


@pytest.mark.parametrize(("before", "after"), DIFFERENT, ids=without_address)
def test_they_differ(before: object, after: object) -> None:
    assert difference(before, after) is not None
    assert difference(after, before) is not None
    assert difference({"a": (before,)}, {"a": (after,)}) is not None


@given(st.recursive(st.none() | st.floats() | st.text(), st.lists, max_leaves=5))
def test_everything_is_the_same_as_itself(value: object) -> None:
    assert difference(value, value) is None


def test_the_path_leads_to_the_first_difference() -> None:
    before = Model(value=[Model(value={"a b": Point([0, 1])})])
    after = Model(value=[Model(value={"a b": Point([0, 2])})])
    assert difference(before, after) == Difference(1, 2, "value[0].value['a b'].x[1]")


@pytest.mark.parametrize(
    ("before", "after", "path"),
    [
        (Model(hidden={"key": [1]}), Model(hidden={"key": [2]}), "hidden"),
        (Model(value=Point(1, quiet=[1])), Model(value=Point(1, quiet=[2])), "value.quiet"),
    ],
    ids=without_address,
)
def test_what_a_model_hides_is_not_shown_and_its_keys_are_not_named(
    before: object, after: object, path: str
) -> None:
    found = difference(before, after)
    assert found is not None
    assert (found.path, found.shown) == (path, False)


def test_a_secret_is_not_shown() -> None:
    found = difference([SecretStr("a")], [SecretStr("b")])
    assert found is not None
    assert (found.path, found.shown) == ("[0]", False)


def test_what_an_error_shows_is_short() -> None:
    cycle: list[object] = []
    cycle.append(cycle)
    assert shortened("a") == "'a'"
    assert len(shortened("a" * 1000)) == 80
    assert shortened(10**5000) == "a value"
    assert shortened(cycle) == "[[...]]"
