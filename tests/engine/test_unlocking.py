"""A login with what is not the key of the database is refused before anything is written."""

from __future__ import annotations

from dataclasses import replace

import pytest

from discobase.engine.changes import Insert
from discobase.engine.engine import Engine, examine
from discobase.engine.log.frame import encode
from discobase.engine.log.leftovers import YOUTH
from discobase.engine.log.sealing import derivation
from discobase.engine.log.superblock import Superblock
from discobase.errors import (
    ConnectError,
    DatabaseNotFound,
    KeyNeeded,
    LogDamaged,
    NotEncrypted,
    UpgradeNeeded,
    WrongKey,
)
from discobase.key import Key
from discobase.progress import Gauge
from tests.engine.rows import row, rows_of
from tests.engine.simulation import BOT
from tests.engine.workload import LIMITS, put

KEY, OTHER = Key(bytes(range(32))), Key(bytes(range(1, 33)))
PASSPHRASE = Key("correct horse battery staple")


@pytest.fixture(autouse=True)
def _cheap(monkeypatch):
    monkeypatch.setattr(derivation, "USUAL_COSTS", (1 << 14, 8, 1))


def catalog_of(world):
    (catalog,) = [id_ for id_, each in world.channels.items() if each.name == "catalog"]
    return catalog


def superblock_in(world):
    """The message with the superblock."""
    return min(world.messages[catalog_of(world)])


def all_there(world):
    """All that is there: channels, messages with their texts, traces."""
    messages = {
        (channel, id_): stored.message.content
        for channel, held in world.messages.items()
        for id_, stored in held.items()
    }
    return {*world.channels}, messages, {*world.traces}


def refused(world, kind, **options):
    """Log in, and be refused before anything is written, also by a login that only reads, and by an
    examination.
    """
    before = all_there(world)
    for read_only in (False, True):
        process = world.process("refused")
        opening = Engine.open(
            process.seam, limits=LIMITS, failed=print, read_only=read_only, **options
        )
        with pytest.raises(kind) as raised:
            world.run_in(process, opening)
        assert type(raised.value) is kind
        assert not {"send", "create_category", "delete_message"} & {*process.calls}
    process = world.process("examining")
    with pytest.raises(kind):
        world.run_in(process, examine(process.seam, LIMITS, Gauge(), "here", options.get("key")))
    assert all_there(world) == before


@pytest.mark.parametrize(
    ("made", "given", "kind"),
    [
        (KEY, OTHER, WrongKey),
        (KEY, PASSPHRASE, WrongKey),
        (PASSPHRASE, KEY, WrongKey),
        (PASSPHRASE, Key("correct horse battery stable"), WrongKey),
        (KEY, None, KeyNeeded),
        (PASSPHRASE, None, KeyNeeded),
        (None, KEY, NotEncrypted),
        (None, PASSPHRASE, NotEncrypted),
    ],
)
@pytest.mark.parametrize("cached", [False, True])
def test_a_login_with_what_is_not_the_key_is_refused(
    make_world, join, made, given, kind, cached, tmp_path
):
    world = make_world()
    cache = tmp_path / "cache" if cached else None
    process, engine = join(world, key=made, cache=cache)
    world.run_in(process, put(engine, Insert("a", row("x"))))
    world.run_in(process, engine.close())
    refused(world, kind, key=given, cache=cache)
    _, again = join(world, "again", key=made, cache=cache)
    assert rows_of(again) == ["x"]
    assert again.standing().encrypted == bool(made)


def test_a_login_without_the_key_removes_no_leftovers(make_world, join):
    world = make_world()
    process, engine = join(world, key=KEY)
    world.run_in(process, put(engine, Insert("a", row("x"))))
    world.run_in(process, engine.close())
    topic = f"discobase database {BOT}/abandond log-0"
    left = world.make_channel("log-0", None, topic)
    world.pass_time(YOUTH + 60)
    talk = world.make_channel("chat", None, "")  # by its id it is late
    refused(world, KeyNeeded)
    refused(world, WrongKey, key=OTHER)
    assert left.id in world.channels
    join(world, "again", key=KEY)
    assert left.id not in world.channels
    assert talk.id in world.channels


def test_a_login_that_only_reads_creates_none_with_a_key_either(make_world):
    world = make_world()
    process = world.process("reading")
    opening = Engine.open(process.seam, limits=LIMITS, failed=print, read_only=True, key=KEY)
    with pytest.raises(DatabaseNotFound):
        world.run_in(process, opening)


def test_of_two_who_create_one_with_different_keys_at_once_one_is_told_and_leaves_nothing(
    make_world,
):
    for seed in range(4):
        world = make_world(seed)
        tasks = []
        for name, key in (("one", KEY), ("other", OTHER), ("plain", None)):
            process = world.process(name)
            opening = Engine.open(process.seam, limits=LIMITS, failed=print, key=key)
            tasks.append(process.loop.create_task(opening))
        world.run(lambda tasks=tasks: all(task.done() for task in tasks))
        errors = [task.exception() for task in tasks]
        assert errors.count(None) == 1
        assert {type(error) for error in errors} < {WrongKey, KeyNeeded, NotEncrypted, type(None)}
        assert len([each for each in world.channels.values() if each.name == "catalog"]) == 1
        for task in tasks:
            if task.exception() is None:
                world.processes[0].closers.append(task.result().replica.close)
        world.end()


# Who forges


@pytest.fixture
def encrypted(make_world, join):
    """A world with an encrypted database, and its writer, who has gone."""
    world = make_world()
    process, engine = join(world, key=KEY)
    world.run_in(process, put(engine, Insert("a", row("x"))))
    block = engine.superblock
    world.run_in(process, engine.close())
    return world, block


def plain(block, **changes):
    """The text of a superblock that is not encrypted and names the same channels."""
    facts = {
        name: getattr(block, name)
        for name in ("database", "generation", "catalog", "lanes", "checkpoints", "created")
    }
    return Superblock(**facts | changes).to_content()


def later(block):
    """A superblock of the next generation, in the same channels."""
    return replace(block, generation=2, made=2, origin=1, ticket="t")


def test_a_superblock_whose_mark_was_removed_is_not_believed(encrypted):
    world, block = encrypted
    world.edit(block.catalog, superblock_in(world), plain(block))
    refused(world, NotEncrypted, key=KEY)


def test_nor_is_one_of_a_later_generation_that_is_not_encrypted(encrypted):
    world, block = encrypted
    world.post(block.catalog, plain(block, generation=2), (), "forged")
    refused(world, NotEncrypted, key=KEY)


def test_one_beside_it_of_the_same_generation_counts_for_nothing(encrypted, join):
    world, block = encrypted
    world.post(block.catalog, plain(block), (), "forged")
    process, engine = join(world, "again", key=KEY)
    assert engine.superblock == block
    world.run_in(process, put(engine, Insert("a", row("y"))))
    assert rows_of(engine) == ["x", "y"]


def test_one_of_a_later_generation_that_has_not_this_key_is_not_believed(encrypted):
    world, block = encrypted
    content = world.messages[block.catalog][superblock_in(world)].message.content
    said = content.split('"is":')[0], later(block).to_content().split('"is":')[1]
    forged = '"is":'.join(said).replace('"superblock":2', '"superblock":3')
    world.post(block.catalog, forged, (), "forged")
    refused(world, WrongKey, key=KEY)


def test_an_altered_one_is_named_and_counts_again_when_it_is_written_once_more(make_world, join):
    world = make_world()
    process, engine = join(world, key=KEY)
    world.run_in(process, put(engine, Insert("a", row("x"))))
    block, text = engine.superblock, engine.superblock.to_content()
    process.freeze(300)
    lanes = f'"lanes":["{block.lanes[0]}"'
    assert lanes in text
    world.edit(block.catalog, superblock_in(world), text.replace(lanes, '"lanes":["77"'))
    refused(world, LogDamaged, key=KEY)
    world.pass_time(400)  # its writer goes on, and heals it
    _, again = join(world, "again", key=KEY)
    assert rows_of(again) == ["x"]
    assert again.superblock == block


def test_a_frame_that_is_not_encrypted_is_not_applied(encrypted, join):
    world, block = encrypted
    frame = encode([], seq=2, chain="f" * 32, writer="w", time=0.0, limits=LIMITS)
    world.post(block.lane_of(2), frame.content, (), "forged")
    _, engine = join(world, "again", key=KEY)
    assert engine.replica.head.seq == 1


def test_an_older_version_says_that_it_needs_a_later_one(encrypted, join, monkeypatch):
    world, _ = encrypted
    monkeypatch.setattr("discobase.engine.log.superblock._NOT_FOR_ALL", 1)
    refused(world, UpgradeNeeded)


def test_a_host_without_the_memory_for_a_passphrase_says_so_and_creates_nothing(
    make_world, monkeypatch
):
    monkeypatch.setattr(derivation, "USUAL_COSTS", (1 << 14, 8, 1))
    monkeypatch.setattr(
        "hashlib.scrypt", lambda *_, **__: (_ for _ in ()).throw(ValueError("memory"))
    )
    world = make_world()
    process = world.process("one")
    opening = Engine.open(process.seam, limits=LIMITS, failed=print, key=PASSPHRASE)
    with pytest.raises(ConnectError, match="no key can be derived"):
        world.run_in(process, opening)
    assert not world.channels


def test_the_key_is_derived_once_for_each_login(make_world, join, monkeypatch):
    world = make_world()
    derived = []
    root = derivation.Derivation.root
    monkeypatch.setattr(
        derivation.Derivation, "root", lambda self, key: derived.append(1) or root(self, key)
    )
    for name in ("who creates it", "who finds it"):
        process, engine = join(world, name, key=PASSPHRASE)
        world.run_in(process, put(engine, Insert("a", row("x"))))
        world.run_in(process, engine.checkpoint())
        assert derived == [1]
        derived.clear()


def test_whoever_is_no_bot_of_it_forges_nothing(encrypted, join):
    world, block = encrypted
    world.post(block.catalog, plain(block, generation=2), (), "forged", author=BOT + 1)
    _, engine = join(world, "again", key=KEY)
    assert engine.superblock == block
