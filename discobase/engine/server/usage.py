"""What one connection has asked of a server: calls by kind, waits for rate limits, and the day's
identifies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Identifies:
    """How many gateway logins a bot has, as the server has last told (gateway, "Session Start Limit
    Object"). All processes with its token share them.

    Attributes:
        remaining: how many are left.
        total: how many there are in a day; None where the server does not say.
        resets_at: when there are all of them again, by this process's monotonic clock.
    """

    remaining: int
    total: int | None
    resets_at: float


class Usage:
    """Counted on the loop, read on any thread.

    Attributes:
        waits: how often a call waited for a rate limit.
        waited: the seconds that these waits took.
        limited_until: until when there is no room for some call, by the monotonic clock.
        identifies: what the server has last told of gateway logins; None where it was not asked.
    """

    def __init__(self) -> None:
        self._calls: Counter[str] = Counter()
        self.waits = 0
        self.waited = 0.0
        self.limited_until = 0.0
        self.identifies: Identifies | None = None

    def count(self, kind: str) -> None:
        """Count a call that leaves, a repetition too."""
        self._calls[kind] += 1

    def note_wait(self, seconds: float) -> None:
        """Note that a call waited for a rate limit."""
        self.waits += 1
        self.waited += seconds

    def calls(self) -> Mapping[str, int]:
        """Return how many calls have left, by method and path, as in ``GET /users/@me``."""
        return dict(self._calls)
