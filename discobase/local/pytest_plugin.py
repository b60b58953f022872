"""Fixtures that give a test a Discord of its own, and connect databases to it.

Name the module in a ``conftest.py``; it is not loaded by itself, so that other test suites of the
environment do not pay for it::

    pytest_plugins = ["discobase.local.pytest_plugin"]

A test that takes ``local_discord`` has a fresh server on a loopback port, with one bot and without
any Discord server in it. The option ``--discord-limits discord`` runs all such tests under
Discord's rate limits. ``connect_database`` connects an app's own database to that server::

    @pytest.fixture
    def db(connect_database):
        return connect_database(guestbook.db)
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, ExitStack
from typing import Any, Protocol, TypeVar

import pytest

from discobase.local import LocalDiscord


class Connectable(Protocol):
    """What is connected: a :class:`~discobase.Database`."""

    @property
    def name(self) -> str:
        """The name of its Discord server, unless another one is given."""
        ...

    def conn(
        self, token: str | None = None, *, api_url: str | None = None
    ) -> AbstractContextManager[Any]:
        """Connect it for the length of a ``with`` block."""
        ...


_D = TypeVar("_D", bound=Connectable)


class ConnectDatabase:
    """What the fixture ``connect_database`` gives: call it with a database.

    Args:
        discord: the server to connect to.
        connections: what closes them.
    """

    def __init__(self, discord: LocalDiscord, connections: ExitStack) -> None:
        self._discord = discord
        self._connections = connections

    def __call__(self, database: _D, *, server: str | None = None) -> _D:
        """Connect a database to the test's server, until the test ends.

        Args:
            database: as the app declares it, with its tables.
            server: the name of its Discord server, where that is not the database's.

        Returns:
            The same database.

        Raises:
            AlreadyConnected: it is connected, or connecting.
        """
        self._discord.join(database.name if server is None else server)
        token, api_url = self._discord.default_token, self._discord.api_url
        self._connections.enter_context(database.conn(token, api_url=api_url))
        return database


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


@pytest.fixture
def connect_database(local_discord: LocalDiscord) -> Generator[ConnectDatabase]:
    """Connect databases to the server; they are closed after the test."""
    with ExitStack() as connections:
        yield ConnectDatabase(local_discord, connections)
