"""Permission bits and the invite link, held against discord.py's."""

from __future__ import annotations

import discord
import pytest

from discobase.engine.server.permissions import INVITED, NEEDED, Permission, invite_link, missing


@pytest.mark.parametrize("permission", Permission, ids=lambda permission: permission.name.lower())
def test_each_bit_is_the_one_that_discord_py_knows_by_that_name(permission):
    assert discord.Permissions(**{permission.name.lower(): True}).value == permission.value


@pytest.mark.parametrize("guild", [None, 1_520_000_000_000_000_001])
def test_the_link_is_the_one_that_discord_py_makes(guild):
    assert invite_link(42, guild) == discord.utils.oauth_url(
        42,
        permissions=discord.Permissions(INVITED.value),
        scopes=("bot",),
        guild=discord.Object(guild) if guild else discord.utils.MISSING,
    )


def test_what_is_held_is_not_missing():
    assert missing(NEEDED) == []
    assert missing(INVITED | 1 << 51) == []
    assert missing(NEEDED & ~Permission.ATTACH_FILES) == ["attach_files"]
    assert missing(Permission.MANAGE_MESSAGES) == [
        "manage_channels",
        "view_channel",
        "send_messages",
        "attach_files",
        "read_message_history",
        "manage_roles",
    ]


def test_an_administrator_lacks_nothing():
    assert missing(Permission.ADMINISTRATOR) == []
