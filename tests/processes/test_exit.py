"""A program that ends without close() ends at once, cleans up, and is told where it logged in."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.processes.conftest import SCRIPTS, Start

pytestmark = pytest.mark.usefixtures("nothing_left")

EXIT_SECONDS = 3


@pytest.fixture
def nothing_left(temp: Path):
    yield
    assert list(temp.iterdir()) == []


def unclosed() -> str:
    """The warning that names the line of the login."""
    path = SCRIPTS / "leave_open.py"
    line = path.read_text(encoding="utf-8").splitlines().index("db.login_thread()") + 1
    return (
        f"{path}:{line}: ResourceWarning: 'discobase shop' was never closed; "
        f"it was opened at {path}:{line}. Use `with`, or close it.\n  db.login_thread()\n"
    )


@pytest.mark.parametrize(
    ("way", "before"),
    [
        ("while it connects", []),
        ("after a save", []),
        ("while eight threads save", []),
        ("by sys.exit in a thread", []),
        ("to a thread that goes on", ["20 records"]),
        ("to the collector", ["its thread has ended: True"]),
    ],
)
def test_a_program_that_does_not_close_ends_at_once_cleans_up_and_is_warned(
    start: Start, way: str, before: list[str]
) -> None:
    ended = start("leave_open.py", way, options=("-W", "always::ResourceWarning")).end()
    *said, end = ended.lines
    assert time.monotonic() - float(end.removeprefix("the end ")) < EXIT_SECONDS
    assert (said, ended.complaints, ended.code) == (before, unclosed(), 0)


def test_a_program_that_asks_for_no_warnings_gets_none(start: Start) -> None:
    ended = start("leave_open.py", "after a save", options=("-W", "ignore")).end()
    assert (ended.complaints, ended.code) == ("", 0)


def test_an_exception_that_leaves_the_with_block_closes_the_database(start: Start) -> None:
    ended = start("leave_open.py", "by an exception", options=("-W", "default")).end()
    assert ended.code == 1
    assert ended.complaints.startswith("Traceback (most recent call last):\n")
    assert ended.complaints.endswith("    raise ZeroDivisionError\nZeroDivisionError\n")


def test_a_read_while_the_folder_is_removed_leaves_nothing_there(start: Start) -> None:
    assert start("read_while_removed.py").end_well() == ["refused"]


def test_folders_of_killed_processes_are_swept_and_those_of_the_living_are_not(
    start: Start, temp: Path
) -> None:
    (foreign := temp / "discobase-of-something-else").mkdir()
    killed, living = (start("stay.py") for _ in range(2))
    killed.line()
    living.line()
    killed.kill()
    assert len(folders(temp)) == 3
    for folder in folders(temp):
        os.utime(folder, (0, 0))
    assert start("list_all.py").end_well() == []
    assert len(folders(temp)) == 2, "the living one's, and the one that is not ours"
    assert living.end_well() == []
    assert folders(temp) == [foreign]
    foreign.rmdir()


def folders(temp: Path) -> list[Path]:
    return sorted(temp.glob("discobase-*"))
