"""Discord's permissions: what a database cannot do without, how they add up in a channel, and the
link that asks for them.

The bits are those of "Bitwise Permission Flags" (topics, permissions), the link is that of "Bot
Authorization Flow" (topics, oauth2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntFlag


class Permission(IntFlag):
    """What a bot may be allowed to do in a server; the few that matter here."""

    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
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
"""What a database cannot do without, and what the invite link asks for: no more. `MANAGE_ROLES`
keeps the category private (permission overwrites; topics, permissions)."""

READING = Permission.VIEW_CHANNEL | Permission.READ_MESSAGE_HISTORY
"""What it takes to read a channel. Without the second one Discord answers that there is nothing
(message resource, "Get Channel Messages")."""

WRITING = Permission.VIEW_CHANNEL | Permission.SEND_MESSAGES
"""What it takes to send a message without files."""

WRITING_FILES = WRITING | Permission.ATTACH_FILES
"""What it takes to send a message with files."""

_EVERYTHING = ~0
_NEEDS_SENDING = Permission.ATTACH_FILES
"""What nobody has who may not send, of what matters here ("Implicit Permissions")."""


@dataclass(frozen=True, slots=True)
class Overwrite:
    """What a channel allows and denies a role or a member, in bits."""

    allow: int
    deny: int


@dataclass(frozen=True, slots=True)
class Standing:
    """What a member is in a server.

    Attributes:
        guild: the id of the server, which is that of the role that everyone has.
        user: the member's user id.
        permissions: what all of the member's roles allow together, before any channel's overwrites.
        roles: the ids of the member's other roles.
        owns: whether the server is the member's.
        timed_out: whether the member is timed out.
    """

    guild: int
    user: int
    permissions: int
    roles: frozenset[int] = frozenset()
    owns: bool = False
    timed_out: bool = False


def in_channel(standing: Standing, overwrites: Mapping[int, Overwrite]) -> int:
    """Return what a member may do in a channel (topics, permissions, "Permission Overwrites").

    Args:
        standing: what the member is in the server.
        overwrites: those of the channel, by the id of the role or member.
    """
    if standing.owns or standing.permissions & Permission.ADMINISTRATOR:
        return _EVERYTHING
    of_roles = [
        overwrites[role] for role in standing.roles - {standing.guild} if role in overwrites
    ]
    denied = allowed = 0
    for overwrite in of_roles:
        denied |= overwrite.deny
        allowed |= overwrite.allow
    nothing = Overwrite(0, 0)
    held = standing.permissions
    for step in (
        overwrites.get(standing.guild, nothing),
        Overwrite(allowed, denied),
        overwrites.get(standing.user, nothing),
    ):
        held = held & ~step.deny | step.allow
    if standing.timed_out:
        held &= READING  # topics, permissions, "Permissions for Timed Out Members"
    return _without_implied(held)


def _without_implied(held: int) -> int:
    if not held & Permission.VIEW_CHANNEL:
        return 0
    if not held & Permission.SEND_MESSAGES:
        return held & ~_NEEDS_SENDING
    return held


def missing(held: int, needed: Permission = NEEDED) -> list[str]:
    """Return the names of the needed permissions that are not among those held. An administrator
    holds them all.
    """
    if held & Permission.ADMINISTRATOR:
        return []
    return [str(one.name).lower() for one in needed if not held & one]


def invite_link(
    application: int, guild: int | None = None, permissions: Permission = NEEDED
) -> str:
    """Return the link that adds a bot to a server.

    Args:
        application: the id of the bot's application.
        guild: the server to be offered, if it is a certain one.
        permissions: what the bot is to be allowed there.
    """
    link = (
        f"https://discord.com/oauth2/authorize?client_id={application}&scope=bot"
        f"&permissions={permissions.value}"
    )
    return link if guild is None else f"{link}&guild_id={guild}"
