"""A server for each module, and on it a Discord server of its own for each database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count

import pytest

import discobase
from discobase.local import LocalDiscord
from tests.contrib import django_site  # noqa: F401 - sets Django up, before what needs its settings

_numbers = count(1)


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch):
    for name in ("DISCOBASE_TOKEN", "DISCOBASE_API_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def discord() -> Iterator[LocalDiscord]:
    with LocalDiscord() as running:
        yield running


Make = Callable[..., discobase.Database]


@pytest.fixture
def new_database(discord: LocalDiscord) -> Iterator[Make]:
    """Make databases, each on a Discord server of its own; they are closed after the test."""
    with ExitStack() as stack:

        def make(name: str | None = None, **options: object) -> discobase.Database:
            name = name or f"contrib {next(_numbers)}"
            if name not in discord.servers().values():
                discord.join(name)
            database = discobase.Database(name, **options)
            stack.callback(database.close)
            return database

        yield make


@pytest.fixture
def place(discord: LocalDiscord) -> dict[str, str]:
    """Where the server is, as settings of an app."""
    discord.join("contrib")
    return {"DISCOBASE_TOKEN": discord.default_token, "DISCOBASE_API_URL": discord.api_url}
