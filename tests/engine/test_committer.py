"""What becomes of requests: which are written, in which order, and what each caller is told."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from discobase.engine.changes import Insert, Replace, Request
from discobase.engine.server.seam import Refused
from discobase.errors import Disconnected, OutcomeUnknown, RecordNotFound, RecordRefused
from tests.engine.rows import row, rows_of
from tests.engine.simulation import Faults
from tests.engine.workload import put


@pytest.fixture
def world(make_world):
    return make_world()


@pytest.fixture
def join(join, world):
    """Opens an engine in a new process of the world."""
    return partial(join, world)


def test_a_request_that_was_given_up_while_it_waited_is_not_written(world, join):
    process, engine = join()
    kept, given_up = (Request([Insert("a", row(tag))]) for tag in ("kept", "given up"))

    async def give_up_the_second():
        for request in (given_up, kept):
            engine.commit(request)
        assert given_up.future.cancel()

    world.run_in(process, give_up_the_second())
    world.run(kept.future.done)
    world.pass_time(5)
    assert rows_of(engine) == ["kept"]


def test_requests_that_do_not_fit_into_one_message_follow_in_their_order(world, join):
    _, engine = join()
    noise = [f"{world.random.getrandbits(4_000):x}" for _ in range(12)]
    requests = [Request([Insert("a", row(tag))]) for tag in noise]
    for request in requests:
        engine.commit(request)
    world.run(lambda: all(request.future.done() for request in requests))
    assert rows_of(engine) == noise
    assert engine.replica.head.seq > 1


def test_requests_are_written_in_the_order_in_which_they_were_put(world, join):
    _, engine = join()
    requests = [Request([Insert("a", row(str(number)))]) for number in range(10)]
    for request in requests:
        engine.commit(request)
    world.run(lambda: all(request.future.done() for request in requests))
    assert [request.future.result().pks for request in requests] == [[pk] for pk in range(1, 11)]


def test_a_record_that_a_filter_refuses_keeps_only_its_own_request_out(world, join):
    process, engine = join()
    send = process.seam.send

    async def filtered(channel, content, uploads, nonce):
        if '"bad"' in content:
            raise Refused("Message blocked by AutoMod", 200_000)
        return await send(channel, content, uploads, nonce)

    process.seam.send = filtered
    tags = ["a", "b", "c", "bad", "d", "e", "f"]
    requests = [Request([Insert("a", row(tag))]) for tag in tags]
    for request in requests:
        engine.commit(request)
    world.run(lambda: all(request.future.done() for request in requests))
    errors = [request.future.exception() for request in requests]
    assert [type(error) for error in errors if error] == [RecordRefused]
    assert isinstance(errors[3], RecordRefused)
    assert rows_of(engine) == ["a", "b", "c", "d", "e", "f"]


def test_where_nothing_is_to_be_written_nothing_is_left_open(world, join):
    process, engine = join()
    before = process.calls["send"]
    for _ in range(3):
        with pytest.raises(RecordNotFound):
            world.run_in(process, put(engine, Replace("a", 9, row("x"))))
    assert process.calls["send"] == before
    assert world.run_in(process, put(engine, Insert("a", row("x")))).seq == 1


@pytest.mark.timeout(15)  # it takes no time, or for ever
def test_a_commit_that_is_under_way_at_the_end_has_an_unknown_outcome(world, join):
    process, engine = join()
    send = process.seam.send

    async def never_answered(*message):
        await send(*message)
        await asyncio.sleep(3_600)

    world.faults = Faults(dropped_event=1.0)
    process.seam.send = never_answered
    under_way, waiting = (Request([Insert("a", row(tag))]) for tag in ("under way", "waiting"))
    engine.commit(under_way)
    world.pass_time(1)
    engine.commit(waiting)
    world.run_in(process, engine.close(Disconnected("the gateway is gone")))
    assert isinstance(under_way.future.exception(), OutcomeUnknown)
    assert isinstance(waiting.future.exception(), Disconnected)


def test_who_waits_for_a_position_hears_of_it_with_the_own_commit(world, join):
    process, engine = join()
    waiting = process.loop.create_task(engine.reach(1))
    world.run_in(process, put(engine, Insert("a", row("x"))))
    world.pass_time(0.01)
    assert waiting.done()


def test_the_one_of_two_writers_that_loses_a_position_is_told_of_the_next_one(world, join):
    one, first = join()
    two, second = join("two")
    requests = [Request([Insert("a", row(tag))]) for tag in ("x", "y")]
    one.loop.call_soon_threadsafe(first.commit, requests[0])
    two.loop.call_soon_threadsafe(second.commit, requests[1])
    world.run(lambda: all(request.future.done() for request in requests))
    assert sorted(request.future.result().seq for request in requests) == [1, 2]
    assert sorted(request.future.result().pks[0] for request in requests) == [1, 2]
    world.pass_time(5)
    assert rows_of(first) == rows_of(second)
