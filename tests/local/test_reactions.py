"""Reactions: added, counted for each reader, taken away, and told to other bots."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from discobase.local.state import permissions
from discobase.local.state.reactions import MOST_EMOJI

THUMB, HEART, KEYCAP = "\U0001f44d", "\u2764\ufe0f", "1\ufe0f\u20e3"


@pytest.fixture
def sent(place):
    return place.send("x")


def path(place, sent, emoji=THUMB, who="@me"):
    return f"{place.messages}/{sent['id']}/reactions/{quote(emoji)}" + (f"/{who}" if who else "")


def told(rest, place, sent):
    found = rest("GET", f"{place.messages}/{sent['id']}").body.get("reactions", [])
    return {entry["emoji"]["name"]: (entry["count"], entry["me"]) for entry in found}


def test_a_reaction_is_counted_once_for_each_who_gives_it(place, sent):
    other = place.another_bot()
    for emoji in (THUMB, HEART, KEYCAP, THUMB):
        assert place.rest("PUT", path(place, sent, emoji)).status == 204
    assert other("PUT", path(place, sent)).status == 204
    assert told(place.rest, place, sent) == {THUMB: (2, True), HEART: (1, True), KEYCAP: (1, True)}
    assert told(other, place, sent) == {THUMB: (2, True), HEART: (1, False), KEYCAP: (1, False)}
    users = place.rest("GET", path(place, sent, who="")).body
    assert [user["username"] for user in users] == ["discobase", "other"]
    page = f"{path(place, sent, who='')}?after={users[0]['id']}&limit=1"
    assert place.rest("GET", page).body == users[1:]


def test_reactions_are_taken_away(place, sent):
    other = place.another_bot()
    for rest in (place.rest, other):
        for emoji in (THUMB, HEART):
            rest("PUT", path(place, sent, emoji))
    assert place.rest("DELETE", path(place, sent)).status == 204
    assert told(place.rest, place, sent) == {THUMB: (1, False), HEART: (2, True)}
    stranger = other("GET", "/users/@me").body["id"]
    assert place.rest("DELETE", path(place, sent, who=stranger)).status == 204
    assert told(place.rest, place, sent) == {HEART: (2, True)}
    place.rest("DELETE", path(place, sent, HEART, who=""))
    assert "reactions" not in place.rest("GET", f"{place.messages}/{sent['id']}").body
    place.rest("PUT", path(place, sent))
    assert place.rest("DELETE", f"{place.messages}/{sent['id']}/reactions").status == 204
    assert told(place.rest, place, sent) == {}


def test_an_edit_keeps_the_reactions(place, sent):
    place.rest("PUT", path(place, sent))
    edited = place.rest("PATCH", f"{place.messages}/{sent['id']}", {"content": "y"}).body
    assert [entry["count"] for entry in edited["reactions"]] == [1]
    assert edited["edited_timestamp"] is not None


def test_twenty_different_ones_are_the_most(place, sent):
    for number in range(MOST_EMOJI):
        assert place.rest("PUT", path(place, sent, chr(0x1F600 + number))).status == 204
    assert place.rest("PUT", path(place, sent, THUMB)).code == 30010
    assert place.rest("PUT", path(place, sent, chr(0x1F600))).status == 204


@pytest.mark.parametrize("emoji", ["x", "custom:123", "\U0001f44d" * 17])
def test_what_is_no_emoji_is_unknown(place, sent, emoji):
    answer = place.rest("PUT", path(place, sent, emoji))
    assert (answer.status, answer.code) == (400, 10014)


def test_the_first_with_an_emoji_needs_the_permission_and_others_do_not(place, sent):
    place.rest("PUT", path(place, sent))
    other = place.another_bot()
    allowed = permissions.EVERYONE_DEFAULT & ~permissions.ADD_REACTIONS
    place.server.set_permissions(place.guild, allowed)
    assert other("PUT", path(place, sent)).status == 204
    assert other("PUT", path(place, sent, HEART)).code == 50013
