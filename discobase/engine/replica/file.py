"""The file that a replica lives in: a temporary one, for this process alone, or one in memory where
there is no room for any.
"""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
import threading
import weakref
from collections.abc import Callable
from pathlib import Path

from discobase.engine.replica.folder import ended, gone, make_folder, remove_folder

_FAILURES = frozenset(
    {
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOTADB,
    }
)
"""What SQLite says where the file, its folder or its disk is at fault (sqlite.org/rescode.html)."""

_UNTRUE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

_FULL = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR})

_CODE = 0xFF
"""The part of SQLite's extended codes that is the code (the same page)."""

_numbers = itertools.count(1)


def failed(error: sqlite3.Error) -> bool:
    """Return whether an error says that the file is at fault, and not what was asked of it."""
    return _code(error) in _FAILURES or _is_no_text(error)


def is_untrue(error: sqlite3.Error) -> bool:
    """Return whether an error says that what the file holds is not what was written."""
    return _code(error) in _UNTRUE or _is_short(error) or _is_no_text(error)


def is_full(error: sqlite3.Error) -> bool:
    """Return whether an error says that the disk takes no more, so that another file on it would
    not do either.
    """
    return _code(error) in _FULL and not _is_short(error)


def is_busy(error: sqlite3.Error) -> bool:
    """Return whether somebody else is at work, as happens in memory, where there is no WAL."""
    return _code(error) == sqlite3.SQLITE_BUSY


def _is_short(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_IOERR_SHORT_READ


def _is_no_text(error: sqlite3.Error) -> bool:
    """Return whether Python's own module has met bytes that are no UTF-8, where a text was."""
    return str(error).startswith("Could not decode to UTF-8")


def _code(error: sqlite3.Error) -> int:
    # Errors that Python's own module raises have none.
    return getattr(error, "sqlite_errorcode", 0) & _CODE


class ReplicaFile:
    """A SQLite file that lasts as long as this object at the most. Made by :meth:`in_folder` or
    :meth:`in_memory`.

    Attributes:
        concurrent: whether one connection may write while others read.
    """

    def __init__(self, uri: str, remove: Callable[[], object]) -> None:
        self._uri = uri
        self._remove_folder = weakref.finalize(self, remove)
        self._remove_folder.atexit = False
        # One that its holder may take again: a signal handler may come between, and search too.
        self._guard = threading.RLock()
        self._connections: set[sqlite3.Connection] = set()
        self._unwanted = False
        self.concurrent = True

    @classmethod
    def in_folder(cls) -> ReplicaFile:
        """Make one in a temporary folder, which only this user can read.

        Raises:
            ConnectError: the folder cannot be made.
            Disconnected: the program is at its end.
        """
        folder = make_folder()
        path = Path(folder) / "replica.sqlite"
        with contextlib.suppress(OSError):  # the connection will say what is wrong
            path.touch()
        # Never made anew: where it is gone a connection is refused.
        return cls(f"{path.as_uri()}?mode=rw", lambda: remove_folder(folder))

    @classmethod
    def in_memory(cls) -> ReplicaFile:
        """Make one that is in memory. It has no WAL: who reads waits while a commit is under way.

        SQLite before 3.36 has none that several connections share; the first connection says so.
        """
        made = cls(f"file:/discobase-{next(_numbers)}?vfs=memdb", _nothing)
        made.concurrent = False
        return made

    @property
    def gone(self) -> bool:
        """Whether the file is removed, or about to be: what is asked of it then fails for this
        reason.
        """
        return self._unwanted or ended.is_set()

    def connect(self) -> sqlite3.Connection:
        """Return a new connection, for :meth:`disconnect` to close.

        Raises:
            Disconnected: the file is to be removed, or gone.
        """
        with self._guard:
            if self.gone:
                raise gone()
            # Connections are handed from thread to thread, never used by two at a time;
            # transactions are opened by hand.
            made = sqlite3.connect(
                self._uri, uri=True, check_same_thread=False, isolation_level=None
            )
            self._connections.add(made)
        return made

    def disconnect(self, connection: sqlite3.Connection) -> None:
        """Close a connection."""
        connection.close()
        with self._guard:
            self._connections.discard(connection)
        self._remove_if_unused()

    def remove(self) -> None:
        """Remove the file and its folder, as soon as every connection is closed."""
        with self._guard:
            self._unwanted = True
        self._remove_if_unused()

    def _remove_if_unused(self) -> None:
        with self._guard:
            unused = self._unwanted and not self._connections
        if unused:
            self._remove_folder()


def _nothing() -> None:
    """There is nothing to remove: what is in memory goes with its last connection."""
