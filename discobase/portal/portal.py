"""`Portal`: the way into an event loop for callers that block."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import threading
import warnings
import weakref
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, ParamSpec, TypeVar, TypeVarTuple

from discobase.errors import ConnectError, DiscobaseError, Disconnected, NotConnected
from discobase.interactive import ipython_shell
from discobase.portal.call import Call
from discobase.portal.loop_thread import GRACE_SECONDS, LoopThread
from discobase.portal.tracebacks import describe, users_line
from discobase.portal.waiting import REPEAT, Wait

P = ParamSpec("P")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")

BLOCKED_SECONDS = 5.0
"""How long the loop may leave a waiter's question unanswered before it counts as blocked.

A guess: a loop in order answers within milliseconds, and a stack in the log is worth something
only while whoever waits still wonders.
"""

STOP_SECONDS = 5.0
"""How long a stop waits for what runs, unless told otherwise. A guess."""

_loop_warning_given = threading.Event()


class Portal:
    """A daemon thread with an event loop, and the way into it for blocking callers.

    Making one costs nothing: the thread is made by :meth:`start`. Stop it with :meth:`stop`; a
    portal that is collected, or alive at exit, is stopped as well, with a ``ResourceWarning``.
    All methods may be called from any thread.

    Args:
        name: what to call it in errors and warnings, and the thread's name.
        blocked_after: seconds for which the loop may leave a waiter's question unanswered before
            its stack is logged as a warning.
        ends_at_exit: whether nobody is expected to stop it before the interpreter ends, which then
            is no reason for a warning.
    """

    def __init__(
        self,
        name: str = "discobase",
        *,
        blocked_after: float = BLOCKED_SECONDS,
        ends_at_exit: bool = False,
    ) -> None:
        self.name = name
        self._ends_at_exit = ends_at_exit
        self._blocked_after = blocked_after
        self._loop_thread: LoopThread | None = None
        self._finalizer: weakref.finalize[[LoopThread], Any] | None = None
        # By process: one that another thread held at the moment of a fork would stay locked.
        self._start_locks: dict[int, threading.Lock] = {}

    def __repr__(self) -> str:
        state = "alive" if self.alive else "forked" if self.forked else "not running"
        return f"<Portal {self.name!r}: {state}>"

    @property
    def alive(self) -> bool:
        """Whether the loop runs, in this process, and was not asked to stop. Does not block."""
        return self._loop_thread is not None and self._loop_thread.alive

    @property
    def forked(self) -> bool:
        """Whether the thread stayed behind in the process from which this one was forked."""
        return self._loop_thread is not None and self._loop_thread.forked

    @property
    def failure(self) -> BaseException | None:
        """What ended the thread unasked; None while it runs, and when it was stopped."""
        return None if self._loop_thread is None else self._loop_thread.failure

    @property
    def thread(self) -> threading.Thread:
        """The thread of the last start.

        Raises:
            NotConnected: the portal was never started.
        """
        return self._last_started().thread

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop of the last start.

        Raises:
            NotConnected: the portal was never started.
        """
        return self._last_started().loop

    def start(self) -> None:
        """Start the thread and return when its loop runs; do nothing when it runs already.

        Blocks for about a millisecond. May be called again after :meth:`stop`, after the thread
        has failed, and in a forked child.

        Raises:
            ConnectError: no thread or no event loop is to be had; its cause says why.
        """
        with self._start_locks.setdefault(os.getpid(), threading.Lock()):
            if self.alive:
                return
            self._detach_finalizer()
            loop_thread = LoopThread(self.name, self._blocked_after, self._ends_at_exit)
            try:
                loop_thread.start()
            except Exception as error:
                raise ConnectError(
                    f"the thread {self.name!r} could not be started: {describe(error)}"
                ) from error
            self._loop_thread = loop_thread
            finalizer = weakref.finalize(self, _abandon, loop_thread)
            finalizer.atexit = False
            self._finalizer = finalizer

    def submit(
        self, function: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs
    ) -> concurrent.futures.Future[T]:
        """Run a coroutine function on the loop, and return at once.

        The coroutine sees the caller's context variables. The loop keeps it alive to its end.

        Args:
            function: called on the loop; what it returns is awaited.
            *args: its arguments.
            **kwargs: its arguments by name.

        Returns:
            The future of its result. Its ``cancel()`` is true when the coroutine had not begun;
            otherwise the coroutine is cancelled, and leaves
            ``concurrent.futures.CancelledError`` as the future's exception once it has ended.
            Whoever submits reads the future: an exception nobody reads is not reported.

        Raises:
            NotConnected: the portal was never started, or was stopped.
            Disconnected: its thread failed, or stayed behind in another process at a fork.
        """
        call: Call[T] = Call(self._running_thread(), _name(function))
        self._schedule(call, partial(function, *args, **kwargs))
        return call

    def call(
        self,
        function: Callable[[*Ts], Awaitable[T]],
        *args: *Ts,
        timeout: float | None = None,
        what: str | None = None,
        writes: bool = False,
        advice: str = REPEAT,
        meanwhile: Callable[[], object] | None = None,
    ) -> T:
        """Run a coroutine function on the loop, and wait for what it returns.

        When the wait ends early the coroutine is cancelled, and gets a second to end.

        Args:
            function: called on the loop; what it returns is awaited.
            *args: its arguments.
            timeout: seconds to wait; None for no limit.
            what: what the call does, for errors, as in "the save"; else the function's name.
            writes: whether a coroutine that did not come to its end may have changed something.
            advice: what to do where it is not known whether it has.
            meanwhile: called now and then on the thread that waits; what it raises ends the wait.

        Returns:
            What the coroutine returns, also if it does so while it is being cancelled.

        Raises:
            WaitTimeout: the time was over before the coroutine began, or `writes` is false.
            OutcomeUnknown: the coroutine did not come to its end, and `writes` is true.
            Disconnected: the portal was stopped meanwhile, its thread failed, or stayed behind in
                another process at a fork.
            NotConnected: the portal was never started, or was stopped.
            WouldDeadlock: called on the loop thread, on another one that works for a database, or
                in a logging handler for which one of these waits.
            BaseException: what the coroutine raised; or what interrupted the wait, with a note
                on what became of the coroutine.
        """
        loop_thread = self._running_thread()
        name = _name(function)
        self._check_may_wait(loop_thread, what or name)
        call: Call[T] = Call(loop_thread, name)
        schedule = partial(self._schedule, call, partial(function, *args))
        wait = Wait(
            loop_thread,
            call,
            what or name,
            timeout,
            writes=writes,
            advice=advice,
            meanwhile=meanwhile,
        )
        try:
            return wait.result(schedule)
        finally:
            del call, schedule, wait

    def wait(
        self,
        future: concurrent.futures.Future[T],
        *,
        timeout: float | None,
        what: str,
        send: Callable[[], object] | None = None,
    ) -> T:
        """Wait for a future whose outcome something on the loop sets.

        Args:
            future: one from :meth:`submit`, or any that is marked as running, by
                ``set_running_or_notify_cancel``, before what it stands for has an effect.
            timeout: seconds to wait; None for no limit.
            what: what is waited for, for errors, as in "the save".
            send: puts the future where the loop finds it. An interrupt between that and the wait
                would leave the future to itself; where it is done here, none can come between.

        Returns:
            The future's result.

        Raises:
            WaitTimeout: the time was over before it was running; it is cancelled, and nothing
                was written.
            OutcomeUnknown: it was running when the time was over, or when the thread failed.
            Disconnected: the portal was stopped, or its thread failed, before it was running; or
                the thread stayed behind in another process at a fork.
            NotConnected: the portal was never started.
            WouldDeadlock: called on the loop thread, on another one that works for a database, or
                in a logging handler for which one of these waits.
            BaseException: the future's exception; or what interrupted the wait, with a note on
                what became of the future.
        """
        loop_thread = future.loop_thread if isinstance(future, Call) else self._last_started()
        self._check_may_wait(loop_thread, what)
        try:
            return Wait(loop_thread, future, what, timeout, writes=True).result(send)
        finally:
            del future, send

    def wait_shared(
        self,
        future: concurrent.futures.Future[T],
        *,
        timeout: float | None,
        what: str,
        meanwhile: Callable[[], object] | None = None,
    ) -> T:
        """Wait for a future that others wait for too. It is left alone when this wait ends early.

        Args:
            future: one whose outcome something on the loop sets.
            timeout: seconds to wait; None for no limit.
            what: what is waited for, for errors, as in "the connection".
            meanwhile: called now and then on the thread that waits; what it raises ends the wait.

        Returns:
            The future's result.

        Raises:
            WaitTimeout: the time was over.
            Disconnected: the thread failed, or stayed behind in another process at a fork.
            NotConnected: the portal was never started.
            WouldDeadlock: called on the loop thread, on another one that works for a database, or
                in a logging handler for which one of these waits.
            BaseException: the future's exception, or what interrupted the wait.
        """
        loop_thread = self._last_started()
        self._check_may_wait(loop_thread, what)
        try:
            return Wait(loop_thread, future, what, timeout, meanwhile=meanwhile).shared_result()
        finally:
            del future

    def abandon(self) -> None:
        """Stop a portal that nobody will stop any more, with a ``ResourceWarning``.

        It waits for nothing and takes no lock, so it is fit for finalizers: on any thread, in
        the middle of anything.
        """
        self._detach_finalizer()
        if self._loop_thread is not None:
            _abandon(self._loop_thread)

    def stop(self, timeout: float = STOP_SECONDS) -> None:
        """Cancel what runs, close async generators, and end the thread. Idempotent.

        It does not wait on the loop thread itself, nor with a `timeout` of 0, and then it is fit
        for finalizers. In a forked child it does nothing: the thread is the parent's.

        Args:
            timeout: seconds to wait at most. What does not heed its cancellation for so long is
                left behind, and logged.
        """
        loop_thread = self._loop_thread
        if loop_thread is None or loop_thread.forked:
            return
        self._detach_finalizer()
        loop_thread.stop(timeout)

    def _schedule(self, call: Call[T], function: Callable[[], Awaitable[T]]) -> None:
        if not call.schedule(function):
            raise self._not_alive(call.loop_thread)

    def _running_thread(self) -> LoopThread:
        loop_thread = self._last_started()
        if not loop_thread.alive:
            raise self._not_alive(loop_thread)
        return loop_thread

    def _last_started(self) -> LoopThread:
        if self._loop_thread is None:
            raise NotConnected(f"{self.name!r} was never opened.")
        return self._loop_thread

    def _check_may_wait(self, loop_thread: LoopThread, what: str) -> None:
        if loop_thread.forked:
            raise self._not_alive(loop_thread)
        loop_thread.raise_if_awaited(what)
        _warn_inside_a_loop(what)

    def _not_alive(self, loop_thread: LoopThread) -> DiscobaseError:
        if loop_thread.forked:
            return Disconnected(
                f"{self.name!r} was opened in the process from which this one was forked, "
                f"and has to be opened again here."
            )
        if loop_thread.failure is None:
            return NotConnected(f"{self.name!r} was closed.")
        reason = loop_thread.abort_reason()
        error = Disconnected(f"{self.name!r} is not connected any more: {reason}.")
        error.__cause__ = loop_thread.failure
        return error

    def _detach_finalizer(self) -> None:
        if self._finalizer is not None:
            self._finalizer.detach()


def _abandon(loop_thread: LoopThread) -> None:
    """Stop a thread whose portal is gone. Fit for finalizers, see :meth:`Portal.abandon`."""
    if loop_thread.alive:
        loop_thread.ask_to_stop(GRACE_SECONDS)
        loop_thread.warn_unclosed()


def _name(function: Callable[..., object]) -> str:
    return f"{getattr(function, '__qualname__', repr(function))}()"


def _warn_inside_a_loop(what: str) -> None:
    """Warn, once in a process, of a wait that blocks the running loop of its own thread."""
    if _loop_warning_given.is_set() or not _loop_is_running():
        return
    if ipython_shell() is not None:  # there every cell runs inside a loop
        return
    _loop_warning_given.set()
    filename, line = users_line()
    warnings.warn_explicit(
        f"{what} blocks the event loop that runs in this thread: nothing else on it goes on "
        f"meanwhile. Call it in another one, by `await asyncio.to_thread(...)`; connect by "
        f"`async with`.",
        RuntimeWarning,
        filename,
        line,
    )


def _loop_is_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
