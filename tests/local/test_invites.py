"""Invites: made, told, found and revoked."""

from __future__ import annotations

import time

import pytest

from discobase.local.state import permissions
from discobase.local.state.snowflakes import timestamp


def invite(place, **body):
    return place.rest("POST", f"/channels/{place.channel}/invites", body)


def test_an_invite_lasts_a_day_unless_told_otherwise(place):
    made = invite(place).body
    assert (made["max_age"], made["max_uses"], made["uses"]) == (86_400, 0, 0)
    assert made["channel"]["id"] == str(place.channel)
    assert timestamp(time.time() + 86_000) < made["expires_at"] < timestamp(time.time() + 87_000)
    assert invite(place, max_age=0).body["expires_at"] is None


def test_an_invite_with_the_same_terms_is_the_same_unless_it_is_to_be_unique(place):
    made = invite(place, max_uses=3).body["code"]
    assert invite(place, max_uses=3).body["code"] == made
    assert invite(place, max_uses=3, unique=True).body["code"] != made
    assert invite(place, max_uses=4).body["code"] != made


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"max_age": 604_801}, "max_age"),
        ({"max_uses": 101}, "max_uses"),
        ({"max_age": -1}, "max_age"),
    ],
)
def test_terms_have_bounds(place, body, field):
    answer = invite(place, **body)
    assert (answer.code, list(answer.body["errors"])) == (50035, [field])


def test_anyone_resolves_an_invite_without_seeing_its_terms(place):
    code = invite(place).body["code"]
    stranger = place.another_bot("stranger")
    found = stranger("GET", f"/invites/{code}?with_counts=true").body
    assert (found["guild"]["name"], found["approximate_member_count"]) == ("test", 3)
    assert "uses" not in found
    assert place.rest("GET", "/invites/nothing").code == 10006


def test_invites_are_listed_and_revoked(place):
    code = invite(place).body["code"]
    path = f"/channels/{place.channel}/invites"
    assert [item["code"] for item in place.rest("GET", path).body] == [code]
    assert place.rest("GET", f"/guilds/{place.guild}/invites").code == 50013
    allowed = permissions.BOT_DEFAULT | permissions.MANAGE_GUILD
    place.server.set_permissions(place.guild, allowed, token=place.token)
    assert [item["code"] for item in place.rest("GET", f"/guilds/{place.guild}/invites").body] == [
        code
    ]
    assert place.rest("DELETE", f"/invites/{code}").body["code"] == code
    assert place.rest("GET", f"/invites/{code}").code == 10006


def test_the_invites_of_a_deleted_channel_are_gone(place):
    code = invite(place).body["code"]
    place.rest("DELETE", f"/channels/{place.channel}")
    assert place.rest("GET", f"/invites/{code}").code == 10006
