"""Plans made SQL, and kept for those that differ in values alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from discobase.engine.changes import TextIndexWanted
from discobase.engine.replica import Layout, Selection, TextIndex
from discobase.errors import UnstorableValue
from discobase.once import once
from discobase.queries.bounds import FALSE, TRUE, Bounds
from discobase.queries.conditions import compiled
from discobase.queries.key_terms import KeyTerm, KeyTerms
from discobase.queries.orders import Order, ordered
from discobase.records.expressions.meaning import Operator
from discobase.records.expressions.nodes import Comparison

if TYPE_CHECKING:
    from discobase.binding import Binding
    from discobase.queries.plan import Plan
    from discobase.records.expressions.text_search import TextSearch

_KEPT = 100
"""Plans that are kept of a table: a guess, far above what a program has. Those of a query that goes
through pages differ by where they begin."""


class Compilation:
    """A plan made SQL, for a table as it is laid out.

    Args:
        binding: the table.
        plan: what is asked for.
        layout: how the table is laid out.
        trusting: whether key columns are taken for whole: where one is not, reading raises
            :exc:`~discobase.engine.replica.reader.KeysUnknown`.

    Attributes:
        terms: the keys that it names.
        bounds: the condition.
        text: the index of texts that is asked first; None for none.
    """

    def __init__(
        self, binding: Binding[Any], plan: Plan, layout: Layout, *, trusting: bool
    ) -> None:
        self._plan = plan
        self.text = _index_for(binding, plan.search, layout)
        answered = None if self.text is None else plan.search
        self.terms = KeyTerms(binding, layout, trusting=trusting, search=answered)
        self._match = "" if answered is None else self.terms.bind(answered.asked.match)
        bounds = compiled(plan.condition, self.terms)
        # Whether a record loads only loading it tells.
        self.bounds = Bounds(FALSE, bounds.maybe) if plan.skips_outdated else bounds

    @property
    def ranks_itself(self) -> bool:
        """Whether Python ranks the records, for want of an index: it has to look at all of them."""
        wants_ranks = self._plan.is_ranked or self._plan.with_ranks
        return wants_ranks and self.text is None and self.bounds.maybe != FALSE

    @once
    def selection(self) -> Selection:
        """The rows that may be asked for, in SQL's words."""
        return self._select(reverse=False)

    @once
    def reversed_selection(self) -> Selection:
        """The same from behind."""
        return self._select(reverse=True)

    @once
    def every(self) -> Selection:
        """All rows that the condition may fit, in no order."""
        terms, bounds = self.terms, self.bounds
        return Selection(
            terms.binding.name,
            bounds.maybe,
            bounds.sure,
            whole=terms.whole,
            others=terms.others,
            text=self.text,
            match=self._match,
        )

    def grouped(self, name: str) -> tuple[KeyTerm, Selection] | None:
        """Return the key of a field, and the rows that the condition may fit, for a statement that
        groups them by it; None where there is no key.
        """
        # Of its own: this object may be kept, and asked for other fields.
        terms = KeyTerms(self.terms.binding, self.terms.layout, trusting=self.terms.trusting)
        term, every = terms.of(name), self.every
        if term is None:
            return None
        whole, others = (*every.whole, *terms.whole), (*every.others, *terms.others)
        return term, replace(every, whole=whole, others=others)

    def _select(self, *, reverse: bool) -> Selection:
        plan, bounds = self._plan, self.bounds
        if self.ranks_itself:
            return Selection(self.terms.binding.name, TRUE, FALSE, (), TRUE)
        order = _by_rank(reverse=reverse) if plan.is_ranked and self.text else None
        order = order or ordered(plan.orderings, self.terms, reverse=reverse)
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
            self.terms.binding.name,
            where,
            decided,
            by.terms,
            by.wrong if order else TRUE,
            limit,
            offset,
            self.terms.whole,
            self.terms.others,
            self.text,
            self._match,
            ("rank",) if plan.with_ranks and self.text else (),
        )


def _index_for(
    binding: Binding[Any], search: TextSearch | None, layout: Layout
) -> TextIndex | None:
    """Return the index of texts that answers a search; None where there is none, which is asked for
    then.
    """
    if search is None or not search.asked.wanted:
        return None
    index = layout.text
    if index is not None and index.is_whole and index.places == search.places:
        return index
    if binding.latest is binding:  # or two classes of one table would each undo what the other asks
        binding.source.want_index(TextIndexWanted(binding.name, search.places))
    return None


def _by_rank(*, reverse: bool) -> Order:
    return Order(("rank DESC", "pk DESC") if reverse else ("rank", "pk"))


def compilation(
    binding: Binding[Any], plan: Plan, layout: Layout
) -> tuple[Compilation, Mapping[str, object]]:
    """Return a plan made SQL, which takes key columns for whole, and what it binds.

    A plan of equality alone is made SQL once for each set of fields: that is most of what finding
    one record costs.

    Args:
        binding: the table.
        plan: what is asked for.
        layout: how the table is laid out.
    """
    keys = _keys(binding, plan)
    shape = None if keys is None else (tuple([name for name, _ in keys]), plan.offset, plan.limit)
    made: Compilation | None = binding.statements.get(shape)
    if made is not None and made.terms.layout is layout:
        return made, {f"p{number}": key for number, (_, key) in enumerate(keys or ())}
    made = Compilation(binding, plan, layout, trusting=True)
    if shape is not None and made.bounds.is_exact and not made.terms.computed:
        if len(binding.statements) >= _KEPT:
            binding.statements.clear()
        binding.statements[shape] = made
    return made, made.terms.arguments


def _keys(binding: Binding[Any], plan: Plan) -> list[tuple[str, str]] | None:
    """Return the fields that a plan of equality alone compares, each with the key of its value;
    None for other plans, and where a key does not decide.
    """
    if plan.orderings or plan.skips_outdated:
        return None
    keys: list[tuple[str, str]] = []
    for each in plan.conditions:
        if not (isinstance(each, Comparison) and each.operator is Operator.EQ):
            return None
        name = each.path.name
        if each.path.steps or name not in binding.codec.kinds:
            return None
        try:
            key = binding.codec.stored_key(name, each.operand)
        except UnstorableValue:
            return None
        if key is None or not binding.codec.comes_back(name, each.operand):
            return None
        keys.append((name, key))
    return keys
