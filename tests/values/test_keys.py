"""Keys compare as the values do: by SQLite, which will do the comparing, and by Python."""

from __future__ import annotations

import json
import math
import sqlite3
from datetime import datetime, time, timedelta, timezone
from decimal import Decimal
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from discobase.engine.keys import Kind, key

SQL = sqlite3.connect(":memory:", check_same_thread=False)

offsets = st.integers(-24 * 60 + 1, 24 * 60 - 1).map(lambda m: timezone(timedelta(minutes=m)))
texts = st.text(st.characters(exclude_categories=["Cs"]))
numbers = st.one_of(
    st.integers(),
    st.integers(-(2**80), 2**80),
    st.floats(allow_nan=False),
    st.decimals(allow_nan=False),
)


def stored(value: object, annotation: Any) -> Any:
    return json.loads(TypeAdapter(annotation).dump_json(value))


def compared(left: str, right: str) -> int:
    below, above = SQL.execute("select ? < ?, ? > ?", (left, right) * 2).fetchone()
    return above - below


def order(left: Any, right: Any) -> int:
    return (left > right) - (left < right)


def number_key(value: float | Decimal) -> str:
    text = str(value) if isinstance(value, Decimal) or not math.isfinite(value) else value
    result = key("decimal", text)
    assert result is not None
    return result


def keyed(kind: Kind, value: object, annotation: Any) -> str:
    result = key(kind, stored(value, annotation))
    assert result is not None
    return result


@given(numbers, numbers)
def test_numbers_of_all_types_compare_by_value(left: Any, right: Any) -> None:
    assert compared(number_key(left), number_key(right)) == order(left, right)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_neighbouring_floats_are_told_apart(value: float) -> None:
    above = math.nextafter(value, math.inf)
    assume(math.isfinite(above))
    assert compared(number_key(value), number_key(above)) == order(value, above)


@given(st.integers())
def test_neighbouring_integers_are_told_apart(value: int) -> None:
    assert compared(number_key(value), number_key(value + 1)) == -1


@pytest.mark.parametrize("kind", ["plain", "decimal"])
def test_equal_numbers_have_one_key_however_they_are_written(kind: Kind) -> None:
    written = ["1", "1.0", "1e0", "10e-1", "1.000"]
    assert len({key(kind, json.loads(text)) for text in written}) == 1
    assert key("decimal", "1.00") == key(kind, 1)
    assert key(kind, 2**70) != key(kind, 2**70 + 1)
    assert key(kind, -0.0) == key(kind, 0.0) == key(kind, 0)
    assert key("decimal", "-0.00") == key(kind, 0)


def test_numbers_at_the_ends_sort_where_they_belong() -> None:
    ascending = [
        "-Infinity",
        "-1E+999999999999999999",
        -(10**400),
        -1,
        "-1E-1000",
        0,
        5e-324,
        "0.1",
        0.1,
        "1E+1000000",
        "Infinity",
        "NaN",
    ]
    keys = [key("decimal", value) or "" for value in ascending]
    assert all(compared(left, right) == -1 for left, right in pairwise(keys))


def test_negative_numbers_sort_below_those_they_begin_with() -> None:
    numbers = [-1.55, -1.5, -1, -0.5, 0, 1, 1.5, 1.55]
    assert [key("plain", number) for number in numbers] == sorted(
        str(key("plain", number)) for number in numbers
    )


def test_nan_equals_itself_however_it_is_written() -> None:
    assert key("decimal", "NaN") == key("decimal", "-sNaN") == key("decimal", math.nan)


@given(texts, texts)
def test_strings_compare_by_code_point(left: str, right: str) -> None:
    assert compared(key("plain", left) or "", key("plain", right) or "") == order(left, right)


@given(texts, st.one_of(st.integers(), st.floats(), st.booleans(), st.none()))
def test_a_string_never_has_the_key_of_anything_else(text: str, other: Any) -> None:
    assert key("plain", text) != key("plain", other)


def test_the_json_types_are_told_apart() -> None:
    values = [None, True, False, 1, 0, "", "null", "true", "1", "#2", [], {}, [1], {"a": 1}]
    assert len({key("plain", value) for value in values}) == len(values)
    assert key("plain", None) == "null"


@given(st.booleans(), st.booleans())
def test_booleans_sort_as_python_sorts_them(left: bool, right: bool) -> None:
    assert compared(key("plain", left) or "", key("plain", right) or "") == order(left, right)


@given(st.datetimes(timezones=offsets), st.datetimes(timezones=offsets))
def test_aware_datetimes_compare_as_instants(left: datetime, right: datetime) -> None:
    found = compared(keyed("instant", left, datetime), keyed("instant", right, datetime))
    assert found == order(left, right)


@given(st.datetimes(timezones=offsets), offsets)
def test_a_moment_has_one_key_in_all_time_zones(moment: datetime, zone: timezone) -> None:
    assume(3 < moment.year < 9997)
    elsewhere = moment.astimezone(zone)
    assert keyed("instant", moment, datetime) == keyed("instant", elsewhere, datetime)


@given(st.datetimes(), st.datetimes())
def test_naive_datetimes_compare_as_python_compares_them(left: datetime, right: datetime) -> None:
    found = compared(keyed("instant", left, datetime), keyed("instant", right, datetime))
    assert found == order(left, right)


@given(st.datetimes(), st.datetimes(timezones=offsets))
def test_a_naive_datetime_never_equals_an_aware_one(naive: datetime, aware: datetime) -> None:
    assert keyed("instant", naive, datetime) != keyed("instant", aware, datetime)


@given(st.times(), st.times(), offsets, offsets)
def test_times_compare_as_python_compares_them(
    left: time, right: time, zone: timezone, other: timezone
) -> None:
    for one, two in ((left, right), (left.replace(tzinfo=zone), right.replace(tzinfo=other))):
        found = compared(keyed("instant", one, time), keyed("instant", two, time))
        assert found == order(one, two)


@given(st.timedeltas(), st.timedeltas())
def test_durations_compare_as_python_compares_them(left: timedelta, right: timedelta) -> None:
    found = compared(keyed("duration", left, timedelta), keyed("duration", right, timedelta))
    assert found == order(left, right)


@given(st.timedeltas(), st.sampled_from([timedelta.min, timedelta.max, timedelta(-1), timedelta()]))
def test_the_longest_durations_sort_too(left: timedelta, right: timedelta) -> None:
    found = compared(keyed("duration", left, timedelta), keyed("duration", right, timedelta))
    assert found == order(left, right)


@given(st.lists(st.sampled_from(["a", "b", "a-b", "a.b", "é"]), min_size=1), st.data())
def test_paths_sort_by_their_parts(parts: list[str], data: st.DataObject) -> None:
    other = data.draw(st.lists(st.sampled_from(["a", "b", "a-b", "a!"]), min_size=1))
    left, right = PurePosixPath(*parts), PurePosixPath(*other)
    found = compared(key("path", str(left)) or "", key("path", str(right)) or "")
    assert found == order(left, right)


@given(st.ip_addresses(v=4), st.ip_addresses(v=4), st.ip_addresses(v=6), st.ip_addresses(v=6))
def test_addresses_sort_by_number(four: Any, other4: Any, six: Any, other6: Any) -> None:
    for left, right in ((four, other4), (six, other6)):
        found = compared(key("address", str(left)) or "", key("address", str(right)) or "")
        assert found == order(left, right)


def test_an_opaque_field_has_no_key() -> None:
    assert key("opaque", "a") is None
    assert key("opaque", None) is None


@pytest.mark.parametrize("kind", ["decimal", "instant", "duration", "path", "address"])
def test_null_has_the_same_key_in_every_kind(kind: Kind) -> None:
    assert key(kind, None) == "null"


@pytest.mark.parametrize("kind", ["decimal", "instant", "duration", "address"])
@pytest.mark.parametrize("value", ["", "pie", "12:3", "1e" + "9" * 30, "P", "PT", "\ud800", "½"])
def test_what_an_older_schema_wrote_is_keyed_as_plain(kind: Kind, value: str) -> None:
    assert key(kind, value) == key("plain", value)


@pytest.mark.parametrize("kind", ["plain", "decimal", "instant", "duration", "path", "address"])
def test_every_kind_has_a_key_for_every_json_value(kind: Kind) -> None:
    values: list[Any] = [None, True, 0, -1, 1.5, "", "x", [], {}, [1, {"b": 1, "a": 2}]]
    assert all(isinstance(key(kind, value), str) for value in values)
    assert key(kind, {"b": 1, "a": 2}) == key(kind, {"a": 2, "b": 1})
