"""A request that got through: who asks for what, and what they may see and do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf

from discobase.local import refusals
from discobase.local.platform import Platform
from discobase.local.state import permissions
from discobase.local.state.drafts import NewFile
from discobase.local.state.entities import Bot, Channel, Guild
from discobase.local.state.message_json import Viewer
from discobase.local.state.store import MessageRow


@dataclass(slots=True)
class Call:
    """A request as handlers get it.

    Attributes:
        platform: the server.
        bot: who asks; one of id 0, which is in no guild, where anybody may ask and has no token.
        ids: the ids in the path, by the name they have in the template.
        words: what else stands in the path (tokens, codes), by its name in the template.
        query: the parameters.
        body: the JSON body; ``None`` without one.
        files: the files of a multipart body, by their number.
        origin: scheme, host and port at which the client reaches this server.
        looked: when it was looked whether a nonce was used (Unix seconds), if not in one step with
            the write.
    """

    platform: Platform
    bot: Bot
    ids: dict[str, int]
    query: Mapping[str, str]
    body: object
    files: dict[int, NewFile]
    origin: str
    words: Mapping[str, str] = field(default_factory=dict[str, str])
    looked: float = inf

    @property
    def viewer(self) -> Viewer:
        """Whom messages in the answer are for."""
        return Viewer(self.bot, self.origin)

    def guild(self, needed: int = 0) -> Guild:
        """Return the guild that the path names.

        Args:
            needed: the permissions that the bot must have in it.

        Raises:
            Refusal: the bot is in no such guild, or lacks one of the permissions.
        """
        return self.guild_by_id(self.ids["guild_id"], needed)

    def guild_by_id(self, guild_id: int, needed: int = 0) -> Guild:
        """Return a guild that the bot is in; as :meth:`guild`."""
        guild = self.platform.state.guilds.get(guild_id)
        if guild is None or self.bot.id not in guild.members:
            raise refusals.unknown_guild()
        if self.permissions_in(guild) & needed != needed:
            raise refusals.missing_permissions()
        return guild

    def permissions_in(self, guild: Guild) -> int:
        """Return what the bot may do in a guild that it is in, whatever channels say."""
        return permissions.in_guild(guild, guild.members[self.bot.id])

    def channel(self, needed: int = 0) -> Channel:
        """Return the channel that the path names.

        Args:
            needed: the permissions that the bot must have in it.

        Raises:
            Refusal: there is no such channel, the bot does not see it, or lacks one of the
                permissions.
        """
        channel = self.platform.state.channels.get(self.ids["channel_id"])
        if channel is None:
            raise refusals.unknown_channel()
        if not self.allows(channel, permissions.VIEW_CHANNEL):
            raise refusals.missing_access()
        if not self.allows(channel, needed):
            raise refusals.missing_permissions()
        return channel

    def allows(self, channel: Channel, needed: int) -> bool:
        """Return whether the bot has permissions in a channel."""
        return self.platform.state.permissions_in(channel, self.bot.id) & needed == needed

    def message(self) -> MessageRow:
        """Return the message that the path names.

        Raises:
            Refusal: the channel that the path names has no such message.
        """
        found = self.platform.messages.find(self.ids["channel_id"], self.ids["message_id"])
        if found is None:
            raise refusals.unknown_message()
        return found
