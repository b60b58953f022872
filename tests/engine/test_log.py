"""Superblock, the rule for two messages at one position, and the pauses between tries."""

from __future__ import annotations

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from discobase.engine.frame import GENESIS, Header
from discobase.engine.log import Entry, decide
from discobase.engine.retry import LONGEST_PAUSE, TRIES, pause, persist
from discobase.engine.server import Message, Uncertain
from discobase.engine.superblock import Superblock, base36

ids = st.integers(1, 2**63 - 1)
superblocks = st.builds(
    Superblock,
    database=st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=8, max_size=8),
    generation=st.integers(1, 36**3),
    catalog=ids,
    lanes=st.lists(ids, min_size=1, max_size=16).map(tuple),
    snapshots=ids,
    created=st.integers(0, 2**40).map(lambda milliseconds: round(milliseconds / 1000, 3)),
)


@given(superblocks)
def test_a_superblock_reads_back(block):
    content = block.to_content()
    assert len(content) <= 2_000
    assert content.isascii()
    assert Superblock.from_content(content) == block


@given(superblocks, st.data())
def test_an_altered_superblock_is_none(block, choose):
    content = block.to_content()
    place = choose.draw(st.integers(0, len(content) - 1))
    letter = choose.draw(st.sampled_from('0123456789abcxyz{}[],:"` \n'))
    altered = content[:place] + letter + content[place + 1 :]
    read = Superblock.from_content(altered)
    assert read is None or read == block


@given(superblocks, st.integers(1, 36**8), st.integers(1, 36**8))
def test_nonces_are_short_and_each_belongs_to_one_position(block, one, other):
    assert len(block.nonce_of(one)) <= 25
    assert (block.nonce_of(one) == block.nonce_of(other)) == (one == other)


@given(superblocks, superblocks, st.integers(1, 10**9), st.integers(1, 10**9))
def test_nonces_of_two_databases_or_generations_never_meet(one, other, first, second):
    assume((one.database, one.generation) != (other.database, other.generation))
    assert one.nonce_of(first) != other.nonce_of(second)


@given(st.integers(0, 2**80))
def test_base_36_can_be_read_back(number):
    assert int(base36(number), 36) == number


@given(superblocks)
def test_positions_that_follow_each_other_go_round_the_lanes(block):
    count = len(block.lanes)
    assert sorted(block.lane_of(seq) for seq in range(5, 5 + count)) == sorted(block.lanes)


def entry(identity, prev, writer="w"):
    header = Header(3, prev, writer, 0.0, 1, "h", "inline", 1, f"digest of {identity}")
    return Entry(Message(identity, 1, 1, ""), header)


@given(st.lists(st.tuples(ids, st.sampled_from([GENESIS, "a", "b"])), unique_by=lambda it: it[0]))
def test_the_lowest_id_that_fits_the_chain_counts_in_whatever_order_they_come(candidates):
    entries = [entry(identity, prev) for identity, prev in candidates]
    fitting = [identity for identity, prev in candidates if prev == "a"]
    for order in (entries, entries[::-1]):
        winner = decide(order, "a")
        assert (winner and winner.message.id) == (min(fitting) if fitting else None)


class Dice:
    """As much of a server as a pause needs: one number, and sleep that counts."""

    def __init__(self, number):
        self.number, self.slept = number, []

    def random(self):
        return self.number

    async def sleep(self, seconds):
        self.slept.append(seconds)


@given(st.floats(0, 1, exclude_max=True), st.integers(0, 10_000))
def test_pauses_double_up_to_a_limit_and_are_never_less_than_half(number, attempt):
    whole = min(LONGEST_PAUSE, 0.1 * 2 ** min(attempt, 60))
    assert whole / 2 <= pause(Dice(number), attempt) <= whole


@pytest.mark.parametrize("failures", [0, 1, TRIES - 1, TRIES])
def test_a_request_is_repeated_until_it_is_answered_but_not_for_ever(failures):
    import asyncio

    server, tries = Dice(0.5), []

    async def request():
        tries.append(1)
        if len(tries) <= failures:
            raise Uncertain("no answer")
        return "answer"

    if failures == TRIES:
        with pytest.raises(Uncertain):
            asyncio.run(persist(server, request))
    else:
        assert asyncio.run(persist(server, request)) == "answer"
    assert len(tries) == min(failures + 1, TRIES)
    assert len(server.slept) == len(tries) - 1


def test_a_superblock_of_another_format_is_none():
    block = Superblock("abcdefgh", 1, 2, (3,), 4, 5.0)
    assert Superblock.from_content(block.to_content().replace(":1,", ":2,", 1)) is None
    assert Superblock.from_content("```json\n" + json.dumps([1]) + "\n```") is None
