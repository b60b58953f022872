"""Which files a server takes for its own: those that carry its mark; any other is left alone."""

from __future__ import annotations

import os
import sqlite3
import stat
import struct
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from discobase.errors import ConnectError, UsageError
from discobase.local import LocalDiscord, join
from discobase.local.state.file_format import APPLICATION_ID, VERSION
from tests.local.conftest import furnish
from tests.local.processes import SERVE, running

WRITTEN_BY_0_1 = Path(__file__).parent.parent / "formats" / "0.1.sql"


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    """All files of a folder, byte by byte, and when they were changed."""
    return {
        file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in sorted(folder.iterdir())
    }


def mark(path: Path) -> tuple[int, int]:
    """Application id and version, as they stand in the file itself."""
    return struct.unpack(">60x i 4x i", path.read_bytes()[:72])[::-1]


def run_and_kill(script: str, path: Path) -> None:
    """Let a process of its own use a file, and die before it can put it in order."""
    script += "\nimport os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    subprocess.run([sys.executable, "-c", script, str(path)], timeout=30, check=False)


def make(path: Path, script: str, *, journal: str = "delete") -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"pragma journal_mode={journal}")
        connection.executescript(script)


STRANGERS = {
    "django": "create table auth_user (id integer primary key, username text not null);"
    "create table django_migrations (id integer primary key, app text, name text);",
    "a table of a server's name": "create table messages"
    " (id integer primary key, author text, body text, sent text);",
    "a common table": "create table meta (name text primary key, value text not null);",
    "a view alone": "create view one as select 1 as number;",
    "nothing but a mark": "pragma application_id = 252006674;",
    "nothing but a version": "pragma user_version = 3;",
    "a mark and a server's tables": WRITTEN_BY_0_1.read_text("utf-8")
    + "pragma application_id = 252006674;",
}


def refuse(folder: Path, path: Path) -> None:
    """Every way to a server refuses the file, and leaves the folder as it is."""
    before = contents(folder)
    for attempt in (LocalDiscord(path).start, lambda: join(str(path), "test")):
        with pytest.raises(ConnectError, match="another program") as caught:
            attempt()
        assert repr(str(path)) in str(caught.value)
        assert contents(folder) == before


@pytest.mark.parametrize("journal", ["delete", "wal", "persist"])
@pytest.mark.parametrize("script", STRANGERS.values(), ids=STRANGERS.keys())
def test_the_file_of_another_program_is_refused_and_stays_as_it_is(tmp_path, script, journal):
    path = tmp_path / "app.db"
    make(path, script, journal=journal)
    refuse(tmp_path, path)


def test_it_is_refused_while_the_other_program_uses_it(tmp_path):
    path = tmp_path / "app.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("pragma journal_mode=wal")
        connection.execute("create table people (name text)")
        connection.execute("insert into people values ('Ada')")
        assert not mark(path)[0]
        refuse(tmp_path, path)
        connection.execute("begin immediate")
        refuse(tmp_path, path)
        assert connection.execute("select name from people").fetchall() == [("Ada",)]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no kill -9")
@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_it_is_refused_after_the_other_program_was_killed_in_the_middle(tmp_path, journal):
    path = tmp_path / "app.db"
    script = f"""
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("pragma journal_mode={journal}")
connection.execute("pragma cache_size=1")
connection.execute("create table people (name text)")
connection.execute("begin")
connection.executemany("insert into people values (?)", [("x" * 1000,)] * 1000)
"""
    run_and_kill(script, path)
    assert len(contents(tmp_path)) > 1
    refuse(tmp_path, path)


def test_a_new_file_carries_the_mark_itself(tmp_path):
    path = tmp_path / "dev.db"
    with LocalDiscord(path):
        assert mark(path) == (APPLICATION_ID, VERSION)
    assert mark(path) == (APPLICATION_ID, VERSION)


@pytest.mark.parametrize("empty", ["no byte", "no table"])
def test_an_empty_file_is_taken(tmp_path, empty):
    path = tmp_path / "dev.db"
    path.touch()
    if empty == "no table":
        make(path, "vacuum", journal="wal")
        assert mark(path) == (0, 0)
    with LocalDiscord(path):
        pass
    assert mark(path) == (APPLICATION_ID, VERSION)


@pytest.mark.parametrize("journal", ["delete", "wal"])
@pytest.mark.parametrize("more", ["", "create table notes (text);"])
def test_a_file_that_was_written_before_there_was_a_mark_is_taken_and_gets_one(
    tmp_path, journal, more
):
    path = tmp_path / "dev.db"
    make(path, WRITTEN_BY_0_1.read_text("utf-8") + more, journal=journal)
    assert mark(path) == (0, 0)
    with LocalDiscord(path) as discord:
        assert list(discord.servers().values()) == ["Library"]
    assert mark(path) == (APPLICATION_ID, VERSION)
    with LocalDiscord(path) as discord:
        assert list(discord.servers().values()) == ["Library"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no kill -9")
def test_such_a_file_is_taken_also_where_all_of_it_is_still_in_the_write_ahead_log(tmp_path):
    path = tmp_path / "dev.db"
    script = f"""
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("pragma journal_mode=wal")
connection.execute("pragma wal_autocheckpoint=0")
connection.executescript(open({str(WRITTEN_BY_0_1)!r}, encoding="utf-8").read())
"""
    run_and_kill(script, path)
    assert path.stat().st_size == 4096
    with LocalDiscord(path) as discord:
        assert list(discord.servers().values()) == ["Library"]


def test_a_file_of_a_later_version_is_refused_and_stays_as_it_is(tmp_path):
    path = tmp_path / "dev.db"
    with LocalDiscord(path) as discord:
        furnish(discord).send("kept")
    make(path, f"pragma user_version = {VERSION + 1}", journal="wal")
    (tmp_path / "dev.db-lock").unlink()
    before = contents(tmp_path)
    with pytest.raises(ConnectError, match="later version of discobase"):
        LocalDiscord(path).start()
    assert contents(tmp_path) == before


@pytest.mark.parametrize("text", [b"SQLite format 3", b"SQLite format 3\0" + b"\xff" * 5000])
def test_what_only_begins_like_a_database_is_refused_and_stays_as_it_is(tmp_path, text):
    path = tmp_path / "dev.db"
    path.write_bytes(text)
    before = contents(tmp_path)
    with pytest.raises(ConnectError, match=r"dev\.db"):
        LocalDiscord(path).start()
    assert contents(tmp_path) == before


@pytest.mark.parametrize("way", [LocalDiscord, lambda path: join(path, "test")])
@pytest.mark.parametrize("path", ["", "a\0b"])
def test_a_path_that_is_none_is_an_error_at_once(way, path):
    with pytest.raises(UsageError, match="path"):
        way(path)


def test_a_relative_path_is_fixed_when_it_is_given(tmp_path, monkeypatch):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    monkeypatch.chdir(here)
    discord, joined = LocalDiscord("one.db"), join("two.db", "test")
    monkeypatch.chdir(there)
    with discord:
        assert list(there.iterdir()) == []
        assert {"one.db", "two.db"} <= {file.name for file in here.iterdir()}
    joined.close()


def modes(folder: Path) -> dict[str, int]:
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")
def test_nobody_else_can_read_the_file_and_what_stands_beside_it(tmp_path):
    path = tmp_path / "dev.db"
    with LocalDiscord(path) as server:
        server.join("test")
        found = modes(tmp_path)
        assert {"dev.db", "dev.db-wal", "dev.db-shm", "dev.db-lock"} <= set(found)
        assert set(found.values()) == {0o600}
    assert set(modes(tmp_path).values()) == {0o600}


@pytest.mark.skipif(os.name != "posix", reason="Windows has no kill -9, and no such modes")
def test_files_that_others_could_read_are_closed_to_them_when_they_are_opened(tmp_path):
    path = tmp_path / "dev.db"
    with running(SERVE, path, 0) as served:
        served.kill()
    for file in tmp_path.iterdir():
        file.chmod(0o666)
    assert {"dev.db-wal", "dev.db-shm", "dev.db-lock"} <= set(modes(tmp_path))
    with LocalDiscord(path):
        assert set(modes(tmp_path).values()) == {0o600}
