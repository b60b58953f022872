"""The fields of channels as requests give them: names, overwrites, categories."""

from __future__ import annotations

import re
from collections.abc import Iterable

from discobase.local.entities import (
    GUILD_CATEGORY,
    GUILD_TEXT,
    MEMBER,
    ROLE,
    Channel,
    Guild,
    Overwrite,
)
from discobase.local.forms import Form, as_integer
from discobase.local.permissions import ADMINISTRATOR, EVERYTHING, MANAGE_ROLES
from discobase.local.refusals import missing_permissions

LONGEST_NAME = 100
MOST_CHANNELS = 500
MOST_IN_CATEGORY = 50
MOST_OVERWRITES = 100

_PUNCTUATION = re.compile(r"[!\"#$%&'()*+,./:;<=>?@\[\\\]^`{|}~]")
_HYPHENS = re.compile(r"-{2,}")


def channel_name(name: str, kind: int) -> str:
    """A channel's name as Discord keeps it (observed, not documented).

    Text channels: lower case, blanks to hyphens, no punctuation of ASCII's, no double hyphens.
    Others stay as they are.
    """
    if kind != GUILD_TEXT:
        return name.strip()
    hyphened = "-".join(name.lower().split())
    cleaned = _HYPHENS.sub("-", _PUNCTUATION.sub("", hyphened)).strip("-")
    return cleaned or "-"


def read_overwrites(form: Form, guild: Guild, allowed: int) -> dict[int, Overwrite] | None:
    """The field ``permission_overwrites``; ``None`` where it is missing or null.

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
    """One overwrite; ``None`` where its type cannot be told."""
    kind = form.choice("type", (ROLE, MEMBER))
    if kind is None:
        if target not in guild.roles and target not in guild.members:
            return None
        kind = ROLE if target in guild.roles else MEMBER
    allow, deny = form.integer("allow", most=EVERYTHING), form.integer("deny", most=EVERYTHING)
    form.check()
    return Overwrite(target, kind, allow or 0, deny or 0)


def check_overwrites(overwrites: Iterable[Overwrite], allowed: int) -> None:
    """Whether a bot with these permissions may set these overwrites (Discord's page "Channel").

    Raises:
        Refusal: it may not manage roles, or has not itself what it would allow or deny.
    """
    if not allowed & MANAGE_ROLES:
        raise missing_permissions()
    for overwrite in overwrites:
        changed = overwrite.allow | overwrite.deny
        if changed & ~allowed or (changed & MANAGE_ROLES and not allowed & ADMINISTRATOR):
            raise missing_permissions()


def read_parent(
    form: Form, guild: Guild, kind: int, moved: Channel | None = None
) -> Channel | None:
    """The category that ``parent_id`` names, if it may take a channel more.

    Args:
        form: the body.
        guild: the guild.
        kind: the type of the channel that goes there.
        moved: that channel, if it exists already.
    """
    parent_id = form.snowflake("parent_id")
    if parent_id is None:
        return None
    parent = guild.channels.get(parent_id)
    if parent is None or parent.type != GUILD_CATEGORY or kind == GUILD_CATEGORY:
        form.wrong("parent_id", "CHANNEL_PARENT_INVALID", "Category does not exist")
        return None
    inside = sum(
        channel.parent_id == parent_id
        for channel in guild.channels.values()
        if channel is not moved
    )
    if inside >= MOST_IN_CATEGORY:
        message = f"Maximum number of channels in category reached ({MOST_IN_CATEGORY})"
        form.wrong("parent_id", "CHANNEL_PARENT_MAX_CHANNELS", message)
        return None
    return parent
