"""The context manager that :meth:`Database.conn <discobase.Database.conn>` returns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Generic, TypeVar

T = TypeVar("T")


class Connected(Generic[T]):
    """Connects on entry, and closes on exit; in ``with`` and in ``async with``.

    Args:
        database: the value of the block.
        begin: begins the login.
        wait: blocks until the database can be used.
        close: closes it.
    """

    def __init__(
        self,
        database: T,
        *,
        begin: Callable[[], object],
        wait: Callable[[], None],
        close: Callable[[], None],
    ) -> None:
        self._database = database
        self._begin = begin
        self._wait = wait
        self._close = close

    def __enter__(self) -> T:
        self._begin()
        try:
            self._wait()
        except BaseException:
            self._close()
            raise
        return self._database

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close()

    async def __aenter__(self) -> T:
        self._begin()
        try:
            await asyncio.to_thread(self._wait)
        except BaseException:
            await _finished(self._close)
            raise
        return self._database

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await _finished(self._close)


async def _finished(work: Callable[[], None]) -> None:
    """Do something on a thread, to its end even where the task that waits is cancelled."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
