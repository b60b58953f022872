"""One login that opens nothing: it does one thing with the server, and ends."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from math import inf
from typing import Generic, TypeVar

from discobase.engine.server.discordpy import Connection
from discobase.errors import Disconnected, OutcomeUnknown, WaitTimeout
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
        advice: what to do where it was given up, and may be done; None where it changes nothing.
    """

    def __init__(self, name: str, target: Target, what: str, *, advice: str | None = None) -> None:
        super().__init__(name, target, awaited=True)
        self._attended = True
        self._what = what
        self._advice = advice
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
            WaitTimeout: it has not ended, and is given up; it changes nothing.
            OutcomeUnknown: the same, and it may be done, or in part.
            DiscobaseError: it could not be done; the class says why.
        """
        self.begin()
        meanwhile = None if told is None else Telling(self._gauge, -inf, told)
        late = None
        try:
            self.portal.wait_shared(
                self.ended, timeout=timeout, what=self._what, meanwhile=meanwhile
            )
        except WaitTimeout as error:
            late = error
        finally:
            self.close()
        if self._come_to is not None:
            return self._come_to[0]
        if late is None:
            raise Disconnected(f"{self._what} was ended before it was finished")
        if self._advice is None:
            raise late
        raise OutcomeUnknown(f"{self._what} was given up: {late} {self._advice}") from late
