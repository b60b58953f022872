"""Discord's ids: 64 bits that carry the millisecond they were made in.

Bits 63-22 are milliseconds since 2015-01-01, 21-17 a worker, 16-12 a process, 11-0 a counter
(Discord's API reference, "Snowflakes"). Discord promises no order within a millisecond; here one
process makes them all, so they strictly increase.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

EPOCH_MS = 1_420_070_400_000
"""The millisecond of 2015-01-01T00:00:00Z, where Discord's time begins."""

_WORKER_AND_PROCESS = (1 << 17) | (1 << 12)
_COUNTER_MASK = 0xFFF


class Snowflakes:
    """Makes ids, each larger than the one before, whatever the clock does.

    Args:
        floor: the largest id there is already.
    """

    def __init__(self, floor: int = 0) -> None:
        self._millisecond = floor >> 22
        self._counter = _COUNTER_MASK if floor else -1

    def __call__(self) -> int:
        """A new id. Costs no I/O."""
        now = int(time.time() * 1000) - EPOCH_MS
        if now > self._millisecond:
            self._millisecond = now
            self._counter = 0
        elif self._counter < _COUNTER_MASK:
            self._counter += 1
        else:
            self._millisecond += 1
            self._counter = 0
        return (self._millisecond << 22) | _WORKER_AND_PROCESS | self._counter


def unix_time(snowflake: int) -> float:
    """When the id was made, in seconds since 1970."""
    return ((snowflake >> 22) + EPOCH_MS) / 1000


def timestamp(seconds: float) -> str:
    """A moment in the form of Discord's JSON: ISO 8601 with microseconds and zone.

    Args:
        seconds: since 1970.
    """
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")
