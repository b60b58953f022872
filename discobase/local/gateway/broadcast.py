"""The events of the gateway: what each one says, and whom it is for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from discobase.local import wire
from discobase.local.gateway.delivery import Delivery
from discobase.local.gateway.session import Session
from discobase.local.gateway.sessions import Sessions
from discobase.local.state import intents, payloads, reactions
from discobase.local.state.entities import Bot, Channel, Guild, Invite, Member
from discobase.local.state.message_json import MessageJson, Viewer
from discobase.local.state.permissions import MANAGE_CHANNELS
from discobase.local.state.state import State
from discobase.local.state.store import MessageRow


class Broadcast:
    """What sessions are told of all that happens.

    Args:
        state: who is where and sees what.
        message_json: makes the JSON of messages.
        sessions: all there are.
        delivery: brings events to them.
    """

    def __init__(
        self,
        state: State,
        message_json: MessageJson,
        sessions: Sessions,
        delivery: Delivery,
    ) -> None:
        self._state = state
        self._message_json = message_json
        self._sessions = sessions
        self._delivery = delivery

    def message_created(self, message: MessageRow, nonce: str | int | None) -> None:
        """Send MESSAGE_CREATE."""
        more = self._message_fields(message)
        if nonce is not None:
            more += f',"nonce":{wire.text(nonce)}'
        self._to_channel("MESSAGE_CREATE", message, more)

    def message_updated(self, message: MessageRow) -> None:
        """Send MESSAGE_UPDATE, with the whole message."""
        self._to_channel("MESSAGE_UPDATE", message, self._message_fields(message))

    def messages_deleted(self, channel: Channel, ids: Iterable[int], *, bulk: bool) -> None:
        """Send MESSAGE_DELETE for each, or one MESSAGE_DELETE_BULK."""
        place = {"channel_id": str(channel.id), "guild_id": str(channel.guild_id)}
        if bulk:
            body: dict[str, Any] = {"ids": [str(id_) for id_ in ids], **place}
            self._to_seeing("MESSAGE_DELETE_BULK", channel, intents.GUILD_MESSAGES, body)
            return
        for id_ in ids:
            body = {"id": str(id_), **place}
            self._to_seeing("MESSAGE_DELETE", channel, intents.GUILD_MESSAGES, body)

    def typing_started(self, channel: Channel, user_id: int, started: float) -> None:
        """Send TYPING_START."""
        guild = self._state.guilds[channel.guild_id]
        body = {
            "channel_id": str(channel.id),
            "guild_id": str(guild.id),
            "user_id": str(user_id),
            "timestamp": int(started),
            "member": payloads.member(guild.members[user_id], self._state.users[user_id]),
        }
        self._to_seeing("TYPING_START", channel, intents.GUILD_MESSAGE_TYPING, body)

    def channel_created(self, channel: Channel) -> None:
        """Send CHANNEL_CREATE."""
        self._to_seeing("CHANNEL_CREATE", channel, intents.GUILDS, payloads.channel(channel))

    def channel_updated(self, channel: Channel) -> None:
        """Send CHANNEL_UPDATE."""
        self._to_seeing("CHANNEL_UPDATE", channel, intents.GUILDS, payloads.channel(channel))

    def channel_deleted(self, channel: Channel, bots: set[int]) -> None:
        """Send CHANNEL_DELETE, to the bots that saw the channel before it went."""
        text = wire.text(payloads.channel(channel))
        sessions = self._sessions.in_guild(channel.guild_id, intents.GUILDS)
        seeing = [session for session in sessions if session.bot.id in bots]
        self._delivery.send("CHANNEL_DELETE", seeing, lambda _: text, channel.id)

    def guild_created(self, guild: Guild, bot: Bot) -> None:
        """Send GUILD_CREATE to the sessions of one bot."""
        for session in self._sessions.of_bot_in(bot, guild.id, intents.GUILDS):
            self.guild_created_in(guild, session)

    def guild_created_in(self, guild: Guild, session: Session) -> None:
        """Send GUILD_CREATE to one session: of the members without the intent the bot alone."""
        members = [
            payloads.member(member, self._state.users[member.user_id])
            for member in guild.members.values()
            if member.user_id == session.bot.id or session.intents & intents.GUILD_MEMBERS
        ]
        body = payloads.guild_create(guild, members, guild.members[session.bot.id].joined)
        self._delivery.send_to_one("GUILD_CREATE", session, wire.text(body))

    def guild_updated(self, guild: Guild) -> None:
        """Send GUILD_UPDATE."""
        self._to_guild("GUILD_UPDATE", guild.id, intents.GUILDS, payloads.guild(guild))

    def role_updated(self, guild: Guild, role_id: int) -> None:
        """Send GUILD_ROLE_UPDATE."""
        body = {"guild_id": str(guild.id), "role": payloads.role(guild.roles[role_id])}
        self._to_guild("GUILD_ROLE_UPDATE", guild.id, intents.GUILDS, body)

    def role_created(self, guild: Guild, role_id: int) -> None:
        """Send GUILD_ROLE_CREATE."""
        body = {"guild_id": str(guild.id), "role": payloads.role(guild.roles[role_id])}
        self._to_guild("GUILD_ROLE_CREATE", guild.id, intents.GUILDS, body)

    def role_deleted(self, guild: Guild, role_id: int) -> None:
        """Send GUILD_ROLE_DELETE."""
        body = {"guild_id": str(guild.id), "role_id": str(role_id)}
        self._to_guild("GUILD_ROLE_DELETE", guild.id, intents.GUILDS, body)

    def member_added(self, member: Member) -> None:
        """Send GUILD_MEMBER_ADD."""
        person = self._state.users[member.user_id]
        body = {"guild_id": str(member.guild_id), **payloads.member(member, person)}
        self._to_guild("GUILD_MEMBER_ADD", member.guild_id, intents.GUILD_MEMBERS, body)

    def interaction_created(
        self, bot: Bot, channel: Channel, body_for: Callable[[str], dict[str, Any]]
    ) -> None:
        """Send INTERACTION_CREATE to the sessions of one bot, whatever their intents.

        Args:
            bot: whose interaction it is.
            channel: where it was made.
            body_for: makes the data, for the origin at which a client reaches this server.
        """
        self._delivery.send(
            "INTERACTION_CREATE",
            self._sessions.of_bot_in(bot, channel.guild_id),
            lambda session: wire.text(body_for(session.origin)),
            channel.id,
        )

    def member_updated(self, member: Member) -> None:
        """Send GUILD_MEMBER_UPDATE."""
        person = self._state.users[member.user_id]
        body = {"guild_id": str(member.guild_id), **payloads.member(member, person)}
        self._to_guild("GUILD_MEMBER_UPDATE", member.guild_id, intents.GUILD_MEMBERS, body)

    def member_removed(self, member: Member) -> None:
        """Send GUILD_MEMBER_REMOVE."""
        person = payloads.user(self._state.users[member.user_id])
        body = {"guild_id": str(member.guild_id), "user": person}
        self._to_guild("GUILD_MEMBER_REMOVE", member.guild_id, intents.GUILD_MEMBERS, body)

    def invite_created(self, invite: Invite) -> None:
        """Send INVITE_CREATE, to the bots that may manage the channel."""
        channel = self._state.channels[invite.channel_id]
        guild = self._state.guilds[invite.guild_id]
        inviter = self._state.users[invite.inviter_id]
        body = payloads.invite(invite, guild, channel, inviter)
        body = {**body, "channel_id": str(channel.id)}
        del body["guild"], body["channel"]
        self._to_managers("INVITE_CREATE", channel, body)

    def invite_deleted(self, invite: Invite) -> None:
        """Send INVITE_DELETE, to the bots that may manage the channel."""
        channel = self._state.channels[invite.channel_id]
        place = {"channel_id": str(channel.id), "guild_id": str(invite.guild_id)}
        self._to_managers("INVITE_DELETE", channel, {**place, "code": invite.code})

    def reacted(
        self, channel: Channel, message: MessageRow, emoji: str, user_id: int, *, added: bool
    ) -> None:
        """Send MESSAGE_REACTION_ADD or MESSAGE_REACTION_REMOVE."""
        body = {
            "user_id": str(user_id),
            "channel_id": str(channel.id),
            "message_id": str(message.id),
            "guild_id": str(channel.guild_id),
            "emoji": reactions.partial_emoji(emoji),
            "burst": False,
            "type": 0,
        }
        if added:
            member = self._state.guilds[channel.guild_id].members[user_id]
            body["member"] = payloads.member(member, self._state.users[user_id])
            body["message_author_id"] = str(message.author_id)
        event = "MESSAGE_REACTION_ADD" if added else "MESSAGE_REACTION_REMOVE"
        self._to_seeing(event, channel, intents.GUILD_MESSAGE_REACTIONS, body)

    def reactions_cleared(self, channel: Channel, message: MessageRow, emoji: str | None) -> None:
        """Send MESSAGE_REACTION_REMOVE_ALL, or MESSAGE_REACTION_REMOVE_EMOJI for one emoji."""
        event = "MESSAGE_REACTION_REMOVE_ALL"
        body: dict[str, Any] = {
            "channel_id": str(channel.id),
            "message_id": str(message.id),
            "guild_id": str(channel.guild_id),
        }
        if emoji is not None:
            event = "MESSAGE_REACTION_REMOVE_EMOJI"
            body["emoji"] = reactions.partial_emoji(emoji)
        self._to_seeing(event, channel, intents.GUILD_MESSAGE_REACTIONS, body)

    def pins_updated(self, channel: Channel) -> None:
        """Send CHANNEL_PINS_UPDATE."""
        place = {"channel_id": str(channel.id), "guild_id": str(channel.guild_id)}
        body = {**place, "last_pin_timestamp": channel.last_pin}
        self._to_seeing("CHANNEL_PINS_UPDATE", channel, intents.GUILDS, body)

    def guild_deleted(self, guild: Guild, bot: Bot) -> None:
        """Send GUILD_DELETE to the sessions of a bot that was removed."""
        text = wire.text({"id": str(guild.id)})
        for session in self._sessions.of_bot_in(bot, guild.id, intents.GUILDS):
            self._delivery.send_to_one("GUILD_DELETE", session, text)

    def _message_fields(self, message: MessageRow) -> str:
        channel = self._state.channels[message.channel_id]
        more = f',"guild_id":"{channel.guild_id}","channel_type":{channel.type}'
        member = self._state.guilds[channel.guild_id].members.get(message.author_id)
        return (
            more
            if member is None
            else f'{more},"member":{wire.text(payloads.member_fields(member))}'
        )

    def _to_channel(self, event: str, message: MessageRow, more: str) -> None:
        channel = self._state.channels[message.channel_id]
        made: dict[tuple[int, str, int], str] = {}

        def text_for(session: Session) -> str:
            key = (session.bot.id, session.origin, session.intents & intents.MESSAGE_CONTENT)
            if key not in made:
                viewer = Viewer(session.bot, session.origin, session.intents)
                made[key] = self._message_json.of(message, viewer, more)
            return made[key]

        seeing = self._sessions.seeing(channel, intents.GUILD_MESSAGES)
        self._delivery.send(event, seeing, text_for, channel.id)

    def _to_seeing(self, event: str, channel: Channel, intent: int, body: dict[str, Any]) -> None:
        text = wire.text(body)
        seeing = self._sessions.seeing(channel, intent)
        self._delivery.send(event, seeing, lambda _: text, channel.id)

    def _to_managers(self, event: str, channel: Channel, body: dict[str, Any]) -> None:
        text = wire.text(body)
        managers = self._sessions.allowed(channel, MANAGE_CHANNELS, intents.GUILD_INVITES)
        self._delivery.send(event, managers, lambda _: text, channel.id)

    def _to_guild(self, event: str, guild_id: int, intent: int, body: dict[str, Any]) -> None:
        text = wire.text(body)
        self._delivery.send(event, self._sessions.in_guild(guild_id, intent), lambda _: text)
