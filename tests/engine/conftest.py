"""A simulated world for each test, taken down afterwards."""

from __future__ import annotations

import logging

import pytest

from discobase.engine.engine import Engine
from tests.engine.simulation import CALM, World
from tests.engine.workload import LIMITS


@pytest.fixture(autouse=True)
def quiet():
    """Runs with faults log thousands of warnings; what a test needs of them it asks for."""
    logging.getLogger("discobase").setLevel(logging.CRITICAL + 1)
    yield
    logging.getLogger("discobase").setLevel(logging.NOTSET)


@pytest.fixture
def make_world():
    """Makes worlds."""
    made = []

    def make(seed=1, faults=CALM):
        made.append(World(seed, faults))
        return made[-1]

    yield make
    for world in made:
        world.end()


@pytest.fixture
def join():
    """Opens an engine in a new process of a world: made ready by a function, if one is given, and
    with a session that begins so many seconds later.
    """

    def opened(world, name="one", prepared=None, *, session=0.0, **options):
        process = world.process(name)
        if session:
            process.session.lose(session)
        if prepared is not None:
            prepared(process.seam)
        chosen = {"limits": LIMITS, "allow_unsafe": world.faults.nonce_window is None} | options
        engine = world.run_in(
            process, Engine.open(process.seam, failed=process.failures.append, **chosen)
        )
        process.closers.append(engine.replica.close)
        return process, engine

    return opened
