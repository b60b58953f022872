"""One login to repair a database, without opening it: from the first byte to the last."""

from __future__ import annotations

from dataclasses import replace

from discobase.engine.repair.loss import Repair
from discobase.engine.repair.repairing import repair
from discobase.engine.server.discordpy import Connection
from discobase.single_task import SingleTask
from discobase.target import Target

_LOOK = "It may be done: connect, or ask for it again, which shows it."
"""What to do where it was given up."""


class Repairing(SingleTask[Repair]):
    """A login that opens nothing: it reads all that is written, repairs it if that is said back,
    and ends.

    Args:
        name: the database's name.
        target: where to log in, and as whom.
        confirm: what is said back; None to change nothing.
    """

    def __init__(self, name: str, target: Target, confirm: str | None) -> None:
        bare = replace(target, gateway=False, cache=None)
        super().__init__(name, bare, "the repair", advice=None if confirm is None else _LOOK)
        self._confirm = confirm

    async def _do(self, connection: Connection) -> Repair:
        target = self.target
        return await repair(
            connection,
            target.limits,
            self._gauge,
            target.place,
            key=target.key,
            confirm=self._confirm,
        )
