"""The channels of a generation: made under a ticket, removed where it is over or never began."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from discobase.engine.log.catalogs import superblocks
from discobase.engine.log.former import remove_former
from discobase.engine.log.leftovers import CATEGORY, remove
from discobase.engine.log.sealing import Encryption, Sealing
from discobase.engine.log.superblock import Superblock
from discobase.engine.log.topic import CHECKPOINTS, LOG, Part, part_of, topic_of
from discobase.engine.server.retry import persist
from discobase.engine.server.seam import Channel, Refused, Server, Uncertain

_IN_A_CATEGORY = 50
"""Channels that a category holds (topics, "Community Resources"; observed as an error of channel
creation)."""


async def make_channels(
    server: Server,
    superblock: Superblock,
    ticket: str,
    lanes: int,
    origin: int,
    *,
    sealed: tuple[Encryption | None, Sealing],
    parent: int | None = None,
) -> Superblock:
    """Make the channels of the next generation, and return its superblock, as far as it is known.
    One API call for each channel, and one more.

    Args:
        server: the seam.
        superblock: of this generation.
        ticket: tells them from the channels of others who make a generation.
        lanes: how many lanes it is to have.
        origin: the message id of the first superblock of the database.
        sealed: how it is to be encrypted, and what seals it.
        parent: the category that they are made in; None for that of the catalog.

    Raises:
        ServerFull: there is no room for them.
        Refused, Uncertain: they could not be made.
    """
    if parent is None:
        parent = await _home(server, superblock, lanes + 1)
    made: list[int] = []
    for name in (*(f"{LOG}{number}" for number in range(lanes)), CHECKPOINTS):
        topic = topic_of(Part(server.author, superblock.database, f"{name} {ticket}"))
        channel = await persist(server, server.create_channel, name, parent=parent, topic=topic)
        made.append(channel.id)
    generation = superblock.generation + 1
    encryption, sealing = sealed
    return Superblock(
        database=superblock.database,
        generation=generation,
        catalog=superblock.catalog,
        lanes=tuple(made[:-1]),
        checkpoints=made[-1],
        created=superblock.created,
        encryption=encryption,
        sealing=sealing,
        predecessors=superblock.predecessors,
        former_keys=superblock.former_keys,
        made=generation,
        origin=origin,
        ticket=ticket,
    )


async def remove_channels(server: Server, superblock: Superblock, ticket: str) -> None:
    """Remove all channels with a ticket, as far as that can be done now; the rest is left for
    whoever comes when it is old.
    """
    with contextlib.suppress(Refused, Uncertain):
        channels = await persist(server, server.channels)
        await remove(server, with_ticket(server, superblock, ticket, channels))


async def tidy(server: Server, catalog: int, chosen: Superblock) -> str | None:
    """Remove what earlier generations, and those that came second, have left, as far as that can be
    done now; return which channels are left, and why, where it cannot. One API call for each
    channel and superblock, and two more.

    Args:
        server: the seam.
        catalog: the catalog of the database in that server.
        chosen: the superblock that counts, or has counted until a later one came.
    """
    try:
        channels = await persist(server, server.channels)
        held = await superblocks(server, catalog)
        await remove_former(server, catalog, channels, held or (), chosen)
    except (Refused, Uncertain) as error:
        return str(error)
    return None


def with_ticket(
    server: Server, superblock: Superblock, ticket: str, channels: Sequence[Channel]
) -> list[Channel]:
    """Return the channels of a database that have a ticket: also those that were made twice, for
    want of an answer.
    """
    return [
        channel
        for channel in channels
        if (part := part_of(channel, server.author))
        and (part.database, part.ticket) == (superblock.database, ticket)
    ]


async def _home(server: Server, superblock: Superblock, room: int) -> int:
    """Return a category with room for so many channels: that of the catalog, or another one."""
    channels = await persist(server, server.channels)
    parents = {channel.id: channel.parent for channel in channels}
    for parent in (parents.get(each) for each in (superblock.catalog, *superblock.lanes)):
        if parent is None:
            continue
        held = sum(channel.parent == parent for channel in channels)
        if held + room <= _IN_A_CATEGORY:
            return parent
    return (await persist(server, server.create_category, CATEGORY)).id
