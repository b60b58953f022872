"""What becomes of a log whose messages are deleted, altered, late, or written twice."""

from __future__ import annotations

import dataclasses
import json
import logging
import traceback
from types import NoneType

import pytest

from discobase.engine.changes import IndexWanted, Insert, Request, TextIndexWanted
from discobase.engine.doubt import DOUBT_SECONDS
from discobase.engine.follower import Follower
from discobase.engine.log.commit_log import CommitLog
from discobase.engine.log.frame import GENESIS, encode
from discobase.engine.log.lane_ends import EXPLAINED_WITHIN
from discobase.engine.log.sealing import hash_of
from discobase.engine.operations import Put
from discobase.engine.server.seam import Message, MessageChanged, NotFound
from discobase.errors import LogDamaged, OutcomeUnknown, Unavailable, UpgradeNeeded
from tests.engine.audit import read_log
from tests.engine.rows import UNHEALED, row, rows_of, unhealable
from tests.engine.schemas import FINGERPRINT, column, schema_of
from tests.engine.simulation import CALM, Faults, Stored
from tests.engine.workload import LIMITS, put

UNHEARD = Faults(dropped_event=1.0)
JUDGED = 120.0
"""Seconds after which a process has found out whether nonces are enforced, and asks no more."""

FORGOTTEN = 200.0
"""Seconds after which the simulated server has forgotten a nonce."""


def write(world, process, engine, *tags):
    return [world.run_in(process, put(engine, Insert("a", row(tag)))) for tag in tags]


def message_of(engine, seq):
    return engine.superblock.lane_of(seq), engine.replica.positions.message_at(seq)


def delete(world, engine, seq):
    world.delete(*message_of(engine, seq))


def lost(engine):
    return [(commit.position, commit.writer) for commit in engine.lost()]


# The newest message is deleted


def test_a_process_that_has_a_deleted_commit_acknowledges_nothing_above_it(make_world, join):
    world = make_world()
    process, engine = join(world)
    write(world, process, engine, "one", "two", "three")
    unhealable(world, engine.superblock.checkpoints)
    for seq in (3, 2):
        delete(world, engine, seq)
        world.pass_time(UNHEALED)
        for number in range(3):
            with pytest.raises(LogDamaged, match="deleted") as raised:
                write(world, process, engine, f"more {number}")
            assert raised.value.position == 3
    with pytest.raises(LogDamaged):
        world.run_in(process, engine.refresh())
    assert rows_of(engine) == ["one", "two", "three"]
    lanes = engine.superblock.lanes
    written = sum(len(world.messages[lane]) for lane in lanes)
    assert written == 2, "position 1, and an empty commit above the hole"


def test_a_head_that_was_deleted_unheard_and_written_anew_is_not_ignored(make_world, join, caplog):
    caplog.set_level(logging.WARNING, "discobase")
    world = make_world()
    (one, first), (two, second) = join(world), join(world, "two")
    write(world, one, first, "kept")
    world.pass_time(1)
    world.faults = UNHEARD
    write(world, one, first, "deleted")
    delete(world, first, 2)
    world.pass_time(FORGOTTEN)
    world.faults = CALM
    (anew,) = write(world, two, second, "anew")
    world.pass_time(5)
    write(world, one, first, "on")
    world.pass_time(5)
    _, third = join(world, "three")
    assert anew.seq == 2
    assert rows_of(first) == rows_of(second) == rows_of(third) == ["kept", "anew", "on"]
    assert lost(first) == [(2, first.writer)]
    assert "a commit does not count: position 2" in caplog.text


def test_who_went_on_from_a_deleted_head_comes_back_to_what_all_others_see(make_world, join):
    world = make_world()
    (one, first), (two, second) = join(world), join(world, "two")
    write(world, one, first, "kept")
    world.pass_time(1)
    world.faults = UNHEARD
    write(world, one, first, "deleted")
    delete(world, first, 2)
    world.pass_time(FORGOTTEN)
    write(world, two, second, "anew")
    # Its session is silent and its look is young: it goes on from what it knows.
    first._log.last_look.confirm(first._log.last_look.moment())
    write(world, one, first, "lost too")
    world.faults = CALM
    three, third = join(world, "three")
    assert rows_of(third) == ["kept", "anew"]
    assert lost(third) == [(3, first.writer)]
    write(world, three, third, "on")
    one.session.lose(0.1)
    two.session.lose(0.1)
    world.pass_time(10)
    assert rows_of(first) == rows_of(second) == rows_of(third) == ["kept", "anew", "on"]
    assert lost(first) == [(2, first.writer), (3, first.writer)]
    assert first.replica.head == second.replica.head == third.replica.head


def test_a_last_message_that_nothing_explains_holds_up_writing_for_half_a_minute(
    make_world, join, caplog
):
    caplog.set_level(logging.WARNING, "discobase")
    world = make_world()
    (one, first) = join(world)
    write(world, one, first, "kept", "deleted")
    one.kill()
    delete(world, first, 2)
    world.pass_time(FORGOTTEN)
    two, second = join(world, "two")
    assert "nothing tells what it was" in caplog.text
    began = world.time
    (placed,) = write(world, two, second, "anew")
    assert EXPLAINED_WITHIN <= world.time - began < EXPLAINED_WITHIN + 15
    assert placed.seq == 2
    ((position, writer),) = lost(second)
    assert position is writer is None
    assert "nobody has said what it was" in second.lost()[0].why
    began = world.time
    write(world, two, second, "on")
    assert world.time - began < 1, "it has been told once"


def test_who_gives_up_while_a_last_message_is_unexplained_knows_that_nothing_was_written(
    make_world, join
):
    world = make_world()
    one, first = join(world)
    write(world, one, first, "kept", "deleted")
    one.kill()
    delete(world, first, 2)
    world.pass_time(FORGOTTEN)
    two, second = join(world, "two")
    given_up, kept = Request([Insert("a", row("given up"))]), Request([Insert("a", row("on"))])
    for request in (given_up, kept):
        two.loop.call_soon_threadsafe(second.commit, request)
    world.pass_time(10)
    assert given_up.future.cancel(), "it was not taken"
    world.run(kept.future.done, within=60)
    assert kept.future.result().seq == 2
    assert rows_of(second) == ["kept", "on"]


def test_who_holds_a_deleted_head_sees_at_once_that_others_have_written_it_anew(make_world, join):
    world = make_world()
    (one, first), (two, second) = join(world), join(world, "two")
    world.faults = UNHEARD
    write(world, one, first, "deleted")
    world.faults = CALM
    one.freeze(FORGOTTEN + 60)
    delete(world, first, 1)
    world.pass_time(FORGOTTEN)
    write(world, two, second, "anew")
    world.pass_time(90)
    world.pass_time(2)
    write(world, one, first, "on")
    assert rows_of(first) == ["anew", "on"]
    assert lost(first) == [(1, first.writer)]


def test_a_nonce_of_a_deleted_message_is_refused_until_it_is_forgotten(make_world, join):
    world = make_world(faults=UNHEARD)
    (one, first), (two, second) = join(world), join(world, "two")
    write(world, one, first, "x")
    delete(world, first, 1)
    with pytest.raises(LogDamaged, match=r"until Discord has forgotten it.*position 1.*again then"):
        write(world, two, second, "y")
    world.pass_time(FORGOTTEN)
    (placed,) = write(world, two, second, "y")
    assert placed.seq == 1
    assert len(lost(second)) == 1


def test_a_message_by_somebody_else_that_is_deleted_holds_up_nobody(make_world, join):
    world = make_world()
    process, engine = join(world)
    write(world, process, engine, "one")
    lane = engine.superblock.lane_of(2)
    chat = Message(world.snowflake(), lane, 99, "hello")
    world.messages[lane][chat.id] = Stored(chat, world.time)
    world.channels[lane] = dataclasses.replace(world.channels[lane], last_message=chat.id)
    world.tell_of(chat)
    world.pass_time(1)
    world.delete(lane, chat.id)
    world.pass_time(FORGOTTEN)
    began = world.time
    write(world, process, engine, "two")
    assert world.time - began < 1


def test_a_writer_that_stood_still_after_its_look_looks_again_before_it_sends(make_world, join):
    world = make_world()
    process, engine = join(world)
    propose = engine.replica.propose

    def propose_slowly(*arguments):
        engine.replica.propose = propose
        process.freeze(FORGOTTEN)
        return propose(*arguments)

    world.pass_time(JUDGED)
    engine.replica.propose = propose_slowly
    before = process.calls.copy()
    write(world, process, engine, "x")
    assert process.calls - before == {"channels": 2, "send": 1}


@pytest.mark.parametrize("harm", ["deleted", "altered"])
@pytest.mark.parametrize("told", [True, False])
def test_a_superblock_that_is_gone_stops_writing_until_it_is_back(make_world, join, harm, told):
    world = make_world()
    process, engine = join(world)
    write(world, process, engine, "one")
    world.pass_time(JUDGED)
    catalog = engine.superblock.catalog
    message, stored = next(iter(world.messages[catalog].items()))
    right = stored.message
    unhealable(world, catalog)
    world.faults = CALM if told else UNHEARD
    if harm == "deleted":
        world.delete(catalog, message)
    else:
        world.edit(catalog, message, "nothing to see")
    world.faults = CALM
    if not told:
        process.session.lose(0.1)
    world.pass_time(UNHEALED)
    for _ in range(2):
        with pytest.raises(LogDamaged, match=r"superblock.*db\.verify\(\)") as raised:
            write(world, process, engine, "two")
        assert raised.value.channel == catalog
    assert rows_of(engine) == ["one"]
    world.messages[catalog][message] = dataclasses.replace(stored, message=right)
    world.pass_time(120)
    write(world, process, engine, "two")
    assert rows_of(engine) == ["one", "two"]


# Deletions and alterations in the middle


def test_an_edit_that_changes_nothing_is_no_damage(make_world, join):
    world = make_world()
    process, engine = join(world)
    noise = f"{world.random.getrandbits(8_000):x}"
    write(world, process, engine, "one")
    world.run_in(process, put(engine, Insert("a", row("large", noise=noise))))
    for seq in (1, 2):
        world.broadcast(MessageChanged(*message_of(engine, seq), deleted=False))
    world.pass_time(5)
    write(world, process, engine, "two")
    assert rows_of(engine) == ["one", "large", "two"]


def test_damage_ends_when_it_ends(make_world, join, caplog):
    caplog.set_level(logging.WARNING, "discobase")
    world = make_world()
    process, engine = join(world)
    write(world, process, engine, "one", "two", "three")
    unhealable(world, engine.superblock.checkpoints)
    lane, message = message_of(engine, 2)
    right = world.messages[lane][message].message
    world.edit(lane, message, right.content.replace("two", "2"))
    world.pass_time(UNHEALED)
    with pytest.raises(LogDamaged, match=r"altered.*db\.verify\(\)") as raised:
        write(world, process, engine, "four")
    assert raised.value.position == 2
    world.messages[lane][message].message = right
    world.pass_time(120)
    assert "the log is whole again" in caplog.text
    write(world, process, engine, "four")
    assert rows_of(engine) == ["one", "two", "three", "four"]


def test_what_is_raised_of_damage_does_not_grow(make_world, join):
    world = make_world()
    process, engine = join(world)
    write(world, process, engine, "one", "two")
    unhealable(world, engine.superblock.checkpoints)
    delete(world, engine, 1)
    world.pass_time(UNHEALED)
    lengths = []
    for _ in range(50):
        with pytest.raises(LogDamaged) as raised:
            world.run_in(process, engine.refresh())
        lengths.append(len(traceback.format_exception(raised.value)))
    assert lengths[-1] == lengths[1]


def test_a_deletion_that_no_event_told_of_is_seen_after_the_next_session(make_world, join):
    world = make_world()
    process, engine = join(world)
    write(world, process, engine, "one", "two", "three", "four", "five", "six")
    unhealable(world, engine.superblock.checkpoints)
    process.session.lose(1)
    delete(world, engine, 5)
    world.pass_time(DOUBT_SECONDS + UNHEALED)
    with pytest.raises(LogDamaged) as raised:
        write(world, process, engine, "seven")
    assert raised.value.position == 5


# What is late is not damaged


def test_files_that_are_not_there_for_a_moment_are_no_damage(make_world, join):
    world = make_world(faults=UNHEARD)
    (one, first), (two, second) = join(world), join(world, "two")
    noise = f"{world.random.getrandbits(8_000):x}"
    world.run_in(one, put(first, Insert("a", row("x", noise=noise))))
    fetch, began = two.seam.fetch, world.time

    async def fetch_later(attachment):
        if world.time < began + 20:
            raise NotFound("This content is no longer available.")
        return await fetch(attachment)

    two.seam.fetch = fetch_later
    world.run_in(two, second.refresh())
    assert rows_of(second) == ["x"]
    assert world.time >= began + 20


def test_an_answer_to_a_repeated_nonce_may_come_without_its_files(make_world, join):
    world = make_world(faults=UNHEARD)
    (one, first), (two, second) = join(world), join(world, "two")
    noise = f"{world.random.getrandbits(8_000):x}"
    world.run_in(one, put(first, Insert("a", row("x", noise=noise))))
    send = two.seam.send

    async def send_bare(*message):
        return dataclasses.replace(await send(*message), attachments=())

    two.seam.send = send_bare
    write(world, two, second, "y")
    assert rows_of(second) == ["x", "y"]


def test_a_history_that_is_late_by_ten_seconds_is_no_damage(make_world, join):
    for seed in range(10):
        world = make_world(seed)
        (one, first), (two, second) = join(world), join(world, "two")
        world.faults = Faults(lag=10.0, dropped_event=0.5)
        for number in range(12):
            write(world, one, first, str(number))
            world.pass_time(1)
        world.faults = CALM
        two.session.lose(0.1)
        world.pass_time(60)
        assert rows_of(second) == rows_of(first)
        assert lost(first) == lost(second) == []
        write(world, two, second, "on")
        world.end()


# Frames that do not fit


def fork(world, engine, seq, chain, tag):
    """Write a frame into the log, as another program might."""
    frame = encode(
        [Put("a", seq, row(tag))], seq=seq, chain=chain, writer=tag, time=0.0, limits=LIMITS
    )
    message = world.post(engine.superblock.lane_of(seq), frame.content, (), f"{tag}.{world.time}")
    return message, frame.header.hash


def test_no_fork_makes_a_database_unusable_for_good(make_world, join):
    world = make_world(faults=Faults(nonce_window=None))
    _, engine = join(world)
    fork(world, engine, 1, GENESIS, "a1")
    _, other = fork(world, engine, 1, GENESIS, "b1")
    _, other = fork(world, engine, 2, other, "b2")
    fork(world, engine, 3, other, "b3")
    two, second = join(world, "two")
    began = world.time
    (placed,) = write(world, two, second, "on")
    assert world.time - began < 2 * DOUBT_SECONDS
    assert placed.seq == 4
    world.pass_time(60)
    _, third = join(world, "three")
    for reader in (engine, second, third):
        assert rows_of(reader) == ["a1", "on"]
        assert lost(reader) == [(1, "b1"), (2, "b2"), (3, "b3")]
        assert reader.replica.head == second.replica.head


def post_line(world, engine, line):
    """Write a frame behind the head whose payload is a line, whatever it says."""
    payload, head = line.encode(), engine.replica.head
    header = {
        "discobase": 1,
        "seq": head.seq + 1,
        "prev": head.chain,
        "writer": "w",
        "time": 1.0,
        "ops": 1,
        "hash": hash_of(payload),
        "enc": "inline",
        "size": len(payload),
    }
    text = json.dumps(header, separators=(",", ":"))
    lane = engine.superblock.lane_of(head.seq + 1)
    world.post(lane, f"```json\n{text}\n{line}\n```", (), "from elsewhere")


@pytest.mark.parametrize("told", ["by an event", "by reading"])
@pytest.mark.parametrize(
    "line",
    [
        '["put","\\ud800",1,{"tag":"x"}]',
        '["put","a",1,{"tag":"\\ud800"}]',
        '["put","a",7,{"tag":"x"}]',
        '["put","a",1,9,{"tag":"x"}]',
        '["del","a",9]',
        '["del","nowhere",1]',
        '["declare","a",7,0,{"fields":{},"index":[],"unique":[],"types":{}}]',
        '["unique","a","tag",3]',
        '["release","a","tag"]',
        '["keys","a","tag",{"kind":"plain","print":"p"},null,[[1,"\\ud800"]]]',
        '["keys","a","tag",{"kind":"plain","print":"p"},[0,9' + "9" * 30 + ',1],[[1,"k"]]]',
        "[" * 5_000,
        "no operation",
        "",
    ],
)
def test_an_operation_that_cannot_be_is_damage_and_nothing_else(make_world, join, line, told):
    world = make_world()
    (one, first), (two, second) = join(world), join(world, "two")
    write(world, one, first, "kept")
    world.pass_time(1)
    world.faults = CALM if told == "by an event" else UNHEARD
    post_line(world, second, line)
    task = two.loop.create_task(second.refresh())
    world.run(task.done, within=2 * DOUBT_SECONDS)
    if task.exception() is None:
        # What stands there can be stored, though no class will load it.
        assert second.replica.head.seq == 2
    else:
        for _ in range(2):
            with pytest.raises(LogDamaged, match="position 2"):
                write(world, two, second, "not above it")
        assert rows_of(second) == ["kept"]
    assert not two.failures


@pytest.mark.parametrize(
    ("line", "raised"),
    [
        ('["put","a",2,1,{x}]', UpgradeNeeded),
        ('["put","a",2,1,{"tag":}]', UpgradeNeeded),
        ('["put","a",2,1,{"tag":"x"}}]', UpgradeNeeded),
        ('["put","a",2,1,{"tag":NaN,"tag":"x"}]', None),
        ('["put","a",2,1,{"tag":"\\ud800"}]', None),
        (f'["put","a",2,1,{{"tag":"P{"9" * 1_000}D"}}]', None),
        ('["put","a",2,1,{"email":"\\ud800"}]', LogDamaged),
        (
            '["keys","a","tag",{"kind":"plain","print":"x","print":"as stored"},null,[[1,"k"]]]',
            UpgradeNeeded,
        ),
    ],
)
def test_a_commit_is_damage_or_not_whatever_a_replica_has_indexes_of(
    make_world, join, line, raised
):
    world = make_world()
    (one, first), (two, second) = join(world), join(world, "two")
    # A field that is unique has its keys in both, so only what is said of one has it.
    unique = ["email"] if "email" in line else []
    schemas = {"a": schema_of({"tag": "duration", "email": "plain"}, unique)}
    world.run_in(one, put(first, Insert("a", row("kept")), schemas=schemas))
    world.pass_time(1)
    second.replica.index(IndexWanted("a", "tag", FINGERPRINT))
    second.replica.index(TextIndexWanted("a", (("tag",),)))
    while second.replica.fill(10):
        pass
    post_line(world, first, line)
    for process, engine in ((one, first), (two, second)):
        task = process.loop.create_task(engine.refresh())
        world.run(task.done, within=2 * DOUBT_SECONDS)
        assert type(task.exception()) is (raised or NoneType)
    assert first.replica.head == second.replica.head
    texts = [[data for *_, data in engine.replica.select("a", [])] for engine in (first, second)]
    assert texts[0] == texts[1]
    assert len(texts[0]) == (1 if raised else 2)
    # An index that is made afterwards comes to the same.
    first.replica.index(IndexWanted("a", "tag", FINGERPRINT))
    while first.replica.fill(10):
        pass
    wanted = [(column("tag", "duration"), '"kept')]
    assert len(first.replica.select("a", wanted)) == len(second.replica.select("a", wanted))


def test_a_void_frame_that_is_heard_of_costs_no_reading_from_the_beginning(make_world, join):
    world = make_world()
    (one, first), (two, second) = join(world), join(world, "two")
    write(world, one, first, "x")
    world.pass_time(JUDGED)
    for seq in range(2, 10):
        ahead = encode(
            [Put("a", 2, row("ahead"))], seq=seq, chain="f" * 32, writer="w", time=0.0,
            limits=LIMITS,
        )  # fmt: skip
        content = ahead.content.replace('"size"', '"behind":1,"size"')
        before = two.calls.total()
        world.post(second.superblock.lane_of(seq), content, (), second.superblock.nonce_of(seq))
        world.pass_time(5)
        assert second.replica.head.seq == seq
        assert two.calls.total() - before <= 2
    write(world, two, second, "y")
    world.pass_time(1)
    assert rows_of(first) == rows_of(second) == ["x", "y"]
    assert len(lost(first)) == 8


def test_a_request_that_waits_for_damage_to_be_found_is_answered(make_world, join):
    world = make_world()
    (one, first), (two, second) = join(world), join(world, "two")
    world.faults = UNHEARD
    write(world, one, first, "one", "two", "three")
    delete(world, first, 2)
    world.faults = CALM
    request = Request([Insert("a", row("x"))])
    two.loop.call_soon_threadsafe(second.commit, request)
    world.run(request.future.done, within=2 * DOUBT_SECONDS)
    assert isinstance(request.future.exception(), LogDamaged)
    assert rows_of(second) == ["one"]


def test_two_that_hold_the_same_fork_agree_however_they_hear_of_it(make_world, join):
    for seed in range(20):
        world = make_world(seed, Faults(nonce_window=None, dropped_event=0.4, slow_event=0.3))
        process, engine = join(world)
        fork(world, engine, 1, GENESIS, "a1")
        _, other = fork(world, engine, 1, GENESIS, "b1")
        fork(world, engine, 2, other, "b2")
        two, second = join(world, "two")
        write(world, two, second, "on")
        write(world, process, engine, "and on")
        world.faults = Faults(nonce_window=None)
        for member in (process, two):
            member.session.lose(0.1)
        world.pass_time(90)
        assert rows_of(engine) == rows_of(second) == ["a1", "on", "and on"]
        assert read_log(world, engine.superblock).head == engine.replica.head.seq
        world.end()


# Faults of the program itself


def test_a_fault_in_a_commit_is_told_as_an_error_of_ours_and_the_next_one_works(
    make_world, join, monkeypatch
):
    world = make_world()
    one, engine = join(world)
    write(world, one, engine, "first")
    fault = KeyError("odd")

    async def odd(*_, **__):
        monkeypatch.undo()
        raise fault

    monkeypatch.setattr(CommitLog, "append", odd)
    with pytest.raises((Unavailable, OutcomeUnknown)) as raised:
        write(world, one, engine, "second")
    assert raised.value.__cause__ is fault
    write(world, one, engine, "third")
    assert rows_of(engine) == ["first", "third"]


def test_a_fault_in_following_is_told_to_nobody_and_the_log_is_read_again(
    make_world, join, monkeypatch
):
    world = make_world()
    (one, engine), (two, second) = join(world), join(world, "two")
    take_in, failed = Follower._take_in, []

    async def odd(follower):
        if follower is second._follower and not failed:
            failed.append(follower)
            raise KeyError("odd")
        await take_in(follower)

    monkeypatch.setattr(Follower, "_take_in", odd)
    write(world, one, engine, "first")
    world.pass_time(60)
    assert failed
    assert rows_of(second) == ["first"]
    write(world, two, second, "second")
    assert rows_of(second) == ["first", "second"]
