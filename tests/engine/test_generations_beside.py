"""A change of generation beside encryption, successions and deletions, in the simulation."""

from __future__ import annotations

from dataclasses import replace

import pytest

from discobase.engine.changes import Insert, Remove
from discobase.engine.generations.watch import LIFTED_AFTER
from discobase.engine.log.deletion import delete_database
from discobase.engine.log.last_words import DELETED
from discobase.engine.log.leftovers import channels_in
from discobase.engine.log.superblock import Base, Superblock
from discobase.errors import (
    DatabaseDeleted,
    DatabaseEnded,
    DiscobaseError,
    NotEncrypted,
    SuccessionRefused,
    WrongKey,
)
from discobase.key import Key
from discobase.progress import Gauge
from tests.engine.lasting import (
    Killer,
    channels,
    everything,
    is_held,
    join_lasting,
    open_lasting,
    save,
    save_on,
    superblocks,
    vacuum,
)
from tests.engine.rows import row, rows_of
from tests.engine.seam import BOT
from tests.engine.workload import put
from tests.format import decrypting
from tests.format.reader import open_database
from tests.format.worlds import OfWorld, held_by

HEIR = 43
RAW = bytes(range(32))
KEY = Key(RAW)


@pytest.fixture
def world(make_world):
    """A calm one."""
    return make_world()


def joined(world, name, bot=BOT, **options):
    """Open a database as a bot, through all its generations."""
    process = world.process(name, bot=bot)
    return process, open_lasting(world, process, **options)


def deleted_a_record(world, process, engine):
    """Save two records, and delete the second."""
    save(world, process, engine, "kept tag", "gone tag")
    world.run_in(process, put(engine, Remove("a", 2, 2)))


def check_read(world, engine, *, key=None, bot=BOT):
    """The second implementation comes to the state that an engine has."""
    for whole in (False, True):
        source = OfWorld(world, bot)
        state = (
            open_database(source, whole=whole)
            if key is None
            else decrypting.open_database(source, key, whole=whole)
        )
        assert (state.seq, state.chain, state.hash()) == held_by(engine)


# With a key


def test_an_encrypted_database_stays_encrypted_by_keys_of_the_new_generation(world):
    one, engine = join_lasting(world, key=KEY)
    two, other = join_lasting(world, "two", key=KEY)
    deleted_a_record(world, one, engine)
    before = engine.superblock
    tags = [f"busy{number}" for number in range(20)]
    saving = two.loop.create_task(save_on(other, tags, pause=0.05))
    world.run_in(one, vacuum(engine, lanes=3))
    world.run(saving.done)
    saving.result()
    now = engine.superblock
    assert now.encryption is not None
    assert now.encryption != before.encryption
    assert now.encryption.derivation.salt != before.encryption.derivation.salt
    assert channels(world) == channels_in(now)
    written = [each.message.content for each in world.written]
    files = [file.decode("latin-1") for each in world.written for file in each.files]
    for text in [*everything(world), *written, *files]:
        assert "kept tag" not in text
        assert "busy" not in text
    save(world, one, engine, "after")
    world.run_in(two, other.refresh())
    assert sorted(rows_of(other)) == sorted(["kept tag", *tags, "after"])
    check_read(world, other, key=RAW)
    _, late = join_lasting(world, "late", key=KEY)
    assert held_by(late) == held_by(engine) == held_by(other)
    report = world.run_in(one, engine.verify(Gauge()))
    assert not report.findings, report.findings
    with pytest.raises(WrongKey):
        join_lasting(world, "wrong", key=Key(bytes(32)))
    assert not one.failures + two.failures


def test_a_lifted_seal_of_an_encrypted_database_keeps_the_keys_of_its_channels(world):
    one, engine = join_lasting(world, key=KEY)
    save(world, one, engine, "first")
    world.run_in(one, vacuum(engine))
    two, other = join_lasting(world, "two", key=KEY)
    Killer(one, seal_of(world, one, engine))
    making = one.loop.create_task(vacuum(engine, lanes=1))
    world.run(lambda: making.done() or not one.alive, within=60)
    assert not one.alive
    world.pass_time(LIFTED_AFTER + 10)
    save(world, two, other, "second")
    lifted = other.superblock
    assert (lifted.generation, lifted.made) == (3, 2)
    assert rows_of(other) == ["first", "second"]
    check_read(world, other, key=RAW)
    _, late = join_lasting(world, "late", key=KEY)
    assert held_by(late) == held_by(other)
    world.run_in(two, vacuum(other))
    assert other.superblock.generation == 4
    check_read(world, other, key=RAW)


def seal_of(world, process, engine):
    """The number of the call that a vacuum with one lane makes after its seal: two channels, a
    checkpoint, the seal.
    """
    assert len(channels(world)) == len(channels_in(engine.superblock))
    return 4


def forged(block, *, encrypted):
    """A superblock of the next generation, by somebody who does not have the key."""
    base = Base(1, "0" * 32, 5, 6, 0)
    said = replace(block, generation=2, made=2, origin=5, ticket="forged", base=base, lanes=(7, 8))
    if encrypted:
        return said.to_content().replace('"hash":"', '"hash":"00', 1)
    return plain(said)


def plain(block, *more):
    """The text of a superblock as it is where nothing is encrypted."""
    names = (*more, "database", "generation", "catalog", "lanes", "checkpoints", "created", "made")
    facts = {name: getattr(block, name) for name in (*names, "origin", "ticket", "base")}
    return Superblock(**facts).to_content()


@pytest.mark.parametrize("encrypted", [False, True])
@pytest.mark.parametrize("hears", [True, False])
def test_a_forged_generation_is_not_followed_and_nothing_is_written_any_more(
    world, encrypted, hears
):
    one, engine = join_lasting(world, key=KEY, hears=hears)
    save(world, one, engine, "mine")
    there = channels(world)
    world.post(
        engine.superblock.catalog, forged(engine.superblock, encrypted=encrypted), (), "forged"
    )
    world.pass_time(90)
    written = len(world.written)
    with pytest.raises(DatabaseEnded, match="not with the key"):
        save(world, one, engine, "not written")
    assert engine.superblock.generation == 1
    assert rows_of(engine) == ["mine"]
    with pytest.raises(DiscobaseError):
        world.run_in(one, vacuum(engine))
    with pytest.raises(NotEncrypted if not encrypted else WrongKey):
        join_lasting(world, "late", key=KEY)
    assert len(world.written) == written
    assert channels(world) == there
    assert not one.failures


# With several bots


def test_a_successor_makes_a_vacuum_of_what_the_old_bot_has_written(world):
    old, first = joined(world, "old")
    deleted_a_record(world, old, first)
    world.let_in(HEIR)
    world.kick(BOT)
    heir, engine = joined(world, "heir", HEIR, successor_of=BOT)
    two, other = joined(world, "two", HEIR)
    save(world, heir, engine, "by the heir")
    told = world.run_in(heir, vacuum(engine, lanes=2))
    assert told.generation == 2
    (before,) = engine.superblock.predecessors
    assert (before.bot, before.last) == (BOT, 3)
    assert not is_held(world, "gone tag")
    assert channels(world) == channels_in(engine.superblock) | {first.superblock.catalog}
    save(world, two, other, "after")
    world.pass_time(1)
    assert rows_of(engine) == rows_of(other) == ["kept tag", "by the heir", "after"]
    check_read(world, engine, bot=HEIR)
    _, late = joined(world, "late", HEIR, successor_of=BOT)
    assert held_by(late) == held_by(engine)
    assert not world.run_in(heir, engine.verify(Gauge())).findings


@pytest.mark.parametrize("key", [None, KEY])
def test_a_later_generation_is_taken_over_with_its_bundle_and_made_anew(world, key):
    old, first = joined(world, "old", key=key)
    deleted_a_record(world, old, first)
    world.run_in(old, vacuum(first))
    world.let_in(HEIR)
    world.kick(BOT)
    heir, engine = joined(world, "heir", HEIR, successor_of=BOT, key=key)
    assert (engine.superblock.generation, engine.superblock.origin) == (2, 0)
    assert rows_of(engine) == ["kept tag"]
    save(world, heir, engine, "by the heir")
    raw = None if key is None else RAW
    check_read(world, engine, key=raw, bot=HEIR)
    assert not world.run_in(heir, engine.verify(Gauge())).findings
    world.run_in(heir, vacuum(engine))
    assert engine.superblock.generation == 3
    assert superblocks(world, engine) == [3]
    check_read(world, engine, key=raw, bot=HEIR)
    _, late = joined(world, "late", HEIR, key=key)
    assert held_by(late) == held_by(engine)
    assert not world.run_in(heir, engine.verify(Gauge())).findings


def test_what_the_old_bot_has_sealed_and_not_followed_is_lifted_by_its_successor(world):
    old, first = joined(world, "old")
    save(world, old, first, "old tag")
    Killer(old, 4)
    making = old.loop.create_task(vacuum(first, lanes=1))
    world.run(lambda: making.done() or not old.alive, within=60)
    world.let_in(HEIR)
    world.kick(BOT)
    heir, engine = joined(world, "heir", HEIR, successor_of=BOT)
    world.pass_time(LIFTED_AFTER + 10)
    save(world, heir, engine, "new tag")
    assert (engine.superblock.generation, engine.superblock.made) == (2, 1)
    assert rows_of(engine) == ["old tag", "new tag"]
    check_read(world, engine, bot=HEIR)


def show_no_text_of_others(process):
    """Show a bot what others have written as Discord does without the Message Content Intent."""
    history, message = process.seam.history, process.seam.message

    def shown(found):
        if found is None or found.author == process.bot:
            return found
        return replace(found, content="", attachments=())

    async def blank_history(channel, *, after, limit=100):
        return [shown(each) for each in await history(channel, after=after, limit=limit)]

    async def blank_message(channel, identity):
        return shown(await message(channel, identity))

    process.seam.history, process.seam.message = blank_history, blank_message


def test_a_successor_that_is_shown_no_text_is_told_so_until_it_has_a_checkpoint_of_its_own(world):
    """Nothing but the channel for checkpoints has what the old bot wrote into this generation."""
    old, first = joined(world, "old")
    deleted_a_record(world, old, first)
    world.run_in(old, vacuum(first))
    world.let_in(HEIR)
    world.kick(BOT)
    heir, engine = joined(world, "heir", HEIR, successor_of=BOT)
    before = len(world.written)
    with pytest.raises(SuccessionRefused, match="Message Content Intent"):
        joined_blind(world)
    assert len(world.written) == before
    save(world, heir, engine, "by the heir")
    world.run_in(heir, engine.checkpoint())
    blind, late = joined_blind(world)
    assert rows_of(late) == ["kept tag", "by the heir"]
    with pytest.raises(SuccessionRefused, match="Message Content Intent"):
        world.run_in(blind, late.verify(Gauge()))


def joined_blind(world):
    """Open the successor's database where the text of others is not shown to it."""
    blind = world.process("blind", bot=HEIR)
    show_no_text_of_others(blind)
    return blind, open_lasting(world, blind, successor_of=BOT)


# With other writers


def test_a_vacuum_beside_a_writer_takes_few_pages_of_the_catalog(world):
    """Discord gives five in five seconds, which all processes of a bot share."""
    one, engine = join_lasting(world)
    two, other = join_lasting(world, "two")
    save(world, one, engine, "a")
    world.run_in(two, other.refresh())
    pages = [pages_of(process, engine.superblock.catalog) for process in (one, two)]
    world.run_in(one, vacuum(engine))
    save(world, two, other, "b")
    assert rows_of(other) == ["a", "b"]
    assert [len(asked) for asked in pages] == [5, 2]


def test_who_hears_events_does_not_ask_the_catalog_by_the_clock_while_one_is_to_come(world):
    one, engine = join_lasting(world)
    two, other = join_lasting(world, "two")
    save(world, one, engine, "a")
    making = one.loop.create_task(vacuum(engine))
    world.run(lambda: other.replica.sealed)
    one.freeze(4.0)
    asked = pages_of(two, engine.superblock.catalog)
    world.run(lambda: not one.frozen)
    assert not asked
    save(world, two, other, "b")
    world.run(making.done)
    making.result()
    assert other.superblock == engine.superblock
    assert other.superblock.generation == 2


def pages_of(process, channel):
    """When a process asks for a page of a channel from now on."""
    history, asked = process.seam.history, []

    async def counted(of, *, after, limit=100):
        if of == channel:
            asked.append(process.world.time)
        return await history(of, after=after, limit=limit)

    process.seam.history = counted
    return asked


# With a deletion


def test_what_a_vacuum_has_made_is_deleted_whole(world):
    one, engine = join_lasting(world)
    save(world, one, engine, "a")
    world.run_in(one, vacuum(engine))
    world.run_in(one, engine.close())
    deleter = world.process("deleter")
    world.run_in(deleter, delete_database(deleter.seam, "shop"))
    assert not world.channels
    _, anew = join_lasting(world, "anew")
    assert rows_of(anew) == []
    assert anew.superblock.generation == 1


def test_nothing_is_sealed_where_a_deletion_has_begun_of_which_no_event_tells(world):
    one, engine = join_lasting(world, hears=False)
    save(world, one, engine, "a")
    there = channels(world)
    world.post(engine.superblock.catalog, DELETED, (), "deleted")
    with pytest.raises(DatabaseDeleted):
        world.run_in(one, vacuum(engine))
    assert engine.replica.head.seq == 1
    assert channels(world) == there


def test_a_deletion_at_any_call_of_a_vacuum_leaves_nothing(make_world):
    for number in range(16):
        world = make_world(number)
        one, engine = join_lasting(world)
        two, other = join_lasting(world, "two")
        save(world, one, engine, "a", "b")
        at = Killer(one)
        making = one.loop.create_task(vacuum(engine, lanes=2))
        world.run(lambda at=at, n=number, making=making: at.count > n or making.done())
        deleter = world.process("deleter")
        world.run_in(deleter, delete_database(deleter.seam, "shop"))
        # Where the connection has ended, whoever is told of that closes it.
        world.run(lambda m=making, p=one: m.done() or p.failures, within=200)
        world.pass_time(200)
        assert not channels(world), f"call {number}"
        for process, each in ((one, engine), (two, other)):
            saving = process.loop.create_task(put(each, Insert("a", row("late"))))
            world.run(lambda process=process, s=saving: s.done() or process.failures, within=200)
            told = saving.exception() if saving.done() else process.failures[0]
            assert isinstance(told, DatabaseDeleted), f"call {number}: {told!r}"
        assert not channels(world), f"call {number}"


def test_a_database_that_is_created_in_its_place_is_not_gone_on_with(world):
    one, engine = join_lasting(world)
    two, other = join_lasting(world, "two")
    save(world, one, engine, "a")
    making = one.loop.create_task(vacuum(engine))
    world.run(other._engine.over.is_set)
    two.freeze(300)
    world.run(making.done)
    world.run_in(one, engine.close())
    deleter = world.process("deleter")
    world.run_in(deleter, delete_database(deleter.seam, "shop"))
    three, another = join_lasting(world, "three")
    save(world, three, another, "of another database")
    world.run(lambda: two.failures, within=600)
    assert isinstance(two.failures[0], DatabaseDeleted)
    assert rows_of(another) == ["of another database"]
