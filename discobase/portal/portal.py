"""The way into the loop thread for callers that block."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import sys
import threading
import warnings
import weakref
from collections.abc import Awaitable, Callable
from functools import partial
from typing import ParamSpec, TypeVar, TypeVarTuple

from discobase.errors import ConnectError, DiscobaseError, Disconnected, NotConnected
from discobase.portal.loop_thread import ABANDONED_SECONDS, Call, LoopThread
from discobase.portal.tracebacks import described, users_line
from discobase.portal.waiting import attend, wait

P = ParamSpec("P")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_loop_warning_given = threading.Event()


class Portal:
    """A daemon thread with an event loop, and the way into it for blocking callers.

    Making one costs nothing: the thread is made by :meth:`start`. Stop it with :meth:`stop`; a
    portal that is collected, or alive at exit, is stopped as well, with a ``ResourceWarning``.
    All methods may be called from any thread.

    Args:
        name: what to call it in errors and warnings, and the thread's name.
        patience: seconds for which the loop may leave a waiter's question unanswered before its
            stack is logged as a warning.
    """

    def __init__(self, name: str = "discobase", *, patience: float = 5.0) -> None:
        self.name = name
        self._patience = patience
        self._host: LoopThread | None = None
        self._forget: Callable[[], object] | None = None
        # By process: one that another thread held at the moment of a fork would stay locked.
        self._locks: dict[int, threading.Lock] = {}

    def __repr__(self) -> str:
        state = "alive" if self.alive else "forked" if self.forked else "not running"
        return f"<Portal {self.name!r}: {state}>"

    @property
    def alive(self) -> bool:
        """Whether the loop runs, in this process, and was not asked to stop. Does not block."""
        return self._host is not None and self._host.alive

    @property
    def forked(self) -> bool:
        """Whether its thread stayed behind in the process from which this one was forked."""
        return self._host is not None and self._host.inherited

    @property
    def death(self) -> BaseException | None:
        """What killed the thread; None while it lives, and when it was stopped."""
        return None if self._host is None else self._host.death

    @property
    def thread(self) -> threading.Thread:
        """The thread of the last start.

        Raises:
            NotConnected: the portal was never started.
        """
        return self._last_host().thread

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop of the last start.

        Raises:
            NotConnected: the portal was never started.
        """
        return self._last_host().loop

    def start(self) -> None:
        """Start the thread and return when its loop runs; do nothing when it runs already.

        Blocks for about a millisecond. May be called again after :meth:`stop`, after the thread
        has died, and in a forked child.

        Raises:
            ConnectError: no thread or no event loop is to be had; its cause says why.
        """
        with self._locks.setdefault(os.getpid(), threading.Lock()):
            if self.alive:
                return
            self._detach()
            host = LoopThread(self.name, self._patience)
            try:
                host.begin()
            except Exception as error:
                raise ConnectError(
                    f"the thread {self.name!r} could not be started: {described(error)}"
                ) from error
            self._host = host
            finalizer = weakref.finalize(self, _abandon, host)
            finalizer.atexit = False
            self._forget = finalizer.detach

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
            Disconnected: its thread died, or stayed behind in another process at a fork.
        """
        host = self._live_host()
        call: Call[T] = Call(host, _name(function))
        self._launch(call, partial(function, *args, **kwargs))
        return call

    def call(
        self,
        function: Callable[[*Ts], Awaitable[T]],
        *args: *Ts,
        timeout: float | None = None,
        what: str | None = None,
        writes: bool = False,
    ) -> T:
        """Run a coroutine function on the loop, and wait for what it returns.

        When the wait ends early the coroutine is cancelled, and gets a second to end.

        Args:
            function: called on the loop; what it returns is awaited.
            *args: its arguments.
            timeout: seconds to wait; None for no limit.
            what: what the call does, for errors, as in "the save"; else the function's name.
            writes: whether a coroutine that was cut short may have changed something.

        Returns:
            What the coroutine returns, also if it does so while it is being cancelled.

        Raises:
            WaitTimeout: the time was over before the coroutine began, or `writes` is false.
            OutcomeUnknown: the coroutine was cut short, and `writes` is true.
            Disconnected: the portal was stopped meanwhile, its thread died, or stayed behind in
                another process at a fork.
            NotConnected: the portal was never started, or was stopped.
            WouldDeadlock: called on the loop thread.
            BaseException: what the coroutine raised; or what interrupted the wait, with a note
                on what became of the coroutine.
        """
        host = self._live_host()
        _check_may_block(host, what or _name(function))
        call: Call[T] = Call(host, _name(function))
        try:
            return wait(
                host,
                call,
                send=partial(self._launch, call, partial(function, *args)),
                timeout=timeout,
                what=what or _name(function),
                writes=writes,
            )
        finally:
            del call

    def wait(
        self,
        future: concurrent.futures.Future[T],
        *,
        timeout: float | None,
        what: str,
        send: Callable[[], object] | None = None,
    ) -> T:
        """Wait for a future that something on the loop will settle.

        Args:
            future: one from :meth:`submit`, or any that is marked as running, by
                ``set_running_or_notify_cancel``, before what it stands for has an effect.
            timeout: seconds to wait; None for no limit.
            what: what is waited for, for errors, as in "the save".
            send: puts the future where the loop finds it. An interrupt between that and the wait
                would leave the future to itself; when it is done here it is answered.

        Returns:
            The future's result.

        Raises:
            WaitTimeout: the time was over before it was running; it is cancelled, and nothing
                was written.
            OutcomeUnknown: it was running when the time was over, or when the thread died.
            Disconnected: the portal was stopped, or its thread died, before it was running; or
                the thread stayed behind in another process at a fork.
            NotConnected: the portal was never started.
            WouldDeadlock: called on the loop thread.
            BaseException: the future's exception; or what interrupted the wait, with a note on
                what became of the future.
        """
        host = future.host if isinstance(future, Call) else self._last_host()
        if host.inherited:
            raise self._not_alive(host)
        _check_may_block(host, what)
        try:
            return wait(host, future, send=send, timeout=timeout, what=what, writes=True)
        finally:
            del future, send

    def attend(
        self, future: concurrent.futures.Future[T], *, timeout: float | None, what: str
    ) -> T:
        """Wait for a future that others wait for too. It is left alone when this wait ends early.

        Args:
            future: what something on the loop will settle.
            timeout: seconds to wait; None for no limit.
            what: what is waited for, for errors, as in "the connection".

        Returns:
            The future's result.

        Raises:
            WaitTimeout: the time was over.
            Disconnected: the thread died, or stayed behind in another process at a fork.
            NotConnected: the portal was never started.
            WouldDeadlock: called on the loop thread.
            BaseException: the future's exception, or what interrupted the wait.
        """
        host = self._last_host()
        if host.inherited:
            raise self._not_alive(host)
        _check_may_block(host, what)
        try:
            return attend(host, future, timeout=timeout, what=what)
        finally:
            del future

    def abandon(self) -> None:
        """Stop a portal that nobody will stop any more, with a ``ResourceWarning``. It only posts,
        so it is fit for finalizers: on any thread, amid anything.
        """
        self._detach()
        if self._host is not None:
            _abandon(self._host)

    def stop(self, timeout: float = 5.0) -> None:
        """Cancel what runs, close async generators, and end the thread. Idempotent.

        It does not wait on the loop thread itself, nor with a `timeout` of 0, and then it is fit
        for finalizers. In a forked child it does nothing: the thread is the parent's.

        Args:
            timeout: seconds to wait at most. What does not heed its cancellation for so long is
                left behind, and logged.
        """
        host = self._host
        if host is None or host.inherited:
            return
        self._detach()
        host.stop(timeout)

    def _launch(self, call: Call[T], performance: Callable[[], Awaitable[T]]) -> None:
        if not call.launch(performance):
            raise self._not_alive(call.host)

    def _live_host(self) -> LoopThread:
        host = self._last_host()
        if not host.alive:
            raise self._not_alive(host)
        return host

    def _last_host(self) -> LoopThread:
        if self._host is None:
            raise NotConnected(f"{self.name!r} was never opened.")
        return self._host

    def _not_alive(self, host: LoopThread) -> DiscobaseError:
        if host.inherited:
            return Disconnected(
                f"{self.name!r} was opened in the process from which this one was forked, "
                f"and has to be opened again here."
            )
        if host.death is None:
            return NotConnected(f"{self.name!r} was closed.")
        error = Disconnected(f"{self.name!r} is not connected any more: {host.why()}.")
        error.__cause__ = host.death
        return error

    def _detach(self) -> None:
        forget = self._forget
        if forget is not None:
            forget()


def _abandon(host: LoopThread) -> None:
    """Stop a thread whose portal was collected: on any thread, amid anything, so it only posts."""
    if host.alive:
        host.ask_to_stop(ABANDONED_SECONDS)
        host.warn_unclosed()


def _name(function: Callable[..., object]) -> str:
    return f"{getattr(function, '__qualname__', repr(function))}()"


def _check_may_block(host: LoopThread, what: str) -> None:
    host.refuse_to_block(what)
    if _loop_warning_given.is_set() or not _loop_is_running() or _in_notebook():
        return
    _loop_warning_given.set()
    filename, line = users_line()
    warnings.warn_explicit(
        f"{what} blocks the event loop that runs in this thread: nothing else on it goes on "
        f"meanwhile. Call it in another one, by `await asyncio.to_thread(...)`.",
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


def _in_notebook() -> bool:
    """Whether this is IPython or a Jupyter kernel, where every cell runs inside a loop."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return get_ipython is not None and get_ipython() is not None
