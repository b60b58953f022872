"""What heals a log, beyond the hole that is heard of: its checkpoint gone, its healer closing."""

from __future__ import annotations

from discobase.engine.changes import Insert
from discobase.engine.checkpoints.store import CheckpointStore
from discobase.engine.server.permissions import Permission
from tests.engine.rows import row, rows_of
from tests.engine.workload import LIMITS, put


def write(world, process, engine, *tags):
    for tag in tags:
        world.run_in(process, put(engine, Insert("a", row(tag))))


def delete(world, engine, seq):
    world.delete(engine.superblock.lane_of(seq), engine.replica.positions.message_at(seq))


def checkpoints(world, process, engine):
    store = CheckpointStore(process.seam, engine.superblock, LIMITS)
    return world.run_in(process, store.list()).stored


def newcomer(world, join):
    _, engine = join(world, "newcomer")
    return rows_of(engine)


def test_a_checkpoint_above_a_hole_that_is_deleted_is_written_again(make_world, join):
    world = make_world()
    process, engine = join(world)
    write(world, process, engine, "one", "two", "three")
    delete(world, engine, 1)
    world.pass_time(20)
    (first,) = checkpoints(world, process, engine)
    world.delete(first.message.channel, first.message.id)
    world.pass_time(1)
    write(world, process, engine, "four")
    assert checkpoints(world, process, engine), "before anything else is acknowledged"
    process.kill()
    assert newcomer(world, join) == ["one", "two", "three", "four"]


def test_an_older_checkpoint_that_others_remove_alarms_nobody(make_world, join):
    world = make_world()
    process, engine = join(world)
    write(world, process, engine, "one")
    world.run_in(process, engine.checkpoint())
    (first,) = checkpoints(world, process, engine)
    other, another = join(world, "other")
    write(world, other, another, "two")
    world.run_in(other, another.checkpoint())
    world.delete(first.message.channel, first.message.id)
    world.pass_time(5)
    assert len(checkpoints(world, process, engine)) == 1
    assert engine.standing().checkpoint == 2


def test_a_close_waits_until_what_is_gone_is_healed(make_world, join):
    world = make_world()
    process, engine = join(world)
    write(world, process, engine, "one", "two", "three")
    delete(world, engine, 1)
    world.pass_time(0.2)
    world.run_in(process, engine.close())
    process.kill()
    assert newcomer(world, join) == ["one", "two", "three"]


def test_who_only_reads_goes_on_when_others_have_healed(make_world, join):
    world = make_world()
    process, engine = join(world)
    reading, reader = join(world, "reader", read_only=True)
    write(world, process, engine, "one", "two", "three")
    for seq in (3, 1):
        delete(world, engine, seq)
    world.pass_time(100)
    write(world, process, engine, "four")
    world.pass_time(5)
    world.run_in(reading, reader.refresh())
    assert rows_of(reader) == ["one", "two", "three", "four"]


def test_the_newest_message_of_a_lane_that_is_healed_is_not_missed_again(make_world, join):
    world = make_world()
    process, engine = join(world)
    write(world, process, engine, "one", "two", "three")
    delete(world, engine, 3)
    world.pass_time(20)
    process.session.lose(1)
    world.pass_time(3)
    began = world.time
    write(world, process, engine, "four")
    assert world.time - began < 5


def test_what_saves_wait_for_is_told_while_it_is_healed_and_not_after(make_world, join):
    world = make_world()
    process, engine = join(world)
    write(world, process, engine, "one", "two")
    gone = engine.replica.positions.message_at(1)
    assert engine.held_up() is None
    world.deny(engine.superblock.checkpoints, Permission.SEND_MESSAGES)
    delete(world, engine, 1)
    world.pass_time(1)
    assert str(gone) in engine.held_up()
    world.pass_time(9)
    assert "has failed" in engine.held_up()
    world.deny(engine.superblock.checkpoints, Permission(0))
    world.pass_time(15)
    assert engine.held_up() is None


def test_a_newest_message_that_nobody_knows_is_told_as_what_saves_wait_for(make_world, join):
    world = make_world()
    process, engine = join(world)
    write(world, process, engine, "one")
    lane = engine.superblock.lanes[0]
    process.session.lose(1_000)
    message = world.post(lane, "nothing that anybody has", (), "unknown")
    world.delete(lane, message.id)
    world.pass_time(70)
    writing = process.loop.create_task(put(engine, Insert("a", row("two"))))
    world.pass_time(10)
    assert str(message.id) in engine.held_up()
    world.run(writing.done)
    assert engine.held_up() is None
