"""A required version, as users set it and meet it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from discobase import __version__
from discobase.errors import ReadOnly, UpgradeNeeded, UsageError
from tests.database.shop import shop

OF_VERSION = """
import sys
import types

version = sys.modules["discobase._version"] = types.ModuleType("discobase._version")
version.__version__ = sys.argv[1]

from discobase import Database, Table
from discobase.errors import UpgradeNeeded

db = Database("shop")

@db.table
class Item(Table):
    name: str

def save(name):
    try:
        return Item(name=name).save().pk
    except UpgradeNeeded as error:
        return error.needs

with db.conn(sys.argv[2], api_url=sys.argv[3]):
    for line in sys.stdin:
        word, _, given = line.strip().partition(" ")
        print(db.require_version(given) if word == "require" else save(given), flush=True)
"""


class Program:
    """A program with a version of discobase, in a process of its own."""

    def __init__(self, place, version: str) -> None:
        command = [sys.executable, "-c", OF_VERSION, version, place.token, place.api_url]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ask(self, line: str) -> str:
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def end(self) -> str:
        """What it complained of."""
        return self.process.communicate(timeout=30)[1]


def test_a_rolling_upgrade_ends_with_the_new_version_alone(place):
    old, new = Program(place, "2.0.0"), Program(place, "2.1.0")
    assert [old.ask("save one"), new.ask("save two")] == ["1", "2"]
    assert new.ask("require 2.1") == "None"
    assert old.ask("save three") == "2.1"
    assert new.ask("save four") == "3"
    assert new.end() == ""
    assert "needs discobase 2.1 or later" in old.end()
    # This one is too old, too.
    with pytest.raises(
        UpgradeNeeded, match="a minimum version that its operator has set"
    ) as raised:
        place.conn(shop()[0]).__enter__()
    assert raised.value.needs == "2.1"
    late = Program(place, "2.0.5")
    assert "UpgradeNeeded" in late.end()


def test_it_costs_one_call_and_none_where_it_is_so_already(place):
    database, item = shop()
    with place.conn(database):
        item(name="hat").save()
        place.forget_calls()
        database.require_version("2.0")
        assert (place.calls, place.sends) == (1, 1)
        database.require_version("2.0.0")
        assert place.calls == 1
        item(name="scarf").save()
    with place.conn(shop()[0]):
        pass


def test_it_cannot_be_above_the_version_that_runs(place):
    database, _ = shop()
    with place.conn(database):
        place.forget_calls()
        with pytest.raises(UsageError, match=f"this is discobase {__version__}"):
            database.require_version("99.0")
        assert place.calls == 0


def test_it_is_not_lowered_by_accident(place):
    database, item = shop()
    with place.conn(database):
        database.require_version("2.0")
        with pytest.raises(UsageError, match=r"discobase 2\.0 is required already.*lower=True"):
            database.require_version("1.9")
        database.require_version("1.9", lower=True)
        assert item(name="hat").save().pk == 1


@pytest.mark.parametrize(
    "version", [__version__, "2.0.0.dev0", "2.0.0rc1", "2.0.0a1.dev3", "2.0.0.post1", "2.0.0+of.us"]
)
def test_what_comes_before_a_release_counts_as_that_one(place, version):
    database, item = shop()
    with place.conn(database):
        database.require_version(version)
        assert item(name="hat").save().pk == 1
        with pytest.raises(UsageError, match=r"discobase 2\.0\.0 is required already"):
            database.require_version("1.9")


def test_one_above_the_one_that_runs_is_refused_before_its_release_too(place):
    database, _ = shop()
    with place.conn(database), pytest.raises(UsageError, match=r"to require 2\.1\.0\.dev0 would"):
        database.require_version("2.1.0.dev0")


@pytest.mark.parametrize("version", ["", "two", "2.x", "v2.0", "1!2.0", "2.0 ", 2, None, "2." * 9])
def test_what_is_no_version_is_refused(place, version):
    database, _ = shop()
    with place.conn(database), pytest.raises(UsageError, match="is no version of discobase"):
        database.require_version(version)


def test_whether_it_may_be_lowered_is_said_as_a_bool(place):
    with pytest.raises(UsageError, match="lower="):
        shop()[0].require_version("2.0", lower="yes")


def test_who_only_reads_requires_nothing(place):
    with place.conn(shop()[0]):
        pass
    database, _ = shop(read_only=True)
    with place.conn(database), pytest.raises(ReadOnly):
        database.require_version("2.0")
