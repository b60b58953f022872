"""The scheduled script: as cron runs it, again, beside another run, and after one that has died."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

import pytest

from discobase import Database, Table
from discobase.local import LocalDiscord
from tests.examples.conftest import EXAMPLES

pytestmark = pytest.mark.one_python

FOLDER = EXAMPLES / "nightly"
SCRIPT = FOLDER / "nightly.py"
DAY = "2026-11-25"


@pytest.fixture(scope="module")
def discord():
    with LocalDiscord() as running:
        running.join("Weather")
        yield running


@pytest.fixture
def place(discord):
    return {"DISCOBASE_TOKEN": discord.default_token, "DISCOBASE_API_URL": discord.api_url}


@pytest.fixture
def nightly(place, tmp_path):
    """Runs the script with hardly any environment, as cron does."""

    def run(*arguments: object) -> tuple[int, str, str]:
        ran = subprocess.run(
            [sys.executable, SCRIPT, *map(str, arguments)],
            env={"PYTHONPATH": str(EXAMPLES.parents[1]), **place},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        return ran.returncode, ran.stdout, ran.stderr

    return run


@pytest.fixture
def seen(discord):
    """A database of the tests' own, with the runs and summaries that the script has written."""
    db = Database("Weather")

    class Run(Table):
        day: date
        begun: datetime
        ended: datetime | None = None
        summaries: int = 0

    class Summary(Table):
        station: str
        day: date
        lowest: float
        highest: float
        mean: float

    db.table(Run)
    db.table(Summary)
    with db.conn(discord.default_token, api_url=discord.api_url):
        yield Run, Summary


def test_a_day_is_summed_up_once_however_often_the_script_runs(nightly, discord, seen):
    _, summary = seen
    discord.reset_requests()
    code, said, complaints = nightly(FOLDER / "readings.csv", DAY)
    assert (code, complaints) == (0, "")
    assert said.startswith(f"{DAY}: 2 stations, 0 old removed, ")
    assert discord.requests.count("GET", "*/gateway*") == 0
    code, said, complaints = nightly(FOLDER / "readings.csv", DAY)
    assert (code, complaints) == (0, "")
    assert said.startswith(f"{DAY}: had been summed up at ")
    found = summary.find(day=DAY, fresh=True).order_by("station")
    assert [(each.station, each.lowest, each.mean) for each in found] == [
        ("garden", 1.0, 3.8),
        ("roof", 3.5, 5.5),
    ]


def test_of_runs_at_the_same_time_one_does_it_and_a_dead_one_is_followed(nightly, seen):
    run, summary = seen
    other = run(day=date(2026, 11, 26), begun=datetime.now(UTC)).save()
    code, said, complaints = nightly(FOLDER / "readings.csv", "2026-11-26")
    assert (code, said, complaints) == (75, "", "2026-11-26: another run is at it\n")
    assert not summary.find(day="2026-11-26", fresh=True)
    other.begun -= timedelta(hours=2)
    other.update()
    # It had come half way before it died.
    half = summary(station="roof", day=date(2026, 11, 26), lowest=0, highest=0, mean=0).save()
    code, said, complaints = nightly(FOLDER / "readings.csv", "2026-11-26")
    assert (code, complaints) == (0, "")
    assert said.startswith("2026-11-26: 2 stations, ")
    assert other.refresh().summaries == 2
    assert summary.find(day="2026-11-26").count() == 2
    assert half.refresh().lowest == 2.0


def test_what_cannot_be_used_or_reached_is_said_and_told_by_the_exit_status(
    nightly, place, tmp_path
):
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("station,time,degrees\nroof,2026-11-25T06:00:00,warm\n")
    code, said, complaints = nightly(wrong, DAY)
    assert (code, said) == (1, "")
    assert complaints.startswith(f"{wrong}: line 2 is no reading: ")
    code, said, complaints = nightly(tmp_path / "none.csv", DAY)
    assert (code, said) == (1, "")
    for wrong_token in ("no such token", ""):
        place["DISCOBASE_TOKEN"] = wrong_token
        code, said, complaints = nightly(FOLDER / "readings.csv", DAY)
        assert (code, said) == (78, "")
        assert "token" in complaints
        assert "Traceback" not in complaints
    place |= {"DISCOBASE_TOKEN": "a.token", "DISCOBASE_API_URL": "http://127.0.0.1:1/"}
    code, said, complaints = nightly(FOLDER / "readings.csv", DAY)
    assert (code, said) == (75, "")
    assert "127.0.0.1:1" in complaints
