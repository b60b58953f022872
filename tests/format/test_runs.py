"""What simulated runs leave, faults and all, is read to the state that every engine has."""

from __future__ import annotations

from functools import partial

import pytest

from discobase.engine.log.superblock import Superblock
from tests.engine import runs
from tests.engine.conftest import quiet
from tests.engine.runs import PROFILES, Run
from tests.engine.seeds import blocks
from tests.engine.simulation import BOT
from tests.format import decrypting
from tests.format.reader import find, open_database
from tests.format.worlds import OfWorld, held_by

pytestmark = pytest.mark.one_python

__all__ = ["quiet"]

FIRST, BLOCK = 100, 2
"""Other seeds than those of tests/engine/test_runs.py."""


class Checked(Run):
    """A run whose engines tell what they hold before they are taken down."""

    def __init__(self, profile: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(profile, seed)
        self.held: set[tuple[int, str, str]] = set()
        check = runs.check_replicas

        def checked(log, state, engines) -> None:
            check(log, state, engines)
            self.held |= {held_by(engine) for engine in engines}

        monkeypatch.setattr(runs, "check_replicas", checked)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("first", blocks(BLOCK))
def test_a_run_is_read_to_the_state_that_every_engine_has(profile, first, monkeypatch):
    for seed in range(FIRST + first, FIRST + first + BLOCK):
        with monkeypatch.context() as patched:
            run = Checked(profile, seed, patched).go()
        source = OfWorld(run.world)
        with_key = partial(decrypting.open_database, key=runs.KEY)
        opened = with_key if run.profile.encrypted else open_database
        read = [opened(source, whole=whole) for whole in (True, False)]
        told = f"python -m tests.engine.runs {profile} {seed}"
        assert {(state.seq, state.chain, state.hash()) for state in read} == run.held, told


@pytest.mark.parametrize("first", blocks(BLOCK))
def test_what_these_runs_are_to_show_is_in_some_of_them(first):
    seeds = range(FIRST + first, FIRST + first + BLOCK)
    runs_at_odds = (
        Run(profile, seed).go() for seed in seeds for profile in ("unenforced", "frozen")
    )
    assert any(run.log.superfluous for run in runs_at_odds)
    assert all(Run("keeping", seed).go().checkpoints for seed in seeds)


def test_frames_bear_the_nonces_of_their_positions():
    world = Run("calm", 100).go().world
    block = find(OfWorld(world))
    assert isinstance(block.lanes, list)
    by_message = {identity: nonce for (author, nonce), (_, identity, _) in world.nonces.items()}
    for seq in range(1, 5):
        lane = block.lanes[seq % len(block.lanes)]
        assert block.nonce(seq) in {by_message[message] for message in world.messages[lane]}
    content = next(
        stored.message.content
        for (author, nonce), (channel, identity, _) in world.nonces.items()
        if author == BOT and nonce == f"{block.database}.superblock"
        for stored in [world.messages[channel][identity]]
    )
    known = Superblock.from_content(content)
    assert known is not None
    assert known.nonce_of(12345) == block.nonce(12345)
