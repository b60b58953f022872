"""What the gateway tells of what bots do over REST: pins, reactions, roles, members and invites."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

from discobase.local.state import permissions
from tests.local.gateway_client import GUILD_MESSAGES, GUILDS, session

REACTIONS, MEMBERS, INVITES = 1 << 10, 1 << 1, 1 << 6
THUMB = quote("\U0001f44d")


def heard(place, intents, events, act, token=None):
    """The data of these events, in this order, after something was done."""

    async def listen():
        async with session(place, intents, token=token) as gateway:
            await asyncio.to_thread(act)
            return [await gateway.event(event) for event in events]

    return asyncio.run(listen())


def test_a_pin_changes_the_message_the_channel_and_the_history(place):
    allowed = permissions.BOT_DEFAULT | permissions.PIN_MESSAGES
    place.server.set_permissions(place.guild, allowed, token=place.token)
    sent = place.send("x")
    changed, pins, notice = heard(
        place,
        GUILDS | GUILD_MESSAGES,
        ["MESSAGE_UPDATE", "CHANNEL_PINS_UPDATE", "MESSAGE_CREATE"],
        lambda: place.rest("PUT", f"{place.messages}/pins/{sent['id']}"),
    )
    assert (changed["pinned"], pins["channel_id"], notice["type"]) == (True, str(place.channel), 6)


def test_reactions_are_told(place):
    sent = place.send("x")
    path = f"{place.messages}/{sent['id']}/reactions"

    def act():
        for method, end in (
            ("PUT", f"/{THUMB}/@me"),
            ("DELETE", f"/{THUMB}/@me"),
            ("DELETE", f"/{THUMB}"),
            ("DELETE", ""),
        ):
            assert place.rest(method, path + end).status == 204

    added, removed, emoji, everything = heard(
        place,
        GUILDS | REACTIONS,
        [
            "MESSAGE_REACTION_ADD",
            "MESSAGE_REACTION_REMOVE",
            "MESSAGE_REACTION_REMOVE_EMOJI",
            "MESSAGE_REACTION_REMOVE_ALL",
        ],
        act,
    )
    assert added["member"]["user"]["id"] == added["user_id"] == removed["user_id"]
    assert emoji["emoji"] == added["emoji"] == {"id": None, "name": "\U0001f44d"}
    assert everything["message_id"] == sent["id"]


def test_roles_and_members_are_told(place):
    seer = place.server.create_bot("seer", privileged_intents=True)
    place.server.add_bot(seer, place.guild)
    guild = f"/guilds/{place.guild}"

    def act():
        role = place.rest("POST", f"{guild}/roles", {"name": "a"}).body["id"]
        place.rest("PATCH", f"{guild}/roles/{role}", {"name": "b"})
        place.rest("PATCH", f"{guild}/members/@me", {"nick": "Db"})
        place.rest("DELETE", f"{guild}/roles/{role}")
        place.rest("DELETE", f"/users/@me{guild}")

    events = ["ROLE_CREATE", "ROLE_UPDATE", "MEMBER_UPDATE", "ROLE_DELETE", "MEMBER_REMOVE"]
    names = [f"GUILD_{event}" for event in events]
    made, renamed, member, deleted, gone = heard(place, GUILDS | MEMBERS, names, act, seer)
    assert (made["role"]["name"], renamed["role"]["name"]) == ("a", "b")
    assert deleted["role_id"] == made["role"]["id"]
    assert (member["nick"], gone["user"]["id"]) == ("Db", member["user"]["id"])


def test_invites_are_told_to_those_who_may_manage_the_channel(place):
    def act():
        code = place.rest("POST", f"/channels/{place.channel}/invites", {}).body["code"]
        allowed = permissions.BOT_DEFAULT | permissions.MANAGE_GUILD
        place.server.set_permissions(place.guild, allowed, token=place.token)
        assert place.rest("DELETE", f"/invites/{code}").status == 200

    made, gone = heard(place, GUILDS | INVITES, ["INVITE_CREATE", "INVITE_DELETE"], act)
    assert made["code"] == gone["code"]
    assert made["channel_id"] == gone["channel_id"] == str(place.channel)
