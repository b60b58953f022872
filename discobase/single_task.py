"""One login that opens nothing: it does one thing with the server, and ends."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from math import inf
from typing import Generic, TypeVar

from discobase.engine.server.discordpy import Connection
from discobase.errors import Disconnected
from discobase.progress import Progress
from discobase.progress_bar import Telling
from discobase.session import Session
from discobase.target import Target

T = TypeVar("T")


class SingleTask(Session, ABC, Generic[T]):
    """A login for one thing, of which somebody waits for what it comes to.

    Args:
        name: the database's name.
        target: where to log in, and as whom.
        what: what it is for, in errors.
    """

    def __init__(self, name: str, target: Target, what: str) -> None:
        super().__init__(name, target, awaited=True)
        self._attended = True
        self._what = what
        self._come_to: tuple[T] | None = None

    async def _served(self, connection: Connection) -> None:
        self._come_to = (await self._unless_ended(self._do(connection)),)

    @abstractmethod
    async def _do(self, connection: Connection) -> T:
        """Do it, and return what it comes to."""

    def run(self, timeout: float | None, told: Callable[[Progress], object] | None = None) -> T:
        """Begin, block until it has ended, and return what it has come to.

        Args:
            timeout: seconds to wait; None for no limit.
            told: called on this thread with how far it has come. What it raises ends it.

        Raises:
            WaitTimeout: it has not ended; it is given up, and may be done all the same where it
                changes anything.
            DiscobaseError: it could not be done; the class says why.
        """
        self.begin()
        meanwhile = None if told is None else Telling(self._gauge, -inf, told)
        try:
            self.portal.wait_shared(
                self.ended, timeout=timeout, what=self._what, meanwhile=meanwhile
            )
        finally:
            self.close()
        if self._come_to is None:
            raise Disconnected(f"{self._what} was ended before it was finished")
        return self._come_to[0]
