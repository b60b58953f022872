"""The engine of a database through all its generations: each has one of its own, and this one goes
on with the next when one is over, so that callers notice nothing but a short wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from discobase.engine.changes import IndexWanted, Request, TextIndexWanted
from discobase.engine.checkpoints.growth import Growth
from discobase.engine.checkpoints.keeper import Checkpoint
from discobase.engine.engine import Engine, Former
from discobase.engine.finder import Finder
from discobase.engine.generations.channels import tidy
from discobase.engine.generations.making import Made
from discobase.engine.generations.places import tidy_moved
from discobase.engine.interface import Move, Standing, Vacuum
from discobase.engine.log.superblock import Superblock
from discobase.engine.log.superseded import Superseded
from discobase.engine.lost import LostCommit
from discobase.engine.past import PastCommit
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
    KeyChanged,
    KeyNeeded,
    LogDamaged,
    MissingPermission,
    NotEncrypted,
    ServerNotFound,
    Unavailable,
    UpgradeNeeded,
    WrongKey,
)
from discobase.key import NO_KEY, Key, NoKey
from discobase.progress import Gauge

T = TypeVar("T")

_log = logging.getLogger(__name__)

_OPENINGS = 5
"""Times that a database is opened anew which has changed to another generation meanwhile: a guess.
Each takes a vacuum."""

_GIVEN_UP_AFTER = 120.0
"""Seconds for which the next generation is tried to be opened, where it is not as it should be: as
long as somebody may take to heal it, and a guess."""

_FINAL = (DatabaseEnded, KeyNeeded, WrongKey, NotEncrypted, KeyChanged)
"""What ends the connection at once, as it would a login."""

_LASTING = (DatabaseNotFound, LogDamaged, MissingPermission, ServerNotFound, UpgradeNeeded)
"""What does so where it stays."""

_REOPENINGS = 10
"""How often it has to have been tried by then: a process may stand still in between. A guess."""

_STEPS = 5
"""Of the making of a generation, as whoever waits for it is told."""

_POLL_SECONDS = 0.5
"""Between two questions whether a channel has been made again: a guess, as for saves that wait."""

_CLOSE_SECONDS = 10.0
"""How long a close waits for a change of generation: as long as for what was asked for."""


class LastingEngine:
    """An engine that goes on from one generation to the next. Made by :meth:`open`.

    Args:
        finder: finds the server that the database is in, and opens it there.
        engine: that of the present generation.
        failed: called when that of the next one cannot be opened.
        rekeyed: called with the key of the database when it is another one, as this process has
            changed it.
    """

    def __init__(
        self,
        finder: Finder,
        engine: Engine,
        failed: Callable[[DiscobaseError], None],
        rekeyed: Callable[[Key | None], object],
    ) -> None:
        self._finder = finder
        self._clock = finder.server
        self._engine = engine
        self._failed = failed
        self._rekeyed = rekeyed
        self._lost: list[LostCommit] = []
        self._changed = asyncio.Event()
        self._ended: DiscobaseError | None = None
        self._going_on = asyncio.create_task(self._go_on())
        self._going_on.add_done_callback(self._tell_failure)
        self._remaking = set[asyncio.Task[None]]()
        self._watch_channels(engine)

    @classmethod
    async def open(
        cls,
        server: Server,
        *,
        failed: Callable[[DiscobaseError], None],
        rekeyed: Callable[[Key | None], object] = lambda _: None,
        **options: Any,
    ) -> LastingEngine:
        """Find or create the database of a server, as :meth:`Engine.open
        <discobase.engine.engine.Engine.open>`, whose arguments and errors these are beside that of
        the class.
        """
        finder = Finder(server, failed=failed, **options)
        for _ in range(_OPENINGS):
            with contextlib.suppress(Superseded):
                return cls(finder, await finder.open(), failed, rekeyed)
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
        if self._engine.key != engine.key:
            self._rekeyed(self._engine.key)
        _log.info("the log goes on in generation %d", self._engine.superblock.generation)
        self._watch_channels(self._engine)
        self._wake()

    def _watch_channels(self, engine: Engine) -> None:
        """Have channels of a generation that are deleted made again, as another generation."""
        task = asyncio.create_task(self._make_again(engine))
        self._remaking.add(task)
        task.add_done_callback(self._remaking.discard)
        task.add_done_callback(self._tell_failure)

    async def _make_again(self, engine: Engine) -> None:
        made = await engine.remake()
        if made is None:
            return
        await self._gone_on_from(engine)
        here = self._finder.server
        if (left := await tidy(here, engine.superblock.catalog, made)) is not None:
            _log.info("what is left of the generation before could not be removed: %s", left)

    def _wake(self) -> None:
        """Wake those who wait for the next generation."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def _opened(self, former: Former) -> Engine:
        """Open the next generation, as often as it takes."""
        attempt, began = 0, self._clock.monotonic()
        while True:
            try:
                return await self._finder.open(former, straight=attempt == 0)
            except Superseded:
                continue
            except (DiscobaseError, ConnectError) as error:
                _log.warning("the next generation of the log cannot be opened yet: %s", error)
                since = self._clock.monotonic() - began
                lasts = isinstance(error, _LASTING) and attempt >= _REOPENINGS
                if isinstance(error, _FINAL) or (lasts and since > _GIVEN_UP_AFTER):
                    self._failed(error)
                    await asyncio.Event().wait()  # until whoever was told has closed this one
            await self._clock.sleep(pause(self._clock, attempt))
            attempt += 1

    async def _through(self, call: Callable[[Engine], Awaitable[T]]) -> T:
        """Call the engine; where its generation is over before it has answered, the next one."""
        while True:
            engine = self._engine
            try:
                return await call(engine)
            except DiscobaseError:
                if not (engine.over.is_set() or engine.remaking) or self._ended is not None:
                    raise
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if not engine.over.is_set() or task is None or task.cancelling():
                    raise
            while engine.remaking and not engine.over.is_set() and self._ended is None:
                await self._clock.sleep(_POLL_SECONDS)
            if engine.over.is_set():
                await self._gone_on_from(engine)

    async def _gone_on_from(self, engine: Engine) -> None:
        while self._engine is engine:
            changed = self._changed
            await changed.wait()
            if self._ended is not None:
                raise self._ended

    async def vacuum(
        self, lanes: int | None, gauge: Gauge, key: Key | NoKey | None = NO_KEY
    ) -> Vacuum:
        """Make a new generation of the log, which begins with the records that there are now, and
        delete the old one: what was deleted before the call is nowhere any more. Saves wait for a
        moment.

        Args:
            lanes: how many lanes it is to have; None for as many as before.
            gauge: told how far it has come.
            key: the key that it is to be encrypted by, None for none; the one that there is where
                it is left out.

        Raises:
            PackageMissing: the package that encrypts cannot be imported.
            Unavailable: it could not be made, and the old one goes on; or the old one could not be
                deleted, which the error says.
            ServerFull, MissingPermission: there is no room for its channels, or no right.
            LogDamaged, UpgradeNeeded: the log is not as it should be.
            OutcomeUnknown: it is not known which generation goes on.
            ReadOnly: the engine was opened to read.
        """
        made = await self._make(lanes, gauge, key=key)
        manifest = made.checkpoint.manifest
        return Vacuum(
            generation=made.superblock.generation,
            position=made.superblock.floor,
            records=manifest.records,
            size=manifest.packed,
            lanes=len(made.superblock.lanes),
            paused=made.paused,
        )

    async def move(self, server: str | int, gauge: Gauge) -> Move:
        """Have the database go on in another server: make a new generation of the log there, and
        delete the old one here. The catalog stays, and says where the database is.

        Args:
            server: the name of the other server, or its id.
            gauge: told how far it has come.

        Raises:
            ServerNotFound, ServerAmbiguous: the bot is not in that server, or in several of that
                name.
            MissingPermission: it may not do there what a database needs.
            MoveRefused: it is this server, or has another database of this bot.
            ConnectError: Discord refused, or did not answer.
            Others: as :meth:`vacuum`.
        """
        with gauge.step("looking for the server"):
            there = await self._finder.server.elsewhere(server)
        made = await self._make(None, gauge, there=there)
        return Move(
            server=there.name,
            server_id=there.id,
            generation=made.superblock.generation,
            position=made.superblock.floor,
            records=made.checkpoint.manifest.records,
            paused=made.paused,
        )

    async def _make(
        self,
        lanes: int | None,
        gauge: Gauge,
        *,
        key: Key | NoKey | None = NO_KEY,
        there: Server | None = None,
    ) -> Made:
        """Make a new generation, go on in it, and delete the old one."""
        engine, here = self._engine, self._finder.server
        with gauge.step("making a new generation", _STEPS, "steps") as step:
            made = await engine.make_generation(lanes, step, key, there=there)
        await self._gone_on_from(engine)
        with gauge.step("deleting the old generation"):
            left = await tidy(here, engine.superblock.catalog, made.superblock)
            if there is not None and left is None:
                left = await tidy_moved(here, there, made.superblock)
        if left is not None:
            raise Unavailable(
                f"the new generation of the log is in force, and saves go on in it; but the old "
                f"one, which holds what was deleted, could not be deleted whole: {left}. What is "
                f"left is deleted by the next login, if it can be by then"
            )
        return made

    # What an engine offers

    @property
    def superblock(self) -> Superblock:
        """What and where the database is now."""
        return self._engine.superblock

    @property
    def server(self) -> Server:
        """The server that the database is in now."""
        return self._finder.server

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

    async def past(self, below: int | None, number: int, largest: int) -> list[PastCommit]:
        """Read the last commits below a position once more (:meth:`Engine.past
        <discobase.engine.engine.Engine.past>`).
        """
        return await self._through(lambda engine: engine.past(below, number, largest))

    async def close(self, reason: DiscobaseError | None = None) -> None:
        """Finish what was asked for, for ten seconds at the most, and stop.

        Args:
            reason: why, where it is not of one's own accord; nothing is finished then.
        """
        if reason is None and self._engine.changing:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await self._gone_on_from(self._engine)
        tasks = [self._going_on, *self._remaking]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        try:
            await self._engine.close(reason)
        finally:
            self._ended = reason or Disconnected("the database was closed")
            self._wake()
