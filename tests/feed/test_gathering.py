"""What is kept until it is posted: little, and the rest is counted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from discobase.engine.operations import Declare, Delete, Names, Put
from discobase.feed.gathering import HELD, Gathered

OPERATIONS = st.one_of(
    st.builds(Put, st.sampled_from("ab"), st.integers(1, 9), st.just("{}")),
    st.builds(Delete, st.sampled_from("ab"), st.integers(1, 9)),
    st.just(Names("key")),
    st.just(Declare("a", "{}")),
)


@given(st.lists(st.lists(OPERATIONS, max_size=HELD), max_size=4), st.sampled_from(["ab", "a", ""]))
def test_the_first_changes_are_held_in_order_and_all_are_counted(commits, tables):
    gathered = Gathered()
    for position, operations in enumerate(commits, 1):
        gathered.add(position, operations, tables.__contains__)
    written = [
        (position, each.table, each.pk, isinstance(each, Delete))
        for position, operations in enumerate(commits, 1)
        for each in operations
        if isinstance(each, Put | Delete) and each.table in tables
    ]
    told = [(each.position, each.table, each.pk, each.deleted) for each in gathered.held]
    assert told == written[:HELD]
    assert len(gathered) == len(written)


def test_nothing_comes_behind_what_was_only_counted():
    gathered = Gathered()
    gathered.add(1, [Delete("a", pk) for pk in range(1, HELD + 2)], lambda _: True)
    gathered.held.clear()
    gathered.add(2, [Delete("a", 1)], lambda _: True)
    assert (gathered.held, gathered.more) == ([], 2)
