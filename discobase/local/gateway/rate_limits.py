"""How fast clients may talk to the gateway: frames by connection, logins by bot.

Source: Discord's page "Gateway", sections "Rate Limiting" and "Session Start Limit Object".
"""

from __future__ import annotations

import time

from discobase.local.behaviour.limits import Limits
from discobase.local.behaviour.settings import Settings
from discobase.local.state.entities import Bot
from discobase.local.state.state import State


class Frames:
    """How many frames come over one connection.

    Args:
        limits: how many there may be.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._ends = 0.0
        self._count = 0

    def too_many(self) -> bool:
        """Count one more; return whether it is more than there may be."""
        limits = self._limits.profile.gateway
        if limits is None:
            return False
        now = time.monotonic()
        if now >= self._ends:
            self._ends, self._count = now + limits.window, 0
        self._count += 1
        return self._count > limits.sends


class Logins:
    """When each bot's shards logged in last, and how often in a day.

    Args:
        state: keeps the counts of a day.
        settings: how many there may be in a day.
        limits: whether, and how fast.
    """

    def __init__(self, state: State, settings: Settings, limits: Limits) -> None:
        self._state = state
        self._settings = settings
        self._limits = limits
        self._last: dict[tuple[int, int], float] = {}

    def too_fast(self, bot: Bot, shard: int) -> bool:
        """Return whether a shard logs in too soon after one that it shares its turn with."""
        limits = self._limits.profile.gateway
        if limits is None:
            return False
        key = (bot.id, shard % limits.max_concurrency)
        now = time.monotonic()
        if now - self._last.get(key, -limits.pause) < limits.pause:
            return True
        self._last[key] = now
        return False

    def too_many(self, bot: Bot) -> bool:
        """Count one more; return whether it is more than a day has."""
        now = time.time()
        if now - bot.identifies_since >= self._settings.identify_day:
            bot.identifies, bot.identifies_since = 0, now
        limited = self._limits.profile.gateway is not None
        if limited and bot.identifies >= self._settings.identifies_a_day:
            return True
        bot.identifies += 1
        self._state.save_bot(bot)
        return False
