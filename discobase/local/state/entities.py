"""What is kept in memory: people and bots, servers with their roles and members, channels.

Names are those of Discord's API, where a server is a *guild*. Messages are not here: they stay in
the file (`messages.py`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

GUILD_TEXT = 0
GUILD_VOICE = 2
GUILD_CATEGORY = 4
GUILD_ANNOUNCEMENT = 5
"""Types of channels (Discord's page "Channel")."""

MESSAGE_CHANNELS = frozenset({GUILD_TEXT, GUILD_VOICE, GUILD_ANNOUNCEMENT})
"""Kinds of channels that have messages."""

ROLE = 0
"""An overwrite that is for a role."""
MEMBER = 1
"""An overwrite that is for one member."""


@dataclass(slots=True)
class User:
    """A person, or the user a bot acts as."""

    id: int
    name: str
    bot: bool = False


@dataclass(slots=True)
class Bot:
    """An application with its bot user; both have the same id.

    ``privileged`` holds the intents that its owner switched on, as on the page of an application in
    Discord's portal. ``identifies`` gateway logins were counted since ``identifies_since`` (Unix
    seconds).
    """

    id: int
    token: str
    privileged: int = 0
    identifies: int = 0
    identifies_since: float = 0.0


@dataclass(slots=True)
class Role:
    """A role; the one with the guild's own id is @everyone."""

    id: int
    guild_id: int
    name: str
    permissions: int
    position: int = 0
    bot_id: int | None = None
    color: int = 0
    hoist: bool = False
    mentionable: bool = False

    @property
    def rank(self) -> tuple[int, int]:
        """How high it stands: by position, the older one before the younger."""
        return self.position, -self.id


@dataclass(slots=True)
class Member:
    """A user in a guild."""

    guild_id: int
    user_id: int
    joined: float
    roles: list[int] = field(default_factory=list[int])
    nick: str | None = None


@dataclass(slots=True)
class Overwrite:
    """What a role or a member may or may not do in one channel, whatever holds elsewhere."""

    id: int
    type: int
    allow: int = 0
    deny: int = 0


@dataclass(slots=True)
class Channel:
    """A channel or a category.

    ``last_message_id`` is the largest id that a message of it ever had, deleted or not; it is kept
    with the messages.
    """

    id: int
    guild_id: int
    type: int
    name: str
    position: int = 0
    topic: str | None = None
    parent_id: int | None = None
    nsfw: bool = False
    rate_limit_per_user: int = 0
    bitrate: int = 64_000
    user_limit: int = 0
    last_pin: str | None = None
    overwrites: dict[int, Overwrite] = field(default_factory=dict[int, Overwrite])
    last_message_id: int | None = None

    def row(self) -> dict[str, Any]:
        """Return the channel as it is written to the file."""
        row = asdict(self)
        row["overwrites"] = list(row["overwrites"].values())
        del row["last_message_id"]
        return row

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Channel:
        """Return the channel that :meth:`row` was made of."""
        overwrites = [Overwrite(**item) for item in row.pop("overwrites")]
        return cls(**row, overwrites={overwrite.id: overwrite for overwrite in overwrites})


@dataclass(slots=True)
class Invite:
    """A way into a guild: ``max_age`` in seconds and ``max_uses``, 0 for no end."""

    id: int
    code: str
    guild_id: int
    channel_id: int
    inviter_id: int
    created: float
    max_age: int
    max_uses: int
    temporary: bool = False

    def ended(self, now: float) -> bool:
        """Return whether it is over at a moment (Unix seconds)."""
        return bool(self.max_age) and now >= self.created + self.max_age


@dataclass(slots=True)
class ApplicationEmoji:
    """An emoji of an application."""

    id: int
    application_id: int
    name: str
    animated: bool = False


@dataclass(slots=True)
class Guild:
    """A Discord server with everything that hangs on it."""

    id: int
    name: str
    owner_id: int
    roles: dict[int, Role] = field(default_factory=dict[int, Role])
    members: dict[int, Member] = field(default_factory=dict[int, Member])
    channels: dict[int, Channel] = field(default_factory=dict[int, Channel])
