"""Read what a plan asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Generic, TypeVar

from discobase.engine.replica import (
    EMPTY,
    KeysUnknown,
    Layout,
    LayoutChanged,
    Replica,
    Row,
    Selection,
)
from discobase.queries.bounds import FALSE, TRUE, Bounds
from discobase.queries.conditions import compiled
from discobase.queries.found import FoundRow
from discobase.queries.key_terms import KeyTerms
from discobase.queries.orders import Order, ordered
from discobase.queries.row_values import RowValues
from discobase.queries.sorting import in_order
from discobase.records.outdated import OutdatedRecord
from discobase.records.record import Record

if TYPE_CHECKING:
    from discobase.binding import Binding
    from discobase.engine.replica import FlaggedRow
    from discobase.queries.plan import Plan

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
        return bool(Answers(self._binding, replace(self._plan.sliced(0, 1), orderings=())).found())

    def pks(self) -> list[int]:
        """Return the primary keys, in the order of the rows."""
        return self._ask(lambda statement: statement.pks())

    def groups(self, name: str) -> list[tuple[Row, int]] | None:
        """Return a row for each value of a field, the one with the lowest primary key, and how many
        there are; None where SQL cannot tell the values apart.
        """
        return self._ask(lambda statement: statement.groups(name))

    def explained(self) -> tuple[Statement[R], list[str], int, int]:
        """Read the rows, and return how: the statement, SQLite's plan, how many rows it looked at,
        and how many Python has to look at.
        """
        return self._ask(
            lambda statement: (statement, *statement.replica.explain(statement.selection()))
        )

    def _ask(self, question: Callable[[Statement[R]], T]) -> T:
        binding = self._binding
        if self._plan.fresh:
            binding.source.refresh()
        else:
            binding.source.freshen()
        replica = binding.source.replica()
        layout = replica.layouts.get(binding.name, EMPTY)
        try:
            try:
                return question(Statement(binding, self._plan, replica, layout, trusting=True))
            except KeysUnknown:
                return question(Statement(binding, self._plan, replica, layout))
        except LayoutChanged:
            without = replace(layout, columns={})
            return question(Statement(binding, self._plan, replica, without))


class Statement(Generic[R]):
    """A plan made SQL, for a table as it is laid out now.

    Args:
        binding: the table.
        plan: what is asked for.
        replica: what is read.
        layout: how the table is laid out.
        trusting: whether key columns are taken for whole: where one is not, reading raises
            :exc:`~discobase.engine.replica.reader.KeysUnknown`.
    """

    def __init__(
        self,
        binding: Binding[R],
        plan: Plan,
        replica: Replica,
        layout: Layout,
        *,
        trusting: bool = False,
    ) -> None:
        self.replica = replica
        self._binding = binding
        self._plan = plan
        self.terms = KeyTerms(binding, layout, trusting=trusting)
        bounds = compiled(plan.condition, self.terms)
        # Whether a record loads only loading it tells.
        self.bounds = Bounds(FALSE, bounds.maybe) if plan.skips_outdated else bounds

    def selection(self, *, reverse: bool = False) -> Selection:
        """Return the rows that may be asked for, in SQL's words."""
        plan, bounds = self._plan, self.bounds
        order = ordered(plan.orderings, self.terms, reverse=reverse)
        by = order or Order(("pk",))
        limit, offset = None, 0
        if order and bounds.is_exact:
            # Rows that are sorted wrongly come first: an offset would hide them.
            offset = plan.offset if by.wrong == FALSE else 0
            limit = None if plan.limit is None else plan.limit + plan.offset - offset
        # Where there is a condition, SQLite knows best which index to take.
        where, decided = bounds.maybe, bounds.sure
        if where == TRUE:
            where = by.by_index
            decided = where if bounds.is_exact else decided
        return Selection(
            self._binding.name,
            where,
            decided,
            by.terms,
            by.wrong if order else TRUE,
            limit,
            offset,
            self.terms.arguments,
            self.terms.whole,
            self.terms.others,
        )

    def found(self, fold: Callable[[Iterable[FoundRow[R]]], T], *, reverse: bool = False) -> T:
        """Return what a function makes of the rows, in their order."""
        plan, selection = self._plan, self.selection(reverse=reverse)
        start = plan.offset - selection.offset
        stop = None if plan.limit is None else start + plan.limit
        if stop == start:
            return fold(())
        if selection.wrong != TRUE:
            try:
                return self.replica.fold(
                    selection, lambda rows: fold(islice(self._fitting(_sorted(rows)), start, stop))
                )
            except _Unsorted:
                pass
        every = self.replica.fold(
            replace(selection, order=(), wrong=FALSE, limit=None, offset=0),
            lambda rows: list(self._fitting(rows)),
        )
        by_value = in_order(every, plan.orderings, self._binding.codec, RowValues(self._binding))
        start, stop = plan.offset, None if plan.limit is None else plan.offset + plan.limit
        return fold(islice(reversed(by_value) if reverse else by_value, start, stop))

    def count(self) -> int:
        """Return the number of rows."""
        plan, bounds = self._plan, self.bounds
        if bounds.maybe == FALSE or plan.limit == 0:
            return 0
        if bounds.sure != FALSE:
            selection = Selection(
                self._binding.name,
                bounds.maybe,
                bounds.sure,
                arguments=self.terms.arguments,
                whole=self.terms.whole,
                others=self.terms.others,
            )
            columns = ("count(*)", "count(*)" if bounds.is_exact else f"sum({bounds.sure})")
            cells = self.replica.cells(selection, columns, selection.condition)
            for number, decided in cells:
                if number == (decided or 0):
                    return _among(number, plan)
            if not cells:
                return 0
        selection = replace(self.selection(), order=(), wrong=FALSE)
        start, stop = plan.offset, None if plan.limit is None else plan.offset + plan.limit
        return self.replica.fold(
            selection, lambda rows: sum(1 for _ in islice(self._fitting(rows), start, stop))
        )

    def pks(self) -> list[int]:
        """Return the primary keys, in the order of the rows."""
        selection = self.selection()
        if self.bounds.is_exact and selection.wrong == FALSE:
            return [pk for (pk,) in self.replica.cells(selection, ("pk",), selection.tail)]
        return self.found(lambda rows: [found.row[0] for found in rows])

    def groups(self, name: str) -> list[tuple[Row, int]] | None:
        """Return a row for each value of a field, and how many there are; None where SQL cannot
        tell them apart.
        """
        term = self.terms.of(name)
        if term is None or self._plan.is_sliced or not self.bounds.is_exact:
            return None
        selection = self.selection()
        # Of a statement with min() the other columns are of the row that has it
        # (sqlite.org/lang_select.html).
        columns = ("min(pk)", "seq", "data", "count(*)", f"{term.unknown}")
        tail = f"{selection.condition} GROUP BY {term.sql} ORDER BY min(pk)"
        cells = self.replica.cells(selection, columns, tail)
        if any(unknown for *_, unknown in cells):
            return None
        return [((pk, seq, data), number) for pk, seq, data, number, _ in cells]

    def _fitting(self, rows: Iterable[FlaggedRow]) -> Iterator[FoundRow[R]]:
        condition, values = self._plan.condition, RowValues(self._binding)
        for pk, seq, data, flag in rows:
            found = (pk, seq, data)
            if flag % 2:
                yield FoundRow(found)
            elif self._plan.skips_outdated:
                record = self._binding.read(found)
                if isinstance(record, OutdatedRecord):
                    continue
                if condition is None or condition.holds_of(values.of(found)):
                    yield FoundRow(found, record)
            elif condition is None or condition.holds_of(values.of(found)):
                yield FoundRow(found)


def _sorted(rows: Iterable[FlaggedRow]) -> Iterator[FlaggedRow]:
    for row in rows:
        if row[3] > 1:
            raise _Unsorted
        yield row


def _among(number: int, plan: Plan) -> int:
    left = max(number - plan.offset, 0)
    return left if plan.limit is None else min(left, plan.limit)
