"""One WebSocket of a gateway client, from its opening to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from aiohttp import web

from discobase.local.gateway.compression import packer_for
from discobase.local.gateway.connection import Connection
from discobase.local.gateway.conversation import LONGEST_PAYLOAD, Conversation
from discobase.local.gateway.gateway import Gateway
from discobase.local.gateway.opcodes import INVALID_VERSION

_VERSIONS = {"9", "10"}
_CLOSING_SECONDS = 2.0
"""How long a client may take to answer a close: a guess."""

_MOST_READ = 16 * LONGEST_PAYLOAD
"""Bytes of a frame that are read at all, so that one too long is told so: a guess."""


async def serve_websocket(
    gateway: Gateway, request: web.BaseRequest, origin: str
) -> web.WebSocketResponse:
    """Serve one WebSocket from its opening to its end."""
    websocket = web.WebSocketResponse(
        compress=False, timeout=_CLOSING_SECONDS, max_msg_size=_MOST_READ
    )
    await websocket.prepare(request)
    connection = Connection(websocket, packer_for(request.query.get("compress")), request.transport)
    gateway.connections.add(connection)
    if not _spoken_here(request.query):
        connection.close(INVALID_VERSION)
    reading = asyncio.create_task(Conversation(gateway, websocket, connection, origin).run())
    sending = asyncio.create_task(connection.run())
    try:
        await asyncio.wait([reading, sending], return_when=asyncio.FIRST_COMPLETED)
        if connection.close_code is None:
            await reading
        else:
            # aiohttp waits for the client's answer to a close only while nobody else reads.
            reading.cancel()
            await asyncio.wait([reading])
            await websocket.close(code=connection.close_code)
    finally:
        gateway.connections.discard(connection)
        for task in (reading, sending):
            task.cancel()
        await asyncio.wait([reading, sending])
    return websocket


def _spoken_here(query: Mapping[str, str]) -> bool:
    return query.get("v", "10") in _VERSIONS and query.get("encoding", "json") == "json"
