"""The package discobase 1.0.0: an older one of the name, by other people."""

from __future__ import annotations

import pytest

from tests.original.classes import attached
from tests.original.test_left_by_1_0_0 import all_is_there
from tests.thirdparty.clients import drive, until
from tests.thirdparty.environments import python_with, versions_in

pytestmark = pytest.mark.thirdparty

DRIVER = "discobase_1_0.py"


@pytest.fixture(scope="module")
def python():
    made = python_with("discobase", "discobase==1.0.0")
    assert versions_in(made, "discobase") == {"discobase": "1.0.0"}
    return made


def test_records_are_saved_found_updated_deleted_and_there_after_a_restart(place, python):
    with drive(place, python, DRIVER, "fill") as client:
        said = client.said()
    assert said["found"] == ["Ada 36"]
    assert said["all"] == ["Ada 36", "Bob 41"]
    assert said["updated"] == 37
    assert said["deleted"] == ["Ada 37"]
    grown = ["Ada 37", *(f"user{number} {number}" for number in range(10, 15))]
    assert said["grown"] == grown
    assert "closed" in said
    assert len(place.contents("user")) == len(grown)
    assert len(place.contents("user_name")) == len(place.contents("user_age")) == 16
    with drive(place, python, DRIVER, "read") as client:
        assert client.said()["all"] == grown


def test_it_takes_a_missing_record_for_corruption_and_cleans_nothing_but_its_catalogue(
    place, python
):
    """Two faults of the package itself, with nothing the server could do about them.

    A name that no record has may share its place in the hash table with another's, and the search
    for it ends in an error; ``clean()`` goes through a dictionary that nothing ever fills.
    """
    with drive(place, python, DRIVER, "fill") as client:
        assert client.said()["missing"].startswith("DatabaseCorruptionError: index channel")
    with drive(place, python, DRIVER, "read") as client:
        assert client.said()["cleaned"] is None
    assert set(place.channels().values()) == {"general", "user", "user_name", "user_age"}


def test_its_slash_commands_are_registered_and_obeyed_but_for_one(place, python):
    """``/find`` gives its own class a member of an enumeration where that wants a text."""
    person, channel = place.person, place.channel
    eve = '{"name": "Eve", "age": 5}'
    with drive(place, python, DRIVER, "serve") as client:
        client.wait_for_line('["waiting for commands"')
        # It registers them some time after it has called itself ready.
        until(lambda: place.commands(in_server=False))
        [table] = [id_ for id_, name in place.channels().items() if name == "user"]
        person.run_command(channel, "insert", table=table, data=eve)
        inserted = f"I have inserted `{eve}` into `user` table."
        until(lambda: place.contents("general") == [inserted])
        person.run_command(channel, "find", table=table, column="name", value="Eve")
        until(lambda: "ValueError: Invalid style input." in client.errors)
        person.run_command(channel, "delete", table=table, record='{"name": "Eve"}')
        deleted = 'Record `{"name": "Eve"}` has been deleted from `user`!'
        until(lambda: place.contents("general") == [inserted, "Searching for `Eve`...", deleted])
        client.let_go()
        client.said()
    assert place.contents("user") == []
    names = {each["name"] for each in place.commands(in_server=False)}
    assert {"insert", "find", "update", "delete", "schema", "reset"} <= names


def test_a_server_that_is_missing_cannot_be_made_by_a_bot_as_on_discord(place, python):
    with drive(place, python, DRIVER, "read", SERVER_NAME="not there") as client:
        said = client.said(status=1)
        assert "ready" not in said
        assert "Forbidden: 403 Forbidden (error code: 20001)" in client.errors
    assert list(place.discord.servers().values()) == ["third party"]


def test_what_it_leaves_is_taken_over(place, python):
    """By another bot, as whoever moves may have one: it names the one that is to be believed."""
    for login in ("first", "second"):
        with drive(place, python, "discobase_1_0_writer.py", login) as client:
            assert "closed" in client.said()
    guest = int(place.rest("GET", "/users/@me").body["id"])
    token = place.discord.create_bot("successor", privileged_intents=True)
    for server in (place.server, place.discord.create_server("today")):
        place.discord.add_bot(token, server)
    database, tables = attached("today")
    with database.conn(token, api_url=place.discord.api_url):
        report = database.import_original(server="third party", authors=[guest])
        all_is_there(tables)
    assert report.taken == 11
    assert [table.name for table in report.tables if not table.complete] == ["account", "tag"]
