"""API calls as they leave: each is counted, and what it waits for rate limits is measured.

discord.py 2.7.1 waits inside `HTTPClient.request`, and tells nobody: before it sends what has no
room in its bucket, after a 429, and, when an answer has emptied its bucket, before it hands that
answer on. What aiohttp tells of each request (`http_trace`, an argument of :class:`discord.Client`)
says when it left and when its answer was there, and the answer's headers say whether there was room
for more: what passes between is one of these waits.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import aiohttp

from discobase.engine.server.usage import Usage

_NOTICED_SECONDS = 0.05
"""Below that nothing was waited for but the loop: a guess. A bucket that is empty is so for a
second or more."""

_TOO_MANY = 429
"""The status of a request that a rate limit has refused (topics, rate limits)."""


class Call:
    """One call of discord.py's, which may leave several times.

    Args:
        usage: where it is counted.
        kind: its method and path.

    Attributes:
        connected: whether it ever had a connection. Before that nothing of it can have left.
    """

    def __init__(self, usage: Usage, kind: str) -> None:
        self._usage = usage
        self._kind = kind
        self.connected = False
        now = time.monotonic()
        self._since = now if now < usage.limited_until else None

    def leaves(self) -> None:
        """Note that it leaves now, once more perhaps."""
        self._end_wait()
        self._since = None
        self._usage.count(self._kind)

    def connects(self) -> None:
        """Note that it has a connection, TLS included."""
        self.connected = True

    def answered(self, status: int, headers: Mapping[str, str]) -> None:
        """Note that the head of its answer is there. What comes after it is a wait for a rate limit
        where the answer says that there is no room for more.
        """
        if status != _TOO_MANY and headers.get("X-RateLimit-Remaining") != "0":
            return
        self._since = time.monotonic()
        room_in = headers.get("X-RateLimit-Reset-After") or headers.get("Retry-After") or "0"
        self._usage.limited_until = self._since + _seconds(room_in)

    def read(self) -> None:
        """Note that the rest of its answer is there."""
        if self._since is not None:
            self._since = time.monotonic()

    def ends(self) -> None:
        """Note that discord.py hands on what came of it."""
        self._end_wait()

    def _end_wait(self) -> None:
        if self._since is None:
            return
        waited = time.monotonic() - self._since
        if waited >= _NOTICED_SECONDS:
            self._usage.note_wait(waited)


def _seconds(text: str) -> float:
    """Return the seconds that a header names; 0 where it names none, as a date."""
    try:
        return float(text)
    except ValueError:
        return 0.0


def trace_of_calls() -> aiohttp.TraceConfig:
    """Return what has aiohttp tell the :class:`Call` that a request was given as
    ``trace_request_ctx``. Requests without one, downloads and the gateway's, are not counted.
    """
    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(_started)
    trace.on_connection_create_end.append(_connected)
    trace.on_connection_reuseconn.append(_connected)
    trace.on_request_end.append(_answered)
    trace.on_response_chunk_received.append(_read)
    return trace


async def _started(_: Any, context: Any, __: aiohttp.TraceRequestStartParams) -> None:
    if context.trace_request_ctx is not None:
        context.trace_request_ctx.leaves()


async def _connected(_: Any, context: Any, __: object) -> None:
    if context.trace_request_ctx is not None:
        context.trace_request_ctx.connects()


async def _answered(_: Any, context: Any, told: aiohttp.TraceRequestEndParams) -> None:
    if context.trace_request_ctx is not None:
        context.trace_request_ctx.answered(told.response.status, told.response.headers)


async def _read(_: Any, context: Any, __: aiohttp.TraceResponseChunkReceivedParams) -> None:
    if context.trace_request_ctx is not None:
        context.trace_request_ctx.read()
