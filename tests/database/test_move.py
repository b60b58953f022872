"""A move to another server over HTTP: whoever is connected goes on, and logins find it there."""

from __future__ import annotations

import threading
import time

import pytest

from discobase import Database
from discobase.errors import (
    DatabaseNotFound,
    MissingPermission,
    MoveRefused,
    ReadOnly,
    ServerNotFound,
    UsageError,
)
from tests.database.shop import shop, soon


@pytest.fixture
def other(place):
    """Another server that the bot is in."""
    return place.discord.join("other")


def names(item):
    return [each.name for each in item.find()]


def test_the_database_goes_on_in_the_other_server(place, other):
    database, item = shop()
    with place.conn(database):
        item(name="kept").save()
        item(name="a word that was deleted").save().delete()
        steps = []
        told = database.move("other", progress=steps.append)
        assert (told.server, told.server_id) == ("other", other)
        assert (told.generation, told.records) == (2, 1)
        assert told.paused < 2
        after = item(name="after").save()
        assert after.version == told.position + 1
        assert (database.status().server, database.status().server_id) == ("other", other)
        assert database.verify().sound
        assert soon(lambda: database.status().gateway == "live")
    left = place.discord.channels(place.server)
    assert [name for name in left.values() if name != "discobase"] == ["catalog"]
    held = place.discord.channels(other)
    for channel in [*left, *held]:
        for message in place.discord.messages(channel):
            assert "deleted" not in message["content"]
    for options in ({}, {"server": other}, {"server": place.server}, {"gateway": False}):
        database, item = shop(**options)
        with place.conn(database):
            assert names(item) == ["kept", "after"]
            assert database.status().server_id == other


def test_what_it_holds_goes_out_and_in_from_where_it_is(place, other, tmp_path):
    database, item = shop()
    with place.conn(database):
        item(name="kept").save()
        database.move(other)
        item(name="after").save()
        written = database.export(tmp_path / "out.jsonl")
    place.discord.join("third")
    copy, theirs = shop(server="third")
    with place.conn(copy):
        copy.import_(tmp_path / "out.jsonl")
        assert names(theirs) == ["kept", "after"]
        assert copy.export(tmp_path / "again.jsonl").content == written.content
        with pytest.raises(MoveRefused, match="has a database of this bot"):
            copy.move(place.server)  # where the first one has left its catalog


@pytest.mark.parametrize("options", [{}, {"gateway": False}, {"read_only": True}])
def test_another_process_goes_on_without_an_error(place, other, options, tmp_path):
    database, item = shop()
    with place.conn(database):
        item(name="first").save()
        follower, theirs = shop(cache=tmp_path, **options)
        done, failures, seen = threading.Event(), [], []

        def go_on():
            try:
                while not done.is_set():
                    if options.get("read_only"):
                        seen.append(theirs.find().count())
                    else:
                        seen.append(theirs(name=f"t{len(seen)}").save().name)
                    time.sleep(0.01)
            except BaseException as error:
                failures.append(error)
                raise

        with place.conn(follower):
            going = threading.Thread(target=go_on)
            going.start()
            database.move(other)
            item(name="last").save()
            soon(lambda: follower.status().server == "other")
            before = len(seen)
            soon(lambda: len(seen) > before + 3)
            done.set()
            going.join()
            assert not failures
            assert follower.status().server == "other"
            follower.refresh()
            database.refresh()
            assert names(theirs) == names(item)
            if not options.get("read_only"):
                assert set(seen) < set(names(item))


def test_it_moves_back_and_events_come_from_where_it_is(place, other):
    database, item = shop()
    listener, heard = shop()
    with place.conn(database), place.conn(listener):
        for number, server in enumerate(["other", "shop", other]):
            database.move(server)
            assert soon(lambda: listener.status().gateway == "live")
            item(name=f"{number}").save()
            assert soon(lambda number=number: heard.find(name=f"{number}").count() == 1, 2.0)
        assert len(place.discord.channels(place.server)) == 2


def test_what_cannot_be_is_refused_before_anything_is_changed(place, other):
    database, item = shop()
    theirs = Database("other")
    with place.conn(theirs), place.conn(database):
        item(name="a").save()
        before = place.discord.channels(place.server), place.discord.channels(other)
        place.forget_calls()
        for wrong in (None, "", 0, -1, 2.0, True):
            with pytest.raises(UsageError, match="name or"):
                database.move(wrong)
        assert place.calls == 0
        for server in ("shop", place.server):
            with pytest.raises(MoveRefused, match="already"):
                database.move(server)
        with pytest.raises(MoveRefused, match="has a database of this bot"):
            database.move("other")
        with pytest.raises(ServerNotFound, match="no server named 'nowhere'"):
            database.move("nowhere")
        third = place.discord.create_server("third")
        place.discord.add_bot(place.token, third, permissions=0)
        with pytest.raises(MissingPermission, match="third"):
            database.move("third")
        assert before == (place.discord.channels(place.server), place.discord.channels(other))
        assert place.sends == 0
    reader, _ = shop(read_only=True)
    with place.conn(reader), pytest.raises(ReadOnly):
        reader.move("third")


def test_a_deletion_by_the_old_name_removes_it_from_both(place, other):
    database, item = shop()
    with place.conn(database):
        item(name="a").save()
        database.move("other")
        database.clean("shop")
    assert not place.discord.channels(place.server)
    assert not place.discord.channels(other)
    with pytest.raises(DatabaseNotFound):
        database.clean("shop")


def test_a_deletion_that_does_not_come_to_where_the_database_is_deletes_nothing(place, other):
    third = place.discord.join("third")
    database, item = shop()
    with place.conn(database):
        item(name="a").save()
        database.move("other")
        database.move("third")
    place.discord.remove_bot(place.token, other)
    with pytest.raises(ServerNotFound, match=f"is in the server {other}") as caught:
        database.clean("shop")
    assert "Nothing was deleted" in caught.value.__notes__[0]
    place.discord.add_bot(place.token, other)
    with place.conn(database):  # the way there was left as it is
        assert names(item) == ["a"]
        assert database.status().server_id == third
    database.clean("shop")
    for server in (place.server, other, third):
        assert not place.discord.channels(server)
