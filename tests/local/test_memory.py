"""Connections that come and go leave nothing behind in the server."""

from __future__ import annotations

import asyncio
import gc
import socket
import struct
import tracemalloc
from urllib.parse import urlsplit

import pytest

from tests.local.gateway_client import connected, identify

pytestmark = pytest.mark.one_python

KIB = 1024
ABORTED = struct.pack("ii", 1, 0)


def ask_and_go(place, number: int) -> None:
    """One connection with one request; every third is broken off before its answer is read."""
    split = urlsplit(place.server.api_url)
    with socket.create_connection((split.hostname, split.port), timeout=10) as client:
        request = f"GET {split.path}/users/@me HTTP/1.1\r\nHost: {split.netloc}\r\n"
        client.sendall(f"{request}Authorization: Bot {place.token}\r\n\r\n".encode())
        if number % 3:
            assert client.recv(64).startswith(b"HTTP/1.1 200")
        else:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORTED)


def look_and_go(place, number: int) -> None:
    """The window's stream of changes, left open for its first word only."""
    split = urlsplit(place.server.origin)
    with socket.create_connection((split.hostname, split.port), timeout=10) as client:
        client.sendall(f"GET /_window/changes HTTP/1.1\r\nHost: {split.netloc}\r\n\r\n".encode())
        assert client.recv(64).startswith(b"HTTP/1.1 200")


def log_in_and_go(place, number: int) -> None:
    """A gateway session that ends without a close that ends it."""

    async def scene():
        async with connected(place) as gateway:
            await identify(gateway, place.token)

    asyncio.run(scene())


def traced(place) -> int:
    """Bytes in use once the server has seen the end of all connections."""
    asyncio.run(asyncio.sleep(0.5))
    place.server.requests  # noqa: B018 - a round through the server's loop
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


@pytest.mark.parametrize(
    ("come_and_go", "warm_up", "times", "most"),
    [(ask_and_go, 200, 2000, 128), (look_and_go, 20, 200, 128), (log_in_and_go, 20, 200, 128)],
)
def test_memory_does_not_grow_with_connections(place, come_and_go, warm_up, times, most):
    place.server.set(resume_window=0.0)
    tracemalloc.start()
    try:
        for number in range(warm_up):
            come_and_go(place, number)
        before = traced(place)
        for number in range(times):
            come_and_go(place, number)
        grown = traced(place) - before
    finally:
        tracemalloc.stop()
    assert grown < most * KIB
    assert place.server.requests.identifies == (
        warm_up + times if come_and_go is log_in_and_go else 0
    )
