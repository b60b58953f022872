"""A server whose window shows what is in it, as `discobase serve` has it, and a shop to be seen."""

from __future__ import annotations

import json
from contextlib import closing, contextmanager
from datetime import date
from decimal import Decimal
from http.client import HTTPConnection
from typing import Annotated
from urllib.parse import urlencode, urlsplit

from pydantic import SecretStr

from discobase import Database, Table, Unique
from discobase.cli.exhibition import Exhibition
from discobase.local import LocalDiscord

EVIL = "<img src=x onerror='document.title=1'>"


class Shop:
    """A database with a table of 120 customers, one of orders that has none, and one of numbers."""

    def __init__(self, name: str = "Shop", **options) -> None:
        self.database = Database(name, label="the shop", **options)

        @self.database.table
        class Customer(Table):
            name: str
            email: Annotated[str, Unique()]
            age: int
            balance: Decimal = Decimal(0)
            since: date = date(2020, 1, 1)
            password: SecretStr = SecretStr("hunter2")
            tags: list[str] = []  # noqa: RUF012 - pydantic copies it

        @self.database.table
        class Order(Table):
            what: str

        @self.database.table
        class Reading(Table):
            value: float

        self.customers, self.orders, self.readings = Customer, Order, Reading

    def customer(self, number: int, **more):
        known = {"name": f"Customer {number}", "email": f"c{number}@example.org", "age": number}
        return self.customers(**{**known, **more})

    def fill(self) -> None:
        first = self.customer(1, name=EVIL, tags=["a", "b"], balance=Decimal("12.50"))
        self.customers.save_many([first, *map(self.customer, range(2, 121))])
        self.readings(value=0.5).save()
        order = self.orders(what="a pen")
        order.save()
        order.delete()


class Seen:
    """What the window answers, over HTTP."""

    def __init__(self, discord: LocalDiscord) -> None:
        self.discord = discord

    def raw(self, what: str, **asked) -> tuple[int, str]:
        connection = HTTPConnection(urlsplit(self.discord.origin).netloc, timeout=20)
        try:
            connection.request("GET", f"/_window/{what}?{urlencode(asked)}")
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def __call__(self, what: str, **asked):
        status, text = self.raw(what, **asked)
        assert status == 200, text
        return json.loads(text)

    def refusal(self, what: str, **asked) -> str:
        status, text = self.raw(what, **asked)
        assert status == 422, text
        return text

    def database(self, at: int = 0):
        return self("databases")["databases"][at]

    def rows(self, table: str = "Customer", **asked):
        return self("rows", database=self.database()["id"], table=table, **asked)

    def values(self, table: str = "Customer", **asked) -> list[list[str]]:
        return [
            [cell["text"] for cell in row["cells"]] for row in self.rows(table, **asked)["rows"]
        ]

    def keys(self, table: str = "Customer", **asked) -> list[int]:
        return [int(row["key"]) for row in self.rows(table, **asked)["rows"]]


@contextmanager
def exhibiting(key=None, **options):
    """A server with its window, for the length of a block."""
    with LocalDiscord(**options) as discord, closing(Exhibition(discord, key)) as exhibition:
        discord.show(exhibition)
        yield discord, exhibition
