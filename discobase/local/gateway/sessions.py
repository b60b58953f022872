"""The sessions there are, and which of them an event is for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from discobase.local.gateway.session import Session
from discobase.local.state.entities import Bot, Channel
from discobase.local.state.permissions import VIEW_CHANNEL
from discobase.local.state.state import State


class Sessions:
    """All sessions, with a connection or without.

    An event is for those whose bot sees the place and whose intents ask for it.

    Args:
        state: who is where and sees what.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._by_id: dict[str, Session] = {}

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._by_id.values()))

    def add(self, session: Session) -> None:
        """Add a new session."""
        self._by_id[session.id] = session

    def find(self, session_id: str) -> Session | None:
        """Return the session with this id."""
        return self._by_id.get(session_id)

    def end(self, session: Session) -> None:
        """Forget a session: it cannot be resumed any more."""
        self._by_id.pop(session.id, None)

    def close(self, sessions: Iterable[Session], code: int, *, resumable: bool) -> None:
        """Close the connections of sessions with a code.

        Args:
            sessions: whose.
            code: the close code.
            resumable: whether the sessions outlive it.
        """
        for session in sessions:
            if not resumable:
                self.end(session)
            if session.connection is not None:
                session.connection.close(code)

    def of_bot(self, bot: Bot) -> list[Session]:
        """Return all sessions of a bot."""
        return [session for session in self._by_id.values() if session.bot.id == bot.id]

    def of_bot_in(self, bot: Bot, guild_id: int, intent: int = 0) -> list[Session]:
        """Return a bot's sessions whose shard a guild is in, and that have an intent."""
        return [
            session
            for session in self.of_bot(bot)
            if session.has_guild(guild_id) and session.intents & intent == intent
        ]

    def in_guild(self, guild_id: int, intent: int) -> list[Session]:
        """Return the sessions of a guild's bots that have an intent."""
        members = self._state.guilds[guild_id].members
        return [
            session
            for session in self._by_id.values()
            if session.intents & intent
            and session.bot.id in members
            and session.has_guild(guild_id)
        ]

    def seeing(self, channel: Channel, intent: int) -> list[Session]:
        """Return the sessions whose bot sees a channel, and that have an intent."""
        return self.allowed(channel, VIEW_CHANNEL, intent)

    def allowed(self, channel: Channel, permission: int, intent: int) -> list[Session]:
        """Return the sessions whose bot has a permission in a channel, and that have an intent."""
        return [
            session
            for session in self.in_guild(channel.guild_id, intent)
            if self._state.permissions_in(channel, session.bot.id) & permission
        ]

    def bots_seeing(self, channel: Channel) -> set[int]:
        """Return the bots that see a channel and have a session."""
        return {
            session.bot.id
            for session in self._by_id.values()
            if self._state.permissions_in(channel, session.bot.id) & VIEW_CHANNEL
        }
