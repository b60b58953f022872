"""What the gateway tells of people: who is there, and what they say."""

from __future__ import annotations

import asyncio

import pytest

from tests.local.gateway_client import USUAL, in_thread, session

MEMBERS, CONTENT = 1 << 1, 1 << 15


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 30))


@pytest.fixture
def seer(place):
    """The token of a bot with the privileged intents switched on."""
    token = place.server.create_bot("seer", privileged_intents=True)
    place.server.add_bot(token, place.guild)
    return token


async def chunks(gateway, wish):
    await gateway.send(8, wish)
    found = [await gateway.event("GUILD_MEMBERS_CHUNK")]
    while found[-1]["chunk_index"] < found[-1]["chunk_count"] - 1:
        found.append(await gateway.event("GUILD_MEMBERS_CHUNK"))
    return found


def names(chunk):
    return [member["user"]["username"] for member in chunk["members"]]


def test_all_members_come_in_chunks_of_a_thousand(place, seer):
    for number in range(1100):
        place.server.person(f"person-{number}", place.guild)

    async def scene():
        async with session(place, USUAL | MEMBERS, token=seer) as gateway:
            wish = {"guild_id": str(place.guild), "query": "", "limit": 0, "nonce": "all"}
            return await chunks(gateway, wish)

    first, second = run(scene())
    assert (len(first["members"]), len(second["members"])) == (1000, 103)
    assert (first["chunk_count"], second["chunk_index"]) == (2, 1)
    assert first["nonce"] == second["nonce"] == "all"


def test_all_members_are_for_those_with_the_intent(place):
    async def scene():
        async with session(place) as gateway:
            await gateway.send(8, {"guild_id": str(place.guild), "query": "", "limit": 0})
            await gateway.nothing()

    run(scene())


def test_members_are_found_by_the_beginning_of_their_names_and_by_id(place):
    ada = place.server.person("Ada", place.guild)
    place.server.person("Adam", place.guild)

    async def scene():
        async with session(place) as gateway:
            guild = {"guild_id": str(place.guild)}
            [both] = await chunks(gateway, {**guild, "query": "ada", "limit": 10})
            [one] = await chunks(gateway, {**guild, "query": "AD", "limit": 1})
            asked = {"user_ids": [str(ada.id), "7"], "presences": True, "nonce": "x" * 33}
            [by_id] = await chunks(gateway, {**guild, **asked})
            return both, one, by_id

    both, one, by_id = run(scene())
    assert (names(both), names(one)) == (["Ada", "Adam"], ["Ada"])
    assert (names(by_id), by_id["not_found"], by_id["presences"]) == (["Ada"], ["7"], [])
    assert "nonce" not in by_id


def test_a_new_member_is_told_to_sessions_with_the_intent(place, seer):
    async def scene():
        async with session(place, USUAL | MEMBERS, token=seer) as told, session(place) as other:
            await in_thread(place.server.person, "Ada", place.guild)
            joined = await told.event("GUILD_MEMBER_ADD")
            await other.nothing()
            return joined

    joined = run(scene())
    assert (joined["user"]["username"], joined["guild_id"]) == ("Ada", str(place.guild))


def test_what_people_say_is_heard_with_the_intent_or_when_mentioned(place, seer):
    ada = place.server.person("Ada", place.guild)
    me = place.rest("GET", "/users/@me").body["id"]

    async def scene():
        async with (
            session(place) as deaf,
            session(place, USUAL | CONTENT, token=seer) as hearing,
            session(place, USUAL, token=seer) as allowed_but_not_asking,
        ):
            gateways = (deaf, hearing, allowed_but_not_asking)
            await in_thread(ada.say, place.channel, "hello")
            plain = [(await gateway.event("MESSAGE_CREATE"))["content"] for gateway in gateways]
            await in_thread(ada.say, place.channel, f"hello <@{me}>")
            named = [(await gateway.event("MESSAGE_CREATE"))["content"] for gateway in gateways]
            return plain, named

    plain, named = run(scene())
    assert plain == ["", "hello", ""]
    assert named == [f"hello <@{me}>", f"hello <@{me}>", ""]
    # Over REST what is switched on for the application counts, not what a session asked for.
    assert place.history() == [f"hello <@{me}>", ""]
