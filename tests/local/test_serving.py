"""The server in the foreground, as the command line runs it."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tests.local.processes import SERVE, running
from tests.local.rest import Rest

APPLICATION = f"""
exec {sys.executable} -c '
import discobase
db = discobase.Database("test")
@db.table
class Item(discobase.Table):
    name: str
with db.conn():
    Item(name="hat").save()
    print(len(Item.find()))
'
"""


def test_one_line_says_where_it_is_as_soon_as_it_answers(tmp_path):
    with running(SERVE, tmp_path / "dev.db", 0) as process:
        place = process.place
        assert place.keys() == {"api_url", "token", "server"}
        guilds = Rest(place["api_url"], place["token"])("GET", "/users/@me/guilds").body
        assert [guild["name"] for guild in guilds] == [place["server"]] == ["test"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends processes without signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly_on_a_signal(number):
    with running(SERVE, "", 0) as process:
        process.popen.send_signal(number)
        output, errors = process.popen.communicate(timeout=10)
        assert (process.popen.returncode, output, errors) == (0, "", "")


def test_the_same_file_gives_the_same_bot_and_server(tmp_path):
    with running(SERVE, tmp_path / "dev.db", 0) as first:
        first.popen.terminate()
        first.popen.wait(10)
    with running(SERVE, tmp_path / "dev.db", 0) as second:
        assert second.place["token"] == first.place["token"]
        rest = Rest(second.place["api_url"], second.place["token"])
        assert len(rest("GET", "/users/@me/guilds").body) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no sh to paste lines into")
def test_without_json_it_says_it_in_words_and_in_two_lines_for_a_shell(tmp_path):
    code = SERVE.replace('"test", True', '"test", False')
    command = [sys.executable, "-c", code, "", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            lines = [process.stdout.readline() for _ in range(8)]
            into_a_shell = "".join(lines[6:]) + APPLICATION
            used = subprocess.run(
                ["sh", "-c", into_a_shell], capture_output=True, text=True, check=False
            )
        finally:
            process.kill()
    assert "Ctrl-C" in lines[0]
    assert lines[1].split()[-1].startswith("http://127.0.0.1:")
    assert lines[3].split() == ["server", "test"]
    assert all(line.startswith("export DISCOBASE_") for line in lines[6:])
    assert (used.returncode, used.stdout, used.stderr) == (0, "1\n", "")
