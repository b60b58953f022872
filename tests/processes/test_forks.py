"""A forked child connects again by itself, with one warning, and takes nothing from its parent."""

from __future__ import annotations

import http.client
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.processes.conftest import SECONDS, Gunicorn, Start

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")

WARNING = (
    "'shop' was connected in the process from which this one was forked; connecting again. "
    "Each such process is one more login with this bot: Discord allows 1000 a day."
)
QUIET = ("-W", "default", "-W", "ignore::ResourceWarning")


@pytest.mark.parametrize("children", [20, pytest.param(300, marks=pytest.mark.soak)])
def test_forks_while_threads_save_leave_parent_and_children_usable(
    start: Start, children: int
) -> None:
    child = start("fork_while_saving.py", str(children), options=QUIET)
    assert [child.line() for _ in range(children)] == [str([WARNING])] * children
    assert child.end_well() == [
        "the parent hears of the last child: 1",
        "all is there once: True",
    ]


def test_a_pool_of_forked_processes_saves(start: Start) -> None:
    assert start("fork_pool.py", options=QUIET).end_well() == [
        "warnings of each process: {1}",
        "21 records",
    ]


def test_a_forked_child_hears_of_trouble_on_a_thread_of_its_own(start: Start) -> None:
    ended = start("fork_on_trouble.py", options=QUIET).end()
    assert (ended.lines, ended.code) == (["each has heard of it: True"], 0)


@pytest.mark.parametrize("preload", [False, True])
def test_workers_of_gunicorn_answer_and_agree(
    gunicorn: Gunicorn, temp: Path, preload: bool
) -> None:
    with gunicorn("wsgi:application", preload) as (child, address):
        names = [f"name{number}" for number in range(20)]
        for name in names:
            request(address, "POST", name)
        lists = lists_of_both(address)
        child.signal(signal.SIGTERM)
        ended = child.end()
    assert set(lists.values()) == {",".join(sorted(names))}
    assert ended.code == 0
    assert ended.complaints.count("RuntimeWarning: 'shop' was connected") == (2 if preload else 0)
    assert "Traceback" not in ended.complaints
    assert list(temp.iterdir()) == []


def request(address: tuple[str, int], method: str, path: str) -> tuple[str, str]:
    """The process that answered, and what it said."""
    connection = http.client.HTTPConnection(*address, timeout=SECONDS)
    try:
        connection.request(method, f"/{path}")
        answer = connection.getresponse()
        assert answer.status == 200
        process, _, text = answer.read().decode().partition(" ")
    finally:
        connection.close()
    return process, text


def lists_of_both(address: tuple[str, int]) -> dict[str, str]:
    """What each of the two workers lists."""
    lists: dict[str, str] = {}
    deadline = time.monotonic() + SECONDS
    while len(lists) < 2:
        assert time.monotonic() < deadline, "one worker answers everything"
        process, text = request(address, "GET", "")
        lists[process] = text
    return lists
