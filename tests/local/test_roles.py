"""Roles and members: making, giving, naming, and who stands above whom."""

from __future__ import annotations

import pytest

from discobase.local import LocalDiscord
from discobase.local.state import permissions
from tests.local.conftest import furnish

ROLES = permissions.BOT_DEFAULT | permissions.MANAGE_NICKNAMES | permissions.KICK_MEMBERS


@pytest.fixture(autouse=True)
def may_manage(place):
    place.server.set_permissions(place.guild, ROLES, token=place.token)


@pytest.fixture
def guild(place):
    return f"/guilds/{place.guild}"


@pytest.fixture
def me(place):
    return place.rest("GET", "/users/@me").body["id"]


def make(place, guild, **body):
    answer = place.rest("POST", f"{guild}/roles", body)
    assert answer.status == 200, answer
    return answer.body


def test_a_role_is_made_changed_and_deleted(place, guild):
    made = make(place, guild, name="Reader", color=0xFF0000, hoist=True, permissions="0")
    assert (made["name"], made["color"], made["hoist"]) == ("Reader", 0xFF0000, True)
    path = f"{guild}/roles/{made['id']}"
    assert place.rest("GET", path).body == made
    assert place.rest("PATCH", path, {"name": "Writer"}).body["name"] == "Writer"
    assert place.rest("DELETE", path).status == 204
    assert place.rest("GET", path).code == 10011


def test_a_role_without_a_body_is_called_new_role(place, guild):
    everyone = place.rest("GET", f"{guild}/roles").body[0]
    made = make(place, guild)
    assert (made["name"], made["permissions"]) == ("new role", everyone["permissions"])


def test_a_role_cannot_allow_what_the_bot_may_not(place, guild):
    answer = place.rest("POST", f"{guild}/roles", {"permissions": str(permissions.ADMINISTRATOR)})
    assert (answer.status, answer.code) == (403, 50013)


def test_two_hundred_and_fifty_roles_are_the_most(place, guild):
    for number in range(248):
        make(place, guild, name=f"r{number}")
    answer = place.rest("POST", f"{guild}/roles", {"name": "more"})
    assert (answer.status, answer.code) == (400, 30005)


def test_a_role_is_given_and_taken(place, guild, me):
    role = make(place, guild, name="Reader")["id"]
    path = f"{guild}/members/{me}"
    assert place.rest("PUT", f"{path}/roles/{role}").status == 204
    assert role in place.rest("GET", path).body["roles"]
    assert place.rest("GET", f"{guild}/roles/member-counts").body[role] == 1
    assert place.rest("DELETE", f"{path}/roles/{role}").status == 204
    assert role not in place.rest("GET", path).body["roles"]
    assert place.rest("PUT", f"{path}/roles/{role}").status == 204
    assert role in place.rest("GET", path).body["roles"]
    assert place.rest("DELETE", f"{guild}/roles/{role}").status == 204
    assert role not in place.rest("GET", path).body["roles"]


def test_a_role_allows_what_it_says(place, guild):
    other = place.another_bot()
    place.server.set_permissions(place.guild, 0, token=other.token)
    place.server.set_permissions(place.guild, permissions.VIEW_CHANNEL)
    body = {"content": "x"}
    assert other("POST", place.messages, body).code == 50013
    role = make(place, guild, name="Writer", permissions=str(permissions.SEND_MESSAGES))["id"]
    member = other("GET", "/users/@me").body["id"]
    answer = place.rest("PUT", f"{guild}/members/{member}/roles/{role}")
    assert answer.status == 204
    assert other("POST", place.messages, body).status == 200


def test_nobody_touches_what_stands_above(place, guild):
    other = place.another_bot()
    mine = place.rest("GET", f"{guild}/roles").body[1]["id"]
    answer = other("PATCH", f"{guild}/roles/{mine}", {"name": "x"})
    assert answer.status == 200, "the later bot's role stands higher"
    theirs = place.rest("GET", f"{guild}/roles").body[2]["id"]
    assert place.rest("PATCH", f"{guild}/roles/{theirs}", {"name": "x"}).code == 50013
    low = make(place, guild, name="low")["id"]
    moves = [{"id": low, "position": 2}]
    assert place.rest("PATCH", f"{guild}/roles", moves).code == 50013
    assert place.rest("GET", f"{guild}/roles/{low}").body["position"] == 1
    moved = other("PATCH", f"{guild}/roles", moves)
    assert {role["id"]: role["position"] for role in moved.body}[low] == 2


def test_the_roles_of_bots_and_of_everyone_are_not_handed_out(place, guild, me):
    everyone, own = place.rest("GET", f"{guild}/roles").body
    for role in (everyone, own):
        answer = place.rest("PUT", f"{guild}/members/{me}/roles/{role['id']}")
        assert (answer.status, answer.code) == (400, 50028)
        assert place.rest("DELETE", f"{guild}/roles/{role['id']}").code == 50028


def test_the_bot_gives_itself_a_name(place, guild, me):
    assert place.rest("PATCH", f"{guild}/members/@me", {"nick": " Db "}).body["nick"] == "Db"
    assert place.rest("GET", f"{guild}/members/{me}").body["nick"] == "Db"
    assert place.rest("PATCH", f"{guild}/members/@me", {"nick": "n" * 33}).code == 50035
    own = place.rest("GET", f"/users/@me{guild}/member").body
    assert own["nick"] == "Db"


def test_members_are_listed_for_bots_with_the_intent(place, guild):
    assert place.rest("GET", f"{guild}/members?limit=10").code == 50001
    seer = place.another_bot("seer", privileged_intents=True)
    first = seer("GET", f"{guild}/members?limit=1").body[0]["user"]["id"]
    rest = seer("GET", f"{guild}/members?limit=10&after={first}").body
    assert [member["user"]["username"] for member in rest] != []
    assert first not in {member["user"]["id"] for member in rest}


def test_members_are_found_by_the_beginning_of_their_names(place, guild):
    place.another_bot("Searcher")
    found = place.rest("GET", f"{guild}/members/search?query=sea&limit=5").body
    assert [member["user"]["username"] for member in found] == ["Searcher"]
    assert place.rest("GET", f"{guild}/members/search").code == 50035


def test_a_members_name_and_roles_are_set_at_once(place, guild):
    second = place.another_bot()
    allowed = ROLES
    place.server.set_permissions(place.guild, allowed, token=second.token)
    role = make(place, guild, name="Reader")["id"]
    me = place.rest("GET", "/users/@me").body["id"]
    own = place.rest("GET", f"{guild}/members/{me}").body["roles"]
    body = {"nick": "First", "roles": [*own, role]}
    changed = second("PATCH", f"{guild}/members/{me}", body).body
    assert (changed["nick"], changed["roles"]) == ("First", [*own, role])
    assert second("PATCH", f"{guild}/members/{me}", {"roles": ["1"]}).code == 10011
    assert second("PATCH", f"{guild}/members/{me}", {"mute": True}).status == 501


def test_a_bot_leaves_and_is_thrown_out(place, guild):
    other = place.another_bot()
    assert other("DELETE", f"/users/@me{guild}").status == 204
    assert other("GET", guild).code == 10004
    second = place.another_bot("second")
    place.server.set_permissions(place.guild, ROLES, token=second.token)
    me = place.rest("GET", "/users/@me").body["id"]
    member = second("GET", "/users/@me").body["id"]
    assert place.rest("DELETE", f"{guild}/members/{member}").code == 50013
    assert second("DELETE", f"{guild}/members/{me}").status == 204
    assert place.rest("GET", guild).code == 10004


def test_users_are_told_by_id(place):
    me = place.rest("GET", "/users/@me").body["id"]
    assert place.rest("GET", f"/users/{me}").body["id"] == me
    assert place.rest("GET", "/users/1").code == 10013


def test_the_guild_is_renamed_by_who_may(place, guild):
    assert place.rest("PATCH", guild, {"name": "new"}).code == 50013
    place.server.set_permissions(place.guild, permissions.MANAGE_GUILD, token=place.token)
    assert place.rest("PATCH", guild, {"name": " new "}).body["name"] == "new"
    assert place.rest("PATCH", guild, {"icon": None}).status == 501
    assert place.rest("PATCH", guild, {"name": "x"}).code == 50035


def test_roles_names_and_invites_outlive_the_server(tmp_path):
    path = tmp_path / "discord.db"
    with LocalDiscord(path) as server:
        place = furnish(server)
        guild = f"/guilds/{place.guild}"
        role = make(place, guild, name="Reader", color=7)
        place.rest("PATCH", f"{guild}/members/@me", {"nick": "Db"})
        code = place.rest("POST", f"/channels/{place.channel}/invites", {}).body["code"]
    with LocalDiscord(path) as server:
        place = furnish(server)
        assert place.rest("GET", f"{guild}/roles/{role['id']}").body == role
        me = place.rest("GET", "/users/@me").body["id"]
        assert place.rest("GET", f"{guild}/members/{me}").body["nick"] == "Db"
        assert place.rest("GET", f"/invites/{code}").status == 200
