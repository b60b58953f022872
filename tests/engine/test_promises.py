"""Single promises, each in a scene of its own."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from discobase.engine.batch import Batch
from discobase.engine.changes import IndexWanted, Insert, Placed, Replace, Request
from discobase.engine.engine import Engine
from discobase.engine.log import read_log as reading
from discobase.engine.log.frame import GENESIS, Limits, encode
from discobase.engine.operations import Put
from discobase.engine.replica import Proposal
from discobase.engine.server.seam import (
    Message,
    MessageArrived,
    Refused,
    Uncertain,
    snowflake_at,
)
from discobase.errors import (
    ConnectError,
    Disconnected,
    LogDamaged,
    OutcomeUnknown,
    RecordTooLarge,
    Unavailable,
    UniqueViolation,
)
from tests.engine.audit import read_log
from tests.engine.rows import row, rows_of
from tests.engine.schemas import FINGERPRINT, schema_of
from tests.engine.simulation import CALM, Faults, Stored
from tests.engine.workload import LIMITS, put

UNIQUE_TAG = schema_of({"tag": "plain"}, unique=("tag",))


# Creating a database


@pytest.mark.parametrize("writers", [2, 3, 4])
def test_writers_that_create_a_database_at_one_moment_agree_and_leave_nothing_behind(
    make_world, writers
):
    for seed in range(12):
        world = make_world(seed)
        processes = [world.process(f"w{number}") for number in range(writers)]
        opening = [
            process.loop.create_task(
                Engine.open(process.seam, limits=LIMITS, failed=process.failures.append)
            )
            for process in processes
        ]
        world.run(lambda opening=opening: all(task.done() for task in opening))
        world.pass_time(10)
        engines = [task.result() for task in opening]
        for process, engine in zip(processes, engines, strict=True):
            process.closers.append(engine.replica.close)
        assert len({engine.superblock for engine in engines}) == 1
        block = engines[0].superblock
        kept = {block.catalog, *block.lanes, block.checkpoints}
        categories = {channel.id for channel in world.channels.values() if channel.is_category}
        assert set(world.channels) == kept | categories
        assert len(categories) == 1
        world.end()


def test_a_database_that_can_not_be_read_yet_is_waited_for_by_those_who_create_one_too(make_world):
    for seed in range(12):
        world = make_world(seed)
        processes = [world.process(f"w{number}") for number in range(2)]
        opening = [
            process.loop.create_task(
                Engine.open(process.seam, limits=LIMITS, failed=process.failures.append)
            )
            for process in processes
        ]
        world.run(lambda world=world: any(world.messages.values()))
        (first,) = [stored for held in world.messages.values() for stored in held.values()]
        first.visible = world.time + 0.9
        world.run(lambda opening=opening: all(task.done() for task in opening))
        engines = [task.result() for task in opening]
        for process, engine in zip(processes, engines, strict=True):
            process.closers.append(engine.replica.close)
        assert {engine.superblock.catalog for engine in engines} == {first.message.channel}


def test_channels_made_twice_for_want_of_an_answer_are_removed(make_world, join):
    for seed in range(10):
        world = make_world(seed, Faults(first_lost=True))
        process, engine = join(world)
        block = engine.superblock
        kept = {block.catalog, *block.lanes, block.checkpoints}
        assert process.calls["create_channel"] == 2 * len(kept), "not all were made twice"
        text = {channel.id for channel in world.channels.values() if not channel.is_category}
        assert text == kept


def test_channels_may_be_renamed(make_world, join):
    world = make_world()
    process, engine = join(world)
    world.run_in(process, put(engine, Insert("a", row("x"))))
    for identity, channel in list(world.channels.items()):
        world.channels[identity] = dataclasses.replace(channel, name=f"renamed-{identity}")
    _, other = join(world, "two")
    assert rows_of(other) == ["x"]


def test_a_log_whose_catalog_is_gone_is_not_taken_for_an_empty_server(make_world, join):
    world = make_world()
    process, engine = join(world)
    for number in range(4):
        world.run_in(process, put(engine, Insert("a", row(str(number)))))
    world.drop_channel(engine.superblock.catalog)
    with pytest.raises(LogDamaged, match="catalog"):
        join(world, "two")


# Costs


def test_an_idle_writer_makes_no_call(make_world, join):
    world = make_world()
    process, _ = join(world)
    world.pass_time(120)  # until it has found out whether nonces are enforced
    before = process.calls.total()
    world.pass_time(3_600)
    assert process.calls.total() == before


def test_a_reader_follows_others_without_a_call(make_world, join):
    world = make_world()
    one, first = join(world)
    two, second = join(world, "two")
    world.pass_time(120)  # until both have found out whether nonces are enforced
    before = two.calls.total()
    for number in range(9):
        world.run_in(one, put(first, Insert("a", row(str(number)))))
        world.pass_time(100)
    assert rows_of(second) == rows_of(first)
    assert len(rows_of(second)) == 9
    assert two.calls.total() == before


def test_one_write_is_one_call(make_world, join):
    world = make_world()
    process, engine = join(world)
    before = process.calls.total()
    for number in range(5):
        world.run_in(process, put(engine, Insert("a", row(str(number)))))
    assert process.calls.total() == before + 5


@pytest.mark.timeout(15)  # it takes no time, or for ever
def test_the_first_write_after_an_idle_hour_looks_first(make_world, join):
    world = make_world()
    process, engine = join(world)
    world.pass_time(3_600)
    before = process.calls.copy()
    world.run_in(process, put(engine, Insert("a", row("x"))))
    assert process.calls - before == {"send": 1, "channels": 1}


def test_a_hundred_requests_that_wait_together_take_at_most_five_calls(make_world, join):
    world = make_world()
    process, engine = join(world, limits=Limits())
    before = process.calls["send"]
    requests = [Request([Insert("a", row(str(number)))]) for number in range(100)]
    for request in requests:
        engine.commit(request)
    world.run(lambda: all(request.future.done() for request in requests))
    assert process.calls["send"] - before <= 5
    assert sorted(request.future.result().pks[0] for request in requests) == list(range(1, 101))


def test_a_refresh_that_finds_nothing_is_one_call(make_world, join):
    world = make_world()
    process, engine = join(world)
    world.run_in(process, put(engine, Insert("a", row("x"))))
    before = process.calls.total()
    world.run_in(process, engine.refresh())
    assert process.calls.total() == before + 1


def test_a_refresh_sees_what_others_wrote_even_if_no_event_told_of_it(make_world, join):
    world = make_world(faults=Faults(dropped_event=1.0))
    one, first = join(world)
    two, second = join(world, "two")
    for number in range(10):
        world.run_in(one, put(first, Insert("a", row(str(number)))))
    assert rows_of(second) == []
    world.run_in(two, second.refresh())
    assert rows_of(second) == rows_of(first)


def test_an_index_is_asked_for_once_at_each_head(make_world, join, monkeypatch):
    world = make_world()
    process, engine = join(world)
    made: list[IndexWanted] = []
    monkeypatch.setattr(engine.replica, "index", made.append)
    for number in range(1, 3):
        world.run_in(process, put(engine, Insert("a", row(str(number)))))
        for _ in range(3):
            engine.want_index(IndexWanted("a", "tag", FINGERPRINT))
        world.pass_time(1)
        assert made == [IndexWanted("a", "tag", FINGERPRINT)] * number


# Standing still


def test_a_writer_that_stood_still_longer_than_a_nonce_lives_does_not_overwrite(make_world, join):
    world = make_world()
    one, first = join(world)
    two, second = join(world, "two")
    world.run_in(one, put(first, schemas={"a": UNIQUE_TAG}))
    world.pass_time(1)
    world.faults = Faults(freeze_at_send=1.0)
    request = Request([Insert("a", row("taken"))], {"a": UNIQUE_TAG})
    one.loop.call_soon_threadsafe(first.commit, request)
    world.run(lambda: one.frozen)
    world.faults = CALM
    placed = world.run_in(two, put(second, Insert("a", row("taken")), schemas={"a": UNIQUE_TAG}))
    world.run(request.future.done)
    with pytest.raises(UniqueViolation):
        request.future.result()
    world.pass_time(5)
    assert rows_of(first) == rows_of(second) == ["taken"]
    assert len(read_log(world, first.superblock).superfluous) == 1
    assert placed.seq == 2


def test_what_was_read_beside_a_position_that_is_looked_up_is_not_taken_for_known(make_world, join):
    world = make_world()
    one, first = join(world)
    two, second = join(world, "two")
    world.faults = Faults(freeze_at_send=1.0)
    request = Request([Insert("a", row("late"))])
    one.loop.call_soon_threadsafe(first.commit, request)
    world.run(lambda: one.frozen)
    world.faults = CALM
    for number in range(4):
        world.run_in(two, put(second, Insert("a", row(str(number)))))
    world.faults = Faults(dropped_event=1.0)
    world.run_in(two, put(second, Insert("a", row("unheard"))))  # in the lane of the first one
    world.run(lambda: not one.frozen)
    world.faults = CALM
    world.run(request.future.done)
    world.run_in(two, second.refresh())
    expected = [*map(str, range(4)), "unheard", "late"]
    assert rows_of(first) == rows_of(second) == expected
    assert request.future.result().seq == 6


def test_one_who_heard_only_of_the_second_message_at_a_position_does_not_build_on_it(
    make_world, join
):
    world = make_world()
    (one, first), (two, second), (_, third) = (join(world, name) for name in ("one", "two", "c"))
    third_process = world.processes[2]
    world.faults = Faults(freeze_at_send=1.0)
    request = Request([Insert("a", row("late"))])
    one.loop.call_soon_threadsafe(first.commit, request)
    world.run(lambda: one.frozen)
    world.faults = Faults(dropped_event=1.0)
    world.run_in(two, put(second, Insert("a", row("first"))))
    world.faults = CALM
    world.run(request.future.done)
    world.run_in(third_process, put(third, Insert("a", row("built"))))
    world.pass_time(5)
    assert rows_of(first) == rows_of(second) == rows_of(third)
    assert set(rows_of(first)) == {"first", "late", "built"}


def test_a_first_message_that_is_heard_of_while_the_second_is_applied_is_not_overlooked(
    make_world, join
):
    world = make_world(faults=Faults(dropped_event=1.0, nonce_window=None))
    process, engine = join(world)
    lane, messages = engine.superblock.lane_of(1), []
    for tag in ("first", "second"):
        frame = encode(
            [Put("a", 1, row(tag))], seq=1, chain=GENESIS, writer=tag, time=0.0, limits=LIMITS
        )
        messages.append(world.post(lane, frame.content, (), tag))
    first, second = messages
    apply = engine.replica.apply

    def applied(commits):
        apply(commits)
        process.session._take(MessageArrived(first))

    engine.replica.apply = applied
    process.loop.call_soon(process.session._take, MessageArrived(second))
    world.pass_time(5)
    assert rows_of(engine) == ["first"]


# The own echo


def test_a_copy_of_a_frame_by_somebody_else_is_not_taken_for_its_echo(make_world, join):
    world = make_world()
    process, engine = join(world)
    send = process.seam.send

    async def copied(channel, content, uploads, nonce):
        copy = Message(world.snowflake(), channel, 99, content)
        world.messages[channel][copy.id] = Stored(copy, world.time)
        world.broadcast(MessageArrived(copy))
        await asyncio.sleep(1)
        return await send(channel, content, uploads, nonce)

    process.seam.send = copied
    placed = world.run_in(process, put(engine, Insert("a", row("x"))))
    (line,) = read_log(world, engine.superblock).lines
    assert placed.seq == 1
    assert engine.replica.positions.message_at(1) == line.message


def test_the_own_echo_is_not_read_however_late_it_comes(make_world, join, monkeypatch):
    world = make_world(faults=Faults(slow_event=1.0))
    process, engine = join(world)
    read: list[str] = []
    monkeypatch.setattr(reading, "read_header", read.append)
    for tag in "xyz":
        world.run_in(process, put(engine, Insert("a", row(tag))))
        world.pass_time(20)
    assert read == []
    assert rows_of(engine) == ["x", "y", "z"]


def test_the_first_of_two_equal_frames_counts_where_nonces_are_not_enforced(make_world, join):
    unheard = Faults(dropped_event=1.0, nonce_window=None)
    world = make_world(faults=unheard)
    process, engine = join(world)
    send, sent = process.seam.send, []

    async def sent_twice(*message):
        sent.append(await send(*message))
        if len(sent) == 1:
            # For the others it stands there, but it can not be read yet.
            world.messages[sent[0].channel][sent[0].id].visible = world.time + 20
            raise Uncertain("no answer")
        world.faults = dataclasses.replace(unheard, dropped_event=0.0)
        world.broadcast(MessageArrived(sent[0]))
        await asyncio.sleep(1)
        return sent[1]

    process.seam.send = sent_twice
    world.run_in(process, put(engine, Insert("a", row("x"))))
    world.pass_time(30)
    assert sent[0].id < sent[1].id
    assert engine.replica.positions.message_at(1) == sent[0].id


def test_a_writer_hears_that_it_has_lost_before_it_is_answered(make_world, join):
    world = make_world()
    one, first = join(world)
    two, second = join(world, "two")
    send = one.seam.send

    async def held(*message):
        answer = await send(*message)
        await asyncio.sleep(300)
        return answer

    world.faults = Faults(dropped_event=1.0)
    world.run_in(two, put(second, Insert("a", row("theirs"))))
    (theirs,) = read_log(world, second.superblock).lines
    world.faults = CALM
    one.seam.send = held
    request = Request([Insert("a", row("ours"))])
    first.commit(request)
    world.pass_time(2)
    stored = world.messages[first.superblock.lane_of(1)][theirs.message]
    world.broadcast(MessageArrived(stored.message))
    world.run(request.future.done, within=10)
    assert rows_of(first) == ["theirs", "ours"]


def test_of_two_answers_to_one_request_the_first_counts():
    answered, failed = Request([Insert("a", row("x"))]), Request([Insert("a", row("y"))])
    for request in (answered, failed):
        assert request.future.set_running_or_notify_cancel()
    reason = Disconnected("closed")
    proposal = Proposal(1, GENESIS, verdicts=[Placed(1, [1]), Placed(1, [2])])
    Batch([failed]).fail(reason)
    Batch([answered, failed]).answer(proposal)
    Batch([answered]).fail(reason)
    assert answered.future.result().pks == [1]
    assert failed.future.exception() is reason


# Damage


def deleted(world, channel, message):
    world.delete(channel, message)


def edited(world, channel, message):
    content = world.messages[channel][message].message.content
    world.edit(channel, message, content.replace("three", "THREE"))


def forged_header(world, channel, message):
    content = world.messages[channel][message].message.content
    world.edit(channel, message, content.replace('"writer":"', '"writer":"x'))


def emptied(world, channel, message):
    world.edit(channel, message, "nothing to see")


@pytest.mark.parametrize("harm", [deleted, edited, emptied])
def test_a_damaged_message_is_named_at_the_next_connect(make_world, join, harm):
    world = make_world()
    process, engine = join(world)
    for tag in ("one", "two", "three", "four", "five"):
        world.run_in(process, put(engine, Insert("a", row(tag))))
    line = read_log(world, engine.superblock).lines[2]
    lane = engine.superblock.lane_of(3)
    process.kill()
    harm(world, lane, line.message)
    with pytest.raises(LogDamaged, match="position 3") as raised:
        join(world, "two")
    assert (raised.value.position, raised.value.channel) == (3, lane)


def test_an_altered_header_is_found_out_by_the_frame_above_it(make_world, join):
    world = make_world()
    process, engine = join(world)
    for tag in ("one", "two", "three", "four"):
        world.run_in(process, put(engine, Insert("a", row(tag))))
    line = read_log(world, engine.superblock).lines[1]
    process.kill()
    forged_header(world, engine.superblock.lane_of(2), line.message)
    with pytest.raises(LogDamaged, match="one of the two was altered") as raised:
        join(world, "two")
    assert (raised.value.position, raised.value.channel) == (3, engine.superblock.lane_of(3))


def test_a_frame_written_ahead_of_one_that_lost_is_void_and_blocks_nobody(make_world, join):
    world = make_world()
    process, engine = join(world)
    world.run_in(process, put(engine, Insert("a", row("x"))))
    ahead = encode(
        [Put("a", 2, row("ahead"))], seq=2, chain="f" * 32, writer="w", time=0.0, limits=LIMITS
    )
    content = ahead.content.replace('"size"', '"behind":1,"size"')
    nonce = engine.superblock.nonce_of(2)
    world.post(engine.superblock.lane_of(2), content, (), nonce)
    placed = world.run_in(process, put(engine, Insert("a", row("y"))))
    _, other = join(world, "two")
    assert placed.seq == 3
    assert rows_of(engine) == rows_of(other) == ["x", "y"]
    assert other.replica.head == engine.replica.head


def test_a_writer_that_has_the_data_still_reads_after_a_message_was_deleted(make_world, join):
    world = make_world()
    process, engine = join(world)
    for tag in ("one", "two", "three"):
        world.run_in(process, put(engine, Insert("a", row(tag))))
    world.delete(engine.superblock.lane_of(2), read_log(world, engine.superblock).lines[1].message)
    world.pass_time(5)
    assert rows_of(engine) == ["one", "two", "three"]


def test_one_who_never_got_a_deleted_commit_says_so_instead_of_going_on(make_world, join):
    world = make_world()
    one, first = join(world)
    two, second = join(world, "two")
    world.run_in(one, put(first, Insert("a", row("one"))))
    world.pass_time(1)
    world.faults = Faults(dropped_event=1.0)
    world.run_in(one, put(first, Insert("a", row("two"))))
    world.delete(first.superblock.lane_of(2), read_log(world, first.superblock).lines[1].message)
    world.faults = CALM
    world.run_in(one, put(first, Insert("a", row("three"))))
    world.pass_time(30)
    assert rows_of(second) == ["one"]
    for call in (second.refresh(), put(second, Insert("a", row("four")))):
        with pytest.raises(LogDamaged, match="position 2"):
            world.run_in(two, call)


def test_a_position_whose_message_was_deleted_is_not_written_again(make_world, join):
    world = make_world(faults=Faults(dropped_event=1.0))
    one, first = join(world)
    two, second = join(world, "two")
    world.run_in(one, put(first, Insert("a", row("x"))))
    world.delete(first.superblock.lane_of(1), read_log(world, first.superblock).lines[0].message)
    with pytest.raises(LogDamaged, match="position 1"):
        world.run_in(two, put(second, Insert("a", row("y"))))


def test_what_others_write_into_a_lane_is_ignored(make_world, join):
    world = make_world()
    process, engine = join(world)
    world.run_in(process, put(engine, Insert("a", row("x"))))
    lane = engine.superblock.lane_of(2)
    true = world.messages[engine.superblock.lane_of(1)]
    content = next(iter(true.values())).message.content.replace('"seq":1', '"seq":2')
    forged = Message(world.snowflake(), lane, 99, content)
    world.messages[lane][forged.id] = Stored(forged, world.time)
    world.run_in(process, put(engine, Insert("a", row("y"))))
    _, other = join(world, "two")
    assert rows_of(other) == rows_of(engine) == ["x", "y"]


# Refusals, and the end


def test_a_refused_commit_was_not_written_and_the_writer_lives_on(make_world, join):
    world = make_world(faults=CALM)
    process, engine = join(world)
    world.faults = Faults(refusal=1.0)
    with pytest.raises(Unavailable):
        world.run_in(process, put(engine, Insert("a", row("x"))))
    world.faults = CALM
    world.run_in(process, put(engine, Insert("a", row("y"))))
    assert rows_of(engine) == ["y"]


def test_a_refusal_after_a_try_without_an_answer_leaves_the_outcome_open(make_world, join):
    world = make_world()
    process, engine = join(world)
    send = process.seam.send
    tries: list[str] = []

    async def late_then_refused(*message):
        tries.append("")
        if len(tries) == 1:
            process.loop.call_later(10, lambda: process.loop.create_task(send(*message)))
            raise Uncertain("no answer")
        if len(tries) == 2:
            raise Refused("Invalid Form Body", 50035)
        return await send(*message)

    process.seam.send = late_then_refused
    with pytest.raises(OutcomeUnknown, match="may still arrive"):
        world.run_in(process, put(engine, Insert("a", row("x"))))
    world.pass_time(30)
    assert rows_of(engine) == ["x"]


def test_messages_of_others_do_not_hide_what_is_newer(make_world, join):
    world = make_world()
    one, first = join(world)
    two, second = join(world, "two")
    lane = first.superblock.lane_of(1)
    for _ in range(250):
        chat = Message(world.snowflake(), lane, 99, "hello")
        world.messages[lane][chat.id] = Stored(chat, world.time)
    world.faults = Faults(dropped_event=1.0)
    world.run_in(one, put(first, Insert("a", row("x"))))
    world.run_in(two, second.refresh())
    assert rows_of(second) == ["x"]


def test_a_log_without_its_catalog_is_seen_behind_messages_of_others(make_world, join):
    world = make_world()
    process, engine = join(world)
    for lane in engine.superblock.lanes:
        for _ in range(120):
            chat = Message(world.snowflake(), lane, 99, "what is this channel?")
            world.messages[lane][chat.id] = Stored(chat, world.time)
    for tag in "wxyz":
        world.run_in(process, put(engine, Insert("a", row(tag))))
    world.drop_channel(engine.superblock.catalog)
    before = set(world.channels)
    with pytest.raises(LogDamaged, match="holds a log"):
        join(world, "two")
    assert set(world.channels) == before


def test_what_was_sent_and_could_not_be_looked_at_is_read_as_soon_as_it_can_be(make_world, join):
    world = make_world(faults=Faults(nonce_window=None, dropped_event=1.0))
    process, engine = join(world)
    history = process.seam.history

    async def unreadable(*_arguments, **_options):
        raise Uncertain("no answer")

    process.seam.history = unreadable
    with pytest.raises(OutcomeUnknown):
        world.run_in(process, put(engine, Insert("a", row("x"))))
    assert rows_of(engine) == []
    process.seam.history = history
    world.pass_time(30)
    assert rows_of(engine) == ["x"]


def test_a_connect_that_is_refused_says_so(make_world, join):
    world = make_world(faults=Faults(forbidden=1.0))
    with pytest.raises(ConnectError, match="Missing Access"):
        join(world)


def test_a_record_too_large_keeps_only_its_own_request_out(make_world, join):
    world = make_world()
    _, engine = join(world)
    noise = f"{world.random.getrandbits(80_000):x}"
    requests = [
        Request([Insert("a" * 9 + "é" * 20, row(f"{number}", noise=noise if number == 3 else ""))])
        for number in range(8)
    ]
    for request in requests:
        engine.commit(request)
    world.run(lambda: all(request.future.done() for request in requests))
    errors = [request.future.exception() for request in requests]
    assert isinstance(errors.pop(3), RecordTooLarge)
    assert errors == [None] * 7


def test_attachments_are_read_again_when_their_urls_have_expired(make_world, join):
    world = make_world(faults=Faults(url_lifetime=0.0))
    one, first = join(world)
    _, second = join(world, "two")
    world.faults = Faults(url_lifetime=0.0, slow_event=1.0)
    noise = f"{world.random.getrandbits(8_000):x}"
    world.run_in(one, put(first, Insert("a", row("x", noise=noise))))
    world.faults = CALM
    world.pass_time(20)
    assert rows_of(second) == ["x"]


def test_attachments_are_read_again_when_their_urls_expire_while_they_are_renewed(make_world, join):
    world = make_world(faults=Faults(url_lifetime=0.0))
    one, first = join(world)
    two, second = join(world, "two")
    noise = f"{world.random.getrandbits(8_000):x}"
    placed = world.run_in(one, put(first, Insert("a", row("x", noise=noise))))
    world.run(lambda: two.calls["fetch"] == 2)
    assert two.calls["message"] == 1, "the second look for the file was to follow one renewal"
    world.faults = CALM
    world.pass_time(20)
    assert rows_of(second) == ["x"]
    assert placed.seq == second.replica.head.seq


@pytest.mark.parametrize("reason", [None, Disconnected("the gateway is gone")])
def test_nobody_waits_for_ever_when_the_engine_is_closed(make_world, join, reason):
    told = set()
    for seed in range(30):
        world = make_world(seed)
        process, engine = join(world)
        world.faults = Faults(lost_answer=0.3)
        requests = [Request([Insert("a", row(str(number)))]) for number in range(20)]

        async def close_in_the_middle(world=world, engine=engine, requests=requests):
            *early, last = requests
            for request in early:
                engine.commit(request)
                engine.want_index(IndexWanted("a", "tag", FINGERPRINT))
                await asyncio.sleep(world.random.random() * 0.02)
            engine.commit(last)
            await engine.close(reason)

        world.run_in(process, close_in_the_middle())
        assert all(request.future.done() for request in requests)
        kinds = {type(request.future.exception()) for request in requests}
        assert (Disconnected in kinds) == (reason is not None)
        told |= kinds
        written = sum(len(line.operations) for line in read_log(world, engine.superblock).lines)
        acknowledged = sum(request.future.exception() is None for request in requests)
        unknown = sum(isinstance(r.future.exception(), OutcomeUnknown) for r in requests)
        assert acknowledged <= written <= acknowledged + unknown
        with pytest.raises(Disconnected):
            engine.commit(requests[0])
        world.end()
    assert told == {type(None)} | ({Disconnected, OutcomeUnknown} if reason else set())


def test_two_writers_that_change_one_record_both_find_out_what_became_of_it(make_world, join):
    world = make_world()
    one, first = join(world)
    two, second = join(world, "two")
    placed = world.run_in(one, put(first, Insert("a", row("x"))))
    world.pass_time(1)
    requests = [Request([Replace("a", placed.pks[0], row(tag), placed.seq)]) for tag in "yz"]
    one.loop.call_soon_threadsafe(first.commit, requests[0])
    two.loop.call_soon_threadsafe(second.commit, requests[1])
    world.run(lambda: all(request.future.done() for request in requests))
    errors = [request.future.exception() for request in requests]
    assert sum(error is None for error in errors) == 1


def test_message_ids_tell_the_time():
    assert snowflake_at(1_420_070_400.0) == 0
    assert snowflake_at(1_420_070_401.0) == 1_000 << 22


# Waiting for a position


@pytest.mark.parametrize("faults", [CALM, Faults(dropped_event=0.5, slow_event=0.3)])
def test_who_waits_for_a_position_is_woken_when_it_has_been_applied(make_world, join, faults):
    for seed in range(10):
        world = make_world(seed, faults)
        one, writer = join(world, "one")
        two, reader = join(world, "two")
        seen: list[tuple[int, int]] = []

        async def wait(position, reader=reader, seen=seen):
            await reader.reach(position)
            seen.append((position, reader.replica.head.seq))

        waiting = [two.loop.create_task(wait(position)) for position in (5, 1, 3, 3, 2, 4)]
        for number in range(5):
            placed = world.run_in(one, put(writer, Insert("a", row(str(number)))))
            world.run_in(two, reader.reach(placed.seq))
            assert reader.replica.head.seq >= placed.seq
        world.run(lambda waiting=waiting: all(task.done() for task in waiting))
        assert len(seen) == 6
        assert all(position <= head for position, head in seen)


def test_who_waits_for_what_is_not_there_reads_the_log_ever_less_often(make_world, join):
    world = make_world()
    process, engine = join(world)
    world.run_in(process, put(engine, Insert("a", row("x"))))
    reads: list[float] = []
    read = engine._refreshes._refresh

    async def counted(**options):
        reads.append(world.time)
        await read(**options)

    engine._refreshes._refresh = counted
    waiting = [process.loop.create_task(engine.reach(9)) for _ in range(3)]
    began = world.time
    world.pass_time(60)
    assert 5 <= len(reads) <= 10
    assert round(reads[0] - began, 6) >= 1  # 4.77 - 3.77 is a little less, in floats
    for task in waiting:
        task.cancel()
    world.pass_time(1)


def test_who_waits_is_told_that_the_engine_was_closed(make_world, join):
    world = make_world()
    process, engine = join(world)

    async def closed():
        waiting = asyncio.create_task(engine.reach(9))
        await asyncio.sleep(0.1)
        await engine.close()
        with pytest.raises(Disconnected):
            await waiting
        with pytest.raises(Disconnected):
            await engine.reach(9)

    world.run_in(process, closed())
