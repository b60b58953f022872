"""Clients that share no code with discord.py: hikari (Python) and discord.js (Node.js)."""

from __future__ import annotations

import json

import pytest

from tests.thirdparty.clients import drive
from tests.thirdparty.environments import node_modules_with, python_with, versions_in

pytestmark = pytest.mark.thirdparty

HIKARI = "2.7.0"
DISCORD_JS = "14.28.1"


def check(place, said: dict[str, object], name: str) -> None:
    """What both do alike, as they said it and as the server has it."""
    assert said["ready"] == [True, "third party"]
    assert said["heard"] == [True, f"hello from {name}", "n1"]
    assert said["edited"] == [f"changed by {name}", True]
    assert said["deleted"] == 10008
    assert said["file"] == ["data.bin", 1_024_000, True]
    assert said["topic"] == "changed"
    assert said["person"] == "a person says"
    assert said["command"] == ["greet", "name"]
    assert said["too long"] == 50035
    assert said["no channel"] == 10003
    assert "closed" in said
    numbers = [str(number) for number in range(149)]
    expected = [f"changed by {name}", *numbers, "", "a person says"]
    assert place.contents("general") == expected
    assert place.discord.requests.identifies == 1


def someone_speaks(place):
    return {
        "waiting for a person": lambda: place.discord.post_message(place.channel, "a person says")
    }


def test_hikari_logs_in_hears_sends_edits_reads_uploads_and_makes_channels(place):
    python = python_with("hikari", f"hikari=={HIKARI}")
    assert versions_in(python, "hikari") == {"hikari": HIKARI}
    with drive(place, python, "hikari_bot.py") as client:
        said = client.said(someone_speaks(place))
    check(place, said, "hikari")
    assert said["history"] == [150, "148", "changed by hikari"]
    assert said["channel"] == ["from-hikari", "from-hikari", True]
    assert said["channels"] == ["Hikari", "general"]


def test_discord_js_logs_in_hears_sends_edits_reads_uploads_and_makes_channels(place):
    modules = node_modules_with("discord.js", f"discord.js@{DISCORD_JS}")
    manifest = json.loads((modules / "discord.js" / "package.json").read_text())
    assert manifest["version"] == DISCORD_JS
    with drive(place, "node", "discord_js_bot.js", NODE_PATH=str(modules)) as client:
        said = client.said(someone_speaks(place))
    check(place, said, "discord.js")
    assert said["history"] == [100, "148", 50, "changed by discord.js"]
    assert said["channel"] == ["from-js", "from-js", True]
    assert said["channels"] == ["Js", "general"]
