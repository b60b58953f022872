"""What was answered is kept: over restarts, and over kill -9 of the server."""

from __future__ import annotations

import asyncio
import threading

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
