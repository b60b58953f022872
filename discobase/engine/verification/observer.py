"""The seam to Discord as somebody uses it who only looks, and is in nobody's way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from discobase.engine.server.seam import Attachment, Channel, Message, Server

T = TypeVar("T")

_LOOKS = frozenset({"author", "settling", "now", "monotonic", "sleep", "random", "aside"})
"""What else an observer needs. What changes something is not among it."""


class Observer:
    """Reads, counts the API calls, takes heavy steps aside, and can write nothing.

    Args:
        server: the seam.

    Attributes:
        calls: API calls so far.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self.calls = 0

    @property
    def seam(self) -> Server:
        """The same, for what takes a whole seam and only looks."""
        return cast("Server", self)

    async def history(self, channel: int, *, after: int, limit: int = 100) -> list[Message]:
        """See :meth:`~discobase.engine.server.seam.Requests.history`."""
        self.calls += 1
        return await self._server.history(channel, after=after, limit=limit)

    async def message(self, channel: int, message: int) -> Message:
        """See :meth:`~discobase.engine.server.seam.Requests.message`."""
        self.calls += 1
        return await self._server.message(channel, message)

    async def channels(self) -> list[Channel]:
        """See :meth:`~discobase.engine.server.seam.Requests.channels`."""
        self.calls += 1
        return await self._server.channels()

    async def fetch(self, attachment: Attachment) -> bytes:
        """See :meth:`~discobase.engine.server.seam.Requests.fetch`."""
        return await self._server.fetch(attachment)

    def work(self, step: Callable[[], T]) -> Awaitable[T]:
        """Run a heavy step aside: no commit waits for it."""
        return self._server.aside(step)

    def __getattr__(self, name: str) -> Any:
        if name not in _LOOKS:
            raise AttributeError(f"{name!r} is nothing for somebody who only looks")
        return getattr(self._server, name)
