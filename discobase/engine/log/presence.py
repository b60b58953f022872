"""Whether the channels of a database are there, and may be read."""

from __future__ import annotations

from collections.abc import Iterable

from discobase.engine.log.superblock import Superblock
from discobase.engine.server.retry import persist
from discobase.engine.server.seam import NotFound, Server
from discobase.errors import LogDamaged


async def require_present(server: Server, superblock: Superblock, channels: Iterable[int]) -> None:
    """See that channels of a database are there and may be read.

    Raises:
        LogDamaged: one of them has been deleted.
        NotPermitted: the bot may not read one of them.
    """
    for channel in channels:
        try:
            await persist(server, server.require_readable, channel)
        except NotFound as error:
            raise deleted(superblock, channel) from error


def deleted(superblock: Superblock, channel: int) -> LogDamaged:
    """Return the error for a channel of the database that is gone."""
    return LogDamaged(
        f"the {superblock.names[channel]} of the database has been deleted, with all it held",
        channel=channel,
    )
