"""One WebSocket's way out: frames are queued, so that a slow reader holds up nobody."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections import deque

from aiohttp import web

from discobase.local.gateway.compression import Packing

_log = logging.getLogger(__name__)

MOST_WAITING = 32 * 1024 * 1024
"""Characters that may wait for a reader before it is cut off."""


class Connection:
    """What is sent over one WebSocket.

    Args:
        websocket: open.
        pack: how its frames are packed.
        transport: of the WebSocket, to cut it.
    """

    def __init__(
        self,
        websocket: web.WebSocketResponse,
        pack: Packing,
        transport: asyncio.BaseTransport | None,
    ) -> None:
        self._websocket = websocket
        self._pack = pack
        self._transport = transport
        self._frames: deque[tuple[float, str]] = deque()
        self._waiting = 0
        self._filled = asyncio.Event()
        self._close_code: int | None = None
        self._loop = asyncio.get_running_loop()

    def send(self, frame: str, delay: float = 0.0) -> None:
        """Queues a frame behind the others; it leaves in ``delay`` seconds at the earliest."""
        if self._close_code is not None:
            return
        self._waiting += len(frame)
        if self._waiting > MOST_WAITING:
            _log.warning("a gateway client does not read its events and is cut off")
            self.cut()
            return
        self._frames.append((self._loop.time() + delay, frame))
        self._filled.set()

    def close(self, code: int) -> None:
        """Closes the WebSocket with a code, after what is queued."""
        if self._close_code is None:
            self._close_code = code
            self._filled.set()

    def cut(self) -> None:
        """Resets the TCP connection; what is queued is lost."""
        self._close_code = 1006
        self._frames.clear()
        self._filled.set()
        reset(self._transport)

    async def pump(self) -> None:
        """Sends what is queued until the connection is closed from either side."""
        try:
            while True:
                await self._filled.wait()
                self._filled.clear()
                await self._send_queued()
                if self._close_code is not None:
                    await self._websocket.close(code=self._close_code)
                    return
        except ConnectionError:
            # The reader is gone; the task that reads from it ends the conversation.
            return

    async def _send_queued(self) -> None:
        while self._frames:
            due, frame = self._frames.popleft()
            wait = due - self._loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
            self._waiting -= len(frame)
            packed = self._pack(frame)
            if isinstance(packed, str):
                await self._websocket.send_str(packed)
            else:
                await self._websocket.send_bytes(packed)


def reset(transport: asyncio.BaseTransport | None) -> None:
    """Ends a TCP connection with RST instead of FIN."""
    if not isinstance(transport, asyncio.Transport):
        return
    connection = transport.get_extra_info("socket")
    if connection is not None and connection.fileno() >= 0:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
