"""A gateway session: one login of a bot.

It outlives its connection, numbers its events, and can send the last ones again.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable

from discobase.local.behaviour.faults import EventFault
from discobase.local.gateway.connection import Connection
from discobase.local.gateway.damage import damaged
from discobase.local.state.entities import Bot

MOST_KEPT = 4 * 1024 * 1024
"""Characters of events that are kept for a resume (assumed: Discord names no bound)."""


class Session:
    """One login.

    Args:
        bot: who logged in.
        intents: what it asked for.
        shard: its number and how many there are.
        origin: scheme, host and port at which the client reaches this server.
    """

    def __init__(self, bot: Bot, intents: int, shard: tuple[int, int], origin: str) -> None:
        self.id = secrets.token_hex(16)
        self.bot = bot
        self.intents = intents
        self.origin = origin
        self.sequence = 0
        self.connection: Connection | None = None
        self._end: asyncio.TimerHandle | None = None
        self._shard = shard
        self._kept: deque[tuple[int, str]] = deque()
        self._kept_size = 0

    def attach(self, connection: Connection) -> None:
        """Give the session a connection; one that it still has is cut."""
        if self.connection is not None:
            self.connection.cut()
        if self._end is not None:
            self._end.cancel()
        self.connection = connection

    def detach(self, seconds: float, end: Callable[[Session], object]) -> None:
        """Take the connection away.

        Args:
            seconds: that the session goes on without one.
            end: what is called with the session then, unless it has a connection again.
        """
        self.connection = None
        self._end = asyncio.get_running_loop().call_later(seconds, end, self)

    def has_guild(self, guild_id: int) -> bool:
        """Return whether the guild's events belong to this session's shard."""
        number, count = self._shard
        return (guild_id >> 22) % count == number

    def emit(
        self, event: str, data: str, delay: float = 0.0, damage: EventFault | None = None
    ) -> None:
        """Give an event its number, keep it, and send it if there is a connection.

        Args:
            event: its name.
            data: its data, as JSON.
            delay: seconds in which it leaves at the earliest.
            damage: the fault that damages it.
        """
        self.sequence += 1
        frame = f'{{"t":"{event}","s":{self.sequence},"op":0,"d":{data}}}'
        if damage is not None:
            frame = damaged(frame, damage)
        self._kept.append((self.sequence, frame))
        self._kept_size += len(frame)
        while self._kept_size > MOST_KEPT:
            self._drop_oldest()
        if self.connection is not None:
            corrupt = damage is not None and damage.action == "corrupt"
            self.connection.send(frame, delay, corrupt=corrupt)

    def acknowledge(self, sequence: int) -> None:
        """Forget the events up to this one, which the client has."""
        while self._kept and self._kept[0][0] <= sequence:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        _, frame = self._kept.popleft()
        self._kept_size -= len(frame)

    def missed_since(self, sequence: int) -> list[str] | None:
        """Return the frames after this one, or ``None`` if they are not all kept any more."""
        frames = [frame for number, frame in self._kept if number > sequence]
        return frames if len(frames) == self.sequence - sequence else None
