"""The fixture, as a project that has nothing to do with discobase uses it."""

from __future__ import annotations

import subprocess
import sys

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


def test_a_project_uses_the_fixture(tmp_path):
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_bot.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    run = subprocess.run(
        [*command, "--discord-limits", "discord", str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (run.returncode, "2 passed" in run.stdout) == (0, True), run.stdout + run.stderr
