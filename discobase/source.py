"""What tables need of a database: a protocol, so that there can be other ways to read and write."""

from __future__ import annotations

from typing import Protocol

from discobase.engine.changes import IndexWanted, Placed, Request, TextIndexWanted
from discobase.engine.replica import Replica


class Source(Protocol):
    """Where a table reads and writes. Its methods block, and may be called from any thread."""

    @property
    def name(self) -> str:
        """The database's name."""
        ...

    @property
    def timeout(self) -> float | None:
        """Seconds that a call waits unless it says otherwise; None for no limit."""
        ...

    @property
    def capacity(self) -> int:
        """The bytes that one commit carries, compressed where that helps."""
        ...

    def replica(self, purpose: str = "the search") -> Replica:
        """Return the state to read from. Wait while a login is under way.

        Args:
            purpose: what it is wanted for, for errors.

        Raises:
            NotConnected: there has been no login, or the database was closed.
            ConnectError: the login failed.
        """
        ...

    def commit(self, request: Request) -> Placed:
        """Commit changes, all or none, and wait until Discord has them. One API call, often
        shared.
        """
        ...

    def want_index(self, wanted: IndexWanted | TextIndexWanted) -> None:
        """Ask for an index, to be made when there is time. Do not wait for it."""
        ...

    def want_texts(self, wanted: TextIndexWanted) -> None:
        """Say which texts of a table its class has searched: ask for their index now, or as soon as
        there is a connection. Do not wait for it.
        """
        ...

    def freshen(self, *, fresh: bool) -> None:
        """See what was committed anywhere, where what is known is older than it may be for reading.
        No API call otherwise.

        Args:
            fresh: whether nothing may be missing that was committed before this call. One API call
                where there is nothing new.
        """
        ...
