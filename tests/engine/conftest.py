"""A simulated world for each test, taken down afterwards."""

from __future__ import annotations

import logging

import pytest

from tests.engine.simulation import CALM, World


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
