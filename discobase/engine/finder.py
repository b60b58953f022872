"""Open a database in the server that it is in: the way leads there from one that it has left, and
from one that it may be about to move to.
"""

from __future__ import annotations

from typing import Any

from discobase.engine.engine import Engine, Former
from discobase.engine.log.arrival import arrive, require_onward, settle
from discobase.engine.log.moved import Coming, Moved
from discobase.engine.log.superblock import Superblock
from discobase.engine.server.read_only import read_only as reading
from discobase.engine.server.seam import NotPermitted, Refused, Server, Uncertain
from discobase.errors import ConnectError
from discobase.key import Key

_SETTLED = 3
"""Moves of which only the mark is found that are looked into, one after the other: a guess. Each is
gone then, or made."""


class Finder:
    """Finds the server that a database is in, and opens it there.

    Args:
        server: the one in which it is looked for first.
        place: which server it is, for errors.
        options: how it is opened (:meth:`Engine.open <discobase.engine.engine.Engine.open>`).

    Attributes:
        server: the one in which it was found last.
    """

    def __init__(self, server: Server, *, place: str = "this server", **options: Any) -> None:
        self.server = server
        self._place = place
        self._options = options
        self._key: Key | None = options.pop("key", None)
        self._writes = not options.get("read_only", False)

    async def open(self, former: Former | None = None, *, straight: bool = False) -> Engine:
        """Open it. As :meth:`Engine.open <discobase.engine.engine.Engine.open>`, and for each
        server on the way there the calls that it takes to find a database, and two more.

        Args:
            former: what the engine of an earlier generation has left.
            straight: whether to go where that one says that it goes on, without a look at the
                server that it has left: that costs two API calls, for which saves wait.

        Raises:
            ServerNotFound: it is in a server that the bot is not in.
            Unavailable: it is not known yet whether it moves to the server in which it is looked
                for.
            Others: as :meth:`Engine.open <discobase.engine.engine.Engine.open>`.
        """
        server, place, generation, settled = self.server, self._place, 0, 0
        key = self._key if former is None else former.key
        onward = former.successor if former is not None and straight else None
        if former is not None and onward is not None and onward.has_left(server.id):
            generation = onward.generation
            server = await self._go(server, onward, made=former.made)
            place = f"the server {server.name!r}"
        while True:
            try:
                moved = generation > 0
                engine = await Engine.open(
                    server, place=place, former=former, moved=moved, key=key, **self._options
                )
            except Moved as found:
                block = found.superblock
                require_onward(server, block, generation)
                generation = block.generation
                server = await self._go(server, block)
                place = f"the server {server.name!r}"
            except Coming as found:
                if settled == _SETTLED:
                    raise
                settled += 1
                await self._settle(server, found, key)
            else:
                self.server, self._place = server, place
                return engine

    async def _go(self, server: Server, block: Superblock, *, made: bool = False) -> Server:
        try:
            return await arrive(server, block, writes=self._writes, made=made)
        except (Refused, Uncertain) as error:
            raise _told(error) from error

    async def _settle(self, server: Server, found: Coming, key: Key | None) -> None:
        seen = server if self._writes else reading(server)
        try:
            await settle(seen, found, key, writes=self._writes)
        except (Refused, Uncertain) as error:
            raise _told(error) from error


def _told(error: Refused | Uncertain) -> Exception:
    if isinstance(error, NotPermitted):
        return error.reason
    return ConnectError(f"Discord did not let the database be looked for elsewhere: {error}")
