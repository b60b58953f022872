"""Writing: one record or many, on condition, unique, and after somebody else."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Annotated

import pytest
from pydantic import ValidationError

from discobase import Database, SaveReport, Table, Unique
from discobase.errors import (
    ConflictError,
    NotConnected,
    RecordNotFound,
    TableError,
    UniqueViolation,
    UnstorableValue,
    UsageError,
)
from discobase.schema import Call
from tests.database.shop import shop


def users() -> tuple[Database, type[Table]]:
    database = Database("shop")

    @database.table
    class User(Table):
        email: Annotated[str, Unique()]
        phone: Annotated[str | None, Unique()] = None
        visits: int = 0

    return database, User


class TestUpdateAndDelete:
    def test_update_writes_the_changed_record(self, place):
        database, item = shop()
        with place.conn(database):
            hat = item(name="hat").save()
            hat.name = "cap"
            assert hat.update() is hat
            assert [found.name for found in item.find()] == ["cap"]
            assert hat.version == 2

    def test_the_last_writer_wins_unless_asked_otherwise(self, place):
        (one, first), (two, second) = shop(), shop()
        with place.conn(one), place.conn(two):
            mine = first(name="hat").save()
            two.refresh()
            theirs = second.get(1)
            theirs.name = "theirs"
            theirs.save()
            mine.name = "mine"
            mine.save()
            two.refresh()
            assert second.get(1).name == "mine"

    def test_update_if_unchanged_tells_of_a_conflict_and_writes_nothing(self, place):
        (one, first), (two, second) = shop(), shop()
        with place.conn(one), place.conn(two):
            mine = first(name="hat").save()
            two.refresh()
            theirs = second.get(1)
            theirs.name = "theirs"
            theirs.update(if_unchanged=True)
            mine.name = "mine"
            with pytest.raises(ConflictError, match=r"version 2, not 1.*refresh\(\)") as caught:
                mine.update(if_unchanged=True)
            assert (caught.value.pk, caught.value.expected, caught.value.found) == (1, 1, 2)
            assert mine.name == "mine"
            assert mine.version == 1
            assert mine.refresh().name == "theirs"
            mine.name = "mine after all"
            mine.update(if_unchanged=True)
            two.refresh()
            assert second.get(1).name == "mine after all"

    def test_delete_if_unchanged(self, place):
        database, item = shop()
        with place.conn(database):
            item(name="hat").save()
            stale, fresh = item.get(1), item.get(1)
            fresh.save()
            with pytest.raises(ConflictError):
                stale.delete(if_unchanged=True)
            assert stale.pk == 1
            fresh.delete(if_unchanged=True)
            assert not item.find()

    def test_what_was_deleted_meanwhile_is_not_written_again(self, place):
        (one, first), (two, second) = shop(), shop()
        with place.conn(one), place.conn(two):
            mine = first(name="hat").save()
            two.refresh()
            second.get(1).delete()
            for verb in (mine.save, mine.update, mine.delete):
                with pytest.raises(RecordNotFound, match="record 1 of 'Item' has been deleted"):
                    verb()
            with pytest.raises(RecordNotFound, match="no record 1"):
                mine.refresh()
            assert len(first.find()) == 0

    def test_a_failed_write_leaves_the_object_as_it_was(self, place):
        database, user = users()
        with place.conn(database):
            user(email="a@x").save()
            new = user(email="a@x")
            with pytest.raises(UniqueViolation):
                new.save()
            assert (new.pk, new.version) == (None, None)
            new.email = "b@x"
            assert new.save().pk == 2


class TestUnique:
    def test_it_holds_across_two_databases_and_says_who_has_the_value(self, place):
        (one, first), (two, second) = users(), users()
        with place.conn(one), place.conn(two):
            first(email="a@x").save()
            with pytest.raises(
                UniqueViolation, match=r"User\.email is unique, and record 1 has"
            ) as caught:
                second(email="a@x").save()
            assert (caught.value.field, caught.value.value, caught.value.pk) == ("email", "a@x", 1)
            told = "".join(traceback.format_exception(caught.value))
            assert "IntegrityError" not in told
            second(email="b@x").save()
            mine = first.get(1)
            mine.email = "b@x"
            with pytest.raises(UniqueViolation):
                mine.save()

    def test_a_value_is_free_again_after_update_or_delete(self, place):
        database, user = users()
        with place.conn(database):
            ada = user(email="a@x").save()
            ada.email = "ada@x"
            ada.save()
            bob = user(email="a@x").save()
            bob.delete()
            assert user(email="a@x").save().pk == 3

    def test_none_in_another_unique_field_is_not_taken_for_the_value(self, place):
        database = Database("shop")

        @database.table
        class Member(Table):
            mail: Annotated[str | None, Unique()] = None
            name: Annotated[str, Unique()]

        with place.conn(database):
            Member.save_many([Member(name="ada"), Member(name="bob")])
            with pytest.raises(UniqueViolation) as caught:
                Member(name="bob").save()
            assert (caught.value.field, caught.value.value, caught.value.pk) == ("name", "bob", 2)
            with pytest.raises(UniqueViolation) as caught:
                Member.save_many([Member(name="eve"), Member(name="eve")])
            assert caught.value.__notes__ == ["Record 3 was to be saved together with this one."]

    def test_the_record_that_has_the_value_is_named_whether_it_was_there_or_not(self, place):
        database, user = users()
        with place.conn(database):
            user.save_many([user(email="a"), user(email="b")])
            with pytest.raises(UniqueViolation, match="record 2 has 'b' already") as caught:
                user.save_many([user(email="c"), user(email="d"), user(email="b")])
            assert (caught.value.pk, getattr(caught.value, "__notes__", [])) == (2, [])
            with pytest.raises(UniqueViolation) as caught:
                user.save_many([user(email="c"), user(email="d"), user(email="e"), user(email="d")])
            assert (caught.value.pk, caught.value.value) == (4, "d")
            assert "already" not in str(caught.value)
            assert caught.value.__notes__ == ["Record 4 was to be saved together with this one."]
            assert user.find().count() == 2

    def test_two_of_the_records_that_are_written_have_the_value(self, place):
        database, user = users()
        with place.conn(database):
            user.save_many([user(email="a"), user(email="b")])
            truly = r"two of the records that were to be written have '{}'; nothing was written"
            with pytest.raises(UniqueViolation, match=truly.format("d")):
                user.save_many([user(email="d"), user(email="d")])
            with pytest.raises(UniqueViolation, match=truly.format("same")):
                user.find().update(email="same")
            with pytest.raises(UniqueViolation, match="record 2 has 'b' already"):
                user.save_many([user(email="c"), user(email="b")])
            assert [each.email for each in user.find()] == ["a", "b"]

    def test_none_may_be_there_many_times(self, place):
        database, user = users()
        with place.conn(database):
            user.save_many(user(email=f"{n}@x") for n in range(3))
            assert len(user.find(phone=None)) == 3
            user(email="x@x", phone="1").save()
            with pytest.raises(UniqueViolation, match=r"User\.phone"):
                user(email="y@x", phone="1").save()

    def test_it_holds_for_records_saved_before_the_mark_was_added(self, place):
        database, item = shop()
        with place.conn(database):
            item(name="hat").save()
            item(name="hat").save()
        marked = Database("shop")

        @marked.table
        class Item(Table):
            name: Annotated[str, Unique()]

        with place.conn(marked):
            with pytest.raises(UniqueViolation, match=r"Item\.name"):
                Item(name="cap").save()
            assert len(Item.find(name="hat")) == 2
        with place.conn(database):
            item.get(2).delete()
        with place.conn(marked):
            Item(name="cap").save()
            with pytest.raises(UniqueViolation):
                Item(name="hat").save()


class TestSaveMany:
    def test_new_and_changed_ones_in_one_commit(self, place):
        database, item = shop()
        with place.conn(database):
            old = [item(name=f"old {n}").save() for n in range(3)]
            for record in old:
                record.name += "!"
            new = [item(name=f"new {n}") for n in range(3)]
            mixed = [record for pair in zip(new, old, strict=True) for record in pair]
            assert item.save_many(mixed) == SaveReport(records=6, commits=1)
            assert [record.pk for record in new] == [4, 5, 6]
            assert {record.version for record in mixed} == {4}
            assert [found.name for found in item.find()] == [
                *("old 0!", "old 1!", "old 2!"),
                *("new 0", "new 1", "new 2"),
            ]

    def test_so_many_that_others_would_wait_for_long_come_in_several_commits(self, place):
        database, item = shop()
        with place.conn(database):
            place.forget_calls()
            report = item.save_many(item(name="same") for _ in range(20_001))
            assert report == SaveReport(records=20_001, commits=2)
            assert place.sends == 2
            assert item.get(20_000).version == 1
            assert item.get(20_001).version == 2

    def test_a_generator_an_empty_one_and_none_at_all(self, place):
        database, item = shop()
        with place.conn(database):
            place.forget_calls()
            assert item.save_many([]) == SaveReport(0, 0)
            assert item.save_many(iter(())) == SaveReport(0, 0)
            assert place.calls == 0
            assert item.save_many(item(name=str(n)) for n in range(10)).records == 10

    def test_one_record_in_the_place_of_several_is_refused(self, place):
        database, item = shop()
        with (
            place.conn(database),
            pytest.raises(UsageError, match="given one, of Item: put it in a list"),
        ):
            item.save_many(item(name="hat"))

    @pytest.mark.parametrize("bad", ["unstorable", "invalid", "raised"])
    def test_a_bad_record_in_the_middle_keeps_out_its_whole_commit(self, place, bad):
        database, item = shop()

        def records() -> Iterator[Table]:
            yield item(name="before")
            if bad == "unstorable":
                yield item.model_construct(name="\ud800")
            if bad == "invalid":
                yield item.model_construct(name=3)
            if bad == "raised":
                raise LookupError
            yield item(name="after")

        with place.conn(database):
            place.forget_calls()
            with pytest.raises((UnstorableValue, ValidationError, LookupError)):
                item.save_many(records())
            assert place.calls == 0
            assert not item.find()

    def test_a_violation_in_the_middle_keeps_out_its_whole_commit(self, place):
        database, user = users()
        with place.conn(database):
            user(email="b@x").save()
            batch = [user(email=f"{letter}@x") for letter in "abc"]
            with pytest.raises(UniqueViolation, match="'b@x'"):
                user.save_many(batch)
            assert [record.pk for record in batch] == [None] * 3
            twins = [user(email="t@x"), user(email="t@x")]
            with pytest.raises(UniqueViolation, match="'t@x'"):
                user.save_many(twins)
            assert len(user.find()) == 1

    def test_the_commits_before_a_failing_one_stand_and_their_records_know(self, place):
        database = Database("shop", attachment_limit=2_000)

        @database.table
        class Box(Table):
            name: Annotated[str, Unique()]
            content: str

        def content(number: int) -> str:
            return f"{number:x}" * 500

        with place.conn(database):
            Box(name="n60", content="").save()
            boxes = [Box(name=f"n{n}", content=content(n) * 3) for n in range(80)]
            with pytest.raises(UniqueViolation, match="n60"):
                Box.save_many(boxes)
            saved = [box for box in boxes if box.version]
            assert 0 < len(saved) < 61
            assert saved == boxes[: len(saved)]
            assert len(Box.find()) == 1 + len(saved)

    def test_a_new_object_cannot_become_two_records(self, place):
        database, item = shop()
        with place.conn(database):
            hat = item(name="hat")
            with pytest.raises(UsageError, match=r"same object twice: Item\(name='hat'\)"):
                item.save_many([hat, item(name="cap"), hat])
            assert not item.find()
            hat.save()
            with pytest.raises(UsageError, match="the same object twice"):
                item.save_many([hat, hat])
            assert [found.pk for found in item.find()] == [hat.pk]

    def test_an_object_that_an_earlier_commit_of_the_call_has_placed_is_refused_too(self, place):
        database = Database("shop", attachment_limit=2_000)

        @database.table
        class Box(Table):
            content: str

        with place.conn(database):
            box = Box(content="x" * 15_000)
            with pytest.raises(UsageError, match="same object twice"):
                Box.save_many([box, box])
            assert [found.pk for found in Box.find()] == [box.pk] == [1]
            assert box.version == database.head == 1

    def test_records_of_another_table(self, place):
        database, item = shop()

        @database.table
        class Other(Table):
            size: int

        with place.conn(database), pytest.raises(TableError, match="Other"):
            item.save_many([Other(size=1)])

    def test_without_a_connection(self):
        _, item = shop()
        with pytest.raises(NotConnected):
            item.save_many([item(name="hat")])


def test_what_a_call_takes_until_it_waits_is_not_taken_from_its_time(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("discobase.schema.monotonic", lambda: now[0])
    call = Call(SimpleNamespace(timeout=0.5))
    call.tries = 1
    now[0] += 0.005
    assert call.left() == 0.5
    now[0] += 0.1
    assert call.left() == pytest.approx(0.395)
