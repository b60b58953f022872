"""Finding by expressions: what a query finds is what its expressions hold of."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, PrivateAttr, ValidationError

from discobase import (
    Database,
    Index,
    Query,
    Table,
    between,
    contains,
    in_,
    is_none,
    not_,
)
from discobase.errors import RecordOutdated, UnknownField, WrongExpression, WrongOperand
from discobase.local import LocalDiscord


class Size(IntEnum):
    SMALL = 1
    LARGE = 2


class Mood(StrEnum):
    CALM = "calm"
    ROUGH = "rough"


class Address(BaseModel):
    city: str
    zip: int | None = None
    _trace: object = PrivateAttr(default_factory=object)


class Person(Table):
    name: Annotated[str, Index()]
    age: Annotated[int, Index(), Field(ge=0, le=120)] = 0
    big: int = 0
    nick: Annotated[str | None, Index()] = None
    score: float = 0.0
    price: Annotated[Decimal, Index()] = Decimal(0)
    born: date | None = None
    seen: Annotated[datetime | None, Index()] = None
    lasts: timedelta = timedelta(0)
    size: Annotated[Size, Index()] = Size.SMALL
    mood: Mood = Mood.CALM
    active: bool = True
    tags: list[str] = []  # noqa: RUF012 - fields
    prices: dict[str, Decimal] = {}  # noqa: RUF012
    address: Address | None = None


class Other(Table):
    age: int = 0


NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ADA = Person(
    name="Ada",
    age=36,
    nick="",
    price=Decimal("1.10"),
    tags=["a", "b"],
    prices={"EUR": Decimal(2)},
    address=Address(city="Rome"),
    seen=NOON,
)
BOB = Person(name="Bob", age=16, nick="b", active=False, size=Size.LARGE, mood=Mood.ROUGH)
EVE = Person(name="Eve", age=90, big=2**80, score=float("nan"), address=Address(city="Oslo", zip=3))


@pytest.fixture(scope="module")
def database():
    database = Database("shop")
    with LocalDiscord() as discord:
        discord.join("shop")
        with database.conn(discord.default_token, api_url=discord.api_url):
            yield database


@pytest.fixture(scope="module")
def people(database):
    person = database.table(type("Person", (Person,), {"__module__": __name__}))
    person.save_many(person(**each.__dict__) for each in (ADA, BOB, EVE))
    return person


def names(found: Query[Any]) -> list[str]:
    return [record.name for record in found]


class TestFind:
    @pytest.mark.parametrize(
        ("ask", "expected"),
        [
            (lambda its: [its.age > 30], ["Ada", "Eve"]),
            (lambda its: [its.age > 300], []),
            (lambda its: [its.age > 30, its.name != "Eve"], ["Ada"]),
            (lambda its: [(its.age < 20) | (its.nick == "")], ["Ada", "Bob"]),
            (lambda its: [~(its.age < 20)], ["Ada", "Eve"]),
            (lambda its: [not_(its.active)], ["Bob"]),
            (lambda its: [its.active], ["Ada", "Eve"]),
            (lambda its: [its.nick > ""], ["Bob"]),
            (lambda its: [its.nick != "b"], ["Ada", "Eve"]),
            (lambda its: [is_none(its.nick)], ["Eve"]),
            (lambda its: [in_(its.name, ["Ada", "Bob", "Zoe"])], ["Ada", "Bob"]),
            (lambda its: [between(its.price, "1.1", 2)], ["Ada"]),
            (lambda its: [contains(its.tags, "b")], ["Ada"]),
            (lambda its: [its.tags[1] == "b"], ["Ada"]),
            (lambda its: [its.prices["EUR"] >= 2], ["Ada"]),
            (lambda its: [its.prices["EUR"] != 2], ["Bob", "Eve"]),
            (lambda its: [its.address.city == "Rome"], ["Ada"]),
            (lambda its: [its.address.zip.is_none()], ["Ada"]),
            (lambda its: [its.address == Address(city="Rome")], ["Ada"]),
            (lambda its: [its.name.icontains("E")], ["Eve"]),
            (lambda its: [its.name.matches("^.[bd]")], ["Ada"]),
            (lambda its: [its.seen <= NOON.astimezone(timezone(timedelta(hours=5)))], ["Ada"]),
            (lambda its: [its.big >= 2**80], ["Eve"]),
            (lambda its: [its.score < 1], ["Ada", "Bob"]),
            (lambda its: [its.size > Size.SMALL, its.mood > "calm"], ["Bob"]),
            (lambda its: [its.pk > 1], ["Bob", "Eve"]),
            (lambda its: [its.pk.in_([1, "3"])], ["Ada", "Eve"]),
            (lambda its: [its.version >= 0, its.pk < 3], ["Ada", "Bob"]),
        ],
    )
    def test_it_finds_what_the_expressions_hold_of(self, people, ask, expected):
        assert names(people.find(*ask(people))) == expected

    def test_keywords_and_expressions_are_asked_together(self, people):
        assert names(people.find(people.age > 30, name="Eve")) == ["Eve"]
        assert names(people.find(name="Eve").find(people.age < 30)) == []
        assert names(people.find(people.age > 30).find(active=True, nick="")) == ["Ada"]

    def test_a_keyword_is_the_same_as_an_equality(self, people):
        for name, value in [("nick", None), ("price", "1.1"), ("address", {"city": "Rome"})]:
            keyword = people.find(**{name: value})
            assert names(keyword) == names(people.find(getattr(people, name) == value))
            assert names(keyword)

    def test_expressions_of_the_class_that_it_is_derived_from_are_taken(self, people):
        assert names(people.find(Person.age > 30)) == ["Ada", "Eve"]

    def test_the_query_says_what_it_asks(self, people):
        found = people.find((people.age > 30) | ~people.active, name="Eve")
        assert repr(found) == (
            "<Person.find((Person.age > 30) | ~(Person.active == True), name='Eve')>"
        )

    def test_counting_existence_and_the_first(self, people):
        assert people.find(people.age > 30).count() == 2
        assert people.find(people.age > 30).exists()
        assert not people.find(people.age > 99).exists()
        assert people.find(people.age < 90, people.age > 16).one().name == "Ada"


class TestRefusals:
    @pytest.mark.parametrize("value", [True, False, None, "name", {"age": 3}])
    def test_what_is_no_expression(self, people, value):
        with pytest.raises(WrongExpression, match="an expression is expected"):
            people.find(value)
        with pytest.raises(TypeError):
            people.find().find(value)

    def test_a_comparison_of_an_object_where_the_class_was_meant(self, people):
        ada = people.find().first()
        with pytest.raises(TypeError, match="and not an object's"):
            people.find(ada.age > 30)

    def test_is_none_by_the_python_operator(self, people):
        with pytest.raises(TypeError, match="is_none"):
            people.find(people.nick is None)

    def test_a_field_that_is_no_expression(self, people):
        with pytest.raises(TypeError, match="is a field: compare it"):
            people.find(people.name)

    def test_one_of_another_table(self, people):
        with pytest.raises(WrongExpression, match="use Person's own attributes"):
            people.find(Other.age > 30)

    def test_a_computed_value(self, people):
        with pytest.raises(TypeError, match="an expression is expected"):
            people.find(people.age + 1)

    @pytest.mark.parametrize("value", [Person.age, Person.age + 1, Person.age > 3])
    def test_a_field_for_the_value_of_a_keyword(self, people, value):
        for ask in (people.find, people.find().exclude, people.find_unique):
            with pytest.raises(WrongExpression, match="field, which is compared with"):
                ask(age=value)

    @pytest.mark.parametrize(
        "ask",
        [
            lambda people: people.find(address__city="Rome"),
            lambda people: people.find().order_by("address.city"),
            lambda people: people.find().order_by("-address__city"),
            lambda people: people.find().values("address.city"),
        ],
    )
    def test_a_place_within_a_field_as_others_write_it(self, people, ask):
        with pytest.raises(UnknownField, match=r"is written Person\.address\.city\."):
            ask(people)

    def test_what_leads_to_no_place_has_its_nearest(self, people):
        with pytest.raises(UnknownField, match="did you mean 'age'"):
            people.find(age_gt=3)
        with pytest.raises(UnknownField, match="did you mean 'age'"):
            people.find().order_by("age__gt")

    @pytest.mark.parametrize(
        ("given", "written"),
        [
            ({"age__gt": 3}, "Person.age > 3"),
            ({"age__gte": 3}, "Person.age >= 3"),
            ({"age__lt": 3}, "Person.age < 3"),
            ({"age__lte": 3}, "Person.age <= 3"),
            ({"age__ne": 3}, "Person.age != 3"),
            ({"age__exact": 3}, "Person.age == 3"),
            ({"age__in": [1, 2]}, "Person.age.in_([1, 2])"),
            ({"age__range": (1, 2)}, "Person.age.between(*(1, 2))"),
            ({"age__isnull": True}, "Person.age.is_none()"),
            ({"age__isnull": False}, "Person.age.is_not_none()"),
            ({"name__contains": "a"}, "Person.name.contains('a')"),
            ({"name__icontains": "a"}, "Person.name.icontains('a')"),
            ({"name__startswith": "a"}, "Person.name.startswith('a')"),
            ({"name__endswith": "a"}, "Person.name.endswith('a')"),
            ({"name__iexact": "a"}, "Person.name.iequals('a')"),
            ({"name__regex": "^a"}, "Person.name.matches('^a')"),
            ({"address__city__startswith": "R"}, "Person.address.city.startswith('R')"),
            ({"pk__in": [1]}, "Person.pk.in_([1])"),
            ({"version__gt": 1}, "Person.version > 1"),
        ],
    )
    def test_an_operator_as_others_write_it(self, people, given, written):
        for ask in (people.find, people.find().exclude, people.find_unique):
            with pytest.raises(UnknownField) as raised:
                ask(**given)
            assert str(raised.value).endswith(f": write {written}.")
            eval(written, {"Person": people})

    def test_the_primary_key_by_another_name(self, people):
        for ask in (lambda: people.id, lambda: people.find(id=1), lambda: people.find().min("id")):
            with pytest.raises(UnknownField, match="did you mean 'pk'"):
                ask()

    @pytest.mark.parametrize(
        ("name", "hint"),
        [
            ("all", "go through it"),
            ("filter", r"find\(\.\.\.\) narrows"),
            ("where", r"find\(\.\.\.\) narrows"),
            ("get", "get_or_none"),
            ("search", "begins with search"),
            ("reverse", "reversed"),
        ],
    )
    def test_a_method_of_queries_of_other_libraries(self, people, name, hint):
        with pytest.raises(AttributeError, match=hint):
            getattr(people.find(age=3), name)

    def test_an_attribute_that_a_query_does_not_have(self, people):
        assert not hasattr(people.find(), "frist")

    def test_a_value_that_the_field_does_not_take_raises_by_keyword_what_pydantic_raises(
        self, people
    ):
        with pytest.raises(ValidationError):
            people.find(tags="red")
        with pytest.raises(WrongOperand):
            _ = people.tags == "red"

    def test_a_keyword_that_is_no_field(self, people):
        with pytest.raises(UnknownField, match="did you mean 'age'"):
            people.find(people.age > 3, agee=4)


class TestOutdated:
    def test_each_expression_is_held_against_its_field_alone(self, place):
        before = Database("shop")

        @before.table(name="Singer")
        class Singer(Table):
            name: str
            age: int

        with place.conn(before):
            Singer(name="Ada", age=200).save()
            Singer(name="Bob", age=30).save()
        after = Database("shop")

        @after.table(name="Singer")
        class Now(Table):
            name: str
            age: Annotated[int, Field(le=120)]

        with place.conn(after):
            assert Now.find(Now.name.startswith("B")).one().age == 30
            assert Now.find(Now.name == "Ada", Now.pk == 1).count() == 1
            assert Now.find(Now.age > 100).count() == 0
            assert Now.find(Now.age != 30).count() == 1
            with pytest.raises(RecordOutdated):
                Now.find(Now.name == "Ada").one()
            assert Now.find(Now.name == "Ada").skip_outdated().count() == 0


# Against the same expressions, asked of the records in a list.

OPERANDS: dict[str, st.SearchStrategy[Any]] = {
    "name": st.sampled_from(["", "Ada", "Bob", "ada", "Z", "é"]),
    "age": st.sampled_from([0, 16, 36, 90, 120]),
    "big": st.sampled_from([0, 1, -(2**70), 2**80, 2**80 + 1]),
    "nick": st.sampled_from(["", "b", "null", None]),
    "score": st.sampled_from([0.0, -0.0, 0.1, float("nan"), float("inf"), -1e300]),
    "price": st.sampled_from([Decimal(0), Decimal("1.1"), Decimal("1.10"), Decimal("1e-9")]),
    "born": st.sampled_from([None, date(1999, 12, 31), date(2000, 1, 1)]),
    "seen": st.sampled_from([None, NOON, NOON.astimezone(timezone(timedelta(hours=-9)))]),
    "lasts": st.sampled_from([timedelta(0), timedelta(-1), timedelta(microseconds=1)]),
    "size": st.sampled_from(Size),
    "mood": st.sampled_from(Mood),
    "active": st.booleans(),
}
ORDERS = ("__lt__", "__le__", "__gt__", "__ge__")
TEXTS = ("contains", "startswith", "endswith", "icontains", "iequals", "matches")


@st.composite
def comparisons(draw):
    """What makes an expression of a class."""
    name = draw(st.sampled_from(sorted(OPERANDS)))
    operator = draw(
        st.sampled_from(["__eq__", "__ne__", "in_", "not_in", "is_none", "between", *ORDERS])
    )
    operand = draw(OPERANDS[name])
    if operator in ("in_", "not_in"):
        several = draw(st.lists(OPERANDS[name], max_size=3))
        return lambda model: getattr(getattr(model, name), operator)(several)
    if operator == "is_none":
        return lambda model: getattr(model, name).is_none()
    if operand is None and operator not in ("__eq__", "__ne__"):
        return lambda model: getattr(model, name).is_not_none()
    if operator == "between":
        return lambda model: getattr(model, name).between(operand, operand)
    return lambda model: getattr(getattr(model, name), operator)(operand)


TEXT = st.builds(
    lambda name, operator, part: lambda model: getattr(getattr(model, name), operator)(part),
    st.sampled_from(["name", "nick", "mood"]),
    st.sampled_from(TEXTS),
    st.sampled_from(["", "a", "A", "b", "null", "calm"]),
)
DEEPER = st.sampled_from(
    [
        lambda model: model.address.city == "Rome",
        lambda model: model.address.zip > 2,
        lambda model: model.address.zip != 3,
        lambda model: model.tags[0] >= "a",
        lambda model: model.tags.contains("b"),
        lambda model: model.prices["EUR"] < 3,
        lambda model: model.pk > 2,
        lambda model: model.version.in_([0, 1, 2, 3]),
    ]
)


def combined(parts):
    return (
        st.builds(lambda one, other: lambda model: one(model) & other(model), parts, parts)
        | st.builds(lambda one, other: lambda model: one(model) | other(model), parts, parts)
        | parts.map(lambda one: lambda model: ~one(model))
    )


EXPRESSIONS = st.recursive(comparisons() | TEXT | DEEPER, combined, max_leaves=6)


@pytest.fixture(scope="module")
def many(database):
    """Records of a table of their own with the values that operands have."""
    model = database.table(name="many")(type("Many", (Person,), {"__module__": __name__}))
    made: list[Person] = []

    @given(st.fixed_dictionaries(OPERANDS))
    def make(values: dict[str, Any]) -> None:
        made.append(model(**values, tags=["b"], address=Address(city="Rome", zip=len(made) % 5)))

    make()
    model.save_many(made)
    return model, list(model.find())


@given(EXPRESSIONS, st.data())
def test_a_query_finds_exactly_what_its_expression_holds_of(many, make, data):
    model, records = many
    expression = make(model)
    expected = [record.pk for record in records if expression.holds(record)]
    assert [record.pk for record in model.find(expression)] == expected
    assert model.find(expression).count() == len(expected)
    name = data.draw(st.sampled_from(sorted(OPERANDS)))
    value = data.draw(OPERANDS[name])
    equal = getattr(model, name) == value
    both = [record.pk for record in records if expression.holds(record) and equal.holds(record)]
    assert [record.pk for record in model.find(expression, **{name: value})] == both
