"""Guilds: their data, members and roles, and making channels in them."""

from __future__ import annotations

from dataclasses import replace

from discobase.local import payloads, permissions, refusals
from discobase.local.channel_forms import (
    LONGEST_NAME,
    MOST_CHANNELS,
    channel_name,
    read_overwrites,
    read_parent,
)
from discobase.local.entities import GUILD_CATEGORY, GUILD_TEXT, Channel, Guild
from discobase.local.forms import Form
from discobase.local.replies import ok
from discobase.local.routing import Call, Reply, Route


def create_guild(_: Call) -> Reply:
    """Refused: bots cannot create guilds since July 2025 (Discord's change log)."""
    raise refusals.bots_may_not()


def get_guild(call: Call) -> Reply:
    """One guild."""
    guild = call.platform.state.guild_for(call.bot, call.ids["guild_id"])
    if call.query.get("with_counts") == "true":
        return ok(payloads.guild_with_counts(guild))
    return ok(payloads.guild(guild))


def list_roles(call: Call) -> Reply:
    """The guild's roles."""
    guild = call.platform.state.guild_for(call.bot, call.ids["guild_id"])
    return ok([payloads.role(role) for role in guild.roles.values()])


def get_member(call: Call) -> Reply:
    """One member."""
    state = call.platform.state
    guild = state.guild_for(call.bot, call.ids["guild_id"])
    member = guild.members.get(call.ids["user_id"])
    if member is None:
        raise refusals.unknown_member()
    return ok(payloads.member(member, state.users[member.user_id]))


def list_channels(call: Call) -> Reply:
    """The guild's channels, those that the bot does not see included."""
    guild = call.platform.state.guild_for(call.bot, call.ids["guild_id"])
    return ok([payloads.channel(channel) for channel in guild.channels.values()])


def create_channel(call: Call) -> Reply:
    """Makes a text channel or a category."""
    platform = call.platform
    guild = platform.state.guild_for(call.bot, call.ids["guild_id"])
    allowed = permissions.in_guild(guild, guild.members[call.bot.id])
    if not allowed & permissions.MANAGE_CHANNELS:
        raise refusals.missing_permissions()
    channel = _read_channel(call, guild, allowed)
    if len(guild.channels) >= MOST_CHANNELS:
        raise refusals.too_many_channels()
    platform.state.save_channel(channel)
    platform.broadcast.channel_created(channel)
    return ok(payloads.channel(channel), status=201)


def _read_channel(call: Call, guild: Guild, allowed: int) -> Channel:
    form = Form(call.body)
    kind = form.choice("type", (GUILD_TEXT, GUILD_CATEGORY)) or GUILD_TEXT
    name = form.text("name", shortest=1, longest=LONGEST_NAME, needed=True) or ""
    topic = form.text("topic", longest=1024)
    position = form.integer("position")
    nsfw = form.boolean("nsfw")
    rate_limit = form.integer("rate_limit_per_user", most=21_600)
    parent = read_parent(form, guild, kind)
    overwrites = read_overwrites(form, guild, allowed)
    form.check()
    if not overwrites and parent is not None:
        # As discord.py documents it: without overwrites of its own a channel takes over its
        # category's.
        overwrites = {id_: replace(item) for id_, item in parent.overwrites.items()}
    return Channel(
        id=call.platform.new_id(),
        guild_id=guild.id,
        type=kind,
        name=channel_name(name, kind),
        position=_last_position(guild, kind) if position is None else position,
        topic=topic,
        parent_id=None if parent is None else parent.id,
        nsfw=bool(nsfw),
        rate_limit_per_user=rate_limit or 0,
        overwrites=overwrites or {},
    )


def _last_position(guild: Guild, kind: int) -> int:
    return sum(channel.type == kind for channel in guild.channels.values())


ROUTES = (
    Route("POST", "/guilds", create_guild),
    Route("GET", "/guilds/{guild_id}", get_guild),
    Route("GET", "/guilds/{guild_id}/roles", list_roles),
    Route("GET", "/guilds/{guild_id}/members/{user_id}", get_member),
    Route("GET", "/guilds/{guild_id}/channels", list_channels),
    Route("POST", "/guilds/{guild_id}/channels", create_channel),
)
