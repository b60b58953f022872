"""Which of the frames that wait for their turn count, and which are void."""

from __future__ import annotations

import pytest

from discobase.engine.arrivals import Arrivals
from discobase.engine.log.entry import Entry
from discobase.engine.log.frame import GENESIS, Header
from discobase.engine.replica import Head
from discobase.engine.server.seam import Message

ELSEWHERE = "f" * 32


def entry(seq, message, chain):
    header = Header(seq, chain, "w", 0.0, 1, "h", "inline", 1, f"hash of {message}")
    return Entry(Message(message, 1, 1, ""), header)


def decided(*entries):
    """The message at each position from the first on, and whether it counts."""
    arrivals = Arrivals()
    for each in entries:
        arrivals.note(each, read=True)
    found = arrivals.decided(Head(0, GENESIS))
    return [(each.message.id, counts) for each, counts in found]


@pytest.mark.parametrize(
    ("late", "expected"),
    [
        pytest.param(30, [(10, False), (20, True)], id="after others had gone on above it"),
        pytest.param(15, [(15, True)], id="before others went on above it"),
    ],
)
def test_a_frame_that_fits_counts_only_if_nobody_had_gone_on_without_it(late, expected):
    used_up, above = entry(1, 10, ELSEWHERE), entry(2, 20, GENESIS)
    assert decided(used_up, above, entry(1, late, GENESIS)) == expected


def test_a_frame_that_does_not_fit_is_void_once_the_chain_goes_on_above_it():
    used_up = entry(1, 10, ELSEWHERE)
    assert decided(used_up) == []
    assert decided(used_up, entry(2, 20, GENESIS)) == [(10, False), (20, True)]
