"""The day's identifies, as Discord tells of them: whoever has none left waits until the reset."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from discobase.engine.server.login import Gateway

_log = logging.getLogger(__name__)

_BELIEVED_SECONDS = 60.0
"""For which it is taken for true what was told: other processes of the bot log in meanwhile. A
guess."""

_AGAIN_SECONDS = 3_600.0
"""Seconds after which it is asked again, however far the reset is: some may have been given back,
as to a bot that Discord lets have more. A guess."""

_LEAST_SECONDS = 0.1
"""Seconds after which it is asked again at the soonest, where the reset is told to be now: a
guess."""


class DayLimit:
    """How many identifies are left today, over all processes with the bot's token (gateway,
    "Session Start Limit Object"). Discord keeps that count, so it holds across restarts.

    Args:
        told: what it has just told.
        ask: asks again. One API call.
    """

    def __init__(self, told: Gateway, ask: Callable[[], Awaitable[Gateway]]) -> None:
        self._told: Gateway | None = told
        self._told_at = time.monotonic()
        self._ask = ask
        self._is_out = False

    def spend(self) -> None:
        """Note that one is spent: what was told is so no more."""
        self._told = None

    async def wait(self, note: Callable[[str], None]) -> None:
        """Wait until there is one left. No API call where that was told a moment ago, else one.

        Args:
            note: called with what keeps the gateway away, where none is left.

        Raises:
            ServerError: it could not be asked.
        """
        if time.monotonic() - self._told_at > _BELIEVED_SECONDS:
            self._told = None
        told = self._told or await self._asked()
        while told.remaining <= 0:
            note(self._trouble(told))
            await asyncio.sleep(min(max(told.reset_seconds, _LEAST_SECONDS), _AGAIN_SECONDS))
            told = await self._asked()
        if self._is_out:
            _log.warning("there are gateway logins left again: %d", told.remaining)
            note("the gateway has not answered yet")
        self._is_out = False

    async def _asked(self) -> Gateway:
        told = await self._ask()
        self._told, self._told_at = told, time.monotonic()
        return told

    def _trouble(self, told: Gateway) -> str:
        reset = time.strftime("%d %b %H:%M", time.localtime(time.time() + told.reset_seconds))
        trouble = (
            f"this bot has no gateway logins left today: Discord allows {told.total} over all its "
            f"processes, and resets the token of a bot that exceeds them. It has them again at "
            f"{reset}, in {told.reset_seconds / 3600:.1f} h"
        )
        if not self._is_out:  # told once, and asked again and again
            _log.warning(
                "%s. Until then what other processes write is read every few seconds. Find out "
                "which process restarts so often; short jobs do without: Database(gateway=False)",
                trouble,
            )
        self._is_out = True
        return trouble
