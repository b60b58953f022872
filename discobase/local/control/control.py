"""What can be done to the server from outside Discord's API: the one list of commands.

A command stands here once. It runs on the server's own thread, in one step, from wherever it is
called: :class:`DirectControl` is for who is on that thread already, and
:class:`~discobase.local.process.thread.LocalDiscord` for all other threads of the process.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import Any, Concatenate, ParamSpec, TypeVar

from discobase.errors import UsageError
from discobase.local.behaviour.faults import EventFault, RequestFault
from discobase.local.behaviour.kinds import check
from discobase.local.behaviour.profiles import Profile
from discobase.local.gateway.gateway import Manner
from discobase.local.platform import Platform
from discobase.local.state import intents
from discobase.local.state.counts import Requests
from discobase.local.state.drafts import Changes, Draft
from discobase.local.state.entities import Bot, Channel, Guild
from discobase.local.state.message_json import Viewer
from discobase.local.state.permissions import BOT_DEFAULT
from discobase.local.state.store import MessageRow

_P = ParamSpec("_P")
_T = TypeVar("_T")

_PAGE = 1000
"""Messages that are read from the file at once: a guess."""


def _command(
    method: Callable[Concatenate[Control, _P], _T],
) -> Callable[Concatenate[Control, _P], _T]:
    """Have a method run where its control runs commands, with arguments that are of its kinds."""
    called = signature(method)

    @wraps(method)
    def command(self: Control, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        check(method, called.bind(self, *args, **kwargs).arguments)
        run = self._run  # pyright: ignore[reportPrivateUsage] - the one place it is called
        return run(lambda: method(self, *args, **kwargs))

    return command


class Control(ABC):
    """The commands."""

    @property
    @abstractmethod
    def _platform(self) -> Platform:
        """The server, to be touched on its own thread only."""

    @abstractmethod
    def _run(self, step: Callable[[], _T]) -> _T:
        """Run a step on the server's own thread; return what it returns."""

    @property
    @_command
    def default_token(self) -> str:
        """The token of the bot that was made with the file."""
        return self._platform.default_bot.token

    @_command
    def join(self, server_name: str) -> int:
        """Return the id of the server of this name, with the default bot in it: made if missing.

        Raises:
            UsageError: the name is empty.
        """
        return self._platform.guild_with_bot(server_name).id

    @_command
    def create_server(self, name: str) -> int:
        """Make a Discord server (a guild), owned by a made-up person; return its id.

        Raises:
            UsageError: the name is empty.
        """
        return self._platform.state.create_guild(name).id

    @_command
    def servers(self) -> dict[int, str]:
        """Return the names of the servers by id."""
        return {guild.id: guild.name for guild in self._platform.state.guilds.values()}

    @_command
    def channels(self, server_id: int) -> dict[int, str]:
        """Return the names of a server's channels by id.

        Raises:
            UsageError: there is no such server.
        """
        return {channel.id: channel.name for channel in self._guild(server_id).channels.values()}

    @_command
    def create_bot(self, name: str, *, privileged_intents: bool = False) -> str:
        """Make an application with a bot; return its token.

        Args:
            name: the bot's user name.
            privileged_intents: whether members, presences and message content are switched on for
                it.
        """
        allowed = intents.PRIVILEGED if privileged_intents else 0
        return self._platform.state.create_bot(name, privileged=allowed).token

    @_command
    def add_bot(self, token: str, server_id: int, *, permissions: int = BOT_DEFAULT) -> None:
        """Add a bot to a server, as a person does with the invite link.

        Args:
            token: the bot's.
            server_id: the server's.
            permissions: what it is invited with, as Discord's bits.

        Raises:
            UsageError: there is no such bot or server.
        """
        self._platform.add_bot(self._bot(token), self._guild(server_id), permissions)

    @_command
    def remove_bot(self, token: str, server_id: int) -> None:
        """Throw a bot out of a server.

        Raises:
            UsageError: it is not in it.
        """
        self._platform.remove_bot(self._bot(token), self._guild(server_id))

    @_command
    def set_permissions(
        self, server_id: int, permissions: int, *, token: str | None = None
    ) -> None:
        """Change what a bot's own role allows, or @everyone's without a token.

        Raises:
            UsageError: there is no such server, or the bot is not in it.
        """
        guild = self._guild(server_id)
        state = self._platform.state
        role = guild.roles[guild.id] if token is None else state.bot_role(self._bot(token), guild)
        role.permissions = permissions
        state.save_role(role)
        self._platform.broadcast.role_updated(guild, role.id)

    @_command
    def messages(self, channel_id: int) -> list[dict[str, Any]]:
        """Return all messages of a channel, oldest first, as Discord's JSON.

        Raises:
            UsageError: there is no such channel.
        """
        channel = self._channel(channel_id)
        platform = self._platform
        found: list[MessageRow] = []
        while page := platform.messages.after(channel.id, found[-1].id if found else 0, _PAGE):
            found.extend(reversed(page))
        viewer = Viewer(None, platform.origin)
        return [json.loads(platform.message_json.of(message, viewer)) for message in found]

    @_command
    def post_message(self, channel_id: int, content: str) -> int:
        """Send a message as the person who owns the server; return its id.

        Raises:
            UsageError: there is no such channel.
        """
        channel = self._channel(channel_id)
        owner = self._platform.state.owner()
        message = self._platform.messages.create(channel, owner.id, Draft(content=content))
        self._platform.broadcast.message_created(message, None)
        return message.id

    @_command
    def delete_message(self, channel_id: int, message_id: int) -> None:
        """Delete a message, as a moderator does.

        Raises:
            UsageError: there is no such message.
        """
        channel, message = self._message(channel_id, message_id)
        self._platform.messages.delete([message.id])
        self._platform.broadcast.messages_deleted(channel, [message.id], bulk=False)

    @_command
    def edit_message(self, channel_id: int, message_id: int, content: str) -> None:
        """Change a message's text, whoever wrote it.

        Discord lets nobody do that to another's message: it stands for tampering.

        Raises:
            UsageError: there is no such message.
        """
        _, message = self._message(channel_id, message_id)
        edited = self._platform.messages.edit(message, Changes(content=content))
        self._platform.broadcast.message_updated(edited)

    @_command
    def set(self, /, **settings: object) -> None:
        """Change settings, see :class:`~discobase.local.behaviour.settings.Settings`.

        Raises:
            UsageError: there is no such setting, or the value does not fit; nothing was changed.
        """
        self._platform.settings.change(**settings)

    @property
    @_command
    def limits(self) -> Profile:
        """The profile of rate limits."""
        return self._platform.limits.profile

    @_command
    def set_limits(self, limits: str | Profile) -> None:
        """Impose other rate limits; all counts begin again, and nobody is banned any more.

        Raises:
            UsageError: there is no profile of this name.
        """
        self._platform.limits.impose(limits)

    @_command
    def fault(self, /, **fault: Any) -> None:
        """Set a fault of requests, see :class:`~discobase.local.behaviour.faults.RequestFault`."""
        self._platform.faults.set_request(RequestFault(**fault))

    @_command
    def event_fault(self, /, **fault: Any) -> None:
        """Set a fault of events, see :class:`~discobase.local.behaviour.faults.EventFault`."""
        self._platform.faults.set_event(EventFault(**fault))

    @_command
    def clear_faults(self) -> None:
        """End all faults."""
        self._platform.faults.clear()

    @property
    @_command
    def faults_left(self) -> int:
        """How many requests and events the faults will still take."""
        return self._platform.faults.left()

    @property
    @_command
    def requests(self) -> Requests:
        """How many API requests there were since the start or the last reset: a copy."""
        return self._platform.requests.copy()

    @_command
    def reset_requests(self) -> None:
        """Begin to count requests again at 0."""
        self._platform.requests.reset()

    @_command
    def drop_gateways(self, *, resumable: bool = True, manner: Manner = "close") -> int:
        """End all gateway connections; return how many there were.

        Args:
            resumable: whether the sessions outlive it.
            manner: ``close`` them with a close code, ``cut`` them without a word, or ask the
                clients to ``reconnect``.
        """
        return self._platform.gateway.drop_connections(resumable=resumable, manner=manner)

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


class DirectControl(Control):
    """The commands for who is on the server's own thread.

    Args:
        platform: the server.
    """

    def __init__(self, platform: Platform) -> None:
        self._server = platform

    @property
    def _platform(self) -> Platform:
        return self._server

    def _run(self, step: Callable[[], _T]) -> _T:
        return step()
