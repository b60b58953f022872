"""Where an export is written: nothing else is lost there, and what stood there is replaced whole or
not at all."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from discobase.errors import ExportFailed, PathRefused, UsageError
from discobase.local.state.file_format import APPLICATION_ID
from discobase.transfer.exporting import export_all
from discobase.transfer.importing import import_all
from tests.transfer.exports import Host, exported, things


@pytest.fixture(scope="module")
def host():
    host, thing = things()
    thing.save_many([thing(code=str(number)) for number in range(50)])
    return host


def untouched(host, path, *, kind=PathRefused, **options):
    """An export to a path is refused, and nothing has come to stand in its folder, or has gone."""
    folder = Path(str(path)).parent
    known = isinstance(path, Path) and folder.is_dir()
    # All but when it was looked at, which is no change.
    before = {each: each.lstat()[:7] for each in folder.iterdir()} if known else {}
    with pytest.raises(kind) as raised:
        export_all(host, path, **options)
    if known:
        assert {each: each.lstat()[:7] for each in folder.iterdir()} == before
    return str(raised.value)


@pytest.mark.parametrize(
    "path", [None, 7, b"x.jsonl", "", "x/", "a\0b.jsonl", "n" * 300 + ".jsonl"]
)
def test_what_can_be_no_path_is_refused(path, host, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    untouched(host, path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_a_fifo_a_device_and_a_link_to_one_are_refused(host, tmp_path):
    (tmp_path / "folder.jsonl").mkdir()
    os.mkfifo(tmp_path / "fifo.jsonl")
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "fifo.jsonl")
    (tmp_path / "null.jsonl").symlink_to("/dev/null")
    (tmp_path / "circle.jsonl").symlink_to(tmp_path / "circle.jsonl")
    for name in ("folder", "fifo", "link", "null", "circle"):
        untouched(host, tmp_path / f"{name}.jsonl", overwrite=True)


def test_a_folder_that_is_missing_is_not_made(host, tmp_path):
    assert "make" in untouched(host, tmp_path / "no" / "a.jsonl")
    (tmp_path / "file").write_text("")
    untouched(host, tmp_path / "file" / "a.jsonl")


def test_a_link_to_a_file_leads_to_where_it_is_written(host, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "a.jsonl").symlink_to(tmp_path / "real" / "b")
    export_all(host, tmp_path / "a.jsonl", format="jsonl")
    assert (tmp_path / "a.jsonl").is_symlink()
    assert (tmp_path / "real" / "b").stat().st_size


@pytest.mark.parametrize("before", ["jsonl", "sqlite"])
def test_an_earlier_export_is_replaced_whatever_it_is_called(before, host, tmp_path):
    path = tmp_path / "backup"
    export_all(host, path, format=before)
    report = export_all(host, path, format="jsonl")
    assert import_all(Host(), path).content == report.content


FOREIGN = {"a text": b"dear diary\n", "nothing": b"", "an object": b'{"discobase":"else","a":1}\n'}


@pytest.mark.parametrize("what", FOREIGN)
def test_another_file_is_replaced_only_where_that_is_said(what, host, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(FOREIGN[what])
    assert "overwrite=True" in untouched(host, path)
    assert path.read_bytes() == FOREIGN[what]
    export_all(host, path, overwrite=True)
    assert import_all(Host(), path).records == 50


@pytest.mark.parametrize("number", [0, APPLICATION_ID, int.from_bytes(b"dcbr", "big")])
def test_a_foreign_database_is_refused_and_one_of_this_package_always(number, host, tmp_path):
    path = tmp_path / "a.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA application_id={number}")
        connection.execute("CREATE TABLE a (b)")
    connection.close()
    untouched(host, path)
    if number:
        untouched(host, path, overwrite=True)
    else:
        export_all(host, path, overwrite=True)


@pytest.mark.parametrize("suffix", ["-wal", "-journal", "-shm"])
@pytest.mark.parametrize("there", [True, False])
def test_what_is_open_in_another_program_is_never_replaced(suffix, there, host, tmp_path):
    path = tmp_path / "a.sqlite"
    if there:
        export_all(host, path)
    (tmp_path / f"a.sqlite{suffix}").write_bytes(b"x")
    assert suffix in untouched(host, path, overwrite=True)


@pytest.mark.parametrize(
    "options",
    [
        {"format": "csv"},
        {"format": "JSONL"},
        {"format": 1},
        {"overwrite": 1},
        {"overwrite": None},
        {"fresh": "yes"},
        {"progress": 7},
    ],
)
def test_other_arguments_that_make_no_sense_are_refused(options, host, tmp_path):
    untouched(host, tmp_path / "a.jsonl", kind=UsageError, **options)


def test_a_path_that_does_not_say_the_format_asks_for_it(host, tmp_path):
    assert "format='jsonl'" in untouched(host, tmp_path / "a.txt", kind=UsageError)


@pytest.mark.parametrize("name", ["a.jsonl", "a.sqlite"])
def test_only_its_user_may_read_it(name, host, tmp_path):
    before = os.umask(0)
    try:
        export_all(host, tmp_path / name)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["a.jsonl", "a.sqlite"])
def test_what_fails_in_the_midst_leaves_what_was_there_and_nothing_else(name, host, tmp_path):
    path = tmp_path / name
    export_all(host, path)
    before = path.read_bytes()

    def give_up(progress):
        if progress.done:
            raise KeyError(progress.doing)

    with pytest.raises(KeyError):
        export_all(host, path, progress=give_up)
    assert (path.read_bytes(), list(tmp_path.iterdir())) == (before, [path])


FULL = """
import resource, sys
from pathlib import Path
from discobase.errors import ExportFailed
from discobase.transfer.exporting import export_all
from tests.transfer.exports import things
host, thing = things()
thing.save_many([thing(code=str(number)) for number in range(300)])
for path in sys.argv[1:]:
    for limit in (100, 40_000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        try:
            export_all(host, path)
        except ExportFailed as error:
            print("failed:", error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_a_full_disk_leaves_the_old_file_and_no_rubbish(tmp_path):
    names = ["a.jsonl", "a.sqlite"]
    for name in names:
        exported(tmp_path, name)
    before = [(tmp_path / name).read_bytes() for name in names]
    ran = subprocess.run(
        [sys.executable, "-c", FULL, *(tmp_path / name for name in names)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert ran.stdout.count("failed: the export to") == 4
    assert [(tmp_path / name).read_bytes() for name in names] == before
    assert sorted(each.name for each in tmp_path.iterdir()) == names


def test_two_at_once_to_one_path_leave_a_whole_one(host, tmp_path):
    path, errors = tmp_path / "a.jsonl", []

    def write():
        try:
            for _ in range(5):
                export_all(host, path)
        except Exception as error:  # noqa: BLE001 - looked at below
            errors.append(error)

    threads = [threading.Thread(target=write) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert import_all(Host(), path).records == 50
    assert list(tmp_path.iterdir()) == [path]


def test_what_comes_to_stand_there_meanwhile_is_not_lost(host, tmp_path):
    path = tmp_path / "a.jsonl"

    def interfere(progress):
        path.write_text("dear diary\n")

    with pytest.raises(PathRefused):
        export_all(host, path, progress=interfere)
    assert path.read_text() == "dear diary\n"
    assert list(tmp_path.iterdir()) == [path]


KILLED = """
import os, signal, sys
from discobase.transfer.exporting import export_all
from tests.transfer.exports import things
host, thing = things()
thing.save_many([thing(code=str(number)) for number in range(300)])
def kill(progress):
    if progress.done:
        os.kill(os.getpid(), signal.SIGKILL)
export_all(host, sys.argv[1], progress=kill)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not lock files so")
@pytest.mark.parametrize("name", ["a.jsonl", "a.sqlite"])
def test_a_kill_leaves_the_old_file_and_the_next_export_removes_the_rest(name, host, tmp_path):
    exported(tmp_path, name)
    before = (tmp_path / name).read_bytes()
    subprocess.run(
        [sys.executable, "-c", KILLED, tmp_path / name],
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert (tmp_path / name).read_bytes() == before
    assert len(list(tmp_path.iterdir())) > 1
    export_all(host, tmp_path / "other.jsonl")
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted([name, "other.jsonl"])


def test_what_is_being_written_is_not_swept_away(host, tmp_path):
    def other(progress):
        export_all(host, tmp_path / "b.jsonl")

    export_all(host, tmp_path / "a.jsonl", progress=other)
    assert import_all(Host(), tmp_path / "a.jsonl").records == 50


def test_a_folder_that_may_not_be_written_is_told_of(host, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)  # root may write anywhere
    with pytest.raises(ExportFailed, match="Permission denied"):
        export_all(host, tmp_path / "a.jsonl")
