"""The fixtures, as a project that has nothing to do with discobase uses it."""

from __future__ import annotations

import subprocess
import sys

import pytest

CONFTEST = 'pytest_plugins = ["discobase.local.pytest_plugin"]\n'

TESTS = """
import json
from urllib.request import Request, urlopen


def test_a_bot_reads_its_own_name(local_discord):
    local_discord.join("test")
    headers = {"Authorization": f"Bot {local_discord.default_token}"}
    with urlopen(Request(f"{local_discord.api_url}/users/@me", headers=headers)) as answer:
        assert json.load(answer)["bot"] is True


def test_each_test_has_a_server_of_its_own(local_discord, pytestconfig):
    assert local_discord.servers() == {}
    assert pytestconfig.getoption("--discord-limits") == "discord"
"""


TESTS_OF_AN_APP = """
import pytest

import discobase
from discobase.errors import AlreadyConnected

database = discobase.Database("Twice")


@database.table
class Item(discobase.Table):
    name: str


@pytest.mark.parametrize("time", [1, 2])
def test_a_database_is_empty_in_each_test_and_closed_after_it(connect_database, time):
    assert ": not connected" in repr(database)
    assert connect_database(database) is database
    Item(name="hat").save()
    assert len(Item.find()) == 1


def test_several_are_connected_to_the_server_of_the_test(connect_database, local_discord):
    first = connect_database(discobase.Database("Shop"))
    second = discobase.Database("Orders", server="Our server")
    connect_database(second, server="Our server")
    assert set(local_discord.servers().values()) == {"Shop", "Our server"}
    assert (first.head, second.head) == (0, 0)
    with pytest.raises(AlreadyConnected):
        connect_database(first)
"""


@pytest.mark.parametrize(
    ("tests", "limits", "passed"),
    [(TESTS, "discord", "2 passed"), (TESTS_OF_AN_APP, "none", "3 passed")],
)
def test_a_project_uses_the_fixtures(tmp_path, tests, limits, passed):
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_app.py").write_text(tests)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    run = subprocess.run(
        [*command, "--discord-limits", limits, str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (run.returncode, passed in run.stdout) == (0, True), run.stdout + run.stderr
