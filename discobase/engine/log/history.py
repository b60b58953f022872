"""Read a channel's messages to their end."""

from __future__ import annotations

from collections.abc import Callable

from discobase.engine.server.retry import persist
from discobase.engine.server.seam import Message, Server

PAGE = 100
"""Messages in a page of history, the most that Discord gives (message resource, "Get Channel
Messages")."""


async def read_channel(
    server: Server,
    channel: int,
    *,
    after: int = 0,
    until: Callable[[Message], bool] | None = None,
) -> list[Message]:
    """Read the messages of a channel above a message id, in ascending order of id.

    Reads pages until one comes back empty: that a short page is the last one is a convention that
    Discord nowhere states. One API call a page, and one for the empty page.

    Args:
        server: the seam.
        channel: the channel's id.
        after: the message id.
        until: what a message is that is looked for. The page that has one is the last that is read.

    Raises:
        Refused: the channel is gone, or may not be read.
        Uncertain: Discord did not answer.
    """
    found: list[Message] = []
    while page := await persist(server, server.history, channel, after=after, limit=PAGE):
        found += page
        if until is not None and any(until(message) for message in page):
            break
        after = page[-1].id
    return found
