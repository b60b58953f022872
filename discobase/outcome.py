"""The future of what a caller waits for, safe from whatever interrupts the caller."""

from __future__ import annotations

import concurrent.futures
import threading
from collections import deque
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Outcome(concurrent.futures.Future[T], Generic[T]):
    """A future whose caller may be interrupted anywhere by something that waits itself.

    A signal handler, a finalizer or a logging handler may come between any two lines of a caller.
    If one of them waits for the loop while the caller holds a lock that the loop needs, both wait
    for ever. Python's own future is such a lock, for callers and for whoever sets its outcome; on
    this one a caller that waits, or withdraws it, takes none that the other side takes:

    - who may have it, one that begins it or one that withdraws it, is decided in one step,
      uninterruptible and without waiting, and whoever comes second leaves it alone;
    - a waiter has a lock of its own, see :meth:`waiter`.

    Attributes:
        settled: whether it has an outcome, or was withdrawn; its outcome may be read then.
    """

    def __init__(self) -> None:
        super().__init__()
        self.settled = False
        self._withdrawn = False
        self._taken = threading.Lock()
        self._waiting_locks: deque[threading.Lock] = deque()
        # Before any callback of others. Not a bound method: that would refer back to the future.
        super().add_done_callback(Outcome._settle)

    @staticmethod
    def _settle(future: concurrent.futures.Future[Any]) -> None:
        assert isinstance(future, Outcome)
        future.settled = True
        while future._waiting_locks:
            future._waiting_locks.popleft().release()

    def waiter(self) -> threading.Lock:
        """Return a lock that can be acquired once the future is settled. Never waits."""
        lock = threading.Lock()
        lock.acquire()
        self._waiting_locks.append(lock)
        # Once more, for it may have been settled before the lock was there to be found.
        return threading.Lock() if self.settled else lock

    def cancel(self) -> bool:
        """Withdraw it, if it has not begun. Never waits.

        Returns:
            Whether it is withdrawn.
        """
        if self._taken.acquire(blocking=False):
            self._withdrawn = True
            super().cancel()
            super().set_running_or_notify_cancel()
        return self._withdrawn

    def set_running_or_notify_cancel(self) -> bool:
        """Begin it, if it was not withdrawn. Never waits.

        Returns:
            Whether it has begun; what was withdrawn is to be left alone.
        """
        return self._taken.acquire(blocking=False) and super().set_running_or_notify_cancel()

    def set_result(self, result: T) -> None:
        """Set the result.

        Raises:
            InvalidStateError: it has an outcome, or was withdrawn.
        """
        self._require_open()
        super().set_result(result)

    def set_exception(self, exception: BaseException | None) -> None:
        """Set the exception.

        Raises:
            InvalidStateError: it has an outcome, or was withdrawn.
        """
        self._require_open()
        super().set_exception(exception)

    def _require_open(self) -> None:
        """Leave alone what a caller may be reading, or withdrawing."""
        if self.settled or self._withdrawn:
            raise concurrent.futures.InvalidStateError("the future has its outcome already")
