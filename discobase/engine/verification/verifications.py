"""The verifications that are under way: each for whoever asked for it, and none after a close."""

from __future__ import annotations

import asyncio
import sqlite3

from discobase.engine.log.frame import Limits
from discobase.engine.log.superblock import Superblock
from discobase.engine.replica import Replica, ReplicaLost
from discobase.engine.server.seam import NotPermitted, Refused, Server, Uncertain
from discobase.engine.verification.report import Report
from discobase.engine.verification.verification import Verification
from discobase.errors import Disconnected, Unavailable
from discobase.progress import Gauge


class Verifications:
    """Verifies one database. Used on the loop alone.

    Args:
        server: the seam.
        superblock: what and where the database is.
        replica: what this process has, if it has anything.
        limits: what a message carries.
    """

    def __init__(
        self, server: Server, superblock: Superblock, replica: Replica | None, limits: Limits
    ) -> None:
        self._server = server
        self._superblock = superblock
        self._replica = replica
        self._limits = limits
        self._under_way: set[asyncio.Task[Report]] = set()

    async def verify(self, gauge: Gauge) -> Report:
        """Read all that is written, and compare it with what this process has. One API call for 100
        commits, and a few.

        Args:
            gauge: told how far it has come.

        Raises:
            Unavailable: Discord could not be read, or no disk takes the records.
            MissingPermission: the bot may not read a channel of the database.
            UpgradeNeeded: something is there that a later version has written.
            Disconnected: all of them were cancelled meanwhile.
        """
        verification = Verification(
            self._server, self._superblock, self._replica, self._limits, gauge
        )
        task = asyncio.create_task(verification.run())
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        try:
            await asyncio.wait({task})
        finally:
            task.cancel()  # where whoever waits gives up
        if task.cancelled():
            raise Disconnected("the database was closed while it was verified")
        try:
            return task.result()
        except NotPermitted as error:
            raise error.reason from error
        except (ReplicaLost, sqlite3.Error) as error:
            raise Unavailable(
                "the database could not be verified: the file in which the log is applied once "
                "more has failed. Is the disk of the temporary folder full? Make room there, or "
                "set TMPDIR to a folder on another disk, and verify again"
            ) from error
        except (Refused, Uncertain) as error:
            raise Unavailable(f"the database could not be verified: {error}") from error

    def cancel(self) -> list[asyncio.Task[Report]]:
        """Cancel what is under way, and return it."""
        under_way = [*self._under_way]
        for task in under_way:
            task.cancel()
        return under_way
