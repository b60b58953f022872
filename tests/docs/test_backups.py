"""The scripts of the page about backups do what it says, as cron would run them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from discobase import Database, Table
from discobase.errors import DatabaseNotFound, ImportRefused
from discobase.local import LocalDiscord
from tests.docs.files import files_of

ROOT = Path(__file__).parents[2]
NAMES = ("My database", "My database.20260101T000000.000000Z", "My database 2")
"""The second one's name begins as the name of a backup of the first one does."""


@pytest.fixture(scope="module")
def discord():
    with LocalDiscord() as running:
        for name in (*NAMES, "drill", "empty"):
            running.join(name)
        yield running


@pytest.fixture
def scripts(discord, tmp_path, monkeypatch):
    """What the scripts of the page define."""
    monkeypatch.setenv("DISCOBASE_TOKEN", discord.default_token)
    monkeypatch.setenv("DISCOBASE_API_URL", discord.api_url)
    names = {"__name__": "scripts"}
    for name, text in files_of("howto/backups.md").items():
        (tmp_path / name).write_text(text)
        exec(text, names)
    return SimpleNamespace(**names)


@pytest.fixture
def run(discord, tmp_path, scripts):
    """Runs a script of the page with hardly any environment, and returns what it has printed."""

    def run(script: str, *arguments: object) -> str:
        ran = subprocess.run(
            [sys.executable, tmp_path / script, *map(str, arguments)],
            env={
                "PYTHONPATH": str(ROOT),
                "DISCOBASE_TOKEN": discord.default_token,
                "DISCOBASE_API_URL": discord.api_url,
            },
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (ran.returncode, ran.stderr) == (0, "")
        return ran.stdout.strip()

    return run


@pytest.fixture
def databases(discord):
    """Three databases, whose names begin alike, each with a table."""
    for name in NAMES:
        database = Database(name, gateway=False)

        class Note(Table):
            text: str

        database.table(Note)
        with database.conn(discord.default_token, api_url=discord.api_url):
            Note.save_many(Note(text=f"{name} {number}") for number in range(20))


@pytest.mark.usefixtures("databases")
def test_backups_are_written_the_newest_stay_and_a_drill_restores_one(run, scripts, tmp_path):
    folder = tmp_path / "kept" / "here"
    made = [scripts.backup(NAMES[0], folder, 2) for _ in range(3)]
    assert sorted(folder.iterdir()) == made[1:]
    assert made[2].stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    beside = folder / "My%20database.20260101T000000.000000Z.jsonl.part"
    beside.write_text("somebody else's")
    others = [scripts.backup(name, folder, 1) for name in NAMES[1:]]
    newest = Path(run("backup.py", NAMES[0], folder, 1))
    assert sorted(folder.iterdir()) == sorted([*others, newest, beside])
    said = "20 records were restored, and are as they were"
    assert run("drill.py", newest, "drill") == said
    assert scripts.drill(newest, "drill") == 20  # again: nothing is there twice
    with pytest.raises(ImportRefused):
        scripts.drill(others[0], "drill")


def test_without_a_database_there_is_an_error_and_no_file(scripts, tmp_path):
    with pytest.raises(DatabaseNotFound):
        scripts.backup("empty", tmp_path / "kept")
    assert list((tmp_path / "kept").iterdir()) == []


def test_the_line_for_cron_calls_the_script_as_it_is():
    page = (ROOT / "docs/howto/backups.md").read_text()
    (line,) = re.findall(r"^\d+ \d+ \* \* \*  (.+)$", page, re.MULTILINE)
    assert re.search(r'backup\.py "My database" /srv/backups 14$', line)
