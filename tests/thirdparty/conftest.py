"""A server for each test, with a bot as its maker would set it up for code of others."""

from __future__ import annotations

import pytest

from discobase.local import LocalDiscord
from tests.local.rest import Rest
from tests.thirdparty.clients import Place

_ADMINISTRATOR = 1 << 3


@pytest.fixture
def place():
    with LocalDiscord() as discord:
        server = discord.create_server("third party")
        token = discord.create_bot("guest", privileged_intents=True)
        discord.add_bot(token, server, permissions=_ADMINISTRATOR)
        rest = Rest(discord.api_url, token)
        channel = rest("POST", f"/guilds/{server}/channels", {"name": "general"}).body
        yield Place(discord, rest, server, int(channel["id"]))
