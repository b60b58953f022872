"""One login to delete a database, without opening it: from the first byte to the last channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from discobase.arguments import Target
from discobase.engine.log.deletion import delete_database
from discobase.engine.replica import Cache
from discobase.engine.server.discordpy import Connection
from discobase.engine.server.seam import NotPermitted, Refused, Uncertain
from discobase.errors import Unavailable
from discobase.session import Session


class Cleaning(Session):
    """A login that opens nothing: it deletes what there is of the database, and ends.

    Args:
        name: the database's name.
        target: where to log in, and as whom.
    """

    def __init__(self, name: str, target: Target) -> None:
        super().__init__(name, replace(target, gateway=False, cache=None), awaited=True)
        self._attended = True
        self._deleted: Sequence[str] = ()

    async def _served(self, connection: Connection) -> None:
        self._deleted = await self._unless_ended(_delete(connection, self.target.place))

    def run(self, timeout: float | None) -> Sequence[str]:
        """Begin, block until it has ended, and return the ids of what was deleted.

        Args:
            timeout: seconds to wait; None for no limit.

        Raises:
            WaitTimeout: it has not ended; it is given up, and may have been begun.
            DiscobaseError: it could not be done; the class says why.
        """
        self.begin()
        try:
            self.portal.wait_shared(self.ended, timeout=timeout, what="the deletion")
        finally:
            self.close()
        return self._deleted


async def _delete(connection: Connection, place: str) -> Sequence[str]:
    try:
        return await delete_database(connection, place)
    except NotPermitted as error:
        raise error.reason from error
    except (Refused, Uncertain) as error:
        raise Unavailable(
            f"the database could not be deleted, or not to its end: {error}. Call clean() again, "
            f"which finishes what was begun; the bot needs the permission to manage channels."
        ) from error


def forget_kept(target: Target, databases: Sequence[str]) -> None:
    """Remove the files in which records of databases are kept on this machine, where no other
    process uses their folder.

    Args:
        target: says which folder.
        databases: the ids of the databases.
    """
    if target.cache is None or not target.cache.is_dir():
        return
    cache = Cache.claimed(target.cache, "")
    if cache is not None:
        cache.remove_of(databases)
        cache.release()
