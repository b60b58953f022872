"""What the catalogs of a server say: which database was created first, and since when that stands.

Of several superblocks the one with the lowest message id is the database. What was written a moment
ago need not be readable yet, so the lowest that is found is not believed at once: an earlier one
may come to light for as long as :attr:`~discobase.engine.server.seam.Requests.settling` says. How
old it is, is told by Discord's own ids, or else waited for: local clocks may be wrong by hours.

A later generation of a database has a superblock of its own, and the ones before are deleted. So
each later one says which was the first of its database, and by that one databases are compared. Of
the generations of a database the newest counts, and of several superblocks of one generation the
first: others have acted on that.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from discobase.engine.log.formats import upgrade_needed
from discobase.engine.log.history import read_channel
from discobase.engine.log.last_words import is_deleted, last_word
from discobase.engine.log.listing import Listing, Moment
from discobase.engine.log.superblock import Superblock
from discobase.engine.log.topic import CATALOG, part_of
from discobase.engine.operations import LaterFormat
from discobase.engine.server.retry import persist
from discobase.engine.server.seam import Channel, Message, NotFound, Server, seconds_between
from discobase.errors import DatabaseEnded

GIVEN_UP = (
    "discobase: the creation of this database was given up. A superblock that comes after this "
    "message does not count."
)
"""What is written into a catalog before it is removed. Of this message and a superblock the one
with the lower id counts."""

_TICKET_GIVEN_UP = "discobase: the generation that was to have the ticket {} was given up."
_GIVEN_UP_TICKET = re.compile(_TICKET_GIVEN_UP.format("([0-9a-z]{1,24})"))

Held = Sequence[tuple[int, Superblock]]
"""The superblocks of a catalog, with their message ids, ascending."""


def ticket_given_up(ticket: str) -> str:
    """Write what is said in a catalog before the channels with a ticket are removed. Of this
    message and a superblock with that ticket the one with the lower id counts.
    """
    return _TICKET_GIVEN_UP.format(ticket)


def origin_of(held: Held) -> int:
    """Return the message id of the first superblock that a database ever had."""
    return min(block.origin or message for message, block in held)


def newest_of(held: Held) -> Superblock | None:
    """Return the superblock that counts, of all in a catalog."""
    return max((block for _, block in held), key=lambda block: block.generation, default=None)


@dataclass(frozen=True, slots=True)
class View:
    """The server as it was at one look.

    Attributes:
        began: a moment before that.
        channels: its channels.
        held: the superblocks of each catalog that holds any, with their message ids, ascending.
        read: the messages of each catalog.
        ended: why a database that was here is none any more; None where nothing says so.
    """

    began: Moment
    channels: Sequence[Channel]
    held: Mapping[int, Held]
    read: Mapping[int, Sequence[Message]]
    ended: DatabaseEnded | None = None

    @property
    def first(self) -> int | None:
        """The message id of the superblock that was written first; None where there is none."""
        return min(map(origin_of, self.held.values()), default=None)

    @property
    def generations(self) -> Held:
        """The superblocks of the database that was created first."""
        return min(self.held.values(), key=origin_of, default=())

    @property
    def chosen(self) -> Superblock | None:
        """The newest generation of the database that was created first."""
        return newest_of(self.generations)

    def messages_beside(self, block: Superblock) -> Sequence[Message]:
        """Return the messages of the catalog in which a superblock of :attr:`generations` stands.

        Args:
            block: the superblock.
        """
        for catalog, blocks in self.held.items():
            if any(held is block for _, held in blocks):
                return self.read[catalog]
        return ()

    @property
    def listing(self) -> Listing:
        """How far each channel goes."""
        return Listing.of(self.began, self.channels)

    @property
    def newest(self) -> int:
        """The newest id in the channel list: by Discord's clock it is as late as that."""
        return max((max(channel.id, channel.last_message) for channel in self.channels), default=0)


async def look(server: Server) -> View:
    """Look at every catalog of this bot. One API call, and one for each catalog; one more for a
    catalog whose last message the list does not name, or that is gone.

    Raises:
        UpgradeNeeded: there is a superblock of a later format.
        Refused: a catalog may not be read.
    """
    began = Moment.of(server)
    channels = await persist(server, server.channels)
    catalogs = [
        channel
        for channel in channels
        if (part := part_of(channel, server.author)) and part.role == CATALOG
    ]
    pages = await asyncio.gather(*(_read(server, each.id, each.last_message) for each in catalogs))
    read = {channel.id: messages for channel, messages in zip(catalogs, pages, strict=True)}
    blocks = {catalog: superblocks_in(server, messages) for catalog, messages in read.items()}
    held = {catalog: found for catalog, found in blocks.items() if found}
    ended = last_word(server, chain.from_iterable(pages))
    return View(began, channels, held, read, ended)


async def _read(server: Server, catalog: int, last: int) -> list[Message]:
    """Read a catalog that was listed. One whose last message is not told is read all the same: it
    may have been created since, and not every server tells.
    """
    try:
        return await read_channel(server, catalog, end=last or None)
    except NotFound:
        return []


async def look_until_settled(server: Server, waited_for: int = 0) -> View:
    """Look until no earlier superblock can come to light. As :func:`look` where the first one is
    old; else that twice, and the server's settling time.

    Args:
        server: the seam.
        waited_for: the id of a message since which that time has passed.
    """
    while True:
        view = await look(server)
        first = view.first
        if first is None or first <= waited_for:
            return view
        if seconds_between(first, view.newest) >= server.settling:
            return view
        await server.sleep(server.settling)
        waited_for = first


async def superblocks(server: Server, catalog: int) -> list[tuple[int, Superblock]] | None:
    """Read every superblock of a catalog, as :func:`superblocks_in`; None where it is gone.

    Raises:
        UpgradeNeeded: there is a superblock of a later format.
        Refused: the catalog may not be read.
    """
    try:
        messages = await read_channel(server, catalog)
    except NotFound:
        return None
    return superblocks_in(server, messages)


def superblocks_in(
    server: Server, messages: Iterable[Message]
) -> list[tuple[int, Superblock]] | None:
    """Return every superblock of a catalog, by message id, ascending; None where it was given up
    before the first superblock that its database ever had, or where the database is being deleted:
    nothing in it counts, now and later. Nor does one whose ticket was given up before.

    Raises:
        UpgradeNeeded: there is a superblock of a later format.
    """
    found: list[tuple[int, Superblock]] = []
    given_up: set[str] = set()
    void_from = 0
    for message in messages:
        if message.author != server.author:
            continue
        if is_deleted(server, message):
            return None
        if message.content == GIVEN_UP and not found:
            void_from = void_from or message.id
        if ticket := _GIVEN_UP_TICKET.fullmatch(message.content):
            given_up.add(ticket[1])
        elif block := _superblock(message):
            # Those of earlier generations are deleted, and came before that word all the same.
            is_in_time = not void_from or 0 < block.origin < void_from
            if is_in_time and block.ticket not in given_up:
                found.append((message.id, block))
    return None if void_from and not found else found


def _superblock(message: Message) -> Superblock | None:
    try:
        return Superblock.from_content(message.content)
    except LaterFormat as later:
        raise upgrade_needed(later, message) from None
