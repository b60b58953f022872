"""A server for each test, with a bot in a server named "shop", and what to reach it by."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import discord
import pytest

from discobase import Database
from discobase.connected import Connected
from discobase.local import LocalDiscord
from tests.database.shop import soon


@dataclass
class Place:
    """A running server with one bot in one Discord server."""

    discord: LocalDiscord
    server: int
    token: str
    _connected: list[Database] = field(default_factory=list)

    @property
    def api_url(self) -> str:
        return self.discord.api_url

    @property
    def calls(self) -> int:
        """API calls since the last :meth:`forget_calls`."""
        return self.discord.requests.total

    @property
    def sends(self) -> int:
        """Messages posted, or tried to, since the last :meth:`forget_calls`."""
        return self.discord.requests.count("POST", "*/messages")

    def forget_calls(self) -> None:
        """Begin to count, when those who connect have read what their sessions' beginnings ask
        for: a session that begins late has the log read at any moment until it is there.
        """
        soon(lambda: all(_has_begun(database) for database in self._connected))
        self.discord.reset_requests()

    def conn(
        self, database: Database, *, timeout: float = 10.0, allow_unsafe: bool = False
    ) -> Connected[Database]:
        self._connected.append(database)
        return database.conn(
            self.token, api_url=self.api_url, timeout=timeout, allow_unsafe=allow_unsafe
        )

    def channel(self, name: str) -> int:
        """The id of the only channel of that name."""
        (found,) = [
            id_ for id_, known in self.discord.channels(self.server).items() if known == name
        ]
        return found

    def lanes(self) -> list[int]:
        channels = self.discord.channels(self.server)
        return sorted(id_ for id_, name in channels.items() if name.startswith("log-"))

    def frames(self) -> list[dict[str, Any]]:
        """The messages of all lanes, in the order of their ids."""
        found = [message for lane in self.lanes() for message in self.discord.messages(lane)]
        return sorted(found, key=lambda message: int(message["id"]))


def _has_begun(database: Database) -> bool:
    status = database.status()
    return status.gateway == "off" or status.age == 0.0


@pytest.fixture
def hasty(monkeypatch):
    """Damage is declared after half a second: tests/engine holds the half minute, in virtual
    time."""
    monkeypatch.setattr("discobase.engine.doubt.DOUBT_SECONDS", 0.5)


@pytest.fixture
def quick_identifies(monkeypatch):
    """An identify follows another one after a tenth of a second in the place of five (what
    discord.py waits): for tests of what comes before and after it.
    """

    async def pause(*_, initial=False, **__):
        await asyncio.sleep(0.0 if initial else 0.1)

    monkeypatch.setattr(discord.Client, "before_identify_hook", pause)


@pytest.fixture
def soon_given_up(monkeypatch):
    """A newest message that is gone is waited for no longer than two seconds: tests/engine holds
    the half minute, in virtual time.
    """
    monkeypatch.setattr("discobase.engine.log.lane_ends.EXPLAINED_WITHIN", 2.0)
    monkeypatch.setattr("discobase.engine.follower._LOOK_SECONDS", 0.5)


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch):
    for name in ("DISCOBASE_TOKEN", "DISCOBASE_API_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def place():
    with LocalDiscord() as discord:
        server = discord.join("shop")
        yield Place(discord, server, discord.default_token)
