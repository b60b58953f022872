"""What the command line does, and what it answers where it cannot: one line, and a status."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys

import pytest

from discobase.cli import main
from discobase.local import LocalDiscord


def said(capsys, *arguments: object) -> tuple[int, str]:
    """The status, and what was printed as an error."""
    try:
        status = main(list(map(str, arguments)))
    except SystemExit as end:  # argparse's way out
        status = int(end.code)
    return status, capsys.readouterr().err


def no_file(tmp_path, kind: str):
    if kind == "folder":
        return tmp_path, "that is a folder; name a file in it"
    if kind == "missing folder":
        return tmp_path / "missing" / "x.db", "missing'; make it first"
    if kind == "layout that is no text":
        path = tmp_path / "x.db"
        LocalDiscord(path).start().close()
        path.write_bytes(path.read_bytes().replace(b"CREATE TABLE", b"CREATE T\xa8BLE", 1))
        return path, "cannot be used"
    text = tmp_path / "letter.txt"
    text.write_text("dear reader, this is no database")
    return text, "no SQLite database"


def test_nothing_prints_the_help(capsys):
    status, errors = said(capsys)
    assert status == 2
    assert "demo" in errors
    assert "serve" in errors


def test_it_runs_as_a_module():
    run = subprocess.run(
        [sys.executable, "-m", "discobase"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.lower().lstrip().startswith("usage: discobase")


@pytest.mark.parametrize("kind", ["folder", "missing folder", "text", "layout that is no text"])
def test_serve_says_why_a_file_is_none_and_leaves_nothing_beside_it(capsys, tmp_path, kind):
    path, why = no_file(tmp_path, kind)
    before = sorted(tmp_path.iterdir()), sorted(tmp_path.parent.glob(f"{tmp_path.name}*"))
    status, errors = said(capsys, "serve", "--db", path)
    assert status == 1
    assert str(path) in errors
    assert why in errors
    assert errors.count("\n") == 1
    after = sorted(tmp_path.iterdir()), sorted(tmp_path.parent.glob(f"{tmp_path.name}*"))
    assert after == before


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0,
    reason="root, who runs this, may write to read-only files",
)
def test_serve_says_that_a_file_is_read_only(capsys, tmp_path):
    path = tmp_path / "x.db"
    path.touch()
    path.chmod(0o400)
    assert "the file is not writable" in said(capsys, "serve", "--db", path)[1]


def test_the_demo_does_what_the_readme_says_and_finds_it_all_again(capsys):
    assert main(["demo"]) == 0
    output, errors = capsys.readouterr()
    for done in ("save", "find", "update", "delete"):
        assert f"\n  {done}" in output
    assert output.endswith("Every record was there again.\n")
    assert errors == ""


def test_the_demo_says_why_it_cannot_keep_its_file_before_it_begins(capsys, tmp_path):
    path, why = no_file(tmp_path, "missing folder")
    assert main(["demo", "--keep", str(path)]) == 1
    output, errors = capsys.readouterr()
    assert output == ""
    assert why in errors
    existing, _ = no_file(tmp_path, "text")
    assert "exists already" in said(capsys, "demo", "--keep", existing)[1]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no HOME")
@pytest.mark.parametrize("option", ["serve --db=", "demo --keep="])
def test_a_file_in_the_home_folder_is_looked_for_there(capsys, tmp_path, monkeypatch, option):
    path, why = no_file(tmp_path, "missing folder")
    monkeypatch.setenv("HOME", str(tmp_path))
    status, errors = said(capsys, *f"{option}~/missing/x.db".split())
    assert status == 1
    assert str(path) in errors
    assert why in errors


@pytest.mark.parametrize("port", ["99999", "-1", "65536", "http", "1.5"])
def test_a_port_that_is_none_is_refused_at_once(capsys, port):
    status, errors = said(capsys, "serve", f"--port={port}")
    assert status == 2
    assert errors.startswith("discobase: --port takes a number from 0 ")
    assert f"not {port!r}" in errors


def test_a_port_that_is_taken_is_named(capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        status, errors = said(capsys, "serve", "--port", port)
    assert status == 1
    assert f"port {port} is taken" in errors
    assert "leave it out" in errors


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Windows allows every port to everybody")
def test_a_port_that_is_not_allowed_is_named(capsys, monkeypatch):
    def bind(_self, _address):  # as for a user who is not root; who runs this may be
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", bind)
    status, errors = said(capsys, "serve", "--port", 80)
    assert status == 1
    assert "port 80 is not allowed" in errors
    assert "leave it out" in errors
    assert errors.count("\n") == 1


def test_a_file_that_another_process_serves_is_named_with_what_one_can_do(capsys, tmp_path):
    path = tmp_path / "x.db"
    with LocalDiscord(path):
        status, errors = said(capsys, "serve", "--db", path)
    assert status == 1
    assert f"another process serves {path}: end it first" in errors
    assert f"logs in with the token 'local:{path}'" in errors
    assert "()" not in errors
    assert errors.count("\n") == 1


@pytest.mark.parametrize("name", ["", " "])
def test_a_server_without_a_name_is_refused_at_once(capsys, tmp_path, name):
    path = tmp_path / "x.db"
    status, errors = said(capsys, "serve", f"--server={name}", "--db", path)
    assert status == 2
    assert "--server takes a name" in errors
    assert not path.exists()
