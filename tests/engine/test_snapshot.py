"""The state as canonical lines: what is refused, what stays, and what others do meanwhile."""

from __future__ import annotations

import contextlib
import json
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from discobase.engine.changes import IndexWanted, Insert, Request
from discobase.engine.log.entry import Commit, Entry
from discobase.engine.log.frame import GENESIS, Header
from discobase.engine.operations import (
    Constrain,
    Declare,
    Delete,
    Introduce,
    LaterFormat,
    Names,
    Put,
    Require,
)
from discobase.engine.replica import Head, NotTheState, Replica, positions, snapshot
from discobase.engine.server.seam import Message
from tests.engine.schemas import FINGERPRINT, schema_of

LANES = 3
NAMED = schema_of({"name": "plain"}, unique=("name",))


def entry(seq, chain):
    header = Header(seq, chain, "w", 0.0, 1, "h", "inline", 1, f"hash {seq}")
    return Entry(Message(seq * 10, seq % LANES, 1, ""), header)


def apply(replica, *operations):
    head = replica.head
    replica.apply([Commit(entry(head.seq + 1, head.chain), list(operations))])


@pytest.fixture
def replica():
    made = Replica(LANES)
    apply(
        made,
        Declare("user", NAMED, 1),
        Constrain("user", "name", 1),
        Names("key"),
        *(Put("user", pk, json.dumps({"name": f"n{pk}"}), 1) for pk in range(1, 30)),
    )
    apply(made, Delete("user", 7), Put("thing", 1, "{}"))
    yield made
    made.close()


@pytest.fixture
def other():
    made = Replica(LANES)
    apply(made, Put("kept", 1, '{"a":1}'))
    yield made
    made.close()


def lines_of(replica):
    with contextlib.closing(replica.snapshot()) as taken:
        return b"".join(taken.lines()), taken.head, taken.hash


def state_hash(lines):
    ends = lines.find(b'["position"')
    return sha256(lines if ends < 0 else lines[:ends]).hexdigest()


def test_the_hash_is_that_of_the_lines_without_the_positions(replica):
    lines, _, said = lines_of(replica)
    assert said == state_hash(lines)
    assert lines.startswith(b'["state",1,2,"hash 2"]\n["table","thing",2]\n[1,2,0,{}]\n')


def test_the_lines_do_not_tell_how_the_replica_has_come_to_its_state(replica, other):
    replica.index(IndexWanted("user", "name", FINGERPRINT))
    for pk in range(1, 6):
        replica.propose([Request([Insert("thing", "{}")], {}, key=f"k{pk}")])
        replica.withdraw()
    before = lines_of(replica)
    other.restore([before[0]], *before[1:])
    assert lines_of(other) == before


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_the_lines_may_come_cut_anywhere(replica, other, step):
    lines, head, said = lines_of(replica)
    other.restore([lines[at : at + step] for at in range(0, len(lines), step)], head, said)
    assert lines_of(other) == (lines, head, said)
    assert other.select("user", []) == replica.select("user", [])
    assert other.count("kept") == 0


def refused(other, lines, head, said):
    before = lines_of(other)
    with pytest.raises(NotTheState):
        other.restore([lines], head, said)
    assert lines_of(other) == before
    apply(other, Put("kept", 2, "{}"))
    assert other.count("kept") == 2


@pytest.mark.parametrize(
    "spoil",
    [
        lambda lines: lines[:-1],
        lambda lines: lines[: len(lines) // 2],
        lambda lines: lines + lines,
        lambda lines: lines.split(b"\n", 1)[1],
        lambda lines: lines.replace(b'["table"', b'["tabel"', 1),
        lambda lines: lines.replace(b"[2,1,1,{", b"[1,1,1,{"),
        lambda lines: lines.replace(b"[2,1,1,{", b"[99999999999999999999,1,1,{"),
        lambda lines: lines.replace(b"[2,1,1,{", b"[2,1,1,\xc3{"),
        lambda lines: lines.replace(b"}]\n", b"]\n", 1),
        lambda lines: lines.replace(b'["position",1,', b'["position",2,'),
        lambda lines: b"".join(lines.splitlines(keepends=True)[:-1]),
        lambda _: b"",
        lambda _: b"[" * 100_000 + b"\n",
        lambda _: b"null\n",
    ],
)
def test_lines_that_are_not_what_was_written_change_nothing(replica, other, spoil):
    lines, head, _ = lines_of(replica)
    spoilt = spoil(lines)
    assert spoilt != lines
    refused(other, spoilt, head, state_hash(spoilt))


def test_another_hash_or_another_position_changes_nothing(replica, other):
    lines, head, said = lines_of(replica)
    refused(other, lines, head, "0" * 64)
    refused(other, lines.replace(b'"n3"', b'"nn"'), head, said)
    refused(other, lines, Head(head.seq, GENESIS), said)
    refused(other, lines, Head(1, head.chain), said)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_one_byte_more_less_or_other_is_noticed(data):
    with contextlib.closing(Replica(LANES)) as replica, contextlib.closing(Replica(LANES)) as other:
        apply(replica, Declare("user", NAMED, 1), Put("user", 1, '{"name":"n"}', 1))
        lines, head, said = lines_of(replica)
        at = data.draw(st.integers(0, lines.find(b'["position"') - 1))
        byte = bytes([data.draw(st.integers(0, 255))])
        cut = data.draw(st.sampled_from([0, 1]))
        spoilt = lines[:at] + byte + lines[at + cut :]
        if spoilt != lines:
            with pytest.raises((NotTheState, LaterFormat)):
                other.restore([spoilt], head, said)
        assert other.head.seq == 0


def test_a_later_format_is_called_that(replica, other):
    lines, head, said = lines_of(replica)
    with pytest.raises(LaterFormat, match="format 2"):
        other.restore([lines.replace(b'["state",1,', b'["state",2,')], head, said)
    assert other.head.seq == 1


def test_what_is_committed_meanwhile_is_not_in_it_and_waits_for_nobody(replica):
    expected = lines_of(replica)
    with contextlib.closing(replica.snapshot()) as taken:
        chunks = taken.lines()
        lines = next(chunks)
        apply(replica, Put("user", 30, '{"name":"later"}', 1), Delete("user", 1))
        lines += b"".join(chunks)
        assert (lines, taken.head, taken.hash) == expected
    assert replica.get("user", 30)
    assert lines_of(replica)[1].seq == 3


def test_large_records_come_in_small_steps(monkeypatch, other):
    monkeypatch.setattr(snapshot, "_BYTES", 10_000)
    with contextlib.closing(Replica(LANES)) as replica:
        sizes = [1] * 5000 + [4000] * 40 + [1] * 5000
        records = (json.dumps({"a": "x" * size}) for size in sizes)
        apply(replica, *(Put("user", pk, data) for pk, data in enumerate(records, 1)))
        with contextlib.closing(replica.snapshot()) as taken:
            chunks = [*taken.lines()]
        assert max(map(len, chunks)) < 400_000
        other.restore(chunks, taken.head, taken.hash)
        assert (other.count("user"), taken.records) == (len(sizes), len(sizes))


def test_only_the_recent_positions_are_known_afterwards(monkeypatch, replica, other):
    for module in (positions, snapshot):
        monkeypatch.setattr(module, "RECENT", 4)
    for pk in range(40, 50):
        apply(replica, Put("user", pk, "{}", 1))
    lines, head, said = lines_of(replica)
    with contextlib.closing(Replica(LANES)) as restored:
        restored.restore([lines], head, said)
        assert [restored.position(seq) is not None for seq in (7, 8, 9, 12)] == [
            False,
            False,
            True,
            True,
        ]
        assert restored.find(80) is None
        assert restored.find(90) == 9
        assert restored.hash_at(11) == "hash 11"
        assert restored.positions.below(13) == replica.positions.below(13)


def test_the_volume_of_the_log_is_a_part_of_the_state(replica, other):
    lines, head, said = lines_of(replica)
    assert b'["volume",2]\n' in lines  # two frames, of a byte each
    assert replica.volume == 2
    other.restore([lines], head, said)
    assert other.volume == 2
    apply(other, Put("thing", 2, "{}"))
    assert other.volume == 3


def test_which_version_is_required_is_a_part_of_the_state(replica, other):
    before = lines_of(replica)[2]
    apply(replica, Require("2.0"))
    lines, head, said = lines_of(replica)
    assert b'["minimum","2.0"]\n' in lines
    assert said != before
    other.restore([lines], head, said)
    assert other.writers.minimum == "2.0"
    assert lines_of(other) == (lines, head, said)


def test_what_writers_are_called_is_a_part_of_the_state(replica, other):
    before = lines_of(replica)[2]
    apply(replica, Introduce("w2", "two"), Introduce("w1", "one"))
    apply(replica, Introduce("w3", "three"))
    lines, head, said = lines_of(replica)
    assert b'["writer","w1","one",3]\n["writer","w2","two",3]\n["writer","w3","three",4]\n' in lines
    assert said != before
    other.restore([lines], head, said)
    assert other.writers == replica.writers
    assert lines_of(other) == (lines, head, said)
