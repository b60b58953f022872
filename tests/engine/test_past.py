"""Commits of the past, read again from the log, in the simulation."""

from __future__ import annotations

import asyncio
import json

from discobase.engine.log.frame import encode
from discobase.engine.operations import Put
from tests.engine.lasting import join_lasting, leave_channels, save, vacuum
from tests.engine.rows import row, rows_of
from tests.engine.test_damage import JUDGED, delete, message_of, write
from tests.engine.workload import LIMITS

LARGEST = 1_000_000


def past(world, process, engine, below=None, number=100, largest=LARGEST):
    return world.run_in(process, engine.past(below, number, largest))


def tags(commits):
    return [
        json.loads(operation.data)["tag"]
        for commit in commits
        for operation in commit.operations
        if isinstance(operation, Put)
    ]


def test_the_newest_come_first_page_by_page_at_one_call_a_lane(make_world, join):
    world = make_world()
    one, engine = join(world)
    write(world, one, engine, *map(str, range(30)))
    world.pass_time(JUDGED)
    one.calls.clear()
    newest = past(world, one, engine, number=7)
    assert [commit.seq for commit in newest] == [*range(30, 23, -1)]
    assert tags(newest) == [*map(str, range(29, 22, -1))]
    assert one.calls.total() == len(engine.superblock.lanes)
    assert {commit.writer for commit in newest} == {engine.writer}
    assert [(commit.channel, commit.message) for commit in newest] == [
        message_of(engine, commit.seq) for commit in newest
    ]
    rest = past(world, one, engine, below=newest[-1].seq)
    assert [commit.seq for commit in rest] == [*range(23, 0, -1)]
    assert past(world, one, engine, below=1) == []


def test_what_another_process_did_is_told_with_who_it_was(make_world, join):
    world = make_world()
    one, engine = join(world)
    two, other = join(world, "two")
    write(world, one, engine, "mine")
    write(world, two, other, "theirs")
    world.pass_time(5)
    told = {commit.writer: tags([commit]) for commit in past(world, one, engine)}
    assert told == {engine.writer: ["mine"], other.writer: ["theirs"]}


def test_a_second_message_at_a_position_is_not_taken_for_the_one_that_counts(make_world, join):
    world = make_world()
    one, engine = join(world)
    write(world, one, engine, "first", "second", "third")
    channel, _ = message_of(engine, 2)
    chain = engine.replica.positions.at(2).chain
    forged = [Put("a", 2, row("forged"))]
    draft = encode(forged, seq=2, chain=chain, writer="another", time=0.0, limits=LIMITS)
    world.post(channel, draft.content, [], "another nonce")
    world.pass_time(5)
    assert tags(past(world, one, engine)) == ["third", "second", "first"]


def test_a_deleted_message_is_said_to_be_gone_and_the_others_are_told(make_world, join):
    world = make_world()
    one, engine = join(world, read_only=False)
    write(world, one, engine, "first", "second", "third")
    delete(world, engine, 2)
    found = past(world, one, engine)
    assert tags(found) == ["third", "first"]
    assert [commit.unread is None for commit in found] == [True, False, True]
    assert "gone" in found[1].unread


def test_what_is_larger_than_is_wanted_is_not_read(make_world, join):
    world = make_world()
    one, engine = join(world)
    write(world, one, engine, "x" * 5_000, "small")
    small, large = past(world, one, engine, largest=1_000)
    assert tags([small]) == ["small"]
    assert (large.operations, large.count) == ((), large.count)
    assert large.size > 5_000
    assert "1,000 were to be read" in large.unread
    assert tags(past(world, one, engine, largest=large.size)) == ["small", "x" * 5_000]


def test_it_ends_where_a_generation_begins_and_goes_on_in_the_next(make_world):
    world = make_world()
    one, engine = join_lasting(world)
    save(world, one, engine, "before", "gone")
    world.run_in(one, vacuum(engine))
    assert past(world, one, engine) == []
    save(world, one, engine, "after")
    assert tags(past(world, one, engine)) == ["after"]
    two, other = join_lasting(world, "two")
    assert tags(past(world, two, other)) == ["after"]


def test_what_the_old_lanes_have_said_is_nothing_once_the_next_generation_is_known(make_world):
    """The lanes are still there, and answer when the log has gone on elsewhere."""
    world = make_world()
    one, engine = join_lasting(world)
    two, other = join_lasting(world, "two")
    leave_channels(one)
    save(world, one, engine, "before", "gone")
    world.pass_time(5)
    lanes, read, held = engine.superblock.lanes, two.seam.history, []

    async def read_late(channel, **options):
        page = await read(channel, **options)
        if channel in lanes and len(held) < len(lanes):
            held.append(page)
            await asyncio.sleep(10)
        return page

    two.seam.history = read_late
    reading = two.loop.create_task(other.past(None, 100, LARGEST))
    world.run(lambda: held)
    world.run_in(one, vacuum(engine))
    save(world, one, engine, "after")
    world.run(lambda: rows_of(other) == ["before", "gone", "after"], within=8)
    world.run(reading.done)
    assert tags(reading.result()) == ["after"]
