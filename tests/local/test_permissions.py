"""Who may do what: what each request needs, and how roles and overwrites add up."""

from __future__ import annotations

import pytest

from discobase.local.state import permissions as p
from discobase.local.state.entities import (
    GUILD_TEXT,
    MEMBER,
    ROLE,
    Channel,
    Guild,
    Member,
    Overwrite,
    Role,
)

ALL = p.EVERYTHING & ~p.ADMINISTRATOR
GUILD, CHANNEL, MESSAGE = "/guilds/{guild}", "/channels/{channel}", "/messages/{message}"
TEXT = {"content": "x"}
FILE = {0: ("a.txt", b"a")}


@pytest.mark.parametrize(
    ("method", "path", "body", "needed"),
    [
        ("POST", CHANNEL + "/messages", TEXT, p.SEND_MESSAGES),
        ("POST", CHANNEL + "/messages", {"embeds": [{"title": "x"}]}, p.EMBED_LINKS),
        ("POST", CHANNEL + "/messages", FILE, p.ATTACH_FILES),
        ("GET", CHANNEL + MESSAGE, None, p.READ_MESSAGE_HISTORY),
        ("DELETE", CHANNEL + MESSAGE, None, p.MANAGE_MESSAGES),
        ("PATCH", CHANNEL + MESSAGE, {"flags": 4}, p.MANAGE_MESSAGES),
        ("POST", CHANNEL + "/messages/bulk-delete", {"messages": ["1", "2"]}, p.MANAGE_MESSAGES),
        ("PUT", CHANNEL + "/messages/pins/{message}", None, p.PIN_MESSAGES),
        ("DELETE", CHANNEL + "/messages/pins/{message}", None, p.PIN_MESSAGES),
        ("POST", CHANNEL + "/typing", None, p.SEND_MESSAGES),
        ("PATCH", CHANNEL, {"topic": "x"}, p.MANAGE_CHANNELS),
        ("DELETE", CHANNEL, None, p.MANAGE_CHANNELS),
        ("PUT", CHANNEL + "/permissions/{guild}", {"type": 0}, p.MANAGE_ROLES),
        ("DELETE", CHANNEL + "/permissions/{guild}", None, p.MANAGE_ROLES),
        ("POST", CHANNEL + "/invites", {}, p.CREATE_INSTANT_INVITE),
        ("GET", CHANNEL + "/invites", None, p.MANAGE_CHANNELS),
        ("POST", GUILD + "/channels", {"name": "x"}, p.MANAGE_CHANNELS),
        ("PATCH", GUILD + "/channels", [], p.MANAGE_CHANNELS),
        ("GET", GUILD + "/invites", None, p.MANAGE_GUILD),
        ("PATCH", GUILD, {"name": "xx"}, p.MANAGE_GUILD),
        ("POST", GUILD + "/roles", {}, p.MANAGE_ROLES),
        ("PATCH", GUILD + "/roles", [], p.MANAGE_ROLES),
        ("PATCH", GUILD + "/members/@me", {"nick": "x"}, p.CHANGE_NICKNAME),
    ],
)
def test_without_the_permission_it_is_50013_and_with_it_it_works(place, method, path, body, needed):
    message = place.server.post_message(place.channel, "x")
    path = path.format(guild=place.guild, channel=place.channel, message=message)
    files = FILE if body is FILE else None

    def ask(allowed):
        place.server.set_permissions(place.guild, allowed)
        place.server.set_permissions(place.guild, allowed, token=place.token)
        return place.rest(method, path, None if files else body, files=files)

    refused = ask(ALL & ~needed)
    assert (refused.status, refused.code) == (403, 50013)
    granted = ask(ALL)
    assert granted.status < 300 or granted.code not in {50001, 50013}


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_what_is_not_seen_is_50001_whatever_else_is_allowed(place, method):
    place.server.set_permissions(place.guild, ALL & ~p.VIEW_CHANNEL)
    place.server.set_permissions(place.guild, ALL & ~p.VIEW_CHANNEL, token=place.token)
    answer = place.rest(method, f"/channels/{place.channel}", {})
    assert (answer.status, answer.code) == (403, 50001)


def test_history_is_an_empty_list_without_the_permission(place):
    place.send("x")
    place.server.set_permissions(place.guild, ALL & ~p.READ_MESSAGE_HISTORY)
    place.server.set_permissions(place.guild, 0, token=place.token)
    assert (place.rest("GET", place.messages).status, place.history()) == (200, [])
    assert place.rest("GET", f"{place.messages}/pins").body == {"items": [], "has_more": False}


def test_a_reply_needs_history(place):
    sent = place.send("x")
    place.server.set_permissions(place.guild, ALL & ~p.READ_MESSAGE_HISTORY)
    place.server.set_permissions(place.guild, 0, token=place.token)
    body = {"content": "y", "message_reference": {"message_id": sent["id"]}}
    assert place.rest("POST", place.messages, body).code == 160002


EVERYONE, READERS, WRITERS, ME, OWNER = 1, 2, 3, 10, 11


def allowed(roles, overwrites, user=ME):
    guild = Guild(EVERYONE, "g", OWNER)
    guild.roles = {id_: Role(id_, EVERYONE, "r", roles.get(id_, 0)) for id_ in (1, 2, 3)}
    member = Member(EVERYONE, user, 0.0, [READERS, WRITERS])
    items = {
        id_: Overwrite(id_, MEMBER if id_ == ME else ROLE, allow, deny)
        for id_, (allow, deny) in overwrites.items()
    }
    return p.in_channel(guild, Channel(5, EVERYONE, GUILD_TEXT, "c", overwrites=items), member)


V, S, H, A = p.VIEW_CHANNEL, p.SEND_MESSAGES, p.READ_MESSAGE_HISTORY, p.ATTACH_FILES


@pytest.mark.parametrize(
    ("roles", "overwrites", "expected"),
    [
        ({EVERYONE: V}, {}, V),
        ({EVERYONE: V, READERS: H, WRITERS: S}, {}, V | H | S),
        ({EVERYONE: V | S}, {EVERYONE: (0, S)}, V),
        ({EVERYONE: V}, {EVERYONE: (S, 0)}, V | S),
        ({EVERYONE: V | H}, {READERS: (0, H)}, V),
        ({EVERYONE: V}, {READERS: (0, H), WRITERS: (H, 0)}, V | H),
        ({EVERYONE: V | H}, {EVERYONE: (0, H), READERS: (H, 0)}, V | H),
        ({EVERYONE: V | H}, {READERS: (H, 0), ME: (0, H)}, V),
        ({EVERYONE: V | H}, {EVERYONE: (0, V), ME: (V, 0)}, V | H),
        ({EVERYONE: V | S | H}, {ME: (0, V)}, 0),
        ({EVERYONE: V | A | H}, {}, V | H),
        ({EVERYONE: V | S | A}, {ME: (0, S)}, V),
        ({READERS: p.ADMINISTRATOR}, {ME: (0, V)}, p.EVERYTHING),
    ],
)
def test_overwrites_are_applied_in_discords_order(roles, overwrites, expected):
    assert allowed(roles, overwrites) == expected


def test_the_owner_may_do_everything():
    assert allowed({}, {EVERYONE: (0, V)}, user=OWNER) == p.EVERYTHING
