"""Whatever way a query takes, it says what Python says of the same records."""

from __future__ import annotations

import contextlib
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discobase import Database, desc, not_
from discobase.local import LocalDiscord
from discobase.records.expressions.nodes import Expression
from tests.database.wares import (
    FORMS,
    OPAQUE,
    POOLS,
    TYPES,
    UNORDERED,
    bare_name,
    make_table,
    wares,
)

FIELDS = [
    prefix + name
    for prefix, form in FORMS.items()
    for name in TYPES
    if not ("index" in form and name in OPAQUE)
]
ORDERED = [name for name in FIELDS if bare_name(name) not in UNORDERED]
TEXTS = [name for name in FIELDS if bare_name(name) == "name"]
PARTS = ["", "a", "b", "A", "ss", "é", '"', 'a"', "\uffff", "\x00", "\ud800", "\ud800b"]


@pytest.fixture(scope="module", params=["one program", "two programs"])
def stocked(request):
    """The table, and its records as a list. Of two programs, each has another fingerprint of every
    field, so that keys of the other's records are not known.
    """
    with LocalDiscord() as discord:
        discord.join("shop")
        way = {"token": discord.default_token, "api_url": discord.api_url}
        database, other = Database("shop"), Database("shop")
        table = database.table(make_table(), name="Ware")
        foreign = other.table(make_table(loosely=True), name="Ware")
        with contextlib.ExitStack() as connected:
            two = request.param == "two programs"
            if two:  # declared first: the newest schema is the one that has key columns
                connected.enter_context(other.conn(**way))
                foreign.save_many(wares(foreign, 5, seed=3))
            connected.enter_context(database.conn(**way))
            # Where a field has no index at the beginning, it gets none: both ways are to be taken.
            database._source.want_index = lambda wanted: None
            table.save_many(wares(table, 60, seed=1))
            if two:
                other.refresh()
                foreign.save_many(wares(foreign, 10, seed=2))
                database.refresh()
                assert table.find(known_number=1).explain().checked
            assert table.find(known_number=1).explain().indexes == ("known_number",)
            yield table, list(table.find())


def field_comparisons(table: Any) -> st.SearchStrategy[Expression]:
    @st.composite
    def one(draw: st.DrawFn) -> Expression:
        name = draw(st.sampled_from(FIELDS))
        field, pool = getattr(table, name), POOLS[bare_name(name)]
        values = st.sampled_from(pool)
        asked = draw(
            st.sampled_from(["equal", "several", "none", "order", "text", "inner", "place"])
        )
        if asked == "order" and name in ORDERED:
            low, high = draw(values), draw(values)
            return draw(
                st.sampled_from(
                    [field < low, field <= low, field > low, field >= low, field.between(low, high)]
                )
            )
        if asked == "text":
            text = getattr(table, draw(st.sampled_from(TEXTS)))
            way = draw(
                st.sampled_from(["contains", "startswith", "endswith", "icontains", "iequals"])
            )
            return getattr(text, way)(draw(st.sampled_from(PARTS)))
        if asked == "inner":
            return draw(
                st.sampled_from(
                    [
                        table.maker.city == "Rome",
                        table.maybe_maker.founded > 5,
                        table.tags[0] == "a",
                        table.tags.contains("b"),
                        table.prices["EUR"] >= 2,
                        table.maybe_fragile == True,  # noqa: E712 - an expression
                    ]
                )
            )
        if asked == "place":
            number = draw(st.sampled_from([0, 1, 7, 33, 60, 2**63, 2**70, -(2**70)]))
            return draw(
                st.sampled_from(
                    [
                        table.pk == number,
                        table.pk != number,
                        table.pk < number,
                        table.pk >= number,
                        table.pk.in_([number, 3]),
                        table.version <= number,
                    ]
                )
            )
        if asked == "none":
            return draw(st.sampled_from([field.is_none(), field.is_not_none()]))
        if asked == "several":
            some = draw(st.lists(values, max_size=4))
            return draw(st.sampled_from([field.in_(some), field.not_in(some)]))
        value = draw(values)
        return draw(st.sampled_from([field == value, field != value]))

    return one()


def expressions(table: Any) -> st.SearchStrategy[Expression]:
    def combined(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
        pairs = st.tuples(inner, inner)
        return st.one_of(
            pairs.map(lambda pair: pair[0] & pair[1]),
            pairs.map(lambda pair: pair[0] | pair[1]),
            inner.map(not_),
        )

    return st.recursive(field_comparisons(table), combined, max_leaves=6)


@given(data=st.data())
def test_it_finds_what_python_finds(stocked, data):
    table, records = stocked
    condition = data.draw(expressions(table))
    expected = [record.pk for record in records if condition.holds(record)]
    found = table.find(condition)
    assert [record.pk for record in found] == expected
    for how in (
        lambda: table.find(condition).pks(),
        lambda: table.find(condition).values_list("pk", flat=True),
        lambda: [record.pk for record in table.find(condition).iterate(chunk=7)],
    ):
        assert how() == expected
    assert table.find(condition).count() == len(table.find(condition)) == len(expected)
    assert table.find(condition).exists() is bool(expected)
    first, last = table.find(condition).first(), table.find(condition).last()
    assert [each and each.pk for each in (first, last)] == [
        expected[0] if expected else None,
        expected[-1] if expected else None,
    ]
    assert table.find().exclude(condition).pks() == [
        record.pk for record in records if record.pk not in expected
    ]
    start, stop = data.draw(st.integers(0, 5)), data.draw(st.one_of(st.none(), st.integers(0, 9)))
    part = table.find(condition)[start:stop]
    assert (part.pks(), part.count()) == (expected[start:stop], len(expected[start:stop]))
    assert [record.pk for record in part] == expected[start:stop]


def is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def sorted_by_python(records: list[Any], orders: list[tuple[str, bool, bool]]) -> list[int]:
    """Primary keys in an order, by Python's own comparisons; NaN above all numbers."""
    found = sorted(records, key=lambda record: record.pk)
    for name, descending, none_first in reversed(orders):
        nothing = [record for record in found if getattr(record, name) is None]
        there = [record for record in found if getattr(record, name) is not None]
        there.sort(
            key=lambda record: (
                (is_nan(value := getattr(record, name)), 0.0 if is_nan(value) else value)
            ),
            reverse=descending,
        )
        found = nothing + there if none_first else there + nothing
    return [record.pk for record in found]


@given(data=st.data())
def test_it_sorts_as_python_sorts(stocked, data):
    table, records = stocked
    names = data.draw(st.lists(st.sampled_from(ORDERED), min_size=1, max_size=2, unique=True))
    orders = [(name, data.draw(st.booleans()), data.draw(st.booleans())) for name in names]
    by = [
        desc(getattr(table, name), none_first=none_first)
        if descending
        else getattr(table, name).asc(none_first=none_first)
        for name, descending, none_first in orders
    ]
    condition = data.draw(st.one_of(st.none(), expressions(table)))
    fitting = [record for record in records if condition is None or condition.holds(record)]
    expected = sorted_by_python(fitting, orders)
    asked = table.find(*([] if condition is None else [condition])).order_by(*by)
    assert asked.pks() == expected
    assert [record.pk for record in asked] == expected
    assert [record.pk for record in asked.iterate(chunk=9)] == expected
    start, stop = data.draw(st.integers(0, 70)), data.draw(st.integers(0, 75))
    assert asked[start:stop].pks() == expected[start:stop]
    assert [record.pk for record in asked[start:stop]] == expected[start:stop]
    last = asked.last()
    assert (last and last.pk) == (expected[-1] if expected else None)


@given(data=st.data())
def test_it_reckons_as_python_reckons(stocked, data):
    table, records = stocked
    condition = data.draw(st.one_of(st.none(), expressions(table)))
    query = table.find(*([] if condition is None else [condition]))
    fitting = [record for record in records if condition is None or condition.holds(record)]
    name = data.draw(st.sampled_from([each for each in ORDERED if bare_name(each) != "tags"]))
    there = [value for each in fitting if (value := getattr(each, name)) is not None]
    if not any(map(is_nan, there)):
        assert query.min(name) == min(there, default=None)
        assert query.max(name) == max(there, default=None)
        counts: dict[Any, int] = {}
        for each in fitting:
            counts[getattr(each, name)] = counts.get(getattr(each, name), 0) + 1
        assert query.group_by(name).count() == counts
        assert set(query.distinct(name)) == set(counts)
    numbers = [value for each in fitting if (value := each.maybe_number) is not None]
    assert query.sum("maybe_number") == sum(numbers)
    assert query.avg("maybe_number") == (sum(numbers) / len(numbers) if numbers else None)
    groups: dict[Any, list[int]] = {}
    for each in fitting:
        groups.setdefault(each.known_rank, []).append(each.number)
    assert query.group_by("known_rank").sum("number") == {k: sum(v) for k, v in groups.items()}
    assert query.group_by("known_rank").max("number") == {k: max(v) for k, v in groups.items()}
    assert query.values("number", table.maker.city) == [
        {"number": each.number, "maker.city": each.maker.city} for each in fitting
    ]
