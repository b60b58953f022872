"""Clients that share no code with discord.py: hikari (Python) and discord.js (Node.js)."""

from __future__ import annotations

import json

import pytest

from tests.thirdparty.clients import drive
from tests.thirdparty.environments import node_modules_with, python_with, versions_in

pytestmark = pytest.mark.thirdparty

HIKARI = "2.7.0"
DISCORD_JS = "14.28.1"


def check(place, said, seen, name: str) -> None:
    """What both do alike, as they said it and as the server has it."""
    assert said["ready"] == [True, "third party"]
    assert said["heard"] == [True, f"hello from {name}", "n1"]
    assert said["edited"] == [f"changed by {name}", True]
    assert said["deleted"] == 10008
    assert said["file"] == ["data.bin", 1_024_000, True]
    assert said["topic"] == "changed"
    assert said["person"] == "a person says"
    assert said["command"] == ["greet", "name"]
    assert said["answered"] == "And goodbye."
    [answer] = seen
    assert (answer.text, answer.ephemeral) == ("Hello again, Bob!", True)
    assert [followup["content"] for followup in answer.followups] == ["And goodbye."]
    assert said["too long"] == 50035
    assert said["no channel"] == 10003
    assert "closed" in said
    numbers = [str(number) for number in range(149)]
    expected = [f"changed by {name}", *numbers, "", "a person says", "And goodbye."]
    assert place.contents("general") == expected
    assert place.discord.requests.identifies == 1


@pytest.fixture
def person(place):
    """What a person does when the client is ready for it, and what that person got to see."""
    seen = []

    def greet() -> None:
        answer = place.person.run_command(place.channel, "greet", name="Bob")
        seen.append(place.person.wait(answer, followups=1))

    acts = {
        "waiting for a person": lambda: place.person.say(place.channel, "a person says"),
        "waiting for a command": greet,
    }
    return acts, seen


def test_hikari_hears_sends_edits_reads_uploads_makes_channels_and_obeys(place, person):
    acts, seen = person
    python = python_with("hikari", f"hikari=={HIKARI}")
    assert versions_in(python, "hikari") == {"hikari": HIKARI}
    with drive(place, python, "hikari_bot.py") as client:
        said = client.said(acts)
    check(place, said, seen, "hikari")
    assert said["history"] == [150, "148", "changed by hikari"]
    assert said["channel"] == ["from-hikari", "from-hikari", True]
    assert said["channels"] == ["Hikari", "general"]


def test_discord_js_hears_sends_edits_reads_uploads_makes_channels_and_obeys(place, person):
    acts, seen = person
    modules = node_modules_with("discord.js", f"discord.js@{DISCORD_JS}")
    manifest = json.loads((modules / "discord.js" / "package.json").read_text())
    assert manifest["version"] == DISCORD_JS
    with drive(place, "node", "discord_js_bot.js", NODE_PATH=str(modules)) as client:
        said = client.said(acts)
    check(place, said, seen, "discord.js")
    assert said["history"] == [100, "148", 50, "changed by discord.js"]
    assert said["channel"] == ["from-js", "from-js", True]
    assert said["channels"] == ["Js", "general"]
