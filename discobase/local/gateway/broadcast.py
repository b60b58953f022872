"""Who is told what: events go to sessions whose bot sees the place and whose intents ask."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from discobase.local import wire
from discobase.local.behaviour.faults import Faults
from discobase.local.behaviour.settings import Settings
from discobase.local.gateway.session import Session
from discobase.local.state import intents, payloads, permissions, reactions
from discobase.local.state.entities import Bot, Channel, Guild, Invite, Member
from discobase.local.state.messages import Messages, Viewer
from discobase.local.state.state import State
from discobase.local.state.store import MessageRow

_REORDERED_AT_LATEST = 1.0
_GOING_AWAY = 4000


class Broadcast:
    """The sessions there are, and the events they get.

    Args:
        state: who is where and sees what.
        messages: makes the JSON of messages.
        settings: the latency.
        faults: of events.
    """

    def __init__(
        self, state: State, messages: Messages, settings: Settings, faults: Faults
    ) -> None:
        self._state = state
        self._messages = messages
        self._settings = settings
        self._faults = faults
        self._held: defaultdict[str, list[Callable[[], None]]] = defaultdict(list)
        self.sessions: dict[str, Session] = {}

    def end_session(self, session: Session) -> None:
        """Forgets a session: it cannot be resumed any more."""
        self.sessions.pop(session.id, None)

    def end_sessions(self, bot: Bot, code: int) -> None:
        """Ends all sessions of a bot, and closes their connections with a code."""
        for session in [other for other in self.sessions.values() if other.bot.id == bot.id]:
            self.end_session(session)
            if session.connection is not None:
                session.connection.close(code)

    def message_created(self, message: MessageRow, nonce: str | int | None) -> None:
        """MESSAGE_CREATE."""
        more = self._message_fields(message)
        if nonce is not None:
            more += f',"nonce":{wire.text(nonce)}'
        self._to_channel("MESSAGE_CREATE", message, more)

    def message_updated(self, message: MessageRow) -> None:
        """MESSAGE_UPDATE, with the whole message."""
        self._to_channel("MESSAGE_UPDATE", message, self._message_fields(message))

    def messages_deleted(self, channel: Channel, ids: Iterable[int], *, bulk: bool) -> None:
        """MESSAGE_DELETE for each, or one MESSAGE_DELETE_BULK."""
        place = {"channel_id": str(channel.id), "guild_id": str(channel.guild_id)}
        if bulk:
            body: dict[str, Any] = {"ids": [str(id_) for id_ in ids], **place}
            self._plain("MESSAGE_DELETE_BULK", channel, intents.GUILD_MESSAGES, body)
            return
        for id_ in ids:
            body = {"id": str(id_), **place}
            self._plain("MESSAGE_DELETE", channel, intents.GUILD_MESSAGES, body)

    def typing_started(self, channel: Channel, user_id: int, started: float) -> None:
        """TYPING_START."""
        guild = self._state.guilds[channel.guild_id]
        body = {
            "channel_id": str(channel.id),
            "guild_id": str(guild.id),
            "user_id": str(user_id),
            "timestamp": int(started),
            "member": payloads.member(guild.members[user_id], self._state.users[user_id]),
        }
        self._plain("TYPING_START", channel, intents.GUILD_MESSAGE_TYPING, body)

    def channel_created(self, channel: Channel) -> None:
        """CHANNEL_CREATE."""
        self._plain("CHANNEL_CREATE", channel, intents.GUILDS, payloads.channel(channel))

    def channel_updated(self, channel: Channel) -> None:
        """CHANNEL_UPDATE."""
        self._plain("CHANNEL_UPDATE", channel, intents.GUILDS, payloads.channel(channel))

    def channel_deleted(self, channel: Channel, witnesses: set[int]) -> None:
        """CHANNEL_DELETE, to the bots that saw the channel before it went."""
        text = wire.text(payloads.channel(channel))
        takers = [
            session
            for session in self._of_guild(channel.guild_id, intents.GUILDS)
            if session.bot.id in witnesses
        ]
        self._publish("CHANNEL_DELETE", channel.id, takers, lambda _: text)

    def witnesses(self, channel: Channel) -> set[int]:
        """The bots that see a channel and have a session."""
        return {
            session.bot.id for session in self.sessions.values() if self._sees(session.bot, channel)
        }

    def guild_created(self, guild: Guild, bot: Bot) -> None:
        """GUILD_CREATE to the sessions of one bot."""
        for session in self._of_bot(guild, bot):
            session.emit("GUILD_CREATE", self.guild_text(guild, session), self._delay())

    def guild_updated(self, guild: Guild) -> None:
        """GUILD_UPDATE."""
        text = wire.text(payloads.guild(guild))
        self._publish(
            "GUILD_UPDATE", None, self._of_guild(guild.id, intents.GUILDS), lambda _: text
        )

    def role_updated(self, guild: Guild, role_id: int) -> None:
        """GUILD_ROLE_UPDATE."""
        text = wire.text({"guild_id": str(guild.id), "role": payloads.role(guild.roles[role_id])})
        takers = self._of_guild(guild.id, intents.GUILDS)
        self._publish("GUILD_ROLE_UPDATE", None, takers, lambda _: text)

    def role_created(self, guild: Guild, role_id: int) -> None:
        """GUILD_ROLE_CREATE."""
        body = {"guild_id": str(guild.id), "role": payloads.role(guild.roles[role_id])}
        self._to_guild("GUILD_ROLE_CREATE", guild.id, intents.GUILDS, body)

    def role_deleted(self, guild: Guild, role_id: int) -> None:
        """GUILD_ROLE_DELETE."""
        body = {"guild_id": str(guild.id), "role_id": str(role_id)}
        self._to_guild("GUILD_ROLE_DELETE", guild.id, intents.GUILDS, body)

    def member_added(self, member: Member) -> None:
        """GUILD_MEMBER_ADD."""
        person = self._state.users[member.user_id]
        body = {"guild_id": str(member.guild_id), **payloads.member(member, person)}
        self._to_guild("GUILD_MEMBER_ADD", member.guild_id, intents.GUILD_MEMBERS, body)

    def interaction_created(
        self, bot: Bot, channel: Channel, body_for: Callable[[str], dict[str, Any]]
    ) -> None:
        """INTERACTION_CREATE to the sessions of one bot, whatever their intents.

        Args:
            bot: whose interaction it is.
            channel: where it was made.
            body_for: makes the data, for the origin at which a client reaches this server.
        """
        takers = [
            session
            for session in self.sessions.values()
            if session.bot.id == bot.id and session.has_guild(channel.guild_id)
        ]
        self._publish(
            "INTERACTION_CREATE",
            channel.id,
            takers,
            lambda session: wire.text(body_for(session.origin)),
        )

    def member_updated(self, member: Member) -> None:
        """GUILD_MEMBER_UPDATE."""
        person = self._state.users[member.user_id]
        body = {"guild_id": str(member.guild_id), **payloads.member(member, person)}
        self._to_guild("GUILD_MEMBER_UPDATE", member.guild_id, intents.GUILD_MEMBERS, body)

    def member_removed(self, member: Member) -> None:
        """GUILD_MEMBER_REMOVE."""
        person = payloads.user(self._state.users[member.user_id])
        body = {"guild_id": str(member.guild_id), "user": person}
        self._to_guild("GUILD_MEMBER_REMOVE", member.guild_id, intents.GUILD_MEMBERS, body)

    def invite_created(self, invite: Invite) -> None:
        """INVITE_CREATE, to the bots that may manage the channel."""
        channel = self._state.channels[invite.channel_id]
        guild = self._state.guilds[invite.guild_id]
        inviter = self._state.users[invite.inviter_id]
        body = payloads.invite(invite, guild, channel, inviter)
        body = {**body, "channel_id": str(channel.id)}
        del body["guild"], body["channel"]
        self._to_managers("INVITE_CREATE", channel, body)

    def invite_deleted(self, invite: Invite) -> None:
        """INVITE_DELETE, to the bots that may manage the channel."""
        channel = self._state.channels[invite.channel_id]
        place = {"channel_id": str(channel.id), "guild_id": str(invite.guild_id)}
        self._to_managers("INVITE_DELETE", channel, {**place, "code": invite.code})

    def reacted(
        self, channel: Channel, message: MessageRow, emoji: str, user_id: int, *, added: bool
    ) -> None:
        """MESSAGE_REACTION_ADD or MESSAGE_REACTION_REMOVE."""
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
        self._plain(event, channel, intents.GUILD_MESSAGE_REACTIONS, body)

    def reactions_cleared(self, channel: Channel, message: MessageRow, emoji: str | None) -> None:
        """MESSAGE_REACTION_REMOVE_ALL, or MESSAGE_REACTION_REMOVE_EMOJI for one emoji."""
        event = "MESSAGE_REACTION_REMOVE_ALL"
        body: dict[str, Any] = {
            "channel_id": str(channel.id),
            "message_id": str(message.id),
            "guild_id": str(channel.guild_id),
        }
        if emoji is not None:
            event = "MESSAGE_REACTION_REMOVE_EMOJI"
            body["emoji"] = reactions.partial_emoji(emoji)
        self._plain(event, channel, intents.GUILD_MESSAGE_REACTIONS, body)

    def pins_updated(self, channel: Channel) -> None:
        """CHANNEL_PINS_UPDATE."""
        place = {"channel_id": str(channel.id), "guild_id": str(channel.guild_id)}
        body = {**place, "last_pin_timestamp": channel.last_pin}
        self._plain("CHANNEL_PINS_UPDATE", channel, intents.GUILDS, body)

    def guild_deleted(self, guild: Guild, bot: Bot) -> None:
        """GUILD_DELETE to the sessions of a bot that was removed."""
        for session in self._of_bot(guild, bot):
            session.emit("GUILD_DELETE", wire.text({"id": str(guild.id)}), self._delay())

    def guild_text(self, guild: Guild, session: Session) -> str:
        """The data of a GUILD_CREATE: without the intent a session is told of no other members."""
        state = self._state
        members = [
            payloads.member(member, state.users[member.user_id])
            for member in guild.members.values()
            if member.user_id == session.bot.id or session.intents & intents.GUILD_MEMBERS
        ]
        return wire.text(
            payloads.guild_create(guild, members, guild.members[session.bot.id].joined)
        )

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
                made[key] = self._messages.json(message, viewer, more)
            return made[key]

        takers = self._seeing(channel, intents.GUILD_MESSAGES)
        self._publish(event, channel.id, takers, text_for)

    def _plain(self, event: str, channel: Channel, intent: int, body: dict[str, Any]) -> None:
        text = wire.text(body)
        self._publish(event, channel.id, self._seeing(channel, intent), lambda _: text)

    def _to_guild(self, event: str, guild_id: int, intent: int, body: dict[str, Any]) -> None:
        text = wire.text(body)
        self._publish(event, None, self._of_guild(guild_id, intent), lambda _: text)

    def _to_managers(self, event: str, channel: Channel, body: dict[str, Any]) -> None:
        text = wire.text(body)
        takers = [
            session
            for session in self._seeing(channel, intents.GUILD_INVITES)
            if self._state.permissions_in(channel, session.bot.id) & permissions.MANAGE_CHANNELS
        ]
        self._publish(event, channel.id, takers, lambda _: text)

    def _seeing(self, channel: Channel, intent: int) -> list[Session]:
        sessions = self._of_guild(channel.guild_id, intent)
        return [session for session in sessions if self._sees(session.bot, channel)]

    def _sees(self, bot: Bot, channel: Channel) -> bool:
        return bool(self._state.permissions_in(channel, bot.id) & permissions.VIEW_CHANNEL)

    def _of_guild(self, guild_id: int, intent: int) -> list[Session]:
        members = self._state.guilds[guild_id].members
        return [
            session
            for session in self.sessions.values()
            if session.intents & intent
            and session.bot.id in members
            and session.has_guild(guild_id)
        ]

    def _of_bot(self, guild: Guild, bot: Bot) -> list[Session]:
        return [
            session
            for session in self.sessions.values()
            if session.bot.id == bot.id
            and session.intents & intents.GUILDS
            and session.has_guild(guild.id)
        ]

    def _publish(
        self,
        event: str,
        channel_id: int | None,
        takers: list[Session],
        text_for: Callable[[Session], str],
    ) -> None:
        def deliver() -> None:
            for session in takers:
                session.emit(event, text_for(session), self._delay())

        fault = self._faults.take_event(event, channel_id)
        if fault is None:
            deliver()
            self._release(event)
        elif fault.action == "duplicate":
            deliver()
            deliver()
        elif fault.action == "delay":
            asyncio.get_running_loop().call_later(fault.delay, deliver)
        elif fault.action == "reorder":
            self._held[event].append(deliver)
            asyncio.get_running_loop().call_later(_REORDERED_AT_LATEST, self._release, event)
        elif fault.action != "drop":
            self._hang_up(takers, resumable=fault.action == "disconnect")
            deliver()

    def _hang_up(self, sessions: list[Session], *, resumable: bool) -> None:
        for session in sessions:
            if not resumable:
                self.end_session(session)
            if session.connection is not None:
                session.connection.close(_GOING_AWAY)

    def _release(self, event: str) -> None:
        for deliver in self._held.pop(event, ()):
            deliver()

    def _delay(self) -> float:
        return self._settings.half_latency()
