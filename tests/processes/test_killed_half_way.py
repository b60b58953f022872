"""Deletions and successions whose process is killed at one of their steps, and then done again."""

from __future__ import annotations

import base64
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from discobase import Database, Table
from discobase.engine.log.superblock import is_superblock
from discobase.errors import DatabaseTakenOver
from discobase.local import LocalDiscord
from discobase.local.state.permissions import ADMINISTRATOR
from tests.database.shop import soon
from tests.processes.conftest import DISCORDS_OWN, SCRIPTS, SECONDS, SERVER, Child, launch

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="these tests send POSIX signals")


@dataclass(frozen=True)
class Step:
    """A request of those that change something, at which the process is killed.

    Attributes:
        taken: whether the server has taken it by then; the answer never comes.
        method: its method.
        route: its route.
        containing: what its body holds.
        number: which of all such requests it is, from 1.
    """

    taken: bool
    method: str
    route: str
    containing: str = ""
    number: int = 1

    def __str__(self) -> str:
        """What the test is called."""
        place = "after" if self.taken else "before"
        return f"{place} {self.method} {self.route} {self.containing or self.number}"

    def set_up(self, server: LocalDiscord) -> None:
        """Have the server hold the request for good, or its answer."""
        which = {"method": self.method, "route": self.route, "containing": self.containing}
        if self.number > 1:
            server.fault(**which, count=self.number - 1)  # which does nothing to them
        when = "after" if self.taken else "before"
        server.fault(**which, when=when, delay=2 * SECONDS, status=503)


MESSAGES = "/channels/{channel_id}/messages"
CHANNELS = "/guilds/{guild_id}/channels"
EMOJIS = "/applications/{application_id}/emojis"

CLEAN = [
    Step(False, "POST", MESSAGES, "being deleted"),
    Step(True, "POST", MESSAGES, "being deleted"),
    Step(True, "DELETE", "/channels/{channel_id}", number=1),
    Step(False, "DELETE", "/channels/{channel_id}", number=4),
    Step(True, "DELETE", "/channels/{channel_id}", number=5),
    Step(True, "DELETE", f"{EMOJIS}/{{emoji_id}}"),
    Step(True, "DELETE", "/channels/{channel_id}", number=6),
    Step(True, "DELETE", "/channels/{channel_id}", number=7),
]
"""The word that it is being deleted; four lanes and the checkpoints; the category; the trace; and
the catalog, after which nothing is left."""

SUCCESSION = [
    Step(taken, *request)
    for request in [
        ("POST", MESSAGES, "succession"),
        ("POST", CHANNELS, "catalog"),
        ("POST", EMOJIS),
        ("POST", MESSAGES, "superblock"),
    ]
    for taken in (False, True)
]
"""The claim, the catalog, the trace, and the superblock, which decides."""


class Doers:
    """Processes that do one thing each, and may be killed at it."""

    def __init__(self, child: Child, server: LocalDiscord) -> None:
        self._child = child
        self._server = server

    def do(self, *line: str) -> str:
        """Have one do something to its end; what it says."""
        self._begin(*line)
        said = self._child.line()
        assert self._child.line() == "ended 0"
        return said

    def kill_at(self, step: Step, *line: str) -> None:
        """Have one do something, and kill it at a step."""
        step.set_up(self._server)
        process = self._begin(*line)
        assert soon(lambda: self._server.faults_left == 0, SECONDS)
        os.kill(process, signal.SIGKILL)
        assert self._child.line() == f"ended {-signal.SIGKILL}"

    def _begin(self, *line: str) -> int:
        return int(self._child.ask(" ".join(line)))


@pytest.fixture(scope="class")
def server() -> Iterator[LocalDiscord]:
    with LocalDiscord() as running:
        running.join(SERVER)
        yield running


@pytest.fixture(scope="class")
def doers(server: LocalDiscord, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doers]:
    command = [sys.executable, "-W", DISCORDS_OWN, str(SCRIPTS / "by_forks.py")]
    environment = {
        "TMPDIR": str(tmp_path_factory.mktemp("temp")),
        "DISCOBASE_API_URL": server.api_url,
    }
    child = launch(command, environment)
    try:
        yield Doers(child, server)
        child.end_well()
    finally:
        child.put_away()


def write(server: LocalDiscord, token: str, *names: str, place: str = SERVER) -> None:
    """Save records in the database of a bot."""
    database = Database(place)

    @database.table(name="Item")
    class Item(Table):
        name: str

    with database.conn(token, api_url=server.api_url):
        Item.save_many(Item(name=name) for name in names)


def contents(server: LocalDiscord, place: str) -> dict[int, tuple[str, list[dict[str, Any]]]]:
    """All channels of a Discord server: the name of each, and its messages."""
    (found,) = [id_ for id_, name in server.servers().items() if name == place]
    channels = server.channels(found)
    return {id_: (name, server.messages(id_)) for id_, name in channels.items()}


def superblocks(channels: dict[int, tuple[str, list[dict[str, Any]]]]) -> list[str]:
    """The messages that say what and where a database is."""
    said = [message["content"] for _, messages in channels.values() for message in messages]
    return [content for content in said if is_superblock(content)]


@pytest.fixture(scope="class")
def others(server: LocalDiscord) -> dict[int, tuple[str, list[dict[str, Any]]]]:
    """What other databases hold: that of another bot in the same Discord server, and that of the
    same bot in another one.
    """
    neighbour = server.create_bot("neighbour")
    server.add_bot(neighbour, server.join(SERVER))
    write(server, neighbour, "theirs")
    server.join("elsewhere")
    write(server, server.default_token, "theirs", place="elsewhere")
    return contents(server, SERVER) | contents(server, "elsewhere")


@pytest.fixture(scope="class")
def heirs(server: LocalDiscord) -> list[str]:
    """The tokens of the bots that have had the database, the first one's first."""
    write(server, server.default_token, "0")
    return [server.default_token]


class TestADeletion:
    @pytest.mark.parametrize("step", CLEAN, ids=str)
    def test_is_done_to_its_end_by_who_does_it_again(
        self, step: Step, server: LocalDiscord, doers: Doers, others: dict[int, Any]
    ) -> None:
        token = server.default_token
        write(server, token, "one", "two")
        assert contents(server, SERVER).keys() - others.keys()
        doers.kill_at(step, "clean", token)
        said = doers.do("clean", token)
        assert said == ("there is none" if step is CLEAN[-1] else "deleted")
        assert contents(server, SERVER) | contents(server, "elsewhere") == others


class TestASuccession:
    @pytest.mark.parametrize("step", SUCCESSION, ids=str)
    def test_is_done_to_its_end_by_who_does_it_again(
        self,
        step: Step,
        server: LocalDiscord,
        doers: Doers,
        others: dict[int, Any],
        heirs: list[str],
    ) -> None:
        """Each of these tests has a bot of its own succeed that of the one before."""
        place = server.join(SERVER)
        before = heirs[-1]
        heir = server.create_bot(f"heir {len(heirs)}", privileged_intents=True)
        server.add_bot(heir, place, permissions=ADMINISTRATOR)
        heirs.append(heir)
        server.remove_bot(before, place)
        doers.kill_at(step, "succeed", heir, bot_of(before))
        said = doers.do("succeed", heir, bot_of(before))
        assert said.split() == sorted(map(str, range(len(heirs) - 1)))
        write(server, heir, str(len(heirs) - 1))
        server.add_bot(before, place, permissions=ADMINISTRATOR)
        with pytest.raises(DatabaseTakenOver):
            write(server, before, "too late")
        found = contents(server, SERVER)
        assert len(superblocks(found)) == 1 + len(heirs), "one of the neighbour, one of each bot"
        assert found | contents(server, "elsewhere") == found | others


def bot_of(token: str) -> str:
    """The id of a bot, which its token begins with (reference, "Authentication")."""
    first = token.split(".", maxsplit=1)[0]
    return base64.b64decode(first + "=" * (-len(first) % 4)).decode()
