"""Channels of this bot's databases that have lost the topics by which they are found."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Sequence
from functools import partial

from discobase.engine.log.frame import is_frame
from discobase.engine.log.history import read_channel
from discobase.engine.log.leftovers import CATEGORY
from discobase.engine.log.superblock import is_superblock
from discobase.engine.log.topic import CATALOG, LOG, is_told
from discobase.engine.server.seam import Channel, Forbidden, Message, NotFound, Server


async def channels_without_topics(
    server: Server, channels: Sequence[Channel]
) -> AsyncGenerator[tuple[Channel, Message]]:
    """Yield the channels that are a database's by their names, or by their category, that are so by
    no topic, and that hold a frame or a superblock of this bot: with the first such message. An API
    call for each that looks like one, and none where no channel does.
    """
    homes = {channel.id for channel in channels if channel.name == CATEGORY}
    for channel in channels:
        named = channel.name == CATALOG or channel.name.startswith(LOG) or channel.parent in homes
        if channel.is_category or not named or is_told(channel):
            continue
        with contextlib.suppress(NotFound, Forbidden):
            messages = await read_channel(server, channel.id, until=partial(_is_ours, server))
            for message in messages:
                if _is_ours(server, message):
                    yield channel, message
                    break


def _is_ours(server: Server, message: Message) -> bool:
    """Return whether a message is a frame or a superblock of this bot."""
    mine = message.author == server.author
    return mine and (is_frame(message.content) or is_superblock(message.content))
