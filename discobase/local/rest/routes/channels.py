"""Channels: reading, changing, deleting, and who may do what in them."""

from __future__ import annotations

import time

from discobase.local import refusals
from discobase.local.rest.call import Call
from discobase.local.rest.forms.channels import (
    LONGEST_NAME,
    channel_name,
    check_overwrites,
    read_kind,
    read_overwrite,
    read_overwrites,
    read_parent,
)
from discobase.local.rest.forms.form import Form
from discobase.local.rest.response import NO_CONTENT, Reply, ok
from discobase.local.rest.routing import Route
from discobase.local.state import payloads
from discobase.local.state.permissions import MANAGE_CHANNELS, MANAGE_ROLES, SEND_MESSAGES


def get_channel(call: Call) -> Reply:
    """Return one channel."""
    return ok(payloads.channel(call.channel()))


def update_channel(call: Call) -> Reply:
    """Change a channel's name, topic, place or overwrites."""
    state = call.platform.state
    channel = call.channel(MANAGE_CHANNELS)
    guild = state.guilds[channel.guild_id]
    form = Form(call.body)
    name = form.text("name", shortest=1, longest=LONGEST_NAME)
    topic = form.text("topic", longest=1024)
    position = form.integer("position")
    nsfw = form.boolean("nsfw")
    rate_limit = form.integer("rate_limit_per_user", most=21_600)
    bitrate = form.integer("bitrate", least=8_000, most=96_000)
    user_limit = form.integer("user_limit", most=99)
    kind = read_kind(form, channel)
    parent = read_parent(form, guild, channel.type, channel)
    overwrites = read_overwrites(form, guild, state.permissions_in(channel, call.bot.id))
    form.check()
    if name is not None:
        channel.name = channel_name(name, channel.type)
    if "topic" in form:
        channel.topic = topic
    if position is not None:
        channel.position = position
    if nsfw is not None:
        channel.nsfw = nsfw
    channel.type = kind
    channel.bitrate = channel.bitrate if bitrate is None else bitrate
    channel.user_limit = channel.user_limit if user_limit is None else user_limit
    if rate_limit is not None:
        channel.rate_limit_per_user = rate_limit
    if "parent_id" in form:
        channel.parent_id = None if parent is None else parent.id
    if overwrites is not None:
        channel.overwrites = overwrites
    state.save_channel(channel)
    call.platform.broadcast.channel_updated(channel)
    return ok(payloads.channel(channel))


def delete_channel(call: Call) -> Reply:
    """Delete a channel with its messages; channels of a category stay, without it."""
    channel = call.channel(MANAGE_CHANNELS)
    broadcast = call.platform.broadcast
    bots = call.platform.gateway.sessions.bots_seeing(channel)
    call.platform.invites.delete_of_channel(channel)
    without_category = call.platform.state.delete_channel(channel)
    broadcast.channel_deleted(channel, bots)
    for other in without_category:
        broadcast.channel_updated(other)
    return ok(payloads.channel(channel))


def set_channel_permission_overwrite(call: Call) -> Reply:
    """Set the overwrite of one role or member."""
    state = call.platform.state
    channel = call.channel(MANAGE_ROLES)
    overwrite = read_overwrite(
        Form(call.body), state.guilds[channel.guild_id], call.ids["overwrite_id"]
    )
    if overwrite is None:
        raise refusals.invalid_field("type", "BASE_TYPE_REQUIRED", "This field is required")
    check_overwrites([overwrite], state.permissions_in(channel, call.bot.id))
    others = (other for other in channel.overwrites.values() if other.id != overwrite.id)
    state.set_overwrites(channel, [*others, overwrite])
    call.platform.broadcast.channel_updated(channel)
    return NO_CONTENT


def delete_channel_permission_overwrite(call: Call) -> Reply:
    """Remove the overwrite of one role or member."""
    channel = call.channel(MANAGE_ROLES)
    target = call.ids["overwrite_id"]
    if target not in channel.overwrites:
        raise refusals.unknown_overwrite()
    others = [other for other in channel.overwrites.values() if other.id != target]
    call.platform.state.set_overwrites(channel, others)
    call.platform.broadcast.channel_updated(channel)
    return NO_CONTENT


def trigger_typing_indicator(call: Call) -> Reply:
    """Tell that the bot is typing."""
    channel = call.channel(SEND_MESSAGES)
    call.platform.broadcast.typing_started(channel, call.bot.id, time.time())
    return NO_CONTENT


_CHANNEL = "/channels/{channel_id}"
_OVERWRITE = _CHANNEL + "/permissions/{overwrite_id}"

ROUTES = (
    Route("GET", _CHANNEL, get_channel),
    Route("PATCH", _CHANNEL, update_channel),
    Route("DELETE", _CHANNEL, delete_channel),
    Route("PUT", _OVERWRITE, set_channel_permission_overwrite),
    Route("DELETE", _OVERWRITE, delete_channel_permission_overwrite),
    Route("POST", _CHANNEL + "/typing", trigger_typing_indicator),
)
