"""The fields of channels as requests give them: names, overwrites, categories."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from discobase.local.refusals import missing_permissions
from discobase.local.rest.forms.form import Form, as_integer
from discobase.local.state.entities import (
    GUILD_ANNOUNCEMENT,
    GUILD_CATEGORY,
    GUILD_TEXT,
    GUILD_VOICE,
    MEMBER,
    ROLE,
    Channel,
    Guild,
    Overwrite,
)
from discobase.local.state.permissions import ADMINISTRATOR, EVERYTHING, MANAGE_ROLES

LONGEST_NAME = 100
MOST_CHANNELS = 500
MOST_IN_CATEGORY = 50
MOST_OVERWRITES = 100
"""Discord's page "Channel"; 30013 in its list of codes; overwrites: its published description."""

UNSERVED_CHANNELS = (13, 14, 15, 16)
"""Stages, directories, forums and media channels: Discord has them, this server does not."""
CREATABLE = (GUILD_TEXT, GUILD_VOICE, GUILD_CATEGORY, GUILD_ANNOUNCEMENT, *UNSERVED_CHANNELS)

_PUNCTUATION = re.compile(r"[!\"#$%&'()*+,./:;<=>?@\[\\\]^`{|}~]")
_HYPHENS = re.compile(r"-{2,}")


def channel_name(name: str, kind: int) -> str:
    """Return a channel's name as Discord keeps it (observed, not documented).

    Text channels: lower case, blanks to hyphens, no punctuation of ASCII's, no double hyphens.
    Others stay as they are.
    """
    if kind not in {GUILD_TEXT, GUILD_ANNOUNCEMENT}:
        return name.strip()
    hyphened = "-".join(name.lower().split())
    cleaned = _HYPHENS.sub("-", _PUNCTUATION.sub("", hyphened)).strip("-")
    return cleaned or "-"


def read_kind(form: Form, channel: Channel) -> int:
    """Read the channel's type; text channels can become announcement channels and back."""
    kind = form.integer("type")
    pair = {GUILD_TEXT, GUILD_ANNOUNCEMENT}
    if kind is None or kind == channel.type:
        return channel.type
    if {kind, channel.type} != pair:
        message = f"Cannot convert from type {channel.type} to {kind}"
        form.wrong("type", "CHANNEL_TYPE_INVALID", message)
    return kind


def read_overwrites(form: Form, guild: Guild, allowed: int) -> dict[int, Overwrite] | None:
    """Read the field ``permission_overwrites``; ``None`` where it is missing or null.

    Args:
        form: the body.
        guild: whose roles and members they are for.
        allowed: what the bot may do itself: it cannot hand out or take more.

    Raises:
        Refusal: the bot may not set these.
    """
    items = form.objects("permission_overwrites", most=MOST_OVERWRITES)
    if items is None:
        return None
    overwrites: dict[int, Overwrite] = {}
    for number, item in enumerate(items):
        field = f"permission_overwrites.{number}"
        target = as_integer(item.get("id"))
        if target is None:
            form.wrong(f"{field}.id", "BASE_TYPE_REQUIRED", "This field is required")
            continue
        overwrite = read_overwrite(Form(item), guild, target)
        if overwrite is None:
            form.wrong(f"{field}.type", "BASE_TYPE_CHOICES", "Value must be one of (0, 1).")
            continue
        overwrites[target] = overwrite
    if overwrites:
        check_overwrites(overwrites.values(), allowed)
    return overwrites


def read_overwrite(form: Form, guild: Guild, target: int) -> Overwrite | None:
    """Read one overwrite; ``None`` where its type cannot be told."""
    kind = form.choice("type", (ROLE, MEMBER))
    if kind is None:
        if target not in guild.roles and target not in guild.members:
            return None
        kind = ROLE if target in guild.roles else MEMBER
    allow, deny = form.integer("allow", most=EVERYTHING), form.integer("deny", most=EVERYTHING)
    form.check()
    return Overwrite(target, kind, allow or 0, deny or 0)


def check_overwrites(overwrites: Iterable[Overwrite], allowed: int) -> None:
    """Check that a bot with these permissions may set overwrites (Discord's page "Channel").

    Raises:
        Refusal: it may not manage roles, or has not itself what it would allow or deny.
    """
    if not allowed & MANAGE_ROLES:
        raise missing_permissions()
    for overwrite in overwrites:
        changed = overwrite.allow | overwrite.deny
        if changed & ~allowed or (changed & MANAGE_ROLES and not allowed & ADMINISTRATOR):
            raise missing_permissions()


def read_moves(body: object, guild: Guild) -> list[Channel]:
    """Read the body that moves channels; return those that move, as they shall be.

    Raises:
        Refusal: it names a channel that is none of the guild's, or a category that takes no more.
    """
    form = Form({"channels": body})
    places = {id_: channel.parent_id for id_, channel in guild.channels.items()}
    moved: dict[int, Channel] = {}
    for number, item in enumerate(form.objects("channels", most=MOST_CHANNELS) or ()):
        entry = Form(item, form, str(number))
        id_ = entry.snowflake("id") or 0
        channel = moved.get(id_) or guild.channels.get(id_)
        position = entry.integer("position")
        entry.boolean("lock_permissions")
        if channel is None:
            entry.wrong("id", "GUILD_CHANNEL_NOT_FOUND", "Channel is not in this server")
            continue
        if position is not None:
            channel = replace(channel, position=position)
        if "parent_id" in entry:
            places.pop(channel.id)
            channel = replace(channel, parent_id=_category(entry, guild, channel.type, places))
            places[channel.id] = channel.parent_id
        if entry.body.get("lock_permissions") and channel.parent_id is not None:
            copied = guild.channels[channel.parent_id].overwrites
            overwrites = {id_: replace(overwrite) for id_, overwrite in copied.items()}
            channel = replace(channel, overwrites=overwrites)
        moved[channel.id] = channel
    form.check()
    return list(moved.values())


def read_parent(
    form: Form, guild: Guild, kind: int, moved: Channel | None = None
) -> Channel | None:
    """Read the category that ``parent_id`` names, if it may take a channel more.

    Args:
        form: the body.
        guild: the guild.
        kind: the type of the channel that goes there.
        moved: that channel, if it exists already.
    """
    places = {
        channel.id: channel.parent_id for channel in guild.channels.values() if channel is not moved
    }
    parent_id = _category(form, guild, kind, places)
    return None if parent_id is None else guild.channels[parent_id]


def _category(form: Form, guild: Guild, kind: int, places: Mapping[int, int | None]) -> int | None:
    """Read the category that ``parent_id`` names; ``places`` says which channels are where."""
    parent_id = form.snowflake("parent_id")
    if parent_id is None:
        return None
    parent = guild.channels.get(parent_id)
    if parent is None or parent.type != GUILD_CATEGORY or kind == GUILD_CATEGORY:
        form.wrong("parent_id", "CHANNEL_PARENT_INVALID", "Category does not exist")
        return None
    if sum(place == parent_id for place in places.values()) >= MOST_IN_CATEGORY:
        message = f"Maximum number of channels in category reached ({MOST_IN_CATEGORY})"
        form.wrong("parent_id", "CHANNEL_PARENT_MAX_CHANNELS", message)
        return None
    return parent_id
