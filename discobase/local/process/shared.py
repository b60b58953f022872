"""Sharing one server between the databases of a process, and the processes of a file.

Without a path there is one server for each process, until it ends; a forked child uses its
parent's. With a path, the first process that comes serves the file; others join it by its address.
When that process ends or dies, one of the others takes over, on the same port with the same file,
so that its clients need only connect again.
"""

from __future__ import annotations

import errno
import logging
import os
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

from discobase.claim import Claim
from discobase.errors import ConnectError, UsageError
from discobase.local.control.admin_client import ask
from discobase.local.process.listener import LOOPBACK
from discobase.local.process.thread import LocalDiscord

_log = logging.getLogger(__name__)

_SECONDS = 15.0
_POLL_SECONDS = 0.02
_CLAIM_SECONDS = 0.25
_PORT_SECONDS = 5.0


class Joined:
    """A place on a shared server. Close it when it is not needed any more.

    Attributes:
        token: of the bot that is in the Discord server asked for.
    """

    def __init__(self, shared: _Own | _Shared, token: str) -> None:
        self.token = token
        self._shared = shared
        self._pid = os.getpid()
        self._open = True

    @property
    def api_url(self) -> str:
        """What takes the place of ``https://discord.com/api/v10``."""
        return f"{self._shared.origin}/api/v10"

    def close(self) -> None:
        """Leaves the server.

        The last to leave in a process ends its serving of a file; another process takes over.
        """
        if self._open and self._pid == os.getpid():
            self._open = False
            self._shared.leave()

    def __repr__(self) -> str:
        return f"<Joined {self.api_url}>"


def join(path: str | None, server_name: str) -> Joined:
    """Joins the server of a file, or this process's own one; blocks until it answers.

    It is started if nobody has.

    Args:
        path: of the file, or ``None`` for the server of this process, whose state ends with it.
        server_name: the Discord server; it is made, with the bot in it, if missing.

    Raises:
        ConnectError: the server could not be started or reached.
    """
    shared = _places.enter(None if path is None else str(Path(path).resolve()))
    try:
        return Joined(shared, str(shared.ask_to_join(server_name)["token"]))
    except BaseException:
        shared.leave()
        raise


class _Own:
    """The server of this process, or of the one it was forked from."""

    def __init__(self) -> None:
        self._host = LocalDiscord().start()
        self.origin = self._host.origin

    def ask_to_join(self, server_name: str) -> dict[str, Any]:
        try:
            return ask(self.origin, "POST", "/_local/join", {"server_name": server_name})
        except ConnectionError as error:
            raise ConnectError(
                f"the process that ran the local server has ended: {error}"
            ) from error

    def leave(self) -> None:
        """Nothing: it is kept until the process ends."""


class _Shared:
    """This process's part in the server of a file: serving it, or waiting to take over."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.origin = ""
        self.users = 0
        self._claim = Claim(path)
        self._host: LocalDiscord | None = None
        self._left = threading.Event()
        self._changing = threading.Lock()

    def begin(self) -> None:
        """Serves the file, or joins whoever does."""
        deadline = time.monotonic() + _SECONDS
        while not self._claim.take(0):
            port = _last_port(self.path)
            if port and _serves(_origin(port), self.path):
                self.origin = _origin(port)
                threading.Thread(
                    target=self._wait_to_take_over, name="discobase-takeover", daemon=True
                ).start()
                return
            if time.monotonic() > deadline:
                raise ConnectError(
                    f"another process holds {self.path} but does not answer; end that process."
                )
            time.sleep(_POLL_SECONDS)
        self._serve()

    def _wait_to_take_over(self) -> None:
        while not self._left.is_set():
            if self._claim.take(_CLAIM_SECONDS):
                with self._changing:
                    if self._left.is_set():
                        self._claim.release()
                    else:
                        _log.info("taking over the server of %s", self.path)
                        self._serve()
                return

    def _serve(self) -> None:
        """Serves the file, for which the claim is held; gives the claim up if that fails."""
        try:
            self._host = self._started()
        except BaseException:
            self._claim.release()
            raise
        self.origin = self._host.origin

    def _started(self) -> LocalDiscord:
        port = _last_port(self.path)
        deadline = time.monotonic() + _PORT_SECONDS
        while True:
            try:
                return LocalDiscord(self.path, port=port).start(claim=self._claim)
            except OSError as error:
                if not port or error.errno != errno.EADDRINUSE:
                    raise
                if time.monotonic() > deadline:
                    _log.warning("port %d is taken: the server of %s moves", port, self.path)
                    port = 0
                time.sleep(_POLL_SECONDS)

    def ask_to_join(self, server_name: str) -> dict[str, Any]:
        deadline = time.monotonic() + _SECONDS
        while True:
            try:
                return ask(self.origin, "POST", "/_local/join", {"server_name": server_name})
            except ConnectionError as error:
                if time.monotonic() > deadline:
                    raise ConnectError(f"the server of {self.path} is gone: {error}") from error
                time.sleep(_POLL_SECONDS)

    def leave(self) -> None:
        _places.leave(self)

    def end(self) -> None:
        """Stops serving, or waiting to."""
        self._left.set()
        with self._changing:
            if self._host is not None:
                self._host.close()


class _Places:
    """The servers that this process has part in."""

    def __init__(self) -> None:
        self._own: _Own | None = None
        self._shared: dict[str, _Shared] = {}
        self._lock = threading.Lock()

    def enter(self, path: str | None) -> _Own | _Shared:
        with self._lock:
            if path is None:
                self._own = self._own or _Own()
                return self._own
            shared = self._shared.get(path)
            if shared is None:
                shared = _Shared(path)
                shared.begin()
                self._shared[path] = shared
            shared.users += 1
            return shared

    def leave(self, shared: _Shared) -> None:
        with self._lock:
            shared.users -= 1
            if not shared.users:
                del self._shared[shared.path]
                shared.end()

    def forget_in_child(self) -> None:
        """In a forked child: the parent goes on serving, the child has yet to join."""
        _of_the_parent.extend(self._shared.values())
        self._shared.clear()
        self._lock = threading.Lock()


def _origin(port: int) -> str:
    return f"http://{LOOPBACK}:{port}"


def _last_port(path: str) -> int:
    """The port at which a file was served last, 0 if never."""
    if not Path(path).exists():
        return 0
    connection = sqlite3.connect(path, timeout=1.0)
    try:
        found = connection.execute("select value from meta where name = 'port'").fetchone()
    except sqlite3.OperationalError:
        # Just being made, or no server's file at all; Store says so when it is opened.
        return 0
    finally:
        connection.close()
    return 0 if found is None else int(found[0])


def _serves(origin: str, path: str) -> bool:
    """Whether the server at an origin is that of a file."""
    try:
        return bool(ask(origin, "GET", "/_local").get("path") == path)
    except (ConnectionError, UsageError):
        return False


_places = _Places()
_of_the_parent: list[_Shared] = []
"""In a forked child: what must never be finalized there."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_places.forget_in_child)
