"""Rate limits: none by default, Discord's as far as they are known when asked for."""

from __future__ import annotations

import pytest

from discobase.local import LocalDiscord
from discobase.local.limits import DISCORD, NONE, Limits, ask
from discobase.local.snowflakes import EPOCH_MS
from tests.local.conftest import furnish

MESSAGES = "/channels/{channel_id}/messages"


@pytest.fixture
def limited():
    with LocalDiscord(limits="discord") as server:
        yield furnish(server)


def send(place, channel=None):
    path = f"/channels/{channel or place.channel}/messages"
    return place.rest("POST", path, {"content": "x"})


def test_without_limits_a_thousand_requests_are_answered(place):
    assert {send(place).status for _ in range(1000)} == {200}


def test_the_sixth_message_in_a_channel_is_refused_and_says_for_how_long(limited):
    answers = [send(limited) for _ in range(6)]
    assert [answer.status for answer in answers] == [200] * 5 + [429]
    left = [int(answer.headers["x-ratelimit-remaining"]) for answer in answers]
    assert left == [4, 3, 2, 1, 0, 0]
    refused = answers[-1]
    assert refused.body["message"] == "You are being rate limited."
    assert refused.body["global"] is False
    assert 0 < refused.body["retry_after"] <= 5
    assert refused.headers["x-ratelimit-scope"] == "user"
    assert int(refused.headers["retry-after"]) in range(1, 6)
    assert refused.headers["via"]
    assert len(limited.history()) == 5


def test_channels_have_buckets_of_their_own_with_one_hash(limited):
    path = f"/guilds/{limited.guild}/channels"
    other = limited.rest("POST", path, {"name": "other"}).body["id"]
    one = [send(limited) for _ in range(5)][-1]
    elsewhere = send(limited, other)
    assert elsewhere.status == 200
    assert elsewhere.headers["x-ratelimit-bucket"] == one.headers["x-ratelimit-bucket"]


def test_history_has_a_limit_that_its_headers_hide(limited):
    answers = [limited.rest("GET", limited.messages) for _ in range(6)]
    assert answers[4].headers["x-ratelimit-limit"] == "1000"
    assert answers[5].status == 429
    assert answers[5].headers["x-ratelimit-limit"] == "5"


def test_a_channel_is_renamed_twice_in_ten_minutes(limited):
    path = f"/channels/{limited.channel}"
    answers = [limited.rest("PATCH", path, {"name": f"n{number}"}) for number in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[2].body["retry_after"] > 500
    assert limited.rest("PATCH", path, {"topic": "still goes"}).status == 200


def test_fifty_requests_a_second_are_the_most_whatever_they_ask():
    limits = Limits("discord")
    verdicts = [
        limits.take(ask(1, "GET", "/channels/{channel_id}", {"channel_id": str(number)}, {}))
        for number in range(51)
    ]
    assert [verdict.retry_after is None for verdict in verdicts] == [True] * 50 + [False]
    assert verdicts[50].everywhere
    assert verdicts[50].headers["X-RateLimit-Scope"] == "global"
    assert limits.take(ask(2, "GET", "/users/@me", {}, {})).retry_after is None


def test_old_messages_are_edited_more_slowly_than_new_ones():
    limits = Limits("discord")
    new = str((10**15 - EPOCH_MS) << 22)
    for message, allowed in (("1", 3), (new, 5)):
        place = {"channel_id": "1" + message, "message_id": message}
        asked = ask(1, "PATCH", MESSAGES + "/{message_id}", place, {})
        verdicts = [limits.take(asked).retry_after is None for _ in range(6)]
        assert verdicts == [True] * allowed + [False] * (6 - allowed)


def test_a_window_begins_with_its_first_request(monkeypatch):
    from discobase.local import limits as module

    now = 100.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    limits = Limits("discord")
    asked = ask(1, "POST", MESSAGES, {"channel_id": "1"}, {})
    for _ in range(5):
        limits.take(asked)
        now += 0.5
    assert limits.take(asked).retry_after == pytest.approx(2.5)
    now += 2.5
    assert limits.take(asked).retry_after is None


def test_buckets_that_are_over_are_not_kept(monkeypatch):
    from discobase.local import limits as module

    now = 100.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    limits = Limits("none")
    for number in range(20_000):
        limits.take(ask(1, "GET", MESSAGES, {"channel_id": str(number)}, {}))
        now += 0.01
    assert len(limits._buckets) < 10_000


@pytest.mark.parametrize("profile", [NONE, DISCORD])
def test_every_request_meets_a_rule_that_is_told(profile):
    limits = Limits(profile.name)
    assert limits.take(ask(0, "PUT", "unknown", {}, {})).headers["X-RateLimit-Remaining"]
