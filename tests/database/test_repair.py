"""A repair over HTTP: of databases that nobody can open any more."""

from __future__ import annotations

from typing import Annotated

import pytest

import discobase
from discobase.errors import (
    LogDamaged,
    OutcomeUnknown,
    ReadOnly,
    Unavailable,
    UsageError,
    WaitTimeout,
)
from tests.database.shop import shop
from tests.local.rest import Rest


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Nothing is waited for in which nothing happens."""
    monkeypatch.setattr("discobase.engine.repair.repairing.WAITED", 0.3)
    monkeypatch.setattr("discobase.engine.repair.repairing._LOOK_SECONDS", 0.1)
    monkeypatch.setattr("discobase.engine.doubt.DOUBT_SECONDS", 0.2)
    monkeypatch.setattr("discobase.engine.log.creation.REWRITING_SECONDS", 0.2)


def messages(place, lane):
    return [int(message["id"]) for message in place.discord.messages(lane)]


def damage(place, position):
    """Delete the message of a position, with nobody connected."""
    rest = Rest(place.api_url, place.token)
    lane = place.lanes()[position % 4]
    message = sorted(messages(place, lane))[(position - 1) // 4]
    assert rest("DELETE", f"/channels/{lane}/messages/{message}").status == 204


def opens(place, database):
    with place.conn(database):
        return True


def login(place):
    """What a login of its own is told."""
    return {"token": place.token, "api_url": place.api_url}


def test_a_database_that_cannot_be_opened_is_repaired_after_the_loss_was_said_back(place, tmp_path):
    database, item = shop(label="till 3")
    with place.conn(database):
        for number in range(1, 9):
            item(name=f"hat {number}").save()
    damage(place, 3)
    damage(place, 6)
    other, theirs = shop(cache=tmp_path)
    with pytest.raises(LogDamaged):
        opens(place, other)
    told = database.repair()
    assert isinstance(told, discobase.Repair)
    assert [loss.position for loss in told.lost] == [3, 6]
    assert (told.done, told.records, told.generation) == (False, 6, 1)
    assert "position 3" in str(told)
    assert told.confirm in str(told)
    with pytest.raises(UsageError, match="2 commits would be lost"):
        database.repair(confirm="all of them")
    done = database.repair(confirm=told.confirm)
    assert (done.done, done.lost, done.generation) == (True, told.lost, 2)
    with place.conn(database), place.conn(other):
        assert [each.pk for each in item.find()] == [1, 2, 4, 5, 7, 8]
        assert item(name="new").save().version > 8
        assert database.verify().sound
        other.refresh()
        assert theirs.find(name="new").count() == 1
    assert len(place.lanes()) == 4
    assert database.repair().confirm is None


def test_deleted_lanes_with_nobody_connected_are_repaired(place):
    database, item = shop()
    with place.conn(database):
        for number in range(1, 9):
            item(name=f"hat {number}").save()
    rest = Rest(place.api_url, place.token)
    assert rest("DELETE", f"/channels/{place.lanes()[2]}").status == 200
    with pytest.raises(LogDamaged, match=r"db\.repair\(\)"):
        opens(place, database)
    fresh, things = shop()
    told = fresh.repair(**login(place))
    assert [loss.position for loss in told.lost] == [2, 6, None]
    fresh.repair(confirm=told.confirm, **login(place))
    with place.conn(fresh):
        assert [each.pk for each in things.find()] == [1, 3, 4, 5, 7, 8]
        assert fresh.verify().sound


@pytest.mark.parametrize("gone", ["superblock", "catalog"])
def test_a_superblock_that_is_gone_is_put_together_again(place, gone):
    database, item = shop()
    with place.conn(database):
        for number in range(1, 9):
            item(name=f"hat {number}").save()
    damage(place, 4)
    rest = Rest(place.api_url, place.token)
    channels = {name: channel for channel, name in place.discord.channels(place.server).items()}
    catalog = channels["catalog"]
    path = f"/channels/{catalog}"
    if gone == "superblock":
        path += f"/messages/{place.discord.messages(catalog)[0]['id']}"
    assert rest("DELETE", path).status in {200, 204}
    fresh, things = shop()
    with pytest.raises(LogDamaged, match=r"Call db\.repair\(\)"):
        opens(place, fresh)
    told = fresh.repair(**login(place))
    assert [loss.position for loss in told.lost] == [None, 4]
    fresh.repair(confirm=told.confirm, **login(place))
    with place.conn(fresh):
        assert [each.pk for each in things.find()] == [1, 2, 3, 5, 6, 7, 8]
        assert fresh.verify().sound


def test_a_table_with_unique_values_comes_through_where_they_hold(place):
    database = discobase.Database("shop")

    @database.table
    class User(discobase.Table):
        name: Annotated[str, discobase.Unique()]

    with place.conn(database):
        ada = User(name="Ada").save()
        ada.name = "Bea"
        ada.save()
        User(name="Ada").save()
        User(name="Cyd").save()
    damage(place, 2)  # where the name became free
    told = database.repair()
    assert [loss.position for loss in told.lost] == [2, 3]
    assert told.lost[1].tables == ("User",)
    assert "Ada" in told.lost[1].why
    database.repair(confirm=told.confirm)
    with place.conn(database):
        assert sorted(user.name for user in User.find()) == ["Ada", "Cyd"]
        assert database.verify().sound


def test_a_process_that_has_the_records_wins(place, monkeypatch):
    monkeypatch.setattr("discobase.engine.repair.repairing.WAITED", 5.0)
    monkeypatch.setattr("discobase.engine.generations.watch.LIFTED_AFTER", 0.5)
    database, item = shop()
    other, _ = shop()
    with place.conn(database):
        for number in range(1, 6):
            item(name=f"hat {number}").save()
        place.discord.event_fault(action="drop", event="MESSAGE_DELETE", count=1)
        damage(place, 2)
        told = other.repair(**login(place))
        assert [loss.position for loss in told.lost] == [2]
        with pytest.raises(Unavailable, match="nothing is to be lost"):
            other.repair(confirm=told.confirm, **login(place))
        item(name="cap").save()
        assert item.find().count() == 6
        database.checkpoint()
        assert other.repair(**login(place)).confirm is None
    with place.conn(other):
        pass


def test_who_only_reads_repairs_nothing_and_what_is_no_phrase_is_refused(place):
    database, _ = shop(read_only=True)
    with pytest.raises(ReadOnly):
        database.repair(**login(place))
    writer, _ = shop()
    with pytest.raises(UsageError, match="nothing to say back"):
        writer.repair(confirm=True, **login(place))


def test_of_what_was_given_up_it_is_said_whether_it_may_be_done(place):
    database, item = shop()
    with place.conn(database):
        for number in range(8):
            item(name=str(number)).save()
    damage(place, 3)
    lost = database.repair(**login(place))
    place.discord.fault(method="GET", delay=2, count=None)
    with pytest.raises(WaitTimeout, match=r"the repair is still to come after 0\.1 s"):
        database.repair(timeout=0.1)
    with pytest.raises(OutcomeUnknown, match=r"connect, or ask for it again"):
        database.repair(confirm=lost.confirm, timeout=0.1)
    with pytest.raises(OutcomeUnknown, match=r"Call clean\(\) again"):
        database.clean("shop", timeout=0.1)
