"""Processes that end, in whatever way, and those that go on with what they kept."""

from __future__ import annotations

import contextlib
import signal
import sqlite3
import sys
from pathlib import Path

import pytest

from tests.processes.conftest import Start, assert_acknowledged_once, stored

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="these tests send POSIX signals")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the processes keep their records."""
    monkeypatch.setenv("SHOP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def was_closed(folder: Path) -> bool:
    """Whether the file that is kept says so."""
    (path,) = folder.glob("replica-*.sqlite")
    with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        (found,) = connection.execute("SELECT clean FROM kept").fetchone()
    return bool(found)


def assert_kept_and_right(
    start: Start, folder: Path, monkeypatch: pytest.MonkeyPatch, acknowledged: list[str]
) -> None:
    """What is kept is what is in the log, and all that was acknowledged is in it once."""
    assert_acknowledged_once(start, acknowledged)
    kept = stored(start)
    monkeypatch.delenv("SHOP_CACHE")
    assert stored(start) == kept
    monkeypatch.setenv("SHOP_CACHE", str(folder))


@pytest.mark.parametrize("kills", [6, pytest.param(100, marks=pytest.mark.soak)])
def test_nothing_is_lost_or_wrong_where_a_process_is_killed_in_the_middle_of_commits(
    start: Start, folder: Path, monkeypatch: pytest.MonkeyPatch, kills: int
) -> None:
    acknowledged: list[str] = []
    for number in range(kills):
        child = start("save_on.py", f"life {number}", "3" if number % 2 else "1")
        assert child.line() == "loaded"
        child.say()
        assert child.line() == "ready"
        names = [child.line() for _ in range(5 + 7 * number % 20)] + child.kill()
        if number % 2:
            names = [f"{name}.{part}" for name in names for part in range(3)]
        acknowledged += names
        assert not was_closed(folder)
    assert_kept_and_right(start, folder, monkeypatch, acknowledged)
    assert was_closed(folder)


def test_a_signal_that_python_handles_is_a_clean_end(
    start: Start, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    acknowledged: list[str] = []
    for number in range(3):
        child = start("end_by_signal.py", "handled", str(number), options=("-W", "ignore"))
        acknowledged += [child.line() for _ in range(10)]
        child.signal(signal.SIGTERM)
        ended = child.end()
        assert (ended.code, ended.complaints) == (0, "")
        acknowledged += ended.lines
        assert was_closed(folder)
    assert_kept_and_right(start, folder, monkeypatch, acknowledged)


def test_a_signal_that_nobody_handles_is_none(
    start: Start, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = start("end_by_signal.py", "as it comes", "a")
    acknowledged = [child.line() for _ in range(10)]
    child.signal(signal.SIGTERM)
    acknowledged += child.end().lines
    assert not was_closed(folder)
    assert_kept_and_right(start, folder, monkeypatch, acknowledged)


@pytest.mark.parametrize("way", ["after a save", "by sys.exit in a thread", "by an exception"])
def test_a_program_that_does_not_close_ends_cleanly(start: Start, folder: Path, way: str) -> None:
    start("leave_open.py", way, options=("-W", "ignore")).end()
    assert was_closed(folder)
    assert stored(start) == {"a": 1}


def test_a_program_that_ends_while_threads_save_keeps_what_is_right(
    start: Start, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        start("leave_open.py", "while eight threads save", options=("-W", "ignore")).end()
    kept = stored(start)
    monkeypatch.delenv("SHOP_CACHE")
    assert stored(start) == kept


def test_a_second_process_does_without_and_says_so_once(
    start: Start, folder: Path, temp: Path
) -> None:
    first = start("stay.py")
    assert first.line() == "ready"
    second = start("list_all.py").end()
    assert (second.code, second.complaints.count("in use by another connection")) == (0, 1)
    first.end_well()
    assert was_closed(folder)
    assert start("list_all.py").end_well() == []
    assert list(temp.iterdir()) == []


def test_a_process_that_is_stopped_keeps_its_claim(start: Start, folder: Path) -> None:
    first = start("stay.py")
    assert first.line() == "ready"
    first.signal(signal.SIGSTOP)
    assert "in use by another connection" in start("list_all.py").end().complaints
    first.signal(signal.SIGCONT)
    first.end_well()


def test_a_forked_child_never_opens_what_its_parent_had_open(start: Start, folder: Path) -> None:
    ended = start("fork_and_close.py", options=("-W", "ignore")).end()
    assert (ended.code, ended.complaints) == (0, "")
    assert ended.lines == ["child: parent", "parent: parent child"]
    assert [path.name for path in folder.glob("*.sqlite")] == ["replica-2.sqlite"]
    assert was_closed(folder)


def test_forks_while_threads_save_leave_what_is_kept_as_it_is(
    start: Start, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = start("fork_while_saving.py", "6", options=("-W", "ignore")).end()
    assert ended.lines[-1] == "all is there once: True"
    assert ended.complaints.count("in use by another connection") == 6
    kept = stored(start)
    monkeypatch.delenv("SHOP_CACHE")
    assert stored(start) == kept


@pytest.mark.parametrize("when", ["from the start", "later"])
def test_a_full_disk_keeps_nothing_from_being_saved_and_read(
    start: Start, folder: Path, temp: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    ended = start("full_disk.py", when).end()
    assert (ended.lines, ended.code) == (["True", "[True]"], 0)
    assert ended.complaints.count("cannot be used") == 1
    assert "Traceback" not in ended.complaints
    assert list(temp.iterdir()) == []
    kept = stored(start)
    assert len(kept) == 31
    monkeypatch.delenv("SHOP_CACHE")
    assert stored(start) == kept
