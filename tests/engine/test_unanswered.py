"""A commit that is never answered, where others are: it stops nobody, and its caller is told."""

from __future__ import annotations

import pytest

from discobase.engine.changes import Insert, Request
from discobase.engine.engine import Engine
from discobase.engine.log.commit_log import TRIES
from discobase.engine.server.permissions import Permission
from discobase.engine.server.seam import NotSent
from discobase.errors import Disconnected, OutcomeUnknown, Unavailable
from tests.engine.audit import read_log
from tests.engine.rows import row
from tests.engine.simulation import CALM, Faults
from tests.engine.workload import LIMITS, put

MARK = "poison"
NEVER = Faults(unanswered=MARK)
EFFECTS = {"never": None, "at once": 0.0, "soon": 0.3, "late": 4.0, "too late": 40.0}


def ask_at_once(engine, tags):
    requests = [Request([Insert("a", row(tag))]) for tag in tags]
    for request in requests:
        engine.commit(request)
    return requests


def tags_in_log(world, engine):
    lines = read_log(world, engine.superblock).lines
    return [operation[-1]["tag"] for line in lines for operation in line.operations]


@pytest.mark.parametrize("effect", EFFECTS)
@pytest.mark.parametrize("events", ["heard", "lost"])
def test_one_that_is_never_answered_stops_nobody_and_nobody_is_told_a_lie(
    make_world, join, effect, events
):
    for seed in range(8):
        world = make_world(seed)
        process, engine = join(world)
        other, _ = join(world, "two")
        world.faults = Faults(
            unanswered=MARK,
            unanswered_effect=EFFECTS[effect],
            dropped_event=0.0 if events == "heard" else 1.0,
        )
        tags = [f"{number}" for number in range(7)]
        tags.insert(seed % 8, MARK)
        requests = ask_at_once(engine, tags)
        world.run(lambda done=requests: all(r.future.done() for r in done), within=120)
        world.run_in(process, put(engine, Insert("a", row("afterwards"))))
        world.pass_time(60)
        found = tags_in_log(world, engine)
        assert len(found) == len({*found})
        told = {tag: r.future.exception() for tag, r in zip(tags, requests, strict=True)}
        refused = told.pop(MARK)
        assert set(told.values()) == {None}
        assert {*told, "afterwards"} <= {*found}
        if effect == "never":
            assert isinstance(refused, Unavailable)
        assert (MARK in found) == (refused is None)
        world.run_in(process, engine.close())
        world.faults = CALM
        world.run_in(other, join_late(other))


async def join_late(process):
    """A newcomer reads the log to its end, fences and all."""
    engine = await Engine.open(process.seam, limits=LIMITS, failed=process.failures.append)
    process.closers.append(engine.replica.close)


def test_it_stops_nobody_where_another_writer_takes_each_position_first(make_world, join):
    world = make_world(3)
    _, engine = join(world)
    two, second = join(world, "two")
    world.faults = NEVER
    (poisoned,) = ask_at_once(engine, [MARK])
    written = 0
    while not poisoned.future.done():
        world.run_in(two, put(second, Insert("a", row(f"{written}"))))
        written += 1
        assert written < 100
    assert isinstance(poisoned.future.exception(), Unavailable)


def test_a_server_that_answers_nobody_splits_nothing_and_is_not_pressed(make_world, join):
    world = make_world()
    process, engine = join(world)
    world.faults = Faults(error_before=1.0)
    requests = ask_at_once(engine, [f"{number}" for number in range(8)])
    before = process.calls["send"]
    world.pass_time(50)
    assert not any(request.future.done() for request in requests)
    assert process.calls["send"] - before < 20
    world.faults = CALM
    world.run(lambda: all(request.future.done() for request in requests))
    assert {request.future.exception() for request in requests} == {None}
    assert len(tags_in_log(world, engine)) == 8


def test_a_server_that_comes_back_just_then_is_no_reason_to_refuse_anything(make_world, join):
    world = make_world()
    process, engine = join(world)
    world.faults = Faults(unanswered="patient")
    before = process.calls["send"]
    (request,) = ask_at_once(engine, ["patient"])
    world.run(lambda: process.calls["send"] - before == TRIES)
    world.pass_time(0.2)
    world.faults = CALM
    world.run(request.future.done)
    assert request.future.exception() is None
    assert request.strikes == 1, "a fence had the answer"
    assert tags_in_log(world, engine) == ["patient"]


def test_whoever_is_closed_meanwhile_says_that_the_outcome_is_unknown(make_world, join):
    world = make_world()
    process, engine = join(world)
    world.faults = Faults(error_before=1.0)
    (request,) = ask_at_once(engine, ["in doubt"])
    world.pass_time(5)
    world.run_in(process, engine.close(), within=12)
    assert isinstance(request.future.exception(), OutcomeUnknown)


def test_a_refusal_of_the_fence_says_nothing_of_what_was_sent_before_it(make_world, join):
    world = make_world()
    _, engine = join(world)
    world.faults = Faults(unanswered=MARK, refusal=1.0)
    (request,) = ask_at_once(engine, [MARK])
    world.run(request.future.done)
    assert isinstance(request.future.exception(), OutcomeUnknown)


def without_connection(process):
    """Let no call of a process be sent until what is returned is called."""
    seam, ways = process.seam, (process.seam._call, process.seam._leave_unanswered)

    async def refused(what, effect, channel=None):
        await seam.sleep(0.01)
        raise NotSent("no connection")

    def back():
        seam._call, seam._leave_unanswered = ways

    seam._call = seam._leave_unanswered = refused
    return back


def test_without_a_connection_each_caller_is_told_before_their_time_is_over(make_world, join):
    world = make_world()
    process, engine = join(world)
    back = without_connection(process)
    began = world.time
    requests = [Request([Insert("a", row(str(n)))], timeout=n) for n in (2.0, 9.0, 40.0)]
    for request in requests:
        engine.commit(request)
    for request in requests[:2]:
        world.run(request.future.done)
        assert world.time - began < request.timeout
        assert isinstance(request.future.exception(), Unavailable)
    back()
    world.run(requests[2].future.done)
    assert requests[2].future.exception() is None
    assert tags_in_log(world, engine) == ["40.0"]


@pytest.mark.parametrize("quiet", [0, 70, 4000])
@pytest.mark.parametrize("hears", [True, False])
def test_after_any_silence_whoever_has_little_time_is_told_that_nothing_was_sent(
    make_world, join, quiet, hears
):
    """After a minute the log is read before anything is sent, until there is a connection."""
    world = make_world()
    process, engine = join(world, hears=hears)
    world.pass_time(quiet)
    back = without_connection(process)
    for number in range(3):
        began = world.time
        request = Request([Insert("a", row(f"{number}"))], timeout=1.5)
        engine.commit(request)
        world.run(request.future.done)
        assert isinstance(request.future.exception(), Unavailable)
        assert "Nothing was sent" in str(request.future.exception())
        assert world.time - began < request.timeout
        world.pass_time(1)
        if quiet:
            back()
            world.pass_time(200)
            back = without_connection(process)
    back()
    world.pass_time(60)
    (placed,) = (world.run_in(process, put(engine, Insert("a", row("on")))),)
    assert placed.seq == 1
    assert tags_in_log(world, engine) == ["on"]


def test_whoever_waits_for_what_is_healed_is_told_that_nothing_was_sent(make_world, join):
    world = make_world()
    process, engine = join(world, hears=False)
    world.run_in(process, put(engine, Insert("a", row("one"))))
    world.deny(engine.superblock.checkpoints, Permission.SEND_MESSAGES, told=False)
    world.pass_time(70)
    world.delete(engine.superblock.lane_of(1), engine.replica.positions.message_at(1))
    began = world.time
    # One is over while the head is looked up, one while it is healed.
    requests = [Request([Insert("a", row(str(n)))], timeout=n) for n in (5.0, 45.0)]
    for request in requests:
        engine.commit(request)
    for request in requests:
        world.run(request.future.done)
        assert isinstance(request.future.exception(), Unavailable)
        assert 0 < request.timeout - (world.time - began) < 1
    assert "Saves wait until this is healed" in str(requests[1].future.exception())


def test_what_was_sent_once_is_not_called_unsent_for_want_of_a_connection_later(make_world, join):
    for effect in (None, 20.0):
        world = make_world()
        process, engine = join(world)
        world.faults = Faults(unanswered=MARK, unanswered_effect=effect, dropped_event=1.0)
        request = Request([Insert("a", row(MARK))], timeout=5.0)
        before = process.calls["send"]
        engine.commit(request)
        world.run(lambda p=process, n=before: p.calls["send"] > n)
        without_connection(process)
        world.pass_time(60)
        told = request.future.exception() if request.future.done() else None
        assert not isinstance(told, Unavailable)
        world.end()


def test_a_close_without_a_connection_says_that_nothing_was_sent(make_world, join):
    world = make_world()
    process, engine = join(world)
    without_connection(process)
    request = Request([Insert("a", row("x"))])
    engine.commit(request)
    world.pass_time(1)
    world.run_in(process, engine.close())
    assert isinstance(request.future.exception(), Disconnected)
