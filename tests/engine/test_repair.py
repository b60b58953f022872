"""A repair in the simulation: what is lost is said back, and the database goes on with the rest."""

from __future__ import annotations

import pytest

from discobase.engine.changes import Insert, Remove, Request, RequireVersion
from discobase.engine.engine import examine
from discobase.engine.log.frame import encode
from discobase.engine.log.leftovers import YOUTH
from discobase.engine.operations import Put
from discobase.engine.repair.repairing import repair
from discobase.errors import (
    LogDamaged,
    OutcomeUnknown,
    Unavailable,
    UpgradeNeeded,
    UsageError,
)
from discobase.key import Key
from discobase.progress import Gauge
from tests.engine.lasting import Killer, channels, join_lasting, save, superblocks, vacuum
from tests.engine.rows import row, rows_of
from tests.engine.schemas import schema_of
from tests.engine.workload import LIMITS, ask, put

pytestmark = pytest.mark.one_python


@pytest.fixture
def world(make_world):
    """A calm one."""
    return make_world()


def asked(world, process, confirm=None, key=None):
    """Ask for a repair."""
    work = repair(process.seam, LIMITS, Gauge(), "here", key=key, confirm=confirm)
    return world.run_in(process, work)


def broken(world, *gone, tags="abcdefgh", **options):
    """A database of which nobody is connected any more, and some messages are gone."""
    one, engine = join_lasting(world, **options)
    save(world, one, engine, *tags)
    positions = engine.replica.positions
    one.kill()
    for seq in gone:
        world.delete(engine.superblock.lane_of(seq), positions.message_at(seq))
    world.pass_time(300)
    return one, engine


def repaired(world, expected, **options):
    """See that the database is whole, that everybody can open it, and that it holds these."""
    process, engine = join_lasting(world, "after", **options)
    assert rows_of(engine) == expected
    block = engine.superblock
    assert channels(world) == {block.catalog, *block.lanes, block.checkpoints}
    assert superblocks(world, engine) == [block.generation]
    save(world, process, engine, "new")
    report = world.run_in(process, engine.verify(Gauge()))
    assert not report.findings, report.findings
    _, late = join_lasting(world, "late", **options)
    assert rows_of(late) == [*expected, "new"]


def test_the_loss_is_named_and_nothing_is_changed_until_it_is_said_back(world):
    _, engine = broken(world, 3)
    with pytest.raises(LogDamaged):
        join_lasting(world, "two")
    process = world.process("repairer")
    before = len(world.written)
    told = asked(world, process)
    assert not told.done
    assert [loss.position for loss in told.lost] == [3]
    assert told.records == 7
    for wrong in ("", "yes", told.confirm.replace("lose", "loose")):
        with pytest.raises(UsageError, match="nothing was repaired"):
            asked(world, process, wrong)
    assert len(world.written) == before
    done = asked(world, process, told.confirm)
    assert (done.done, done.lost, done.generation) == (True, told.lost, 2)
    assert superblocks(world, engine) == [2]
    repaired(world, [*"abdefgh"])


@pytest.mark.parametrize("gone", [[1], [2, 3], [8], [7, 8], [1, 5], [2, 3, 4, 5], [*range(1, 9)]])
def test_what_is_left_goes_on_whatever_is_gone(world, gone):
    broken(world, *gone)
    process = world.process("repairer")
    told = asked(world, process)
    if told.confirm is not None:
        asked(world, process, told.confirm)
    else:  # the newest alone: nobody can tell that there was anything
        assert gone in ([8], [7, 8], [*range(1, 9)])
    left = [tag for seq, tag in enumerate("abcdefgh", 1) if seq not in gone]
    process.kill()
    world.pass_time(100)
    _, engine = join_lasting(world, "after")
    assert rows_of(engine) == left


def test_nothing_is_to_be_repaired_where_the_log_is_whole(world):
    one, engine = join_lasting(world)
    save(world, one, engine, "a")
    world.run_in(one, vacuum(engine))
    save(world, one, engine, "b")
    process = world.process("repairer")
    told = asked(world, process)
    assert (told.confirm, told.lost, told.records, told.done) == (None, (), 2, False)
    assert "nothing is to be repaired" in str(told)
    assert asked(world, process, "whatever") == told


def test_a_hole_below_a_checkpoint_is_no_loss(world):
    one, engine = join_lasting(world)
    save(world, one, engine, *"abc")
    world.run_in(one, engine.checkpoint())
    one.kill()
    world.delete(engine.superblock.lane_of(2), engine.replica.positions.message_at(2))
    assert asked(world, world.process("repairer")).confirm is None


def test_a_damaged_checkpoint_is_replaced_by_the_log_and_the_log_by_an_older_one(world):
    one, engine = join_lasting(world)
    save(world, one, engine, *"ab")
    first = world.run_in(one, engine.checkpoint())
    save(world, one, engine, *"cd")
    second = world.run_in(one, engine.checkpoint())
    save(world, one, engine, *"ef")
    positions, block = engine.replica.positions, engine.superblock
    one.kill()
    for seq in (1, 4):
        world.delete(block.lane_of(seq), positions.message_at(seq))
    world.spoil(block.checkpoints, second.message, "files")
    process = world.process("repairer")
    told = asked(world, process)
    assert [loss.position for loss in told.lost] == [4]
    assert first.position == 2
    asked(world, process, told.confirm)
    repaired(world, [*"abcef"])


@pytest.mark.parametrize("which", [[2], [0, 1, 2, 3], [1, 4]], ids=str)
def test_lanes_that_are_gone_are_made_again_with_what_is_left(world, which):
    one, engine = join_lasting(world)
    save(world, one, engine, *"abcde")
    block = engine.superblock
    one.kill()
    own = [*block.lanes, block.checkpoints]
    for index in which:
        world.remove_channel(own[index])
    process = world.process("repairer")
    told = asked(world, process)
    named = {loss.channel for loss in told.lost}
    assert named >= {own[index] for index in which if index < 4}
    asked(world, process, told.confirm)
    repaired(world, [tag for seq, tag in enumerate("abcde", 1) if seq % 4 not in which])


def test_a_generation_whose_checkpoint_is_gone_begins_with_the_frames_above(world):
    one, engine = join_lasting(world)
    save(world, one, engine, *"abc")
    world.run_in(one, vacuum(engine))
    save(world, one, engine, *"de")
    block = engine.superblock
    one.kill()
    world.remove_channel(block.checkpoints)
    process = world.process("repairer")
    told = asked(world, process)
    assert [loss.position for loss in told.lost] == [4]
    assert "all commits up to this position" in told.lost[0].why
    asked(world, process, told.confirm)
    repaired(world, ["d", "e"])


def test_an_encrypted_one_is_repaired_with_its_key_alone(world):
    key = Key(bytes(range(32)))
    broken(world, 2, key=key)
    process = world.process("repairer")
    with pytest.raises(Exception, match="encrypted"):
        asked(world, process)
    told = asked(world, process, key=key)
    assert [loss.position for loss in told.lost] == [2]
    asked(world, process, told.confirm, key)
    repaired(world, [*"acdefgh"], key=key)


def test_an_altered_commit_is_lost_with_its_writer_and_time(world):
    one, engine = join_lasting(world, label="till 3")
    save(world, one, engine, *"abc")
    positions, block = engine.replica.positions, engine.superblock
    one.kill()
    message = positions.message_at(2)
    stored = world.messages[block.lane_of(2)][message]
    world.edit(block.lane_of(2), message, stored.message.content.replace('"b"', '"B"'))
    process = world.process("repairer")
    (loss,) = asked(world, process).lost
    assert (loss.position, loss.writer, loss.label) == (2, engine.writer, "till 3")
    assert loss.message == message
    assert loss.time is not None
    assert "writer" in str(loss)


# What is lost is what is lost then


def test_a_greater_loss_is_refused_until_it_is_said_back(world):
    _, engine = broken(world, 3)
    positions = engine.replica.positions
    process = world.process("repairer")
    told = asked(world, process)
    world.delete(engine.superblock.lane_of(5), positions.message_at(5))
    with pytest.raises(UsageError, match=r"2 commits would be lost"):
        asked(world, process, told.confirm)
    more = asked(world, process)
    assert more.confirm != told.confirm
    asked(world, process, more.confirm)
    repaired(world, [*"abdfgh"])


# Others


def test_whoever_has_the_state_wins_and_nothing_is_lost(world):
    """A process that is connected, and was not when the message was deleted."""
    one, engine = join_lasting(world)
    save(world, one, engine, *"abcd")
    message = engine.replica.positions.message_at(2)
    world.messages[engine.superblock.lane_of(2)].pop(message)  # no event tells
    world.pass_time(200)
    process = world.process("repairer")
    told = asked(world, process)
    assert [loss.position for loss in told.lost] == [2]
    with pytest.raises(Unavailable, match=r"nothing is to be lost.*db\.checkpoint\(\)"):
        asked(world, process, told.confirm)
    assert rows_of(engine) == [*"abcd"]
    save(world, one, engine, "e")
    world.run_in(one, engine.checkpoint())
    world.pass_time(YOUTH + 60)
    assert asked(world, process).confirm is None
    _, late = join_lasting(world, "late")
    assert rows_of(late) == [*"abcde"]


def test_a_process_that_found_the_damage_goes_on_by_itself(world):
    one, engine = join_lasting(world)
    two, other = join_lasting(world, "two", read_only=True)
    save(world, one, engine, *"abcd")
    world.pass_time(1)
    one.kill()
    two.session.lose(10)
    world.delete(engine.superblock.lane_of(4), engine.replica.positions.message_at(4))
    world.delete(engine.superblock.lane_of(2), engine.replica.positions.message_at(2))
    world.pass_time(100)
    process = world.process("repairer")
    told = asked(world, process)
    with pytest.raises(Unavailable, match=r"until Discord has forgotten it.*Ask for it again"):
        asked(world, process, told.confirm)
    world.pass_time(200)
    asked(world, process, told.confirm)
    world.pass_time(70)
    world.run_in(two, other.refresh())
    assert rows_of(other) == [tag for tag in "abcd" if tag in rows_of(other)] == ["a", "c"]
    repaired(world, ["a", "c"])


def test_a_writer_that_stood_still_comes_back_to_what_all_see_and_lists_what_it_held(world):
    one, engine = join_lasting(world)
    save(world, one, engine, *"abcd")
    positions, block = engine.replica.positions, engine.superblock
    world.pass_time(1)
    one.freeze(2_000)
    for seq in (2, 3):
        world.delete(block.lane_of(seq), positions.message_at(seq))
    world.pass_time(400)
    process = world.process("repairer")
    told = asked(world, process)
    asked(world, process, told.confirm)
    world.run(lambda: not one.frozen, within=2_000)
    save(world, one, engine, "e")
    assert rows_of(engine) == [*"ade"]
    assert [lost.position for lost in engine.lost()] == [2, 3]
    _, late = join_lasting(world, "late")
    assert rows_of(late) == [*"ade"]


def test_of_two_repairs_at_once_one_counts(make_world):
    for seed in range(4):
        world = make_world(seed)
        broken(world, 3)
        processes = [world.process(name) for name in ("one", "two")]
        confirm = asked(world, processes[0]).confirm
        tasks = [
            each.loop.create_task(repair(each.seam, LIMITS, Gauge(), "here", confirm=confirm))
            for each in processes
        ]
        world.run(lambda tasks=tasks: all(task.done() for task in tasks))
        errors = [task.exception() for task in tasks]
        assert errors.count(None) == 1
        assert all(isinstance(error, Unavailable | None) for error in errors)
        world.pass_time(YOUTH + 60)
        world.make_channel("elsewhere", None, "")  # by its id it is known how late it is
        repaired(world, [*"abdefgh"])


def killed_while_it_repairs(make_world, number, *, after):
    world = make_world(2)
    broken(world, 3, 6)
    process = world.process("repairer")
    confirm = asked(world, process).confirm
    calls = Killer(process, number, after=after)
    work = repair(process.seam, LIMITS, Gauge(), "here", confirm=confirm)
    process.engine = task = process.loop.create_task(work)  # kept until the world ends
    world.run(lambda: task.done() or not process.alive, within=300)
    return world, calls, confirm


def test_whoever_repairs_may_die_at_each_call(make_world):
    _, calls, _ = killed_while_it_repairs(make_world, None, after=False)
    assert calls.count > 12
    outcomes = set()
    for number in range(calls.count):
        for after in (False, True):
            world, _, confirm = killed_while_it_repairs(make_world, number, after=after)
            process = world.process("again")
            told = asked(world, process)
            outcomes.add(told.confirm)
            if told.confirm is not None:
                assert told.confirm == confirm
                asked(world, process, confirm)
            world.pass_time(YOUTH + 60)
            world.make_channel("elsewhere", None, "")
            process.kill()
            repaired(world, [*"abdegh"])
    assert outcomes == {None, confirm}


@pytest.mark.parametrize(
    ("gone", "lanes"),
    [
        pytest.param([3, 8], [], id="the position where the seal will be"),
        pytest.param([5], [], id="the newest in the lane where the seal will be"),
        pytest.param([8], [2], id="the newest, and a lane"),
    ],
)
def test_the_same_is_said_back_to_a_repair_that_was_killed_behind_its_seal(world, gone, lanes):
    _, engine = broken(world, *gone)
    block = engine.superblock
    for lane in lanes:
        world.remove_channel(block.lanes[lane])
    process = world.process("repairer")
    told = asked(world, process)
    work = repair(process.seam, LIMITS, Gauge(), "here", confirm=told.confirm)
    process.engine = process.loop.create_task(work)  # kept until the world ends
    world.run(lambda: is_sealed(world, block), within=30)
    process.kill()
    world.pass_time(YOUTH + 60)  # what is left is old enough then
    after = world.process("again")
    assert asked(world, after).lost == told.lost
    asked(world, after, told.confirm)
    after.kill()
    lost = {*gone, *(seq for lane in lanes for seq in (lane, lane + 4))}
    repaired(world, [tag for seq, tag in enumerate("abcdefgh", 1) if seq not in lost])


def is_sealed(world, block):
    lanes = [world.messages.get(lane, {}) for lane in block.lanes]
    return any('["seal"' in each.message.content for lane in lanes for each in lane.values())


def test_it_waits_no_longer_than_it_says(world):
    broken(world, 3)
    process = world.process("repairer")
    confirm, began = asked(world, process).confirm, world.time
    asked(world, process, confirm)
    assert 40 < world.time - began < 60


def test_verify_names_what_a_repair_would_lose(world):
    broken(world, 3)
    process = world.process("verifier")
    report = world.run_in(process, examine(process.seam, LIMITS, Gauge(), "here"))
    assert [found.position for found in report.findings if found.severity == "damage"] == [3]


def test_a_commit_that_does_not_hold_any_more_is_lost_as_a_whole(world):
    """Its first record could be put, and its second has a value that is taken."""
    one, engine = join_lasting(world)
    schemas = {"a": schema_of({"tag": "plain"}, unique=("tag",))}

    def change(*changes):
        return world.run_in(one, put(engine, *changes, schemas=schemas))

    change(Insert("a", row("x")))
    change(Insert("a", row("y")))
    change(Remove("a", 1, 1))
    change(Insert("a", row("z")), Insert("a", row("x")))
    positions, block = engine.replica.positions, engine.superblock
    one.kill()
    world.delete(block.lane_of(3), positions.message_at(3))
    process = world.process("repairer")
    told = asked(world, process)
    assert [(loss.position, loss.tables) for loss in told.lost] == [(3, ()), (4, ("a",))]
    assert told.lost[1].writer == engine.writer
    asked(world, process, told.confirm)
    _, after = join_lasting(world, "after")
    assert rows_of(after) == ["x", "y"]


def test_what_did_not_count_before_is_not_lost_again(world):
    """A void frame, the seal of a vacuum that died, and one that came second."""
    one, engine = join_lasting(world)
    two, other = join_lasting(world, "two")
    save(world, one, engine, *"ab")
    making = one.loop.create_task(vacuum(engine))
    world.run(lambda: other.replica.sealed)
    one.kill()
    save(world, two, other, "c")
    assert not making.done()
    block, head = other.superblock, other.replica.head
    ahead = encode(
        [Put("a", 2, row("no"))],
        seq=head.seq + 1,
        chain="f" * 32,
        writer="w",
        time=0.0,
        limits=LIMITS,
    )
    content = ahead.content.replace('"size"', '"behind":1,"size"')
    world.post(block.lane_of(head.seq + 1), content, (), block.nonce_of(head.seq + 1))
    world.pass_time(5)
    save(world, two, other, "d")
    positions = other.replica.positions
    second = world.messages[block.lane_of(head.seq)][positions.message_at(head.seq)]
    world.post(block.lane_of(head.seq), second.message.content, (), "second")
    two.kill()
    world.delete(block.lane_of(1), positions.message_at(1))
    process = world.process("repairer")
    told = asked(world, process)
    assert [loss.position for loss in told.lost] == [1]
    asked(world, process, told.confirm)
    world.pass_time(YOUTH + 60)
    world.make_channel("elsewhere", None, "")
    repaired(world, [*"bcd"])


def test_an_operator_who_requires_a_later_version_is_heeded(world, monkeypatch):
    one, engine = join_lasting(world)
    save(world, one, engine, *"abc")
    request = Request((), preparations=[RequireVersion("2.0", lower=False)])
    world.run_in(one, ask(engine, request))
    one.kill()
    block, positions = engine.superblock, engine.replica.positions
    world.delete(block.lane_of(2), positions.message_at(2))
    process = world.process("repairer")
    confirm = asked(world, process).confirm
    monkeypatch.setattr("discobase.engine.repair.repairing.OWN", "1.9")
    with pytest.raises(UpgradeNeeded, match="a minimum version"):
        asked(world, process, confirm)


async def goes_on(engine, generation):
    """Vacuum until a database has come to a generation."""
    while engine.superblock.generation < generation:
        await engine.vacuum(None, Gauge())


def repaired_while_it_stands_still(make_world, number):
    """A repair whose process stands still behind one of its calls, while others repair the database
    and go on for two generations. Returns its calls, and what it was told.
    """
    world = make_world(2)
    broken(world, 3, 6)
    process = world.process("repairer")
    confirm = asked(world, process).confirm
    calls = Killer(process, number, after=True, stands_still=400.0)
    work = repair(process.seam, LIMITS, Gauge(), "here", confirm=confirm)
    task = process.loop.create_task(work)
    world.run(lambda: task.done() or process.frozen, within=300)
    world.pass_time(60)
    again = world.process("again")
    if (said := asked(world, again).confirm) is not None:
        asked(world, again, said)
    two, other = join_lasting(world, "two")
    world.run_in(two, goes_on(other, other.superblock.generation + 2))
    world.run(task.done)
    world.pass_time(YOUTH + 60)
    world.make_channel("elsewhere", None, "")
    two.kill()
    repaired(world, [*"abdegh"])
    return calls, task.exception()


def test_whoever_repairs_may_stand_still_while_others_do_it_and_go_on(make_world):
    calls, error = repaired_while_it_stands_still(make_world, None)
    assert error is None
    told = [
        type(repaired_while_it_stands_still(make_world, number)[1]) for number in range(calls.count)
    ]
    assert {*told} == {Unavailable, OutcomeUnknown, type(None)}
    assert told.count(OutcomeUnknown) == 1, "where its superblock was there, and not read back"
