"""What somebody with the bot's token writes, and no version of discobase: frames whose values are
as large, as small or as odd as they can be. Each is passed over, or is damage, or of a later
format; none is a fault, and the reader that follows the page on the format says the same.
"""

from __future__ import annotations

import hashlib
import json

import pytest

from discobase.engine.changes import Insert
from discobase.engine.engine import examine
from discobase.engine.repair.repairing import repair
from discobase.errors import LogDamaged, RecordRefused, UpgradeNeeded
from discobase.progress import Gauge
from tests.engine.lasting import join_lasting, save
from tests.engine.rows import row, rows_of
from tests.engine.workload import LIMITS, put
from tests.format import reader
from tests.format.worlds import OfWorld, held_by

LARGEST = 2**63 - 1
HUGE = 10**30
SCHEMA = '{"fields":{},"index":[],"unique":[]}'
FIELD = '{"kind":"plain","print":"p"}'
LONE = "\\ud800"

TAKEN = [
    f'["put","a",{LARGEST - 1},{{}}]',
    f'["del","a",{LARGEST}]',
    f'["put","a",7,{LARGEST},{{}}]',
    f'["declare","a",{LARGEST},{LARGEST},{SCHEMA}]',
    f'["keys","a","x",{FIELD},[{HUGE},{HUGE},{HUGE}],[[{LARGEST},"k"]]]',
    '["request?","k",999999999]',
    f'["put","a",7,{{"n":{"9" * 400}}}]',
    f'["put","a",7,{{"n":1e999,"deep":{"[" * 200}{"]" * 200}}}]',
    f'["put","{"a" * 300}",7,{{}}]',
    '["put","a\\u0000",7,{}]',
]
DAMAGE = [
    f'["put","a",{LARGEST},{{}}]',
    f'["put","a",7,{LARGEST + 1},{{}}]',
    f'["declare","a",7,{LARGEST + 1},{SCHEMA}]',
    f'["request?","{LONE}"]\n["put","a",7,{{}}]',
    f'["writer?","x","{LONE}"]',
    f'["put","a",{"9" * 5_000},{{}}]',
]
LATER = [f'["put","a",{LARGEST + 1},{{}}]', f'["keys","a","x",{FIELD},null,[[{LARGEST + 1},"k"]]]']
NO_FRAME = [
    {"seq": LARGEST + 1},
    {"behind": LARGEST + 1},
    {"size": float("nan")},
    {"time": 10**400},
    {"writer": "\ud800"},
    {"prev": "\ud800", "behind": 1},
]
FITTING = [{"time": float("-inf")}, {"time": float("nan"), "behind": LARGEST}]
WRONG = [{"ops": LARGEST}, {"size": 64 << 20}]


def shown(value):
    return str(value)[:40]


class Forged:
    """A database with two records, and a frame above them that fits."""

    def __init__(self, world, payload, fields):
        self.world = world
        self.process, self.engine = join_lasting(world)
        save(world, self.process, self.engine, "a", "b")
        world.pass_time(1)
        head, block = self.engine.replica.head, self.engine.superblock
        self.head = head.seq
        header = {
            "discobase": 1,
            "seq": head.seq + 1,
            "prev": head.chain,
            "writer": "w",
            "time": 1.0,
            "ops": payload.count("\n") + 1,
            "hash": hashlib.sha256(payload.encode()).hexdigest()[:32],
            "enc": "inline",
            "size": len(payload),
        } | fields
        content = f"```json\n{json.dumps(header, separators=(',', ':'))}\n{payload}\n```"
        world.post(block.lane_of(head.seq + 1), content, (), "forged")
        world.pass_time(40)

    def asked(self, what):
        """Have somebody look who is not connected."""
        process = self.world.process("somebody else")
        return self.world.run_in(process, what(process.seam, LIMITS, Gauge(), "here"))

    def refused(self, error):
        """Nobody saves or connects any more, each with that error."""
        with pytest.raises(error):
            save(self.world, self.process, self.engine, "c")
        with pytest.raises(error):
            join_lasting(self.world, "late")
        assert not self.process.failures


@pytest.fixture
def forge(make_world):
    return lambda payload='["put","a",7,{}]', **fields: Forged(make_world(), payload, fields)


def test_what_can_be_is_taken(forge):
    forged = forge("\n".join(TAKEN))
    _, late = join_lasting(forged.world, "late")
    assert held_by(late) == held_by(forged.engine)
    assert late.replica.head.seq == forged.head + 1
    state = reader.open_database(OfWorld(forged.world))
    assert (state.seq, state.chain, state.hash()) == held_by(late)


def test_a_table_without_a_primary_key_left_takes_no_new_record_and_all_else(forge):
    forged = forge(f'["put","a",{LARGEST - 1},{{"tag":"z"}}]')
    world, process, engine = forged.world, forged.process, forged.engine
    with pytest.raises(RecordRefused, match="no primary key left"):
        save(world, process, engine, "c")
    world.run_in(process, put(engine, Insert("b", row("c"))))
    assert rows_of(engine) == ["a", "b", "z"]


@pytest.mark.parametrize("payload", DAMAGE, ids=shown)
def test_what_cannot_be_is_damage_and_a_repair_leaves_it_out(forge, payload):
    forged = forge(payload)
    forged.refused(LogDamaged)
    assert not forged.asked(examine).sound
    assert [loss.position for loss in forged.asked(repair).lost] == [forged.head + 1]
    with pytest.raises(reader.Damaged):
        reader.open_database(OfWorld(forged.world))


@pytest.mark.parametrize("payload", LATER, ids=shown)
def test_what_is_of_no_form_is_of_a_later_version(forge, payload):
    forged = forge(payload)
    forged.refused(UpgradeNeeded)
    for look in (examine, repair):
        with pytest.raises(UpgradeNeeded):
            forged.asked(look)
    with pytest.raises(reader.LaterFormat):
        reader.open_database(OfWorld(forged.world))


@pytest.mark.parametrize("fields", NO_FRAME, ids=shown)
def test_a_frame_with_such_a_header_is_none_and_another_one_takes_its_place(forge, fields):
    forged = forge(**fields)
    save(forged.world, forged.process, forged.engine, "c")
    _, late = join_lasting(forged.world, "late")
    assert rows_of(late) == ["a", "b", "c"]
    forged.asked(examine)
    state = reader.open_database(OfWorld(forged.world))
    assert (state.seq, state.chain, state.hash()) == held_by(late)


@pytest.mark.parametrize("fields", FITTING, ids=shown)
def test_no_time_is_too_odd(forge, fields):
    forged = forge(**fields)
    assert forged.engine.replica.head.seq == forged.head + 1
    forged.asked(examine)
    state = reader.open_database(OfWorld(forged.world))
    assert (state.seq, state.chain, state.hash()) == held_by(forged.engine)


@pytest.mark.parametrize("fields", WRONG, ids=shown)
def test_a_payload_that_is_not_what_its_header_says_is_damage(forge, fields):
    forged = forge(**fields)
    forged.refused(LogDamaged)
    assert [loss.position for loss in forged.asked(repair).lost] == [forged.head + 1]
    with pytest.raises(reader.Damaged):
        reader.open_database(OfWorld(forged.world))
