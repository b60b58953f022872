"""Who may do what: Discord's permission bits, and how roles and overwrites add up.

Source: Discord's page "Permissions".
"""

from __future__ import annotations

from discobase.local.state.entities import Channel, Guild, Member

CREATE_INSTANT_INVITE = 1 << 0
KICK_MEMBERS = 1 << 1
ADMINISTRATOR = 1 << 3
MANAGE_CHANNELS = 1 << 4
MANAGE_GUILD = 1 << 5
ADD_REACTIONS = 1 << 6
STREAM = 1 << 9
VIEW_CHANNEL = 1 << 10
SEND_MESSAGES = 1 << 11
SEND_TTS_MESSAGES = 1 << 12
MANAGE_MESSAGES = 1 << 13
EMBED_LINKS = 1 << 14
ATTACH_FILES = 1 << 15
READ_MESSAGE_HISTORY = 1 << 16
MENTION_EVERYONE = 1 << 17
USE_EXTERNAL_EMOJIS = 1 << 18
CONNECT = 1 << 20
SPEAK = 1 << 21
USE_VAD = 1 << 25
CHANGE_NICKNAME = 1 << 26
MANAGE_NICKNAMES = 1 << 27
MANAGE_ROLES = 1 << 28
USE_APPLICATION_COMMANDS = 1 << 31
CREATE_PUBLIC_THREADS = 1 << 35
CREATE_PRIVATE_THREADS = 1 << 36
SEND_MESSAGES_IN_THREADS = 1 << 38
PIN_MESSAGES = 1 << 51

EVERYTHING = (1 << 53) - 1

BOT_DEFAULT = (
    CREATE_INSTANT_INVITE
    | MANAGE_CHANNELS
    | VIEW_CHANNEL
    | SEND_MESSAGES
    | MANAGE_MESSAGES
    | EMBED_LINKS
    | ATTACH_FILES
    | READ_MESSAGE_HISTORY
    | MANAGE_ROLES
)
"""What a bot is invited with unless told otherwise: all that a database needs."""

EVERYONE_DEFAULT = (
    CREATE_INSTANT_INVITE
    | ADD_REACTIONS
    | STREAM
    | VIEW_CHANNEL
    | SEND_MESSAGES
    | EMBED_LINKS
    | ATTACH_FILES
    | READ_MESSAGE_HISTORY
    | MENTION_EVERYONE
    | USE_EXTERNAL_EMOJIS
    | CONNECT
    | SPEAK
    | USE_VAD
    | CHANGE_NICKNAME
    | USE_APPLICATION_COMMANDS
    | CREATE_PUBLIC_THREADS
    | CREATE_PRIVATE_THREADS
    | SEND_MESSAGES_IN_THREADS
)
"""What @everyone may do in a new guild (assumed: Discord's page does not list it)."""

_NEEDS_SEND_MESSAGES = SEND_TTS_MESSAGES | EMBED_LINKS | ATTACH_FILES | MENTION_EVERYONE


def in_guild(guild: Guild, member: Member) -> int:
    """Return what the member may do in the guild, before any channel's overwrites."""
    if member.user_id == guild.owner_id:
        return EVERYTHING
    allowed = guild.roles[guild.id].permissions
    for role_id in member.roles:
        allowed |= guild.roles[role_id].permissions
    return EVERYTHING if allowed & ADMINISTRATOR else allowed


def highest_rank(guild: Guild, member: Member) -> tuple[float, int]:
    """Return how high the member stands by its highest role; the owner stands above all."""
    if member.user_id == guild.owner_id:
        return float("inf"), 0
    return max(guild.roles[role_id].rank for role_id in (guild.id, *member.roles))


def in_channel(guild: Guild, channel: Channel, member: Member) -> int:
    """Return what the member may do in the channel: overwrites of @everyone, of roles, its own."""
    allowed = in_guild(guild, member)
    if allowed & ADMINISTRATOR:
        return allowed
    overwrites = channel.overwrites
    if everyone := overwrites.get(guild.id):
        allowed = allowed & ~everyone.deny | everyone.allow
    of_roles = [overwrites[role_id] for role_id in member.roles if role_id in overwrites]
    for overwrite in of_roles:
        allowed &= ~overwrite.deny
    for overwrite in of_roles:
        allowed |= overwrite.allow
    if own := overwrites.get(member.user_id):
        allowed = allowed & ~own.deny | own.allow
    return _without_implied(allowed)


def _without_implied(allowed: int) -> int:
    if not allowed & VIEW_CHANNEL:
        return 0
    if not allowed & SEND_MESSAGES:
        return allowed & ~_NEEDS_SEND_MESSAGES
    return allowed
