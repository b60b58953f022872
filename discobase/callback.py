"""A function of the program's that is called on a thread of its own, where it holds up nothing."""

from __future__ import annotations

import logging
import queue
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from discobase.at_exit import ends_threads

T = TypeVar("T")

_log = logging.getLogger(__name__)

WAITING = 1_000
"""Calls that may wait for their turn. What comes after that is dropped, and counted. A guess: less
than a megabyte, and more than anybody reads."""

_EXIT_SECONDS = 1.0
"""How long the end of the interpreter waits for calls that are left. A guess, as for a loop."""

_live: weakref.WeakSet[Callback[Any]] = weakref.WeakSet()


class Callback(Generic[T]):
    """Calls a function for one thing after another, in order.

    The thread is a daemon, begun with the first call, and none of the package's own: the function
    may use the database, and take as long as it likes. What it raises is logged.

    Args:
        name: what the function is, for the log; the thread's name has it.
        function: called with each thing, and with the number of those before it that were dropped
            since the call before.
    """

    def __init__(self, name: str, function: Callable[[T, int], object]) -> None:
        self._name = name
        self._function = function
        self._queue: queue.SimpleQueue[tuple[T, int] | None] = queue.SimpleQueue()
        self._dropped = 0
        self._begun = self._ended = False
        self._thread = threading.Thread(target=self._run, name=f"discobase {name}", daemon=True)

    def call(self, thing: T) -> None:
        """Have the function called when it has done with all before. Never waits for it."""
        if not self._begun and not self._begin():
            return
        if self._queue.qsize() >= WAITING:
            self._dropped += 1
            return
        dropped, self._dropped = self._dropped, 0
        self._queue.put((thing, dropped))

    def end(self) -> None:
        """End the thread when the function has been called for all that waits. Never waits."""
        if not self._ended:
            self._ended = True
            self._queue.put(None)

    def join(self, within: float) -> None:
        """Wait for the end of the thread, for so many seconds at the most."""
        if self._begun and self._thread is not threading.current_thread():
            self._thread.join(within)

    def _begin(self) -> bool:
        """Start the thread, and return whether it could be."""
        try:
            self._thread.start()
        except RuntimeError as error:
            _log.warning("%s cannot be called: %s", self._name, error)
            return False
        self._begun = True
        _live.add(self)
        return True

    def _run(self) -> None:
        while item := self._queue.get():
            try:
                self._function(*item)
            except BaseException:  # noqa: BLE001 - SystemExit would end the thread
                _log.exception("%s has failed; what it was told is in the log", self._name)
            del item


@ends_threads
def _end_all() -> None:
    until = time.monotonic() + _EXIT_SECONDS
    for callback in [*_live]:
        callback.end()
    for callback in [*_live]:
        callback.join(max(0.0, until - time.monotonic()))
