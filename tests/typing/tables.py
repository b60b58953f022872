"""Tables and their records, as type checkers see them. Checked, never run."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, assert_type

from pydantic import Field

from discobase import (
    ChangeReport,
    Database,
    Index,
    OutdatedRecord,
    Query,
    SaveReport,
    Table,
    Unique,
    WithPk,
    WithVersion,
)

db = Database("Shop", server=7, timeout=None, attachment_limit=20_000)


@db.table
class Product(Table):
    code: Annotated[str, Unique()]
    name: Annotated[str, Index()] = ""
    price: Decimal = Field(default=Decimal(0), ge=0)
    parent: int | None = None


@db.table(name="people")
class Person(Table):
    name: str


@db.table
class Visit(WithPk, WithVersion):
    page: str


def declaring() -> None:
    assert_type(db.table(Product), type[Product])
    assert_type(db.table(name="again")(Product), type[Product])
    assert_type(db.tables["people"], type[Table])
    assert_type(db.head, int)
    db.wait_for(db.head)
    db.wait_for(3, timeout=None)


def writing() -> None:
    mug = assert_type(Product(code="mug", price=Decimal("7.5")), Product)
    assert_type(mug.price, Decimal)
    assert_type(mug.pk, int | None)
    assert_type(mug.version, int | None)
    assert_type(mug.save(), Product)
    assert_type(mug.commit().update(if_unchanged=True).refresh(), Product)
    mug.delete(if_unchanged=True)
    report = assert_type(Product.save_many([mug, Product(code="cup")]), SaveReport)
    assert_type(Product.save_many([mug], on_conflict="update", progress=True).updated, int)
    assert_type(Product.delete_many([mug]), ChangeReport)
    changed = assert_type(Product.find().update(code=Product.code + "!"), ChangeReport)
    assert_type(Product.find().delete().is_atomic, bool)
    print(changed.records)
    assert_type((report.records, report.commits), tuple[int, int])
    Product.save_many(Product(code=f"n{number}") for number in range(9))


def finding() -> None:
    assert_type(Product.get(1).name, str)
    assert_type(Product.get(1, strict=True), Product)
    assert_type(Product.get(1, strict=False), Product | None)
    found = assert_type(Product.find(name="Mug"), Query[Product])
    assert_type(found.find(price=1).find(), Query[Product])
    assert_type(found.first(), Product | None)
    assert_type(Product.get(1, fresh=True), Product)
    assert_type(Product.find(name="Mug", fresh=True).find(fresh=True), Query[Product])
    assert_type(Product.find_unique(code="mug", fresh=True), Product)
    assert_type(Product.find_unique(code="mug", strict=False, fresh=True), Product | None)
    assert_type(found.one().save(), Product)
    assert_type(found.count(), int)
    assert_type(found.occurrences(found[0]), int)
    assert_type(found.exists(), bool)
    assert_type(found[0], Product)
    assert_type(found[1:], Query[Product])
    assert_type(found.last(), Product | None)
    assert_type(found.one_or_none(), Product | None)
    assert_type(found.get_or_none(code="mug"), Product | None)
    assert_type(found.exclude(name="Mug").order_by("-price").limit(2).offset(1), Query[Product])
    assert_type(found.pks(), list[int])
    assert_type(found.values("name"), list[dict[str, Any]])
    assert_type(found.values_list("name"), list[tuple[Any, ...]])
    assert_type(found.values_list("name", flat=True), list[Any])
    assert_type(list(found.iterate(chunk=10)), list[Product])
    assert_type(found.group_by("name").count(), dict[Any, int])
    assert_type(found.explain().looked_at, int)
    assert_type([product.code for product in found], list[str])
    assert_type(Product.find_unique(code="mug"), Product)
    assert_type(Product.find_unique(code="mug", strict=True), Product)
    assert_type(Product.find_unique(code="mug", strict=False), Product | None)
    assert_type(Product.find_unique(Product.code == "mug"), Product)
    assert_type(Product.find_unique(Product.code == "mug", strict=False), Product | None)
    assert_type(Product.find(name="Mug").skip_outdated().find(price=1), Query[Product])


def mending() -> None:
    outdated = assert_type(Product.outdated(), list[OutdatedRecord])
    assert_type((outdated[0].pk, outdated[0].version, outdated[0].reason), tuple[int, int, str])
    assert_type(outdated[0].raw, dict[str, Any])
    assert_type(Product.raw(1), dict[str, Any])
    Product.discard(1)


def computing() -> None:
    visit = assert_type(Visit(page="/").save(), Visit)
    assert_type(visit.pk, int | None)
    assert_type(visit.version, int | None)
    assert_type(Visit.find(), Query[Visit])


def deriving() -> None:
    class Book(Product):
        pages: int = 0

    assert_type(db.table(Book), type[Book])
    assert_type(Book(code="x").save(), Book)
    assert_type(Book.find().one().pages, int)
