"""Traces of databases outside the channels, which tell of one that is hidden from the bot.

A server does not list the channels that a bot may not view (channel resource, "Obfuscated
Channels"). So a database of which all channels are hidden looks like none, and another one would be
created beside it. A creation leaves a trace first
(:meth:`~discobase.engine.server.seam.Requests.leave_trace`): when its catalog is there, and before
the superblock makes it count. Whoever finds no database asks for the catalogs that traces name.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Collection, Iterable

from discobase.engine.server.retry import persist
from discobase.engine.server.seam import (
    Channel,
    NotFound,
    NotPermitted,
    Refused,
    Server,
    Trace,
    Uncertain,
)

_log = logging.getLogger(__name__)


async def leave(server: Server, catalog: int) -> None:
    """Leave the trace of a database that is about to count. One API call.

    A server that takes none has its databases all the same: this is logged.

    Raises:
        Uncertain: the server does not answer.
    """
    try:
        await persist(server, server.leave_trace, catalog)
    except Refused as error:
        # An earlier try, whose answer was lost, may have left it.
        if all(trace.catalog != catalog for trace in await _traces(server)):
            _log.warning(
                "the server takes no trace of the database (%s): if View Channel is taken from the "
                "bot in all of its channels, another database will be created",
                error,
            )


async def find_gone(server: Server, channels: Iterable[Channel]) -> list[Trace] | None:
    """Ask for each catalog that has left a trace, where no database is seen. One API call, and one
    for each of them that is not listed.

    Args:
        server: the seam.
        channels: the channels that are listed, none of which holds a database.

    Returns:
        The traces of catalogs that are gone; None where one of them may be read after all, so that
        the server has to be looked at anew.

    Raises:
        NotPermitted: one of them is hidden from the bot.
    """
    listed = {channel.id for channel in channels}
    unlisted = [trace for trace in await _traces(server) if trace.catalog not in listed]
    gone: list[Trace] = []
    for trace in unlisted:
        if not await _is_gone(server, trace):
            return None
        gone.append(trace)
    return gone


async def forget_gone(server: Server, gone: Iterable[Trace]) -> None:
    """Remove the traces of catalogs that were gone, and still are: what was not to be found at
    first may have been too young. Two API calls for each. Failures are logged: it can be done
    another time.

    Args:
        server: the seam.
        gone: what :func:`find_gone` found before the server's settling time.
    """
    try:
        for trace in gone:
            if await _is_gone(server, trace):
                await _remove(server, trace)
    except (Refused, Uncertain) as error:
        _log.warning("the trace of a database that was deleted could not be removed: %s", error)


async def forget(server: Server, catalogs: Collection[int]) -> None:
    """Remove the traces of catalogs in which no database is, or will be. One API call, and one for
    each trace; none where there are no catalogs.
    """
    if not catalogs:
        return
    for trace in await _traces(server):
        if trace.catalog in catalogs:
            await _remove(server, trace)


async def _traces(server: Server) -> list[Trace]:
    try:
        return await persist(server, server.traces)
    except NotFound:  # a server that has no place for them
        return []


async def _is_gone(server: Server, trace: Trace) -> bool:
    try:
        await persist(server, server.require_readable, trace.catalog)
    except NotFound:
        return True
    except NotPermitted:
        _log.error(
            "a database of this bot is hidden from it: its catalog is the channel %d. Allow the "
            "bot to view it, or delete it with its category if its data is not wanted",
            trace.catalog,
        )
        raise
    return False


async def _remove(server: Server, trace: Trace) -> None:
    # Gone already, if an earlier try had its effect and no answer.
    with contextlib.suppress(NotFound):
        await persist(server, server.remove_trace, trace.id)
