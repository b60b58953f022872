"""Pins: the new endpoints, the old ones, and what a channel tells of them."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from discobase.local.rest.routes.pins import MOST_PINS
from discobase.local.state import permissions

PIN = permissions.BOT_DEFAULT | permissions.PIN_MESSAGES


@pytest.fixture(autouse=True)
def may_pin(place):
    place.server.set_permissions(place.guild, PIN, token=place.token)


def pin(place, message, method="PUT", old=False):
    pins = f"/channels/{place.channel}/pins" if old else f"{place.messages}/pins"
    return place.rest(method, f"{pins}/{message['id']}")


def pinned(place, query=""):
    return place.rest("GET", f"{place.messages}/pins{query}").body


def test_the_latest_pin_comes_first(place):
    one, other = place.send("one"), place.send("other")
    assert (pin(place, one).status, pin(place, other).status) == (204, 204)
    page = pinned(place)
    assert [item["message"]["content"] for item in page["items"]] == ["other", "one"]
    assert page["has_more"] is False
    assert all(item["message"]["pinned"] for item in page["items"])
    old = place.rest("GET", f"/channels/{place.channel}/pins").body
    assert [message["content"] for message in old] == ["other", "one"]


def test_pins_are_paged_by_the_moment_they_were_made(place):
    for number in range(5):
        pin(place, place.send(f"m{number}"))
    seen, before = [], ""
    while True:
        page = pinned(place, f"?limit=2{before}")
        seen += [item["message"]["content"] for item in page["items"]]
        if not page["has_more"]:
            break
        before = f"&before={quote(page['items'][-1]['pinned_at'])}"
    assert seen == ["m4", "m3", "m2", "m1", "m0"]
    assert place.rest("GET", f"{place.messages}/pins?before=yesterday").code == 50035
    assert place.rest("GET", f"{place.messages}/pins?limit=51").code == 50035


def test_a_pin_leaves_a_system_message_and_a_moment_in_the_channel(place):
    sent = place.send("keep")
    pin(place, sent)
    notice = place.rest("GET", place.messages).body[0]
    assert (notice["type"], notice["content"]) == (6, "")
    assert notice["message_reference"]["message_id"] == sent["id"]
    channel = place.rest("GET", f"/channels/{place.channel}").body
    assert channel["last_pin_timestamp"] == pinned(place)["items"][0]["pinned_at"]
    pin(place, sent)
    assert len(place.history()) == 2


def test_a_pin_is_taken_off(place):
    sent = place.send("x")
    pin(place, sent, old=True)
    assert pin(place, sent, "DELETE").status == 204
    assert pinned(place)["items"] == []
    assert place.rest("GET", f"{place.messages}/{sent['id']}").body["pinned"] is False
    assert pin(place, {"id": "1"}).code == 10008


def test_a_deleted_message_is_no_pin(place):
    sent = place.send("x")
    pin(place, sent)
    place.rest("DELETE", f"{place.messages}/{sent['id']}")
    assert pinned(place)["items"] == []


def test_two_hundred_and_fifty_pins_are_the_most(place):
    for _ in range(MOST_PINS):
        assert pin(place, place.send("x")).status == 204
    answer = pin(place, place.send("x"))
    assert (answer.status, answer.code) == (400, 30003)


def test_managing_messages_is_not_enough_to_pin(place):
    sent = place.send("x")
    place.server.set_permissions(place.guild, permissions.BOT_DEFAULT, token=place.token)
    assert pin(place, sent).code == 50013
