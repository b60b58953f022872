"""Positions that somebody waits for, told when they have been applied."""

from __future__ import annotations

import asyncio

from discobase.errors import DiscobaseError


class Awaited:
    """Who waits for which position. Used on the loop alone."""

    def __init__(self) -> None:
        self._waiting: dict[asyncio.Future[None], int] = {}
        self._end: DiscobaseError | None = None

    async def comes(self, position: int, *, within: float | None) -> bool:
        """Return whether a position is applied in the next so many seconds, or ever.

        Raises:
            DiscobaseError: nothing will be applied any more; the error that :meth:`end` was given.
        """
        self._require_open()
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[told] = position
        try:
            done, _ = await asyncio.wait({told}, timeout=within)
        finally:
            del self._waiting[told]
        self._require_open()
        return bool(done)

    def tell(self, head: int) -> None:
        """Wake those whose position has been applied by now."""
        for told, position in self._waiting.items():
            if position <= head and not told.done():
                told.set_result(None)

    def end(self, error: DiscobaseError) -> None:
        """Wake everybody, with an error: nothing will be applied any more."""
        self._end = error
        for told in self._waiting:
            if not told.done():
                told.set_result(None)

    def _require_open(self) -> None:
        if self._end is not None:
            raise self._end
