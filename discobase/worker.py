"""An executor with one daemon thread, which takes work for as long as the process runs."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import ParamSpec, TypeVar

from discobase.own_threads import own_thread

_SHUTDOWN_SECONDS = 1.0
"""How long a shutdown waits for the work that is left. A guess, the same as for a loop at exit."""

_FORK_SECONDS = 1.0
"""How long a fork waits for each piece of work that is under way: most take milliseconds. A guess
at when it waits for whoever forks."""

_LONGEST_FORK = 5.0
"""Seconds for which work waits for a fork: longer than one waits for the workers of a process."""

P = ParamSpec("P")
T = TypeVar("T")


class Worker(ThreadPoolExecutor):
    """An executor with one thread, for which neither its owner nor the interpreter has to wait.

    A `ThreadPoolExecutor` by name only, for asyncio takes nothing else as a loop's default. Such
    an executor takes no more work once the main thread has ended, although other threads of the
    program may go on for long, and what a loop does at exit is still to come. This one takes work
    until it is shut down; its thread is a daemon, which the interpreter does not wait for.

    Args:
        name: the thread's.
        awaited: whether blocking callers wait for what it does, so that it must not wait for what
            they wait for.
        rests: whether it rests while the process forks. SQLite has locks for the whole process,
            and a child in which one is held could never open a file.
    """

    def __init__(self, name: str, *, awaited: bool = False, rests: bool = False) -> None:
        super().__init__(1)
        self._name = name
        self._own = own_thread if awaited else nullcontext
        self._at_work = threading.RLock() if rests else None
        self._queue: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have something done after all that was submitted before. Never waits.

        Raises:
            RuntimeError: the worker was shut down, or no thread is to be had.
        """
        future: Future[T] = Future()
        with self._lock:
            if self._closed:
                raise RuntimeError(f"{self._name!r} was shut down")
            self._start_once()
            self._queue.put(partial(_run, future, partial(fn, *args, **kwargs)))
        return future

    def start(self) -> None:
        """Start the thread now, and not when there is work: Python 3.12.1 makes no more threads
        once the main one has ended.

        Raises:
            RuntimeError: no thread is to be had.
        """
        with self._lock:
            self._start_once()

    def _start_once(self) -> None:
        if self._thread is None:
            thread = threading.Thread(
                target=_run_all,
                args=(self._queue, self._own, self._at_work),
                name=self._name,
                daemon=True,
            )
            thread.start()
            self._thread = thread

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002
        """Take no more work. What was submitted is still done, and waited for a second at most."""
        with self._lock:
            if self._thread is not None and not self._closed:
                self._queue.put(None)
            self._closed = True
        thread = self._thread
        if wait and thread is not None and thread is not threading.current_thread():
            thread.join(_SHUTDOWN_SECONDS)


def _run_all(
    work: queue.SimpleQueue[Callable[[], None] | None],
    own: Callable[[], AbstractContextManager[None]],
    at_work: threading.RLock | None,
) -> None:
    with own(), _resting(at_work):
        while item := work.get():
            # Not for ever: whoever forks may be interrupted by a signal handler, which saves.
            held = at_work is not None and at_work.acquire(timeout=_LONGEST_FORK)
            try:
                item()
            finally:
                if at_work is not None and held:
                    at_work.release()
            del item


# Forks

_resters: set[threading.RLock] = set()
"""What the workers that rest while the process forks hold while they are at work."""

_held = threading.local()


@contextmanager
def _resting(at_work: threading.RLock | None) -> Generator[None]:
    """Have forks wait for a worker for the length of a block."""
    if at_work is None:
        yield
        return
    _resters.add(at_work)
    try:
        yield
    finally:
        _resters.discard(at_work)


def _wait_for_workers() -> None:
    _held.by_fork = [each for each in tuple(_resters) if each.acquire(timeout=_FORK_SECONDS)]


def _let_workers_go_on() -> None:
    for each in _held.by_fork:
        each.release()


def _forget_workers() -> None:
    """They stayed behind."""
    _let_workers_go_on()
    _resters.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_wait_for_workers,
        after_in_parent=_let_workers_go_on,
        after_in_child=_forget_workers,
    )


def _run(future: Future[T], function: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(function())
    except BaseException as error:  # noqa: BLE001 - whoever submitted it gets it
        future.set_exception(error)
    finally:
        del future, function
