"""What an engine does where its channels may not be read, or written, or are gone."""

from __future__ import annotations

import itertools

import pytest

from discobase.engine.changes import Insert
from discobase.engine.server.permissions import Permission
from discobase.errors import LogDamaged, MissingPermission, OutcomeUnknown
from tests.engine.rows import row, rows_of
from tests.engine.simulation import Faults
from tests.engine.workload import put

HISTORY, VIEW = Permission.READ_MESSAGE_HISTORY, Permission.VIEW_CHANNEL
SEND, ATTACH = Permission.SEND_MESSAGES, Permission.ATTACH_FILES
NOTHING = Permission(0)


@pytest.fixture
def filled(make_world, join):
    """A world with a database of six commits, and its first writer."""

    def made(faults=None):
        world = make_world(faults=faults or Faults())
        process, engine = join(world)
        for number in range(6):
            world.run_in(process, put(engine, Insert("a", row(str(number)))))
        return world, process, engine

    return made


def own(engine):
    return [engine.superblock.catalog, *engine.superblock.lanes]


@pytest.mark.parametrize("listed", [True, False], ids=["listed", "left out"])
@pytest.mark.parametrize(
    ("which", "taken"),
    [(0, HISTORY), *itertools.product(range(1, 5), [HISTORY, VIEW])],
)
def test_nothing_is_created_nor_opened_while_a_channel_may_not_be_read(
    filled, join, which, taken, listed
):
    world, _, engine = filled()
    world.lists_hidden = listed
    before = set(world.channels)
    world.deny(own(engine)[which], taken)
    with pytest.raises(MissingPermission) as caught:
        join(world, "two")
    assert caught.value.channel == world.channels[own(engine)[which]].name
    assert set(world.channels) == before
    world.deny(own(engine)[which], NOTHING)
    _, second = join(world, "three")
    assert rows_of(second) == rows_of(engine)


def test_nor_while_a_catalog_that_is_listed_may_not_be_seen(filled, join):
    world, _, engine = filled()
    before = set(world.channels)
    world.deny(engine.superblock.catalog, VIEW)
    with pytest.raises(MissingPermission, match="catalog"):
        join(world, "two")
    assert set(world.channels) == before


@pytest.mark.parametrize("traced", [True, False])
def test_a_catalog_that_is_left_out_is_not_created_anew_where_a_lane_is_seen(filled, join, traced):
    world, _, engine = filled()
    world.lists_hidden = False
    before = set(world.channels)
    world.deny(engine.superblock.catalog, VIEW)
    if not traced:
        world.traces.clear()
    error, told = LogDamaged, "or may not be seen by the bot"
    if traced:
        error, told = MissingPermission, "the channel 'catalog' .* lacks: view_channel"
    with pytest.raises(error, match=told):
        join(world, "two")
    assert set(world.channels) == before


@pytest.mark.parametrize("taken", [HISTORY, VIEW])
@pytest.mark.parametrize("which", range(5))
def test_nothing_is_called_fresh_while_a_channel_may_not_be_read(filled, which, taken):
    world, process, engine = filled()
    world.deny(own(engine)[which], taken)
    world.pass_time(1)
    for act in (
        engine.refresh,
        lambda: engine.reach(99),
        lambda: put(engine, Insert("a", row("x"))),
    ):
        with pytest.raises(MissingPermission) as caught:
            world.run_in(process, act())
        assert caught.value.channel == world.channels[own(engine)[which]].name
    assert len(rows_of(engine)) == 6
    world.deny(own(engine)[which], NOTHING)
    world.pass_time(1)
    world.run_in(process, engine.refresh())
    world.run_in(process, put(engine, Insert("a", row("x"))))


def test_whoever_waits_for_a_position_is_told_that_it_cannot_be_read(filled):
    world, process, engine = filled()
    waiting = process.loop.create_task(engine.reach(7))
    world.pass_time(5)
    assert not waiting.done()
    world.deny(engine.superblock.lanes[0], HISTORY)
    world.run(waiting.done, within=60)
    assert isinstance(waiting.exception(), MissingPermission)


def test_what_was_missed_meanwhile_is_read_when_the_right_is_back(filled, join):
    world, one, engine = filled()
    two, second = join(world, "two")
    world.deny(engine.superblock.lanes[1], HISTORY)
    two.session.lose(0.5)
    for number in range(4):
        # Its own rights are looked at a moment later: what is sent before that is written.
        world.denied[engine.superblock.lanes[1]] = NOTHING
        engine._channels.trouble = None
        world.run_in(one, put(engine, Insert("a", row(f"missed {number}"))))
    world.deny(engine.superblock.lanes[1], HISTORY)
    world.pass_time(5)
    with pytest.raises(MissingPermission):
        world.run_in(two, second.refresh())
    assert len(rows_of(second)) < 10
    world.deny(engine.superblock.lanes[1], NOTHING)
    world.pass_time(20)
    assert rows_of(second) == rows_of(engine)
    assert len(rows_of(second)) == 10


def test_what_no_event_told_of_meanwhile_is_read_when_the_right_is_back(filled, join):
    world, one, engine = filled()
    _, second = join(world, "two")
    lane = engine.superblock.lanes[1]
    world.deny(lane, VIEW)
    world.pass_time(1)
    world.faults = Faults(dropped_event=1.0)
    for number in range(4):
        world.denied[lane] = NOTHING
        engine._channels.trouble = None
        world.run_in(one, put(engine, Insert("a", row(f"missed {number}"))))
    world.faults = Faults()
    world.deny(lane, NOTHING)
    world.pass_time(20)
    assert rows_of(second) == rows_of(engine)
    assert len(rows_of(second)) == 10


def test_a_right_whose_return_no_event_tells_is_found_to_be_back(filled):
    world, process, engine = filled()
    world.deny(engine.superblock.lanes[2], HISTORY)
    world.pass_time(1)
    world.deny(engine.superblock.lanes[2], NOTHING, told=False)
    world.pass_time(15)
    world.run_in(process, engine.refresh())


def test_a_right_whose_loss_no_event_tells_is_found_by_whoever_reads(filled):
    world, process, engine = filled()
    lane = engine.superblock.lane_of(engine.replica.head.seq + 1)
    world.deny(lane, HISTORY, told=False)
    with pytest.raises(MissingPermission):
        world.run_in(process, engine.refresh())
    with pytest.raises(MissingPermission):
        world.run_in(process, engine.reach(99), within=60)
    assert len(rows_of(engine)) == 6


def test_an_error_that_is_raised_again_and_again_does_not_grow(filled):
    world, _, engine = filled()
    world.deny(engine.superblock.catalog, HISTORY)
    world.pass_time(1)
    depths = set()
    for _ in range(3):
        with pytest.raises(MissingPermission) as caught:
            engine._channels.check()
        traceback, depth = caught.value.__traceback__, 0
        while traceback := traceback.tb_next:
            depth += 1
        depths.add(depth)
    assert len(depths) == 1


def test_a_change_in_a_channel_of_somebody_else_costs_nothing(filled):
    world, process, _ = filled()
    world.pass_time(120)  # until it has found out whether nonces are enforced
    other = world.make_channel("general", None, "")
    before = process.calls.total()
    world.deny(other.id, VIEW)
    world.pass_time(60)
    assert process.calls.total() == before


@pytest.mark.parametrize(("taken", "noise", "name"), [(SEND, 0, "send"), (ATTACH, 3000, "attach")])
def test_a_save_that_may_not_be_sent_names_what_lacks_and_writes_nothing(
    filled, taken, noise, name
):
    world, process, engine = filled()
    lane = engine.superblock.lane_of(engine.replica.head.seq + 1)
    world.deny(lane, taken)
    world.pass_time(1)
    large = f"{world.random.getrandbits(4 * noise + 1):x}"
    with pytest.raises(MissingPermission) as caught:
        world.run_in(process, put(engine, Insert("a", row("x", noise=large))))
    assert caught.value.missing[0].startswith(name)
    assert caught.value.channel == world.channels[lane].name
    world.run_in(process, engine.refresh())
    assert len(rows_of(engine)) == 6
    world.deny(lane, NOTHING)
    world.run_in(process, put(engine, Insert("a", row("x", noise=large))))
    assert len(rows_of(engine)) == 7


def test_a_right_that_is_lost_after_a_send_without_an_answer_leaves_the_outcome_unknown(filled):
    world, process, engine = filled()
    lane = engine.superblock.lane_of(engine.replica.head.seq + 1)
    # The answer alone is lost: the call has its effect.
    process.session.lose(60)
    world.faults = Faults(lost_answer=1.0)
    writing = process.loop.create_task(put(engine, Insert("a", row("x"))))
    world.run(lambda: len(world.messages[lane]) == 2, within=60)
    world.faults = Faults()
    world.deny(lane, HISTORY | SEND, told=False)
    world.run(writing.done, within=600)
    assert isinstance(writing.exception(), OutcomeUnknown)
    world.deny(lane, NOTHING, told=False)
    world.pass_time(100)
    assert rows_of(engine)[-1] == "x"


@pytest.mark.parametrize("which", range(5))
def test_a_channel_that_is_deleted_is_damage_and_named(filled, which):
    world, process, engine = filled()
    lost = own(engine)[which]
    world.remove_channel(lost)
    world.pass_time(1)
    told = f"the {engine.superblock.names[lost]} of the database has been deleted"
    for act in (engine.refresh, lambda: put(engine, Insert("a", row("x")))):
        with pytest.raises(LogDamaged, match=told) as caught:
            world.run_in(process, act())
        assert caught.value.channel == lost
    assert len(rows_of(engine)) == 6


def test_a_lane_whose_deletion_no_event_tells_is_damage_to_whoever_uses_it(filled):
    world, process, engine = filled()
    world.drop_channel(engine.superblock.lane_of(7))
    for act in (engine.refresh, lambda: put(engine, Insert("a", row("x")))):
        with pytest.raises(LogDamaged, match="the lane log-3 of the database has been deleted"):
            world.run_in(process, act())
    assert len(rows_of(engine)) == 6


@pytest.mark.parametrize("which", range(1, 5))
def test_a_lane_that_is_deleted_is_named_at_login(filled, join, which):
    world, _, engine = filled()
    world.drop_channel(own(engine)[which])
    with pytest.raises(LogDamaged, match=f"the lane log-{which - 1} of the database"):
        join(world, "two")
