"""Remove what former generations of a database have left, and those that never came to be.

The channels of a generation that is over are deleted, and then its superblock, so that whoever
finds the superblock knows what is still to be done. A frozen process may look at them until then,
and finds the next generation in the catalog.

Channels with a ticket that no superblock has are left by somebody who has not finished, and who may
only stand still. So first it is said in the catalog that the ticket was given up
(:func:`~discobase.engine.log.catalogs.ticket_given_up`): of that message and a superblock with the
ticket the first one counts. Once it is seen to be that message the channels may be deleted at any
time, also by a process that stands still between looking and deleting.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence

from discobase.engine.log.catalogs import Held, superblocks, ticket_given_up
from discobase.engine.log.leftovers import YOUTH, channels_in, remove
from discobase.engine.log.superblock import Superblock
from discobase.engine.log.topic import part_of
from discobase.engine.server.retry import persist
from discobase.engine.server.seam import (
    Channel,
    NotFound,
    Refused,
    Server,
    Uncertain,
    seconds_between,
)

_log = logging.getLogger(__name__)


async def finish(
    server: Server,
    catalog: int,
    channels: Sequence[Channel],
    held: Held,
    chosen: Superblock,
    *,
    now: int,
) -> None:
    """Do what earlier changes of generation have left undone. No API call where that is nothing.

    Failures are logged: it can be done another time.

    Args:
        server: the seam.
        catalog: a catalog of the database.
        channels: the server's channels.
        held: the superblocks of that catalog.
        chosen: the one that counts: where the database is encrypted only who has the key knows
            which does.
        now: the newest id that is known: local clocks may be wrong.
    """
    try:
        await remove_former(server, catalog, channels, held, chosen)
        for ticket, made in _unfinished(server, channels, held, chosen).items():
            if all(seconds_between(channel.id, now) > YOUTH for channel in made):
                await _give_up(server, catalog, chosen, ticket, made)
    except (Refused, Uncertain) as error:
        _log.warning("what a former generation has left could not be removed: %s", error)


async def remove_former(
    server: Server, catalog: int, channels: Iterable[Channel], held: Held, chosen: Superblock
) -> None:
    """Remove the channels of generations that are over, or came second, and then their superblocks.
    One API call for each channel, and each superblock.

    Args:
        server: the seam.
        catalog: a catalog of the database, which stays: it may have moved away from there.
        channels: the server's channels.
        held: the superblocks of that catalog.
        chosen: one that counts, or has counted: what came after it is left alone.

    Raises:
        Refused, Uncertain: something could not be removed; the error names the channels.
    """
    over = {
        message: block
        for message, block in held
        if block.generation <= chosen.generation and block != chosen
    }
    if not over:
        return
    kept = {catalog, *channels_in(chosen)}
    for message, block in held:
        kept |= set() if message in over else channels_in(block)
    old = {channel for block in over.values() for channel in channels_in(block)} - kept
    await _remove_all(server, [channel for channel in channels if channel.id in old])
    for message in over:
        try:
            await persist(server, server.delete_message, catalog, message)
        except NotFound:
            _log.debug("superblock %d has been deleted by somebody else", message)
    _log.info("removed what %d superblocks of former generations have named", len(over))


async def _remove_all(server: Server, channels: Sequence[Channel]) -> None:
    """Delete channels, also those behind one that others protect; nothing behind one of which there
    is no answer.

    Raises:
        Refused, Uncertain: not all of them are gone; the error names those that are left.
    """
    left, refused = list(channels), None
    for channel in channels:
        try:
            await remove(server, [channel])
        except Refused as error:
            refused = refused or error
        except Uncertain as error:
            raise Uncertain(f"{_names(left)}: {error}") from error
        else:
            left.remove(channel)
    if refused is not None:
        raise Refused(f"{_names(left)}: {refused}", refused.code)


def _names(channels: Iterable[Channel]) -> str:
    return ", ".join(f"{channel.name} ({channel.id})" for channel in channels)


def _unfinished(
    server: Server, channels: Iterable[Channel], held: Held, chosen: Superblock
) -> dict[str, list[Channel]]:
    """Return the channels of the database with tickets that no superblock names, by ticket. Those
    with the ticket of one that counts were made twice, for want of an answer.
    """
    known = {channel for _, block in held for channel in channels_in(block)}
    found = defaultdict[str, list[Channel]](list)
    for channel in channels:
        part = part_of(channel, server.author)
        if part is None or part.database != chosen.database or channel.id in known:
            continue
        if part.ticket:
            found[part.ticket].append(channel)
    return found


async def _give_up(
    server: Server, catalog: int, chosen: Superblock, ticket: str, made: Sequence[Channel]
) -> None:
    """Remove channels that nobody has finished, once it is certain that nobody will."""
    if ticket == chosen.ticket:
        await remove(server, made)
        return
    if await give_up_ticket(server, catalog, ticket):
        await remove(server, made)
        _log.info("removed %d channels of a generation that was never finished", len(made))


async def give_up_ticket(server: Server, catalog: int, ticket: str) -> bool:
    """Say in a catalog that the generation with a ticket never was, and return whether it is so.
    Two API calls, and the server's settling time.

    Raises:
        Refused, Uncertain: it is not known.
    """
    nonce = f"{ticket}:given-up"[:25]
    await persist(server, server.send, catalog, ticket_given_up(ticket), (), nonce)
    await server.sleep(server.settling)
    counting = await superblocks(server, catalog)
    return counting is not None and ticket not in {block.ticket for _, block in counting}
