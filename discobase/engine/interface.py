"""The engine as its callers see it: a few calls, which something else may answer in its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from discobase.engine.changes import IndexWanted, Request, TextIndexWanted
from discobase.engine.checkpoints.growth import Growth
from discobase.engine.checkpoints.keeper import Checkpoint
from discobase.engine.lost import LostCommit
from discobase.engine.past import PastCommit
from discobase.engine.replica import Replica
from discobase.engine.verification.report import Report
from discobase.key import NO_KEY, Key, NoKey
from discobase.progress import Gauge


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a replica stands in the log.

    Attributes:
        database: the id of the database.
        head: the last position that was applied.
        age: seconds since that was the last one that there was.
        checkpoint: the position of the newest checkpoint; None where none is known.
        checkpoint_age: seconds since it was written.
        encrypted: whether what is written is encrypted.
        server: the name of the server that it is in.
        server_id: its id.
        events: what keeps the events of that server away, in words; None while they come.
    """

    database: str
    head: int
    age: float
    checkpoint: int | None = None
    checkpoint_age: float | None = None
    encrypted: bool = False
    server: str = ""
    server_id: int = 0
    events: str | None = None


@dataclass(frozen=True, slots=True)
class Vacuum:
    """What a vacuum has come to.

    Attributes:
        generation: the number of the new generation of the log.
        position: the last position before it.
        records: how many records it began with.
        size: the bytes that they take in Discord.
        lanes: how many channels the log has now.
        paused: the seconds for which saves had to wait.
    """

    generation: int
    position: int
    records: int
    size: int
    lanes: int
    paused: float


@dataclass(frozen=True, slots=True)
class Move:
    """What a move to another server has come to.

    Attributes:
        server: the name of the server that the database is in now.
        server_id: its id.
        generation: the number of the new generation of the log.
        position: the last position before it.
        records: how many records it began with.
        paused: the seconds for which saves had to wait for the change itself.
    """

    server: str
    server_id: int
    generation: int
    position: int
    records: int
    paused: float


class EngineInterface(Protocol):
    """What a session offers to those who read and write.
    :class:`discobase.engine.lasting.LastingEngine` is one.
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

    def want_index(self, wanted: IndexWanted | TextIndexWanted) -> None:
        """Ask for an index that is not there, to be made when there is time. From any thread; never
        waits.

        Raises:
            Disconnected: the engine has stopped.
        """
        ...

    def growth(self) -> Growth | None:
        """Return how much the database holds, and has held; None where nothing can be read just
        now. From any thread. The records are counted: 0.1 s for a million.
        """
        ...

    def lost(self) -> list[LostCommit]:
        """Return the commits that are known to be lost, in the order in which they were written.
        From any thread; never waits.
        """
        ...

    def held_up(self) -> str | None:
        """Return what writing waits for, in sentences; None where it waits for nothing. From any
        thread; never waits.
        """
        ...

    def standing(self) -> Standing:
        """Return where the replica stands in the log. From any thread; never waits."""
        ...

    async def refresh(self) -> None:
        """Apply every commit that was acknowledged, by any writer, before this call. On the loop.

        Raises:
            Unavailable: Discord could not be read.
            LogDamaged: the log could not be read to its end.
        """
        ...

    async def verify(self, gauge: Gauge) -> Report:
        """Read all that is written, and compare it with what this process has. On the loop.

        Raises:
            Unavailable: Discord could not be read.
            UpgradeNeeded: something is there that a later version has written.
            Disconnected: the engine was closed meanwhile.
        """
        ...

    async def past(self, below: int | None, number: int, largest: int) -> list[PastCommit]:
        """Read the last commits below a position once more, newest first. On the loop.

        Raises:
            Unavailable: Discord could not be read.
            LogDamaged: a channel of the log is gone.
            UpgradeNeeded: a later version has written one of them.
        """
        ...

    async def freshen(self, within: float) -> None:
        """Apply every commit that was acknowledged, by any writer, so many seconds before this call
        or earlier. On the loop.

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

    async def vacuum(
        self, lanes: int | None, gauge: Gauge, key: Key | NoKey | None = NO_KEY
    ) -> Vacuum:
        """Make a new generation of the log, and delete the old one. On the loop.

        Raises:
            Unavailable: it could not be made, or the old one not be deleted.
            OutcomeUnknown: it is not known which of them goes on.
            LogDamaged: the log could not be read to its end.
        """
        ...

    async def move(self, server: str | int, gauge: Gauge) -> Move:
        """Have the database go on in another server. On the loop.

        Raises:
            ServerNotFound, ServerAmbiguous, MissingPermission, MoveRefused: it may not.
            Unavailable: it could not, or what was left could not be deleted.
            OutcomeUnknown: it is not known in which of them it goes on.
            LogDamaged: the log could not be read to its end.
        """
        ...

    async def checkpoint(self) -> Checkpoint:
        """Write a checkpoint of the state at the head, unless it is there already. On the loop.

        Raises:
            Unavailable: it could not be written.
            LogDamaged: the log could not be read to its end.
        """
        ...
