"""The JSON of users, applications, guilds, roles, members and channels.

It has every field that Discord's description requires. Messages are made in `messages.py`, because
their JSON is what is stored.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from discobase.local.state.entities import (
    GUILD_CATEGORY,
    GUILD_VOICE,
    ApplicationEmoji,
    Bot,
    Channel,
    Guild,
    Invite,
    Member,
    Overwrite,
    Role,
    User,
)
from discobase.local.state.intents import GUILD_MEMBERS, GUILD_PRESENCES, MESSAGE_CONTENT
from discobase.local.state.snowflakes import timestamp

Json = dict[str, Any]

_LIMITED_FLAGS = {GUILD_PRESENCES: 1 << 13, GUILD_MEMBERS: 1 << 15, MESSAGE_CONTENT: 1 << 19}
"""Flags of an application of less than 100 guilds (Discord's page "Application")."""


def user(person: User) -> Json:
    """Return a user as others see it."""
    return {
        "id": str(person.id),
        "username": person.name,
        "global_name": None,
        "discriminator": "0000" if person.bot else "0",
        "avatar": None,
        "avatar_decoration_data": None,
        "banner": None,
        "accent_color": None,
        "primary_guild": None,
        "public_flags": 0,
        "flags": 0,
        "bot": person.bot,
    }


def emoji(item: ApplicationEmoji, owner: User) -> Json:
    """Return an emoji of an application.

    Args:
        item: the emoji.
        owner: the user of the application's bot, who has made it.
    """
    return {
        "id": str(item.id),
        "name": item.name,
        "roles": [],
        "user": user(owner),
        "require_colons": True,
        "managed": False,
        "animated": item.animated,
        "available": True,
    }


def own_user(person: User) -> Json:
    """Return a bot's user as the bot sees it."""
    return {
        **user(person),
        "mfa_enabled": False,
        "locale": "en-US",
        "verified": True,
        "email": None,
    }


def application_flags(bot: Bot) -> int:
    """Return the flags that say which privileged intents an application may use."""
    return sum(flag for intent, flag in _LIMITED_FLAGS.items() if bot.privileged & intent)


def application(bot: Bot, person: User, owner: User, guilds: int) -> Json:
    """Return a bot's application as the bot sees it."""
    flags = application_flags(bot)
    return {
        "id": str(bot.id),
        "name": person.name,
        "icon": None,
        "description": "",
        "summary": "",
        "type": None,
        "bot": user(person),
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": sha256(str(bot.id).encode()).hexdigest(),
        "flags": flags,
        "flags_new": str(flags),
        "hook": True,
        "tags": [],
        "redirect_uris": [],
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "owner": user(owner),
        "team": None,
        "approximate_guild_count": guilds,
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0,
        "explicit_content_filter": 0,
        "eligible_oauth2_scopes": [],
    }


def role(item: Role) -> Json:
    """Return a role."""
    body: Json = {
        "id": str(item.id),
        "name": item.name,
        "description": None,
        "permissions": str(item.permissions),
        "position": item.position,
        "color": item.color,
        "colors": {"primary_color": item.color, "secondary_color": None, "tertiary_color": None},
        "hoist": item.hoist,
        "managed": item.bot_id is not None,
        "mentionable": item.mentionable,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
    }
    if item.bot_id is not None:
        body["tags"] = {"bot_id": str(item.bot_id)}
    return body


def member_fields(item: Member) -> Json:
    """Return a member without the user, as in the events of messages."""
    return {
        "avatar": None,
        "banner": None,
        "communication_disabled_until": None,
        "flags": 0,
        "joined_at": timestamp(item.joined),
        "nick": item.nick,
        "pending": False,
        "premium_since": None,
        "roles": [str(role_id) for role_id in item.roles],
        "mute": False,
        "deaf": False,
    }


def member(item: Member, person: User) -> Json:
    """Return a member."""
    return {**member_fields(item), "user": user(person)}


def overwrite(item: Overwrite) -> Json:
    """Return a permission overwrite."""
    return {"id": str(item.id), "type": item.type, "allow": str(item.allow), "deny": str(item.deny)}


def channel(item: Channel) -> Json:
    """Return a channel or category."""
    body: Json = {
        "id": str(item.id),
        "type": item.type,
        "flags": 0,
        "guild_id": str(item.guild_id),
        "name": item.name,
        "position": item.position,
        "parent_id": _id_or_null(item.parent_id),
        "permission_overwrites": [overwrite(other) for other in item.overwrites.values()],
        "nsfw": item.nsfw,
    }
    if item.type == GUILD_CATEGORY:
        return body
    body["rate_limit_per_user"] = item.rate_limit_per_user
    body["last_message_id"] = _id_or_null(item.last_message_id)
    if item.type == GUILD_VOICE:
        body.update(bitrate=item.bitrate, user_limit=item.user_limit, rtc_region=None)
    else:
        body["topic"] = item.topic
        body["last_pin_timestamp"] = item.last_pin
    return body


def invite(item: Invite, guild: Guild, channel: Channel, inviter: User) -> Json:
    """Return an invite with what those see of it who may manage it."""
    ends = timestamp(item.created + item.max_age) if item.max_age else None
    place: Json = {"id": str(channel.id), "type": channel.type, "name": channel.name}
    return {
        "type": 0,
        "code": item.code,
        "inviter": user(inviter),
        "guild_id": str(guild.id),
        "guild": {
            "id": str(guild.id),
            "name": guild.name,
            "splash": None,
            "banner": None,
            "description": None,
            "icon": None,
            "features": [],
            "verification_level": 0,
            "vanity_url_code": None,
            "nsfw_level": 0,
            "nsfw": False,
            "premium_subscription_count": 0,
        },
        "channel": place,
        "expires_at": ends,
        "created_at": timestamp(item.created),
        "max_age": item.max_age,
        "max_uses": item.max_uses,
        "uses": 0,
        "temporary": item.temporary,
    }


def _id_or_null(snowflake: int | None) -> str | None:
    return None if snowflake is None else str(snowflake)


def guild(item: Guild) -> Json:
    """Return a guild, as ``GET /guilds/{guild_id}`` gives it."""
    return {
        "id": str(item.id),
        "name": item.name,
        "icon": None,
        "description": None,
        "home_header": None,
        "splash": None,
        "discovery_splash": None,
        "features": [],
        "banner": None,
        "owner_id": str(item.owner_id),
        "application_id": None,
        "region": "deprecated",
        "afk_channel_id": None,
        "afk_timeout": 300,
        "system_channel_id": None,
        "system_channel_flags": 0,
        "widget_enabled": False,
        "widget_channel_id": None,
        "verification_level": 0,
        "roles": [role(other) for other in item.roles.values()],
        "default_message_notifications": 0,
        "mfa_level": 0,
        "explicit_content_filter": 0,
        "max_presences": None,
        "max_members": 500_000,
        "max_stage_video_channel_users": 50,
        "max_video_channel_users": 25,
        "vanity_url_code": None,
        "premium_tier": 0,
        "premium_subscription_count": 0,
        "preferred_locale": "en-US",
        "rules_channel_id": None,
        "safety_alerts_channel_id": None,
        "public_updates_channel_id": None,
        "premium_progress_bar_enabled": False,
        "nsfw": False,
        "nsfw_level": 0,
        "emojis": [],
        "stickers": [],
        "incidents_data": None,
    }


def guild_with_counts(item: Guild) -> Json:
    """Return a guild with how many members it has."""
    count = len(item.members)
    return {**guild(item), "approximate_member_count": count, "approximate_presence_count": count}


def partial_guild(item: Guild, allowed: int, *, counts: bool) -> Json:
    """Return a guild in the list of those a bot is in."""
    body: Json = {
        "id": str(item.id),
        "name": item.name,
        "icon": None,
        "banner": None,
        "owner": False,
        "permissions": str(allowed),
        "features": [],
    }
    if counts:
        body["approximate_member_count"] = body["approximate_presence_count"] = len(item.members)
    return body


def guild_create(item: Guild, members: Iterable[Json], joined: float) -> Json:
    """Return a guild as the gateway announces it, with its channels.

    Args:
        item: the guild.
        members: those that the bot is told of.
        joined: when the bot came (Unix seconds).
    """
    return {
        **guild(item),
        "joined_at": timestamp(joined),
        "large": False,
        "unavailable": False,
        "member_count": len(item.members),
        "voice_states": [],
        "members": list(members),
        "channels": [channel(other) for other in item.channels.values()],
        "threads": [],
        "presences": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }
