"""What expressions mean, which operands they take, and what they say of those they do not take."""

from __future__ import annotations

import math
import operator as python
import pickle
import re
from collections import deque
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from functools import reduce
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, NotRequired
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    Field,
    FutureDate,
    PositiveInt,
    PrivateAttr,
    RootModel,
    SecretStr,
    StringConstraints,
)
from typing_extensions import TypedDict

from discobase import (
    Table,
    asc,
    between,
    col,
    contains,
    desc,
    endswith,
    icontains,
    iequals,
    in_,
    is_none,
    is_not_none,
    matches,
    not_,
    not_in,
    startswith,
)
from discobase.errors import UnknownAttribute, UnknownField, WrongExpression, WrongOperand
from discobase.records.expressions.given import conditions, orderings, place_of
from discobase.records.expressions.nodes import Comparison, Expression
from discobase.records.sameness import MISSING


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Size(IntEnum):
    SMALL = 1
    LARGE = 2


class Mood(StrEnum):
    CALM = "calm"
    ROUGH = "rough"


class Country(BaseModel):
    code: str
    _trace: object = PrivateAttr(default_factory=object)


class Address(BaseModel):
    city: Annotated[str, StringConstraints(max_length=8)]
    country: Country | None = None
    contains: int = 0


class Company(BaseModel):
    city: str
    staff: int = 1


@dataclass
class Point:
    x: int
    y: int = 0


class Sizes(TypedDict, total=False):
    width: int
    name: str
    depth: NotRequired[int]


class Pair(NamedTuple):
    one: int
    other: str


class Odd(BaseModel):
    real: int


class Words(RootModel[list[str]]):
    pass


def lowered(text: Any) -> Any:
    return text.lower() if isinstance(text, str) else text


class User(Table):
    name: str = "Ada"
    age: Annotated[int, Field(ge=0, le=120)] = 36
    few: PositiveInt = 1
    nick: str | None = None
    score: float = 0.0
    price: Decimal = Decimal(1)
    active: bool = True
    born: date = date(2000, 1, 1)
    seen: datetime | None = None
    aware: AwareDatetime | None = None
    due: FutureDate | None = None
    lasts: timedelta = timedelta(0)
    color: Color = Color.RED
    size: Size = Size.SMALL
    mood: Mood = Mood.CALM
    letter: Literal["a", "b"] = "a"
    lower: Annotated[str, BeforeValidator(lowered)] = "ada"
    clamped: Annotated[int, AfterValidator(lambda number: min(number, 20))] = 0
    key: UUID | None = None
    secret: SecretStr = SecretStr("x")
    blob: bytes = b""
    anything: Any = None
    mixed: int | str = 0
    address: Address | None = None
    home: Address | Company | None = None
    point: Point | None = None
    odd: Odd | int = 0
    sizes: Sizes = Sizes()
    pair: Pair | None = None
    words: Words = Words([])
    tags: list[str] = []  # noqa: RUF012 - fields
    numbers: set[int] = set()  # noqa: RUF012
    queue: deque[int] = deque()  # noqa: RUF012
    grid: tuple[int, str] = (1, "a")
    prices: dict[str, Decimal] = {}  # noqa: RUF012
    by_size: dict[Size, int] = {}  # noqa: RUF012
    addresses: list[Address] = []  # noqa: RUF012


class Other(Table):
    name: str = ""
    age: int = 0


NAN = math.nan
ROME = Address(city="Rome", country=Country(code="IT"))
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def said(expression: Expression, **values: Any) -> bool:
    """What an expression says of a record with these values."""
    return expression.holds(User(**values))


class TestMeaning:
    @pytest.mark.parametrize(
        ("expression", "values", "expected"),
        [
            (User.age == 36, {}, True),
            (User.age == "36", {}, True),
            (User.age != 36, {}, False),
            (User.age < 36, {}, False),
            (User.age <= 36, {}, True),
            (User.age > 36, {}, False),
            (User.age >= 36, {}, True),
            (python.lt(30, User.age), {}, True),
            (User.price == "1.0", {}, True),
            (User.price > 0.5, {}, True),
            (User.price == 1.1, {"price": "1.1"}, True),
            (User.aware == NOON, {"aware": "2026-01-01T13:00:00+01:00"}, True),
            (User.aware < "2026-01-01T14:00:01+02:00", {"aware": NOON}, True),
            (User.born.between("1999-12-31", date(2000, 1, 1)), {}, True),
            (User.age.between(37, 40), {}, False),
            (User.age.in_([1, "36"]), {}, True),
            (User.age.in_([]), {}, False),
            (User.age.not_in([]), {}, True),
            (User.age.not_in({36}), {}, False),
            (User.age.in_(number for number in (35, 36)), {}, True),
            (User.size > 1, {"size": 2}, True),
            (User.lasts > 60, {"lasts": timedelta(minutes=2)}, True),
            (User.name.contains("d"), {}, True),
            (User.name.contains(""), {}, True),
            (User.name.startswith("A"), {}, True),
            (User.name.startswith("a"), {}, False),
            (User.name.endswith("da"), {}, True),
            (User.name.icontains("AD"), {}, True),
            (User.name.iequals("STRASSE"), {"name": "straße"}, True),
            (User.name.iequals("strass"), {"name": "straße"}, False),
            (User.name.matches("^A.a$"), {}, True),
            (User.name.matches("D"), {}, False),
            (User.name.matches(re.compile("D", re.IGNORECASE)), {}, True),
            (User.mood.contains("al"), {}, True),
            (User.letter.startswith("a"), {}, True),
            (User.tags.contains("a"), {"tags": ["a", "b"]}, True),
            (User.tags.contains("ab"), {"tags": ["abc"]}, False),
            (User.numbers.contains("3"), {"numbers": {3}}, True),
            (User.queue.contains(3), {"queue": deque([3])}, True),
            (User.grid.contains("a"), {}, True),
            (User.prices.contains("EUR"), {"prices": {"EUR": 1}}, True),
            (User.by_size.contains(2), {"by_size": {2: 7}}, True),
            (User.addresses.contains({"city": "Rome"}), {"addresses": [{"city": "Rome"}]}, True),
            (User.anything.contains("a"), {"anything": "cat"}, True),
            (User.anything.contains("a"), {"anything": ["a"]}, True),
            (User.anything.contains("a"), {"anything": 5}, False),
            (User.lower == "ADA", {}, True),
            (User.secret == "x", {}, True),
            (User.blob > b"a", {"blob": b"b"}, True),
            (User.tags > ["a"], {"tags": ["a", "b"]}, True),
        ],
        ids=repr,
    )
    def test_a_value_that_is_there(self, expression, values, expected):
        assert said(expression, **values) is expected
        assert said(~expression, **values) is not expected
        assert said(not_(expression), **values) is not expected

    FITS_NONE: ClassVar = {
        "==": False,
        "!=": True,
        "<": False,
        "<=": False,
        ">": False,
        ">=": False,
        "in_": False,
        "not_in": True,
        "between": False,
        "is_none": True,
        "is_not_none": False,
        "contains": False,
        "startswith": False,
        "endswith": False,
        "icontains": False,
        "iequals": False,
        "matches": False,
    }
    FITS_MISSING = FITS_NONE | {"is_none": False}

    @staticmethod
    def each(field: Any) -> dict[str, Comparison]:
        made = [
            field == "a",
            field != "a",
            field < "a",
            field <= "a",
            field > "a",
            field >= "a",
            field.in_(["a"]),
            field.not_in(["a"]),
            field.between("", "z"),
            field.is_none(),
            field.is_not_none(),
            *(
                getattr(field, name)("a")
                for name in ("contains", "startswith", "endswith", "icontains", "iequals")
            ),
            field.matches("a"),
        ]
        return {each.operator.value: each for each in made}

    def test_none(self):
        comparisons = self.each(User.nick)
        assert {name: said(each) for name, each in comparisons.items()} == self.FITS_NONE

    @pytest.mark.parametrize("field", [User.address.city, User.tags[0], User.sizes["name"]])
    def test_what_is_not_there(self, field):
        comparisons = self.each(field)
        assert {name: said(each) for name, each in comparisons.items()} == self.FITS_MISSING
        assert {name: each.fits(MISSING) for name, each in comparisons.items()} == self.FITS_MISSING

    def test_the_opposite_is_the_opposite_of_all(self):
        for field in (User.nick, User.address.city):
            for comparison in self.each(field).values():
                assert said(~comparison) is not said(comparison)
                assert said(~~comparison) is said(comparison)

    def test_none_is_a_value_among_others(self):
        assert said(User.nick == None)  # noqa: E711
        assert not said(User.nick != None)  # noqa: E711
        assert said(User.nick != None, nick="a")  # noqa: E711
        assert said(User.nick.in_([None, "a"]))
        assert not said(User.address.city != "Rome", address=ROME)

    def test_nan_equals_nothing_and_is_nowhere_in_order(self):
        with_nan = {"score": NAN}
        assert not said(User.score == NAN, **with_nan)
        assert said(User.score != NAN, **with_nan)
        assert not said(User.score.in_([NAN, 1.0]), **with_nan)
        assert said(User.score.in_([NAN, 1.0]), score=1)
        assert said(User.score.not_in([NAN]), **with_nan)
        for compare in (python.lt, python.le, python.gt, python.ge):
            assert not said(compare(User.score, 1.0), **with_nan)
            assert not said(compare(User.score, NAN), score=1)
        assert not said(User.score.between(-math.inf, math.inf), **with_nan)

    def test_naive_and_aware_datetimes_are_in_no_order(self):
        naive = NOON.replace(tzinfo=None)
        assert not said(User.seen < NOON, seen=naive)
        assert not said(User.seen >= NOON, seen=naive)
        assert said(User.seen != NOON, seen=naive)

    def test_values_of_other_types_are_in_no_order(self):
        assert not said(User.mixed > "a", mixed=5)
        assert not said(User.mixed <= "a", mixed=5)
        assert said(User.mixed > "a", mixed="b")

    def test_an_enum_of_texts_is_in_order_with_any_text(self):
        assert said(User.mood > "quiet", mood="rough")
        assert not said(User.mood > "quiet", mood="calm")

    def test_models_are_compared_by_what_is_stored(self):
        assert said(User.address == {"city": "Rome", "country": {"code": "IT"}}, address=ROME)
        assert said(User.address.in_([ROME]), address=ROME.model_copy(deep=True))
        assert said(User.addresses.contains(ROME), addresses=[ROME.model_copy(deep=True)])

    def test_expressions_are_combined(self):
        young, rich = User.age < 30, User.price > 100
        assert said(young | rich, age=20)
        assert not said(young & rich, age=20)
        assert said(young & rich, age=20, price=200)
        assert said(~young & ~rich)
        assert said(~(young | rich))
        assert repr(young & rich & User.active) == (
            "(User.age < 30) & (User.price > Decimal('100')) & (User.active == True)"
        )
        assert repr(~(young | rich)) == "~((User.age < 30) | (User.price > Decimal('100')))"

    def test_a_field_of_booleans_is_an_expression(self):
        assert [said(each) for each in conditions(User, [User.active, ~User.active])] == [
            True,
            False,
        ]
        assert said(User.active & (User.age > 3))
        assert said((User.age > 99) | User.active)
        assert said(not_(User.active), active=False)

    def test_the_primary_key_and_the_version(self):
        assert not said(User.pk == 3)
        assert said(User.pk.is_none())
        assert said(User.version.is_none())


class TestPlaces:
    @pytest.mark.parametrize(
        ("expression", "values", "expected"),
        [
            (User.address.city == "Rome", {"address": ROME}, True),
            (User.address.country.code == "IT", {"address": ROME}, True),
            (User.address.country.code == "IT", {"address": {"city": "Rome"}}, False),
            (User.address["contains"] == 0, {"address": ROME}, True),
            (User.address["city"] == "Rome", {"address": ROME}, True),
            (User.home.city == "Rome", {"home": Company(city="Rome")}, True),
            (User.home.staff > 0, {"home": Company(city="Rome")}, True),
            (User.home.staff > 0, {"home": ROME}, False),
            (User.home.staff != 3, {"home": ROME}, True),
            (User.point.x == "3", {"point": Point(3)}, True),
            (User.sizes["width"] > 3, {"sizes": {"width": 4}}, True),
            (User.sizes["depth"] == "4", {"sizes": {"depth": 4}}, True),
            (User.sizes.contains("width"), {"sizes": {"depth": 4}}, False),
            (User.pair[1] == "a", {"pair": Pair(1, "a")}, True),
            (User.words.root[0] == "a", {"words": ["a"]}, True),
            (User.tags[0] == "a", {"tags": ["a", "b"]}, True),
            (User.tags[-1] == "b", {"tags": ["a", "b"]}, True),
            (User.tags[2] == "b", {"tags": ["a", "b"]}, False),
            (User.tags[-3] == "b", {"tags": ["a", "b"]}, False),
            (User.queue[0] >= 3, {"queue": [3]}, True),
            (User.grid[1] == "a", {}, True),
            (User.prices["EUR"] > "1.5", {"prices": {"EUR": 2}}, True),
            (User.prices["USD"] > "1.5", {"prices": {"EUR": 2}}, False),
            (User.by_size[2] == 7, {"by_size": {Size.LARGE: 7}}, True),
            (User.addresses[0].country.code == "IT", {"addresses": [ROME]}, True),
            (User.anything["a"][0] == 1, {"anything": {"a": [1]}}, True),
            (User.anything["a"][0] == 1, {"anything": {"a": "1"}}, False),
            (User.anything["a"] == 1, {"anything": [1]}, False),
        ],
        ids=repr,
    )
    def test_they_lead_into_values(self, expression, values, expected):
        assert said(expression, **values) is expected

    def test_an_attribute_that_is_no_field_is_not_there(self):
        assert said(User.odd.real == 3, odd=Odd(real=3))
        assert not said(User.odd.real == 3, odd=3)
        assert said(User.odd.real != 3, odd=3)

    def test_they_are_written_as_python_writes_them(self):
        expressions = (
            User.addresses[0].country.code == "IT",
            User.prices["EUR"].between(1, 2),
            User.tags.contains("a"),
            User.nick.is_none(),
            User.age.in_([1, 2]),
            User.name.matches("^a"),
        )
        assert list(map(repr, expressions)) == [
            "User.addresses[0].country.code == 'IT'",
            "User.prices['EUR'].between(Decimal('1'), Decimal('2'))",
            "User.tags.contains('a')",
            "User.nick.is_none()",
            "User.age.in_([1, 2])",
            "User.name.matches('^a')",
        ]

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            (lambda: User.address.cty, "User.address has no attribute 'cty'.*'city'"),
            (lambda: User.address.country.cod, "User.address.country has no .*'code'"),
            (lambda: User.point.z, "User.point has no attribute 'z': its fields are x, y"),
            (lambda: User.age.between_, "User.age has no attribute 'between_'.*'between'"),
            (lambda: User.age.real, "User.age has no attribute 'real': it has no fields"),
            (lambda: User.name.like, "it has no fields, and the operators asc, .*, startswith."),
        ],
    )
    def test_a_misspelt_one_raises_with_the_nearest_names(self, wrong, message):
        with pytest.raises(UnknownAttribute, match=message):
            wrong()

    @pytest.mark.parametrize(
        ("wrong", "place"),
        [
            (lambda: User.age[0], "User.age[0]"),
            (lambda: User.name[0], "User.name[0]"),
            (lambda: User.tags["a"], "User.tags['a']"),
            (lambda: User.tags[1:], "User.tags[slice(1, None, None)]"),
            (lambda: User.anything[1:], "User.anything[slice(1, None, None)]"),
            (lambda: User.grid[2], "User.grid[2]"),
            (lambda: User.numbers[0], "User.numbers[0]"),
            (lambda: User.sizes["height"], "User.sizes['height']"),
            (lambda: User.address["cty"], "User.address['cty']"),
        ],
    )
    def test_where_nothing_can_be_there(self, wrong, place):
        with pytest.raises(WrongExpression, match=re.escape(place)):
            wrong()

    def test_a_key_is_taken_as_the_type_of_keys_has_it(self):
        with pytest.raises(WrongOperand, match=r"User.by_size with 'huge'"):
            _ = User.by_size["huge"]


class TestOperands:
    @pytest.mark.parametrize(
        ("expression", "expected"),
        [
            (lambda: User.age > 300, "User.age > 300"),
            (lambda: User.age >= -3, "User.age >= -3"),
            (lambda: User.few > 0, "User.few > 0"),
            (lambda: User.due > "2001-01-01", "User.due > datetime.date(2001, 1, 1)"),
            (lambda: User.clamped > 30, "User.clamped > 30"),
            (lambda: User.lower > "Ada", "User.lower > 'Ada'"),
            (lambda: User.letter > "z", "User.letter > 'z'"),
            (lambda: User.address.city > "Constantinople", "User.address.city > 'Constantinople'"),
            (lambda: User.age > 30.5, "User.age > 30"),
            (lambda: User.age >= 30.5, "User.age >= 31"),
            (lambda: User.age < Decimal("30.5"), "User.age < 31"),
            (lambda: User.age <= 30.5, "User.age <= 30"),
            (lambda: User.age.between(30.5, 40.5), "User.age.between(31, 40)"),
            (lambda: User.pk > "7", "User.pk > 7"),
            (lambda: User.mood > "quiet", "User.mood > 'quiet'"),
        ],
    )
    def test_those_of_order_are_free_of_constraints_and_validators(self, expression, expected):
        assert repr(expression()) == expected

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            (lambda: User.age == 300, "User.age with 300: .*less than or equal to 120"),
            (lambda: User.age == "old", "User.age with 'old': .*valid integer"),
            (lambda: User.age != None, "User.age with None"),  # noqa: E711
            (lambda: User.age.in_([1, 300]), "User.age with 300"),
            (lambda: User.age > "old", "User.age with 'old': .*valid integer"),
            (lambda: User.age > math.inf, "User.age with inf"),
            (lambda: User.age > None, "User.age with None: .*use is_none()"),
            (lambda: User.age.between(1, "old"), "User.age with 'old'"),
            (lambda: User.address.city == "Constantinople", "User.address.city with 'Const"),
            (lambda: User.tags.contains(3), "User.tags with 3: .*valid string"),
            (lambda: User.prices["EUR"] == "much", r"User.prices\['EUR'\] with 'much'"),
            (lambda: User.age.in_("12"), "User.age with '12': a list of values"),
            (lambda: User.age.in_(12), "User.age with 12: a list of values"),
            (lambda: User.name.startswith(3), "User.name with 3: a text is expected"),
            (lambda: User.name.contains(None), "User.name with None: a text is expected"),
            (lambda: User.name.matches("("), r"User.name with '\(': it is no regular expression"),
            (lambda: User.name.matches(re.compile(b"a")), "a text is expected"),
            (lambda: User.pk == "first", "User.pk with 'first'"),
        ],
    )
    def test_one_that_the_type_does_not_take_is_named(self, wrong, message):
        with pytest.raises(WrongOperand, match=message) as raised:
            wrong()
        assert isinstance(raised.value, ValueError)

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            (lambda: User.color > "red", "User.color cannot be compared by order.*IntEnum"),
            (lambda: User.numbers > {1}, "no < between values of its type, set"),
            (lambda: User.prices > {}, "no < between values of its type, dict"),
            (lambda: User.address > ROME, "User.address cannot be compared by order"),
            (lambda: User.secret > "x", "User.secret cannot be compared by order"),
            (User.color.desc, "User.color cannot be"),
            (User.address.asc, "User.address cannot be"),
            (lambda: User.age.startswith("1"), "User.age is of type .*operator is one of text"),
            (lambda: User.born.matches("2000"), "operator is one of text"),
            (lambda: User.age.contains(1), r"User.age.contains\(\) asks a text"),
            (lambda: User.age == User.few, "compared with a value, and User.few is none"),
            (lambda: User.age > (User.few > 1), "compared with a value"),
            (lambda: User.age.in_([User.few]), "compared with a value"),
            (lambda: User.tags.contains(User.name), "compared with a value"),
            (lambda: User.name.contains(User.nick), "User.name is .*, and User.nick is none"),
            (lambda: User.name.matches(User.nick), "compared with a value"),
            (lambda: User.age < User.few, r"Go through the records instead, as in \[user for"),
            (lambda: in_(3, [3]), "class attribute is expected.*not 3"),
            (lambda: desc("age"), "class attribute is expected.*not 'age'"),
        ],
    )
    def test_an_operator_that_the_type_does_not_have(self, wrong, message):
        with pytest.raises(WrongExpression, match=message) as raised:
            wrong()
        assert isinstance(raised.value, TypeError)


class TestTheRecord:
    def test_of_another_class_is_refused(self):
        for wrong in (Other(), 3, None):
            for asked in (User.age > 1, ~(User.age > 1), (User.age > 1) | (User.pk == 1)):
                with pytest.raises(WrongExpression, match="is of the class User, and"):
                    asked.holds(wrong)

    def test_of_a_derived_class_is_taken(self):
        class Admin(User):
            pass

        assert (User.age > 1).holds(Admin(age=2))


class TestWrittenOut:
    """A field's own text: for logs, and refused where a value is expected."""

    def test_is_a_text_like_others_in_messages(self):
        assert str(User.name) == "User.name"
        assert str(User.age + 1) == "User.age + 1"
        assert "asked: %s" % User.name == "asked: User.name"  # noqa: UP031 - as logging does
        assert repr(str(User.name)) == "'User.name'"
        assert type(pickle.loads(pickle.dumps(str(User.name)))) is str

    @pytest.mark.parametrize(
        "ask",
        [
            lambda: User.name == str(User.name),
            lambda: User.name != "Dr " + str(User.name),
            lambda: User.name < str(User.name) + "!",
            lambda: in_(User.name, ["a", str(User.name)]),
            lambda: startswith(User.name, str(User.name)),
            lambda: User.name + str(User.age),
            lambda: f"{User.name!s}",
        ],
    )
    def test_is_no_value(self, ask):
        with pytest.raises(WrongExpression, match=r"User\.(name|age)!? has its value"):
            ask()


class TestCombining:
    @pytest.mark.parametrize(
        "wrong",
        [
            lambda: (User.age > 3) and (User.age < 5),
            lambda: (User.age > 3) or (User.age < 5),
            lambda: not (User.age > 3),
            lambda: 3 < User.age < 5,
            lambda: bool(User.active),
            lambda: User.age in [1, 2],
            lambda: 1 if User.age == 3 else 2,
        ],
    )
    def test_an_expression_is_neither_true_nor_false(self, wrong):
        with pytest.raises(WrongExpression, match=r"(?s)&, \| and ~.*between.*in_"):
            wrong()

    @pytest.mark.parametrize("value", [True, False, None, 5, "age", User, User.age])
    def test_what_is_none_is_refused(self, value):
        for combine in (
            lambda: (User.age > 3) & value,
            lambda: value & (User.age > 3),
            lambda: (User.age > 3) | value,
            lambda: value | (User.age > 3),
            lambda: not_(value),
            lambda: conditions(User, [value]),
        ):
            with pytest.raises(TypeError, match=r"an expression is expected"):
                combine()

    @pytest.mark.parametrize(
        "wrong",
        [
            lambda: User.active & User.age > 18,
            lambda: User.age > 18 & User.age < 30,
            lambda: User.name == "Ada" | User.age > 18,
            lambda: User.active == True & User.active,
        ],
    )
    def test_parentheses_that_lack_are_told(self, wrong):
        with pytest.raises(WrongExpression, match=r"bind closer than .* needs parentheses"):
            wrong()

    def test_they_stand_in_each_other_as_deep_as_python_can_ask_of_a_record(self):
        def deepest(n: int) -> Expression:
            made: Expression = User.age > 3
            for number in range(n):
                made = (made & (User.age > 1)) if number % 2 else (made | (User.age > 2))
            return made

        made = deepest(200)
        assert said(made)
        assert repr(pickle.loads(pickle.dumps(made))) == repr(made)
        assert said(reduce(python.or_, [User.age == number for number in range(120)]))
        for one_more in (lambda: deepest(201), lambda: ~made, lambda: made | (User.age > 3)):
            with pytest.raises(WrongExpression, match="more than 200 expressions stand in each"):
                one_more()

    def test_one_of_another_table_is_refused(self):
        with pytest.raises(WrongExpression, match=r"Other.age is of the class Other, and User is"):
            conditions(User, [(User.age > 3) | (Other.age > 3)])

    def test_one_of_a_class_that_this_one_is_derived_from_is_taken(self):
        class Admin(User):
            pass

        assert conditions(Admin, [User.age > 3])[0].holds(Admin())
        with pytest.raises(WrongExpression):
            conditions(User, [Admin.age > 3])

    def test_one_of_the_class_of_before_is_told(self):
        again = type("User", (Table,), {"__annotations__": {"age": int}, "age": 0})
        with pytest.raises(WrongExpression, match="of the class User of before"):
            conditions(again, [User.age > 3])


class TestFunctions:
    def test_they_do_what_the_methods_do(self):
        pairs = [
            (in_(User.age, [1]), User.age.in_([1])),
            (not_in(User.age, [1]), User.age.not_in([1])),
            (between(User.age, 1, 2), User.age.between(1, 2)),
            (is_none(User.nick), User.nick.is_none()),
            (is_not_none(User.nick), User.nick.is_not_none()),
            (contains(User.tags, "a"), User.tags.contains("a")),
            (startswith(User.nick, "a"), User.nick.startswith("a")),
            (endswith(User.nick, "a"), User.nick.endswith("a")),
            (icontains(User.nick, "a"), User.nick.icontains("a")),
            (iequals(User.nick, "a"), User.nick.iequals("a")),
            (matches(User.nick, "a"), User.nick.matches("a")),
            (not_(User.age > 3), ~(User.age > 3)),
            (col(User.nick) > "a", User.nick > "a"),
            (asc(User.age), User.age.asc()),
            (desc(User.age, none_first=False), User.age.desc(none_first=False)),
        ]
        for one, other in pairs:
            assert repr(one) == repr(other)


class TestOrderings:
    def test_names_fields_and_orderings(self):
        given = orderings(User, "User", ["age", "-nick", User.score, desc(User.address.city)])
        assert [(repr(each.path), each.descending, each.none_first) for each in given] == [
            ("User.age", False, False),
            ("User.nick", True, True),
            ("User.score", False, False),
            ("User.address.city", True, True),
        ]
        assert not desc(User.nick, none_first=False).none_first
        assert asc(User.nick, none_first=True).none_first

    def test_a_name_that_is_none_has_its_nearest(self):
        for wrong in ("agee", "-agee"):
            with pytest.raises(UnknownField, match=r"no field 'agee': did you mean 'age'"):
                orderings(User, "User", [wrong])

    @pytest.mark.parametrize("wrong", [5, None, User.age > 3, Other.age, desc(Other.age), "color"])
    def test_what_is_no_order(self, wrong):
        with pytest.raises(WrongExpression):
            orderings(User, "User", [wrong])

    def test_a_minus_before_a_field_could_be_two_things(self):
        with pytest.raises(WrongExpression, match=r"desc\(User.age\).*0 - User.age"):
            _ = -User.age

    def test_a_place_by_name_or_attribute(self):
        assert place_of(User, "User", "pk") == place_of(User, "User", User.pk)
        with pytest.raises(UnknownField):
            place_of(User, "User", "nothing")


class TestComputed:
    @pytest.mark.parametrize(
        ("computed", "expected", "written"),
        [
            (lambda: User.age + 1, 37, "User.age + 1"),
            (lambda: 1 + User.age, 37, "1 + User.age"),
            (lambda: User.age - 1, 35, "User.age - 1"),
            (lambda: 0 - User.age, -36, "0 - User.age"),
            (lambda: User.age * 2, 72, "User.age * 2"),
            (lambda: 2 * User.age, 72, "2 * User.age"),
            (lambda: User.age / 8, 4.5, "User.age / 8"),
            (lambda: 72 / User.age, 2.0, "72 / User.age"),
            (lambda: User.age // 8, 4, "User.age // 8"),
            (lambda: 75 // User.age, 2, "75 // User.age"),
            (lambda: User.age % 8, 4, "User.age % 8"),
            (lambda: 75 % User.age, 3, "75 % User.age"),
            (lambda: (User.age + 1) * 2, 74, "(User.age + 1) * 2"),
            (lambda: User.age + User.few, 37, "User.age + User.few"),
            (lambda: User.name + "!", "Ada!", "User.name + '!'"),
            (lambda: User.name * User.few, "Ada", "User.name * User.few"),
        ],
    )
    def test_a_value_is_computed_of_each_record(self, computed, expected, written):
        assert computed().value(User()) == expected
        assert repr(computed()) == written
        assert {path.model for path in computed().paths()} == {User}

    @pytest.mark.parametrize(
        "wrong",
        [
            lambda: User.age + 1 > 3,
            lambda: User.age + 1 == 3,
            lambda: python.lt(3, User.age + 1),
            lambda: (User.age + 1) & (User.age > 3),
            lambda: bool(User.age + 1),
            lambda: ~(User.age + 1),
        ],
    )
    def test_it_is_no_expression(self, wrong):
        with pytest.raises(WrongExpression, match=r"value for update\(\)"):
            wrong()

    def test_it_is_no_operand(self):
        with pytest.raises(WrongExpression, match="compared with a value"):
            _ = User.age > User.few + 1

    def test_an_expression_is_nothing_to_compute_with(self):
        with pytest.raises(WrongExpression, match="no value to compute with"):
            _ = User.age + (User.age > 3)

    @pytest.mark.parametrize(
        ("computed", "message"),
        [
            (lambda: User.nick + "!", r"User.nick \+ '!' with User\(.*None \+ '!' cannot be"),
            (lambda: User.age / 0, "division by zero"),
            (lambda: User.address.city + "!", "User.address.city with .*no such value"),
        ],
    )
    def test_what_cannot_be_computed_is_told(self, computed, message):
        with pytest.raises(WrongOperand, match=message):
            computed().value(User())


# Against Python's own evaluation

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "name": st.text(max_size=3),
    "age": st.integers(0, 120),
    "nick": st.none() | st.sampled_from(["", "a", "A", "ß", "b\0"]),
    "score": st.floats(width=16) | st.sampled_from([0.0, -0.0, NAN, math.inf]),
    "price": st.decimals(-3, 3, allow_nan=False, places=1),
    "born": st.dates(date(1999, 12, 30), date(2000, 1, 2)),
    "aware": st.none() | st.sampled_from([NOON, NOON.astimezone(timezone(timedelta(hours=2)))]),
    "lasts": st.timedeltas(timedelta(-1), timedelta(1)),
    "size": st.sampled_from(Size),
    "mood": st.sampled_from(Mood),
    "mixed": st.integers(-1, 1) | st.sampled_from(["", "a"]),
    "tags": st.lists(st.sampled_from("ab"), max_size=2),
}

COMPARISONS = {
    python.eq: python.eq,
    python.ne: python.ne,
    python.lt: python.lt,
    python.le: python.le,
    python.gt: python.gt,
    python.ge: python.ge,
}


@st.composite
def a_comparison(draw) -> tuple[Any, Any]:
    """An expression, and the same in plain Python of a record."""
    name = draw(st.sampled_from(sorted(VALUES)))
    compare = draw(st.sampled_from(sorted(COMPARISONS, key=lambda each: each.__name__)))
    operand = draw(VALUES[name])
    if operand is None and compare not in (python.eq, python.ne):
        operand = draw(VALUES[name].filter(lambda value: value is not None))

    def plain(record: User) -> bool:
        try:
            return bool(compare(getattr(record, name), operand))
        except TypeError:  # None, or of another type
            return False

    return compare(getattr(User, name), operand), plain


def combined(parts: st.SearchStrategy[tuple[Any, Any]]) -> st.SearchStrategy[tuple[Any, Any]]:
    def both(one: Any, other: Any) -> tuple[Any, Any]:
        return one[0] & other[0], lambda record: one[1](record) and other[1](record)

    def either(one: Any, other: Any) -> tuple[Any, Any]:
        return one[0] | other[0], lambda record: one[1](record) or other[1](record)

    def opposite(one: Any) -> tuple[Any, Any]:
        return ~one[0], lambda record: not one[1](record)

    return st.builds(both, parts, parts) | st.builds(either, parts, parts) | parts.map(opposite)


EXPRESSIONS = st.recursive(a_comparison(), combined, max_leaves=6)
RECORDS = st.fixed_dictionaries(VALUES).map(lambda values: User(**values))


@given(EXPRESSIONS, RECORDS)
def test_an_expression_says_what_python_says(expression, record):
    asked, plain = expression
    assert asked.holds(record) is plain(record)


@given(st.data())
def test_in_and_between_are_what_they_are_made_of(data):
    name = data.draw(st.sampled_from(sorted(VALUES)))
    field: Any = getattr(User, name)
    operands = data.draw(st.lists(VALUES[name], max_size=4))
    record = data.draw(RECORDS)
    equal = [field == operand for operand in operands]
    assert field.in_(operands).holds(record) is any(each.holds(record) for each in equal)
    assert field.not_in(operands).holds(record) is not field.in_(operands).holds(record)
    bounds = [operand for operand in operands if operand is not None]
    for low, high in pairwise(bounds):
        inside = (field >= low) & (field <= high)
        assert field.between(low, high).holds(record) is inside.holds(record)


@given(st.integers(0, 120), st.floats(-5, 130) | st.decimals(-5, 130))
def test_integers_are_compared_with_numbers_between_them(age, bound):
    record = User(age=age)
    for compare in (python.lt, python.le, python.gt, python.ge):
        assert compare(User.age, bound).holds(record) is compare(age, bound)
