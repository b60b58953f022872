"""One server for all databases of a process, or for all processes that name one file.

Without a path there is one server for each process, until it ends; a forked child uses its
parent's. With a path, the first process that comes serves the file; others join it by its address.
When that process ends or dies, one of the others takes over, on the same port with the same file,
so that its clients need only connect again.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from typing import Any

from discobase.errors import ConnectError
from discobase.local.control.admin_client import call_admin
from discobase.local.process.file_server import FileServer
from discobase.local.process.thread import LocalDiscord
from discobase.local.state.file_format import absolute


class Joined:
    """A place on a shared server. Close it when it is not needed any more.

    Attributes:
        token: of the bot that is in the Discord server asked for.
    """

    def __init__(self, server: _ProcessServer | FileServer, token: str) -> None:
        self.token = token
        self._server = server
        self._pid = os.getpid()
        self._open = True

    @property
    def api_url(self) -> str:
        """What takes the place of ``https://discord.com/api/v10``."""
        return f"{self._server.origin}/api/v10"

    def close(self) -> None:
        """Leave the server.

        The last to leave in a process ends its serving of a file; another process takes over.
        """
        if self._open and self._pid == os.getpid():
            self._open = False
            _servers.leave(self._server)

    def __repr__(self) -> str:
        return f"<Joined {self.api_url}>"


def join(path: str | None, server_name: str) -> Joined:
    """Join the server of a file, or this process's own one; block until it answers.

    It is started if nobody has.

    Args:
        path: of the file, or ``None`` for the server of this process, whose state ends with it.
        server_name: the Discord server; it is made, with the bot in it, if missing.

    Raises:
        UsageError: the path is empty.
        ConnectError: the server could not be started or reached.
    """
    server = _servers.enter(None if path is None else absolute(path))
    try:
        return Joined(server, str(server.ask_to_join(server_name)["token"]))
    except BaseException:
        _servers.leave(server)
        raise


class _ProcessServer:
    """The server of this process, or of the one it was forked from; it is kept until the end."""

    def __init__(self) -> None:
        self._server = LocalDiscord().start()
        self.origin: str = self._server.origin

    def ask_to_join(self, server_name: str) -> dict[str, Any]:
        try:
            return call_admin(self.origin, "POST", "/_local/join", {"server_name": server_name})
        except ConnectionError as error:
            raise ConnectError(
                f"the process that ran the local server has ended: {error}"
            ) from error


class _Servers:
    """The servers that this process has part in, each with how many use it."""

    def __init__(self) -> None:
        self._own: _ProcessServer | None = None
        self._of_files: dict[str, FileServer] = {}
        self._users: Counter[str] = Counter()
        self._lock = threading.Lock()

    def enter(self, path: str | None) -> _ProcessServer | FileServer:
        with self._lock:
            if path is None:
                self._own = self._own or _ProcessServer()
                return self._own
            server = self._of_files.get(path)
            if server is None:
                server = FileServer(path)
                server.begin()
                self._of_files[path] = server
            self._users[path] += 1
            return server

    def leave(self, server: _ProcessServer | FileServer) -> None:
        if isinstance(server, _ProcessServer):
            return
        with self._lock:
            self._users[server.path] -= 1
            if not self._users[server.path]:
                del self._of_files[server.path]
                server.end()

    def forget_in_child(self) -> None:
        """Forget the parent's, in a forked child: the parent goes on, the child joins anew."""
        _of_the_parent.extend(self._of_files.values())
        self._of_files.clear()
        self._users.clear()
        self._lock = threading.Lock()


_servers = _Servers()
_of_the_parent: list[FileServer] = []
"""In a forked child: what must never be finalized there."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_servers.forget_in_child)
