"""An unmodified discord.py client that runs on a thread, so that a test can act as a person."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import discord
import pytest
import yarl


@contextmanager
def directed_to(server):
    """discord.py pointed at the server."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(discord.http.Route, "BASE", server.api_url)
        gateway = yarl.URL(f"{server.origin.replace('http', 'ws')}/gateway")
        patch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", gateway)
        yield


@contextmanager
def running(client: discord.Client, token: str):
    """The client, logged in and ready; what it raises is raised at the end."""
    ready: Future[asyncio.Event] = Future()

    async def run() -> None:
        stop = asyncio.Event()
        client.on_ready = lambda: _set(ready, stop)
        connection = asyncio.create_task(client.start(token))
        connection.add_done_callback(lambda _: stop.set())
        await stop.wait()
        await client.close()
        await connection

    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(asyncio.run, run())
        running.add_done_callback(lambda done: ready.done() or ready.set_exception(EOFError()))
        stop = ready.result(10)
        try:
            yield client
        finally:
            client.loop.call_soon_threadsafe(stop.set)
            running.result(10)


async def _set(ready: Future[asyncio.Event], stop: asyncio.Event) -> None:
    if not ready.done():
        ready.set_result(stop)
