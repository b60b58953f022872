"""Daemons: processes that have left their parent, and closed every descriptor."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from discobase.claim import Claim
from discobase.local import LocalDiscord
from discobase.standard_descriptors import occupy_standard_descriptors
from tests.processes.conftest import SCRIPTS, Child

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")


@pytest.mark.parametrize("when", ["before anything", "imported", "closed", "connected"])
def test_a_daemon_that_has_closed_all_descriptors_saves_to_a_local_file(
    spawn: Callable[..., Child], tmp_path: Path, when: str
) -> None:
    pipe, file = tmp_path / "pipe", tmp_path / "discord.db"
    os.mkfifo(pipe)
    child = spawn("-W", "ignore", str(SCRIPTS / "daemon.py"), when, str(file), str(pipe))
    assert pipe.read_text(encoding="utf-8") == "daemon,daemon again,parent"
    assert child.end_well() == []
    with LocalDiscord(file) as discord:
        assert "daemons" in discord.servers().values()


def test_a_claim_that_its_parent_left_is_free_for_a_forked_child(tmp_path: Path) -> None:
    path = str(tmp_path / "dev.db")
    claim = Claim(path)
    assert claim.take(0)
    reader, writer = os.pipe()
    if os.fork() == 0:
        try:
            own = Claim(path)
            os.write(writer, bytes([own.take(0)]))
            claim.release()  # the parent's: it does nothing here
            os.write(writer, bytes([own.take(0)]))
            os.write(writer, bytes([own.take(5)]))  # the parent gives it up meanwhile
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as said:
        assert said.read(2) == bytes([False, False])
        claim.release()
        assert said.read(1) == bytes([True])
    os.wait()


def test_descriptors_of_the_standard_streams_that_are_free_are_taken_by_nothing(
    spawn: Callable[..., Child],
) -> None:
    code = (
        "import os; from discobase.standard_descriptors import occupy_standard_descriptors as go\n"
        "said = os.dup(1)\n"
        "os.close(0); os.close(2)\n"
        "go(); go()\n"
        "null = os.stat(os.devnull)\n"
        "same = [os.path.samestat(os.fstat(fd), null) for fd in range(3)]\n"
        "os.write(said, f'{same} {os.dup(1) == said + 1}\\n'.encode())\n"
    )
    assert spawn("-c", code).end_well() == ["[True, False, True] True"]
    before = os.dup(0)
    os.close(before)
    occupy_standard_descriptors()
    after = os.dup(0)
    os.close(after)
    assert after == before
