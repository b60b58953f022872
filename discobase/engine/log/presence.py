"""Whether the channels of a database are there, and may be read."""

from __future__ import annotations

from collections.abc import Iterable

from discobase.engine.log.history import read_channel
from discobase.engine.log.last_words import last_word
from discobase.engine.log.superblock import Superblock
from discobase.engine.server.retry import persist
from discobase.engine.server.seam import NotFound, NotPermitted, Refused, Server
from discobase.errors import ChannelDeleted, DatabaseDeleted, DatabaseEnded


async def require_present(server: Server, superblock: Superblock, channels: Iterable[int]) -> None:
    """See that channels of a database are there and may be read.

    Raises:
        ChannelDeleted: one of them has been deleted by itself.
        DatabaseEnded: one of them has, with the database.
        NotPermitted: the bot may not read one of them.
    """
    for channel in channels:
        try:
            await persist(server, server.require_readable, channel)
        except NotFound as error:
            raise await gone(server, superblock, channel) from error


async def gone(
    server: Server, superblock: Superblock, channel: int
) -> ChannelDeleted | DatabaseEnded:
    """Return the error for a channel of the database that is gone: by itself, or with the database,
    as the catalog says, which goes last. One API call; one for each lane where the catalog is gone.

    Raises:
        Uncertain: the server does not answer.
    """
    damaged = deleted(channel, superblock.names[channel])
    if channel == superblock.catalog:
        damaged = ChannelDeleted(
            "the catalog of the database has been deleted, with all it held: nothing can be saved "
            "any more, and nobody can connect",
            channel=channel,
            step=(
                "Close the connections, and call db.repair(), which makes a catalog again where "
                "the other channels tell what stood in it. Where it says that they do not, this "
                "process still has the records: write them out with db.export() before you close "
                "it; then delete the other channels, connect, which creates a new database, and "
                "take them over with db.import_()"
            ),
        )
    try:
        messages = await read_channel(server, superblock.catalog)
    except NotFound:
        return await _whole(server, superblock, damaged)
    except Refused:
        return damaged
    return last_word(server, messages) or damaged


async def _whole(
    server: Server, superblock: Superblock, damaged: ChannelDeleted
) -> ChannelDeleted | DatabaseEnded:
    """Return whether all lanes are gone, too."""
    for lane in superblock.lanes:
        try:
            await persist(server, server.require_readable, lane)
        except NotFound:
            continue
        except NotPermitted:
            pass
        return damaged
    return DatabaseDeleted("this database has been deleted, with all its channels")


def deleted(channel: int, name: str) -> ChannelDeleted:
    """Return the error for a channel that was deleted by itself.

    Args:
        channel: its id.
        name: what it is in the database.
    """
    return ChannelDeleted(
        f"the {name} of the database has been deleted, with all it held", channel=channel
    )
