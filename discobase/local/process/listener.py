"""The server on its port: REST, gateway, attachments, admin API and window on one address."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket

from aiohttp import web

from discobase.local.behaviour.profiles import Profile
from discobase.local.behaviour.settings import Settings
from discobase.local.control.admin import Admin
from discobase.local.control.control import DirectControl
from discobase.local.gateway.websocket import serve_websocket
from discobase.local.people.people import People
from discobase.local.platform import Platform
from discobase.local.rest.downloads import download, look
from discobase.local.rest.exchange import Exchange
from discobase.local.state.onlookers import PREFIX as LOOK
from discobase.local.window.exhibit import Exhibit
from discobase.local.window.page import PREFIX, Window

LOOPBACK = "127.0.0.1"
"""Nobody on another machine can reach the server."""

_BACKLOG = 1024
"""Connections that may wait to be accepted, for tests that open hundreds at once: a guess."""

_SHUTDOWN_SECONDS = 0.25
"""How long requests under way may take to end when the server stops: a guess."""
_TURNS = 3
"""Turns of the loop that an accepted socket takes to become a connection: its task, its transport,
its protocol (asyncio's ``selector_events.py``)."""


class Listener:
    """The server on its port. Made on the loop that serves it.

    Args:
        path: in full, the file with its state, or ``None`` for none that lasts.
        limits: the profile of rate limits, or its name.
        settings: to begin with.
    """

    def __init__(self, path: str | None, limits: str | Profile, settings: Settings) -> None:
        self.platform = Platform(path, limits, settings)
        self.people = People(self.platform)
        self._admin = Admin(DirectControl(self.platform), self.people, path)
        self._window = Window(self.platform)
        self._http = web.Server(self._answer, access_log=None)
        self._listener: socket.socket | None = None
        self._server: asyncio.Server | None = None

    async def open(self, port: int) -> int:
        """Begin to accept connections.

        Args:
            port: the port, 0 for one that is free.

        Returns:
            The port.

        Raises:
            OSError: the port is taken.
        """
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            if os.name == "posix":
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((LOOPBACK, port))
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(self._http, sock=listener, backlog=_BACKLOG)
        except BaseException:
            listener.close()
            raise
        self._listener = listener
        bound = int(listener.getsockname()[1])
        self.platform.origin = f"http://{LOOPBACK}:{bound}"
        return bound

    async def close(self) -> None:
        """Close all connections and the file; gateway clients are told to come back."""
        if self._server is not None:
            await _accept_no_more(self._server)
            self._server.close()
        self.platform.gateway.drop_connections(resumable=True, manner="close")
        self._window.close()
        await self._http.shutdown(_SHUTDOWN_SECONDS)
        self.platform.close()

    def show(self, exhibit: Exhibit | None) -> None:
        """Have the window show something beside the channels; None for nothing."""
        self._window.show(exhibit)

    def abandon(self, *, between_steps: bool) -> None:
        """Let go of the parent's sockets and file, in a forked child: they must end when the parent
        does.

        The sockets' descriptors are pointed at nothing instead of closed, so that the objects that
        own them may close them later. The file is closed: SQLite keeps one account of a file for a
        whole process, and by the inherited one this process could never open it (SQLite's page "How
        To Corrupt An SQLite Database File", section 2.6, warns of such a close, for the locks; they
        are the parent's, and a child can release none of them).

        Args:
            between_steps: whether no call of the store was under way at the fork. SQLite would wait
                for its end for ever, so the file is left open then.
        """
        descriptors = [] if self._listener is None else [self._listener.fileno()]
        for connection in self._http.connections:
            transport = connection.transport
            open_socket = None if transport is None else transport.get_extra_info("socket")
            if open_socket is not None:
                descriptors.append(open_socket.fileno())
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in descriptors:
            if descriptor >= 0:
                os.dup2(nothing, descriptor)
        os.close(nothing)
        if between_steps:
            self.platform.store.close()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        origin = f"http://{request.headers.get('Host', LOOPBACK)}"
        if path.startswith("/api/"):
            return await Exchange(self.platform, request, origin).run()
        if path.startswith("/attachments/"):
            return await download(self.platform, request)
        if path.startswith(f"{LOOK}/attachments/"):
            return look(self.platform, request)
        if path.rstrip("/") == "/gateway":
            return await serve_websocket(self.platform.gateway, request, origin)
        if path.startswith("/_local"):
            return await self._admin.answer(request)
        if path == "/" or path.startswith(PREFIX):
            return await self._window.answer(request)
        return web.Response(status=404, text="404: Not Found")


async def _accept_no_more(server: asyncio.Server) -> None:
    """Stop accepting, and wait until all that was accepted is a connection.

    A socket that is none when the server closes would stay open, and nobody would know of it.
    """
    loop = asyncio.get_running_loop()
    with contextlib.suppress(NotImplementedError):  # Windows, whose loop has no readers
        for listener in server.sockets:
            loop.remove_reader(listener.fileno())
    for _ in range(_TURNS):
        await asyncio.sleep(0)
