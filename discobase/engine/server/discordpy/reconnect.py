"""When to connect to the gateway again: what is left of the day's identifies, and the backoff."""

from __future__ import annotations

import random
import time

_IDENTIFIES_AT_ONCE = 10
"""Identifies that may follow one another without a delay: a guess."""

_IDENTIFY_SECONDS = 90.0
"""Seconds that earn another identify. With those at once they are 970 in 24 hours, of the 1000
that Discord allows (gateway, "Session Start Limit Object")."""

_FIRST_DELAY, _LONGEST_DELAY = 0.1, 15.0
"""Seconds before the second try, and between the last ones: a guess. A session may be resumed for
some 90 s (seen; docs#1619), which leaves room for several tries."""


class IdentifyBudget:
    """When the next identify may be spent: ten at once, and one more for each 90 s that pass.

    Discord allows 1000 a day over all processes with one token, and resets a token that exceeds
    them. A gateway that ends each new session after a second must not use them up.
    """

    def __init__(self) -> None:
        self._paid_until = float("-inf")

    def delay(self, now: float) -> float:
        """Return the seconds to wait before the next one.

        Args:
            now: the time by a clock that does not go back.
        """
        return max(0.0, self._paid_until - now - (_IDENTIFIES_AT_ONCE - 1) * _IDENTIFY_SECONDS)

    def spend(self, now: float) -> None:
        """Note that one is spent."""
        self._paid_until = max(self._paid_until, now) + _IDENTIFY_SECONDS


class ReconnectBackoff:
    """How long to wait before connecting again: not at all when a session is lost that lasted, then
    twice as long each time, until another one has lasted.

    Attributes:
        losses: how often the gateway was lost, or not reached, since a session lasted.
    """

    def __init__(self) -> None:
        self.losses = 0
        self._delay = 0.0
        self._began: float | None = None

    def session_began(self) -> None:
        """Note that the gateway delivers."""
        self._began = time.monotonic()

    def connection_lost(self) -> float:
        """Note that the gateway is lost, or was not reached; return the seconds to wait.

        A session that ends sooner than the delay before the next one is no better than none: a
        gateway that drops each at once would be called without end.
        """
        began, self._began = self._began, None
        if began is not None and time.monotonic() - began > max(self._delay, _FIRST_DELAY):
            self.losses, self._delay = 0, 0.0
        delay = self._delay * (1 - random.random() / 2)  # noqa: S311 - jitter
        self.losses += 1
        self._delay = min(_LONGEST_DELAY, max(_FIRST_DELAY, self._delay * 2))
        return delay
