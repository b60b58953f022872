"""One login to repair a database, without opening it: from the first byte to the last."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf

from discobase.arguments import Target
from discobase.engine.repair.loss import Repair
from discobase.engine.repair.repairing import repair
from discobase.engine.server.discordpy import Connection
from discobase.errors import Disconnected
from discobase.progress import Progress
from discobase.progress_bar import Telling
from discobase.session import Session


class Repairing(Session):
    """A login that opens nothing: it reads all that is written, repairs it if that is said back,
    and ends.

    Args:
        name: the database's name.
        target: where to log in, and as whom.
        confirm: what is said back; None to change nothing.
    """

    def __init__(self, name: str, target: Target, confirm: str | None) -> None:
        super().__init__(name, replace(target, gateway=False, cache=None), awaited=True)
        self._attended = True
        self._confirm = confirm
        self._repair: Repair | None = None

    async def _served(self, connection: Connection) -> None:
        target = self.target
        place = f"the server {target.server!r} at {target.api_url}"
        self._repair = await self._unless_ended(
            repair(
                connection,
                target.limits,
                self._gauge,
                place,
                key=target.key,
                confirm=self._confirm,
            )
        )

    def run(self, timeout: float | None, told: Callable[[Progress], object] | None) -> Repair:
        """Begin, block until it has ended, and return what it has come to.

        Args:
            timeout: seconds to wait; None for no limit.
            told: called on this thread with how far it has come. What it raises ends it.

        Raises:
            WaitTimeout: it has not ended; it is given up, and may be done all the same.
            DiscobaseError: it could not be done; the class says why.
        """
        self.begin()
        meanwhile = None if told is None else Telling(self._gauge, -inf, told)
        try:
            self.portal.wait_shared(
                self.ended, timeout=timeout, what="the repair", meanwhile=meanwhile
            )
        finally:
            self.close()
        if self._repair is None:
            raise Disconnected("the repair was ended before it was finished")
        return self._repair
