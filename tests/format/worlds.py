"""The simulated world as the reader asks for it, and what its engines hold."""

from __future__ import annotations

import contextlib
from typing import Any

from discobase.engine.engine import Engine
from tests.engine.simulation import BOT, SHOP, Stored, World


class OfWorld:
    """The messages of a world, all of them visible."""

    def __init__(self, world: World, bot: int = BOT, server: int = SHOP) -> None:
        self._world = world
        self.bot = bot
        self.server = server

    def elsewhere(self, server: int) -> OfWorld:
        return OfWorld(self._world, self.bot, server)

    def channels(self) -> list[dict[str, Any]]:
        held = self._world.channels_of(self.server)
        return [{"id": str(each.id), "topic": each.topic} for each in held]

    def messages(self, channel: int, after: int = 0) -> list[dict[str, Any]]:
        held = sorted(self._world.messages.get(channel, {}).items())
        return [_raw(stored) for identity, stored in held if identity > after]

    def message(self, channel: int, message: int) -> dict[str, Any] | None:
        stored = self._world.messages[channel].get(message)
        return stored and _raw(stored)

    def attachment(self, url: str) -> bytes:
        return self._world.file(url)


def _raw(stored: Stored) -> dict[str, Any]:
    message = stored.message
    return {
        "id": str(message.id),
        "author": {"id": str(message.author)},
        "content": message.content,
        "edited_timestamp": "2026-07-01T00:00:00+00:00" if message.edited else None,
        "attachments": [
            {"url": f"{message.channel}/{message.id}/{number}/inf"}
            for number in range(len(message.attachments))
        ],
    }


def held_by(engine: Engine) -> tuple[int, str, str]:
    """The position, the chain and the hash of the state of an engine's replica."""
    with contextlib.closing(engine.replica.snapshot()) as taken:
        for _ in taken.lines():
            pass
        return taken.head.seq, taken.head.chain, taken.hash
