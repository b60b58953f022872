"""Records that a search has found, each with how well it fits, and the part that shows why."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from discobase.errors import UsageError
from discobase.queries.answers import Answers
from discobase.queries.picture import Picture
from discobase.queries.snippets import snippet
from discobase.records.expressions.text_search import stored_texts
from discobase.records.record import Record

if TYPE_CHECKING:
    from discobase.binding import Binding
    from discobase.queries.plan import Plan

R = TypeVar("R", bound=Record)


class Hit(NamedTuple, Generic[R]):
    """A record that a search has found.

    Attributes:
        record: the record.
        rank: how well it fits: the greater the better. It compares hits of one search alone.
        snippet: a part of its texts, in which is marked what was searched for.
    """

    record: R
    rank: float
    snippet: str


def hits(binding: Binding[R], plan: Plan, marks: object, words: object) -> list[Hit[R]]:
    """Return the records of a search, with their ranks and snippets.

    Args:
        binding: the table.
        plan: the search.
        marks: what is put before and behind what was searched for.
        words: how many words a snippet has at most.

    Raises:
        UsageError: it is no search, or `marks` are no two texts, or `words` is no number above 0.
        RecordOutdated: a record does not fit the table's fields any more.
    """
    search = plan.search
    if search is None:
        raise UsageError("hits() are what search() finds, and this query does not search.")
    put = _checked_marks(marks)
    if not isinstance(words, int) or isinstance(words, bool) or words < 1:
        raise UsageError(f"hits(words={words!r}): a number of words above 0 is expected.")
    found = Answers(binding, replace(plan, with_ranks=True)).found()
    ranked: list[Any] = [*found]
    picture = Picture(binding, [each[:4] for each in ranked])
    return [
        Hit(
            picture.reached(number),
            -each[4],
            snippet(stored_texts(each[2], search), search.asked, put, words),
        )
        for number, each in enumerate(ranked)
    ]


def _checked_marks(marks: object) -> tuple[str, str]:
    match marks:
        case [str(before), str(behind)]:
            return before, behind
        case _:
            raise UsageError(
                f"hits(marks={marks!r}): two texts are expected, as in ('<b>', '</b>')."
            )
