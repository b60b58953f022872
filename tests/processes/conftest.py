"""Interpreters of their own that use one server, and what the tests ask of them."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

import discobase
from discobase.local import LocalDiscord
from tests.processes.forked import Forked, Nursery

SCRIPTS = Path(__file__).parent / "scripts"
ROOT = Path(discobase.__file__).parent.parent
SERVER = "shop"
SECONDS = 30
"""How long anything may take before it counts as hanging; as a rule it takes a fraction of one."""

# discord.py imports it on Python 3.11 and 3.12.
DISCORDS_OWN = "ignore:'audioop' is deprecated:DeprecationWarning"


class Child:
    """A process under test, spoken to line by line.

    Args:
        process: the process, with pipes for its standard streams.
    """

    def __init__(self, process: subprocess.Popen[str] | Forked) -> None:
        self.process = process
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._complaints: list[str] = []
        self._readers = [threading.Thread(target=read) for read in (self._listen, self._note)]
        for reader in self._readers:
            reader.start()

    def _listen(self) -> None:
        for line in self.process.stdout:
            if line.endswith("\n"):  # else it was killed in the middle of it
                self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def _note(self) -> None:
        self._complaints.extend(self.process.stderr)

    def line(self) -> str:
        """The next line it prints."""
        line = self._lines.get(timeout=SECONDS)
        assert line is not None, "it has ended:\n" + "".join(self._complaints)
        return line

    def say(self, line: str = "") -> None:
        """Send it a line."""
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def ask(self, line: str) -> str:
        """Send it a line, and get the one it prints then."""
        self.say(line)
        return self.line()

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def end(self) -> Ended:
        """Close its input and wait for its end."""
        self.process.stdin.close()
        try:
            self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)  # faulthandler shows where it hangs
            self.process.wait(SECONDS)
            self._kill_what_it_left()
            hangs = self._ended()
            pytest.fail(f"it did not end within {SECONDS} s: {hangs}")
        return self._ended()

    def end_well(self) -> list[str]:
        """Wait for its end, which has to be without a word of complaint; the lines it printed."""
        ended = self.end()
        assert (ended.complaints, ended.code) == ("", 0)
        return ended.lines

    def kill(self) -> list[str]:
        """Kill it as the system's out-of-memory killer does; the lines it had printed."""
        self.process.kill()
        ended = self._ended()
        assert ended.complaints == ""
        return ended.lines

    def _ended(self) -> Ended:
        code = self._join()
        lines = list(iter(self._lines.get, None))
        return Ended(lines, "".join(self._complaints), code)

    def _join(self) -> int:
        code = self.process.wait(SECONDS)
        for reader in self._readers:
            reader.join(SECONDS)
        return code

    def _kill_what_it_left(self) -> None:
        """Kill the processes that it has forked: one that hangs would hold its pipes for ever."""
        if hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def put_away(self) -> None:
        """After a test: kill it if it still runs, and close the pipes."""
        self.process.kill()
        self._kill_what_it_left()
        self._join()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


@dataclass(frozen=True)
class Ended:
    """A process that has ended.

    Attributes:
        lines: what it printed, but for what was read before.
        complaints: what it wrote to its standard error.
        code: its exit code.
    """

    lines: list[str]
    complaints: str
    code: int


Start = Callable[..., Child]

_NOTHING: Mapping[str, str] = {}


def environment_of(changes: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process under test."""
    path = [str(ROOT), str(SCRIPTS), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(path)} | changes


def launch(command: list[str], environment: Mapping[str, str], **options: object) -> Child:
    """Run a command, with some changes of the environment."""
    return Child(
        subprocess.Popen(
            command,
            env=environment_of(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            **options,
        )
    )


@pytest.fixture
def temp(tmp_path: Path) -> Path:
    """Where the processes put their temporary files."""
    folder = tmp_path / "temp"
    folder.mkdir()
    return folder


@pytest.fixture
def spawn(temp: Path) -> Iterator[Callable[..., Child]]:
    """Run a command."""
    with contextlib.ExitStack() as stack:

        def run(*command: str, **options: object) -> Child:
            environment = {"TMPDIR": str(temp)} | dict(options.pop("environment", {}))
            child = launch([sys.executable, *command], environment, **options)
            stack.callback(child.put_away)
            return child

        yield run


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """What scripts are forked from, with all warnings on."""
    command = [sys.executable, *_options("-W", "default"), str(SCRIPTS / "nursery.py")]
    nursery = Nursery(command, environment_of({}))
    yield nursery
    nursery.close()


def _options(*warnings: str) -> tuple[str, ...]:
    return ("-X", "faulthandler", *warnings, "-W", DISCORDS_OWN)


@pytest.fixture
def fork(request: pytest.FixtureRequest, spawn: Start, temp: Path) -> Iterator[Start]:
    """Run one of the scripts, with all warnings on, in a process that is forked from an interpreter
    which has imported discobase, so that it is there a second sooner.
    """
    with contextlib.ExitStack() as stack:

        def run(
            script: str,
            *arguments: str,
            environment: Mapping[str, str] = _NOTHING,
            cwd: Path | None = None,
            imports: Sequence[str] = (),
        ) -> Child:
            path = str(SCRIPTS / script)
            if sys.platform != "linux":
                options = _options("-W", "default")
                return spawn(*options, path, *arguments, environment=environment, cwd=cwd)
            nursery: Nursery = request.getfixturevalue("nursery")
            given = environment_of({"TMPDIR": str(temp)} | environment)
            child = Child(nursery.start([path, *arguments], given, cwd or Path.cwd(), imports))
            stack.callback(child.put_away)
            return child

        yield run


@pytest.fixture
def start_on(spawn: Start, fork: Start) -> Start:
    """Start one of the scripts, logged in to some place: with options, in an interpreter of its
    own; else in a fork.
    """

    def start(
        place: dict[str, str], script: str, *arguments: str, options: tuple[str, ...] = ()
    ) -> Child:
        environment = {"DISCOBASE_TOKEN": place["token"], "DISCOBASE_API_URL": place["api_url"]}
        if not options:
            return fork(script, *arguments, environment=environment)
        command = *_options(*options), str(SCRIPTS / script), *arguments
        return spawn(*command, environment=environment)

    return start


Gunicorn = Callable[[str, bool], contextlib.AbstractContextManager[tuple[Child, tuple[str, int]]]]
"""Runs an application, its name given, preloaded or not: the process, and where it answers."""


@pytest.fixture
def gunicorn(spawn: Callable[..., Child], server: LocalDiscord, temp: Path) -> Gunicorn:
    """Run one of the applications with two workers of gunicorn, logged in to the server."""
    place = place_of(server)

    @contextlib.contextmanager
    def run(application: str, preload: bool) -> Iterator[tuple[Child, tuple[str, int]]]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            child = spawn(
                *("-m", "gunicorn", application, "--workers", "2", "--log-level", "warning"),
                *("--bind", f"fd://{listener.fileno()}", "--worker-tmp-dir", str(temp)),
                *(["--preload"] if preload else []),
                environment={
                    "DISCOBASE_TOKEN": place["token"],
                    "DISCOBASE_API_URL": place["api_url"],
                },
                pass_fds=[listener.fileno()],
            )
            yield child, listener.getsockname()

    return run


def place_of(server: LocalDiscord) -> dict[str, str]:
    """Where a server is, and with which token."""
    server.join(SERVER)
    return {"api_url": server.api_url, "token": server.default_token}


@pytest.fixture
def server() -> Iterator[LocalDiscord]:
    with LocalDiscord() as running:
        yield running


@pytest.fixture
def start(server: LocalDiscord, start_on: Start) -> Start:
    """Start one of the scripts on the server of this test."""
    place = place_of(server)
    return lambda script, *arguments, **options: start_on(place, script, *arguments, **options)


class ServerProcess:
    """The embedded server in a process of its own, which can be killed and started again.

    Args:
        spawn: runs a command.
        path: the file that it keeps.
    """

    def __init__(self, spawn: Callable[..., Child], path: Path) -> None:
        self._spawn = spawn
        self._path = path
        self._port = "0"
        self.start()

    def start(self) -> None:
        """Run it; from the second time on, on the port it had."""
        self._child = self._spawn(
            *("-m", "discobase", "serve", "--json", "--server", SERVER),
            *("--port", self._port, "--db", str(self._path)),
        )
        self.place = json.loads(self._child.line())
        self._port = self.place["api_url"].split(":")[2].split("/")[0]

    def kill(self) -> None:
        """End it without a warning."""
        self._child.kill()


@pytest.fixture
def server_process(spawn: Callable[..., Child], tmp_path: Path) -> ServerProcess:
    return ServerProcess(spawn, tmp_path / "discord.db")


def seconds_of(action: Callable[[], object]) -> float:
    """How long something takes."""
    before = time.monotonic()
    action()
    return time.monotonic() - before


def stored(start: Callable[..., Child]) -> Counter[str]:
    """The names that a process which starts now finds, and how often each."""
    return Counter(start("list_all.py").end_well())


def assert_acknowledged_once(start: Callable[..., Child], acknowledged: list[str]) -> None:
    """Whatever was acknowledged is there, and nothing is there twice."""
    found = stored(start)
    assert sorted(set(acknowledged) - set(found)) == []
    assert [name for name, times in found.items() if times > 1] == []
