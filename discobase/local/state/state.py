"""Bots, people, servers, roles, members and channels.

They are held in memory, and written to the file before anyone is told. Only the server's own thread
touches a :class:`State`. It knows nothing of requests, permissions to ask, or events to send.
"""

from __future__ import annotations

import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import asdict

from discobase.errors import UsageError
from discobase.local.state import permissions
from discobase.local.state.entities import Bot, Channel, Guild, Member, Overwrite, Role, User
from discobase.local.state.snowflakes import Snowflakes
from discobase.local.state.store import Store

OWNER_NAME = "owner"
"""The made-up person who owns every server."""


class State:
    """All that is not a message.

    Args:
        store: where it is kept.
        new_id: makes ids.
    """

    def __init__(self, store: Store, new_id: Snowflakes) -> None:
        self._store = store
        self._new_id = new_id
        self._permissions: dict[tuple[int, int], int] = {}
        self.users = {user.id: user for user in (User(**row) for row in store.objects("user"))}
        self.bots = {bot.id: bot for bot in (Bot(**row) for row in store.objects("bot"))}
        self._bots_by_token = {bot.token: bot for bot in self.bots.values()}
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self._load_guilds()

    def _load_guilds(self) -> None:
        for row in self._store.objects("guild"):
            guild = Guild(**row)
            self.guilds[guild.id] = guild
        for row in self._store.objects("role"):
            role = Role(**row)
            self.guilds[role.guild_id].roles[role.id] = role
        for row in self._store.objects("member"):
            member = Member(**row)
            self.guilds[member.guild_id].members[member.user_id] = member
        last_message_ids = self._store.last_message_ids()
        for row in self._store.objects("channel"):
            channel = Channel.from_row(row)
            channel.last_message_id = last_message_ids.get(channel.id)
            self.channels[channel.id] = channel
            self.guilds[channel.guild_id].channels[channel.id] = channel

    def bot_of(self, token: str) -> Bot | None:
        """Return the bot that a token belongs to."""
        return self._bots_by_token.get(token)

    def guilds_of(self, user_id: int) -> list[Guild]:
        """Return the guilds a user is in, by id."""
        return sorted(
            (guild for guild in self.guilds.values() if user_id in guild.members),
            key=lambda guild: guild.id,
        )

    def owner(self) -> User:
        """Return the person who owns the servers, made when first asked for."""
        for user in self.users.values():
            if not user.bot:
                return user
        return self._add_user(OWNER_NAME, bot=False)

    def create_bot(self, name: str, *, privileged: int = 0) -> Bot:
        """Make an application with a bot user and a token.

        Args:
            name: the bot's user name.
            privileged: the privileged intents it may ask for, as bits.
        """
        user = self._add_user(name, bot=True)
        head = urlsafe_b64encode(str(user.id).encode()).decode().rstrip("=")
        token = f"{head}.{secrets.token_urlsafe(4)[:6]}.{secrets.token_urlsafe(29)[:38]}"
        bot = Bot(id=user.id, token=token, privileged=privileged)
        self.save_bot(bot)
        self.bots[bot.id] = bot
        self._bots_by_token[token] = bot
        return bot

    def save_bot(self, bot: Bot) -> None:
        """Write a bot that was changed."""
        self._store.put_object("bot", 0, bot.id, asdict(bot))

    def _add_user(self, name: str, *, bot: bool) -> User:
        user = User(id=self._new_id(), name=name, bot=bot)
        self._store.put_object("user", 0, user.id, asdict(user))
        self.users[user.id] = user
        return user

    def person_named(self, name: str) -> User | None:
        """Return the oldest person of this name."""
        people = (user for user in self.users.values() if not user.bot)
        return next((user for user in people if user.name == name), None)

    def create_person(self, name: str) -> User:
        """Make a person who is nowhere yet."""
        return self._add_user(name, bot=False)

    def add_person(self, person: User, guild: Guild) -> None:
        """Make a person a member of a guild."""
        self.save_member(Member(guild.id, person.id, time.time()))
        self._permissions.clear()

    def guild_named(self, name: str) -> Guild | None:
        """Return the oldest guild of this name."""
        return next((guild for guild in self.guilds.values() if guild.name == name), None)

    def create_guild(self, name: str) -> Guild:
        """Make a guild that the made-up person owns, without channels.

        Raises:
            UsageError: the name is empty.
        """
        if not name.strip():
            raise UsageError(f"{name!r} is no name for a server: give one that is not empty.")
        owner = self.owner()
        guild = Guild(id=self._new_id(), name=name, owner_id=owner.id)
        everyone = Role(guild.id, guild.id, "@everyone", permissions.EVERYONE_DEFAULT)
        self.guilds[guild.id] = guild
        with self._store.transaction():
            self.save_guild(guild)
            self.save_role(everyone)
            self.save_member(Member(guild.id, owner.id, time.time()))
        return guild

    def save_guild(self, guild: Guild) -> None:
        """Write a guild that is new or was changed, without what hangs on it."""
        row = {"id": guild.id, "name": guild.name, "owner_id": guild.owner_id}
        self._store.put_object("guild", 0, guild.id, row)

    def add_bot(self, bot: Bot, guild: Guild, allowed: int) -> None:
        """Add a bot to a guild, with a role of its own that allows what it was invited with."""
        with self._store.transaction():
            name = self.users[bot.id].name
            position = len(guild.roles)
            role = Role(self._new_id(), guild.id, name, allowed, position=position, bot_id=bot.id)
            self.save_role(role)
            self.save_member(Member(guild.id, bot.id, time.time(), [role.id]))

    def remove_bot(self, bot: Bot, guild: Guild) -> None:
        """Take a bot and its role out of a guild."""
        role = self.bot_role(bot, guild)
        with self._store.transaction():
            self._store.remove_object("member", guild.id, bot.id)
            self._store.remove_object("role", guild.id, role.id)
        del guild.members[bot.id], guild.roles[role.id]
        self._permissions.clear()

    def bot_role(self, bot: Bot, guild: Guild) -> Role:
        """Return the role that a bot got when it was added.

        Raises:
            UsageError: it is not in the guild.
        """
        for role in guild.roles.values():
            if role.bot_id == bot.id:
                return role
        raise UsageError(f"the bot {bot.id} is not in the server {guild.name!r}.")

    def save_role(self, role: Role) -> None:
        """Write a role that is new or was changed."""
        self._store.put_object("role", role.guild_id, role.id, asdict(role))
        self.guilds[role.guild_id].roles[role.id] = role
        self._permissions.clear()

    def delete_role(self, guild: Guild, role: Role) -> list[Member]:
        """Remove a role; return the members that had it."""
        former = [member for member in guild.members.values() if role.id in member.roles]
        with self._store.transaction():
            self._store.remove_object("role", guild.id, role.id)
            for member in former:
                member.roles.remove(role.id)
                self.save_member(member)
        del guild.roles[role.id]
        self._permissions.clear()
        return former

    def save_member(self, member: Member) -> None:
        """Write a member that is new or was changed."""
        self._store.put_object("member", member.guild_id, member.user_id, asdict(member))
        self.guilds[member.guild_id].members[member.user_id] = member
        self._permissions.clear()

    def remove_member(self, member: Member) -> None:
        """Take a member out of its guild."""
        self._store.remove_object("member", member.guild_id, member.user_id)
        del self.guilds[member.guild_id].members[member.user_id]
        self._permissions.clear()

    def save_channel(self, channel: Channel) -> None:
        """Write a channel that is new or was changed."""
        self._store.put_object("channel", channel.guild_id, channel.id, channel.row())
        self.channels[channel.id] = channel
        self.guilds[channel.guild_id].channels[channel.id] = channel
        self._permissions.clear()

    def set_overwrites(self, channel: Channel, overwrites: Iterable[Overwrite]) -> None:
        """Give a channel other overwrites."""
        channel.overwrites = {overwrite.id: overwrite for overwrite in overwrites}
        self.save_channel(channel)

    def delete_channel(self, channel: Channel) -> list[Channel]:
        """Remove a channel with its messages; return those that lose it as their category."""
        guild = self.guilds[channel.guild_id]
        without_category = [
            other for other in guild.channels.values() if other.parent_id == channel.id
        ]
        with self._store.transaction():
            self._store.remove_object("channel", guild.id, channel.id)
            self._store.delete_channel_messages(channel.id)
            for other in without_category:
                other.parent_id = None
                self._store.put_object("channel", guild.id, other.id, other.row())
        del guild.channels[channel.id], self.channels[channel.id]
        self._permissions.clear()
        return without_category

    def permissions_in(self, channel: Channel, user_id: int) -> int:
        """Return what a user may do in a channel; 0 for who does not see it, or is elsewhere."""
        key = (channel.id, user_id)
        found = self._permissions.get(key)
        if found is None:
            guild = self.guilds[channel.guild_id]
            member = guild.members.get(user_id)
            found = 0 if member is None else permissions.in_channel(guild, channel, member)
            self._permissions[key] = found
        return found
