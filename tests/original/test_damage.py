"""Original databases in which something is wrong: what can be read is taken, the rest is named."""

from __future__ import annotations

import json
from typing import Annotated

import pytest
from pydantic import field_validator, model_validator

from discobase import Table, Unique
from discobase.errors import MissingPermission, OriginalNotFound
from tests.original.place import packed


def people(shared, name: str) -> type[Table]:
    class Person(Table):
        name: str
        age: int

    return shared.table(name=name)(Person)


def names(table) -> list[str]:
    return [record.name for record in table.find().order_by("pk")]


def ada(number: int = 0) -> dict[str, object]:
    return {"name": f"Ada {number}", "age": number}


def test_what_is_no_record_is_named_and_the_records_around_it_are_taken(shared, place):
    table = people(shared, "noise")
    channel = place.table("noise", ada(1))
    person = place.discord.post_message(channel, "what is this?")
    wrong = [place.say(channel, text) for text in ("null", '{"content":"%"}', packed({"name": 5}))]
    place.say(channel, packed(ada(2)))
    forged = place.discord.post_message(channel, packed({"name": "Eve", "age": 1}))
    report = shared.import_original(server=place.name)
    assert names(table) == ["Ada 1", "Ada 2"]
    [found] = report.tables
    assert (found.taken, found.complete, report.complete) == (2, False, False)
    assert [each.message for each in found.not_taken] == [person, *wrong, forged]
    assert found.not_taken[3].text == packed({"name": 5})
    assert packed({"name": 5}) not in repr(report)
    reasons = [each.reason for each in found.not_taken]
    assert "who is not believed" in reasons[0]
    assert "who is not believed" in reasons[-1]
    assert "name: Input should be a valid string" in reasons[3]
    assert str(wrong[1]) in str(report)


def test_equal_records_are_records_of_their_own(shared, place):
    table = people(shared, "twins")
    place.table("twins", ada(), ada())
    assert shared.import_original(server=place.name).complete
    assert names(table) == ["Ada 0", "Ada 0"]


def test_of_those_with_one_unique_value_the_oldest_is_taken(shared, place):
    @shared.table(name="unique")
    class Person(Table):
        name: Annotated[str, Unique()]
        age: int

    given = [{"name": f"user {number % 40}", "age": number} for number in range(50)]
    place.table("unique", *given)
    report = shared.import_original(server=place.name)
    assert sorted(person.age for person in Person.find()) == list(range(40))
    [found] = report.tables
    assert (found.taken, len(found.not_taken)) == (40, 10)
    assert (
        "name: it is unique, and record 1 of 'unique' has the same value"
        in found.not_taken[0].reason
    )
    again = shared.import_original(server=place.name)
    assert (again.taken, again.tables[0].taken_before, again.tables[0].not_taken) == (
        0,
        40,
        found.not_taken,
    )


def test_fields_that_the_class_lacks_are_named_and_kept_for_one_that_has_them(shared, place):
    @shared.table(name="fields")
    class Person(Table):
        name: str

    place.table("fields", ada(7))
    [found] = shared.import_original(server=place.name).tables
    assert (found.complete, found.unknown_fields) == (True, ("age",))
    assert "stored unseen: age" in str(found)
    assert shared.sql("SELECT count(*) FROM fields")[0][0] == 1
    Person.find().one().save()
    [row] = shared._source.replica().select("fields", [])
    assert json.loads(row[2]) == {"name": "Ada 7", "age": 7}


def test_a_field_of_another_name_is_taken_where_the_class_says_so(shared, place):
    @shared.table(name="renamed")
    class Person(Table):
        years: int

        @model_validator(mode="before")
        @classmethod
        def _of_before(cls, values):
            return values if "years" in values else {"years": values["age"]}

    place.table("renamed", {"age": 7}, keys=("age",))
    [found] = shared.import_original(server=place.name).tables
    assert (found.complete, found.unknown_fields) == (True, ("age",))
    person = Person.find().one()
    assert person.years == 7
    person.years = 8
    person.save()
    assert Person.find(years=8).one().years == 8


def test_what_would_come_back_as_something_else_is_named(shared, place):
    @shared.table(name="growing")
    class Person(Table):
        name: str

        @field_validator("name")
        @classmethod
        def _longer(cls, value):
            return f"{value}!"

    place.table("growing", {"name": "Ada"})
    [left] = shared.import_original(server=place.name).tables[0].not_taken
    assert "would come back as something else" in left.reason


def test_two_tables_that_claim_one_channel_are_taken_each_into_its_own(shared, place):
    one, two = people(shared, "one"), people(shared, "two")
    channel = place.table("one", ada())
    entry = {"name": "two", "keys": ["name", "age"], "table_channel": channel}
    place.say(place.made["_dbmetadata"][0], json.dumps(entry))
    assert shared.import_original(server=place.name).taken == 2
    assert names(one) == names(two) == ["Ada 0"]


def test_a_table_whose_channel_is_gone_and_one_without_a_class_are_named(shared, place):
    people(shared, "gone")
    channel = place.table("gone", ada())
    place.table("unknown", ada())
    place.rest("DELETE", f"/channels/{channel}")
    report = shared.import_original(server=place.name)
    problems = {table.name: table.problem for table in report.tables}
    assert f"its channel {channel} is gone" in problems["gone"]
    assert "no table of its name" in problems["unknown"]
    assert (report.taken, report.complete) == (0, False)


def test_indexes_are_not_asked(shared, place):
    table = people(shared, "bare")
    place.table("bare", ada())
    place.say(place.channel("bare_age"), "no index at all")
    assert shared.import_original(server=place.name).complete
    assert names(table) == ["Ada 0"]


class TestCatalogue:
    def test_there_is_none(self, shared, place):
        with pytest.raises(OriginalNotFound, match=r"no channel '_dbmetadata' .* server="):
            shared.import_original(server=place.name)

    def test_it_is_empty(self, shared, place):
        place.channel("_dbmetadata")
        with pytest.raises(OriginalNotFound, match="is empty"):
            shared.import_original(server=place.name)

    def test_what_it_says_that_is_no_table_is_named(self, shared, place):
        table = people(shared, "said")
        place.table("said", ada())
        [catalogue] = place.made["_dbmetadata"]
        noise = place.say(catalogue, "hello")
        report = shared.import_original(server=place.name)
        assert names(table) == ["Ada 0"]
        [found] = report.not_understood
        assert (found.message, report.complete) == (noise, False)
        assert "in the catalogue, message" in str(report)

    def test_a_table_that_somebody_else_describes_is_not_believed(self, shared, place):
        table = people(shared, "forged")
        channel = place.table("forged", ada())
        [catalogue] = place.made["_dbmetadata"]
        other = place.channel("other")
        entry = {"name": "forged", "keys": ["name"], "table_channel": other}
        place.discord.post_message(catalogue, json.dumps(entry))
        report = shared.import_original(server=place.name)
        assert [each.channel for each in report.tables] == [channel]
        assert names(table) == ["Ada 0"]
        assert "who is not believed" in report.not_understood[0].reason

    def test_the_newest_word_on_a_table_counts_as_with_1_0_0(self, shared, place):
        table = people(shared, "again")
        older = place.table("again", ada(1))
        newer = place.table("again", ada(2))
        report = shared.import_original(server=place.name)
        assert names(table) == ["Ada 2"]
        assert [each.channel for each in report.tables] == [newer, older]
        assert "anew" in report.tables[1].problem

    def test_a_description_of_the_same_channel_is_no_other_table(self, shared, place):
        people(shared, "same")
        channel = place.table("same", ada())
        entry = {"name": "same", "keys": ["name", "age"], "table_channel": channel}
        place.say(place.made["_dbmetadata"][0], json.dumps(entry))
        report = shared.import_original(server=place.name)
        assert (report.complete, len(report.tables)) == (True, 1)

    def test_a_category_of_its_name_is_none(self, shared, place):
        body = {"name": "_dbmetadata", "type": 4}
        place.rest("POST", f"/guilds/{place.server}/channels", body)
        with pytest.raises(OriginalNotFound, match="no channel"):
            shared.import_original(server=place.name)


class TestAnotherBot:
    @pytest.fixture
    def other(self, discord, place):
        """The one that has kept the database, and whose messages this bot may read."""
        token = discord.create_bot("original", privileged_intents=True)
        discord.add_bot(token, place.server, permissions=8)
        place.token = token
        return int(place.rest("GET", "/users/@me").body["id"])

    def test_it_is_not_believed_until_it_is_named(self, shared, place, other):
        table = people(shared, "others")
        place.table("others", ada())
        with pytest.raises(OriginalNotFound, match=rf"are by {other}\. .*authors=") as caught:
            shared.import_original(server=place.name)
        assert "not believed" in str(caught.value)
        assert not table.find()

    def test_without_message_content_the_texts_are_missing_and_that_is_said(
        self, shared, place, other
    ):
        people(shared, "unseen")
        place.table("unseen", ada())
        with pytest.raises(OriginalNotFound, match="Message Content"):
            shared.import_original(server=place.name, authors=[other])

    def test_its_records_are_taken_where_it_is_named_and_they_can_be_read(
        self, discord, place, other
    ):
        from discobase import Database

        token = discord.create_bot("successor", privileged_intents=True)
        for server in (place.server, discord.join("successor")):
            discord.add_bot(token, server)
        database = Database("successor")
        table = people(database, "named")
        place.table("named", ada())
        with place.conn(database, token):
            assert database.import_original(server=place.name, authors=[other]).complete
            assert names(table) == ["Ada 0"]


def test_a_channel_that_the_bot_may_not_read_is_an_error_and_not_an_empty_table(shared, place):
    people(shared, "hidden")
    channel = place.table("hidden", ada())
    history = 1 << 16
    overwrite = {"type": 0, "allow": "0", "deny": str(history)}
    place.rest("PUT", f"/channels/{channel}/permissions/{place.server}", overwrite)
    with pytest.raises(
        MissingPermission, match=r"in the channel 'hidden' .* lacks: read_message_history"
    ):
        shared.import_original(server=place.name)
