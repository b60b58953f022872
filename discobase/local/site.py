"""The server on its port: REST, gateway, attachments, admin API and window on one address."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from os import PathLike
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from aiohttp import web

from discobase.local.admin import Admin
from discobase.local.api import Exchange
from discobase.local.control import Control
from discobase.local.gateway.connection import reset
from discobase.local.gateway.conversation import converse
from discobase.local.platform import Platform
from discobase.local.profiles import Profile
from discobase.local.settings import Settings
from discobase.local.window.page import PREFIX, Window

LOOPBACK = "127.0.0.1"
ATTACHMENT_ROUTE = "/attachments/{channel_id}/{attachment_id}/{name}"
"""The route by which faults of downloads are set."""

_HARMLESS = {"Content-Security-Policy": "sandbox", "X-Content-Type-Options": "nosniff"}
"""A file that is a web page must not act as one of this server's own pages in a browser."""

_BACKLOG = 1024
_GOODBYE_SECONDS = 0.25
_TURNS = 3
"""Turns of the loop that an accepted socket takes to become a connection: its task, its transport,
its protocol (asyncio's ``selector_events.py``)."""


class Site:
    """The server on its port. Made on the loop that serves it.

    Args:
        path: the file with its state, or ``None`` for none that lasts.
        limits: the profile of rate limits, or its name.
        settings: to begin with.
    """

    def __init__(
        self, path: str | PathLike[str] | None, limits: str | Profile, settings: Settings
    ) -> None:
        self.platform = Platform(path, limits, settings)
        self.control = Control(self.platform)
        self._admin = Admin(self.control, None if path is None else str(Path(path).resolve()))
        self._window = Window(self.platform)
        self._http = web.Server(self._answer, access_log=None)
        self._listener: socket.socket | None = None
        self._server: asyncio.Server | None = None

    async def open(self, port: int) -> int:
        """Begins to accept connections.

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
        """Closes all connections and the file; gateway clients are told to come back."""
        if self._server is not None:
            await _accept_no_more(self._server)
            self._server.close()
        self.control.drop_gateways()
        await self._http.shutdown(_GOODBYE_SECONDS)
        self.platform.close()

    def abandon(self) -> None:
        """In a forked child: lets go of the parent's sockets, which must end when the parent does.

        The descriptors are pointed at nothing instead of closed, so that the objects that own them
        may close them later.
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

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        origin = f"http://{request.headers.get('Host', LOOPBACK)}"
        if path.startswith("/api/"):
            return await Exchange(self.platform, request, origin).run()
        if path.startswith("/attachments/"):
            return await self._download(request)
        if path.rstrip("/") == "/gateway":
            return await converse(self.platform, request, origin)
        if path.startswith("/_local"):
            return await self._admin.answer(request)
        if path == "/" or path.startswith(PREFIX):
            return await self._window.answer(request)
        return web.Response(status=404, text="404: Not Found")

    async def _download(self, request: web.BaseRequest) -> web.Response:
        self.platform.requests.downloads += 1
        place = _place(unquote(request.path))
        channel_id = None if place is None else place.channel_id
        fault = self.platform.faults.take_request(request.method, ATTACHMENT_ROUTE, channel_id)
        if fault is not None:
            await asyncio.sleep(fault.delay)
            if fault.reset:
                reset(request.transport)
            if fault.replaces_answer:
                return web.Response(status=fault.status or 500, headers=fault.headers)
        if place is None or not self.platform.signer.good(request.path, request.query):
            return web.Response(status=404, text="This content is no longer available.")
        file = self.platform.messages.attachment(place.attachment_id)
        if file is None or (file.channel_id, file.name) != (place.channel_id, place.name):
            return web.Response(status=404, text="This content is no longer available.")
        headers = {"Content-Type": file.type or "application/octet-stream", **_HARMLESS}
        return web.Response(body=file.content, headers=headers)


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


class _Place(NamedTuple):
    channel_id: int
    attachment_id: int
    name: str


def _place(path: str) -> _Place | None:
    match path.strip("/").split("/"):
        case [_, channel, attachment, name] if channel.isdecimal() and attachment.isdecimal():
            return _Place(int(channel), int(attachment), name)
        case _:
            return None
