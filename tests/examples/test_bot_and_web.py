"""A bot and a web app with one list: what people do in one place is seen in the other one."""

from __future__ import annotations

import shutil
import signal
import socket
import time

import pytest

from discobase.local import LocalDiscord
from tests.examples.browser import SECONDS, Browser
from tests.examples.conftest import EXAMPLES

pytestmark = pytest.mark.one_python

FOLDER = EXAMPLES / "bot_and_web"
ON_THE_PATH = str(EXAMPLES.parents[1])

WEB_THAT_ENDS = """
import os, socket, sys
with socket.create_server(("127.0.0.1", int(os.environ["PORT"]))) as server:
    server.accept()
sys.exit(3)
"""
"""A web app that is gone after the first connection."""


@pytest.fixture(scope="module")
def discord():
    with LocalDiscord() as running:
        running.join("Shopping")
        yield running


@pytest.fixture
def place(discord):
    return {
        "DISCOBASE_TOKEN": discord.default_token,
        "DISCOBASE_API_URL": discord.api_url,
        "PYTHONPATH": ON_THE_PATH,
    }


@pytest.fixture
def start_bot(spawn, place):
    """Starts the bot, and waits until it is there."""

    def start():
        child = spawn("bot.py", cwd=FOLDER, environment=place)
        assert child.line() == "the bot is there"
        return child

    return start


@pytest.fixture
def visitor(spawn, place):
    """Somebody at the web app, which runs in a process of its own."""
    port = free_port()
    web = ("-m", "flask", "--app", "web", "run", "--port", str(port))
    spawn(*web, cwd=FOLDER, environment=place)
    browser = Browser("127.0.0.1", port)
    browser.get_when_there()
    return browser


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def asked(person, channel, command, **given):
    """What a person is answered in the end."""
    answer = person.run_command(channel, command, **given)
    return (person.wait(answer) if answer.state == "thinking" else answer).text


def told(person, channel, number):
    """The messages in the channel, waited for until there are so many."""
    deadline = time.monotonic() + SECONDS
    while len(messages := [each["content"] for each in person.messages(channel)]) < number:
        assert time.monotonic() < deadline, messages
        time.sleep(0.05)
    return messages


def test_what_is_done_in_discord_is_on_the_page_and_the_other_way_round(
    discord, start_bot, visitor
):
    server = discord.join("Shopping")
    ada = discord.person("Ada", server)
    bot = start_bot()
    (channel,) = (place for place, name in discord.channels(server).items() if name == "shopping")

    assert asked(ada, channel, "list") == "Nothing is wanted."
    assert asked(ada, channel, "want", thing="milk") == "milk is on the list."
    assert asked(ada, channel, "want", thing="milk") == "milk is on the list already."
    assert "milk (Ada)" in visitor.get_when_there(shows="milk")

    page = visitor.post(by="Grace", thing="@everyone <b>bread</b>")
    assert "@everyone &lt;b&gt;bread&lt;/b&gt; (Grace)" in page
    messages = told(ada, channel, 4)
    assert messages[3] == "Grace wants @everyone <b>bread</b>."
    assert not ada.messages(channel)[3]["mention_everyone"]
    offered = ada.complete(channel, "bought", "thing", thing="BREAD").choices
    assert [choice["value"] for choice in offered] == ["@everyone <b>bread</b>"]

    assert asked(ada, channel, "bought", thing="milk") == "milk is bought."
    assert asked(ada, channel, "bought", thing="milk") == "milk was not wanted."
    assert "milk" not in visitor.post("/bought", thing="@everyone <b>bread</b>")
    assert "Nothing is wanted." in visitor.get_when_there(shows="Nothing is wanted.")

    # What happens while the bot is away is told when it is back, once.
    bot.kill()
    before = len(ada.messages(channel))
    visitor.post(by="Grace", thing="salt")
    bot = start_bot()
    assert told(ada, channel, before + 1)[before:] == ["Grace wants salt."]
    assert asked(ada, channel, "want", thing="tea") == "tea is on the list."
    assert told(ada, channel, before + 2)[before:] == ["Grace wants salt.", "tea is on the list."]
    bot.signal(signal.SIGINT)
    ended = bot.end()
    assert (ended.complaints, ended.code) == ("", 0)


def test_one_command_starts_all_of_it(spawn, tmp_path):
    folder = shutil.copytree(FOLDER, tmp_path / "shopping")
    port = free_port()
    child = spawn("run.py", cwd=folder, environment={"PORT": str(port), "PYTHONPATH": ON_THE_PATH})
    assert child.line() == f"The list is at http://127.0.0.1:{port}/"
    assert child.line().startswith("What is in Discord is at http://127.0.0.1:")
    assert "/want milk" in child.line()
    assert child.ask("/want milk") == "milk is on the list."
    assert child.ask("/nonsense") == "nobody here offers a command 'nonsense' to this person."
    assert "milk (Ada)" in Browser("127.0.0.1", port).get_when_there(shows="milk")
    assert child.ask("/list") == "milk (Ada)"
    assert child.end().code == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_without_the_web_app_the_command_ends_and_says_so(spawn, tmp_path):
    folder = shutil.copytree(FOLDER, tmp_path / "shopping")
    (tmp_path / "flask.py").write_text("raise SystemExit('there is no flask')")
    given = {"PORT": str(free_port()), "PYTHONPATH": f"{tmp_path}:{ON_THE_PATH}"}
    ended = spawn("run.py", cwd=folder, environment=given).end()
    assert (ended.lines, ended.code) == ([], 1)
    assert "there is no flask" in ended.complaints
    assert "the web app has not started: see above" in ended.complaints


def test_a_port_that_another_program_has_is_refused_before_anything_starts(spawn, place):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        ended = spawn("run.py", cwd=FOLDER, environment=place | {"PORT": port}).end()
    assert (ended.code, ended.complaints) == (
        1,
        f"another program has port {port}: name a free one in PORT\n",
    )


def test_with_a_token_the_command_ends_when_the_web_app_does(spawn, place, tmp_path):
    (tmp_path / "flask.py").write_text(WEB_THAT_ENDS)
    given = place | {"PORT": str(free_port()), "PYTHONPATH": f"{tmp_path}:{ON_THE_PATH}"}
    child = spawn("run.py", cwd=FOLDER, environment=given)
    assert child.line().startswith("The list is at http://127.0.0.1:")
    assert child.end().code == 3
