"""An engine that hears of no event: it reads when asked, and notices what it was not told."""

from __future__ import annotations

import asyncio
import json

import pytest

from discobase.engine.changes import Insert
from discobase.engine.log.last_look import TRUST
from discobase.engine.server.permissions import Permission
from discobase.errors import LogDamaged, MissingPermission, UpgradeNeeded
from tests.engine.rows import UNHEALED, row, rows_of, unhealable
from tests.engine.simulation import Faults
from tests.engine.workload import open_engine, put


@pytest.fixture
def pair(make_world, join):
    """A world with a writer who hears of everything, and one who hears of nothing."""

    def made(faults=None):
        world = make_world(faults=faults or Faults())
        one, heard = join(world, "one")
        two, deaf = join(world, "two", session=10_000_000, hears=False)
        world.run_in(one, put(heard, Insert("a", row("first"))))
        world.run_in(two, deaf.refresh())
        world.pass_time(200)  # it has asked by then whether nonces are remembered for long
        two.calls.clear()
        return world, (one, heard), (two, deaf)

    return made


def test_nothing_is_asked_by_itself_not_even_in_a_day(pair):
    world, (one, heard), (two, deaf) = pair()
    world.run_in(one, put(heard, Insert("a", row("x"))))
    world.pass_time(86_400)
    assert not two.calls
    assert deaf.replica.head.seq == 1
    assert deaf.standing().age > 86_400


def test_it_never_listens(pair):
    world, _, (two, _) = pair()
    assert not two.session._handlers
    assert world.time > 0


def test_what_is_young_enough_is_not_read_again(pair):
    world, (one, heard), (two, deaf) = pair()
    world.run_in(two, deaf.freshen(0.0))
    world.run_in(one, put(heard, Insert("a", row("x"))))
    two.calls.clear()
    world.run_in(two, deaf.freshen(10.0))
    assert (two.calls.total(), deaf.replica.head.seq) == (0, 1)
    world.pass_time(10)
    world.run_in(two, deaf.freshen(10.0))
    assert deaf.replica.head.seq == 2
    assert deaf.standing().age < 1


@pytest.mark.parametrize("within", [0.0, 0.02, 0.5, 10.0])
def test_what_is_read_was_current_so_long_ago_or_later_however_many_read(pair, within):
    world, (one, heard), (two, deaf) = pair(Faults(network=0.4))

    async def read(after):
        await asyncio.sleep(after)
        called = world.time
        await deaf.freshen(within)
        acknowledged = sum(time <= called - within for time in times)
        assert deaf.replica.head.seq >= 1 + acknowledged

    async def read_all():
        await asyncio.gather(*(read(number / 40) for number in range(600)))

    times: list[float] = []

    async def write():
        for number in range(60):
            await put(heard, Insert("a", row(str(number))))
            times.append(world.time)
            await asyncio.sleep(0.1)

    one.loop.create_task(write())
    two.calls.clear()
    world.run_in(two, read_all())
    assert len(times) > 10


def test_fifty_who_read_at_once_share_what_is_read(pair):
    world, _, (two, deaf) = pair()
    world.pass_time(3)

    async def read_all():
        await asyncio.gather(*(deaf.freshen(1.0) for _ in range(50)))

    world.run_in(two, deaf.refresh())
    world.pass_time(5)
    two.calls.clear()
    world.run_in(two, read_all())
    assert two.calls.total() == 1


def test_a_look_is_made_once_a_minute_at_most(pair):
    world, _, (two, deaf) = pair()
    for _ in range(60):
        world.pass_time(11)
        world.run_in(two, deaf.freshen(10.0))
    # And once the catalog, where the verdict on nonces was written since the login.
    assert two.calls["history"] == 60 + 1
    assert two.calls["channels"] <= 11
    assert two.calls["message"] <= 11
    assert two.calls.total() <= 61 + 22


def test_a_save_after_a_silence_looks_first(pair):
    world, (one, heard), (two, deaf) = pair()
    world.pass_time(3_600)
    world.run_in(one, put(heard, Insert("a", row("theirs"))))
    world.pass_time(3_600)  # its nonce is forgotten
    world.run_in(two, put(deaf, Insert("a", row("own"))))
    world.run_in(one, heard.refresh())
    assert rows_of(heard) == rows_of(deaf)
    assert (heard.replica.head.seq, heard.lost(), deaf.lost()) == (3, [], [])


def test_saves_at_a_minutes_distance_cost_no_look(pair):
    world, _, (two, deaf) = pair()
    world.run_in(two, put(deaf, Insert("a", row("x"))))
    two.calls.clear()
    for number in range(5):
        world.pass_time(TRUST - 5)
        world.run_in(two, put(deaf, Insert("a", row(str(number)))))
    assert two.calls.total() == 5


def head_message(world, engine):
    seq = engine.replica.head.seq
    message = engine.replica.positions.message_at(seq)
    return engine.superblock.lane_of(seq), message


def test_a_deleted_head_is_noticed_before_anything_is_written_above_it(pair):
    world, (one, _), (two, deaf) = pair()
    one.kill()
    unhealable(world, deaf.superblock.checkpoints)
    world.delete(*head_message(world, deaf))
    world.pass_time(300)
    with pytest.raises(LogDamaged) as caught:
        world.run_in(two, put(deaf, Insert("a", row("above"))))
    assert caught.value.position == 1
    assert not [stored for stored in world.written if "above" in stored.message.content]


def test_a_deleted_head_is_noticed_by_a_read_within_a_minute(pair):
    world, (one, _), (two, deaf) = pair()
    one.kill()
    unhealable(world, deaf.superblock.checkpoints)
    world.delete(*head_message(world, deaf))
    world.pass_time(TRUST + 1)
    world.run_in(two, deaf.freshen(10.0))
    world.pass_time(UNHEALED)
    with pytest.raises(LogDamaged):
        world.run_in(two, deaf.freshen(10.0))
    assert len(rows_of(deaf)) == 1  # it keeps what it has


def test_a_deleted_head_is_healed_before_anything_is_written_above_it(pair):
    world, (one, _), (two, deaf) = pair()
    one.kill()
    world.delete(*head_message(world, deaf))
    world.pass_time(300)
    placed = world.run_in(two, put(deaf, Insert("a", row("above"))))
    assert placed.seq == 3, "above an empty commit"
    late = world.process("late")
    assert rows_of(world.run_in(late, open_engine(late))) == rows_of(deaf)


def test_the_newest_message_that_it_never_saw_and_that_is_gone_holds_it_up_and_is_told(pair):
    world, (one, heard), (two, deaf) = pair()
    world.run_in(one, put(heard, Insert("a", row("gone"))))
    one.kill()
    world.delete(*head_message(world, heard))
    world.pass_time(300)  # until then its nonce tells
    began = world.time
    world.run_in(two, put(deaf, Insert("a", row("next"))))
    assert 25 < world.time - began < 60
    assert len(deaf.lost()) == 1


def test_a_superblock_of_a_later_format_stops_it(pair):
    world, _, (two, deaf) = pair()
    later = {"superblock": 9, "needs": "9.0"}
    text = f"```json\n{json.dumps(later, separators=(',', ':'))}\n```"
    world.post(deaf.superblock.catalog, text, (), "later")
    world.pass_time(TRUST + 1)
    with pytest.raises(UpgradeNeeded, match=r"9\.0"):
        world.run_in(two, put(deaf, Insert("a", row("x"))))


@pytest.mark.parametrize("taken", [Permission.READ_MESSAGE_HISTORY, Permission.VIEW_CHANNEL])
def test_a_right_that_is_taken_away_is_found_by_who_reads_and_given_back_by_the_next(pair, taken):
    world, (one, heard), (two, deaf) = pair()
    lane = deaf.superblock.lane_of(deaf.replica.head.seq + 1)
    world.deny(lane, taken, told=False)
    for _ in range(2):
        with pytest.raises(MissingPermission):
            world.run_in(two, deaf.refresh())
    world.deny(lane, Permission(0), told=False)
    world.run_in(one, put(heard, Insert("a", row("x"))))
    world.run_in(two, deaf.refresh())
    assert rows_of(deaf) == rows_of(heard)


def test_it_waits_for_a_position_by_reading(pair):
    world, (one, heard), (two, deaf) = pair()
    began = world.time
    world.run_in(one, put(heard, Insert("a", row("x"))))
    world.run_in(two, deaf.reach(2))
    assert world.time - began < 1
    waiting = two.loop.create_task(deaf.reach(3))
    world.pass_time(30)
    world.run_in(one, put(heard, Insert("a", row("y"))))
    world.run(waiting.done, within=11)
    assert deaf.replica.head.seq == 3
