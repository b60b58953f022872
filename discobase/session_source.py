"""The source of a connected database's tables: its live session, whichever login began it."""

from __future__ import annotations

import logging
import os
import threading
import time
import warnings
import weakref
from collections.abc import Callable, Coroutine, Generator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from math import inf
from typing import Any, TypeVar

from discobase.cleaning import Cleaning, forget_kept
from discobase.engine.changes import IndexWanted, Placed, Request, TextIndexWanted
from discobase.engine.checkpoints.keeper import Checkpoint
from discobase.engine.interface import EngineInterface, Move, Vacuum
from discobase.engine.lost import LostCommit
from discobase.engine.past import PastCommit
from discobase.engine.repair.loss import Repair
from discobase.engine.replica import EMPTY, Replica
from discobase.engine.verification.costs import costs_of
from discobase.engine.verification.report import Report
from discobase.errors import (
    AlreadyConnected,
    BadToken,
    ConnectError,
    DiscobaseError,
    KeyNeeded,
    LogDamaged,
    NoncesIgnored,
    NotConnected,
    NotEncrypted,
    OutcomeUnknown,
    ReadOnly,
    SuccessionRefused,
    Unavailable,
    WaitTimeout,
    WouldDeadlock,
    WrongKey,
)
from discobase.examination import Examination
from discobase.key import Key, NoKey
from discobase.portal import users_line
from discobase.progress import Gauge, Progress
from discobase.progress_bar import Telling
from discobase.repairing import Repairing
from discobase.session import Session
from discobase.status import Status
from discobase.target import Target

T = TypeVar("T")

_log = logging.getLogger(__name__)

_MAY_PASS = (ConnectError, LogDamaged, Unavailable)
"""Why a login fails that may succeed later, once the network is back or somebody has mended what is
named. After a database was deleted, the next one would create it anew."""

_FOR_GOOD = (BadToken, KeyNeeded, NoncesIgnored, NotEncrypted, SuccessionRefused, WrongKey)
"""Those of them that would come again, whatever happens: with what this program was given."""

_AFTER_A_CHANGE = (
    "it may be done all the same, and this program goes on either way. db.status() names the "
    "server that the database is in; where the key was to change, keep the old one and the new one "
    "until a login has shown which of them it has."
)
"""What to do where a vacuum or a move was given up."""

_RETRY_SECONDS = 10.0
"""How long after its beginning a session that has failed is followed by another one, where it is
used: long enough that a site which is asked a hundred times a second is no burden to Discord, and
short enough for whoever waits for it: a guess."""

_inherited: list[Session] = []
"""Sessions of the process from which this one was forked. They are kept, untouched: to collect them
would close what the parent uses."""


class SessionSource:
    """A :class:`~discobase.source.Source` that reads and writes through the live session.

    Sessions come one after another: at most one is live in a process. In a process forked from a
    connected one, the next is begun when it is first needed. All methods may be called from any
    thread.

    Args:
        name: the database's name.
        timeout: seconds that a call waits unless it says otherwise; None for no limit.
        capacity: the bytes that one commit carries, compressed where that helps.
        max_staleness: seconds that what is read may be old; None for no limit.
        read_only: whether nothing is to be written.
    """

    def __init__(
        self,
        name: str,
        *,
        timeout: float | None,
        capacity: int,
        max_staleness: float | None = None,
        read_only: bool = False,
    ) -> None:
        self.name = name
        self.read_only = read_only
        self._max_staleness = max_staleness
        self.timeout = timeout
        self.capacity = capacity
        self._last: Session | None = None
        self._heir: SessionSource | None = None
        self._wanted: Callable[[], Target] | None = None
        self._forget: Callable[[], object] | None = None
        # By process: a lock that another thread held at the moment of a fork is never released in
        # the child.
        self._locks: dict[int, threading.RLock] = {}
        self._entered: set[int] = set()
        self._searched: dict[str, TextIndexWanted] = {}

    @property
    def connected(self) -> bool:
        """Whether a session is live, or on its way."""
        return self._last is not None and not self._last.over

    @property
    def ready(self) -> bool:
        """Whether a session can be used at once, in this process."""
        source = self if self._heir is None else self._heir
        return source._last is not None and source._last.ready

    @property
    def target(self) -> Target | None:
        """Where the last session is, or was; None where there was none."""
        return None if self._last is None else self._last.target

    def status(self) -> Status:
        """Return how the last session is, in this process. No API call; never waits."""
        source = self if self._heir is None else self._heir
        session = source._last
        if session is None or session.forked:
            return Status(name=self.name, gateway_trouble="there is no connection")
        return session.status()

    # Sessions

    def log_in(self, target: Callable[[], Target], *, awaited: bool = False) -> Session:
        """Begin a session, and return it at once.

        Args:
            target: says where to log in, and as whom; asked where nothing else forbids it.
            awaited: whether somebody is about to wait for it, and gets its failure raised.

        Raises:
            AlreadyConnected: the last one is not over.
            WouldDeadlock: this has interrupted another login on the same thread.
            ConnectError: no thread is to be had.
        """
        with self._alone():
            if self.connected:
                raise AlreadyConnected(
                    f"{self.name!r} is connected already: close() it before another login."
                )
            session = self._begin(target(), awaited=awaited)
            self._heir = self._wanted = None
            return session

    def log_in_when_used(self, target: Callable[[], Target]) -> None:
        """Have a session begun when one is first needed, in whichever process, and a new one where
        it has failed by what may pass. Do nothing where a session is live.

        Args:
            target: says where to log in, and as whom; asked at each beginning.

        Raises:
            WouldDeadlock: this has interrupted a login on the same thread.
        """
        with self._alone():
            if not self.connected:
                self._wanted, self._heir = target, None

    def session(self) -> Session:
        """Return the live session; in a forked process, one that is begun now.

        Raises:
            NotConnected: there has been no login, or the database was closed.
            WouldDeadlock: this has interrupted what begins a session, on the same thread.
        """
        session = self._last
        if session is not None and session.ready:
            return session
        return self._session_to_wait_for(session)

    def close(self) -> None:
        """End the session, if one is live, and block until it has ended.

        Raises:
            WaitTimeout: it did not end in time; what was left is abandoned.
            WouldDeadlock: this has interrupted a login on the same thread.
        """
        with self._alone():
            session = self._last
            self._wanted = None
        if session is not None:
            session.close()

    def give_way(self, heir: SessionSource) -> None:
        """End the session as :meth:`close` does, and use another source's in its place, until the
        next login here.

        Args:
            heir: of the same database in the same place.
        """
        heir._heir = None
        self._heir = heir
        self.close()

    def _session_to_wait_for(self, session: Session | None) -> Session:
        """Return the session where it is not ready: on its way, ending, failed, or inherited."""
        if self._heir is not None:
            return self._heir.session()
        if session is not None and session.forked:
            return self._begin_again(session)
        if self._wanted is not None and _is_to_be_begun(session):
            return self._begin_wanted()
        if session is None:
            raise NotConnected(
                f"{self.name!r} is not connected: use `with db.conn(token):`, or login_thread(), "
                f"first."
            )
        if session.closed:
            raise NotConnected(f"{self.name!r} was closed: log in again to use it.")
        return session

    def _begin(self, target: Target, *, awaited: bool, ends_at_exit: bool = False) -> Session:
        session = Session(
            self.name,
            target,
            awaited=awaited,
            begun=partial(_ask_for_all, self._searched),
            ends_at_exit=ends_at_exit,
        )
        session.begin()
        self._last = session
        if self._forget is not None:
            self._forget()
        finalizer = weakref.finalize(self, session.abandon)
        finalizer.atexit = False
        self._forget = finalizer.detach
        return session

    def _begin_wanted(self) -> Session:
        """Connect, since it is used now and was to be connected then."""
        with self._alone():
            session, wanted = self._last, self._wanted  # another thread may have come before
            if wanted is not None and _is_to_be_begun(session):
                return self._begin(wanted(), awaited=True, ends_at_exit=True)
            if session is None:
                raise NotConnected(f"{self.name!r} was closed: log in again to use it.")
            return session

    def _begin_again(self, inherited: Session) -> Session:
        """Connect in a forked process as its parent did."""
        with self._alone():
            if self._last is inherited:
                _inherited.append(inherited)
                filename, line = users_line()
                warnings.warn_explicit(
                    f"{self.name!r} was connected in the process from which this one was forked; "
                    f"connecting again. Each such process is one more login with this bot: Discord "
                    f"allows 1000 a day.",
                    RuntimeWarning,
                    filename,
                    line,
                )
                self._begin(inherited.target, awaited=True, ends_at_exit=inherited.ends_at_exit)
            assert self._last is not None
            return self._last

    @contextmanager
    def _alone(self) -> Generator[None]:
        """Keep the other threads of this process out for the length of a block.

        Raises:
            WouldDeadlock: this thread is in such a block already: a signal handler, a finalizer or
                a logging handler has come between.
        """
        pid = os.getpid()
        with self._locks.setdefault(pid, threading.RLock()):
            if pid in self._entered:
                raise WouldDeadlock(
                    f"the connection of {self.name!r} is just being made on this thread, which "
                    f"whatever calls now has interrupted: call on another thread, or later."
                )
            try:
                self._entered.add(pid)
                yield
            finally:
                self._entered.discard(pid)

    # What tables ask for

    def replica(self, purpose: str = "the search") -> Replica:
        """Return the state to read from. Wait while a login is under way."""
        return self._engine(self.session(), purpose, self.timeout).replica

    def commit(self, request: Request) -> Placed:
        """Commit changes, all or none, and wait until Discord has them.

        Raises:
            ReadOnly: nothing is to be written.
            WaitTimeout, OutcomeUnknown: the time was over; what kept it up is named, where damage
                that is being healed does.
        """
        self._require_writing(request.purpose)
        session = self.session()
        engine = self._engine(session, request.purpose, request.timeout)
        try:
            return session.portal.wait(
                request.future,
                timeout=request.timeout,
                what=request.purpose,
                send=partial(engine.commit, request),
            )
        except (WaitTimeout, OutcomeUnknown) as error:
            if (held_up := engine.held_up()) is not None:
                error.args = (f"{error} {held_up}",)
            raise

    def _require_writing(self, purpose: str) -> None:
        if self.read_only:
            raise ReadOnly(f"{self.name!r} was made with read_only=True: {purpose} was not sent.")

    @staticmethod
    def _engine(session: Session, purpose: str, timeout: float | None) -> EngineInterface:
        try:
            return session.engine(purpose, timeout)
        except KeyboardInterrupt as interrupt:
            interrupt.add_note(f"{purpose} was not sent: the database was still connecting")
            raise

    def want_index(self, wanted: IndexWanted | TextIndexWanted) -> None:
        """Ask for an index, to be made when there is time."""
        self.session().engine("the search", self.timeout).want_index(wanted)

    def want_texts(self, wanted: TextIndexWanted) -> None:
        """Say which texts of a table its class has searched."""
        self._searched[wanted.table] = wanted
        session = self._last if self._heir is None else None
        if session is not None and session.ready:
            with suppress(DiscobaseError):  # it is just ending
                _ask_for(session.engine("the search", self.timeout), wanted)

    def refresh(self) -> None:
        """See what was committed anywhere before this call."""
        session = self.session()
        engine = session.engine("the refresh", self.timeout)
        session.portal.call(engine.refresh, timeout=self.timeout, what="the refresh")

    def freshen(self, *, fresh: bool) -> None:
        """See what was committed anywhere, where what is known is older than it may be for reading.
        No API call otherwise.

        Args:
            fresh: whether nothing may be missing: as :meth:`refresh`.
        """
        if fresh:
            self.refresh()
            return
        within = self._max_staleness
        if within is None:
            return
        session = self.session()
        engine = self._engine(session, "the search", self.timeout)
        if engine.standing().age > within:
            session.portal.call(engine.freshen, within, timeout=self.timeout, what="the search")

    def checkpoint(self, timeout: float | None) -> Checkpoint:
        """Have a checkpoint written, and return it.

        Raises:
            ReadOnly: nothing is to be written.
        """
        self._require_writing("the checkpoint")
        session = self.session()
        engine = session.engine("the checkpoint", timeout)
        return session.portal.call(engine.checkpoint, timeout=timeout, what="the checkpoint")

    def vacuum(
        self,
        lanes: int | None,
        key: Key | NoKey | None,
        told: Callable[[Progress], object] | None,
        timeout: float | None,
    ) -> Vacuum:
        """Make a new generation of the log, and delete the old one.

        Args:
            lanes: how many lanes it is to have; None for as many as before.
            key: the key that it is to be encrypted by, None for none; the one that there is where
                it is left out.
            told: called on this thread with how far it has come.
            timeout: seconds to wait; None for no limit.

        Raises:
            ReadOnly: nothing is to be written.
            OutcomeUnknown: the time was over; it may be done.
        """
        return self._changed(
            "the vacuum", lambda engine, gauge: engine.vacuum(lanes, gauge, key), told, timeout
        )

    def move(
        self,
        server: str | int,
        told: Callable[[Progress], object] | None,
        timeout: float | None,
    ) -> Move:
        """Have the database go on in another server.

        Args:
            server: its name, or its id.
            told: called on this thread with how far it has come.
            timeout: seconds to wait; None for no limit.

        Raises:
            ReadOnly: nothing is to be written.
            OutcomeUnknown: the time was over; it may be done.
        """
        return self._changed(
            "the move", lambda engine, gauge: engine.move(server, gauge), told, timeout
        )

    def _changed(
        self,
        what: str,
        change: Callable[[EngineInterface, Gauge], Coroutine[Any, Any, T]],
        told: Callable[[Progress], object] | None,
        timeout: float | None,
    ) -> T:
        """Have the engine change to another generation, and return what that came to."""
        self._require_writing(what)
        session = self.session()
        engine, gauge, began = session.engine(what, timeout), Gauge(), time.monotonic()
        return session.portal.call(
            change,
            engine,
            gauge,
            timeout=timeout,
            what=what,
            writes=True,
            advice=_AFTER_A_CHANGE,
            meanwhile=None if told is None else Telling(gauge, began, told),
        )

    def lost(self) -> list[LostCommit]:
        """Return the commits that are known to be lost. Wait while a login is under way."""
        return self._engine(self.session(), "the list of what is lost", self.timeout).lost()

    def past(self, below: int | None, number: int, largest: int) -> list[PastCommit]:
        """Read the last commits below a position, newest first.

        Args:
            below: the position; None for the newest that this process knows.
            number: how many they are at the most.
            largest: the bytes of what is read of one.
        """
        session = self.session()
        engine = session.engine("the history", self.timeout)
        return session.portal.call(
            engine.past, below, number, largest, timeout=self.timeout, what="the history"
        )

    def verify(self, told: Callable[[Progress], object] | None, timeout: float | None) -> Report:
        """Read all that is written, and compare it with what this process has; where the last login
        found the log damaged, read it without opening the database.

        Args:
            told: called on this thread with what it costs, before anything is read, and then with
                how far it has come. What it raises ends it.
            timeout: seconds to wait; None for no limit.
        """
        what, end = "the verification", None if timeout is None else time.monotonic() + timeout
        session = self.session()
        try:
            engine = session.engine(what, timeout)
        except LogDamaged:
            return Examination(self.name, session.target).run(timeout, told)
        positions = engine.replica.positions
        costs = costs_of(positions.head.seq, positions.lanes)
        _log.info("verifying %r: %s", self.name, costs)
        if told is not None:
            told(Progress(f"verifying: {costs}", total=positions.head.seq, unit="commits"))
        gauge = Gauge()
        return session.portal.call(
            engine.verify,
            gauge,
            timeout=None if end is None else max(0.0, end - time.monotonic()),
            what=what,
            meanwhile=None if told is None else Telling(gauge, -inf, told),
        )

    def repair(
        self,
        target: Target,
        confirm: str | None,
        told: Callable[[Progress], object] | None,
        timeout: float | None,
    ) -> Repair:
        """Say what is lost of the database, or begin anew with the rest.

        Args:
            target: where it is, and as whom.
            confirm: what is said back; None to change nothing.
            told: called on this thread with how far it has come.
            timeout: seconds to wait; None for no limit.

        Raises:
            ReadOnly: nothing is to be written.
        """
        self._require_writing("the repair")
        return Repairing(self.name, target, confirm).run(timeout, told)

    def clean(self, target: Target, timeout: float | None) -> None:
        """Delete the database, end the session if there is one, and remove what is kept here.

        Args:
            target: where it is, and as whom.
            timeout: seconds to wait; None for no limit.

        Raises:
            ReadOnly: nothing is to be written.
            DatabaseNotFound: there is none.
        """
        self._require_writing("the deletion")
        deleted = Cleaning(self.name, target).run(timeout)
        self.close()
        forget_kept(target, deleted)

    def wait_for(self, position: int, timeout: float | None) -> None:
        """Wait until this process has applied a position. No API call where it has, or where an
        event brings it.

        Raises:
            WaitTimeout: it has not come.
            Disconnected: the database was closed meanwhile.
            LogDamaged, UpgradeNeeded: the log cannot be read to its end.
        """
        end = None if timeout is None else time.monotonic() + timeout
        session = self.session()
        what = f"the wait for position {position}"
        engine = session.engine(what, timeout)
        if engine.replica.head.seq >= position:
            return
        left = None if end is None else max(0.0, end - time.monotonic())
        try:
            session.portal.call(engine.reach, position, timeout=left, what=what)
        except WaitTimeout:
            head = engine.replica.head.seq
            if head < position:
                raise WaitTimeout(
                    f"position {position} did not come within {timeout:g} s: {self.name!r} is at "
                    f"{head} here."
                ) from None


def _is_to_be_begun(session: Session | None) -> bool:
    """Return whether a database that connects when it is used needs a session: there was none, it
    was closed before, or it has failed by what may pass, and that is a while ago.
    """
    if session is None or session.closed:
        return True
    why = session.failure
    may_pass = isinstance(why, _MAY_PASS) and not isinstance(why, _FOR_GOOD)
    return may_pass and session.age > _RETRY_SECONDS


def _ask_for_all(searched: Mapping[str, TextIndexWanted], engine: EngineInterface) -> None:
    """Ask a session's engine, as soon as it is there, for what tables have said. On the loop."""
    for wanted in [*searched.values()]:
        _ask_for(engine, wanted)


def _ask_for(engine: EngineInterface, wanted: TextIndexWanted) -> None:
    """Ask for an index of texts, or for none in the place of the one that is there."""
    held = engine.replica.layouts.get(wanted.table, EMPTY).text
    if wanted.places or held is not None:
        engine.want_index(wanted)
