"""What a test tells the embedded server is refused where it cannot be, and not met later."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from math import inf, nan

import pytest

from discobase.errors import UsageError
from discobase.local import LocalDiscord


@pytest.fixture
def discord():
    with LocalDiscord() as running:
        running.join("shop")
        yield running


@pytest.mark.parametrize(
    "options",
    [
        {"delay": "x"}, {"delay": inf}, {"delay": nan}, {"count": "1"}, {"count": 2.5},
        {"probability": "1"}, {"probability": True}, {"status": "500"}, {"status": 10**30},
        {"body": "text"}, {"headers": [1]}, {"method": 5}, {"route": None}, {"when": "later"},
        {"channel": "7"}, {"seed": "x"}, {"reset": "yes"},
    ],
)  # fmt: skip
def test_a_fault_of_another_kind_is_refused(discord, options):
    with pytest.raises(UsageError, match=next(iter(options))):
        discord.fault(**options)
    assert discord.join("shop")


@pytest.mark.parametrize(
    "options", [{"delay": "x"}, {"delay": inf}, {"event": 5}, {"action": 5}, {"count": "1"}]
)
def test_a_fault_of_events_of_another_kind_is_refused(discord, options):
    with pytest.raises(UsageError):
        discord.event_fault(**{"action": "drop", **options})


@pytest.mark.parametrize(
    "change", [{"clock_skew": inf}, {"clock_skew": nan}, {"latency": "1"}, {"nonce_window": inf}]
)
def test_a_setting_that_cannot_be_is_refused(discord, change):
    with pytest.raises(UsageError, match=next(iter(change))):
        discord.set(**change)


def test_commands_refuse_arguments_of_other_kinds(discord):
    (server,) = discord.servers()
    for command in (
        lambda: discord.set_permissions(server, "8"),
        lambda: discord.set_permissions(server, 10**40),
        lambda: discord.set_permissions(str(server), 8),
        lambda: discord.create_server(5),
        lambda: discord.create_bot(None),
        lambda: discord.join(["shop"]),
        lambda: discord.add_bot(5, server),
        lambda: discord.delete_message("1", 2),
        lambda: discord.edit_message(1, 2, 3),
    ):
        with pytest.raises(UsageError):
            command()
    discord.set_permissions(server, 8)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "permissions", {"server_id": 1, "permissions": "8"}),
        ("POST", "faults", {"delay": "x"}),
        ("POST", "event-faults", {"action": "drop", "delay": []}),
        ("PATCH", "settings", {"clock_skew": "inf"}),
        ("POST", "servers", {"name": 5}),
    ],
)
def test_over_http_it_is_a_400_that_says_why(discord, method, path, body):
    request = urllib.request.Request(
        f"{discord.api_url.removesuffix('/api/v10')}/_local/{path}",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
        method=method,
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.code == 400
    assert json.load(refused.value)["error"]
    refused.value.close()
