"""A bot takes over the database of another one: who is believed, from where on, whatever comes."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json

import pytest

from discobase.engine.changes import Insert
from discobase.engine.engine import Engine
from discobase.engine.log.authors import Predecessor
from discobase.engine.log.claims import claim_content
from discobase.engine.log.deletion import delete_database
from discobase.engine.log.superblock import Superblock
from discobase.engine.server.seam import SETTLING
from discobase.errors import (
    ConnectError,
    DatabaseEnded,
    DatabaseNotFound,
    DatabaseTakenOver,
    DiscobaseError,
    KeyNeeded,
    SuccessionRefused,
    Unavailable,
    WrongKey,
)
from discobase.key import Key
from discobase.progress import Gauge
from tests.engine.rows import rows_of
from tests.engine.seam import BOT
from tests.engine.seeds import blocks
from tests.engine.simulation import Faults
from tests.engine.test_creation import add_row, at_call, talk
from tests.engine.workload import LIMITS, put
from tests.format import decrypting
from tests.format.reader import open_database
from tests.format.worlds import OfWorld, held_by

pytestmark = pytest.mark.one_python

HEIR, RIVAL, STRANGER = 43, 44, 45
KEY, OTHER_KEY = Key(bytes(range(32))), Key(bytes(range(1, 33)))
CALLS = 34
"""Calls of a succession, and some more: the last of them come after it."""


def opening(process, **options):
    """A task of the process that opens an engine, once."""
    failed = process.failures.append
    task = process.loop.create_task(
        Engine.open(process.seam, limits=LIMITS, failed=failed, **options)
    )

    def note(task):
        if not task.cancelled() and not task.exception():
            process.closers.append(task.result().replica.close)

    task.add_done_callback(note)
    process.closers.append(task.cancel)
    return task


def opened(world, name, bot=BOT, **options):
    process = world.process(name, bot=bot)
    task = opening(process, **options)
    world.run(task.done)
    return process, task.result()


def refused(world, name, error, bot=HEIR, **options):
    """Open, and get an error."""
    with pytest.raises(error) as raised:
        opened(world, name, bot, **options)
    return raised.value


def old_database(world, records=6, *, checkpoint=False, **options):
    """A database that the old bot has written; it is shut out, and the others are let in."""
    process, engine = opened(world, "old", **options)
    for number in range(records):
        add_row(world, process, engine, f"old{number}")
    if checkpoint:
        world.pass_time(1)
        world.run_in(process, engine.checkpoint())
    world.let_in(HEIR, RIVAL, STRANGER)
    world.kick(BOT)
    return process, engine


def tags(engine):
    return sorted(rows_of(engine))


@pytest.mark.parametrize("checkpoint", [False, True])
def test_a_successor_has_all_that_was_written_and_goes_on(make_world, checkpoint):
    world = make_world()
    _, old = old_database(world, checkpoint=checkpoint)
    heir, engine = opened(world, "heir", HEIR, successor_of=BOT)
    assert tags(engine) == tags(old)
    assert engine.superblock.database == old.superblock.database
    assert engine.superblock.lanes == old.superblock.lanes
    (before,) = engine.superblock.predecessors
    assert (before.bot, before.last, before.chain) == (BOT, 6, old.replica.head.chain)
    add_row(world, heir, engine, "new")
    assert engine.replica.head.seq == 7
    for options in ({}, {"successor_of": BOT}):
        _, late = opened(world, f"late {options}", HEIR, **options)
        assert tags(late) == tags(engine)
        assert late.superblock == engine.superblock
    report = world.run_in(heir, engine.verify(Gauge()))
    assert report.sound
    assert report.findings == ()
    assert report.position == 7


@pytest.mark.parametrize("checkpoint", [False, True])
def test_a_successor_of_an_encrypted_database_needs_its_key_and_goes_on_with_it(
    make_world, checkpoint
):
    world = make_world()
    _, old = old_database(world, checkpoint=checkpoint, key=KEY)
    before = len(world.written)
    for kind, key in ((KeyNeeded, None), (WrongKey, OTHER_KEY)):
        refused(world, f"{kind}", kind, successor_of=BOT, key=key)
    assert len(world.written) == before
    heir, engine = opened(world, "heir", HEIR, successor_of=BOT, key=KEY)
    assert tags(engine) == tags(old)
    add_row(world, heir, engine, "new")
    refused(world, "without", KeyNeeded)
    _, late = opened(world, "late", HEIR, key=KEY)
    assert late.superblock == engine.superblock
    assert tags(late) == tags(engine)
    assert not any("old0" in stored.message.content for stored in world.written)
    for whole in (False, True):
        read = decrypting.open_database(OfWorld(world, HEIR), KEY.reveal(), whole=whole)
        assert (read.seq, read.chain, read.hash()) == held_by(late)


def test_an_older_version_stops_at_the_superblock_of_a_successor():
    before = (Predecessor(BOT, 3, "a" * 32),)
    block = Superblock("abcdefgh", 1, 5, (6, 7), 8, 1.0, predecessors=before)
    content = block.to_content()
    assert content.startswith('```json\n{"superblock":3,')
    assert '"needs":"2.0"' in content.splitlines()[1]
    assert Superblock.from_content(content) == block


def test_the_old_bot_is_to_be_shut_out_first(make_world):
    world = make_world()
    old, engine = old_database(world)
    world.kicked.clear()
    there = (set(world.channels), len(world.written))
    error = refused(world, "heir", SuccessionRefused, successor_of=BOT)
    assert f"the bot {BOT} is a member of this server and may write" in str(error)
    assert (set(world.channels), len(world.written)) == there
    add_row(world, old, engine, "on")


def test_what_is_no_succession_is_refused(make_world):
    world = make_world()
    refused(world, "nothing", DatabaseNotFound, successor_of=BOT)
    old_database(world)
    refused(world, "itself", SuccessionRefused, successor_of=HEIR)
    opened(world, "own", HEIR)
    error = refused(world, "two", SuccessionRefused, successor_of=BOT)
    assert "has a database of its own" in str(error)


# The old bot


@pytest.mark.parametrize("hears", [True, False])
def test_the_old_bot_stops_when_it_is_let_in_again(make_world, hears):
    world = make_world()
    old, engine = opened(world, "old", hears=hears)
    add_row(world, old, engine, "old")
    world.let_in(HEIR)
    world.kick(BOT)
    heir, successor = opened(world, "heir", HEIR, successor_of=BOT)
    world.pass_time(100)
    world.kicked.clear()
    if hears:
        old.session.lose(1.0)
        world.pass_time(5)
    with pytest.raises(DatabaseTakenOver, match=f"the bot {HEIR} has taken this database over"):
        add_row(world, old, engine, "void")
    with pytest.raises(DatabaseTakenOver):
        world.run_in(old, engine.refresh())
    assert tags(engine) == ["old"]
    refused(world, "old again", DatabaseTakenOver, bot=BOT)
    refused(world, "old reads", DatabaseTakenOver, bot=BOT, read_only=True)
    add_row(world, heir, successor, "new")
    assert tags(successor) == ["new", "old"]


def test_what_the_old_bot_writes_late_counts_for_nobody(make_world):
    """Also what fits, and came before what the successor writes at that position."""
    world = make_world()
    old, engine = old_database(world, records=3)
    heir, successor = opened(world, "heir", HEIR, successor_of=BOT)
    world.kicked.clear()
    frame = next(
        stored.message
        for stored in world.written
        if '"seq":3,' in stored.message.content and '"discobase"' in stored.message.content
    )
    late = frame.content.replace('"seq":3,', '"seq":4,').replace(
        json.loads(frame.content.splitlines()[1])["prev"], engine.replica.head.chain
    )
    lane = engine.superblock.lane_of(4)
    world.tell_of(world.post(lane, late, (), "late", author=BOT))
    add_row(world, heir, successor, "new")
    assert successor.replica.head.seq == 4
    _, reader = opened(world, "reader", HEIR)
    assert tags(reader) == tags(successor) == ["new", "old0", "old1", "old2"]
    report = world.run_in(heir, successor.verify(Gauge()))
    assert report.sound
    assert [f"by the bot {BOT}" in finding.what for finding in report.findings] == [True]
    old.kill()


def test_a_checkpoint_by_the_old_bot_above_the_takeover_is_none(make_world):
    world = make_world()
    old, engine = old_database(world, records=3)
    heir, successor = opened(world, "heir", HEIR, successor_of=BOT)
    add_row(world, heir, successor, "new")
    world.run_in(heir, successor.checkpoint())
    made = max(world.messages[engine.superblock.checkpoints])
    stored = world.messages[engine.superblock.checkpoints].pop(made)
    stored.message = dataclasses.replace(stored.message, author=BOT)
    world.messages[engine.superblock.checkpoints][made] = stored
    _, reader = opened(world, "reader", HEIR)
    assert reader.standing().checkpoint is None
    assert tags(reader) == tags(successor)
    old.kill()


def test_where_the_end_of_the_old_bots_log_is_gone_nothing_is_written_in_its_place(make_world):
    world = make_world()
    _, engine = old_database(world, records=3)
    heir, successor = opened(world, "heir", HEIR, successor_of=BOT)
    world.run_in(heir, successor.close())
    heir.kill()
    lane = engine.superblock.lane_of(3)
    world.delete(lane, max(world.messages[lane]))
    error = refused(world, "late", DiscobaseError)
    assert "another bot has written it" in str(error)


# At one moment, and killed


@pytest.mark.parametrize("first", blocks(6))
def test_of_two_bots_that_succeed_the_same_one_one_does(make_world, first):
    for seed in range(first, first + 6):
        world = make_world(seed, Faults(lag=1.0, skew=100))
        old_database(world, records=3)
        tasks = {}
        for name, bot in (("one", HEIR), ("two", HEIR), ("rival", RIVAL), ("rival2", RIVAL)):
            process = world.process(name, bot=bot)
            world.after(
                world.random.random() * 4,
                lambda process=process, bot=bot, tasks=tasks: tasks.setdefault(
                    process.name, (bot, opening(process, successor_of=BOT))
                ),
            )
        world.run(
            lambda tasks=tasks: len(tasks) == 4 and all(task.done() for _, task in tasks.values())
        )
        world.pass_time(10)
        won = {bot for bot, task in tasks.values() if not task.exception()}
        assert len(won) == 1, f"seed {seed}"
        blocks_of = {task.result().superblock for _, task in tasks.values() if not task.exception()}
        assert len(blocks_of) == 1, f"seed {seed}: split brain"
        for bot, task in tasks.values():
            if bot not in won:
                assert isinstance(task.exception(), DatabaseTakenOver), f"seed {seed}"
        catalogs = [c for c in world.channels.values() if c.name == "catalog"]
        assert len(catalogs) == 2, f"seed {seed}: the loser's catalog stays"
        world.end()


@pytest.mark.parametrize("number", range(1, CALLS))
def test_a_succession_that_is_killed_is_finished_by_who_is_told_to_and_by_nobody_else(
    make_world, number
):
    world = make_world(number, Faults(lag=0.5))
    _, old = old_database(world, records=3, checkpoint=number % 2 == 0)
    killed = world.process("killed", bot=HEIR)
    at_call(killed, number, killed.kill)
    task = opening(killed, successor_of=BOT)
    world.run(lambda: task.done() or not killed.alive)
    world.pass_time(20)
    claimed = any('"succession"' in stored.message.content for stored in world.written)
    named = any('"superblock":3' in stored.message.content for stored in world.written)
    if claimed and not named:
        error = refused(world, "plain", SuccessionRefused)
        assert f"successor_of={BOT}" in str(error)
        refused(world, "rival", DatabaseTakenOver, bot=RIVAL, successor_of=BOT)
    heir, engine = opened(world, "heir", HEIR, successor_of=BOT)
    assert tags(engine) == ["old0", "old1", "old2"]
    add_row(world, heir, engine, "new")
    world.pass_time(1)
    _, late = opened(world, "late", HEIR)
    assert tags(late) == ["new", "old0", "old1", "old2"]
    assert late.superblock.predecessors[0].last == old.replica.head.seq


# Chains, and forgers


def test_a_successor_is_succeeded_and_the_whole_chain_is_believed(make_world):
    world = make_world()
    old_database(world, records=3, checkpoint=True)
    heir, engine = opened(world, "heir", HEIR, successor_of=BOT)
    add_row(world, heir, engine, "heir")
    world.kick(HEIR)
    error = refused(world, "of the first", DatabaseTakenOver, bot=RIVAL, successor_of=BOT)
    assert error.by == HEIR
    rival, last = opened(world, "rival", RIVAL, successor_of=HEIR)
    assert [each.bot for each in last.superblock.predecessors] == [BOT, HEIR]
    add_row(world, rival, last, "rival")
    _, late = opened(world, "late", RIVAL)
    assert tags(late) == ["heir", "old0", "old1", "old2", "rival"]
    world.kicked = {RIVAL}
    refused(world, "back", DatabaseEnded, bot=HEIR)
    error = refused(world, "back again", DiscobaseError, bot=BOT, successor_of=RIVAL)
    assert tags(late) == tags(last)


def test_a_forged_claim_is_believed_by_nobody_and_named(make_world):
    """It stops the bot that it names, until it is deleted: that is said in the docs."""
    world = make_world()
    old, engine = opened(world, "old")
    add_row(world, old, engine, "old")
    world.let_in(HEIR, STRANGER)
    content = claim_content(engine.superblock.database, Predecessor(BOT, 0, "0" * 32))
    forged = world.post(engine.superblock.catalog, content, (), "forged", author=STRANGER)
    world.pass_time(2)
    with pytest.raises(DatabaseTakenOver, match=f"the bot {STRANGER}.*delete that message"):
        add_row(world, old, engine, "no")
    world.kick(BOT)
    error = refused(world, "heir", DatabaseTakenOver, successor_of=BOT)
    assert (error.by, error.message) == (STRANGER, forged.id)
    world.delete(engine.superblock.catalog, forged.id)
    _, successor = opened(world, "heir again", HEIR, successor_of=BOT)
    assert tags(successor) == ["old"]
    assert successor.superblock.predecessors[0].last == 1


def test_a_claim_that_comes_later_changes_nothing(make_world):
    """The first one was made, and its process killed before it went on."""
    world = make_world()
    _, engine = old_database(world, records=2)
    killed = world.process("killed", bot=HEIR)
    opening(killed, successor_of=BOT)
    world.run(lambda: any('"succession"' in stored.message.content for stored in world.written))
    killed.kill()
    content = claim_content(engine.superblock.database, Predecessor(BOT, 1, "1" * 32))
    world.post(engine.superblock.catalog, content, (), "later", author=STRANGER)
    _, successor = opened(world, "heir", HEIR, successor_of=BOT)
    assert successor.superblock.predecessors[0].last == 2
    assert tags(successor) == ["old0", "old1"]


def test_what_the_old_bot_wrote_last_is_waited_for(make_world):
    """It cannot be read yet, and no list of channels tells of it."""
    world = make_world()
    world.lists_ends = False
    old, engine = opened(world, "old")
    for number in range(3):
        world.pass_time(10)
        add_row(world, old, engine, f"old{number}")
    talk(world)  # its id tells that the superblock is old: a young one would be waited for
    world.let_in(HEIR)
    world.kick(BOT)
    (last,) = [each for each in world.written if '"seq":3,' in each.message.content]
    last.visible = world.time + SETTLING - 0.5
    _, successor = opened(world, "heir", HEIR, successor_of=BOT)
    assert tags(successor) == ["old0", "old1", "old2"]


def test_a_superblock_of_a_stranger_makes_nobody_believe_it(make_world):
    world = make_world()
    _, engine = old_database(world, records=2)
    _, successor = opened(world, "heir", HEIR, successor_of=BOT)
    forged = dataclasses.replace(
        successor.superblock, predecessors=(Predecessor(STRANGER, 90, "0" * 32),), created=0.5
    )
    for catalog in (successor.superblock.catalog, engine.superblock.catalog):
        world.post(catalog, forged.to_content(), (), f"f{catalog}", author=STRANGER)
    _, late = opened(world, "late", HEIR)
    assert late.superblock == successor.superblock


def test_a_successor_deletes_what_it_has_taken_over_whole(make_world):
    world = make_world()
    old_database(world, records=2)
    heir, engine = opened(world, "heir", HEIR, successor_of=BOT)
    world.run_in(heir, engine.close())
    world.run_in(heir, delete_database(heir.seam, "shop"))
    assert {channel.is_category for channel in world.channels.values()} <= {True}


def test_the_old_bot_cannot_delete_what_was_taken_over(make_world):
    world = make_world()
    old_database(world, records=2)
    _, engine = opened(world, "heir", HEIR, successor_of=BOT)
    there = set(world.channels)
    world.kicked.clear()
    process = world.process("deleter")
    with pytest.raises(DatabaseTakenOver):
        world.run_in(process, delete_database(process.seam, "shop"))
    assert set(world.channels) == there
    _, late = opened(world, "late", HEIR)
    assert tags(late) == tags(engine)


# At random


@pytest.mark.parametrize("first", blocks(8))
def test_nothing_that_was_acknowledged_is_lost_by_a_succession(make_world, first):
    faults = Faults(
        lost_answer=0.08, error_before=0.05, late_effect=0.0, dropped_event=0.1, lag=1.0,
        freeze_at_send=0.01, doubled_event=0.1,
    )  # fmt: skip
    for seed in range(first, first + 8):
        world = make_world(seed, faults)
        acknowledged: set[str] = set()

        async def save(process, engine, count, acknowledged=acknowledged):
            for number in range(count):
                tag = f"{process.name}.{number}"
                with contextlib.suppress(DiscobaseError):
                    await put(engine, Insert("a", json.dumps({"tag": tag})))
                    acknowledged.add(tag)
                await asyncio.sleep(process.world.random.random())

        def work(name, bot, count, world=world, save=save, **options):
            process, engine = opened_somehow(world, name, bot, **options)
            task = process.loop.create_task(save(process, engine, count))
            process.closers.append(task.cancel)
            return engine, task

        work("a", BOT, 20)
        work("b", BOT, 20)
        world.let_in(HEIR, RIVAL)
        world.pass_time(world.random.random() * 12)
        world.kick(BOT)
        _, first_task = work("heir", HEIR, 8, successor_of=BOT)
        _, second_task = work("heir2", HEIR, 8, successor_of=BOT)
        world.run(lambda tasks=(first_task, second_task): all(t.done() for t in tasks))
        world.kick(HEIR)
        _, last_task = work("rival", RIVAL, 4, successor_of=HEIR)
        world.run(last_task.done)
        world.pass_time(5)
        _, late = opened_somehow(world, "late", RIVAL)
        for whole in (True, False):
            read = open_database(OfWorld(world, RIVAL), whole=whole)
            assert (read.seq, read.chain, read.hash()) == held_by(late), f"seed {seed}"
        there = rows_of(late)
        assert len(there) == len({*there}), f"seed {seed}"
        assert acknowledged <= {*there}, f"seed {seed}"
        assert any(tag.startswith("rival") for tag in acknowledged)
        world.end()


def opened_somehow(world, name, bot, **options):
    """Open, as often as it takes."""
    for number in range(30):
        try:
            return opened(world, f"{name}" if not number else f"{name}'{number}", bot, **options)
        except (Unavailable, ConnectError):
            world.pass_time(1)
    raise AssertionError(name)
