"""One login to verify a database that cannot be opened: from the first byte to the report."""

from __future__ import annotations

from dataclasses import replace

from discobase.engine.engine import examine
from discobase.engine.server.discordpy import Connection
from discobase.engine.verification.report import Report
from discobase.single_task import SingleTask
from discobase.target import Target


class Examination(SingleTask[Report]):
    """A login that opens nothing: it reads all that is written, and ends.

    Args:
        name: the database's name.
        target: where to log in, and as whom.
    """

    def __init__(self, name: str, target: Target) -> None:
        super().__init__(name, replace(target, read_only=True), "the verification")

    async def _do(self, connection: Connection) -> Report:
        target = self.target
        return await examine(connection, target.limits, self._gauge, target.place, target.key)
