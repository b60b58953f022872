"""How a query is answered: by what SQL, by which index, and what is left to Python."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from discobase.queries.answers import Answers, Statement
from discobase.queries.bounds import FALSE, TRUE
from discobase.queries.conditions import compiled, room_in

if TYPE_CHECKING:
    from discobase.binding import Binding
    from discobase.queries.plan import Plan

_INDEX = re.compile(r"USING (?:COVERING )?INDEX (\S+)")


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a query was answered just now. Its text says it in some lines.

    Args:
        sql: the statement.
        arguments: what is bound in it.
        indexes: the fields by whose indexes rows are found or sorted, ``pk`` for the primary key;
            none where all rows are looked at.
        plan: what SQLite says of it (sqlite.org/eqp.html).
        looked_at: how many rows SQLite looked at.
        computed: the fields without an index, whose keys are computed for each row looked at.
        in_python: what Python checks or does itself.
        checked: for how many rows.
        searched: by which fields' index of texts rows are found; none where there is none, or it is
            still being made.
    """

    sql: str
    arguments: Mapping[str, object]
    indexes: tuple[str, ...]
    plan: tuple[str, ...]
    looked_at: int
    computed: tuple[str, ...]
    in_python: tuple[str, ...]
    checked: int
    searched: tuple[str, ...] = ()

    @property
    def is_scan(self) -> bool:
        """Whether all rows are looked at, for want of an index that leads to those that fit."""
        return not any(step.startswith(("SEARCH", "MULTI-INDEX")) for step in self.plan)

    def __str__(self) -> str:
        by = ", ".join((*(f"the words of {name}" for name in self.searched), *self.indexes))
        how = f"scan{f' in the order of {by}' if by else ''}" if self.is_scan else f"index: {by}"
        bound = ", ".join(f"{name}={value!r}" for name, value in self.arguments.items())
        checks = "; ".join(self.in_python) or "nothing"
        return "\n".join(
            (
                f"SQL: {self.sql}",
                *([f"with: {bound}"] if bound else []),
                how,
                f"rows looked at: {self.looked_at}",
                *([f"no index: {', '.join(self.computed)}"] if self.computed else []),
                f"in Python: {checks}{f' ({self.checked} rows)' if self.checked else ''}",
            )
        )


def explain(binding: Binding[Any], plan: Plan) -> Explanation:
    """Return how a plan is answered. No API call; it reads the rows."""
    statement, steps, looked_at, checked = Answers(binding, plan).explained()
    return Explanation(
        statement.made.selection.sql,
        statement.arguments,
        tuple(_indexes(statement, steps)),
        tuple(steps),
        looked_at,
        tuple(statement.made.terms.computed),
        tuple(_in_python(statement, plan, checked)),
        checked,
        tuple(_searched(statement, plan)),
    )


def _indexes(statement: Statement[Any], steps: list[str]) -> dict[str, None]:
    columns = statement.made.terms.layout.columns.values()
    names = {column.name.strip('"'): column.field for column in columns}
    found: dict[str, None] = {}
    for step in steps:
        if match := _INDEX.search(step):
            found[names.get(match[1].strip('"'), match[1])] = None
        elif "USING INTEGER PRIMARY KEY" in step:
            found["pk"] = None
    if statement.made.text or (statement.made.terms.others and len(found) > 1):
        found.pop("pk", None)  # leads to the rows that lack a key, or that the words are in
    return found


def _searched(statement: Statement[Any], plan: Plan) -> list[str]:
    if plan.search is None or statement.made.text is None:
        return []
    return list(dict.fromkeys(str(place[0]) for place in plan.search.places))


def _in_python(statement: Statement[Any], plan: Plan, checked: int) -> list[str]:
    room = room_in(len(plan.conditions))
    bounds = {
        each: compiled(each, statement.made.terms, room) for each in plan.conditions if checked
    }
    inexact = [each for each, known in bounds.items() if not known.is_exact]
    # What SQL decides but for rows whose keys are not known is named where nothing else is.
    never = [each for each in inexact if bounds[each].sure == FALSE]
    open_ = [repr(each) for each in never or inexact]
    if plan.search is not None and plan.search.asked.wanted and statement.made.text is None:
        open_.append("the index of texts is still being made")
    if plan.skips_outdated:
        open_.append("whether records load")
    if statement.made.ranks_itself or statement.made.selection.wrong == TRUE:
        open_.append("the order")
    return open_
