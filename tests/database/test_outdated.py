"""One record that no longer fits its table's class is in nobody's way: named, listed, gone."""

from __future__ import annotations

import json
from decimal import Decimal
from types import SimpleNamespace
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    BaseModel,
    Field,
    SecretStr,
    TypeAdapter,
    ValidationError,
    create_model,
    field_validator,
    model_validator,
)

from discobase import Database, Index, OutdatedRecord, Query, Table
from discobase.binding import Binding
from discobase.errors import (
    NotConnected,
    RecordNotFound,
    RecordOutdated,
    SeveralRecords,
)
from tests.database.shop import soon

WORD = "retnuh"[::-1]  # not as it is, for tracebacks quote source lines


class Older(Table):
    name: str
    age: Any = None
    pin: Any = None


class Newer(Table):
    name: str
    age: int
    pin: SecretStr | None = None


@pytest.fixture
def people(place):
    """A class of today, and what was stored yesterday. Records 2 and 4 do not fit it any more."""
    old, new = Database("shop"), Database("shop")
    older = old.table(type("Older", (Older,), {"__module__": __name__}), name="user")
    newer = new.table(type("User", (Newer,), {"__module__": __name__}), name="user")
    with place.conn(old):
        older.save_many(
            [
                older(name="ada", age=36),
                older(name="bob", age="old"),
                older(name="eve", age=36),
                older(name="max", age=36, pin=[WORD]),
                older(name="zoe", age=7),
            ]
        )
    with place.conn(new):
        yield newer


def reached(query: Query[Any]) -> list[int | str]:
    """The primary keys of what is found, and what is said of those that raise."""
    found, records = [], iter(query)
    while True:
        try:
            found.append(next(records).pk)
        except RecordOutdated as error:
            found.append(f"{error.pk}: {', '.join(error.reasons)}")
        except StopIteration:
            return found


class TestSearches:
    def test_a_search_for_others_does_not_meet_them(self, people):
        assert [user.pk for user in people.find(name="ada")] == [1]
        assert [user.pk for user in people.find(age=7)] == [5]
        assert people.find_unique(name="zoe").age == 7
        assert people.get(3).name == "eve"
        assert [user.pk for user in people.find(pk=1)] == [1]
        assert not people.find(pk=6)

    def test_one_that_is_found_raises_when_it_is_reached_and_is_counted_before(self, people):
        for found in (people.find(age=36), people.find(age=36).find(), people.find(age="36")):
            assert reached(found) == [1, 3, "4: pin"]
            assert (len(found), found.count(), found.exists(), bool(found)) == (3, 3, True, True)
            assert found.occurrences(found[0]) == 1
            assert (found[0].pk, found[1].pk, [user.pk for user in found[:2]]) == (1, 3, [1, 3])
            assert found.first().pk == 1
            for use in (
                lambda found=found: found[2],
                lambda found=found: found[-1],
                lambda found=found: list(found[1:]),
                lambda found=found: list(found),
                lambda found=found: found.index(None),
            ):
                with pytest.raises(RecordOutdated, match=r"record 4 of 'user'.*pin"):
                    use()
            with pytest.raises(SeveralRecords, match="pk 1 and 3"):
                found.one()
        assert len(people.find()) == 5
        assert reached(people.find()) == [1, "2: age", 3, "4: pin", 5]

    def test_the_first_and_the_only_one(self, people):
        found = people.find(name="bob")
        assert (len(found), bool(found)) == (1, True)
        for use in (
            found.first,
            found.one,
            lambda: found[0],
            lambda: people.find_unique(name="bob"),
            lambda: people.find_unique(strict=False, name="bob"),
            lambda: people.get(2),
            lambda: people.get(2, strict=False),
            lambda: people.find(pk=2)[0],
        ):
            with pytest.raises(
                RecordOutdated, match=r"record 2 of 'user'.*age: Input should be a valid integer"
            ) as caught:
                use()
            assert (caught.value.table, caught.value.pk) == ("user", 2)
        assert people.find_unique(name="bob", pk=1, strict=False) is None
        assert not people.find(name="bob", age=36)

    def test_they_are_shown_and_nothing_secret_of_them(self, people):
        found = people.find()
        assert repr(found) == "<User.find()>"
        assert len(list(found.find(name="ada"))) == len(found.find(name="max")) == 1
        assert found.exists()
        assert found[0].pk == found[0].pk == 1
        assert found[2].name == "eve"
        shown = repr(found)
        assert (
            "User(pk=1, name='ada', age=36, pin=None), OutdatedRecord(table='user', pk=2" in shown
        )
        assert WORD not in shown

    def test_skip_outdated_leaves_them_out(self, people):
        whole = people.find()
        kept = whole.skip_outdated()
        assert [user.pk for user in kept] == [1, 3, 5]
        assert (len(kept), kept.count(), len(whole)) == (3, 3, 5)
        assert [user.pk for user in kept.find(age=36)] == [1, 3]
        assert [user.pk for user in people.find(age=36).skip_outdated()] == [1, 3]
        assert [user.pk for user in people.find(age=36).skip_outdated().skip_outdated()] == [1, 3]
        assert people.find(name="bob").skip_outdated().first() is None
        assert not people.find(pk=2).skip_outdated()
        assert repr(people.find(age=7).skip_outdated()) == "<User.find(age=7).skip_outdated()>"
        with pytest.raises(RecordNotFound, match=r"find\(name='bob'\)\.skip_outdated\(\) finds no"):
            people.find(name="bob").skip_outdated().one()

    def test_the_verdict_does_not_depend_on_an_index(self, place, people):
        def verdicts(kind: type[Table]) -> list[list[int | str]]:
            wanted: list[dict[str, Any]] = [
                {},
                *({"name": name} for name in ("ada", "bob", "max", "nobody")),
                *({"age": age} for age in (36, 7, 1)),
                {"age": 36, "name": "max"},
                {"pin": None},
            ]
            return [reached(kind.find(**equal)) for equal in wanted]

        first = verdicts(people)
        people.get(1).save()  # the log knows the class from here on
        assert verdicts(people) == first
        replica = people._binding.source.replica()
        assert soon(
            lambda: {"name", "age"} <= {name for name, _ in replica.layouts["user"].columns}
        )
        assert verdicts(people) == first
        indexed = Database("shop")

        class User(Newer):
            name: Annotated[str, Index()]
            age: Annotated[int, Index()]

        indexed.table(User, name="user")
        with place.conn(indexed):
            assert verdicts(User) == first
            User.get(1).save()
            assert verdicts(User) == first

    def test_a_missing_field_has_its_default_and_one_without_any_fits_nothing(self, place):
        old, new = Database("shop"), Database("shop")
        older = old.table(type("Older", (Older,), {"__module__": __name__}), name="user")

        @new.table(name="user")
        class User(Table):
            name: str
            mail: str
            team: str = "red"
            rank: Annotated[str, Field(default_factory=lambda: "low")]
            born: Annotated[int, Field(validate_default=True)] = "1815"  # type: ignore[assignment]
            slug: str = Field(default_factory=lambda data: data["name"])

        with place.conn(old):
            older(name="ada").save()
        with place.conn(new):
            for _ in ("without a key column", "with one"):
                for equal in ({"name": "ada"}, {"team": "red", "rank": "low", "born": 1815}):
                    (found,) = reached(User.find(**equal))
                    assert found.startswith("1: mail")  # and slug, to later versions of pydantic
                assert not User.find(mail="a@x")
                assert not User.find(team="blue")
                assert not User.find(slug="ada")
                User(name="x", mail="m", team="green").save().delete()


class Meant(Exception):
    """What a validator of the user raises."""


class TestReasons:
    @pytest.mark.parametrize("raised", [AttributeError, KeyError, Meant, RecursionError])
    def test_a_validator_that_stumbles_over_what_was_stored_is_named(self, place, raised):
        old, new = Database("shop"), Database("shop")
        older = old.table(type("Older", (Older,), {"__module__": __name__}), name="user")

        @new.table(name="user")
        class User(Table):
            name: str

            @model_validator(mode="before")
            @classmethod
            def check(cls, values: Any) -> Any:
                if values["name"] == WORD:
                    raise raised(WORD)
                return values

        with place.conn(old):
            older(name=WORD).save()
            older(name="ada").save()
        with place.conn(new):
            assert User.find(name="ada").one().pk == 2
            assert [user.pk for user in User.find().skip_outdated()] == [2]
            with pytest.raises(RecordOutdated) as caught:
                list(User.find())
            (reason,) = caught.value.reasons.items()
            assert reason[0] == "the record"
            assert reason[1].startswith(f"{raised.__name__} in check() (test_outdated.py, line ")
            assert WORD not in str(caught.value)

    def test_an_error_of_the_database_itself_is_no_reason(self, place):
        database, other = Database("shop"), Database("other")

        @other.table
        class Elsewhere(Table):
            name: str

        @database.table
        class User(Table):
            name: str

            @field_validator("name")
            @classmethod
            def check(cls, name: str) -> str:
                if name == "look":
                    Elsewhere.find().exists()
                return name

        with place.conn(database):
            user = User(name="ada").save()
            older = Database("shop")
            older.table(type("Older", (Older,), {"__module__": __name__}), name="User")
            with place.conn(older):
                changed = older.tables["User"].get(1)
                changed.name = "look"  # type: ignore[attr-defined]
                changed.save()
            database.refresh()
            with pytest.raises(NotConnected):
                user.refresh()

    def test_no_reason_quotes_what_is_kept_out_of_a_repr(self, place):
        old, new = Database("shop"), Database("shop")
        older = old.table(type("Older", (Older,), {"__module__": __name__}), name="user")

        class Pin(BaseModel):
            digits: dict[str, int]

        @new.table(name="user")
        class User(Table):
            pin: Pin = Field(repr=False)
            age: int

            @field_validator("age", mode="before")
            @classmethod
            def say(cls, value: Any) -> Any:
                raise ValueError("no age at all")

        with place.conn(old):
            older(name="ada", pin={"digits": {WORD: WORD}}).save()
        with place.conn(new):
            (found,) = User.outdated()
            assert found.reasons == {
                "pin": "its value does not fit",
                "age": "Value error, no age at all",
            }
            assert found.reason == "pin: its value does not fit; age: Value error, no age at all"
            assert WORD not in repr(found)
            assert WORD not in str(found.error())


class TestMending:
    def test_outdated_lists_them(self, people):
        found = people.outdated()
        assert [(each.pk, each.version, list(each.reasons)) for each in found] == [
            (2, 1, ["age"]),
            (4, 1, ["pin"]),
        ]
        assert found[0].reason == (
            "age: Input should be a valid integer, unable to parse string as an integer"
        )
        assert found[1].raw == {"name": "max", "age": 36, "pin": [WORD]}
        assert isinstance(found[1], OutdatedRecord)
        assert WORD not in repr(found)

    def test_raw_gives_what_is_stored(self, people):
        assert people.raw(2) == {"name": "bob", "age": "old", "pin": None}
        assert people.raw("1")["age"] == 36
        with pytest.raises(RecordNotFound, match="'user' has no record 9"):
            people.raw(9)
        with pytest.raises(ValidationError, match="for User"):
            people.raw("x")

    def test_discard_deletes_without_loading(self, place, people):
        place.forget_calls()
        people.discard(2)
        assert place.calls == 1
        assert [each.pk for each in people.outdated()] == [4]
        people.discard("4")
        people.discard(5)
        assert [user.pk for user in people.find()] == [1, 3]
        place.forget_calls()
        for gone in (2, 99, -1, 2**70):
            with pytest.raises(RecordNotFound):
                people.discard(gone)
        assert place.sends == 0
        with pytest.raises(ValidationError, match="for User"):
            people.discard("x")

    def test_a_class_with_what_is_to_be_mended_alone_keeps_the_rest(self, place, people):
        mending = Database("shop")

        @mending.table(name="user")
        class Age(Table):
            age: int | str

        with place.conn(mending):
            for user in Age.find():
                if isinstance(user.age, str):
                    user.age = 80
                    user.update(if_unchanged=True)
        people._binding.source.refresh()
        assert [each.pk for each in people.outdated()] == [4]
        assert (people.get(2).name, people.get(2).age) == ("bob", 80)


ANNOTATIONS: list[Any] = [
    int,
    str,
    bool | None,
    Decimal,
    list[int],
    Annotated[int, Field(ge=0)],
    SecretStr,
]
STORED = st.sampled_from([0, 1, -1, 1.5, "1", "01", "x", True, None, [1], ["1"], [], {"a": 1}])
MISSING = object()


class Stub:
    """A source that has these rows, and no index."""

    name, timeout, capacity = "shop", None, 1000

    def __init__(self, rows: list[tuple[int, int, str]]) -> None:
        self._rows = rows

    def replica(self) -> Any:
        return SimpleNamespace(
            layouts={}, fold=self._fold, cells=lambda *_: [(len(self._rows),) * 2]
        )

    def _fold(self, selection: Any, arguments: Any, fold: Any) -> Any:
        # SQL knows no key, so it decides nothing, or asks for all.
        decided = {"(0)": 0, "(1)": 1}[selection.flag]
        return fold([(*row, decided) for row in self._rows])

    def want_texts(self, wanted: object) -> None:
        """It has no index."""

    def want_index(self, wanted: object) -> None:
        """There will be none."""

    def freshen(self, *, fresh: bool) -> None:
        """Nothing is ever old."""


def by_itself(annotation: Any, default: Any, stored: dict[str, Any], name: str) -> Any:
    if name not in stored:
        return default
    try:
        return TypeAdapter(annotation).validate_json(json.dumps(stored[name]))
    except ValidationError:
        return MISSING


@given(data=st.data())
def test_each_condition_is_held_against_its_field_alone(data: st.DataObject) -> None:
    annotations = {name: data.draw(st.sampled_from(ANNOTATIONS)) for name in "ab"}
    defaults = {name: data.draw(st.sampled_from([MISSING, None, 1, "x"])) for name in "ab"}
    fields: dict[str, Any] = {
        name: (kind, ... if defaults[name] is MISSING else defaults[name])
        for name, kind in annotations.items()
    }
    model = create_model("Row", __base__=Table, **fields)
    stored = data.draw(st.lists(st.dictionaries(st.sampled_from("abc"), STORED), max_size=6))
    rows = [(pk, 1, json.dumps(each)) for pk, each in enumerate(stored, 1)]
    binding: Binding[Any] = Binding(Stub(rows), "row", model)  # type: ignore[arg-type]
    wanted = {}
    for name in sorted(data.draw(st.sets(st.sampled_from("ab")))):
        wanted[name] = data.draw(STORED)
    try:
        query: Query[Any] = Query(binding, wanted)
    except ValidationError:
        return
    values = {each.path.name: each.operand for each in query._plan.conditions}

    def fits(each: dict[str, Any]) -> bool:
        held = {name: by_itself(annotations[name], defaults[name], each, name) for name in values}
        return all(held[name] is not MISSING and held[name] == values[name] for name in values)

    expected = [pk for pk, each in enumerate(stored, 1) if fits(each)]
    found = reached(query)
    assert [
        each if isinstance(each, int) else int(each.split(":")[0]) for each in found
    ] == expected
    kept = query.skip_outdated()
    assert [record.pk for record in kept] == [each for each in found if isinstance(each, int)]
    assert (len(query), len(kept)) == (len(found), len(list(kept)))
    assert (bool(query), bool(kept)) == (bool(found), bool(list(kept)))
    repr(query)
