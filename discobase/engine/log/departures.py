"""What moves from one server to another have left undone: finished by whoever opens the database.

In the server that was to be left there may be a mark, and channels in the other one, of a move that
came to nothing. In the server that was moved to there may be a move whose former channels are still
there. Each is found by its mark.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence

from discobase.engine.log.catalogs import coming_in, superblocks, superblocks_in, tickets_given_up
from discobase.engine.log.former import give_up_ticket, remove_former
from discobase.engine.log.history import read_channel
from discobase.engine.log.leftovers import (
    CATEGORY,
    YOUTH,
    remove,
    remove_empty,
    tell_given_up,
)
from discobase.engine.log.marks import Mark, finished, is_finished, marks_in
from discobase.engine.log.superblock import Superblock
from discobase.engine.log.topic import CATALOG, part_of
from discobase.engine.log.traces import forget
from discobase.engine.server.retry import persist
from discobase.engine.server.seam import (
    Channel,
    Message,
    NotFound,
    Refused,
    Server,
    Uncertain,
    seconds_between,
)
from discobase.errors import ConnectError

_log = logging.getLogger(__name__)


async def finish_moves(
    server: Server, catalog: int, messages: Sequence[Message], chosen: Superblock, now: int
) -> None:
    """Finish what the marks in a catalog tell of. No API call where that is nothing.

    Failures are logged: it can be done another time.

    Args:
        server: the seam.
        catalog: the catalog.
        messages: its messages.
        chosen: the superblock that counts.
        now: the newest id that is known: local clocks may be wrong.
    """
    for message, mark in marks_in(server, messages):
        try:
            if mark.target == server.id and mark.generation <= chosen.generation:
                if not is_finished(server, mark, messages):
                    source = await server.elsewhere(mark.source)
                    await finish_leaving(source, server, catalog, mark)
            elif mark.source == server.id and mark.ticket != chosen.ticket:
                given_up = mark.generation <= chosen.generation
                given_up = given_up or mark.ticket in tickets_given_up(server, messages)
                if not given_up and seconds_between(message, now) > YOUTH:
                    given_up = await give_up_ticket(server, catalog, mark.ticket)
                if given_up:
                    await undo(await server.elsewhere(mark.target), mark, since=message)
                    await forget_mark(server, catalog, message)
        except (ConnectError, Refused, Uncertain) as error:
            _log.warning("what a move has left could not be removed: %s", error)


async def finish_leaving(source: Server, target: Server, catalog: int, mark: Mark) -> None:
    """Remove the channels that a move has left, and say in the new catalog that it is done. One API
    call for each channel, and five more.

    Args:
        source: the server that was left.
        target: the server that was moved to.
        catalog: the catalog there.
        mark: the mark.

    Raises:
        Refused, Uncertain: something could not be removed.
    """
    held = await superblocks(source, mark.catalog) or ()
    pointer = next((block for _, block in held if block.ticket == mark.ticket), None)
    if pointer is not None:  # else it has come back since, and that has removed them
        channels = await persist(source, source.channels)
        await remove_former(source, mark.catalog, channels, held, pointer)
    nonce = f"{mark.ticket}:finished"
    await persist(target, target.send, catalog, finished(mark.ticket), (), nonce)


async def undo(target: Server, mark: Mark, *, since: int | None = None, catalog: int = 0) -> None:
    """Remove all that was made in a server for a move that came to nothing. One API call for each
    channel, and some more; where there is a catalog without a mark, the server's settling time.

    Args:
        target: the server.
        mark: the mark.
        since: the id of a message that was written before anything was made there; None where none
            is known.
        catalog: the catalog that was made there, where it is known: it may have no mark yet. One
            in which the database has been stays: it may be there, or be about to come back.

    Raises:
        Refused, Uncertain: something could not be removed.
    """
    channels = await persist(target, target.channels)
    made: list[Channel] = []
    catalogs: set[int] = set()
    for channel in channels:
        part = part_of(channel, target.author)
        if part is None or part.database != mark.database:
            continue
        if part.ticket == mark.ticket:
            made.append(channel)
        elif part.role == CATALOG:
            is_own = channel.id == catalog
            takes_unmarked = since is not None and not catalog
            if await _is_void(target, channel.id, mark, own=is_own, unmarked=takes_unmarked):
                made.append(channel)
                catalogs.add(channel.id)
    await forget(target, catalogs)
    # The catalog last: by it the others are found.
    await remove(target, sorted(made, key=lambda each: each.id in catalogs))
    homes = {each.parent for each in made if each.parent is not None}
    if since is not None:  # one in which nothing was made is known by its name alone
        homes |= {each.id for each in channels if each.id > since and each.name == CATEGORY}
    await remove_empty(target, homes)


async def _is_void(target: Server, catalog: int, mark: Mark, *, own: bool, unmarked: bool) -> bool:
    """Return whether a catalog was made for a move, and the database has never been there; delete
    the mark from one in which it has.

    Args:
        target: the server that it is in.
        catalog: the catalog.
        mark: the mark of that move.
        own: whether it is known to have been made for it.
        unmarked: whether it may have been, where it has no mark: its maker had not come to that.
    """
    try:
        messages = await read_channel(target, catalog)
    except NotFound:
        return False
    marks = coming_in(target, messages)
    if not superblocks_in(target, messages):
        if marks or own:
            return all(each == mark for _, each in marks)
        return unmarked and await _is_given_up(target, catalog)
    for message, each in marks:
        if each == mark:
            await forget_mark(target, catalog, message)
    return False


async def _is_given_up(target: Server, catalog: int) -> bool:
    """Give up a catalog without a mark, and return whether nothing comes of it: it may be that of
    another move, which is only slow, and whose mark may come first. Two API calls, and the server's
    settling time.
    """
    await tell_given_up(target, catalog)
    await target.sleep(target.settling)
    return await superblocks(target, catalog) is None


async def forget_mark(server: Server, catalog: int, message: int) -> None:
    """Delete the mark of a move that came to nothing."""
    with contextlib.suppress(NotFound):
        await persist(server, server.delete_message, catalog, message)
