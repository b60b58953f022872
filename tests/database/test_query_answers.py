"""What a query can be asked, what it makes and reads for that, and what bad questions get."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Annotated
from zoneinfo import ZoneInfo

import pytest
from pydantic import PrivateAttr

from discobase import (
    ChangeReport,
    Database,
    Index,
    Query,
    Table,
    Unique,
    desc,
    is_none,
    startswith,
)
from discobase.engine import keys
from discobase.engine.replica import computed_keys
from discobase.errors import (
    RecordNotFound,
    RecordOutdated,
    SeveralRecords,
    UnknownField,
    UsageError,
    WrongExpression,
    WrongOperand,
)


@pytest.fixture
def users(place):
    """A class that notes in `made` whenever a record is made, and ten records."""
    database = Database("shop")

    @database.table
    class User(Table):
        name: str
        age: Annotated[int | None, Index()]
        city: str = "Rome"
        bio: str = ""

        _made: None = PrivateAttr(default_factory=lambda: made.append(1))

    made: list[int] = []
    with place.conn(database):
        # The index that a first search asks for would come at any moment.
        database._source.want_index = lambda wanted: None
        User.save_many(
            User(name=f"u{n}", age=None if n == 9 else n % 4, city="Oslo" if n % 3 else "Rome")
            for n in range(10)
        )
        made.clear()
        yield User, made


class TestOneRecord:
    def test_the_last_one_is_the_first_one_of_the_opposite_order(self, users):
        user, made = users
        assert user.find().last().pk == 10
        assert user.find(age=1).last().pk == 6
        assert user.find().order_by("age").last().pk == 10
        assert user.find().order_by("-city", "age").last().pk == 8
        assert user.find(name="nobody").last() is None
        assert len(made) == 4
        assert user.find()[2:5].last().pk == 5
        assert user.find()[20:].last() is None

    def test_one_or_none_and_get_or_none(self, users):
        user, _ = users
        assert user.find(name="u3").one_or_none().pk == 4
        assert user.find(name="x").one_or_none() is None
        assert user.find(city="Oslo").get_or_none(age=3, name="u7").pk == 8
        assert user.find().get_or_none(user.age > 5) is None
        with pytest.raises(SeveralRecords, match=r"find\(age=1\) finds 2 records.*pk 2 and 6"):
            user.find().get_or_none(age=1)
        with pytest.raises(SeveralRecords):
            user.find()[1:4].one_or_none()
        assert user.find()[1:2].one().pk == 2

    def test_an_empty_picture_stays_empty(self, users):
        user, _ = users
        found = user.find(name="new")
        assert list(found) == []
        user(name="new", age=1).save()
        assert (found.first(), found.last(), found.one_or_none()) == (None, None, None)
        assert (found.exists(), len(found)) == (False, 0)


class TestNoRecordsAreMade:
    def test_for_what_is_not_given(self, users):
        user, made = users
        query = user.find(user.age >= 1, city="Oslo").order_by("-age")
        assert query.count() == 4
        assert query.exists()
        assert query.pks() == [8, 3, 2, 6]
        assert query.values("name")[0] == {"name": query.values_list("name", flat=True)[0]}
        assert user.find().max("age") == 3
        assert user.find().group_by("city").count() == {"Rome": 4, "Oslo": 6}
        assert made == []
        assert len(list(query[1:3])) == 2
        assert len(made) == 2

    def test_where_python_checks_the_rows_either(self, users):
        user, made = users
        query = user.find(user.name.endswith("7"))
        assert (query.count(), query.exists(), query.pks(), made) == (1, True, [8], [])
        assert (query.first().pk, len(made)) == (8, 1)

    def test_the_first_one_is_found_without_looking_at_all_the_others(self, place, monkeypatch):
        database = Database("shop")

        @database.table
        class Item(Table):
            name: str

        looked_at = []

        def key(kind, value):
            looked_at.append(value)
            return keys.key(kind, value)

        with place.conn(database):
            database._source.want_index = lambda wanted: None
            Item.save_many(Item(name=f"i{n}") for n in range(100))
            monkeypatch.setattr(computed_keys, "key", key)
            assert Item.find(name="i2").first().pk == 3
            assert len(looked_at) < 10

    def test_an_order_reads_no_more_than_it_needs(self, users):
        user, made = users
        assert user.find().order_by("-age")[:1].first().pk == 10
        assert len(made) == 1


class TestOrder:
    def test_the_order_of_before_is_replaced(self, users):
        user, _ = users
        by_age = user.find(user.age.is_not_none()).order_by("-age", "-pk")
        assert by_age.values_list("pk", flat=True)[:3] == [8, 4, 7]
        assert by_age.order_by().pks() == [1, 2, 3, 4, 5, 6, 7, 8, 9]
        assert by_age.order_by(desc(user.name))[0].name == "u8"

    def test_none_comes_where_it_is_said(self, users):
        user, _ = users
        assert user.find().order_by("age").pks()[-1] == 10
        assert user.find().order_by("-age").pks()[0] == 10
        assert user.find().order_by(desc(user.age, none_first=False)).pks()[-1] == 10
        assert user.find().order_by(user.age.asc(none_first=True)).pks()[0] == 10

    def test_what_has_no_order_or_is_no_field(self, users):
        user, _ = users
        with pytest.raises(UnknownField, match="did you mean 'age'"):
            user.find().order_by("agee")
        with pytest.raises(WrongExpression):
            user.find().order_by(7)


class TestSlices:
    def test_they_are_queries_that_read_nothing(self, users):
        user, made = users
        part = user.find()[2:5]
        assert (len(part), part.pks(), part.count(), made) == (3, [3, 4, 5], 3, [])
        assert part[1:].pks() == part[1:10].pks() == [4, 5]
        assert part[:0].pks() == [] == list(part[5:])
        assert user.find()[-3:].pks() == [8, 9, 10]
        assert user.find()[-3:-1].pks() == user.find()[7:-1].pks() == [8, 9]
        assert user.find().offset(8).pks() == [9, 10]
        assert user.find().limit(2).offset(1).pks() == [2]
        assert user.find().order_by("-pk").limit(2).pks() == [10, 9]
        assert repr(user.find(age=1)[2:5]) == "<User.find(age=1)[2:5]>"
        assert repr(user.find()[3:]) == "<User.find()[3:]>"

    def test_a_part_of_a_picture_is_of_the_same_objects(self, users):
        user, _ = users
        found = user.find()
        records = list(found)
        assert found[1:3][0] is records[1]
        assert [*found[-2:]] == records[-2:]

    def test_a_slice_is_not_narrowed_or_sorted(self, users):
        user, _ = users
        part = user.find()[1:3]
        for wrong in (
            lambda: part.find(age=1),
            lambda: part.exclude(age=1),
            lambda: part.order_by("age"),
            part.skip_outdated,
            lambda: part.get_or_none(age=1),
        ):
            with pytest.raises(UsageError, match=r"of a slice, User\.find\(\)\[1:3\]: limit\(\)"):
                wrong()

    def test_bounds_beyond_what_sqlite_stores_are_those_of_a_list(self, users):
        user, _ = users
        numbers = list(range(1, 11))
        for beyond in (2**62, 2**63 - 1, 2**63, 2**70, 10**5000):
            for part in (
                slice(beyond, None),
                slice(None, beyond),
                slice(-beyond, beyond),
                slice(beyond, 2 * beyond),
                slice(-beyond, -1),
            ):
                assert user.find()[part].pks() == numbers[part], (beyond, part)
                assert [each.pk for each in user.find().order_by("-pk")[part]] == (
                    numbers[::-1][part]
                )
                assert user.find()[part].count() == len(numbers[part])
                assert user.find()[2:][part].pks() == numbers[2:][part]
            assert user.find().limit(beyond).pks() == numbers
            assert user.find().offset(beyond).limit(beyond).last() is None
            assert [each.pk for each in user.find().iterate(chunk=beyond)] == numbers

    @pytest.mark.parametrize("bad", ["a", 1.5, []])
    def test_bounds_that_are_no_integers(self, users, bad):
        user, _ = users
        for part in (slice(bad, None), slice(None, bad)):
            with pytest.raises(UsageError, match="a slice of a query has integers for bounds"):
                user.find()[part]

    @pytest.mark.parametrize(
        "bad", [-1, 1.5, "3", None, True, pytest.param(-(10**5000), id="vast")]
    )
    def test_numbers_that_are_none(self, users, bad):
        user, _ = users
        for wrong in (user.find().limit, user.find().offset, user.find().iterate):
            with pytest.raises(UsageError, match="takes a number"):
                wrong(bad)
        with pytest.raises(UsageError, match=r"list\(query\)\[::2\]"):
            user.find()[::2]


class TestValues:
    def test_of_some_fields_and_of_all(self, users):
        user, _ = users
        assert user.find(age=0).values_list("name", "age") == [("u0", 0), ("u4", 0), ("u8", 0)]
        assert user.find()[:1].values() == [
            {"pk": 1, "name": "u0", "age": 0, "city": "Rome", "bio": ""}
        ]
        assert user.find()[9:].values_list(user.age, "version") == [(None, user.get(10).version)]
        assert user.find().distinct("city") == ["Rome", "Oslo"]
        assert user.find().order_by("-age").distinct("age") == [None, 3, 2, 1, 0]

    def test_bad_questions(self, users):
        user, _ = users
        for wrong in ("values", "values_list", "distinct", "min", "max", "sum", "avg", "group_by"):
            with pytest.raises(UnknownField, match="did you mean 'city'"):
                getattr(user.find(), wrong)("citty")
        with pytest.raises(UsageError, match="takes one field, and not 2"):
            user.find().values_list("name", "age", flat=True)
        with pytest.raises(UsageError, match="takes the fields"):
            user.find().group_by()
        with pytest.raises(UsageError, match="no mean of these values"):
            user.find().avg("name")

    def test_there_is_nothing_to_reckon_with(self, users):
        user, _ = users
        none = user.find(name="nobody")
        assert (none.min("age"), none.max("age"), none.avg("age"), none.sum("age")) == (
            None,
            None,
            None,
            0,
        )
        assert none.group_by("city").count() == none.group_by("city").sum("age") == {}

    def test_what_has_no_order_has_no_extreme_and_what_is_joined_no_sum(self, place):
        database = Database("shop")

        @database.table
        class Note(Table):
            name: str
            tags: set[str]
            lines: list[str]
            blob: bytes

        def all_found() -> Iterator[Query[Note]]:
            yield Note.find()
            yield Note.find()[:1]
            yield Note.find(name="nobody")

        with place.conn(database):
            Note.save_many(Note(name=n, tags={n}, lines=[n], blob=b"x") for n in "ab")
            for found in all_found():
                for ask in (found.min, found.max, found.group_by("name").min):
                    with pytest.raises(WrongExpression, match="Python knows no < between"):
                        ask("tags")
                with pytest.raises(WrongExpression, match="Python knows no < between"):
                    found.group_by("name").max(Note.tags)
            for name in ("name", "lines", "blob"):
                for found in (Note.find(), Note.find()[:2], Note.find().group_by("name")):
                    for ask, what in ((found.sum, "sum"), (found.avg, "mean")):
                        with pytest.raises(UsageError, match=f"no {what} of these values"):
                            ask(name)
            assert Note.find().max("lines") == ["b"]
            assert Note.find().min("name") == "a"

    def test_groups_of_several_fields(self, users):
        user, _ = users
        assert list(user.find().order_by("-pk").group_by("city").count()) == ["Rome", "Oslo"]
        assert list(user.find().order_by("-pk")[1:].group_by("city").count()) == ["Oslo", "Rome"]
        groups = user.find(user.age < 2).group_by("city", "age")
        assert groups.count() == {("Rome", 0): 1, ("Oslo", 1): 2, ("Oslo", 0): 2}
        assert groups.max("pk") == {("Rome", 0): 1, ("Oslo", 1): 6, ("Oslo", 0): 9}
        assert user.find(user.age < 2).group_by("city").avg("age") == {"Rome": 0.0, "Oslo": 0.5}


class TestIterate:
    def test_records_may_be_saved_and_deleted_on_the_way(self, users):
        user, _ = users
        seen = []
        for record in user.find().iterate(chunk=3):
            seen.append(record.pk)
            if record.pk == 2:
                user.get(3).delete()  # has been read
                user.get(7).delete()
            if record.pk == 5:
                user(name="late", age=1).save()
        assert seen == [1, 2, 3, 4, 5, 6, 8, 9, 10, 11]

    def test_in_another_order_those_come_that_were_there_and_still_fit(self, users):
        user, _ = users
        seen = []
        for record in user.find(user.age >= 2).order_by("-age").iterate(chunk=2):
            seen.append(record.pk)
            if len(seen) == 1:
                user(name="late", age=3).save()
                changed = user.get(7)
                changed.age = 0
                changed.save()
        assert seen == [4, 8, 3]

    def test_it_ends_where_one_does_not_load_and_goes_on_without_such(self, place, users):
        user, _ = users
        other = Database("shop")

        @other.table(name="User")
        class Loose(Table):
            name: str | None
            age: int | None

        with place.conn(other):
            Loose(name=None, age=1).save()
        user._binding.source.refresh()
        with pytest.raises(RecordOutdated):
            list(user.find().iterate())
        assert len(list(user.find().skip_outdated().iterate(chunk=2))) == 10


class TestExplain:
    def test_an_index_and_a_scan(self, users):
        user, _ = users
        by_index = user.find(age=1).explain()
        assert (by_index.indexes, by_index.is_scan, by_index.looked_at) == (("age",), False, 2)
        assert (by_index.in_python, by_index.checked, by_index.computed) == ((), 0, ())
        assert "key_616765" in by_index.sql
        scan = user.find(city="Oslo").explain()
        assert (scan.is_scan, scan.looked_at, scan.computed) == (True, 10, ("city",))
        assert str(scan).endswith("scan\nrows looked at: 10\nno index: city\nin Python: nothing")
        assert user.find(pk=3).explain().indexes == ("pk",)

    def test_an_index_that_gives_the_order_reads_no_more_than_the_limit(self, users):
        user, _ = users
        explained = user.find().order_by("-age").limit(2).explain()
        assert (explained.is_scan, explained.indexes, explained.looked_at) == (False, ("age",), 4)
        assert "index: age" in str(explained)
        explained = user.find().order_by("age")[:2].explain()
        assert (explained.indexes, explained.looked_at) == (("age",), 2)

    def test_what_python_checks(self, users):
        user, _ = users
        explained = user.find(user.name.iequals("U3"), age=3).explain()
        assert explained.in_python == ("User.name.iequals('U3')",)
        assert (explained.looked_at, explained.checked) == (2, 2)
        assert "in Python: User.name.iequals('U3') (2 rows)" in str(explained)
        assert "whether records load" in str(user.find().skip_outdated().explain())

    @pytest.mark.parametrize("operator", ["endswith", "icontains", "iequals", "matches"])
    def test_no_index_is_missed_or_asked_for_that_would_be_of_no_use(
        self, users, operator, monkeypatch
    ):
        user, _ = users
        asked = []
        monkeypatch.setattr(user._binding.source, "want_index", asked.append)
        explained = user.find(getattr(user.city, operator)("o")).explain()
        assert explained.computed == ()
        assert "no index" not in str(explained)
        assert asked == []
        user.find(user.city.startswith("o")).explain()
        assert [wanted.field for wanted in asked] == ["city"]


class TestNumbersThatPythonDoesNotWrite:
    """Python writes no integer of more than 4,300 digits."""

    @pytest.mark.parametrize("number", [10**5000, -(10**5000)], ids=["above", "below"])
    def test_they_can_be_compared_and_shown(self, users, number):
        user, _ = users
        for condition in (
            user.age == number,
            user.age != number,
            user.age < number,
            user.age >= number,
            user.age.in_([number, 1]),
            user.age.between(-abs(number), number),
            user.pk == number,
            user.pk > number,
        ):
            expected = [record.pk for record in user.find() if condition.holds(record)]
            assert user.find(condition).pks() == expected
            assert "a value" in repr(user.find(condition))
        assert user.find(age=number).pks() == []
        assert repr(user.find(age=number)) == "<User.find(age=a value)>"
        assert repr(user.age + number) == "User.age + a value"

    def test_they_are_refused_as_others_are(self, users):
        user, _ = users
        vast = 10**5000
        with pytest.raises(WrongOperand, match=r"User\.name with a value"):
            user.find(user.name == vast)
        with pytest.raises(RecordNotFound, match="no record a value"):
            user.get(vast)
        with pytest.raises(WrongExpression, match="not a value"):
            user.find(vast)
        with pytest.raises(WrongExpression, match="not a value"):
            user.find().order_by(vast)

    def test_a_signalling_nan_is_no_bound(self, users):
        user, _ = users
        for place in (user.age, user.pk):
            with pytest.raises(WrongOperand, match="sNaN"):
                user.find(place < Decimal("sNaN"))


class TestMoments:
    def test_the_hour_that_a_clock_shows_twice(self, place):
        database = Database("shop")

        @database.table
        class Event(Table):
            at: Annotated[datetime, Unique()]
            others: list[datetime]

        berlin = ZoneInfo("Europe/Berlin")
        first = datetime(2024, 10, 27, 2, 30, tzinfo=berlin)
        second = first.replace(fold=1)
        with place.conn(database):
            for number, moment in enumerate((first, second), start=1):
                assert Event.get_or_create(at=moment, defaults={"others": []})[1]
                assert not Event.get_or_create(at=moment)[1]
                assert Event.find(at=moment).pks() == [number]
                assert Event.find(Event.at.in_([moment])).pks() == [number]
                assert Event.find(Event.at != moment).pks() == ([] if number == 1 else [1])
            assert Event.find(Event.at < second).pks() == [1]
            assert (Event.at < second).holds(Event(at=first, others=[]))
            assert not (Event.at == second).holds(Event(at=first, others=[]))
            Event(at=datetime(2025, 1, 1, tzinfo=berlin), others=[second]).save()
            assert Event.find(Event.others.contains(second)).pks() == [3]
            assert Event.find(Event.others.contains(first)).pks() == []


class TestEdgesOfKeys:
    """What keys have in an order, and values have not."""

    @pytest.fixture
    def things(self, place):
        database = Database("shop")

        @database.table
        class Thing(Table):
            weight: Annotated[float | None, Index()]
            name: Annotated[str | None, Index()]
            new: Annotated[bool | None, Index()] = None

        with place.conn(database):
            Thing(weight=math.nan, name="a\x00b", new=True).save()
            Thing(weight=math.inf, name='"q', new=False).save()
            Thing(weight=-1.5, name="", new=None).save()
            Thing(weight=None, name=None, new=True).save()
            yield Thing

    def test_nan_and_none_are_in_no_range(self, things):
        weight = things.weight
        assert things.find(weight > -2).pks() == [2, 3]
        assert things.find(weight >= math.inf).pks() == [2]
        assert things.find(weight < math.inf).pks() == [3]
        assert things.find(weight.between(-5, 5)).pks() == [3]
        assert things.find(weight=math.nan).pks() == []
        assert things.find(weight.in_([math.nan, -1.5])).pks() == [3]
        assert things.find(~(weight > -2)).pks() == [1, 4]
        assert things.find(weight != -1.5).pks() == [1, 2, 4]
        assert things.find().order_by("weight").pks() == [3, 2, 1, 4]
        assert things.find().order_by("-weight").pks() == [4, 1, 2, 3]

    def test_parts_of_texts(self, things):
        name = things.name
        assert things.find(name.contains("b")).pks() == [1]
        assert things.find(name.contains('"')).pks() == [2]
        assert things.find(name.contains('"q')).pks() == things.find(name.startswith('"')).pks()
        assert things.find(name.contains("")).pks() == [1, 2, 3]
        assert things.find(name.startswith("")).pks() == [1, 2, 3]
        assert things.find(name.startswith("a\x00")).pks() == [1]
        assert things.find(name >= "").pks() == [1, 2, 3]

    def test_booleans(self, things):
        assert things.find(things.new < True).pks() == [2]
        assert things.find(things.new >= False).pks() == [1, 2, 4]
        assert things.find().order_by("new").pks() == [2, 1, 4, 3]
        assert things.find().order_by("-new").pks() == [3, 1, 4, 2]
        assert things.find(things.new).pks() == [1, 4]

    def test_python_checks_before_rows_are_counted(self, things):
        assert things.find(things.name.endswith("q"))[:1].pks() == [2]
        assert things.find(things.name.iequals(""))[:1].count() == 1

    def test_more_values_than_a_statement_takes(self, things):
        assert things.find(things.pk.in_(range(2, 50_000))).pks() == [2, 3, 4]
        assert things.find(things.weight.in_([*range(40_000), -1.5])).pks() == [3]


class TestKeysThatAreNotKnown:
    """Another program has written records, whose keys this class does not know."""

    @pytest.fixture
    def mixed(self, place):
        ours, others = Database("shop"), Database("shop")

        @ours.table
        class Item(Table):
            name: Annotated[str, Index()]
            size: Annotated[int, Index()]

        @others.table(name="Item")
        class Loose(Table):
            name: str | None
            size: int | str

        with place.conn(others):
            # Declared first, so that the newest schema, which has the columns, is the other one.
            Loose(name="z", size=0).save().delete()
            with place.conn(ours):
                Item.save_many(Item(name=n, size=s) for n, s in (("b", 2), ("d", 4)))
                others.refresh()
                Loose.save_many(Loose(name=n, size=s) for n, s in (("a", 3), ("c", "1")))
                ours.refresh()
                assert len(Item.find()) == 4
                assert Item.find(name="b").explain().indexes == ("name",)
                yield Item

    def test_they_are_found_counted_and_sorted(self, mixed):
        assert mixed.find(name="a").one().size == 3
        assert mixed.find(mixed.name < "c").count() == 2
        assert mixed.find(mixed.size >= 1).order_by("size").pks() == [5, 2, 4, 3]
        assert mixed.find().order_by("-name").pks() == [3, 5, 2, 4]
        assert mixed.find().order_by("name")[1:3].pks() == [2, 5]
        assert mixed.find().order_by("name")[2:4].pks() == [5, 3]
        assert mixed.find().exclude(name="a").pks() == [2, 3, 5]
        assert mixed.find(mixed.name != "b", mixed.name != "x").pks() == [3, 4, 5]
        assert mixed.find().order_by("name").last().pk == 3
        assert (mixed.find().max("size"), mixed.find().min("size")) == (4, 1)
        assert mixed.find().group_by("size").count() == {2: 1, 4: 1, 3: 1, 1: 1}
        assert mixed.find(mixed.name.in_(["a", "b"])).values_list("name", flat=True) == ["b", "a"]

    def test_explain_says_that_python_looks_at_them(self, mixed):
        explained = mixed.find(name="a").explain()
        assert (explained.in_python, explained.checked) == (("Item.name == 'a'",), 2)


def test_a_kept_file_answers_alike_and_finds_out_what_was_altered(place, tmp_path):
    database = Database("shop", cache=tmp_path)

    @database.table
    class Item(Table):
        name: str
        size: Annotated[int, Index()]

    with place.conn(database):
        Item.save_many(Item(name=f"i{n}", size=n) for n in range(50))
    with place.conn(database):
        assert Item.find(Item.size > 40).order_by("-size")[:2].pks() == [50, 49]
        assert Item.find(Item.name.endswith("9")).count() == 5
        assert [item.size for item in Item.find(Item.size < 3).iterate(chunk=2)] == [0, 1, 2]
        assert Item.find().explain().looked_at == 50


class TestManyAtOnce:
    def test_a_record_whose_class_can_tell_is_made_when_it_is_reached(self, users):
        user, made = users
        reached = iter(user.find())
        for number in range(1, 6):
            assert (next(reached).pk, len(made)) == (number, number)

    def test_an_object_is_the_same_whichever_way_it_is_reached(self, place):
        database = Database("shop")

        @database.table
        class Item(Table):
            name: str

        with place.conn(database):
            Item.save_many(Item(name=f"i{n}") for n in range(600))
            found = Item.find()
            fifth, half = found[5], [*found[:300]]
            every = [*found]
            assert [each.name for each in every] == [f"i{n}" for n in range(600)]
            assert [each.pk for each in every] == [*range(1, 601)]
            assert every[5] is fifth
            assert all(one is other for one, other in zip(every, found, strict=True))
            assert half == every[:300]

    def test_what_the_class_does_not_know_is_carried_along(self, place):
        old, new = Database("shop"), Database("shop")

        @old.table(name="item")
        class Before(Table):
            name: str

        @new.table(name="item")
        class After(Table):
            name: str
            note: str = "none"

        with place.conn(old), place.conn(new):
            After.save_many(
                After(name=f"i{n}", note=f"n{n}" if n % 2 else "none") for n in range(20)
            )
            old.refresh()
            for item in Before.find():
                item.name += "!"
                item.save()
            new.refresh()
            assert [(item.name, item.note) for item in After.find()] == [
                (f"i{n}!", f"n{n}" if n % 2 else "none") for n in range(20)
            ]


class TestKeptStatements:
    def test_they_differ_in_values_alone(self, place):
        database = Database("shop")

        @database.table
        class Item(Table):
            weight: Annotated[float | None, Index()]
            name: Annotated[str, Index()] = ""

        with place.conn(database):
            Item.save_many(Item(weight=weight) for weight in (1.0, 2.0, None, math.nan, 1.0))
            for weight, found in ((2.0, [2]), (1, [1, 5]), (None, [3]), (math.nan, []), (2.0, [2])):
                assert Item.find(weight=weight).pks() == found
                assert len(Item.find(Item.weight == weight)) == len(found)
            assert Item.find(weight=1.0, name="").pks() == [1, 5]
            assert Item.find(name="", weight=1.0).pks() == [1, 5]
            assert Item.find(weight=1.0).find(weight=2.0).pks() == []
            assert Item.find(name="\ud800").pks() == []

    def test_a_slice_is_none_of_another_query(self, users):
        user, _ = users
        assert [each.pk for each in user.find(age=1)[:1]] == [2]
        assert [each.pk for each in user.find(age=1)] == [2, 6]
        assert [each.pk for each in user.find(age=1)[1:]] == [6]
        assert user.find(age=1).count() == user.find(age=1).count() == 2
        assert user.find(age=1).group_by("city").count() == {"Oslo": 2}
        assert user.find(age=1).group_by("age").count() == {1: 2}

    def test_they_are_made_anew_when_a_table_gets_another_index(self, place):
        database = Database("shop")

        @database.table
        class Item(Table):
            name: str

        with place.conn(database):
            Item(name="a").save()
            assert Item.find(name="a").pks() == [1]
            while Item.find(name="a").explain().is_scan:
                Item(name="b").save()
            assert Item.find(name="a").pks() == [1]
            assert not Item.find(name="a").explain().is_scan


class TestSums:
    NUMBERS = (0, -1, 2**62, 2**62, 2**62, -(2**63), 2**63 - 1, 7, -(2**40) - 3)

    @pytest.mark.parametrize("beyond", [(), (2**63,), (-(2**70), 5)])
    def test_integers_are_added_exactly_however_great_they_are(self, place, beyond):
        database = Database("shop")

        @database.table
        class Item(Table):
            kind: str
            number: int

        numbers = [*self.NUMBERS, *beyond]
        kinds = [f"k{at % 3}" for at, _ in enumerate(numbers)]
        with place.conn(database):
            items = [Item(kind=k, number=n) for k, n in zip(kinds, numbers, strict=True)]
            Item.save_many(items)
            sums = {
                kind: [n for k, n in zip(kinds, numbers, strict=True) if k == kind]
                for kind in ("k0", "k1", "k2")
            }
            assert Item.find().sum("number") == sum(numbers)
            assert Item.find().avg("number") == sum(numbers) / len(numbers)
            assert Item.find(kind="k1").sum("number") == sum(sums["k1"])
            assert Item.find()[2:5].sum("number") == sum(numbers[2:5])
            by_kind = Item.find().group_by("kind")
            assert by_kind.sum("number") == {kind: sum(each) for kind, each in sums.items()}
            assert by_kind.avg("number") == {
                kind: sum(each) / len(each) for kind, each in sums.items()
            }
            assert Item.find(kind="none").sum("number") == 0
            assert Item.find(kind="none").avg("number") is None
            assert Item.find(kind="none").group_by("kind").sum("number") == {}

    def test_sql_adds_no_record_that_lacks_the_field(self, place):
        old, new = Database("shop"), Database("shop")

        @old.table(name="item")
        class Before(Table):
            name: str

        @new.table(name="item")
        class After(Table):
            name: str
            number: int = 5

        with place.conn(old), place.conn(new):
            Before(name="a").save()
            new.refresh()
            After(name="a", number=1).save()
            assert After.find().sum("number") == 6
            assert After.find().group_by("name").sum("number") == {"a": 6}

    def test_a_boolean_that_was_stored_is_no_integer_for_sql(self, place):
        old, new = Database("shop"), Database("shop")

        @old.table(name="item")
        class Before(Table):
            number: bool

        @new.table(name="item")
        class After(Table):
            number: int

        with place.conn(old), place.conn(new):
            Before(number=True).save()
            new.refresh()
            After(number=2).save()
            assert After.find().values_list("number", flat=True) == [1, 2]
            assert After.find().sum("number") == 3

    def test_the_values_of_a_kept_file_are_checked_as_its_records_are(self, place, tmp_path):
        database = Database("shop", cache=tmp_path)

        @database.table
        class Item(Table):
            kind: str
            number: int

        with place.conn(database):
            Item.save_many(Item(kind=f"k{n % 2}", number=n) for n in range(10))
        with place.conn(database):
            assert Item.find().sum("number") == 45
            assert Item.find().group_by("kind").sum("number") == {"k0": 20, "k1": 25}
            assert Item.find().group_by("kind").count() == {"k0": 5, "k1": 5}


class TestMoreThanSqliteTakes:
    """What its parser has no room for is left to Python."""

    @pytest.mark.parametrize(
        "deeper",
        [
            lambda user, made, n: (made & (user.age < 9)) if n % 2 else (made | (user.age == n)),
            lambda user, made, n: (
                (~(user.age > 9) & made) if n % 2 else ((user.city == "x") | made)
            ),
            lambda user, made, n: ~((user.name != f"x{n}") & made) if n % 2 else made,
            lambda user, made, n: ~(made | startswith(user.bio, "x")) if n % 2 else made,
            lambda user, made, n: ~made,
            lambda user, made, n: (
                (made & user.age.in_([0, 1]) & (user.pk < 99) & (user.age < n + 4))
                if n % 2
                else (
                    made
                    | is_none(user.age)
                    | (user.age == 7)
                    | (user.city == "y")
                    | (user.bio > "x")
                )
            ),
        ],
        ids=["left", "right", "not, right", "not, left", "not", "wide"],
    )
    @pytest.mark.parametrize("depth", [20, 50, 100, 190])
    def test_expressions_that_stand_deep_in_each_other(self, users, deeper, depth):
        user, _ = users
        records = list(user.find())
        made = user.age == 1
        for n in range(depth):
            made = deeper(user, made, n)
        expected = [record.pk for record in records if made.holds(record)]
        found = user.find(made)
        assert found.pks() == expected == user.find(made, user.pk > 0).pks()
        assert (found.count(), len(list(found))) == (len(expected), len(expected))
        assert sorted(found.order_by("-age", "bio").pks()) == expected
        assert sum(found.group_by("city").count().values()) == len(expected)
        assert user.find().exclude(user.city == "Oslo", made).count() == 10 - sum(
            record.city == "Oslo" for record in records if record.pk in expected
        )
        assert found.explain().looked_at <= 10
        assert found.update(bio="") == ChangeReport(len(expected), 1 if expected else 0)

    def test_expressions_within_others_of_their_kind_stand_side_by_side(self, users):
        user, _ = users
        plain = user.find(user.age == 1, user.city == "Oslo", user.pk > 1).explain()
        nested = user.find((user.age == 1) & (user.city == "Oslo"), ~~(user.pk > 1)).explain()
        assert nested.sql == plain.sql

    def test_more_values_than_a_statement_binds(self, users):
        user, _ = users
        many = [user.age < number for number in range(3, 15_000)]
        assert user.find(*many).pks() == [1, 2, 3, 5, 6, 7, 9]

    def test_more_orderings_than_sqlite_takes(self, users, monkeypatch):
        user, _ = users
        expected = user.find().order_by("city", "-age").pks()
        assert user.find().order_by("city", *["-age", "city", "age"] * 800).pks() == expected
        monkeypatch.setattr("discobase.queries.orders._MOST", 2)
        assert user.find().order_by("city", "-age").pks() == expected
