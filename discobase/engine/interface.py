"""The engine as its callers see it: seven calls, which something else may answer in its place."""

from __future__ import annotations

from typing import Protocol

from discobase.engine.changes import IndexWanted, Request
from discobase.engine.checkpoints.keeper import Checkpoint
from discobase.engine.lost import LostCommit
from discobase.engine.replica import Replica


class EngineInterface(Protocol):
    """What a session offers to those who read and write. :class:`discobase.engine.engine.Engine`
    is one.
    """

    @property
    def replica(self) -> Replica:
        """The state, for reading on any thread."""
        ...

    def commit(self, request: Request) -> None:
        """Queue a request, whose future tells what becomes of it. From any thread; never waits.

        Raises:
            Disconnected: the engine has stopped.
        """
        ...

    def want_index(self, wanted: IndexWanted) -> None:
        """Ask for an index that is not there, to be made when there is time. From any thread; never
        waits.

        Raises:
            Disconnected: the engine has stopped.
        """
        ...

    def lost(self) -> list[LostCommit]:
        """Return the commits that are known to be lost, in the order in which they were written.
        From any thread; never waits.
        """
        ...

    async def refresh(self) -> None:
        """Apply every commit that was acknowledged, by any writer, before this call. On the loop.

        Raises:
            Unavailable: Discord could not be read.
            LogDamaged: the log could not be read to its end.
        """
        ...

    async def reach(self, position: int) -> None:
        """Wait until a position has been applied. On the loop.

        Raises:
            LogDamaged: the log could not be read to its end.
            DiscobaseError: the engine was closed; the error says why.
        """
        ...

    async def checkpoint(self) -> Checkpoint:
        """Write a checkpoint of the state at the head, unless it is there already. On the loop.

        Raises:
            Unavailable: it could not be written.
            LogDamaged: the log could not be read to its end.
        """
        ...
