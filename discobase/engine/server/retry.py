"""Trying again: backoff with jitter, for requests that may be repeated.

discord.py repeats a request itself after 429 and after 500, 502, 504 and 524. What it passes on
(503, other 52x, reset or dropped connections, timeouts) ends here. A refusal is never repeated:
Discord counts 401 and 403 against the sender (topics, rate limits).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import ParamSpec, TypeVar

from discobase.engine.server.seam import Clock, Uncertain

P = ParamSpec("P")
T = TypeVar("T")

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 10.0
"""Seconds before the second try, and between the last ones: a guess."""

_DOUBLINGS = 10
"""More make no difference, and an outage of hours would take the number out of range."""

TRIES = 8
"""Tries before giving up on a request that can be given up: a guess. The pauses between them take
some 10 s, 13 at the most."""


def pause(clock: Clock, attempt: int) -> float:
    """Return the seconds to wait before the next try, after try number `attempt` (0, 1, 2 ...) has
    failed.

    Doubles each time; up to half of it is taken off at random, so that writers that failed together
    do not come back together.
    """
    whole = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(attempt, _DOUBLINGS))
    return whole * (1 - clock.random() / 2)


async def persist(
    clock: Clock, request: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Make a request that may be repeated until it has an answer, :data:`TRIES` times at the most.

    Raises:
        Uncertain: it never had one.
        Refused: the server refused it.
    """
    return await repeat(clock, TRIES, partial(request, *args, **kwargs))


async def repeat(clock: Clock, tries: int, request: Callable[[], Awaitable[T]]) -> T:
    """Make a request until it has an answer, so many times at the most.

    Raises:
        Uncertain: it never had one.
        Refused: the server refused it.
    """
    for attempt in range(tries - 1):
        try:
            return await request()
        except Uncertain:
            await clock.sleep(pause(clock, attempt))
    return await request()
