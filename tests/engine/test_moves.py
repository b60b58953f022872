"""A move to another server in the simulation: each of its steps, and whoever is in the middle."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from discobase.engine.changes import Remove
from discobase.engine.lasting import LastingEngine
from discobase.engine.log.leftovers import YOUTH, channels_in
from discobase.engine.log.superblock import Superblock
from discobase.errors import MoveRefused, OutcomeUnknown, ServerFull, ServerNotFound, Unavailable
from discobase.progress import Gauge
from tests.engine.lasting import (
    Killer,
    is_held,
    join_lasting,
    save,
    save_on,
    vacuum,
)
from tests.engine.rows import rows_of
from tests.engine.seam import OTHER, SHOP, THIRD
from tests.engine.workload import LIMITS, put

pytestmark = pytest.mark.one_python


async def move(engine, server=OTHER):
    """Ask for a move."""
    return await engine.move(server, Gauge())


def channels(world, server):
    """The text channels of a server."""
    return {each.id for each in world.channels_of(server) if not each.is_category}


def pointers(world, server, database):
    """The superblocks that the catalogs of a server hold: the channel, the generation, the server
    that is named.
    """
    found = []
    for channel in world.channels_of(server):
        if channel.topic.endswith(f"/{database} catalog"):
            for stored in world.messages[channel.id].values():
                block = Superblock.from_content(stored.message.content)
                if block is not None:
                    found.append((channel.id, block.generation, block.server))
    return found


def settled_at(world, server, block, *, told_once=True):
    """See that a database is in one server alone, and that the others have nothing but a catalog
    each at the most, which says where it is. Its superblock may stand there more than once where
    somebody stood still for so long that a nonce was forgotten: all of them say the same.
    """
    for each in world.servers:
        held = channels(world, each)
        said = pointers(world, each, block.database)
        if each == server:
            assert held == channels_in(block)
            assert {generation for _, generation, _ in said} == {block.generation}
            assert len(said) == 1 or not told_once
        elif held:
            (channel,) = held
            assert [catalog for catalog, _, _ in said] == [channel]
            assert all(named not in {0, each} for _, _, named in said)
        homes = {channel.parent for channel in world.channels_of(each)}
        assert all(c.id in homes for c in world.channels_of(each) if c.is_category)


@pytest.fixture
def world(make_world):
    """A calm one."""
    return make_world()


def test_a_move_takes_the_records_to_another_server(world):
    one, engine = join_lasting(world)
    save(world, one, engine, "kept", "secret")
    world.run_in(one, put(engine, Remove("a", 2, 2)))
    told = world.run_in(one, move(engine))
    assert (told.server, told.server_id) == ("other", OTHER)
    assert (told.generation, told.position, told.records) == (2, 4, 1)
    assert told.paused < 2
    assert not is_held(world, "secret")
    save(world, one, engine, "after")
    settled_at(world, OTHER, engine.superblock)
    assert engine.standing().server_id == OTHER
    _, newcomer = join_lasting(world, "two")
    _, there = join_lasting(world, "three", server=OTHER)
    for each in (newcomer, there):
        assert rows_of(each) == ["kept", "after"]
        assert each.replica.head == engine.replica.head
        assert each.superblock == engine.superblock
    report = world.run_in(one, engine.verify(Gauge()))
    assert not report.findings
    assert not [failure for each in world.processes for failure in each.failures]


@pytest.mark.parametrize("hears", [True, False])
def test_other_processes_follow_without_an_error(world, hears, tmp_path):
    one, engine = join_lasting(world)
    two, other = join_lasting(world, "two", hears=hears, cache=tmp_path)
    three, reader = join_lasting(world, "three", read_only=True, hears=hears)
    save(world, one, engine, "a")
    tags = [f"t{number}" for number in range(30)]
    saving = two.loop.create_task(save_on(other, tags, pause=0.05))
    world.pass_time(0.5)
    world.run_in(one, move(engine))
    world.run(saving.done)
    saving.result()
    for process, each in ((one, engine), (two, other), (three, reader)):
        world.run_in(process, each.refresh())
        assert sorted(rows_of(each)) == sorted(["a", *tags])
        assert each.superblock == engine.superblock
    settled_at(world, OTHER, engine.superblock)
    world.run_in(two, other.close())
    two.alive = False
    four, again = join_lasting(world, "four", cache=tmp_path)
    assert again.replica.unchecked
    save(world, four, again, "last")
    if hears:
        world.pass_time(2)
        assert "last" in rows_of(reader)
    assert not [failure for each in world.processes for failure in each.failures]


def test_several_moves_one_after_the_other_and_back(world):
    one, engine = join_lasting(world)
    two, deaf = join_lasting(world, "two", hears=False)
    way = [OTHER, THIRD, SHOP, OTHER, SHOP]
    for number, server in enumerate(way):
        save(world, one, engine, f"s{number}")
        world.run_in(one, move(engine, server))
        if number % 2:
            world.run_in(one, vacuum(engine, lanes=number))
        settled_at(world, server, engine.superblock)
        for start in world.servers:
            if channels(world, start):
                _, late = join_lasting(world, f"late{number}-{start}", server=start)
                assert rows_of(late) == rows_of(engine)
    save(world, two, deaf, "d")
    world.run_in(one, engine.refresh())
    assert rows_of(engine) == rows_of(deaf) == ["s0", "s1", "s2", "s3", "s4", "d"]
    assert not one.failures + two.failures


def test_what_cannot_be_is_refused_before_anything_is_changed(world):
    one, engine = join_lasting(world)
    save(world, one, engine, "a")
    _, there = join_lasting(world, "there", server=OTHER)
    world.left.add(THIRD)
    before = dict(world.channels), len(world.written)
    for server, error, told in (
        (SHOP, MoveRefused, "already"),
        ("shop", MoveRefused, "already"),
        (OTHER, MoveRefused, there.superblock.database),
        (THIRD, ServerNotFound, "3"),
        ("nowhere", ServerNotFound, "nowhere"),
    ):
        with pytest.raises(error, match=told):
            world.run_in(one, move(engine, server))
    world.left.clear()
    while len(world.channels_of(THIRD)) < 494:
        world.make_channel("chat", None, "", server=THIRD)
    full = dict(world.channels)
    with pytest.raises(ServerFull, match="494"):
        world.run_in(one, move(engine, THIRD))
    assert world.channels == full
    assert len(world.written) == before[1]
    assert {
        each: channel for each, channel in world.channels.items() if each in before[0]
    } == before[0]
    save(world, one, engine, "b")


# Whoever makes it dies


async def later(work, seconds):
    """Do something a while later: a move writes its seal after some five seconds."""
    await asyncio.sleep(seconds)
    return await work


def moved_under_a_writer(make_world, number, *, after, rival=False):
    """A move whose maker dies at one of its calls, while another process goes on saving. Returns
    the world, the maker's calls, and what was saved.
    """
    world = make_world(5)
    one, engine = join_lasting(world)
    two, other = join_lasting(world, "two")
    save(world, one, engine, "kept", "secret")
    world.run_in(one, put(engine, Remove("a", 2, 2)))
    calls = Killer(one, number, after=after)
    tags = [f"t{number}" for number in range(10)]
    saving = two.loop.create_task(save_on(other, tags, pause=2.0))
    making = one.loop.create_task(move(engine))
    if rival:
        vacuuming = two.loop.create_task(later(vacuum(other), 3.0 + (number or 0) % 7 * 0.5))
    world.run(lambda: saving.done() and (making.done() or not one.alive), within=200)
    saving.result()
    if rival:
        world.run(vacuuming.done)
        assert isinstance(vacuuming.exception(), Unavailable | None)
    if making.done():
        assert isinstance(making.exception(), Unavailable | None)
    return world, calls, other, ["kept", *tags]


def goes_on(world, other, expected, *, told_once=True):
    """See that the database is in one server, with all that was saved, and that nothing else is
    left when somebody comes later.
    """
    world.pass_time(YOUTH + 60)
    two = next(process for process in world.processes if process.name == "two")
    save(world, two, other, "later")  # by its id it is known how old other things are
    server = other.standing().server_id
    late, newcomer = join_lasting(world, "late")
    assert rows_of(newcomer) == rows_of(other) == [*expected, "later"]
    assert newcomer.superblock == other.superblock
    join_lasting(world, "at it", server=server)
    settled_at(world, server, newcomer.superblock, told_once=told_once)
    save(world, late, newcomer, "last")
    report = world.run_in(late, newcomer.verify(Gauge()))
    assert not report.findings, report.findings
    assert not [failure for each in world.processes if each.alive for failure in each.failures]
    return server


@pytest.mark.parametrize("rival", [False, True])
def test_whoever_moves_it_may_die_at_each_call(make_world, rival):
    """Before its effect and after, in turn; beside a vacuum the other way round."""
    _, calls, other, _ = moved_under_a_writer(make_world, None, after=False)
    assert other.standing().server_id == OTHER
    servers = set()
    for number in range(calls.count):
        after = (number % 2 == 0) is not rival
        world, _, other, expected = moved_under_a_writer(
            make_world, number, after=after, rival=rival
        )
        servers.add(goes_on(world, other, expected))
    assert servers == {SHOP, OTHER}


# Beside others


def moved_beside_who_tidies_up(make_world, number):
    """A process dies when it has announced a move; another one begins the next move to the same
    server, and stands still when it has made a catalog, which has no mark yet; and a third one logs
    in and tidies up after the first, and stands still at one of its calls. Returns the calls of the
    third.
    """
    world = make_world(5)
    one, engine = join_lasting(world)
    two, other = join_lasting(world, "two")
    save(world, one, engine, "kept")
    Killer(one, 1)
    one.loop.create_task(move(engine))
    world.run(lambda: not one.alive)
    world.run_in(two, vacuum(other))
    Killer(two, 2, after=True, stands_still=8.0)
    moving = two.loop.create_task(move(other))
    world.run(lambda: two.frozen)
    late = world.process("late")
    calls = Killer(late, number, stands_still=30.0)
    opening = late.loop.create_task(
        LastingEngine.open(late.seam, failed=late.failures.append, limits=LIMITS)
    )
    world.run(lambda: opening.done() and moving.done())
    late.closers.append(opening.result().replica.close)
    assert isinstance(moving.exception(), Unavailable | MoveRefused | None)
    return world, calls, other, moving.exception() is None


def test_a_catalog_without_a_mark_may_be_that_of_a_move_under_way(make_world):
    calls = moved_beside_who_tidies_up(make_world, None)[1]
    assert calls.count
    has_moved = set()
    for number in range(calls.count):
        world, _, other, moved = moved_beside_who_tidies_up(make_world, number)
        assert goes_on(world, other, ["kept"]) == (OTHER if moved else SHOP)
        has_moved.add(moved)
    assert has_moved == {False, True}, "either of the two comes first"


async def in_the_end(engine, server):
    """Move a database to a server, as often as somebody else keeps it from that."""
    while engine.standing().server_id != server:
        with contextlib.suppress(Unavailable):
            await move(engine, server)
        await asyncio.sleep(1)


def moved_while_its_maker_stands_still(make_world, number, *, after):
    """A move whose maker stands still at one of its calls, while another process moves the database
    away from there and back. Returns the maker's calls, and what it was told.
    """
    world = make_world(5)
    one, engine = join_lasting(world)
    two, other = join_lasting(world, "two")
    save(world, one, engine, "kept")
    calls = Killer(one, number, after=after, stands_still=300.0)
    making = one.loop.create_task(move(engine))
    world.run(lambda: one.frozen or making.done())
    world.pass_time(60)  # what it has left undone is finished, or given up
    for server in (SHOP, OTHER):
        world.run_in(two, in_the_end(other, server))
        save(world, two, other, f"at {server}")
    world.run(making.done)
    return world, calls, other, making.exception()


@pytest.mark.parametrize("after", [False, True])
def test_whoever_moves_it_may_stand_still_while_it_goes_away_and_comes_back(make_world, after):
    _, calls, _, error = moved_while_its_maker_stands_still(make_world, None, after=after)
    assert error is None
    told = set()
    for number in range(calls.count):
        world, _, other, error = moved_while_its_maker_stands_still(make_world, number, after=after)
        tags = ["kept", f"at {SHOP}", f"at {OTHER}"]
        assert goes_on(world, other, tags, told_once=False) == OTHER
        told.add(type(error))
    assert told <= {Unavailable, MoveRefused, OutcomeUnknown, type(None)}
    assert OutcomeUnknown in told, "it may have moved there, and on"
