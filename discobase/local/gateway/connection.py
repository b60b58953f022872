"""One WebSocket's way out: frames are queued, so that a slow reader holds up nobody."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections import deque

from aiohttp import web

from discobase.local.gateway.compression import Packer
from discobase.local.gateway.damage import corrupted

_log = logging.getLogger(__name__)

MOST_WAITING = 32 * 1024 * 1024
"""Characters that may wait for a reader before it is cut off: a guess."""

_CLOSING_SECONDS = 3.0
"""How long a client may take to read what is queued and to answer a close: a guess."""


class Connection:
    """What is sent over one WebSocket.

    ``close_code`` is the code that this side has decided to close it with, ``None`` so far.

    Args:
        websocket: open.
        pack: how its frames are packed.
        transport: of the WebSocket, to cut it.
    """

    def __init__(
        self,
        websocket: web.WebSocketResponse,
        pack: Packer,
        transport: asyncio.BaseTransport | None,
    ) -> None:
        self._websocket = websocket
        self._pack = pack
        self._transport = transport
        self._frames: deque[tuple[float, str, bool]] = deque()
        self._waiting = 0
        self._filled = asyncio.Event()
        self.close_code: int | None = None
        self._loop = asyncio.get_running_loop()

    def send(self, frame: str, delay: float = 0.0, *, corrupt: bool = False) -> None:
        """Queue a frame behind the others.

        Args:
            frame: its text.
            delay: seconds in which it leaves at the earliest.
            corrupt: whether its bytes are to be wrong.
        """
        if self.close_code is not None:
            return
        self._waiting += len(frame)
        if self._waiting > MOST_WAITING:
            _log.warning("a gateway client does not read its events and is cut off")
            self.cut()
            return
        self._frames.append((self._loop.time() + delay, frame, corrupt))
        self._filled.set()

    def close(self, code: int) -> None:
        """Decide to close the WebSocket with a code, after what is queued."""
        if self.close_code is None:
            self.close_code = code
            self._filled.set()
            self._loop.call_later(_CLOSING_SECONDS, reset, self._transport)

    def cut(self) -> None:
        """Reset the TCP connection; what is queued is lost."""
        self.close_code = 1006
        self._frames.clear()
        self._filled.set()
        reset(self._transport)

    async def run(self) -> None:
        """Send what is queued until this side has decided to close, or the reader is gone."""
        try:
            while self.close_code is None:
                await self._filled.wait()
                self._filled.clear()
                await self._send_queued()
        except ConnectionError:
            # Whoever reads from the WebSocket sees its end as well.
            return

    async def _send_queued(self) -> None:
        while self._frames:
            due, frame, corrupt = self._frames.popleft()
            wait = due - self._loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
            self._waiting -= len(frame)
            packed = corrupted(self._pack(frame)) if corrupt else self._pack(frame)
            if isinstance(packed, str):
                await self._websocket.send_str(packed)
            else:
                await self._websocket.send_bytes(packed)


def reset(transport: asyncio.BaseTransport | None) -> None:
    """End a TCP connection with RST instead of FIN."""
    if not isinstance(transport, asyncio.Transport):
        return
    connection = transport.get_extra_info("socket")
    if connection is not None and connection.fileno() >= 0:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
