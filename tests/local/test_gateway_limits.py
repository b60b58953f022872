"""How fast clients may talk to the gateway under the profile ``discord``, and how often log in."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import discord
import pytest

from discobase.local import LocalDiscord
from discobase.local.behaviour.profiles import DISCORD, GatewayLimits, Profile
from tests.local.bots import directed_to, running
from tests.local.conftest import furnish
from tests.local.gateway_client import USUAL, connected, identify, in_thread, session


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 30))


@pytest.fixture
def limited():
    with LocalDiscord(limits="discord") as server:
        yield furnish(server)


def unhurried(**changes):
    """Discord's limits, but with no pause between logins."""
    limits = GatewayLimits(
        **{"sends": 120, "window": 60, "max_concurrency": 1, "pause": 0} | changes
    )
    return replace(DISCORD, gateway=limits)


def test_frame_121_within_a_minute_closes_the_connection_with_4008(limited):
    async def scene():
        async with session(limited) as gateway:
            for number in range(119):
                await gateway.send(1, number)
                assert (await gateway.receive())["op"] == 11
            await gateway.send(1, 0)
            return await gateway.receive()

    assert run(scene())["close"] == 4008


def test_frames_are_counted_anew_after_the_window():
    with LocalDiscord(limits=unhurried(sends=3, window=0.2)) as server:
        place = furnish(server)

        async def scene():
            async with session(place) as gateway:
                for _ in range(2):
                    await asyncio.sleep(0.25)
                    for _ in range(3):
                        await gateway.nothing()

        run(scene())


def test_a_login_too_soon_after_another_is_an_invalid_session(limited):
    async def scene():
        async with session(limited), connected(limited) as second:
            await second.send(2, {"token": limited.token, "intents": USUAL, "properties": {}})
            frame = await second.receive()
            await second.nothing()
            return frame

    frame = run(scene())
    assert (frame["op"], frame["d"]) == (9, False)
    assert limited.server.requests.identifies == 1


def test_shards_of_different_turns_and_different_bots_may_log_in_at_once():
    with LocalDiscord(limits=unhurried(max_concurrency=2, pause=60)) as server:
        place = furnish(server)
        other = place.another_bot()

        async def scene():
            refused = []
            async with session(place, token=other.token):
                for shard in range(3):
                    async with connected(place) as gateway:
                        login = {"token": place.token, "intents": USUAL, "shard": [shard, 3]}
                        await gateway.send(2, login)
                        refused.append((await gateway.receive())["op"] == 9)
            return refused

        assert run(scene()) == [False, False, True]
        limit = place.rest("GET", "/gateway/bot").body["session_start_limit"]
        assert limit["max_concurrency"] == 2


def test_discord_py_logs_in_again_when_its_session_was_invalid(monkeypatch):
    with LocalDiscord(limits=unhurried(pause=1)) as server, directed_to(server):
        place = furnish(server)

        logins = []

        async def no_pause(*_, **__):
            logins.append(1)
            await asyncio.sleep(0.1)

        monkeypatch.setattr(discord.Client, "before_identify_hook", no_pause)

        async def scene():
            async with connected(place) as gateway:
                await identify(gateway, place.token)

        run(scene())
        client = discord.Client(intents=discord.Intents(guilds=True), guild_ready_timeout=0.1)
        with running(client, place.token):
            assert [guild.id for guild in client.guilds] == [place.guild]
        assert len(logins) > 1
        assert server.requests.identifies == 2


def test_a_login_more_than_the_day_has_ends_all_sessions_of_the_bot():
    with LocalDiscord(limits=unhurried(), identifies_a_day=2) as server:
        place = furnish(server)
        other = place.another_bot()

        async def scene():
            async with (
                session(place, token=other.token) as bystander,
                session(place) as first,
                session(place) as second,
                connected(place) as third,
            ):
                left = await in_thread(place.rest, "GET", "/gateway/bot")
                await third.send(2, {"token": place.token, "intents": USUAL, "properties": {}})
                closed = [(await gateway.receive())["close"] for gateway in (third, first, second)]
                await bystander.nothing()
                return left.body["session_start_limit"]["remaining"], closed

        assert run(scene()) == (0, [4004, 4004, 4004])


def test_without_limits_neither_frames_nor_logins_are_refused(place):
    place.server.set(identifies_a_day=1)

    async def scene():
        async with session(place), session(place) as gateway:
            for _ in range(150):
                await gateway.nothing()

    run(scene())
    assert place.server.requests.identifies == 2


def test_the_limits_of_the_gateway_are_part_of_a_profile_as_json():
    profile = unhurried(sends=7)
    assert Profile.from_json(profile.as_json()) == profile
