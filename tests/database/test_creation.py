"""A database is found or created in a server that is shared, full, or slow to settle."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from discobase import Database, Table
from discobase.errors import LogDamaged, ServerFull
from tests.database.shop import soon
from tests.database.test_refusals import fill
from tests.local.rest import Rest

ADMINISTRATOR = 8


def shop():
    database = Database("shop")

    @database.table
    class Item(Table):
        name: str

    return database, Item


def names(item):
    return [found.name for found in item.find()]


@pytest.mark.parametrize("administrator", [False, True])
def test_two_bots_in_one_server_have_a_database_each_and_find_it_again(place, administrator):
    second = place.discord.create_bot("second")
    place.discord.add_bot(second, place.server)
    if administrator:
        place.discord.set_permissions(place.server, ADMINISTRATOR, token=second)
    tokens = {"first": place.token, "second": second}
    for name, token in tokens.items():
        database, item = shop()
        with database.conn(token, api_url=place.api_url):
            item(name=f"of the {name}").save()
    before = place.discord.channels(place.server)
    for name, token in tokens.items():
        database, item = shop()
        with database.conn(token, api_url=place.api_url):
            assert names(item) == [f"of the {name}"]
    assert place.discord.channels(place.server) == before
    assert sorted(before.values()).count("catalog") == 2


def test_whoever_creates_a_database_waits_for_as_long_as_the_server_says(place):
    place.discord.set(settling=0.4)
    database, item = shop()
    began = time.monotonic()
    with place.conn(database):
        assert time.monotonic() - began >= 0.4
        item(name="one").save()


def test_whoever_finds_one_that_was_used_does_not_wait(place):
    database, item = shop()
    with place.conn(database):
        item(name="one").save()
    place.discord.set(settling=3600.0)
    # Somebody writes an hour later, by the server's clock.
    place.discord.set(clock_skew=3700.0)
    place.discord.post_message(place.lanes()[0], "hello")
    place.discord.set(clock_skew=0.0)
    again, item = shop()
    with place.conn(again):
        assert names(item) == ["one"]


def test_a_server_with_little_room_is_left_as_it_was(place):
    fill(place.api_url, place.token, place.server, 497)
    before = place.discord.channels(place.server)
    database, _ = shop()
    with pytest.raises(ServerFull), place.conn(database):
        pass
    assert place.discord.channels(place.server) == before


@pytest.fixture
def rewritten(place):
    """A database whose superblock is gone, and what writes it again."""
    database, item = shop()
    with place.conn(database):
        item(name="one").save()
    catalog = place.channel("catalog")
    superblock, *_ = place.discord.messages(catalog)
    place.discord.delete_message(catalog, int(superblock["id"]))
    place.forget_calls()
    path, body = f"/channels/{catalog}/messages", {"content": superblock["content"]}

    def write_again():
        assert Rest(place.api_url, place.token)("POST", path, body).status == 200

    return write_again


def opened(place):
    """The names that a newcomer finds."""
    database, item = shop()
    with place.conn(database):
        return names(item)


def test_who_opens_a_database_whose_superblock_is_just_written_again_waits_for_it(place, rewritten):
    before = place.discord.channels(place.server)
    with ThreadPoolExecutor(1) as pool:
        newcomer = pool.submit(opened, place)
        # Then it has seen the log, and no superblock: a look reads the catalog and a lane.
        assert soon(lambda: place.discord.requests.count("GET", "*/messages") > 2)
        rewritten()
        assert newcomer.result() == ["one"]
    assert place.discord.channels(place.server) == before


def test_a_superblock_that_stays_gone_is_told_with_what_to_do(place, rewritten, monkeypatch):
    monkeypatch.setattr("discobase.engine.log.creation.REWRITING_SECONDS", 0.2)
    before = place.discord.channels(place.server)
    with pytest.raises(LogDamaged, match="Delete nothing"):
        opened(place)
    assert place.discord.channels(place.server) == before
    rewritten()
    assert opened(place) == ["one"]
