"""A replica whose file is kept: the next one goes on with it, and with nothing that is wrong."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
import sqlite3
import stat
import sys

import pytest

from discobase.engine.changes import IndexWanted, Insert, Remove, Replace
from discobase.engine.keys import key
from discobase.engine.log.entry import Commit
from discobase.engine.log.frame import GENESIS
from discobase.engine.replica import (
    Cache,
    Replica,
    ReplicaLost,
    cache,
    layout,
    requests,
    seals,
    text_index,
    volume,
    writers,
)
from discobase.engine.replica.checksums import row_sum
from discobase.errors import ConnectError
from tests.engine.rows import row, rows_of
from tests.engine.schemas import FINGERPRINT, column, schema_of
from tests.engine.test_replica import asked, entry
from tests.engine.workload import put

LANES = 4
SCHEMA = schema_of({"tag": "plain"}, unique=("tag",))


@pytest.fixture(autouse=True)
def told(caplog):
    """What is logged of it."""
    logging.getLogger("discobase").setLevel(logging.INFO)
    return lambda: [record.getMessage() for record in caplog.records]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def open_replica(folder):
    """Opens replicas with the cache, and closes those that are left."""
    opened = []

    def make(superblock="this one", where=folder):
        opened.append(Replica(LANES, Cache.claimed(where, superblock)))
        return opened[-1]

    yield make
    for replica in opened:
        replica.close()


def save(replica, *changes, log=None):
    """Write a commit of changes of table ``a``."""
    request = asked(*changes, declared=SCHEMA, replica=replica)
    proposal = replica.propose([request])
    head = replica.head
    won = entry(head.seq + 1, head.chain)
    replica.settle(won)
    if log is not None:
        log.append(Commit(won, proposal.operations))


def fill(replica, number=300, log=None):
    for one in range(number):
        save(replica, Insert("a", row(f"tag {one}")), log=log)


def everything(replica):
    return replica.head, replica.positions.recent, replica.select("a", []), dict(replica.layouts)


def check(replica):
    """Look through what was kept, to the end."""
    while replica.check_on():
        pass


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def newest(folder):
    return max(folder.glob("replica-*.sqlite"))


# A clean end


def test_a_replica_goes_on_where_another_one_has_ended(folder, open_replica):
    first, log = open_replica(), []
    fill(first, log=log)
    save(first, Replace("a", 7, row("other")), Remove("a", 9))
    before = everything(first)
    first.close(sure=True)
    assert files(folder) == ["replica-1.sqlite", "replica-lock"]
    second = open_replica()
    assert everything(second) == before
    assert second.sure
    save(second, Insert("a", row("new")))
    assert second.select("a", [])[-1] == (301, 302, row("new"))
    assert second.position(7).message == first.positions.recent[6].message
    check(second)
    assert not second.failing


def test_what_is_kept_is_all_there_is_of_more_positions_than_are_published(open_replica):
    first = open_replica()
    fill(first, 1100)
    before = first.positions.recent
    first.close()
    second = open_replica()
    assert second.positions.recent == before
    assert second.positions.at(1) is None
    assert second.position(1).message == 10


def test_a_head_that_may_not_be_the_right_one_is_told_to_be_so(open_replica):
    first = open_replica()
    fill(first, 3)
    first.close(sure=False)
    second = open_replica()
    assert not second.sure
    second.close(sure=True)
    assert open_replica().sure


def test_an_index_that_was_being_made_is_finished_by_the_next_one(open_replica):
    first = open_replica()
    save(first, Insert("a", row("one")))
    wanted = IndexWanted("a", "tag", FINGERPRINT)
    first.index(wanted)
    first.close()
    second = open_replica()
    second.index(wanted)
    while second.fill(10):
        pass
    assert second.select("a", [(column("tag"), key("plain", "one"))]) == [(1, 1, row("one"))]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_nobody_else_can_read_what_is_kept(folder, open_replica):
    replica = open_replica()
    fill(replica, 3)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert len(files(folder)) == 4
    for name in files(folder):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600, name


# Others


def test_one_replica_at_a_time_has_a_folder(folder, open_replica, told):
    first = open_replica()
    fill(first, 3)
    second = open_replica()
    assert (second.head.seq, second.head.chain) == (0, GENESIS)
    save(second, Insert("a", row("own")))
    assert [message for message in told() if "in use by another connection" in message]
    second.close()
    assert len(first.select("a", [])) == 3
    first.close()
    assert len(open_replica().select("a", [])) == 3


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("UPDATE kept SET format = format + 1", "another version"),
        ("UPDATE kept SET superblock = 'that one'", "another database"),
        ("DROP TABLE kept", "no such table"),
        ("DELETE FROM kept", "another database"),
    ],
)
def test_a_file_that_does_not_fit_is_begun_anew(folder, open_replica, told, statement, why):
    first = open_replica()
    fill(first, 3)
    first.close()
    with sqlite3.connect(newest(folder)) as connection:
        connection.create_function("row_sum", -1, lambda *values: 0, deterministic=True)
        connection.execute(statement)
    connection.close()
    second = open_replica()
    assert (second.head.seq, second.select("a", [])) == (0, [])
    assert files(folder)[0] == "replica-2.sqlite"
    assert "replica-1.sqlite" not in files(folder)
    assert [message for message in told() if why in message]


def test_a_file_of_another_generation_is_begun_anew(folder, open_replica):
    first = open_replica("database 1, generation 1")
    fill(first, 3)
    first.close()
    assert open_replica("database 1, generation 2").head.seq == 0


def test_the_format_is_raised_with_what_stands_in_a_file():
    """Whoever changes a table raises :data:`FORMAT` too, or an older file is read amiss."""
    parts = (layout, requests, writers, volume, seals, text_index, cache)
    tables = "".join(part.LAYOUT for part in parts)
    assert (cache.FORMAT, row_sum(tables)) == (6, 1729243403)


# What is not a replica


def foreign_database(path):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE mine (what)")


def foreign_text(path):
    path.write_text("kept by hand")


def foreign_long_text(path):
    path.write_text("kept by hand\n" * 999)


@pytest.mark.parametrize("make", [foreign_database, foreign_text, foreign_long_text])
@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside one"])
def test_a_file_of_somebody_else_is_neither_taken_nor_removed(folder, open_replica, make, beside):
    if beside:
        first = open_replica()
        fill(first, 3)
        first.close()
    folder.mkdir(exist_ok=True)
    path = folder / ("replica-0.sqlite" if beside else "replica-1.sqlite")
    make(path)
    content = path.read_bytes()
    with pytest.raises(ConnectError) as raised:
        open_replica()
    assert path.name in str(raised.value)
    assert "Move that file away, or give cache= another folder." in str(raised.value)
    assert path.read_bytes() == content
    path.unlink()
    assert open_replica().head.seq == (3 if beside else 0), "the claim was given up"


def test_a_file_of_somebody_else_that_comes_later_is_not_removed_either(folder, open_replica):
    first = open_replica()
    fill(first, 3)
    first.close()
    newest(folder).rename(folder / "replica-7.sqlite")
    second = open_replica()
    foreign_database(folder / "replica-3.sqlite")
    shutil.copy(folder / "replica-7.sqlite", folder / "replica-4.sqlite")
    second._cache.remove_older()
    assert [name for name in files(folder) if name.endswith("sqlite")] == [
        "replica-3.sqlite",
        "replica-7.sqlite",
    ]


@pytest.mark.parametrize("altered", [*range(72), *range(96, 100)])
def test_a_file_of_its_own_is_known_with_any_byte_of_its_header_altered(
    folder, open_replica, altered
):
    first = open_replica()
    fill(first, 3)
    first.close()
    path = newest(folder)
    content = bytearray(path.read_bytes())
    content[altered] ^= 0xFF
    path.write_bytes(content)
    open_replica()


@pytest.mark.parametrize("left", [0, 1, 15, 16, 71, 72, 100])
def test_a_file_of_its_own_is_known_that_was_cut_short(folder, open_replica, left):
    first = open_replica()
    fill(first, 3)
    first.close()
    os.truncate(newest(folder), left)
    second = open_replica()
    assert second.head.seq == 0


def test_a_file_of_a_process_that_was_killed_as_it_began_is_known(folder, tmp_path, open_replica):
    open_replica()
    assert open_replica(where=left_by_a_killed_one(folder, tmp_path)).head.seq == 0


@pytest.mark.parametrize("copied", [False, True], ids=["laid out", "copied"])
def test_a_file_of_its_own_is_known_without_the_log_beside_it(
    folder, tmp_path, open_replica, copied
):
    first = open_replica()
    fill(first, 3)
    if copied:
        first.note_failure(sqlite3.OperationalError("disk I/O error"))
        first.heal()
    left = left_by_a_killed_one(folder, tmp_path)
    for log in left.glob("*-wal"):
        log.unlink()
    assert open_replica(where=left).head.seq == 0


# Damage


PLACES = {
    "a record": rb'"tag 123"\}',
    "a key": rb'"tag 123(?!")',
    "an index": rb'"tag 123(?!")',
    "the header": rb"SQLite format 3",
    "the frame table": rb"hash 149",
    "the layout": rb"CREATE TABLE frame",
    "a schema": rb'"unique":\["tag"\]',
}


def damage(path, place):
    """Alter one byte in a place of a file that is not open."""
    content = bytearray(path.read_bytes())
    found = [match.span() for match in re.finditer(PLACES[place], content)]
    assert len(found) == (2 if place in ("a key", "an index") else 1)
    begin, end = found[-1 if place == "an index" else 0]
    content[(begin + end) // 2] ^= 0x01
    path.write_bytes(content)


@pytest.mark.parametrize("clean", [True, False], ids=["closed", "killed"])
@pytest.mark.parametrize("place", PLACES)
def test_a_byte_that_was_altered_is_found_wherever_it_is(
    folder, tmp_path, open_replica, place, clean
):
    first, log = open_replica(), []
    fill(first, log=log)
    right = everything(first)
    if clean:
        first.close(sure=True)
    else:
        copied = tmp_path / "killed"
        with sqlite3.connect(newest(folder)) as connection:
            connection.create_function("row_sum", -1, lambda *values: 0, deterministic=True)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        copied.mkdir()
        shutil.copy(newest(folder), copied)
        first.close()
        folder = copied
    damage(newest(folder), place)
    second = open_replica(where=folder)
    check(second)
    if second.head.seq:
        assert clean, "after an unclean end nothing is served before it was checked"
        assert second.failing
        with pytest.raises(ReplicaLost):
            second.heal()
        assert second.lost
        second.replay(log)
    else:
        second.apply(log)
    built = everything(second)
    assert built[:3] == right[:3]
    second.close()
    third = open_replica(where=folder)
    assert everything(third) == built
    check(third)
    assert not third.failing
    assert files(folder) == [
        "replica-2.sqlite",
        "replica-2.sqlite-shm",
        "replica-2.sqlite-wal",
        "replica-lock",
    ]


@pytest.mark.parametrize("table", ["state", "frame", "writer", "minimum", "volume"])
def test_a_page_that_is_read_at_once_and_was_lost_is_found(folder, open_replica, table):
    first = open_replica()
    fill(first, 3)
    first.close(sure=True)
    path = newest(folder)
    with sqlite3.connect(path) as connection:
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)
        ).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    content = bytearray(path.read_bytes())
    content[(page - 1) * size : page * size] = bytes(size)
    path.write_bytes(content)
    second = open_replica()
    assert second.head.seq == 0
    assert newest(folder).name == "replica-2.sqlite"


# A process that goes on with what another one has left


def left_by_a_killed_one(folder, tmp_path):
    """A copy of what is in a folder at this moment."""
    copied = tmp_path / "left"
    copied.mkdir()
    for path in folder.glob("replica-*"):
        if not path.name.endswith("-shm"):
            shutil.copy(path, copied)
    return copied


def write(world, process, engine, *tags):
    for tag in tags:
        world.run_in(process, put(engine, Insert("a", row(tag))))


def test_what_is_open_is_not_called_closed(folder, tmp_path, open_replica, told):
    first = open_replica()
    fill(first, 3)
    first.close()
    open_replica()
    assert not [text for text in told() if "checked first" in text]
    open_replica(where=left_by_a_killed_one(folder, tmp_path))
    assert [text for text in told() if "checked first" in text]


def test_a_process_reads_what_is_new_alone(make_world, join, folder):
    world = make_world()
    process, engine = join(world, cache=folder)
    write(world, process, engine, *map(str, range(420)))
    world.run_in(process, engine.close())
    other, theirs = join(world, "other")
    write(world, other, theirs, "theirs")
    process, engine = join(world, cache=folder)
    assert len(rows_of(engine)) == 421
    assert process.calls["history"] == 1 + len(engine.superblock.lanes), "catalog, a page a lane"
    assert process.calls["fetch"] == 0
    write(world, process, engine, "own")
    assert (engine.replica.head.seq, len(rows_of(engine))) == (422, 422)


def test_a_head_that_a_killed_process_left_is_looked_up_before_it_is_built_on(
    make_world, join, folder, tmp_path
):
    world = make_world()
    process, engine = join(world, cache=folder)
    write(world, process, engine, "a", "b")
    process.kill()
    process, engine = join(world, "two", cache=left_by_a_killed_one(folder, tmp_path))
    assert not engine._follower.sure
    write(world, process, engine, "c")
    assert engine._follower.sure
    assert rows_of(engine) == ["a", "b", "c"]


def test_a_message_that_was_deleted_while_nobody_was_there_is_healed(make_world, join, folder):
    world = make_world()
    process, engine = join(world, cache=folder)
    write(world, process, engine, "a", "b", "c")
    place = engine.superblock.lane_of(3), engine.replica.positions.message_at(3)
    world.run_in(process, engine.close())
    world.delete(*place)
    process, engine = join(world, "two", cache=folder)
    write(world, process, engine, "d")
    _, newcomer = join(world, "newer")
    assert rows_of(newcomer) == rows_of(engine) == ["a", "b", "c", "d"]


def test_a_log_that_was_decided_otherwise_meanwhile_is_taken_over(make_world, join, folder):
    """What a kept file says of a position is held against the log as by a process that lived on."""
    world = make_world()
    process, engine = join(world, cache=folder)
    write(world, process, engine, "a", "b", "c")
    world.run_in(process, engine.close())
    lane, message = engine.superblock.lane_of(3), engine.replica.positions.message_at(3)
    stored = world.messages[lane].pop(message)
    other, theirs = join(world, "other")
    world.pass_time(300)  # the nonce of the position is forgotten
    write(world, other, theirs, "instead")
    assert stored.message.id not in world.messages[lane]
    process, engine = join(world, "two", cache=folder)
    assert rows_of(engine) == rows_of(theirs) == ["a", "b", "instead"]
    assert [commit.position for commit in engine.lost()] == [3]


def test_a_checkpoint_that_was_loaded_is_kept(folder, tmp_path, open_replica):
    source = open_replica(where=tmp_path / "source")
    fill(source, 1200)
    snapshot = source.snapshot()
    lines = list(snapshot.lines())
    snapshot.close()
    first = open_replica()
    first.restore(lines, source.head, snapshot.hash)
    before = everything(first)
    assert before[:3] == everything(source)[:3]
    first.close()
    second = open_replica()
    assert everything(second) == before
    assert second.position(1) is None
    check(second)
    assert not second.failing
