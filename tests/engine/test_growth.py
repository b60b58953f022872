"""How a database has grown, by what is known without a call, and when a vacuum would pay."""

from __future__ import annotations

import pytest

from discobase.engine.changes import Insert, Remove, Replace
from discobase.engine.checkpoints.growth import growth_of
from tests.engine.rows import row
from tests.engine.workload import put

LANES = 4
MB = 1_000_000


@pytest.mark.parametrize(
    ("commits", "log_bytes", "records", "state_bytes", "advised"),
    [
        (0, 0, 0, None, False),
        (1, 100, 1, None, False),
        # Long, and all of it still counts: nothing would go away.
        (1_000_000, 100 * MB, 1_000_000, 105 * MB, False),
        (1_000_000, 100 * MB, 1_000_000, None, False),
        # Long, for a few records that are written again and again.
        (1_000_000, 100 * MB, 1_000, 105_000, True),
        (1_000_000, 100 * MB, 1_000, None, True),
        (1_000_000, 100 * MB, 0, 40, True),
        # The same in few commits, or few bytes: read in no time.
        (1_000, 100 * MB, 1_000, 105_000, False),
        (10_000, MB, 10, 1_000, False),
        # Many bytes in large commits: it is the download that takes long.
        (20_000, 60_000 * MB, 10_000, 10 * MB, True),
        # Half of it: not yet.
        (1_000_000, 100 * MB, 500_000, 50 * MB, False),
    ],
)
def test_when_a_vacuum_would_pay(commits, log_bytes, records, state_bytes, advised):
    growth = growth_of(commits, log_bytes, records, state_bytes, LANES)
    assert (growth.advice is not None) == advised
    assert (growth.commits, growth.log_bytes) == (commits, log_bytes)


def test_the_advice_says_how_much_and_how_long():
    advice = growth_of(1_000_000, 100 * MB, 1_000, 105_000, LANES).advice
    assert "holds 952 times what its records come to" in advice
    assert "takes about 49 minutes" in advice


def test_an_engine_knows_it_without_a_call_whatever_it_began_with(make_world, join):
    world = make_world()
    process, engine = join(world)
    for tag in "abc":
        world.run_in(process, put(engine, Insert("a", row(tag))))
    world.run_in(process, put(engine, Replace("a", 1, row("d"))))
    world.run_in(process, put(engine, Remove("a", 2)))
    process.calls.clear()
    growth = engine.growth()
    assert process.calls.total() == 0
    assert (growth.commits, growth.records, growth.advice) == (5, 2, None)
    assert growth.log_bytes == engine.replica.volume > 0
    assert growth.state_bytes is None
    world.pass_time(5)
    world.run_in(process, engine.checkpoint())
    assert engine.growth().state_bytes > 0
    _, other = join(world, "two")
    assert other.growth().log_bytes == growth.log_bytes
