"""The commands that move a database, and that repair one which nothing can open any more."""

from __future__ import annotations

import json

import pytest

from discobase import Database, Table
from discobase.cli import main
from discobase.local import LocalDiscord
from tests.local.rest import Rest


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Nothing is waited for in which nothing happens: tests/engine holds the real times."""
    monkeypatch.setattr("discobase.engine.repair.repairing.WAITED", 0.2)
    monkeypatch.setattr("discobase.engine.repair.repairing._LOOK_SECONDS", 0.1)
    monkeypatch.setattr("discobase.engine.doubt.DOUBT_SECONDS", 0.2)
    monkeypatch.setattr("discobase.engine.log.creation.REWRITING_SECONDS", 0.2)


@pytest.fixture
def said(capsys, monkeypatch):
    """Run a command, and return its status and what it has printed."""
    for name in ("DISCOBASE_TOKEN", "DISCOBASE_API_URL", "DISCOBASE_SERVER"):
        monkeypatch.delenv(name, raising=False)

    def said(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main([str(each) for each in arguments])
        return status, *capsys.readouterr()

    return said


def filled(server: str, token: str, **where: str) -> None:
    database = Database(server, gateway=False)

    @database.table
    class Hat(Table):
        name: str

    with database.conn(token, **where):
        for number in range(1, 9):
            Hat(name=f"hat {number}").save()


def test_a_database_that_nothing_opens_is_repaired_when_its_loss_was_said_back(tmp_path, said):
    path = tmp_path / "ledger.db"
    options = ("--server", "ledger", "--token", f"local:{path}")
    filled("ledger", f"local:{path}")
    status, out, err = said("repair", *options)
    assert (status, out) == (0, "")
    assert err == "nothing is to be repaired: 8 records can be read\n"
    with LocalDiscord(path) as discord:
        rest = Rest(discord.api_url, discord.default_token)
        guild = discord.join("ledger")
        (lane,) = [id_ for id_, name in discord.channels(guild).items() if name == "log-2"]
        assert rest("DELETE", f"/channels/{lane}").status == 200
    assert said("tables", *options)[0] == 8

    status, out, err = said("repair", *options)
    assert status == 8
    lost = [json.loads(line) for line in out.splitlines()]
    assert [each["position"] for each in lost] == [2, 6, None]
    assert {"time", "writer", "tables", "why", "message"} < lost[0].keys()
    assert "Nothing was changed" in err
    command = err.partition("discobase repair --confirm ")[2].strip()
    assert command.startswith("'lose 3 commits ")
    phrase = command.strip("'")
    table = said("repair", *options, "--format", "table")[1].splitlines()
    assert table[0].split() == ["position", "time", "tables", "why"]
    assert lost[0]["why"] in table[1]
    status, out, err = said("repair", *options, "--confirm", "lose 3 commits")
    assert (status, out) == (2, "")
    assert "3 commits would be lost" in err
    assert said("tables", *options)[0] == 8

    status, out, err = said("repair", *options, "--confirm", phrase)
    assert status == 0
    assert [json.loads(line)["position"] for line in out.splitlines()] == [2, 6, None]
    assert err.startswith("repaired, 3 commits lost: generation 2 of the log")
    found = [json.loads(line)["pk"] for line in said("find", "Hat", *options)[1].splitlines()]
    assert found == [1, 3, 4, 5, 7, 8]
    assert said("verify", *options)[0] == 0


def test_a_database_moves_when_its_name_was_said_back(said, monkeypatch):
    with LocalDiscord() as discord:
        discord.join("old club")
        monkeypatch.setenv("DISCOBASE_TOKEN", discord.default_token)
        monkeypatch.setenv("DISCOBASE_API_URL", discord.api_url)
        monkeypatch.setenv("DISCOBASE_SERVER", "old club")
        filled("old club", discord.default_token, api_url=discord.api_url)
        status, out, err = said("move", "new club")
        assert (status, out) == (2, "")
        assert "--confirm 'old club'" in err
        assert said("move", "new club", "--confirm", "new club")[0] == 2
        status, out, err = said("move", "new club", "--confirm", "old club")
        assert (status, out, "'new club'" in err) == (3, "", True)
        new = discord.join("new club")
        assert said("move", "old club", "--confirm", "old club")[0] == 2
        status, out, err = said("move", new, "--confirm", "old club")
        assert (status, "new club" in err) == (0, True)
        moved = json.loads(out)
        assert (moved["server"], moved["server_id"], moved["records"]) == ("new club", new, 8)
        assert len(said("find", "Hat")[1].splitlines()) == 8
        assert json.loads(said("status")[1])["server"] == "new club"
