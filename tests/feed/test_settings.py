"""What a feed may be given, checked when it is given."""

from __future__ import annotations

import pytest

from discobase import Database, Feed
from discobase.errors import UsageError


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"channel": ""}, "no name for a feed's channel"),
        ({"channel": 7}, "no name for a feed's channel"),
        ({"channel": "x" * 101}, "no name for a feed's channel"),
        ({"channel": "#changes"}, "write 'changes'"),
        ({"channel": "All Changes"}, "write 'all-changes'"),
        ({"tables": "orders"}, "names of tables"),
        ({"tables": []}, "names of tables"),
        ({"tables": [1]}, "names of tables"),
        ({"hide": ["card"]}, "for each table"),
        ({"hide": {"orders": "card"}}, "for each table"),
        ({"hide": {1: ["card"]}}, "for each table"),
        ({"values": 1}, "give True or False"),
        ({"every": 0.5}, "1 or more"),
        ({"every": float("inf")}, "1 or more"),
        ({"every": "5"}, "1 or more"),
        ({"every": True}, "1 or more"),
    ],
)
def test_what_makes_no_sense_is_refused(given, told):
    with pytest.raises(UsageError, match=told):
        Feed(**given)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"feed": 7}, "give the name of a channel, a discobase.Feed"),
        ({"feed": True}, "give the name of a channel, a discobase.Feed"),
        ({"feed": "Changes"}, "write 'changes'"),
        ({"feed": "changes", "key": "a long passphrase"}, "posts in plain text what key= encrypts"),
        ({"feed": "changes", "read_only": True}, "it writes nothing"),
    ],
)
def test_a_database_takes_a_feed_where_it_can_have_one(given, told):
    with pytest.raises(UsageError, match=told):
        Database("shop", **given)


def test_what_does():
    assert Feed("äpfel", tables={"orders"}, values=False, every=1).posts("orders")
    assert not Feed(tables=["orders"]).posts("users")
    assert Feed().posts("users")
    assert Feed(hide={"orders": ["card"]}).shown("orders", {"item", "card"}) == {"item"}
    assert Feed(hide={"orders": ["card"]}).shown("users", {"card"}) == {"card"}
    Database("shop", feed="changes")
    Database("shop", feed=Feed("changes"))


@pytest.mark.parametrize("name", ["catalog", "checkpoints", "log-0", "log-17"])
def test_a_feed_is_not_called_like_the_databases_own_channels(name):
    with pytest.raises(UsageError, match="of the database itself"):
        Feed(name)


@pytest.mark.parametrize("name", ["@everyone", "a:b", "<#1>"])
def test_a_feed_has_a_name_that_a_channel_can_have(name):
    with pytest.raises(UsageError, match="letters, digits"):
        Feed(name)


def test_a_feed_may_be_called_in_any_script():
    assert Feed("änderungen-変更_2").channel == "änderungen-変更_2"
