"""What hangs on a message, downloaded, with its URLs renewed where they have expired."""

from __future__ import annotations

import contextlib

from discobase.engine.server.retry import persist
from discobase.engine.server.seam import Message, NotFound, Server

_RENEWALS = 3
"""How often the URLs of attachments are renewed before the attachments count as lost. A URL is good
for a day (observed), so twice in a row is a process that stood still; the third is a guess."""


async def download(server: Server, message: Message) -> list[bytes]:
    """Return the bytes of a message's attachments. A download for each; an API call where a URL has
    expired, which may happen again while this process stands still.

    Raises:
        NotFound: they are gone.
        Refused, Uncertain: they could not be read.
    """
    for _ in range(_RENEWALS):
        # An answer to a nonce that was used may come without them.
        with contextlib.suppress(NotFound):
            if message.attachments:
                return await _fetch(server, message)
        message = await persist(server, server.message, message.channel, message.id)
    return await _fetch(server, message)


async def _fetch(server: Server, message: Message) -> list[bytes]:
    return [await persist(server, server.fetch, file) for file in message.attachments]
