"""Many records at once: what becomes of those that are in the way, deleting, progress."""

from __future__ import annotations

import multiprocessing
import pickle
import random
import threading
from typing import Annotated

import pytest

from discobase import ChangeReport, Database, Progress, SaveReport, Table, Unique
from discobase.errors import (
    OutcomeUnknown,
    RecordNotFound,
    RecordNotSaved,
    RecordTooLarge,
    TableError,
    UniqueViolation,
    UsageError,
)
from tests.database.shop import shop

CONTEXT = multiprocessing.get_context("spawn")


def members() -> tuple[Database, type[Table]]:
    database = Database("shop")

    @database.table
    class Member(Table):
        email: Annotated[str, Unique()]
        nick: Annotated[str | None, Unique()] = None
        age: int = 0

    return database, Member


@pytest.fixture
def member(place):
    database, made = members()
    with place.conn(database):
        yield made


def held(table) -> dict[str, int]:
    return dict(table.find(fresh=True).values_list("email", "age"))


class TestIgnore:
    def test_what_is_there_stays_and_the_rest_is_saved_in_one_call(self, member, place):
        member(email="b", age=7).save()
        given = [member(email=email, age=1) for email in "abc"]
        place.forget_calls()
        assert member.save_many(given, on_conflict="ignore") == SaveReport(2, 1, ignored=1)
        assert (place.calls, place.sends) == (1, 1)
        assert held(member) == {"a": 1, "b": 7, "c": 1}
        assert [record.pk for record in given] == [2, None, 3]

    def test_where_all_are_there_nothing_is_sent(self, member, place):
        member(email="a").save()
        place.forget_calls()
        report = member.save_many([member(email="a", age=1)], on_conflict="ignore")
        assert (report.records, report.ignored, place.sends) == (0, 1, 0)
        assert held(member) == {"a": 0}

    def test_of_two_with_one_value_the_first_is_saved(self, member):
        report = member.save_many(
            [member(email="a", age=1), member(email="a", age=2)], on_conflict="ignore"
        )
        assert (report.records, report.ignored) == (1, 1)
        assert held(member) == {"a": 1}

    def test_one_that_was_saved_before_is_left_out_too(self, member):
        first, second = member(email="a").save(), member(email="b").save()
        first.age, second.email = 9, "a"
        report = member.save_many([second, first], on_conflict="ignore")
        assert (report.records, report.ignored) == (1, 1)
        assert held(member) == {"a": 9, "b": 0}
        assert second.version is not None

    def test_none_is_no_value(self, member):
        member(email="a").save()
        assert member.save_many([member(email="b")], on_conflict="ignore").records == 1


class TestUpdate:
    def test_it_takes_the_place_of_what_is_there_in_one_call(self, member, place):
        before = member(email="b", nick="x", age=7).save()
        given = [member(email=email, age=1) for email in "abc"]
        place.forget_calls()
        assert member.save_many(given, on_conflict="update") == SaveReport(3, 1, updated=1)
        assert (place.calls, place.sends) == (1, 1)
        assert held(member) == {"a": 1, "b": 1, "c": 1}
        assert given[1].pk == before.pk
        assert member.get(1).nick is None
        given[1].age = 5
        given[1].update(if_unchanged=True)
        assert held(member)["b"] == 5

    def test_of_two_with_one_value_the_last_counts(self, member):
        given = [member(email="a", age=1), member(email="a", age=2)]
        report = member.save_many(given, on_conflict="update")
        assert (report.records, report.updated) == (2, 1)
        assert held(member) == {"a": 2}
        assert [record.pk for record in given] == [1, 1]
        given[1].update(if_unchanged=True)

    def test_two_that_are_in_the_way_are_an_error(self, member):
        member.save_many([member(email="a", nick="x"), member(email="b", nick="y")])
        with pytest.raises(UniqueViolation, match="nick"):
            member.save_many([member(email="a", nick="y")], on_conflict="update")

    def test_one_that_was_saved_before_takes_nobodys_place(self, member):
        first, second = member(email="a").save(), member(email="b").save()
        second.email = "a"
        with pytest.raises(UniqueViolation):
            member.save_many([second], on_conflict="update")
        assert len(member.find()) == 2
        assert first.pk == 1

    def test_what_the_class_does_not_know_stays(self, place):
        database, before = members()
        with place.conn(database):
            before(email="a", age=7).save()
        later = Database("shop")

        @later.table
        class Member(Table):
            email: Annotated[str, Unique()]
            nick: Annotated[str | None, Unique()] = None

        with place.conn(later):
            ada = Member(email="a", nick="`x`")
            Member.save_many([ada], on_conflict="update")
            assert Member.raw(1) == {"email": "a", "nick": "`x`", "age": 7}
            ada.nick = "y"
            ada.save()
            assert Member.raw(1) == {"email": "a", "nick": "y", "age": 7}


class TestAtTheSameTime:
    @pytest.mark.parametrize("on_conflict", ["ignore", "update"])
    def test_of_many_who_save_the_same_each_value_is_there_once(self, place, on_conflict):
        connected = [members() for _ in range(2)]
        reports: list[SaveReport] = []
        with place.conn(connected[0][0]), place.conn(connected[1][0]):
            barrier = threading.Barrier(6)

            def run(table, age) -> None:
                given = [table(email=str(number), age=age) for number in range(20)]
                barrier.wait()
                reports.append(table.save_many(given, on_conflict=on_conflict))

            threads = [
                threading.Thread(target=run, args=(connected[number % 2][1], number))
                for number in range(6)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
            assert len(held(connected[0][1])) == 20
            assert sum(report.records - report.updated for report in reports) == 20
            assert {report.commits for report in reports} == {1}

    def test_processes_that_save_the_same(self, member, place):
        processes = [
            CONTEXT.Process(target=fill, args=(place.token, place.api_url)) for _ in range(2)
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join(120)
        assert [process.exitcode for process in processes] == [0, 0]
        assert len(held(member)) == 30


def fill(token: str, api_url: str) -> None:
    """What each process does."""
    database, member = members()
    with database.conn(token, api_url=api_url, timeout=30):
        for start in (0, 10, 20):
            given = (member(email=str(start + number)) for number in range(10))
            member.save_many(given, on_conflict="ignore")


class TestUnknown:
    """Saved once, though the answer is lost: by name, as any other save."""

    @pytest.mark.parametrize("on_conflict", ["ignore", "update"])
    def test_what_was_written_is_not_written_again(self, member, place, monkeypatch, on_conflict):
        member(email="b", age=7).save()
        given = [member(email=email, age=1) for email in "ab"]
        lose_the_answer(monkeypatch)
        with pytest.raises(OutcomeUnknown):
            member.save_many(given, on_conflict=on_conflict)
        expected = held(member)
        member.find(email="b").update(age=50)
        place.forget_calls()
        report = member.save_many(given, on_conflict=on_conflict)
        assert place.sends == 0
        assert held(member) == {**expected, "b": 50}
        assert report.ignored == (on_conflict == "ignore")
        assert report.updated == (on_conflict == "update")
        assert given[0].pk == 2
        assert given[1].pk == (1 if on_conflict == "update" else None)

    def test_a_record_that_was_replaced_and_is_gone_is_told(self, member, monkeypatch):
        member(email="a").save()
        given = member(email="a", age=1)
        lose_the_answer(monkeypatch)
        with pytest.raises(OutcomeUnknown):
            member.save_many([given], on_conflict="update")
        member.discard(1)
        with pytest.raises(RecordNotFound, match="in the place of one that has been deleted since"):
            member.save_many([given], on_conflict="update")
        given.save()
        assert held(member) == {"a": 1}

    def test_saving_it_alone_finds_it_too(self, member, monkeypatch):
        member(email="a").save()
        given = member(email="a", age=1)
        lose_the_answer(monkeypatch)
        with pytest.raises(OutcomeUnknown):
            member.save_many([given], on_conflict="update")
        given.age = 2
        assert given.save().pk == 1
        assert held(member) == {"a": 2}


def lose_the_answer(monkeypatch) -> None:
    """Have the next commit be made, and end without telling."""
    from discobase.binding import Binding

    commit = Binding.commit_changes

    def lost(binding, changes, purpose, key):
        monkeypatch.setattr(Binding, "commit_changes", commit)
        commit(binding, changes, purpose, key)
        raise OutcomeUnknown("the answer is lost")

    monkeypatch.setattr(Binding, "commit_changes", lost)


class TestDeleteMany:
    def test_it_is_one_call(self, member, place):
        given = [member(email=str(number)) for number in range(1000)]
        member.save_many(given)
        place.forget_calls()
        assert member.delete_many(given[1:]) == ChangeReport(999, 1)
        assert (place.calls, place.sends) == (1, 1)
        assert held(member) == {"0": 0}
        assert {record.pk for record in given[1:]} == {None}
        given[5].save()
        assert len(member.find()) == 2

    def test_all_or_none(self, member, place):
        given = [member(email=email).save() for email in "abc"]
        member.discard(2)
        with pytest.raises(RecordNotFound, match="record 2"):
            member.delete_many(given)
        assert len(member.find()) == 2
        assert [record.pk for record in given] == [1, 2, 3]
        assert member.delete_many([]) == ChangeReport(0, 0)

    def test_several_commits_say_so(self, member, monkeypatch):
        monkeypatch.setattr("discobase.batches.AT_ONCE", 2)
        given = [member(email=str(number)) for number in range(5)]
        member.save_many(given)
        member.discard(5)
        with pytest.raises(RecordNotFound) as gone:
            member.delete_many(given)
        assert gone.value.__notes__ == ["4 records had been deleted before, in 2 commits."]

    @pytest.mark.parametrize(
        ("end", "count"), [(KeyboardInterrupt(), "at least 4"), (ValueError("no more"), "4")]
    )
    def test_what_ends_it_says_what_was_made_wherever_it_comes(
        self, member, monkeypatch, end, count
    ):
        monkeypatch.setattr("discobase.batches.AT_ONCE", 2)
        given = [member(email=str(number)) for number in range(6)]

        def first_five():
            yield from given[:5]
            raise end

        for call, done in ((member.save_many, "saved"), (member.delete_many, "deleted")):
            with pytest.raises(type(end)) as ended:
                call(first_five())
            assert ended.value.__notes__ == [
                f"{count} records had been {done} before, in 2 commits."
            ]
            end.__notes__.clear()
            member.save_many(given)

    @pytest.mark.parametrize(
        ("given", "error", "message"),
        [
            (lambda m: m(email="b"), UsageError, "was given one, of Member: put it in a list"),
            (lambda _: 7, UsageError, "was given 7"),
            (lambda m: m, UsageError, "was given <class"),
            (lambda m: [m(email="b")], RecordNotSaved, "has never been saved"),
            (lambda m: [m.get(1), m.get(1)], UsageError, "the same record twice"),
            (lambda m: [m.get(1)] * 2, UsageError, "the same record twice"),
            (lambda _: ["x"], TableError, "was given a str: a table takes"),
        ],
    )
    def test_bad_input(self, member, given, error, message):
        member(email="a").save()
        with pytest.raises(error, match=message):
            member.delete_many(given(member))
        assert held(member) == {"a": 0}

    def test_a_class_may_have_a_field_of_that_name(self, place, recwarn):
        database = Database("shop")

        @database.table
        class Job(Table):
            delete_many: bool = False
            name: str = ""

        with place.conn(database):
            Job(delete_many=True, name="a").save()
            Job(name="b").save()
            assert [job.name for job in Job.find(Job.delete_many)] == ["a"]
            assert Job.find(delete_many=True).delete().records == 1
        assert not [str(warning.message) for warning in recwarn if "shadow" in str(warning.message)]

    def test_a_derived_class_may_too(self, place):
        class Base(Table):
            name: str = ""

        database = Database("shop")

        @database.table
        class Job(Base):
            delete_many: str = "x"

        assert Job().delete_many == "x"
        assert repr(Job.delete_many == "x") == "Job.delete_many == 'x'"
        assert callable(Base.delete_many)

    def test_it_is_no_method_of_a_record(self, member):
        assert "delete_many" in dir(member)
        with pytest.raises(AttributeError):
            _ = member(email="a").delete_many


class TestProgress:
    def test_it_is_told_after_each_commit(self, member, monkeypatch):
        monkeypatch.setattr("discobase.batches.AT_ONCE", 2)
        told: list[Progress] = []
        given = [member(email=str(number)) for number in range(5)]
        member.save_many(given, progress=told.append)
        assert told == [Progress("saving", done, 5, "records") for done in (0, 2, 4, 5)]
        told.clear()
        member.delete_many(iter(given), progress=told.append)
        assert told == [Progress("deleting", done, None, "records") for done in (0, 2, 4, 5)]
        member.save_many([], progress=True)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"progress": 7}, "progress=7: give a function"),
            ({"on_conflict": "skip"}, "on_conflict='skip': give 'error', 'ignore' or 'update'"),
            ({"on_conflict": True}, "on_conflict=True"),
        ],
    )
    def test_bad_options(self, member, options, message):
        with pytest.raises(UsageError, match=message):
            member.save_many([member(email="a")], **options)
        assert held(member) == {}

    def test_a_report_that_was_pickled_is_the_same(self):
        report = SaveReport(3, 2, updated=1)
        assert pickle.loads(pickle.dumps(report)) == report
        assert not report.is_atomic


def test_all_can_be_one_commit_however_many_they_are(place, monkeypatch):
    monkeypatch.setattr("discobase.batches.AT_ONCE", 10)
    database, item = shop()
    with place.conn(database):
        assert item.save_many([item(name=str(n)) for n in range(25)]).commits == 3
        head = database.head
        report = item.save_many((item(name=str(n)) for n in range(25)), atomic=True)
        assert (report.records, report.commits, report.is_atomic) == (25, 1, True)
        assert database.head == head + 1
        assert item.save_many([], atomic=True).commits == 0


def test_what_is_to_be_one_commit_and_does_not_fit_one_is_refused_whole(place):
    database, item = shop(attachment_limit=20_000)
    with place.conn(database):
        item(name="first").save()
        large = [item(name=random.Random(n).randbytes(20_000).hex()) for n in range(20)]
        with pytest.raises(RecordTooLarge):
            item.save_many(large, atomic=True)
        assert item.find().count() == 1
        assert item.save_many(large).commits > 1
