"""Mistakes that type checkers find: each is ignored by its name, and an ignore too many is an error
itself. Checked, never run.
"""

from __future__ import annotations

from discobase import (
    Database,
    Query,
    Table,
    contains,
    desc,
    errors,
    in_,
    matches,
    not_,
    startswith,
)
from discobase.local import LocalDiscord, RequestKind

db = Database("Shop")


@db.table
class Product(Table):
    code: str
    price: int = 0
    nick: str | None = None


class NoTable:
    code: str


@db.table
class Person(Table):
    name: str


def declaring() -> None:
    db.table(NoTable)  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]
    db.table(name=7)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    Database(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Database("Shop", key=None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Database("Shop", 5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    db.tables["Product"] = Product  # type: ignore[index]  # pyright: ignore[reportIndexIssue]
    db.head = 5  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


def writing(product: Product) -> None:
    Product(code=1)  # pydantic's plugin lets mypy take any value here  # pyright: ignore[reportArgumentType]
    Product(price=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    product.price = "1"  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
    product.pk = 1  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
    product.save(if_unchanged=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    product.update(True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    product.delete().save()  # type: ignore[attr-defined, func-returns-value]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    Product.save_many([Person(name="Ada")])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    Product.save_many(product)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def finding() -> None:
    people: Query[Person] = Product.find()  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    Product.get("mug")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    Product.find_unique(strict=False).save()  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess]
    Product.find().first().save()  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess]
    Product.find().count(Product(code="x"))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Product.find()[0] = Product(code="x")  # type: ignore[index]  # pyright: ignore[reportIndexIssue]
    print(Product.find().one().nothing)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownArgumentType, reportUnknownMemberType]
    print(people)


def asking() -> None:
    Product.find(Product.prise > 3)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownArgumentType, reportUnknownMemberType]
    Product.find(Product.price > "3")  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue, reportUnknownArgumentType]
    Product.find(Product.price == "3")  # type: ignore[comparison-overlap]  # pyright: ignore[reportUnnecessaryComparison]
    Product.find(Product.price.in_([3]))  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownArgumentType, reportUnknownMemberType]
    Product.find(Product.code.contains("m"))  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownArgumentType, reportUnknownMemberType]
    Product.find(~(Product.price > 3))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportDeprecated]
    Product.find(-Product.price)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Product.find(Product.price)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Product.find(Product.nick > "m")  # type: ignore[operator]  # pyright: ignore[reportOptionalOperand, reportUnknownArgumentType]
    Product.find(Product.nick.startswith("m"))  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess]
    Product.find(Product.pk > "3")  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue, reportUnknownArgumentType]
    not_(Product.price)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    in_(Product.price, 3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    contains(Product.price, 3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    startswith(Product.code, 3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    matches(Product.price, "3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    desc(Product.prise)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownArgumentType, reportUnknownMemberType]
    desc(Product.price, none_last=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Product.pk = 3  # type: ignore[assignment, method-assign]  # pyright: ignore[reportAttributeAccessIssue]


async def connecting() -> None:
    with db.conn(5):  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        pass
    with db.login_task("local"):  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues]
        pass
    db.wait_ready("5")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    db.wait_ready(progress=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await db.login_thread("local")  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]
    await db.refresh()  # type: ignore[func-returns-value, misc]  # pyright: ignore[reportGeneralTypeIssues]


def failing(error: errors.UniqueViolation) -> None:
    print(error.expected)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownArgumentType, reportUnknownMemberType]


def the_local_server(discord: LocalDiscord) -> None:
    LocalDiscord(limits=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    discord.messages("log-1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    discord.requests.total = 0  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    RequestKind("GET", "/users/@me", "200", 1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
