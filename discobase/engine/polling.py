"""Keep a replica fresh over REST while the gateway tells nothing: before its session begins, and
when it is lost.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from discobase.engine.server.retry import LONGEST_PAUSE
from discobase.engine.server.seam import Server
from discobase.engine.trouble import Trouble, Troubles
from discobase.errors import DiscobaseError

_log = logging.getLogger(__name__)

_FIRST_PAUSE = 1.0
"""Seconds before the log is read: a session that is resumed at once costs nothing (a guess). Pauses
double up to those of :mod:`~discobase.engine.server.retry`: of eight workers that start together
the last waits some 40 s for its session, and reads seven times until then. All read one channel, of
which Discord gives about 5 pages in 5 seconds (observed)."""

_LOOKS_UNTOLD = 8
"""Reads before somebody is told: about as long as eight workers take, 45 s."""


async def keep_fresh(
    server: Server, refresh: Callable[[], Awaitable[None]], troubles: Troubles
) -> None:
    """Read the log now and then while no events come, until cancelled.

    Args:
        server: whose events they are.
        refresh: reads the log, for one API call where there is nothing new.
        troubles: what is told where they stay away for long.
    """
    while True:
        await server.events_stop()
        looks = 0
        while not await server.events_come(within=_pause(server, looks)):
            looks += 1
            if looks == _LOOKS_UNTOLD:
                away = (
                    f"no events come ({server.trouble}): what other processes write is read every "
                    f"few seconds"
                )
                troubles.begin(Trouble("gateway", away))
            try:
                await refresh()
            except DiscobaseError as error:  # told to whoever asks for something
                _log.debug("the log could not be read while no events come: %s", error)
        troubles.end("gateway", "events come again")


def _pause(server: Server, looks: int) -> float:
    """Return the seconds until the next look; up to half of them is taken off at random, so that
    processes that started together do not read together.
    """
    return min(_FIRST_PAUSE * 2.0**looks, LONGEST_PAUSE) * (1 - server.random() / 2)
