"""Fields that are unique together, kept by all processes, whatever their classes."""

from __future__ import annotations

import gc
import threading
import warnings
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Annotated, ClassVar

import pytest
from pydantic import ConfigDict, Field, field_validator

from discobase import Database, Table, Unique, UniqueTogether
from discobase.errors import DuplicatesFound, SchemaConflict, TableError, UniqueViolation


def clubs(database: Database | None = None) -> tuple[Database, type[Table]]:
    database = Database("shop") if database is None else database

    @database.table
    class Member(Table):
        user: int
        club: str | None
        note: str = ""
        once = UniqueTogether("user", "club")

    return database, Member


@pytest.fixture
def member(place):
    database, made = clubs()
    with place.conn(database):
        yield made


class TestKept:
    def test_the_same_values_in_both_are_refused(self, member, place):
        member(user=1, club="a").save()
        member(user=1, club="b").save()
        member(user=2, club="a").save()
        place.forget_calls()
        with pytest.raises(UniqueViolation) as refused:
            member(user=1, club="a").save()
        assert str(refused.value) == (
            "Member: club and user are unique together, and record 1 has ('a', 1) already; nothing "
            "was written."
        )
        assert (refused.value.field, refused.value.value, refused.value.pk) == (
            "club, user",
            ("a", 1),
            1,
        )
        assert place.sends == 0

    def test_none_is_no_value(self, member):
        member.save_many([member(user=1, club=None), member(user=1, club=None)])
        assert len(member.find()) == 2

    def test_an_update_by_query_keeps_it_too(self, member):
        member.save_many([member(user=1, club="a"), member(user=1, club="b")])
        with pytest.raises(UniqueViolation):
            member.find(club="b").update(club="a")
        assert member.find(club="b").update(club="c", user=member.user + 1).records == 1
        member(user=1, club="b").save()

    def test_a_value_that_was_given_up_is_free(self, member):
        first = member(user=1, club="a").save()
        first.club = "b"
        first.save()
        member(user=1, club="a").save()
        first.delete()
        member(user=1, club="b").save()

    def test_many_at_once_with_on_conflict(self, member):
        member(user=1, club="a", note="x").save()
        given = [member(user=1, club=club, note="y") for club in "ab"]
        assert member.save_many(given, on_conflict="ignore").ignored == 1
        given = [member(user=1, club=club, note="z") for club in "abc"]
        assert member.save_many(given, on_conflict="update").updated == 2
        assert member.find().values_list("club", "note") == [("a", "z"), ("b", "z"), ("c", "z")]

    def test_get_or_create_is_atomic_by_them_and_does_not_warn(self, place, caplog):
        connected = [clubs() for _ in range(2)]
        made: list[bool] = []
        with place.conn(connected[0][0]), place.conn(connected[1][0]):
            barrier = threading.Barrier(6)

            def run(table) -> None:
                barrier.wait()
                made.append(table.get_or_create(user=1, club="a")[1])

            threads = [
                threading.Thread(target=run, args=(connected[number % 2][1],))
                for number in range(6)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(30)
            assert sorted(made) == [False] * 5 + [True]
            assert "unique" not in caplog.text
            connected[0][1].get_or_create(user=2, defaults={"club": "b"})
            assert "UniqueTogether()" in caplog.text

    def test_values_are_compared_as_the_types_do(self, place):
        database = Database("shop")

        @database.table
        class Price(Table):
            at: datetime
            amount: Decimal
            once = UniqueTogether("at", "amount")

        moment = datetime(2020, 1, 1, 12, tzinfo=UTC)
        same = moment.astimezone(timezone(timedelta(hours=2)))
        with place.conn(database):
            Price(at=moment, amount="1.0").save()
            Price(at=moment, amount="1.1").save()
            with pytest.raises(UniqueViolation, match="amount and at"):
                Price(at=same, amount="1.00").save()

    def test_three_of_them_two_sets_and_a_unique_field(self, place):
        database = Database("shop")

        @database.table
        class Seat(Table):
            hall: str
            row: int
            seat: int
            code: Annotated[str, Unique()]
            place = UniqueTogether("hall", "row", "seat")
            coded: ClassVar[UniqueTogether] = UniqueTogether("code", "hall")

        with place.conn(database):
            Seat(hall="a", row=1, seat=1, code="x").save()
            Seat(hall="a", row=1, seat=2, code="y").save()
            with pytest.raises(UniqueViolation, match="hall, row and seat are"):
                Seat(hall="a", row=1, seat=2, code="z").save()
            assert isinstance(Seat.place, UniqueTogether)


class TestOtherProcesses:
    def test_the_log_says_it_and_later_processes_keep_it(self, place):
        database, member = clubs()
        with place.conn(database):
            member(user=1, club="a").save()
        without = Database("shop")

        @without.table
        class Member(Table):
            user: int
            club: str | None
            note: str = ""

        with place.conn(without):
            Member(user=1, club="b").save()
            with pytest.raises(UniqueViolation, match="club and user"):
                Member(user=1, club="a").save()

    def test_a_checkpoint_has_it(self, place):
        database, member = clubs()
        with place.conn(database):
            member(user=1, club="a").save()
            database.checkpoint()
            member(user=1, club="b").save()
        database, member = clubs()
        with place.conn(database):
            for club in "ab":
                with pytest.raises(UniqueViolation):
                    member(user=1, club=club).save()

    def test_a_kept_replica_has_it(self, place, tmp_path):
        for run in range(2):
            database, member = clubs(Database("shop", cache=tmp_path))
            with place.conn(database):
                if run == 0:
                    member(user=1, club="a").save()
                with pytest.raises(UniqueViolation):
                    member(user=1, club="a").save()

    def test_a_class_before_one_of_the_fields_goes_on(self, place):
        """As in a rolling upgrade: the older class still writes, and lacks the new field."""
        before = Database("shop")

        @before.table(name="Member")
        class Old(Table):
            user: int

        with place.conn(before):
            Old(user=1).save()
            after = Database("shop")

            @after.table(name="Member")
            class New(Table):
                user: int
                club: str = "main"
                once = UniqueTogether("user", "club")

            with place.conn(after):
                New(user=1, club="other").save()
                with pytest.raises(UniqueViolation):
                    New(user=1).save()
                New(user=2).save()
                Old.find(fresh=True).exists()
                Old(user=3).save()
                with pytest.raises(UniqueViolation):
                    Old(user=2).save()
                with pytest.raises(UniqueViolation):
                    New(user=3).save()

    def test_a_class_with_other_rules_gives_no_new_values(self, place):
        database, member = clubs()
        with place.conn(database):
            member(user=1, club="a").save()
        folded = Database("shop")

        @folded.table(name="Member")
        class Folded(Table):
            user: int
            club: str | None
            note: str = ""

            @field_validator("club")
            @classmethod
            def _fold(cls, club):
                return club and club.lower()

        with place.conn(folded):
            with pytest.raises(SchemaConflict, match=r"drop_unique\('Member', 'club', 'user'\)"):
                Folded(user=1, club="A").save()
            found = Folded.get(1)
            found.note = "x"
            found.save()
            folded.drop_unique(Folded, "user", "club")
            Folded(user=1, club="A").save()
            assert len(Folded.find()) == 2

    def test_a_newer_class_with_it_takes_over(self, place):
        database, member = clubs()
        with place.conn(database):
            member(user=1, club="A").save()
            member(user=2, club="b").save()
        folded = Database("shop")

        @folded.table(name="Member")
        class Folded(Table):
            user: int
            club: str | None
            note: str = ""
            once = UniqueTogether("club", "user")

            @field_validator("club")
            @classmethod
            def _fold(cls, club):
                return club and club.lower()

        with place.conn(folded):
            with pytest.raises(UniqueViolation, match="record 1 has"):
                Folded(user=1, club="a").save()
            Folded(user=2, club="a").save()

    def test_records_that_share_values_are_named(self, place):
        before = Database("shop")

        @before.table(name="Member")
        class Old(Table):
            user: int
            club: str | None
            note: str = ""

        with place.conn(before):
            Old.save_many([Old(user=1, club="a"), Old(user=1, club="a"), Old(user=2, club="a")])
        database, member = clubs()
        with place.conn(database):
            with pytest.raises(DuplicatesFound) as shared:
                member(user=3, club="a").save()
            assert shared.value.groups == [(1, 2)]
            assert "Member.club, user cannot be made unique" in str(shared.value)
            assert "take UniqueTogether() away" in str(shared.value)
            member.get(2).delete()
            member(user=3, club="a").save()
            with pytest.raises(UniqueViolation):
                member(user=1, club="a").save()

    def test_it_is_given_up_and_asked_for_again(self, place):
        database, member = clubs()
        with place.conn(database):
            member(user=1, club="a").save()
            with pytest.raises(TableError, match="no fields 'club', 'note' that are unique"):
                database.drop_unique(member, "club", "note")
            with pytest.raises(TableError, match="no unique field 'club'"):
                database.drop_unique(member, "club")
            database.drop_unique(member, "club", "user")
            with pytest.raises(UniqueViolation):
                member(user=1, club="a").save()


class TestClass:
    def test_a_derived_class_has_it(self, place):
        class Base(Table):
            a: int
            b: int
            once = UniqueTogether("a", "b")

        database = Database("shop")

        @database.table
        class Derived(Base):
            c: int = 0
            model_config = ConfigDict(str_strip_whitespace=True)

        with place.conn(database):
            Derived(a=1, b=2).save()
            with pytest.raises(UniqueViolation):
                Derived(a=1, b=2, c=3).save()

    def test_it_is_no_field(self):
        database, member = clubs()
        assert list(member.model_fields) == ["user", "club", "note"]
        assert "once" not in member.model_json_schema()["properties"]
        assert "once" not in member(user=1, club="a").model_dump()
        assert repr(member.once) == "UniqueTogether('user', 'club')"
        assert "once" not in str(database)

    def test_sql_does_not_show_it(self, place):
        database, member = clubs()
        with place.conn(database):
            member(user=1, club="a").save()
            assert list(database.sql("SELECT * FROM Member")[0].keys()) == [
                *("pk", "version", "user", "club", "note"),
            ]

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ((), "takes the names of the fields"),
            (("a",), r"has one field: write `a: Annotated\[..., discobase.Unique\(\)\]`"),
            (("a", "a"), "names a field twice"),
            (("a", 7), "give the names of fields, as texts"),
        ],
    )
    def test_what_it_takes(self, fields, message):
        with pytest.raises(TableError, match=message):
            UniqueTogether(*fields)

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            (("user", "clbu"), r"no field 'clbu': did you mean 'club'\?"),
            (
                ("user", "tags"),
                r"tags cannot be UniqueTogether\(\): values of its type have no key",
            ),
        ],
    )
    def test_fields_that_cannot_be(self, fields, message):
        class Member(Table):
            user: int
            club: str = ""
            tags: list[str] = Field(default_factory=list)
            once = UniqueTogether(*fields)

        with pytest.raises(TableError, match=message):
            Database("shop").table(Member)

    def test_it_is_no_annotation(self):
        mark = UniqueTogether("user", "club")

        class Member(Table):
            user: Annotated[int, mark]
            club: str = ""

        with pytest.raises(TableError, match="no annotation of one field"):
            Database("shop").table(Member)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            mark.__del__()  # it has been told already

    def test_a_statement_without_a_name_is_warned_of(self):
        def define() -> None:
            class Member(Table):
                user: int
                club: str = ""
                UniqueTogether("user", "club")

            assert Member.model_fields
            gc.collect()

        with pytest.warns(UserWarning, match="has been no class's attribute: write `once ="):
            define()

    def test_the_ways_of_other_libraries_are_refused(self):
        class UniqueConstraint:
            """As SQLAlchemy's."""

        class Django(Table):
            user: int
            club: str = ""

            class Meta:
                unique_together = ("user", "club")

        class SqlAlchemy(Table):
            user: int
            club: str = ""
            __table_args__ = (UniqueConstraint(),)

        class Derived(Django):
            pass

        for wrong in (Django, SqlAlchemy, Derived):
            with pytest.raises(TableError, match=r"means nothing here: .* `once = UniqueTogether"):
                Database("shop").table(wrong)

    def test_another_meta_is_nothing_to_it(self):
        class Member(Table):
            user: int
            __table_args__ = ("user",)

            class Meta:
                ordering = ("user",)

        assert Database("shop").table(Member) is Member
