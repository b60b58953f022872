"""One login to delete a database, without opening it: from the first byte to the last channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from discobase.engine.log.deletion import delete_database
from discobase.engine.replica import Cache
from discobase.engine.server.discordpy import Connection
from discobase.engine.server.seam import NotPermitted, Refused, Uncertain
from discobase.errors import Unavailable
from discobase.single_task import SingleTask
from discobase.target import Target

_AGAIN = "Call clean() again, which finishes what was begun."
"""What to do where it was given up."""


class Cleaning(SingleTask[Sequence[str]]):
    """A login that opens nothing: it deletes what there is of the database, and ends. What it comes
    to is the ids of what was deleted.

    Args:
        name: the database's name.
        target: where to log in, and as whom.
    """

    def __init__(self, name: str, target: Target) -> None:
        bare = replace(target, gateway=False, cache=None)
        super().__init__(name, bare, "the deletion", advice=_AGAIN)

    async def _do(self, connection: Connection) -> Sequence[str]:
        return await _delete(connection, self.target.place)


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
