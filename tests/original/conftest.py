"""A server that has what discobase 1.0.0 has left, and a database of today beside it."""

from __future__ import annotations

import pytest

from discobase import Database
from discobase.local import LocalDiscord
from tests.original.fixture import load
from tests.original.place import Place


@pytest.fixture(scope="module", autouse=True)
def _no_settings():
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DISCOBASE_TOKEN", "DISCOBASE_API_URL"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="module")
def discord():
    with LocalDiscord() as running:
        yield running


@pytest.fixture(scope="module")
def shared(discord):
    """A connected database of today, for all tests of a module: each has tables of its own."""
    database = Database("today")
    discord.join("today")
    with database.conn(discord.default_token, api_url=discord.api_url, timeout=10):
        yield database


@pytest.fixture
def place(discord, request):
    """A server in which nothing is yet."""
    name = f"old {request.node.name}"
    return Place(discord, discord.join(name), discord.default_token, name)


@pytest.fixture(scope="module")
def _left(discord):
    place = Place(discord, discord.join("old"), discord.default_token, "old")
    place.made = load(place.rest, place.server)
    return place


@pytest.fixture
def left(_left, request):
    """What 1.0.0 has left, and a name for a new and empty server beside it."""
    _left.discord.join(request.node.name)
    return _left
