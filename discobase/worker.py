"""A daemon thread that does one thing after another, for as long as the process lives."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

_SHUTDOWN_SECONDS = 1.0

P = ParamSpec("P")
T = TypeVar("T")


class Worker(ThreadPoolExecutor):
    """An executor with one thread, which keeps neither its owner nor the interpreter waiting.

    A `ThreadPoolExecutor` by name only, for asyncio takes nothing else as a loop's default. Its own
    threads are ended as soon as the main thread has come to its end, although other threads of the
    program may go on for long, and what a loop does at exit is still to come. This one takes work
    until it is shut down, and is left where it stands when the interpreter ends.

    Args:
        name: the thread's.
    """

    def __init__(self, name: str) -> None:
        super().__init__(1)
        self._name = name
        self._steps: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None
        self._shut = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have something done after all that was submitted before. Never waits.

        Raises:
            RuntimeError: the worker was shut down, or no thread is to be had.
        """
        future: Future[T] = Future()
        with self._guard:
            if self._shut:
                raise RuntimeError(f"{self._name!r} was shut down")
            self._start()
            self._steps.put(partial(_settle, future, partial(fn, *args, **kwargs)))
        return future

    def begin(self) -> None:
        """Start the thread now, and not when there is work: Python 3.12.1 makes no more threads
        once the main one has ended.

        Raises:
            RuntimeError: no thread is to be had.
        """
        with self._guard:
            self._start()

    def _start(self) -> None:
        if self._thread is None:
            thread = threading.Thread(
                target=_work, args=(self._steps,), name=self._name, daemon=True
            )
            thread.start()
            self._thread = thread

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002
        """Take no more work. What was submitted is still done, and waited for a second at most."""
        with self._guard:
            if self._thread is not None and not self._shut:
                self._steps.put(None)
            self._shut = True
        thread = self._thread
        if wait and thread is not None and thread is not threading.current_thread():
            thread.join(_SHUTDOWN_SECONDS)


def _work(steps: queue.SimpleQueue[Callable[[], None] | None]) -> None:
    while step := steps.get():
        step()
        del step


def _settle(future: Future[T], step: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(step())
    except BaseException as error:  # noqa: BLE001 - whoever submitted it gets it
        future.set_exception(error)
    finally:
        del future, step
