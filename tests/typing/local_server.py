"""The embedded server in somebody's tests, as type checkers see it. Checked, never run."""

from __future__ import annotations

from pathlib import Path
from typing import Any, assert_type

from discobase import Database
from discobase.local import Answer, Joined, LocalDiscord, Person, RequestKind, Requests, join
from discobase.local.pytest_plugin import ConnectDatabase


def a_server(path: Path) -> None:
    with LocalDiscord(path, limits="discord", latency=0.1) as discord:
        assert_type(discord, LocalDiscord)
        assert_type((discord.port, discord.api_url), tuple[int, str])
        assert_type(discord.path, str | None)
        assert_type(discord.create_bot("helper", privileged_intents=True), str)
        server = assert_type(discord.create_server("guild"), int)
        assert_type(discord.join("guild"), int)
        discord.add_bot(discord.default_token, server)
        channels = assert_type(discord.channels(server), dict[int, str])
        for channel in channels:
            assert_type(discord.messages(channel), list[dict[str, Any]])


def a_database_in_a_test(connect_database: ConnectDatabase) -> None:
    assert_type(connect_database(Database("Shop")), Database)
    assert_type(connect_database(Database("Shop"), server="Our server"), Database)


def what_was_counted(discord: LocalDiscord) -> None:
    requests = assert_type(discord.requests, Requests)
    assert_type(requests.total, int)
    assert_type(requests.count("POST", "*/messages", status=200), int)
    for kind in requests.by_kind:
        assert_type(kind, RequestKind)


def a_person(discord: LocalDiscord, server: int, channel: int) -> None:
    ada = assert_type(discord.person("Ada", server), Person)
    assert_type(ada.say(channel, "hello"), int)
    answer = assert_type(ada.press(channel, "Go"), Answer)
    assert_type(answer.text, str | None)


def shared_by_processes(path: Path) -> None:
    joined = assert_type(join(str(path), "guild"), Joined)
    assert_type((joined.token, joined.api_url), tuple[str, str])
    joined.close()
