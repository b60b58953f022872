"""The events of all servers that one gateway session tells of, told apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from discobase.engine.server.discordpy.client import Handler
from discobase.engine.server.discordpy.events import GatewayEvents


class AllEvents:
    """Hands each event of the gateway on to those of the server that it is of.

    A session tells of all servers of a bot. Which of them it has shown is noted from its beginning
    on, for a server that is asked for later is not shown once more.

    Args:
        guild: the id of the server that is looked at first.
        bot: the id of the bot's user.

    Attributes:
        handlers: what is to be called for which event, by its name on the gateway.
    """

    def __init__(self, guild: int, bot: int) -> None:
        self._bot = bot
        self._comes = False
        self._shown: set[int] = set()
        first = GatewayEvents(guild, bot)
        self._servers = {guild: first}
        self.handlers: Mapping[str, Handler] = {
            name: self._for_all(name) for name in first.handlers
        }

    def of(self, guild: int) -> GatewayEvents:
        """Return the events of a server: the same object each time."""
        if guild not in self._servers:
            events = GatewayEvents(guild, self._bot, shown=guild in self._shown)
            self._servers[guild] = events
            if self._comes:
                events.flows()
        return self._servers[guild]

    def lost(self) -> None:
        """Take note that the gateway is lost: nothing comes until it has been found again."""
        self._comes = False
        for events in self._servers.values():
            events.lost()

    def _for_all(self, name: str) -> Handler:
        def handle(raw: Mapping[str, Any]) -> None:
            self._note(name, raw)
            for events in [*self._servers.values()]:
                events.handlers[name](raw)

        return handle

    def _note(self, name: str, raw: object) -> None:
        """Take note of which servers the session has shown."""
        if name in {"READY", "RESUMED"}:
            self._comes = True
        if name == "READY":
            self._shown.clear()
        # What an event says need not be what Discord promises: it is judged where it is used.
        if name not in {"GUILD_CREATE", "GUILD_DELETE"} or not isinstance(raw, Mapping):
            return
        said = cast("Mapping[str, object]", raw)
        told, unavailable = str(said.get("id")), said.get("unavailable")
        if not told.isdecimal():
            return
        if name == "GUILD_DELETE":
            self._shown.discard(int(told))
        elif not unavailable:
            self._shown.add(int(told))
