"""Who serves a file: a lock that the operating system releases when its holder dies.

It is held on an empty file beside the one that is served (``PATH-lock``), by its open descriptor:
``flock``, or on Windows the lock of a byte. A forked child gives its copy of the descriptor up at
once, so that the lock is the parent's alone and ends with it.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from pathlib import Path

_POLL_SECONDS = 0.02
"""Between two tries: a guess, short beside the time that whatever is served takes to start."""

_opening = threading.RLock()
"""Held where a descriptor is opened or closed, so that a fork finds each of them in the set. A
signal handler may come between, and do the same."""

_open: set[int] = set()

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True
else:
    import fcntl

    def _lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


class Claim:
    """The claim to serve a file; at most one process has it.

    Args:
        path: of the file that is served. Whether it can be served at all is for the caller to see
            before a claim is taken.
    """

    def __init__(self, path: str) -> None:
        self._path = f"{path}-lock"
        self._held: int | None = None

    def take(self, seconds: float) -> bool:
        """Wait for the claim, and return whether it was got.

        Args:
            seconds: to wait at most, 0 for one try.

        Raises:
            OSError: the lock's file can be neither opened nor locked.
        """
        deadline = time.monotonic() + seconds
        descriptor = self._opened()
        try:
            while not _lock(descriptor):
                left = deadline - time.monotonic()
                if left <= 0:
                    _close(descriptor)
                    return False
                time.sleep(min(left, _POLL_SECONDS))
        except BaseException:
            _close(descriptor)
            raise
        self._held = descriptor
        return True

    @property
    def holds(self) -> bool:
        """Whether this process has the claim, and the lock's file is still in its place: where it
        was removed somebody else may have made another one.
        """
        if self._held not in _open:
            return False
        try:
            return os.path.samestat(os.fstat(self._held), Path(self._path).stat())
        except OSError:
            return False

    def release(self) -> None:
        """Give the claim up."""
        if self._held is not None:
            _close(self._held)
            self._held = None

    def _opened(self) -> int:
        with _opening:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            _open.add(descriptor)
        return descriptor


def _close(descriptor: int) -> None:
    """Close a descriptor, once; a forked child has closed those of its parent already."""
    with _opening:
        if descriptor in _open:
            _open.discard(descriptor)
            os.close(descriptor)


def _close_those_of_the_parent() -> None:
    for descriptor in _open:
        with contextlib.suppress(OSError):  # the program has closed it
            os.close(descriptor)
    _open.clear()
    _opening.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_opening.acquire,
        after_in_parent=_opening.release,
        after_in_child=_close_those_of_the_parent,
    )
