"""When a checkpoint is due: a table of tails and states."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discobase.engine.checkpoints.costs import (
    PAGE,
    State,
    Tail,
    is_due,
    seconds_for_state,
    seconds_for_tail,
)

SMALL, LARGE = 100, 64 << 20
"""Bytes of a commit: of one small record, and as many as one may have."""


@pytest.mark.parametrize(
    ("lanes", "commits", "each", "records", "packed", "due"),
    [
        # Nothing, and what takes no more calls than nothing.
        (4, 0, SMALL, 0, 0, False),
        (4, 4 * PAGE, SMALL, 10, 500, False),
        # A small database whose lanes have two or three pages each.
        (4, 12 * PAGE, SMALL, 10, 500, True),
        (8, 8 * PAGE, SMALL, 10, 500, False),
        (8, 24 * PAGE, SMALL, 10, 500, True),
        # A large one: pages are dear only when the channel gives no more at once.
        (4, 12 * PAGE, SMALL, 1_000_000, 9_500_000, False),
        (4, 60 * PAGE, SMALL, 1_000_000, 9_500_000, True),
        (4, 60 * PAGE, SMALL, 10_000_000, 95_000_000, False),
        (4, 300 * PAGE, SMALL, 10_000_000, 95_000_000, True),
        # Few commits, but large: what they hold was replaced again and again, or not.
        (4, 10, LARGE, 1_000, 10_000, True),
        (4, 3, LARGE, 3_000_000, 24 << 20, False),
    ],
)
def test_due(lanes, commits, each, records, packed, due):
    tail = Tail(commits, commits * each)
    assert is_due(tail, State(records, packed), lanes) is due


@given(
    st.integers(1, 50),
    st.integers(0, 10**6),
    st.integers(0, 10**10),
    st.integers(0, 10**7),
    st.integers(0, 10**9),
)
def test_what_is_due_stays_so_as_the_tail_grows_and_an_opening_never_costs_twice_the_state(
    lanes, commits, size, records, packed
):
    tail, state = Tail(commits, size), State(records, packed)
    due = is_due(tail, state, lanes)
    if due:
        assert is_due(Tail(commits + PAGE, size + PAGE * SMALL), state, lanes)
        assert seconds_for_tail(tail, lanes) > seconds_for_state(state)
    else:
        least = seconds_for_tail(Tail(lanes * PAGE, 0), lanes)
        assert seconds_for_tail(tail, lanes) <= max(least, seconds_for_state(state))
