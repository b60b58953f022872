"""What a channel is to a database, as its topic says: whose the database is, which, and what for.

``discobase database BOT/DATABASE ROLE``: the id of the bot's user, the database's id, and what the
channel is in it. Before bots shared servers the first of them was not told; such a topic still
counts, and may be any bot's. Versions of that time read the topics of today as they did theirs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from discobase.engine.server.seam import Channel

CATALOG, LOG, CHECKPOINTS = "catalog", "log-", "checkpoints"
"""The roles; a lane's is followed by its number."""

_FORM = re.compile(r"discobase database (?:([0-9]{1,20})/)?(\S+) (.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Part:
    """A channel's part in a database.

    Attributes:
        bot: the id of the bot that made it; None where the topic does not say.
        database: the id of the database.
        role: what the channel is in it; behind that, and a blank, the ticket under which the
            channel was made, if a new generation was.
    """

    bot: int | None
    database: str
    role: str

    @property
    def ticket(self) -> str:
        """The ticket under which it was made; empty for channels of the first generation."""
        return self.role.partition(" ")[2]


def topic_of(part: Part) -> str:
    """Write the topic of a channel."""
    return f"discobase database {part.bot}/{part.database} {part.role}"


def part_of(channel: Channel, bot: int) -> Part | None:
    """Return a channel's part in a database that is this bot's, or may be; None where it has none.

    What another bot has made is nothing to this one: it cannot write there, since nonces are for
    each author.
    """
    found = _FORM.fullmatch(channel.topic)
    if found is None:
        return None
    owner = None if found[1] is None else int(found[1])
    return Part(owner, found[2], found[3]) if owner in {None, bot} else None


def owner_of(channel: Channel) -> int | None:
    """Return the bot whose database a channel is of, as its topic says; None where it does not."""
    found = _FORM.fullmatch(channel.topic)
    return None if found is None or found[1] is None else int(found[1])


def channels_of(channels: Iterable[Channel], bot: int) -> list[Channel]:
    """Return the channels that belong to a database of this bot, or may: also those of a database
    whose topics do not say whose it is.
    """
    return [channel for channel in channels if part_of(channel, bot)]


def is_told(channel: Channel) -> bool:
    """Return whether a channel's topic says that it is of a database, of whatever bot."""
    return _FORM.fullmatch(channel.topic) is not None
