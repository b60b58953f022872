"""Third-party code in a process of its own, and what its driver said line by line."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Self, TypeVar

from discobase.local import LocalDiscord
from discobase.local.people.person import Person
from tests.local.rest import Rest

DRIVERS = Path(__file__).parent / "drivers"
_SECONDS = 50

T = TypeVar("T")


@dataclass
class Place:
    """A server with a bot in it that may do all, and one text channel."""

    discord: LocalDiscord
    rest: Rest
    server: int
    channel: int
    _last: int = 0

    def say(self, text: str) -> int:
        """Sends a message as a person, and begins to listen for answers; returns its id."""
        self._last = self.discord.post_message(self.channel, text)
        return self._last

    def next_answer(self, seconds: float = 5.0) -> str:
        """The text of the next message in the channel after the last one that was said or read."""
        new = until(self._unread, seconds)[0]
        self._last = int(new["id"])
        return new["content"]

    def _unread(self) -> list[dict[str, object]]:
        messages = self.discord.messages(self.channel)
        return [message for message in messages if int(message["id"]) > self._last]

    def environment(self) -> dict[str, str]:
        """What a driver is told, and nothing that would lead to this project's code."""
        kept = {name: value for name, value in os.environ.items() if name not in _OURS}
        origin = self.discord.origin
        return {
            **kept,
            "API_URL": self.discord.api_url,
            "GATEWAY_URL": f"{origin.replace('http', 'ws', 1)}/gateway",
            "ORIGIN": origin,
            "TOKEN": self.rest.token,
            "SERVER_NAME": "third party",
            "SERVER_ID": str(self.server),
            "CHANNEL_ID": str(self.channel),
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    @property
    def person(self) -> Person:
        """Somebody in the server who is no bot."""
        return self.discord.person("Ada", self.server)

    def contents(self, name: str) -> list[str]:
        """The texts in the channel of this name, oldest first."""
        [channel] = [id_ for id_, one in self.channels().items() if one == name]
        return [message["content"] for message in self.discord.messages(channel)]

    def channels(self) -> dict[int, str]:
        return self.discord.channels(self.server)

    def commands(self, *, in_server: bool = True) -> list[dict[str, object]]:
        """The application commands that the bot has registered, in its server or globally."""
        application = self.rest("GET", "/applications/@me").body["id"]
        scope = f"/guilds/{self.server}" if in_server else ""
        return self.rest("GET", f"/applications/{application}{scope}/commands").body


_OURS = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "NODE_PATH"}


class Client:
    """A process that runs.

    Args:
        place: the server it is pointed at.
        command: what to run.
        more: further environment variables.
    """

    def __init__(self, place: Place, *command: str | Path, **more: str) -> None:
        self._process = subprocess.Popen(
            [str(part) for part in command],
            env={**place.environment(), **more},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self._errors: list[str] = []
        self._complaints = threading.Thread(target=self._listen, daemon=True)
        self._complaints.start()
        self._patience = threading.Timer(_SECONDS, self._process.kill)
        self._patience.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._patience.cancel()
        self._process.kill()
        self._process.wait()
        self._complaints.join()
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.stderr.close()

    @property
    def errors(self) -> str:
        """What it has written to standard error so far; all of it once it has ended."""
        if self._process.poll() is not None:
            self._complaints.join()
        return "".join(self._errors)

    def let_go(self) -> None:
        """Ends its standard input, on which a driver may wait."""
        self._process.stdin.close()

    def _listen(self) -> None:
        self._errors.extend(self._process.stderr)

    def wait_for_line(self, start: str) -> str:
        """The next line that starts so; those before it are passed over."""
        for line in self._process.stdout:
            if line.startswith(start):
                return line.rstrip("\n")
        raise AssertionError(f"it ended without saying {start!r}:\n{self.errors}")

    def said(
        self, answers: Mapping[str, Callable[[], object]] = MappingProxyType({}), *, status: int = 0
    ) -> dict[str, object]:
        """What a driver says to its end, by name.

        Args:
            answers: what to do when it says something.
            status: with which it has to end.
        """
        things: dict[str, object] = {}
        for line in self._process.stdout:
            if not line.startswith('["'):
                continue
            what, value = json.loads(line)
            things[what] = value
            if what in answers:
                answers[what]()
        assert self._process.wait() == status, f"{things}\n{self.errors}"
        return things


def until(look: Callable[[], T], seconds: float = 10.0) -> T:
    """What is seen as soon as it is true."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, f"nothing within {seconds} s"
        time.sleep(0.02)
    return seen


def drive(place: Place, python: Path | str, driver: str, *arguments: object, **more: str) -> Client:
    """Runs one of the drivers."""
    return Client(place, python, DRIVERS / driver, *map(str, arguments), **more)
