"""Superblock, the rule for two messages at one position, and the pauses between tries."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from discobase.engine.base36 import base36
from discobase.engine.log.entry import Entry, decide
from discobase.engine.log.frame import GENESIS, Header
from discobase.engine.log.superblock import Superblock
from discobase.engine.operations import LaterFormat
from discobase.engine.server.retry import LONGEST_PAUSE, TRIES, pause, persist
from discobase.engine.server.seam import Message, Uncertain

LATER = '"superblock":9,"needs":"0.9.1",'
NUMBER = len('```json\n{"superblock":')
ids = st.integers(1, 2**63 - 1)
superblocks = st.builds(
    Superblock,
    database=st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=8, max_size=8),
    generation=st.integers(1, 36**3),
    catalog=ids,
    lanes=st.lists(ids, min_size=1, max_size=16).map(tuple),
    checkpoints=ids,
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
    if re.match(r"[4-9]|\d\d", altered[NUMBER:]):
        with pytest.raises(LaterFormat):
            Superblock.from_content(altered)
        return
    read = Superblock.from_content(altered)
    assert read is None or read == block


@given(superblocks)
def test_a_superblock_of_a_later_format_is_named_with_the_version_that_it_needs(block):
    later = re.sub(r'"superblock":.,("needs":"2.0",)?', LATER, block.to_content(), count=1)
    with pytest.raises(LaterFormat) as raised:
        Superblock.from_content(later)
    assert (raised.value.what, raised.value.needs) == ("a superblock of format 9", "0.9.1")


def test_a_superblock_of_before_checkpoints_had_their_name_reads_as_it_did():
    content = """```json
{"superblock":1,"hash":"a6463f2bafc4ba3f16f04ab308491b4c",
"is":{"database":"abcdefgh","generation":1,"catalog":"1","lanes":["2","3"],"snapshots":"4","created":5.0}}
```"""
    block = Superblock.from_content(content)
    assert block == Superblock("abcdefgh", 1, 1, (2, 3), 4, 5.0)
    assert Superblock.from_content(block.to_content()) == block
    assert '"checkpoints":"4"' in block.to_content()


@given(superblocks, st.integers(1, 36**8), st.integers(1, 36**8))
def test_nonces_are_short_and_each_belongs_to_one_position(block, one, other):
    assert len(block.nonce_of(one)) <= 25
    assert (block.nonce_of(one) == block.nonce_of(other)) == (one == other)


@given(superblocks, superblocks, st.integers(1, 10**9), st.integers(1, 10**9))
def test_nonces_of_two_databases_or_generations_never_meet(one, other, first, second):
    assume((one.database, one.generation) != (other.database, other.generation))
    assert one.nonce_of(first) != other.nonce_of(second)


def test_positions_that_end_alike_have_nonces_of_their_own():
    block = Superblock("abcdefgh", 1, 2, (3,), 4, 5.0)
    alike = [5 + 36**digits for digits in range(9)]
    assert len({block.nonce_of(seq) for seq in (5, *alike)}) == 10


def test_a_position_has_another_nonce_in_each_generation():
    generations = [Superblock("abcdefgh", number, 2, (3,), 4, 5.0) for number in range(1, 40)]
    assert len({block.nonce_of(7) for block in generations}) == 39
    assert len({block.nonce_of(seq) for block in generations for seq in range(1, 40)}) == 39**2


def test_databases_have_nonces_of_their_own():
    one, other = (Superblock(identity, 1, 2, (3,), 4, 5.0) for identity in ("abcdefgh", "abcdefgi"))
    assert one.nonce_of(7) != other.nonce_of(7)


@given(st.integers(0, 2**80))
def test_base_36_can_be_read_back(number):
    assert int(base36(number), 36) == number


@given(superblocks)
def test_positions_that_follow_each_other_go_round_the_lanes(block):
    count = len(block.lanes)
    assert sorted(block.lane_of(seq) for seq in range(5, 5 + count)) == sorted(block.lanes)


def entry(identity, chain, writer="w"):
    header = Header(3, chain, writer, 0.0, 1, "h", "inline", 1, f"hash of {identity}")
    return Entry(Message(identity, 1, 1, ""), header)


@given(st.lists(st.tuples(ids, st.sampled_from([GENESIS, "a", "b"])), unique_by=lambda it: it[0]))
def test_the_lowest_id_that_fits_the_chain_counts_in_whatever_order_they_come(candidates):
    entries = [entry(identity, chain) for identity, chain in candidates]
    fitting = [identity for identity, chain in candidates if chain == "a"]
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


def test_what_is_no_superblock_is_none():
    block = Superblock("abcdefgh", 1, 2, (3,), 4, 5.0)
    assert Superblock.from_content(block.to_content().replace(":1,", ":0,", 1)) is None
    assert Superblock.from_content("```json\n" + json.dumps([1]) + "\n```") is None
