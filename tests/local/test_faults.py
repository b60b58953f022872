"""Faults on demand: what the client sees, and whether the effect took place."""

from __future__ import annotations

import asyncio
import time
from http.client import RemoteDisconnected

import pytest

from discobase.errors import UsageError
from tests.local.gateway_client import in_thread, session

SEND = {"method": "POST", "route": "/channels/{channel_id}/messages"}


def wait_until_taken(place):
    while place.server.faults_left:
        time.sleep(0.001)


def post(place, content="x"):
    return place.rest("POST", place.messages, {"content": content})


@pytest.mark.parametrize(("when", "kept"), [("before", []), ("after", ["x"])])
def test_an_error_comes_before_or_after_the_effect(place, when, kept):
    place.server.fault(**SEND, status=503, when=when)
    answer = post(place)
    assert (answer.status, answer.body["code"]) == (503, 0)
    assert answer.headers["via"]
    assert place.history() == kept
    assert post(place, "next").status == 200


@pytest.mark.parametrize(("when", "kept"), [("before", []), ("after", ["x"])])
def test_a_connection_is_reset_before_or_after_the_effect(place, when, kept):
    place.server.fault(**SEND, reset=True, when=when)
    with pytest.raises((ConnectionResetError, RemoteDisconnected)):
        post(place)
    assert place.history() == kept
    assert place.server.requests.count("POST", "*/messages", status=0) == 1


@pytest.mark.parametrize(("when", "at_once"), [("before", []), ("after", ["x"])])
def test_a_delay_comes_before_or_after_the_effect(place, when, at_once):
    place.server.fault(**SEND, delay=0.3, when=when)

    async def scene():
        async with session(place) as gateway:
            sending = asyncio.create_task(in_thread(post, place))
            if at_once:
                await gateway.event("MESSAGE_CREATE")
            else:
                await in_thread(wait_until_taken, place)
            seen = await in_thread(place.history)
            return seen, sending.done(), (await sending).status

    assert asyncio.run(scene()) == (at_once, False, 200)
    assert place.history() == ["x"]


def test_a_fault_takes_as_many_requests_as_it_is_set_for(place):
    place.server.fault(**SEND, status=500, count=2)
    place.server.fault(**SEND, status=502)
    assert [post(place).status for _ in range(4)] == [500, 500, 502, 200]
    assert place.server.faults_left == 0


def test_a_fault_takes_only_its_method_route_and_channel(place):
    path = f"/guilds/{place.guild}/channels"
    other = int(place.rest("POST", path, {"name": "other"}).body["id"])
    place.server.fault(method="POST", route="*/messages", channel=other, status=500)
    assert post(place).status == 200
    assert place.rest("GET", f"/channels/{other}/messages").status == 200
    assert place.rest("POST", f"/channels/{other}/messages", {"content": "x"}).status == 500


def test_a_fault_can_answer_anything(place):
    body = {"message": "slow down", "retry_after": 0.5, "global": True}
    headers = {"X-RateLimit-Scope": "global", "Retry-After": "1"}
    place.server.fault(status=429, body=body, headers=headers)
    answer = post(place)
    assert (answer.status, answer.body) == (429, body)
    assert answer.headers["x-ratelimit-scope"] == "global"


def test_faults_are_set_and_ended_over_http(place):
    place.rest.admin("POST", "/faults", {**SEND, "channel": str(place.channel), "status": 500})
    assert post(place).status == 500
    place.rest.admin("POST", "/faults", {"status": 500, "count": 100})
    place.rest.admin("DELETE", "/faults")
    assert post(place).status == 200


@pytest.mark.parametrize("fault", [{"when": "later"}, {"mothod": "GET"}])
def test_a_fault_that_makes_no_sense_is_refused(place, fault):
    with pytest.raises((UsageError, TypeError)):
        place.server.fault(**fault)


def hear(place, expected, *, send=("a", "b", "c")):
    """The contents of the first events after these sends."""

    async def scene():
        async with session(place) as gateway:
            for content in send:
                await in_thread(post, place, content)
            heard = [(await gateway.event("MESSAGE_CREATE"))["content"] for _ in range(expected)]
            await gateway.nothing()
            return heard

    return asyncio.run(scene())


def test_an_event_is_dropped(place):
    place.server.event_fault(action="drop")
    assert hear(place, 2) == ["b", "c"]


def test_an_event_is_doubled(place):
    place.server.event_fault(action="duplicate", count=2)
    assert hear(place, 5) == ["a", "a", "b", "b", "c"]


def test_an_event_is_overtaken_by_the_next(place):
    place.server.event_fault(action="reorder")
    assert hear(place, 3) == ["b", "a", "c"]


def test_an_event_that_nothing_overtakes_comes_all_the_same(place):
    place.server.event_fault(action="reorder")
    assert hear(place, 1, send=("a",)) == ["a"]


def test_an_event_is_delayed_while_others_pass(place):
    place.server.event_fault(action="delay", delay=0.3)
    started = time.monotonic()
    assert hear(place, 3) == ["b", "c", "a"]
    assert time.monotonic() - started >= 0.3


def test_the_latency_is_added_to_requests(place):
    place.server.set(latency=0.1)
    started = time.monotonic()
    post(place)
    assert 0.1 <= time.monotonic() - started < 1


def test_a_setting_of_another_type_is_refused(place):
    for settings in ({"latency": "slow"}, {"nonce_window": -1.0}, {"enforce_nonce": 1}):
        with pytest.raises(UsageError):
            place.server.set(**settings)
