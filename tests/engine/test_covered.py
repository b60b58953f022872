"""Newest messages that are gone, and that a checkpoint has: by who keeps a file nobody waits for
them.
"""

from __future__ import annotations

import dataclasses

import pytest

from discobase.engine.changes import Insert
from discobase.engine.checkpoints.store import CheckpointStore
from discobase.engine.doubt import DOUBT_SECONDS
from discobase.engine.trouble import Trouble, Troubles
from tests.engine.rows import row, rows_of
from tests.engine.workload import LIMITS, put

FORGOTTEN = 200.0
"""Seconds after which the simulated server has forgotten a nonce."""

SOON = 5.0
"""Seconds within which something is done that waits for nothing: a fraction of a doubt."""


def write(world, process, engine, *tags):
    for tag in tags:
        world.run_in(process, put(engine, Insert("a", row(tag))))


def numbered(last):
    return [str(number) for number in range(1, last + 1)]


def delete(world, engine, *positions):
    for seq in positions:
        world.delete(engine.superblock.lane_of(seq), engine.replica.positions.message_at(seq))


def checkpoints(world, process, engine):
    store = CheckpointStore(process.seam, engine.superblock, LIMITS)
    return world.run_in(process, store.list()).stored


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def left(make_world, join, folder):
    """A world with eight commits and a checkpoint of them, and a file of a process that has ended
    with some more.
    """

    def made(above=0):
        world = make_world()
        process, engine = join(world, cache=folder)
        write(world, process, engine, *numbered(8))
        world.run_in(process, engine.checkpoint())
        write(world, process, engine, *numbered(8 + above)[8:])
        world.run_in(process, engine.close())
        return world, engine

    return made


@pytest.fixture
def opened(join, folder):
    """Opens an engine with that file; returns it, what it has told, and the seconds that took."""

    def made(world, name="next", **options):
        told: list[Trouble] = []
        began = world.time
        chosen = {"cache": folder, "troubles": Troubles(told.append)} | options
        process, engine = join(world, name, **chosen)
        return process, engine, told, world.time - began

    return made


def test_nobody_waits_for_what_a_checkpoint_has(left, opened):
    world, engine = left()
    delete(world, engine, *range(1, 8))
    for name in ("first", "second"):
        process, newcomer, told, seconds = opened(world, name)
        assert (rows_of(newcomer), told) == (numbered(8), [])
        assert seconds < SOON
        assert sum(process.calls.values()) <= 25
        world.run_in(process, newcomer.close())


def test_it_goes_on_from_there(left, opened):
    world, engine = left()
    delete(world, engine, *range(1, 8))
    process, newcomer, told, _ = opened(world)
    began = world.time
    write(world, process, newcomer, "9")
    process.session.lose(1)
    world.pass_time(5)
    write(world, process, newcomer, "10")
    assert world.time - began < 2 * SOON
    _, other, _, _ = opened(world, "other", cache=None)
    assert rows_of(other) == rows_of(newcomer) == numbered(10)
    assert told == []


def test_what_is_above_it_is_waited_for_and_healed(left, opened):
    world, engine = left(above=4)
    delete(world, engine, 9)
    process, newcomer, told, seconds = opened(world)
    assert seconds >= DOUBT_SECONDS
    assert told[0].position == 9
    write(world, process, newcomer, "13")
    _, other, _, _ = opened(world, "other", cache=None)
    assert rows_of(other) == numbered(13)


def test_above_a_head_that_is_gone_something_is_written_at_once(left, opened):
    world, engine = left()
    delete(world, engine, 8)
    process, newcomer, _, seconds = opened(world)
    assert seconds < SOON
    world.pass_time(SOON)
    assert newcomer.replica.head.seq == 9
    world.run_in(process, newcomer.close())
    _, other, told, seconds = opened(world, "again")
    assert (other.replica.head.seq, told) == (9, [])
    assert seconds < SOON


def test_who_is_below_the_head_that_is_gone_builds_nothing_in_its_place(
    make_world, join, opened, folder, tmp_path
):
    world = make_world()
    process, engine = join(world, cache=folder)
    late, behind = join(world, "behind", cache=tmp_path / "behind")
    write(world, process, engine, *numbered(7))
    world.pass_time(1)
    world.run_in(late, behind.close())
    write(world, process, engine, "8")
    world.run_in(process, engine.checkpoint())
    world.run_in(process, engine.close())
    delete(world, engine, 8)
    process, newcomer, _, _ = opened(world)
    world.pass_time(SOON)
    world.run_in(process, newcomer.close())
    world.pass_time(FORGOTTEN)
    late, behind, _, _ = opened(world, "behind again", cache=tmp_path / "behind")
    write(world, late, behind, "on")
    _, other, _, _ = opened(world, "other", cache=None)
    assert rows_of(other) == rows_of(behind) == [*numbered(8), "on"]
    assert behind.lost() == other.lost() == []


def test_who_only_reads_does_not_wait_for_the_head_either(left, opened):
    world, engine = left()
    delete(world, engine, 8, 7)
    process, reader, told, seconds = opened(world, read_only=True)
    assert (rows_of(reader), told) == (numbered(8), [])
    assert seconds < SOON
    world.run_in(process, reader.refresh())


def test_without_events_nobody_waits_either(left, opened):
    world, engine = left()
    delete(world, engine, 8, 7)
    process, newcomer, _, seconds = opened(world, hears=False)
    assert seconds < SOON
    write(world, process, newcomer, "9")
    world.run_in(process, newcomer.refresh())
    _, other, _, _ = opened(world, "other", cache=None)
    assert rows_of(other) == numbered(9)


def with_other(stored, **facts):
    return dataclasses.replace(stored.manifest, **facts).to_content()


@pytest.mark.parametrize("how", ["files", "text", "state", "chain"])
def test_one_that_does_not_hold_is_not_relied_on(left, opened, how):
    world, engine = left()
    process, looking, _, _ = opened(world, "looking", cache=None)
    (stored,) = checkpoints(world, process, looking)
    process.kill()
    delete(world, engine, 7)
    channel, message = stored.message.channel, stored.message.id
    if how in {"state", "chain"}:
        lie = {"state": "0" * 64} if how == "state" else {"chain": "f" * 32}
        world.edit(channel, message, with_other(stored, **lie))
    else:
        world.spoil(channel, message, how)
    process, newcomer, told, seconds = opened(world)
    assert seconds >= DOUBT_SECONDS
    assert [trouble for trouble in told if trouble.position == 7]
    write(world, process, newcomer, "9")
    assert [each for each in checkpoints(world, process, newcomer) if each.message.id != message]
    _, other, _, _ = opened(world, "other", cache=None)
    assert rows_of(other) == numbered(9)


def test_where_it_is_deleted_after_that_another_one_is_written(left, opened):
    world, engine = left()
    delete(world, engine, 7)
    process, newcomer, _, _ = opened(world)
    (stored,) = checkpoints(world, process, newcomer)
    world.delete(stored.message.channel, stored.message.id)
    world.pass_time(SOON)
    assert checkpoints(world, process, newcomer)
    process.kill()
    _, other, _, _ = opened(world, "other", cache=None)
    assert rows_of(other) == numbered(8)


def test_what_is_healed_is_not_called_so_by_a_checkpoint_that_does_not_hold(make_world, join):
    world = make_world()
    process, engine = join(world)
    write(world, process, engine, *numbered(8))
    world.run_in(process, engine.checkpoint())
    (stored,) = checkpoints(world, process, engine)
    world.spoil(stored.message.channel, stored.message.id, "files")
    delete(world, engine, 3)
    world.pass_time(2 * SOON)
    write(world, process, engine, "9")
    process.kill()
    _, other = join(world, "other")
    assert rows_of(other) == numbered(9)


def test_one_that_is_asked_for_is_written_where_the_newest_does_not_hold(make_world, join):
    world = make_world()
    process, engine = join(world)
    write(world, process, engine, *numbered(3))
    first = world.run_in(process, engine.checkpoint())
    world.spoil(engine.superblock.checkpoints, first.message, "files")
    again = world.run_in(process, engine.checkpoint())
    assert (again.position, again.message > first.message) == (3, True)
    assert world.run_in(process, engine.checkpoint()) == again
