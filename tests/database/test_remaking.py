"""Channels that somebody deletes while a database is open, over HTTP."""

from __future__ import annotations

import threading

import pytest

from discobase.errors import ChannelDeleted, Unavailable
from tests.database.shop import shop, soon
from tests.local.rest import Rest


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Nothing is waited for in which nothing happens."""
    monkeypatch.setattr("discobase.engine.generations.remaking._SPREAD", 0.1)
    monkeypatch.setattr("discobase.engine.generations.remaking.SETTLED_AFTER", 0.5)


def delete(place, *names):
    """An administrator deletes channels of the database."""
    rest = Rest(place.api_url, place.token)
    for id_, name in place.discord.channels(place.server).items():
        if name in names:
            assert rest("DELETE", f"/channels/{id_}").status == 200


@pytest.mark.parametrize(
    "names",
    [["log-0"], ["log-1", "log-2", "checkpoints"], ["log-0", "log-1", "log-2", "log-3"]],
    ids=len,
)
def test_deleted_lanes_are_made_again_while_others_save(place, names):
    database, item = shop()
    other, theirs = shop()
    failures, saved = [], []

    def save_on():
        try:
            saved.extend(theirs(name=f"t{number}").save().name for number in range(12))
        except BaseException as error:
            failures.append(error)
            raise

    with place.conn(database), place.conn(other):
        item(name="first").save()
        saving = threading.Thread(target=save_on)
        saving.start()
        assert soon(lambda: len(saved) > 2)
        delete(place, *names)
        item(name="mine").save()
        saving.join(30)
        assert not failures
        for each in (database, other):
            each.refresh()
        expected = {"first", "mine", *saved}
        assert {each.name for each in item.find()} == expected
        assert [each.pk for each in theirs.find()] == [each.pk for each in item.find()]
        assert soon(lambda: set(place.discord.channels(place.server).values()) >= {*names})
        assert len(place.lanes()) == 4
        assert soon(lambda: database.verify().sound)
    with place.conn(database):
        assert {each.name for each in item.find()} == expected


def made_checkpoint(database):
    try:
        return database.checkpoint().position >= 2
    except Unavailable:
        return False


def test_the_channel_of_checkpoints_is_made_again(place):
    database, item = shop()
    with place.conn(database):
        item(name="hat").save()
        delete(place, "checkpoints")
        item(name="cap").save()
        assert soon(lambda: made_checkpoint(database))
        assert database.verify().sound
    with place.conn(database):
        assert [each.name for each in item.find()] == ["hat", "cap"]


def test_who_connects_and_finds_a_lane_gone_is_told_who_would_make_it_again(place, monkeypatch):
    monkeypatch.setattr("discobase.engine.log.creation.REWRITING_SECONDS", 0.2)
    database, item = shop()
    with place.conn(database):
        item(name="hat").save()
    delete(place, "log-2")
    with (
        pytest.raises(ChannelDeleted, match=r"lane log-2 .* leave it running"),
        place.conn(database),
    ):
        pass
    report = database.verify()
    assert any("this channel has been deleted" in found.what for found in report.findings)


def refusal(act):
    try:
        act()
    except ChannelDeleted as error:
        return str(error)
    return ""


def test_without_the_catalog_the_records_can_be_taken_elsewhere(place, tmp_path):
    database, item = shop()
    with place.conn(database):
        item(name="hat").save()
        delete(place, "catalog")
        assert soon(lambda: "db.export()" in refusal(database.refresh))
        with pytest.raises(ChannelDeleted, match="the catalog"):
            item(name="cap").save()
        assert database.export(tmp_path / "all.jsonl").records == 1
    delete(place, *place.discord.channels(place.server).values())
    with place.conn(database):
        database.import_(tmp_path / "all.jsonl")
        assert [each.name for each in item.find()] == ["hat"]
