"""A server as another bot sees it, to be read."""

from __future__ import annotations

from typing import Any, cast

from discobase.engine.server.read_only import read_only
from discobase.engine.server.seam import Server


class _SeenAs:
    """The seam over a server that is only read, where what another bot has written counts.

    Args:
        server: the server.
        author: the id of the other bot's user.
    """

    def __init__(self, server: Server, author: int) -> None:
        self._server = server
        self.author = author

    async def elsewhere(self, server: str | int) -> Server:
        """Return another server, as the other bot would read it, too."""
        return seen_as(await self._server.elsewhere(server), self.author)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._server, name)


def seen_as(server: Server, author: int) -> Server:
    """Return the seam over a server, only read, as another bot would read it."""
    return cast("Server", _SeenAs(read_only(server), author))
