"""The file that a replica lives in: a temporary one, one that is kept for whoever comes next, or
one in memory where there is no room for any. They differ in what becomes of them at the end.
"""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
import threading
import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from discobase.engine.replica.checksums import Altered, add_row_sum
from discobase.engine.replica.folder import ended, gone, make_folder, remove_folder

C = TypeVar("C", bound=sqlite3.Connection)

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

_TEMPORARY = "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA busy_timeout=60000;"
"""Not synchronous: a file that is lost with its process is of no use to anybody. In memory the
writer waits for who reads: a minute, a guess, for a read takes moments."""

_KEPT = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=60000;"
"""In WAL mode the disk is waited for once in about a thousand pages, and a file is whole whenever
the power fails (sqlite.org/pragma.html#pragma_synchronous)."""

_numbers = itertools.count(1)


class Replaced(sqlite3.OperationalError):
    """Another file has come in the place of one that is still open."""


def failed(error: sqlite3.Error) -> bool:
    """Return whether an error says that the file is at fault, and not what was asked of it."""
    return _code(error) in _FAILURES or _is_no_text(error) or isinstance(error, Altered | Replaced)


def is_untrue(error: sqlite3.Error) -> bool:
    """Return whether an error says that what the file holds is not what was written."""
    untrue = _code(error) in _UNTRUE or isinstance(error, Altered)
    return untrue or _is_short(error) or _is_no_text(error)


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
    """A SQLite file. Made by :meth:`in_folder`, :meth:`in_memory` or :meth:`kept`, of which the
    first two last as long as this object at the most.

    Attributes:
        uri: where it is, as SQLite takes it.
        concurrent: whether one connection may write while others read.
        is_kept: whether it outlives its process.
        pragmas: what its writing connection is told.
    """

    def __init__(
        self, uri: str, remove: Callable[[], object], *, kept_at: Path | None = None
    ) -> None:
        self.uri: str = uri
        self._kept_at = kept_at
        self._known = None if kept_at is None else _identity(kept_at)
        self.is_kept: bool = kept_at is not None
        self.pragmas: str = _TEMPORARY if kept_at is None else _KEPT
        self._remove_file: Callable[[], object] = remove
        if kept_at is None:
            finalizer = weakref.finalize(self, remove)
            finalizer.atexit = False
            self._remove_file = finalizer
        # One that its holder may take again: a signal handler may come between, and search too.
        self._guard = threading.RLock()
        self._connections: set[sqlite3.Connection] = set()
        self._ended = False
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

    @classmethod
    def kept(cls, path: Path) -> ReplicaFile:
        """Take one that stays where it is (:mod:`discobase.engine.replica.cache`).

        Raises:
            OSError: it is not there.
        """
        known = _identity(path)
        return cls(f"{path.as_uri()}?mode=rw", lambda: _remove_same(path, known), kept_at=path)

    @property
    def gone(self) -> bool:
        """Whether the file is at its end, or about to be: what is asked of it then fails for this
        reason.
        """
        return self._ended or self._unwanted or ended.is_set()

    def connect(self) -> sqlite3.Connection:
        """Return a new connection, for :meth:`disconnect` to close.

        Raises:
            Disconnected: the file is to be removed, or gone.
            sqlite3.Error: it cannot be opened.
        """
        # Connections are handed from thread to thread, never used by two at a time;
        # transactions are opened by hand.
        make = partial(sqlite3.connect, uri=True, check_same_thread=False, isolation_level=None)
        with self._guard:
            made = self._opened(make, self.uri)
            if self.is_kept:
                _require_text(made)
            self._connections.add(made)
        add_row_sum(made)  # what was kept may have been copied here
        return made

    def look_into(self, make: Callable[[str], C]) -> C:
        """Return a connection that its holder closes, and that the file's end does not wait for. It
        can only read. Where the file is in memory it is to a copy, for whoever reads there holds up
        commits.

        Args:
            make: makes it, of a URI.

        Raises:
            Disconnected: the file is to be removed, or gone.
            sqlite3.Error: it cannot be opened.
        """
        if not self.concurrent:
            return self._copied(make)
        with self._guard:
            return self._opened(make, f"{self.uri.rpartition('?')[0]}?mode=ro")

    def _copied(self, make: Callable[[str], C]) -> C:
        source = self.connect()
        try:
            made = make(":memory:")
            source.backup(made)
        finally:
            self.disconnect(source)
        return made

    def _opened(self, make: Callable[[str], C], uri: str) -> C:
        if self.gone:
            raise gone()
        made = make(uri)
        if self._kept_at is not None and not _is(self._kept_at, self._known):
            made.close()
            raise Replaced(f"another file is in the place of {str(self._kept_at)!r}")
        return made

    def disconnect(self, connection: sqlite3.Connection) -> None:
        """Close a connection."""
        connection.close()
        with self._guard:
            self._connections.discard(connection)
        self._remove_if_unused()

    def end(self) -> None:
        """Let no more connections be made; remove a file that is not kept as soon as the last one
        is closed.
        """
        self._ended = True
        if not self.is_kept:
            self.remove()

    def remove(self) -> None:
        """Remove the file, kept or not, as soon as every connection is closed."""
        with self._guard:
            self._unwanted = True
        self._remove_if_unused()

    def _remove_if_unused(self) -> None:
        with self._guard:
            unused = self._unwanted and not self._connections
        if unused:
            self._remove_file()


def _require_text(connection: sqlite3.Connection) -> None:
    """See that Python can read what SQLite says of a file's tables. Where they are described by
    bytes that are no UTF-8, SQLite quotes those in its error, and Python's own module fails at it.

    Raises:
        sqlite3.Error: it cannot.
    """
    try:
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    except UnicodeDecodeError as error:
        connection.close()
        raise Altered(f"the layout of its tables is no text: {error.reason}") from error
    except sqlite3.Error:
        connection.close()
        raise


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def _is(path: Path, known: tuple[int, int] | None) -> bool:
    """Return whether a file is the one that was known by its device and number."""
    try:
        return _identity(path) == known
    except OSError:
        return False


def _remove_same(path: Path, known: tuple[int, int]) -> None:
    """Remove a file, unless another one has come in its place: that is somebody else's."""
    if _is(path, known):
        remove_file(path)


def remove_file(path: Path) -> None:
    """Remove a file of SQLite's, with what SQLite has beside it."""
    for each in (path, *(path.with_name(f"{path.name}{suffix}") for suffix in ("-wal", "-shm"))):
        with contextlib.suppress(OSError):
            each.unlink()


def _nothing() -> None:
    """There is nothing to remove: what is in memory goes with its last connection."""
