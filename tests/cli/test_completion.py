"""What a shell is offered when somebody presses the tabulator: asked as the shells' scripts ask."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import time
from pathlib import Path
from socket import socket

import pytest
from pydantic import BaseModel, create_model

from discobase import Database, Table
from discobase.cli import completion, main
from discobase.local import LocalDiscord

ROOT = Path(__file__).parents[2]
OPERATORS = ["!=", "<=", ">=", "=", "<", ">", "~"]


class Address(BaseModel):
    city: str
    zip: str | None = None


@pytest.fixture(scope="module")
def discord():
    with LocalDiscord() as discord:
        discord.join("shop")
        database = Database("shop", gateway=False)

        @database.table
        class User(Table):
            name: str
            age: int
            agent: str = ""
            home: Address | None = None

        fields = {"a `touch x`": (int, 1), "b$(touch x)": (int, 1)}
        hostile = [create_model("Hostile", __base__=Table, **fields) for _ in range(2)]
        for name, model in zip(("Upper", "Us; touch x"), hostile, strict=True):
            database.table(name=name)(model)
        with database.conn(discord.default_token, api_url=discord.api_url):
            User(name="Ada", age=36).save()
            for model in hostile:
                model().save()
        yield discord


@pytest.fixture(autouse=True)
def where(discord, monkeypatch):
    monkeypatch.setenv("DISCOBASE_TOKEN", discord.default_token)
    monkeypatch.setenv("DISCOBASE_API_URL", discord.api_url)
    monkeypatch.setenv("DISCOBASE_SERVER", "shop")
    monkeypatch.delenv("DISCOBASE_KEY", raising=False)
    discord.reset_requests()


@pytest.fixture
def offered(monkeypatch, capsys):
    """What bash is offered for the last of its words."""

    def offered(*words: str) -> list[str]:
        return _asked(
            {
                "_DISCOBASE_COMPLETE": "complete_bash",
                "COMP_WORDS": "\n".join(["discobase", *words]),
                "COMP_CWORD": str(len(words)),
            }
        )

    def _asked(variables: dict[str, str]) -> list[str]:
        capsys.readouterr()
        with monkeypatch.context() as only_now:
            for name, value in variables.items():
                only_now.setenv(name, value)
            with pytest.raises(SystemExit) as ended:
                main([])
        assert ended.value.code == 0
        told = capsys.readouterr()
        assert told.err == ""
        return told.out.split()

    offered.asked = _asked
    return offered


def test_tables_and_fields_are_offered_and_discord_is_asked_once(offered, discord):
    assert offered("find", "Us") == ["User"]
    asked = discord.requests.total
    assert asked
    assert discord.requests.count("GET", "/gateway/bot") == 0
    assert offered("find", "User", "na") == [
        f"name{each}" for each in ("!=", r"\<=", r"\>=", "=", r"\<", r"\>", "~")
    ]
    assert offered("find", "User", "'na") == [f"name{each}" for each in OPERATORS]
    assert offered("find", "User", "a") == ["age=", "agent="]
    assert offered("find", "User", "'age") == [*(f"age{each}" for each in OPERATORS), "agent="]
    assert offered("find", "User", "home.") == ["home.city=", "home.zip="]
    assert offered("find", "User", "age", "=") == []
    assert offered("find", "User", "age", "=", "na") == []
    assert offered("find", "User", "--order", "name,-a") == ["name,-age", "name,-agent"]
    assert offered("find", "User", "--order", "name,-p") == ["name,-pk"]
    assert offered("find", "User", "--ord") == ["--order"]
    assert offered("insert", "User", "n") == ["name=", "name=VALUE"]  # so that no blank is added
    assert offered("update", "User", "1", "home") == ["home=", "home=VALUE"]
    assert offered("update", "User", "1", "p") == []
    assert offered("delete", "User", "--where", "a") == ["age=", "agent="]
    assert offered("export", "x.csv", "--table", "Use") == ["User"]
    assert offered("find", "Nothing", "") == []
    assert discord.requests.total == asked


def test_another_shell_puts_its_own_quotes(offered):
    told = offered.asked(
        {
            "_DISCOBASE_COMPLETE": "complete_fish",
            "_TYPER_COMPLETE_FISH_ACTION": "get-args",
            "_TYPER_COMPLETE_ARGS": "discobase find User na",
        }
    )
    assert told == [f"name{each}" for each in OPERATORS]


def test_what_a_shell_would_run_is_not_offered(offered):
    assert offered("find", "U") == ["Upper", "User"]
    assert offered("find", "Upper", "") == ["pk=", "version="]


def test_a_command_keeps_the_names_for_the_shell(offered, discord, caches, capsys):
    assert main(["tables"]) == 0
    discord.reset_requests()
    assert offered("find", "Us") == ["User"]
    assert discord.requests.total == 0
    (note,) = [path for path in caches.rglob("*") if path.is_file()]
    assert discord.default_token not in note.read_text() + note.name
    assert "Ada" not in note.read_text()
    if os.name == "posix":
        assert note.parent.stat().st_mode & 0o077 == 0
    note.write_text('{"User": 1}')  # no note: it is asked for again
    assert offered("find", "Us") == ["User"]


def test_the_connection_may_stand_anywhere_and_in_the_pieces_that_bash_makes(
    offered, discord, monkeypatch, tmp_path
):
    path = tmp_path / "x.db"
    database = Database("other", gateway=False)

    @database.table
    class Hat(Table):
        size: int

    with database.conn(f"local:{path}"):
        Hat(size=1).save()
    for name in ("DISCOBASE_TOKEN", "DISCOBASE_SERVER", "DISCOBASE_API_URL"):
        monkeypatch.delenv(name)
    connection = ("--server", "=", "other", "--token", "local", ":", str(path))
    assert offered(*connection, "find", "H") == ["Hat"]
    assert offered("find", "Hat", *connection, "s")[0] == "size!="
    assert offered("find", "H") == []


def test_names_of_an_encrypted_database_are_kept_nowhere(offered, discord, caches, monkeypatch):
    discord.join("vault")
    monkeypatch.setenv("DISCOBASE_SERVER", "vault")
    monkeypatch.setenv("DISCOBASE_KEY", bytes(range(32)).hex())
    database = Database("vault", gateway=False, key=bytes(range(32)))

    @database.table
    class Secret(Table):
        text: str

    with database.conn():
        Secret(text="x").save()
    assert main(["tables"]) == 0
    assert offered("find", "S") == []
    assert not any("Secret" in path.read_text() for path in caches.rglob("*") if path.is_file())


def test_where_nothing_can_be_asked_nothing_is_offered_and_no_file_is_made(
    offered, monkeypatch, tmp_path
):
    monkeypatch.setenv("DISCOBASE_TOKEN", f"local:{tmp_path / 'none.db'}")
    monkeypatch.delenv("DISCOBASE_API_URL")
    assert offered("find", "U") == []
    assert not any(tmp_path.iterdir())
    monkeypatch.setenv("DISCOBASE_TOKEN", "wrong")
    assert offered("find", "U") == []
    monkeypatch.delenv("DISCOBASE_SERVER")
    assert offered("find", "U") == []


def test_without_a_home_commands_work_and_nothing_is_asked_for_a_shell(
    offered, discord, caches, monkeypatch
):
    taken = caches / "no folder"
    taken.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(taken))
    monkeypatch.setenv("LOCALAPPDATA", str(taken))
    assert main(["tables"]) == 0
    discord.reset_requests()
    assert offered("find", "Us") == []
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.delenv("LOCALAPPDATA")
    monkeypatch.setattr(Path, "home", _no_home)  # as that of a user whom no list of users has
    assert offered("find", "Us") == []
    assert discord.requests.total == 0
    assert main(["tables"]) == 0


def _no_home():
    raise RuntimeError("Could not determine home directory.")


def test_who_does_not_answer_is_waited_for_once_and_not_long(offered, monkeypatch):
    monkeypatch.setattr(completion, "_WAITED", 0.3)
    with socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setenv(
            "DISCOBASE_API_URL", f"http://127.0.0.1:{silent.getsockname()[1]}/api/v10"
        )
        before = time.monotonic()
        assert offered("find", "U") == []
        waited = time.monotonic() - before
        assert 0.3 <= waited < 3
        silent.settimeout(0)
        silent.accept()[0].close()
        assert offered("find", "U") == []
        with pytest.raises(BlockingIOError):  # nobody has come again
            silent.accept()


def test_nobody_at_a_terminal_is_asked_for_a_token():
    """A real one, as that in which somebody presses the tabulator."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "_DISCOBASE_COMPLETE": "complete_bash",
        "COMP_WORDS": "discobase\nfind\nU",
        "COMP_CWORD": "2",
    }
    del environment["DISCOBASE_TOKEN"]
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "discobase"],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env=environment,
        timeout=20,
        check=True,
    )
    os.close(theirs)
    os.close(ours)
    assert done.stdout.strip() == b""
