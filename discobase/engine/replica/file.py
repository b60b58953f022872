"""The file that a replica lives in: a temporary one, for this process alone."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import threading
import weakref
from pathlib import Path

from discobase.errors import ConnectError, Disconnected


class ReplicaFile:
    """A SQLite file in a temporary folder, which only this user can read (:func:`tempfile.mkdtemp`)
    and which lasts as long as this object at the most.

    Raises:
        ConnectError: the folder cannot be made.
    """

    def __init__(self) -> None:
        folder = _make_folder()
        self._path = Path(folder) / "replica.sqlite"
        self._remove_folder = weakref.finalize(self, _remove, folder, os.getpid())
        # One that its holder may take again: a signal handler may come between, and search too.
        self._guard = threading.RLock()
        self._connections: set[sqlite3.Connection] = set()
        self._unwanted = False

    def connect(self) -> sqlite3.Connection:
        """Return a new connection, for :meth:`disconnect` to close.

        Raises:
            Disconnected: the file is to be removed, or gone.
        """
        with self._guard:
            if self._unwanted:
                raise _gone()
            # Connections are handed from thread to thread, never used by two at a time;
            # transactions are opened by hand.
            try:
                made = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
            except sqlite3.OperationalError as error:
                if self._path.exists():
                    raise
                raise _gone() from error  # the program is at its end, where folders are removed
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


def _gone() -> Disconnected:
    return Disconnected("the connection has ended, and its records with it: log in again.")


def _make_folder() -> str:
    try:
        return tempfile.mkdtemp(prefix="discobase-")
    except OSError as error:
        raise ConnectError(
            f"the database's records need a temporary folder, and none can be made: {error}. Set "
            f"TMPDIR to a folder that is writable."
        ) from error


def _remove(folder: str, owner: int) -> None:
    """Remove a replica's folder: at its close, when it is collected unclosed, or at exit; never in
    a forked child, for it is the parent's.
    """
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)
