"""Deleting a database whole: beside processes that use it, killed at each step, and damaged."""

from __future__ import annotations

import asyncio
import dataclasses
import json

import pytest

from discobase.engine.changes import Insert
from discobase.engine.log.deletion import delete_database
from discobase.engine.log.last_words import DELETED
from discobase.engine.log.leftovers import channels_in
from discobase.engine.log.topic import part_of
from discobase.engine.server.permissions import Permission
from discobase.engine.server.seam import AccessChanged, NotPermitted
from discobase.errors import (
    DatabaseDeleted,
    DatabaseNotFound,
    DiscobaseError,
    LogDamaged,
    OutcomeUnknown,
    Unavailable,
)
from tests.engine.rows import rows_of
from tests.engine.seam import BOT
from tests.engine.seeds import blocks
from tests.engine.simulation import Faults
from tests.engine.test_creation import OTHER_BOT, add_row, at_call, opened, talk
from tests.engine.workload import open_engine, put

pytestmark = pytest.mark.one_python

CALLS = 24
"""Calls of a deletion, and some more: the last of them come after it."""


def delete(world, name="deleter", **options):
    process = world.process(name, **options)
    return world.run_in(process, delete_database(process.seam, "shop"))


def deleting(process):
    """A task of the process that deletes the database, once."""
    task = process.loop.create_task(delete_database(process.seam, "shop"))
    task.add_done_callback(lambda task: task.cancelled() or task.exception())
    process.closers.append(task.cancel)
    return task


def save_on(world, process, engine, told):
    """Have a process save again and again, and note what it is told."""

    async def saves():
        for number in range(60):
            try:
                await put(engine, Insert("a", json.dumps({"tag": f"{process.name}{number}"})))
            except DiscobaseError as error:
                told.append(error)
            await asyncio.sleep(1.0)

    process.closers.append(process.loop.create_task(saves()).cancel)


def telling(world):
    """Deletes a channel, of which the gateway tells, as Discord's does."""
    drop = world.drop_channel

    def dropped(channel):
        drop(channel)
        world.broadcast(AccessChanged(channel))

    return dropped


def own_channels(world, bot=BOT):
    return {channel.id for channel in world.channels.values() if part_of(channel, bot)}


def strangers(world, parent):
    """What is not the database's, also in its category: a person's channel, and another bot's."""
    chat = world.make_channel("notes", parent, "what we talk about")
    other = world.make_channel("log-0", parent, f"discobase database {OTHER_BOT}/aaaaaaaa log-0")
    category = world.make_channel("discobase", None, "", bot=OTHER_BOT)
    return {talk(world), chat.id, other.id, category.id}


def test_what_is_deleted_is_gone_and_all_else_stays(make_world):
    world = make_world()
    process, engine = opened(world, "one")
    add_row(world, process, engine, "x")
    world.run_in(process, engine.close())
    category = world.channels[engine.superblock.catalog].parent
    kept = strangers(world, category)
    assert delete(world) == [engine.superblock.database]
    assert set(world.channels) == kept | {category}, "the category is not empty"
    assert not world.traces
    _, late = opened(world, "late")
    assert late.superblock.database != engine.superblock.database
    assert rows_of(late) == []


def test_a_deletion_does_not_go_by_the_superblock_of_another_catalog(make_world):
    world = make_world()
    process, engine = opened(world, "one")
    world.run_in(process, engine.close())
    notes = world.make_channel("notes", None, "what we talk about")
    own = engine.superblock
    block = dataclasses.replace(own, catalog=world.snowflake(), checkpoints=notes.id)
    world.post(own.catalog, block.to_content(), (), "copied")
    assert delete(world) == [own.database]
    assert set(world.channels) == {notes.id}


def test_the_category_goes_when_it_is_empty_whatever_it_is_called_by_now(make_world):
    world = make_world()
    process, engine = opened(world, "one")
    world.run_in(process, engine.close())
    category = world.channels[engine.superblock.catalog].parent
    world.channels[category] = dataclasses.replace(world.channels[category], name="our data")
    delete(world)
    assert not world.channels


def test_a_category_of_people_stays_though_it_is_empty_then(make_world):
    world = make_world()
    process, engine = opened(world, "one")
    world.run_in(process, engine.close())
    own = world.channels[engine.superblock.catalog].parent
    theirs = world.make_channel("archive", None, "")
    for shown_to in (frozenset(), frozenset({BOT, 99})):
        world.channels[theirs.id] = dataclasses.replace(theirs, shown_to=shown_to)
    for channel in channels_in(engine.superblock):
        world.channels[channel] = dataclasses.replace(world.channels[channel], parent=theirs.id)
    delete(world)
    # That which it had before is empty, and nobody knows any more that it was this one's.
    assert set(world.channels) == {theirs.id, own}


def test_where_there_is_nothing_to_delete_it_says_so(make_world):
    world = make_world()
    with pytest.raises(DatabaseNotFound, match="nothing was deleted"):
        delete(world)


def test_what_is_hidden_from_the_bot_is_not_called_gone(make_world):
    world = make_world()
    process, engine = opened(world, "one")
    world.run_in(process, engine.close())
    there = set(world.channels)
    category = world.channels[engine.superblock.catalog].parent
    for lists in (True, False):
        world.lists_hidden = lists
        world.hide(category)
        with pytest.raises(NotPermitted):
            delete(world, f"deleter {lists}")
        assert set(world.channels) == there
        world.show(category)
    lane = engine.superblock.lanes[1]
    world.deny(lane, Permission.VIEW_CHANNEL)
    with pytest.raises(NotPermitted):
        delete(world, "deleter of a lane")
    assert DELETED not in {stored.message.content for stored in world.written}


# Beside processes that use it


@pytest.mark.parametrize("hears", [True, False])
@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("first", blocks(6))
def test_other_processes_are_told_that_it_was_deleted_and_heal_nothing(
    make_world, first, hears, told, monkeypatch
):
    for seed in range(first, first + 6):
        world = make_world(seed, Faults(dropped_event=0.3, doubled_event=0.1, lag=0.5))
        if told:
            monkeypatch.setattr(world, "drop_channel", telling(world))
        errors: list[DiscobaseError] = []
        for name in ("one", "two"):
            process = world.process(name)
            engine = world.run_in(process, open_engine(process, hears=hears))
            save_on(world, process, engine, errors)
        world.pass_time(5 * world.random.random() + 2)
        delete(world)
        before = len(world.written)
        world.pass_time(70)
        wrong = [
            e for e in errors if not isinstance(e, DatabaseDeleted | OutcomeUnknown | Unavailable)
        ]
        assert not wrong, f"seed {seed}"
        assert any(isinstance(error, DatabaseDeleted) for error in errors)
        assert not world.channels, f"seed {seed}: something was made again"
        assert len(world.written) == before, f"seed {seed}: something was written again"
        world.end()


# Killed in the middle


@pytest.mark.parametrize("number", range(1, CALLS))
def test_a_deletion_that_is_killed_is_finished_by_whoever_comes(make_world, number):
    """By who deletes it again, or by a login; and who only looks is told."""
    for again in ("delete", "open"):
        world = make_world(number, Faults(lag=0.5))
        process, engine = opened(world, "one")
        add_row(world, process, engine, "x")
        errors: list[DiscobaseError] = []
        save_on(world, process, engine, errors)
        killed = world.process("killed")
        at_call(killed, number, killed.kill)
        task = deleting(killed)
        world.run(lambda task=task, killed=killed: task.done() or not killed.alive)
        world.pass_time(20)
        begun = DELETED in {stored.message.content for stored in world.written}
        assert not [e for e in errors if isinstance(e, LogDamaged)], errors
        assert bool(errors) == begun
        process.kill()
        if again == "delete":
            try:
                delete(world, "again")
            except DatabaseNotFound:
                assert begun
            assert not world.channels
        _, late = opened(world, "late")
        rows = rows_of(late)
        is_new = late.superblock.database != engine.superblock.database
        assert is_new == (begun or again == "delete")
        assert bool(rows) != is_new
        assert own_channels(world) == channels_in(late.superblock)
        assert len([each for each in world.channels.values() if each.is_category]) == 1
        assert {trace.catalog for _, trace, _ in world.traces.values()} == {late.superblock.catalog}
        world.end()


def test_who_only_reads_is_told_of_a_deletion_that_is_under_way(make_world, join):
    world = make_world()
    process, engine = opened(world, "one")
    world.run_in(process, engine.close())
    killed = world.process("killed")
    at_call(killed, 6, killed.kill)
    deleting(killed)
    world.run(lambda: not killed.alive)
    assert DELETED in {stored.message.content for stored in world.written}
    with pytest.raises(DatabaseDeleted):
        join(world, "reader", read_only=True)


# What cannot be opened


def damage(world, block, how):
    """Somebody does something to a database, so that it cannot be opened."""
    (held,) = [
        stored.message.id
        for stored in world.messages[block.catalog].values()
        if "superblock" in stored.message.content
    ]
    if how == "lane":
        world.remove_channel(block.lanes[2])
    elif how == "catalog":
        world.remove_channel(block.catalog)
    elif how in ("delete", "text", "later"):
        world.spoil(block.catalog, held, "later" if how == "later" else how)
    elif how == "topic":
        channel = world.channels[block.catalog]
        world.channels[block.catalog] = dataclasses.replace(channel, topic="hello")
    else:
        for channel in channels_in(block):
            world.channels[channel] = dataclasses.replace(world.channels[channel], topic="hello")


@pytest.mark.parametrize("how", ["lane", "catalog", "delete", "text", "later", "topic", "topics"])
def test_what_cannot_be_opened_can_be_deleted(make_world, how):
    world = make_world()
    process, engine = opened(world, "one")
    add_row(world, process, engine, "x")
    world.run_in(process, engine.close())
    process.kill()
    damage(world, engine.superblock, how)
    delete(world)
    assert not {c for c in world.channels.values() if not c.is_category}
    _, late = opened(world, "late")
    assert late.superblock.database != engine.superblock.database


def test_channels_whose_topics_name_no_bot_are_another_ones_unless_this_one_wrote_there(make_world):
    """Topics of version 0.1."""
    world = make_world()
    process, engine = opened(world, "one")
    world.run_in(process, engine.close())
    for channel in channels_in(engine.superblock):
        topic = world.channels[channel].topic.replace(f"{BOT}/", "")
        world.channels[channel] = dataclasses.replace(world.channels[channel], topic=topic)
    other = world.make_channel("catalog", None, "discobase database bbbbbbbb catalog")
    world.channels[other.id] = dataclasses.replace(other, is_category=False, shown_to=frozenset())
    for name in ("first", "second"):
        try:
            delete(world, name)
        except DatabaseNotFound:
            assert name == "second"
        assert set(world.channels) == {other.id}


def test_a_set_of_channels_that_came_second_is_no_database_and_stays(make_world):
    """Somebody may just be creating another one there, and finds that it came second."""
    world = make_world()
    process, engine = opened(world, "one")
    world.run_in(process, engine.close())
    category = world.channels[engine.superblock.catalog].parent
    topic = f"discobase database {BOT}/zzzzzzzz catalog"
    second = world.make_channel("catalog", category, topic)
    block = dataclasses.replace(engine.superblock, database="zzzzzzzz", catalog=second.id)
    world.post(second.id, block.to_content(), (), "zzzzzzzz.superblock")
    assert delete(world) == [engine.superblock.database]
    assert own_channels(world) == {second.id}
