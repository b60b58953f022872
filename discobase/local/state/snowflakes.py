"""Discord's ids: 64 bits that carry the millisecond they were made in.

Bits 63-22 are milliseconds since 2015-01-01, 21-17 a worker, 16-12 a process, 11-0 a counter
(Discord's API reference, "Snowflakes"). Discord promises no order within a millisecond, and its
machines' clocks differ; here one process makes them all, so they strictly increase, unless the
settings ask for a clock that is off.
"""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime

from discobase.local.behaviour.settings import Settings

EPOCH_MS = 1_420_070_400_000
"""The millisecond of 2015-01-01T00:00:00Z, where Discord's time begins."""

_COUNTER_MASK = 0xFFF
_PROCESSES = 32
"""The width of their fields, as above."""


class Snowflakes:
    """New ids, each larger than the one before, whatever the computer's clock does.

    A skew that is changed acts as another process of Discord's, whose ids may lie before the
    others'.

    Args:
        floor: the largest id there is already.
        settings: where skew and jitter of the clock stand.
    """

    def __init__(self, floor: int = 0, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()
        self._skew = self._settings.clock_skew
        self._process = 1
        self._millisecond = floor >> 22
        self._counter = _COUNTER_MASK if floor else -1

    def __call__(self) -> int:
        """Return a new id. It costs no I/O."""
        settings = self._settings
        if settings.clock_skew != self._skew:
            self._skew = settings.clock_skew
            self._process = self._process % (_PROCESSES - 1) + 1
            self._millisecond = 0
        now = int((time.time() + self._skew) * 1000) - EPOCH_MS
        if settings.clock_jitter:
            return self._out_of_order(now, settings.clock_jitter)
        if now > self._millisecond:
            self._millisecond = now
            self._counter = 0
        elif self._counter < _COUNTER_MASK:
            self._counter += 1
        else:
            self._millisecond += 1
            self._counter = 0
        return _id(self._millisecond, 1, self._process, self._counter)

    def _out_of_order(self, now: int, jitter: float) -> int:
        """Return an id of another worker, whose clock is off by another time at each id."""
        self._counter = (self._counter + 1) & _COUNTER_MASK
        off = round(random.uniform(-jitter, jitter) * 1000)  # noqa: S311 - no secret
        return _id(now + off, 2, self._process, self._counter)


def _id(millisecond: int, worker: int, process: int, counter: int) -> int:
    return (millisecond << 22) | (worker << 17) | (process << 12) | counter


def unix_time(snowflake: int) -> float:
    """Return when the id was made, in seconds since 1970."""
    return ((snowflake >> 22) + EPOCH_MS) / 1000


def age(snowflake: int, now: float) -> float:
    """Return how long ago an id was made, in seconds.

    Args:
        snowflake: the id.
        now: in seconds since 1970.
    """
    return max(0.0, now - unix_time(snowflake))


def timestamp(seconds: float) -> str:
    """Return a moment in the form of Discord's JSON: ISO 8601 with microseconds and zone.

    Args:
        seconds: since 1970.
    """
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")
