"""Waiting for a future that the loop will settle, and giving up without a lie about the outcome."""

from __future__ import annotations

import concurrent.futures
import enum
import time
from collections.abc import Callable
from typing import Any, TypeVar

from discobase.errors import DiscobaseError, Disconnected, OutcomeUnknown, WaitTimeout
from discobase.portal.loop_thread import POLL_SECONDS, Call, LoopThread, bell
from discobase.portal.tracebacks import own

T = TypeVar("T")

CANCEL_SECONDS = 1.0
"""How long a coroutine gets to end when it is cancelled because its caller gave up."""


class _Seen(enum.Enum):
    """What ended a wait."""

    SETTLED = enum.auto()
    TIME_OVER = enum.auto()
    THREAD_DEAD = enum.auto()


class _Fate(enum.Enum):
    """What became of a future that nobody waits for any more."""

    WITHDRAWN = enum.auto()  # It never began.
    FINISHED = enum.auto()  # It has a result or an exception of its own.
    UNKNOWN = enum.auto()  # It had begun, and did not come to an end of its own.


def wait(
    host: LoopThread,
    future: concurrent.futures.Future[T],
    *,
    send: Callable[[], object] | None,
    timeout: float | None,
    what: str,
    writes: bool,
) -> T:
    """Wait until the future is settled, the time is over, or the thread is dead.

    Args:
        host: the thread whose loop will settle it.
        future: what to wait for.
        send: brings the future on its way; called where an interrupt finds the future in care.
        timeout: seconds; None for no limit.
        what: what is waited for, for errors, as in "the save".
        writes: whether something may have been changed by what was cut short.

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
            if send is not None:
                send()
            seen = _watch(host, future, timeout)
        except BaseException as interrupt:
            interrupt.add_note(_note(_give_up(future), what, writes))
            raise
        if seen is not _Seen.SETTLED:
            fate = _give_up(future)
            if fate is not _Fate.FINISHED and seen is _Seen.TIME_OVER:
                raise _too_late(fate, what, writes, timeout)
            if fate is not _Fate.FINISHED:
                raise _cut_short(host, fate, what, writes)
        return _outcome(host, future, what, writes)
    finally:
        # The traceback of what is raised holds this frame: without this it would be a cycle.
        del future, send


def attend(
    host: LoopThread, future: concurrent.futures.Future[T], *, timeout: float | None, what: str
) -> T:
    """Wait for something that is not the waiter's own: nothing becomes of it when the wait ends.

    Args:
        host: the thread whose loop will settle it.
        future: what to wait for.
        timeout: seconds; None for no limit.
        what: what is waited for, for errors, as in "the connection".

    Returns:
        The future's result.

    Raises:
        WaitTimeout: see :meth:`discobase.portal.Portal.attend`, as for the others.
        Disconnected: the same.
        BaseException: the future's own exception, or what interrupted the wait.
    """
    try:
        seen = _watch(host, future, timeout)
        if future.done():
            return _outcome(host, future, what, writes=False)
        if seen is _Seen.TIME_OVER:
            raise WaitTimeout(f"{what} is still to come after {timeout:g} s.")
        raise _cut_short(host, _Fate.UNKNOWN, what, writes=False)
    finally:
        del future


def _watch(
    host: LoopThread, future: concurrent.futures.Future[Any], timeout: float | None
) -> _Seen:
    deadline = float("inf") if timeout is None else time.monotonic() + timeout
    settled = bell(future)
    while True:
        left = min(POLL_SECONDS, deadline - time.monotonic())
        if settled.acquire(timeout=max(left, 0)):
            return _Seen.SETTLED
        if not host.thread.is_alive():
            return _Seen.THREAD_DEAD
        if time.monotonic() >= deadline:
            return _Seen.TIME_OVER
        host.feel_pulse()


def _give_up(future: concurrent.futures.Future[Any]) -> _Fate:
    """Withdraw what is not waited for any more; a coroutine gets a moment to end."""
    if future.cancel():
        return _Fate.WITHDRAWN
    if isinstance(future, Call):
        bell(future).acquire(timeout=CANCEL_SECONDS)
    if not future.done() or isinstance(future.exception(), concurrent.futures.CancelledError):
        return _Fate.UNKNOWN
    return _Fate.FINISHED


def _note(fate: _Fate, what: str, writes: bool) -> str:
    if fate is _Fate.WITHDRAWN:
        return f"{what} was withdrawn before it was sent"
    if fate is _Fate.FINISHED:
        return f"{what} had ended already"
    if writes:
        return f"{what} was under way: its outcome is unknown"
    return f"{what} was under way, and was cancelled"


def _too_late(fate: _Fate, what: str, writes: bool, timeout: float | None) -> DiscobaseError:
    if fate is _Fate.WITHDRAWN:
        return WaitTimeout(
            f"{what} did not begin within {timeout:g} s; it was withdrawn, and nothing was written."
        )
    if writes:
        return OutcomeUnknown(
            f"{what} was under way when its {timeout:g} s were over; "
            f"look whether it happened before you repeat it."
        )
    return WaitTimeout(f"{what} did not end within {timeout:g} s, and was cancelled.")


def _cut_short(host: LoopThread, fate: _Fate, what: str, writes: bool) -> DiscobaseError:
    error: DiscobaseError
    if fate is _Fate.WITHDRAWN:
        error = Disconnected(f"{what} had not begun when {host.why()}; nothing was written.")
    elif writes:
        error = OutcomeUnknown(
            f"{what} was under way when {host.why()}; "
            f"look whether it happened before you repeat it."
        )
    else:
        error = Disconnected(f"{what} was under way when {host.why()}.")
    error.__cause__ = host.death
    return error


def _outcome(host: LoopThread, future: concurrent.futures.Future[T], what: str, writes: bool) -> T:
    """The result of a settled future, or its exception in a form that is this waiter's own."""
    if future.cancelled():
        raise _cut_short(host, _Fate.WITHDRAWN, what, writes)
    error = future.exception()
    if error is None:
        return future.result()
    try:
        if isinstance(error, concurrent.futures.CancelledError):
            raise _cut_short(host, _Fate.UNKNOWN, what, writes)
        raise own(error)
    finally:
        del error, future
