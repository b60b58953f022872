"""An import that ends early, that is called again, or beside which another one runs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter

import pytest

from discobase import Database, Table
from discobase.errors import ConflictError, UsageError
from tests.original.place import packed

RECORDS = 50
"""In three pages of twenty or so here."""

KILLED = """
import os, sys
import discobase
import discobase.transfer.original_server as reading
import discobase.transfer.original_table as taking

reading.PAGE, taking.AT_ONCE = 20, 10
database = discobase.Database("today")

@database.table(name="killed")
class Person(discobase.Table):
    name: str

with database.conn(sys.argv[1], api_url=sys.argv[2]):
    database.import_original(
        server=sys.argv[3], progress=lambda told: told.done > 30 and os.kill(os.getpid(), 9)
    )
"""


@pytest.fixture
def small_steps(monkeypatch):
    monkeypatch.setattr("discobase.transfer.original_server.PAGE", 20)
    monkeypatch.setattr("discobase.transfer.original_table.AT_ONCE", 10)


def people(database: Database, name: str) -> type[Table]:
    class Person(Table):
        name: str

    return database.table(name=name)(Person)


def filled(place, name: str, number: int = RECORDS) -> int:
    return place.table(name, *({"name": str(each)} for each in range(number)), keys=("name",))


def held(table) -> list[int]:
    return [int(record.name) for record in table.find(fresh=True).order_by("pk")]


class Stop(Exception):
    pass


def stop_after(messages: int):
    def told(progress):
        if progress.done > messages:
            raise Stop

    return told


def test_what_an_early_end_has_taken_is_not_taken_again(shared, place, small_steps):
    table = people(shared, "early")
    filled(place, "early")
    with pytest.raises(Stop):
        shared.import_original(server=place.name, progress=stop_after(30))
    part = len(held(table))
    assert 0 < part < RECORDS
    place.discord.reset_requests()
    report = shared.import_original(server=place.name)
    assert held(table) == list(range(RECORDS))
    assert (report.taken, report.tables[0].taken_before) == (RECORDS - part, part)
    # It begins where it has ended: the list, the catalogue, and what is left, in two pages.
    assert report.calls == 4


def test_nor_what_a_killed_process_has_taken(shared, place):
    filled(place, "killed")
    command = [sys.executable, "-c", KILLED, place.token, place.discord.api_url, place.name]
    assert subprocess.run(command, check=False, timeout=30).returncode == -9
    table = people(shared, "killed")
    shared.refresh()
    part = len(held(table))
    assert 0 < part < RECORDS
    assert shared.import_original(server=place.name).taken == RECORDS - part
    assert held(table) == list(range(RECORDS))


def test_it_stores_no_record_without_the_mark(shared, place, small_steps):
    """Of each commit there is, whoever has read up to there knows how far the import has come."""
    people(shared, "atomic")
    filled(place, "atomic")
    place.discord.reset_requests()
    report = shared.import_original(server=place.name)
    # The mark, and three commits with records.
    assert (report.taken, place.writes()) == (RECORDS, 1 + 3)
    channel = place.made["atomic"][0]
    rows = shared._source.replica().select("discobase 1.0.0", [])
    [mark] = [row for row in rows if json.loads(row[2])["origin"] == f"{channel} atomic"]
    last = max(row[1] for row in shared._source.replica().select("atomic", []))
    assert mark[1] == last


def test_of_two_at_a_time_one_fails_and_nothing_is_taken_twice(shared, place, small_steps):
    table = people(shared, "both")
    filled(place, "both")
    other = Database("today")
    people(other, "both")

    def told(progress):
        if progress.done > 30:
            other.import_original(server=place.name)

    with place.conn(other), pytest.raises(ConflictError) as caught:
        shared.import_original(server=place.name, progress=told)
    assert "Another import" in caught.value.__notes__[0]
    assert Counter(held(table)) == Counter(range(RECORDS))
    assert shared.import_original(server=place.name).taken == 0


def test_what_came_since_is_taken_and_what_was_deleted_here_stays_so(shared, place):
    table = people(shared, "since")
    channel = filled(place, "since", 3)
    shared.import_original(server=place.name)
    table.find(name="1").one().delete()
    table(name="100").save()
    place.say(channel, packed({"name": "3"}))
    report = shared.import_original(server=place.name)
    assert (report.taken, held(table)) == (1, [0, 2, 100, 3])


def test_what_was_refused_is_taken_when_the_class_takes_it(shared, place):
    old = people(shared, "mended")
    channel = place.table("mended", {"name": "0"}, {"name": 1}, {"name": "2"}, keys=("name",))
    first = shared.import_original(server=place.name)
    assert (first.taken, len(first.tables[0].not_taken), held(old)) == (2, 1, [0, 2])
    mended = Database("today")

    @mended.table(name="mended")
    class Person(Table):
        name: str | int

    with place.conn(mended):
        second = mended.import_original(server=place.name)
        assert (second.taken, second.complete) == (1, True)
        assert [person.name for person in Person.find().order_by("pk")] == ["0", "2", 1]
        place.say(channel, packed({"name": None}))
        [left] = mended.import_original(server=place.name).tables[0].not_taken
        place.rest("DELETE", f"/channels/{channel}/messages/{left.message}")
        assert mended.import_original(server=place.name).complete
        place.discord.reset_requests()
        assert mended.import_original(server=place.name).complete
        assert place.writes() == 0


def test_a_mark_of_another_pydantic_is_gone_on_from(shared, place, monkeypatch):
    from discobase.transfer import original_marks

    table = people(shared, "other")
    channel = filled(place, "other", 2)
    shared.import_original(server=place.name)

    class Mark(original_marks.Mark):
        last: int | None = 0

    monkeypatch.setattr(original_marks, "Mark", Mark)
    place.say(channel, packed({"name": "2"}))
    assert shared.import_original(server=place.name).taken == 1
    assert held(table) == [0, 1, 2]


def test_a_table_with_other_records_is_refused_unless_it_is_asked_for(shared, place):
    table = people(shared, "filled")
    table(name="100").save()
    filled(place, "filled", 2)
    place.discord.reset_requests()
    with pytest.raises(UsageError, match=r"'filled' holds 1 record,.* add=True"):
        shared.import_original(server=place.name)
    assert (held(table), place.writes()) == ([100], 0)
    assert shared.import_original(server=place.name, add=True).taken == 2
    assert held(table) == [100, 0, 1]
    # It has begun: nobody has to ask any more.
    assert shared.import_original(server=place.name).taken == 0


def test_a_table_that_does_not_fit_at_all_ends_it_and_what_was_taken_stays(
    shared, place, monkeypatch
):
    monkeypatch.setattr("discobase.transfer.original_table.MOST_LEFT", 20)
    monkeypatch.setattr("discobase.transfer.original_table.AT_ONCE", 1)
    table = people(shared, "misfit")
    channel = filled(place, "misfit", 110)
    for _ in range(21):
        place.say(channel, packed({"name": 5}))
    with pytest.raises(UsageError, match=r"more than 20 messages .* no records of Person"):
        shared.import_original(server=place.name)
    assert held(table) == list(range(100))


def test_memory_holds_a_page_and_a_commit_at_a_time(shared, place, small_steps):
    people(shared, "large")
    filled(place, "large")
    place.discord.reset_requests()
    writes: list[int] = []
    shared.import_original(server=place.name, progress=lambda _: writes.append(place.writes()))
    # The mark is there; each page is stored before the next one is read.
    assert writes == [1, 2, 3]
    assert place.writes() == 4
