"""Where the channels of the next generation are made."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Protocol

from discobase.engine.generations.channels import make_channels, remove_channels
from discobase.engine.log.catalogs import View, coming_in, look, superblocks_in
from discobase.engine.log.departures import finish_leaving, forget_mark, undo
from discobase.engine.log.former import remove_former
from discobase.engine.log.history import read_channel
from discobase.engine.log.leftovers import CATEGORY
from discobase.engine.log.marks import Mark
from discobase.engine.log.nonces import carry
from discobase.engine.log.sealing import Encryption, Sealing
from discobase.engine.log.superblock import Superblock
from discobase.engine.log.topic import CATALOG, Part, channels_of, topic_of
from discobase.engine.log.traces import find_gone, leave
from discobase.engine.server.retry import persist
from discobase.engine.server.seam import Refused, Server, Uncertain
from discobase.errors import ConnectError, MoveRefused, ServerFull

_log = logging.getLogger(__name__)

_CHANNELS = 500
"""All that Discord allows in a server, categories included (guild resource; observed as the error
30013 of channel creation)."""

_BESIDE_LANES = 3
"""Channels of a new place beside the lanes: category, catalog, checkpoints."""


class Place(Protocol):
    """A place for the channels of the next generation.

    Attributes:
        server: the server that they are in.
    """

    server: Server

    async def make(
        self,
        block: Superblock,
        ticket: str,
        lanes: int,
        origin: int,
        *,
        sealed: tuple[Encryption | None, Sealing],
    ) -> Superblock:
        """Make them, and return the superblock, as far as it is known
        (:func:`~discobase.engine.generations.channels.make_channels`).
        """
        ...

    async def remove(self, block: Superblock, ticket: str) -> None:
        """Remove what was made under a ticket, as far as that can be done now."""
        ...


class SameServer:
    """The server in which the database is.

    Args:
        server: the seam.
    """

    def __init__(self, server: Server) -> None:
        self.server = server

    async def make(
        self,
        block: Superblock,
        ticket: str,
        lanes: int,
        origin: int,
        *,
        sealed: tuple[Encryption | None, Sealing],
    ) -> Superblock:
        """See :meth:`Place.make`."""
        return await make_channels(self.server, block, ticket, lanes, origin, sealed=sealed)

    async def remove(self, block: Superblock, ticket: str) -> None:
        """See :meth:`Place.remove`."""
        await remove_channels(self.server, block, ticket)


class OtherServer:
    """Another server that the bot is in.

    Args:
        source: the server in which the database is.
        server: the other one.
    """

    def __init__(self, source: Server, server: Server) -> None:
        self.server = server
        self._source = source
        self._mark: tuple[int, Mark] | None = None
        # The new catalog, and the same where it was made by this one.
        self._catalog = self._made = 0

    async def make(
        self,
        block: Superblock,
        ticket: str,
        lanes: int,
        origin: int,
        *,
        sealed: tuple[Encryption | None, Sealing],
    ) -> Superblock:
        """See :meth:`Place.make`. Some ten API calls more, and the server's settling time.

        Raises:
            MoveRefused: the database cannot move there; nothing was changed.
        """
        await self._require_free(block, lanes)
        message, mark = self._mark = await self._announce(block, ticket)
        parent = None
        if not self._catalog:
            parent = (await persist(self.server, self.server.create_category, CATEGORY)).id
            await self._make_catalog(mark, parent)
        await self._mark_there(mark)
        await self._carry_nonces(mark, message)
        here = replace(block, catalog=self._catalog)
        planned = await make_channels(
            self.server, here, ticket, lanes, origin, sealed=sealed, parent=parent
        )
        await self._require_first(mark)
        return replace(planned, server=self.server.id)

    async def remove(self, block: Superblock, ticket: str) -> None:
        """See :meth:`Place.remove`."""
        if self._mark is None:
            return
        message, mark = self._mark
        try:
            await undo(self.server, mark, since=message, catalog=self._made)
            await forget_mark(self._source, block.catalog, message)
        except (ConnectError, Refused, Uncertain) as error:
            _log.warning("what the move %s has made is removed later: %s", ticket, error)

    # Before anything is changed

    async def _require_free(self, block: Superblock, lanes: int) -> None:
        """See that there is room, and no other database of this bot. The catalog of this one is
        noted, if it was there before: it comes back to that.

        Raises:
            MoveRefused: there is one.
            ServerFull: there is no room.
            NotPermitted: one may be hidden.
        """
        server = self.server
        if server.id == self._source.id:
            raise MoveRefused(f"the database is in the server {server.name!r} already")
        view = await look(server)
        _refuse_others(server, view, block)
        self._catalog = view.catalog or 0
        if not view.held:
            for channel in channels_of(view.channels, server.author):
                await persist(server, server.require_readable, channel.id)
            await find_gone(server, view.channels)
        needed = lanes + _BESIDE_LANES
        if len(view.channels) + needed > _CHANNELS:
            raise ServerFull(
                f"the server {server.name!r} has {len(view.channels)} channels, and the database "
                f"needs {needed} more; Discord allows {_CHANNELS}. Delete some there"
            )

    # Under the ticket

    async def _announce(self, block: Superblock, ticket: str) -> tuple[int, Mark]:
        """Have the catalog that is to be left say where the database may be moving. Return the id
        of the message, and what it says.
        """
        source = self._source
        mark = Mark(
            database=block.database,
            generation=block.generation + 1,
            ticket=ticket,
            source=source.id,
            catalog=block.catalog,
            target=self.server.id,
        )
        nonce = f"{ticket}:leaving"
        sent = await persist(source, source.send, block.catalog, mark.to_content(), (), nonce)
        return sent.id, mark

    async def _make_catalog(self, mark: Mark, parent: int) -> None:
        """Make the new catalog, and leave its trace."""
        server = self.server
        topic = topic_of(Part(server.author, mark.database, CATALOG))
        made = await persist(server, server.create_channel, CATALOG, parent=parent, topic=topic)
        self._catalog = self._made = made.id
        await leave(server, made.id)

    async def _mark_there(self, mark: Mark) -> None:
        """Have the new catalog say where the database may be coming from."""
        server, nonce = self.server, f"{mark.ticket}:coming"
        await persist(server, server.send, self._catalog, mark.to_content(), (), nonce)

    async def _carry_nonces(self, mark: Mark, message: int) -> None:
        """Have the new catalog say what the old one does of nonces: the address is the same."""
        nonce = f"{mark.ticket}:nonces"
        await carry(
            self._source, mark.catalog, self.server, self._catalog, end=message, nonce=nonce
        )

    async def _require_first(self, mark: Mark) -> None:
        """See that no other database was created there meanwhile: from now on whoever creates one
        finds the mark.

        Raises:
            MoveRefused: one was, or the catalog was taken for what somebody has left.
        """
        server = self.server
        await server.sleep(server.settling)
        view = await look(server)
        _refuse_others(server, view, mark)
        told = view.read.get(self._catalog, ())
        if superblocks_in(server, told) is None or not coming_in(server, told):
            raise MoveRefused(
                f"the move took so long that the server {server.name!r} was tidied up meanwhile. "
                f"Ask for it again"
            )


def _refuse_others(server: Server, view: View, own: Superblock | Mark) -> None:
    """Refuse a server that has another database of this bot: a catalog that the same one has left
    does not count, since its superblock is known by its origin.
    """
    others = {
        block.database
        for held in view.held.values()
        for _, block in held
        if block.database != own.database
    }
    others |= {mark.database for _, mark in view.coming.values() if mark.database != own.database}
    if view.ended is not None and not view.held:
        raise MoveRefused(
            f"a database is being deleted in the server {server.name!r}: ask for it again when "
            f"that is done"
        )
    if others:
        raise MoveRefused(
            f"the server {server.name!r} has a database of this bot, {', '.join(sorted(others))}, "
            f"or is about to get it, and a bot has one in each: delete that one, if nobody wants "
            f"it, or choose another server"
        )


async def tidy_moved(source: Server, target: Server, block: Superblock) -> str | None:
    """Say in the new catalog that a move is done, if that can be done now; return why not, where it
    cannot. Some four API calls, and two more where it has been in the new server before.

    Args:
        source: the server that was left.
        target: the server that was moved to.
        block: the superblock of the generation that has moved.
    """
    try:
        messages = await read_channel(target, block.catalog)
        for _, mark in coming_in(target, messages):
            if mark.ticket == block.ticket:
                await finish_leaving(source, target, block.catalog, mark)
        held = superblocks_in(target, messages) or ()
        # It was there before, and may have left more than the word that it had gone: whoever took
        # it away died, or stands still.
        if any(each != block for _, each in held):
            channels = await persist(target, target.channels)
            await remove_former(target, block.catalog, channels, held, block)
    except (ConnectError, Refused, Uncertain) as error:
        return str(error)
    return None
