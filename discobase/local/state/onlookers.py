"""Those who look at the server and are no part of it: they cost nobody anything, and are not seen.

What the window shows beside the channels is read as a bot reads it, through the API. It must not
change what is tried and measured: so it is asked for with a token of its own, which is worth the
bot's for reading, for writing nothing, and in no count and no limit.
"""

from __future__ import annotations

import secrets

from discobase.local.state.entities import Bot
from discobase.local.state.state import State

_METHODS = frozenset({"GET", "HEAD"})
_RENEWAL = ("POST", "/attachments/refresh-urls")
"""Sends what it asks for, and changes nothing."""

PREFIX = "/_look"
"""What stands before the addresses of files that onlookers get, so that downloads by these are told
from those of others."""


class Onlookers:
    """Their tokens, which nobody else is told and which end with the process.

    Args:
        state: whose bots they are.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._bots: dict[str, int] = {}

    def tokens(self, guild_id: int) -> dict[str, str]:
        """Return a token for each bot in a guild, by the bots' ids as texts."""
        guild = self._state.guilds.get(guild_id)
        bots = [] if guild is None else [bot for bot in guild.members if bot in self._state.bots]
        held = {bot: token for token, bot in self._bots.items()}
        for bot in bots:
            if bot not in held:
                held[bot] = secrets.token_urlsafe(32)
                self._bots[held[bot]] = bot
        return {str(bot): held[bot] for bot in bots}

    def bot_of(self, token: str) -> Bot | None:
        """Return the bot as which somebody looks; None where the token is no onlooker's."""
        bot = self._bots.get(token)
        return None if bot is None else self._state.bots.get(bot)


def may_ask(method: str, route: str) -> bool:
    """Return whether onlookers may ask for something: what changes nothing."""
    return method in _METHODS or (method, route) == _RENEWAL
