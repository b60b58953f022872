"""An operator requires a version: older programs write nothing after that, in the log's order."""

from __future__ import annotations

import asyncio
import dataclasses
import json

import pytest

from discobase.engine.changes import Insert, Request, RequireVersion
from discobase.engine.log.frame import GENESIS, Limits, encode
from discobase.engine.log.last_look import TRUST
from discobase.engine.operations import LaterFormat, Put, Require, from_line, to_line, version_for
from discobase.engine.trouble import Trouble, Troubles
from discobase.engine.versions import latest, release_of
from discobase.errors import DiscobaseError, OutcomeUnknown, UpgradeNeeded, UsageError
from tests.engine.audit import read_log
from tests.engine.rows import row, rows_of
from tests.engine.runs import PROFILES
from tests.engine.simulation import CALM, Faults
from tests.engine.workload import ask, put

pytestmark = pytest.mark.one_python

NONCE_SECONDS = 120.0
"""For which nonces are remembered here: less than the writers go on for."""


async def require(engine, version, *, lower=False):
    """What becomes of a requirement."""
    return await ask(engine, Request((), preparations=[RequireVersion(version, lower)]))


def write(world, process, engine, *tags):
    for tag in tags:
        world.run_in(process, put(engine, Insert("a", row(tag))))


def requirements(world, engine) -> list[tuple[int, str]]:
    """Position and version of all that counts."""
    lines = read_log(world, engine.superblock).lines
    return [(line.seq, op[1]) for line in lines for op in line.operations if op[0] == "minimum"]


@pytest.fixture
def both(make_world, join):
    """A world with an old program and a new one, and what the old one tells."""

    def made(faults=CALM, seed=1):
        world = make_world(seed)
        told: list[Trouble] = []
        old = join(world, "old", version="2.0.3", troubles=Troubles(told.append))
        new = join(world, "new", version="2.1.0.dev0")
        world.faults = faults
        return world, old, new, told

    return made


def test_who_is_too_old_writes_nothing_any_more_and_goes_on_reading(both, join):
    world, (one, old), (two, new), told = both()
    write(world, one, old, "before")
    assert world.run_in(two, require(new, "2.1")).seq == 2
    world.pass_time(2)
    with pytest.raises(UpgradeNeeded, match=r"needs discobase 2\.1 or later") as raised:
        write(world, one, old, "too old")
    assert raised.value.needs == "2.1"
    with pytest.raises(UpgradeNeeded):
        world.run_in(one, old.refresh())
    write(world, two, new, "after")
    world.pass_time(2)
    assert rows_of(old) == rows_of(new) == ["before", "after"]
    assert [(trouble.kind, trouble.over, trouble.writes_blocked) for trouble in told] == [
        ("version", False, True)
    ]
    with pytest.raises(UpgradeNeeded):
        join(world, "forgotten", version="2.0.9")
    _, newcomer = join(world, "newcomer", version="2.1")
    assert rows_of(newcomer) == ["before", "after"]
    assert newcomer.replica.writers.minimum == "2.1"


def test_one_that_is_taken_back_lets_older_programs_go_on(both, join):
    world, (one, old), (two, new), told = both()
    world.run_in(two, require(new, "2.1"))
    world.pass_time(2)
    with pytest.raises(UsageError, match="lower=True"):
        world.run_in(two, require(new, "2.0"))
    assert world.run_in(two, require(new, "2.0", lower=True)).seq == 2
    world.pass_time(2)
    write(world, one, old, "again")
    assert [(trouble.over, trouble.writes_blocked) for trouble in told] == [
        (False, True),
        (True, False),
    ]
    # What was required in between does not stop whoever reads the log from its beginning.
    quiet: list[Trouble] = []
    _, newcomer = join(world, "newcomer", version="2.0.3", troubles=Troubles(quiet.append))
    assert rows_of(newcomer) == ["again"]
    assert quiet == []


def test_what_is_required_already_costs_nothing(both):
    world, _, (two, new), _ = both()
    world.run_in(two, require(new, "2.1"))
    two.calls.clear()
    for same in ("2.1", "2.1.0"):
        assert world.run_in(two, require(new, same)).seq == 1
    assert two.calls.total() == 0
    assert requirements(world, new) == [(1, "2.1")]


def test_of_two_at_one_moment_the_higher_one_stands(both):
    world, (_, old), (_, new), _ = both()
    requests = [
        Request((), preparations=[RequireVersion(version, False)]) for version in ("2.0", "2.1")
    ]
    for engine, request in zip((old, new), requests, strict=True):
        engine.commit(request)
    world.run(lambda: all(request.future.done() for request in requests))
    world.pass_time(2)
    assert old.replica.writers.minimum == new.replica.writers.minimum == "2.1"


def test_of_two_in_one_commit_the_second_is_held_against_the_first(both):
    world, _, (_, new), _ = both()
    tried = [("2.1", False), ("2.0", False), ("2.0.1", True), ("2.0.0", False)]
    requests = [Request((), preparations=[RequireVersion(*each)]) for each in tried]
    for request in requests:
        new.commit(request)
    world.run(lambda: all(request.future.done() for request in requests))
    errors = [type(request.future.exception()) for request in requests]
    assert errors == [type(None), UsageError, type(None), UsageError]
    assert requirements(world, new) == [(1, "2.1"), (1, "2.0.1")]
    assert new.replica.writers.minimum == "2.0.1"


def test_what_is_withdrawn_does_not_stand(both):
    world, (one, old), (_, new), _ = both()
    proposal = new.replica.propose([Request((), preparations=[RequireVersion("2.1", False)])])
    assert proposal.operations == [Require("2.1")]
    new.replica.withdraw()
    again = new.replica.propose([Request((), preparations=[RequireVersion("2.0", False)])])
    assert again.operations == [Require("2.0")]
    new.replica.withdraw()
    write(world, one, old, "on")


def test_what_a_request_required_that_failed_after_that_does_not_stand(both):
    _, _, (_, new), _ = both()
    both_ways = [RequireVersion("2.1", False), RequireVersion("2.0", False)]
    failing = Request((), preparations=both_ways)
    proposal = new.replica.propose([failing, Request((), preparations=[both_ways[1]])])
    assert isinstance(proposal.verdicts[0], UsageError)
    assert proposal.operations == [Require("2.0")]
    new.replica.withdraw()


def test_what_is_heard_of_by_the_look_before_a_send_alone_holds_as_well(both):
    world, (one, old), (two, new), _ = both()
    write(world, one, old, "before")
    world.pass_time(2)
    world.faults = Faults(dropped_event=1.0)
    world.run_in(two, require(new, "2.1"))
    world.pass_time(2 * TRUST)
    assert old.replica.writers.minimum is None
    with pytest.raises(UpgradeNeeded):
        write(world, one, old, "too old")
    assert old.replica.writers.minimum == "2.1"
    world.faults = CALM
    world.run_in(two, new.refresh())
    assert rows_of(new) == ["before"]


async def write_for_long(world, engine, name, told):
    """Write now and then, whatever the answer, until well after every nonce is forgotten."""
    end, count = world.time + 3 * NONCE_SECONDS, 0
    while world.time < end:
        count += 1
        try:
            await put(engine, Insert("a", json.dumps({"tag": f"{name}{count}"})))
        except DiscobaseError as error:
            told.append(error)
        await asyncio.sleep(world.random.random() * 20)


async def require_some_time(world, engine):
    """Require a version, again until it stands."""
    await asyncio.sleep(world.random.random() * 60)
    while engine.replica.writers.minimum != "2.1":
        try:
            await require(engine, "2.1")
        except DiscobaseError as error:
            world.note(f"not required yet: {error}")
            await asyncio.sleep(1)


@pytest.mark.parametrize("profile", ["calm", "rough", "frozen"])
def test_nothing_of_an_older_program_counts_above_it_whatever_happens(both, profile):
    faults = dataclasses.replace(PROFILES[profile].faults, nonce_window=NONCE_SECONDS)
    for seed in range(12):
        world, (one, old), (two, new), _ = both(faults, seed)
        told: dict[str, list[BaseException]] = {"old": [], "new": []}
        works = [
            one.loop.create_task(write_for_long(world, old, "old", told["old"])),
            two.loop.create_task(write_for_long(world, new, "new", told["new"])),
            two.loop.create_task(require_some_time(world, new)),
        ]
        world.run(lambda works=works: all(work.done() for work in works))
        world.faults = dataclasses.replace(CALM, nonce_window=NONCE_SECONDS)
        world.pass_time(60)
        write(world, two, new, "new, last")
        with pytest.raises(UpgradeNeeded):
            write(world, one, old, "old, last")
        log = read_log(world, new.superblock)
        (since,) = [line.seq for line in log.lines for op in line.operations if op[0] == "minimum"]
        above = [op for line in log.lines if line.seq > since for op in line.operations]
        tags = [op[-1]["tag"] for op in above if op[0] == "put"]
        assert all(tag.startswith("new") for tag in tags), f"seed {seed}: {tags}"
        assert not any(isinstance(error, UpgradeNeeded) for error in told["new"])
        if profile == "calm":
            assert {type(error) for error in told["old"]} <= {UpgradeNeeded, OutcomeUnknown}
        world.run_in(two, new.refresh())
        # Of an event that gets lost the older program hears no more: it may not ask.
        seen = rows_of(old)
        assert seen == rows_of(new)[: len(seen)]
        world.end()


# What stands in the log


def test_versions_that_do_not_know_it_stop_there_and_name_the_version():
    frame = encode(
        [Put("a", 1, "{}"), Require("3.2")],
        seq=1,
        chain=GENESIS,
        writer="w",
        time=1.0,
        limits=Limits(),
    )
    assert '"needs":"3.2"' in frame.content
    # Its name has no question mark, so it is not passed over.
    assert '\n["minimum","3.2"]' in frame.content
    with pytest.raises(LaterFormat):
        from_line('["minimum","3.2rc1"]')
    with pytest.raises(LaterFormat):
        from_line('["minimum","3.2",{"from":"2027-01-01"}]')


@pytest.mark.parametrize("version", ["0.9", "1.0", "2.0"])
def test_one_that_is_low_needs_the_version_that_knows_it(version):
    assert version_for([Require(version)]) == "2.0"
    assert from_line(to_line(Require(version))) == Require(version)


@pytest.mark.parametrize(
    ("version", "numbers"),
    [
        ("2", (2,)),
        ("2.0.0", (2,)),
        ("2.1", (2, 1)),
        ("2.10.0", (2, 10)),
        ("2.0.0.dev0", (2,)),
        ("2.1rc1", (2, 1)),
        ("0", ()),
    ],
)
def test_what_counts_of_a_version_are_its_numbers(version, numbers):
    assert release_of(version) == numbers


def test_versions_compare_as_numbers():
    assert latest(["2.9", "2.10", "2.1"]) == "2.10"
    assert latest([]) is None
    with pytest.raises(ValueError, match="no version"):
        release_of("two")
