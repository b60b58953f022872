"""The engine of one connected database: its parts put together, started and stopped.

The invariants of the log, which the modules refer to:

- I1, no gaps: position ``n + 1`` is applied, and proposed, only after ``n`` has been applied.
- I2, validity: only what is valid on the state at the head is proposed, so replicas apply without
  deciding anything.
- I3, determinism: the state is a function of the frames in order, and which message counts at a
  position is the same for everybody.
- I4, chain: every frame names the hash of the one below it, and its payload's own.
- I5, atomicity: a commit is one message.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from discobase.engine.changes import IndexWanted, Request, TextIndexWanted
from discobase.engine.checkpoints.growth import Growth, growth_of
from discobase.engine.checkpoints.healing import Healer
from discobase.engine.checkpoints.keeper import Checkpoint, CheckpointKeeper
from discobase.engine.checkpoints.recovery import Recovery
from discobase.engine.checkpoints.store import CheckpointStore
from discobase.engine.committed import Committed
from discobase.engine.committer import Committer
from discobase.engine.early_events import EarlyEvents
from discobase.engine.follower import Follower
from discobase.engine.generations.making import Made, Making
from discobase.engine.generations.places import OtherServer, SameServer
from discobase.engine.generations.remaking import Remaking
from discobase.engine.generations.watch import GenerationWatch
from discobase.engine.interface import Standing
from discobase.engine.log.arrival import find_anywhere
from discobase.engine.log.commit_log import CommitLog
from discobase.engine.log.creation import Found, find, find_or_create
from discobase.engine.log.frame import Limits
from discobase.engine.log.nonces import NonceTrust, Verdict
from discobase.engine.log.own_channels import OwnChannels
from discobase.engine.log.rekeying import Rekeying, noted
from discobase.engine.log.sealing import Encryption, Sealing
from discobase.engine.log.superblock import Superblock, random_name
from discobase.engine.log.superseded import Superseded
from discobase.engine.log.unlocking import new_sealing
from discobase.engine.lost import LostCommit
from discobase.engine.past import Past, PastCommit
from discobase.engine.polling import keep_fresh
from discobase.engine.refreshes import Refreshes
from discobase.engine.replica import Cache, Head, Replica
from discobase.engine.server.read_only import read_only as reading
from discobase.engine.server.retry import LONGEST_PAUSE
from discobase.engine.server.seam import (
    Event,
    NotPermitted,
    Refused,
    Server,
    ServerError,
    Uncertain,
    time_of,
)
from discobase.engine.succession import take_over
from discobase.engine.trouble import Trouble, Troubles
from discobase.engine.verification.report import Report
from discobase.engine.verification.verifications import Verifications
from discobase.engine.versions import OWN
from discobase.errors import (
    ChannelDeleted,
    ConnectError,
    DatabaseDeleted,
    DiscobaseError,
    Disconnected,
    NoncesIgnored,
    ReadOnly,
    Unavailable,
)
from discobase.key import NO_KEY, Key, NoKey
from discobase.progress import Gauge, Step

_log = logging.getLogger(__name__)

_DRAIN_SECONDS = 10.0
"""How long a close waits for what was asked for before it: some forty commits at Discord's pace
(docs#5646). Containers are killed ten seconds after they are told to stop (Docker's default), so
more would not be had."""

_SESSION_SECONDS = 1.0
"""How long the start waits for the gateway session, which takes three round trips where identifies
have not to wait for one another: a guess. It need not be there, but five API calls are saved where
it is."""

_QUIET_SECONDS = 1.0
"""For which a position that is waited for may be on its way before the log is read: as long as for
a gap (:data:`discobase.engine.follower.GAP_SECONDS`), and a guess like that."""


_CHECK_PAUSE = 0.004
"""Seconds between two steps of the check of what was kept, each of which takes half of that: a
guess. A million records take ten seconds, in which 99 of 100 reads take no longer than without
(measured)."""


@dataclass(frozen=True, slots=True)
class Former:
    """What the engine of one generation leaves to that of the next.

    Attributes:
        replica: the state, which readers go on reading meanwhile.
        committer: what was asked for and is not done.
        writer: this writer's id.
        superblock: of that generation.
        successor: the superblock of a later one that it has met, with what seals it.
        made: whether this process has made that one.
        key: the key that is known for that.
    """

    replica: Replica
    committer: Committer
    writer: str
    superblock: Superblock
    successor: Superblock | None
    made: bool
    key: Key | None


class Engine:
    """Replica, log, follower and committer of one writer, for one generation of a database. Made by
    :meth:`open`.

    Attributes:
        superblock: what and where the database is.
        replica: the state, for reading on any thread.
        writer: this writer's id, as it stands in its frames.
        key: the key of this generation; None where it is not encrypted.
    """

    def __init__(
        self,
        server: Server,
        superblock: Superblock,
        replica: Replica,
        limits: Limits,
        *,
        place: str,
        allow_unsafe: bool,
        gauge: Gauge,
        hears: bool,
        read_only: bool,
        label: str,
        committed: Callable[[Committed], object] | None,
        troubles: Troubles,
        version: str,
        key: Key | None,
        former: Former | None,
    ) -> None:
        self._server = server
        self._place = place
        self._allow_unsafe = allow_unsafe
        self._hears = hears
        self._read_only = read_only
        self.superblock = superblock
        self.writer = former.writer if former else random_name(server)
        self.replica = replica
        self._troubles = troubles
        self.key = key
        self._label = label
        self._log = CommitLog(
            server, superblock, troubles, gauge=gauge, version=version, key=key, place=place
        )
        store = CheckpointStore(server, superblock, limits)
        self._recovery = Recovery(self._log, store)
        self._follower = Follower(self._log, self.replica, self._recovery, hears=hears)
        if former is None:
            self._committer = Committer(
                self._log,
                self.replica,
                self._follower,
                writer=self.writer,
                limits=limits,
                label=label,
                committed=committed,
            )
        else:
            self._committer = former.committer
            self._committer.move_on(self._log, self._follower)
        self._checkpoints = CheckpointKeeper(
            server,
            superblock,
            replica,
            self._follower,
            store,
            troubles=troubles,
            writer=self.writer,
            wrote=lambda: self._committer.wrote,
        )
        # From the first look on: a replica that was kept may hold what is gone.
        self._follower.holes.heals = not read_only
        self._healer = Healer(
            self._log, replica, self._follower, self._checkpoints, self._committer
        )
        self._channels = OwnChannels(
            server,
            superblock,
            self._follower.read_again,
            troubles,
            require_current=self._log.catalog.require_current,
            is_remade=self._follower.gone.note,
        )
        # Who goes on from an earlier generation has the state, also where a lane is gone by now.
        self._follower.gone.remade = former is not None and not read_only
        self._generation = GenerationWatch(
            self._log, replica, self._follower, lifts=not read_only, hears=hears
        )
        self._moved = former is not None and former.superblock.lanes != superblock.lanes
        self._limits = limits
        self.replica.tell_failure(partial(_look, asyncio.get_running_loop(), self._follower))
        self._nonces = NonceTrust(server, superblock.catalog, self.writer)
        self._tasks: list[asyncio.Task[None]] = []
        self._finishing: list[asyncio.Task[None]] = []
        self._refreshes = Refreshes(self._follower, troubles)
        self._wanted: dict[IndexWanted | TextIndexWanted, Head] = {}
        self._past = Past(self._log, replica)
        self._verifications = Verifications(server, superblock, self.replica, limits)

    @classmethod
    async def open(
        cls,
        server: Server,
        *,
        limits: Limits,
        failed: Callable[[DiscobaseError], None],
        place: str = "this server",
        allow_unsafe: bool = False,
        gauge: Gauge | None = None,
        hears: bool = True,
        cache: Path | None = None,
        read_only: bool = False,
        label: str = "",
        committed: Callable[[Committed], object] | None = None,
        troubles: Troubles | None = None,
        version: str = OWN,
        successor_of: int | None = None,
        key: Key | None = None,
        former: Former | None = None,
        moved: bool = False,
    ) -> Engine:
        """Find or create the database of a server, catch up with its log, and start.

        Costs 2 API calls (some 15 where the database is created); one more for the list of
        checkpoints where there are any, one for each 100 commits in a lane above the newest, one
        where the gateway session begins meanwhile, and five where it is not known whether the
        server enforces nonces.

        Args:
            server: the seam; its events have begun to flow, or will.
            limits: what a message carries.
            failed: called when the engine has ended by itself.
            place: which server it is, for errors.
            allow_unsafe: whether to go on where the server does not enforce nonces.
            gauge: told how far the opening has come.
            hears: whether to listen to events. Without them the log is read when somebody asks, and
                never by itself.
            cache: the folder in which the state is kept for the next process; None to keep none.
                With one that was kept only what is new in the log is read.
            read_only: whether nothing is to be written there, whatever happens: no database is
                created, and nothing is asked or removed.
            label: what the log is to call this writer, in its first commit; empty where nothing.
            committed: called on the loop with each commit that was made, when its callers have been
                answered; never waits. None where nobody has asked.
            troubles: what is told of what goes wrong from then on.
            version: the version of discobase that writes.
            successor_of: the id of a bot whose database this one takes over, if it has not yet.
            key: the key that the database is encrypted by, or is to be if it is created; None for
                none.
            former: what the engine of an earlier generation has left; None where there was none.
                It is left again where this fails.
            moved: whether the database has moved to this server, so that none is created here.

        Raises:
            Superseded: the database has changed to another generation meanwhile.
            Moved: it is in another server.
            Coming: one may be moving to this server.
            SuccessionRefused: it may not take that over.
            DatabaseEnded: the database was deleted, or taken over by another bot.
            KeyNeeded, WrongKey, NotEncrypted, KeyChanged: it is not that of the database; nothing
                was written.
            PackageMissing: the package that encrypts cannot be imported.
            NoncesIgnored: the server does not enforce nonces.
            DatabaseNotFound: there is no database, and none is to be created.
            LogDamaged: what is there is not the database that was written.
            UpgradeNeeded: it was written by a later version of discobase, or requires one.
            ConnectError: Discord refused, or did not answer.
            MissingPermission: a channel of the database may not be read.
        """
        gauge = gauge or Gauge()
        began, early = server.monotonic(), EarlyEvents(server)
        if hears:
            server.listen(early.handle)
        try:
            if read_only:
                server = reading(server)
            if successor_of is not None and former is None:
                with gauge.step("taking the database over"):
                    await take_over(server, successor_of, limits, place, key)
            with gauge.step("looking for the database"):
                if former is not None:
                    found = await _find_next(server, place, key, former)
                else:
                    found = await _find_first(server, place, key, read_only=read_only, moved=moved)
            replica = await _replica_for(server, found.superblock, cache, former)
            try:
                engine = cls(
                    server,
                    found.superblock,
                    replica,
                    limits,
                    place=place,
                    allow_unsafe=allow_unsafe,
                    gauge=gauge,
                    hears=hears,
                    read_only=read_only,
                    label=label,
                    committed=committed,
                    troubles=troubles or Troubles(),
                    version=version,
                    key=key,
                    former=former,
                )
                early.hand_on(engine._handle, since=found.listing.began.monotonic)
                await engine._start(found, began + _SESSION_SECONDS, failed)
            except BaseException:
                if former is None:
                    # On the worker, which may be at work on it.
                    closing = asyncio.ensure_future(server.work(replica.close))
                    await asyncio.wait({closing})
                raise
        except BaseException as error:
            early.end()
            if isinstance(error, ServerError):
                raise _told(error) from error
            raise
        return engine

    async def _start(
        self, found: Found, waiting_until: float, failed: Callable[[DiscobaseError], None]
    ) -> None:
        # Until it is known whether nonces are enforced: what is heard of meanwhile may be a second
        # message at its position.
        self._log.enforced = False
        kept = self.replica.head.seq
        async with self._follower.turn:
            judge = self._nonces.look if self._read_only else self._nonces.judge
            judging = asyncio.create_task(judge(found.catalog))
            try:
                with self._made_again():
                    await self._follower.begin(found, moved=self._moved)
                used = self._recovery.used
                self._checkpoints.begin(used, since=used.manifest.seq if used else kept)
                if self._hears:
                    left = waiting_until - self._server.monotonic()
                    await self._server.events_come(within=max(0.0, left))
                    with self._made_again():
                        await self._follower.make_up_for_the_start()
                self._follower.gone.suspect(found.listing)
                self._follower.require_sound()
                verdict = await judging
            finally:
                judging.cancel()
                await asyncio.gather(judging, return_exceptions=True)
        if verdict.fault and not self._allow_unsafe and not self._read_only:
            await self._nonces.clean()
            raise NoncesIgnored(self._place, verdict.fault)
        self._log.enforced = not verdict.fault
        if verdict.fault:
            self._read_back(verdict)
        self._finishing = [self._begin(self._committer.run(), failed)]
        works = [self._follower.follow(), self._generation.watch()]
        if self.replica.unchecked:
            works.append(self._check_cache())
        if self._hears:
            told = self._follower.note_told
            polling = keep_fresh(self._server, self._refreshes.refresh, told, self._troubles)
            works += [polling, self._channels.watch()]
        if not self._read_only:
            works.append(self._nonces.watch(verdict, self._withdraw))
            works += [self._healer.heal(), self._healer.watch()]
            self._finishing.append(self._begin(self._checkpoints.keep(), failed))
        for work in works:
            self._begin(work, failed)

    @contextlib.contextmanager
    def _made_again(self) -> Generator[None]:
        """Go on without a lane that is about to be made again, with the state that is there."""
        try:
            yield
        except ChannelDeleted as error:
            has_state = self.replica.head.seq >= self.superblock.floor and not self.replica.lost
            if not has_state or not self._follower.gone.note(error):
                raise

    def _begin(
        self, work: Coroutine[None, None, None], failed: Callable[[DiscobaseError], None]
    ) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        task.add_done_callback(lambda task: self._ended(task, failed))
        self._tasks.append(task)
        return task

    async def _check_cache(self) -> None:
        """Look through what was kept, beside all else."""
        while await self._server.aside(self.replica.check_on):
            await self._server.sleep(_CHECK_PAUSE)

    def _read_back(self, verdict: Verdict) -> None:
        """Go on without trust in nonces."""
        self._log.enforced = False
        self._troubles.begin(
            Trouble(
                "nonces",
                f"{self._place} does not enforce nonces ({verdict.fault}): each commit is read "
                f"back, which costs a call, and what several programs save at once may be lost",
            )
        )

    def _withdraw(self, verdict: Verdict) -> None:
        """Write no more, or go on without trust in nonces: the server was trusted, and should not
        have been.
        """
        if self._allow_unsafe:
            self._read_back(verdict)
            return
        self._log.enforced = False
        self._log.stop.refusal = NoncesIgnored(self._place, verdict.fault)
        refused = f"nothing is written any more: {self._log.stop.refusal}"
        self._troubles.begin(Trouble("nonces", refused, writes_blocked=True))

    def _handle(self, event: Event) -> None:
        self._channels.handle(event)
        self._generation.handle(event)
        self._follower.handle(event)
        self._healer.handle(event)

    def _ended(self, task: asyncio.Task[None], failed: Callable[[DiscobaseError], None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            ended = Trouble("fault", "the engine has failed", writes_blocked=True)
            self._troubles.tell(ended, error=error)
            reason = Disconnected(f"the engine has failed: {error!r}")
            reason.__cause__ = error
            failed(reason)

    def commit(self, request: Request) -> None:
        """Queue a request, whose future tells what becomes of it. From any thread; never waits.

        Raises:
            ReadOnly: the engine was opened to read.
            Disconnected: the engine has stopped.
            MissingPermission, LogDamaged: a channel of the database may not be read, or is gone.
        """
        if self._read_only:
            raise ReadOnly(f"{request.purpose} was not sent: this connection only reads.")
        self._channels.check()
        self._committer.put(request)

    def want_index(self, wanted: IndexWanted | TextIndexWanted) -> None:
        """Ask for an index that is not there, to be made when there is time. From any thread; never
        waits.

        Once at each head: a commit may have changed the table's fields, and dropped the index that
        was asked for before.

        Raises:
            Disconnected: the engine has stopped.
        """
        head = self.replica.head
        if self._wanted.get(wanted) != head:
            self._wanted[wanted] = head
            self._committer.put(wanted)

    def lost(self) -> list[LostCommit]:
        """Return the commits that are known to be lost, in the order in which they were written.
        From any thread; never waits.
        """
        return self._follower.lost.all()

    def held_up(self) -> str | None:
        """Return what writing waits for, in sentences, as long as damage is being healed; None
        where it waits for nothing. From any thread; never waits.
        """
        return self._follower.held_up

    def standing(self) -> Standing:
        """Return where the replica stands in the log. From any thread; never waits."""
        age = 0.0 if self._is_told() else max(0.0, self._log.last_look.age())
        head, newest = self.replica.head.seq, self._checkpoints.newest
        standing = Standing(
            self.superblock.database,
            head,
            age,
            encrypted=self.superblock.encryption is not None,
            server=self._server.name,
            server_id=self._server.id,
            events=self._server.trouble,
        )
        if newest is None:
            return standing
        written = self._server.now() - time_of(newest.message.id)
        return replace(standing, checkpoint=newest.manifest.seq, checkpoint_age=max(0.0, written))

    def _is_told(self) -> bool:
        """Whether this process has heard of all that was written, as far as is known."""
        return self._hears and self._server.trouble is None and not self._follower.behind

    def growth(self) -> Growth | None:
        """Return how much the database holds, and has held; None where nothing can be read just
        now. From any thread; no API call. The records are counted: 0.1 s for a million.
        """
        if self.replica.lost:
            return None
        newest = self._checkpoints.newest
        base = self.superblock.base
        return growth_of(
            commits=self.replica.head.seq - self.superblock.floor,
            log_bytes=self.replica.volume - (base.volume if base else 0),
            records=self.replica.count_all(),
            state_bytes=newest.manifest.size if newest else None,
            lanes=len(self.superblock.lanes),
        )

    async def refresh(self) -> None:
        """Apply every commit that was acknowledged, by any writer, before this call. One API call
        where there is nothing new.

        Raises:
            Unavailable: Discord could not be read.
            MissingPermission: the bot may not read a channel of the database.
            LogDamaged, UpgradeNeeded: the log could not be read to its end.
        """
        self._channels.check()
        await self._refreshes.refresh()

    async def freshen(self, within: float) -> None:
        """Apply every commit that was acknowledged, by any writer, so many seconds before this call
        or earlier. No API call where that is done already, else as for :meth:`refresh`; shared by
        all who ask meanwhile.

        Raises: as :meth:`refresh`.
        """
        self._channels.check()
        called = self._server.monotonic()
        # What is under way may have begun too early: then one that begins now.
        for anew in (False, True):
            passed = self._server.monotonic() - called
            if self.standing().age - passed <= within:
                return
            await self._refreshes.refresh(anew=anew)

    async def reach(self, position: int) -> None:
        """Wait until a position has been applied. No API call where an event brings it; if none
        does for a moment, the log is read, and then again in ever longer pauses.

        Raises:
            MissingPermission: the bot may not read a channel of the database.
            LogDamaged, UpgradeNeeded: the log cannot be read to its end.
            DiscobaseError: the engine was closed; the error says why.
        """
        looks = 0
        while self.replica.head.seq < position:
            if (stopped := self._follower.stopped) is not None:
                raise stopped
            self._channels.check()
            quiet = self._quiet(looks)
            if await self._follower.awaited.comes(position, within=quiet):
                continue
            try:
                # All lanes every second time: of a hole that keeps the position out, a refresh,
                # which reads the lane of the next position alone, does not hear.
                await self._refreshes.refresh(thoroughly=looks % 2 == 1, anew=False)
            except Unavailable as error:
                _log.debug("the wait for position %d goes on: %s", position, error)
            looks += 1

    def _quiet(self, looks: int) -> float:
        """Return for how many seconds a position may be on its way before the log is read."""
        if not self._hears and not looks:
            return 0.0
        doublings = looks if self._hears else looks - 1
        return min(_QUIET_SECONDS * 2.0**doublings, LONGEST_PAUSE)

    async def checkpoint(self) -> Checkpoint:
        """Write a checkpoint of the state at the head, unless it is there already. Some four API
        calls; where the state is larger than a message, one more for each part.

        Raises:
            Unavailable: Discord refused it or did not answer, the head is not certain now, or the
                records are held in memory.
            MissingPermission: the bot may not write, or read, in a channel.
            LogDamaged, UpgradeNeeded: the log is not as it should be.
            ReadOnly: the engine was opened to read.
        """
        if self._read_only:
            raise ReadOnly(
                "this connection only reads (read_only=True): no checkpoint was written."
            )
        self._channels.check()
        return await self._checkpoints.write()

    async def verify(self, gauge: Gauge) -> Report:
        """Read all that is written, and compare it with what this process has. Changes nothing, and
        is in nobody's way. One API call for 100 commits, and a few.

        Args:
            gauge: told how far it has come.

        Raises:
            Unavailable: Discord could not be read.
            MissingPermission: the bot may not read a channel of the database.
            UpgradeNeeded: something is there that a later version has written.
            Disconnected: the engine was closed meanwhile.
        """
        report = await self._verifications.verify(gauge)
        if report.findings:
            await self._log.catalog.require_current()  # what is missing may only have moved
        return report

    async def past(self, below: int | None, number: int, largest: int) -> list[PastCommit]:
        """Read the last commits below a position once more (:meth:`Past.read
        <discobase.engine.past.Past.read>`, whose arguments these are). Changes nothing.

        Raises:
            Unavailable: Discord could not be read.
            MissingPermission: the bot may not read a channel of the database.
            LogDamaged: a lane is gone.
            UpgradeNeeded: a later version has written one of them.
        """
        try:
            return await self._past.read(below, number, largest)
        except NotPermitted as error:
            raise error.reason from error
        except (Refused, Uncertain) as error:
            raise Unavailable(f"the log could not be read: {error}") from error

    # Generations

    @property
    def over(self) -> asyncio.Event:
        """Set when the log is known to go on in another generation, and nothing is done here any
        more.
        """
        return self._log.catalog.successor.known

    @property
    def changing(self) -> bool:
        """Whether the log changes to another generation, and writing waits for that."""
        changes = self._follower.sealed or self.over.is_set() or self.remaking
        return self._log.stop.ended is None and changes

    @property
    def remaking(self) -> bool:
        """Whether a lane is gone, and about to be made again."""
        return self._follower.gone.awaited is not None

    async def make_generation(
        self,
        lanes: int | None,
        step: Step,
        key: Key | NoKey | None = NO_KEY,
        *,
        there: Server | None = None,
    ) -> Made:
        """Make the next generation of the log (:meth:`Making.make
        <discobase.engine.generations.making.Making.make>`).

        Args:
            lanes: how many lanes it is to have; None for as many as before.
            step: told of each step.
            key: the key that it is to be encrypted by, None for none; that of this generation where
                it is left out.
            there: another server in which it is to be; None for this one.
        """
        if self._read_only:
            raise ReadOnly("this connection only reads (read_only=True): nothing was changed.")
        self._channels.check()
        rekeying = None if isinstance(key, NoKey) or key == self.key else self._rekeying(key)
        place = SameServer(self._server) if there is None else OtherServer(self._server, there)
        parts = self._log, self.replica, self._follower, self._committer
        making = Making(*parts, self._limits, rekeying=rekeying, place=place)
        sealed = await self._new_sealing(rekeying.key if rekeying else self.key)
        return await making.make(lanes, sealed, writer=self.writer, step=step)

    def _rekeying(self, key: Key | None) -> Rekeying:
        """Return what is said of a change of the key, which this process expects from now on."""
        self._log.catalog.expect(key)
        word = partial(
            noted,
            former=self.superblock,
            writer=self.writer,
            label=self._label,
            time=self._server.now(),
        )
        return Rekeying(key, word)

    async def _new_sealing(self, key: Key | None) -> tuple[Encryption | None, Sealing]:
        """Return how the next generation is encrypted, and what seals it."""
        number = self.superblock.generation + 1
        return await new_sealing(self._server, self.superblock.database, number, key)

    async def remake(self) -> Superblock | None:
        """Make channels that are deleted again, as a new generation, until that is over, or this
        one is; return its superblock (:meth:`Remaking.run
        <discobase.engine.generations.remaking.Remaking.run>`).
        """
        if self._read_only:
            return None
        remaking = Remaking(
            self._log,
            self.replica,
            self._follower,
            self._committer,
            self._limits,
            writer=self.writer,
            is_told=self._is_told,
            new_sealing=lambda: self._new_sealing(self.key),
            change=self._change,
        )
        self._follower.gone.remade = True
        return await remaking.run()

    async def _change(self) -> Superblock:
        with Gauge().step("making a new generation") as step:
            return (await self.make_generation(None, step)).superblock

    async def hand_over(self) -> Former:
        """Stop, and leave the replica, and what was asked for, to the engine of the next
        generation. Readers go on.
        """
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, *self._refreshes.cancel(), return_exceptions=True)
        await asyncio.gather(*self._verifications.cancel(), return_exceptions=True)
        await self._log.sending.close()
        catalog, key, made = self._log.catalog, self.key, False
        if (successor := catalog.successor.superblock) is not None:
            key, made = catalog.successor.key, catalog.has_made(successor)
            self._follower.awaited.end(Superseded(successor))
        await self._server.work(self.replica.withdraw)
        return Former(
            self.replica, self._committer, self.writer, self.superblock, successor, made, key
        )

    # The end

    async def close(self, reason: DiscobaseError | None = None) -> None:
        """Finish what was asked for, for ten seconds at the most, and stop.

        Args:
            reason: why, where it is not of one's own accord; nothing is finished then.
        """
        ended = reason or Disconnected("the database was closed")
        self._committer.shut()
        self._checkpoints.hurry()
        self._follower.awaited.end(ended)
        try:
            if reason is None:
                # All in the same seconds: commits do not wait for a checkpoint.
                healed = asyncio.create_task(self._healer.finished())
                await asyncio.wait([*self._finishing, healed], timeout=_DRAIN_SECONDS)
                healed.cancel()
        finally:  # also where whoever waits for the close gives it up
            await self._end(ended)

    async def _end(self, ended: DiscobaseError) -> None:
        """Stop at once, and let go of the replica."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, *self._refreshes.cancel(), return_exceptions=True)
        await asyncio.gather(*self._verifications.cancel(), return_exceptions=True)
        await self._committer.stop(ended)
        await self._log.sending.close()
        await self._server.work(partial(self.replica.close, sure=self._follower.sure))


async def examine(
    server: Server, limits: Limits, gauge: Gauge, place: str, key: Key | None = None
) -> Report:
    """Read all that is written of a database, without opening it: it may be one that nobody can
    open. Changes nothing. Three API calls, one for 100 commits in each lane, and a few.

    Args:
        server: the seam.
        limits: what a message carries.
        gauge: told how far it has come.
        place: which server it is, for errors.
        key: the key that it is encrypted by; None for none.

    Raises:
        DatabaseNotFound: there is no database.
        KeyNeeded, WrongKey, NotEncrypted, KeyChanged: it is not encrypted so.
        LogDamaged: its superblock is gone.
        UpgradeNeeded: something is there that a later version has written.
        Unavailable: Discord could not be read.
        MissingPermission: a channel of the database may not be read.
    """
    server = reading(server)
    try:
        server, found = await find_anywhere(server, place, key, writes=False)
    except NotPermitted as error:
        raise error.reason from error
    except (Refused, Uncertain) as error:
        raise Unavailable(f"the database could not be looked for: {error}") from error
    return await Verifications(server, found.superblock, None, limits).verify(gauge)


def _told(error: ServerError) -> DiscobaseError:
    """Return what an opening raises where a request has failed."""
    if isinstance(error, NotPermitted):
        return error.reason
    if isinstance(error, Refused):
        return ConnectError(f"Discord refused: {error} (code {error.code})")
    return ConnectError(f"Discord did not answer: {error}")


def _look(loop: asyncio.AbstractEventLoop, follower: Follower) -> None:
    """Have the follower look at the replica, from any thread."""
    with contextlib.suppress(RuntimeError):  # the loop is closed
        loop.call_soon_threadsafe(follower.look)


async def _find_first(
    server: Server, place: str, key: Key | None, *, read_only: bool, moved: bool
) -> Found:
    if read_only:
        return await find(server, place, key)
    return await find_or_create(server, key=key, place=place, moved=moved)


async def _find_next(server: Server, place: str, key: Key | None, former: Former) -> Found:
    """Find the database where it goes on from a generation. As :func:`find
    <discobase.engine.log.creation.find>`: where it was deleted meanwhile nothing is created.

    Raises:
        DatabaseDeleted: another database is there.
    """
    found = await find(server, place, key, former.successor, former.superblock, whole=False)
    if found.superblock.database != former.superblock.database:
        raise DatabaseDeleted("this database has been deleted, and another one is there")
    return found


async def _replica_for(
    server: Server, superblock: Superblock, cache: Path | None, former: Former | None
) -> Replica:
    """Return the replica for a generation: that of the one before, if there was one."""
    if former is None:
        return await _make_replica(server, superblock, cache)
    moved = partial(former.replica.move_to, len(superblock.lanes), superblock.to_content())
    await server.work(moved)
    return former.replica


async def _make_replica(server: Server, superblock: Superblock, cache: Path | None) -> Replica:
    """Make a replica on the worker, since its file takes a while; close it if nobody waits then."""
    making = asyncio.ensure_future(server.work(partial(_replica, superblock, cache)))
    try:
        return await asyncio.shield(making)
    except asyncio.CancelledError:
        making.add_done_callback(_close_unwanted)
        raise


def _replica(superblock: Superblock, cache: Path | None) -> Replica:
    claimed = None if cache is None else Cache.claimed(cache, superblock.to_content())
    return Replica(len(superblock.lanes), claimed)


def _close_unwanted(making: asyncio.Future[Replica]) -> None:
    if not making.cancelled() and making.exception() is None:
        making.result().close()
