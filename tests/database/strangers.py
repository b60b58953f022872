"""Servers that are not what they should be: in front of a real one, or instead of one."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable
from fnmatch import fnmatchcase
from typing import Any, Self

import aiohttp
from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Stranger:
    """An HTTP server on a thread of its own. It answers some paths by itself, and passes the other
    requests on.

    Args:
        answers: what answers which request, as in ``POST */channels``.
        behind: the API that gets the other requests; None where there is none.
        charset: whether the type of JSON says which charset it is in.
    """

    def __init__(
        self, answers: dict[str, Handler], behind: str | None = None, *, charset: bool = False
    ) -> None:
        self._answers = answers
        self._behind = behind
        self._charset = charset
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._ended = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="stranger")
        self.port = 0

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/v10"

    @property
    def gateway_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/gateway"

    def answer(self, pattern: str, handler: Handler) -> None:
        """Answer some more requests here."""
        self._answers[pattern] = handler

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(10)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        http = web.Server(self._answer)
        async with aiohttp.ClientSession() as self._session:
            server = await self._loop.create_server(http, "127.0.0.1", 0)
            (listener,) = server.sockets
            self.port = listener.getsockname()[1]
            self._started.set()
            await self._ended.wait()
            # What is accepted becomes a connection some turns of the loop later; where the server
            # is closed by then it stays an open socket that nobody knows of.
            self._loop.remove_reader(listener.fileno())
            for _ in range(3):
                await asyncio.sleep(0)
            server.close()
            await http.shutdown(0.1)

    async def _answer(self, request: Any) -> web.StreamResponse:
        for pattern, answer in self._answers.items():
            if fnmatchcase(f"{request.method} {request.path}", pattern):
                return await answer(request)
        return await self._pass_on(request)

    async def _pass_on(self, request: web.Request) -> web.Response:
        assert self._behind is not None, f"nobody answers {request.path}"
        url = self._behind.removesuffix("/api/v10") + request.path_qs
        kept = ("Authorization", "Content-Type")
        headers = {name: request.headers[name] for name in kept if name in request.headers}
        body = await request.read()
        async with self._session.request(
            request.method, url, headers=headers, data=body or None
        ) as answer:
            kind = answer.headers.get("Content-Type")
            if self._charset and kind == "application/json":
                kind = "application/json; charset=utf-8"
            return web.Response(
                status=answer.status,
                body=await answer.read(),
                headers={"Content-Type": kind} if kind else {},
            )


class BadGateway:
    """A gateway that closes each connection, asking for another one, or falls silent.

    Args:
        user: the bot's user id.
        after: what it still does: ``hello``, ``identify`` (takes it), ``ready``, ``resumed``; or
            ``silent``, where it begins a session and shows no server.

    Attributes:
        came: when there was a connection, by the monotonic clock.
    """

    def __init__(self, user: int, after: str) -> None:
        self._user = str(user)
        self._after = after
        self.came: list[float] = []

    async def __call__(self, request: web.Request) -> web.WebSocketResponse:
        self.came.append(time.monotonic())
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"op": 10, "d": {"heartbeat_interval": 41250}})
        if self._after != "hello":
            await self._shake_hands(socket, str(request.url.with_query(None)))
        await socket.close(code=4000)
        return socket

    async def _shake_hands(self, socket: web.WebSocketResponse, url: str) -> None:
        asked = {"op": 1}
        while asked["op"] == 1:
            message = await socket.receive()
            if message.type != aiohttp.WSMsgType.TEXT:
                return
            asked = json.loads(message.data)
        if asked["op"] == 2 and self._after != "identify":
            await socket.send_json({"op": 0, "t": "READY", "s": 1, "d": self._ready(url)})
        if self._after == "silent":
            async for _ in socket:
                pass
        if asked["op"] == 6 and self._after == "resumed":
            await socket.send_json({"op": 0, "t": "RESUMED", "s": 2, "d": {}})

    def _ready(self, url: str) -> dict[str, Any]:
        user = {"id": self._user, "username": "bot", "discriminator": "0", "avatar": None}
        application = {"id": self._user, "flags": 0}
        session = {"session_id": "one", "resume_gateway_url": url.replace("http", "ws", 1)}
        return {"v": 10, "user": user, "guilds": [], "application": application, **session}


def points_to(gateway_url: str) -> Handler:
    """A handler that answers where the gateway is."""
    budget = {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1}
    return says({"url": gateway_url, "shards": 1, "session_start_limit": budget})


def says(body: object, *, status: int = 200) -> Handler:
    """A handler that always answers the same: text as a web page, anything else as JSON, whose type
    names its charset.
    """

    async def answer(_: web.Request) -> web.Response:
        if isinstance(body, str):
            return web.Response(status=status, text=body, content_type="text/html")
        return web.json_response(body, status=status)

    return answer
