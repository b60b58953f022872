"""Ctrl-C ends a wait at once, wherever it is, and says what became of what was waited for."""

from __future__ import annotations

import signal
import socket
import sys
import time
from collections.abc import Iterator

import pytest

from discobase.local import LocalDiscord
from tests.processes.conftest import Child, Start

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows cannot send SIGINT to one process"
)

AT_ONCE = 1.0
SLOW = 4.0
"""Seconds that the server takes, where it is the server that is waited for."""

# An interrupted program need not close: that it is warned is shown elsewhere.
QUIET = ("-W", "default", "-W", "ignore::ResourceWarning")


@pytest.fixture
def deaf_place() -> Iterator[dict[str, str]]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        port = deaf.getsockname()[1]
        yield {"api_url": f"http://127.0.0.1:{port}/api/v10", "token": "a.b.c"}


def interrupt(child: Child) -> float:
    """Press Ctrl-C a moment after the child has said that it begins to wait; when that was."""
    assert child.line() == "waiting"
    time.sleep(0.3)
    child.signal(signal.SIGINT)
    return time.monotonic()


def moment(line: str) -> float:
    """The time at the end of a line."""
    return float(line.rpartition(" ")[2])


def slowed_down(server: LocalDiscord, child: Child) -> Child:
    """The child when it is connected, and the server slow from then on."""
    assert child.line() == "connected"
    server.set(latency=SLOW)
    child.say()
    return child


@pytest.mark.parametrize(
    ("where", "notes", "state"),
    [
        ("in_wait_ready", [], "connected"),
        ("in_conn", [], "not connected"),
        (
            "in_save_while_connecting",
            ["the save was not sent: the database was still connecting"],
            "connected",
        ),
    ],
)
def test_a_wait_for_a_server_that_never_answers_ends_at_once(
    start_on: Start, deaf_place: dict[str, str], where: str, notes: list[str], state: str
) -> None:
    child = start_on(deaf_place, "interrupted.py", where, options=QUIET)
    pressed = interrupt(child)
    *said, out = child.end_well()
    assert time.monotonic() - pressed < 2 * AT_ONCE
    assert moment(out) - pressed < AT_ONCE
    assert said == [str(notes), f"<Database 'shop': {state}, 1 table>"]


def test_login_ends_and_the_database_is_closed(start: Start) -> None:
    child = start("interrupted.py", "in_login")
    pressed = interrupt(child)
    *said, out = child.end_well()
    assert moment(out) - pressed < AT_ONCE
    assert said == ["[]", "<Database 'shop': not connected, 1 table>"]


def test_a_wait_for_a_position_ends_at_once(start: Start) -> None:
    child = start("interrupted.py", "in_wait_for")
    pressed = interrupt(child)
    notes, _, out = child.end_well()
    assert moment(out) - pressed < AT_ONCE
    assert "the wait for position 9 was under way" in notes


def test_a_save_ends_at_once_and_the_closing_finishes_it(
    start: Start, server: LocalDiscord
) -> None:
    child = slowed_down(server, start("interrupted.py", "in_save"))
    pressed = interrupt(child)
    assert moment(child.line()) - pressed < AT_ONCE
    notes, state, _ = child.end_well()
    assert notes == "['the save was under way: its outcome is unknown']"
    assert state == "<Database 'shop': not connected, 1 table>"
    server.set(latency=0.0)
    assert start("list_all.py").end_well() == ["a"]


def test_a_second_ctrl_c_ends_the_closing_too(start: Start, server: LocalDiscord) -> None:
    child = slowed_down(server, start("interrupted.py", "in_save"))
    interrupt(child)
    assert child.line().startswith("out of save()")
    time.sleep(0.2)
    child.signal(signal.SIGINT)
    pressed = time.monotonic()
    _, state, out = child.end_well()
    assert moment(out) - pressed < AT_ONCE
    assert state == "<Database 'shop': not connected, 1 table>"


def test_the_exit_of_a_with_block_can_be_interrupted(start: Start, server: LocalDiscord) -> None:
    child = slowed_down(server, start("interrupted.py", "in_exit_of_with"))
    pressed = interrupt(child)
    _, state, out = child.end_well()
    assert moment(out) - pressed < AT_ONCE
    assert state == "<Database 'shop': not connected, 1 table>"
