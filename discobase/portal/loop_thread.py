"""One thread that runs one event loop, from its start to its end, whatever the coroutines do."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import os
import select
import selectors
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable
from contextvars import Context
from typing import Any

from discobase.at_exit import ends_threads
from discobase.errors import NotConnected, WouldDeadlock
from discobase.own_threads import is_own_thread, own_thread
from discobase.portal.done_lock import POLL_SECONDS, lock_until_done
from discobase.portal.tracebacks import describe, users_line
from discobase.standard_descriptors import occupy_standard_descriptors
from discobase.worker import Worker

_log = logging.getLogger(__name__)

GRACE_SECONDS = 1.0
"""How long coroutines may take to end where nobody said: at exit, or when the owner is gone.

A guess: enough to close connections, and too short for an exit that seems to hang.
"""

_GRACE_SHARE = 0.9
"""The part of the time for a stop that coroutines get; the rest is for closing the loop. A guess.
"""

_GENERATOR_SECONDS = 1.0
"""How long async generators may take to close, even where the grace period is over. A guess."""


class LoopThread:
    """A daemon thread with its loop. It knows no portal, so that a portal can be collected.

    Args:
        name: the thread's name, and what errors and warnings call it.
        blocked_after: seconds without an answer after which the loop counts as blocked, and its
            stack is logged.
        ends_at_exit: whether it is right that the interpreter's end stops it.

    Attributes:
        pid: the process in which it was made.
        failure: what ended the thread unasked; None while it runs, and when it was stopped.
        stopping: whether it has been asked to stop.
        thread: the thread itself.
    """

    def __init__(self, name: str, blocked_after: float, ends_at_exit: bool = False) -> None:
        self.name = name
        self.ends_at_exit = ends_at_exit
        self.pid = os.getpid()
        self.failure: BaseException | None = None
        self.stopping = False
        # Some builds of Python 3.14 give a thread the starter's context; this one outlives it.
        self.thread = threading.Thread(target=Context().run, args=(_run, self), name=name)
        self.thread.daemon = True
        self._opened_at = users_line()
        self._blocked_after = blocked_after
        self._executor = Worker(f"{name}: name look-ups and the like")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._started: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._unfinished: set[concurrent.futures.Future[Any]] = set()
        self._grace_period = GRACE_SECONDS
        self._asked_at: float | None = None
        self._block_logged = False

    @property
    def forked(self) -> bool:
        """Whether the thread stayed behind in the process from which this one was forked."""
        return self.pid != os.getpid()

    @property
    def alive(self) -> bool:
        """Whether the thread runs, in this process, and has not been asked to stop."""
        return not self.forked and self.thread.is_alive() and not self.stopping

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop of a thread that was started."""
        if self._loop is None:
            raise NotConnected(f"{self.name!r} was never opened.")
        return self._loop

    def start(self) -> None:
        """Start the thread, and wait until its loop runs or raise what keeps it from running."""
        started = lock_until_done(self._started)
        try:
            occupy_standard_descriptors()
            self.thread.start()
            while not started.acquire(timeout=POLL_SECONDS):
                pass
            self._started.result()
        except BaseException:
            self.ask_to_stop(GRACE_SECONDS)
            raise

    def call_soon(self, callback: Callable[..., object], *args: object) -> bool:
        """Have the loop call something soon. Never waits, and takes no lock.

        Returns:
            Whether there is a loop to call it.
        """
        if self._loop is None or self.forked:
            return False
        try:
            self._loop.call_soon_threadsafe(callback, *args)
        except RuntimeError:  # The loop is closed.
            return False
        return True

    def register(self, future: concurrent.futures.Future[Any]) -> None:
        """Have a future finished at the loop's end, if nobody has unregistered it before."""
        self._unfinished.add(future)

    def unregister(self, future: concurrent.futures.Future[Any]) -> bool:
        """Take back a future that was registered.

        Returns:
            Whether the caller is to set the future's outcome: true once for each future.
        """
        try:
            self._unfinished.remove(future)
        except KeyError:
            return False
        return True

    def ask_to_stop(self, grace_period: float) -> None:
        """Have the loop shut down. Never waits, and takes no lock: finalizers call it.

        Args:
            grace_period: seconds that coroutines get to heed their cancellation.
        """
        self._grace_period = grace_period
        self.stopping = True
        if self._loop is not None:
            self.call_soon(self._loop.stop)

    def stop(self, timeout: float) -> None:
        """Have the loop shut down, and wait for the thread's end for `timeout` seconds at most."""
        self.ask_to_stop(_GRACE_SHARE * timeout if timeout > 0 else GRACE_SECONDS)
        if timeout <= 0 or threading.get_ident() == self.thread.ident:
            return
        deadline = time.monotonic() + timeout
        while self.thread.is_alive() and (left := deadline - time.monotonic()) > 0:
            self.thread.join(min(POLL_SECONDS, left))
        if self.thread.is_alive():
            _log.warning(
                "the thread %r did not end within %g s; it is at:\n%s",
                self.name,
                timeout,
                self._stack(),
            )

    def raise_if_awaited(self, what: str) -> None:
        """Raise on the loop's own thread, where waiting would keep the loop from ever answering,
        and on any other for which the loop, or another one, may wait.

        Args:
            what: what is about to wait.

        Raises:
            WouldDeadlock: this is such a thread.
        """
        if threading.get_ident() == self.thread.ident:
            raise WouldDeadlock(
                f"{what} waits for the thread {self.name!r}, and was called on that very thread. "
                f"Call it on another one: in a coroutine, by `await asyncio.to_thread(...)`."
            )
        if is_own_thread():
            raise WouldDeadlock(
                f"{what} waits for the thread {self.name!r}, and was called on "
                f"{threading.current_thread().name!r}, which does a part of discobase's own work "
                f"and must not wait: by a logging handler, or a finalizer. Let it hand this over "
                f"to another thread, as logging.handlers.QueueHandler does."
            )

    def log_if_blocked(self) -> None:
        """Ask the loop for an answer, and log where it is blocked, once each time it is."""
        now = time.monotonic()
        asked_at = self._asked_at
        if asked_at is None:
            self._asked_at = now
            self.call_soon(self._note_answer)
        elif now - asked_at >= self._blocked_after and not self._block_logged:
            self._block_logged = True
            _log.warning(
                "the loop of %r has been blocked for %.1f s; it is at:\n%s",
                self.name,
                now - asked_at,
                self._stack(),
            )

    def replace_selector(self) -> None:
        """In a forked child: give the loop that stayed behind a selector of its own.

        Both processes share the kernel's side of an epoll selector. A transport that is closed or
        collected in the child would be unregistered there, and the parent would get no more of its
        events.
        """
        if self._loop is None or self._loop.is_closed() or sys.platform != "linux":
            return
        selector = getattr(self._loop, "_selector", None)
        if isinstance(selector, selectors.EpollSelector):
            with select.epoll() as fresh:
                os.dup2(fresh.fileno(), selector.fileno(), inheritable=False)

    def abort_reason(self) -> str:
        """Return, as a clause, why what was registered did not come to an end of its own."""
        if self.failure is not None:
            return f"the thread {self.name!r} died of {describe(self.failure)}"
        return f"{self.name!r} was closed" if self.stopping else "it was cancelled"

    def warn_unclosed(self) -> None:
        """Warn that nobody stopped the thread, and name the line that opened it."""
        filename, line = self._opened_at
        warnings.warn_explicit(
            f"{self.name!r} was never closed; it was opened at {filename}:{line}. "
            f"Use `with`, or close it.",
            ResourceWarning,
            filename,
            line,
        )

    def run(self) -> None:
        """Run the loop until it is asked to stop, then shut it down. The thread calls it."""
        try:
            self._loop = loop = asyncio.new_event_loop()
        except BaseException as error:  # noqa: BLE001 - the starter raises it
            self._started.set_exception(error)
            return
        asyncio.set_event_loop(loop)
        loop.set_default_executor(self._executor)
        loop.call_soon(self._started.set_result, None)
        try:
            self._run_until(loop, lambda: self.stopping)
            shutdown = loop.create_task(self._shut_down(loop))
            shutdown.add_done_callback(lambda _: loop.stop())
            self._run_until(loop, shutdown.done)
            shutdown.result()
        except BaseException as error:  # noqa: BLE001 - logged, and told to every waiter
            self.failure = error
            if not self._started.done():
                self._started.set_exception(error)
            _log.critical("the thread %r died", self.name, exc_info=error)
        finally:
            self._close(loop)

    def _run_until(self, loop: asyncio.AbstractEventLoop, finished: Callable[[], bool]) -> None:
        """Run the loop until `finished`, whoever stops it and whatever a task lets through."""
        while not finished():
            try:
                loop.run_forever()
            except (KeyboardInterrupt, SystemExit):
                # asyncio raises these two through the loop besides keeping them on their task.
                _log.exception("a task of %r would have ended its thread", self.name)

    async def _shut_down(self, loop: asyncio.AbstractEventLoop) -> None:
        """Cancel all tasks, those too that are made meanwhile, during the grace period."""
        deadline = loop.time() + self._grace_period
        while tasks := _other_tasks():
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=max(0, deadline - loop.time()))
            if loop.time() >= deadline:
                break
        if left := sorted(task.get_name() for task in _other_tasks()):
            _log.warning("%r is closed, although these did not end: %s", self.name, left)
        try:
            async with asyncio.timeout(max(_GENERATOR_SECONDS, deadline - loop.time())):
                await loop.shutdown_asyncgens()
        except TimeoutError:
            _log.warning("%r is closed, although an async generator did not end", self.name)

    def _close(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            asyncio.set_event_loop(None)
            loop.close()
            self._executor.shutdown()
        except Exception:  # noqa: BLE001 - logged; the waiters are told all the same
            _log.exception("the loop of %r could not be closed", self.name)
        finally:
            for future in tuple(self._unfinished):
                self._abort(future)

    def _abort(self, future: concurrent.futures.Future[Any]) -> None:
        """After the loop's end: finish a future as one that never began, or never ended."""
        if not self.unregister(future):
            return
        if future.cancel():
            future.set_running_or_notify_cancel()
        else:
            future.set_exception(concurrent.futures.CancelledError(self.abort_reason()))

    def _note_answer(self) -> None:
        self._asked_at = None
        self._block_logged = False

    def _stack(self) -> str:
        frames = sys._current_frames()  # pyright: ignore[reportPrivateUsage]
        return "".join(traceback.format_stack(frames.get(self.thread.ident or 0)))


def _other_tasks() -> set[asyncio.Task[Any]]:
    return {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}


# A thread leaves this set when it ends. In a forked child that never happens, and so the loop, its
# coroutines and their sockets, which are still the parent's, are never collected or closed there.
_running: set[LoopThread] = set()


def _run(loop_thread: LoopThread) -> None:
    _running.add(loop_thread)
    try:
        with own_thread():
            loop_thread.run()
    finally:
        _running.discard(loop_thread)


def _replace_selectors() -> None:
    for loop_thread in tuple(_running):
        loop_thread.replace_selector()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_replace_selectors)


@ends_threads
def _stop_unclosed() -> None:
    """At interpreter exit, end the threads before the interpreter ends under them."""
    unclosed = [loop_thread for loop_thread in tuple(_running) if loop_thread.alive]
    for loop_thread in unclosed:
        loop_thread.stop(GRACE_SECONDS)
    for loop_thread in unclosed:
        if not loop_thread.ends_at_exit:
            loop_thread.warn_unclosed()
