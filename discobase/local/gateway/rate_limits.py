"""How fast clients may talk to the gateway: frames by connection, logins by bot.

Source: Discord's page "Gateway", sections "Rate Limiting" and "Session Start Limit Object".
"""

from __future__ import annotations

import time

from discobase.local.behaviour.profiles import GatewayLimits


class Sends:
    """Counts the frames that come over one connection."""

    def __init__(self) -> None:
        self._ends = 0.0
        self._count = 0

    def too_many(self, limits: GatewayLimits | None) -> bool:
        """Counts one more; whether it is more than there may be."""
        if limits is None:
            return False
        now = time.monotonic()
        if now >= self._ends:
            self._ends, self._count = now + limits.window, 0
        self._count += 1
        return self._count > limits.sends


class Logins:
    """When each bot's shards logged in last."""

    def __init__(self) -> None:
        self._last: dict[tuple[int, int], float] = {}

    def too_fast(self, limits: GatewayLimits | None, bot_id: int, shard: int) -> bool:
        """Whether a shard logs in too soon after one that it shares its turn with."""
        if limits is None:
            return False
        key = (bot_id, shard % limits.max_concurrency)
        now = time.monotonic()
        if now - self._last.get(key, -limits.pause) < limits.pause:
            return True
        self._last[key] = now
        return False
