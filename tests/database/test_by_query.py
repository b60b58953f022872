"""Changes by query: all that a query finds, written or deleted, over real HTTP."""

from __future__ import annotations

import multiprocessing
import pickle
import threading
from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from discobase import ChangeReport, Database, Index, Table, Unique
from discobase.errors import (
    OutcomeUnknown,
    RecordOutdated,
    Unavailable,
    UniqueViolation,
    UnknownField,
    UsageError,
    WrongExpression,
    WrongOperand,
)

MORE = ["y"]

CONTEXT = multiprocessing.get_context("spawn")


class Address(BaseModel):
    city: str


def people() -> tuple[Database, type[Table]]:
    database = Database("shop")

    @database.table
    class Person(Table):
        name: Annotated[str, Unique()]
        age: Annotated[int, Index(), Field(ge=0, le=120)] = 0
        city: str = ""
        nick: str | None = None
        credit: Decimal = Decimal(0)
        tags: list[str] = Field(default_factory=list)
        address: Address | None = None

    return database, Person


@pytest.fixture
def person(place):
    database, made = people()
    with place.conn(database):
        yield made


def ages(table) -> dict[str, int]:
    return dict(table.find(fresh=True).values_list("name", "age"))


class TestUpdate:
    def test_values_and_computed_ones_are_written_in_one_call(self, person, place):
        person.save_many(person(name=name, age=age) for name, age in [("a", 1), ("b", 2), ("c", 3)])
        place.forget_calls()
        report = person.find(person.age > 1).update(age=person.age + 1, city="Rome")
        assert (place.calls, place.sends) == (1, 1)
        assert report == ChangeReport(2, 1)
        assert report.is_atomic
        assert person.find().order_by("name").values_list("age", "city") == [
            (1, ""),
            (3, "Rome"),
            (4, "Rome"),
        ]

    def test_a_thousand_records_are_one_call(self, person, place):
        person.save_many(person(name=str(number)) for number in range(1000))
        place.forget_calls()
        assert person.find().update(age=person.age + 7) == ChangeReport(1000, 1)
        assert person.find(age=7).delete() == ChangeReport(1000, 1)
        assert (place.calls, place.sends) == (2, 2)
        assert len(person.find()) == 0

    def test_an_empty_query_changes_nothing_and_costs_nothing(self, person, place):
        place.forget_calls()
        assert person.find(name="nobody").update(age=person.age + 1) == ChangeReport(0, 0)
        assert person.find().delete() == ChangeReport(0, 0)
        assert person.find(name="nobody").delete().is_atomic
        assert place.calls == 0

    @pytest.mark.parametrize(
        ("change", "field", "expected"),
        [
            (lambda p: {"age": p.age * 2}, "age", 72),
            (lambda p: {"age": 100 - p.age}, "age", 64),
            (lambda p: {"age": p.age / 2}, "age", 18),
            (lambda p: {"age": (p.age + 1) * 2}, "age", 74),
            (lambda p: {"name": p.name + "!"}, "name", "a!"),
            (lambda p: {"nick": p.name}, "nick", "a"),
            (lambda p: {"nick": None}, "nick", None),
            (lambda p: {"credit": p.credit + p.age}, "credit", Decimal("37.5")),
            (lambda p: {"credit": "7.5"}, "credit", Decimal("7.5")),
            (lambda p: {"tags": p.tags + MORE}, "tags", ["x", "y"]),
            (lambda p: {"city": p.address.city}, "city", "Oslo"),
            (lambda _: {"address": {"city": "Bern"}}, "address", Address(city="Bern")),
            (lambda p: {"age": p.pk}, "age", 1),
        ],
    )
    def test_what_can_be_written(self, person, change, field, expected):
        person(
            name="a",
            age=36,
            nick="n",
            credit="1.5",
            tags=["x"],
            address=Address(city="Oslo"),
        ).save()
        assert person.find().update(**change(person)) == ChangeReport(1, 1)
        assert getattr(person.get(1), field) == expected

    def test_all_values_are_computed_of_what_was_there_before(self, person):
        person(name="a", age=1, city="x").save()
        person.find().update(city=person.name, name=person.city)
        assert (person.get(1).name, person.get(1).city) == ("x", "a")

    def test_in_a_query_with_a_limit_those_in_it_are_written(self, person):
        person.save_many(person(name=str(age), age=age) for age in range(6))
        oldest = person.find(person.age > 0).order_by("-age")[1:3]
        assert oldest.update(city="Rome").records == 2
        assert sorted(person.find(city="Rome").values_list("age", flat=True)) == [3, 4]
        assert person.find().order_by("age").limit(1).delete().records == 1
        assert min(ages(person).values()) == 1
        assert person.find()[:0].delete().records == 0

    def test_a_query_that_holds_records_looks_anew(self, person):
        person(name="a").save()
        query = person.find()
        assert len(list(query)) == 1
        person(name="b").save()
        assert query.update(age=9).records == 2
        assert [record.age for record in query] == [0]
        assert [record.age for record in query.find()] == [9, 9]

    def test_what_the_class_does_not_know_stays(self, place):
        database, before = people()
        with place.conn(database):
            before(name="a", age=1, city="Rome").save()
        later = Database("shop")

        @later.table
        class Person(Table):
            name: Annotated[str, Unique()]
            age: Annotated[int, Index(), Field(ge=0, le=120)] = 0

        with place.conn(later):
            Person.find().update(age=Person.age + 1)
            assert Person.raw(1)["city"] == "Rome"
            assert Person.raw(1)["age"] == 2

    def test_a_frozen_class_and_one_that_looks_at_each_assignment(self, place):
        database = Database("shop")

        @database.table
        class Span(Table):
            model_config = ConfigDict(frozen=True, validate_assignment=True)
            low: int
            high: int

            @model_validator(mode="after")
            def _in_order(self):
                if self.low > self.high:
                    raise ValueError("low is above high")
                return self

        with place.conn(database):
            Span(low=1, high=2).save()
            Span.find().update(low=Span.low + 10, high=Span.high + 10)
            assert (Span.get(1).low, Span.get(1).high) == (11, 12)
            with pytest.raises(ValidationError, match="low is above high") as refused:
                Span.find().update(low=99)
            assert "That is record 1." in refused.value.__notes__
            assert Span.get(1).low == 11

    def test_a_query_that_is_fresh_sees_what_others_wrote(self, person, place):
        other, theirs = people()
        with place.conn(other):
            theirs(name="a").save()
        assert person.find(fresh=True).update(age=1).records == 1


class TestAtTheSameTime:
    def test_each_thread_counts(self, place):
        connected = [people() for _ in range(2)]
        with place.conn(connected[0][0]), place.conn(connected[1][0]):
            connected[0][1](name="a").save()
            connected[1][1].find(fresh=True).exists()

            def count(table) -> None:
                for _ in range(3):
                    assert table.find(name="a").update(age=table.age + 1).records == 1

            threads = [
                threading.Thread(target=count, args=(connected[number % 2][1],))
                for number in range(8)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
            assert ages(connected[0][1]) == {"a": 24}

    def test_each_process_counts(self, person, place):
        person.save_many([person(name="a"), person(name="b", age=50)])
        processes = [
            CONTEXT.Process(target=count, args=(place.token, place.api_url, 5)) for _ in range(3)
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join(120)
        assert [process.exitcode for process in processes] == [0, 0, 0]
        assert ages(person) == {"a": 15, "b": 65}

    def test_what_is_written_in_between_is_not_lost(self, person, monkeypatch):
        person.save_many([person(name="a", age=1), person(name="b", age=1)])
        in_between(monkeypatch, lambda: person.find(name="b").update(city="Rome", age=5))
        assert person.find().update(age=person.age + 1) == ChangeReport(2, 1)
        assert person.find().values_list("age", "city") == [(2, ""), (6, "Rome")]

    def test_what_does_not_fit_any_more_is_left_alone(self, person, monkeypatch):
        person.save_many([person(name="a", age=1), person(name="b", age=1)])
        in_between(monkeypatch, lambda: person.find(name="b").update(age=5))
        assert person.find(age=1).update(city="Rome").records == 1
        in_between(monkeypatch, lambda: person.discard(1))
        assert person.find(person.age < 9).delete().records == 1
        assert len(person.find()) == 0

    def test_of_several_commits_those_that_were_made_are_not_made_again(self, person, monkeypatch):
        monkeypatch.setattr("discobase.batches.AT_ONCE", 2)
        person.save_many(person(name=str(number), age=number) for number in range(6))
        in_between(monkeypatch, lambda: person.find(name="2").update(city="Rome"), commit=2)
        report = person.find().order_by("-age")[1:].update(age=person.age + 10)
        assert report == ChangeReport(5, 3)
        assert not report.is_atomic
        assert sorted(ages(person).values()) == [5, 10, 11, 12, 13, 14]
        assert person.find(city="Rome").values_list("age", flat=True) == [12]

    def test_others_who_never_stop_end_it(self, person, monkeypatch, place):
        monkeypatch.setattr("discobase.by_query.TRIES", 3)
        person(name="a").save()
        in_between(monkeypatch, lambda: person.find().update(city="x"), commit=None)
        with pytest.raises(Unavailable, match=r"3 times; nothing was written\. Call it again; or"):
            person.find(name="a").update(age=person.age + 1)
        assert ages(person) == {"a": 0}

    def test_others_who_never_stop_end_it_in_the_midst(self, person, monkeypatch):
        monkeypatch.setattr("discobase.by_query.TRIES", 3)
        monkeypatch.setattr("discobase.batches.AT_ONCE", 1)
        person.save_many([person(name="a"), person(name="b")])
        in_between(monkeypatch, lambda: person.find(name="b").update(city="x"), commit=None)
        with pytest.raises(Unavailable, match=r"1 record updated in 1 commit, no others"):
            person.find().update(age=person.age + 1)
        assert ages(person) == {"a": 1, "b": 0}


def count(token: str, api_url: str, times: int) -> None:
    """What each process does."""
    database, person = people()
    with database.conn(token, api_url=api_url, timeout=30):
        for _ in range(times):
            assert person.find().update(age=person.age + 1).is_atomic


def in_between(monkeypatch, what, *, commit: int | None = 1) -> None:
    """Have something written before a commit by query is sent: the n-th, or each."""
    from discobase.binding import Binding

    sends, commits = Binding.commit_changes, []

    def late(binding, changes, purpose, key):
        if purpose.endswith("what a query finds"):
            commits.append(purpose)
            if commit is None or len(commits) == commit:
                with monkeypatch.context() as other:
                    other.setattr(Binding, "commit_changes", sends)
                    what()
        return sends(binding, changes, purpose, key)

    monkeypatch.setattr(Binding, "commit_changes", late)


class TestUnknown:
    def test_what_may_have_been_made_is_made_once(self, person, place, monkeypatch):
        person.save_many([person(name="a"), person(name="b")])
        query = person.find()
        lose_the_answer(monkeypatch)
        with pytest.raises(OutcomeUnknown) as unknown:
            query.update(age=person.age + 1)
        assert "on the same object with the same arguments" in unknown.value.__notes__[-1]
        place.forget_calls()
        assert query.update(age=person.age + 1) == ChangeReport(2, 1)
        assert ages(person) == {"a": 1, "b": 1}
        assert place.sends == 0
        assert query.update(age=person.age + 1) == ChangeReport(2, 1)
        assert ages(person) == {"a": 2, "b": 2}

    def test_what_was_not_made_is_made_by_the_next_call(self, person, monkeypatch):
        person(name="a").save()
        query = person.find()
        lose_the_answer(monkeypatch, sends=False)
        with pytest.raises(OutcomeUnknown):
            query.update(age=person.age + 1)
        person.find().update(age=person.age + 10)
        assert query.update(age=person.age + 1) == ChangeReport(1, 1)
        assert ages(person) == {"a": 11}

    def test_other_values_are_another_change(self, person, monkeypatch):
        person(name="a").save()
        query = person.find()
        lose_the_answer(monkeypatch)
        with pytest.raises(OutcomeUnknown):
            query.update(age=person.age + 1)
        query.update(age=person.age + 2)
        assert ages(person) == {"a": 3}

    def test_an_interrupt_says_what_was_made_and_how_to_go_on(self, person, monkeypatch):
        monkeypatch.setattr("discobase.batches.AT_ONCE", 2)
        person.save_many(person(name=str(number)) for number in range(5))
        query = person.find()
        lose_the_answer(monkeypatch, KeyboardInterrupt(), after=1)
        with pytest.raises(KeyboardInterrupt) as ended:
            query.update(age=person.age + 1)
        done, advice = ended.value.__notes__
        assert done == "at least 2 records had been updated before, in 1 commit."
        assert advice.startswith("Keep the query, and call this once more")
        assert query.update(age=person.age + 1) == ChangeReport(5, 3)
        assert set(ages(person).values()) == {1}

    def test_what_may_have_been_deleted_is_deleted_once(self, person, monkeypatch):
        monkeypatch.setattr("discobase.batches.AT_ONCE", 2)
        person.save_many(person(name=str(number)) for number in range(5))
        query = person.find()
        lose_the_answer(monkeypatch)
        with pytest.raises(OutcomeUnknown):
            query.delete()
        assert query.delete() == ChangeReport(5, 3)
        assert len(person.find()) == 0


def lose_the_answer(
    monkeypatch, end: BaseException | None = None, *, sends: bool = True, after: int = 0
) -> None:
    """Have the next commit by query, or one after it, end without telling whether it was made."""
    from discobase.binding import Binding

    commit = Binding.commit_changes
    before = [commit] * after

    def lost(binding, changes, purpose, key):
        if before:
            return before.pop()(binding, changes, purpose, key)
        monkeypatch.setattr(Binding, "commit_changes", commit)
        if sends:
            commit(binding, changes, purpose, key)
        raise end or OutcomeUnknown("the answer is lost")

    monkeypatch.setattr(Binding, "commit_changes", lost)


class TestBadInput:
    @pytest.mark.parametrize(
        ("values", "error", "message"),
        [
            (lambda _: {}, UsageError, "takes the fields to be written"),
            (lambda _: {"agee": 1}, UnknownField, "did you mean 'age'"),
            (lambda _: {"pk": 1}, UsageError, "gives a record its primary key"),
            (lambda p: {"version": p.version + 1}, UsageError, "gives a record its primary key"),
            (lambda _: {"age": "x"}, ValidationError, "valid integer"),
            (lambda _: {"age": 121}, ValidationError, "less than or equal to 120"),
            (lambda p: {"age": p.age + 100}, ValidationError, "less than or equal to 120"),
            (lambda p: {"age": p.age / 7}, ValidationError, "fractional part"),
            (lambda p: {"age": p.age + "1"}, WrongOperand, r"User.age|Person.age \+ '1' with '1'"),
            (lambda p: {"age": p.age + None}, WrongOperand, "with None"),
            (lambda p: {"age": p.age + p.name}, WrongOperand, "unsupported operand"),
            (lambda p: {"credit": p.credit * 1.5}, WrongOperand, "with 1.5"),
            (lambda p: {"age": p.age / 0}, WrongOperand, "division by zero"),
            (lambda p: {"name": p.nick + "!"}, WrongOperand, "None"),
            (lambda p: {"city": p.address.city}, WrongOperand, "no such value"),
            (lambda p: {"age": p.age > 3}, WrongExpression, "is an expression, and no value"),
            (lambda p: {"name": f"{p.name}!"}, WrongExpression, r"compute it, as in User.name \+"),
            (lambda p: {"name": f"{p.name + '!'}"}, WrongExpression, "no text can be made of it"),
            (lambda p: {"name": str(p.name)}, WrongExpression, r"Person.name has its value in"),
            (lambda p: {"name": "Dr " + str(p.name)}, WrongExpression, "no text can be made of it"),
            (lambda p: {"name": str(p.name) + "!"}, WrongExpression, "no text can be made of it"),
            (lambda p: {"name": p.name + str(p.city)}, WrongExpression, "no text can be made"),
            (lambda p: {"name": f"{p.name!s}"}, WrongExpression, "no text can be made of it"),
            (lambda _: {"age": Other.size}, WrongExpression, "use Person's own attributes"),
            (lambda _: {"age": Other.size + 1}, WrongExpression, "use Person's own attributes"),
            (lambda _: {"name": "b"}, UniqueViolation, "'b' already"),
        ],
    )
    def test_it_says_what_is_wrong_and_writes_nothing(self, person, place, values, error, message):
        person.save_many([person(name="a", age=36), person(name="b", age=40)])
        place.forget_calls()
        with pytest.raises(error, match=message):
            person.find().update(**values(person))
        assert place.sends == 0
        assert ages(person) == {"a": 36, "b": 40}

    @pytest.mark.parametrize(
        "values", [lambda p: {"age": p.age + "1"}, lambda _: {"agee": 1}, lambda _: {"age": "x"}]
    )
    def test_also_where_nothing_is_found(self, person, values):
        with pytest.raises((WrongOperand, UnknownField, ValidationError)):
            person.find(name="nobody").update(**values(person))

    def test_nothing_is_sent_before_all_are_made(self, person, place, monkeypatch):
        monkeypatch.setattr("discobase.batches.AT_ONCE", 1)
        person.save_many(
            person(name=name, age=age) for name, age in [("a", 1), ("b", 2), ("c", 120)]
        )
        place.forget_calls()
        with pytest.raises(ValidationError) as refused:
            person.find().update(age=person.age + 1)
        assert "That is record 3." in refused.value.__notes__
        assert place.sends == 0
        assert ages(person) == {"a": 1, "b": 2, "c": 120}

    def test_a_comparison_with_a_computed_value_is_an_error(self, person):
        with pytest.raises(TypeError, match="move the arithmetic to the other side"):
            _ = person.age + 1 > 30
        with pytest.raises(TypeError, match="expression is expected"):
            person.find(person.age + 1)

    def test_more_than_the_query_is_not_taken(self, person):
        with pytest.raises(TypeError):
            person.find().update({"age": 1})
        with pytest.raises(TypeError):
            person.find().delete(True)


class Other(Table):
    size: int = 0


class TestRecordsThatDoNotFitAnyMore:
    @pytest.fixture
    def later(self, place):
        database, before = people()
        with place.conn(database):
            before.save_many([before(name="a", age=1), before(name="b", age=99)])
        changed = Database("shop")

        @changed.table
        class Person(Table):
            name: str
            age: Annotated[int, Field(le=50)] = 0

        with place.conn(changed):
            yield Person

    def test_they_stop_an_update_and_nothing_is_written(self, later, place):
        place.forget_calls()
        with pytest.raises(RecordOutdated) as outdated:
            later.find().update(age=later.age + 1)
        assert "That is record 2." in outdated.value.__notes__
        assert place.sends == 0
        assert later.raw(1)["age"] == 1

    def test_they_are_left_out_where_the_query_says_so(self, later):
        assert later.find().skip_outdated().update(age=later.age + 1).records == 1
        assert later.raw(1)["age"] == 2

    def test_they_can_be_deleted(self, later):
        assert later.find(name="b").delete() == ChangeReport(1, 1)
        assert later.find().values_list("name", flat=True) == ["a"]


def test_a_report_that_was_pickled_is_the_same(person):
    report: Any = person.find().delete()
    assert pickle.loads(pickle.dumps(report)) == report
