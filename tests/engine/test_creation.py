"""Finding and creating a database: whatever clocks say, reads lag, others do, and processes die."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from functools import partial

import pytest

from discobase.engine.changes import Insert
from discobase.engine.engine import Engine
from discobase.engine.log.catalogs import GIVEN_UP
from discobase.engine.log.creation import find_or_create
from discobase.engine.log.leftovers import YOUTH, channels_in
from discobase.engine.log.sealing import hash_of
from discobase.engine.log.superblock import Superblock, is_superblock
from discobase.engine.log.topic import channels_of, part_of
from discobase.engine.server.seam import SETTLING, Channel, Message, snowflake_at
from discobase.errors import ConnectError, LogDamaged, ServerFull
from tests.engine.rows import rows_of
from tests.engine.seam import BOT
from tests.engine.seeds import blocks
from tests.engine.simulation import CALM, Faults, Stored
from tests.engine.workload import LIMITS, open_engine, put

pytestmark = pytest.mark.one_python

OTHER_BOT = 43
CALLS = 24
"""Calls of a creation, and some more: the last of them come after it."""


def opening(process):
    """A task of the process that opens an engine, as often as it takes."""
    task = process.loop.create_task(open_engine(process))
    process.closers.append(task.cancel)  # nobody else holds it once the process is killed
    return task


def opened(world, name, **options):
    process = world.process(name, **options)
    return process, world.run_in(process, open_engine(process))


def text_channels(world):
    return {channel.id for channel in world.channels.values() if not channel.is_category}


def categories(world):
    return {channel.id for channel in world.channels.values() if channel.is_category}


def at_call(process, number, act):
    """Have something done at a call of a process, which takes effect; it gets no answer before."""
    call, seen = process.seam._call, 0

    async def counting(what, effect, channel=None):
        nonlocal seen
        seen += 1
        if seen == number:
            process.world.at(process.world.time, act)
        return await call(what, effect, channel)

    process.seam._call = counting


def talk(world):
    """Somebody writes in the server, so that an id tells how late it is."""
    place = next((c for c in world.channels.values() if c.name == "chat"), None)
    place = place or world.make_channel("chat", None, "")
    message = Message(world.snowflake(), place.id, 99, "hello")
    world.messages[place.id][message.id] = Stored(message, world.time)
    world.channels[place.id] = dataclasses.replace(
        world.channels[place.id], name="chat", last_message=message.id, shown_to=frozenset()
    )
    return place.id


def add_row(world, process, engine, tag):
    world.run_in(process, put(engine, Insert("a", json.dumps({"tag": tag}))))


# At one moment


@pytest.mark.parametrize(
    "faults",
    [Faults(skew=3600, lag=0.9), Faults(skew=3600, lag=2.0), Faults(lag=2.0)],
    ids=["wrong clocks", "wrong clocks and slow reads", "slow reads"],
)
@pytest.mark.parametrize("spread", [0.05, 1.0, 6.0])
@pytest.mark.parametrize("first", blocks(10))
def test_of_writers_that_come_at_about_one_moment_all_agree(make_world, faults, spread, first):
    for seed in range(first, first + 10):
        world = make_world(seed, faults)
        tasks = []
        for number in range(3):
            process = world.process(f"w{number}")
            world.after(
                world.random.random() * spread,
                lambda process=process, tasks=tasks: tasks.append(opening(process)),
            )
        world.run(lambda tasks=tasks: len(tasks) == 3 and all(task.done() for task in tasks))
        world.pass_time(10)
        _, late = opened(world, "late")
        blocks = {late.superblock, *(task.result().superblock for task in tasks)}
        assert len(blocks) == 1, f"seed {seed}: split brain"
        assert text_channels(world) == channels_in(late.superblock), f"seed {seed}"
        assert len(categories(world)) == 1
        world.end()


def test_who_finds_a_database_of_this_moment_waits_for_an_earlier_one_to_come_to_light(make_world):
    """Its creator was killed as it waited, and what the earlier one wrote cannot be read yet."""
    for seed in range(12):
        world = make_world(seed)
        first, second = world.process("first"), world.process("second")
        for process in (first, second):
            opening(process)
        world.run(lambda world=world: sum(map(len, world.messages.values())) == 2)
        one, other = sorted(
            (stored for held in world.messages.values() for stored in held.values()),
            key=lambda stored: stored.message.id,
        )
        one.visible, other.visible = world.time + 2.0, world.time
        first.kill()
        second.kill()
        _, engine = opened(world, "third")
        assert engine.superblock.catalog == one.message.channel
        world.end()


def test_whoever_creates_waits_until_everybody_can_read_it_and_nobody_else_does(make_world):
    world = make_world()
    process = world.process("creator")
    world.run_in(process, find_or_create(process.seam))
    (message,) = [message for held in world.messages.values() for message in held]
    written = message >> 22
    assert (snowflake_at(process.seam.now()) >> 22) - written >= SETTLING * 1000
    talk(world)
    finder = world.process("finder")
    finder.skew = -86_400.0
    before = world.time
    world.run_in(finder, find_or_create(finder.seam))
    assert world.time - before < 1.0
    assert finder.calls.total() == 2


def test_a_database_in_use_tells_by_its_own_messages_that_it_is_not_new(make_world):
    world = make_world()
    opened(world, "creator")
    before = world.time
    opened(world, "finder")
    assert world.time - before < SETTLING


# Left by others


@pytest.mark.parametrize("number", range(1, CALLS))
def test_what_a_killed_creator_leaves_is_removed_once_it_is_old(make_world, number):
    world = make_world(number)
    killed = world.process("killed")
    at_call(killed, number, killed.kill)
    opening(killed)
    world.run(lambda: not killed.alive)
    world.pass_time(2)
    process, engine = opened(world, "next")
    add_row(world, process, engine, "x")
    world.pass_time(YOUTH + 60)
    add_row(world, process, engine, "y")
    _, later = opened(world, "later")
    assert text_channels(world) == channels_in(engine.superblock)
    assert len(categories(world)) == 1
    assert later.superblock == engine.superblock
    assert rows_of(later) == ["x", "y"]


@pytest.mark.parametrize("number", range(1, CALLS))
def test_whoever_creates_next_removes_what_is_old_by_then(make_world, number):
    world = make_world(number)
    killed = world.process("killed")
    at_call(killed, number, killed.kill)
    opening(killed)
    world.run(lambda: not killed.alive)
    world.pass_time(YOUTH + 60)
    _, engine = opened(world, "next")
    assert text_channels(world) == channels_in(engine.superblock)
    assert len(categories(world)) == 1


@pytest.mark.parametrize("number", range(2, CALLS))
def test_what_one_of_two_creators_leaves_that_was_killed_is_removed_too(make_world, number):
    for seed in range(3):
        world = make_world(seed)
        killed, living = world.process("killed"), world.process("living")
        at_call(killed, number, killed.kill)
        opening(killed)
        task = opening(living)
        world.run(task.done)
        engine = task.result()
        add_row(world, living, engine, "x")
        world.pass_time(YOUTH + 60)
        add_row(world, living, engine, "y")
        _, later = opened(world, "later")
        assert later.superblock == engine.superblock
        assert text_channels(world) == channels_in(engine.superblock)
        assert len(categories(world)) == 1
        world.end()


@pytest.mark.parametrize("number", range(2, 15))
def test_what_a_creator_is_just_making_is_left_to_it(make_world, number):
    world = make_world(number)
    slow = world.process("slow")
    at_call(slow, number, lambda: slow.freeze(YOUTH / 2))
    task = opening(slow)
    world.run(lambda: slow.frozen)
    world.pass_time(YOUTH / 4)
    made = set(world.channels)
    process, engine = opened(world, "quick")
    add_row(world, process, engine, "x")
    opened(world, "third")
    assert made <= set(world.channels)
    world.run(task.done)
    assert task.result().superblock == engine.superblock
    assert text_channels(world) == channels_in(engine.superblock)


@pytest.mark.parametrize("number", range(2, CALLS))
def test_a_creator_that_stood_still_for_an_hour_finds_the_database_of_others(make_world, number):
    world = make_world(number)
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
    world.run_in(slow, task.result().refresh())
    assert rows_of(task.result()) == ["x"]
    _, late = opened(world, "late")
    assert late.superblock == engine.superblock
    assert text_channels(world) == channels_in(engine.superblock)


@pytest.mark.parametrize("last", ["send", "sleep", "delete"])
def test_a_superblock_below_the_word_that_it_was_given_up_does_not_count(make_world, last):
    """A creator stands still before its superblock; who gives its channels up, does so before it
    can delete them. The creator writes its superblock, and then the other one goes on.
    """
    world = make_world()
    slow, remover = world.process("slow"), world.process("remover")
    send = slow.seam.send

    async def held(channel, content, uploads, nonce):
        if nonce.endswith(".superblock"):
            slow.freeze(3600.0)
            await asyncio.sleep(0.001)
        return await send(channel, content, uploads, nonce)

    slow.seam.send = held
    task = opening(slow)
    world.run(lambda: slow.frozen)
    world.pass_time(YOUTH + 60)
    delete, given_up = remover.seam.delete_channel, remover.seam.send

    async def stand_still(*arguments):
        remover.seam.delete_channel = delete
        remover.freeze(7200.0)
        await asyncio.sleep(0.001)
        return await delete(*arguments)

    async def give_up(channel, content, uploads, nonce):
        answer = await given_up(channel, content, uploads, nonce)
        if content == GIVEN_UP:
            remover.kill() if last == "send" else remover.freeze(7200.0)
            await asyncio.sleep(0.001)
        return answer

    if last == "delete":
        remover.seam.delete_channel = stand_still
    else:
        remover.seam.send = give_up
    other = opening(remover)
    world.run(task.done, within=10_000)
    engine = task.result()
    add_row(world, slow, engine, "x")
    if last != "send":
        world.run(other.done, within=10_000)
        assert other.result().superblock == engine.superblock
    _, late = opened(world, "late")
    assert late.superblock == engine.superblock
    assert rows_of(late) == ["x"]


def test_a_server_without_room_is_left_as_it_was(make_world):
    for room in range(8):
        world = make_world(room)
        talk(world)
        world.room = room
        before = set(world.channels)
        for name in ("one", "two", "three"):
            process = world.process(name)
            with pytest.raises(ServerFull):
                world.run_in(
                    process,
                    Engine.open(process.seam, limits=LIMITS, failed=process.failures.append),
                )
            assert set(world.channels) == before
        world.end()


@pytest.mark.parametrize("number", range(2, 14))
def test_what_is_left_does_not_take_the_room_of_the_next(make_world, number):
    world = make_world(number)
    killed = world.process("killed")
    at_call(killed, number, killed.kill)
    opening(killed)
    world.run(lambda: not killed.alive)
    world.pass_time(YOUTH + 60)
    talk(world)
    for room in (len(world.channels), 8):
        world.room = max(8, room)
    _, engine = opened(world, "next")
    assert text_channels(world) == channels_in(engine.superblock)


def test_a_failed_creation_removes_what_it_made(make_world):
    for number in range(2, 13):
        world = make_world(number)
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
        assert text_channels(world) == channels_in(engine.superblock)
        assert len(categories(world)) == 1
        world.end()


def test_lanes_that_were_ever_written_to_are_never_removed(make_world):
    """Somebody has deleted the superblock, and all messages, while nobody was there to heal."""
    world = make_world()
    process, engine = opened(world, "one")
    add_row(world, process, engine, "x")
    world.run_in(process, engine.close())
    block = engine.superblock
    for channel in channels_in(block):
        for message in list(world.messages[channel]):
            world.delete(channel, message)
    world.pass_time(YOUTH + 60)
    _, other = opened(world, "two")
    assert channels_in(block) | channels_in(other.superblock) == text_channels(world)


# While the superblock is written again


def superblock_of(world, catalog):
    """The message of a superblock, which is the first of its catalog."""
    return world.messages[catalog][min(world.messages[catalog])].message


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("gap", [0.0, 1.0, 8.0, 29.0])
def test_who_opens_while_the_superblock_is_written_again_waits_for_it(
    make_world, join, gap, read_only
):
    for seed in range(4):
        world = make_world(seed)
        process, engine = opened(world, "one")
        add_row(world, process, engine, "x")
        world.run_in(process, engine.close())
        message = superblock_of(world, engine.superblock.catalog)
        channels = set(world.channels)
        world.delete(message.channel, message.id)
        world.after(gap, partial(world.post, message.channel, message.content, (), "again"))
        _, late = join(world, "late", read_only=read_only)
        assert late.superblock == engine.superblock
        assert rows_of(late) == ["x"]
        assert set(world.channels) == channels
        world.end()


def test_who_opens_while_a_process_heals_the_superblock_waits_for_it(make_world, join):
    for seed in range(8):
        world = make_world(seed)
        process, engine = opened(world, "one")
        add_row(world, process, engine, "x")
        message = superblock_of(world, engine.superblock.catalog)
        world.delete(message.channel, message.id)
        _, late = join(world, "late")
        assert late.superblock == engine.superblock
        assert rows_of(late) == ["x"]
        world.end()


def test_who_stood_still_before_it_read_the_log_looks_again_before_it_misses_the_superblock(
    make_world,
):
    """Superblock and log were written while it stood still, after its list of channels."""
    world = make_world()
    process, engine = opened(world, "one")
    late, before = world.process("late"), dict(world.channels)
    message = superblock_of(world, engine.superblock.catalog)
    world.delete(message.channel, message.id)
    late.seam.channels = partial(answered_slowly, world, late, message)
    add_row(world, process, engine, "x")
    block = world.run_in(late, find_or_create(late.seam)).superblock
    assert block == engine.superblock
    assert before.keys() == world.channels.keys()


async def answered_slowly(world, process, message):
    """List the channels; then the superblock is written, and the first page takes a minute."""
    del process.seam.channels
    found = await process.seam.channels()
    world.post(message.channel, message.content, (), "again")
    history = process.seam.history

    async def slow(channel, **options):
        page = await history(channel, **options)
        if channel != message.channel:
            process.seam.history = history
            await process.seam.sleep(60)
        return [each for each in page if channel != message.channel]

    process.seam.history = slow
    return found


@pytest.mark.parametrize("read_only", [False, True])
def test_a_superblock_that_is_not_written_again_is_missed_after_half_a_minute(
    make_world, join, read_only
):
    world = make_world()
    process, engine = opened(world, "one")
    add_row(world, process, engine, "x")
    world.run_in(process, engine.close())
    message = superblock_of(world, engine.superblock.catalog)
    channels, began = set(world.channels), world.time
    world.delete(message.channel, message.id)
    with pytest.raises(LogDamaged, match=r"leave it running.*Delete nothing"):
        join(world, "late", read_only=read_only)
    assert 30 <= world.time - began < 60
    assert set(world.channels) == channels
    world.post(message.channel, message.content, (), "again")
    _, late = join(world, "late", read_only=read_only)
    assert rows_of(late) == ["x"]


def test_who_holds_a_database_that_was_given_up_acknowledges_nothing(make_world):
    """It had no commits and was old, and its superblock was deleted: who comes meanwhile stands
    still before it removes the channels, in which nothing counts by then.
    """
    for seed in range(2):
        world = make_world(seed)
        holder, engine = opened(world, "holder")
        world.pass_time(YOUTH + 60)
        talk(world)
        message = superblock_of(world, engine.superblock.catalog)
        remover = world.process("remover")
        delete = remover.seam.delete_channel

        async def stand_still(*arguments, remover=remover, delete=delete):
            remover.seam.delete_channel = delete
            remover.freeze(60.0)
            await asyncio.sleep(0.001)
            return await delete(*arguments)

        remover.seam.delete_channel = stand_still
        holder.freeze(10.0)
        world.delete(message.channel, message.id)
        task = opening(remover)
        world.run(lambda remover=remover: remover.frozen)
        with pytest.raises(LogDamaged, match=r"given up.*connect again"):
            add_row(world, holder, engine, "x")
        assert rows_of(engine) == []
        sent = [each.message.content for each in world.messages[message.channel].values()]
        assert sum(map(is_superblock, sent)) <= 1, "what does not count is written again and again"
        world.run(task.done)
        assert task.result().superblock.database != engine.superblock.database
        _, late = opened(world, "late")
        assert late.superblock == task.result().superblock
        world.end()


# Several bots


@pytest.mark.parametrize("administrator", [False, True])
def test_two_bots_in_one_server_have_a_database_each(make_world, administrator):
    world = make_world()
    process, first = opened(world, "first")
    add_row(world, process, first, "of the first")
    place, second = opened(world, "second", bot=OTHER_BOT, administrator=administrator)
    add_row(world, place, second, "of the second")
    assert first.superblock.database != second.superblock.database
    world.pass_time(YOUTH + 60)
    for bot, engine, tag in ((BOT, first, "of the first"), (OTHER_BOT, second, "of the second")):
        _, again = opened(world, f"again {bot}", bot=bot, administrator=administrator)
        assert again.superblock == engine.superblock
        assert rows_of(again) == [tag]
    kept = channels_in(first.superblock) | channels_in(second.superblock)
    assert text_channels(world) == kept


@pytest.mark.parametrize("number", range(2, 14))
def test_what_another_bot_has_left_is_not_touched(make_world, number):
    world = make_world(number)
    killed = world.process("killed", bot=OTHER_BOT)
    at_call(killed, number, killed.kill)
    opening(killed)
    world.run(lambda: not killed.alive)
    world.pass_time(YOUTH + 60)
    left = set(world.channels)
    _, engine = opened(world, "one", administrator=True)
    assert set(world.channels) - left > channels_in(engine.superblock)
    assert left <= set(world.channels)


def test_a_log_of_another_bot_without_its_catalog_stops_nobody_else(make_world):
    world = make_world()
    process, engine = opened(world, "one", bot=OTHER_BOT)
    for tag in "wxyz":
        add_row(world, process, engine, tag)
    world.drop_channel(engine.superblock.catalog)
    _, mine = opened(world, "mine", administrator=True)
    assert rows_of(mine) == []


def earlier_topics(world):
    """Give the channels the topics that they had before bots shared servers."""
    for identity, channel in list(world.channels.items()):
        if (part := part_of(channel, BOT)) is not None:
            topic = f"discobase database {part.database} {part.role}"
            world.channels[identity] = dataclasses.replace(channel, topic=topic)


def test_a_database_whose_topics_do_not_say_whose_it_is_opens_for_its_bot_alone(make_world):
    world = make_world()
    process, engine = opened(world, "one")
    add_row(world, process, engine, "x")
    earlier_topics(world)
    before = set(world.channels)
    world.pass_time(YOUTH + 60)
    talk_in = talk(world)
    _, again = opened(world, "again")
    assert rows_of(again) == ["x"]
    other = world.process("other", bot=OTHER_BOT)
    with pytest.raises(ConnectError, match="Missing Access"):
        world.run_in(other, Engine.open(other.seam, limits=LIMITS, failed=other.failures.append))
    assert set(world.channels) == before | {talk_in}


def test_the_topic_says_whose_a_channel_is_and_versions_of_before_read_it_as_theirs(make_world):
    world = make_world()
    _, engine = opened(world, "one")
    own = channels_in(engine.superblock)
    for channel in (world.channels[identity] for identity in own):
        beginning = "discobase database "
        assert channel.topic.startswith(beginning)
        # So it was read before the bot's id was in it.
        assert channel.topic[len(beginning) :].partition(" ")[2] == channel.name
    channels = [*world.channels.values(), Channel(1, "x", None, "discobase database abc catalog")]
    assert {channel.id for channel in channels_of(channels, BOT)} == own | {1}
    assert {channel.id for channel in channels_of(channels, OTHER_BOT)} == {1}


def test_what_may_be_of_another_bot_is_not_removed(make_world):
    world = make_world()
    killed = world.process("killed")
    at_call(killed, 6, killed.kill)
    opening(killed)
    world.run(lambda: not killed.alive)
    world.pass_time(YOUTH + 60)
    earlier_topics(world)
    left = set(world.channels)
    opened(world, "next")
    assert left <= set(world.channels)


# What stands in a catalog


def sealed(text):
    """A superblock's message, with the right hash, whatever it says."""
    digest = hash_of(text.encode())
    return f'```json\n{{"superblock":1,"hash":"{digest}",\n"is":{text}}}\n```'


def fields(**changes):
    known = {
        "database": "abcdefgh",
        "generation": 1,
        "catalog": "1",
        "lanes": ["2", "3"],
        "checkpoints": "4",
        "created": 5.0,
    }
    return json.dumps(known | changes, separators=(",", ":"))


ODD = {
    "no lanes": sealed(fields(lanes=[])),
    "lanes of another type": sealed(fields(lanes="23")),
    "a lane that is no id": sealed(fields(lanes=["-2"])),
    "lanes that are numbers": sealed(fields(lanes=[2, 3])),
    "a negative generation": sealed(fields(generation=-1)),
    "generation 0": sealed(fields(generation=0)),
    "an endless generation": sealed(fields(generation=float("inf"))),
    "a generation of 4,000 digits": sealed(fields(generation=10**4000)),
    "a generation that no nonce holds": sealed(fields(generation=36**8)),
    "a generation that is true": sealed(fields(generation=True)),
    "created at no time": sealed(fields(created=float("nan"))),
    "created at the end": sealed(fields(created=float("inf"))),
    "an id that no nonce holds": sealed(fields(database="a" * 30)),
    "an id of another type": sealed(fields(database=7)),
    "an id of 19,000 digits": sealed(fields(catalog="1" * 19_000)),
    "no catalog": sealed(fields(catalog=None)),
    "a list": sealed("[1]"),
    "a number": sealed("1"),
    "a number of 5,000 digits": sealed("1" * 5_000),
    "nothing": sealed("null"),
    "deep JSON": sealed("[" * 100_000 + "]" * 100_000),
    "a format of 5,000 digits": '```json\n{"superblock":' + "9" * 5_000 + "}\n```",
    "a format that is no number": '```json\n{"superblock":Infinity}\n```',
}


@pytest.mark.parametrize("content", ODD.values(), ids=ODD.keys())
def test_odd_messages_of_the_bot_itself_are_no_superblocks(make_world, content):
    assert Superblock.from_content(sealed(fields())) is not None
    assert Superblock.from_content(content) is None
    world = make_world()
    process, engine = opened(world, "one")
    catalog = engine.superblock.catalog
    for identity in (catalog + 1, world.snowflake()):
        message = Message(identity, catalog, BOT, content)
        world.messages[catalog][identity] = Stored(message, world.time)
    assert opened(world, "two")[1].superblock == engine.superblock
    world.run_in(process, engine._log.catalog.read())


@pytest.mark.parametrize("alone", [True, False], ids=["alone", "beside its own"])
def test_the_superblock_of_another_catalog_carries_nothing(make_world, alone):
    """Somebody with the bot's token may copy it: it would lead to another database's channels."""
    world = make_world()
    process, engine = opened(world, "one")
    add_row(world, process, engine, "x")
    world.run_in(process, engine.close())
    own = engine.superblock
    if alone:
        held = world.messages[own.catalog]
        for each in [one for one in held if is_superblock(held[one].message.content)]:
            world.delete(own.catalog, each)
    for other in (own.lanes[0], world.snowflake()):
        block = dataclasses.replace(own, catalog=other, generation=2, lanes=own.lanes[:1])
        world.post(own.catalog, block.to_content(), (), f"copied.{other}")
    if alone:
        with pytest.raises(LogDamaged, match=r"superblock .* is gone from the catalog"):
            opened(world, "two")
    else:
        assert opened(world, "two")[1].superblock == own


@pytest.mark.parametrize("content", [GIVEN_UP, None])
def test_what_others_write_into_a_catalog_does_not_count(make_world, content):
    world = make_world()
    _, engine = opened(world, "one")
    catalog = engine.superblock.catalog
    forged = dataclasses.replace(engine.superblock, database="zzzzzzzz", generation=9)
    message = Message(catalog + 1, catalog, OTHER_BOT, content or forged.to_content())
    world.messages[catalog][message.id] = Stored(message, world.time)
    assert opened(world, "two")[1].superblock == engine.superblock


def test_a_database_that_is_there_cannot_be_given_up(make_world):
    world = make_world()
    _, engine = opened(world, "one")
    world.post(engine.superblock.catalog, GIVEN_UP, (), "late")
    assert opened(world, "two")[1].superblock == engine.superblock


def test_a_creation_whose_channels_are_taken_away_begins_anew_by_itself(make_world):
    for number in range(3, 16):
        world = make_world(number)
        process = world.process("one")

        def take_away(world=world):
            for channel in list(world.channels):
                world.drop_channel(channel)

        at_call(process, number, take_away)
        block = world.run_in(process, find_or_create(process.seam)).superblock
        world.pass_time(1)
        assert channels_in(block) <= text_channels(world)
        world.end()


@pytest.mark.parametrize("lost", ["catalog alone", "all"])
def test_a_database_whose_topics_are_gone_is_not_taken_for_an_empty_server(make_world, lost):
    world = make_world()
    process = world.process("one")
    engine = world.run_in(process, open_engine(process))
    world.run_in(process, put(engine, Insert("a", '{"tag":"kept"}')))
    before = dict(world.channels)
    for identity, channel in before.items():
        if lost == "all" or channel.name == "catalog":
            world.channels[identity] = dataclasses.replace(channel, topic="")
    late = world.process("late")
    opening = Engine.open(late.seam, limits=LIMITS, failed=late.failures.append)
    with pytest.raises(LogDamaged, match="topic") as raised:
        world.run_in(late, opening)
    assert f"discobase database {BOT}/{engine.superblock.database} catalog" in str(raised.value)
    assert world.channels.keys() == before.keys()
    world.channels.update(before)
    again = world.run_in(late, open_engine(late))
    assert again.superblock == engine.superblock
