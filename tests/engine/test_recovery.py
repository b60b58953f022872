"""Opening, and building again, from a checkpoint: whatever has become of it and of the log."""

from __future__ import annotations

import dataclasses
import sqlite3
from hashlib import sha256

import pytest

from discobase.engine.changes import Insert
from discobase.engine.checkpoints import keeper
from discobase.engine.checkpoints.manifest import Manifest
from discobase.engine.checkpoints.packing import hash_of_packed, pack
from discobase.engine.checkpoints.recovery import read_from
from discobase.engine.checkpoints.store import CheckpointStore
from discobase.engine.engine import Engine
from discobase.engine.log.frame import encode
from discobase.engine.operations import Put
from discobase.engine.replica import Replica
from discobase.engine.replica.positions import RECENT
from discobase.engine.server.seam import Message, MessageArrived
from discobase.engine.trouble import Trouble, Troubles
from discobase.errors import ConnectError, LogDamaged
from discobase.progress import Gauge
from tests.engine.rows import row, rows_of
from tests.engine.simulation import BOT, CALM, Faults, Stored
from tests.engine.workload import LIMITS, put


def write(world, process, engine, *tags):
    for tag in tags:
        world.run_in(process, put(engine, Insert("a", row(tag))))


def numbered(first, last):
    return [str(number) for number in range(first, last + 1)]


@pytest.fixture
def kept(make_world, join):
    """A world with ten commits, of which two checkpoints have eight and nine."""
    world = make_world()
    process, engine = join(world)
    write(world, process, engine, *numbered(1, 8))
    world.run_in(process, engine.checkpoint())
    write(world, process, engine, "9")
    world.run_in(process, engine.checkpoint())
    write(world, process, engine, "10")
    return world, process, engine


@pytest.fixture
def opened(join):
    """Opens an engine with nothing, and returns it with what it has told and what that cost."""

    def made(world, name="newcomer", **options):
        told: list[Trouble] = []
        process, engine = join(world, name, troubles=Troubles(told.append), **options)
        return process, engine, told

    return made


def messages(world, engine):
    """The messages of the checkpoints, the oldest first."""
    return sorted(world.messages[engine.superblock.checkpoints])


def fetched(process):
    return process.calls["fetch"]


def began_at(engine):
    used = engine._recovery.used
    return 0 if used is None else used.manifest.seq


# Where all is well


def test_it_begins_at_the_newest_and_has_what_the_whole_log_comes_to(kept, opened):
    world, _, engine = kept
    process, newcomer, told = opened(world)
    assert began_at(newcomer) == 9
    assert rows_of(newcomer) == rows_of(engine) == numbered(1, 10)
    assert newcomer.replica.head == engine.replica.head
    assert newcomer.replica.positions.recent == engine.replica.positions.recent
    assert told == []
    # The list, the catalog, the checkpoints, and the one lane that goes on above it.
    assert {kind: process.calls[kind] for kind in ("channels", "history", "message")} == {
        "channels": 1,
        "history": 3,
        "message": 0,
    }


def test_it_goes_on_from_there_and_so_do_the_others(kept, opened):
    world, process, engine = kept
    late, newcomer, _ = opened(world)
    write(world, late, newcomer, "mine")
    write(world, process, engine, "theirs")
    world.pass_time(5)
    assert rows_of(newcomer) == rows_of(engine) == [*numbered(1, 10), "mine", "theirs"]


def test_no_commit_is_read_that_is_in_it(kept, opened):
    world, _, engine = kept
    for lane in engine.superblock.lanes:
        for identity in [*world.messages[lane]]:
            if identity < messages(world, engine)[-1]:
                del world.messages[lane][identity]  # and nobody has heard of it
    _, newcomer, told = opened(world)
    assert rows_of(newcomer) == numbered(1, 10)
    assert told == []


def test_of_positions_of_long_ago_nothing_is_known_and_nothing_is_made(make_world, join, opened):
    world = make_world()
    process, engine = join(world)
    write(world, process, engine, *numbered(1, RECENT + 20))
    checkpoint = world.run_in(process, engine.checkpoint())
    late, newcomer, _ = opened(world)
    assert began_at(newcomer) == checkpoint.position
    old = checkpoint.position - RECENT
    assert newcomer.replica.position(old) is None
    assert newcomer.replica.position(old + 1) is not None
    frame = encode(
        [Put("a", 9_999, row("late"))], seq=old, chain="0" * 32, writer="w", time=0.0, limits=LIMITS
    )
    again = Message(world.snowflake(), engine.superblock.lane_of(old), BOT, frame.content)
    world.broadcast(MessageArrived(again))
    write(world, late, newcomer, "after")
    assert rows_of(newcomer)[-1] == "after"
    assert not newcomer.lost()


@pytest.mark.parametrize("commits", [1, 2, 3, 4, 5, 6, 7, 8])
def test_each_lane_is_read_from_where_the_replica_itself_would_read_it(make_world, join, commits):
    world = make_world()
    process, engine = join(world)
    write(world, process, engine, *numbered(1, commits))
    world.run_in(process, engine.checkpoint())
    store = CheckpointStore(process.seam, engine.superblock, LIMITS)
    (stored,) = world.run_in(process, store.list()).stored
    positions = engine.replica.positions
    head, lanes = positions.head.seq, positions.lanes
    following = sorted(range(head + 1, head + 1 + lanes), key=lambda seq: seq % lanes)
    assert positions.read_from() == [positions.safely_below(seq) for seq in following]
    assert read_from(stored.manifest) == positions.read_from()


def test_how_much_of_the_tail_there_is_to_read_is_told(make_world, join, opened, monkeypatch):
    monkeypatch.setattr(keeper, "is_due", lambda *_: False)
    world = make_world()
    process, engine = join(world)
    write(world, process, engine, *numbered(1, 20))
    world.run_in(process, engine.checkpoint())
    write(world, process, engine, *numbered(21, 500))
    world.faults = Faults(network=3.0)
    gauge, told = Gauge(), set()

    def look():
        told.add(gauge.progress)
        world.after(0.05, look)

    look()
    opened(world, gauge=gauge)
    assert {each.total for each in told if each and each.doing == "reading the log"} == {None, 480}


def test_a_first_commit_is_written_by_who_began_at_the_head(make_world, join, opened):
    world = make_world()
    process, engine = join(world)
    write(world, process, engine, *numbered(1, 5))
    world.run_in(process, engine.checkpoint())
    late, newcomer, _ = opened(world)
    before = late.calls.copy()
    write(world, late, newcomer, "6")
    assert late.calls - before == {"send": 1}
    world.pass_time(5)
    assert rows_of(engine) == numbered(1, 6)


def test_what_others_write_meanwhile_is_not_overlooked(make_world, join):
    for seed in range(12):
        world = make_world(seed, Faults(lag=0.2, slow_event=0.3, dropped_event=0.2))
        process, engine = join(world)
        write(world, process, engine, *numbered(1, 9))
        world.run_in(process, engine.checkpoint())
        world.pass_time(1)  # until it can be read

        async def go_on(engine=engine):
            for number in range(10, 20):
                await put(engine, Insert("a", row(str(number))))

        writing = process.loop.create_task(go_on())
        late, newcomer = join(world, "late", session=0.3 if seed % 2 else 0.0)
        assert began_at(newcomer) == 9
        world.run(writing.done)
        world.faults = CALM
        world.pass_time(1)  # until it can be read
        world.run_in(late, newcomer.refresh())
        assert rows_of(newcomer) == rows_of(engine) == numbered(1, 19)
        world.end()


# Where it does not hold


@pytest.mark.parametrize("how", ["text", "files", "later"])
def test_one_that_does_not_hold_is_passed_over_for_the_one_before_and_that_is_told_once(
    kept, opened, how
):
    world, _, engine = kept
    newest = messages(world, engine)[-1]
    world.spoil(engine.superblock.checkpoints, newest, how)
    process, newcomer, told = opened(world)
    assert began_at(newcomer) == 8
    assert rows_of(newcomer) == numbered(1, 10)
    assert [(trouble.kind, trouble.message) for trouble in told] == [("checkpoint", newest)]
    newcomer.replica.lost = True
    world.run_in(process, newcomer.refresh())
    world.pass_time(30)
    assert len(told) == 1


def test_one_that_was_deleted_is_not_missed(kept, opened):
    world, _, engine = kept
    world.delete(engine.superblock.checkpoints, messages(world, engine)[-1])
    _, newcomer, told = opened(world)
    assert (began_at(newcomer), rows_of(newcomer), told) == (8, numbered(1, 10), [])


def test_where_none_holds_the_whole_log_is_read(kept, opened):
    world, _, engine = kept
    for identity in messages(world, engine):
        world.spoil(engine.superblock.checkpoints, identity, "files")
    _, newcomer, told = opened(world)
    assert (began_at(newcomer), rows_of(newcomer)) == (0, numbered(1, 10))
    assert [trouble.kind for trouble in told] == ["checkpoint"] * 2


def test_where_their_channel_is_gone_the_whole_log_is_read(kept, opened):
    world, _, engine = kept
    world.drop_channel(engine.superblock.checkpoints)
    _, newcomer, told = opened(world)
    assert (began_at(newcomer), rows_of(newcomer)) == (0, numbered(1, 10))
    assert [trouble.kind for trouble in told] == ["checkpoint"]


def test_one_by_somebody_else_counts_for_nothing(kept, opened):
    world, _, engine = kept
    for identity in messages(world, engine):
        world.spoil(engine.superblock.checkpoints, identity, "forge")
        world.delete(engine.superblock.checkpoints, identity)
    _, newcomer, told = opened(world)
    assert (began_at(newcomer), rows_of(newcomer)) == (0, numbered(1, 10))
    assert all("somebody else" in trouble.text for trouble in told)


def test_a_part_that_is_gone_makes_it_damaged(make_world, join, opened):
    world = make_world()
    process, engine = join(world)
    tags = [sha256(bytes([number])).hexdigest() for number in range(150)]
    write(world, process, engine, *tags)
    world.run_in(process, engine.checkpoint())
    part, *_ = messages(world, engine)
    assert len(messages(world, engine)) > 1
    world.delete(engine.superblock.checkpoints, part)
    _, newcomer, told = opened(world)
    assert (began_at(newcomer), rows_of(newcomer)) == (0, tags)
    assert len(told) == 1


def stored_by_hand(world, process, engine, **facts):
    """Write the state of an engine as a checkpoint of which some facts are other ones."""
    snapshot = engine.replica.snapshot()
    packed = pack(snapshot.lines())
    lanes = engine.replica.positions.lanes
    block = engine.superblock
    manifest = Manifest(
        block.database,
        block.generation,
        snapshot.head.seq,
        snapshot.head.chain,
        snapshot.hash,
        snapshot.size,
        len(packed),
        hash_of_packed(packed),
        snapshot.records,
        snapshot.lane_ends(lanes),
        0,
        "w",
        0.0,
    )
    snapshot.close()
    store = CheckpointStore(process.seam, block, LIMITS)
    return world.run_in(process, store.write(dataclasses.replace(manifest, **facts), packed))


@pytest.mark.parametrize(
    "lie", [{"state": "0" * 64}, {"size": 5}, {"chain": "f" * 32}, {"seq": 11}, {"hash": "0" * 64}]
)
def test_one_that_says_of_itself_what_is_not_so_is_passed_over(kept, opened, lie):
    world, process, engine = kept
    stored_by_hand(world, process, engine, **lie)
    _, newcomer, told = opened(world)
    assert (began_at(newcomer), rows_of(newcomer)) == (9, numbered(1, 10))
    assert [trouble.kind for trouble in told] == ["checkpoint"]


def other_history(world, join, engine, tag):
    """The engine of a process for which another commit stands at the last position: that one was
    deleted, and this was written in its place.
    """
    seq = engine.replica.head.seq
    frame = encode(
        [Put("a", seq, row(tag))],
        seq=seq,
        chain=engine.replica.positions.at(seq).chain,
        writer="w",
        time=0.0,
        limits=LIMITS,
    )
    lane = engine.superblock.lane_of(seq)
    del world.messages[lane][engine.replica.positions.message_at(seq)]
    message = Message(world.snowflake(), lane, BOT, frame.content)
    world.messages[lane][message.id] = Stored(message, world.time)
    world.channels[lane] = dataclasses.replace(world.channels[lane], last_message=message.id)


def test_one_with_a_commit_in_whose_place_another_one_stands_is_passed_over(kept, join, opened):
    world, process, engine = kept
    stored_by_hand(world, process, engine)
    process.kill()
    other_history(world, join, engine, "instead")
    _, newcomer, told = opened(world)
    assert (began_at(newcomer), rows_of(newcomer)) == (9, [*numbered(1, 9), "instead"])
    assert "does not go on" in told[0].text


def test_of_two_that_contradict_each_other_the_one_counts_from_which_the_log_goes_on(
    kept, join, opened
):
    world, process, engine = kept
    stored_by_hand(world, process, engine)
    process.kill()
    other_history(world, join, engine, "instead")
    other, second, _ = opened(world, "other")
    stored_by_hand(world, other, second)
    write(world, other, second, "11")
    _, newcomer, _ = opened(world)
    assert (began_at(newcomer), rows_of(newcomer)) == (10, [*numbered(1, 9), "instead", "11"])


def test_of_two_that_contradict_each_other_the_older_one_counts_where_there_is_nothing_above(
    kept, join, opened
):
    world, process, engine = kept
    older = stored_by_hand(world, process, engine)
    process.kill()
    other_history(world, join, engine, "instead")
    other, second, _ = opened(world, "other")
    stored_by_hand(world, other, second)
    for lane in engine.superblock.lanes:
        world.messages[lane].clear()
    _, newcomer, _ = opened(world)
    assert newcomer._recovery.used.message.id == older.message.id
    assert rows_of(newcomer) == numbered(1, 10)


# What it keeps though the log has lost it


def test_a_hole_below_it_is_no_damage(kept, opened, join):
    world, process, engine = kept
    process.kill()
    world.delete(engine.superblock.lane_of(4), engine.replica.positions.message_at(4))
    late, newcomer, told = opened(world)
    assert (rows_of(newcomer), told) == (numbered(1, 10), [])
    late.session.lose(1)
    world.pass_time(30)
    write(world, late, newcomer, "11")
    assert told == []


def test_its_own_newest_message_may_be_gone(kept, opened):
    world, process, engine = kept
    checkpoint = world.run_in(process, engine.checkpoint())
    process.kill()
    late, newcomer, told = opened(world)
    world.delete(engine.superblock.lane_of(10), engine.replica.positions.message_at(10))
    late.session.lose(1)
    world.pass_time(90)
    write(world, late, newcomer, "11")
    assert (began_at(newcomer), told) == (checkpoint.position, [])
    _, another, _ = opened(world, "another")
    assert rows_of(another) == numbered(1, 11)


def test_a_hole_above_it_is_damage(kept, opened):
    world, process, engine = kept
    write(world, process, engine, "11", "12")
    process.kill()
    world.delete(engine.superblock.lane_of(10), engine.replica.positions.message_at(10))
    with pytest.raises(LogDamaged) as raised:
        opened(world)
    assert raised.value.position == 10


# Building again


def test_a_replica_that_is_lost_is_built_from_it(kept, join):
    world, process, engine = kept
    fetches = fetched(process)
    engine.replica.lost = True
    world.run_in(process, engine.refresh())
    write(world, process, engine, "11")
    assert began_at(engine) == 9
    assert fetched(process) > fetches
    assert rows_of(engine) == numbered(1, 11)


@pytest.mark.parametrize("failures", [1, 2, 99])
def test_a_file_that_fails_while_it_is_loaded_is_replaced(kept, opened, monkeypatch, failures):
    world, *_ = kept
    restore, tries = Replica._restore, []

    def failing(replica, *state):
        tries.append(replica.in_memory)
        if len(tries) <= failures:
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR
            raise error
        restore(replica, *state)

    monkeypatch.setattr(Replica, "_restore", failing)
    if failures > 2:
        with pytest.raises(ConnectError):
            opened(world)
        return
    _, newcomer, _ = opened(world)
    assert (began_at(newcomer), rows_of(newcomer)) == (9, numbered(1, 10))


def test_history_that_changes_above_it_is_read_from_it(kept, join):
    world, process, engine = kept
    message = engine.replica.positions.message_at(10)
    process.session.lose(1)
    other_history(world, join, engine, "instead")
    world.pass_time(60)
    assert began_at(engine) == 9
    assert rows_of(engine) == [*numbered(1, 9), "instead"]
    assert [lost.message for lost in engine.lost()] == [message]


def test_readers_of_a_replica_that_is_built_again_never_go_back(kept, join):
    world, process, engine = kept
    write(world, process, engine, "11", "12")
    seen: list[int] = []
    work = process.seam.work

    async def watched(step):
        result = await work(step)
        seen.append(engine.replica.head.seq)
        return result

    process.seam.work = watched
    other_history(world, join, engine, "instead")
    process.session.lose(1)
    world.pass_time(60)
    assert rows_of(engine) == [*numbered(1, 11), "instead"]
    assert began_at(engine) == 9
    assert set(seen) == {12}


def test_who_has_begun_at_it_does_not_read_it_again_to_see_whether_another_is_due(kept, opened):
    world, *_ = kept
    process, newcomer, _ = opened(world)
    assert newcomer._checkpoints.newest.manifest.seq == 9
    process.calls.clear()
    world.pass_time(600)
    assert "history" not in process.calls


def test_an_opening_that_is_given_up_leaves_nothing_running(kept):
    world, *_ = kept
    process = world.process("given up")
    opening = process.loop.create_task(
        Engine.open(process.seam, limits=LIMITS, failed=process.failures.append)
    )
    world.run(lambda: process.calls["fetch"] > 0)
    opening.cancel()
    world.run(opening.done)
    world.pass_time(10)
    assert opening.cancelled()
    assert not process.failures
