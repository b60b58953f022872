"""Rate limits: profiles as data, and the headers that tell a client where it stands.

The profile ``none`` refuses nothing, yet sends the headers: discord.py runs the requests of a route
one at a time where they are missing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from hashlib import md5

from discobase.errors import UsageError


@dataclass(frozen=True, slots=True)
class Profile:
    """A set of limits.

    Attributes:
        name: how it is asked for.
        limit: requests of one route and channel or guild within ``window``, as the headers give it.
        window: seconds.
    """

    name: str
    limit: int
    window: float


PROFILES = {profile.name: profile for profile in (Profile("none", limit=1_000_000, window=1.0),)}
"""The profiles there are."""


class Limits:
    """Rate limits under one profile.

    Args:
        profile: its name.

    Raises:
        UsageError: there is no such profile.
    """

    def __init__(self, profile: str) -> None:
        if profile not in PROFILES:
            raise UsageError(
                f"there is no profile of limits {profile!r}; there are: {', '.join(PROFILES)}."
            )
        self.profile = PROFILES[profile]
        self._buckets: dict[tuple[str, str], str] = {}

    def headers(self, method: str, route: str) -> dict[str, str]:
        """The ``X-RateLimit-*`` headers of an answer."""
        profile = self.profile
        return {
            "X-RateLimit-Limit": str(profile.limit),
            "X-RateLimit-Remaining": str(profile.limit - 1),
            "X-RateLimit-Reset": f"{time.time() + profile.window:.3f}",
            "X-RateLimit-Reset-After": f"{profile.window:.3f}",
            "X-RateLimit-Bucket": self._bucket(method, route),
        }

    def _bucket(self, method: str, route: str) -> str:
        key = (method, route)
        if key not in self._buckets:
            self._buckets[key] = md5(
                f"{method} {route}".encode(), usedforsecurity=False
            ).hexdigest()
        return self._buckets[key]
