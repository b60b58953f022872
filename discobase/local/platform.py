"""All parts of the server put together, without a network."""

from __future__ import annotations

import secrets
from os import PathLike
from typing import TYPE_CHECKING

from discobase.local.behaviour.faults import Faults
from discobase.local.behaviour.limits import Limits
from discobase.local.behaviour.profiles import Profile
from discobase.local.behaviour.settings import Settings
from discobase.local.gateway.broadcast import Broadcast
from discobase.local.gateway.rate_limits import Logins
from discobase.local.state.attachment_urls import Signer
from discobase.local.state.commands import Commands
from discobase.local.state.counts import Requests
from discobase.local.state.entities import Bot, Guild
from discobase.local.state.interactions import Interactions
from discobase.local.state.invites import Invites
from discobase.local.state.messages import Messages
from discobase.local.state.permissions import BOT_DEFAULT
from discobase.local.state.snowflakes import Snowflakes
from discobase.local.state.state import State
from discobase.local.state.store import Store

if TYPE_CHECKING:
    from discobase.local.gateway.connection import Connection

DEFAULT_BOT = "discobase"
"""The name of the bot that is made with every new file."""


class Platform:
    """The server.

    Args:
        path: the file with its state, or ``None`` for none that lasts.
        limits: the profile of rate limits, or its name.
        settings: to begin with.
    """

    def __init__(
        self, path: str | PathLike[str] | None, limits: str | Profile, settings: Settings
    ) -> None:
        self.limits = Limits(limits)
        self.settings = settings
        self.store = Store(path)
        new_id = Snowflakes(self.store.largest_id(), settings)
        self.new_id = new_id
        self.state = State(self.store, new_id)
        self.invites = Invites(self.store, new_id)
        self.signer = Signer(self._key(), settings)
        self.messages = Messages(self.store, self.state, settings, new_id, self.signer)
        self.commands = Commands(self.store, new_id)
        self.faults = Faults()
        self.broadcast = Broadcast(self.state, self.messages, settings, self.faults)
        self.interactions = Interactions(self.state, self.messages, self.broadcast, settings)
        self.logins = Logins()
        self.requests = Requests()
        self.connections: set[Connection] = set()
        self.origin = "http://127.0.0.1"
        self.default_bot = self._default_bot()

    def _key(self) -> bytes:
        key = self.store.meta("key")
        if key is None:
            key = secrets.token_hex(32)
            self.store.set_meta("key", key)
        return bytes.fromhex(key)

    def _default_bot(self) -> Bot:
        bots = self.state.bots.values()
        return next(iter(bots)) if bots else self.state.create_bot(DEFAULT_BOT)

    def invite(self, bot: Bot, guild: Guild, allowed: int = BOT_DEFAULT) -> None:
        """Adds a bot to a guild, if it is not in it, and tells its sessions."""
        if bot.id not in guild.members:
            self.state.add_bot(bot, guild, allowed)
            self.broadcast.guild_created(guild, bot)

    def dismiss(self, bot: Bot, guild: Guild) -> None:
        """Takes a bot out of a guild and tells its sessions and the others'."""
        member = guild.members.get(bot.id)
        self.broadcast.guild_deleted(guild, bot)
        self.state.remove_bot(bot, guild)
        if member is not None:
            self.broadcast.member_removed(member)

    def guild_with_bot(self, name: str) -> Guild:
        """The guild of a name with the default bot in it; both are made if missing."""
        guild = self.state.guild_named(name) or self.state.create_guild(name)
        self.invite(self.default_bot, guild)
        return guild

    def close(self) -> None:
        """Closes the file."""
        self.store.close()
