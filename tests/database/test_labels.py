"""What a program is called in the log: by default, when it is told so, and not at all."""

from __future__ import annotations

import json
import socket
import subprocess
import sys

import pytest

from discobase import Database, __version__
from discobase.errors import UsageError
from discobase.label import LONGEST, default_label
from tests.database.shop import shop

SAVE = """
import sys
from discobase import Database, Table

db = Database("shop")

@db.table
class Item(Table):
    name: str

with db.conn(sys.argv[1], api_url=sys.argv[2]):
    Item(name="hat").save()
"""


def labels(place) -> list[str]:
    """What all writers are called, in the order in which they said so."""
    lines = [line for frame in place.frames() for line in frame["content"].splitlines()]
    return [json.loads(line)[2] for line in lines if line.startswith('["writer?"')]


def test_a_writer_is_called_by_host_program_and_version_and_by_nothing_else(place, tmp_path):
    script = tmp_path / "nightly.py"
    script.write_text(SAVE)
    secret = "--password=hunter2"
    subprocess.run(
        [sys.executable, script, place.token, place.api_url, secret], check=True, timeout=60
    )
    assert labels(place) == [f"{socket.gethostname()[:30]} nightly.py discobase/{__version__}"]
    text = "".join(frame["content"] for frame in place.frames())
    assert "hunter2" not in text
    assert str(tmp_path) not in text


def test_a_label_of_ones_own_takes_its_place_and_stands_there_once(place):
    database, item = shop(label="till 3")
    with place.conn(database):
        item(name="hat").save()
        item(name="scarf").save()
    assert labels(place) == ["till 3"]


def test_an_empty_label_is_none(place):
    database, item = shop(label="")
    with place.conn(database):
        item(name="hat").save()
    assert labels(place) == []


def test_a_long_one_is_not_shown_whole():
    with pytest.raises(UsageError, match=rf"at most {LONGEST} characters") as raised:
        Database("shop", label="x" * 100_000)
    assert len(str(raised.value)) < 300


@pytest.mark.parametrize("label", [b"till", 3, "x" * (LONGEST + 1), "two\nlines", "\ud800"])
def test_what_can_be_no_label_is_refused(label):
    with pytest.raises(UsageError, match="label="):
        Database("shop", label=label)


@pytest.mark.parametrize(
    ("program", "called"),
    [
        ("/srv/app/manage.py", "manage.py"),
        ("/usr/lib/python3/site-packages/celery/__main__.py", "celery"),
        ("-c", "python"),
        ("-m", "python"),
        ("", "python"),
        ("/srv/a b\n.py", "a_b_.py"),
        ("x" * 100, "x" * 30),
    ],
)
def test_the_program_is_called_by_its_name(monkeypatch, program, called):
    monkeypatch.setattr(sys, "argv", [program, "--secret"])
    label = default_label()
    assert label.split(" ")[1] == called
    assert len(label) <= LONGEST


def test_a_host_and_a_program_without_names_have_a_label_all_the_same(monkeypatch):
    monkeypatch.setattr(sys, "argv", [])
    monkeypatch.setattr(socket, "gethostname", lambda: "")
    assert default_label() == f"unknown python discobase/{__version__}"
