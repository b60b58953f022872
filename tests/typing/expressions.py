"""Expressions as type checkers see them: ``User.age`` is an int to them, and ``User.age > 3`` a
boolean. Checked, never run.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, assert_type, cast

from pydantic import BaseModel, Field

from discobase import (
    Database,
    Expression,
    Index,
    Query,
    Table,
    WithPk,
    WithVersion,
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

db = Database("Shop")


class Country(BaseModel):
    code: str


class Address(BaseModel):
    city: str
    country: Country | None = None


@db.table
class User(Table):
    name: Annotated[str, Index()]
    age: Annotated[int, Field(ge=0)] = 0
    price: Decimal = Decimal(0)
    nick: str | None = None
    seen: datetime | None = None
    active: bool = True
    address: Address = Address(city="Rome")
    parent: Address | None = None
    tags: list[str] = Field(default_factory=list[str])
    prices: dict[str, Decimal] = Field(default_factory=dict[str, Decimal])


@db.table
class Visit(WithPk, WithVersion):
    page: str


def attributes() -> None:
    assert_type(User.age, int)
    assert_type(User.name, str)
    assert_type(User.nick, str | None)
    assert_type(User.address.city, str)
    assert_type(User.tags[0], str)
    assert_type(User.prices["EUR"], Decimal)
    assert_type(User.pk, int)
    assert_type(User.version, int)
    assert_type((Visit.pk, Visit.version), tuple[int, int])
    assert_type(User(name="Ada").pk, int | None)


def operators() -> None:
    assert_type(User.find(User.age > 30), Query[User])
    assert_type(User.find(User.age > 30, User.name != "x", active=True), Query[User])
    User.find((User.age >= 30) & (User.name == "x") | (User.price <= 3))
    User.find(
        30 < User.age,  # noqa: SIM300
        User.pk > 7,
        Visit.version <= 7,
    )
    User.find(User.active, User.active & (User.age < 30))
    User.find(User.name.startswith("A"), User.name.endswith("a"))
    User.find(User.address.city == "Rome", User.tags[0] == "a", User.prices["EUR"] > 3)
    User.find(User.nick == None, User.nick != "x")  # noqa: E711
    User.find(fresh=True).find(User.age > 30).find(name="x")


def functions() -> None:
    assert_type(not_(User.age > 30), Expression)
    assert_type(not_(User.active) & (User.age > 30) | in_(User.age, [1, 2]), Expression)
    found = [
        in_(User.name, {"a", "b"}),
        in_(User.nick, ["a", None]),
        not_in(User.address.city, ("Rome",)),
        between(User.age, 30, 40),
        between(User.seen, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)),
        is_none(User.nick),
        is_not_none(User.address.country),
        contains(User.name, "a"),
        contains(User.tags, "a"),
        contains(User.prices, "EUR"),
        startswith(User.nick, "a"),
        endswith(User.nick, "a"),
        icontains(User.nick, "a"),
        iequals(User.nick, "a"),
        matches(User.nick, re.compile("a")),
        ~in_(User.age, [1]),
    ]
    assert_type(found, list[Expression])
    User.find(*found, *[each | (User.age > 3) for each in found])
    found[0].holds(User(name="Ada"))


def kept() -> None:
    """An expression that is handed on has a name: a boolean to checkers, or an Expression."""

    def adults() -> Expression | bool:
        return User.age >= 18

    wanted: list[Expression | bool] = [adults(), in_(User.age, [1])]
    wanted.append(User.age > 3)
    User.find(*wanted, adults() & is_none(User.nick), adults() | (User.age > 3), not_(adults()))
    assert_type(cast(Expression, adults()).holds(User(name="Ada")), bool)
    assert_type(cast(Expression, User.age >= 18).holds(User(name="Ada")), bool)


def fields_that_may_be_none() -> None:
    assert_type(col(User.nick), str)
    User.find(col(User.nick) > "m", col(User.parent).city == "Rome")
    User.find(col(User.address.country).code == "IT", col(User.seen) < datetime.now(UTC))


def orderings() -> None:
    for ordering in (desc(User.age), asc(User.nick, none_first=True), desc(User.address.city)):
        assert_type(ordering.descending, bool)


def what_checkers_do_not_see(user: User) -> None:
    """Mistakes that raise when they are run, and that no checker can find."""
    User.find(User.age > 30 and User.active)
    User.find(user.age > 30)
    User.find(10 < User.age < 30)
    User.find(True)
    User.find(Visit.page == "/")
    User.find(User.nick is None)
    in_(User.age, ["old"])
    contains(User.tags, 3)
    is_none(user.nick)
    desc("age")
    User.find(agee=3)
