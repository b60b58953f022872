"""How a bot is set up from the command line, and what the doctor finds of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, HTTPServer
from time import time
from typing import Any

import pytest

from discobase import Database, Table
from discobase.cli import diagnosis, main
from discobase.cli.connection import Settings
from discobase.cli.diagnosis import NAMES
from discobase.local import LocalDiscord
from tests.database.shop import soon

ADMINISTRATOR = 8


@pytest.fixture(scope="module")
def discord() -> Iterator[LocalDiscord]:
    with LocalDiscord() as discord:
        yield discord


@pytest.fixture
def server(discord, monkeypatch, request) -> str:
    """The name of a server that is not there yet."""
    name = request.node.name[:90]
    monkeypatch.setenv("DISCOBASE_TOKEN", discord.default_token)
    monkeypatch.setenv("DISCOBASE_API_URL", discord.api_url)
    monkeypatch.setenv("DISCOBASE_SERVER", name)
    monkeypatch.setattr("discobase.cli.commands.setup._PAUSE", 0.05)
    return name


def examined(capsys, status: int = 0) -> dict[str, dict[str, Any]]:
    capsys.readouterr()
    assert main(["doctor", "--json"]) == status
    checks = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in checks] == [*NAMES]
    return {each["name"]: each for each in checks}


def test_a_bot_is_waited_for_and_its_program_works(discord, server, capsys):
    discord.reset_requests()
    ended: list[int] = []
    thread = threading.Thread(target=lambda: ended.append(main(["init"])))
    thread.start()
    # It has looked a second time by then.
    assert soon(lambda: discord.requests.count("GET", "/users/@me/guilds") > 1, 10)
    discord.join(server)
    thread.join(20)
    assert ended == [0]
    out, err = capsys.readouterr()
    assert "https://discord.com/oauth2/authorize?client_id=" in err
    assert err.count("Waiting") == 1
    assert discord.default_token not in out + err
    exec(compile(out, "program", "exec"), {})
    assert capsys.readouterr().out == "1 notes\n"
    assert main(["init"]) == 0
    exec(compile(capsys.readouterr().out, "program", "exec"), {})
    assert capsys.readouterr().out == "Note 1\n"


def test_whoever_does_not_come_is_not_waited_for_for_ever(server, capsys):
    assert main(["init", "--wait", "0"]) == 3
    out, err = capsys.readouterr()
    assert (out, server in err) == ("", True)


def test_a_bad_token_is_told_at_once(server, capsys):
    assert main(["init", "--token", "x" * 60]) == 3
    assert "Waiting" not in capsys.readouterr().err


def database_in(discord, server: str, **options: Any) -> type[Table]:
    discord.join(server)
    database = Database(server, gateway=False, **options)

    @database.table
    class Item(Table):
        name: str

    with database.conn():
        for number in range(3):
            Item(name=str(number)).save()
    return Item


def test_of_what_is_well_all_is_told(discord, server, capsys):
    database_in(discord, server)
    found = examined(capsys)
    assert {each["state"] for each in found.values()} == {"ok"}
    assert "position 3" in found["log"]["found"]
    assert main(["doctor"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(NAMES)


@pytest.mark.parametrize("what", ["token", "server", "permissions", "key", "log"])
def test_of_each_thing_it_is_told_what_is_wrong_and_how_to_mend_it(
    discord, server, capsys, monkeypatch, what
):
    if what != "server":
        database_in(discord, server, **({"key": bytes(range(32))} if what == "key" else {}))
    (id_,) = [at for at, name in discord.servers().items() if name == server] or [None]
    if what == "token":
        monkeypatch.setenv("DISCOBASE_TOKEN", "x" * 60)
    elif what == "permissions":
        token = discord.default_token
        discord.set_permissions(id_, 1024 | 65536, token=token)
    elif what == "log":
        monkeypatch.setattr("discobase.engine.doubt.DOUBT_SECONDS", 0.2)
        channels = {name: at for at, name in discord.channels(id_).items()}
        (frame,) = discord.messages(channels["log-2"])
        discord.edit_message(channels["log-2"], int(frame["id"]), "gone")
    found = examined(capsys, status=1)
    assert found[what]["state"] == "problem"
    assert found[what]["mend"]
    before = [found[name]["state"] for name in NAMES[: NAMES.index(what)]]
    assert {*before} <= {"ok"}
    assert found["gateway"]["state"] == "unknown"
    if what == "log":  # and what is proposed works
        assert main(["verify", "--format", "table"]) == 8
        assert capsys.readouterr().out.startswith("DAMAGED: ")


def test_few_logins_that_are_left_are_a_warning(discord, server, capsys):
    database_in(discord, server)
    discord.set(identifies_a_day=20)
    try:
        limits = examined(capsys)["limits"]
    finally:
        discord.set(identifies_a_day=1000)
    assert limits["state"] == "warning"
    assert "gateway=False" in limits["mend"]


@pytest.mark.parametrize(("off", "state"), [(0, "ok"), (90, "warning"), (-90, "warning")])
def test_a_clock_that_is_off_is_a_warning(off, state):
    class Clock(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response_only(200)
            self.send_header("Date", formatdate(time() + off, usegmt=True))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Clock) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        settings = Settings(api_url=f"http://127.0.0.1:{server.server_port}/api/v10")
        found = diagnosis._clock(settings, "a token")
        thread.join()
    assert found.state == state
    assert ("behind" if off > 0 else "ahead") in found.found or not off
    assert (found.mend is None) == (not off)
