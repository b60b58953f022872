"""Guilds: their data, and making, listing and moving the channels in them."""

from __future__ import annotations

from dataclasses import replace

from discobase.local import refusals
from discobase.local.rest.call import Call
from discobase.local.rest.forms.channels import (
    CREATABLE,
    LONGEST_NAME,
    MOST_CHANNELS,
    UNSERVED_CHANNELS,
    channel_name,
    read_moves,
    read_overwrites,
    read_parent,
)
from discobase.local.rest.forms.form import Form
from discobase.local.rest.response import NO_CONTENT, Reply, ok
from discobase.local.rest.routing import Route
from discobase.local.state import payloads, permissions
from discobase.local.state.entities import GUILD_TEXT, Channel, Guild


def create_guild(_: Call) -> Reply:
    """Refuse: bots cannot create guilds since July 2025 (Discord's change log)."""
    raise refusals.bots_may_not()


def get_guild(call: Call) -> Reply:
    """Return one guild."""
    guild = call.guild()
    if call.query.get("with_counts") == "true":
        return ok(payloads.guild_with_counts(guild))
    return ok(payloads.guild(guild))


def update_guild(call: Call) -> Reply:
    """Change the guild's name; nothing else of it can be changed here."""
    state = call.platform.state
    guild = call.guild(permissions.MANAGE_GUILD)
    form = Form(call.body)
    name = form.text("name", shortest=2, longest=LONGEST_NAME, trimmed=True)
    form.check()
    if form.body.keys() - {"name"}:
        raise refusals.not_served("update_guild but for the name")
    if name is not None:
        guild.name = name
        state.save_guild(guild)
        call.platform.broadcast.guild_updated(guild)
    return ok(payloads.guild(guild))


def list_channels(call: Call) -> Reply:
    """Return the guild's channels: those that the bot may view, and categories with one of them."""
    guild = call.guild()
    channels = list(guild.channels.values())
    if not call.platform.settings.list_hidden:
        seen = [channel for channel in channels if call.allows(channel, permissions.VIEW_CHANNEL)]
        shown = {channel.id for channel in seen} | {channel.parent_id for channel in seen}
        channels = [channel for channel in channels if channel.id in shown]
    return ok([payloads.channel(channel) for channel in channels])


def create_channel(call: Call) -> Reply:
    """Make a text, announcement or voice channel, or a category."""
    platform = call.platform
    needed = permissions.MANAGE_CHANNELS
    guild = call.guild(needed)
    allowed = call.permissions_in(guild)
    channel = _read_channel(call, guild, allowed)
    if len(guild.channels) >= MOST_CHANNELS:
        raise refusals.too_many_channels()
    platform.state.save_channel(channel)
    platform.broadcast.channel_created(channel)
    return ok(payloads.channel(channel), status=201)


def _read_channel(call: Call, guild: Guild, allowed: int) -> Channel:
    form = Form(call.body)
    kind = form.choice("type", CREATABLE) or GUILD_TEXT
    if kind in UNSERVED_CHANNELS:
        raise refusals.not_served(f"create_guild_channel with type {kind}")
    name = form.text("name", shortest=1, longest=LONGEST_NAME, needed=True) or ""
    topic = form.text("topic", longest=1024)
    position = form.integer("position")
    nsfw = form.boolean("nsfw")
    rate_limit = form.integer("rate_limit_per_user", most=21_600)
    bitrate = form.integer("bitrate", least=8_000, most=96_000)
    user_limit = form.integer("user_limit", most=99)
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
        bitrate=bitrate or 64_000,
        user_limit=user_limit or 0,
        overwrites=overwrites or {},
    )


def move_channels(call: Call) -> Reply:
    """Give channels other positions and categories, all or none of them."""
    state = call.platform.state
    guild = call.guild(permissions.MANAGE_CHANNELS)
    for channel in read_moves(call.body, guild):
        state.save_channel(channel)
        call.platform.broadcast.channel_updated(channel)
    return NO_CONTENT


def _last_position(guild: Guild, kind: int) -> int:
    return sum(channel.type == kind for channel in guild.channels.values())


ROUTES = (
    Route("POST", "/guilds", create_guild),
    Route("GET", "/guilds/{guild_id}", get_guild),
    Route("PATCH", "/guilds/{guild_id}", update_guild),
    Route("GET", "/guilds/{guild_id}/channels", list_channels),
    Route("POST", "/guilds/{guild_id}/channels", create_channel),
    Route("PATCH", "/guilds/{guild_id}/channels", move_channels),
)
