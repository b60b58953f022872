"""An executor with one daemon thread, which takes work for as long as the process runs."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from discobase.own_threads import own_thread

_SHUTDOWN_SECONDS = 1.0
"""How long a shutdown waits for the work that is left. A guess, the same as for a loop at exit."""

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
    """

    def __init__(self, name: str, *, awaited: bool = False) -> None:
        super().__init__(1)
        self._name = name
        self._run_all = _run_all_awaited if awaited else _run_all
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
                target=self._run_all, args=(self._queue,), name=self._name, daemon=True
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


def _run_all(work: queue.SimpleQueue[Callable[[], None] | None]) -> None:
    while item := work.get():
        item()
        del item


def _run_all_awaited(work: queue.SimpleQueue[Callable[[], None] | None]) -> None:
    with own_thread():
        _run_all(work)


def _run(future: Future[T], function: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(function())
    except BaseException as error:  # noqa: BLE001 - whoever submitted it gets it
        future.set_exception(error)
    finally:
        del future, function
