"""What was answered is kept: over restarts, and over kill -9 of the server."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import sqlite3
import threading
import time
import warnings
from contextlib import closing

import aiohttp
import pytest

from discobase.errors import UsageError
from discobase.local import LocalDiscord
from tests.local.conftest import furnish
from tests.local.processes import SERVE, running
from tests.local.rest import Rest


def test_everything_is_there_after_a_restart(tmp_path):
    path = tmp_path / "dev.db"
    with LocalDiscord(path) as server:
        place = furnish(server)
        other = place.another_bot("other", privileged_intents=True).token
        place.rest("PATCH", f"/channels/{place.channel}", {"topic": "t"})
        overwrite = f"/channels/{place.channel}/permissions/{place.guild}"
        place.rest("PUT", overwrite, {"type": 0, "deny": "65536"})
        sent = place.send("kept", nonce="n", enforce_nonce=True)
        files = {0: ("a.bin", b"bytes")}
        url = place.rest("POST", place.messages, {}, files=files).body["attachments"][0]["url"]
        before = [
            place.rest("GET", path).body
            for path in (f"/guilds/{place.guild}", f"/channels/{place.channel}", "/users/@me")
        ]
        port = server.port
    with LocalDiscord(path, port=port) as server:
        again = furnish(server)
        assert (again.token, again.guild, again.channel) == (
            place.token,
            place.guild,
            place.channel,
        )
        after = [
            place.rest("GET", path).body
            for path in (f"/guilds/{place.guild}", f"/channels/{place.channel}", "/users/@me")
        ]
        assert after == before
        assert again.send("again", nonce="n", enforce_nonce=True)["id"] == sent["id"]
        assert again.rest.get_url(url) == (200, b"bytes")
        assert len(Rest(server.api_url, other)("GET", "/users/@me/guilds").body) == 1
        assert int(again.send("new")["id"]) > int(sent["id"])


def test_the_newest_message_s_id_outlives_its_deletion_and_a_restart(tmp_path):
    path = tmp_path / "dev.db"
    with LocalDiscord(path) as server:
        place = furnish(server)
        place.send("stays")
        last = place.send("goes")["id"]
        place.rest("DELETE", f"{place.messages}/{last}")
        assert place.rest("GET", f"/channels/{place.channel}").body["last_message_id"] == last
    for _ in range(2):
        with LocalDiscord(path) as server:
            place = furnish(server)
            assert place.history() == ["stays"]
            assert place.rest("GET", f"/channels/{place.channel}").body["last_message_id"] == last


def test_a_file_of_before_tells_the_newest_messages_that_it_has(tmp_path):
    path = tmp_path / "dev.db"
    with LocalDiscord(path) as server:
        place = furnish(server)
        first = place.send("first")["id"]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("drop trigger newest_of_channel")
        connection.execute("drop table newest")
    with LocalDiscord(path) as server:
        place = furnish(server)
        place.rest("DELETE", f"{place.messages}/{first}")
    with LocalDiscord(path) as server:
        place = furnish(server)
        assert place.rest("GET", f"/channels/{place.channel}").body["last_message_id"] == first


def test_an_older_version_that_writes_the_file_keeps_the_newest_ids_too(tmp_path):
    path = tmp_path / "dev.db"
    with LocalDiscord(path) as server:
        place = furnish(server)
        older = int(place.send("first")["id"])
    with closing(sqlite3.connect(path)) as connection, connection:
        row = (older + 1, place.channel, 1, "{}", None)
        connection.execute("insert into messages values (?, ?, ?, ?, ?)", row)
        connection.execute("delete from messages where id = ?", (older + 1,))
    with LocalDiscord(path) as server:
        place = furnish(server)
        channel = place.rest("GET", f"/channels/{place.channel}").body
        assert channel["last_message_id"] == str(older + 1)
        assert int(place.send("next")["id"]) > older + 1


def test_a_deleted_channel_stays_deleted(tmp_path):
    with LocalDiscord(tmp_path / "dev.db") as server:
        place = furnish(server)
        place.rest("DELETE", f"/channels/{place.channel}")
    with LocalDiscord(tmp_path / "dev.db") as server:
        assert server.channels(place.guild) == {}


def test_a_day_of_logins_is_counted_over_restarts(tmp_path):
    from tests.local.gateway_client import session

    async def login(place):
        async with session(place):
            pass

    for remaining in (999, 998):
        with LocalDiscord(tmp_path / "dev.db") as server:
            place = furnish(server)
            asyncio.run(login(place))
            limit = place.rest("GET", "/gateway/bot").body["session_start_limit"]
            assert limit["remaining"] == remaining


def test_a_file_that_is_served_already_is_refused(tmp_path):
    path = tmp_path / "dev.db"
    with LocalDiscord(path), pytest.raises(UsageError, match=r"dev\.db"):
        LocalDiscord(path).start()
    LocalDiscord(path).start().close()


def test_a_server_without_a_file_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with LocalDiscord() as server:
        furnish(server).send("x")
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_was_closed_can_be_started_again(tmp_path):
    server = LocalDiscord(tmp_path / "dev.db")
    for _ in range(3):
        with server:
            furnish(server).send("x")
    with server:
        assert furnish(server).history() == ["x"] * 3


def test_who_connects_while_it_closes_is_closed_with_it():
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", ResourceWarning)
        with LocalDiscord() as server:
            address = ("127.0.0.1", server.port)
            knocks = []

            def knock():
                with contextlib.suppress(OSError):
                    while True:
                        knocks.append(socket.create_connection(address, 5).close())

            knocking = threading.Thread(target=knock)
            knocking.start()
            while len(knocks) < 20:
                time.sleep(0.001)
        knocking.join(10)
        gc.collect()
    assert not knocking.is_alive()
    assert [str(warning.message) for warning in told] == []


def test_a_taken_port_is_an_error_of_the_caller():
    with LocalDiscord() as server, pytest.raises(OSError, match="in use"):
        LocalDiscord(port=server.port).start()


def test_a_server_that_does_not_run_says_so():
    server = LocalDiscord()
    with pytest.raises(UsageError, match="start"):
        server.create_server("x")
    with server, pytest.raises(UsageError, match="runs already"):
        server.start()
    server.close()


def test_an_unknown_profile_or_setting_is_refused():
    with pytest.raises(UsageError, match="limits"), LocalDiscord(limits="strict"):
        pass
    with pytest.raises(UsageError, match="latensy"), LocalDiscord(latensy=1):
        pass


async def send_until_it_dies(place: dict[str, str], answered: list[str], enough: threading.Event):
    """Sends as fast as it can and keeps what was answered, until nobody answers any more."""
    headers = {"Authorization": f"Bot {place['token']}"}
    async with aiohttp.ClientSession(place["api_url"] + "/", headers=headers) as http:
        guilds = await (await http.get("users/@me/guilds")).json()
        path = f"guilds/{guilds[0]['id']}/channels"
        channel = (await (await http.post(path, json={"name": "x"})).json())["id"]

        async def worker(name: int) -> None:
            number = 0
            while True:
                body = {"content": f"{name}-{number}", "nonce": f"{name}-{number}"}
                async with http.post(f"channels/{channel}/messages", json=body) as response:
                    assert response.status == 200
                    answered.append((await response.json())["content"])
                if len(answered) >= 300:
                    enough.set()
                number += 1

        await asyncio.gather(*(worker(name) for name in range(8)), return_exceptions=True)
    return int(channel)


def test_an_answered_message_survives_kill_9_of_the_server(tmp_path):
    path = tmp_path / "dev.db"
    answered: list[str] = []
    enough = threading.Event()
    with running(SERVE, path, 0) as process:

        def kill():
            enough.wait(20)
            process.kill()

        killer = threading.Thread(target=kill)
        killer.start()
        channel = asyncio.run(send_until_it_dies(process.place, answered, enough))
        killer.join()
    with LocalDiscord(path) as server:
        kept = [message["content"] for message in server.messages(channel)]
        assert server.default_token == process.place["token"]
    assert len(answered) >= 300
    assert set(answered) <= set(kept)
    assert len(kept) == len(set(kept))


async def change_until_it_dies(place: dict[str, str], told: dict[str, dict], enough):
    """Makes, edits and deletes messages and channels, and keeps the last state that was answered.

    What was asked and not answered is left out: it may be either way.
    """
    headers = {"Authorization": f"Bot {place['token']}"}
    async with aiohttp.ClientSession(place["api_url"] + "/", headers=headers) as http:
        guilds = await (await http.get("users/@me/guilds")).json()
        channels = f"guilds/{guilds[0]['id']}/channels"

        async def ask(kind: str, method: str, path: str, id_: str | None, **body: object) -> dict:
            told[kind].pop(id_, None)
            async with http.request(method, path, json=body or None) as response:
                assert response.status in {200, 201, 204}
                answer = await response.json() if response.status != 204 else {"id": id_}
            told[kind][answer["id"]] = body or None
            if sum(map(len, told.values())) > 250:
                enough.set()
            return answer

        async def worker() -> None:
            lane = (await ask("channels", "POST", channels, None, name="lane"))["id"]
            while True:
                messages = f"channels/{lane}/messages"
                one, two = [
                    (await ask("messages", "POST", messages, None, content="new"))["id"]
                    for _ in range(2)
                ]
                await ask("messages", "PATCH", f"{messages}/{one}", one, content="edited")
                await ask("messages", "DELETE", f"{messages}/{two}", two)
                other = (await ask("channels", "POST", channels, None, name="other"))["id"]
                third = (await ask("channels", "POST", channels, None, name="third"))["id"]
                await ask("channels", "PATCH", f"channels/{other}", other, name="renamed")
                await ask("channels", "DELETE", f"channels/{third}", third)

        await asyncio.gather(*(worker() for _ in range(4)), return_exceptions=True)
    return int(guilds[0]["id"])


def test_answered_edits_deletes_and_channels_survive_kill_9_and_a_restart(tmp_path):
    path = tmp_path / "dev.db"
    told: dict[str, dict] = {"messages": {}, "channels": {}}
    enough = threading.Event()
    with running(SERVE, path, 0) as process:

        def kill():
            enough.wait(20)
            process.kill()

        killer = threading.Thread(target=kill)
        killer.start()
        guild = asyncio.run(change_until_it_dies(process.place, told, enough))
        killer.join()
    assert enough.is_set()
    port = int(process.place["api_url"].split(":")[2].split("/")[0])
    with running(SERVE, path, port) as again:
        assert again.place == process.place
        rest = Rest(again.place["api_url"], again.place["token"])
        channels = {c["id"]: c["name"] for c in rest("GET", f"/guilds/{guild}/channels").body}
        found = {
            message["id"]: message["content"]
            for channel in channels
            for message in every_message(rest, channel)
        }
    for id_, state in told["channels"].items():
        assert channels.get(id_) == (state and state["name"])
    for id_, state in told["messages"].items():
        assert found.get(id_) == (state and state["content"])


def every_message(rest: Rest, channel: str) -> list[dict]:
    path, found = f"/channels/{channel}/messages?limit=100", []
    while page := rest("GET", path + (f"&before={found[-1]['id']}" if found else "")).body:
        found += page
    return found


def test_a_command_that_meets_the_close_says_so_and_never_hangs():
    told: list[str] = []

    def ask_on(discord):
        try:
            while True:
                discord.servers()
        except UsageError as error:
            told.append(str(error))

    for _ in range(10):
        discord = LocalDiscord().start()
        asking = [threading.Thread(target=ask_on, args=(discord,), daemon=True) for _ in range(12)]
        for thread in asking:
            thread.start()
        time.sleep(0.01)
        discord.close()
        for thread in asking:
            thread.join(10)
        assert not any(thread.is_alive() for thread in asking)
    assert len(told) == 10 * 12
    assert all("closed" in text or "does not run" in text for text in told)
