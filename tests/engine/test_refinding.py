"""A database whose superblock is gone, and nobody has it open: found again by its channels."""

from __future__ import annotations

import pytest

from discobase.engine.repair.repairing import repair
from discobase.errors import LogDamaged, UsageError
from discobase.key import Key
from discobase.progress import Gauge
from tests.engine.lasting import Killer, join_lasting, leave_channels, save, superblocks, vacuum
from tests.engine.rows import rows_of
from tests.engine.test_repair import asked
from tests.engine.workload import LIMITS


@pytest.fixture
def world(make_world):
    """A calm one."""
    return make_world()


def lose_superblocks(world, engine):
    """Delete what says where the database is, with nobody connected."""
    catalog = engine.superblock.catalog
    for message, stored in [*world.messages[catalog].items()]:
        if stored.message.content.startswith('```json\n{"superblock"'):
            world.delete(catalog, message)


def lose_catalog(world, engine):
    world.remove_channel(engine.superblock.catalog)


def abandoned(world, lose, *, vacuums=0, damaged=(), **options):
    """A database with six records, of whose log the messages of some positions are gone."""
    one, engine = join_lasting(world, **options)
    save(world, one, engine, *"abc")
    for lanes in range(5, 5 + vacuums):
        world.run_in(one, vacuum(engine, lanes=lanes))
    save(world, one, engine, *"def")
    positions, block = engine.replica.positions, engine.superblock
    one.kill()
    for seq in damaged:
        world.delete(block.lane_of(seq), positions.message_at(seq))
    lose(world, engine)
    world.pass_time(300)
    return engine


def opened(world, expected, engine):
    """See that everybody can open it, that it holds these, and that one superblock counts."""
    process, found = join_lasting(world, "after")
    assert rows_of(found) == expected
    assert found.superblock.database == engine.superblock.database
    save(world, process, found, "new")
    world.run_in(process, vacuum(found))
    report = world.run_in(process, found.verify(Gauge()))
    assert not report.findings, report.findings
    assert superblocks(world, found) == [found.superblock.generation]
    _, late = join_lasting(world, "late")
    assert rows_of(late) == [*expected, "new"]


@pytest.mark.parametrize(("lose", "vacuums"), [(lose_superblocks, 0), (lose_catalog, 2)])
def test_it_is_written_again_when_that_was_said_back(world, lose, vacuums):
    engine = abandoned(world, lose, vacuums=vacuums)
    with pytest.raises(LogDamaged):
        join_lasting(world, "two")
    process = world.process("repairer")
    before = len(world.written)
    told = asked(world, process)
    assert (told.done, told.records, len(told.lost)) == (False, 6, 1)
    assert "superblock is gone" in str(told)
    with pytest.raises(UsageError, match="nothing was repaired"):
        asked(world, process, "yes")
    assert len(world.written) == before
    done = asked(world, process, told.confirm)
    assert (done.done, done.records, done.generation) == (True, 6, 1 + vacuums)
    assert not any(loss.position for loss in done.lost)
    _, found = join_lasting(world, "again")
    block = engine.superblock
    assert (found.superblock.lanes, found.superblock.base) == (block.lanes, block.base)
    opened(world, [*"abcdef"], engine)


def test_what_else_is_lost_is_said_with_it_and_repaired_at_once(world):
    engine = abandoned(world, lose_superblocks, damaged=[2])
    process = world.process("repairer")
    told = asked(world, process)
    assert [loss.position for loss in told.lost] == [None, 2]
    done = asked(world, process, told.confirm)
    assert done.done
    process.kill()
    opened(world, [*"acdef"], engine)


def test_a_seal_without_a_generation_is_lifted_with_it(world):
    one, engine = join_lasting(world)
    save(world, one, engine, *"abc")
    one.loop.create_task(vacuum(engine))
    world.run(lambda: engine.replica.sealed)
    one.kill()
    lose_superblocks(world, engine)
    for channel in [*world.channels.values()]:
        if channel.topic.count(" ") == 4:  # they have a ticket
            world.remove_channel(channel.id)
    world.pass_time(300)
    process = world.process("repairer")
    asked(world, process, asked(world, process).confirm)
    opened(world, [*"abc"], engine)


def lose_a_lane_too(world, engine):
    lose_superblocks(world, engine)
    world.remove_channel(engine.superblock.lanes[-1])


@pytest.mark.parametrize(
    ("lose", "why"),
    [
        (lose_a_lane_too, "some of them are gone"),
        (
            lambda world, engine: (
                lose_superblocks(world, engine),
                world.remove_channel(engine.superblock.lanes[1]),
            ),
            "only",
        ),
        (
            lambda world, engine: (
                lose_superblocks(world, engine),
                world.remove_channel(engine.superblock.checkpoints),
            ),
            "channels of checkpoints",
        ),
    ],
)
def test_what_nothing_tells_any_more_is_not_guessed_at(world, lose, why):
    abandoned(world, lose)
    with pytest.raises(LogDamaged, match=f"cannot be repaired either: .*{why}"):
        asked(world, world.process("repairer"))


def test_a_catalog_that_may_only_be_hidden_is_not_made_again(world):
    """It left no trace, as where the server has no room for one."""
    abandoned(world, lose_catalog)
    world.traces.clear()
    with pytest.raises(LogDamaged, match="only hidden from the bot"):
        asked(world, world.process("repairer"))


def test_how_it_was_encrypted_is_known_to_nobody(world):
    key = Key(bytes(32))
    abandoned(world, lose_superblocks, key=key)
    with pytest.raises(LogDamaged, match="how it is encrypted stood there"):
        asked(world, world.process("repairer"), key=key)
    with pytest.raises(LogDamaged, match="it is encrypted, or of a later version"):
        asked(world, world.process("another"))


def test_nor_which_of_two_generations_was_in_force(world):
    one, engine = join_lasting(world)
    save(world, one, engine, "a")
    leave_channels(one)
    world.run_in(one, vacuum(engine))
    one.kill()
    lose_superblocks(world, engine)
    world.pass_time(300)
    with pytest.raises(LogDamaged, match="which of them is in force"):
        asked(world, world.process("repairer"))


def killed_while_it_repairs(make_world, number, *, after):
    world = make_world(3)
    abandoned(world, lose_catalog)
    process = world.process("repairer")
    confirm = asked(world, process).confirm
    calls = Killer(process, number, after=after)
    work = repair(process.seam, LIMITS, Gauge(), "here", confirm=confirm)
    process.engine = task = process.loop.create_task(work)  # kept until the world ends
    world.run(lambda: task.done() or not process.alive, within=300)
    return world, calls, confirm


def test_whoever_writes_it_again_may_die_at_each_call(make_world):
    _, calls, _ = killed_while_it_repairs(make_world, None, after=False)
    assert calls.count == 4  # channel, trace, superblock, the old trace
    outcomes = set()
    for number in range(calls.count):
        for after in (False, True):
            world, _, confirm = killed_while_it_repairs(make_world, number, after=after)
            process = world.process("again")
            told = asked(world, process)
            outcomes.add(told.confirm)
            if told.confirm is not None:
                assert told.confirm == confirm
                asked(world, process, confirm)
            world.pass_time(10)
            after_all, found = join_lasting(world, "after")
            save(world, after_all, found, "new")
            assert rows_of(found) == [*"abcdef", "new"]
            assert catalogs(world) == [found.superblock.catalog]
    assert outcomes == {None, confirm}


def catalogs(world):
    return [id_ for id_, each in world.channels.items() if each.topic.endswith(" catalog")]


def test_of_two_at_once_both_come_to_one_database(make_world):
    for seed in range(2):
        world = make_world(seed)
        engine = abandoned(world, lose_catalog)
        processes = [world.process(name) for name in ("one", "two")]
        confirm = asked(world, processes[0]).confirm
        tasks = [
            each.loop.create_task(repair(each.seam, LIMITS, Gauge(), "here", confirm=confirm))
            for each in processes
        ]
        world.run(lambda tasks=tasks: all(task.done() for task in tasks))
        assert [task.exception() for task in tasks] == [None, None]
        assert any(task.result().done for task in tasks)
        opened(world, [*"abcdef"], engine)
        assert len(catalogs(world)) == 1
