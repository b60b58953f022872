"""The channel of a feed: found by its name in the server that the database is in, or made there."""

from __future__ import annotations

from functools import partial
from typing import Protocol

from discobase.engine.base36 import base36
from discobase.engine.log.superblock import Superblock
from discobase.engine.replica import Replica
from discobase.engine.server.retry import persist, repeat
from discobase.engine.server.seam import Channel, NotFound, Refused, Server

_TOPIC = (
    "What programs have written to the database of this server, for people to read. "
    "It may be deleted: the database does not need it."
)

_TRIES = 4
"""Of a post that has no answer, under one nonce. A guess: the pauses between them take a second."""


class Home(Protocol):
    """Where a database is now: :class:`discobase.engine.lasting.LastingEngine` is one."""

    @property
    def server(self) -> Server:
        """The server that it is in."""
        ...

    @property
    def superblock(self) -> Superblock:
        """What and where it is."""
        ...

    @property
    def replica(self) -> Replica:
        """Its records."""
        ...


class FeedChannel:
    """The channel that a feed posts in.

    Args:
        name: its name.
        home: where the database is.
    """

    def __init__(self, name: str, home: Home) -> None:
        self._name = name
        self._home = home
        self._server: Server | None = None
        self._channel = 0

    async def send(self, content: str) -> None:
        """Post a message, once. One API call; one more where the channel is not known yet, or not
        any more, and three more where it is made.

        Raises:
            Uncertain: it may have been posted.
            Refused: it was not.
            ServerFull: nor was it, as the server has no room for the channel.
        """
        server = self._home.server
        if self._server is not server:
            await self._find(server)
        try:
            await self._post(server, content)
        except NotFound:  # it was deleted, and nothing was posted
            await self._find(server)
            await self._post(server, content)

    async def _post(self, server: Server, content: str) -> None:
        nonce = f"feed.{base36(int(server.random() * 36**12))}"
        await repeat(server, _TRIES, partial(server.send, self._channel, content, (), nonce))

    async def _find(self, server: Server) -> None:
        """Find the channel of that name: of several the first one that was made. Where there is
        none it is made.
        """
        self._server = None
        channels = await persist(server, server.channels)
        found = self._first(channels)
        if found is None:
            made = await self._make(server, channels)
            # Others may have made one at the same moment. All take the same.
            found = self._first(await persist(server, server.channels)) or made
            if found.id != made.id:
                await persist(server, server.delete_channel, made.id)
        self._server, self._channel = server, found.id

    def _first(self, channels: list[Channel]) -> Channel | None:
        named = [each for each in channels if each.name == self._name and not each.is_category]
        return min(named, key=lambda channel: channel.id, default=None)

    async def _make(self, server: Server, channels: list[Channel]) -> Channel:
        """Make it beside the database's channels, for the bot and the administrators alone: who
        else may read it is for people to say.
        """
        own = self._home.superblock.lanes
        parents = [each.parent for each in channels if each.id in own and each.parent is not None]
        if not parents:
            raise Refused(
                f"there is no channel {self._name!r}, nor a category with the database's channels "
                f"to make it in: make it by hand"
            )
        return await server.create_channel(self._name, parent=parents[0], topic=_TOPIC)
