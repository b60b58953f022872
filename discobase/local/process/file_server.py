"""A process's part in the server of a file: serving it, or waiting to take over."""

from __future__ import annotations

import errno
import logging
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

from discobase.claim import Claim
from discobase.errors import ConnectError, UsageError
from discobase.local.control.admin_client import call_admin
from discobase.local.process.listener import LOOPBACK
from discobase.local.process.thread import LocalDiscord
from discobase.local.state.file_format import require_usable

_log = logging.getLogger(__name__)

_ANSWER_SECONDS = 15.0
"""How long a server may take to answer, a takeover included: a guess."""

_POLL_SECONDS = 0.02
"""Between two tries: a guess, short beside the time that a server takes to start."""

_CLAIM_SECONDS = 0.25
"""How long a wait for the claim lasts before it looks whether it is still wanted: a guess."""

_PORT_SECONDS = 5.0
"""How long a port may stay taken after its server has died: a guess."""


class FileServer:
    """The server of a file, as one process sees it.

    Attributes:
        path: of the file.
        origin: where the server answers.

    Args:
        path: of the file.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.origin: str = ""
        self._claim = Claim(path)
        self._server: LocalDiscord | None = None
        self._left = threading.Event()
        self._changing = threading.Lock()

    def begin(self) -> None:
        """Serve the file, or join whoever does.

        Raises:
            ConnectError: the file can be none of a server's, or another process holds it and does
                not answer.
        """
        require_usable(self.path)
        deadline = time.monotonic() + _ANSWER_SECONDS
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

    def ask_to_join(self, server_name: str) -> dict[str, Any]:
        """Have a Discord server made, with the bot in it; return the token.

        Raises:
            ConnectError: nobody answers any more.
        """
        deadline = time.monotonic() + _ANSWER_SECONDS
        while True:
            try:
                return call_admin(self.origin, "POST", "/_local/join", {"server_name": server_name})
            except ConnectionError as error:
                if time.monotonic() > deadline:
                    raise ConnectError(f"the server of {self.path} is gone: {error}") from error
                time.sleep(_POLL_SECONDS)

    def end(self) -> None:
        """Stop serving, or waiting to."""
        self._left.set()
        with self._changing:
            if self._server is not None:
                self._server.close()

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
        """Serve the file, for which the claim is held; give the claim up if that fails."""
        try:
            self._server = self._started()
        except BaseException:
            self._claim.release()
            raise
        self.origin = self._server.origin

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


def _origin(port: int) -> str:
    return f"http://{LOOPBACK}:{port}"


def _last_port(path: str) -> int:
    """Return the port at which a file was served last, 0 if never."""
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
    """Return whether the server at an origin is that of a file."""
    try:
        return bool(call_admin(origin, "GET", "/_local").get("path") == path)
    except (ConnectionError, UsageError):
        return False
