"""`discobase bot`: a process that serves the commands and nothing else."""

from __future__ import annotations

import signal
import sys

import pytest

from discobase.local import LocalDiscord
from tests.commands.conftest import ADMINISTRATOR, MANAGE_MESSAGES, shop, shown
from tests.database.shop import soon
from tests.local.rest import Rest
from tests.processes.conftest import spawn, temp  # noqa: F401 - fixtures

DISCORDS_OWN = "ignore:'audioop' is deprecated:DeprecationWarning"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM that a process heeds")
def test_a_bot_serves_the_commands_until_it_is_told_to_end(spawn):  # noqa: F811
    with LocalDiscord() as discord:
        server = discord.join("shop")
        database, user = shop(commands=False)
        where = {"token": discord.default_token, "api_url": discord.api_url}
        with database.conn(**where):
            user(name="Ada").save()
        bot = spawn(
            *("-X", "faulthandler", "-W", DISCORDS_OWN, "-m", "discobase", "bot"),
            *("--permission", "manage_messages", "--server", "shop"),
            environment={
                "DISCOBASE_TOKEN": discord.default_token,
                "DISCOBASE_API_URL": discord.api_url,
            },
        )
        admin = discord.create_bot("admin")
        discord.add_bot(admin, server, permissions=ADMINISTRATOR)
        rest = Rest(discord.api_url, admin)
        made = rest("POST", f"/guilds/{server}/channels", {"name": "staff", "type": 0})
        channel = int(made.body["id"])
        bob = discord.person("Bob", server)
        discord.set_permissions(server, MANAGE_MESSAGES | 1 << 10 | 1 << 11 | 1 << 31)
        assert soon(lambda: discord.requests.count("PUT", "*/commands"), 20)
        answer = bob.wait(bob.run_command(channel, "get", table="User", pk=1))
        assert "Ada" in shown(answer)[1]
        bot.signal(signal.SIGTERM)
        ended = bot.end()
        assert ended.code == 0
        assert "manage_messages" in ended.complaints
