"""What can be done to the server from outside Discord's API.

It is the one list behind Python and the admin HTTP. Everything here runs on the server's own
thread, in one step.
"""

from __future__ import annotations

import json
from typing import Any, TypeVar

from discobase.errors import UsageError
from discobase.local.behaviour.faults import EventFault, RequestFault
from discobase.local.behaviour.profiles import Profile
from discobase.local.gateway.gateway import Manner
from discobase.local.people.people import People
from discobase.local.platform import Platform
from discobase.local.state import intents, permissions
from discobase.local.state.counts import Requests
from discobase.local.state.drafts import Changes, Draft
from discobase.local.state.entities import Bot, Channel, Guild
from discobase.local.state.message_json import Viewer
from discobase.local.state.store import MessageRow

_T = TypeVar("_T")


class Control:
    """The commands.

    Args:
        platform: the server.
    """

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self.people = People(platform)

    def default_token(self) -> str:
        """The token of the bot that was made with the file."""
        return self._platform.default_bot.token

    def join(self, server_name: str) -> int:
        """The id of the server of this name, with the default bot in it: made if missing."""
        return self._platform.guild_with_bot(server_name).id

    def create_server(self, name: str) -> int:
        """Makes a Discord server; returns its id."""
        return self._platform.state.create_guild(name).id

    def create_bot(self, name: str, *, privileged_intents: bool = False) -> str:
        """Makes a bot; returns its token."""
        allowed = intents.PRIVILEGED if privileged_intents else 0
        return self._platform.state.create_bot(name, privileged=allowed).token

    def add_bot(
        self, token: str, server_id: int, permissions: int = permissions.BOT_DEFAULT
    ) -> None:
        """Adds a bot to a server with these permissions."""
        self._platform.add_bot(self._bot(token), self._guild(server_id), permissions)

    def remove_bot(self, token: str, server_id: int) -> None:
        """Throws a bot out of a server."""
        bot, guild = self._bot(token), self._guild(server_id)
        self._platform.remove_bot(bot, guild)

    def person(self, name: str, server_id: int) -> int:
        """The id of a person, made and added to a server if need be."""
        return self.people.add(name, self._guild(server_id))

    def set_permissions(self, server_id: int, permissions: int, token: str | None = None) -> None:
        """Changes what a bot's role allows, or @everyone's without a token."""
        guild = self._guild(server_id)
        state = self._platform.state
        role = guild.roles[guild.id] if token is None else state.bot_role(self._bot(token), guild)
        role.permissions = permissions
        state.save_role(role)
        self._platform.broadcast.role_updated(guild, role.id)

    def set(self, **settings: object) -> None:
        """Changes settings."""
        self._platform.settings.change(**settings)

    def limits(self) -> Profile:
        """The profile of rate limits."""
        return self._platform.limits.profile

    def set_limits(self, limits: str | Profile) -> None:
        """Imposes other rate limits; all counts begin again."""
        self._platform.limits.impose(limits)

    def fault(self, **fault: Any) -> None:
        """Sets a fault of requests."""
        self._platform.faults.set_request(RequestFault(**fault))

    def event_fault(self, **fault: Any) -> None:
        """Sets a fault of events."""
        self._platform.faults.set_event(EventFault(**fault))

    def clear_faults(self) -> None:
        """Ends all faults."""
        self._platform.faults.clear()

    def faults_left(self) -> int:
        """How many requests and events the faults will still take."""
        return self._platform.faults.left()

    def requests(self) -> Requests:
        """The counts as they are now."""
        return self._platform.requests.copy()

    def reset_requests(self) -> None:
        """Begins to count again at 0."""
        self._platform.requests.reset()

    def messages(self, channel_id: int) -> list[dict[str, Any]]:
        """All messages of a channel, oldest first, as Discord's JSON."""
        channel = self._channel(channel_id)
        found: list[MessageRow] = []
        messages = self._platform.messages
        while page := messages.after(channel.id, found[-1].id if found else 0, 1000):
            found.extend(reversed(page))
        viewer = Viewer(None, "http://127.0.0.1")
        message_json = self._platform.message_json
        return [json.loads(message_json.of(message, viewer)) for message in found]

    def post_message(self, channel_id: int, content: str) -> int:
        """Sends a message as the person who owns the server; returns its id."""
        owner = self._platform.state.owner()
        draft = Draft(content=content)
        message = self._platform.messages.create(self._channel(channel_id), owner.id, draft)
        self._platform.broadcast.message_created(message, None)
        return message.id

    def delete_message(self, channel_id: int, message_id: int) -> None:
        """Deletes a message, as a moderator does."""
        channel, message = self._message(channel_id, message_id)
        self._platform.messages.delete([message.id])
        self._platform.broadcast.messages_deleted(channel, [message.id], bulk=False)

    def edit_message(self, channel_id: int, message_id: int, content: str) -> None:
        """Changes a message's text, whoever wrote it."""
        _, message = self._message(channel_id, message_id)
        edited = self._platform.messages.edit(message, Changes(content=content))
        self._platform.broadcast.message_updated(edited)

    def drop_gateways(self, *, resumable: bool = True, manner: Manner = "close") -> int:
        """Ends all gateway connections; returns how many."""
        return self._platform.gateway.drop_connections(resumable=resumable, manner=manner)

    def channels(self, server_id: int) -> dict[int, str]:
        """The names of a server's channels by id."""
        return {channel.id: channel.name for channel in self._guild(server_id).channels.values()}

    def servers(self) -> dict[int, str]:
        """The names of the servers by id."""
        return {guild.id: guild.name for guild in self._platform.state.guilds.values()}

    def _bot(self, token: str) -> Bot:
        bot = self._platform.state.bot_of(token)
        if bot is None:
            raise UsageError("no bot has this token.")
        return bot

    def _guild(self, server_id: int) -> Guild:
        return _known(self._platform.state.guilds, server_id, "server")

    def _channel(self, channel_id: int) -> Channel:
        return _known(self._platform.state.channels, channel_id, "channel")

    def _message(self, channel_id: int, message_id: int) -> tuple[Channel, MessageRow]:
        channel = self._channel(channel_id)
        message = self._platform.messages.find(channel_id, message_id)
        if message is None:
            raise UsageError(f"the channel {channel_id} has no message {message_id}.")
        return channel, message


def _known(things: dict[int, _T], id_: int, kind: str) -> _T:
    if id_ not in things:
        raise UsageError(f"there is no {kind} {id_}.")
    return things[id_]
