"""A bare gateway client: it sends what it is told to and shows every frame."""

from __future__ import annotations

import asyncio
import json
import zlib
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

GUILDS, GUILD_MESSAGES, TYPING = 1, 512, 1 << 11
USUAL = GUILDS | GUILD_MESSAGES


class Gateway:
    def __init__(self, websocket: aiohttp.ClientWebSocketResponse, unpack) -> None:
        self.websocket = websocket
        self.sequence = 0
        self._unpack = unpack

    async def send(self, operation: int, data: object) -> None:
        await self.websocket.send_json({"op": operation, "d": data})

    async def receive(self) -> dict[str, Any]:
        """The next frame; a closed connection reads as ``{"close": code}``."""
        message = await self.websocket.receive(timeout=10)
        if message.type in {aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY}:
            frame = json.loads(self._unpack(message.data))
            self.sequence = frame["s"] or self.sequence
            return frame
        return {"close": self.websocket.close_code, "t": None, "op": None}

    async def event(self, name: str) -> dict[str, Any]:
        """The data of the next event of a name; others before it are passed over."""
        while True:
            frame = await self.receive()
            assert "close" not in frame, frame
            if frame["t"] == name:
                return frame["d"]

    async def next(self) -> tuple[str | None, Any]:
        frame = await self.receive()
        return frame["t"], frame["d"]

    async def nothing(self) -> None:
        """Asserts that no event is waiting: a heartbeat is answered before anything else comes."""
        await self.send(1, self.sequence)
        assert (await self.receive())["op"] == 11


@asynccontextmanager
async def connected(place, query: str = "v=10&encoding=json", unpack=lambda data: data):
    """An open connection that has said hello."""
    url = f"{place.server.origin.replace('http', 'ws')}/gateway?{query}"
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as websocket:
        gateway = Gateway(websocket, unpack)
        hello = await gateway.receive()
        assert hello["op"] == 10
        assert hello["d"]["heartbeat_interval"] > 0
        yield gateway


async def identify(
    gateway: Gateway, token: str, intents: int = USUAL, **more: object
) -> dict[str, Any]:
    """Logs in; returns READY."""
    properties = {"os": "linux", "browser": "test", "device": "test"}
    await gateway.send(2, {"token": token, "intents": intents, "properties": properties, **more})
    return await gateway.event("READY")


@asynccontextmanager
async def session(place, intents: int = USUAL, *, token: str | None = None):
    """A logged-in connection that has seen its guild."""
    async with connected(place) as gateway:
        await identify(gateway, token or place.token, intents)
        await gateway.event("GUILD_CREATE")
        yield gateway


def inflater():
    stream = zlib.decompressobj()

    def unpack(data: bytes) -> bytes:
        assert data.endswith(b"\x00\x00\xff\xff")
        return stream.decompress(data)

    return unpack


async def in_thread(call, *arguments, **named):
    """A blocking call of the server or of REST, from a coroutine."""
    return await asyncio.to_thread(call, *arguments, **named)
