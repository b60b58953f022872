"""Discord's permissions: what a database cannot do without, and the link that asks for it.

The bits are those of "Bitwise Permission Flags" (topics, permissions), the link is that of "Bot
Authorization Flow" (topics, oauth2).
"""

from __future__ import annotations

from enum import IntFlag


class Permission(IntFlag):
    """What a bot may be allowed to do in a server; the few that matter here."""

    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MANAGE_ROLES = 1 << 28


NEEDED = (
    Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.ATTACH_FILES
    | Permission.READ_MESSAGE_HISTORY
    | Permission.MANAGE_CHANNELS
    | Permission.MANAGE_ROLES
)
"""What a database cannot do without. `MANAGE_ROLES` keeps the category private (permission
overwrites; topics, permissions)."""

INVITED = NEEDED | Permission.MANAGE_MESSAGES | Permission.EMBED_LINKS
"""What the invite link asks for."""


def missing(held: int) -> list[str]:
    """Return the names of the needed permissions that are not among those held. An administrator
    holds them all.
    """
    if held & Permission.ADMINISTRATOR:
        return []
    return [str(needed.name).lower() for needed in NEEDED if not held & needed]


def invite_link(application: int, guild: int | None = None) -> str:
    """Return the link that adds a bot to a server.

    Args:
        application: the id of the bot's application.
        guild: the server to be offered, if it is a certain one.
    """
    link = (
        f"https://discord.com/oauth2/authorize?client_id={application}&scope=bot"
        f"&permissions={INVITED.value}"
    )
    return link if guild is None else f"{link}&guild_id={guild}"
