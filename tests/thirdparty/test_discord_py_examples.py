"""discord.py's own example bots, as they are, from Debian's package of them.

``DISCORD_PY_EXAMPLES`` may name the folder ``examples`` of a checkout of discord.py instead.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.thirdparty.clients import DRIVERS, Client
from tests.thirdparty.environments import debian_package, python_with

pytestmark = pytest.mark.thirdparty


@pytest.fixture(scope="module")
def python():
    return python_with("discord.py", "discord.py==2.7.1")


@pytest.fixture(scope="module")
def examples() -> Path:
    named = os.environ.get("DISCORD_PY_EXAMPLES")
    if named is not None:
        return Path(named)
    unpacked = debian_package("python-discord-doc")
    return unpacked / "usr/share/doc/python-discord-doc/examples"


@pytest.fixture
def run(place, python, examples):
    """Starts an example; returns when it has logged in."""
    running = []

    def start(name: str) -> Client:
        client = Client(place, python, DRIVERS / "run_example.py", examples / name)
        running.append(client)
        client.wait_for_line("Logged in as guest")
        return client

    yield start
    for client in running:
        client.__exit__()


def test_the_command_bot_answers_its_commands(place, run):
    run("basic_bot.py")
    place.say("?add 2 40")
    assert place.next_answer() == "42"
    place.say("?roll 3d6")
    assert [1 <= int(number) <= 6 for number in place.next_answer().split(", ")] == [True] * 3
    place.say("?choose one one")
    assert place.next_answer() == "one"
    place.say("?repeat 2 again")
    assert [place.next_answer(), place.next_answer()] == ["again", "again"]
    place.say("?joined guest")
    assert re.fullmatch(r"guest(#0000)? joined <t:\d+>", place.next_answer())
    place.say("?cool bot")
    assert place.next_answer() == "Yes, the bot is cool."
    place.say("?cool cat")
    assert place.next_answer() == "No, cat is not cool"
    place.say("?help")
    assert "Adds two numbers together." in place.next_answer()


def test_the_slash_command_bot_registers_and_answers_its_commands(place, run):
    run("app_commands/basic.py")
    registered = {each["name"]: each["type"] for each in place.commands()}
    slash_commands = dict.fromkeys(("hello", "add", "send", "joined"), 1)
    assert registered == {**slash_commands, "Show Join Date": 2, "Report to Moderators": 3}
    person, channel = place.person, place.channel
    assert person.run_command(channel, "hello").text == f"Hi, {person.mention}"
    assert person.run_command(channel, "add", first_value=2, second_value=40).text == "2 + 40 = 42"
    assert person.run_command(channel, "send", text="this").text == "this"
    joined = person.run_command(channel, "joined", member=person.id).text
    assert re.fullmatch(r"Ada joined <t:\d+>", joined)
    joined = person.use_on_user(channel, "Show Join Date", person.id).text
    assert re.fullmatch(r"Ada joined at <t:\d+>", joined)
    said = person.say(channel, "something bad")
    reported = person.use_on_message(channel, "Report to Moderators", said)
    thanks = f"Thanks for reporting this message by {person.mention} to our moderators."
    assert (reported.text, reported.ephemeral) == (thanks, True)
    assert thanks not in place.contents("general")


def test_the_modal_bot_shows_a_form_and_thanks_for_it(place, run):
    run("modals/basic.py")
    shown = place.person.run_command(place.channel, "feedback")
    assert shown.state == "modal"
    assert shown.modal["title"] == "Feedback"
    answer = place.person.submit_modal(shown, Name="Ada")
    assert (answer.text, answer.ephemeral) == ("Thanks for your feedback, Ada!", True)


def test_the_confirming_bot_hears_which_button_is_pressed(place, run):
    client = run("views/confirm.py")
    place.say("$ask")
    assert place.next_answer() == "Do you want to continue?"
    asked = place.discord.messages(place.channel)[-1]
    answer = place.person.press(asked["id"], "Confirm")
    assert (answer.text, answer.ephemeral) == ("Confirming", True)
    assert client.wait_for_line("Conf") == "Confirmed..."


def test_the_counting_bot_changes_its_button_with_each_press(place, run):
    run("views/counter.py")
    place.say("$counter")
    assert place.next_answer() == "Press!"
    message = place.discord.messages(place.channel)[-1]
    for count in range(1, 6):
        answer = place.person.press(message["id"], str(count - 1))
        [row] = answer.message["components"]
        [button] = row["components"]
        assert (button["label"], button.get("disabled", False)) == (str(count), count == 5)


def test_the_bot_with_a_menu_hears_what_is_chosen(place, run):
    run("views/dropdown.py")
    place.say("$colour")
    assert place.next_answer() == "Pick your favourite colour:"
    message = place.discord.messages(place.channel)[-1]
    answer = place.person.choose(message["id"], "Choose your favourite colour...", "Green")
    assert answer.text == "Your favourite colour is Green"


def test_the_reply_bot_replies_to_the_message(place, run):
    run("reply.py")
    asked = place.say("!hello")
    assert place.next_answer() == "Hello!"
    answer = place.discord.messages(place.channel)[-1]
    assert answer["message_reference"]["message_id"] == str(asked)
    assert answer["type"] == 19


def test_the_bot_that_watches_edits_tells_of_them(place, run):
    run("edits.py")
    place.say("!editme")
    assert place.next_answer() == "10"
    assert place.next_answer(10) == "**guest#0000** edited their message:\n10 -> 40"


def test_the_bot_that_watches_deletions_tells_of_them(place, run):
    run("deleted.py")
    place.say("!deleteme")
    while place.next_answer(10) != "guest#0000 has deleted the message: Goodbye in 3 seconds...":
        pass
    told = place.contents("general")
    assert "guest#0000 has deleted the message: I will delete myself now..." in told
    assert "I will delete myself now..." not in told
