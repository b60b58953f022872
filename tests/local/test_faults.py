"""Faults on demand: what the client sees, and whether the effect took place."""

from __future__ import annotations

import asyncio
import json
import random
import time
import zlib
from http.client import HTTPConnection, RemoteDisconnected
from urllib.parse import urlsplit

import pytest

from discobase.errors import UsageError
from discobase.local.behaviour.settings import Settings
from discobase.local.state.read_lag import ReadLag
from discobase.local.state.snowflakes import Snowflakes, unix_time
from tests.local.gateway_client import connected, identify, in_thread, inflater, session

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


def test_a_fault_takes_what_holds_a_text_in_its_body_its_nonce_or_its_files(place):
    place.server.fault(**SEND, containing="poison", status=503, count=None)
    files = {0: ("a.bin", b"\x00poison\xff")}
    poisoned = [
        place.rest("POST", place.messages, {"content": "some poison"}),
        place.rest("POST", place.messages, {"content": "x", "nonce": "poison-1"}),
        place.rest("POST", place.messages, {"content": "x"}, files=files),
    ]
    assert [answer.status for answer in poisoned] == [503] * 3
    assert post(place, "harmless").status == 200
    assert place.rest("POST", place.messages, {}, files={0: ("a", b"x")}).status == 200
    assert place.rest("GET", place.messages).status == 200
    assert place.history() == ["", "harmless"]


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


def damaged_event(place, fault, query, unpack):
    """The bytes that come in place of an event, unpacked, and those of the resume."""

    async def scene():
        async with connected(place, f"v=10&encoding=json{query}", unpack) as gateway:
            ready = await identify(gateway, place.token)
            await gateway.event("GUILD_CREATE")
            place.server.event_fault(**fault)
            await in_thread(post, place)
            frame = (await gateway.websocket.receive(timeout=10)).data
            wish = {"token": place.token, "session_id": ready["session_id"]}
            wish["seq"] = gateway.sequence
            await gateway.websocket.close(code=4000)
        async with connected(place) as again:
            await again.send(6, wish)
            resent = (await again.websocket.receive(timeout=10)).data
        return frame, resent if isinstance(resent, bytes) else resent.encode()

    frame, resent = asyncio.run(scene())
    text = unpack(frame)
    return text if isinstance(text, bytes) else text.encode(), resent


PACKED = pytest.mark.parametrize("query", ["", "&compress=zlib-stream"], ids=["plain", "zlib"])


@PACKED
@pytest.mark.parametrize("payload", [{"d": {}}, {"t": "NO_SUCH"}, {"s": float("inf"), "op": "x"}])
def test_an_event_is_altered_for_who_resumes_too(place, query, payload):
    unpack = inflater() if query else str
    fault = {"action": "alter", "payload": payload}
    text, resent = damaged_event(place, fault, query, unpack)
    said = json.loads(text)
    assert said == {"t": "MESSAGE_CREATE", "s": 3, "op": 0, "d": said["d"], **payload}
    assert resent == text


@PACKED
@pytest.mark.parametrize("action", ["truncate", "misencode"])
def test_an_event_is_no_json_for_who_resumes_either(place, query, action):
    unpack = inflater() if query else lambda data: data
    text, resent = damaged_event(place, {"action": action}, query, unpack)
    with pytest.raises(ValueError, match=r"Expecting|Unterminated|decode"):
        json.loads(text)
    assert text.startswith(b'{"t":"MESSAGE_CREATE","s":3,')
    assert resent == text


def test_an_event_can_be_no_part_of_its_stream_until_there_is_another_one(place):
    stream = inflater()

    def unpack(data):
        try:
            return stream(data)
        except zlib.error:
            return b"corrupt"

    query = "&compress=zlib-stream"
    text, resent = damaged_event(place, {"action": "corrupt"}, query, unpack)
    assert text == b"corrupt"
    assert json.loads(resent)["d"]["content"] == "x"


def test_the_first_events_of_a_session_can_be_damaged_and_are_not_lost(place):
    place.server.event_fault(event="*", action="drop")
    place.server.event_fault(event="READY", action="alter", payload={"d": {}})

    async def scene():
        async with connected(place) as gateway:
            assert await identify(gateway, place.token) == {}
            await gateway.event("GUILD_CREATE")

    asyncio.run(scene())
    assert place.server.faults_left == 1


@pytest.mark.parametrize(
    "fault", [{"action": "alter"}, {"action": "drop", "payload": {}}], ids=["without", "with"]
)
def test_what_alters_events_says_how_and_nothing_else_does(place, fault):
    with pytest.raises(UsageError, match="has a payload"):
        place.server.event_fault(**fault)


def outcomes(place, number=40):
    return [post(place).status for _ in range(number)]


def test_a_fault_by_chance_makes_the_same_choices_from_the_same_seed(place):
    seen = []
    for seed in (1, 1, 2):
        place.server.fault(**SEND, status=500, count=None, probability=0.5, seed=seed)
        seen.append(outcomes(place))
        assert place.server.faults_left == 0
        place.server.clear_faults()
    assert seen[0] == seen[1] != seen[2]
    assert 8 < seen[0].count(500) < 32
    assert outcomes(place, 3) == [200] * 3


def test_a_fault_by_chance_ends_with_its_count(place):
    place.server.fault(**SEND, status=500, count=3, probability=0.5, seed=1)
    statuses = outcomes(place)
    assert statuses.count(500) == 3
    assert set(statuses[-20:]) == {200}


def test_a_storm_of_429_says_how_long_it_lasts(place):
    place.server.fault(**SEND, status=429, count=3)
    for _ in range(3):
        answer = post(place)
        assert (answer.status, answer.body["global"]) == (429, False)
        assert answer.body["retry_after"] > 0
        assert answer.headers["retry-after"] == "1"
        assert answer.headers["x-ratelimit-scope"] == "user"
        assert answer.headers["via"]
    assert post(place).status == 200


@pytest.mark.parametrize("status", [500, 501, 502, 503, 504, 507, 599])
def test_discord_own_errors_are_json_and_come_by_its_proxy(place, status):
    place.server.fault(**SEND, status=status)
    answer = post(place)
    assert (answer.status, answer.code) == (status, 0)
    assert answer.headers["via"]
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("status", [520, 521, 522, 523, 524, 525, 526, 527, 529, 530])
def test_errors_of_cloudflare_are_html_without_via(place, status):
    place.server.fault(method="GET", route="/users/@me", status=status)
    split = urlsplit(place.server.api_url)
    connection = HTTPConnection(split.netloc, timeout=10)
    connection.request("GET", f"{split.path}/users/@me")
    answer = connection.getresponse()
    assert answer.status == status
    assert answer.getheader("Via") is None
    assert answer.getheader("Content-Type").startswith("text/html")
    assert answer.read().startswith(b"<!DOCTYPE html>")
    connection.close()


def test_an_event_can_drop_the_connection_and_come_with_the_resume(place):
    async def scene():
        async with connected(place) as gateway:
            ready = await identify(gateway, place.token)
            await gateway.event("GUILD_CREATE")
            place.server.event_fault(action="disconnect")
            await in_thread(post, place, "a")
            assert (await gateway.receive())["close"] == 4000
            wish = {
                "token": place.token,
                "session_id": ready["session_id"],
                "seq": gateway.sequence,
            }
        async with connected(place) as again:
            await again.send(6, wish)
            return (await again.event("MESSAGE_CREATE"))["content"]

    assert asyncio.run(scene()) == "a"


def test_an_event_can_end_the_session_and_be_lost(place):
    async def scene():
        async with connected(place) as gateway:
            ready = await identify(gateway, place.token)
            await gateway.event("GUILD_CREATE")
            place.server.event_fault(action="end")
            await in_thread(post, place, "a")
            assert (await gateway.receive())["close"] == 4000
            wish = {
                "token": place.token,
                "session_id": ready["session_id"],
                "seq": gateway.sequence,
            }
        async with connected(place) as again:
            await again.send(6, wish)
            frame = await again.receive()
            return frame["op"], frame["d"]

    assert asyncio.run(scene()) == (9, False)


def test_faults_of_events_are_set_for_kinds_channels_and_by_chance(place):
    place.server.event_fault(action="drop", event="TYPING*", count=None)
    place.server.event_fault(action="drop", event="MESSAGE_*", channel=place.channel + 1)
    assert hear(place, 3) == ["a", "b", "c"]
    place.server.event_fault(action="drop", event="MESSAGE_*", probability=0.5, seed=3, count=None)
    sent = [str(number) for number in range(30)]
    chance = random.Random(3)
    kept = [content for content in sent if chance.random() >= 0.5]
    assert hear(place, len(kept), send=sent) == kept


@pytest.mark.parametrize("fault", [{"probability": 1.5}, {"probability": -0.1}])
def test_a_probability_is_from_0_to_1(place, fault):
    with pytest.raises(UsageError, match="probability"):
        place.server.fault(**fault)


def test_ids_are_made_by_a_clock_that_is_off(place):
    offs = []
    for skew in (-30.0, 0.0, 3600.0, -3600.0):
        place.server.set(clock_skew=skew)
        ids = [int(place.send("x")["id"]) for _ in range(20)]
        assert ids == sorted(set(ids))
        offs.append(unix_time(ids[0]) - time.time())
    assert offs == pytest.approx([-30, 0, 3600, -3600], abs=5)


def test_ids_are_out_of_order_where_clocks_differ_from_id_to_id(place):
    place.server.set(clock_jitter=2.0)
    ids = [int(place.send(str(number))["id"]) for number in range(50)]
    assert len(set(ids)) == 50
    assert ids != sorted(ids)
    assert all(abs(unix_time(id_) - time.time()) < 10 for id_ in ids)
    newest_first = [int(m["id"]) for m in place.rest("GET", f"{place.messages}?limit=100").body]
    assert newest_first == sorted(ids, reverse=True)


def test_ids_are_never_given_twice_whatever_the_clock_does():
    settings = Settings()
    new_id = Snowflakes(0, settings)
    ids = []
    for change in ({"clock_skew": 1.0}, {"clock_skew": 0.0}, {"clock_jitter": 0.002}, {}):
        settings.change(**change)
        ids += [new_id() for _ in range(2000)]
    assert len(set(ids)) == len(ids)


def test_latencies_are_spread_as_they_are_asked_to_be():
    settings = Settings()
    settings.change(latency=0.05, latency_tail=0.2)
    drawn = sorted(2 * settings.half_latency() for _ in range(20_000))
    assert drawn[10_000] == pytest.approx(0.05, rel=0.1)
    assert drawn[19_800] == pytest.approx(0.2, rel=0.2)
    settings.change(latency_tail=0.0)
    assert settings.half_latency() == 0.025


def test_the_latency_is_added_to_requests(place):
    place.server.set(latency=0.1)
    started = time.monotonic()
    post(place)
    assert 0.1 <= time.monotonic() - started < 1


def test_a_setting_of_another_type_is_refused(place):
    for settings in ({"latency": "slow"}, {"nonce_window": -1.0}, {"enforce_nonce": 1}):
        with pytest.raises(UsageError):
            place.server.set(**settings)


def test_the_lists_of_messages_are_late_where_they_are_asked_to_be(place):
    place.send("before")
    place.server.set(history_lag=3600.0)

    async def scene():
        async with session(place) as gateway:
            sent = await in_thread(place.send, "late")
            return sent, await gateway.event("MESSAGE_CREATE")

    sent, event = asyncio.run(scene())
    assert event["id"] == sent["id"]
    lists = ("", "?after=0", "?before=9000000000000000000", f"?around={sent['id']}")
    assert [place.history(query) for query in lists] == [["before"]] * 4
    one = place.rest("GET", f"{place.messages}/{sent['id']}")
    assert one.body["content"] == "late"
    assert [m["content"] for m in place.server.messages(place.channel)] == ["before", "late"]
    place.server.set(history_lag=0.0)
    assert [place.history(query) for query in lists] == [["late", "before"]] * 4


def test_messages_come_into_the_lists_after_the_lag_and_stay(place):
    place.server.set(history_lag=0.05)
    began = time.monotonic()
    place.send("late")
    while not place.history():
        time.sleep(0.001)
    assert time.monotonic() - began >= 0.05
    place.server.set(history_lag=3600.0)
    assert place.history() == ["late"]


def test_messages_come_into_the_lists_out_of_order_where_the_lag_differs():
    times = iter([0.0] * 100 + [0.5, 1.0, 2.0, 3.0])
    lag = ReadLag(Settings(history_lag=1.0, history_jitter=2.0), clock=lambda: next(times))
    for id_ in range(100):
        lag.begin(1, id_)
    left = [set(lag.hidden(1)) for _ in range(4)]
    assert (len(left[0]), len(left[1]), len(left[3])) == (100, 100, 0)
    assert left[2]
    assert left[2] != set(range(100 - len(left[2]), 100))
    assert not lag.hidden(2)


def test_a_page_is_full_though_some_of_its_messages_are_late(place):
    for text in ("0", "1", "2", "3"):
        place.send(text)
    place.server.set(history_lag=3600.0)
    for text in ("4", "5", "6"):
        place.send(text)
    assert place.history("?limit=4") == ["3", "2", "1", "0"]
    assert place.history("?limit=3&after=0") == ["2", "1", "0"]


def test_nonces_may_be_checked_without_a_lock(place):
    place.server.set(nonce_gap=0.3)

    async def scene():
        sends = (in_thread(place.send, "x", nonce="n", enforce_nonce=True) for _ in range(2))
        return await asyncio.gather(*sends)

    first, second = asyncio.run(scene())
    assert first["id"] != second["id"]
    again = [place.send("x", nonce="m", enforce_nonce=True)["id"] for _ in range(2)]
    assert again[0] == again[1]


def test_the_answer_to_a_repeated_nonce_may_lack_the_attachments(place):
    place.server.set(repeat_attachments=False)
    body = {"nonce": "n", "enforce_nonce": True}
    files = {0: ("a.bin", b"bytes")}
    first, again = (place.rest("POST", place.messages, body, files=files).body for _ in range(2))
    assert again["id"] == first["id"]
    assert (len(first["attachments"]), again["attachments"]) == (1, [])
    assert len(place.rest("GET", place.messages).body[0]["attachments"]) == 1


def test_the_downloads_may_fail_a_number_of_times(place):
    files = {0: ("a.bin", b"bytes")}
    url = place.rest("POST", place.messages, {}, files=files).body["attachments"][0]["url"]
    place.server.fault(method="GET", route="/attachments/*", status=404, count=4)
    assert [place.rest.get_url(url)[0] for _ in range(5)] == [404] * 4 + [200]
