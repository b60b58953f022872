"""What an export holds, decided at the head: each part comes to nothing where it is there, and what
is there otherwise is never displaced."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from discobase.engine.changes import (
    CarryIn,
    CarryNext,
    CarrySchema,
    CarryUnique,
    Insert,
    Request,
    new_key,
)
from discobase.engine.operations import FieldSchema, Schema
from discobase.engine.replica.file import ReplicaFile
from discobase.errors import DuplicatesFound, ImportRefused, SchemaConflict
from discobase.transfer.exporting import export_all
from tests.transfer.exports import Host, things

SCHEMA = Schema({"x": FieldSchema("plain", "abc")}, ("x",)).to_json()
OTHER = Schema({"x": FieldSchema("plain", "def")}, ("x",)).to_json()
RECORD = CarryIn("T", 5, '{"x":1}', 1)


@pytest.fixture(autouse=True, scope="module")
def _hosts():
    yield
    Host.close_all()


@pytest.fixture
def host():
    return Host()


def commit(host, *changes, prepared=()):
    return host.commit(Request(changes, preparations=prepared))


@pytest.fixture
def begun(host):
    """A database with the schema, and with one record."""
    commit(host, RECORD, prepared=[CarrySchema("T", 1, SCHEMA), CarryNext("T", 9)])
    return host


def test_a_record_is_put_under_its_own_key_and_what_is_there_is_not_put_again(begun):
    placed = commit(begun, RECORD)
    assert (placed.pks, placed.versions, len(begun.log)) == ([5], [1], 1)
    assert begun.second().state.get("T", 5) == (5, 1, '{"x":1}')


@pytest.mark.parametrize("change", [CarryIn("T", 5, '{"x":2}', 1), CarryIn("T", 5, '{"x":1}', 0)])
def test_another_record_is_not_displaced(change, begun):
    with pytest.raises(ImportRefused, match="another record 5") as raised:
        commit(begun, CarryIn("T", 6, "{}", 1), change)
    assert (raised.value.table, raised.value.pk) == ("T", 5)
    assert begun.state.get("T", 6) is None


def test_the_next_record_gets_the_key_of_the_export_and_a_higher_one_stays(begun):
    assert begun.state.next_pk("T") == 9
    assert commit(begun, Insert("T", '{"x":3}')).pks == [9]
    commit(begun, prepared=[CarryNext("T", 9)])
    assert (begun.state.next_pk("T"), len(begun.log)) == (10, 2)
    assert begun.second().state.next_pk("T") == 10
    assert begun.state.get("T", 8) is None


def test_what_raises_the_next_key_takes_no_name_from_the_request_before(host):
    first = Request([Insert("A", "{}"), Insert("A", "{}")], key=new_key())
    second = Request((), preparations=[CarryNext("T", 9)])
    proposal = host.state.propose([first, second])
    host.state.withdraw()
    names = [each for each in proposal.operations if type(each).__name__ == "Names"]
    assert [each.key for each in names] == [first.key, ""]


def test_a_schema_keeps_its_number_and_another_one_is_not_displaced(begun):
    commit(begun, prepared=[CarrySchema("T", 1, SCHEMA)])
    assert len(begun.log) == 1
    with pytest.raises(ImportRefused, match="another schema 1"):
        commit(begun, prepared=[CarrySchema("T", 1, OTHER)])


def test_a_record_of_a_schema_that_is_not_there_is_refused(begun):
    with pytest.raises(ImportRefused, match="schema 2"):
        commit(begun, CarryIn("T", 6, "{}", 2))


def test_what_is_unique_is_so_from_then_on_and_only_where_it_can_be(begun):
    commit(begun, CarryIn("T", 6, '{"x":1}', 1))
    with pytest.raises(DuplicatesFound):
        commit(begun, prepared=[CarryUnique("T", "x", 1)])
    commit(begun, CarryIn("T", 7, '{"x":3}', 0))
    with pytest.raises(SchemaConflict):  # what a class that is not known has written is not known
        commit(begun, prepared=[CarryUnique("T", "x", 1)])


def no_folder():
    sqlite3.connect(Path(__file__) / "no folder")


def test_an_export_from_memory_holds_up_no_commit(tmp_path, monkeypatch):
    monkeypatch.setattr(ReplicaFile, "in_folder", no_folder)
    host, thing = things()
    assert host.state.in_memory
    thing(code="a").save()

    def save(progress):
        thing(code=f"meanwhile {progress.done}").save()

    report = export_all(host, tmp_path / "a.jsonl", progress=save)
    assert (report.records, host.state.count("Thing")) == (1, 3)
