"""What makes no sense is said before anything is read or written."""

from __future__ import annotations

import pytest

from discobase import Database, Table
from discobase.errors import NotConnected, ReadOnly, ServerNotFound, UsageError


@pytest.fixture(scope="module")
def user(shared):
    @shared.table
    class User(Table):
        name: str

    return User


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"server": ""}, "server=''"),
        ({"server": True}, "server=True"),
        ({"tables": ["user"]}, "give a dictionary"),
        ({"tables": {}}, "asks for nothing"),
        ({"tables": {"user": "Usr"}}, "'Usr', which is no table of this database"),
        ({"tables": {"user": Table}}, "no table of this database"),
        ({"tables": {"user": 5}}, "names 5, which is no table"),
        ({"tables": {None: "User"}}, "asks for None"),
        ({"tables": {"user": "User", "users": "User"}}, "two original tables taken into 'User'"),
        ({"authors": 5}, "authors=5"),
        ({"authors": "12"}, "authors='12'"),
        ({"authors": ["12"]}, "user ids of bots"),
        ({"authors": [True]}, "user ids of bots"),
        ({"add": 1}, "add=1"),
        ({"progress": 5}, "progress=5"),
    ],
)
def test_arguments_that_make_no_sense_cost_no_call(shared, user, discord, given, why):
    discord.reset_requests()
    with pytest.raises(UsageError, match=why):
        shared.import_original(**given)
    assert discord.requests.total == 0


def test_a_table_that_is_not_there_is_named_with_the_nearest_one(shared, user, place):
    place.table("user", {"name": "Ada"}, keys=("name",))
    for asked, hint in (("usr", "did you mean 'user'"), (12345, "there are: user")):
        with pytest.raises(UsageError, match=f"asks for {asked!r}.*{hint}"):
            shared.import_original(server=place.name, tables={asked: user})


def test_two_tables_that_it_could_be_have_to_be_told_apart(shared, place):
    for name in ("Pet", "PET"):

        class Pet(Table):
            name: str

        shared.table(name=name)(Pet)
    place.table("pet", {"name": "Rex"}, keys=("name",))
    with pytest.raises(UsageError, match="could be any of 'Pet', 'PET': say which with tables="):
        shared.import_original(server=place.name)
    report = shared.import_original(server=place.name, tables={"pet": "PET"})
    assert report.tables[0].into == "PET"


def test_what_was_not_asked_for_is_said_to_be_so(shared, user, place):
    place.table("user", keys=("name",))
    place.table("other", keys=("name",))
    report = shared.import_original(server=place.name, tables={"user": user})
    assert [table.problem for table in report.tables] == [None, "it was not asked for"]


def test_a_server_that_the_bot_is_not_in_is_named(shared, user):
    with pytest.raises(ServerNotFound, match="nowhere"):
        shared.import_original(server="nowhere")


def test_a_database_that_is_not_connected_or_only_reads_imports_nothing(discord):
    with pytest.raises(NotConnected):
        Database("today").import_original()
    reading = Database("today", read_only=True)
    discord.join("today")
    writing = Database("today")
    with writing.conn(discord.default_token, api_url=discord.api_url):
        pass
    with reading.conn(discord.default_token, api_url=discord.api_url):
        discord.reset_requests()
        with pytest.raises(ReadOnly, match="nothing is imported"):
            reading.import_original()
        assert discord.requests.total == 0
