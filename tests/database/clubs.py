"""Versions of the class of one table, for programs that stand beside each other.

A test and the processes that it starts take them from here: only so have they the same validators.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import StringConstraints

from discobase import Database, Index, Table, Unique


class Nothing(Table):
    """One that knows none of the fields."""

    note: str = ""


class TextNumber(Nothing):
    number: str


class IntNumber(Nothing):
    number: int


class IndexedNumber(Nothing):
    number: Annotated[int, Index()]


class UniqueNumber(Nothing):
    number: Annotated[int, Unique()]


class Mail(Nothing):
    email: Annotated[str, Unique()]


class LowerMail(Nothing):
    email: Annotated[str, StringConstraints(to_lower=True), Unique()]


class UnmarkedMail(Nothing):
    email: str


class MailWithDefault(Nothing):
    email: Annotated[str, Unique()] = ""


class MailOrNone(Nothing):
    email: Annotated[str | None, Unique()] = None


class TextPrice(Nothing):
    price: str


class UniqueTextPrice(Nothing):
    price: Annotated[str, Unique()]


class UniquePrice(Nothing):
    price: Annotated[Decimal, Unique()]


def member(version: str) -> tuple[Database, type[Table]]:
    """A database, and a version of the class of its table ``Member``."""
    db = Database("Club")
    made = type(version, (globals()[version],), {"__module__": __name__})
    return db, db.table(made, name="Member")
