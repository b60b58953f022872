"""The disk of the temporary folder is full: records are saved and read all the same."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.processes.conftest import Start

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")


@pytest.mark.parametrize("when", ["from the start", "later", "at a login"])
def test_a_full_disk_keeps_nothing_from_being_saved_and_read(
    start: Start, temp: Path, when: str
) -> None:
    ended = start("full_disk.py", when).end()
    assert (ended.lines, ended.code) == (["True", "[True]"], 0)
    assert ended.complaints.count("memory holds them") == 1
    assert "Traceback" not in ended.complaints
    assert list(temp.iterdir()) == []


def test_a_verification_goes_on_in_memory(start: Start, temp: Path) -> None:
    ended = start("full_disk_verify.py").end()
    assert (ended.lines, ended.code) == (["True", "30"], 0)
    assert "Traceback" not in ended.complaints
    assert list(temp.iterdir()) == []
