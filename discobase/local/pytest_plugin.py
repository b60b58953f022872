"""Fixtures that give a test a Discord of its own.

Name the module in a ``conftest.py``; it is not loaded by itself, so that other test suites of the
environment do not pay for it::

    pytest_plugins = ["discobase.local.pytest_plugin"]

A test that takes ``local_discord`` has a fresh server on a loopback port, with one bot and without
any Discord server in it. The option ``--discord-limits discord`` runs all such tests under
Discord's rate limits.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest

from discobase.local import LocalDiscord


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--discord-limits``."""
    group = parser.getgroup("discobase", "the local Discord server")
    group.addoption(
        "--discord-limits",
        default="none",
        help="the profile of rate limits of local_discord: none or discord",
    )


@pytest.fixture
def local_discord(request: pytest.FixtureRequest) -> Generator[LocalDiscord]:
    """Run a server; it is closed after the test."""
    with LocalDiscord(limits=str(request.config.getoption("--discord-limits"))) as server:
        yield server
