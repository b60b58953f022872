"""Channels that are deleted are made again, by whoever has the state."""

from __future__ import annotations

import itertools

import pytest

from discobase.engine.changes import Insert
from discobase.engine.log.last_words import DELETED
from discobase.engine.log.leftovers import YOUTH
from discobase.engine.server.permissions import Permission
from discobase.errors import ChannelDeleted, LogDamaged, Unavailable
from discobase.key import Key
from discobase.progress import Gauge
from tests.engine.lasting import (
    Killer,
    channels,
    join_lasting,
    save,
    save_on,
    superblocks,
    vacuum,
)
from tests.engine.rows import row, rows_of
from tests.engine.workload import put

pytestmark = pytest.mark.one_python


@pytest.fixture
def world(make_world):
    """A calm one."""
    return make_world()


def own(engine):
    """The lanes, and the channel of the checkpoints."""
    return [*engine.superblock.lanes, engine.superblock.checkpoints]


def delete(world, engine, *which):
    """Somebody deletes lanes, by number; 4 is the channel of the checkpoints."""
    every = own(engine)
    for index in which:
        world.remove_channel(every[index])


def settled(world, process, engine, expected):
    """See that one generation is there, whole, which everybody can open, with these records."""
    block = engine.superblock
    assert channels(world) == {block.catalog, *block.lanes, block.checkpoints}
    assert superblocks(world, engine) == [block.generation]
    report = world.run_in(process, engine.verify(Gauge()))
    assert not report.findings, report.findings
    _, late = join_lasting(world, "late")
    assert rows_of(late) == rows_of(engine) == expected
    assert late.replica.head == engine.replica.head
    assert not [failure for each in world.processes if each.alive for failure in each.failures]


WHICH = [[0], [1], [2], [3], [0, 2], [1, 2], [0, 1, 2, 3], [1, 4], [4]]


@pytest.mark.parametrize("which", WHICH, ids=str)
def test_what_is_deleted_is_made_again_and_saves_wait_for_it(world, which):
    one, engine = join_lasting(world)
    save(world, one, engine, *"abcde")
    delete(world, engine, *which)
    began = world.time
    save(world, one, engine, "f")
    assert world.time - began < 15
    world.pass_time(15)
    assert engine.superblock.generation == 2
    save(world, one, engine, "g")
    settled(world, one, engine, [*"abcdefg"])


@pytest.mark.parametrize("hears", [True, False])
def test_an_unheard_deletion_is_found_by_whoever_uses_the_lane(world, hears):
    one, engine = join_lasting(world, hears=hears)
    save(world, one, engine, "a", "b")
    world.drop_channel(engine.superblock.lane_of(3))
    save(world, one, engine, "c")
    save(world, one, engine, "d")
    world.pass_time(30)
    settled(world, one, engine, [*"abcd"])


def test_a_refresh_waits_until_a_lane_is_made_again(world):
    one, engine = join_lasting(world)
    save(world, one, engine, "a")
    delete(world, engine, 2)
    world.run_in(one, engine.refresh())
    assert engine.superblock.generation == 2
    assert engine.standing().age == 0
    assert rows_of(engine) == ["a"]


def test_the_deletion_of_a_category_is_none_of_its_channels(world):
    one, engine = join_lasting(world)
    save(world, one, engine, "a")
    (category,) = (id_ for id_, channel in world.channels.items() if channel.is_category)
    world.remove_channel(category)
    save(world, one, engine, "b")
    delete(world, engine, 1)
    save(world, one, engine, "c")
    world.pass_time(10)
    settled(world, one, engine, [*"abc"])


def test_a_hole_beside_a_lane_that_is_gone_is_healed_with_it(world):
    one, engine = join_lasting(world)
    save(world, one, engine, *"abcd")
    room, world.room = world.room, 0
    block, positions = engine.superblock, engine.replica.positions
    delete(world, engine, 1)
    world.delete(block.lane_of(2), positions.message_at(2))
    saving = one.loop.create_task(put(engine, Insert("a", row("e"))))
    world.pass_time(38)
    assert not saving.done()
    world.room = room
    world.run(saving.done, within=60)
    saving.result()
    world.pass_time(10)
    settled(world, one, engine, [*"abcde"])


def test_an_encrypted_one_is_encrypted_again(world):
    key = Key(bytes(range(32)))
    one, engine = join_lasting(world, key=key)
    save(world, one, engine, "a")
    delete(world, engine, 2)
    save(world, one, engine, "b")
    assert engine.superblock.encryption is not None
    assert engine.superblock.generation == 2
    _, late = join_lasting(world, "late", key=key)
    assert rows_of(late) == ["a", "b"]


# Several processes


@pytest.mark.parametrize("seed", range(12))
def test_all_that_is_acknowledged_around_a_deletion_stays(make_world, seed):
    world = make_world(seed)
    joined = [join_lasting(world, name) for name in ("one", "two", "three")]
    saving = [
        process.loop.create_task(save_on(engine, [f"{process.name}{n}" for n in range(12)], 0.4))
        for process, engine in joined
    ]
    world.pass_time(1 + 2 * world.random.random())
    which = world.random.sample(range(5), k=world.random.choice([1, 1, 2, 4, 5]))
    delete(world, joined[0][1], *which)
    world.run(lambda: all(task.done() for task in saving), within=60)
    for task in saving:
        task.result()
    world.pass_time(25)
    process, engine = joined[0]
    for each, other in joined:
        world.run_in(each, other.refresh())
        assert other.superblock == engine.superblock
    assert engine.superblock.generation == 2
    expected = {f"{each.name}{n}" for each, _ in joined for n in range(12)}
    assert set(rows_of(engine)) == expected
    settled(world, process, engine, rows_of(engine))
    assert not any(other.lost() for _, other in joined)


def killed_while_it_remakes(make_world, number, *, after, which):
    """Of two processes one dies at one of its calls, after a lane was deleted."""
    world = make_world(3)
    one, engine = join_lasting(world)
    two, other = join_lasting(world, "two")
    save(world, one, engine, *"abcd")
    world.pass_time(1)
    two.seam._cut_off = False
    calls = Killer(one, number, after=after)
    two.session.lose(6)  # so that the first one begins
    delete(world, other, *which)
    world.run(lambda: not one.alive or engine.superblock.generation > 1, within=60)
    world.pass_time(4)
    save(world, two, other, "e")
    return world, calls, two, other


@pytest.mark.parametrize(("which", "effects"), [([1], [False, True]), ([0, 1, 2, 3], [True])])
def test_whoever_makes_it_again_may_die_at_each_call(make_world, which, effects):
    _, calls, _, _ = killed_while_it_remakes(make_world, None, after=False, which=which)
    assert calls.count > 7
    for number, after in itertools.product(range(calls.count), effects):
        world, _, two, other = killed_while_it_remakes(make_world, number, after=after, which=which)
        world.pass_time(YOUTH + 60)
        save(world, two, other, "f")
        late, newcomer = join_lasting(world, "later")
        save(world, late, newcomer, "g")
        world.run_in(two, other.refresh())
        settled(world, two, other, [*"abcdefg"])


def test_a_writer_that_stood_still_meanwhile_goes_on(world):
    one, engine = join_lasting(world)
    two, other = join_lasting(world, "two")
    save(world, one, engine, "a")
    world.pass_time(1)
    two.freeze(400)
    delete(world, engine, 2)
    save(world, one, engine, "b")
    saving = two.loop.create_task(put(other, Insert("a", row("c"))))
    world.run(saving.done, within=500)
    saving.result()
    world.run_in(one, engine.refresh())
    settled(world, one, engine, [*"abc"])


def test_who_has_more_makes_it_again(make_world):
    """One process has not heard of the last commit, which lay in the lane that is gone."""
    for seed in range(8):
        world = make_world(seed)
        one, engine = join_lasting(world)
        two, other = join_lasting(world, "two")
        save(world, one, engine, "a", "b")
        world.pass_time(1)
        handlers, one.session._handlers = one.session._handlers, {}
        save(world, two, other, "c")  # position 3
        world.pass_time(1)
        one.session._handlers = handlers
        delete(world, engine, 3)
        save(world, one, engine, "d")
        world.pass_time(20)
        assert sorted(rows_of(engine)) == [*"abcd"]
        assert not engine.lost() + other.lost()


def test_who_may_not_have_heard_of_all_waits_for_others(world):
    one, engine = join_lasting(world)
    two, other = join_lasting(world, "two")
    save(world, one, engine, "a", "b")
    world.pass_time(1)
    one.session.lose(20)
    save(world, two, other, "c")
    two.freeze(10)
    delete(world, engine, 3)
    world.pass_time(60)
    save(world, one, engine, "d")
    assert rows_of(engine) == [*"abcd"]
    assert not engine.lost() + other.lost()


def test_what_nobody_who_was_there_has_heard_of_is_said_to_be_lost(world):
    """The only one who has it stands still for longer than anybody waits."""
    one, engine = join_lasting(world)
    two, other = join_lasting(world, "two")
    save(world, one, engine, "a", "b")
    world.pass_time(1)
    one.session.lose(20)
    save(world, two, other, "c")
    two.freeze(300)
    delete(world, engine, 3)
    began = world.time
    world.run(lambda: engine.superblock.generation == 2, within=60)
    assert 25 < world.time - began < 50
    world.run(lambda: not two.frozen, within=400)
    save(world, two, other, "e")
    save(world, one, engine, "d")
    assert [(lost.position, lost.writer) for lost in other.lost()] == [(3, other.writer)]
    settled(world, one, engine, [*"abed"])


def test_who_lacks_what_is_there_does_not_make_it_again(world):
    one, engine = join_lasting(world)
    two, other = join_lasting(world, "two")
    save(world, one, engine, "a", "b")
    world.pass_time(1)
    one.session.lose(5)
    save(world, two, other, "c", "d")
    two.kill()
    delete(world, engine, 3)
    with pytest.raises(LogDamaged, match=r"missing|deleted"):
        save(world, one, engine, "e")
    assert engine.superblock.generation == 1
    assert rows_of(engine) == ["a", "b"]


# Who cannot


def test_who_may_make_no_channels_says_so_and_does_it_when_it_may(world):
    one, engine = join_lasting(world)
    save(world, one, engine, "a")
    room, world.room = world.room, 0
    delete(world, engine, 1)
    world.pass_time(10)
    assert "no room" in engine.held_up()
    with pytest.raises(ChannelDeleted, match="could not be made again: the server has no room"):
        save(world, one, engine, "b")
    world.room = room
    world.pass_time(60)
    save(world, one, engine, "c")
    settled(world, one, engine, ["a", "c"])


def test_who_only_reads_follows_when_others_have_made_it_again(world):
    one, engine = join_lasting(world)
    two, reader = join_lasting(world, "two", read_only=True)
    save(world, one, engine, "a")
    two.session.lose(1)
    delete(world, engine, 1)
    assert rows_of(reader) in ([], ["a"])
    save(world, one, engine, "b")
    world.pass_time(70)
    world.run_in(two, reader.refresh())
    assert rows_of(reader) == ["a", "b"]
    assert reader.superblock.generation == 2


@pytest.mark.parametrize("which", [2, 4], ids=["lane", "checkpoints"])
def test_a_hidden_channel_is_not_made_again(world, which):
    one, engine = join_lasting(world)
    save(world, one, engine, "a")
    world.lists_hidden = False
    hidden = own(engine)[which]
    world.deny(hidden, Permission.VIEW_CHANNEL)
    one.session.lose(1)  # so that all is looked at
    world.pass_time(60)
    assert engine.superblock.generation == 1
    world.deny(hidden, Permission(0))
    world.pass_time(20)
    save(world, one, engine, "b")
    settled(world, one, engine, ["a", "b"])


def test_a_newcomer_waits_until_a_lane_is_made_again(world):
    one, engine = join_lasting(world)
    save(world, one, engine, "a")
    delete(world, engine, 1)
    _, newcomer = join_lasting(world, "two")
    assert rows_of(newcomer) == ["a"]
    assert newcomer.superblock.generation == 2


def test_a_newcomer_is_told_what_to_do_where_nobody_has_the_state(world):
    one, engine = join_lasting(world)
    save(world, one, engine, "a")
    one.kill()
    delete(world, engine, 1)
    with pytest.raises(ChannelDeleted, match=r"lane log-1 .* leave it running.* db\.repair\(\)"):
        join_lasting(world, "two")


# Beside a vacuum


def test_a_vacuum_that_meets_a_deletion_can_be_asked_for_again(world):
    one, engine = join_lasting(world)
    save(world, one, engine, "a")
    delete(world, engine, 1)
    with pytest.raises(Unavailable, match="Ask for it again"):
        world.run_in(one, vacuum(engine))
    world.pass_time(20)
    assert world.run_in(one, vacuum(engine)).generation == 3
    settled(world, one, engine, ["a"])


@pytest.mark.parametrize("which", [[1], [0, 1, 2, 3], [4]], ids=str)
@pytest.mark.parametrize("killed", [False, True])
def test_what_is_deleted_behind_a_seal(world, which, killed):
    one, engine = join_lasting(world)
    two, other = join_lasting(world, "two")
    save(world, one, engine, *"abcd")
    making = one.loop.create_task(vacuum(engine))
    world.run(lambda: other.replica.sealed)
    if killed:
        one.kill()
    delete(world, other, *which)
    save(world, two, other, "e")
    world.pass_time(60)
    assert killed or making.done()
    if killed:
        world.pass_time(YOUTH + 60)
        save(world, two, other, "f")
        late, newcomer = join_lasting(world, "later")
        world.run_in(late, newcomer.close())
    settled(world, two, other, [*"abcdef"] if killed else [*"abcde"])


def overtaken_by_a_vacuum_and_a_deletion(world, **options):
    """A process that stands still while another one makes a generation, whose lanes are deleted."""
    one, engine = join_lasting(world)
    two, other = join_lasting(world, "two", **options)
    save(world, one, engine, "a")
    world.run_in(two, other.refresh())
    two.freeze(3)
    world.run_in(one, vacuum(engine))
    delete(world, engine, 0, 1, 2, 3)
    one.kill()
    return two, other


def test_a_channel_of_a_generation_that_others_have_just_made_is_made_again_too(world):
    two, other = overtaken_by_a_vacuum_and_a_deletion(world)
    world.pass_time(5)
    save(world, two, other, "b")
    world.pass_time(5)
    assert other.superblock.generation == 3
    settled(world, two, other, ["a", "b"])


def test_who_does_not_know_what_a_generation_began_with_does_not_make_it_again(world):
    two, other = overtaken_by_a_vacuum_and_a_deletion(world, hears=False)
    saving = two.loop.create_task(put(other, Insert("a", row("b"))))
    world.run(lambda: two.failures, within=300)
    assert isinstance(two.failures[0], ChannelDeleted)
    assert not saving.done()
    assert superblocks(world, other) == [2]


def test_one_that_is_being_deleted_is_not_made_again(world):
    one, engine = join_lasting(world)
    save(world, one, engine, "a")
    catalog = engine.superblock.catalog
    world.remove_channel(engine.superblock.lanes[0])
    world.post(catalog, DELETED, (), "gone")
    world.pass_time(60)
    assert len(channels(world)) == 5
