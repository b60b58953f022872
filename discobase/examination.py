"""One login to verify a database that cannot be opened: from the first byte to the report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf

from discobase.arguments import Target
from discobase.engine.engine import examine
from discobase.engine.server.discordpy import Connection
from discobase.engine.verification.report import Report
from discobase.errors import Disconnected
from discobase.progress import Progress
from discobase.progress_bar import Telling
from discobase.session import Session


class Examination(Session):
    """A login that opens nothing: it reads all that is written, and ends.

    Args:
        name: the database's name.
        target: where to log in, and as whom.
    """

    def __init__(self, name: str, target: Target) -> None:
        super().__init__(name, replace(target, read_only=True), awaited=True)
        self._attended = True
        self._report: Report | None = None

    async def _served(self, connection: Connection) -> None:
        target = self.target
        examining = examine(connection, target.limits, self._gauge, target.place, target.key)
        self._report = await self._unless_ended(examining)

    def report(
        self, what: str, timeout: float | None, told: Callable[[Progress], object] | None
    ) -> Report:
        """Begin, block until it has ended, and return what was found.

        Args:
            what: what it is, for errors.
            timeout: seconds to wait; None for no limit.
            told: called on this thread with how far it has come. What it raises ends it.

        Raises:
            WaitTimeout: it has not ended; it is given up.
            DiscobaseError: it could not be done; the class says why.
        """
        self.begin()
        meanwhile = None if told is None else Telling(self._gauge, -inf, told)
        try:
            self.portal.wait_shared(self.ended, timeout=timeout, what=what, meanwhile=meanwhile)
        finally:
            self.close()
        if self._report is None:
            raise Disconnected(f"{what} was ended before it was finished")
        return self._report
