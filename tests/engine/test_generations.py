"""A change of generation in the simulation: each of its steps, and whoever is in the middle."""

from __future__ import annotations

import asyncio

import pytest

from discobase.engine.changes import Insert, Remove, Request
from discobase.engine.log.leftovers import YOUTH, channels_in
from discobase.engine.log.superseded import Superseded
from discobase.engine.server.permissions import Permission
from discobase.engine.server.seam import AccessChanged
from discobase.errors import DiscobaseError, Unavailable
from discobase.progress import Gauge
from tests.engine.lasting import (
    Killer,
    channels,
    is_held,
    join_lasting,
    leave_channels,
    open_lasting,
    save,
    save_on,
    superblocks,
    unheard_lift,
    vacuum,
)
from tests.engine.rows import row, rows_of
from tests.engine.seam import CHANGING
from tests.engine.workload import ask, put

pytestmark = pytest.mark.one_python


@pytest.fixture
def world(make_world):
    """A calm one."""
    return make_world()


def test_a_vacuum_leaves_the_records_and_not_what_was_deleted(world):
    one, engine = join_lasting(world)
    save(world, one, engine, "kept", "secret")
    world.run_in(one, put(engine, Remove("a", 2, 2)))
    old = channels_in(engine.superblock)
    told = world.run_in(one, vacuum(engine))
    assert (told.generation, told.position, told.records, told.lanes) == (2, 4, 1, 4)
    assert rows_of(engine) == ["kept"]
    assert not is_held(world, "secret")
    assert channels(world) == channels_in(engine.superblock)
    assert not (old - {engine.superblock.catalog}) & channels(world)
    assert superblocks(world, engine) == [2]
    placed = save(world, one, engine, "after")
    assert placed[0].seq == 5
    two, newcomer = join_lasting(world, "two")
    assert rows_of(newcomer) == ["kept", "after"]
    assert newcomer.replica.head == engine.replica.head
    assert not one.failures + two.failures


def test_another_process_follows_without_an_error(world):
    one, engine = join_lasting(world)
    two, other = join_lasting(world, "two")
    save(world, one, engine, "a")
    tags = [f"t{number}" for number in range(40)]
    saving = two.loop.create_task(save_on(other, tags, pause=0.05))
    world.pass_time(0.5)
    world.run_in(one, vacuum(engine, lanes=7))
    world.run(saving.done)
    saving.result()
    world.pass_time(1)
    assert len(other.superblock.lanes) == 7
    for each in (engine, other):
        assert sorted(rows_of(each)) == sorted(["a", *tags])
    _, late = join_lasting(world, "late")
    assert late.replica.head == engine.replica.head == other.replica.head
    assert sorted(rows_of(late)) == sorted(["a", *tags])


def test_a_maker_that_reads_slowly_is_not_kept_from_it_by_one_that_saves_without_a_pause(world):
    one, engine = join_lasting(world)
    two, other = join_lasting(world, "two")
    call = one.seam._call

    async def slow_to_read(what, effect, channel=None):
        if what.split()[0] not in CHANGING:
            await asyncio.sleep(0.1)
        return await call(what, effect, channel)

    one.seam._call = slow_to_read
    count = 400
    saving = two.loop.create_task(save_on(other, [f"t{n}" for n in range(count)], pause=0))
    world.pass_time(0.5)
    told = world.run_in(one, vacuum(engine))
    assert not saving.done()
    assert told.paused < 4
    world.run(saving.done)
    saving.result()
    world.pass_time(1)
    assert sorted(rows_of(engine)) == sorted(rows_of(other))
    assert len(rows_of(other)) == count


def test_several_vacuums_one_after_the_other(world):
    one, engine = join_lasting(world)
    two, deaf = join_lasting(world, "two", hears=False)
    for number, lanes in enumerate((2, 5, None, 1)):
        save(world, one, engine, f"s{number}")
        world.run_in(one, vacuum(engine, lanes=lanes))
        save(world, two, deaf, f"d{number}")
    world.run_in(one, engine.refresh())
    assert superblocks(world, engine) == [5]
    assert rows_of(engine) == rows_of(deaf)
    assert len(rows_of(engine)) == 8
    report = world.run_in(one, engine.verify(Gauge()))
    assert not report.findings, report.findings


@pytest.mark.parametrize("removed", [True, False], ids=["lanes removed", "lanes there"])
def test_a_checkpoint_that_a_change_of_generation_overtakes_is_one_of_the_new_generation(
    world, removed
):
    """What it has asked of the old lanes is answered when the replica is in the new ones."""
    one, engine = join_lasting(world)
    two, other = join_lasting(world, "two")
    if not removed:
        leave_channels(one)
    save(world, one, engine, *"abcd")  # so that each lane is known by its last message
    listed, late = two.seam.channels, []

    async def channels_late():
        found = await listed()
        if not late:
            late.append(True)
            await asyncio.sleep(10)
        return found

    two.seam.channels = channels_late
    gone = engine.superblock.lanes[0]
    writing = two.loop.create_task(other.checkpoint())
    world.run(lambda: late)
    world.run_in(one, vacuum(engine, lanes=7))
    world.broadcast(AccessChanged(gone))
    world.run(lambda: len(other.superblock.lanes) == 7, within=9)
    world.run(writing.done)
    assert writing.result().position == other.replica.head.seq == 5
    assert writing.result().message in world.messages[engine.superblock.checkpoints]


# Whoever makes it dies


def changed_under_a_writer(make_world, number, *, after):
    """A vacuum whose maker dies at one of its calls, while another process goes on saving. Returns
    the world, the maker's calls, and what was saved.
    """
    world = make_world(5)
    one, engine = join_lasting(world)
    two, other = join_lasting(world, "two")
    save(world, one, engine, "kept", "secret")
    world.run_in(one, put(engine, Remove("a", 2, 2)))
    world.run_in(one, vacuum(engine, lanes=2))
    calls = Killer(one, number, after=after)
    tags = [f"t{number}" for number in range(30)]
    saving = two.loop.create_task(save_on(other, tags, pause=1.0))
    making = one.loop.create_task(vacuum(engine, lanes=1))
    world.run(lambda: saving.done() and (making.done() or not one.alive), within=120)
    saving.result()
    return world, calls, other, ["kept", *tags]


def settled(world, other, expected):
    """See that one generation is in force, with all that was saved, and that nothing else is left
    when somebody comes later.
    """
    world.pass_time(YOUTH + 60)
    two = next(process for process in world.processes if process.name == "two")
    save(world, two, other, "later")  # by its id it is known how old other things are
    late, newcomer = join_lasting(world, "late")
    assert rows_of(newcomer) == rows_of(other) == [*expected, "later"]
    assert newcomer.superblock == other.superblock
    assert newcomer.replica.head == other.replica.head
    assert channels(world) == channels_in(newcomer.superblock)
    assert superblocks(world, newcomer) == [newcomer.superblock.generation]
    save(world, late, newcomer, "last")
    report = world.run_in(late, newcomer.verify(Gauge()))
    assert not report.findings
    assert not [failure for each in world.processes if each.alive for failure in each.failures]


def test_whoever_makes_a_generation_may_die_at_each_call(make_world):
    _, calls, other, _ = changed_under_a_writer(make_world, None, after=False)
    assert other.superblock.generation == 3
    generations = set()
    for number in range(calls.count):
        for after in (False, True):
            world, _, other, expected = changed_under_a_writer(make_world, number, after=after)
            settled(world, other, expected)
            generations.add((other.superblock.generation, len(other.superblock.lanes)))
    # The old one goes on, also by a seal that was lifted, or the new one does.
    assert generations == {(2, 2), (3, 2), (3, 1)}


# Whoever stands still


@pytest.mark.parametrize("seconds", [5.0, 100.0, 1_000.0])
@pytest.mark.parametrize("hears", [True, False])
@pytest.mark.parametrize("written", [["c"], []], ids=["behind", "at the checkpoint"])
def test_a_writer_that_stands_still_through_it_goes_on(world, seconds, hears, written):
    one, engine = join_lasting(world)
    two, other = join_lasting(world, "two", hears=hears)
    save(world, one, engine, "a", "b")
    world.run_in(two, other.refresh())
    two.freeze(seconds)
    save(world, one, engine, *written)
    world.run_in(one, vacuum(engine))
    save(world, one, engine, "d")
    world.run(lambda: not two.frozen, within=2_000)
    began = world.time
    save(world, two, other, "e")
    assert world.time - began < 10
    world.run_in(one, engine.refresh())
    assert rows_of(engine) == rows_of(other) == ["a", "b", *written, "d", "e"]
    assert not one.failures + two.failures


@pytest.mark.parametrize("removed", [True, False], ids=["lanes removed", "lanes there"])
def test_what_is_sent_into_the_old_lanes_after_it_is_written_once(make_world, removed):
    """A writer stands still between its look and the server's hearing of it, for longer than any
    nonce is remembered."""
    world = make_world(3)
    one, engine = join_lasting(world)
    two, other = join_lasting(world, "two")
    save(world, one, engine, "a")
    world.pass_time(1)
    send = two.seam.send

    async def late(channel, content, uploads, nonce):
        two.seam.send = send
        two.freeze(400)
        return await send(channel, content, uploads, nonce)

    two.seam.send = late
    two.session.lose(500)
    request = Request([Insert("a", row("late"))], key="r1")
    saving = two.loop.create_task(ask(other, request))
    world.run(lambda: two.frozen)
    if not removed:
        leave_channels(one)
    world.run_in(one, vacuum(engine, lanes=3))
    save(world, one, engine, "b")
    world.run(saving.done)
    saving.result()
    world.run_in(one, engine.refresh())
    world.run_in(two, other.refresh())
    _, newcomer = join_lasting(world, "late")
    assert rows_of(engine) == rows_of(other) == rows_of(newcomer)
    assert sorted(rows_of(newcomer)) == ["a", "b", "late"]


def test_a_maker_that_wakes_finds_itself_second_and_removes_its_channels(world):
    one, engine = join_lasting(world)
    two, other = join_lasting(world, "two")
    save(world, one, engine, "a")
    making = one.loop.create_task(vacuum(engine))
    world.run(lambda: other.replica.sealed)
    one.freeze(300)
    began = world.time
    save(world, two, other, "b")  # waits for the seal to be lifted
    assert 15 < world.time - began < 30
    assert other.superblock.generation == 2
    assert not other.superblock.ticket
    world.run(making.done)
    with pytest.raises(Unavailable, match="Ask for it again"):
        making.result()
    world.run_in(one, engine.refresh())
    save(world, one, engine, "c")
    world.run_in(two, other.refresh())
    assert rows_of(engine) == rows_of(other) == ["a", "b", "c"]
    assert channels(world) == channels_in(engine.superblock)
    world.run_in(two, vacuum(other))
    save(world, one, engine, "d")
    assert engine.superblock == other.superblock
    assert engine.superblock.generation == 3
    _, newcomer = join_lasting(world, "late")
    assert rows_of(newcomer) == ["a", "b", "c", "d"]


def test_of_two_vacuums_at_once_one_loses(make_world):
    told = set()
    for seed in range(6):
        world = make_world(seed)
        joined = [join_lasting(world, name) for name in ("one", "two")]
        save(world, *joined[0], "a")
        making = [process.loop.create_task(vacuum(engine)) for process, engine in joined]
        world.run(lambda making=making: all(task.done() for task in making))
        errors = [task.exception() for task in making]
        assert errors.count(None) in {1, 2}
        assert all(isinstance(error, Unavailable | None) for error in errors)
        told.add(errors.count(None))
        for number, (process, engine) in enumerate(joined):
            save(world, process, engine, f"s{number}")
        world.run_in(joined[0][0], joined[0][1].refresh())
        assert [rows_of(engine) for _, engine in joined] == [["a", "s0", "s1"]] * 2
        assert channels(world) == channels_in(joined[0][1].superblock)
    assert 1 in told


def test_a_refresh_after_it_sees_what_was_saved_in_the_new_generation(world):
    one, engine = join_lasting(world)
    two, other = join_lasting(world, "two")
    save(world, one, engine, "a")
    world.pass_time(1)
    two.session.lose(100)
    world.run_in(one, vacuum(engine))
    save(world, one, engine, "b")
    world.run_in(two, other.refresh())
    assert rows_of(other) == ["a", "b"]


def test_a_refresh_while_the_seal_is_the_last_word_looks_further(world):
    one, engine = join_lasting(world)
    two, other = join_lasting(world, "two", hears=False)
    save(world, one, engine, "a")
    leave_channels(one)
    world.run_in(one, vacuum(engine))
    save(world, one, engine, "b")
    world.run_in(two, other.refresh())
    assert rows_of(other) == ["a", "b"]


# Replicas that are kept


def test_a_kept_replica_goes_on_in_the_next_generation(world, tmp_path):
    one, engine = join_lasting(world)
    two, other = join_lasting(world, "two", cache=tmp_path)
    save(world, one, engine, "a", "b")
    world.run_in(two, other.refresh())
    world.run_in(one, vacuum(engine, lanes=3))
    save(world, one, engine, "c")
    world.run_in(two, other.refresh())
    world.run_in(two, other.close())
    two.alive = False
    three, again = join_lasting(world, "three", cache=tmp_path)
    assert again.replica.unchecked
    assert rows_of(again) == ["a", "b", "c"]
    world.run_in(three, again.close())
    three.alive = False
    world.run_in(one, vacuum(engine))
    save(world, one, engine, "d")
    _, later = join_lasting(world, "four", cache=tmp_path)
    assert rows_of(later) == ["a", "b", "c", "d"]


# What stays, and what is removed


def test_what_a_generation_begins_with_stays(world):
    one, engine = join_lasting(world)
    save(world, one, engine, "a")
    world.run_in(one, vacuum(engine))
    for number in range(4):
        save(world, one, engine, f"b{number}")
        world.run_in(one, engine.checkpoint())
        world.pass_time(YOUTH + 10)
    report = world.run_in(one, engine.verify(Gauge()))
    assert not report.findings
    assert len(report.checkpoints) == 3


def test_channels_that_cannot_be_deleted_are_named_and_the_next_login_deletes_them(world):
    one, engine = join_lasting(world)
    save(world, one, engine, "kept", "secret")
    world.run_in(one, put(engine, Remove("a", 2, 2)))
    protected = engine.superblock.lanes[:2]
    for lane in protected:
        world.deny(lane, Permission.MANAGE_CHANNELS)
    told = (
        rf"is in force.*deleted whole: log-0 \({protected[0]}\), log-1 \({protected[1]}\): .*"
        rf"by the next login"
    )
    with pytest.raises(Unavailable, match=told):
        world.run_in(one, vacuum(engine))
    assert engine.superblock.generation == 2
    assert channels(world) == channels_in(engine.superblock) | {*protected}
    save(world, one, engine, "after")
    _, other = join_lasting(world, "two")
    assert channels(world) == channels_in(engine.superblock) | {*protected}
    for lane in protected:
        world.show(lane)
    _, later = join_lasting(world, "three")
    assert channels(world) == channels_in(engine.superblock)
    assert superblocks(world, engine) == [2]
    assert not is_held(world, "secret")
    assert rows_of(engine) == rows_of(other) == rows_of(later) == ["kept", "after"]
    assert not one.failures


def late_superblock(process, seconds):
    """A way to send that stands still before the server hears of a superblock."""
    send = process.seam.send

    async def late(channel, content, uploads, nonce):
        if nonce.endswith(":block"):
            process.seam.send = send
            process.freeze(seconds)
            await process.seam.sleep(0)
        return await send(channel, content, uploads, nonce)

    return late


def test_a_maker_that_stands_still_before_its_superblock_finds_itself_second(world):
    one, engine = join_lasting(world)
    two, other = join_lasting(world, "two")
    save(world, one, engine, "a")
    one.seam.send = late_superblock(one, 400)
    making = one.loop.create_task(vacuum(engine))
    world.run(lambda: one.frozen)
    save(world, two, other, "b")
    world.run(making.done)
    with pytest.raises(Unavailable, match="others have gone on"):
        making.result()
    assert superblocks(world, other) == [2]
    assert channels(world) == channels_in(other.superblock)
    save(world, one, engine, "c")
    world.run_in(two, other.refresh())
    assert rows_of(engine) == rows_of(other) == ["a", "b", "c"]


def test_a_maker_that_wakes_after_its_channels_were_given_up_does_not_count(world):
    """It stands still before its superblock, for so long that others clean up; nobody has lifted
    its seal until then.
    """
    one, engine = join_lasting(world)
    save(world, one, engine, "a")
    one.seam.send = late_superblock(one, 2_000)
    making = one.loop.create_task(vacuum(engine))
    world.run(lambda: one.frozen)
    world.pass_time(YOUTH + 60)
    world.make_channel("elsewhere", None, "")  # by its id it is known how late it is
    three = world.process("three")
    send = three.seam.send
    three.seam.send = unheard_lift(three)
    third = open_lasting(world, three)
    world.run(making.done)
    with pytest.raises(DiscobaseError):
        making.result()
    three.seam.send = send
    save(world, three, third, "b")
    world.run_in(one, engine.refresh())
    assert rows_of(third) == rows_of(engine) == ["a", "b"]
    assert channels(world) == channels_in(third.superblock)


def test_who_still_works_for_a_generation_that_is_over_leaves_the_records_alone(world):
    """A vacuum of its own, say, that waits for an answer while the one of somebody else counts."""
    one, engine = join_lasting(world)
    two, other = join_lasting(world, "two")
    save(world, one, engine, "a")
    before, changed = engine._engine, []
    applier = before._follower._applier
    world.run_in(one, applier._change(lambda: changed.append("in force")))
    world.run_in(two, vacuum(other))
    world.run(lambda: engine._engine is not before)
    with pytest.raises(Superseded):
        world.run_in(one, applier._change(lambda: changed.append("over")))
    assert changed == ["in force"]
