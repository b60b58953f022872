"""Successions that this bot has begun: a new database is not created beside one."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from discobase.engine.log.claims import Claim
from discobase.engine.log.history import read_channel
from discobase.engine.log.topic import CATALOG, owner_of, part_of
from discobase.engine.server.seam import Channel, Forbidden, NotFound, Server
from discobase.errors import SuccessionRefused


async def refuse_unfinished(server: Server, channels: Sequence[Channel]) -> None:
    """See that this bot has not claimed the database of another one, whose superblock it has not
    written yet, or which is gone. One API call for each catalog of another bot that it may view.

    Raises:
        SuccessionRefused: it has.
    """
    for channel in channels:
        owner = owner_of(channel)
        if owner in {None, server.author}:
            continue
        part = part_of(channel, owner or 0)
        if part is None or part.role != CATALOG:
            continue
        with contextlib.suppress(NotFound, Forbidden):
            for message in await read_channel(server, channel.id):
                claim = Claim.in_message(message) if message.author == server.author else None
                if claim is not None:
                    raise SuccessionRefused(
                        f"this bot has begun to take over the database {claim.database} from the "
                        f"bot {claim.of.bot} (channel {channel.id}, message {claim.message}), and "
                        f"no other one is created beside it: connect with "
                        f"successor_of={claim.of.bot}, which finishes that. Where nobody wants to "
                        f"succeed that bot any more, delete the message."
                    )
