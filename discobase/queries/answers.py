"""Read what a plan asks for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from discobase.engine.replica import (
    EMPTY,
    KeysUnknown,
    Layout,
    LayoutChanged,
    Replica,
    Row,
    Selection,
    sql_text,
)
from discobase.queries.bounds import FALSE, TRUE
from discobase.queries.compilation import Compilation, compilation
from discobase.queries.found import FoundRow
from discobase.queries.ranking import Ranking, Seen
from discobase.queries.row_values import RowValues
from discobase.queries.sorting import in_order
from discobase.records.outdated import OutdatedRecord
from discobase.records.record import Record

if TYPE_CHECKING:
    from discobase.binding import Binding
    from discobase.engine.replica import FlaggedRow
    from discobase.queries.plan import Plan
    from discobase.records.expressions.text_search import TextSearch

R = TypeVar("R", bound=Record)
T = TypeVar("T")


class _Unsorted(Exception):
    """SQL could not sort: keys are not known."""


class Answers(Generic[R]):
    """Answers the questions of one plan, each from the state of one moment, without making records.

    No API call, unless the plan is `fresh`.

    Args:
        binding: the table.
        plan: what is asked for.
    """

    def __init__(self, binding: Binding[R], plan: Plan) -> None:
        self._binding = binding
        self._plan = plan

    def found(self, *, reverse: bool = False) -> list[FoundRow[R]]:
        """Return the rows, in their order.

        Args:
            reverse: whether the order is turned around before rows are taken by where they stand.
        """
        return self._ask(lambda statement: statement.found(list, reverse=reverse))

    def fold(self, fold: Callable[[Iterable[FoundRow[R]]], T]) -> T:
        """Return what a function makes of the rows, in their order, while they are read. It may be
        called again from the beginning.
        """
        return self._ask(lambda statement: statement.found(fold))

    def count(self) -> int:
        """Return the number of rows."""
        return self._ask(lambda statement: statement.count())

    def any(self) -> bool:
        """Return whether there is a row."""
        return bool(
            Answers(
                self._binding, replace(self._plan.sliced(0, 1), orderings=(), by_rank=False)
            ).found()
        )

    def pks(self) -> list[int]:
        """Return the primary keys, in the order of the rows."""
        return self._ask(lambda statement: statement.pks())

    def groups(self, name: str, added: str | None = None) -> list[tuple[Row, int, int]] | None:
        """Return a row for each value of a field, the one with the lowest primary key, how many
        there are, and the sum of another field of integers in them; None where SQL cannot tell.

        Args:
            name: the field.
            added: the other field, whose values are as they are stored; None for no sum.
        """
        return self._ask(lambda statement: statement.groups(name, added))

    def total(self, name: str) -> tuple[int, int] | None:
        """Return the sum of a field of integers, whose values are as they are stored, and how many
        there are; None where SQL cannot tell.
        """
        return self._ask(lambda statement: statement.total(name))

    def explained(self) -> tuple[Statement[R], list[str], int, int]:
        """Read the rows, and return how: the statement, SQLite's plan, how many rows it looked at,
        and how many Python has to look at.
        """
        return self._ask(lambda statement: (statement, *statement.explained()))

    def _ask(self, question: Callable[[Statement[R]], T]) -> T:
        binding = self._binding
        binding.source.freshen(fresh=self._plan.fresh)
        replica = binding.source.replica()
        layout = replica.layouts.get(binding.name, EMPTY)
        try:
            try:
                made, arguments = compilation(binding, self._plan, layout)
                return question(Statement(binding, self._plan, replica, made, arguments))
            except KeysUnknown:
                return question(self._distrusting(replica, layout))
        except LayoutChanged:
            return question(self._distrusting(replica, replace(layout, columns={}, text=None)))

    def _distrusting(self, replica: Replica, layout: Layout) -> Statement[R]:
        made = Compilation(self._binding, self._plan, layout, trusting=False)
        return Statement(self._binding, self._plan, replica, made, made.terms.arguments)


class Statement(Generic[R]):
    """A plan made SQL, to be asked of a replica.

    Args:
        binding: the table.
        plan: what is asked for.
        replica: what is read.
        made: the plan in SQL.
        arguments: what is bound in it.
    """

    def __init__(
        self,
        binding: Binding[R],
        plan: Plan,
        replica: Replica,
        made: Compilation,
        arguments: Mapping[str, object],
    ) -> None:
        self._binding = binding
        self._plan = plan
        self._replica = replica
        self.made = made
        self.arguments = arguments

    def found(self, fold: Callable[[Iterable[FoundRow[R]]], T], *, reverse: bool = False) -> T:
        """Return what a function makes of the rows, in their order."""
        plan = self._plan
        selection = self.made.reversed_selection if reverse else self.made.selection
        start = plan.offset - selection.offset
        stop = None if plan.limit is None else start + plan.limit
        if stop == start or self.made.bounds.maybe == FALSE:
            return fold(())
        if self.made.ranks_itself:
            return fold(self._ranked(reverse=reverse))
        if stop is not None and not self.made.bounds.is_exact:
            first = self._first(selection, stop)
            if first is not None:
                return fold(islice(first, start, stop))
        if selection.wrong != TRUE:
            try:
                return self._fold(
                    selection,
                    lambda rows: fold(islice(self._fitting(_sorted(rows, selection)), start, stop)),
                )
            except _Unsorted:
                pass
        every = self._fold(self.made.every, lambda rows: list(self._fitting(rows)))
        by_value = in_order(every, plan.orderings, self._binding.codec, RowValues(self._binding))
        part = reversed(by_value) if reverse else by_value
        return fold(islice(part, plan.offset, plan.stop))

    def _first(self, selection: Selection, number: int) -> list[FoundRow[R]] | None:
        """Return the first rows, where they are decided, though others are not; None otherwise.

        With a limit SQLite looks no further. Without one ``sqlite3`` asks for the row after the one
        that it hands on, for which all others may have to be looked at.
        """
        if self.made.bounds.sure == FALSE or selection.wrong == TRUE:
            return None
        rows: list[FlaggedRow] = self._fold(replace(selection, limit=number), list)
        return [*rows] if all(row[3] == 1 for row in rows) else None

    def _ranked(self, *, reverse: bool) -> Iterable[FoundRow[R]]:
        """Return the rows, in their order, each with its rank, which all rows of the table make."""
        plan = self._plan
        assert plan.search is not None
        every: list[Any] = self._fold(
            self.made.selection, partial(self._with_own_ranks, plan.search)
        )
        if plan.is_ranked:
            every.sort(key=lambda found: (found[4], found[0]))
        else:
            every = in_order(every, plan.orderings, self._binding.codec, RowValues(self._binding))
        part = islice(reversed(every) if reverse else every, plan.offset, plan.stop)
        return part if plan.with_ranks else (found[:4] for found in part)

    def _with_own_ranks(self, search: TextSearch, rows: Iterable[FlaggedRow]) -> list[Any]:
        ranking, seen = Ranking(search.asked), dict[int, Seen]()

        def searched() -> Iterator[FlaggedRow]:
            for row in rows:
                words = search.words(json.loads(row[2]))
                counted = ranking.see(words)
                if search.asked.fits(words):
                    seen[row[0]] = counted
                    yield row

        fitting = list(self._fitting(searched()))
        return [(*found, -ranking.rank(seen[found[0]])) for found in fitting]

    def explained(self) -> tuple[list[str], int, int]:
        """Read the rows, and return SQLite's plan, how many rows it looked at, and how many Python
        has to look at.
        """
        return self._replica.explain(self.made.selection, self.arguments)

    def count(self) -> int:
        """Return the number of rows."""
        plan, bounds, every = self._plan, self.made.bounds, self.made.every
        if bounds.maybe == FALSE or plan.limit == 0:
            return 0
        if bounds.sure != FALSE:
            columns = ("count(*)", "count(*)" if bounds.is_exact else f"sum({bounds.sure})")
            cells = self._cells(every, columns, every.condition)
            for number, decided in cells:
                if number == (decided or 0):
                    return _among(number, plan)
            if not cells:
                return 0
        return self._fold(
            every,
            lambda rows: sum(1 for _ in islice(self._fitting(rows), plan.offset, plan.stop)),
        )

    def pks(self) -> list[int]:
        """Return the primary keys, in the order of the rows."""
        selection = self.made.selection
        if self.made.bounds.is_exact and selection.wrong == FALSE:
            return [pk for (pk,) in self._cells(selection, ("pk",), selection.tail)]
        return self.found(lambda rows: [pk for pk, *_ in rows])

    def groups(self, name: str, added: str | None) -> list[tuple[Row, int, int]] | None:
        """Return a row for each value of a field, how many there are, and the sum of another field
        in them; None where SQL cannot tell.
        """
        grouped = self.made.grouped(name)
        if grouped is None or not self._decides:
            return None
        term, every = grouped
        # Of a statement with min() the other columns are of the row that has it
        # (sqlite.org/lang_select.html).
        sums = _sums(added) if added is not None else ("0", "0", "count(*)")
        columns = ("min(pk)", "seq", "data", "count(*)", *sums, term.unknown)
        tail = f"{every.condition} GROUP BY {term.sql} ORDER BY min(pk)"
        cells = self._cells(every, columns, tail)
        if any(unknown or number != whole for _, _, _, number, _, _, whole, unknown in cells):
            return None
        return [
            ((pk, seq, data), number, _sum(high, low))
            for pk, seq, data, number, high, low, *_ in cells
        ]

    def total(self, name: str) -> tuple[int, int] | None:
        """Return the sum of a field of integers, and how many there are; None where SQL cannot
        tell.
        """
        every = self.made.every
        if not self._decides:
            return None
        for number, high, low, whole in self._cells(
            every, ("count(*)", *_sums(name)), every.condition
        ):
            return (_sum(high, low), number) if number == whole else None
        return 0, 0

    @property
    def _decides(self) -> bool:
        """Whether SQL alone says which rows are asked for, and may look into them."""
        is_sliced, is_exact = self._plan.is_sliced, self.made.bounds.is_exact
        return is_exact and not is_sliced and not self._replica.is_checked

    def _fold(self, selection: Selection, fold: Callable[[Iterable[FlaggedRow]], T]) -> T:
        return self._replica.fold(selection, self.arguments, fold)

    def _cells(self, selection: Selection, columns: Sequence[str], tail: str) -> list[Any]:
        return self._replica.cells(selection, self.arguments, columns, tail)

    def _fitting(self, rows: Iterable[FlaggedRow]) -> Iterable[FoundRow[R]]:
        """Return the rows that fit; those of an exact condition as they come, at SQLite's pace."""
        return rows if self.made.bounds.is_exact else self._looked_through(rows)

    def _looked_through(self, rows: Iterable[FlaggedRow]) -> Iterator[FoundRow[R]]:
        condition, values = self._plan.condition, RowValues(self._binding)
        for row in rows:
            pk, seq, data, flag = row[:4]
            if flag % 2:
                yield row
            elif self._plan.skips_outdated:
                record = self._binding.read((pk, seq, data))
                if isinstance(record, OutdatedRecord):
                    continue
                if condition is None or condition.holds_of(values.of(row)):
                    yield cast("Any", (pk, seq, data, record, *row[4:]))
            elif condition is None or condition.holds_of(values.of(row)):
                yield row


def _sorted(rows: Iterable[FlaggedRow], selection: Selection) -> Iterable[FlaggedRow]:
    return rows if selection.wrong == FALSE else _refusing_unsorted(rows)


def _refusing_unsorted(rows: Iterable[FlaggedRow]) -> Iterator[FlaggedRow]:
    for row in rows:
        if row[3] > 1:
            raise _Unsorted
        yield row


def _sums(name: str) -> tuple[str, str, str]:
    """Return expressions for the sum of a field of integers in two halves, of which neither leaves
    64 bits, and for how many of its values are such: SQLite takes greater ones for floats, and
    booleans for integers.
    """
    path = sql_text(f'$."{name}"')
    value = f"json_extract(data, {path})"
    is_whole = f"typeof({value}) = 'integer' AND json_type(data, {path}) = 'integer'"
    return f"sum({value} >> 32)", f"sum({value} & 0xffffffff)", f"sum({is_whole})"


def _sum(high: int | None, low: int | None) -> int:
    return ((high or 0) << 32) + (low or 0)


def _among(number: int, plan: Plan) -> int:
    left = max(number - plan.offset, 0)
    return left if plan.limit is None else min(left, plan.limit)
