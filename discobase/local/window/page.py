"""The page over HTTP: its files, what it shows, and word of changes.

Nothing can be changed through it. Whatever is seen on the server is written to its file first, so a
change of the file is all that needs to be watched.
"""

from __future__ import annotations

import asyncio
from importlib.resources import files

from aiohttp import web

from discobase.local import wire
from discobase.local.loopback import is_local, names_this_machine
from discobase.local.platform import Platform
from discobase.local.window import view
from discobase.local.window.exhibit import Exhibit
from discobase.local.window.exhibited import Exhibited, NotShown

PREFIX = "/_window/"

_CHECK_SECONDS = 0.2
"""How late a change is shown at most: a guess, too short to be noticed."""

_CHECKS_PER_COMMENT = 75
"""Checks without a change after which a comment shows whether the page is still there: a guess."""

_TYPES = {
    "": ("window.html", "text/html; charset=utf-8"),
    "icon.svg": ("icon.svg", "image/svg+xml"),
    "window.css": ("window.css", "text/css; charset=utf-8"),
    **{
        name: (name, "text/javascript; charset=utf-8")
        for name in ("window.js", "page.js", "messages.js", "tables.js", "commits.js")
    },
}
_LARGEST_ID = (1 << 63) - 1
"""Ids have 63 bits in SQLite."""
_DIGITS = 19
"""Of the largest id."""

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Window:
    """The page.

    Args:
        platform: the server it shows.
    """

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._exhibited = Exhibited()

    def show(self, exhibit: Exhibit | None) -> None:
        """Have something shown beside the channels; None for nothing."""
        self._exhibited.exhibit = exhibit

    def close(self) -> None:
        """Begin nothing more that takes long."""
        self._exhibited.close()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request: to the page's files, or from the page itself."""
        if request.method != "GET":
            return _refused(405, "this page is for reading only")
        name = request.path.removeprefix(PREFIX).strip("/")
        if name in _TYPES and names_this_machine(request):
            return _file(name)
        if not is_local(request):
            return _refused(403, "this page is for people on this machine only")
        match name:
            case "servers":
                return _json(view.servers(self._platform))
            case "messages":
                return self._messages(request)
            case "changes":
                return await self._changes(request)
            case _ if Exhibited.has(name):
                return await self._show(name, request)
            case _:
                return _refused(404, "there is no such page")

    async def _show(self, name: str, request: web.BaseRequest) -> web.Response:
        try:
            return _json(await self._exhibited.answer(name, request.query))
        except NotShown as error:
            return _refused(error.status, str(error))

    def _messages(self, request: web.BaseRequest) -> web.Response:
        place, before = (request.query.get(name, "") for name in ("channel", "before"))
        channel = self._platform.state.channels.get(_number(place) or 0)
        if channel is None:
            return _refused(404, "there is no such channel")
        origin = f"http://{request.headers['Host']}"
        limit = _number(before)
        return _json(view.messages(self._platform, channel, limit, origin))

    async def _changes(self, request: web.BaseRequest) -> web.StreamResponse:
        """Send events to the page: one now, and one after each change, at most five a second."""
        response = web.StreamResponse(headers={**_HEADERS, "Content-Type": "text/event-stream"})
        await response.prepare(request)
        seen, checks = -1, 0
        try:
            while request.transport is not None and not request.transport.is_closing():
                changes = self._platform.store.changes
                if changes != seen:
                    await response.write(f"data: {changes}\n\n".encode())
                elif checks % _CHECKS_PER_COMMENT == 0:
                    await response.write(b": still here\n\n")
                seen, checks = changes, checks + 1
                await asyncio.sleep(_CHECK_SECONDS)
        except ConnectionError:
            # The page was closed.
            return response
        return response


def _number(text: str) -> int | None:
    """Return the number that a text stands for, at most the largest id."""
    if not (text.isascii() and text.isdecimal()):
        return None
    return min(int(text), _LARGEST_ID) if len(text) <= _DIGITS else _LARGEST_ID


def _file(name: str) -> web.Response:
    file, kind = _TYPES[name]
    content = files("discobase.local.window").joinpath(file).read_bytes()
    return web.Response(body=content, headers={**_HEADERS, "Content-Type": kind})


def _json(body: object) -> web.Response:
    headers = {**_HEADERS, "Content-Type": "application/json"}
    return web.Response(body=wire.text(body).encode(), headers=headers)


def _refused(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=text, headers=_HEADERS)
