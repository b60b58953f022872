"""Databases of which no channel is listed, since all of them are hidden from the bot.

Such a server looks empty. A trace outside the channels tells that it is not.
"""

from __future__ import annotations

import asyncio

import pytest

from discobase.engine.changes import Insert
from discobase.engine.engine import Engine
from discobase.engine.log.leftovers import YOUTH, channels_in
from discobase.engine.server.seam import MISSING_ACCESS, Forbidden, NotFound
from discobase.errors import ConnectError, DatabaseNotFound, MissingPermission, Unavailable
from tests.engine.rows import row, rows_of
from tests.engine.seam import BOT
from tests.engine.simulation import CALM, Faults
from tests.engine.test_creation import (
    CALLS,
    OTHER_BOT,
    add_row,
    at_call,
    categories,
    opened,
    opening,
    text_channels,
)
from tests.engine.workload import LIMITS, put

pytestmark = pytest.mark.one_python


@pytest.fixture
def make_hiding_world(make_world):
    """Makes worlds that do not list what is hidden."""

    def make(seed=1, faults=CALM):
        world = make_world(seed, faults)
        world.lists_hidden = False
        return world

    return make


@pytest.fixture
def filled(make_hiding_world, join):
    """A world with a database of one row, and its first writer."""
    world = make_hiding_world()
    process, engine = join(world)
    world.run_in(process, put(engine, Insert("a", row("kept"))))
    return world, process, engine


def traced(world, bot=BOT):
    """The catalogs that have left a trace."""
    return {trace.catalog for owner, trace, _ in world.traces.values() if owner == bot}


def try_to_open(world, name="next"):
    """Connect once; what came of it."""
    process = world.process(name)
    task = process.loop.create_task(
        Engine.open(process.seam, limits=LIMITS, failed=process.failures.append)
    )
    world.run(task.done)
    if not task.exception():
        process.closers.append(task.result().replica.close)
    return task


@pytest.mark.parametrize("read_only", [False, True])
def test_a_database_that_is_hidden_as_a_whole_is_not_taken_for_an_empty_server(
    filled, join, read_only
):
    world, _, engine = filled
    before = set(world.channels)
    world.hide(*categories(world))
    with pytest.raises(MissingPermission, match="in the channel 'catalog'") as caught:
        join(world, "two", read_only=read_only)
    assert "view_channel" in caught.value.missing
    assert set(world.channels) == before
    world.show(*categories(world))
    _, second = join(world, "three")
    assert second.superblock == engine.superblock
    assert rows_of(second) == ["kept"]


def test_a_login_that_finds_its_database_asks_for_no_trace(filled, join):
    world, _, _ = filled
    two, _ = join(world, "two")
    assert two.calls["traces"] == 0


def test_a_database_has_one_trace_whose_catalog_is_its_own(filled):
    world, _, engine = filled
    assert [trace.catalog for _, trace, _ in world.traces.values()] == [engine.superblock.catalog]


def test_the_trace_is_there_before_the_superblock(make_hiding_world):
    world = make_hiding_world()
    process = world.process("one")
    send, seen = process.seam.send, []

    async def noting(channel, content, uploads, nonce):
        if nonce.endswith(".superblock"):
            seen.append((channel, traced(world)))
        return await send(channel, content, uploads, nonce)

    process.seam.send = noting
    task = opening(process)
    world.run(task.done)
    catalog = task.result().superblock.catalog
    assert seen == [(catalog, {catalog})]


# At each step


@pytest.mark.parametrize("number", range(1, CALLS))
def test_what_a_killed_creator_has_made_is_no_reason_to_create_another_while_hidden(
    make_hiding_world, number
):
    world = make_hiding_world(number)
    killed = world.process("killed")
    at_call(killed, number, killed.kill)
    opening(killed)
    world.run(lambda: not killed.alive)
    world.pass_time(2)
    hidden = categories(world)
    created = any(
        "superblock" in stored.message.content
        for held in world.messages.values()
        for stored in held.values()
    )
    before = set(world.channels)
    world.hide(*hidden)
    task = try_to_open(world)
    if created:
        assert isinstance(task.exception(), MissingPermission)
        assert set(world.channels) == before
    world.show(*hidden)
    process, engine = opened(world, "later")
    add_row(world, process, engine, "x")
    world.pass_time(YOUTH + 60)
    add_row(world, process, engine, "y")
    _, last = opened(world, "last")
    assert last.superblock == engine.superblock
    assert rows_of(last) == ["x", "y"]
    assert text_channels(world) == channels_in(engine.superblock)
    assert traced(world) == {engine.superblock.catalog}


@pytest.mark.parametrize("number", range(3, CALLS))
def test_what_is_hidden_while_it_is_created_is_created_once(make_hiding_world, number):
    world = make_hiding_world(number)
    creator = world.process("creator")
    hidden = set()

    def hide():
        if not first.done():
            hidden.update(categories(world))
            world.hide(*hidden)

    at_call(creator, number, hide)
    first = creator.loop.create_task(
        Engine.open(creator.seam, limits=LIMITS, failed=creator.failures.append)
    )
    world.run(first.done)
    if not first.exception():
        creator.closers.append(first.result().replica.close)
    if any(world.denied.get(catalog) for catalog in traced(world)):
        before = set(world.channels)
        assert isinstance(first.exception(), MissingPermission)
        assert isinstance(try_to_open(world).exception(), MissingPermission)
        assert set(world.channels) == before
    world.show(*hidden)
    process, engine = opened(world, "later")
    add_row(world, process, engine, "x")
    world.pass_time(YOUTH + 60)
    add_row(world, process, engine, "y")
    _, last = opened(world, "last")
    assert last.superblock == engine.superblock
    assert text_channels(world) == channels_in(engine.superblock)
    assert traced(world) == {engine.superblock.catalog}
    assert len(categories(world)) == 1


def test_whoever_has_just_created_what_is_hidden_then_is_told_so_and_removes_nothing(
    make_hiding_world,
):
    world = make_hiding_world()
    creator = world.process("creator")
    send = creator.seam.send

    async def hiding(channel, content, uploads, nonce):
        answer = await send(channel, content, uploads, nonce)
        world.hide(*categories(world))
        return answer

    creator.seam.send = hiding
    with pytest.raises(MissingPermission):
        world.run_in(
            creator, Engine.open(creator.seam, limits=LIMITS, failed=creator.failures.append)
        )
    (catalog,) = traced(world)
    world.show(*categories(world))
    _, engine = opened(world, "next")
    assert engine.superblock.catalog == catalog


# Several creators


@pytest.mark.parametrize(
    "faults",
    [CALM, Faults(lag=2.0), Faults(first_lost=True), Faults(lost_answer=0.2, late_effect=0.1)],
    ids=["calm", "slow reads", "each first answer lost", "answers lost"],
)
def test_of_several_creators_one_trace_stays(make_hiding_world, faults):
    for seed in range(12):
        world = make_hiding_world(seed, faults)
        tasks = [opening(world.process(f"w{number}")) for number in range(3)]
        world.run(lambda tasks=tasks: all(task.done() for task in tasks))
        world.faults = CALM
        world.pass_time(YOUTH + 60)
        process, late = opened(world, "late")
        add_row(world, process, late, "x")
        assert {task.result().superblock for task in tasks} == {late.superblock}
        assert late.superblock.catalog in traced(world), f"seed {seed}"
        if not faults.late_effect:  # what comes after all that was removed stays
            assert len(world.traces) == 1, f"seed {seed}"
        world.hide(*categories(world))
        assert isinstance(try_to_open(world).exception(), MissingPermission)
        world.end()


@pytest.mark.parametrize("number", range(2, CALLS))
def test_what_one_of_two_creators_leaves_that_was_killed_leaves_no_trace(make_hiding_world, number):
    world = make_hiding_world(number)
    killed, living = world.process("killed"), world.process("living")
    at_call(killed, number, killed.kill)
    opening(killed)
    task = opening(living)
    world.run(task.done)
    engine = task.result()
    add_row(world, living, engine, "x")
    world.pass_time(YOUTH + 60)
    add_row(world, living, engine, "y")
    opened(world, "later")
    assert traced(world) == {engine.superblock.catalog}


@pytest.mark.parametrize("number", range(9, CALLS))
def test_a_creator_that_stood_still_while_it_was_given_up_leaves_no_trace(
    make_hiding_world, number
):
    world = make_hiding_world(number)
    slow = world.process("slow")
    at_call(slow, number, lambda: slow.freeze(3600.0))
    task = opening(slow)
    world.run(lambda: slow.frozen or task.done())
    world.pass_time(YOUTH + 60)
    process, engine = opened(world, "quick")
    add_row(world, process, engine, "x")
    world.run(task.done)
    world.pass_time(1)
    assert task.result().superblock == engine.superblock
    assert traced(world) == {engine.superblock.catalog}


@pytest.mark.parametrize("step", ["leave_trace", "send"])
def test_nor_does_one_that_stood_still_right_before_its_trace_or_its_superblock(
    make_hiding_world, step
):
    world = make_hiding_world()
    slow = world.process("slow")
    request = getattr(slow.seam, step)

    async def held(*arguments):
        setattr(slow.seam, step, request)
        slow.freeze(3600.0)
        await asyncio.sleep(0.001)
        return await request(*arguments)

    setattr(slow.seam, step, held)
    task = opening(slow)
    world.run(lambda: slow.frozen)
    world.pass_time(YOUTH + 60)
    process, engine = opened(world, "quick")
    add_row(world, process, engine, "x")
    world.run(task.done)
    assert task.result().superblock == engine.superblock
    assert traced(world) == {engine.superblock.catalog}


@pytest.mark.parametrize("number", range(3, 13))
def test_a_creator_that_stood_still_while_another_database_was_made_and_hidden_makes_none(
    make_hiding_world, number
):
    world = make_hiding_world(number)
    slow = world.process("slow")
    at_call(slow, number, lambda: slow.freeze(100.0))
    task = slow.loop.create_task(Engine.open(slow.seam, limits=LIMITS, failed=slow.failures.append))
    world.run(lambda: slow.frozen)
    process, engine = opened(world, "quick")
    add_row(world, process, engine, "x")
    world.hide(engine.superblock.catalog, *engine.superblock.lanes, engine.superblock.checkpoints)
    world.run(task.done)
    assert isinstance(task.exception(), MissingPermission)
    world.show(engine.superblock.catalog, *engine.superblock.lanes, engine.superblock.checkpoints)
    _, late = opened(world, "late")
    assert late.superblock == engine.superblock
    assert traced(world) == {engine.superblock.catalog}
    assert text_channels(world) == channels_in(engine.superblock)


def test_a_creator_whose_channels_are_hidden_does_not_take_them_for_deleted(make_hiding_world):
    world = make_hiding_world()
    process = world.process("one")
    at_call(process, 6, lambda: world.hide(*categories(world)))
    with pytest.raises(ConnectError, match="Missing Access"):
        world.run_in(
            process, Engine.open(process.seam, limits=LIMITS, failed=process.failures.append)
        )
    assert len(categories(world)) == 1


# Two bots


def test_a_hidden_database_of_another_bot_stops_nobody(make_hiding_world):
    world = make_hiding_world()
    _, first = opened(world, "first")
    world.hide(*categories(world))
    _, second = opened(world, "second", bot=OTHER_BOT)
    assert second.superblock.database != first.superblock.database
    assert traced(world) == {first.superblock.catalog}
    assert traced(world, OTHER_BOT) == {second.superblock.catalog}
    assert isinstance(try_to_open(world).exception(), MissingPermission)


# What is gone


def delete_all(world):
    for channel in list(world.channels):
        world.remove_channel(channel)


def test_a_database_that_an_administrator_has_deleted_is_created_anew_and_its_trace_goes(
    filled, join
):
    world, process, engine = filled
    world.run_in(process, engine.close())
    delete_all(world)
    _, second = join(world, "two")
    assert second.superblock.database != engine.superblock.database
    assert rows_of(second) == []
    assert traced(world) == {second.superblock.catalog}


def test_what_only_reads_removes_no_trace(filled, join):
    world, process, engine = filled
    world.run_in(process, engine.close())
    delete_all(world)
    with pytest.raises(DatabaseNotFound):
        join(world, "two", read_only=True)
    assert traced(world) == {engine.superblock.catalog}


def test_a_trace_whose_catalog_could_not_be_found_at_first_stays(filled, join):
    """A server need not show at once what was made: neither the channels in its list, nor each by
    itself.
    """
    world, _, engine = filled
    catalog = engine.superblock.catalog
    for channel in channels_in(engine.superblock):
        world._listed_from[channel] = world.time + 2.0

    def too_young(seam):
        require = seam.require_readable

        async def looking(channel):
            if channel == catalog and world.time < world._listed_from[catalog]:
                raise NotFound("Unknown Channel", 10003)
            await require(channel)

        seam.require_readable = looking

    _, second = join(world, "two", prepared=too_young)
    assert second.superblock == engine.superblock
    assert traced(world) == {catalog}


@pytest.mark.parametrize("number", range(3, 16))
def test_a_creation_whose_channels_are_deleted_by_somebody_leaves_no_trace(
    make_hiding_world, number
):
    world = make_hiding_world(number)
    process = world.process("one")
    at_call(process, number, lambda: [world.drop_channel(each) for each in list(world.channels)])
    task = opening(process)
    world.run(task.done)
    world.pass_time(1)
    _, late = opened(world, "late")
    assert traced(world) == {late.superblock.catalog}


def test_a_failed_creation_leaves_no_trace_behind_the_next(make_hiding_world):
    for number in range(2, 16):
        world = make_hiding_world(number)
        process = world.process("one")

        def fail(world=world):
            world.faults = Faults(error_before=1.0)

        at_call(process, number + 1, fail)
        with pytest.raises(ConnectError):
            world.run_in(
                process, Engine.open(process.seam, limits=LIMITS, failed=process.failures.append)
            )
        world.faults = CALM
        world.pass_time(YOUTH + 60)
        _, engine = opened(world, "next")
        assert traced(world) == {engine.superblock.catalog}
        world.end()


# What comes back


def test_a_right_that_comes_back_between_two_calls_shows_the_database(filled, join):
    world, _, engine = filled
    world.hide(*categories(world))

    def shown_meanwhile(seam):
        traces = seam.traces

        async def listing():
            found = await traces()
            world.show(*categories(world))
            return found

        seam.traces = listing

    _, second = join(world, "two", prepared=shown_meanwhile)
    assert second.superblock == engine.superblock


def test_nothing_is_created_beside_what_the_list_of_channels_never_shows(filled, join):
    world, _, engine = filled
    for channel in (*channels_in(engine.superblock), *categories(world)):
        world._listed_from[channel] = float("inf")
    before = set(world.channels)
    with pytest.raises(Unavailable, match="does not list it"):
        join(world, "two")
    assert set(world.channels) == before


# Servers that have no place for traces


def test_a_server_that_takes_no_traces_has_its_database_all_the_same(make_hiding_world, join):
    world = make_hiding_world()
    world.takes_traces = False
    process, engine = join(world)
    add_row(world, process, engine, "x")
    _, second = join(world, "two")
    assert rows_of(second) == ["x"]
    assert world.traces == {}


def test_traces_that_cannot_be_listed_are_no_reason_to_create_a_database(filled, join):
    world, _, _ = filled
    world.hide(*categories(world))
    before = set(world.channels)

    def refused(seam):
        async def traces():
            raise Forbidden("Missing Access", MISSING_ACCESS)

        seam.traces = traces

    with pytest.raises(ConnectError, match="Missing Access"):
        join(world, "two", refused)
    assert set(world.channels) == before
