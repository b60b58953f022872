"""The gateway: login, events, resuming, and what goes wrong."""

from __future__ import annotations

import asyncio
import socket
import time

import aiohttp
import pytest

from tests.local.gateway_client import (
    GUILDS,
    TYPING,
    USUAL,
    connected,
    identify,
    in_thread,
    inflater,
    session,
)

VIEW = 1 << 10


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 30))


def test_a_login_is_told_who_it_is_and_gets_its_guilds_at_once(place):
    async def scene():
        async with connected(place) as gateway:
            ready = await identify(gateway, place.token)
            name, guild = await gateway.next()
            return ready, name, guild

    ready, name, guild = run(scene())
    assert ready["v"] == 10
    assert ready["user"]["username"] == "discobase"
    assert ready["guilds"] == [{"id": str(place.guild), "unavailable": True}]
    assert ready["resume_gateway_url"].startswith("ws://127.0.0.1:")
    assert (name, guild["id"], guild["unavailable"]) == ("GUILD_CREATE", str(place.guild), False)
    assert [channel["name"] for channel in guild["channels"]] == ["lane"]
    assert [member["user"]["id"] for member in guild["members"]] == [ready["user"]["id"]]
    assert place.server.requests.identifies == 1
    limit = place.rest("GET", "/gateway/bot").body["session_start_limit"]
    assert limit["remaining"] == 999
    assert 86_000_000 < limit["reset_after"] <= 86_400_000


@pytest.mark.parametrize(
    ("login", "code"),
    [
        ({"token": "nobody", "intents": USUAL}, 4004),
        ({"intents": 1 << 30}, 4013),
        ({"intents": "all"}, 4013),
        ({"intents": 1 << 15}, 4014),
        ({"intents": 1 << 1}, 4014),
        ({"intents": USUAL, "shard": [1, 1]}, 4010),
    ],
)
def test_a_wrong_login_is_closed_with_its_code(place, login, code):
    async def scene():
        async with connected(place) as gateway:
            await gateway.send(2, {"token": place.token, **login})
            return await gateway.receive()

    assert run(scene())["close"] == code


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ('{"op": 99, "d": null}', 4001),
        ("no json", 4002),
        ('{"op": 1, "d": "' + "x" * 5000 + '"}', 4002),
        ('{"op": 8, "d": {}}', 4003),
    ],
)
def test_a_wrong_frame_is_closed_with_its_code(place, frame, code):
    async def scene():
        async with connected(place) as gateway:
            await gateway.websocket.send_str(frame)
            return await gateway.receive()

    assert run(scene())["close"] == code


def test_a_second_login_on_one_connection_is_4005(place):
    async def scene():
        async with session(place) as gateway:
            await gateway.send(2, {"token": place.token, "intents": USUAL})
            return await gateway.receive()

    assert run(scene())["close"] == 4005


def test_an_unknown_version_is_4012(place):
    async def scene():
        url = f"{place.server.origin}/gateway?v=1"
        async with aiohttp.ClientSession() as http, http.ws_connect(url) as websocket:
            await websocket.receive()
            return websocket.close_code

    assert run(scene()) == 4012


def test_privileged_intents_can_be_switched_on(place):
    token = place.server.create_bot("seer", privileged_intents=True)
    place.server.add_bot(token, place.guild)

    async def scene():
        async with connected(place) as gateway:
            await identify(gateway, token, USUAL | 1 << 15 | 1 << 1)
            guild = await gateway.event("GUILD_CREATE")
            return [member["user"]["username"] for member in guild["members"]]

    assert sorted(run(scene())) == ["discobase", "owner", "seer"]


def test_heartbeats_are_acknowledged(place):
    async def scene():
        async with session(place) as gateway:
            await gateway.send(1, 2)
            return await gateway.receive()

    assert run(scene())["op"] == 11


def test_a_client_without_heartbeats_is_closed(place):
    place.server.set(heartbeat_interval=0.05)

    async def scene():
        async with session(place) as gateway:
            return await gateway.receive()

    assert run(scene())["close"] == 4009


def test_what_happens_to_messages_is_told(place):
    async def scene():
        async with session(place) as gateway:
            sent = await in_thread(place.send, "hello", nonce="n")
            created = await gateway.next()
            path = f"{place.messages}/{sent['id']}"
            await in_thread(place.rest, "PATCH", path, {"content": "changed"})
            updated = await gateway.next()
            await in_thread(place.rest, "DELETE", path)
            return sent, created, updated, await gateway.next()

    sent, created, updated, deleted = run(scene())
    assert created[0] == "MESSAGE_CREATE"
    assert {name: created[1][name] for name in sent} == sent
    assert created[1]["guild_id"] == str(place.guild)
    assert created[1]["member"]["roles"]
    assert (updated[0], updated[1]["content"]) == ("MESSAGE_UPDATE", "changed")
    assert "nonce" not in updated[1]
    ids = {"id": sent["id"], "channel_id": str(place.channel), "guild_id": str(place.guild)}
    assert deleted == ("MESSAGE_DELETE", ids)


def test_a_bulk_delete_is_one_event(place):
    async def scene():
        async with session(place) as gateway:
            ids = [(await in_thread(place.send, "x"))["id"] for _ in range(2)]
            body = {"messages": ids}
            await in_thread(place.rest, "POST", f"{place.messages}/bulk-delete", body)
            return ids, await gateway.event("MESSAGE_DELETE_BULK")

    ids, event = run(scene())
    assert event["ids"] == ids


def test_a_repeated_nonce_is_no_event(place):
    async def scene():
        async with session(place) as gateway:
            for _ in range(2):
                await in_thread(place.send, "x", nonce="n", enforce_nonce=True)
            await gateway.event("MESSAGE_CREATE")
            await gateway.nothing()

    run(scene())


def test_what_happens_to_channels_is_told(place):
    async def scene():
        async with session(place) as gateway:
            path = f"/guilds/{place.guild}/channels"
            made = (await in_thread(place.rest, "POST", path, {"name": "x"})).body
            names = [(await gateway.next())[0]]
            await in_thread(place.rest, "PATCH", f"/channels/{made['id']}", {"name": "y"})
            names.append((await gateway.next())[0])
            await in_thread(place.rest, "DELETE", f"/channels/{made['id']}")
            last = await gateway.next()
            return [*names, last[0]], last[1]["id"] == made["id"]

    assert run(scene()) == (["CHANNEL_CREATE", "CHANNEL_UPDATE", "CHANNEL_DELETE"], True)


def test_joining_and_leaving_a_guild_is_told(place):
    async def scene():
        async with session(place) as gateway:
            guild = await in_thread(place.server.join, "second")
            created = await gateway.event("GUILD_CREATE")
            await in_thread(place.server.remove_bot, place.token, guild)
            return guild, created, await gateway.event("GUILD_DELETE")

    guild, created, deleted = run(scene())
    assert (created["id"], created["name"]) == (str(guild), "second")
    assert deleted == {"id": str(guild)}


def test_a_bot_is_told_only_of_channels_it_sees(place):
    me = place.rest("GET", "/users/@me").body["id"]
    path = f"/channels/{place.channel}/permissions"
    place.rest("PUT", f"{path}/{me}", {"type": 1, "allow": str(VIEW)})
    place.rest("PUT", f"{path}/{place.guild}", {"type": 0, "deny": str(VIEW)})
    other = place.another_bot()

    async def scene():
        async with session(place, token=other.token) as blind, session(place) as seeing:
            await in_thread(place.send, "secret")
            await seeing.event("MESSAGE_CREATE")
            await blind.nothing()

    run(scene())


def test_a_session_is_told_only_what_its_intents_ask_for(place):
    async def scene():
        async with session(place, GUILDS) as quiet, session(place, USUAL | TYPING) as loud:
            await in_thread(place.send, "x")
            await in_thread(place.rest, "POST", f"/channels/{place.channel}/typing")
            events = [(await loud.next())[0], (await loud.next())[0]]
            await quiet.nothing()
            return events

    assert run(scene()) == ["MESSAGE_CREATE", "TYPING_START"]


def test_a_bot_without_the_intent_does_not_hear_what_others_say(place):
    other = place.another_bot()

    async def scene():
        async with session(place, token=other.token) as stranger, session(place) as own:
            await in_thread(place.send, "private thoughts")
            heard = await stranger.event("MESSAGE_CREATE")
            return heard["content"], (await own.event("MESSAGE_CREATE"))["content"]

    assert run(scene()) == ("", "private thoughts")


def test_all_sessions_of_a_token_get_every_event_in_one_order(place):
    async def scene():
        async with session(place) as one, session(place) as other:
            url = f"{place.server.api_url}{place.messages}"
            headers = {"Authorization": f"Bot {place.token}"}
            async with aiohttp.ClientSession(headers=headers) as http:
                posts = [http.post(url, json={"content": f"{number}"}) for number in range(50)]
                for response in await asyncio.gather(*posts):
                    response.release()
            return [
                [(await gateway.event("MESSAGE_CREATE"))["id"] for _ in range(50)]
                for gateway in (one, other)
            ]

    one, other = run(scene())
    assert one == other == sorted(one)


def test_shards_split_the_guilds(place):
    async def scene():
        shards = []
        for number in range(2):
            async with connected(place) as gateway:
                ready = await identify(gateway, place.token, shard=[number, 2])
                shards.append(len(ready["guilds"]))
        return shards

    assert sorted(run(scene())) == [0, 1]


async def resume(gateway, place, ready, sequence):
    wish = {"token": place.token, "session_id": ready["session_id"], "seq": sequence}
    await gateway.send(6, wish)


async def broken_session(place):
    """A session that saw one message and then lost its connection; its READY and last sequence."""
    async with connected(place) as gateway:
        ready = await identify(gateway, place.token)
        await gateway.event("GUILD_CREATE")
        await in_thread(place.send, "seen")
        await gateway.event("MESSAGE_CREATE")
        await gateway.websocket.close(code=4000)
        return ready, gateway.sequence


def test_a_resume_replays_what_was_missed_in_order(place):
    async def scene():
        ready, sequence = await broken_session(place)
        for number in range(3):
            await in_thread(place.send, f"missed {number}")
        async with connected(place) as gateway:
            await resume(gateway, place, ready, sequence)
            replayed = [await gateway.receive() for _ in range(4)]
            await in_thread(place.send, "after")
            return sequence, replayed, await gateway.receive()

    sequence, replayed, after = run(scene())
    contents = [frame["d"].get("content") for frame in replayed]
    assert contents == ["missed 0", "missed 1", "missed 2", None]
    assert replayed[-1]["t"] == "RESUMED"
    numbers = [frame["s"] for frame in [*replayed, after]]
    assert numbers == list(range(sequence + 1, sequence + 6))
    assert place.server.requests.identifies == 1


def test_a_resume_is_refused_where_the_session_is_unknown(place):
    async def scene():
        async with connected(place) as gateway:
            await resume(gateway, place, {"session_id": "none"}, 1)
            return await gateway.receive()

    frame = run(scene())
    assert (frame["op"], frame["d"]) == (9, False)


def test_a_resume_from_the_future_is_4007(place):
    async def scene():
        ready, sequence = await broken_session(place)
        async with connected(place) as gateway:
            await resume(gateway, place, ready, sequence + 1)
            return await gateway.receive()

    assert run(scene())["close"] == 4007


def test_a_clean_close_ends_the_session(place):
    async def scene():
        async with connected(place) as gateway:
            ready = await identify(gateway, place.token)
            sequence = gateway.sequence
            await gateway.websocket.close(code=1000)
        async with connected(place) as gateway:
            await resume(gateway, place, ready, sequence)
            return await gateway.receive()

    assert run(scene())["op"] == 9


def test_a_connection_that_breaks_off_without_a_word_can_be_resumed(place):
    async def scene():
        async with connected(place) as gateway:
            ready = await identify(gateway, place.token)
            await gateway.event("GUILD_CREATE")
            sequence = gateway.sequence
            gateway.websocket.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        async with connected(place) as gateway:
            await resume(gateway, place, ready, sequence)
            return (await gateway.receive())["t"]

    assert run(scene()) == "RESUMED"


def test_a_resumed_session_does_not_end_with_the_window_of_its_first_break(place):
    place.server.set(resume_window=0.3)

    async def scene():
        ready, sequence = await broken_session(place)
        async with connected(place) as gateway:
            await resume(gateway, place, ready, sequence)
            await gateway.event("RESUMED")
            await asyncio.sleep(0.4)
            sequence = gateway.sequence
            await gateway.websocket.close(code=4000)
        async with connected(place) as gateway:
            await resume(gateway, place, ready, sequence)
            return (await gateway.receive())["t"]

    assert run(scene()) == "RESUMED"


def test_a_session_ends_when_nobody_resumes_it(place):
    place.server.set(resume_window=0.0)

    async def scene():
        ready, sequence = await broken_session(place)
        async with connected(place) as gateway:
            await resume(gateway, place, ready, sequence)
            return await gateway.receive()

    assert run(scene())["op"] == 9


def test_acknowledged_events_are_not_kept(place):
    async def scene():
        async with connected(place) as gateway:
            ready = await identify(gateway, place.token)
            await gateway.event("GUILD_CREATE")
            await in_thread(place.send, "x")
            await gateway.event("MESSAGE_CREATE")
            await gateway.nothing()
            await gateway.websocket.close(code=4000)
        async with connected(place) as gateway:
            await resume(gateway, place, ready, 1)
            return await gateway.receive()

    assert run(scene())["op"] == 9


@pytest.mark.parametrize("resumable", [True, False])
def test_gateways_can_be_dropped(place, resumable):
    async def scene():
        async with connected(place) as gateway:
            ready = await identify(gateway, place.token)
            await gateway.event("GUILD_CREATE")
            dropped = await in_thread(place.server.drop_gateways, resumable=resumable)
            closed = await gateway.receive()
            sequence = gateway.sequence
        async with connected(place) as gateway:
            await resume(gateway, place, ready, sequence)
            return dropped, closed["close"], (await gateway.receive())["t"]

    assert run(scene()) == (1, 4000, "RESUMED" if resumable else None)


def test_gateways_can_be_cut_without_a_word(place):
    async def scene():
        async with session(place) as gateway:
            await in_thread(place.server.drop_gateways, manner="cut")
            return await gateway.receive()

    assert run(scene())["close"] == 1006


def test_clients_can_be_asked_to_reconnect(place):
    async def scene():
        async with session(place) as gateway:
            await in_thread(place.server.drop_gateways, manner="reconnect")
            return await gateway.receive()

    assert run(scene())["op"] == 7


def test_a_zlib_stream_is_spoken(place):
    async def scene():
        query = "v=10&encoding=json&compress=zlib-stream"
        async with connected(place, query, inflater()) as gateway:
            await identify(gateway, place.token)
            await gateway.event("GUILD_CREATE")
            await in_thread(place.send, "packed")
            return (await gateway.event("MESSAGE_CREATE"))["content"]

    assert run(scene()) == "packed"


def test_a_zstd_stream_is_spoken(place):
    import zstandard

    stream = zstandard.ZstdDecompressor().decompressobj()

    async def scene():
        query = "v=10&encoding=json&compress=zstd-stream"
        async with connected(place, query, stream.decompress) as gateway:
            await identify(gateway, place.token)
            await gateway.event("GUILD_CREATE")
            await in_thread(place.send, "packed")
            return (await gateway.event("MESSAGE_CREATE"))["content"]

    assert run(scene()) == "packed"


def test_member_requests_are_answered(place):
    async def scene():
        async with session(place) as gateway:
            wish = {"guild_id": str(place.guild), "query": "disco", "limit": 5, "nonce": "q"}
            await gateway.send(8, wish)
            by_name = await gateway.event("GUILD_MEMBERS_CHUNK")
            await gateway.send(8, {"guild_id": str(place.guild), "user_ids": ["1"]})
            return by_name, await gateway.event("GUILD_MEMBERS_CHUNK")

    by_name, by_id = run(scene())
    assert [member["user"]["username"] for member in by_name["members"]] == ["discobase"]
    assert (by_name["nonce"], by_name["chunk_count"]) == ("q", 1)
    assert (by_id["members"], by_id["not_found"]) == ([], ["1"])


def test_presence_updates_are_taken(place):
    async def scene():
        async with session(place) as gateway:
            await gateway.send(3, {"status": "idle", "activities": [], "afk": False, "since": None})
            await gateway.nothing()

    run(scene())


def test_a_client_that_does_not_read_holds_up_nobody(place):
    text = "x" * 2000

    async def scene():
        async with session(place) as stuck, session(place) as reader:
            url = f"{place.server.api_url}{place.messages}"
            headers = {"Authorization": f"Bot {place.token}"}
            async with aiohttp.ClientSession(headers=headers) as http:
                for _ in range(20):
                    posts = [http.post(url, json={"content": text}) for _ in range(50)]
                    for response in await asyncio.gather(*posts):
                        response.release()
                    for _ in range(50):
                        await reader.event("MESSAGE_CREATE")
            return [(await stuck.event("MESSAGE_CREATE"))["content"] for _ in range(1000)]

    assert run(scene()) == [text] * 1000


def test_events_are_late_by_half_the_latency(place):
    place.server.set(latency=0.2)

    async def scene():
        async with session(place) as gateway:
            loop = asyncio.get_running_loop()
            started = loop.time()
            sending = asyncio.create_task(in_thread(place.send, "x"))
            await gateway.event("MESSAGE_CREATE")
            heard = loop.time() - started
            await sending
            return heard, loop.time() - started

    heard, answered = run(scene())
    assert 0.19 < heard < 1
    assert 0.19 < answered < 1


def test_connections_that_come_and_go_leave_nothing_behind(place):
    async def scene():
        for _ in range(30):
            async with session(place):
                pass

    run(scene())
    gateway = place.server._platform.gateway
    deadline = time.monotonic() + 5
    while (gateway.connections or list(gateway.sessions)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (gateway.connections, list(gateway.sessions)) == (set(), [])
