"""Read a channel's messages to their end."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable

from discobase.engine.server.retry import persist
from discobase.engine.server.seam import Message, Server
from discobase.progress import Step

PAGE = 100
"""Messages in a page of history, the most that Discord gives (message resource, "Get Channel
Messages")."""


async def read_channel(
    server: Server,
    channel: int,
    *,
    after: int = 0,
    end: int | None = None,
    until: Callable[[Message], bool] | None = None,
    step: Step | None = None,
) -> list[Message]:
    """Read the messages of a channel above a message id, in ascending order of id. One API call a
    page, and one for the empty page; none where the channel ended at or below that message id.

    Args:
        server: the seam.
        channel: the channel's id.
        after: the message id.
        end: the channel's last id, where a list of channels has told it
            (:mod:`discobase.engine.log.listing`). What was written after that need not be read.
        until: what a message is that is looked for. The page that has one is the last that is read.
        step: told how many messages have been read.

    Raises:
        Refused: the channel is gone, or may not be read.
        Uncertain: Discord did not answer.
    """
    pages = read_pages(server, channel, after=after, end=end, until=until, step=step)
    return [message async for page in pages for message in page]


async def read_pages(
    server: Server,
    channel: int,
    *,
    after: int = 0,
    end: int | None = None,
    until: Callable[[Message], bool] | None = None,
    step: Step | None = None,
) -> AsyncGenerator[list[Message]]:
    """Yield what :func:`read_channel` returns, page by page.

    Reads pages until one shows the id at which the channel ended, or comes back empty: that a short
    page is the last one is a convention that Discord nowhere states.
    """
    if end is not None and after >= end:
        return
    while page := await persist(server, server.history, channel, after=after, limit=PAGE):
        if step is not None:
            step.add(len(page))
        yield page
        after = page[-1].id
        # A page that goes on above the end is newer than the list: that may be older than it seems.
        if after == end or (until is not None and any(until(message) for message in page)):
            return
