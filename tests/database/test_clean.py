"""A database is deleted over HTTP: what goes, what stays, and what others are told."""

from __future__ import annotations

import threading

import pytest

from discobase import Database
from discobase.errors import (
    DatabaseDeleted,
    DatabaseNotFound,
    DiscobaseError,
    LogDamaged,
    NotConnected,
    ReadOnly,
    UsageError,
)
from tests.database.shop import shop


def channels(place):
    return {*place.discord.channels(place.server).values()}


def test_another_name_is_an_error_and_nothing_happens(place):
    database, item = shop()
    with place.conn(database):
        item(name="kept").save()
        before = channels(place)
        place.forget_calls()
        for name in ("shop2", "Shop", "", None):
            with pytest.raises(UsageError, match=r"nothing was deleted: this database is 'shop'"):
                database.clean(name)
        assert place.calls == 0
        assert item.find().count() == 1
    assert channels(place) == before


def test_a_connected_database_is_deleted_and_the_next_login_makes_an_empty_one(place, tmp_path):
    database, item = shop(cache=tmp_path / "kept")
    before = channels(place)
    with place.conn(database):
        item(name="gone").save()
        first = database.status().database_id
        database.clean("shop")
        with pytest.raises(NotConnected, match="was closed"):
            item.find().count()
        assert not [*(tmp_path / "kept").glob("*.sqlite*")]
        assert channels(place) == before
    with place.conn(database):
        assert item.find().count() == 0
        assert database.status().database_id != first
        item(name="new").save()


def test_another_process_is_told_and_reads_on(place):
    database, _ = shop()
    other, theirs = shop()
    told = []
    watching, _ = shop(on_trouble=told.append)
    with place.conn(database), place.conn(other), place.conn(watching):
        theirs(name="theirs").save()
        database.clean("shop")
        for call in (theirs(name="late").save, other.refresh, other.checkpoint):
            with pytest.raises(DatabaseDeleted, match="creates a new, empty database"):
                call()
        assert theirs.find().count() == 1
        assert other.status().writes_blocked
    assert any(trouble.kind == "ended" and trouble.writes_blocked for trouble in told)
    with place.conn(other):
        assert theirs.find().count() == 0


def test_without_a_connection_it_takes_a_token(place):
    database, item = shop()
    with pytest.raises(DatabaseNotFound, match="nothing was deleted"):
        database.clean("shop", token=place.token, api_url=place.api_url)
    with place.conn(database):
        item(name="gone").save()
    fresh, _ = shop()
    fresh.clean("shop", token=place.token, api_url=place.api_url)
    with pytest.raises(DatabaseNotFound, match="nothing was deleted"):
        database.clean("shop")  # the token of its last login
    with place.conn(database):
        assert item.find().count() == 0


def test_what_cannot_be_opened_is_deleted_after_the_login_that_has_failed(place, hasty):
    database, item = shop()
    with place.conn(database):
        item(name="one").save()
        item(name="two").save()
    gone = place.frames()[0]
    place.discord.delete_message(int(gone["channel_id"]), int(gone["id"]))
    with pytest.raises(LogDamaged), place.conn(database):
        pass
    database.clean("shop")
    with place.conn(database):
        assert item.find().count() == 0


def test_who_only_reads_deletes_nothing(place):
    database, item = shop()
    with place.conn(database):
        item(name="kept").save()
    reader, _ = shop(read_only=True)
    with place.conn(reader), pytest.raises(ReadOnly, match="the deletion was not sent"):
        reader.clean("shop")
    with place.conn(database):
        assert item.find().count() == 1


def test_kept_files_of_another_database_stay_and_so_do_those_in_use(place, tmp_path):
    database, item = shop(cache=tmp_path)
    with place.conn(database):
        item(name="gone").save()
        cleaner, _ = shop(cache=tmp_path)
        cleaner.clean("shop", token=place.token, api_url=place.api_url)
        assert [*tmp_path.glob("*.sqlite")], "another connection has it open"
        assert item.find().count() == 1
    with place.conn(database):
        item(name="new").save()
    place.discord.join("other")
    other = Database("other", cache=tmp_path)
    with place.conn(other):
        pass
    cleaner.clean("shop", token=place.token, api_url=place.api_url)
    assert [*tmp_path.glob("*.sqlite")], "it is of another database by now"


def test_what_a_vacuum_has_made_goes_too(place):
    database, item = shop()
    before = channels(place)
    with place.conn(database):
        item(name="a").save()
        database.vacuum(lanes=2)
        item(name="b").save()
        database.clean("shop")
    assert channels(place) == before


def test_one_beside_vacuums_leaves_nothing(place):
    database, item = shop()
    cleaner, _ = shop()
    before = channels(place)
    begun, told = threading.Event(), []

    def clean():
        assert begun.wait(10)
        with place.conn(cleaner):
            cleaner.clean("shop")

    with place.conn(database):
        item.save_many(item(name=f"n{number}") for number in range(50))
        cleaning = threading.Thread(target=clean)
        cleaning.start()
        try:
            while True:
                database.vacuum(timeout=20)
                begun.set()
        except DiscobaseError as error:
            told.append(error)
        cleaning.join()
        with pytest.raises(DiscobaseError):
            item(name="late").save()
    assert told
    assert channels(place) == before
