"""Queries: lazy and immutable selections over the replica, used like sequences."""

from __future__ import annotations

import operator
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    Literal,
    Never,
    Self,
    SupportsIndex,
    TypeVar,
    cast,
    overload,
)

from discobase import markup
from discobase.arguments import checked_flag
from discobase.batches import ChangeReport
from discobase.binding import Binding
from discobase.by_query import ByQuery, Delete, Update
from discobase.counted import counted
from discobase.engine.search_text import SearchText
from discobase.errors import (
    RecordNotFound,
    SeveralRecords,
    UnknownAttribute,
    UsageError,
    WrongSearch,
)
from discobase.frames import arrow_tables, pandas_frames, polars_frames
from discobase.frames.columns import FrameColumn, columns_of, told_apart
from discobase.once import once
from discobase.queries.aggregates import extreme, mean, total
from discobase.queries.answers import Answers
from discobase.queries.explanation import Explanation, explain
from discobase.queries.groups import Groups
from discobase.queries.hits import Hit, hits
from discobase.queries.picture import Picture
from discobase.queries.plan import Plan
from discobase.queries.values import FieldValues, name_of, without_doubles
from discobase.records.as_html import records_html
from discobase.records.expressions.given import (
    conditions,
    equality,
    orderings,
    place_of,
    unknown_field,
)
from discobase.records.expressions.meaning import Operator
from discobase.records.expressions.nodes import All, Comparison, Expression, Not, Ordering
from discobase.records.expressions.path import PLACE, FieldPath
from discobase.records.expressions.reference import OF_RECORDS, require_value
from discobase.records.expressions.text_search import TextSearch
from discobase.records.record import Record, primary_key, version_number
from discobase.shown import in_full

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped]
    import polars as pl

R = TypeVar("R", bound=Record)

_SHOWN = 5
"""Records in a repr, so that it fits a few lines: a guess."""

_LARGEST_PAGE = 10_000
"""Records that are read at once by their primary keys. SQLite takes 32,766 arguments in a statement
(sqlite.org/limits.html)."""

PK = "pk"
"""The name by which a query selects by primary key."""

VERSION = "version"
"""The name by which it selects by version."""

_FIRST_OF_SEVERAL = "take find(...).first()"


_NAMED_OTHERWISE = {
    "all": "a query is all of its records: go through it.",
    "filter": "find(...) narrows a query, and exclude(...) does the opposite.",
    "where": "find(...) narrows a query, and exclude(...) does the opposite.",
    "get": "find(...).one() is the one record there is, and get_or_none(...) that or None.",
    "search": "a query begins with search, as in User.search('words'), and find(...) narrows it.",
    "reverse": "order_by('-name') sorts the other way around, and reversed() goes backwards.",
}
"""What people look for at a query who know those of other libraries, and how it is done here."""


class Query(Sequence[R], Generic[R]):
    """Records of a table: those that fit what it asks for, in the order of their primary keys
    unless it says another one.

    It never changes: each method that narrows, sorts or slices returns another query. Nothing is
    read until it is used. Each answer is of the moment in which it was asked for, so that two may
    differ where somebody writes in between. How many records there are, whether there is any, and
    which is the first, it finds out once, without making other records than it gives. From the
    first time that its records are gone through, or one behind the first is taken by its index, it
    holds them for good: it is one picture, in which lengths, items and iteration agree. Primary
    keys, values, and what they come to, are asked for anew each time. :meth:`find` makes a query
    with a picture of its own. :meth:`iterate` holds nothing.

    A record that its class cannot load any more is held against each condition by those fields
    alone. Where it fits it is counted, and reaching it raises
    :exc:`~discobase.errors.RecordOutdated`; :meth:`skip_outdated` leaves it out.

    Reading costs no API call and never waits for Discord. ``repr`` reads nothing.

    Args:
        binding: the table.
        equal: field names and the values they have, checked; ``pk`` and ``version`` as well.
        expressions: what else is to be true of the records.
        fresh: whether the first use sees what was committed anywhere before it, for an API call.
        search: words that are to be in the records' texts; those that fit best come first then.
    """

    def __init__(
        self,
        binding: Binding[R],
        equal: Mapping[str, object],
        expressions: Iterable[Expression | bool] = (),
        *,
        fresh: bool = False,
        search: TextSearch | None = None,
    ) -> None:
        self._binding = binding
        wanted, said = self._given(expressions, equal)
        self._plan = Plan(wanted, fresh=checked_flag("fresh", fresh))
        self._said = said
        if search is not None:
            self._plan = replace(
                self._plan, conditions=(search, *wanted), search=search, by_rank=True
            )
            self._said = (repr(search.said), *said)
        self._then: tuple[str, ...] = ()
        self._unfinished: ByQuery[R] | None = None

    # Queries made of it

    def find(
        self, /, *expressions: Expression | bool, fresh: bool = False, **equal: object
    ) -> Query[R]:
        """Return a narrower query: these expressions and values as well, so that two values of one
        field find nothing. Read nothing. It is `fresh` if this one is, too.

        Raises:
            UsageError: this one is a slice.
            DiscobaseError, pydantic.ValidationError: as for :meth:`Table.find
                <discobase.Table.find>`.
        """
        return self._narrower(expressions, equal, fresh=fresh)

    def exclude(self, /, *expressions: Expression | bool, **equal: object) -> Query[R]:
        """Return a narrower query: without the records that all of this is true of. Read nothing.

        Raises:
            UsageError: this one is a slice.
            DiscobaseError, pydantic.ValidationError: as for :meth:`find`.
        """
        self._refuse_slice("exclude")
        wanted, said = self._given(expressions, equal)
        if not wanted:
            return self._with(self._plan)
        without = Not(wanted[0] if len(wanted) == 1 else All(wanted))
        plan = replace(self._plan, conditions=(*self._plan.conditions, without))
        return self._with(plan, f".exclude({', '.join(said)})")

    def skip_outdated(self) -> Query[R]:
        """Return a narrower query, without the records that their class cannot load any more. Read
        nothing. To see which those are, it has to make all that fit.
        """
        self._refuse_slice("skip_outdated")
        if self._plan.skips_outdated:
            return self._with(self._plan)
        return self._with(replace(self._plan, skips_outdated=True), ".skip_outdated()")

    def order_by(self, /, *fields: object) -> Query[R]:
        """Return the same records in another order: by the first field, those that have the same
        value there by the second one, and so on, and by primary key at last. It replaces the order
        that was. Read nothing.

        None comes last, and first where a field descends, as far as
        ``desc(User.age, none_first=False)`` and ``asc(User.age, none_first=True)`` do not say
        otherwise; NaN comes after all other numbers. Without an index all records that fit are
        sorted.

        A search is in the order of its ranks before, and not any more.

        Args:
            fields: names, as in ``"age"`` or ``"-age"`` for the greatest first; class attributes,
                as in ``User.age``; ``desc(User.age)``. Without any, records are in the order of
                their primary keys.

        Raises:
            UsageError: this one is a slice.
            UnknownField: the table has no field of a name.
            WrongExpression: something else is given, or a field whose values have no order.
        """
        self._refuse_slice("order_by")
        by = orderings(self._model, self._binding.name, fields)
        return self._with(
            replace(self._plan, orderings=by, by_rank=False),
            f".order_by({', '.join(map(_spelt, fields))})",
        )

    def limit(self, number: int) -> Query[R]:
        """Return the first records, this many at the most. Read nothing.

        Raises:
            UsageError: it is no such number.
        """
        return self[: _number("limit", number)]

    def offset(self, number: int) -> Query[R]:
        """Return the records after the first ones, of which this many are left out. Read nothing.

        Raises:
            UsageError: it is no such number.
        """
        return self[_number("offset", number) :]

    # Single records

    def first(self) -> R | None:
        """Return the first record, or None where there is none. Make no others.

        Raises:
            RecordOutdated: it does not fit the table's fields any more.
        """
        found = self._first if self._held is None else self._held
        return found.reached(0) if len(found) else None

    def last(self) -> R | None:
        """Return the last record, or None where there is none. Make no others.

        Raises:
            RecordOutdated: it does not fit the table's fields any more.
        """
        found = self._held
        if found is None and self._plan.is_sliced:
            found = self._picture
        if found is None:
            answers = Answers(self._binding, self._plan.sliced(0, 1))
            found = Picture(self._binding, answers.found(reverse=True))
        return found.reached(len(found) - 1) if len(found) else None

    def one(self) -> R:
        """Return the only record. Make no others.

        Raises:
            RecordNotFound: there is none.
            SeveralRecords: there are several.
            RecordOutdated: it does not fit the table's fields any more.
        """
        return self._one(_FIRST_OF_SEVERAL)

    def one_or_none(self) -> R | None:
        """Return the only record, or None where there is none. Make no others.

        Raises:
            SeveralRecords: there are several.
            RecordOutdated: it does not fit the table's fields any more.
        """
        return self._one_or_none(_FIRST_OF_SEVERAL)

    def get_or_none(self, /, *expressions: Expression | bool, **equal: object) -> R | None:
        """Return the only record that fits this as well, or None where there is none.

        Raises:
            SeveralRecords: there are several.
            RecordOutdated: it does not fit the table's fields any more.
            DiscobaseError, pydantic.ValidationError: as for :meth:`find`.
        """
        return self._narrower(expressions, equal).one_or_none()

    # Changed all together

    def update(self, /, **values: object) -> ChangeReport:
        """Write into fields of all records that this finds now. Block; one API call for each
        commit, and one is enough for some ten thousand small records.

        A value may be computed of each record: ``query.update(age=User.age + 1)``. What one commit
        holds is written as a whole, and of what stood there when it was written: if anybody has
        written one of the records since they were read, the query is asked anew, 100 times at the
        most. So nothing that others write is lost, and of any number of processes that count in
        one record each counts. Several commits are not atomic, and the report says how many there
        were. All records are made and checked before the first one is sent.

        Records that come to fit while this runs may be left out. Each record that is found is
        written, also where that changes nothing. In a query that has a limit or is a slice, those
        in it are written. What this query holds stays as it is; :meth:`find` looks anew.

        Args:
            values: by field a value, as the field takes it; what is computed of fields, as in
                ``User.age + 1``; or another field, as in ``nick=User.name``.

        Returns:
            How many records were written, in how many commits.

        Raises:
            UsageError: there is no value, or one for `pk` or `version`.
            UnknownField: the table has no such field.
            WrongExpression: a value is computed of another table's fields, or is a comparison.
            WrongOperand: a value cannot be computed from what a record has.
            pydantic.ValidationError: a field does not allow a value; or the class a record.
            UniqueViolation: two records would have the same value in a unique field. They are
                written in the order of the query, each after those before it.
            RecordOutdated: a record does not fit the table's fields any more;
                :meth:`skip_outdated` leaves it out.
            Unavailable: others kept writing the records; or as for :meth:`Table.save
                <discobase.Table.save>`.
            OutcomeUnknown: a commit may have been made. Call this again on the same query object
                with the same values: what was made is not made twice.
            DiscobaseError: as for :meth:`Table.save <discobase.Table.save>`.
        """
        return self._changed(Update(self._binding, self._plan, f"{self._call}.update()", values))

    def delete(self) -> ChangeReport:
        """Delete all records that this finds now, those included that their class cannot load any
        more. Block; one API call for each commit, and one is enough for 20,000 records.

        As :meth:`update` does, it deletes what fits as it was read, and asks anew where somebody
        has written one of the records since.

        Returns:
            How many records were deleted, in how many commits.

        Raises:
            Unavailable, OutcomeUnknown: as for :meth:`update`.
            DiscobaseError: as for :meth:`Table.delete <discobase.Table.delete>`.
        """
        return self._changed(Delete(self._binding, self._plan, f"{self._call}.delete()"))

    # What is known of them without making records

    def count(self, *record: Never) -> int:
        """Return the number of records, making none. It takes no argument: how often one record is
        among them says :meth:`occurrences`.

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
        picture = self._picture
        return sum(
            read is record or read == record for read in map(picture.read, range(len(picture)))
        )

    def exists(self) -> bool:
        """Return whether there is any record, making none."""
        if self._held is not None or "_count" in self.__dict__:
            return len(self) > 0
        return self._exists

    def pks(self) -> list[int]:
        """Return the primary keys, in the order of the records, making none."""
        return Answers(self._binding, self._plan).pks()

    def values(self, /, *fields: object, distinct: bool = False) -> list[dict[str, Any]]:
        """Return the values of some fields, of each record in a dictionary, making no records.

        A record that its class cannot load any more gives its values where these fields load.

        Args:
            fields: names or class attributes, ``User.address.city`` too, which is called
                ``"address.city"``; all fields, and ``pk``, without any. What is not there is None.
            distinct: whether those are left out that equal earlier ones.

        Raises:
            UnknownField: the table has no field of a name.
            WrongExpression: something else is given.
            RecordOutdated: one of the fields does not load any more.
        """
        paths = self._paths(fields or (PK, *self._model.model_fields))
        names = [name_of(path) for path in paths]
        read = self._read(paths, distinct=distinct)
        return [dict(zip(names, values, strict=True)) for values in read]

    @overload
    def values_list(
        self, /, *fields: object, flat: Literal[False] = False, distinct: bool = False
    ) -> list[tuple[Any, ...]]: ...

    @overload
    def values_list(
        self, /, *fields: object, flat: Literal[True], distinct: bool = False
    ) -> list[Any]: ...

    def values_list(
        self, /, *fields: object, flat: bool = False, distinct: bool = False
    ) -> list[Any]:
        """Return the values of some fields, of each record in a tuple, making no records.

        Args:
            fields: as for :meth:`values`.
            flat: whether the values of one field are given without tuples around them.
            distinct: whether those are left out that equal earlier ones.

        Raises:
            UsageError: `flat`, and not one field.
            DiscobaseError: as for :meth:`values`.
        """
        if checked_flag("flat", flat) and len(fields) != 1:
            raise UsageError(f"values_list(flat=True) takes one field, and not {len(fields)}.")
        paths = self._paths(fields or (PK, *self._model.model_fields))
        read = self._read(paths, distinct=distinct)
        return [value for (value,) in read] if flat else read

    def to_pandas(self, /, *fields: object) -> pd.DataFrame:
        """Return the values of some fields as a ``pandas.DataFrame``, making no records. No API
        call.

        The columns have the types of the fields, also where there is no record: ``Int64`` where an
        ``int`` may be None, a time zone (UTC) where moments have one, decimals and days as objects,
        models as dictionaries. :doc:`/howto/frames` has the list. Secrets are masked.

        Args:
            fields: as for :meth:`values`.

        Raises:
            PackageMissing: pandas is not installed.
            DiscobaseError: as for :meth:`values`.
        """
        return pandas_frames.frame_of(self._columns(fields))

    def to_polars(self, /, *fields: object) -> pl.DataFrame:
        """Return the values of some fields as a ``polars.DataFrame``, making no records. No API
        call. Its columns have types as for :meth:`to_pandas`; models are structs.

        Args:
            fields: as for :meth:`values`.

        Raises:
            PackageMissing: Polars is not installed.
            FrameRefused: a value is none that its column's type has, as an integer of more than 64
                bits.
            DiscobaseError: as for :meth:`values`.
        """
        return polars_frames.frame_of(self._columns(fields))

    def to_arrow(self, /, *fields: object) -> Any:  # of which nobody has types
        """Return the values of some fields as a ``pyarrow.Table``, making no records. No API call.
        Its columns have types as for :meth:`to_pandas`; models are structs.

        Args:
            fields: as for :meth:`values`.

        Raises:
            PackageMissing: pyarrow is not installed.
            FrameRefused: as for :meth:`to_polars`.
            DiscobaseError: as for :meth:`values`.
        """
        return arrow_tables.table_of(self._columns(fields))

    def distinct(self, field: object) -> list[Any]:
        """Return the values of a field without those that equal earlier ones, making no records.

        Raises:
            DiscobaseError: as for :meth:`values`.
        """
        return self.values_list(field, flat=True, distinct=True)

    def min(self, field: object) -> Any:
        """Return the least value of a field, None left out; None where there is none.

        Raises:
            UsageError: the values cannot be compared.
            DiscobaseError: as for :meth:`values`.
        """
        return extreme(self._binding, self._plan, *self._paths((field,)), greatest=False)

    def max(self, field: object) -> Any:
        """Return the greatest value of a field, None left out; None where there is none. NaN is
        above all other numbers.

        Raises:
            UsageError: the values cannot be compared.
            DiscobaseError: as for :meth:`values`.
        """
        return extreme(self._binding, self._plan, *self._paths((field,)), greatest=True)

    def sum(self, field: object) -> Any:
        """Return the sum of a field's values, None left out; 0 where there is none. Floats are
        added exactly, and rounded once (:func:`math.fsum`); all else as Python adds it.

        Raises:
            UsageError: the values cannot be added.
            DiscobaseError: as for :meth:`values`.
        """
        return total(self._binding, self._plan, *self._paths((field,)))

    def avg(self, field: object) -> Any:
        """Return the mean of a field's values, None left out; None where there is none.

        Raises:
            UsageError: the values cannot be added, or divided.
            DiscobaseError: as for :meth:`values`.
        """
        return mean(self._binding, self._plan, *self._paths((field,)))

    def group_by(self, /, *fields: object) -> Groups:
        """Return the records in groups of equal values, for :meth:`count
        <discobase.queries.groups.Groups.count>` and other questions. Read nothing.

        Raises:
            UsageError: there is no field.
            UnknownField: the table has no field of a name.
            WrongExpression: something else is given.
        """
        if not fields:
            raise UsageError("group_by() takes the fields whose equal values make a group.")
        return Groups(self._binding, self._plan, self._paths(fields))

    # All of them

    def iterate(self, chunk: int = 1000) -> Iterator[R]:
        """Yield the records one by one, and hold none of them: memory does not grow with their
        number, but for 8 bytes a record where there is another order than that of primary keys, or
        a slice.

        Some are read at a time. What is written meanwhile is seen in those that are still to come;
        in another order, and in a slice, those that were there at the beginning come, as far as
        they still fit. No transaction is open in between, so that nobody is held up by a slow
        reader, and records may be saved on the way.

        Args:
            chunk: how many to read at a time.

        Raises:
            UsageError: `chunk` is no such number.
            RecordOutdated: one does not fit the table's fields any more.
        """
        if _number("iterate", chunk) == 0:
            raise UsageError("iterate(chunk=0) would read nothing at a time.")
        if self._plan.orderings or self._plan.is_ranked or self._plan.is_sliced:
            return self._by_pks(chunk)
        return self._by_pages(chunk)

    def hits(self, *, marks: tuple[str, str] = ("**", "**"), words: int = 20) -> list[Hit[R]]:
        """Return the records of a search, each with its rank and a snippet: the part of its texts
        that shows the most of what was searched for. They are read anew. No API call.

        Args:
            marks: what is put before and behind what was searched for. The text around it is as it
                is stored: to show it in HTML, see :doc:`/howto/search`.
            words: how many words a snippet has at most.

        Raises:
            UsageError: this query does not search, `marks` are no two texts, or `words` is no
                number above 0.
            RecordOutdated: a record does not fit the table's fields any more.
        """
        return hits(self._binding, self._plan, marks, words)

    def explain(self) -> Explanation:
        """Return how the query is answered: the SQL, the index or that there is none, how many rows
        are looked at, and what is checked in Python. It reads the rows for that.
        """
        return explain(self._binding, self._plan)

    def __bool__(self) -> bool:
        return self.exists()

    def __len__(self) -> int:
        return self._count if self._held is None else len(self._held)

    def __iter__(self) -> Iterator[R]:
        return self._picture.each()

    def __reversed__(self) -> Iterator[R]:
        picture = self._picture
        return map(picture.reached, reversed(range(len(picture))))

    @overload
    def __getitem__(self, index: int) -> R: ...

    @overload
    def __getitem__(self, index: slice) -> Query[R]: ...

    def __getitem__(self, index: int | slice) -> R | Query[R]:
        if isinstance(index, slice):
            return self._part(index)
        if self._held is None and index == 0 and (first := self.first()) is not None:
            return first
        return self._picture.reached(index)

    def __repr__(self) -> str:
        picture = self._held
        if picture is None:
            return f"<{self._call}>"
        shown = ", ".join(repr(picture.read(each)) for each in range(min(len(picture), _SHOWN)))
        rest = len(picture) - _SHOWN
        return f"<{self._call}: [{shown}{f', and {rest} more' if rest > 0 else ''}]>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the first of the records that this holds, and how many
        there are. It reads nothing.
        """
        picture = self._held
        if picture is None:
            return markup.block(self._call, "not read yet: go through it, as by list(...)")
        number = min(len(picture), markup.MOST_ROWS)
        told = markup.of_how_many(number, len(picture), "records")
        return records_html(self._model, [*map(picture.read, range(number))], self._call, told)

    def __copy__(self) -> Self:
        return self  # it never changes

    def __reduce_ex__(self, protocol: SupportsIndex) -> Never:
        raise UsageError(
            f"{self._call} reads this process's database, and can neither be pickled nor copied "
            f"deeply. What can: its records, list(query); its pks(); the expressions in it."
        )

    if not TYPE_CHECKING:  # with it, checkers would take each misspelt method for one

        def __getattr__(self, name: str) -> Never:
            if name in _NAMED_OTHERWISE:
                raise UnknownAttribute(self._call, name, (), (), _NAMED_OTHERWISE[name])
            wrong = f"{type(self).__name__!r} object has no attribute {name!r}"
            raise AttributeError(wrong, name=name, obj=self)

    # Within

    @property
    def _model(self) -> type[R]:
        return self._binding.codec.model

    @property
    def _call(self) -> str:
        said = [*self._said, *(["fresh=True"] if self._plan.fresh else [])]
        then = "".join(self._then)
        asked = "find" if self._plan.search is None else "search"
        return f"{self._model.__name__}.{asked}({', '.join(said)}){then}{_slice_of(self._plan)}"

    def _given(
        self, expressions: Iterable[Expression | bool], equal: Mapping[str, object]
    ) -> tuple[tuple[Expression, ...], tuple[str, ...]]:
        """Return what is asked for, checked, and how it is written."""
        asked = conditions(self._model, expressions)
        same = {name: self._checked(name, value) for name, value in equal.items()}
        model = self._model
        equalities = [equality(model, name, value) for name, value in same.items()]
        written = [f"{name}={in_full(value)}" for name, value in same.items()]
        return (*asked, *equalities), (*map(repr, asked), *written)

    def _checked(self, name: str, value: object) -> Any:
        if isinstance(value, OF_RECORDS):
            require_value(FieldPath(self._model, name), value)
        if name == VERSION:
            return version_number(self._model, value)
        if name == PK:
            return primary_key(self._model, value)
        if name not in self._model.model_fields:
            raise unknown_field(self._model, self._binding.name, name, PLACE, value)
        return self._binding.codec.stored_value(name, value)

    def _one(self, otherwise: str) -> R:
        found = self._one_or_none(otherwise)
        if found is None:
            raise RecordNotFound(f"{self._call} finds no record.")
        return found

    def _one_or_none(self, otherwise: str) -> R | None:
        """Return the only record; `otherwise` is what gives the first one of several."""
        found = self._held
        if found is None:
            answers = Answers(self._binding, self._plan.sliced(0, 2))
            found = Picture(self._binding, answers.found())
        if len(found) > 1:
            raise SeveralRecords(
                f"{self._call} finds {counted(len(self), 'record')}, among them those with pk "
                f"{found.place(0)[0]} and {found.place(1)[0]}: give more fields, or {otherwise} "
                f"for the first one."
            )
        return found.reached(0) if len(found) else None

    def _changed(self, wanted: ByQuery[R]) -> ChangeReport:
        change = wanted
        if self._unfinished is not None and self._unfinished.is_as(wanted):
            change = self._unfinished
        try:
            return change.carry_out()
        finally:
            self._unfinished = change if change.is_unfinished else None

    def _narrower(
        self,
        expressions: Iterable[Expression | bool],
        equal: Mapping[str, object],
        *,
        fresh: bool = False,
    ) -> Query[R]:
        self._refuse_slice("find")
        wanted, said = self._given(expressions, equal)
        plan = replace(
            self._plan,
            conditions=self._plan.conditions + wanted,
            fresh=checked_flag("fresh", fresh) or self._plan.fresh,
        )
        return self._with(plan, said=self._said + said)

    def _with(self, plan: Plan, then: str = "", said: tuple[str, ...] | None = None) -> Query[R]:
        made = Query(self._binding, {})
        made._plan = plan
        made._said = self._said if said is None else said
        made._then = (*self._then, then) if then else self._then
        return made

    def _part(self, part: slice) -> Query[R]:
        if part.step not in (None, 1):
            raise UsageError(f"a query has no steps: list(query)[::{in_full(part.step)}] has.")
        start = 0 if part.start is None else _bound(part.start)
        stop = None if part.stop is None else _bound(part.stop)
        if start < 0 or (stop is not None and stop < 0):
            start, stop, _ = slice(start, stop).indices(len(self))
        made = self._with(self._plan.sliced(start, stop))
        if self._held is not None:
            made.__dict__["_picture"] = self._held.part(slice(start, stop))
        return made

    def _refuse_slice(self, what: str) -> None:
        if self._plan.is_sliced:
            raise UsageError(
                f"{what}() of a slice, {self._call}: limit(), offset() and slices come last."
            )

    def _paths(self, fields: Iterable[object]) -> list[FieldPath]:
        return [place_of(self._model, self._binding.name, field) for field in fields]

    def _columns(self, fields: Sequence[object]) -> list[FrameColumn]:
        paths = self._paths(fields or (PK, *self._model.model_fields))
        names = [*map(name_of, paths)]
        return columns_of(self._binding, paths, told_apart(names), self._read(paths))

    def _read(self, paths: Sequence[FieldPath], *, distinct: bool = False) -> list[tuple[Any, ...]]:
        wanted = checked_flag("distinct", distinct)
        read = FieldValues(self._binding, paths).read(self._plan)
        return without_doubles(read) if wanted else read

    def _by_pages(self, chunk: int) -> Iterator[R]:
        plan, after = self._plan, 0
        while True:
            above = Comparison(FieldPath(self._model, PK), Operator.GT, after)
            page = replace(plan, conditions=(*plan.conditions, above)).sliced(0, chunk)
            found = Answers(self._binding, page).found()
            plan = replace(plan, fresh=False)
            yield from Picture(self._binding, found).each()
            if len(found) < chunk:
                return
            after = found[-1][0]

    def _by_pks(self, chunk: int) -> Iterator[R]:
        pks = array("q", self.pks())
        at_a_time = min(chunk, _LARGEST_PAGE)
        for start in range(0, len(pks), at_a_time):
            wanted = tuple(pks[start : start + at_a_time])
            among = Comparison(FieldPath(self._model, PK), Operator.IN, wanted)
            page = Plan((*self._plan.conditions, among), skips_outdated=self._plan.skips_outdated)
            found = {each[0]: each for each in Answers(self._binding, page).found()}
            yield from Picture(self._binding, [found[pk] for pk in wanted if pk in found]).each()

    # What was read is held, and records are made of it when they are asked for, each once.

    @property
    def _held(self) -> Picture[R] | None:
        held: Picture[R] | None = self.__dict__.get("_picture")
        return held

    @once
    def _picture(self) -> Picture[R]:
        picture = Picture(self._binding, Answers(self._binding, self._plan).found())
        first: Picture[R] | None = self.__dict__.get("_first")
        if first and picture and first.place(0) == picture.place(0):
            picture.put(0, first.read(0))
        return picture

    @once
    def _first(self) -> Picture[R]:
        return Picture(self._binding, Answers(self._binding, self._plan.sliced(0, 1)).found())

    @once
    def _count(self) -> int:
        return Answers(self._binding, self._plan).count()

    @once
    def _exists(self) -> bool:
        is_sorted = bool(self._plan.orderings) or self._plan.is_ranked
        if "_first" in self.__dict__ or not is_sorted:  # to look for the first one costs the same
            return len(self._first) > 0
        return Answers(self._binding, self._plan).any()


def text_search(binding: Binding[Any], text: object) -> TextSearch:
    """Return what somebody searches for in a table's texts.

    Raises:
        WrongSearch: `text` is no search, or no text of the table is searched.
    """
    model, places = binding.codec.model, binding.codec.searched
    if not places:
        raise WrongSearch(
            f"{model.__name__} has no text that is searched: mark a field, as in "
            f"`body: Annotated[str, discobase.Searchable()]`."
        )
    if not isinstance(text, str):
        raise WrongSearch(f"search() takes a text, and not {text!r}.")
    return TextSearch(model, places, text, SearchText.of(text))


def _number(what: str, number: object) -> int:
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise UsageError(
            f"{what}() takes a number that is not negative, and not {in_full(number)}."
        )
    return number


def _bound(given: object) -> int:
    """Return a bound of a slice, as a list takes it."""
    try:
        return operator.index(cast("SupportsIndex", given))
    except TypeError:
        raise UsageError(
            f"a slice of a query has integers for bounds, and not {in_full(given)}."
        ) from None


def _spelt(field: object) -> str:
    if isinstance(field, Ordering):
        return f"{field.path!r}.{'desc' if field.descending else 'asc'}()"
    return repr(field)


def _slice_of(plan: Plan) -> str:
    if not plan.is_sliced:
        return ""
    return f"[{plan.offset or ''}:{'' if plan.stop is None else plan.stop}]"
