"""A replica stays fresh while no events come, and callers share what is read for it."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest

from discobase.engine.changes import Insert
from discobase.errors import LogDamaged, Unavailable
from tests.engine.simulation import Faults
from tests.engine.workload import put


def insert(tag):
    return Insert("a", json.dumps({"tag": tag}))


# Before the session, and without one


def test_a_process_is_ready_long_before_its_session(make_world, join):
    world = make_world()
    join(world, "one")
    began = world.time
    join(world, "two", session=40)
    assert world.time - began < 3


def test_what_others_commit_before_the_session_begins_is_read_within_seconds_at_few_calls(
    make_world, join
):
    world = make_world()
    one, writer = join(world, "one")
    two, reader = join(world, "two", session=40)
    world.run_in(one, put(writer, insert("soon")))
    two.calls.clear()
    world.pass_time(2)
    assert reader.replica.head.seq == 1
    assert two.calls.total() <= 3
    world.pass_time(30)
    world.run_in(one, put(writer, insert("late")))
    world.pass_time(10.5)
    assert reader.replica.head.seq == 2
    # One call a look, and one more where it finds something; then what the session may have missed.
    assert two.calls.total() <= 9 + 2 + 7


def test_what_was_missed_between_the_last_look_and_the_first_session_is_read_when_it_begins(
    make_world, join
):
    for tenths in range(1, 100, 7):
        world = make_world(tenths)
        one, writer = join(world, "one")
        two, reader = join(world, "two", session=10)
        world.pass_time(tenths / 10 - 1.5 if tenths > 15 else 0.1)
        world.run_in(one, put(writer, insert("missed")))
        world.run(two.session.flow.is_set)
        world.pass_time(1)
        assert reader.replica.head.seq == 1
        two.calls.clear()
        world.pass_time(15)  # before it asks once more whether nonces are enforced
        assert not two.calls  # events come: nothing is read


def test_a_session_that_is_there_when_the_log_is_read_first_costs_nothing_more(make_world, join):
    world = make_world()
    join(world, "one")
    two, _ = join(world, "two", session=0.3)
    two.calls.clear()
    world.pass_time(25)  # before it asks once more whether nonces are enforced
    assert not two.calls


def test_a_lost_session_is_made_up_for_while_it_is_away(make_world, join):
    world = make_world()
    one, writer = join(world, "one")
    two, reader = join(world, "two")
    two.session.lose(300)
    for number in range(5):
        world.run_in(one, put(writer, insert(str(number))))
        world.pass_time(10.5)
        assert reader.replica.head.seq == number + 1


def test_it_is_told_when_no_events_come_for_long_but_not_again_and_again(make_world, join, caplog):
    world = make_world()
    logging.getLogger("discobase").setLevel(logging.WARNING)
    two, _ = join(world, "two", session=600)
    world.run(two.session.flow.is_set)
    told = [record for record in caplog.records if "no events come" in record.getMessage()]
    assert len(told) == 1


def test_a_log_that_cannot_be_read_meanwhile_ends_nothing(make_world, join):
    world = make_world()
    one, writer = join(world, "one")
    two, reader = join(world, "two", session=120)
    world.faults = Faults(error_before=1.0)
    world.pass_time(90)
    world.faults = Faults()
    world.run_in(one, put(writer, insert("x")))
    world.pass_time(11)
    assert reader.replica.head.seq == 1
    assert not two.failures


# How old the state is


def test_the_state_is_as_old_as_the_last_read_while_no_events_come(make_world, join):
    world = make_world()
    two, reader = join(world, "two")
    world.pass_time(100)
    assert reader.standing().age == 0
    two.session.lose(300)
    world.pass_time(0.4)
    assert 0.3 < reader.standing().age < 0.5
    ages = []
    for _ in range(280):
        world.pass_time(1)
        ages.append(reader.standing().age)
    assert 4 < max(ages) <= 10.5  # the log is read every ten seconds, or sooner
    world.run(two.session.flow.is_set)
    world.pass_time(1)
    assert reader.standing().age == 0


def test_the_state_is_not_current_until_what_was_missed_has_been_read(make_world, join):
    world = make_world()
    one, writer = join(world, "one")
    two, reader = join(world, "two")
    two.session.lose(0.5)
    world.faults = Faults(error_before=1.0)
    world.run(two.session.silence.is_set)
    world.run(two.session.flow.is_set)
    world.pass_time(5)
    assert reader.standing().age > 5
    world.faults = Faults()
    world.run(lambda: reader.standing().age == 0)
    world.run_in(one, put(writer, insert("x")))
    assert reader.standing().age < 0.1  # 0 but for the moment in which an event is applied


def test_a_commit_of_ones_own_says_that_the_state_was_current(make_world, join):
    world = make_world()
    two, writer = join(world, "two")
    two.session.lose(300)
    world.faults = Faults(error_before=1.0)
    world.pass_time(50)
    world.faults = Faults()
    world.run_in(two, put(writer, insert("x")))
    assert writer.standing().age < 1


# Sharing


def test_fifty_refreshes_at_once_cost_two_calls_at_the_most(make_world, join):
    world = make_world()
    one, engine = join(world, "one")

    async def refresh_all():
        await asyncio.gather(*(engine.refresh() for _ in range(50)))

    one.calls.clear()
    world.run_in(one, refresh_all())
    assert one.calls.total() == 1

    async def one_after_the_other():
        async def later(number):
            await asyncio.sleep(number / 1000)
            await engine.refresh()

        await asyncio.gather(*map(later, range(50)))

    one.calls.clear()
    began = world.time
    world.run_in(one, one_after_the_other())
    # A round trip takes some 50 ms: one that has begun is not shared by who comes later.
    assert one.calls.total() <= 2 + (world.time - began) / 0.01
    assert one.calls.total() <= 6


def test_a_refresh_sees_what_was_acknowledged_before_it_was_called_however_many_are_under_way(
    make_world, join
):
    for seed in range(40):
        world = make_world(seed, Faults(dropped_event=1.0, network=0.3))
        one, writer = join(world, "one")
        two, reader = join(world, "two")
        wrong: list[tuple[int, int]] = []

        async def ask(reader=reader, writer=writer, wrong=wrong):
            for _ in range(6):
                acknowledged = writer.replica.head.seq
                await reader.refresh()
                if (seen := reader.replica.head.seq) < acknowledged:
                    wrong.append((seen, acknowledged))

        async def write(writer=writer):
            for number in range(8):
                await put(writer, insert(str(number)))

        asking = [two.loop.create_task(ask()) for _ in range(5)]
        writing = one.loop.create_task(write())
        tasks = [*asking, writing]
        world.run(lambda tasks=tasks: all(task.done() for task in tasks))
        for task in tasks:
            task.result()
        assert not wrong


def test_a_refresh_ends_though_others_save_faster_than_it_reads(make_world, join):
    world = make_world()
    one, writer = join(world, "one")
    two, reader = join(world, "two")
    call = two.seam._call

    async def slowly(what, effect, channel=None):
        await asyncio.sleep(0.1)
        return await call(what, effect, channel)

    two.seam._call = slowly
    saved = []

    async def save_on():
        while len(saved) < 200:
            saved.append(await put(writer, insert(f"t{len(saved)}")))

    saving = one.loop.create_task(save_on())
    world.pass_time(3)
    before = len(saved)
    world.run_in(two, reader.refresh())
    assert reader.replica.head.seq >= before > 10
    assert not saving.done()
    world.run(saving.done)
    world.run_in(two, reader.refresh())
    assert reader.replica.head.seq == 200


def test_who_waits_for_a_position_shares_what_others_read(make_world, join):
    world = make_world(1, Faults(dropped_event=1.0))
    one, writer = join(world, "one")
    two, reader = join(world, "two")
    waiting = [two.loop.create_task(reader.reach(1)) for _ in range(20)]
    world.pass_time(0.5)
    two.calls.clear()
    world.run_in(one, put(writer, insert("x")))
    world.run(lambda: all(task.done() for task in waiting))
    assert two.calls.total() <= 3


def test_each_of_those_who_share_a_refresh_gets_an_error_of_its_own(make_world, join):
    world = make_world()
    one, engine = join(world, "one")
    world.faults = Faults(error_before=1.0)

    async def refresh_all():
        return await asyncio.gather(*(engine.refresh() for _ in range(3)), return_exceptions=True)

    errors = world.run_in(one, refresh_all())
    assert [type(error) for error in errors] == [Unavailable] * 3
    assert len({id(error) for error in errors}) == 3
    assert {str(error) for error in errors} == {str(errors[0])}


def test_one_who_gives_up_takes_it_from_nobody(make_world, join):
    world = make_world()
    one, engine = join(world, "one")

    async def give_up():
        first = asyncio.create_task(engine.refresh())
        second = asyncio.create_task(engine.refresh())
        await asyncio.sleep(0)
        first.cancel()
        await second
        return first

    assert world.run_in(one, give_up()).cancelled()


def test_a_fault_of_the_program_is_told_as_unavailable_with_its_cause(make_world, join):
    world = make_world()
    one, engine = join(world, "one")

    async def fail():
        raise ZeroDivisionError("planted")

    engine._follower.refresh = fail
    with pytest.raises(Unavailable) as caught:
        world.run_in(one, engine.refresh())
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_damage_comes_through_as_what_it_is(make_world, join):
    world = make_world()
    one, engine = join(world, "one")

    async def fail():
        raise LogDamaged("planted", position=1)

    engine._follower.refresh = fail
    with pytest.raises(LogDamaged, match="planted"):
        world.run_in(one, engine.refresh())
