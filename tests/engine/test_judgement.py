"""What a verification takes each position of a log for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discobase.engine.arrivals import Arrivals
from discobase.engine.log.entry import Entry
from discobase.engine.log.frame import GENESIS, Header
from discobase.engine.replica import Head
from discobase.engine.server.seam import Message
from discobase.engine.verification.judgement import judge


def entry(seq, chain, hash_, message, behind=0):
    header = Header(seq, chain, "w", 0.0, 1, "h", "inline", 1, hash_, behind)
    return Entry(Message(message, 1, 1, ""), header)


def judged(entries, until, chains=lambda _: None):
    arrivals = Arrivals()
    for each in entries:
        arrivals.note(each, read=True)
    return [*judge(arrivals, Head(0, GENESIS), until, chains)]


def words(entries, until, chains=lambda _: None):
    """Each position's message: `-` for none, `!` where it does not fit, `~` where it is void."""
    return " ".join(
        f"{each.entry.message.id if each.entry else '-'}"
        f"{'' if each.fits else '!'}{'' if each.counts or not each.entry else '~'}"
        for each in judged(entries, until, chains)
    )


A, B = entry(1, GENESIS, "a", 10), entry(2, "a", "b", 20)
C, D = entry(3, "b", "c", 30), entry(4, "c", "d", 40)
LATE, ODD = entry(2, "a", "z", 21), entry(2, "x", "y", 20)


@pytest.mark.parametrize(
    ("entries", "until", "expected"),
    [
        ([], 0, ""),
        ([], 2, "- -"),
        ([A, B, C, D], 4, "10 20 30 40"),
        ([A, B, C, D], 3, "10 20 30"),
        ([A, C, D], 4, "10 - 30 40"),
        ([B], 3, "- 20 -"),
        ([A, ODD, C, D], 4, "10 20! 30! 40"),
        ([A, ODD], 2, "10 20!"),
        ([A, entry(2, "x", "y", 20, behind=1)], 2, "10 20~"),
        ([A, ODD, entry(3, "a", "c", 30), D], 4, "10 20~ 30 40"),
        ([A, B, LATE, C], 3, "10 20 30"),
        ([A, LATE, ODD, C], 3, "10 21 30!"),
    ],
)
def test_each_position_is_taken_as_every_reader_takes_it(entries, until, expected):
    assert words(entries, until) == expected


def test_what_stands_beside_the_taken_one_is_named():
    (_, second, _) = judged([A, B, LATE, C], 3)
    assert second.others == (LATE,)


def test_what_is_remembered_tells_how_a_log_goes_on_above_a_hole():
    entries = [A, entry(3, "forged", "z", 25), C, D]
    assert words(entries, 4) == "10 - 25 40!"
    assert words(entries, 4, {3: "b"}.get) == "10 - 30 40"


facts = st.tuples(
    st.integers(1, 6), st.sampled_from("abcdef"), st.sampled_from("abcdef"), st.integers(0, 1)
)


@given(st.lists(facts), st.integers(0, 8), st.dictionaries(st.integers(1, 8), st.just("a")))
def test_every_position_is_judged_once_and_in_order(facts, until, remembered):
    entries = [
        entry(seq, GENESIS if seq == 1 else chain, hash_, 10 + number, behind)
        for number, (seq, chain, hash_, behind) in enumerate(facts)
    ]
    found = judged(entries, until, remembered.get)
    assert [each.seq for each in found] == [*range(1, until + 1)]
    for each in found:
        at = {other.message.id for other in entries if other.header.seq == each.seq}
        taken = set() if each.entry is None else {each.entry.message.id}
        assert taken | {other.message.id for other in each.others} == at
