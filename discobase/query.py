"""Queries: lazy and immutable selections over the replica, used like sequences."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import Any, Generic, Never, TypeVar, overload

from discobase.arguments import checked_flag
from discobase.binding import Binding
from discobase.engine.changes import IndexWanted
from discobase.engine.replica import EMPTY, KeyColumn, Layout, Row
from discobase.errors import RecordNotFound, SeveralRecords
from discobase.records.equality import equal_as_stored
from discobase.records.outdated import OutdatedRecord
from discobase.records.record import Record, primary_key
from discobase.records.sameness import MISSING

R = TypeVar("R", bound=Record)

_SHOWN = 5
"""Records in a repr, so that it fits a few lines: a guess."""

PK = "pk"
"""The name by which a query selects by primary key."""


class Query(Sequence[R], Generic[R]):
    """The records of a table whose fields have given values, in the order of their primary keys.

    Nothing is read until it is used. The first use reads the replica, and from then on the query
    holds those records: it is one picture, in which lengths, items and iteration agree.
    :meth:`find` makes a narrower query with a picture of its own.

    A record that its class cannot load any more is held against each condition by that field alone.
    Where it fits it is counted, and reaching it raises :exc:`~discobase.errors.RecordOutdated`;
    :meth:`skip_outdated` leaves it out.

    Reading costs no API call and never waits for Discord. ``repr`` reads nothing.

    Args:
        binding: the table.
        equal: field names and the values they have, checked; ``pk`` selects by primary key.
        fresh: whether the first use sees what was committed anywhere before it, for an API call.
    """

    def __init__(
        self, binding: Binding[R], equal: Mapping[str, object], *, fresh: bool = False
    ) -> None:
        self._binding = binding
        self._fresh = checked_flag("fresh", fresh)
        codec = binding.codec
        # Pairs, for a narrower query may ask for two values of one field, and find nothing.
        self._equal: list[tuple[str, Any]] = [
            (
                name,
                primary_key(codec.model, value) if name == PK else codec.stored_value(name, value),
            )
            for name, value in equal.items()
        ]
        self._skips_outdated = False

    def find(self, /, *, fresh: bool = False, **equal: object) -> Query[R]:
        """Return a narrower query: these values as well, so that two values of one field find
        nothing. Read nothing. It is `fresh` if this one is, too.
        """
        narrower = Query(self._binding, equal, fresh=fresh)
        narrower._fresh |= self._fresh
        narrower._equal = self._equal + narrower._equal
        narrower._skips_outdated = self._skips_outdated
        return narrower

    def skip_outdated(self) -> Query[R]:
        """Return a narrower query, without the records that their class cannot load any more. Read
        nothing.
        """
        narrower = self.find()
        narrower._skips_outdated = True
        return narrower

    def first(self) -> R | None:
        """Return the record with the lowest primary key, or None where there is none. Make no
        others.

        Raises:
            RecordOutdated: it does not fit the table's fields any more.
        """
        first = self._first[1]
        return None if first is None else _reached(first)

    def one(self) -> R:
        """Return the only record.

        Raises:
            RecordNotFound: there is none.
            SeveralRecords: there are several.
            RecordOutdated: it does not fit the table's fields any more.
        """
        if not self._found:
            raise RecordNotFound(f"{self._call} finds no record.")
        if len(self._found) > 1:
            first, second = self._found[:2]
            raise SeveralRecords(
                f"{self._call} finds {len(self._found)} records, among them those with pk "
                f"{first.pk} and {second.pk}: give more fields, or strict=False for the first one."
            )
        return _reached(self._found[0])

    def count(self, *record: Never) -> int:
        """Return the number of records. It takes no argument: how often one record is among them
        says :meth:`occurrences`.

        Raises:
            TypeError: it was given an argument, as for another sequence's count.
        """
        if record:
            raise TypeError(
                "Query.count() takes no argument, and is the number of records: use "
                "occurrences(record) for how often one of them occurs."
            )
        return len(self)

    def occurrences(self, record: Any) -> int:
        """Return how many of the records equal one, as another sequence's count does."""
        return self._found.count(record)

    def exists(self) -> bool:
        """Return whether there is any record."""
        return self._first[1] is not None

    def __bool__(self) -> bool:
        return self.exists()

    def __len__(self) -> int:
        # Without conditions every row fits, and none needs to become a record to be counted.
        every_row_fits = not self._equal and not self._skips_outdated
        return len(self._rows if every_row_fits else self._found)

    def __iter__(self) -> Iterator[R]:
        return map(_reached, self._found)

    @overload
    def __getitem__(self, index: int) -> R: ...

    @overload
    def __getitem__(self, index: slice) -> list[R]: ...

    def __getitem__(self, index: int | slice) -> R | list[R]:
        if index == 0 and (first := self.first()) is not None:
            return first
        found = self._found[index]
        return [_reached(each) for each in found] if isinstance(found, list) else _reached(found)

    def __repr__(self) -> str:
        if "_rows" not in self.__dict__:
            return f"<{self._call}>"
        shown = ", ".join(map(repr, islice(self._found, _SHOWN)))
        rest = len(self._found) - _SHOWN
        return f"<{self._call}: [{shown}{f', and {rest} more' if rest > 0 else ''}]>"

    @property
    def _call(self) -> str:
        wanted = [f"{name}={value!r}" for name, value in self._equal]
        wanted += ["fresh=True"] if self._fresh else []
        skips = ".skip_outdated()" if self._skips_outdated else ""
        return f"{self._binding.codec.model.__name__}.find({', '.join(wanted)}){skips}"

    # What is read is the picture. Records are made of its rows when they are asked for, each once.

    @cached_property
    def _found(self) -> list[R | OutdatedRecord]:
        read, first = self._first
        if first is None:
            return []
        return [first, *(found for _, found in self._made(self._rows[read:]))]

    @cached_property
    def _first(self) -> tuple[int, R | OutdatedRecord | None]:
        """The first record, and the number of rows read up to it."""
        return next(self._made(self._rows), (len(self._rows), None))

    def _made(self, rows: Iterable[Row]) -> Iterator[tuple[int, R | OutdatedRecord]]:
        """Make the records that fit, each with the number of rows up to it."""
        make = self._binding.read
        for count, row in enumerate(rows, 1):
            if self._fits(made := make(row)):
                yield count, made

    @cached_property
    def _rows(self) -> list[Row]:
        if self._fresh:
            self._binding.source.refresh()
        else:
            self._binding.source.freshen()
        if PK in (equal := dict(self._equal)):
            row = self._binding.row(equal[PK])
            return [row] if row else []
        source, table = self._binding.source, self._binding.name
        replica = source.replica()
        layout = replica.layouts.get(table, EMPTY)
        return replica.select(table, list(self._indexed(layout)))

    def _indexed(self, layout: Layout) -> Iterator[tuple[KeyColumn, str]]:
        """Yield the columns to look in and the keys to look for, and ask for the columns that could
        be there and are not.
        """
        source, table = self._binding.source, self._binding.name
        fields = self._binding.schema.fields
        for name, key in self._keys():
            fingerprint = fields[name].fingerprint
            column = layout.columns.get((name, fingerprint))
            if column is not None:
                yield column, key
            elif layout.is_current(name, fingerprint):
                source.want_index(IndexWanted(table, name, fingerprint))

    def _keys(self) -> Iterator[tuple[str, str]]:
        codec = self._binding.codec
        for name, value in self._equal:
            key = codec.stored_key(name, value)
            if key is not None:
                yield name, key

    def _fits(self, found: R | OutdatedRecord) -> bool:
        # The replica may give too much: what a field's values are equal to is for the values to
        # say.
        held_by = None
        if isinstance(found, OutdatedRecord):
            if self._skips_outdated:
                return False
            held_by = self._values_alone(found)
        kinds = self._binding.codec.kinds
        for name, value in self._equal:
            held = held_by(name) if held_by else getattr(found, name)
            fits = held is not MISSING and (
                held == value or (kinds.get(name) == "opaque" and equal_as_stored(held, value))
            )
            if not fits:
                return False
        return True

    def _values_alone(self, outdated: OutdatedRecord) -> Callable[[str], Any]:
        """Return what gives the value of a field by itself, for a record that cannot be loaded."""
        alone, stored = self._binding.codec.value_alone, outdated.raw
        return lambda name: outdated.pk if name == PK else alone(name, stored)


def _reached(found: R | OutdatedRecord) -> R:
    """Return a record that somebody asks for.

    Raises:
        RecordOutdated: it does not fit the table's fields any more.
    """
    if isinstance(found, OutdatedRecord):
        raise found.error()
    return found
