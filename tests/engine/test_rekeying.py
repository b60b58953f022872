"""A change of the key with a generation: who goes on, who ends and what they are told, and what is
believed of it, in the simulation.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from itertools import count

import pytest

from discobase.engine.changes import Insert, Request
from discobase.engine.log.leftovers import YOUTH, channels_in
from discobase.engine.log.sealing import derivation
from discobase.engine.log.superblock import Superblock
from discobase.engine.server.seam import Refused
from discobase.errors import (
    DatabaseEnded,
    KeyChanged,
    KeyNeeded,
    NotEncrypted,
    OutcomeUnknown,
    Unavailable,
    WrongKey,
)
from discobase.key import NO_KEY, Key
from discobase.progress import Gauge
from tests.engine.lasting import (
    Killer,
    channels,
    everything,
    join_lasting,
    leave_channels,
    save,
    save_on,
    superblocks,
)
from tests.engine.rows import row, rows_of
from tests.engine.test_generations import late_superblock
from tests.engine.test_generations_beside import check_read, plain
from tests.engine.workload import ask, put

pytestmark = pytest.mark.one_python

RAW, RAW_TOO = bytes(range(32)), bytes(range(1, 33))
OLD, NEW = Key(RAW), Key(RAW_TOO)
WORDS = Key("correct horse battery staple")
SAID = {OLD: RAW, NEW: RAW_TOO, WORDS: "correct horse battery staple", None: None}


@pytest.fixture(autouse=True)
def _cheap(monkeypatch):
    monkeypatch.setattr(derivation, "USUAL_COSTS", (1 << 14, 8, 1))


@pytest.fixture
def world(make_world):
    """A calm one."""
    return make_world()


async def rekey(engine, key, lanes=None):
    """Ask for a vacuum that changes the key."""
    return await engine.vacuum(lanes, Gauge(), key)


def ended(world, process, engine):
    """See that a process ends because the key was changed; return what it is told."""
    world.run(lambda: process.failures, within=60)
    (error,) = process.failures
    assert isinstance(error, KeyChanged), error
    world.run_in(process, engine.close(error))
    return error


def opens(world, key):
    """The records that a login with a key finds."""
    process, engine = join_lasting(world, f"opens{len(world.processes)}", key=key)
    found = rows_of(engine)
    world.run_in(process, engine.close())
    process.alive = False
    return found


@pytest.mark.parametrize(
    ("before", "after"),
    [(OLD, NEW), (OLD, None), (None, NEW), (OLD, WORDS), (WORDS, NEW)],
    ids=["another", "off", "on", "to a passphrase", "from a passphrase"],
)
def test_who_changes_the_key_goes_on_and_others_end(world, before, after):
    rekeyed = []
    one, engine = join_lasting(world, key=before, label="desk vacuum", rekeyed=rekeyed.append)
    two, other = join_lasting(world, "two", key=before)
    three, deaf = join_lasting(world, "three", key=before, hears=False)
    save(world, one, engine, "first")
    done_before = len(world.written)
    told = world.run_in(one, rekey(engine, after))
    save(world, one, engine, "second")
    assert (told.generation, rekeyed) == (2, [after])
    error = ended(world, two, other)
    label = "" if before is None else "desk vacuum"
    assert (error.generation, error.writer, error.label) == (2, engine.writer, label)
    assert abs(error.time - world.time - 1_790_000_000) < 100
    asking = three.loop.create_task(deaf.refresh())
    world.run(lambda: three.failures, within=60)
    assert isinstance(three.failures[0], KeyChanged)
    asking.cancel()
    with pytest.raises(KeyNeeded if before is None else KeyChanged) as late:
        join_lasting(world, "late", key=before)
    assert before is None or str(late.value) == str(error)
    assert opens(world, after) == ["first", "second"]
    check_read(world, engine, key=SAID[after])
    assert not world.run_in(one, engine.verify(Gauge())).findings
    # By the first vacuum after it without a key the new one stays.
    world.run_in(one, rekey(engine, NO_KEY))
    assert opens(world, after) == ["first", "second"]
    if before is not None:
        with pytest.raises(KeyChanged, match="generation 2"):
            join_lasting(world, "later", key=before)
    assert len(world.written) > done_before
    assert len(rekeyed) == 1
    assert not one.failures


def test_nothing_can_be_read_after_encryption_is_switched_on_and_all_after_it_is_off(world):
    one, engine = join_lasting(world, label="desk plain-label")
    save(world, one, engine, "plain text")
    world.run_in(one, engine.checkpoint())
    world.run_in(one, rekey(engine, NEW))
    save(world, one, engine, "keyed text")
    world.pass_time(5)
    held = [*everything(world), *(f"{each.name} {each.topic}" for each in world.channels.values())]
    for text in held:
        assert "plain text" not in text
        assert "keyed text" not in text
        assert "plain-label" not in text
        assert '"discobase":1' not in text
        assert '"checkpoint":1' not in text
    assert channels(world) == channels_in(engine.superblock)
    world.run_in(one, rekey(engine, None))
    save(world, one, engine, "after")
    for text in everything(world):
        assert '"discobase":2' not in text
        assert '"checkpoint":2' not in text
        assert '"encryption"' not in text
    assert rows_of(engine) == opens(world, None) == ["plain text", "keyed text", "after"]
    check_read(world, engine)


def test_the_last_keys_are_told_of_by_later_generations(world):
    one, engine = join_lasting(world, key=OLD)
    save(world, one, engine, "a")
    keys = [Key(bytes(range(number, number + 32))) for number in range(2, 8)]
    for key in keys:
        world.run_in(one, rekey(engine, key, lanes=40))
    assert superblocks(world, engine) == [7]
    told = [type_of_refusal(world, key) for key in [OLD, *keys[:-1]]]
    # With 40 lanes there is room for one.
    assert told == [WrongKey] * 5 + [KeyChanged]
    world.run_in(one, rekey(engine, NEW, lanes=1))
    told = [type_of_refusal(world, key) for key in keys]
    assert told == [WrongKey] * 4 + [KeyChanged] * 2
    assert opens(world, NEW) == ["a"]


def type_of_refusal(world, key):
    with pytest.raises((WrongKey, KeyChanged, NotEncrypted)) as refused:
        join_lasting(world, "refused", key=key)
    return type(refused.value)


# Whoever makes it dies, or stands still


def rekeyed_under_a_writer(make_world, number, *, after):
    """A change of the key whose maker dies at one of its calls, while another process goes on
    saving. Returns the world, the maker's calls, the other process with its engine, and what that
    one was told is saved.
    """
    world = make_world(5)
    one, engine = join_lasting(world, key=OLD)
    two, other = join_lasting(world, "two", key=OLD)
    save(world, one, engine, "kept")
    calls = Killer(one, number, after=after)
    saved = []

    async def saving():
        for tag in (f"t{number}" for number in range(8)):
            await put(other, Insert("a", row(tag)))
            saved.append(tag)
            await asyncio.sleep(1.0)

    writing = two.loop.create_task(saving())
    making = one.loop.create_task(rekey(engine, NEW, lanes=1))
    world.run(lambda: (writing.done() or two.failures) and (making.done() or not one.alive))
    if two.failures:
        world.run_in(two, other.close(two.failures[0]))
        world.run(writing.done)
        assert isinstance(writing.exception(), KeyChanged | None), writing.exception()
    else:
        writing.result()
    return world, calls, two, other, ["kept", *saved]


def test_whoever_changes_the_key_may_die_at_each_call(make_world):
    _, calls, two, *_ = rekeyed_under_a_writer(make_world, None, after=False)
    assert two.failures
    told = set()
    for number in range(calls.count):
        for after in (False, True):
            world, _, two, _, expected = rekeyed_under_a_writer(make_world, number, after=after)
            world.pass_time(YOUTH + 60)
            key, other_key = (NEW, OLD) if two.failures else (OLD, NEW)
            world.make_channel("elsewhere", None, "")  # by its id it is known how late it is
            _, late = join_lasting(world, "late", key=key)
            assert rows_of(late) == expected, f"call {number}"
            assert channels(world) == channels_in(late.superblock)
            assert superblocks(world, late) == [late.superblock.generation]
            with pytest.raises((KeyChanged, WrongKey)):
                join_lasting(world, "wrong", key=other_key)
            told.add((late.superblock.generation, len(late.superblock.lanes), key))
    assert told == {(1, 4, OLD), (2, 4, OLD), (2, 1, NEW)}


@pytest.mark.parametrize("removed", [False, True])
def test_a_change_of_the_key_that_others_have_lifted_came_to_nothing(world, removed):
    """Its superblock comes second; for a moment it stands there, and says that the key was
    changed.
    """
    one, engine = join_lasting(world, key=OLD)
    two, other = join_lasting(world, "two", key=OLD)
    save(world, one, engine, "a")
    one.seam.send = late_superblock(one, 400)
    making = one.loop.create_task(rekey(engine, NEW))
    world.run(lambda: one.frozen)
    save(world, two, other, "b")
    world.run(making.done)
    with pytest.raises(Unavailable, match="others have gone on"):
        making.result()
    save(world, one, engine, "c")
    world.run_in(two, other.refresh())
    assert rows_of(engine) == rows_of(other) == opens(world, OLD) == ["a", "b", "c"]
    assert not one.failures + two.failures
    (lost,) = [each.message.content for each in world.written if '"former"' in each.message.content]
    # Somebody with the token takes what was said then for a generation of their own.
    catalog = engine.superblock.catalog
    if removed:
        there = world.messages[catalog].items()
        for identity in [id_ for id_, each in there if '"superblock"' in each.message.content]:
            world.delete(catalog, identity)
    world.post(catalog, forged(lost, engine.superblock), (), "forged")
    world.pass_time(60)
    with pytest.raises(DatabaseEnded, match="not with the key"):
        save(world, two, other, "d")
    assert removed or type_of_refusal(world, OLD) is NotEncrypted


def forged(content, block):
    """A superblock of a later generation that is not encrypted, with what another one said of a
    change of the key.
    """
    former = Superblock.from_content(content).former_keys
    said = replace(block, generation=7, made=7, ticket="forged", former_keys=former)
    return plain(said, "former_keys")


@pytest.mark.parametrize("where", ["lanes", "encryption", "word"])
def test_what_somebody_without_the_key_makes_of_a_change_is_not_believed(make_world, where):
    """They take the superblock of a change of the key, and put one of their own in its place."""
    world = make_world()
    one, engine = join_lasting(world, key=OLD)
    save(world, one, engine, "mine")
    two, other = join_lasting(world, "two", key=OLD)
    world.run_in(one, rekey(engine, NEW))
    taken = world.messages[engine.superblock.catalog]
    (content,) = [
        each.message.content for each in taken.values() if "former" in each.message.content
    ]
    error = ended(world, two, other)
    assert error.generation == 2
    # The true one is taken away, and another one stands there.
    (identity,) = [id_ for id_, each in taken.items() if each.message.content == content]
    one.kill()
    block = Superblock.from_content(content)
    if where == "lanes":
        said = plain_or_keyed(block, lanes=(7, 8))
    elif where == "encryption":
        said = plain(block, "former_keys")
    else:
        said = content.replace('"until":2,"made":1', '"until":3,"made":1').replace(
            '"generation":2', '"generation":3'
        )
    world.delete(engine.superblock.catalog, identity)
    world.post(engine.superblock.catalog, said, (), "forged")
    with pytest.raises((WrongKey, NotEncrypted)) as refused:
        join_lasting(world, "late", key=OLD)
    assert not isinstance(refused.value, KeyChanged)


def plain_or_keyed(block, **otherwise):
    """The text of a superblock whose facts were altered."""
    said = replace(block, **otherwise)
    facts = json.loads(plain(said, "former_keys").removeprefix("```json\n").removesuffix("\n```"))
    facts["is"]["encryption"] = block.encryption.to_facts()
    return f"```json\n{json.dumps(facts, separators=(',', ':'))}\n```"


# What was to be saved


def test_what_waited_behind_the_seal_was_not_written_and_is_told_so(world):
    one, engine = join_lasting(world, key=OLD)
    two, other = join_lasting(world, "two", key=OLD)
    save(world, one, engine, "a")
    making = one.loop.create_task(rekey(engine, NEW))
    world.run(lambda: other.replica.sealed)
    saving = [two.loop.create_task(put(other, Insert("a", row(tag)))) for tag in "bc"]
    began = world.time
    ended(world, two, other)
    assert world.time - began < 10
    world.run(making.done)
    for each in saving:
        with pytest.raises(KeyChanged, match="Nothing was written"):
            each.result()
    assert opens(world, NEW) == ["a"]


@pytest.mark.parametrize("written", [True, False])
@pytest.mark.parametrize("hears", [True, False])
def test_of_what_was_sent_and_had_no_answer_the_outcome_is_unknown(make_world, written, hears):
    world = make_world(3)
    one, engine = join_lasting(world, key=OLD)
    two, other = join_lasting(world, "two", key=OLD, hears=hears)
    save(world, one, engine, "a")
    world.pass_time(1)
    world.run_in(two, other.refresh())
    send, lanes = two.seam.send, other.superblock.lanes

    async def unheard(channel, content, uploads, nonce):
        if channel not in lanes:
            return await send(channel, content, uploads, nonce)
        two.seam.send = send
        if written:
            await send(channel, content, uploads, nonce)
        two.freeze(400)
        await two.seam.sleep(0)
        try:
            return await send(channel, content, uploads, nonce)
        except Refused as error:
            error.repeated = True  # as after any send that took longer than a second
            raise

    two.seam.send = unheard
    if hears:
        two.session.lose(500)
    saving = two.loop.create_task(ask(other, Request([Insert("a", row("late"))], key="r1")))
    world.run(lambda: two.frozen)
    world.run_in(one, rekey(engine, NEW))
    world.run(lambda: two.failures, within=2_000)
    world.run_in(two, other.close(two.failures[0]))
    world.run(saving.done)
    assert isinstance(two.failures[0], KeyChanged)
    assert isinstance(saving.exception(), OutcomeUnknown), saving.exception()
    assert "Nothing was written" not in str(saving.exception())
    assert opens(world, NEW) == (["a", "late"] if written else ["a"])


def test_what_is_refused_by_lanes_that_are_gone_is_known_not_to_be_written(world):
    one, engine = join_lasting(world, key=OLD)
    two, other = join_lasting(world, "two", key=OLD, hears=False)
    save(world, one, engine, "a")
    world.pass_time(1)
    world.run_in(two, other.refresh())
    world.run_in(one, rekey(engine, NEW))
    saving = two.loop.create_task(put(other, Insert("a", row("late"))))
    ended(world, two, other)
    world.run(saving.done)
    with pytest.raises(KeyChanged, match="Nothing was written"):
        saving.result()
    assert opens(world, NEW) == ["a"]


@pytest.mark.parametrize("enforced", [True, False])
def test_as_soon_as_others_hold_the_position_it_is_known_that_nothing_was_written(world, enforced):
    one, engine = join_lasting(world, key=OLD)
    two, other = join_lasting(world, "two", key=OLD)
    send, log = two.seam.send, other._engine._log
    log.enforced = enforced
    waits = asyncio.Event()

    async def late(*message):
        await waits.wait()
        return await send(*message)

    two.seam.send = late
    forestalled, sent = log.sending.forestalled, []

    def told(entry):
        forestalled(entry)
        sent.append(log.sending.sent)

    log.sending.forestalled = told
    saving = two.loop.create_task(put(other, Insert("a", row("late"))))
    world.run(lambda: log.sending.sent)
    save(world, one, engine, "first")
    world.run(lambda: sent)
    assert sent == [not enforced]
    waits.set()
    world.run(saving.done)
    assert rows_of(other) == ["first", "late"]


def test_of_what_may_be_done_already_nobody_says_that_it_was_not_written(world):
    one, engine = join_lasting(world, key=OLD)
    committer = engine._engine._committer
    may_be, waits = (Request([Insert("a", row(tag))]) for tag in "ab")
    may_be.repeat()
    committer._taken = [may_be, waits]
    committer.shut()
    told = KeyChanged(generation=2, time=1.0, writer="w", label="", before="key", now="key")
    world.run_in(one, committer.stop(told))
    assert isinstance(may_be.future.exception(), OutcomeUnknown)
    assert isinstance(waits.future.exception(), KeyChanged)


@pytest.mark.parametrize("hears", [True, False])
@pytest.mark.parametrize("key", [NEW, None])
def test_a_writer_that_stood_still_through_it_ends_without_writing(world, hears, key):
    one, engine = join_lasting(world, key=OLD)
    two, other = join_lasting(world, "two", key=OLD, hears=hears)
    save(world, one, engine, "a")
    two.freeze(500)
    world.run_in(one, rekey(engine, key))
    world.run_in(one, rekey(engine, NO_KEY))
    world.run(lambda: not two.frozen)
    began, written = world.time, len(world.written)
    saving = two.loop.create_task(put(other, Insert("a", row("late"))))
    error = ended(world, two, other)
    world.run(saving.done)
    assert type(saving.exception()) is KeyChanged
    assert world.time - began < 20
    assert error.generation == 2
    asked = [each.message for each in world.written[written:]]
    assert all("does this server enforce nonces" in message.content for message in asked)
    assert opens(world, key) == ["a"]


def test_who_saves_beside_a_change_of_the_key_loses_nothing_that_was_acknowledged(make_world):
    for seed in range(6):
        world = make_world(seed)
        one, engine = join_lasting(world, key=OLD)
        two, other = join_lasting(world, "two", key=OLD)
        saved = []

        async def saving(other=other, saved=saved):
            for tag in (f"t{number}" for number in count()):
                await put(other, Insert("a", row(tag)))
                saved.append(tag)
                await asyncio.sleep(0.1)

        writing = two.loop.create_task(saving())
        own = one.loop.create_task(save_on(engine, [f"m{number}" for number in range(10)], 0.4))
        world.pass_time(1)
        making = one.loop.create_task(rekey(engine, NEW))
        ended(world, two, other)
        world.run(lambda m=making, w=writing, o=own: m.done() and w.done() and o.done())
        making.result()
        own.result()
        assert isinstance(writing.exception(), KeyChanged)
        found = rows_of(engine)
        assert [tag for tag in found if tag.startswith("t")] == saved
        assert len([tag for tag in found if tag.startswith("m")]) == 10
        assert sorted(opens(world, NEW)) == sorted(found)


def test_of_two_who_change_it_to_different_keys_one_wins_and_the_other_ends(make_world):
    won = 0
    for seed in range(6):
        world = make_world(seed)
        one, engine = join_lasting(world, key=OLD)
        two, other = join_lasting(world, "two", key=OLD)
        save(world, one, engine, "a")
        making = one.loop.create_task(rekey(engine, NEW))
        beside = two.loop.create_task(rekey(other, None))
        world.run(lambda m=making, p=two: m.done() or p.failures)
        world.run(lambda a=one, b=two: a.failures or b.failures, within=60)
        assert bool(one.failures) != bool(two.failures)
        won += bool(two.failures)
        loser, lost, task = (two, other, beside) if two.failures else (one, engine, making)
        world.run_in(loser, lost.close(loser.failures[0]))
        world.run(task.done)
        assert type(task.exception()) in {Unavailable, KeyChanged}
        assert opens(world, NEW if two.failures else None) == ["a"]
    assert won


def test_a_maker_that_has_no_answer_to_its_superblock_goes_on_with_the_new_key(world):
    one, engine = join_lasting(world, key=OLD)
    save(world, one, engine, "a")
    call, down = one.seam._call, []

    async def unanswered(what, effect, channel=None):
        if what.startswith("send") and down == [] and channel == engine.superblock.catalog:
            down.append(world.time)
            await call(what, effect, channel)
            one.freeze(1)
        return await call(what, effect, channel)

    one.seam._call = unanswered
    world.run_in(one, rekey(engine, NEW))
    save(world, one, engine, "b")
    assert opens(world, NEW) == ["a", "b"]
    assert not one.failures


def test_what_a_superblock_says_is_read_late_and_the_maker_waits_for_it(world):
    """The maker has read that its superblock counts; who opens the next generation is shown the one
    before for a moment, of which it does not have the key.
    """
    one, engine = join_lasting(world, key=OLD)
    leave_channels(one)
    save(world, one, engine, "a")
    history, late, catalog = one.seam.history, [], engine.superblock.catalog

    async def behind(channel, *, after, limit=100):
        found = await history(channel, after=after, limit=limit)
        if channel == catalog and engine._engine.over.is_set() and len(late) < 3:
            late.append(channel)
            return [each for each in found if '"generation":2' not in each.content]
        return found

    one.seam.history = behind
    world.run_in(one, rekey(engine, NEW))
    save(world, one, engine, "b")
    assert late
    assert rows_of(engine) == ["a", "b"]
    assert not one.failures
