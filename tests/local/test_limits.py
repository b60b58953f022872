"""Rate limits: none by default, Discord's as far as they are known when asked for."""

from __future__ import annotations

import asyncio
import time

import discord
import pytest

from discobase.errors import UsageError
from discobase.local import LocalDiscord
from discobase.local.behaviour.limits import Limits, major
from discobase.local.behaviour.profiles import DISCORD, NONE, Invalid, Profile, RequestFacts, Rule
from discobase.local.state.snowflakes import EPOCH_MS, age
from tests.local.conftest import furnish

CHANNEL = "/channels/{channel_id}"
MESSAGES = f"{CHANNEL}/messages"
MESSAGE = f"{MESSAGES}/{{message_id}}"
HOUR = 3600.0
DAY = 24 * HOUR


class Clock:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def limited():
    with LocalDiscord(limits="discord") as server:
        yield furnish(server)


def send(place, channel=None):
    path = f"/channels/{channel or place.channel}/messages"
    return place.rest("POST", path, {"content": "x"})


def another_channel(place, name="other"):
    return place.rest("POST", f"/guilds/{place.guild}/channels", {"name": name}).body["id"]


def test_without_limits_a_thousand_requests_are_answered(place):
    assert {send(place).status for _ in range(1000)} == {200}


def test_the_sixth_message_in_a_channel_is_refused_and_says_for_how_long(limited):
    answers = [send(limited) for _ in range(6)]
    assert [answer.status for answer in answers] == [200] * 5 + [429]
    left = [int(answer.headers["x-ratelimit-remaining"]) for answer in answers]
    assert left == [4, 3, 2, 1, 0, 0]
    refused = answers[-1]
    assert refused.body.keys() == {"message", "retry_after", "global"}
    assert refused.body["global"] is False
    assert 0 < refused.body["retry_after"] <= 5
    assert refused.headers["x-ratelimit-scope"] == "user"
    assert int(refused.headers["retry-after"]) in range(1, 6)
    assert 0 < float(refused.headers["x-ratelimit-reset"]) - time.time() <= 5.1
    assert refused.headers["via"]
    assert len(limited.history()) == 5


def test_channels_have_buckets_of_their_own_with_one_hash(limited):
    other = another_channel(limited)
    one = [send(limited) for _ in range(5)][-1]
    elsewhere = send(limited, other)
    assert elsewhere.status == 200
    assert elsewhere.headers["x-ratelimit-bucket"] == one.headers["x-ratelimit-bucket"]


def test_history_has_a_limit_that_its_headers_hide(limited):
    answers = [limited.rest("GET", limited.messages) for _ in range(6)]
    assert answers[4].headers["x-ratelimit-limit"] == "1000"
    assert answers[5].status == 429
    told = answers[5].headers
    assert (told["x-ratelimit-limit"], told["x-ratelimit-remaining"]) == ("5", "0")


def test_a_channel_is_renamed_twice_in_ten_minutes_and_only_the_body_says_so(limited):
    path = f"/channels/{limited.channel}"
    answers = [limited.rest("PATCH", path, {"name": f"n{number}"}) for number in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[2].body["retry_after"] > 500
    told = answers[2].headers
    assert (told["x-ratelimit-limit"], told["x-ratelimit-remaining"]) == ("10", "8")
    assert limited.rest("PATCH", path, {"topic": "still goes"}).status == 200


def test_the_limit_of_all_who_write_in_a_channel_is_shared(limited):
    bots = [limited.rest, limited.another_bot("two"), limited.another_bot("three")]
    answers = [bot("POST", limited.messages, {"content": "x"}) for _ in range(4) for bot in bots]
    assert [answer.status for answer in answers] == [200] * 10 + [429] * 2
    refused = answers[-1]
    assert refused.code == 20028
    assert refused.headers["x-ratelimit-scope"] == "shared"
    assert refused.body["retry_after"] <= 1


def test_answers_about_messages_that_are_not_there_have_a_bucket_of_their_own(limited):
    there = [send(limited).body["id"] for _ in range(3)]
    gone = [limited.rest("DELETE", f"{limited.messages}/{number + 1}") for number in range(6)]
    assert [answer.status for answer in gone] == [404] * 5 + [429]
    for message in there:
        assert limited.rest("DELETE", f"{limited.messages}/{message}").status == 204


def test_invalid_requests_end_in_a_page_of_cloudflare_instead_of_an_answer():
    profile = Profile("strict", None, NONE.rules, invalid=Invalid(3, window=600.0, ban=600.0))
    with LocalDiscord(limits=profile) as server:
        place = furnish(server)
        stranger = type(place.rest)(server.api_url, "nobody")
        assert [stranger("GET", "/users/@me").status for _ in range(3)] == [401] * 3
        status, page = place.rest.get_url(f"{server.api_url}/users/@me")
        assert (status, page[:15]) == (403, b"<!DOCTYPE html>")
        with pytest.raises(ValueError, match="Expecting"):
            place.rest("GET", "/users/@me")
        server.set_limits("none")
        assert place.rest("GET", "/users/@me").status == 200


def test_shared_refusals_and_other_errors_are_no_invalid_requests(clock):
    limits = Limits(Profile("p", None, NONE.rules, invalid=Invalid(2, 600.0, 60.0)), clock=clock)
    for status, scope in ((429, "shared"), (404, None), (500, None), (200, None)) * 5:
        limits.answered("1.2.3.4", status, scope)
    assert not limits.is_banned("1.2.3.4")
    limits.answered("1.2.3.4", 403, None)
    clock.now += 599
    limits.answered("1.2.3.4", 429, "user")
    assert limits.is_banned("1.2.3.4")
    assert not limits.is_banned("5.6.7.8")
    clock.now += 61
    assert not limits.is_banned("1.2.3.4")


def test_invalid_requests_are_forgotten_when_their_window_is_over(clock):
    limits = Limits(DISCORD, clock=clock)
    for _ in range(9_999):
        limits.answered("1.2.3.4", 401, None)
    clock.now += 601
    limits.answered("1.2.3.4", 401, None)
    assert not limits.is_banned("1.2.3.4")


def test_fifty_requests_a_second_are_the_most_whatever_they_ask(clock):
    limits = Limits("discord", clock=clock)
    verdicts = [
        limits.take(RequestFacts(1, "GET", CHANNEL, major=str(number))) for number in range(51)
    ]
    assert [verdict.retry_after is None for verdict in verdicts] == [True] * 50 + [False]
    assert verdicts[50].scope == verdicts[50].headers["X-RateLimit-Scope"] == "global"
    assert verdicts[50].headers["X-RateLimit-Global"] == "true"
    assert "X-RateLimit-Bucket" not in verdicts[50].headers
    assert verdicts[50].body["global"] is True
    assert limits.take(RequestFacts(2, "GET", "/users/@me")).retry_after is None
    callback = "/interactions/{interaction_id}/{interaction_token}/callback"
    assert limits.take(RequestFacts(1, "POST", callback)).retry_after is None
    clock.now += 1
    assert limits.take(RequestFacts(1, "GET", CHANNEL)).retry_after is None


DELETE_AGES = [(0.0, 5, 1.0), (11.0, 3, 0.333), (15 * DAY, 5, 1.0)]


@pytest.mark.parametrize(("seconds", "allowed", "window"), DELETE_AGES)
def test_deletes_are_limited_by_the_age_of_the_message(clock, seconds, allowed, window):
    limits = Limits("discord", clock=clock)
    asked = RequestFacts(1, "DELETE", MESSAGE, "1", age=seconds)
    verdicts = [limits.take(asked) for _ in range(allowed + 1)]
    assert [verdict.retry_after is None for verdict in verdicts] == [True] * allowed + [False]
    assert verdicts[-1].retry_after == pytest.approx(window)
    clock.now += window
    assert limits.take(asked).retry_after is None


def test_the_three_kinds_of_deletes_are_told_apart_by_hash(clock):
    limits = Limits("discord", clock=clock)
    told = [
        limits.take(RequestFacts(1, "DELETE", MESSAGE, "1", age=age)) for age, _, _ in DELETE_AGES
    ]
    assert len({verdict.headers["X-RateLimit-Bucket"] for verdict in told}) == 3
    assert [verdict.headers["X-RateLimit-Limit"] for verdict in told] == ["5", "3", "30"]


def test_bulk_deletes_are_limited_by_server(clock):
    limits = Limits("discord", clock=clock)
    route = f"{MESSAGES}/bulk-delete"
    asked = [RequestFacts(1, "POST", route, channel, guild="7") for channel in "12"]
    assert [limits.take(ask).retry_after is None for ask in asked] == [True, False]


def test_old_messages_are_edited_more_slowly_than_new_ones(clock):
    for seconds, allowed in ((2 * HOUR, 3), (0.0, 5)):
        limits = Limits("discord", clock=clock)
        asked = RequestFacts(1, "PATCH", MESSAGE, "1", age=seconds)
        verdicts = [limits.take(asked) for _ in range(6)]
        assert [v.retry_after is None for v in verdicts] == [True] * allowed + [False] * (
            6 - allowed
        )
        assert verdicts[-1].body.get("code") == (30046 if seconds else None)


def test_a_window_begins_with_its_first_request(clock):
    limits = Limits("discord", clock=clock)
    asked = RequestFacts(1, "POST", MESSAGES, "1")
    for _ in range(5):
        limits.take(asked)
        clock.now += 0.5
    assert limits.take(asked).retry_after == pytest.approx(2.5)
    clock.now += 2.5
    assert limits.take(asked).retry_after is None


def test_buckets_that_are_over_are_not_kept(clock):
    limits = Limits("none", clock=clock)
    for number in range(20_000):
        limits.take(RequestFacts(1, "GET", MESSAGES, str(number)))
        clock.now += 0.01
    assert len(limits._buckets) < 10_000


@pytest.mark.parametrize("profile", [NONE, DISCORD])
def test_every_request_meets_a_rule_that_is_told(profile):
    assert Limits(profile).take(RequestFacts(0, "PUT", "unknown")).headers["X-RateLimit-Remaining"]


def test_a_profile_must_have_a_rule_for_everything():
    with pytest.raises(UsageError, match="left"):
        Profile("mine", None, (Rule("GET", "*", 1, 1.0),))
    with pytest.raises(UsageError, match="rule"):
        Rule("GET", "*", 0, 1.0)


@pytest.mark.parametrize("profile", [NONE, DISCORD])
def test_a_profile_is_read_and_replaced_over_http(place, profile):
    place.server.set_limits(profile)
    told = place.rest.admin("GET", "/limits").body
    assert Profile.from_json(told) == profile == place.server.limits
    told["rules"] = [{"method": "GET", "route": "*", "limit": 1, "window": 60.0}, *told["rules"]]
    assert place.rest.admin("PUT", "/limits", told).status == 200
    assert [place.rest("GET", "/users/@me").status for _ in range(2)] == [200, 429]
    assert place.rest.admin("PUT", "/limits", {"name": "none"}).status == 200
    assert place.rest("GET", "/users/@me").status == 200
    assert place.rest.admin("PUT", "/limits", {"name": "x", "rules": []}).status == 400


def test_paths_say_which_bucket_and_how_old():
    assert major({"channel_id": "1", "message_id": "2"}) == "1"
    assert major({"webhook_id": "1", "webhook_token": "t", "message_id": "2"}) == "1/t"
    assert major({"user_id": "1"}) == ""
    second = (1000 << 22) | 5
    assert age(second, EPOCH_MS / 1000 + 3) == pytest.approx(2)
    assert age(second, 0) == 0


def through_discord_py(place, monkeypatch, work):
    """Runs ``work(channel)`` with discord.py over REST alone; returns the seconds it took."""

    async def scene():
        async with discord.Client(intents=discord.Intents.none()) as client:
            await client.login(place.token)
            channel = client.get_partial_messageable(place.channel)
            began = time.monotonic()
            await work(channel)
            return time.monotonic() - began

    monkeypatch.setattr(discord.http.Route, "BASE", place.server.api_url)
    return asyncio.run(scene())


def test_discord_py_waits_for_its_buckets_instead_of_being_refused(limited, monkeypatch):
    async def send_eight(channel):
        await asyncio.gather(*(channel.send(str(number)) for number in range(8)))

    limited.server.set_limits(Profile("short", 50, (Rule("POST", MESSAGES, 4, 0.5), *NONE.rules)))
    assert 0.5 <= through_discord_py(limited, monkeypatch, send_eight) < 3
    assert limited.server.requests.count(status=429) == 0
    assert len(limited.history()) == 8


def test_discord_py_gets_over_a_limit_that_no_header_tells(limited, monkeypatch):
    async def read_six_times(channel):
        for _ in range(6):
            assert [message.content async for message in channel.history(limit=1)] == ["x"]

    send(limited)
    hidden = Rule("GET", MESSAGES, 5, 1.0, shown="when refused")
    limited.server.set_limits(Profile("hidden", 50, (hidden, *NONE.rules)))
    assert 0.9 <= through_discord_py(limited, monkeypatch, read_six_times) < 4
    assert limited.server.requests.count(status=429) == 1
