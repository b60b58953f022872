"""What a move to another server means to whoever logs in meanwhile, to encryption, creations and
deletions.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from discobase.engine.changes import Insert
from discobase.engine.engine import examine
from discobase.engine.lasting import LastingEngine
from discobase.engine.log.deletion import delete_database
from discobase.engine.log.leftovers import YOUTH, channels_in
from discobase.engine.log.sealed import signed_in
from discobase.engine.log.superblock import Superblock
from discobase.engine.operations import LaterFormat
from discobase.errors import (
    DatabaseDeleted,
    DatabaseEnded,
    DatabaseNotFound,
    KeyNeeded,
    LogDamaged,
    MoveRefused,
    NotEncrypted,
    ServerNotFound,
    SuccessionRefused,
    Unavailable,
    WrongKey,
)
from discobase.key import Key
from discobase.progress import Gauge
from tests.engine.lasting import (
    Killer,
    everything,
    join_lasting,
    open_lasting,
    save,
    save_on,
    vacuum,
)
from tests.engine.rows import row, rows_of
from tests.engine.seam import BOT, OTHER, SHOP, THIRD
from tests.engine.simulation import Faults
from tests.engine.test_moves import channels, goes_on, move, pointers, settled_at
from tests.engine.workload import LIMITS, put
from tests.format import decrypting
from tests.format.reader import open_database
from tests.format.worlds import OfWorld, held_by

pytestmark = pytest.mark.one_python

KEY = Key(bytes(range(32)))


@pytest.fixture
def world(make_world):
    """A calm one."""
    return make_world()


def killed_at(world, name, *, after=True, **options):
    """A move whose maker is killed at a send whose nonce has a text in it, before its effect or
    after: the old server's engine has saved "kept".
    """
    one, engine = join_lasting(world, **options)
    save(world, one, engine, "kept")
    call = one.seam._call

    async def watched(what, effect, channel=None):
        if what.startswith("send") and name in what:

            def ended():
                if after:
                    effect()
                one.kill()

            return await call(what, ended, channel)
        return await call(what, effect, channel)

    one.seam._call = watched
    one.loop.create_task(move(engine))
    world.run(lambda: not one.alive, within=60)
    return engine


# Logins at the new server


def test_a_login_at_the_new_server_finishes_what_was_decided(world):
    engine = killed_at(world, "2:block")
    assert not pointers(world, OTHER, engine.superblock.database)
    with pytest.raises(Unavailable, match="cannot be found there yet"):
        join_lasting(world, "reader", server=OTHER, read_only=True)
    two, other = join_lasting(world, "two", server=OTHER)
    assert rows_of(other) == ["kept"]
    settled_at(world, OTHER, other.superblock)
    save(world, two, other, "more")
    _, old = join_lasting(world, "three")
    assert rows_of(old) == ["kept", "more"]


@pytest.mark.parametrize("read_only", [True, False])
def test_a_login_at_the_new_server_creates_nothing_while_it_is_undecided(world, read_only):
    engine = killed_at(world, "coming")
    before = channels(world, OTHER)
    began = world.time
    with pytest.raises(Unavailable, match="may be moving here from the server 1"):
        join_lasting(world, "two", server=OTHER, read_only=read_only)
    assert 20 < world.time - began < 60
    assert channels(world, OTHER) == before
    three, other = join_lasting(world, "three")
    world.pass_time(YOUTH)
    save(world, three, other, "more")
    world.make_channel("chat", None, "", server=OTHER)  # by its id it is known how old it is
    if read_only:
        with pytest.raises(Unavailable):
            join_lasting(world, "four", server=OTHER, read_only=True)
        assert channels(world, OTHER) == before
    _, fresh = join_lasting(world, "five", server=OTHER)
    assert fresh.superblock.database != engine.superblock.database
    assert not before & channels(world, OTHER)
    _, there = join_lasting(world, "six")
    assert rows_of(there) == ["kept", "more"]


def test_a_login_at_the_new_server_removes_what_was_decided_against(world):
    engine = killed_at(world, "bundle")
    _, other = join_lasting(world, "two")  # lifts the seal
    world.pass_time(30)
    assert other.superblock.generation == 2
    _, fresh = join_lasting(world, "three", server=OTHER)
    assert fresh.superblock.database != engine.superblock.database
    assert channels(world, OTHER) == channels_in(fresh.superblock)
    assert rows_of(other) == ["kept"]


def test_a_login_at_the_new_server_deletes_what_was_left(world):
    engine = killed_at(world, ":there", after=True)
    old = channels_in(engine.superblock)
    assert old <= channels(world, SHOP)
    _, other = join_lasting(world, "two", server=OTHER)
    settled_at(world, OTHER, other.superblock)
    calls = len(world.written)
    join_lasting(world, "three", server=OTHER)
    assert len(world.written) == calls


def test_where_the_new_channels_were_deleted_nothing_is_created(world):
    one, engine = join_lasting(world)
    save(world, one, engine, "kept")
    world.run_in(one, move(engine))
    one.kill()
    for channel in world.channels_of(OTHER):
        world.drop_channel(channel.id)
    for options in ({}, {"read_only": True}):
        with pytest.raises((LogDamaged, DatabaseNotFound)):
            join_lasting(world, "two", **options)
    assert not world.channels_of(OTHER)
    process = world.process("deleter")
    world.run_in(process, delete_database(process.seam, "the server"))
    assert not world.channels


def test_where_the_superblock_that_leads_on_was_deleted_nothing_is_created(world):
    one, engine = join_lasting(world)
    save(world, one, engine, "kept")
    world.run_in(one, move(engine))
    (catalog,) = channels(world, SHOP)
    for identity, stored in [*world.messages[catalog].items()]:
        if Superblock.from_content(stored.message.content) is not None:
            world.delete(catalog, identity)
    with pytest.raises(LogDamaged, match=f"Connect with server={OTHER}"):
        join_lasting(world, "two")
    assert channels(world, SHOP) == {catalog}
    _, there = join_lasting(world, "three", server=OTHER)
    assert rows_of(there) == ["kept"]


def test_a_mark_that_was_first_is_yielded_to(world):
    """Somebody creates a database there, who has looked before the mark could be seen."""
    engine = killed_at(world, "coming")
    (catalog,) = channels(world, OTHER)
    (stored,) = world.messages[catalog].values()
    seen, stored.visible = stored.visible, world.time + 2.0
    two = world.process("two", server=OTHER)
    opening = two.loop.create_task(_opened_and_saved(two))
    world.run(opening.done, within=120)
    assert stored.visible > seen
    assert isinstance(opening.exception(), Unavailable)
    assert channels(world, OTHER) == {catalog}
    _, there = join_lasting(world, "three")
    assert there.superblock.database == engine.superblock.database


def test_a_bot_that_is_not_in_the_new_server_is_told_where_the_database_is(world):
    one, engine = join_lasting(world)
    save(world, one, engine, "kept")
    world.run_in(one, move(engine))
    world.left.add(OTHER)
    with pytest.raises(ServerNotFound, match="has moved to the server 2, which the bot is not in"):
        join_lasting(world, "two")
    world.left.clear()
    world.left.add(SHOP)
    _, there = join_lasting(world, "three", server=OTHER)
    assert rows_of(there) == ["kept"]


@pytest.mark.parametrize("seed", range(5))
def test_a_database_that_is_created_there_meanwhile_is_not_hidden(make_world, seed):
    """Either it was first, and the database does not move; or the mark was, and none is created."""
    world = make_world(seed)
    one, engine = join_lasting(world)
    save(world, one, engine, "kept")
    making = one.loop.create_task(move(engine))
    world.pass_time(seed * 0.25)
    two = world.process("two", server=OTHER)
    opening = two.loop.create_task(_opened_and_saved(two))
    world.run(lambda: making.done() and opening.done(), within=200)
    world.pass_time(1)
    _, late = join_lasting(world, "late", server=OTHER)
    if making.exception() is None:
        settled_at(world, OTHER, late.superblock)
        assert rows_of(late)[0] == "kept"
    else:
        assert rows_of(late) == ["new"]
        assert rows_of(engine) == ["kept"]
    if opening.exception() is None:
        assert "new" in rows_of(late)
    assert not one.failures + two.failures


def test_a_database_that_is_created_there_before_the_mark_is_found(world):
    """By who had looked before it was there."""
    one, engine = join_lasting(world)
    save(world, one, engine, "kept")
    call = one.seam._call

    async def late(what, effect, channel=None):
        if what.endswith(":leaving"):
            one.seam._call = call
            one.freeze(30)
        return await call(what, effect, channel)

    one.seam._call = late
    making = one.loop.create_task(move(engine))
    world.run(lambda: one.frozen)
    two = world.process("two", server=OTHER)
    world.run_in(two, _opened_and_saved(two))
    world.run(making.done)
    with pytest.raises(MoveRefused, match="has a database of this bot"):
        making.result()
    _, late_one = join_lasting(world, "late", server=OTHER)
    assert rows_of(late_one) == ["new"]
    assert channels(world, OTHER) == channels_in(late_one.superblock)
    assert rows_of(engine) == ["kept"]
    assert channels(world, SHOP) == channels_in(engine.superblock)


async def _opened_and_saved(process):
    engine = await LastingEngine.open(process.seam, failed=process.failures.append, limits=LIMITS)
    process.closers.append(engine.replica.close)
    await put(engine, Insert("a", row("new")))


# Whoever stands still, and whoever is faster


@pytest.mark.parametrize("seconds", [5.0, 1_000.0])
@pytest.mark.parametrize("hears", [True, False])
def test_a_writer_that_stands_still_through_it_goes_on(world, seconds, hears):
    one, engine = join_lasting(world)
    two, other = join_lasting(world, "two", hears=hears)
    save(world, one, engine, "a")
    world.run_in(two, other.refresh())
    two.freeze(seconds)
    save(world, one, engine, "b")
    world.run_in(one, move(engine))
    save(world, one, engine, "c")
    world.run(lambda: not two.frozen, within=2_000)
    save(world, two, other, "d")
    world.run_in(one, engine.refresh())
    assert rows_of(engine) == rows_of(other) == ["a", "b", "c", "d"]
    settled_at(world, OTHER, other.superblock)
    assert not one.failures + two.failures


def test_a_creator_that_stands_still_through_it_removes_nothing_of_it(world):
    """It has written its superblock, and wakes when the database is elsewhere."""
    one = world.process("one")
    send = one.seam.send

    async def late(channel, content, uploads, nonce):
        sent = await send(channel, content, uploads, nonce)
        if nonce.endswith(".superblock"):
            one.freeze(200)
        return sent

    one.seam.send = late
    opening = one.loop.create_task(
        LastingEngine.open(one.seam, failed=one.failures.append, limits=LIMITS)
    )
    world.run(lambda: one.frozen)
    world.pass_time(5)
    two, other = join_lasting(world, "two")
    save(world, two, other, "a")
    world.run_in(two, move(other))
    save(world, two, other, "b")
    world.run(opening.done)
    engine = opening.result()
    one.closers.append(engine.replica.close)
    assert rows_of(engine) == ["a", "b"]
    settled_at(world, OTHER, engine.superblock)
    assert channels(world, SHOP)


def test_a_maker_that_wakes_finds_itself_second_and_removes_its_channels(world):
    one, engine = join_lasting(world)
    two, other = join_lasting(world, "two")
    save(world, one, engine, "a")
    making = one.loop.create_task(move(engine))
    world.run(lambda: other.replica.sealed)
    one.freeze(300)
    save(world, two, other, "b")  # waits for the seal to be lifted
    world.run(making.done)
    with pytest.raises(Unavailable, match="Ask for it again"):
        making.result()
    save(world, one, engine, "c")
    settled_at(world, SHOP, engine.superblock)
    assert not world.channels_of(OTHER)
    world.run_in(one, move(engine))
    assert rows_of(engine) == ["a", "b", "c"]
    settled_at(world, OTHER, engine.superblock)


def test_of_two_moves_at_once_one_is_made(make_world):
    for seed in range(4):
        world = make_world(seed)
        joined = [join_lasting(world, name) for name in ("one", "two")]
        save(world, *joined[0], "a")
        making = [
            process.loop.create_task(move(engine, server))
            for (process, engine), server in zip(joined, (OTHER, THIRD), strict=True)
        ]
        world.run(lambda making=making: all(task.done() for task in making))
        errors = [task.exception() for task in making]
        assert errors.count(None) == 1, errors
        assert all(isinstance(error, Unavailable | None) for error in errors)
        for number, (process, engine) in enumerate(joined):
            save(world, process, engine, f"s{number}")
        world.run_in(joined[0][0], joined[0][1].refresh())
        assert [rows_of(engine) for _, engine in joined] == [["a", "s0", "s1"]] * 2
        server = joined[0][1].standing().server_id
        settled_at(world, server, joined[0][1].superblock)


def test_it_comes_through_answers_that_are_lost(make_world):
    world = make_world(3)
    one, engine = join_lasting(world)
    two, other = join_lasting(world, "two")
    save(world, one, engine, "a")
    world.faults = Faults(first_lost=True)
    for server in (OTHER, SHOP, THIRD):
        world.run_in(one, move(engine, server))
        save(world, two, other, f"in {server}")
    world.faults = Faults()
    world.pass_time(YOUTH + 60)
    save(world, two, other, "last")
    for server in world.servers:
        chat = world.make_channel("chat", None, "", server=server)  # tells how late it is there
        _, late = join_lasting(world, f"late {server}", server=server)
        world.drop_channel(chat.id)
        assert rows_of(late) == ["a", "in 2", "in 1", "in 3", "last"]
    settled_at(world, THIRD, late.superblock)


def test_whoever_moves_it_back_may_die_at_each_call(make_world):
    """Into the catalog that it has left before."""

    def moved_back(number, *, after):
        world = make_world(7)
        one, engine = join_lasting(world)
        two, other = join_lasting(world, "two")
        save(world, one, engine, "kept")
        world.run_in(one, move(engine))
        calls = Killer(one, number, after=after)
        saving = two.loop.create_task(save_on(other, ["t0", "t1", "t2"], pause=9.0))
        making = one.loop.create_task(move(engine, SHOP))
        world.run(lambda: saving.done() and (making.done() or not one.alive), within=200)
        saving.result()
        return world, calls, other

    _, calls, _ = moved_back(None, after=False)
    servers = set()
    for number in range(0, calls.count, 2):
        world, _, other = moved_back(number, after=number % 4 == 0)
        servers.add(goes_on(world, other, ["kept", "t0", "t1", "t2"]))
    assert servers == {SHOP, OTHER}


# With a key


def test_an_encrypted_database_moves_and_shows_ids_alone(world):
    one, engine = join_lasting(world, key=KEY)
    _, other = join_lasting(world, "two", key=KEY)
    save(world, one, engine, "a word")
    world.run_in(one, move(engine))
    save(world, one, engine, "another word")
    world.pass_time(1)
    assert rows_of(other) == ["a word", "another word"]
    for text in [*everything(world), *(each.message.content for each in world.written)]:
        assert "word" not in text
    for server in (SHOP, OTHER):
        _, late = join_lasting(world, f"late {server}", server=server, key=KEY)
        assert rows_of(late) == ["a word", "another word"]
        with pytest.raises(WrongKey):
            join_lasting(world, f"wrong {server}", server=server, key=Key(bytes(32)))
        with pytest.raises(KeyNeeded):
            join_lasting(world, f"none {server}", server=server)


def test_a_pointer_that_was_not_made_with_the_key_is_never_followed(world):
    """Whoever has the bot's token, and not the key, sends those who have it to another server."""
    one, engine = join_lasting(world, key=KEY)
    _, other = join_lasting(world, "two", key=KEY)
    save(world, one, engine, "a")
    forger, plain = join_lasting(world, "forger", server=THIRD)
    world.run_in(forger, move(plain))
    forged = replace(plain.superblock, database=engine.superblock.database)
    catalog = engine.superblock.catalog
    world.post(catalog, forged.to_content(), (), "forged")
    world.pass_time(2)
    calls = one.calls.copy()
    with pytest.raises(DatabaseEnded, match="not with the key"):
        save(world, one, engine, "b")
    assert not one.calls["elsewhere"] - calls["elsewhere"]
    with pytest.raises(NotEncrypted):
        join_lasting(world, "late", key=KEY)
    assert not world.processes[-1].calls["elsewhere"]
    assert rows_of(plain) == []
    assert "a" in rows_of(other)


# Deletions


@pytest.mark.parametrize("server", [SHOP, OTHER, THIRD])
def test_a_deletion_by_any_of_its_servers_removes_it_everywhere(world, server):
    one, engine = join_lasting(world)
    save(world, one, engine, "a")
    world.run_in(one, move(engine))
    world.run_in(one, move(engine, THIRD))
    save(world, one, engine, "b")
    process = world.process("deleter", server=server)
    world.run_in(process, delete_database(process.seam, "the server"))
    assert not world.channels
    assert not world.traces
    with pytest.raises(DatabaseDeleted):
        save(world, one, engine, "c")
    with pytest.raises(DatabaseNotFound):
        world.run_in(process, delete_database(process.seam, "the server"))


def test_a_deletion_says_which_server_it_could_not_reach(world):
    one, engine = join_lasting(world)
    save(world, one, engine, "a")
    world.run_in(one, move(engine))
    world.left.add(SHOP)
    process = world.process("deleter", server=OTHER)
    with pytest.raises(Unavailable, match=f"server {SHOP} .*{engine.superblock.database}"):
        world.run_in(process, delete_database(process.seam, "the server"))
    assert not world.channels_of(OTHER)
    assert len(channels(world, SHOP)) == 1


@pytest.mark.parametrize("number", range(0, 13, 3))
def test_a_deletion_that_was_killed_is_finished_by_a_login(world, number):
    one, engine = join_lasting(world)
    save(world, one, engine, "a")
    world.run_in(one, move(engine))
    deleter = world.process("deleter")
    Killer(deleter, number)
    deleter.loop.create_task(delete_database(deleter.seam, "the server"))
    world.run(lambda: not deleter.alive, within=60)
    world.pass_time(5)
    if number:
        with pytest.raises(DatabaseDeleted):
            save(world, one, engine, "b")
        _, fresh = join_lasting(world, "two", server=OTHER)
        assert fresh.superblock.database != engine.superblock.database
        assert rows_of(fresh) == []
        assert channels(world, OTHER) == channels_in(fresh.superblock)
    process = world.process("again")
    if channels(world, SHOP):
        world.run_in(process, delete_database(process.seam, "the server"))
    assert not channels(world, SHOP)


# What else there is


def test_versions_that_know_nothing_of_moves_stop(world):
    """At the mark as at the pointer: both are superblocks of a later format to them."""
    one, engine = join_lasting(world)
    world.run_in(one, move(engine))
    written = [each.message.content for each in world.written]
    told = [content for content in written if '"superblock":4' in content]
    assert len(told) == 4  # the mark, and the superblock, in both catalogs
    assert len(set(told)) == 2
    for content in told:
        with pytest.raises(LaterFormat) as caught:
            signed_in(content, "superblock", 3)
        assert caught.value.needs == "2.0"


def test_a_successor_is_told_where_the_database_is(world):
    one, engine = join_lasting(world)
    save(world, one, engine, "a")
    world.run_in(one, move(engine))
    world.kick(BOT)
    world.let_in(77)
    heir = world.process("heir", bot=77)
    with pytest.raises(SuccessionRefused, match=f"server={OTHER}"):
        open_lasting(world, heir, successor_of=BOT)
    there = world.process("there", bot=77, server=OTHER)
    taken = open_lasting(world, there, successor_of=BOT)
    assert rows_of(taken) == ["a"]
    save(world, there, taken, "b")
    world.run_in(there, move(taken, THIRD))
    save(world, there, taken, "c")
    assert rows_of(taken) == ["a", "b", "c"]
    again = world.process("again", bot=77, server=OTHER)
    assert rows_of(open_lasting(world, again)) == ["a", "b", "c"]


def test_the_new_server_is_not_asked_again_whether_it_enforces_nonces(world):
    """It is the same address; the question takes five calls of each process, while saves wait."""
    one, engine = join_lasting(world)
    save(world, one, engine, "a")
    world.pass_time(100)  # until it is known how long nonces are remembered
    asked = len([each for each in world.written if "does this server" in each.message.content])
    assert asked
    world.run_in(one, move(engine))
    join_lasting(world, "two", server=OTHER)
    world.pass_time(100)
    told = [each for each in world.written if "does this server" in each.message.content]
    assert len(told) == asked


def test_a_move_beside_a_writer_takes_few_pages_of_both_catalogs(world):
    """Discord gives five of each in five seconds, which all processes of a bot share."""
    one, engine = join_lasting(world)
    two, other = join_lasting(world, "two")
    save(world, one, engine, "a")
    world.run_in(two, other.refresh())
    old = engine.superblock.catalog
    pages = [pages_by_channel(process) for process in (one, two)]
    made = one.loop.create_task(move(engine))
    world.run(lambda: engine.superblock.server == other.superblock.server == OTHER)
    new = engine.superblock.catalog
    assert [asked[old] for asked in pages] == [3, 1]
    assert [asked[new] for asked in pages] == [3, 2]
    world.run(made.done)
    made.result()
    assert save(world, two, other, "b")[0].seq > 2
    assert rows_of(other) == ["a", "b"]


def pages_by_channel(process):
    """How many pages of each channel a process asks for from now on, in whichever server."""
    call, asked = process.seam._call, Counter()

    async def counted(what, effect, channel=None):
        asked[channel] += what == "history"
        return await call(what, effect, channel)

    process.seam._call = counted
    return asked


def test_an_examination_goes_to_where_the_database_is(world):
    one, engine = join_lasting(world)
    save(world, one, engine, "a")
    world.run_in(one, move(engine))
    save(world, one, engine, "b")
    process = world.process("two")
    report = world.run_in(process, examine(process.seam, LIMITS, Gauge(), "the server"))
    assert report.sound
    assert report.position == engine.replica.head.seq


@pytest.mark.parametrize("key", [None, KEY])
def test_a_reader_of_another_kind_finds_it_from_each_of_its_servers(world, key):
    one, engine = join_lasting(world, key=key)
    save(world, one, engine, "a")
    for server in (OTHER, THIRD):
        world.run_in(one, move(engine, server))
        save(world, one, engine, f"in {server}")
    for server in world.servers:
        source = OfWorld(world, BOT, server)
        for whole in (False, True):
            state = (
                open_database(source, whole=whole)
                if key is None
                else decrypting.open_database(source, key.reveal(), whole=whole)
            )
            assert (state.seq, state.chain, state.hash()) == held_by(engine)


def test_a_vacuum_after_a_move_is_one_of_the_new_server(world):
    one, engine = join_lasting(world)
    two, other = join_lasting(world, "two", hears=False)
    save(world, one, engine, "a")
    world.run_in(one, move(engine))
    world.run_in(one, vacuum(engine, lanes=2))
    assert engine.superblock.server == 0
    settled_at(world, OTHER, engine.superblock)
    save(world, two, other, "b")
    for server in (SHOP, OTHER):
        _, late = join_lasting(world, f"late {server}", server=server)
        assert rows_of(late) == ["a", "b"]
