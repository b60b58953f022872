"""Whole runs with faults: after each, every invariant and every promise is checked (see audit.py).

A failure tells its trace, and the command that shows it again.
"""

from __future__ import annotations

import pytest

from tests.engine.linearizability import Operation, linearizable
from tests.engine.runs import PROFILES, Run
from tests.engine.seeds import blocks

QUICK = 30
SOAK = 2_000
BLOCK = 10


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("first", blocks(BLOCK))
def test_every_promise_holds(profile, first):
    for seed in range(first, first + BLOCK):
        run = Run(profile, seed).go()
        assert run.log.head > 0, "nothing was written: the run shows nothing"


@pytest.mark.soak
@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("first", range(QUICK, SOAK, 100))
def test_every_promise_holds_for_long(profile, first):
    for seed in range(first, first + 100):
        Run(profile, seed).go()


def test_a_run_is_the_same_every_time_for_the_same_seed():
    first, second = (Run("deadly", 7).go().world.trace for _ in range(2))
    assert first == second


def test_the_faults_of_a_run_do_happen():
    deadly = Run("deadly", 3).go().world
    told = "\n".join(deadly.trace)
    for fault in ("killed", "answer lost", "event dropped", "event doubled", "error before"):
        assert fault in told
    missing = {"ends", "is flipped", "is cut short", "is removed"}
    for seed in range(20):
        cached = "\n".join(Run("cached", seed).go().world.trace)
        missing = {fault for fault in missing if fault not in cached}
        if not missing:
            break
    assert not missing
    frozen = (Run("frozen", seed).go() for seed in range(8))
    assert any(run.log.superfluous for run in frozen), "no nonce was ever forgotten"


def test_a_stale_read_is_not_linearizable():
    first = Operation("set", 0, 1, expected=None, new="a", done=True)
    second = Operation("set", 2, 3, expected="a", new="b", done=True)
    assert linearizable([first, second, Operation("read", 4, 5, got="b")])
    assert not linearizable([first, second, Operation("read", 4, 5, got="a")])
    assert linearizable([first, second, Operation("read", 2.5, 5, got="a")])


def test_a_write_of_unknown_outcome_may_or_may_not_have_happened():
    unknown = Operation("set", 0, expected=None, new="a")
    assert linearizable([unknown, Operation("read", 4, 5, got="a")])
    assert linearizable([unknown, Operation("read", 4, 5, got=None)])
    both = [Operation("read", 4, 5, got="a"), Operation("read", 6, 7, got=None)]
    assert not linearizable([unknown, *both])
