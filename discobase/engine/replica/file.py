"""The file that a replica lives in: a temporary one, for this process alone."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
import threading
import weakref
from pathlib import Path

from discobase.at_exit import removes
from discobase.errors import ConnectError, Disconnected

_folders: dict[str, int] = {}
"""Folders that are to be removed, and the process each belongs to."""

_ended = threading.Event()
"""Set when the program is at its end: what were made then would be left behind."""


class ReplicaFile:
    """A SQLite file in a temporary folder, which only this user can read (:func:`tempfile.mkdtemp`)
    and which lasts as long as this object at the most.

    Raises:
        ConnectError: the folder cannot be made.
        Disconnected: the program is at its end.
    """

    def __init__(self) -> None:
        folder = _make_folder()
        path = Path(folder) / "replica.sqlite"
        path.touch()
        # Never made anew: where it is gone a connection is refused.
        self._uri = f"{path.as_uri()}?mode=rw"
        self._path = path
        finalizer = weakref.finalize(self, _remove, folder)
        finalizer.atexit = False
        self._remove_folder = finalizer
        # One that its holder may take again: a signal handler may come between, and search too.
        self._guard = threading.RLock()
        self._connections: set[sqlite3.Connection] = set()
        self._unwanted = False

    @property
    def gone(self) -> bool:
        """Whether the file is removed, or about to be: what is asked of it then fails for this
        reason.
        """
        return self._unwanted or _ended.is_set()

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


def gone() -> Disconnected:
    """Return the error of whoever reads what is not there any more."""
    return Disconnected("the connection has ended, and its records with it: log in again.")


def _make_folder() -> str:
    if _ended.is_set():
        raise gone()
    try:
        folder = tempfile.mkdtemp(prefix="discobase-")
    except OSError as error:
        raise ConnectError(
            f"the database's records need a temporary folder, and none can be made: {error}. Set "
            f"TMPDIR to a folder that is writable."
        ) from error
    _folders[folder] = os.getpid()
    if _ended.is_set():  # meanwhile: nobody else removes it now
        _remove(folder)
        raise gone()
    return folder


def _remove(folder: str) -> None:
    """Remove a replica's folder: at its close, when it is collected unclosed, or at exit; never in
    a forked child, for it is the parent's.

    It is renamed first: what SQLite makes beside its file at any time, it makes by the old name.
    """
    if _folders.get(folder) != os.getpid():
        return
    removed = f"{folder}-removed"
    with contextlib.suppress(OSError):
        Path(folder).rename(removed)
    for path in (removed, folder):  # the old one where it could not be renamed
        shutil.rmtree(path, ignore_errors=True)
    _folders.pop(folder, None)


@removes
def _remove_all() -> None:
    """At interpreter exit, remove what is left, also what a daemon thread is just removing: such a
    one would not come to its end.
    """
    _ended.set()
    for folder in tuple(_folders):
        _remove(folder)
