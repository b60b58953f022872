"""A server for each test, a bot in a guild with one channel on it, and ways to talk to it.

Every exchange over the REST API that a test of this directory makes is held against Discord's
description of its API, where that is at hand.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from discobase.local import LocalDiscord
from discobase.local.rest.exchange import Exchange
from tests.local.description import PLACE, Witness
from tests.local.rest import Rest


@dataclass
class Place:
    """A running server with one guild, one bot in it, and one text channel."""

    server: LocalDiscord
    rest: Rest
    guild: int
    channel: int
    token: str

    @property
    def messages(self) -> str:
        return f"/channels/{self.channel}/messages"

    def send(self, content: str, **more):
        answer = self.rest("POST", self.messages, {"content": content, **more})
        assert answer.status == 200, answer
        return answer.body

    def history(self, query: str = "") -> list[str]:
        return [message["content"] for message in self.rest("GET", self.messages + query).body]

    def another_bot(self, name: str = "other", **options) -> Rest:
        token = self.server.create_bot(name, **options)
        self.server.add_bot(token, self.guild)
        return Rest(self.server.api_url, token)


def furnish(server: LocalDiscord) -> Place:
    guild = server.join("test")
    rest = Rest(server.api_url, server.default_token)
    channels = rest("GET", f"/guilds/{guild}/channels").body
    if not channels:
        channels = [rest("POST", f"/guilds/{guild}/channels", {"name": "lane"}).body]
    return Place(server, rest, guild, int(channels[0]["id"]), server.default_token)


@pytest.fixture
def place():
    with LocalDiscord() as server:
        yield furnish(server)


@pytest.fixture(scope="session")
def witness():
    """Sees every exchange of the session; None without the description (test_conformance tells)."""
    if not PLACE.exists():
        yield None
        return
    witness = Witness()
    patch = pytest.MonkeyPatch()
    reply = Exchange._reply

    def watched(exchange, body):
        answer = reply(exchange, body)
        route, (status, text, _) = exchange._route, answer
        if status < 500:
            witness.watch(route.method, route.template, body.json, bool(body.files), status, text)
        return answer

    patch.setattr(Exchange, "_reply", watched)
    yield witness
    patch.undo()


@pytest.fixture(autouse=True)
def conformance(witness):
    """Fails a test that makes the server say, or take, what the description does not allow."""
    yield
    if witness is not None:
        assert witness.take() == []
