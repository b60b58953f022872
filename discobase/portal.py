"""The loop thread: it runs coroutines for callers that block, and says honestly how each one ended.

A :class:`Portal` owns one daemon thread that runs one asyncio event loop. Any other thread hands it a coroutine function
and waits for what comes of it. Nothing in here knows Discord. What can go wrong between threads is settled here, once:

* *Fork.* The thread does not exist in a child process: there the portal is ``forked``, not ``alive``, every call raises
  instead of waiting for ever, and :meth:`Portal.start` makes a new thread. Locks are made anew in the child. The parent's
  loop and sockets are neither closed nor collected there, since the parent still uses what is behind them. A process forked
  without Python's fork hooks is told by its process id. Whoever owns the portal connects again; the portal only says so.
* *Giving up.* A time limit, Ctrl-C or any exception out of a signal handler ends the wait at once. What has not begun is
  withdrawn; what has begun is cancelled where it can be, and the error, or a note on the interrupt, tells which it was.
* *Deadlock.* A blocking call on the loop thread is refused. Inside another running loop it works, and warns once that it
  blocks that loop. A loop that does not answer has its stack logged.
* *Death.* The thread remembers what killed it and tells every waiter. Nothing that a coroutine raises kills it, neither
  ``KeyboardInterrupt`` nor ``SystemExit``, nor does a coroutine that stops the loop.
* *Exit and garbage.* A portal that is forgotten, or alive when the interpreter exits, is stopped with a ``ResourceWarning``
  that names the line that started it. Exit waits for it a second at most.
* *Tracebacks.* They show the caller's line and the coroutine's, without asyncio between them, and do not grow from one
  waiter to the next. ``DISCOBASE_TRACEBACK=full`` in the environment shows everything.

Not handled: sub-interpreters that forbid daemon threads (:meth:`Portal.start` raises what Python says); gevent and eventlet
after monkey-patching, where a thread is none; two portals whose loops block on each other, which gives the warning above and
then waits; async iterators and context managers, which have to be driven inside one coroutine. Work is never flushed at exit:
on several Python versions neither threads nor name look-ups are to be had by then.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import enum
import logging
import os
import sys
import threading
import time
import traceback
import warnings
import weakref
from collections.abc import Awaitable, Callable
from contextvars import Context
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Generic, ParamSpec, TypeVar, TypeVarTuple

from discobase.errors import (
    ConnectError,
    DiscobaseError,
    Disconnected,
    NotConnected,
    OutcomeUnknown,
    WaitTimeout,
    WouldDeadlock,
)

P = ParamSpec("P")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")

logger = logging.getLogger(__name__)

# Between two looks at the thread and, where a lock cannot be interrupted (Windows), at Ctrl-C.
POLL_SECONDS = 0.1
# How long a coroutine that was cancelled, because its caller gave up, is waited for.
CANCEL_SECONDS = 1.0
# How long a portal that nobody stopped may take to wind down, at interpreter exit and after collection.
ABANDONED_SECONDS = 1.0

_PACKAGE = str(Path(__file__).resolve().parent) + os.sep
_MACHINERY = tuple(
    str(Path(module.__file__ or "").parent) + os.sep for module in (asyncio, concurrent.futures)
)


class _Fate(enum.Enum):
    """What became of a future whose waiter gave up."""

    WITHDRAWN = "it never began"
    FINISHED = "it ended by itself"
    UNKNOWN = "it had begun, and was not seen to end"


class _Call(concurrent.futures.Future[T], Generic[T]):
    """The future of a submitted coroutine; ``cancel()`` also reaches a coroutine that runs, and is then False."""

    def __init__(self, run: _Run) -> None:
        super().__init__()
        self._run = run
        self.task: asyncio.Task[None] | None = None

    def cancel(self) -> bool:
        if super().cancel():
            return True
        if not self.done():
            self._run.post(self._cancel_task)
        return False

    def _cancel_task(self) -> None:
        if self.task is not None:
            self.task.cancel()


class _Run:
    """One life of the loop thread; refers to no :class:`Portal`, so that a forgotten portal can be collected."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.pid = os.getpid()
        self.opened_at = users_line()
        self.loop: asyncio.AbstractEventLoop | None = None
        self.started: concurrent.futures.Future[None] = concurrent.futures.Future()
        self.stopping = False
        self.over = False
        self.grace = ABANDONED_SECONDS
        self.death: BaseException | None = None
        self.calls: set[_Call[Any]] = set()
        self.unanswered_since: float | None = None
        self.block_logged = False
        # Threads inherit the starter's context variables on some builds of Python 3.14; the loop outlives them.
        self.thread = threading.Thread(
            target=Context().run, args=(_live, self), name=name, daemon=True
        )

    def begin(self) -> None:
        """Start the thread and wait until the loop runs; raise what kept it from running."""
        bell = _bell(self.started)
        self.thread.start()
        while not bell.acquire(timeout=POLL_SECONDS):
            if not self.thread.is_alive() and not self.started.done():
                raise RuntimeError("the thread ended while it was starting")
        self.started.result()

    def post(self, callback: Callable[..., object], *args: object) -> bool:
        """Have the loop call something soon; False when there is no loop any more. Never waits."""
        if self.loop is None or self.pid != os.getpid():
            return False
        try:
            self.loop.call_soon_threadsafe(callback, *args)
        except RuntimeError:  # The loop is closed.
            return False
        return True

    def ask_to_stop(self, grace: float) -> None:
        """Have the loop wind down within about `grace` seconds. Never waits and takes no lock: finalizers call it."""
        self.grace = grace
        self.stopping = True
        if self.loop is not None:
            self.post(self.loop.stop)

    def start_call(
        self,
        call: _Call[T],
        function: Callable[..., Awaitable[T]],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        """On the loop: begin a submitted call, unless it was withdrawn or the loop is winding down."""
        if self.stopping:
            call.cancel()
        if not call.set_running_or_notify_cancel():
            self.calls.discard(call)
            return
        call.task = asyncio.get_running_loop().create_task(
            _perform(self, call, function, args, kwargs)
        )

    def claim(self, call: _Call[Any]) -> bool:
        """Whether the asker is the one to settle this call: true once for each call."""
        try:
            self.calls.remove(call)
        except KeyError:
            return False
        return True

    def settle_leftovers(self) -> None:
        """After the loop's end: settle what was never begun, or never ended."""
        for call in tuple(self.calls):
            if not self.claim(call):
                continue
            if call.cancel():
                call.set_running_or_notify_cancel()
            else:
                call.set_exception(concurrent.futures.CancelledError(self.why_it_ended()))

    def why_it_ended(self) -> str:
        """The reason for which a call was cancelled, as the second half of a sentence."""
        if self.death is not None:
            return f"its thread died of {_described(self.death)}"
        return "it was closed" if self.stopping else "it was cancelled"

    def refuse_on_loop_thread(self, what: str) -> None:
        """Raise where waiting would keep the loop from ever answering."""
        if threading.get_ident() == self.thread.ident:
            raise WouldDeadlock(
                f"{what} would wait for the thread {self.name!r}, and was called on that very thread. Call it on "
                f"another one: in a coroutine, `await asyncio.to_thread(...)`."
            )

    def feel_pulse(self, patience: float) -> None:
        """Ask the loop for a sign of life; log its stack, once for each time it is blocked longer than `patience` seconds."""
        now = time.monotonic()
        asked = self.unanswered_since
        if asked is None:
            self.unanswered_since = now
            self.post(self._answer)
        elif now - asked >= patience and not self.block_logged:
            self.block_logged = True
            logger.warning(
                "the loop of %r has been blocked for %.1f s, at:\n%s",
                self.name,
                now - asked,
                self.stack(),
            )

    def _answer(self) -> None:
        self.unanswered_since = None
        self.block_logged = False

    def stack(self) -> str:
        """Where the thread is now, as text."""
        frame = sys._current_frames().get(self.thread.ident or 0)
        return (
            "".join(traceback.format_stack(frame))
            if frame is not None
            else "(no stack: the thread has ended)"
        )


class Portal:
    """A daemon thread with an event loop, and the way into it for blocking callers.

    Making one costs nothing: the thread is made by :meth:`start`. Stop it with :meth:`stop`; a portal that is collected, or
    alive at exit, is stopped too, with a ``ResourceWarning``. All methods may be called from any thread.

    Args:
        name: what to call it in errors, warnings and thread lists.
        patience: seconds for which the loop may leave a waiter's question unanswered before its stack is logged.
    """

    def __init__(self, name: str = "discobase", *, patience: float = 5.0) -> None:
        self.name = name
        self._patience = patience
        self._lock = threading.Lock()
        self._run: _Run | None = None
        self._finalizer: weakref.finalize[[_Run], Portal] | None = None
        _portals.add(self)

    def __repr__(self) -> str:
        state = "alive" if self.alive else "forked" if self.forked else "not running"
        return f"<Portal {self.name!r}: {state}>"

    @property
    def alive(self) -> bool:
        """Whether the loop runs, in this process, and has not been asked to stop. Does not block."""
        run = self._run
        return (
            run is not None
            and run.pid == os.getpid()
            and run.thread.is_alive()
            and not run.stopping
        )

    @property
    def forked(self) -> bool:
        """Whether the loop was started in the process from which this one was forked. Does not block."""
        run = self._run
        return run is not None and run.pid != os.getpid()

    @property
    def thread(self) -> threading.Thread:
        """The loop's thread, of the last start.

        Raises:
            NotConnected: the portal was never started.
        """
        return self._last_run().thread

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop, of the last start.

        Raises:
            NotConnected: the portal was never started.
        """
        loop = self._last_run().loop
        assert loop is not None, "a run is only kept when its loop has started"
        return loop

    def start(self) -> None:
        """Start the thread and return when its loop runs; do nothing when it runs already.

        Blocks for about a millisecond. May be called again after :meth:`stop`, after the thread died, and in a forked child.

        Raises:
            ConnectError: no thread, or no event loop, is to be had; the reason is the error's cause.
        """
        with self._lock:
            if self.alive:
                return
            _leave_to_parent(self._run)
            self._forget_finalizer()
            run = _Run(self.name)
            try:
                run.begin()
                self._run = run
                self._finalizer = weakref.finalize(self, _abandon, run)
                self._finalizer.atexit = False
            except BaseException as error:
                run.ask_to_stop(ABANDONED_SECONDS)
                if isinstance(error, Exception):
                    raise ConnectError(
                        f"the thread {self.name!r} could not be started: {_described(error)}"
                    ) from error
                raise

    def submit(
        self, function: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs
    ) -> concurrent.futures.Future[T]:
        """Run a coroutine function on the loop and return at once.

        The caller's context variables are seen by the coroutine. The loop keeps the coroutine alive until it ends.

        Args:
            function: called on the loop with the arguments that follow; what it returns is awaited.

        Returns:
            The future of its result. ``cancel()`` on it is true when the coroutine had not begun; otherwise the coroutine
            is cancelled, and the future ends as soon as it has. A coroutine that was cancelled while it ran leaves
            ``concurrent.futures.CancelledError`` as the future's exception. Whoever submits reads the future: an exception
            that nobody reads is not reported.

        Raises:
            NotConnected: the portal was never started, or is stopped.
            Disconnected: its thread died, or belongs to the process from which this one was forked.
        """
        run = self._last_run()
        if not self.alive:
            raise self._not_alive(run)
        call: _Call[T] = _Call(run)
        run.calls.add(call)
        posted = run.post(run.start_call, call, function, args, kwargs)
        if not posted and run.claim(call):
            raise self._not_alive(run)
        if run.over:
            run.settle_leftovers()
        return call

    def call(
        self,
        function: Callable[[*Ts], Awaitable[T]],
        *args: *Ts,
        timeout: float | None = None,
        what: str | None = None,
        writes: bool = False,
    ) -> T:
        """Run a coroutine function on the loop and wait for what it returns.

        When the wait ends early, by time limit or interrupt, the coroutine is cancelled and gets a second to end.

        Args:
            function: called on the loop with the arguments that follow; what it returns is awaited.
            timeout: seconds to wait; None for no limit.
            what: what the call does, for errors, as in "the save"; the function's name by default.
            writes: whether a coroutine that was cut short may have changed something.

        Returns:
            What the coroutine returns, even if it did so while it was being cancelled.

        Raises:
            WaitTimeout: the time was over before the coroutine began, or `writes` is false.
            OutcomeUnknown: the coroutine was cut short, and `writes` is true.
            Disconnected: the portal was stopped meanwhile, its thread died, or this process is a fork.
            NotConnected: the portal was never started, or is stopped.
            WouldDeadlock: called on the loop thread.
            BaseException: what the coroutine raised, or what interrupted the wait.
        """
        what = what or f"{getattr(function, '__qualname__', function)}()"
        self._last_run().refuse_on_loop_thread(what)
        return self._wait(self.submit(function, *args), timeout, what, writes)

    def wait(self, future: concurrent.futures.Future[T], *, timeout: float | None, what: str) -> T:
        """Wait for a future that something on the loop will settle.

        Args:
            future: marked as running (``set_running_or_notify_cancel``) by whoever takes it up, before it has any effect.
            timeout: seconds to wait; None for no limit.
            what: what is waited for, for errors, as in "the save".

        Returns:
            The future's result.

        Raises:
            WaitTimeout: the time was over before the future was taken up; it is cancelled, and nothing was written.
            OutcomeUnknown: it had been taken up when the time was over, or when the thread died.
            Disconnected: the portal was stopped or its thread died before the future was taken up, or this process is a fork.
            NotConnected: the portal was never started.
            WouldDeadlock: called on the loop thread.
            BaseException: the future's exception, or what interrupted the wait: that is raised as it is, with a note that
                says what became of the future.
        """
        self._last_run().refuse_on_loop_thread(what)
        return self._wait(future, timeout, what, writes=True)

    def stop(self, timeout: float = 5.0) -> None:
        """Cancel what runs, close async generators, and end the thread. Idempotent.

        Does not wait on the loop thread itself, nor with a `timeout` of 0. In a forked child it does nothing, since the
        thread is the parent's.

        Args:
            timeout: seconds to wait at most. What does not heed its cancellation for so long is left behind, and logged.
        """
        run = self._run
        if run is None or run.pid != os.getpid():
            return
        self._forget_finalizer()
        run.ask_to_stop(0.9 * timeout if timeout > 0 else ABANDONED_SECONDS)
        if timeout <= 0 or threading.get_ident() == run.thread.ident:
            return
        deadline = time.monotonic() + timeout
        while run.thread.is_alive() and (left := deadline - time.monotonic()) > 0:
            run.thread.join(min(POLL_SECONDS, left))
        if run.thread.is_alive():
            logger.warning(
                "the thread %r did not end within %g s; it is at:\n%s",
                self.name,
                timeout,
                run.stack(),
            )

    def _last_run(self) -> _Run:
        run = self._run
        if run is None:
            raise NotConnected(f"{self.name!r} is not started.")
        return run

    def _not_alive(self, run: _Run) -> DiscobaseError:
        if run.pid != os.getpid():
            return Disconnected(
                f"{self.name!r} was started in the process from which this one was forked: start it here."
            )
        if run.death is not None:
            error = Disconnected(f"{self.name!r} is not connected any more: {run.why_it_ended()}.")
            error.__cause__ = run.death
            return error
        return NotConnected(f"{self.name!r} is closed.")

    def _wait(
        self, future: concurrent.futures.Future[T], timeout: float | None, what: str, writes: bool
    ) -> T:
        run = self._last_run()
        if self.forked:
            raise self._not_alive(run)
        _warn_inside_a_loop(what)
        try:
            try:
                in_time = self._watch(run, future, timeout)
            except BaseException as interrupt:
                interrupt.add_note(_note(_give_up(future), what))
                raise
            if not future.done():
                fate = _give_up(future)
                if fate is not _Fate.FINISHED:
                    raise _cut_short(run, fate, what, writes, None if not in_time else timeout)
            return _outcome(run, future, what, writes)
        finally:
            # The exception's traceback holds this frame: without this, a cycle would keep both until the next collection.
            del future

    def _watch(
        self, run: _Run, future: concurrent.futures.Future[Any], timeout: float | None
    ) -> bool:
        """Wait until the future is settled or the time is over (True), or the thread is dead (False)."""
        deadline = None if timeout is None else time.monotonic() + timeout
        bell = _bell(future)
        while True:
            left = (
                POLL_SECONDS if deadline is None else min(POLL_SECONDS, deadline - time.monotonic())
            )
            if bell.acquire(timeout=max(left, 0)):
                return True
            if not run.thread.is_alive():
                return False
            if left < POLL_SECONDS and deadline is not None and time.monotonic() >= deadline:
                return True
            run.feel_pulse(self._patience)

    def _forget_finalizer(self) -> None:
        if self._finalizer is not None:
            self._finalizer.detach()
            self._finalizer = None

    def _after_fork(self) -> None:
        self._lock = threading.Lock()
        self._forget_finalizer()
        _leave_to_parent(self._run)


def users_line() -> str:
    """The place in the caller's own code from which the package was called, as ``file:line``."""
    frame = _users_frame()
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def _users_frame() -> FrameType:
    frame = sys._getframe()
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    return frame


def _described(error: BaseException) -> str:
    return traceback.format_exception_only(error)[-1].strip()


def _live(run: _Run) -> None:
    """The thread's body: run the loop until it is asked to stop, then wind down."""
    try:
        run.loop = loop = asyncio.new_event_loop()
    except BaseException as error:
        run.started.set_exception(error)
        return
    asyncio.set_event_loop(loop)
    loop.call_soon(run.started.set_result, None)
    try:
        _keep_running(run, lambda: run.stopping)
        winding_down = loop.create_task(_wind_down(run))
        winding_down.add_done_callback(lambda _: loop.stop())
        _keep_running(run, winding_down.done)
        winding_down.result()
    except BaseException as error:
        run.death = error
        logger.critical("the thread %r died", run.name, exc_info=error)
    finally:
        _close(run, loop)


def _keep_running(run: _Run, finished: Callable[[], bool]) -> None:
    """Run the loop until `finished`, whoever stops it and whatever a task raises through it."""
    assert run.loop is not None
    while not finished():
        try:
            run.loop.run_forever()
        except (KeyboardInterrupt, SystemExit) as error:
            # asyncio lets these two through although the task that raised them has kept them: the other tasks go on.
            logger.error(
                "a task on the loop of %r raised %s", run.name, _described(error), exc_info=error
            )


async def _wind_down(run: _Run) -> None:
    """Cancel every task, those too that are made meanwhile, and wait for them as long as the grace lasts."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + run.grace
    while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
        for task in tasks:
            task.cancel()
        _, pending = await asyncio.wait(tasks, timeout=max(0, deadline - loop.time()))
        if pending and loop.time() >= deadline:
            logger.warning(
                "%r is closed although these did not end: %s", run.name, sorted(map(repr, pending))
            )
            break
    try:
        await asyncio.wait_for(
            loop.shutdown_asyncgens(), max(CANCEL_SECONDS, deadline - loop.time())
        )
    except TimeoutError:
        logger.warning("%r is closed although an async generator did not end", run.name)


def _close(run: _Run, loop: asyncio.AbstractEventLoop) -> None:
    try:
        asyncio.set_event_loop(None)
        loop.close()
    except Exception:
        logger.exception("the loop of %r could not be closed", run.name)
    finally:
        run.over = True
        run.settle_leftovers()


async def _perform(
    run: _Run,
    call: _Call[T],
    function: Callable[..., Awaitable[T]],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> None:
    """Await the function and settle the call; nothing it raises goes further, least of all to the loop."""
    try:
        result = await function(*args, **kwargs)
    except asyncio.CancelledError:
        if run.claim(call):
            call.set_exception(concurrent.futures.CancelledError(run.why_it_ended()))
    except BaseException as error:
        if run.claim(call):
            call.set_exception(_trimmed(error))
    else:
        if run.claim(call):
            call.set_result(result)


def _bell(future: concurrent.futures.Future[Any]) -> threading.Lock:
    """A lock that can be acquired once the future is settled.

    A bare lock and not the future's own condition, nor an event: an interrupt that strikes inside one of those can leave it
    locked, and then the loop thread would hang when it settles the future.
    """
    bell = threading.Lock()
    bell.acquire()
    future.add_done_callback(lambda _: bell.release())
    return bell


def _give_up(future: concurrent.futures.Future[Any]) -> _Fate:
    """Withdraw or cancel what a waiter does not wait for any more; a submitted coroutine gets a moment to end."""
    if future.cancel():
        return _Fate.WITHDRAWN
    if isinstance(future, _Call) and not _bell(future).acquire(timeout=CANCEL_SECONDS):
        return _Fate.UNKNOWN
    if not future.done() or isinstance(future.exception(), concurrent.futures.CancelledError):
        return _Fate.UNKNOWN
    return _Fate.FINISHED


def _note(fate: _Fate, what: str) -> str:
    if fate is _Fate.WITHDRAWN:
        return f"{what} was withdrawn before it was sent"
    if fate is _Fate.FINISHED:
        return f"{what} had ended already"
    return f"{what} was under way: its outcome is unknown"


def _cut_short(
    run: _Run, fate: _Fate, what: str, writes: bool, timeout: float | None
) -> DiscobaseError:
    """The error for a wait that ended before the future did: by `timeout`, or because the thread is dead (None)."""
    reason = f"its {timeout:g} s were over" if timeout is not None else run.why_it_ended()
    error: DiscobaseError
    if fate is _Fate.UNKNOWN and writes:
        error = OutcomeUnknown(
            f"{what} was under way when {reason}: look whether it happened before you repeat it."
        )
    elif timeout is not None:
        rest = (
            "it was withdrawn, and nothing was written"
            if fate is _Fate.WITHDRAWN
            else "it was cancelled"
        )
        error = WaitTimeout(f"{what} did not end within {timeout:g} s: {rest}.")
    else:
        error = Disconnected(f"{what} was waiting when {reason}; nothing was written.")
    error.__cause__ = run.death
    return error


def _outcome(run: _Run, future: concurrent.futures.Future[T], what: str, writes: bool) -> T:
    """The result of a settled future, or its exception in a form that is this waiter's own."""
    if future.cancelled():
        raise _cut_short(run, _Fate.WITHDRAWN, what, writes, None)
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, concurrent.futures.CancelledError):
        raise _cut_short(run, _Fate.UNKNOWN, what, writes, None)
    try:
        raise _own(error)
    finally:
        del error, future


def _own(error: BaseException) -> BaseException:
    """An exception to raise in one waiter, although others may get the same one.

    Errors of this package, which a whole batch of waiters may share, are copied. Others cannot be copied in general: they
    are raised as they are, with the traceback that the coroutine gave them and nothing of what earlier waiters added.
    """
    if not isinstance(error, DiscobaseError):
        return _trimmed(error)
    kind = type(error)
    twin = kind.__new__(kind, *error.args)
    twin.args = error.args
    twin.__dict__.update(error.__dict__)
    if hasattr(error, "__notes__"):
        twin.__notes__ = list(error.__notes__)
    twin.__cause__, twin.__context__ = error.__cause__, error.__context__
    twin.__suppress_context__ = error.__suppress_context__
    return _trimmed(twin.with_traceback(error.__traceback__))


def _trimmed(error: BaseException) -> BaseException:
    """The same exception, without the frames that tell its reader nothing."""
    if os.environ.get("DISCOBASE_TRACEBACK") == "full":
        return error
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        link.__traceback__ = _without_machinery(link.__traceback__)
        link = link.__cause__ or link.__context__
    return error


def _without_machinery(trace: TracebackType | None) -> TracebackType | None:
    """A traceback's entries below the last one of this module, without those of asyncio."""
    kept: list[TracebackType] = []
    while trace is not None:
        filename = trace.tb_frame.f_code.co_filename
        if filename == __file__:
            kept.clear()
        elif not filename.startswith(_MACHINERY):
            kept.append(trace)
        trace = trace.tb_next
    below: TracebackType | None = None
    for entry in reversed(kept):
        below = TracebackType(below, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return below


_loop_warning_given = False


def _warn_inside_a_loop(what: str) -> None:
    """Warn, once in a process, that a running event loop is being blocked; a notebook's loop is made for that."""
    global _loop_warning_given
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    if _loop_warning_given or _in_notebook():
        return
    _loop_warning_given = True
    frame = _users_frame()
    warnings.warn_explicit(
        f"{what} blocks the event loop that runs in this thread: nothing else on it goes on meanwhile. Call it in a "
        f"thread, as in `await asyncio.to_thread(...)`.",
        RuntimeWarning,
        frame.f_code.co_filename,
        frame.f_lineno,
    )


def _in_notebook() -> bool:
    """Whether this is IPython or a Jupyter kernel, which run every cell inside a loop."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and ipython.get_ipython() is not None


_portals: weakref.WeakSet[Portal] = weakref.WeakSet()
_left_to_parent: list[_Run] = []


def _leave_to_parent(run: _Run | None) -> None:
    """Keep what a fork inherited from ever being collected, and so closed under the parent's feet."""
    if run is not None and run.pid != os.getpid() and run not in _left_to_parent:
        _left_to_parent.append(run)


def _after_fork_in_child() -> None:
    for portal in tuple(_portals):
        portal._after_fork()


def _abandon(run: _Run) -> None:
    """Stop a run whose portal was collected. Runs on any thread, in the middle of anything: it only posts."""
    if run.pid != os.getpid():
        _leave_to_parent(run)
        return
    run.ask_to_stop(ABANDONED_SECONDS)
    _warn_unclosed(run)


def _warn_unclosed(run: _Run) -> None:
    filename, _, line = run.opened_at.rpartition(":")
    message = f"{run.name!r} was never closed; it was opened at {run.opened_at}. Use `with`, or call its close()."
    warnings.warn_explicit(message, ResourceWarning, filename, int(line), source=run)


def _stop_all() -> None:
    """At interpreter exit: stop what still runs, so that no thread is caught half-way by the interpreter's end."""
    for portal in tuple(_portals):
        run = portal._run
        if run is None or not portal.alive:
            continue
        portal.stop(ABANDONED_SECONDS)
        _warn_unclosed(run)


atexit.register(_stop_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
