"""get_or_create and update_or_create: one record, whoever calls at the same time."""

from __future__ import annotations

import math
import threading
from typing import Annotated

import pytest
from pydantic import Field, ValidationError

from discobase import Database, Table, Unique
from discobase.errors import (
    SeveralRecords,
    UniqueViolation,
    UnknownField,
    UsageError,
    WrongExpression,
)


def members() -> tuple[Database, type[Table]]:
    database = Database("shop")

    @database.table
    class Member(Table):
        email: Annotated[str, Unique()]
        nick: Annotated[str | None, Unique()] = None
        age: int = Field(default=0, alias="years")
        city: str = ""

    return database, Member


@pytest.fixture
def member(place):
    database, made = members()
    with place.conn(database):
        yield made


@pytest.mark.parametrize("call", ["get_or_create", "update_or_create"])
def test_what_is_not_there_is_made_with_the_defaults(member, call):
    made, created = getattr(member, call)(defaults={"age": "7"}, email="a")
    assert (made.pk, made.email, made.age, created) == (1, "a", 7, True)
    assert member.get(1).age == 7


def test_what_is_there_is_returned_for_no_api_call(member, place):
    member.get_or_create(email="a", defaults={"city": "Rome"})
    place.forget_calls()
    found, created = member.get_or_create(email="a", defaults={"city": "Paris"})
    assert (found.pk, found.city, created) == (1, "Rome", False)
    assert place.calls == 0


def test_what_is_there_is_updated_and_the_rest_stays(member, place):
    member.get_or_create(email="a", defaults={"city": "Rome", "age": 3})
    place.forget_calls()
    found, created = member.update_or_create(email="a", defaults={"age": 4})
    assert (found.city, found.age, created) == ("Rome", 4, False)
    assert place.sends == 1
    assert member.update_or_create(email="a")[0].version == found.version
    assert place.sends == 1


@pytest.mark.parametrize("call", ["get_or_create", "update_or_create"])
def test_of_many_at_the_same_time_one_makes_it(place, call):
    connected = [members() for _ in range(2)]
    outcomes: list[tuple[Table, bool]] = []
    with place.conn(connected[0][0]), place.conn(connected[1][0]):
        barrier = threading.Barrier(8)

        def run(table: type[Table], age: int) -> None:
            barrier.wait()
            outcomes.append(getattr(table, call)(email="a", defaults={"age": age}))

        threads = [
            threading.Thread(target=run, args=(connected[number % 2][1], number))
            for number in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert len(outcomes) == 8
        assert sum(created for _, created in outcomes) == 1
        assert {record.pk for record, _ in outcomes} == {1}
        assert len(connected[0][1].find(fresh=True)) == 1


def test_what_another_process_has_made_unseen_is_found(member, place, monkeypatch):
    """It is told of by the refusal, where the gateway has not told of it yet."""
    from discobase import upsert

    found, looks = upsert._found, []

    def look(binding, equal):
        looks.append(equal)
        return found(binding, equal) if len(looks) > 1 else None

    member(email="a").save()
    monkeypatch.setattr(upsert, "_found", look)
    assert member.get_or_create(email="a")[1] is False
    looks.clear()
    assert member.update_or_create(email="a", defaults={"city": "Rome"})[1] is False
    assert member.get(1).city == "Rome"


def test_a_write_in_between_is_not_lost(member, monkeypatch):
    from discobase import upsert

    member(email="a").save()
    updated = upsert._updated

    def late(binding, record, values):
        monkeypatch.setattr(upsert, "_updated", updated)
        other = member.get(record.pk)
        other.city = "Rome"
        other.save()
        return updated(binding, record, values)

    monkeypatch.setattr(upsert, "_updated", late)
    record, _ = member.update_or_create(email="a", defaults={"age": 9})
    assert (record.age, record.city) == (9, "Rome")


def test_a_record_that_is_deleted_in_between_is_made(member, monkeypatch):
    from discobase import upsert

    member(email="a").save()
    updated = upsert._updated

    def late(binding, record, values):
        monkeypatch.setattr(upsert, "_updated", updated)
        member.discard(record.pk)
        return updated(binding, record, values)

    monkeypatch.setattr(upsert, "_updated", late)
    assert member.update_or_create(email="a", defaults={"age": 9})[1] is True


def test_without_a_unique_field_it_says_so_once(member, caplog):
    for _ in range(2):
        member.get_or_create(city="Oslo", defaults={"email": "a"})
    assert [record.levelname for record in caplog.records if "Unique()" in record.message] == [
        "WARNING"
    ]
    assert "by city" in caplog.text


class TestBadInput:
    @pytest.mark.parametrize("call", ["get_or_create", "update_or_create"])
    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({}, UsageError, "needs the values"),
            ({"pk": 1}, UsageError, "no pk"),
            ({"version": 1}, UsageError, "no version"),
            ({"email": "a", "defaults": 7}, UsageError, "defaults=7: give a dictionary"),
            ({"email": "a", "defaults": {"agee": 7}}, UnknownField, "did you mean 'age'"),
            ({"email": "a", "defaults": {7: 7}}, UnknownField, "no field '7'"),
            ({"emial": "a"}, UnknownField, "did you mean 'email'"),
            ({"email": "a", "defaults": {"age": "x"}}, ValidationError, "valid integer"),
            ({"email": 7}, ValidationError, "valid string"),
            ({"city": "Bern"}, ValidationError, "email"),
        ],
    )
    def test_it_says_what_is_wrong_and_writes_nothing(
        self, member, call, arguments, error, message
    ):
        with pytest.raises(error, match=message):
            getattr(member, call)(**arguments)
        assert len(member.find()) == 0

    def test_several_records_are_an_error(self, member):
        member.save_many([member(email="a", city="Rome"), member(email="b", city="Rome")])
        for call in (member.get_or_create, member.update_or_create):
            with pytest.raises(SeveralRecords):
                call(city="Rome")

    @pytest.mark.parametrize("call", ["get_or_create", "update_or_create"])
    def test_of_a_field_that_there_is_not_the_error_alone_speaks(self, member, call, caplog):
        with pytest.raises(UnknownField, match="did you mean 'city'"):
            getattr(member, call)(ctiy="Rome")
        assert not caplog.records

    def test_another_unique_field_that_is_taken_is_an_error(self, member):
        member(email="a", nick="x").save()
        for call in (member.get_or_create, member.update_or_create):
            with pytest.raises(UniqueViolation, match="nick"):
                call(email="b", defaults={"nick": "x"})
        member(email="b").save()
        with pytest.raises(UniqueViolation, match="nick"):
            member.update_or_create(email="b", defaults={"nick": "x"})


@pytest.mark.parametrize("call", ["get_or_create", "update_or_create"])
def test_nan_is_refused_by_which_no_record_is_found(place, call):
    database = Database("shop")

    @database.table
    class Reading(Table):
        value: Annotated[float | None, Unique()]
        note: str = ""

    with place.conn(database):
        ask = getattr(Reading, call)
        place.forget_calls()
        for value in (math.nan, "nan"):
            with pytest.raises(UsageError, match="NaN equals no value"):
                ask(value=value)
        assert (place.sends, Reading.find().count()) == (0, 0)
        assert ask(value=math.inf)[1]
        assert not ask(value=math.inf)[1]
        # As a default it is a value like others.
        assert ask(note="x", defaults={"value": math.nan})[1]
        with pytest.raises(UniqueViolation):
            Reading(value=math.nan).save()


@pytest.mark.parametrize("call", ["get_or_create", "update_or_create"])
def test_the_text_of_a_field_is_no_value(member, call):
    for values in (
        {"email": str(member.email)},
        {"email": "a", "defaults": {"city": str(member.city)}},
    ):
        with pytest.raises(WrongExpression, match="no text can be made"):
            getattr(member, call)(**values)
    with pytest.raises(WrongExpression, match="no text can be made"):
        member.find(city=str(member.city))
