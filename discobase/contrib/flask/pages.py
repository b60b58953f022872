"""A query in pages, as the address of a request asks for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from flask import abort, request

from discobase import Query, Table
from discobase.errors import UsageError

T = TypeVar("T", bound=Table)

_USUAL = 20
"""Records of a page: as many as a screen holds, at a guess."""

_DIGITS = 10
"""Of a number in an address: more than any page's, and few enough for whatever computes with it."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some records of a query, and where they stand in it. Iterating gives the records.

    Attributes:
        items: the records.
        number: which page it is, from 1 on.
        per_page: how many records a page has at the most.
        total: how many records there are on all pages.
    """

    items: list[T]
    number: int
    per_page: int
    total: int

    @property
    def pages(self) -> int:
        """How many pages there are; at least one, which may be empty."""
        return _pages(self.total, self.per_page)

    @property
    def previous(self) -> int | None:
        """The number of the page before this one, or None."""
        return self.number - 1 if self.number > 1 else None

    @property
    def next(self) -> int | None:
        """The number of the page after this one, or None."""
        return self.number + 1 if self.number < self.pages else None

    def numbers(self, *, edge: int = 2, around: int = 2) -> Iterator[int | None]:
        """Go through the numbers of pages that links lead to, with None where some are left out.

        Args:
            edge: how many there are at each end.
            around: how many there are at each side of this page.
        """
        last = 0
        for number in range(1, self.pages + 1):
            at_edge = number <= edge or number > self.pages - edge
            if not at_edge and abs(number - self.number) > around:
                continue
            if number > last + 1:
                yield None
            yield number
            last = number

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


def paginate(
    query: Query[T],
    *,
    page: int | None = None,
    per_page: int | None = None,
    largest: int = 100,
) -> Page[T]:
    """Return one page of a query. No API call; make no other records than those of the page.

    Args:
        query: as ``Table.find`` makes it, in the order that it says.
        page: its number, from 1 on; from the request's ``?page=`` where it is left out, 1 where
            that is missing.
        per_page: how many records a page has; from ``?per_page=`` where it is left out, 20 where
            that is missing, too.
        largest: how many of them an address may ask for.

    Raises:
        werkzeug.exceptions.NotFound: the address asks for a page that there is not, or for what is
            no number.
        UsageError: `page` or `per_page` is given, and is below 1.
        DiscobaseError: the database cannot be read.
    """
    size = _given("per_page", per_page) or min(_asked("per_page", _USUAL), largest)
    number = _given("page", page) or _asked("page", 1)
    total = len(query)
    if number > _pages(total, size):
        abort(404)
    start = (number - 1) * size
    return Page(list(query[start : start + size]), number, size, total)


def _pages(total: int, size: int) -> int:
    return max(1, -(-total // size))


def _given(name: str, number: int | None) -> int | None:
    if number is not None and number < 1:
        raise UsageError(f"paginate({name}={number}): give a number from 1 on, or leave it out.")
    return number


def _asked(name: str, otherwise: int) -> int:
    """Return what the address of the request says, or answer 404 where that makes no sense."""
    text = request.args.get(name)
    if text is None:
        return otherwise
    if not (text.isascii() and text.isdecimal() and len(text) < _DIGITS and int(text)):
        abort(404)
    return int(text)
