"""`db.history()` over HTTP: what it tells of commits, what it costs, and what it does not show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import pytest
from pydantic import SecretStr

from discobase import Database, Table, Unique
from discobase.errors import UsageError

LANES = 4


def people(**options):
    database = Database("shop", **options)

    @database.table
    class Person(Table):
        name: Annotated[str, Unique()]
        password: SecretStr | None = None

    return database, Person


def test_it_tells_what_each_commit_did_and_who_wrote_it(place):
    database, person = people(label="the shop")
    with place.conn(database):
        ada = person(name="Ada", password="secret")
        ada.save()
        ada.name = "Ada L."
        ada.update()
        person.save_many([person(name=f"p{number}") for number in range(3)])
        ada.delete()
        deleted, many, updated, saved = database.history()
    assert [each.position for each in (deleted, many, updated, saved)] == [4, 3, 2, 1]
    (change,) = saved.changes
    assert (change.table, change.pk) == ("Person", 1)
    assert change.values == {"name": "Ada", "password": "**********"}
    assert updated.changes[0].values["name"] == "Ada L."
    assert [change.values["name"] for change in many.changes] == ["p0", "p1", "p2"]
    assert many.changes[0].values["password"] is None
    assert [(change.pk, change.values) for change in deleted.changes] == [(1, None)]
    assert saved.notes == (
        "says that its writer is called the shop",
        "says which fields Person has",
        "makes Person.name unique",
    )
    assert {each.label for each in (deleted, many, updated, saved)} == {"the shop"}
    assert datetime.now(UTC) - saved.time < timedelta(minutes=1)
    frames = {int(frame["id"]): int(frame["channel_id"]) for frame in place.frames()}
    assert frames[updated.message] == updated.channel


def test_a_program_without_the_class_sees_no_secret_either(place):
    database, person = people()
    other = Database("shop", read_only=True, gateway=False)
    with place.conn(database), place.conn(other):
        person(name="Ada", password="secret").save()
        (commit,) = other.history(fresh=True)
        assert commit.changes[0].values["password"] == "**********"


def test_it_costs_a_call_for_each_channel_and_writes_nothing(place):
    database, person = people()
    with place.conn(database):
        for number in range(10):
            person(name=str(number)).save()
        place.forget_calls()
        assert [each.position for each in database.history()] == [*range(10, 0, -1)]
        assert place.calls == LANES
        place.forget_calls()
        assert [each.position for each in database.history(before=5, limit=2)] == [4, 3]
        assert (place.calls, place.sends) == (2, 0)
        assert database.history(before=1) == []
        assert database.history(before=10**30, limit=1)[0].position == 10


def test_a_large_commit_is_left_unread_unless_it_is_asked_for(place):
    database, person = people()
    with place.conn(database):
        person.save_many([person(name=str(number)) for number in range(100)])
        (commit,) = database.history(largest=1_000)
        assert (commit.changes, commit.notes) == ((), ())
        assert "1,000 were to be read" in commit.unread
        assert commit.size > 1_000
        assert commit.operations > 100
        (commit,) = database.history()
        assert len(commit.changes) == 100
        assert commit.unread is None


@pytest.mark.parametrize(
    "asked", [{"limit": 0}, {"limit": 1_001}, {"limit": True}, {"before": -1}, {"largest": "x"}]
)
def test_what_makes_no_sense_is_refused(place, asked):
    database, _ = people()
    with place.conn(database), pytest.raises(UsageError):
        database.history(**asked)
