"""Waiting for a future, and telling what became of it when the wait ends before it does."""

from __future__ import annotations

import concurrent.futures
import enum
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from discobase.errors import (
    DiscobaseError,
    Disconnected,
    OutcomeUnknown,
    WaitTimeout,
    WouldDeadlock,
)
from discobase.portal.call import Call
from discobase.portal.done_lock import POLL_SECONDS, is_done, lock_until_done
from discobase.portal.held_handlers import blocking_handler
from discobase.portal.loop_thread import LoopThread
from discobase.portal.tracebacks import reraisable

T = TypeVar("T")

_CANCEL_SECONDS = 1.0
"""How long a coroutine may take to end when it is cancelled because its caller gave up.

A guess: most end at once, and the caller has waited longer than they wanted already.
"""

REPEAT = "repeat it with the same object, which does it once, or look whether it happened."
"""What to do where the outcome of a write is unknown."""


class _End(enum.Enum):
    """What ended a wait."""

    DONE = enum.auto()
    TIMED_OUT = enum.auto()
    THREAD_ENDED = enum.auto()
    DEADLOCKED = enum.auto()


class _Fate(enum.Enum):
    """What became of a future that nobody waits for any more."""

    WITHDRAWN = enum.auto()  # It never began.
    FINISHED = enum.auto()  # It has a result or an exception of its own.
    UNKNOWN = enum.auto()  # It had begun, and did not come to an end of its own.


@dataclass(frozen=True, slots=True)
class Wait(Generic[T]):
    """A wait for a future: for how long, and what its errors say.

    The frames of its methods drop it when they end. The future holds the exception to be raised,
    whose traceback holds those frames: only the collector could free such a cycle.

    Args:
        loop_thread: the thread whose loop sets the future's outcome.
        future: what to wait for.
        what: a name for it in errors, as in "the save".
        timeout: seconds; None for no limit.
        writes: whether something may have been changed by what did not come to its end.
        advice: what to do where it is not known whether something has.
        meanwhile: called every :data:`~discobase.portal.done_lock.POLL_SECONDS` while it waits;
            what it raises ends the wait.
    """

    loop_thread: LoopThread
    future: concurrent.futures.Future[T]
    what: str
    timeout: float | None
    writes: bool = False
    advice: str = REPEAT
    meanwhile: Callable[[], object] | None = None

    def result(self, send: Callable[[], object] | None = None) -> T:
        """Wait, and withdraw or cancel the future if the wait ends before it does.

        Args:
            send: brings the future on its way; called where an interrupt finds it waited for.

        Returns:
            The future's result.

        Raises:
            WaitTimeout: see :meth:`discobase.portal.Portal.wait`, as for the others.
            OutcomeUnknown: the same.
            Disconnected: the same.
            BaseException: the future's own exception, or what interrupted the wait.
        """
        try:
            try:
                done = lock_until_done(self.future)
                if send is not None:
                    send()
                end = self._until_end(done)
            except BaseException as interrupt:
                interrupt.add_note(self._note(_give_up(self.future)))
                raise
            if end is not _End.DONE:
                fate = _give_up(self.future)
                if fate is not _Fate.FINISHED:
                    raise self._given_up(end, fate)
            return self._outcome()
        finally:
            del self, send

    def shared_result(self) -> T:
        """Wait, and leave the future to others who wait for it if the wait ends before it does.

        Returns:
            The future's result.

        Raises:
            WaitTimeout: see :meth:`discobase.portal.Portal.wait_shared`, as for the others.
            Disconnected: the same.
            BaseException: the future's own exception, or what interrupted the wait.
        """
        try:
            end = self._until_end(lock_until_done(self.future))
            if is_done(self.future):
                return self._outcome()
            if end is _End.TIMED_OUT:
                raise WaitTimeout(f"{self.what} is still to come after {self._seconds}.")
            if end is _End.DEADLOCKED:
                raise WouldDeadlock(self._cycle())
            raise self._aborted(_Fate.UNKNOWN)
        finally:
            del self

    def _until_end(self, done: threading.Lock) -> _End:
        deadline = float("inf") if self.timeout is None else time.monotonic() + self.timeout
        while True:
            left = min(POLL_SECONDS, deadline - time.monotonic())
            if done.acquire(timeout=max(left, 0)):
                return _End.DONE
            if not self.loop_thread.thread.is_alive():
                return _End.THREAD_ENDED
            if time.monotonic() >= deadline:
                return _End.TIMED_OUT
            if blocking_handler() is not None:
                return _End.DEADLOCKED
            self.loop_thread.log_if_blocked()
            if self.meanwhile is not None:
                self.meanwhile()

    def _outcome(self) -> T:
        """Return the result of a future that is done, or raise its exception for this waiter."""
        if self.future.cancelled():
            raise self._aborted(_Fate.WITHDRAWN)
        error = self.future.exception()
        if error is None:
            return self.future.result()
        try:
            if isinstance(error, concurrent.futures.CancelledError):
                raise self._aborted(_Fate.UNKNOWN)
            raise reraisable(error)
        finally:
            del error, self

    def _note(self, fate: _Fate) -> str:
        if fate is _Fate.WITHDRAWN:
            return f"{self.what} was withdrawn before it was sent"
        if fate is _Fate.FINISHED:
            return f"{self.what} had ended already"
        if self.writes:
            return f"{self.what} was under way: its outcome is unknown"
        return f"{self.what} was under way, and was cancelled"

    def _given_up(self, end: _End, fate: _Fate) -> DiscobaseError:
        if end is _End.TIMED_OUT:
            return self._timed_out(fate)
        return self._deadlocked(fate) if end is _End.DEADLOCKED else self._aborted(fate)

    def _deadlocked(self, fate: _Fate) -> DiscobaseError:
        if fate is _Fate.UNKNOWN and self.writes:
            return OutcomeUnknown(f"{self._cycle()} It was under way already; {self.advice}")
        return WouldDeadlock(f"{self._cycle()} It was withdrawn, and nothing was written.")

    def _cycle(self) -> str:
        return (
            f"{self.what} was called in a logging handler, which is held until it ends, and for "
            f"which the thread that has to answer waits, to log something itself. Let the handler "
            f"hand records over to another thread, as logging.handlers.QueueHandler does, or keep "
            f"those of discobase, discord, aiohttp and asyncio from it."
        )

    @property
    def _seconds(self) -> str:
        """The timeout in words. Rounded: of a caller's a little has gone before the wait."""
        return f"{round(self.timeout or 0, 3):g} s"

    def _timed_out(self, fate: _Fate) -> DiscobaseError:
        if fate is _Fate.WITHDRAWN:
            return WaitTimeout(
                f"{self.what} did not begin within {self._seconds}; "
                f"it was withdrawn, and nothing was written."
            )
        if self.writes:
            return OutcomeUnknown(
                f"{self.what} was under way when its {self._seconds} were over; {self.advice}"
            )
        return WaitTimeout(f"{self.what} did not end within {self._seconds}, and was cancelled.")

    def _aborted(self, fate: _Fate) -> DiscobaseError:
        error: DiscobaseError
        reason = self.loop_thread.abort_reason()
        if fate is _Fate.WITHDRAWN:
            error = Disconnected(f"{self.what} had not begun when {reason}; nothing was written.")
        elif self.writes:
            error = OutcomeUnknown(f"{self.what} was under way when {reason}; {self.advice}")
        else:
            error = Disconnected(f"{self.what} was under way when {reason}.")
        error.__cause__ = self.loop_thread.failure
        return error


def _give_up(future: concurrent.futures.Future[Any]) -> _Fate:
    """Withdraw what is not waited for any more; a coroutine gets a moment to end."""
    if future.cancel():
        return _Fate.WITHDRAWN
    if isinstance(future, Call):
        lock_until_done(future).acquire(timeout=_CANCEL_SECONDS)
    if not is_done(future) or isinstance(future.exception(), concurrent.futures.CancelledError):
        return _Fate.UNKNOWN
    return _Fate.FINISHED
