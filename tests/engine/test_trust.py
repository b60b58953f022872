"""What a process trusts (authors, clocks, pages), and what it says where it does not know."""

from __future__ import annotations

import asyncio
import dataclasses
import traceback
from functools import partial

import pytest

from discobase.engine.changes import Insert, Request
from discobase.engine.log.frame import GENESIS, encode
from discobase.engine.log.superblock import Superblock
from discobase.engine.operations import Put
from discobase.engine.server.seam import Message, MessageArrived, Refused, Uncertain
from discobase.errors import LogDamaged, OutcomeUnknown
from tests.engine.rows import UNHEALED, row, rows_of, unhealable
from tests.engine.simulation import CALM, Faults, Stored
from tests.engine.workload import LIMITS, put

SOMEBODY_ELSE = 99


@pytest.fixture
def world(make_world):
    return make_world()


@pytest.fixture
def join(join, world):
    """Opens an engine in a new process of the world."""
    return partial(join, world)


def next_frame(engine, tag):
    """A frame that fits the head in everything."""
    seq = engine.replica.head.seq + 1
    return encode(
        [Put("a", seq, row(tag))],
        seq=seq,
        chain=engine.replica.head.chain,
        writer="w",
        time=0.0,
        limits=LIMITS,
    )


def written_by(world, author, channel, content):
    """A message that is there, and of which no event has told yet."""
    message = Message(world.snowflake(), channel, author, content)
    world.messages[channel][message.id] = Stored(message, world.time)
    return message


# Authors


def test_a_frame_by_somebody_else_does_not_count_though_it_fits_and_came_first(world, join):
    process, engine = join()
    world.run_in(process, put(engine, Insert("a", row("x"))))
    frame = next_frame(engine, "forged")
    written_by(world, SOMEBODY_ELSE, engine.superblock.lane_of(2), frame.content)
    world.run_in(process, put(engine, Insert("a", row("y"))))
    _, newcomer = join("two")
    assert rows_of(engine) == rows_of(newcomer) == ["x", "y"]


def test_a_frame_by_somebody_else_is_not_applied_when_an_event_tells_of_it(world, join):
    process, engine = join()
    world.run_in(process, put(engine, Insert("a", row("x"))))
    lane = engine.superblock.lane_of(2)
    forged = written_by(world, SOMEBODY_ELSE, lane, next_frame(engine, "forged").content)
    world.broadcast(MessageArrived(forged))
    world.pass_time(5)
    assert rows_of(engine) == ["x"]


def test_a_frame_in_another_lane_than_its_own_does_not_count(world, join):
    process, engine = join()
    world.run_in(process, put(engine, Insert("a", row("x"))))
    frame, elsewhere = next_frame(engine, "strayed"), engine.superblock.lane_of(3)
    message = written_by(world, process.seam.author, elsewhere, frame.content)
    world.broadcast(MessageArrived(message))
    world.pass_time(5)
    assert rows_of(engine) == ["x"]
    world.run_in(process, put(engine, Insert("a", row("y"))))
    _, newcomer = join("two")
    assert rows_of(engine) == rows_of(newcomer) == ["x", "y"]


def test_a_superblock_by_somebody_else_leads_nobody_elsewhere(world, join):
    process, engine = join()
    world.run_in(process, put(engine, Insert("a", row("x"))))
    known = engine.superblock
    forged = Superblock(
        known.database, known.generation + 1, known.catalog, known.lanes[:1], known.checkpoints, 0.0
    )
    written_by(world, SOMEBODY_ELSE, known.catalog, forged.to_content())
    _, newcomer = join("two")
    assert newcomer.superblock == known
    assert rows_of(newcomer) == ["x"]


def test_the_newest_generation_of_a_database_counts_and_the_first_word_on_it(world, join):
    process, engine = join()
    known = engine.superblock
    newer = dataclasses.replace(known, generation=2, lanes=known.lanes[::-1])
    second = dataclasses.replace(known, generation=2, lanes=known.lanes[:1])
    for block in (newer, second):
        written_by(world, process.seam.author, known.catalog, block.to_content())
    _, newcomer = join("two")
    assert newcomer.superblock == newer


def test_a_database_that_lacks_a_lane_is_not_opened(world, join):
    _, engine = join()
    world.drop_channel(engine.superblock.lanes[2])
    with pytest.raises(LogDamaged, match="lane log-2"):
        join("two")


def test_a_frame_of_a_later_format_by_somebody_else_stops_nobody(world, join):
    process, engine = join()
    later = next_frame(engine, "x").content.replace('{"discobase":1', '{"discobase":9')
    lane = engine.superblock.lane_of(1)
    world.broadcast(MessageArrived(written_by(world, SOMEBODY_ELSE, lane, later)))
    world.pass_time(1)
    assert world.run_in(process, put(engine, Insert("a", row("x")))).seq == 1


def test_a_message_by_somebody_else_that_is_deleted_is_no_commit_that_is_gone(world, join):
    process, engine = join()
    lane = engine.superblock.lane_of(2)
    chat = written_by(world, SOMEBODY_ELSE, lane, "hello")
    world.channels[lane] = dataclasses.replace(world.channels[lane], last_message=chat.id)
    world.broadcast(MessageArrived(chat))
    world.pass_time(1)
    world.delete(lane, chat.id)
    world.pass_time(1)
    began = world.time
    world.run_in(process, put(engine, Insert("a", row("x"))))
    assert world.time - began < 1
    world.pass_time(60)
    assert engine.lost() == []


# Two messages at one position


def forged(seq, chain, tag):
    return encode(
        [Put("a", seq, row(tag))], seq=seq, chain=chain, writer=tag, time=0.0, limits=LIMITS
    )


def test_a_second_message_that_only_an_event_has_told_of_is_not_built_on(world, join):
    (one, first), (two, second) = join(), join("two")
    world.faults = Faults(dropped_event=1.0)
    world.run_in(one, put(first, Insert("a", row("first"))))
    world.faults = CALM
    world.pass_time(200)
    late, known = forged(1, GENESIS, "late"), second.superblock
    world.post(known.lane_of(1), late.content, (), known.nonce_of(1))
    world.pass_time(0.2)
    assert rows_of(second) == ["late"]
    world.run_in(two, put(second, Insert("a", row("on"))))
    _, newcomer = join("three")
    assert rows_of(second) == rows_of(newcomer) == ["first", "on"]


def test_a_first_message_that_comes_while_the_second_is_applied_is_looked_at_before_a_commit(
    world, join
):
    world.faults = Faults(dropped_event=1.0, nonce_window=None)
    process, engine = join()
    lane = engine.superblock.lane_of(1)
    first, second = (
        world.post(lane, forged(1, GENESIS, tag).content, (), tag) for tag in ("first", "second")
    )
    world.messages[lane][first.id].visible = world.time + 2
    apply = engine.replica.apply

    def applied(commits):
        engine.replica.apply = apply
        apply(commits)
        assert engine.replica.positions.message_at(1) == second.id
        process.session._take(MessageArrived(first))

    engine.replica.apply = applied
    world.run_in(process, put(engine, Insert("a", row("on"))))
    world.pass_time(5)
    _, newcomer = join("two")
    assert rows_of(engine) == rows_of(newcomer) == ["first", "on"]
    assert engine.lost() == newcomer.lost()


def test_a_void_frame_holds_up_nobody_who_opens_the_log(world, join):
    process, engine = join()
    world.run_in(process, put(engine, Insert("a", row("x"))))
    known, chain = engine.superblock, engine.replica.head.chain
    for seq, continued, tag in ((2, "f" * 32, "void"), (3, chain, "on")):
        frame = forged(seq, continued, tag)
        world.post(known.lane_of(seq), frame.content, (), known.nonce_of(seq))
    began = world.time
    _, newcomer = join("two")
    assert rows_of(newcomer) == ["x", "on"]
    assert world.time - began < 10


# Clocks


def looks(process, before):
    """The calls that a process has made since then to see what is there."""
    made = process.calls - before
    del made["send"]
    return made.total()


def test_a_clock_that_stands_still_while_the_machine_sleeps_is_not_trusted_alone(world, join):
    process, engine = join()
    moment = world.time
    process.seam.monotonic = lambda: moment
    world.pass_time(3_600)
    before = process.calls.copy()
    world.run_in(process, put(engine, Insert("a", row("x"))))
    assert looks(process, before), "the nonce of the position may be forgotten"


def test_a_clock_that_is_set_back_is_not_trusted_alone(world, join):
    process, engine = join()
    world.pass_time(3_600)
    process.skew = -7_200.0
    before = process.calls.copy()
    world.run_in(process, put(engine, Insert("a", row("x"))))
    assert looks(process, before), "the nonce of the position may be forgotten"


def test_a_head_is_known_from_the_moment_at_which_its_position_was_asked_for(world, join):
    process, engine = join()
    send = process.seam.send

    async def answered_late(*message):
        answer = await send(*message)
        await asyncio.sleep(50)
        return answer

    process.seam.send = answered_late
    world.faults = Faults(dropped_event=1.0)
    world.run_in(process, put(engine, Insert("a", row("x"))))
    process.seam.send = send
    world.pass_time(20)
    before = process.calls.copy()
    world.run_in(process, put(engine, Insert("a", row("y"))))
    assert looks(process, before), (
        "another writer may have come 70 s ago, before the answer and after the send"
    )


def test_a_lost_event_is_made_good_when_the_next_one_has_come(world, join):
    one, first = join()
    _, second = join("two")
    world.faults = Faults(dropped_event=1.0)
    world.run_in(one, put(first, Insert("a", row("unheard"))))
    world.faults = CALM
    world.run_in(one, put(first, Insert("a", row("heard"))))
    world.pass_time(3)
    assert rows_of(second) == ["unheard", "heard"]


def test_a_refresh_that_has_begun_is_not_shared_by_who_comes_later(world, join):
    (one, first), (two, second) = join(), join("two")
    history = two.seam.history

    async def held(channel, *, after, limit=100):
        page = await history(channel, after=after, limit=limit)
        await asyncio.sleep(5)
        return page

    world.faults = Faults(dropped_event=1.0)
    two.seam.history = held
    two.loop.call_soon_threadsafe(lambda: two.loop.create_task(second.refresh()))
    world.pass_time(1)
    two.seam.history = history
    world.run_in(one, put(first, Insert("a", row("x"))))
    world.run_in(two, second.refresh())
    assert rows_of(second) == ["x"]


def test_who_waits_for_a_position_is_told_by_the_event_at_no_cost(world, join):
    (one, first), (two, second) = join(), join("two")
    waiting = two.loop.create_task(second.reach(1))
    before = two.calls.total()
    world.run_in(one, put(first, Insert("a", row("x"))))
    world.pass_time(0.5)
    assert waiting.done()
    assert two.calls.total() == before


# Damage


def test_each_request_that_is_refused_for_damage_gets_an_error_of_its_own(world, join):
    process, engine = join()
    for tag in "xyz":
        world.run_in(process, put(engine, Insert("a", row(tag))))
    unhealable(world, engine.superblock.checkpoints)
    world.delete(engine.superblock.lane_of(2), engine.replica.positions.message_at(2))
    world.pass_time(UNHEALED)
    errors = []
    for _ in range(4):
        request = Request([Insert("a", row("more"))])
        engine.commit(request)
        world.run(request.future.done)
        errors.append(request.future.exception())
    assert len({id(error) for error in errors}) == 4, "who raises one adds lines to its traceback"
    depths = [len(traceback.extract_tb(error.__traceback__)) for error in errors]
    assert depths[1] == depths[3]


# Pages


def one_at_a_time(seam):
    """Have history give a page of one message, whatever is asked for. Discord promises nothing."""
    history = seam.history

    async def short(channel, *, after, limit=100):
        return (await history(channel, after=after, limit=limit))[:1]

    seam.history = short


def test_a_short_page_is_not_the_last_one_of_a_lane(world, join):
    process, engine = join()
    for number in range(12):
        world.run_in(process, put(engine, Insert("a", row(str(number)))))
    _, newcomer = join("two", one_at_a_time)
    assert rows_of(newcomer) == rows_of(engine)


def test_a_short_page_of_what_others_wrote_does_not_hide_what_is_newer(world, join):
    one, first = join()
    two, second = join("two", one_at_a_time)
    world.faults = Faults(dropped_event=1.0)
    for _ in range(3):
        written_by(world, SOMEBODY_ELSE, first.superblock.lane_of(1), "hello")
    world.run_in(one, put(first, Insert("a", row("x"))))
    world.run_in(two, second.refresh())
    assert rows_of(second) == ["x"]


def test_a_short_page_is_not_the_last_one_of_a_catalog(world, join):
    process, engine = join()
    world.run_in(process, put(engine, Insert("a", row("x"))))
    stored = world.messages[engine.superblock.catalog]
    for message in [*stored]:
        del stored[message]
    for _ in range(3):
        written_by(world, SOMEBODY_ELSE, engine.superblock.catalog, "hello")
    written_by(
        world, process.seam.author, engine.superblock.catalog, engine.superblock.to_content()
    )
    _, newcomer = join("two", one_at_a_time)
    assert newcomer.superblock == engine.superblock


def test_a_short_page_does_not_hide_that_a_lane_holds_a_log(world, join):
    process, engine = join()
    for lane in engine.superblock.lanes:
        for _ in range(3):
            written_by(world, SOMEBODY_ELSE, lane, "hello")
    world.run_in(process, put(engine, Insert("a", row("x"))))
    world.drop_channel(engine.superblock.catalog)
    with pytest.raises(LogDamaged):
        join("two", one_at_a_time)


# What is said where it is not known what was written


def test_a_refusal_after_which_the_log_cannot_be_read_leaves_the_outcome_open(world, join):
    process, engine = join()
    send, history = process.seam.send, process.seam.history
    tries: list[str] = []

    async def lost_then_refused(*message):
        tries.append("")
        if len(tries) == 1:
            await send(*message)
            raise Uncertain("no answer")
        raise Refused("Invalid Form Body", 50035)

    async def unreadable(*_arguments, **_options):
        raise Refused("Missing Access", 50001)

    world.faults = Faults(dropped_event=1.0)
    process.seam.send, process.seam.history = lost_then_refused, unreadable
    with pytest.raises(OutcomeUnknown):
        world.run_in(process, put(engine, Insert("a", row("x"))))
    process.seam.send, process.seam.history, world.faults = send, history, CALM
    world.run_in(process, engine.refresh())
    assert rows_of(engine) == ["x"]


@pytest.mark.parametrize("error", [Uncertain("no answer"), Refused("Missing Access", 50001)])
def test_what_was_sent_and_cannot_be_looked_at_has_an_unknown_outcome(world, join, error):
    process, engine = join()
    send, history = process.seam.send, process.seam.history

    async def answered_late(*message):
        answer = await send(*message)
        await asyncio.sleep(100)
        return answer

    async def unreadable(*_arguments, **_options):
        raise error

    world.faults = Faults(dropped_event=1.0)
    process.seam.send, process.seam.history = answered_late, unreadable
    with pytest.raises(OutcomeUnknown):
        world.run_in(process, put(engine, Insert("a", row("x"))))
    process.seam.send, process.seam.history, world.faults = send, history, CALM
    world.run_in(process, engine.refresh())
    assert rows_of(engine) == ["x"]


def test_a_log_that_goes_on_in_a_later_format_leaves_open_what_was_sent_before(world, join):
    process, engine = join()
    send = process.seam.send

    async def overtaken(*message):
        answer = await send(*message)
        later = message[1].replace('{"discobase":1', '{"discobase":9')
        written_by(world, process.seam.author, message[0], later)
        await asyncio.sleep(100)
        return answer

    world.faults = Faults(dropped_event=1.0)
    process.seam.send = overtaken
    with pytest.raises(OutcomeUnknown, match="may have been written"):
        world.run_in(process, put(engine, Insert("a", row("x"))))
