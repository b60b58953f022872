"""Exports and imports over HTTP, through discord.py, from one server's database into another's."""

from __future__ import annotations

import threading
from typing import Annotated

import pytest

from discobase import Database, ExportReport, ImportReport, Progress, Table, Unique
from discobase.errors import ImportRefused, NotConnected, PathRefused, ReadOnly, UniqueViolation
from discobase.local import LocalDiscord
from tests.database.conftest import Place


@pytest.fixture(scope="module")
def discord():
    with LocalDiscord() as running:
        yield running


@pytest.fixture
def place(discord, request):
    """A server of Discord for each test, all on one that is embedded."""
    return Place(discord, discord.join(request.node.name[:90]), discord.default_token)


@pytest.fixture
def other(discord, request):
    return Place(discord, discord.join(f"{request.node.name[:80]}, 2"), discord.default_token)


def members(place: Place, **options) -> tuple[Database, type[Table]]:
    database = Database("members", server=place.server, **options)

    @database.table
    class Member(Table):
        email: Annotated[str, Unique()]
        age: int = 0

    return database, Member


@pytest.mark.parametrize("name", ["a.jsonl", "a.sqlite"])
def test_a_database_comes_into_another_server_as_it_was(name, place, other, tmp_path):
    database, member = members(place)
    with place.conn(database):
        member.save_many(member(email=f"{number}@x", age=number) for number in range(300))
        member.get(300).delete()
        place.forget_calls()
        told: list[Progress] = []
        report = database.export(tmp_path / name, progress=told.append)
        assert place.calls == 0
        assert isinstance(report, ExportReport)
        assert (report.records, report.tables, report.position) == (299, 1, database.head)
        assert report.state == database.verify().state
        assert report.size == (tmp_path / name).stat().st_size
        assert told[-1] == Progress("exporting", 299, 299, "records")
        place.forget_calls()
        database.export(tmp_path / name, fresh=True)
        assert place.calls == 1
    database, member = members(other)
    with other.conn(database):
        other.forget_calls()
        done = database.import_(tmp_path / name)
        assert isinstance(done, ImportReport)
        assert (done.records, done.present, done.content) == (299, 0, report.content)
        assert (other.sends, other.calls) == (done.commits, done.commits + 1)
        assert done.commits == 3
        assert [member.get(pk).age for pk in (1, 150, 299)] == [0, 149, 298]
        with pytest.raises(UniqueViolation):
            member(email="7@x").save()
        assert member(email="new@x").save().pk == 301
        # The class is known there: what follows costs one call each.
        other.forget_calls()
        member(email="newer@x").save()
        assert other.calls == 1
    # Whoever connects later reads the same.
    later, member = members(other)
    with other.conn(later):
        assert len(member.find()) == 301
        assert later.verify().sound


def test_no_class_is_needed(place, other, tmp_path):
    database, member = members(place)
    with place.conn(database):
        member(email="a").save()
    bare = Database("members", server=place.server, read_only=True, gateway=False)
    with place.conn(bare):
        report = bare.export(tmp_path / "a.jsonl")
    empty = Database("members", server=other.server)
    with other.conn(empty):
        empty.import_(tmp_path / "a.jsonl")
        assert empty.export(tmp_path / "b.jsonl").content == report.content
        assert empty.sql("SELECT email FROM Member") == [("a",)]


def test_it_is_of_one_moment_and_holds_up_nobody(place, tmp_path):
    database, member = members(place)
    with place.conn(database):
        member.save_many(member(email=str(number)) for number in range(9_000))

        def save(progress: Progress) -> None:
            member(email=f"meanwhile {progress.done}").save()
            member.get(1 + progress.done).delete()

        report = database.export(tmp_path / "a.jsonl", progress=save)
        assert report.records == 9_000
        assert b"meanwhile" not in (tmp_path / "a.jsonl").read_bytes()
        assert database.head > report.position + 3


@pytest.fixture
def exported(place, tmp_path):
    database, member = members(place)
    with place.conn(database):
        member.save_many([member(email="a"), member(email="b")])
        database.export(tmp_path / "a.jsonl")
    return tmp_path / "a.jsonl"


def test_a_database_with_other_records_is_refused_and_stays(other, exported):
    database, member = members(other)
    with other.conn(database):
        member(email="z").save()
        head = database.head
        with pytest.raises(ImportRefused, match="another one than the export's") as raised:
            database.import_(exported)
        assert (raised.value.table, raised.value.pk) == ("Member", 1)
        assert database.head == head
        member.get(1).delete()
        # The table is empty again, and the same class has made it known.
        assert database.import_(exported).records == 2


def test_one_record_more_or_changed_is_refused(other, exported):
    database, member = members(other)
    with other.conn(database):
        database.import_(exported)
        member(email="z").save()
        with pytest.raises(ImportRefused, match="which the export does not have"):
            database.import_(exported)
        member.get(3).delete()
        assert database.import_(exported).commits == 0
        second = member.get(2)
        second.age = 9
        second.update()
        with pytest.raises(ImportRefused, match="another one") as raised:
            database.import_(exported)
        assert raised.value.pk == 2


def test_tables_of_another_class_are_refused_even_where_they_are_empty(other, exported):
    database = Database("members", server=other.server)

    @database.table(name="Member")
    class Club(Table):
        town: str

    with other.conn(database):
        Club(town="Rome").save().delete()
        with pytest.raises(ImportRefused, match="schema 1"):
            database.import_(exported)


def test_two_that_import_at_once_make_nothing_twice(other, exported):
    outcomes = []

    def run(database):
        outcomes.append(database.import_(exported))

    first, member = members(other)
    second, _ = members(other)
    with other.conn(first), other.conn(second):
        threads = [threading.Thread(target=run, args=(each,)) for each in (first, second)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(outcomes) == 2
        first.refresh()
        assert [each.email for each in member.find().order_by("pk")] == ["a", "b"]
        assert first.verify().sound


def test_one_that_only_reads_writes_nothing(other, exported):
    with other.conn(Database("members", server=other.server)):
        pass
    database = Database("members", server=other.server, read_only=True)
    with other.conn(database), pytest.raises(ReadOnly):
        database.import_(exported)


def test_without_a_connection_nothing_is_written(tmp_path, exported):
    database = Database("nowhere")
    with pytest.raises(NotConnected):
        database.export(tmp_path / "b.jsonl")
    with pytest.raises(NotConnected):
        database.import_(exported)
    assert list(tmp_path.iterdir()) == [exported]


@pytest.mark.parametrize("path", [None, "", b"a.jsonl", "missing.jsonl", "a\0b"])
def test_a_path_that_is_none_is_refused(path, other):
    database = Database("members", server=other.server)
    with other.conn(database), pytest.raises(PathRefused):
        database.import_(path)


def test_progress_is_told_and_may_end_it(other, exported):
    database, _ = members(other)
    told: list[Progress] = []

    def tell(progress: Progress) -> None:
        told.append(progress)
        if progress.doing == "importing":
            raise KeyError("enough")

    with other.conn(database):
        head = database.head
        with pytest.raises(KeyError):
            database.import_(exported, progress=tell)
        assert database.head == head
        assert Progress("checking the export", 2, 2, "records") in told
        database.import_(exported, progress=told.append)
        assert told[-1] == Progress("importing", 2, 2, "records")


def test_what_was_altered_in_a_kept_replica_does_not_get_out(place, tmp_path):
    database, member = members(place, cache=tmp_path / "kept")
    with place.conn(database):
        member.save_many(member(email=f"number {number}") for number in range(50))
        report = database.export(tmp_path / "a.jsonl")
    (path,) = (tmp_path / "kept").glob("replica-*.sqlite")
    content = path.read_bytes()
    assert content.count(b'"number 7"') == 1
    path.write_bytes(content.replace(b'"number 7"', b'"number 8"'))
    database, _ = members(place, cache=tmp_path / "kept")
    with place.conn(database):
        assert database.export(tmp_path / "a.jsonl").content == report.content
