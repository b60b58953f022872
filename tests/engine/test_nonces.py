"""Whether a server keeps Discord's word on nonces: found out, kept, asked again, and withdrawn."""

from __future__ import annotations

import dataclasses
import json
from functools import partial

import pytest

from discobase.engine.changes import Insert
from discobase.engine.engine import Engine
from discobase.engine.log.frame import read_header
from discobase.engine.log.nonces import Verdict
from discobase.engine.log.superblock import Superblock
from discobase.engine.server.seam import Message
from discobase.errors import NoncesIgnored
from tests.engine.simulation import CALM, Faults, Stored
from tests.engine.workload import LIMITS, put

DAY = 86_400.0
IGNORED = Faults(nonce_window=None)
FORGOTTEN = Faults(nonce_window=40.0)
UNLOCKED = Faults(nonce_gap=0.2)


@pytest.fixture
def join(join):
    """Opens an engine in a new process of a world, which refuses a server that ignores nonces."""
    return partial(join, place="the server 'shop'", allow_unsafe=False)


def leave(world, process, engine):
    world.run_in(process, engine.close())


def catalog_of(world):
    """The messages of the catalog but the superblock, in order."""
    (catalog,) = [channel for channel in world.channels.values() if channel.name == "catalog"]
    held = [stored.message for _, stored in sorted(world.messages[catalog.id].items())]
    return [message for message in held if Superblock.from_content(message.content) is None]


def verdicts(world):
    return [found for message in catalog_of(world) if (found := Verdict.from_message(message))]


def save(world, process, engine, tag):
    world.run_in(process, put(engine, Insert("a", json.dumps({"tag": tag}))))


def sends(process):
    return process.calls["send"]


def test_a_new_server_is_asked_and_what_it_does_is_kept(make_world, join):
    world = make_world()
    process, engine = join(world, "first")
    assert [(found.fault, found.lasting) for found in verdicts(world)] == [("", False)]
    # The superblock, one probe by itself, three at once, and the verdict.
    assert sends(process) == 6
    assert engine._log.enforced
    assert len(catalog_of(world)) == 3


def test_who_comes_later_makes_no_call_but_one_read(make_world, join):
    world = make_world()
    leave(world, *join(world, "first"))
    other, engine = join(world, "second")
    world.pass_time(29.0)
    assert (sends(other), other.calls["delete_message"]) == (0, 0)
    save(world, other, engine, "a")
    assert sends(other) == 1


def test_who_stays_finds_out_that_nonces_are_remembered_and_leaves_nothing_behind(make_world, join):
    for first_stays in (True, False):
        world = make_world()
        process, engine = join(world, "first")
        if not first_stays:
            leave(world, process, engine)
            process, engine = join(world, "second")
        world.pass_time(30.0 + 60.0 + 5.0)
        (kept,) = verdicts(world)
        assert (kept.fault, kept.lasting) == ("", True)
        world.pass_time(700.0)
        leave(world, process, engine)
        # Of the first one, which ended before it could delete them, probes are left.
        leave(world, *join(world, "third"))
        process, engine = join(world, "fourth")
        before = sum(process.calls.values())
        world.pass_time(200.0)
        assert (sends(process), before) == (0, before)
        assert verdicts(world) == [kept]
        if first_stays:
            assert len(catalog_of(world)) == 1


def test_probes_of_those_who_ended_are_removed_by_who_asks_later(make_world, join):
    world = make_world()
    process, _ = join(world, "first")
    process.kill()
    probes = len(catalog_of(world)) - 1
    assert probes == 2
    # Too young: they may be somebody's who still waits.
    process, engine = join(world, "second")
    world.pass_time(100.0)
    assert len(catalog_of(world)) == 1 + probes
    leave(world, process, engine)
    world.pass_time(8 * DAY)
    join(world, "third")
    world.pass_time(100.0)
    assert [message.id for message in catalog_of(world)] == [v.message for v in verdicts(world)]
    assert len(verdicts(world)) == 1


@pytest.mark.parametrize("faults", [IGNORED, UNLOCKED])
def test_a_server_that_does_not_enforce_nonces_is_refused(make_world, join, faults):
    for seed in range(5):
        world = make_world(seed, faults)
        with pytest.raises(NoncesIgnored, match=r"'shop'.*allow_unsafe=True") as caught:
            join(world, "first")
        assert caught.value.fault.startswith("of 3 messages with one nonce it made")
        (kept,) = verdicts(world)
        assert kept.fault == caught.value.fault
        assert len(catalog_of(world)) == 1
        again = world.process("second")
        with pytest.raises(NoncesIgnored):
            world.run_in(
                again, Engine.open(again.seam, limits=LIMITS, failed=again.failures.append)
            )
        assert sends(again) == 0
        world.end()


@pytest.mark.parametrize("faults", [IGNORED, UNLOCKED])
def test_who_allows_it_goes_on_and_reads_each_commit_back(make_world, join, faults):
    world = make_world(1, faults)
    process, engine = join(world, "first", allow_unsafe=True)
    assert not engine._log.enforced
    save(world, process, engine, "a")
    before = process.calls["history"]
    save(world, process, engine, "b")
    assert process.calls["history"] > before


def test_trust_is_withdrawn_where_nonces_are_forgotten_too_soon(make_world, join):
    world = make_world(1, FORGOTTEN)
    process, engine = join(world, "first")
    save(world, process, engine, "before")
    world.pass_time(65.0)
    with pytest.raises(NoncesIgnored, match="it forgot a nonce"):
        save(world, process, engine, "after")
    assert not engine._log.enforced
    world.run_in(process, engine.refresh())
    assert len(engine.replica.select("a", [])) == 1
    other = world.process("second")
    with pytest.raises(NoncesIgnored, match="it forgot a nonce"):
        world.run_in(other, Engine.open(other.seam, limits=LIMITS, failed=other.failures.append))
    assert sends(other) == 0


def test_who_allows_it_goes_on_after_trust_is_withdrawn(make_world, join):
    world = make_world(1, FORGOTTEN)
    process, engine = join(world, "first", allow_unsafe=True)
    assert engine._log.enforced
    world.pass_time(65.0)
    assert not engine._log.enforced
    save(world, process, engine, "after")


@pytest.mark.parametrize(("faults", "days"), [(CALM, 7), (IGNORED, 1)])
def test_after_some_time_a_server_is_asked_again(make_world, join, faults, days):
    world = make_world(1, faults)
    unsafe = faults is IGNORED
    leave(world, *join(world, "first", allow_unsafe=unsafe))
    world.pass_time(days * DAY - 1_000)
    process, engine = join(world, "second", allow_unsafe=unsafe)
    assert sends(process) == 0
    leave(world, process, engine)
    world.pass_time(2_000)
    process, engine = join(world, "third", allow_unsafe=unsafe)
    assert sends(process) == 5


def test_a_server_that_was_mended_is_trusted_again(make_world, join):
    world = make_world(1, IGNORED)
    with pytest.raises(NoncesIgnored):
        join(world, "first")
    world.faults = CALM
    world.pass_time(DAY + 1)
    process, engine = join(world, "second")
    save(world, process, engine, "a")
    world.pass_time(70.0)
    assert [(found.fault, found.lasting) for found in verdicts(world)] == [("", True)]


def test_a_process_that_stood_still_while_it_asked_accuses_nobody(make_world, join):
    for seed in range(40):
        world = make_world(seed)
        leave(world, *join(world, "creator"))
        world.pass_time(8 * DAY)
        world.faults = Faults(freeze_at_send=0.1, lost_answer=0.1, late_effect=0.1)
        process, engine = join(world, "first")
        world.pass_time(3_000.0)
        world.faults = CALM
        world.pass_time(1_500.0)
        assert {found.fault for found in verdicts(world)} == {""}, seed
        assert engine._log.stop.refusal is None
        assert not process.failures
        world.end()


def set_back_each(world, seconds, by):
    """Have the clock that ids are made with be set back again and again, as that of a machine on
    which the server runs, too.
    """

    def set_back():
        world.id_skew -= by
        world.after(seconds, set_back)

    world.after(seconds, set_back)


def test_a_probe_is_not_deceived_by_a_clock_that_was_set_back_while_it_waited(make_world, join):
    world = make_world()
    process, engine = join(world, "first")
    world.pass_time(30.0)
    world.id_skew = -3_600.0
    process.freeze(2 * world.faults.nonce_window)
    world.pass_time(1_000.0)
    assert {found.fault for found in verdicts(world)} == {""}
    assert (engine._log.enforced, engine._log.stop.refusal) == (True, None)
    save(world, process, engine, "a")


def test_a_machine_that_slept_while_a_probe_waited_accuses_nobody(make_world, join):
    world = make_world()
    process, engine = join(world, "first")
    world.pass_time(30.0)
    # Its clock does not count the time for which it sleeps.
    asleep = 2 * world.faults.nonce_window
    process.freeze(asleep)
    process.seam.monotonic = lambda: world.time - asleep
    world.pass_time(1_000.0)
    assert {found.fault for found in verdicts(world)} == {""}
    assert (engine._log.enforced, engine._log.stop.refusal) == (True, None)


def test_clocks_that_are_set_back_while_processes_stand_still_accuse_nobody(make_world, join):
    for seed in range(40):
        world = make_world(seed, Faults(freeze_at_send=0.15))
        set_back_each(world, 50.0, by=80.0)
        _, engine = join(world, "first")
        world.pass_time(2_000.0)
        assert {found.fault for found in verdicts(world)} == {""}, seed
        assert engine._log.stop.refusal is None
        world.end()


def test_a_clock_that_is_set_back_hides_no_nonce_that_was_forgotten_too_soon(make_world, join):
    world = make_world(1, FORGOTTEN)
    process, engine = join(world, "first")
    set_back_each(world, 10.0, by=600.0)
    world.pass_time(65.0)
    with pytest.raises(NoncesIgnored, match="it forgot a nonce"):
        save(world, process, engine, "a")


def test_the_verdict_of_another_bot_does_not_count(make_world, join):
    world = make_world()
    leave(world, *join(world, "first"))
    (catalog,) = [channel.id for channel in world.channels.values() if channel.name == "catalog"]
    forged = Message(world.snowflake(), catalog, 77, Verdict("it is slow").to_content())
    world.messages[catalog][forged.id] = Stored(forged, world.time)
    _, engine = join(world, "second")
    assert engine._log.enforced


@pytest.mark.parametrize(
    "text",
    [
        '{"nonces":2,"fault":"","lasting":true}',
        '{"nonces":1,"fault":"","lasting":1}',
        '{"nonces":1,"fault":null,"lasting":true}',
        '{"nonces":1,"lasting":true}',
        '{"nonces":1',
        '{"nonces":' + "[" * 100_000,
        '{"nonces":[]}',
    ],
)
def test_what_is_no_verdict_of_this_version_is_passed_over(text):
    assert Verdict.from_message(Message(1, 1, 1, f"```json\n{text}\n```")) is None


def test_older_versions_pass_over_verdicts():
    for verdict in (Verdict(), Verdict("it is slow"), Verdict(lasting=True)):
        content = verdict.to_content()
        assert Superblock.from_content(content) is None
        assert read_header(content) is None
        again = Verdict.from_message(Message(5, 1, 1, content))
        assert again == dataclasses.replace(verdict, message=5)
