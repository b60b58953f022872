"""Finding: what is compared with what, and what a query is."""

from __future__ import annotations

import math
import pickle
from collections.abc import Sequence
from copy import copy, deepcopy
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from itertools import count
from pathlib import Path
from typing import Annotated
from uuid import UUID

import pytest
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    create_model,
    field_validator,
)

from discobase import Database, Index, Query, Table, Unique
from discobase.engine.committer import Committer
from discobase.errors import (
    RecordNotFound,
    RecordOutdated,
    SeveralRecords,
    UnknownField,
    UsageError,
    WrongExpression,
)
from tests.database.shop import shop, soon
from tests.naming import without_address


def stock(place, *names: str):
    """A connected shop with items of these names. Close it with place's help or not at all."""
    database, item = shop()
    database.login_thread(place.token, api_url=place.api_url)
    database.wait_ready(10)
    item.save_many(item(name=name) for name in names)
    return database, item


@pytest.fixture
def items(place):
    database, item = stock(place, "hat", "cap", "hat", "fez", "hat")
    yield item
    database.close()


class TestQuery:
    def test_nothing_is_read_until_it_is_used(self, items):
        found = items.find(name="boater")
        items(name="boater").save()
        assert len(found) == 1

    def test_it_is_one_picture_once_its_records_were_gone_through(self, items):
        found = items.find(name="hat")
        assert [record.pk for record in found] == [1, 3, 5]
        items(name="hat").save()
        assert len(found) == found.count() == 3
        assert [record.pk for record in found] == [1, 3, 5]
        assert (found.last().pk, found.exists(), [each.pk for each in found[1:]]) == (
            5,
            True,
            [3, 5],
        )
        assert len(items.find(name="hat")) == 4
        assert len(found.find()) == 4

    def test_each_question_has_one_answer_and_is_asked_by_itself(self, items):
        found = items.find(name="hat")
        assert (len(found), found.first().pk, found.exists()) == (3, 1, True)
        items(name="hat").save()
        items.get(1).delete()
        assert (len(found), found.first().pk, found.exists()) == (3, 1, True)
        assert [record.pk for record in found] == [3, 5, 6]
        assert (len(found), found.first().pk) == (3, 3)

    def test_where_there_is_any_the_first_one_is_the_one_that_was_seen(self, items):
        found = items.find(name="fez")
        assert found
        items.find(name="fez").delete()
        assert (found[0].pk, found.first().pk, bool(found)) == (4, 4, True)
        assert list(found) == []
        assert (found.first(), bool(found)) == (None, False)

    def test_answers_are_of_their_moment_and_records_once_held_stay(self, items):
        found = items.find(name="hat")
        assert (found.count(), found.pks()) == (3, [1, 3, 5])
        items.get(1).delete()
        assert (found.count(), found.pks()) == (3, [3, 5])
        assert [record.pk for record in found] == [3, 5]
        items(name="hat").save()
        assert (found.count(), len(found), len(list(found))) == (2, 2, 2)
        assert (found.pks(), found.values_list("pk", flat=True)) == ([3, 5, 6], [3, 5, 6])
        assert found.find().count() == 3

    def test_it_is_neither_pickled_nor_copied_deeply(self, items):
        found = items.find(name="hat")
        for wrong in (lambda: pickle.dumps(found), lambda: deepcopy([found])):
            with pytest.raises(UsageError, match=r"find\(name='hat'\) reads .* list\(query\)"):
                wrong()
        assert copy(found) is found

    def test_it_selects_by_version_as_by_primary_key(self, items):
        hat = items.get(1)
        assert items.find(version=hat.version, pk=1).one() == hat
        assert (
            items.find(version=str(hat.version)).pks()
            == items.find(items.version == hat.version).pks()
        )
        assert items.find().exclude(version=hat.version).count() == 0
        assert repr(items.find(version=0)) == "<Item.find(version=0)>"
        with pytest.raises(ValidationError, match=r"for Item\nversion\n"):
            items.find(version="x")

    def test_find_unique_takes_expressions(self, items):
        assert items.find_unique(items.name == "fez").pk == 4
        assert items.find_unique(items.pk < 3, name="hat").pk == 1
        assert items.find_unique(items.pk > 9, strict=False) is None
        with pytest.raises(WrongExpression, match="a property is in no query"):
            items.find_unique(False)

    def test_it_behaves_as_a_sequence(self, items):
        found = items.find()
        assert isinstance(found, Query)
        assert isinstance(found, Sequence)
        assert len(found) == 5
        assert [record.pk for record in found] == [1, 2, 3, 4, 5]
        assert found[0].pk == 1
        assert found[-1].pk == 5
        assert [record.pk for record in found[1:3]] == [2, 3]
        assert found[0] is found[0]
        assert found[1] in found
        assert found.index(found[2]) == 2
        assert [record.pk for record in reversed(found)] == [5, 4, 3, 2, 1]
        with pytest.raises(IndexError):
            found[5]

    def test_bool_exists_and_count(self, items):
        assert items.find(name="hat")
        assert not items.find(name="boater")
        assert items.find(name="hat").exists() is True
        assert items.find(name="boater").exists() is False
        assert items.find(name="hat").count() == 3
        assert items.find().occurrences(items.get(1)) == 1
        assert items.find(name="cap").occurrences(items.get(1)) == 0
        assert items.find().occurrences("hat") == 0

    def test_a_count_of_one_record_is_refused_and_says_what_it_is_called(self, items):
        found = items.find()
        for wrong in (items.get(1), None, ...):
            with pytest.raises(TypeError, match=r"use occurrences\(record\)"):
                found.count(wrong)

    def test_find_makes_a_narrower_query_and_leaves_the_first_as_it_was(self, items):
        hats = items.find(name="hat")
        assert [record.pk for record in hats.find(pk=3)] == [3]
        assert list(hats.find(pk=2)) == []
        assert len(hats) == 3

    def test_first_one_and_find_unique(self, items):
        assert items.find(name="hat").first().pk == 1
        assert items.find(name="boater").first() is None
        assert items.find(name="cap").one().pk == 2
        assert items.find_unique(name="fez").pk == 4
        with pytest.raises(RecordNotFound, match=r"Item\.find\(name='boater'\) finds no record"):
            items.find_unique(name="boater")
        with pytest.raises(SeveralRecords, match=r"finds 3 records.*pk 1 and 3.*strict=False"):
            items.find_unique(name="hat")
        for hats in (
            lambda: items.find(name="hat").one(),
            lambda: items.find(name="hat").one_or_none(),
            lambda: items.find().get_or_none(name="hat"),
            lambda: items.get_or_create(name="hat"),
            lambda: items.update_or_create(name="hat"),
        ):
            with pytest.raises(SeveralRecords, match=r"or take find\(\.\.\.\)\.first\(\) for the"):
                hats()
        assert items.find_unique(strict=False, name="boater") is None
        assert items.find_unique(strict=False, name="hat").pk == 1

    def test_get_that_need_not_find_any(self, items):
        assert items.get(2, strict=False).name == "cap"
        assert items.get(6, strict=False) is None
        with pytest.raises(RecordNotFound, match="'Item' has no record 6"):
            items.get(6)

    @pytest.mark.parametrize("bad", ["x", 1.5, None, "9" * 5000, object()], ids=without_address)
    def test_an_error_about_a_primary_key_names_the_table(self, items, bad):
        for use in (lambda: items.get(bad), lambda: items.find(pk=bad)):
            with pytest.raises(
                ValidationError, match=r"^1 validation error for Item\npk\n  "
            ) as caught:
                use()
            (error,) = caught.value.errors()
            assert error["input"] is bad

    def test_two_values_for_one_field_find_nothing(self, items):
        hats = items.find(name="hat")
        assert list(hats.find(name="cap")) == []
        assert list(hats.find(name="hat")) == list(hats)
        assert list(items.find(pk=1).find(pk=2)) == []
        assert [record.pk for record in items.find(pk=1).find(pk="1", name="hat")] == [1]
        assert repr(hats.find(name="cap")) == "<Item.find(name='hat', name='cap')>"

    def test_a_narrower_query_does_not_validate_again_what_was_validated(self, place):
        database = Database("shop")
        seen: list[str] = []

        @database.table
        class Item(Table):
            name: str

            @field_validator("name")
            @classmethod
            def note(cls, name):
                seen.append(name)
                return name

        Item.find(name="hat").find(name="cap").find(pk=1)
        assert seen == ["hat", "cap"]

    def test_the_first_record_and_whether_there_is_one_make_no_others(self, place):
        made: list[int] = []

        class Item(Table):
            name: str

            def model_post_init(self, context):
                made.append(1)

        database = Database("shop")
        database.table(Item)
        with place.conn(database):
            Item.save_many(Item(name="hat") for _ in range(20))
            made.clear()
            everything = Item.find()
            assert len(everything) == everything.count() == 20
            assert made == []
            assert everything
            assert everything.exists()
            assert everything.first().pk == 1
            assert len(made) == 1
            Item.find(name="hat").first()
            assert len(made) == 2
            found = Item.find(name="hat")
            assert found[0].pk == found[False].pk == 1
            assert len(made) == 3
            assert [record.pk for record in found[0:2]] == [1, 2]
            assert found[0] is next(iter(found))
            Item(name="hat").save()
            assert everything[0] is everything.first()
            assert len(everything) == 20
            assert len(list(everything)) == len(everything) == 21
            assert everything[0] is everything.first()

    def test_nan_equals_nothing_as_in_python(self, place):
        database = Database("shop")

        @database.table
        class Item(Table):
            weight: float

        with place.conn(database):
            Item(weight=math.nan).save()
            assert list(Item.find(weight=math.nan)) == []
            assert math.isnan(Item.find_unique().weight)

    def test_a_class_that_loads_a_field_otherwise_takes_the_index_and_finds_all_the_same(
        self, place
    ):
        database, item = shop()
        other = Database("shop")

        @other.table(name="Item")
        class Filed(Table):
            name: Path

        with place.conn(database):
            item(name="hat").save()
            replica = database._source.replica()

            def indexed_for() -> set[str]:
                return {name for name, _ in replica.layouts["Item"].columns}

            assert item.find(name="hat").exists()
            assert soon(lambda: indexed_for() == {"name"})
            with place.conn(other):
                Filed(name=Path("cap")).save()
                assert Filed.find(name="hat").exists()
            database.refresh()
            assert indexed_for() == set()
            for _ in range(2):
                assert item.find(name="cap").exists()
                assert item.find(name="hat").exists()

    def test_no_index_is_asked_for_where_nothing_is_saved(self, place, monkeypatch):
        database, item = shop()
        asked: list[object] = []
        put = Committer.put
        monkeypatch.setattr(
            Committer, "put", lambda queue, wish: asked.append(wish) or put(queue, wish)
        )
        with place.conn(database):
            for name in "abcdefgh":
                assert not item.find(name=name).exists()
            assert asked == []

    def test_repr_reads_nothing_and_shows_what_was_read(self, items):
        found = items.find(name="hat")
        assert repr(found) == "<Item.find(name='hat')>"
        items(name="hat").save()
        assert len(found) == 4
        assert repr(found) == "<Item.find(name='hat')>"
        assert len(list(found)) == 4
        assert repr(found).startswith("<Item.find(name='hat'): [Item(pk=1, name='hat'), ")
        items.save_many(items(name="hat") for _ in range(10))
        many = items.find()
        assert len(list(many)) == len(many) == 16
        assert repr(many).endswith("and 11 more]>")
        assert repr(items.find(pk=99).find()) == "<Item.find(pk=99)>"

    def test_fields_called_as_python_calls_a_method_s_first_argument(self, place):
        database = Database("shop")

        @database.table
        class Item(Table):
            self: str
            cls: str

        with place.conn(database):
            Item(self="a", cls="b").save()
            for name, value in {"self": "a", "cls": "b"}.items():
                assert Item.find(**{name: value}).find(**{name: value}).one().pk == 1
                assert Item.find_unique(**{name: value}).pk == 1

    def test_an_unknown_field_is_named_with_the_nearest(self, items):
        with pytest.raises(UnknownField, match="'Item' has no field 'nmae': did you mean 'name'"):
            items.find(nmae="hat")
        with pytest.raises(UnknownField):
            items.find_unique(title="hat")
        with pytest.raises(TypeError):
            items.find().find(title="hat")

    def test_a_value_that_the_field_does_not_allow(self, items):
        with pytest.raises(ValidationError, match="name"):
            items.find(name=3)

    @pytest.mark.parametrize("pk", [0, -1, 99, 2**63, 2**70, -(2**70)])
    def test_primary_keys_that_no_record_has(self, items, pk):
        with pytest.raises(RecordNotFound, match="no record"):
            items.get(pk)
        assert list(items.find(pk=pk)) == []

    def test_primary_keys_are_compared_as_integers(self, items):
        assert items.get("2").name == "cap"
        assert items.find_unique(pk="2").name == "cap"
        for wrong in ("two", None, 1.5, [1]):
            with pytest.raises(ValidationError):
                items.get(wrong)
            with pytest.raises(ValidationError):
                items.find(pk=wrong)

    def test_a_table_nothing_was_ever_saved_to(self, place):
        database, item = shop()
        with place.conn(database):
            assert len(item.find()) == 0
            assert list(item.find(name="hat")) == []
            with pytest.raises(RecordNotFound):
                item.get(1)


class Colour(Enum):
    RED = "r"
    BLUE = "b"


class Rank(IntEnum):
    LOW = 1
    HIGH = 2


CEST = timezone(timedelta(hours=2))
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
ONE = UUID("12345678-1234-5678-1234-567812345678")


class TestComparing:
    """Values are compared as the field's own type; with a key column and without one."""

    @pytest.mark.parametrize(
        ("kind", "stored", "equal", "unequal"),
        [
            (Decimal, Decimal("1.50"), [Decimal("1.5"), "1.500", 1.5], [Decimal("1.51"), 15]),
            (float, 3.0, [3, "3", Decimal(3)], [3.0000001, "inf"]),
            (int, 3, ["3", 3.0], [33, -3]),
            (int, 2**70, [2**70, str(2**70)], [2**70 + 1]),
            (bool, True, [1, "yes"], [0, False]),
            (str, "3", ["3"], ["3.0", "", " 3"]),
            (str, "É", ["\u00c9"], ["E\u0301", "é"]),
            (
                datetime,
                NOON,
                [NOON.astimezone(CEST), "2026-07-01T14:00:00+02:00"],
                ["2026-07-01T12:00:00+02:00"],
            ),
            (datetime, datetime(2026, 7, 1), ["2026-07-01T00:00:00"], [NOON]),  # noqa: DTZ001 - naive on purpose
            (date, date(2026, 7, 1), ["2026-07-01"], [date(2026, 7, 2)]),
            (timedelta, timedelta(hours=1), ["PT60M", 3600], [timedelta(minutes=59)]),
            (UUID, ONE, [ONE, str(ONE).upper(), ONE.hex], [UUID(int=7)]),
            (Colour, Colour.RED, [Colour.RED, "r"], [Colour.BLUE]),
            (Rank, Rank.HIGH, [Rank.HIGH, 2, "2"], [1]),
            (set[int], {1, 2}, [{2, 1}, [1, 2, 2]], [{1}]),
            (bytes, b"\xff\x00", [b"\xff\x00"], [b"\xff"]),
            (int | None, None, [None], [0]),
            (str | int, 3, [3], ["3"]),
        ],
        ids=without_address,
    )
    def test_values_are_compared_as_the_fields_own_type(self, place, kind, stored, equal, unequal):
        database = Database("shop")

        @database.table
        class Thing(Table):
            value: kind
            other: int = 0

        Thing.model_rebuild(_types_namespace={"kind": kind})
        with place.conn(database):
            Thing(value=stored).save()
            for _ in ("without a key column", "with one, which the first search asked for"):
                for value in equal:
                    assert len(Thing.find(value=value)) == 1, value
                for value in unequal:
                    assert len(Thing.find(value=value)) == 0, value
                Thing(value=stored).save().delete()

    def test_several_fields_must_all_fit(self, place):
        database = Database("shop")

        @database.table
        class Thing(Table):
            shape: Annotated[str, Index()]
            colour: str

        with place.conn(database):
            Thing.save_many(
                Thing(shape=shape, colour=colour) for shape in "abc" for colour in "xyz"
            )
            assert [t.pk for t in Thing.find(shape="b", colour="z")] == [6]
            assert len(Thing.find(shape="b")) == 3
            assert Thing.find(shape="b").find(colour="x").one().pk == 4


class TestAnyModel:
    """However the class is configured, its fields can be searched."""

    def test_a_strict_model(self, place):
        database = Database("shop")

        @database.table
        class User(Table):
            model_config = ConfigDict(strict=True)
            name: str
            born: Annotated[date, Index()]
            size: Rank | None = None

        with place.conn(database):
            User(name="Ada", born=date(1815, 12, 10), size=Rank.LOW).save()
            assert User.find(name="Ada").one().born == date(1815, 12, 10)
            assert User.find(born=date(1815, 12, 10), size=Rank.LOW).count() == 1
            assert User.find(name="Ada").find(size=None).count() == 0
            with pytest.raises(ValidationError, match="valid date"):
                User.find(born="1815-12-10")

    def test_a_validator_that_reads_another_field(self, place):
        database = Database("shop")

        @database.table
        class Trip(Table):
            start: date
            end: date

            @field_validator("end")
            @classmethod
            def after_start(cls, end: date, info: ValidationInfo) -> date:
                if end < info.data["start"]:
                    raise ValueError("ends before it starts")
                return end

        with place.conn(database):
            Trip(start=date(2024, 1, 1), end=date(2024, 1, 5)).save()
            for _ in ("without a key column", "with one, which the first search asked for"):
                assert Trip.find(end="2024-01-05").count() == 1
                assert Trip.find(end="2023-01-05").count() == 0
                Trip(start=date(2024, 2, 1), end=date(2024, 2, 1)).save().delete()

    def test_models_inside_are_compared_by_what_is_stored_of_them(self, place):
        database, numbers = Database("shop"), count()

        class Address(BaseModel):
            city: str
            _trace: int = PrivateAttr(default_factory=lambda: next(numbers))

        @database.table
        class User(Table):
            home: Address
            others: list[Address] = Field(default_factory=list)

        with place.conn(database):
            rome, oslo = Address(city="Rome"), Address(city="Oslo")
            user = User(home=rome, others=[oslo]).save()
            assert User.find(home={"city": "Rome"}).count() == 1
            assert User.find(home=user.home, others=user.others).one().pk == user.pk
            assert User.find(others=[{"city": "Oslo"}]).one().home.city == "Rome"
            assert not User.find(home=oslo)
            assert not User.find(others=[])

    def test_fields_by_the_names_that_methods_give_their_first_argument(self, place):
        database = Database("shop")
        pupil = create_model("Pupil", __base__=Table, cls=(str, ...), self=(int, 0))
        database.table(pupil)
        with place.conn(database):
            pupil.model_validate({"cls": "3b", "self": 1}).save()
            assert pupil.find(cls="3b", self=1).find(self="1").one().cls == "3b"
            assert pupil.find_unique(cls="3b", self=1).pk == 1


class TestOlderRecords:
    def versions(self):
        old, new = Database("shop"), Database("shop")

        @old.table(name="user")
        class Old(Table):
            name: str

        @new.table(name="user")
        class New(Table):
            name: str
            age: Annotated[int, Index()] = 18
            nick: Annotated[str | None, Unique()] = None

        return old, Old, new, New

    def test_a_field_with_a_default_that_was_added_later_is_filled_and_found_by(self, place):
        old, before, new, after = self.versions()
        with place.conn(old):
            before(name="Ada").save()
        with place.conn(new):
            assert after.find_unique(name="Ada").age == 18
            assert after.find_unique(age=18).name == "Ada"
            assert len(after.find(nick=None)) == 1
            after(name="Bob", age=18).save()
            assert [user.name for user in after.find(age=18)] == ["Ada", "Bob"]
            assert not after.find(age=19)

    def test_old_and_new_programs_work_side_by_side(self, place):
        old, before, new, after = self.versions()
        with place.conn(old), place.conn(new):
            for number in range(3):
                before(name=f"old {number}").save()
                after(name=f"new {number}", age=number).save()
            old.refresh()
            new.refresh()
            assert len(before.find()) == len(after.find()) == 6
            assert len(after.find(age=18)) == 3

    def test_a_record_that_does_not_fit_any_more_is_named_with_its_field_and_not_dropped(
        self, place
    ):
        old, before, _, _ = self.versions()
        new = Database("shop")

        @new.table(name="user")
        class User(Table):
            name: str
            age: int

        with place.conn(old):
            before(name="secret-name").save()
        with place.conn(new):
            for use in (
                lambda: User.get(1),
                lambda: list(User.find()),
                lambda: User.find_unique(name="secret-name"),
            ):
                with pytest.raises(
                    RecordOutdated, match=r"record 1 of 'user'.*age.*default"
                ) as caught:
                    use()
                assert "secret-name" not in str(caught.value)
            assert len(User.find()) == 1
            User(name="Bob", age=3).save()
            assert User.get(2).age == 3
