"""What a verification reports, and that it changes nothing and holds up nobody."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import sqlite3
from hashlib import sha256

import pytest

from discobase.engine.changes import Insert, Remove
from discobase.engine.checkpoints.manifest import Manifest
from discobase.engine.checkpoints.packing import hash_of_packed, pack
from discobase.engine.checkpoints.store import CheckpointStore
from discobase.engine.lasting import LastingEngine
from discobase.engine.log.frame import GENESIS, encode
from discobase.engine.log.sealing import hash_of
from discobase.engine.operations import Constrain, Put
from discobase.engine.replica import Replica
from discobase.engine.replica import file as replica_file
from discobase.engine.server.permissions import Permission
from discobase.engine.verification.costs import costs_of
from discobase.engine.verification.observer import Observer
from discobase.engine.verification.report import Finding, Report
from discobase.errors import Disconnected, MissingPermission, Unavailable, UpgradeNeeded
from discobase.progress import Gauge
from tests.engine.rows import UNHEALED, row, rows_of, unhealable
from tests.engine.runs import PROFILES, Run
from tests.engine.seam import BOT
from tests.engine.seeds import blocks
from tests.engine.simulation import CALM, Faults
from tests.engine.workload import LIMITS, open_engine, put

pytestmark = pytest.mark.one_python

LARGE = row("x" * 3_000)
"""A record that hangs on its message, in files."""


def write(world, process, engine, *tags):
    return [world.run_in(process, put(engine, Insert("a", row(tag)))) for tag in tags]


def verify(world, process, engine):
    return world.run_in(process, engine.verify(Gauge()))


def message_of(engine, seq):
    return engine.superblock.lane_of(seq), engine.replica.positions.message_at(seq)


def stored_at(world, engine, seq):
    lane, message = message_of(engine, seq)
    return world.messages[lane][message]


def told(report):
    """The findings: how bad, where, and of which message."""
    return [(found.severity, found.position, found.message) for found in report.findings]


@pytest.fixture
def nine(make_world, join):
    """A world with nine commits, of which the fifth hangs on its message and the last one deletes,
    and who wrote them.
    """
    world = make_world()
    process, engine = join(world)
    write(world, process, engine, *"1234")
    world.run_in(process, put(engine, Insert("a", LARGE)))
    write(world, process, engine, *"678")
    world.run_in(process, put(engine, Remove("a", 2)))
    world.pass_time(120)
    return world, process, engine


# A log that is as it should be


def test_a_sound_log_is_called_that_and_what_it_comes_to_is_what_the_process_has(nine):
    world, process, engine = nine
    before = process.calls.copy()
    report = verify(world, process, engine)
    assert report.sound
    assert report.findings == ()
    assert (report.position, report.compared, report.messages, report.records) == (9, 9, 9, 7)
    with contextlib.closing(engine.replica.snapshot()) as taken:
        list(taken.lines())
    assert report.state == taken.hash
    assert process.calls - before == {"channels": 1, "history": 7, "fetch": 1}, "it only reads"
    assert report.calls == 8
    assert report.seconds > 0


def test_it_costs_a_call_for_each_hundred_commits_of_a_lane_and_as_many_as_told_before(
    make_world, join
):
    world = make_world()
    process, engine = join(world)
    chain = GENESIS
    for seq in range(1, 450):
        chain = post(world, engine, seq, chain, Put("a", seq, row(seq)))
    world.run_in(process, engine.refresh())
    report = verify(world, process, engine)
    assert report.sound
    assert report.records == 449
    assert report.calls == 4 + 2 * 4
    assert report.calls <= costs_of(449, 4).calls <= report.calls + 4


@pytest.mark.parametrize(
    ("head", "lanes", "calls", "seconds"),
    [(0, 4, 6, 0), (1, 4, 10, 1), (400, 4, 10, 1), (401, 4, 14, 2), (100_000, 4, 1_006, 260)],
)
def test_what_it_costs_is_told_before(head, lanes, calls, seconds):
    costs = costs_of(head, lanes)
    assert costs.calls == calls
    assert costs.seconds == pytest.approx(seconds, abs=0.1)
    assert str(costs) == f"about {calls:,} API calls, {seconds} s at Discord's limits"


def test_an_empty_database_is_sound(make_world, join):
    world = make_world()
    process, engine = join(world)
    report = verify(world, process, engine)
    assert report.sound
    assert (report.position, report.compared, report.messages, report.records) == (0, 0, 0, 0)


def test_two_processes_report_the_same_state(nine, join):
    world, process, engine = nine
    other, newcomer = join(world, "other")
    first, second = verify(world, process, engine), verify(world, other, newcomer)
    assert first.state == second.state != ""


# What is wrong


def test_a_deleted_message_is_named_with_its_writer(nine):
    world, process, engine = nine
    lane, message = message_of(engine, 4)
    world.delete(lane, message)
    report = verify(world, process, engine)
    assert not report.sound
    assert told(report)[0] == ("damage", 4, message)
    assert report.findings[0].channel == lane
    assert engine.writer in report.findings[0].what
    assert (report.state, report.records, report.compared) == ("", 0, None)
    assert "could not be compared" in report.findings[-1].what
    assert rows_of(engine)[0] == "1", "nothing has changed"


@pytest.mark.parametrize("gone", [(9,), (8, 9), (2, 3, 9), range(1, 10)])
def test_each_of_several_deleted_messages_is_named_the_newest_too(nine, gone):
    world, process, engine = nine
    places = {seq: message_of(engine, seq) for seq in gone}
    process.session.lose(1_000)  # or it would heal what it hears of
    for place in places.values():
        world.delete(*place)
    report = verify(world, process, engine)
    assert [each for each in told(report) if each[0] == "damage"] == [
        ("damage", seq, message) for seq, (_, message) in places.items()
    ]
    assert report.position == 9
    assert report.messages == 9 - len(places)


def alter(world, engine, seq, change):
    stored = stored_at(world, engine, seq)
    content = change(stored.message.content)
    assert content != stored.message.content
    stored.message = dataclasses.replace(stored.message, content=content, edited=True)


@pytest.mark.parametrize(
    "change",
    [
        lambda _: "nothing to see",
        lambda content: content.replace('"seq":3', '"seq":"3"'),
        lambda content: content[:-4],
    ],
)
def test_a_commit_that_is_none_any_more_is_missing_and_what_it_is_now_is_named(nine, change):
    world, process, engine = nine
    _, message = message_of(engine, 3)
    alter(world, engine, 3, change)
    report = verify(world, process, engine)
    assert told(report)[0] == ("damage", 3, message)
    assert ("note", None, message) in told(report)


def test_an_altered_payload_is_damage_even_where_the_chain_goes_on(nine):
    world, process, engine = nine
    alter(world, engine, 3, lambda content: content.replace(row("3"), row("4")))
    report = verify(world, process, engine)
    _, message = message_of(engine, 3)
    assert told(report)[0] == ("damage", 3, message)
    assert "hash" in report.findings[0].what
    assert [each[0] for each in told(report)] == ["damage", "note"], "edited, too: that is no news"
    assert report.compared is None


def sealed_anew(world, engine, seq, *operations):
    """Somebody with the bot's token puts a commit with right hashes in the place of another."""
    stored = stored_at(world, engine, seq)
    header = json.loads(stored.message.content.split("\n")[1])
    draft = encode(
        operations, seq=seq, chain=header["prev"], writer=header["writer"], time=header["time"],
        limits=LIMITS,
    )  # fmt: skip
    alter(world, engine, seq, lambda _: draft.content)


@pytest.mark.parametrize("seq", [3, 8, 9])
def test_a_commit_with_hashes_of_its_own_is_known_by_what_others_continue_and_remember(nine, seq):
    world, process, engine = nine
    sealed_anew(world, engine, seq, Put("a", 1, row("other")))
    report = verify(world, process, engine)
    _, message = message_of(engine, seq)
    damage = [found for found in report.findings if found.severity == "damage"]
    assert (damage[0].position, damage[0].message) == (seq, message)
    assert "altered since this process has applied it" in damage[0].what
    assert damage[-1].position == (9 if seq == 9 else seq + 1)


def test_records_of_a_process_that_are_not_what_the_log_comes_to_are_found(nine):
    world, process, engine = nine
    writer = engine.replica._writer
    writer.execute("UPDATE frame SET writer = writer")  # no harm
    (table,) = writer.execute("SELECT name FROM sqlite_master WHERE name LIKE 'r%61%'").fetchone()
    writer.execute(f"""UPDATE "{table}" SET data = '{row("bit")}' WHERE pk = 1""")
    report = verify(world, process, engine)
    assert told(report) == [("damage", 9, None)]
    assert "not those that the log comes to" in report.findings[0].what


@pytest.mark.parametrize("spoil", ["file", "files"])
def test_files_that_are_gone_or_others_are_damage(nine, spoil):
    world, process, engine = nine
    stored = stored_at(world, engine, 5)
    if spoil == "file":
        stored.files = (b"!" * len(stored.files[0]), *stored.files[1:])
    else:
        stored.message = dataclasses.replace(stored.message, attachments=())
    report = verify(world, process, engine)
    assert told(report)[0] == ("damage", 5, stored.message.id)


def test_messages_by_others_are_told_and_do_no_harm(nine):
    world, process, engine = nine
    lane = engine.superblock.lane_of(10)
    chat = world.post(lane, "hello", (), "chat", author=BOT + 1)
    content = stored_at(world, engine, 6).message.content
    forged = world.post(engine.superblock.lane_of(6), content, (), "forged", author=BOT + 1)
    own = world.post(lane, "a note of this bot's", (), "note")
    report = verify(world, process, engine)
    assert report.sound
    assert {*told(report)} == {("note", None, made.id) for made in (chat, forged, own)}
    assert [found.what for found in report.findings if "forged" in found.what]
    assert report.compared == 9


def test_a_commit_in_another_lane_counts_nowhere(nine):
    world, process, engine = nine
    content = stored_at(world, engine, 6).message.content
    wrong = world.post(engine.superblock.lane_of(7), content, (), "wrong")
    report = verify(world, process, engine)
    assert report.sound
    assert told(report) == [("note", 6, wrong.id)]


def test_a_second_commit_at_a_position_is_told(nine):
    world, process, engine = nine
    content = stored_at(world, engine, 6).message.content
    second = world.post(engine.superblock.lane_of(6), content, (), "second")
    report = verify(world, process, engine)
    assert report.sound
    assert told(report) == [("note", 6, second.id)]


def test_void_commits_are_told(nine):
    world, process, engine = nine
    ahead = encode(
        [Put("a", 2, row("ahead"))], seq=10, chain="f" * 32, writer="w", time=0.0, limits=LIMITS
    )
    content = ahead.content.replace('"size"', '"behind":1,"size"')
    void = world.post(engine.superblock.lane_of(10), content, (), engine.superblock.nonce_of(10))
    world.pass_time(5)
    report = verify(world, process, engine)
    assert report.sound
    assert told(report) == [("note", 10, void.id)]
    assert report.compared == 10


def test_a_commit_that_cannot_be_is_damage_and_those_below_it_are_applied(nine):
    world, process, engine = nine
    chain = post(world, engine, 10, engine.replica.head.chain, Put("a", 9, row("a")))
    chain = post(world, engine, 11, chain, Constrain("a", "tag", 7))
    post(world, engine, 12, chain, Put("a", 10, row("c")))
    report = verify(world, process, engine)
    assert [(found.severity, found.position) for found in report.findings] == [("damage", 11)]
    assert "cannot be" in report.findings[0].what
    assert report.compared in {9, 10}, "that is below it"
    assert report.state == ""


def test_the_newest_message_of_a_lane_that_nobody_knows_any_more_is_told(nine):
    world, process, engine = nine
    lane = engine.superblock.lane_of(10)
    chat = world.post(lane, "hello", (), "chat", author=BOT + 1)
    world.delete(lane, chat.id)
    report = verify(world, process, engine)
    assert report.sound
    assert told(report) == [("warning", None, chat.id)]


def test_a_commit_that_was_edited_and_fits_is_told(nine):
    world, process, engine = nine
    stored = stored_at(world, engine, 7)
    stored.message = dataclasses.replace(stored.message, edited=True)
    report = verify(world, process, engine)
    assert told(report) == [("warning", 7, stored.message.id)]


@pytest.mark.parametrize("channel", ["lane", "catalog", "checkpoints"])
def test_a_deleted_channel_is_named(nine, channel):
    world, process, engine = nine
    block = engine.superblock
    which = {"lane": block.lanes[1], "catalog": block.catalog, "checkpoints": block.checkpoints}
    world.drop_channel(which[channel])
    report = verify(world, process, engine)
    assert report.sound == (channel == "checkpoints")
    found = [each for each in report.findings if each.channel == which[channel]]
    assert found[0].severity == ("warning" if channel == "checkpoints" else "damage")
    assert len(report.findings) == (5 if channel == "lane" else 1)


@pytest.mark.parametrize("harm", ["deleted", "altered", "by another"])
def test_a_superblock_that_is_gone_is_damage(nine, harm):
    world, process, engine = nine
    catalog = engine.superblock.catalog
    message, stored = next(iter(world.messages[catalog].items()))
    if harm == "by another":
        stored.message = dataclasses.replace(stored.message, author=BOT + 1)
    elif harm == "altered":
        content = stored.message.content.replace('"generation":1', '"generation":2')
        stored.message = dataclasses.replace(stored.message, content=content)
    else:
        process.session.lose(1_000)
        world.delete(catalog, message)
    report = verify(world, process, engine)
    assert [(found.severity, found.channel) for found in report.findings] == [("damage", catalog)]
    assert report.compared == 9


def test_what_a_later_version_has_written_is_not_called_damage(nine):
    world, process, engine = nine
    content = '```json\n{"discobase":2,"needs":"9.1"}\n```'
    world.post(engine.superblock.lane_of(10), content, (), engine.superblock.nonce_of(10))
    with pytest.raises(UpgradeNeeded, match=r"9\.1"):
        verify(world, process, engine)


def test_an_operation_of_a_later_version_is_not_called_damage(nine):
    world, process, engine = nine
    header = json.loads(stored_at(world, engine, 3).message.content.split("\n")[1])
    payload = '["fold","a"]'
    header |= {"needs": "9.1", "hash": hash_of(payload.encode()), "size": len(payload)}
    text = json.dumps(header, separators=(",", ":"))
    alter(world, engine, 3, lambda _: f"```json\n{text}\n{payload}\n```")
    with pytest.raises(UpgradeNeeded, match=r"9\.1"):
        verify(world, process, engine)


def post(world, engine, seq, chain, *operations):
    """Write a commit past all engines, and return its hash."""
    draft = encode(operations, seq=seq, chain=chain, writer="w", time=0.0, limits=LIMITS)
    block = engine.superblock
    world.post(block.lane_of(seq), draft.content, draft.uploads, block.nonce_of(seq))
    return draft.header.hash


# Checkpoints


def checkpoint(world, process, engine, *, lines=None, **facts):
    """Write a checkpoint of what an engine has, or of other lines."""
    with contextlib.closing(engine.replica.snapshot()) as taken:
        own = b"".join(taken.lines())
    lines = own if lines is None else lines(own)
    packed = pack([lines])
    positions, block = engine.replica.positions, engine.superblock
    given = {
        "database": block.database, "generation": block.generation, "seq": taken.head.seq,
        "chain": taken.head.chain, "state": taken.hash, "size": len(lines),
        "packed": len(packed), "hash": hash_of_packed(packed), "records": taken.records,
        "lanes": tuple(positions.newest_in(lane) for lane in range(len(block.lanes))),
        "before": 0, "writer": "w", "time": 0.0,
    }  # fmt: skip
    store = CheckpointStore(process.seam, block, LIMITS)
    return world.run_in(process, store.write(Manifest(**given | facts), packed))


def test_a_checkpoint_with_the_state_at_its_position_holds(nine):
    world, process, engine = nine
    checkpoint(world, process, engine)
    write(world, process, engine, "on")
    checkpoint(world, process, engine)
    write(world, process, engine, "and on")
    report = verify(world, process, engine)
    assert report.findings == ()
    assert report.checkpoints == (9, 10)
    assert report.compared == 11


def test_one_before_the_first_commit_holds_too(make_world, join):
    world = make_world()
    process, engine = join(world)
    checkpoint(world, process, engine)
    write(world, process, engine, "one")
    assert verify(world, process, engine).checkpoints == (0,)


def other_lines(lines):
    return lines.replace(row("3").encode(), row("4").encode())


def test_a_checkpoint_with_other_records_is_damage(nine):
    world, process, engine = nine
    with contextlib.closing(engine.replica.snapshot()) as taken:
        own = b"".join(taken.lines())
    state = sha256(other_lines(own).split(b'["position"')[0]).hexdigest()
    stored = checkpoint(world, process, engine, lines=other_lines, state=state)
    report = verify(world, process, engine)
    assert told(report) == [("damage", 9, stored.message.id)]
    assert "with other records" in report.findings[0].what
    assert report.checkpoints == ()
    assert report.compared == 9


def test_a_checkpoint_of_another_history_is_damage(nine):
    world, process, engine = nine
    stored = checkpoint(world, process, engine, chain="f" * 32)
    report = verify(world, process, engine)
    assert told(report) == [("damage", 9, stored.message.id)]
    assert "another history" in report.findings[0].what


def test_a_checkpoint_that_does_not_hold_what_it_says_is_told_and_does_no_harm(nine):
    world, process, engine = nine
    first = checkpoint(world, process, engine, lines=other_lines)
    second = checkpoint(world, process, engine, size=5)
    third = checkpoint(world, process, engine)
    stored = world.messages[engine.superblock.checkpoints][third.message.id]
    stored.files = (b"!" + stored.files[0][1:], *stored.files[1:])
    report = verify(world, process, engine)
    assert report.sound
    assert told(report) == [("warning", 9, each.message.id) for each in (first, second, third)]
    assert report.checkpoints == ()


def test_what_claims_to_be_a_checkpoint_and_is_none_is_told(nine):
    world, process, engine = nine
    sound = checkpoint(world, process, engine)
    content = sound.manifest.to_content()
    channel = engine.superblock.checkpoints
    forged = world.post(channel, content, (), "forged", author=BOT + 1)
    later = world.post(channel, content.replace('"checkpoint":1', '"checkpoint":7'), (), "later")
    report = verify(world, process, engine)
    assert report.sound
    assert told(report) == [("note", None, forged.id), ("note", None, later.id)]
    assert report.checkpoints == (9,)


@pytest.mark.parametrize("gone", [(1,), (4, 5, 6), range(1, 10)])
def test_a_hole_below_a_checkpoint_loses_nothing_and_the_rest_is_compared(nine, gone, join):
    world, process, engine = nine
    checkpoint(world, process, engine)
    write(world, process, engine, "on")
    for seq in gone:
        world.delete(*message_of(engine, seq))
    report = verify(world, process, engine)
    assert report.sound
    assert [each[:2] for each in told(report)] == [("warning", seq) for seq in gone]
    assert all("checkpoint of position 9" in found.what for found in report.findings)
    assert (report.compared, report.records) == (10, 8)
    with contextlib.closing(engine.replica.snapshot()) as taken:
        list(taken.lines())
    assert report.state == taken.hash


def test_who_came_after_a_hole_was_made_reports_it_too(nine, join):
    world, process, engine = nine
    checkpoint(world, process, engine)
    gone = message_of(engine, 3)
    world.delete(*gone)
    other, newcomer = join(world, "other")
    write(world, other, newcomer, "on")
    report = verify(world, other, newcomer)
    assert report.sound
    assert told(report) == [("warning", 3, gone[1])], "the checkpoint tells which message it was"
    assert report.findings[0].channel == gone[0]
    assert report.compared == 10


def test_a_checkpoint_above_which_commits_would_be_overlooked_is_damage(nine):
    world, process, engine = nine
    write(world, process, engine, "ten", "eleven")
    positions = engine.replica.positions
    lanes = [positions.newest_in(lane) for lane in range(4)]
    lanes[13 % 4] = 1 << 62
    write(world, process, engine, "twelve")
    stored = checkpoint(world, process, engine, lanes=tuple(lanes))
    write(world, process, engine, "13", "14")
    report = verify(world, process, engine)
    assert told(report) == [("damage", 12, stored.message.id)]
    assert "overlooks" in report.findings[0].what


def test_a_checkpoint_that_is_removed_while_it_reads_is_no_finding(nine):
    world, process, engine = nine
    stored = checkpoint(world, process, engine)
    task = process.loop.create_task(engine.verify(Gauge()))
    channel = engine.superblock.checkpoints
    fetch = process.seam.fetch

    async def fetched(attachment):
        is_its = attachment.url.startswith(f"{channel}/")
        if is_its and stored.message.id in world.messages[channel]:
            world.delete(channel, stored.message.id)
        return await fetch(attachment)

    process.seam.fetch = fetched
    world.run(task.done)
    assert stored.message.id not in world.messages[channel]
    assert task.result().findings == ()
    assert task.result().checkpoints == ()


def test_records_that_cannot_be_read_here_are_told_and_the_rest_is_verified(nine, monkeypatch):
    world, process, engine = nine
    replica = engine.replica

    def failing():
        raise sqlite3.DatabaseError("database disk image is malformed")

    monkeypatch.setattr(replica, "snapshot", failing)
    report = verify(world, process, engine)
    assert told(report) == [("warning", None, None)]
    assert "malformed" in report.findings[0].what
    assert report.records == 7


def test_a_disk_without_room_for_the_log_is_named(nine, monkeypatch):
    world, process, engine = nine

    def full(replica, commits):
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(Replica, "_apply", full)
        patched.setattr(Replica, "_copy", lambda replica: None)
        with pytest.raises(Unavailable, match=r"disk of the temporary folder full\?.*TMPDIR"):
            verify(world, process, engine)
    assert verify(world, process, engine).findings == ()


def test_a_hole_above_the_newest_checkpoint_is_damage(nine):
    world, process, engine = nine
    checkpoint(world, process, engine)
    write(world, process, engine, "on", "and on")
    _, message = message_of(engine, 10)
    world.delete(*message_of(engine, 10))
    report = verify(world, process, engine)
    assert told(report)[0] == ("damage", 10, message)
    assert report.checkpoints == (9,)


def test_a_checkpoint_above_the_last_commit_that_is_there_tells_what_is_missing(nine, join):
    world, process, engine = nine
    checkpoint(world, process, engine)
    messages = [message_of(engine, seq) for seq in (8, 9)]
    for place in messages:
        world.delete(*place)
    report = verify(world, process, engine)
    assert report.sound
    assert told(report) == [
        ("warning", seq, message) for seq, (_, message) in zip((8, 9), messages, strict=True)
    ]


# Beside others


def test_saves_go_on_while_it_reads_and_what_they_write_is_no_finding(nine):
    world, process, engine = nine
    before = process.loop.create_task(engine.verify(Gauge()))
    longest, count = 0.0, 0
    while not before.done():
        began = world.time
        write(world, process, engine, f"meanwhile {count}")
        longest, count = max(longest, world.time - began), count + 1
    report = before.result()
    assert count > 10
    assert longest < 1.0
    assert report.findings == ()
    assert 9 <= report.compared <= report.position


@pytest.mark.parametrize("seed", range(10))
def test_what_is_shown_late_is_not_called_missing(make_world, join, seed):
    world = make_world(seed, Faults(lag=2.5))
    process, engine = join(world)
    write(world, process, engine, "1", "2", "3", "4", "5")
    assert verify(world, process, engine).findings == ()


def test_who_gives_up_leaves_nothing_behind(nine, monkeypatch):
    world, process, engine = nine
    made = []
    in_folder = replica_file.ReplicaFile.in_folder

    def noted(*_):
        made.append(in_folder())
        return made[-1]

    monkeypatch.setattr(replica_file.ReplicaFile, "in_folder", noted)
    for seconds in (0.1, 1, 2, 3, 4, 5, 6):
        task = process.loop.create_task(engine.verify(Gauge()))
        world.pass_time(seconds)
        process.loop.call_soon_threadsafe(task.cancel)
        world.pass_time(0.01)
        asked = process.calls.copy()
        world.pass_time(10)
        assert task.done()
        assert process.calls == asked, "nobody waits for it"
    assert made
    assert all(each.gone and not each._connections for each in made)
    assert verify(world, process, engine).sound
    assert not process.failures


def test_a_close_ends_it(nine):
    world, process, engine = nine
    task = process.loop.create_task(engine.verify(Gauge()))
    world.pass_time(1)
    world.run_in(process, engine.close())
    world.run(task.done, within=10)
    assert isinstance(task.exception(), Disconnected)


def test_two_at_once_report_the_same(nine):
    world, process, engine = nine
    tasks = [process.loop.create_task(engine.verify(Gauge())) for _ in range(2)]
    world.run(lambda: all(task.done() for task in tasks))
    reports = [dataclasses.replace(task.result(), seconds=0.0) for task in tasks]
    assert reports[0] == reports[1]
    assert reports[0].sound


def test_it_works_where_the_log_is_damaged_and_nothing_can_be_written(nine):
    world, process, engine = nine
    unhealable(world, engine.superblock.checkpoints)
    world.delete(*message_of(engine, 9))
    world.pass_time(UNHEALED)
    report = verify(world, process, engine)
    assert told(report)[0][:2] == ("damage", 9)


def test_discord_that_does_not_answer_is_told(nine):
    world, process, engine = nine
    world.faults = Faults(error_before=1.0)
    with pytest.raises(Unavailable, match="could not be verified"):
        verify(world, process, engine)
    world.faults = CALM
    assert verify(world, process, engine).sound


def test_a_channel_that_may_not_be_read_is_told(nine):
    world, process, engine = nine
    world.deny(engine.superblock.lanes[2], Permission.READ_MESSAGE_HISTORY, told=False)
    with pytest.raises(MissingPermission):
        verify(world, process, engine)


def test_a_process_with_its_records_in_memory_compares_nothing_but_reads_all(
    make_world, join, monkeypatch
):
    in_memory = replica_file.ReplicaFile.in_memory
    monkeypatch.setattr(replica_file.ReplicaFile, "in_folder", in_memory)
    world = make_world()
    process, engine = join(world)
    write(world, process, engine, "one", "two")
    report = verify(world, process, engine)
    assert told(report) == [("warning", None, None)]
    assert "in memory" in report.findings[0].what
    assert (report.compared, report.records) == (None, 2)
    assert report.state


def test_an_observer_can_change_nothing(make_world):
    observer = Observer(make_world().process("one").seam)
    for name in ("send", "delete_message", "create_channel", "delete_channel", "listen"):
        with pytest.raises(AttributeError, match="only looks"):
            getattr(observer.seam, name)


def test_progress_tells_what_is_done_and_what_is_to_do(nine):
    world, process, engine = nine
    gauge, seen = Gauge(), []
    task = process.loop.create_task(engine.verify(gauge))
    while not task.done():
        world.pass_time(0.01)
        if gauge.progress is not None and gauge.progress not in seen:
            seen.append(gauge.progress)
    doing = list(dict.fromkeys(each.doing for each in seen))
    assert doing == ["looking at the database", "reading the log", "replaying the log"]
    assert {each.total for each in seen if each.doing == "reading the log"} == {9}
    assert max(each.done for each in seen) == 9


# All of it


class Verified(Run):
    """A run in which living processes verify now and then. Their files do not fail, of which a
    report would warn, and nobody asks them anything else.
    """

    def __init__(self, profile, seed):
        super().__init__(profile, seed)
        self.profile = dataclasses.replace(self.profile, breaks=0, asks=False)
        self.reports = []

    def _plan_disasters(self):
        super()._plan_disasters()
        for _ in range(3):
            self.world.after(self.world.random.random() * self.profile.span, self._verify_one)

    def _verify_one(self):
        ready = [(process, found) for process, engine in self._ready() if (found := engine)]
        if ready:
            process, engine = self.world.random.choice(ready)
            process.loop.call_soon(lambda: process.loop.create_task(self._verify(engine)))

    def _ready(self):
        for process in self.world.processes:
            engine = getattr(process, "engine", None)
            if process.alive and not process.frozen and engine is not None:
                yield process, engine

    async def _verify(self, engine):
        with contextlib.suppress(Unavailable, MissingPermission, Disconnected):
            self.reports.append(await engine.verify(Gauge()))

    def _check(self):
        super()._check()
        process = self.world.process("verifier")
        engine = self.world.run_in(process, open_engine(process, kind=LastingEngine))
        report = self.world.run_in(process, engine.verify(Gauge()))
        assert report.compared == report.position == self.log.head
        second = [
            found for found in report.findings if "void" in found.what or "second" in found.what
        ]
        # What earlier generations held is deleted.
        floor = engine.superblock.floor
        assert len(second) == sum(position > floor for position in self.log.superfluous)
        self.reports.append(report)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("first", blocks(3))
def test_whatever_happens_a_verification_finds_no_harm_where_there_is_none(
    profile, first, monkeypatch
):
    async def opened(process, **options):
        process.engine = await open_engine(process, **options)
        return process.engine

    monkeypatch.setattr("tests.engine.workload.open_engine", opened)
    runs = [Verified(profile, seed).go() for seed in range(first, first + 3)]
    reports = [report for run in runs for report in run.reports]
    assert len(reports) >= len(runs), "each ends with one; some are made while others write"
    for report in reports:
        found = [each for each in report.findings if each.severity != "note"]
        if profile == "spoiling":
            found = [each for each in found if "a checkpoint that is damaged" not in each.what]
        assert found == []


# The report


def test_a_report_says_what_is_worst_first_and_not_too_much():
    findings = [Finding("damage", "gone", seq, 5, 7) for seq in range(1, 31)]
    report = Report(30, "", None, 3, 0, (), 8, 1.25, (*findings, Finding("note", "chat")))
    lines = str(report).splitlines()
    assert lines[0] == (
        "DAMAGED: 3 messages up to position 30, 0 records, 0 checkpoints that hold; 8 API calls, "
        "1.2 s"
    )
    assert lines[1] == "  damage: gone (position 1, channel 5, message 7)"
    assert len(lines) == 1 + 20 + 1 + 1
    assert lines[-2:] == ["  damage: 10 more", "  note: chat"]
    assert not report.sound


def test_warnings_and_notes_leave_a_report_sound():
    findings = (Finding("warning", "x"), Finding("note", "y"))
    report = Report(0, "", 0, 0, 0, (), 0, 0.0, findings)
    assert report.sound
    assert str(report).startswith("sound: ")


def test_giving_up_is_heard_at_every_step(nine):
    world, process, engine = nine

    async def hurried():
        async with asyncio.timeout(0.5):
            await engine.verify(Gauge())

    with pytest.raises(TimeoutError):
        world.run_in(process, hurried())
