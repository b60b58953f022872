"""Processes that share ``local:PATH``: when the one that serves ends, another takes over."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.processes.conftest import SCRIPTS, Child, Start

Member = Callable[[], Child]


@pytest.fixture
def join_in(fork: Start, tmp_path: Path) -> Member:
    """Start one more process that uses the file."""
    file = tmp_path / "discord.db"
    return lambda: fork("share_file.py", str(file))


def begin(join_in: Member) -> Child:
    child = join_in()
    assert child.line() == "ready"
    return child


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(Child.end_well, id="ends"),
        pytest.param(
            Child.kill,
            id="is killed",
            marks=pytest.mark.skipif(sys.platform == "win32", reason="Windows has no kill -9"),
        ),
    ],
)
def test_when_the_first_one_goes_the_others_go_on_and_all_is_there_for_one_more(
    join_in: Member, end: Callable[[Child], list[str]], tmp_path: Path
) -> None:
    first, second, third = begin(join_in), begin(join_in), begin(join_in)
    for name, child in {"a": first, "b": second, "c": third}.items():
        assert child.ask(f"save {name}") == name
    assert [child.ask("list") for child in (first, second, third)] == ["a,b,c"] * 3
    assert end(first) == []
    assert second.ask("save d") == "d"
    assert third.ask("save e") == "e"
    assert [child.ask("list") for child in (second, third)] == ["a,b,c,d,e"] * 2
    assert end(second) == []
    assert third.ask("save f") == "f"
    assert third.end_well() == []
    late = begin(join_in)
    assert late.ask("list") == "a,b,c,d,e,f"
    assert late.end_well() == []
    assert {path.name for path in tmp_path.glob("discord*")} == {"discord.db", "discord.db-lock"}


def test_processes_that_begin_at_the_same_moment_share_one_server(join_in: Member) -> None:
    children = [join_in() for _ in range(3)]
    assert [child.line() for child in children] == ["ready"] * 3
    for number, child in enumerate(children):
        assert child.ask(f"save {number}") == str(number)
    assert [child.ask("list") for child in children] == ["0,1,2"] * 3
    assert [child.end_well() for child in children] == [[]] * 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
def test_a_forked_process_in_another_folder_uses_the_file_of_the_login(
    spawn: Callable[..., Child], tmp_path: Path
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    child = spawn(str(SCRIPTS / "fork_elsewhere.py"), str(there), cwd=here)
    assert child.end_well() == ["child: hat", "parent: hat cap"]
    assert (here / "discord.db").exists()
    assert list(there.iterdir()) == []
