"""The engine of a database through all its generations: each has one of its own, and this one goes
on with the next when one is over, so that callers notice nothing but a short wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

from discobase.engine.changes import IndexWanted, Request, TextIndexWanted
from discobase.engine.checkpoints.growth import Growth
from discobase.engine.checkpoints.keeper import Checkpoint
from discobase.engine.engine import Engine, Former
from discobase.engine.generations.channels import tidy
from discobase.engine.interface import Standing, Vacuum
from discobase.engine.log.superblock import Superblock
from discobase.engine.log.superseded import Superseded
from discobase.engine.lost import LostCommit
from discobase.engine.replica import Replica
from discobase.engine.server.retry import pause
from discobase.engine.server.seam import Server
from discobase.engine.verification.report import Report
from discobase.errors import (
    ConnectError,
    DatabaseEnded,
    DatabaseNotFound,
    DiscobaseError,
    Disconnected,
    KeyNeeded,
    LogDamaged,
    NotEncrypted,
    Unavailable,
    UpgradeNeeded,
    WrongKey,
)
from discobase.progress import Gauge

T = TypeVar("T")

_log = logging.getLogger(__name__)

_OPENINGS = 5
"""Times that a database is opened anew which has changed to another generation meanwhile: a guess.
Each takes a vacuum."""

_GIVEN_UP_AFTER = 120.0
"""Seconds for which the next generation is tried to be opened, where it is not as it should be: as
long as somebody may take to heal it, and a guess."""

_FINAL = (DatabaseEnded, KeyNeeded, WrongKey, NotEncrypted)
"""What ends the connection at once, as it would a login."""

_LASTING = (DatabaseNotFound, LogDamaged, UpgradeNeeded)
"""What does so where it stays."""

_REOPENINGS = 10
"""How often it has to have been tried by then: a process may stand still in between. A guess."""

_STEPS = 5
"""Of the making of a generation, as whoever waits for it is told."""

_CLOSE_SECONDS = 10.0
"""How long a close waits for a change of generation: as long as for what was asked for."""


class LastingEngine:
    """An engine that goes on from one generation to the next. Made by :meth:`open`.

    Args:
        server: the seam.
        engine: that of the present generation.
        reopen: opens that of the next one.
        failed: called when it cannot be opened.
    """

    def __init__(
        self,
        server: Server,
        engine: Engine,
        reopen: Callable[[Former], Awaitable[Engine]],
        failed: Callable[[DiscobaseError], None],
    ) -> None:
        self._server = server
        self._engine = engine
        self._reopen = reopen
        self._failed = failed
        self._lost: list[LostCommit] = []
        self._changed = asyncio.Event()
        self._ended: DiscobaseError | None = None
        self._going_on = asyncio.create_task(self._go_on())
        self._going_on.add_done_callback(self._tell_failure)

    @classmethod
    async def open(
        cls, server: Server, *, failed: Callable[[DiscobaseError], None], **options: Any
    ) -> LastingEngine:
        """Find or create the database of a server, as :meth:`Engine.open
        <discobase.engine.engine.Engine.open>`, whose arguments and errors these are.
        """
        reopen = partial(Engine.open, server, failed=failed, **options)
        for _ in range(_OPENINGS):
            with contextlib.suppress(Superseded):
                engine = await reopen()
                return cls(server, engine, lambda former: reopen(former=former), failed)
        raise Unavailable("the database changes from one generation to the next all the time")

    # From one generation to the next

    def _tell_failure(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            reason = Disconnected(f"the change to another generation has failed: {error!r}")
            reason.__cause__ = error
            self._failed(reason)

    async def _go_on(self) -> None:
        while True:
            await self._engine.over.wait()
            await self._change()

    async def _change(self) -> None:
        engine = self._engine
        self._lost += engine.lost()
        former = await engine.hand_over()
        self._engine = await self._opened(former)
        _log.info("the log goes on in generation %d", self._engine.superblock.generation)
        self._wake()

    def _wake(self) -> None:
        """Wake those who wait for the next generation."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def _opened(self, former: Former) -> Engine:
        """Open the next generation, as often as it takes."""
        attempt, began = 0, self._server.monotonic()
        while True:
            try:
                return await self._reopen(former)
            except Superseded:
                continue
            except (DiscobaseError, ConnectError) as error:
                _log.warning("the next generation of the log cannot be opened yet: %s", error)
                since = self._server.monotonic() - began
                lasts = isinstance(error, _LASTING) and attempt >= _REOPENINGS
                if isinstance(error, _FINAL) or (lasts and since > _GIVEN_UP_AFTER):
                    self._failed(error)
                    await asyncio.Event().wait()  # until whoever was told has closed this one
            await self._server.sleep(pause(self._server, attempt))
            attempt += 1

    async def _through(self, call: Callable[[Engine], Awaitable[T]]) -> T:
        """Call the engine; where its generation is over before it has answered, the next one."""
        while True:
            engine = self._engine
            try:
                return await call(engine)
            except DiscobaseError:
                if not engine.over.is_set() or self._ended is not None:
                    raise
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if not engine.over.is_set() or task is None or task.cancelling():
                    raise
            await self._gone_on_from(engine)

    async def _gone_on_from(self, engine: Engine) -> None:
        while self._engine is engine:
            changed = self._changed
            await changed.wait()
            if self._ended is not None:
                raise self._ended

    async def vacuum(self, lanes: int | None, gauge: Gauge) -> Vacuum:
        """Make a new generation of the log, which begins with the records that there are now, and
        delete the old one: what was deleted before the call is nowhere any more. Saves wait for a
        moment.

        Args:
            lanes: how many lanes it is to have; None for as many as before.
            gauge: told how far it has come.

        Raises:
            Unavailable: it could not be made, and the old one goes on; or the old one could not be
                deleted, which the error says.
            ServerFull, MissingPermission: there is no room for its channels, or no right.
            LogDamaged, UpgradeNeeded: the log is not as it should be.
            OutcomeUnknown: it is not known which generation goes on.
            ReadOnly: the engine was opened to read.
        """
        engine = self._engine
        with gauge.step("making a new generation", _STEPS, "steps") as step:
            made = await engine.make_generation(lanes, step)
        await self._gone_on_from(engine)
        with gauge.step("deleting the old generation"):
            left = await tidy(self._server, made.superblock)
        if left is not None:
            raise Unavailable(
                f"the new generation is in force, and the old one could not be deleted: {left}. It "
                f"is deleted when the database is opened next"
            )
        manifest = made.checkpoint.manifest
        return Vacuum(
            generation=made.superblock.generation,
            position=made.superblock.floor,
            records=manifest.records,
            size=manifest.packed,
            lanes=len(made.superblock.lanes),
            paused=made.paused,
        )

    # What an engine offers

    @property
    def superblock(self) -> Superblock:
        """What and where the database is now."""
        return self._engine.superblock

    @property
    def writer(self) -> str:
        """This writer's id, as it stands in its frames."""
        return self._engine.writer

    @property
    def replica(self) -> Replica:
        """The state, for reading on any thread: the same object through all generations."""
        return self._engine.replica

    def commit(self, request: Request) -> None:
        """Queue a request (:meth:`Engine.commit <discobase.engine.engine.Engine.commit>`)."""
        self._engine.commit(request)

    def want_index(self, wanted: IndexWanted | TextIndexWanted) -> None:
        """Ask for an index (:meth:`Engine.want_index
        <discobase.engine.engine.Engine.want_index>`).
        """
        self._engine.want_index(wanted)

    def lost(self) -> list[LostCommit]:
        """Return the commits that are known to be lost, those of earlier generations first. From
        any thread; never waits.
        """
        return [*self._lost, *self._engine.lost()]

    def held_up(self) -> str | None:
        """Return what writing waits for. From any thread; never waits."""
        return self._engine.held_up()

    def standing(self) -> Standing:
        """Return where the replica stands in the log. From any thread; never waits."""
        return self._engine.standing()

    def growth(self) -> Growth | None:
        """Return how much this generation holds. From any thread."""
        return self._engine.growth()

    async def refresh(self) -> None:
        """Apply every commit that was acknowledged before this call (:meth:`Engine.refresh
        <discobase.engine.engine.Engine.refresh>`).
        """
        await self._through(lambda engine: engine.refresh())

    async def freshen(self, within: float) -> None:
        """Apply every commit that was acknowledged so many seconds before this call
        (:meth:`Engine.freshen <discobase.engine.engine.Engine.freshen>`).
        """
        await self._through(lambda engine: engine.freshen(within))

    async def reach(self, position: int) -> None:
        """Wait until a position has been applied (:meth:`Engine.reach
        <discobase.engine.engine.Engine.reach>`).
        """
        await self._through(lambda engine: engine.reach(position))

    async def checkpoint(self) -> Checkpoint:
        """Write a checkpoint (:meth:`Engine.checkpoint
        <discobase.engine.engine.Engine.checkpoint>`).
        """
        return await self._through(lambda engine: engine.checkpoint())

    async def verify(self, gauge: Gauge) -> Report:
        """Read all that is written (:meth:`Engine.verify
        <discobase.engine.engine.Engine.verify>`).
        """
        return await self._through(lambda engine: engine.verify(gauge))

    async def close(self, reason: DiscobaseError | None = None) -> None:
        """Finish what was asked for, for ten seconds at the most, and stop.

        Args:
            reason: why, where it is not of one's own accord; nothing is finished then.
        """
        if reason is None and self._engine.changing:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await self._gone_on_from(self._engine)
        self._going_on.cancel()
        await asyncio.gather(self._going_on, return_exceptions=True)
        try:
            await self._engine.close(reason)
        finally:
            self._ended = reason or Disconnected("the database was closed")
            self._wake()
