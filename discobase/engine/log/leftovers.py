"""Remove what creations of a database that failed, or were killed, have left in a server.

A set of channels is left over when it is old and nothing was ever written to its lanes. Somebody
may still be at it all the same, who has stood still that long. So first of all its catalog is told
that the creation was given up (:data:`~discobase.engine.log.catalogs.GIVEN_UP`): of that message
and a superblock the first one counts. Once it is seen to be that message, nothing will ever be in
these channels, and they may be deleted at any time, also by a process that stands still between
looking and deleting.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Collection, Iterable

from discobase.engine.base36 import base36
from discobase.engine.log.catalogs import GIVEN_UP, View, superblocks
from discobase.engine.log.history import read_channel
from discobase.engine.log.superblock import Superblock
from discobase.engine.log.topic import CATALOG, part_of
from discobase.engine.log.traces import forget
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

CATEGORY = "discobase"
"""The name of a new database's category."""

YOUTH = 600.0
"""Seconds for which whoever made a channel may still be creating a database: many times what it
takes under Discord's limits (some 15 calls). A guess. Who takes longer has to begin anew."""


async def remove_leftovers(server: Server, view: View, now: int) -> bool:
    """Remove the channels of this bot that belong to no database and are older than
    :data:`YOUTH`. No API call where there are none.

    Failures are logged: it can be done another time.

    Args:
        server: the seam.
        view: the server as it is.
        now: the newest id that is known: local clocks may be wrong.

    Returns:
        Whether anything was removed.
    """
    unfinished = _unfinished(server, view, now)
    if not unfinished and not _empty_categories(server, view.channels, now):
        return False
    try:
        void = await _give_up(server, view, unfinished) if unfinished else []
        left = [channel for channel in view.channels if channel not in void]
        removed = [*void, *_empty_categories(server, left, now)]
        # First: what is removed later is found again by its channels.
        await forget(server, {channel.id for channel in void if _is_catalog(server, channel)})
        await remove(server, removed)
    except (Refused, Uncertain) as error:
        _log.warning("what an earlier creation has left could not be removed: %s", error)
        return False
    if removed:
        _log.info("removed %d channels that earlier creations have left", len(removed))
    return bool(removed)


async def remove(server: Server, channels: Iterable[Channel]) -> None:
    """Delete channels. One API call for each."""
    for channel in channels:
        # Gone already, if an earlier try had its effect and no answer.
        with contextlib.suppress(NotFound):
            await persist(server, server.delete_channel, channel.id)


def _unfinished(server: Server, view: View, now: int) -> list[list[Channel]]:
    """Return the sets of channels that seem to be left over, each with its catalogs first."""
    kept = {channel for _, block in view.generations for channel in channels_in(block)}
    if view.catalog is not None:  # which stays where the database has moved away, too
        kept.add(view.catalog)
    sets: dict[str, list[Channel]] = {}
    moving = {mark.database for _, mark in view.coming.values()}
    for channel in view.channels:
        part = part_of(channel, server.author)
        # Where the topic does not say so, it is not certain that it is this bot's. What has a
        # ticket is left by somebody who has not finished a new generation, and not here.
        if part is None or part.bot is None or part.ticket or part.database in moving:
            continue
        if channel.id not in kept:
            sets.setdefault(part.database, []).append(channel)
    return [
        sorted(made, key=lambda channel: not _is_catalog(server, channel))
        for made in sets.values()
        if all(_is_left_over(server, channel, now) for channel in made)
    ]


def channels_in(block: Superblock) -> set[int]:
    """Return the ids of the channels that a superblock names."""
    return {block.catalog, *block.lanes, block.checkpoints}


def _is_left_over(server: Server, channel: Channel, now: int) -> bool:
    never_written = _is_catalog(server, channel) or not channel.last_message
    return _is_old(channel, now) and never_written


def _is_old(channel: Channel, now: int) -> bool:
    return seconds_between(channel.id, now) > YOUTH


def _is_catalog(server: Server, channel: Channel) -> bool:
    part = part_of(channel, server.author)
    return part is not None and part.role == CATALOG


def _empty_categories(server: Server, channels: Iterable[Channel], now: int) -> list[Channel]:
    """Return the old categories that this bot has made, and that have no channels."""
    present = list(channels)
    parents = {channel.parent for channel in present}
    return [
        channel
        for channel in present
        if channel.is_category
        and channel.name == CATEGORY
        and server.author in channel.shown_to
        and channel.id not in parents
        and _is_old(channel, now)
    ]


async def remove_empty(
    server: Server, categories: Collection[int], but_for: Collection[int] = ()
) -> int:
    """Remove those of the categories that this bot alone may view, and that have no channels;
    return how many. One API call, and one for each.

    Args:
        server: the seam.
        categories: their ids.
        but_for: channels that they may have, as these are about to be removed.
    """
    channels = await persist(server, server.channels)
    used = {channel.parent for channel in channels if channel.id not in but_for}
    empty = [
        channel
        for channel in channels
        if channel.id in categories
        and channel.id not in used
        and channel.shown_to == frozenset({server.author})
    ]
    await remove(server, empty)
    return len(empty)


async def _give_up(server: Server, view: View, sets: list[list[Channel]]) -> list[Channel]:
    """Give up unfinished creations; return the channels in which nothing counts from now on."""
    for made in sets:
        for channel in made:
            # A superblock that came second counts as little as one after this message.
            if _is_catalog(server, channel) and channel.id not in view.held:
                await tell_given_up(server, channel.id)
    await server.sleep(server.settling)
    return [channel for made in sets if await _are_void(server, view, made) for channel in made]


async def tell_given_up(server: Server, catalog: int) -> None:
    """Say in a catalog that its creation was given up: of that and a superblock, or the mark of a
    move, the first counts, which is to be read when the server's settling time has passed. One API
    call.
    """
    nonce = f"{base36(catalog)}.given-up"
    with contextlib.suppress(NotFound):
        await persist(server, server.send, catalog, GIVEN_UP, (), nonce)


async def _are_void(server: Server, view: View, made: list[Channel]) -> bool:
    for channel in made:
        if channel.id in view.held:
            continue
        if _is_catalog(server, channel):
            if await superblocks(server, channel.id) is not None:
                return False
        elif await _was_written_to(server, channel):
            return False
    return True


async def _was_written_to(server: Server, channel: Channel) -> bool:
    """Return whether there is a message of this bot. A server need not tell it in its list."""
    try:
        messages = await read_channel(server, channel.id)
    except NotFound:
        return False
    return any(message.author == server.author for message in messages)
