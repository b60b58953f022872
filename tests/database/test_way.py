"""The way of one save and of one find: which code they pass, and how often they change threads.

To see them step by step: ``python -m tests.database.test_way``.
"""

from __future__ import annotations

import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import pytest

import discobase
from discobase.local import LocalDiscord
from tests.database.shop import shop

PACKAGE = Path(discobase.__file__).parent
ROOT = PACKAGE.parent
LOOPS = {"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"}
LONG_WAIT = {
    "LoopThread.forked",
    "LoopThread.log_if_blocked",
    "LoopThread.call_soon",
    "LoopThread._note_answer",
    "blocking_handler",
    "_handlers_of",
}
"""What a wait that has become long, on a slow machine, asks the loop now and then."""
QUIET_SECONDS = 0.2
"""Long enough for the echo of a save to have been dealt with, too."""


@dataclass
class Way:
    """What was called between two moments, in the order of time, on all threads of discobase."""

    steps: list[tuple[str, str, str]] = field(default_factory=list)
    """The thread's name, the module's path in the package, and the function."""

    @property
    def calls(self) -> int:
        return sum(function not in LONG_WAIT for _, _, function in self.steps)

    @property
    def modules(self) -> Counter[str]:
        return Counter(module for _, module, function in self.steps if function not in LONG_WAIT)


class Recorder:
    """Notes the calls of discobase's own functions, while it is on.

    Properties count like other calls; each resumption of a coroutine counts as well, for that is
    when its thread goes on with it. Loops in an expression do not: comprehensions are no calls from
    Python 3.12 on (PEP 709), and how often generators are resumed depends on what they go through,
    as how many positions have been read, which a slow machine makes more.
    """

    def __init__(self) -> None:
        self.way: Way | None = None

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        way = self.way
        if way is None or event != "call":
            return
        path = Path(frame.f_code.co_filename)
        if not path.is_relative_to(PACKAGE) or path.is_relative_to(PACKAGE / "local"):
            return
        if frame.f_code.co_name in LOOPS:
            return
        module = path.relative_to(PACKAGE).as_posix()
        way.steps.append((threading.current_thread().name, module, frame.f_code.co_qualname))

    @contextmanager
    def recording(self) -> Generator[Way]:
        self.way = way = Way()
        try:
            yield way
            time.sleep(QUIET_SECONDS)
        finally:
            self.way = None


def least(recorder: Recorder, act: Callable[[], object], tries: int = 10) -> Way:
    """The shortest of several ways: timers of other parts may fall into some of them."""
    ways = []
    for _ in range(tries):
        with recorder.recording() as way:
            act()
        ways.append(way)
    return min(ways, key=lambda way: way.calls)


def measured() -> dict[str, Way]:
    """The way of a save and of a find, in a database that has been used before."""
    recorder = Recorder()
    threading.setprofile(recorder)
    sys.setprofile(recorder)
    try:
        with LocalDiscord() as discord:
            discord.join("shop")
            database, item = shop()
            with database.conn(discord.default_token, api_url=discord.api_url):
                item(name="warm").save()
                assert item.find(name="warm")[0].pk == 1
                return {
                    "save": least(recorder, lambda: item(name="new").save()),
                    "find": least(recorder, lambda: item.find(name="warm")[0]),
                }
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def ways():
    return measured()


def told(name: str) -> list[str]:
    """The methods and functions that the architecture names on the way of a save or a find."""
    page = (ROOT / "docs/explanations/architecture.md").read_text("utf-8")
    section = page.split(f"## The way of one {name}\n")[1].split("\n## ")[0].split("\n### ")[0]
    return re.findall(r"`([A-Z]\w+\.\w+)`", section)


def test_a_save_and_a_find_go_the_way_that_the_architecture_tells(ways):
    for name, way in ways.items():
        passed = iter(function for _, _, function in way.steps)
        for step in told(name):
            assert step in passed, f"{name}: {step} is not passed, or not after those before it"
        assert len(told(name)) > 5


def test_a_save_changes_threads_five_times_and_a_find_never(ways):
    caller, loop, worker = "MainThread", "discobase shop", "discobase-worker"
    on_the_way = {
        "Table.save": caller,
        "Committer.run": loop,
        "Committer._prepare": worker,
        "CommitLog.append": loop,
        "Batch.answer": worker,
        "Wait._outcome": caller,
    }
    thread_of = {function: thread for thread, _, function in reversed(ways["save"].steps)}
    assert {function: thread_of[function] for function in on_the_way} == on_the_way
    # Nothing of a save runs elsewhere.
    assert set(thread_of.values()) == {caller, loop, worker}
    assert {thread for thread, _, _ in ways["find"].steps} == {caller}


def test_a_save_and_a_find_pass_no_more_calls_and_modules_than_they_need(ways):
    found = {name: (way.calls, len(way.modules)) for name, way in ways.items()}
    # 343 in 67 modules, and 76 of a find in 24, the last of which is the property that works out
    # once what is found, ours for Python 3.11's lock: the SQL by the same fields is kept. Of
    # the modules of a save two count the API calls where they leave, in ten calls; two are what the
    # log says of writers, and how much it holds; one is the index of words; one is what seals a
    # frame, in six calls; six are what the catalog, the last look and deleted channels say, in a
    # call or two each, and the events of several servers; thirty calls are the turn and what is
    # told of it to those who have little time, and what tells whether there was a connection.
    limits = {"save": (346, 67), "find": (76, 24)}
    for name, (calls, modules) in limits.items():
        assert found[name][0] <= calls, found
        assert found[name][1] <= modules, found


def test_no_frame_is_read_that_this_process_has_just_written(ways):
    passed = {function for _, _, function in ways["save"].steps}
    assert {"encode", "CommitLog.is_echo"} <= passed
    assert not {"read_header", "read_operations"} & passed


def main() -> None:
    """Tell the way of a save and of a find, step by step."""
    for name, way in measured().items():
        for thread, module, function in way.steps:
            print(f"{thread:18} {module:45} {function}")
        print(f"{name}: {way.calls} calls in {len(way.modules)} modules\n")


if __name__ == "__main__":
    main()
