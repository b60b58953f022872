"""What a view looks for, or the answer 404."""

from __future__ import annotations

from typing import TypeVar

from flask import abort
from pydantic import ValidationError

from discobase import Query, Table

T = TypeVar("T", bound=Table)


def get_or_404(table: type[T], pk: int | str, description: str | None = None) -> T:
    """Return the record under a primary key, or answer 404. No API call.

    Args:
        table: the class of the table.
        pk: an integer, or what stands for one, as in ``"7"``; anything else is answered 404, too.
        description: what the answer says; Werkzeug's own text where it is left out.

    Raises:
        werkzeug.exceptions.NotFound: there is no such record.
        RecordOutdated: it does not fit the table's fields any more.
        DiscobaseError: the database cannot be read.
    """
    try:
        record = table.get(int(pk), strict=False)
    except (ValidationError, ValueError):  # no integer, or none that a primary key can be
        record = None
    return _found(record, description)


def first_or_404(query: Query[T], description: str | None = None) -> T:
    """Return the first record of a query, or answer 404. No API call.

    Args:
        query: as ``Table.find`` makes it.
        description: as for :func:`get_or_404`.

    Raises:
        werkzeug.exceptions.NotFound: the query finds nothing.
        RecordOutdated: the record does not fit the table's fields any more.
        DiscobaseError: the database cannot be read.
    """
    return _found(query.first(), description)


def one_or_404(query: Query[T], description: str | None = None) -> T:
    """Return the only record of a query, or answer 404 where it finds none. No API call.

    Args:
        query: as ``Table.find`` makes it.
        description: as for :func:`get_or_404`.

    Raises:
        werkzeug.exceptions.NotFound: the query finds nothing.
        SeveralRecords: it finds several, which is a mistake of the program, not the visitor's.
        RecordOutdated: the record does not fit the table's fields any more.
        DiscobaseError: the database cannot be read.
    """
    return _found(query.one_or_none(), description)


def _found(record: T | None, description: str | None) -> T:
    if record is None:
        abort(404, description)
    return record
