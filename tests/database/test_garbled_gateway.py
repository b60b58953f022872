"""A gateway sends what cannot be read, or believed: saves and finds go on, events come again."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from discobase.local import LocalDiscord
from tests.database.conftest import Place
from tests.database.shop import shop, soon
from tests.database.strangers import Stranger, points_to

pytestmark = pytest.mark.usefixtures("quick_identifies")

UNREADABLE: dict[str, dict[str, Any]] = {
    "truncated JSON": {"action": "truncate"},
    "no UTF-8": {"action": "misencode"},
    "a wrong stream": {"action": "corrupt"},
    "s is infinite": {"action": "alter", "payload": {"s": float("inf")}},
    "s is NaN": {"action": "alter", "payload": {"s": float("nan")}},
    "s is negative": {"action": "alter", "payload": {"s": -1}},
    "s is larger than any": {"action": "alter", "payload": {"s": 10**30}},
    "s is a text": {"action": "alter", "payload": {"s": "3"}},
    "a name that is a list": {"action": "alter", "payload": {"t": ["MESSAGE_CREATE"]}},
    "s is true": {"action": "alter", "payload": {"s": True}},
}
"""What ends a session, for nothing that comes after it can be trusted to be in its place."""

UNUSABLE: dict[str, dict[str, Any]] = {
    "no data": {"d": None},
    "data of another type": {"d": [1, "x"]},
    "no id": {"d": {"channel_id": "1"}},
    "no channel": {"d": {"id": "1"}},
    "an id that is no number": {"d": {"id": "x", "channel_id": "1"}},
    "an id that is infinite": {"d": {"id": float("inf"), "channel_id": "1"}},
    "an id that is a list": {"d": {"id": [], "channel_id": "1"}},
    "attachments that are none": {"d": {"id": "1", "channel_id": "1", "attachments": [1]}},
    "an author that is none": {"d": {"id": "1", "channel_id": "1", "author": "x"}},
    "a server that is none": {"d": {"id": "1", "channel_id": "1", "guild_id": "x"}},
    "an unknown event": {"t": "NO_SUCH_EVENT"},
    "no name": {"t": None},
    "an unknown operation": {"op": 99},
    "an operation that is none": {"op": "x"},
}
"""What can be told to be missing, and is read from the log; the session goes on."""


def at_once(check, kinds):
    """Check each of them, each on a server of its own."""

    def one(kind):
        with LocalDiscord() as discord:
            check(Place(discord, discord.join("shop"), discord.default_token), kinds[kind])
        return kind

    with ThreadPoolExecutor(len(kinds)) as pool:
        assert [*pool.map(one, kinds)] == [*kinds]


def names(table):
    return [record.name for record in table.find()]


def hears(database):
    """Whether the gateway tells it of events."""
    return database._source.session()._engine.standing().events is None


def two(place):
    (one, first), (other, second) = shop(), shop()
    return [one, other], [first, second]


def goes_on(place, databases, tables):
    """Check that saves and finds work, and that what one saves comes to the other as an event."""
    first, second = tables
    seen = names(first)
    first(name="by one").save()
    second(name="by the other").save()
    databases[0].refresh()
    assert names(first) == names(second) == [*seen, "by one", "by the other"]
    assert soon(lambda: all(map(hears, databases)), seconds=20)
    first(name="afterwards").save()
    assert soon(lambda: len(names(second)) == len(seen) + 3, seconds=0.9)  # polls wait a second


def ends_the_session(place, fault):
    databases, tables = two(place)
    with place.conn(databases[0]), place.conn(databases[1]):
        assert soon(lambda: all(map(hears, databases)), seconds=20)
        before = place.discord.requests.identifies
        place.discord.event_fault(**fault)
        tables[0](name="garbled").save()
        assert soon(lambda: not any(map(hears, databases)))
        databases[1].refresh()
        goes_on(place, databases, tables)
        assert place.discord.requests.identifies == before + 2
    assert place.discord.faults_left == 0


def test_what_cannot_be_read_leads_to_a_new_session(place):
    at_once(ends_the_session, UNREADABLE)


def stays_unnoticed(place, payload):
    databases, tables = two(place)
    with place.conn(databases[0]), place.conn(databases[1]):
        assert soon(lambda: all(map(hears, databases)), seconds=20)
        before = place.discord.requests.identifies
        place.discord.event_fault(action="alter", payload=payload)
        tables[0](name="garbled").save()
        assert soon(lambda: place.discord.faults_left == 0)
        databases[1].refresh()
        goes_on(place, databases, tables)
        assert place.discord.requests.identifies == before


def test_an_event_that_cannot_be_used_is_made_up_for_from_the_log(place):
    at_once(stays_unnoticed, UNUSABLE)


FIRST: dict[str, dict[str, Any]] = {
    "READY without anything": {"event": "READY", "payload": {"d": {}}},
    "READY with no data": {"event": "READY", "payload": {"d": None}},
    "READY without an address": {"event": "READY", "payload": {"d": {"session_id": "x"}}},
    "READY that is unknown": {"event": "READY", "payload": {"t": "NO_SUCH_EVENT"}},
    "READY with a wrong number": {"event": "READY", "payload": {"s": float("inf")}},
    "GUILD_CREATE without an id": {"event": "GUILD_CREATE", "payload": {"d": {}}},
    "GUILD_CREATE with no data": {"event": "GUILD_CREATE", "payload": {"d": None}},
    "GUILD_CREATE with a wrong id": {"event": "GUILD_CREATE", "payload": {"d": {"id": "x"}}},
}


def begins_again(place, fault):
    place.discord.event_fault(action="alter", **fault)
    databases, tables = two(place)
    with place.conn(databases[0]), place.conn(databases[1]):
        goes_on(place, databases, tables)


def test_a_session_that_begins_with_what_cannot_be_read_is_begun_again(place):
    at_once(begins_again, FIRST)


def test_a_number_that_only_the_server_knows_to_be_wrong_ends_with_the_next_resume(place):
    databases, tables = two(place)
    with place.conn(databases[0]), place.conn(databases[1]):
        assert soon(lambda: all(map(hears, databases)), seconds=20)
        before = place.discord.requests.identifies
        place.discord.event_fault(action="alter", payload={"s": 2**40})
        tables[0](name="garbled").save()
        assert soon(lambda: len(names(tables[1])) == 1)
        place.discord.drop_gateways()
        assert soon(lambda: not any(map(hears, databases)))
        goes_on(place, databases, tables)
        assert place.discord.requests.identifies == before + 2


def test_a_session_that_cannot_be_resumed_where_it_says_is_begun_anew(place, monkeypatch):
    # After some 40 s, of which the test waits for two.
    monkeypatch.setattr("discobase.engine.server.discordpy.client._RESUMES", 5)
    nowhere = {"session_id": "x", "resume_gateway_url": "ws://127.0.0.1:1"}
    place.discord.event_fault(event="READY", action="alter", payload={"d": nowhere})
    database, item = shop()
    with place.conn(database):
        assert soon(lambda: hears(database), seconds=20)
        place.discord.drop_gateways()
        assert soon(lambda: not hears(database))
        item(name="meanwhile").save()
        assert soon(lambda: hears(database), seconds=20)
        assert place.discord.requests.identifies == 2


INTERVALS: dict[str, dict[str, Any]] = {
    "none": {},
    "null": {"heartbeat_interval": None},
    "zero": {"heartbeat_interval": 0},
    "negative": {"heartbeat_interval": -41250},
    "before all time": {"heartbeat_interval": float("-inf")},
    "so short that heartbeats alone are too many": {"heartbeat_interval": 1},
    "true": {"heartbeat_interval": True},
    "endless": {"heartbeat_interval": float("inf")},
    "no number": {"heartbeat_interval": float("nan")},
    "longer than a thread can wait": {"heartbeat_interval": 10**30},
    "larger than a float can be": {"heartbeat_interval": 10**400},
    "a text": {"heartbeat_interval": "41250"},
}
"""What a HELLO says of heartbeats that cannot be sent so."""


class Greets:
    """A way to a server's gateway, but for the first connections, which get a HELLO of another
    kind, and no more.

    Args:
        url: of the true gateway.
        data: of that HELLO.
        times: for how many connections.

    Attributes:
        heard: what came over each of them.
    """

    def __init__(self, url: str, data: dict[str, Any], times: int) -> None:
        self._url = url
        self._data = data
        self._times = times
        self.heard: list[list[str]] = []

    async def __call__(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        if len(self.heard) < self._times:
            self.heard.append([])
            await socket.send_json({"op": 10, "d": self._data})
            async for message in socket:
                self.heard[-1].append(message.data)
            return socket
        url = f"{self._url}?{request.query_string}"
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as true:
            ways = [asyncio.create_task(_pass(true, socket))]
            ways.append(asyncio.create_task(_pass(socket, true)))
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            await socket.close()
        await asyncio.wait(ways)
        return socket


async def _pass(source, sink):
    async for message in source:
        if message.type is aiohttp.WSMsgType.TEXT:
            await sink.send_str(message.data)
        else:
            await sink.send_bytes(message.data)


def greets_until_it_can_be_believed(place, data):
    gateway = Greets(f"{place.api_url.partition('/api')[0]}/gateway", data, times=2)
    with Stranger({"GET /gateway": gateway}, place.api_url) as stranger:
        stranger.answer("GET */gateway/bot", points_to(stranger.gateway_url))
        database, item = shop()
        with database.conn(place.token, api_url=stranger.api_url):
            item(name="one").save()
            assert soon(lambda: hears(database), seconds=20)
            item(name="other").save()
            assert names(item) == ["one", "other"]
    assert gateway.heard == [[], []]
    assert place.discord.requests.identifies == 1


def test_a_hello_whose_heartbeats_cannot_be_sent_is_waited_for_anew(place):
    at_once(greets_until_it_can_be_believed, INTERVALS)
