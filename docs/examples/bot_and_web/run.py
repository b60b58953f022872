"""A shopping list that is kept in Discord: by a bot there, and by a web app. Two processes.

Try it in this folder, on the embedded server, which keeps what it has in a file. The web app wants
discobase's extra ``flask``::

    python run.py

It prints where the web app is, and where to look at what is in Discord. It plays Discord's part as
well: type ``/want milk``, ``/list`` or ``/bought milk``, as Ada, and see what the bot answers. With
a bot's token, which is in a Discord server called "Shopping", it is the real one, and Discord is
where you type::

    DISCOBASE_TOKEN=... python run.py

In production each of the two is a service of its own: ``python bot.py``, and
``gunicorn --threads 8 "web:create_app()"``.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import store

from discobase.errors import UsageError
from discobase.local import LocalDiscord, Person

FOLDER = Path(__file__).parent
Program = subprocess.Popen[str]
PORT = os.environ.get("PORT", "5000")
WEB = ("-m", "flask", "--app", "web", "run", "--port", PORT)


@contextlib.contextmanager
def programs(**environment: str) -> Iterator[list[Program]]:
    """Bot and web app, each in a process of its own, until the block is left."""
    if answers():
        sys.exit(f"another program has port {PORT}: name a free one in PORT")
    both = [
        subprocess.Popen(
            [sys.executable, *command],
            cwd=FOLDER,
            env={**os.environ, **environment},
            stdout=output,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        for command, output in ((("bot.py",), subprocess.PIPE), (WEB, subprocess.DEVNULL))
    ]
    try:
        wait_until_there(*both)
        print(f"The list is at http://127.0.0.1:{PORT}/", flush=True)
        yield both
    finally:
        for program in both:
            program.terminate()
        for program in both:
            program.communicate()


def wait_until_there(bot: Program, web: Program) -> None:
    """Wait until both have started, and end this program where one of them has not."""
    assert bot.stdout is not None
    if not bot.stdout.readline():
        sys.exit("the bot has not started: see above")
    while not answers():
        if web.poll() is not None:
            sys.exit("the web app has not started: see above")
        time.sleep(0.05)


def answers() -> bool:
    """Whether a program takes connections at the web app's port."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", int(PORT))) == 0


def wait_for_end(both: list[Program]) -> int:
    """Wait until one of them ends, without which the other is of no use. Returns its status."""
    while True:
        for program in both:
            if (status := program.poll()) is not None:
                return status
        time.sleep(0.5)


def type_as(person: Person, channel: int, line: str) -> str:
    """What the bot answers to a line that somebody types in Discord."""
    command, _, thing = line.strip().removeprefix("/").partition(" ")
    given = {"thing": thing} if command in {"want", "bought"} else {}
    try:
        answer = person.run_command(channel, command, **given)
        if answer.state == "thinking":
            answer = person.wait(answer)
    except UsageError as error:
        return str(error)  # what Discord's own client does not let a person send
    return answer.text or answer.error or ""


def play() -> None:
    """Run it on the embedded server, with a person who types what comes in."""
    with LocalDiscord("shopping.db") as discord:
        server = discord.join(store.SERVER)
        ada = discord.person("Ada", server)
        place = {
            "DISCOBASE_TOKEN": discord.default_token,
            "DISCOBASE_API_URL": discord.api_url,
        }
        with programs(**place):
            channels = {name: channel for channel, name in discord.channels(server).items()}
            print(f"What is in Discord is at {discord.window_url}", flush=True)
            print("Type /want milk, /list or /bought milk; an empty line ends it.", flush=True)
            while line := sys.stdin.readline().strip():
                print(type_as(ada, channels["shopping"], line), flush=True)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        if "DISCOBASE_TOKEN" in os.environ:
            with programs() as running:
                sys.exit(wait_for_end(running))
        else:
            play()
