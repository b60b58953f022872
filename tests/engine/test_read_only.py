"""An engine that only reads: it sees what all see, and changes nothing on the server."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect

import pytest

from discobase.engine.changes import Insert
from discobase.engine.log.nonces import Verdict
from discobase.engine.server.read_only import read_only
from discobase.engine.server.seam import Requests
from discobase.errors import DatabaseNotFound, LogDamaged, ReadOnly, UpgradeNeeded
from tests.engine.rows import row, rows_of
from tests.engine.runs import PROFILES
from tests.engine.seam import CHANGING, OTHER
from tests.engine.simulation import CALM, Faults
from tests.engine.test_later_formats import later_frame
from tests.engine.workload import Memory, Plan, live, put

ASKS_ONLY = {
    "author",
    "id",
    "name",
    "settling",
    "history",
    "may_write",
    "message",
    "fetch",
    "channels",
    "require_readable",
    "traces",
}


def changes_made(process):
    return {kind: count for kind, count in process.calls.items() if kind in CHANGING}


def test_it_reads_what_is_there_and_what_comes_and_changes_nothing(make_world, join):
    world = make_world()
    one, writer = join(world)
    world.run_in(one, put(writer, Insert("a", row("before"))))
    two, reader = join(world, "two", read_only=True)
    assert rows_of(reader) == ["before"]
    world.run_in(one, put(writer, Insert("a", row("after"))))
    world.run_in(two, reader.refresh())
    assert rows_of(reader) == ["before", "after"]
    with pytest.raises(ReadOnly, match="the commit was not sent"):
        world.run_in(two, put(reader, Insert("a", row("mine"))))
    world.pass_time(8 * 86_400)
    world.run_in(two, reader.close())
    assert changes_made(two) == {}


def test_where_there_is_no_database_none_is_created(make_world, join):
    world = make_world()
    with pytest.raises(DatabaseNotFound, match="the server 'shop' holds no database"):
        join(world, read_only=True, place="the server 'shop'")
    assert world.channels == {}


def test_what_a_creation_has_left_is_left_alone_and_is_no_database(make_world, join):
    world = make_world()
    process, engine = join(world)
    (superblock,) = [
        identity
        for identity, stored in world.messages[engine.superblock.catalog].items()
        if "superblock" in stored.message.content
    ]
    world.run_in(process, engine.close())
    world.delete(engine.superblock.catalog, superblock)
    world.pass_time(3_600)
    before = set(world.channels)
    with pytest.raises(DatabaseNotFound):
        join(world, "two", read_only=True)
    assert set(world.channels) == before


def test_a_log_without_a_catalog_is_damage(make_world, join):
    world = make_world()
    process, engine = join(world)
    world.run_in(process, put(engine, Insert("a", row("one"))))
    world.remove_channel(engine.superblock.catalog)
    with pytest.raises(LogDamaged, match="the catalog that describes its database is gone"):
        join(world, "two", read_only=True)


def test_a_later_format_stops_it(make_world, join):
    world = make_world()
    process, engine = join(world)
    world.run_in(process, put(engine, Insert("a", row("one"))))
    later_frame(world, engine.superblock)
    with pytest.raises(UpgradeNeeded):
        join(world, "two", read_only=True)


def test_a_server_that_ignores_nonces_is_read_all_the_same_and_not_asked(make_world, join):
    world = make_world(faults=Faults(nonce_window=None))
    process, engine = join(world, allow_unsafe=True)
    world.run_in(process, put(engine, Insert("a", row("one"))))
    two, reader = join(world, "two", read_only=True, allow_unsafe=False)
    assert rows_of(reader) == ["one"]
    # It looks twice at what may be one of two.
    assert not reader._log.enforced
    assert changes_made(two) == {}


def test_a_server_of_which_nothing_is_known_is_not_asked(make_world, join):
    world = make_world()
    _, engine = join(world)
    catalog = engine.superblock.catalog
    for identity, stored in [*world.messages[catalog].items()]:
        if Verdict.from_message(stored.message):
            world.delete(catalog, identity)
    two, reader = join(world, "two", read_only=True)
    assert reader._log.enforced
    world.pass_time(300)
    assert changes_made(two) == {}


@pytest.mark.parametrize("profile", ["rough", "frozen", "deadly"])
def test_beside_writers_in_trouble_it_comes_to_the_same_state_and_changes_nothing(
    make_world, join, profile
):
    for seed in range(5):
        world = make_world(seed)
        one = world.process("one")
        first, engine = join(world, "first")
        two, reader = join(world, "two", read_only=True)
        faults = PROFILES[profile].faults
        world.faults = dataclasses.replace(faults, forbidden=0.0)
        work = one.loop.create_task(live(world, one, Memory(), Plan(), "one"))
        world.run(work.done)
        world.faults = dataclasses.replace(CALM, nonce_window=faults.nonce_window)
        world.pass_time(120)
        for process, follower in ((first, engine), (two, reader)):
            world.run_in(process, follower.refresh())
        for table in ("person", "register"):
            assert rows_of(reader, table) == rows_of(engine, table), f"seed {seed}"
        assert changes_made(two) == {}
        world.end()


def test_the_seam_knows_of_each_request_whether_it_changes_anything(make_world):
    requests = {
        name for name, member in inspect.getmembers(Requests) if not name.startswith("_") and member
    }
    assert requests == ASKS_ONLY | CHANGING
    seam = make_world().process("one").seam
    guarded = read_only(seam)
    given = {
        "send": (1, "text", (), "nonce"),
        "delete_message": (1, 2),
        "create_category": ("discobase",),
        "create_channel": ("log-0",),
        "delete_channel": (1,),
        "leave_trace": (1,),
        "remove_trace": (1,),
    }
    for name in CHANGING:
        options = {"parent": 1, "topic": ""} if name == "create_channel" else {}
        with pytest.raises(ReadOnly, match="was not sent"):
            asyncio.run(getattr(guarded, name)(*given[name], **options))
    assert guarded.author == seam.author


def test_another_server_is_only_read_too(make_world):
    world = make_world()
    process = world.process("one")
    there = world.run_in(process, read_only(process.seam).elsewhere("other"))
    assert (there.id, there.name) == (OTHER, "other")
    with pytest.raises(ReadOnly, match="was not sent"):
        asyncio.run(there.send(1, "text", (), "nonce"))
