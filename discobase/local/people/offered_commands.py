"""The commands that a person is offered in a channel."""

from __future__ import annotations

from typing import Any

from discobase.errors import UsageError
from discobase.local.platform import Platform
from discobase.local.state.entities import Bot, Channel
from discobase.local.state.permissions import ADMINISTRATOR

Json = dict[str, Any]

IN_GUILD = 0
"""The context of commands that can be run in a server."""


def find_offered(
    platform: Platform, person_id: int, channel: Channel, name: str, kind: int
) -> tuple[Bot, Json]:
    """Return the command of a name and type that a person is offered, and whose it is.

    Raises:
        UsageError: nobody offers them one.
    """
    guild = platform.state.guilds[channel.guild_id]
    allowed = platform.state.permissions_in(channel, person_id)
    for bot in platform.state.bots.values():
        for place in (guild.id, None):
            command = platform.commands.named(bot.id, place, name, kind)
            if bot.id in guild.members and command and _is_offered(command, allowed, channel):
                return bot, command
    raise UsageError(f"nobody here offers a command {name!r} to this person.")


def _is_offered(command: Json, allowed: int, channel: Channel) -> bool:
    """Return whether a command is offered in a channel to somebody who is allowed this much."""
    contexts, needed = command["contexts"], command["default_member_permissions"]
    if contexts is not None and IN_GUILD not in contexts:
        return False
    if command["nsfw"] and not channel.nsfw:
        return False
    if needed is None or allowed & ADMINISTRATOR:
        return True
    return int(needed) > 0 and not int(needed) & ~allowed
