"""When and how checkpoints come to be written, while others write, die, and stand still."""

from __future__ import annotations

import contextlib

import pytest

from discobase.engine.changes import Insert
from discobase.engine.checkpoints.costs import PAGE
from discobase.engine.checkpoints.packing import unpack
from discobase.engine.checkpoints.store import CheckpointStore
from discobase.engine.replica import Replica
from discobase.errors import LogDamaged, Unavailable
from tests.engine.rows import row
from tests.engine.workload import LIMITS, put


def store_of(process, engine):
    return CheckpointStore(process.seam, engine.superblock, LIMITS)


def stored(world, process, engine):
    """The checkpoints that are there, the newest first."""
    return world.run_in(process, store_of(process, engine).list()).stored


def write(world, process, engine, count):
    async def many():
        for number in range(count):
            await put(engine, Insert("a", row(f"r{number}")))

    world.run_in(process, many())


def restored(world, process, engine, checkpoint):
    """A replica that has the state of a checkpoint."""
    packed = world.run_in(process, store_of(process, engine).read(checkpoint))
    replica = Replica(len(engine.superblock.lanes))
    manifest = checkpoint.manifest
    replica.restore(unpack(packed, manifest), manifest.head, manifest.state)
    return replica


def test_one_that_is_asked_for_has_the_state_and_is_written_once(make_world, join):
    world = make_world()
    process, engine = join(world)
    write(world, process, engine, 5)
    first = world.run_in(process, engine.checkpoint())
    again = world.run_in(process, engine.checkpoint())
    assert first == again
    (found,) = stored(world, process, engine)
    assert (
        (found.message.id, found.manifest.seq)
        == (first.message, first.position)
        == (first.message, 5)
    )
    with contextlib.closing(restored(world, process, engine, found)) as replica:
        assert replica.select("a", []) == engine.replica.select("a", [])
        assert replica.head == engine.replica.head
        assert replica.positions.recent == engine.replica.positions.recent


def test_one_is_written_when_it_is_due_and_the_next_one_not_before(make_world, join):
    world = make_world()
    process, engine = join(world)
    page = len(engine.superblock.lanes) * PAGE
    write(world, process, engine, page)
    world.pass_time(600)
    assert not stored(world, process, engine)
    write(world, process, engine, page)
    world.pass_time(600)
    (first,) = stored(world, process, engine)
    assert page < first.manifest.seq <= 2 * page
    write(world, process, engine, first.manifest.seq + page - engine.replica.head.seq)
    world.pass_time(600)
    assert len(stored(world, process, engine)) == 1


def test_of_several_processes_one_writes_it(make_world, join):
    world = make_world(5)
    writers = [join(world, f"w{number}") for number in range(4)]
    process, engine = writers[0]
    write(world, process, engine, 600)
    world.pass_time(300)
    assert len(stored(world, process, engine)) == 1


def test_if_the_process_that_writes_dies_another_one_writes_it(make_world, join):
    world = make_world()
    process, engine = join(world)
    watcher, other = join(world, "watcher")
    write(world, process, engine, 300)
    process.kill()
    late, engine = join(world, "late")
    write(world, late, engine, 500)
    late.kill()
    world.pass_time(300)
    assert len(stored(world, watcher, other)) == 1


def test_scripts_that_come_save_one_record_and_leave_keep_the_tail_bounded(make_world, join):
    world = make_world()
    process, engine = join(world)
    page = len(engine.superblock.lanes) * PAGE
    write(world, process, engine, page - 5)
    process.kill()
    for number in range(20):
        script, engine = join(world, f"script {number}")
        write(world, script, engine, 1)
        world.run_in(script, engine.close())
        script.kill()
    reader, engine = join(world, "reader")
    (newest,) = stored(world, reader, engine)
    assert page < newest.manifest.seq <= page + 2


def test_no_commit_waits_for_it(make_world, join):
    world = make_world()
    process, engine = join(world)
    write(world, process, engine, 20)
    alone = commits_in(world, process, engine, 20)
    asked = process.loop.create_task(engine.checkpoint())
    beside = commits_in(world, process, engine, 20)
    world.run(asked.done)
    assert beside <= alone * 1.5


def commits_in(world, process, engine, count):
    began = world.time
    write(world, process, engine, count)
    return world.time - began


def test_it_is_not_written_from_a_head_that_may_not_be_the_right_one(make_world, join):
    """The newest commit is deleted: what this process has above it nobody else will ever read."""
    world = make_world()
    process, engine = join(world)
    write(world, process, engine, 3)
    channel, message = engine.superblock.lane_of(3), engine.replica.positions.message_at(3)
    process.session.lose(1_000)
    world.delete(channel, message)
    with pytest.raises((LogDamaged, Unavailable)):
        world.run_in(process, engine.checkpoint())
    assert stored(world, process, engine) == ()
