"""One thread that runs one event loop, from its start to its end, whatever the coroutines do."""

from __future__ import annotations

import asyncio
import atexit
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
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import Any, Generic, TypeVar

from discobase.errors import NotConnected, WouldDeadlock
from discobase.portal.tracebacks import described, trimmed, users_line
from discobase.worker import Worker

T = TypeVar("T")

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.1
"""The time between two looks at the thread and, where a lock cannot be interrupted, at Ctrl-C."""

ABANDONED_SECONDS = 1.0
"""How long the loop may take to wind down when nobody stopped it in so many words."""

_GENERATOR_SECONDS = 1.0


class Call(concurrent.futures.Future[T], Generic[T]):
    """The future of a coroutine on the loop.

    Args:
        host: the thread that is to run it.
        name: the name for its task.
    """

    def __init__(self, host: LoopThread, name: str) -> None:
        super().__init__()
        self.host = host
        self._name = name
        self._task: asyncio.Task[None] | None = None

    def launch(self, performance: Callable[[], Awaitable[T]]) -> bool:
        """Have the loop await what `performance`, which it calls, returns. Never waits.

        Returns:
            Whether there is a loop to do so.
        """
        self.host.calls.add(self)
        launched = self.host.post(self._begin, performance)
        if not launched:
            self.host.calls.discard(self)
        return launched

    def cancel(self) -> bool:
        """Withdraw the call if it has not begun, else have the coroutine cancelled. Never waits.

        Returns:
            Whether it was withdrawn. A coroutine that had begun goes on until it heeds the
            cancellation, and the future is done when it has.
        """
        if super().cancel():
            return True
        if not self.done():
            self.host.post(self._cancel_task)
        return False

    def cut_short(self) -> None:
        """After the loop's end: settle the call as one that never began, or never ended."""
        if not self._claim():
            return
        if self.cancel():
            self.set_running_or_notify_cancel()
        else:
            self.set_exception(concurrent.futures.CancelledError(self.host.why()))

    def _begin(self, performance: Callable[[], Awaitable[T]]) -> None:
        if self.host.stopping:
            self.cancel()
        if self.set_running_or_notify_cancel():
            task = asyncio.get_running_loop().create_task(self._run(performance), name=self._name)
            self._task = task
        else:
            self.host.calls.discard(self)

    async def _run(self, performance: Callable[[], Awaitable[T]]) -> None:
        """Await the coroutine; what it raises goes to the caller and not to the loop."""
        try:
            result = await performance()
        except asyncio.CancelledError:
            if self._claim():
                self.set_exception(concurrent.futures.CancelledError(self.host.why()))
        except BaseException as error:  # noqa: BLE001 - the caller gets it, and the loop must live
            if self._claim():
                self.set_exception(trimmed(error))
        else:
            if self._claim():
                self.set_result(result)
        finally:
            # The coroutine's frame, which the error's traceback holds, refers back to this one.
            del self

    def _claim(self) -> bool:
        """Whether the one who asks is to settle the call: true once."""
        try:
            self.host.calls.remove(self)
        except KeyError:
            return False
        return True

    def _cancel_task(self) -> None:
        if self._task is not None:
            self._task.cancel()


class LoopThread:
    """A daemon thread with its loop. It knows no portal, so that a portal can be collected.

    Args:
        name: the thread's name, and what errors and warnings call it.
        patience: seconds for which the loop may leave a question unanswered before its stack is
            logged.
    """

    def __init__(self, name: str, patience: float) -> None:
        self.name = name
        self.pid = os.getpid()
        self.death: BaseException | None = None
        self.stopping = False
        self.calls: set[Call[Any]] = set()
        # Some builds of Python 3.14 give a thread the starter's context; this one outlives it.
        self.thread = threading.Thread(target=Context().run, args=(_live, self), name=name)
        self.thread.daemon = True
        self._opened_at = users_line()
        self._patience = patience
        self._beside = Worker(f"{name}: name look-ups and the like")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._started: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._grace = ABANDONED_SECONDS
        self._asked_at: float | None = None
        self._block_logged = False

    @property
    def inherited(self) -> bool:
        """Whether the thread is another process's, from which this one was forked."""
        return self.pid != os.getpid()

    @property
    def alive(self) -> bool:
        """Whether the thread runs, in this process, and has not been asked to stop."""
        return not self.inherited and self.thread.is_alive() and not self.stopping

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop of a thread that has begun."""
        if self._loop is None:
            raise NotConnected(f"{self.name!r} was never opened.")
        return self._loop

    def begin(self) -> None:
        """Start the thread, and wait until its loop runs or raise what keeps it from running."""
        started = bell(self._started)
        try:
            self.thread.start()
            while not started.acquire(timeout=POLL_SECONDS):
                pass
            self._started.result()
        except BaseException:
            self.ask_to_stop(ABANDONED_SECONDS)
            raise

    def post(self, callback: Callable[..., object], *args: object) -> bool:
        """Have the loop call something soon. Never waits, and takes no lock.

        Returns:
            Whether there is a loop to call it.
        """
        if self._loop is None or self.inherited:
            return False
        try:
            self._loop.call_soon_threadsafe(callback, *args)
        except RuntimeError:  # The loop is closed.
            return False
        return True

    def ask_to_stop(self, grace: float) -> None:
        """Have the loop wind down. Never waits, and takes no lock: finalizers call it.

        Args:
            grace: seconds that coroutines get to heed their cancellation.
        """
        self._grace = grace
        self.stopping = True
        if self._loop is not None:
            self.post(self._loop.stop)

    def stop(self, timeout: float) -> None:
        """Have the loop wind down, and wait for the thread's end for `timeout` seconds at most."""
        self.ask_to_stop(0.9 * timeout if timeout > 0 else ABANDONED_SECONDS)
        if timeout <= 0 or threading.get_ident() == self.thread.ident:
            return
        deadline = time.monotonic() + timeout
        while self.thread.is_alive() and (left := deadline - time.monotonic()) > 0:
            self.thread.join(min(POLL_SECONDS, left))
        if self.thread.is_alive():
            logger.warning(
                "the thread %r did not end within %g s; it is at:\n%s",
                self.name,
                timeout,
                self._stack(),
            )

    def refuse_to_block(self, what: str) -> None:
        """Raise where waiting would keep the loop from ever answering.

        Args:
            what: what is about to wait.

        Raises:
            WouldDeadlock: this is the loop's own thread.
        """
        if threading.get_ident() == self.thread.ident:
            raise WouldDeadlock(
                f"{what} waits for the thread {self.name!r}, and was called on that very thread. "
                f"Call it on another one: in a coroutine, by `await asyncio.to_thread(...)`."
            )

    def feel_pulse(self) -> None:
        """Ask the loop for a sign of life, and log where it hangs, once each time it does."""
        now = time.monotonic()
        asked_at = self._asked_at
        if asked_at is None:
            self._asked_at = now
            self.post(self._answer)
        elif now - asked_at >= self._patience and not self._block_logged:
            self._block_logged = True
            logger.warning(
                "the loop of %r has been blocked for %.1f s; it is at:\n%s",
                self.name,
                now - asked_at,
                self._stack(),
            )

    def part_from_parent(self) -> None:
        """In a forked child: give the loop that stayed behind a selector of its own.

        Both processes share the kernel's side of an epoll selector. A transport that is closed or
        collected in the child would be unregistered there, and the parent deaf to it from then on.
        """
        if self._loop is None or self._loop.is_closed() or sys.platform != "linux":
            return
        selector = getattr(self._loop, "_selector", None)
        if isinstance(selector, selectors.EpollSelector):
            with select.epoll() as fresh:
                os.dup2(fresh.fileno(), selector.fileno(), inheritable=False)

    def why(self) -> str:
        """Why a call was cut short, as a clause."""
        if self.death is not None:
            return f"the thread {self.name!r} died of {described(self.death)}"
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

    def _answer(self) -> None:
        self._asked_at = None
        self._block_logged = False

    def _stack(self) -> str:
        frames = sys._current_frames()  # pyright: ignore[reportPrivateUsage]
        return "".join(traceback.format_stack(frames.get(self.thread.ident or 0)))

    def live(self) -> None:
        """The thread's body: run the loop until it is asked to stop, then wind down."""
        try:
            self._loop = loop = asyncio.new_event_loop()
        except BaseException as error:  # noqa: BLE001 - the starter raises it
            self._started.set_exception(error)
            return
        asyncio.set_event_loop(loop)
        loop.set_default_executor(self._beside)
        loop.call_soon(self._started.set_result, None)
        try:
            self._keep_running(loop, lambda: self.stopping)
            winding_down = loop.create_task(self._wind_down(loop))
            winding_down.add_done_callback(lambda _: loop.stop())
            self._keep_running(loop, winding_down.done)
            winding_down.result()
        except BaseException as error:
            self.death = error
            if not self._started.done():
                self._started.set_exception(error)
            logger.critical("the thread %r died", self.name, exc_info=error)
        finally:
            self._close(loop)

    def _keep_running(self, loop: asyncio.AbstractEventLoop, finished: Callable[[], bool]) -> None:
        """Run the loop until `finished`, whoever stops it and whatever a task lets through."""
        while not finished():
            try:
                loop.run_forever()
            except (KeyboardInterrupt, SystemExit):
                # asyncio raises these two through the loop besides keeping them on their task.
                logger.exception("a task of %r would have ended its thread", self.name)

    async def _wind_down(self, loop: asyncio.AbstractEventLoop) -> None:
        """Cancel all tasks, those too that are made meanwhile, while the grace lasts."""
        deadline = loop.time() + self._grace
        while tasks := _other_tasks():
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=max(0, deadline - loop.time()))
            if loop.time() >= deadline:
                break
        if left := sorted(task.get_name() for task in _other_tasks()):
            logger.warning("%r is closed, although these did not end: %s", self.name, left)
        try:
            async with asyncio.timeout(max(_GENERATOR_SECONDS, deadline - loop.time())):
                await loop.shutdown_asyncgens()
        except TimeoutError:
            logger.warning("%r is closed, although an async generator did not end", self.name)

    def _close(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            asyncio.set_event_loop(None)
            loop.close()
            self._beside.shutdown()
        except Exception:
            logger.exception("the loop of %r could not be closed", self.name)
        finally:
            for call in tuple(self.calls):
                call.cut_short()


def bell(future: concurrent.futures.Future[Any]) -> threading.Lock:
    """A lock that can be acquired once the future is settled.

    It is a bare lock, not the future's own condition and not an event: an interrupt that strikes
    inside one of those may leave it locked, and the loop would hang when it settles the future.

    Args:
        future: any future.

    Returns:
        The lock, which the future releases once.
    """
    lock = threading.Lock()
    lock.acquire()
    future.add_done_callback(lambda _: lock.release())
    return lock


def _other_tasks() -> set[asyncio.Task[Any]]:
    return {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}


def _live(host: LoopThread) -> None:
    _threads.add(host)
    try:
        host.live()
    finally:
        _threads.discard(host)


# A thread leaves this set when it ends. In a forked child that never happens, and so the loop, its
# coroutines and their sockets, which are still the parent's, are never collected or closed there.
_threads: set[LoopThread] = set()


def _part_from_parent() -> None:
    for host in tuple(_threads):
        host.part_from_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_part_from_parent)


@atexit.register
def _stop_what_still_runs() -> None:
    """At interpreter exit, end the threads before the interpreter ends under them."""
    forgotten = [host for host in tuple(_threads) if host.alive]
    for host in forgotten:
        host.stop(ABANDONED_SECONDS)
    for host in forgotten:
        host.warn_unclosed()
