"""Post, redirect, get: what one process has saved, another one shows at once."""

from __future__ import annotations

import http.client
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.processes.conftest import SCRIPTS, SECONDS, Child, Gunicorn


@pytest.mark.parametrize("rounds", [300, pytest.param(10_000, marks=pytest.mark.soak)])
def test_two_processes_on_one_file_show_what_the_other_has_just_saved(
    spawn: Callable[..., Child], tmp_path: Path, rounds: int
) -> None:
    file = str(tmp_path / "discord.db")
    workers = [spawn("-X", "faulthandler", str(SCRIPTS / "redirects.py"), file) for _ in range(2)]
    assert [worker.line() for worker in workers] == ["ready", "ready"]
    missed: list[str] = []
    for number in range(rounds):
        poster, getter = workers[number % 2], workers[1 - number % 2]
        name = f"name{number}"
        position = poster.ask(f"post {name}")
        if getter.ask(f"get {name} {position}") != "there":
            missed.append(name)
        if number % 10 == 9:
            position = getter.ask(f"delete {name}")
            if poster.ask(f"get {name} {position}") != "not there":
                missed.append(f"the end of {name}")
    assert missed == []
    for worker in reversed(workers):
        assert worker.end_well() == []


@pytest.mark.skipif(sys.platform == "win32", reason="gunicorn needs fork, which Windows has not")
@pytest.mark.parametrize("preload", [False, True])
def test_workers_of_gunicorn_show_what_was_saved_before_the_redirect(
    gunicorn: Gunicorn, preload: bool
) -> None:
    with gunicorn("redirecting:application", preload) as (child, address):
        rounds: list[tuple[str, str, str]] = []
        deadline = time.monotonic() + SECONDS
        while len(rounds) < 100 or answered_by_the_other(rounds) <= 10:
            assert time.monotonic() < deadline, "one worker answers nearly everything"
            rounds.append(posted_and_got(address, f"name{len(rounds)}"))
        child.signal(signal.SIGTERM)
        ended = child.end()
    assert [got for _, _, got in rounds if got != "1"] == []
    assert answered_by_the_other(rounds) > 10
    assert ended.code == 0
    assert "Traceback" not in ended.complaints


def answered_by_the_other(rounds: list[tuple[str, str, str]]) -> int:
    """In how many rounds another process answered than the one that saved: the kernel chooses."""
    return sum(poster != getter for poster, getter, _ in rounds)


def posted_and_got(address: tuple[str, int], name: str) -> tuple[str, str, str]:
    """The process that saved, the one that answered where that led to, and what it found."""
    poster, location = request(address, "POST", f"/{name}")
    assert location is not None
    answer, _ = request(address, "GET", location)
    getter, _, found = answer.partition(" ")
    return poster, getter, found


def request(address: tuple[str, int], method: str, path: str) -> tuple[str, str | None]:
    """What is answered, and where it leads to."""
    connection = http.client.HTTPConnection(*address, timeout=SECONDS)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        assert answer.status in (200, 303)
        return answer.read().decode(), answer.getheader("Location")
    finally:
        connection.close()
