"""A database that is only read, by a bot that may do no more than that."""

from __future__ import annotations

from typing import Annotated

import pytest

from discobase import Database, Table, Unique
from discobase.engine.server.permissions import READING, invite_link
from discobase.errors import DatabaseNotFound, MissingPermission, ReadOnly, UsageError
from discobase.local.state.permissions import READ_MESSAGE_HISTORY, VIEW_CHANNEL
from tests.database.shop import shop, soon
from tests.local.rest import Rest


def let_read_only(place) -> None:
    """Take all rights but those to read from the bot."""
    for token in (None, place.token):
        place.discord.set_permissions(place.server, int(READING), token=token)


def filled(place) -> None:
    database, item = shop()
    with place.conn(database):
        item(name="hat").save()
        item(name="scarf").save()


def test_a_bot_that_may_only_read_reads_and_sends_nothing(place):
    filled(place)
    let_read_only(place)
    own = Rest(place.api_url, place.token)
    assert own("POST", f"/channels/{place.lanes()[0]}/messages", {"content": "x"}).status == 403
    before = place.frames()
    database, item = shop(read_only=True)
    place.forget_calls()
    with place.conn(database):
        assert [record.name for record in item.find()] == ["hat", "scarf"]
        assert item.find_unique(name="hat", fresh=True).pk == 1
        database.refresh()
        assert database.head == 2
        assert database.lost() == []
    assert place.sends == 0
    assert place.discord.requests.count("DELETE", "*") == 0
    assert place.frames() == before


def test_without_that_argument_such_a_bot_is_refused_and_the_link_asks_for_more(place):
    filled(place)
    let_read_only(place)
    with pytest.raises(MissingPermission) as caught:
        place.conn(shop()[0]).__enter__()
    assert "send_messages" in caught.value.missing


@pytest.mark.parametrize("taken", [VIEW_CHANNEL, READ_MESSAGE_HISTORY])
def test_a_bot_that_may_not_even_read_is_refused_and_the_link_asks_for_that_alone(place, taken):
    filled(place)
    for token in (None, place.token):
        place.discord.set_permissions(place.server, int(READING) & ~taken, token=token)
    with pytest.raises(MissingPermission) as caught:
        place.conn(shop(read_only=True)[0]).__enter__()
    assert len(caught.value.missing) == 1
    assert f"permissions={int(READING)}" in caught.value.invite


def test_each_way_to_write_raises_one_error_before_anything_is_sent(place):
    filled(place)
    database, item = shop(read_only=True)
    with place.conn(database):
        hat = item.get(1)
        place.forget_calls()
        hat.name = "bonnet"
        new = item(name="new")
        writes = (
            hat.save,
            hat.update,
            lambda: hat.update(if_unchanged=True),
            hat.delete,
            new.save,
            lambda: item.save_many([item(name="a"), item(name="b")]),
            lambda: item.discard(2),
        )
        for write in writes:
            with pytest.raises(ReadOnly, match="read_only=True"):
                write()
        assert place.calls == 0
        assert new.pk is None
        assert item.get(1).name == "hat"


def test_nor_does_a_class_that_asks_for_more_declare_anything(place):
    filled(place)
    database = Database("shop", read_only=True)

    @database.table
    class Item(Table):
        name: Annotated[str, Unique()]
        size: int = 0

    with place.conn(database):
        assert Item.find_unique(name="hat").size == 0
        place.forget_calls()
        with pytest.raises(ReadOnly):
            Item(name="third", size=2).save()
        assert place.calls == 0


def test_where_there_is_no_database_none_is_created(place):
    let_read_only(place)
    with pytest.raises(DatabaseNotFound, match=r"'shop' .* holds no database of this bot"):
        place.conn(shop(read_only=True)[0]).__enter__()
    assert "discobase" not in place.discord.channels(place.server).values()


def test_it_hears_of_what_others_save(place):
    filled(place)
    (writing, mine), (reading, theirs) = shop(), shop(read_only=True)
    with place.conn(writing), place.conn(reading):
        version = mine(name="gloves").save().version
        reading.wait_for(version)
        assert len(theirs.find()) == 3
        assert soon(lambda: reading.head == writing.head)


@pytest.mark.parametrize("given", [None, 1, "yes"])
def test_what_is_no_bool_is_refused(given):
    with pytest.raises(UsageError, match="read_only="):
        Database("shop", read_only=given)


def test_the_link_for_reading_asks_for_no_more():
    assert invite_link(1, permissions=READING).endswith(f"permissions={int(READING)}")
