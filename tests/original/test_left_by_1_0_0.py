"""What discobase 1.0.0 really leaves in a server is taken over, and the rest is named."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from uuid import UUID

import pytest

from discobase import Progress
from tests.original.classes import Address, Colour, attached


def all_is_there(tables) -> None:
    """Asserts that each record is there as its class has it."""
    ages = dict(tables["User"].find().values_list("name", "age"))
    assert ages == {f"user{n}": 33 if n == 3 else n for n in range(9) if n != 5}
    [thing] = tables["Thing"].find()
    assert thing.model_dump() == {
        "text": "ä`\n",
        "tags": ["a", "b"],
        "pair": (1, "x"),
        "blob": "hé".encode(),
        "fine": True,
    }
    [event] = tables["Event"].find()
    assert event.model_dump() == {
        "name": "party",
        "at": dt.datetime(2024, 7, 26, 18, 30, tzinfo=dt.UTC),
        "lasts": dt.timedelta(hours=2, seconds=5),
        "price": Decimal("2.50"),
        "key": UUID("6fa459ea-ee8a-3ca4-894e-db77e160355e"),
        "colour": Colour.RED,
        "home": Address(city="Rome", code=b"00184").model_dump(),
        "note": None,
    }
    assert [tag.Name for tag in tables["Tag"].find()] == ["new"]


@pytest.fixture
def taken(left, request):
    database, classes = attached(request.node.name)
    with left.conn(database):
        report = database.import_original(server="old")
        yield database, classes, report


def test_each_record_of_each_table_is_there_as_its_class_has_it(taken):
    _, tables, report = taken
    all_is_there(tables)
    assert report.taken == 8 + 1 + 1 + 1


def test_what_is_lost_and_what_1_0_0_has_forgotten_is_named(taken, left):
    _, tables, report = taken
    assert not report.complete
    by_channel = {table.channel: table for table in report.tables}
    [account] = by_channel[left.made["account"][0]].not_taken
    assert "password: it is a secret, of which 1.0.0 has stored asterisks" in account.reason
    assert not tables["Account"].find()
    older, newer = left.made["tag"]
    assert by_channel[newer].complete
    assert "made a table of this name anew" in by_channel[older].problem
    assert f"tables={{{older}: ...}}" in str(report)
    assert report.not_understood == ()


def test_a_table_that_1_0_0_has_forgotten_is_taken_when_it_is_named(taken, left):
    database, tables, _ = taken
    older = left.made["tag"][0]
    report = database.import_original(server="old", tables={older: "Tag"}, add=True)
    assert report.taken == 1
    assert sorted(tag.Name for tag in tables["Tag"].find()) == ["new", "old"]


def test_it_reads_in_pages_writes_once_a_table_and_changes_nothing_there(left, request):
    database, _ = attached(request.node.name)
    before = {
        channel: left.discord.messages(channel) for ids in left.made.values() for channel in ids
    }
    with left.conn(database):
        left.discord.reset_requests()
        told: list[Progress] = []
        report = database.import_original(
            server="old", tables={"user": "User"}, progress=told.append
        )
        # The mark, and the records with it.
        assert left.writes() == 2
        # The list of channels, the catalogue, and the records; the login and the refresh beside.
        assert report.calls == 3
        assert left.discord.requests.total == 2 + 3 + 2 + 1
        assert told == [Progress("taking over 'user'", 8, unit="messages")]
        left.discord.reset_requests()
        again = database.import_original(server="old", tables={"user": "User"})
        assert (again.taken, again.tables[0].taken_before, left.writes()) == (0, 8, 0)
    assert before == {channel: left.discord.messages(channel) for channel in before}


def test_the_same_server_is_read_where_none_is_named(left):
    database, tables = attached("old")
    with left.conn(database):
        report = database.import_original()
        assert report.taken == 11
        assert len(tables["User"].find()) == 8
