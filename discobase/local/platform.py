"""All parts of the server put together, without a network."""

from __future__ import annotations

import secrets
from os import PathLike

from discobase.local.behaviour.faults import Faults
from discobase.local.behaviour.limits import Limits
from discobase.local.behaviour.profiles import Profile
from discobase.local.behaviour.settings import Settings
from discobase.local.gateway.gateway import Gateway
from discobase.local.state.application_emojis import ApplicationEmojis
from discobase.local.state.attachment_urls import Signer
from discobase.local.state.attachments import Attachments
from discobase.local.state.commands import Commands
from discobase.local.state.counts import Requests
from discobase.local.state.entities import Bot, Guild
from discobase.local.state.ephemeral import EphemeralMessages
from discobase.local.state.interactions import Interactions
from discobase.local.state.invites import Invites
from discobase.local.state.message_json import MessageJson
from discobase.local.state.messages import Messages
from discobase.local.state.nonces import Nonces
from discobase.local.state.onlookers import Onlookers
from discobase.local.state.permissions import BOT_DEFAULT
from discobase.local.state.read_lag import ReadLag
from discobase.local.state.snowflakes import Snowflakes
from discobase.local.state.state import State
from discobase.local.state.store import MessageRow, Store

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
        self.settings = settings
        self.limits = Limits(limits)
        self.faults = Faults()
        self.requests = Requests()
        self.store = Store(path)
        new_id = Snowflakes(self.store.largest_id(), settings)
        self.new_id = new_id
        self.state = State(self.store, new_id)
        self.onlookers = Onlookers(self.state)
        self.commands = Commands(self.store, new_id)
        self.application_emojis = ApplicationEmojis(self.store, new_id)
        self.invites = Invites(self.store, new_id)
        self.interactions = Interactions(self.state, settings)
        self.nonces = Nonces(self.store, settings)
        self.signer = Signer(self._key(), settings)
        self.attachments = Attachments(self.store, new_id, self.signer)
        self.messages = Messages(self.store, self.state, new_id, self.nonces, self.attachments)
        self.read_lag = ReadLag(settings)
        self.ephemeral = EphemeralMessages(self.messages)
        self.message_json = MessageJson(self.store, self.attachments)
        self.gateway = Gateway(
            self.state,
            self.message_json,
            settings=settings,
            limits=self.limits,
            faults=self.faults,
            requests=self.requests,
        )
        self.broadcast = self.gateway.broadcast
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

    def add_bot(self, bot: Bot, guild: Guild, allowed: int = BOT_DEFAULT) -> None:
        """Add a bot to a guild, if it is not in it, and tell its sessions."""
        if bot.id not in guild.members:
            self.state.add_bot(bot, guild, allowed)
            self.broadcast.guild_created(guild, bot)

    def remove_bot(self, bot: Bot, guild: Guild) -> None:
        """Take a bot out of a guild and tell its sessions and the others'."""
        member = guild.members.get(bot.id)
        self.broadcast.guild_deleted(guild, bot)
        self.state.remove_bot(bot, guild)
        if member is not None:
            self.broadcast.member_removed(member)

    def guild_with_bot(self, name: str) -> Guild:
        """Return the guild of a name with the default bot in it; both are made if missing."""
        guild = self.state.guild_named(name) or self.state.create_guild(name)
        self.add_bot(self.default_bot, guild)
        return guild

    def message(self, channel_id: int, message_id: int | None) -> MessageRow | None:
        """Return a message of a channel, whoever sees it."""
        if message_id is None:
            return None
        found = self.ephemeral.find(message_id)
        if found is None:
            return self.messages.find(channel_id, message_id)
        return found.message if found.message.channel_id == channel_id else None

    def close(self) -> None:
        """Close the file."""
        self.store.close()
