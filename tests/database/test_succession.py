"""A second bot takes over a database, over HTTP."""

from __future__ import annotations

import pytest

from discobase import Database
from discobase.errors import (
    DatabaseTakenOver,
    DiscobaseError,
    SuccessionRefused,
    UsageError,
)
from discobase.local.state import permissions
from tests.database.shop import shop
from tests.local.rest import Rest

ADMINISTRATOR = 8


@pytest.fixture
def heir(place):
    """The token of a second bot that an administrator has let in."""
    token = place.discord.create_bot("heir", privileged_intents=True)
    place.discord.add_bot(token, place.server, permissions=ADMINISTRATOR)
    return token


def bot_of(place):
    return int(place.discord.messages(place.channel("catalog"))[0]["author"]["id"])


def test_a_second_bot_goes_on_where_the_first_one_was_shut_out(place, heir, tmp_path):
    database, item = shop(cache=tmp_path)
    with place.conn(database):
        old = bot_of(place)
        item(name="old").save()
        database.checkpoint()
        taken = {"token": heir, "api_url": place.api_url, "successor_of": old}
        with pytest.raises(
            SuccessionRefused, match=r"kick it from the server.*Nothing was changed"
        ):
            Database("shop").conn(**taken).__enter__()
        place.discord.remove_bot(place.token, place.server)
        successor, theirs = shop()
        with successor.conn(**taken):
            assert [record.name for record in theirs.find()] == ["old"]
            theirs(name="new").save()
            assert theirs.find_unique(name="new").version == 2
        with pytest.raises(DiscobaseError):
            item(name="void").save()
        place.discord.add_bot(place.token, place.server, permissions=ADMINISTRATOR)
    again, later = shop(cache=tmp_path)  # what is kept there is the old bot's
    with pytest.raises(DatabaseTakenOver, match="from position 2 on"), place.conn(again):
        pass
    with again.conn(heir, api_url=place.api_url):
        assert sorted(record.name for record in later.find()) == ["new", "old"]
        assert again.verify().sound
    again.login_thread(heir, api_url=place.api_url, successor_of=old)
    again.wait_ready(10)
    later(name="newer").save()
    again.close()
    again.clean("shop", token=heir, api_url=place.api_url)
    left = {*place.discord.channels(place.server).values()}
    assert not left & {"catalog", "checkpoints", "log-0", "log-1", "log-2", "log-3"}


def test_a_bot_that_may_not_send_there_any_more_is_shut_out(place, heir):
    """Overwrites count, and what its roles allow: without any, everyone may send."""
    database, item = shop()
    with place.conn(database):
        old = bot_of(place)
        item(name="old").save()
    admin = Rest(place.api_url, heir)
    allowed = permissions.BOT_DEFAULT & ~permissions.SEND_MESSAGES
    place.discord.set_permissions(place.server, allowed, token=place.token)
    denied = {"type": 1, "allow": "1024", "deny": str(permissions.SEND_MESSAGES)}
    successor, theirs = shop()
    with pytest.raises(SuccessionRefused):
        successor.conn(heir, api_url=place.api_url, successor_of=old).__enter__()
    for channel in place.discord.channels(place.server):
        assert admin("PUT", f"/channels/{channel}/permissions/{old}", denied).status == 204
    with successor.conn(heir, api_url=place.api_url, successor_of=old):
        theirs(name="new").save()
        assert theirs.find().count() == 2


def test_a_bot_that_is_shown_no_text_of_others_is_told_what_it_needs(place):
    database, item = shop()
    with place.conn(database):
        old = bot_of(place)
        item(name="old").save()
    place.discord.remove_bot(place.token, place.server)
    blind = place.discord.create_bot("blind")
    place.discord.add_bot(blind, place.server, permissions=ADMINISTRATOR)
    successor, _ = shop()
    with pytest.raises(SuccessionRefused, match="Message Content Intent"):
        successor.conn(blind, api_url=place.api_url, successor_of=old).__enter__()


@pytest.mark.parametrize("wrong", ["1300000000000000000", 0, -1, True, 1.5])
def test_what_is_no_id_is_refused_before_anything_is_sent(place, wrong):
    database, _ = shop()
    place.forget_calls()
    with pytest.raises(UsageError, match="successor_of="):
        database.login_thread(place.token, api_url=place.api_url, successor_of=wrong)
    reader, _ = shop(read_only=True)
    with pytest.raises(UsageError, match="read_only=True"):
        reader.login_thread(place.token, api_url=place.api_url, successor_of=5)
    assert place.calls == 0


def test_a_vacuum_by_the_successor_deletes_what_the_old_bot_has_made(place, heir):
    database, item = shop()
    with place.conn(database):
        old = bot_of(place)
        item(name="gone").save().delete()
        item(name="old").save()
        database.vacuum()
        item(name="younger").save()
    lanes, catalog = place.lanes(), place.channel("catalog")
    place.discord.remove_bot(place.token, place.server)
    successor, theirs = shop()
    with successor.conn(heir, api_url=place.api_url, successor_of=old):
        theirs(name="new").save()
        told = successor.vacuum(lanes=2)
        assert (told.generation, told.records) == (3, 3)
        assert len(place.lanes()) == 2
        assert not {*place.lanes()} & {*lanes}
        assert catalog in place.discord.channels(place.server)
        theirs(name="last").save()
        assert successor.verify().sound
    with successor.conn(heir, api_url=place.api_url):
        assert [each.name for each in theirs.find()] == ["old", "younger", "new", "last"]
