"""A server on a daemon thread of this process, behind blocking calls that any thread may make."""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from discobase.claim import Claim
from discobase.errors import UsageError
from discobase.local.behaviour.profiles import Profile
from discobase.local.behaviour.settings import Settings
from discobase.local.control.control import Control
from discobase.local.gateway.gateway import Manner
from discobase.local.people.people import People
from discobase.local.people.person import Person
from discobase.local.process.listener import LOOPBACK, Site
from discobase.local.state import permissions
from discobase.local.state.counts import Requests
from discobase.local.state.interactions import Interaction

_T = TypeVar("_T")

_CLAIM_SECONDS = 0.5

_running: weakref.WeakSet[LocalDiscord] = weakref.WeakSet()
_left_to_the_parent: list[Site] = []
"""In a forked child: servers that must never be finalized there."""


class LocalDiscord:
    """A Discord-compatible server in this process, on a loopback port.

    Use it as a context manager, or :meth:`start` and :meth:`close` it; one that is not closed runs
    until the process ends. Its methods block until they are done, for microseconds, and may be
    called from any thread.

    Args:
        path: of the SQLite file that keeps its state, made if missing; ``None`` for none that
            lasts.
        port: to listen on; 0 for a free one.
        limits: the profile of rate limits; ``none``, ``discord`` for what is known of Discord's, or
            a :class:`~discobase.local.behaviour.profiles.Profile` of your own.
        latency: seconds added to every request.
        settings: further settings by name, see
            :class:`~discobase.local.behaviour.settings.Settings`.

    Raises:
        UsageError: there is no such profile or setting.
    """

    def __init__(
        self,
        path: str | PathLike[str] | None = None,
        *,
        port: int = 0,
        limits: str | Profile = "none",
        latency: float = 0.0,
        **settings: object,
    ) -> None:
        self.path = None if path is None else str(Path(path).resolve())
        self._wanted_port = port
        self._limits = limits
        self._settings = Settings()
        self._settings.change(latency=latency, **settings)
        self._claim: Claim | None = None
        self._port = 0
        self._pid = 0
        self._site: Site | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stop = asyncio.Event()
        self._failure: BaseException | None = None

    def start(self, *, claim: Claim | None = None) -> Self:
        """Starts the server; returns when it accepts connections.

        Args:
            claim: on the file, if the caller holds it already; kept by the caller if this fails.

        Raises:
            UsageError: it runs already, or another process serves the file.
            ConnectError: the file can be none of a server's.
            OSError: the port is taken.
        """
        if self._thread is not None:
            raise UsageError("this server runs already.")
        self._claim = claim
        if self.path is not None and claim is None:
            self._claim = Claim(self.path)
            if not self._claim.take(_CLAIM_SECONDS):
                raise UsageError(f"another process serves {self.path}; join() it, or end it first.")
        self._pid = os.getpid()
        started = threading.Event()
        run = (started,)
        self._thread = threading.Thread(
            target=self._run, args=run, name="discobase-local", daemon=True
        )
        self._thread.start()
        started.wait()
        if self._failure is not None:
            failure, self._failure, self._thread = self._failure, None, None
            if claim is None:
                self._release()
            self._claim = None
            raise failure
        _running.add(self)
        return self

    def close(self) -> None:
        """Stops the server; its connections end. Does nothing if it does not run."""
        thread, loop = self._thread, self._loop
        if thread is None or loop is None or self._pid != os.getpid():
            return
        loop.call_soon_threadsafe(self._stop.set)
        thread.join()
        self._thread = self._loop = self._site = None
        _running.discard(self)
        self._release()

    def abandon(self) -> None:
        """In a forked child: lets go of what belongs to the parent, where the server goes on."""
        if self._site is not None:
            self._site.abandon()
            _left_to_the_parent.append(self._site)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "not running" if self._thread is None else self.api_url
        return f"<LocalDiscord {state}>"

    def _release(self) -> None:
        if self._claim is not None:
            self._claim.release()
            self._claim = None

    def _run(self, started: threading.Event) -> None:
        try:
            asyncio.run(self._serve(started))
        except BaseException as error:  # noqa: BLE001 - start() raises it
            self._failure = error
        finally:
            started.set()

    async def _serve(self, started: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        site = Site(self.path, self._limits, self._settings)
        try:
            self._port = await site.open(self._wanted_port)
            if self.path is not None:
                site.platform.store.set_meta("port", str(self._port))
            self._site = site
            started.set()
            await self._stop.wait()
        finally:
            await site.close()

    def _call(self, command: Callable[[Control], _T]) -> _T:
        """Runs a command on the server's thread and waits for it."""
        loop, site = self._loop, self._site
        if loop is None or site is None or self._pid != os.getpid():
            raise UsageError("this server does not run in this process: start() it first.")

        async def run() -> _T:
            return command(site.control)

        return asyncio.run_coroutine_threadsafe(run(), loop).result()

    def _do(
        self,
        act: Callable[[People], Interaction],
        followups: int | None,
        seconds: float,
    ) -> dict[str, Any]:
        """Lets a person do something, and waits for what he sees of it."""
        people = self._call(lambda control: control.people)

        async def run() -> dict[str, Any]:
            return await people.answered(act(people), followups=followups, seconds=seconds)

        loop = self._loop
        assert loop is not None
        return asyncio.run_coroutine_threadsafe(run(), loop).result()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._port

    @property
    def origin(self) -> str:
        """``http://127.0.0.1:PORT``."""
        return f"http://{LOOPBACK}:{self._port}"

    @property
    def api_url(self) -> str:
        """What takes the place of ``https://discord.com/api/v10``."""
        return f"{self.origin}/api/v10"

    @property
    def window_url(self) -> str:
        """Where a web browser shows servers, channels and messages."""
        return f"{self.origin}/"

    @property
    def default_token(self) -> str:
        """The token of the bot that was made with the file."""
        return self._call(Control.default_token)

    @property
    def requests(self) -> Requests:
        """How many API requests there were since the start or the last reset: a copy."""
        return self._call(Control.requests)

    def reset_requests(self) -> None:
        """Begins to count requests again at 0."""
        self._call(Control.reset_requests)

    def join(self, server_name: str) -> int:
        """The id of the server of this name, with the default bot in it: made if missing."""
        return self._call(lambda control: control.join(server_name))

    def create_server(self, name: str) -> int:
        """Makes a Discord server (a guild), owned by a made-up person; returns its id."""
        return self._call(lambda control: control.create_server(name))

    def create_bot(self, name: str, *, privileged_intents: bool = False) -> str:
        """Makes an application with a bot; returns its token.

        Args:
            name: the bot's user name.
            privileged_intents: whether members, presences and message content are switched on for
                it.
        """
        return self._call(
            lambda control: control.create_bot(name, privileged_intents=privileged_intents)
        )

    def add_bot(
        self, token: str, server_id: int, *, permissions: int = permissions.BOT_DEFAULT
    ) -> None:
        """Adds a bot to a server, as a person does with the invite link.

        Args:
            token: the bot's.
            server_id: the server's.
            permissions: what it is invited with, as Discord's bits.

        Raises:
            UsageError: there is no such bot or server.
        """
        self._call(lambda control: control.add_bot(token, server_id, permissions))

    def remove_bot(self, token: str, server_id: int) -> None:
        """Throws a bot out of a server.

        Raises:
            UsageError: it is not in it.
        """
        self._call(lambda control: control.remove_bot(token, server_id))

    def person(self, name: str, server_id: int) -> Person:
        """A person who talks to bots and uses their commands, buttons, menus and modals.

        Args:
            name: the user name; there is one person of a name.
            server_id: the server he is made a member of, if he is not.

        Raises:
            UsageError: there is no such server.
        """
        person_id = self._call(lambda control: control.person(name, server_id))
        return Person(
            person_id, name, self._do, lambda see: self._call(lambda control: see(control.people))
        )

    def set_permissions(
        self, server_id: int, permissions: int, *, token: str | None = None
    ) -> None:
        """Changes what a bot's own role allows, or @everyone's without a token.

        Raises:
            UsageError: there is no such server, or the bot is not in it.
        """
        self._call(lambda control: control.set_permissions(server_id, permissions, token))

    def set(self, **settings: object) -> None:
        """Changes settings, see :class:`~discobase.local.behaviour.settings.Settings`.

        Raises:
            UsageError: there is no such setting, or the value does not fit; nothing was changed.
        """
        self._call(lambda control: control.set(**settings))

    @property
    def limits(self) -> Profile:
        """The profile of rate limits."""
        return self._call(Control.limits)

    def set_limits(self, limits: str | Profile) -> None:
        """Imposes other rate limits; all counts begin again, and nobody is turned away any more.

        Raises:
            UsageError: there is no profile of this name.
        """
        self._call(lambda control: control.set_limits(limits))

    def fault(self, **fault: Any) -> None:
        """Sets a fault of requests, see :class:`~discobase.local.behaviour.faults.RequestFault`."""
        self._call(lambda control: control.fault(**fault))

    def event_fault(self, **fault: Any) -> None:
        """Sets a fault of events, see :class:`~discobase.local.behaviour.faults.EventFault`."""
        self._call(lambda control: control.event_fault(**fault))

    def clear_faults(self) -> None:
        """Ends all faults."""
        self._call(Control.clear_faults)

    @property
    def faults_left(self) -> int:
        """How many requests and events the faults will still take."""
        return self._call(Control.faults_left)

    def servers(self) -> dict[int, str]:
        """The names of the servers by id."""
        return self._call(Control.servers)

    def channels(self, server_id: int) -> dict[int, str]:
        """The names of a server's channels by id."""
        return self._call(lambda control: control.channels(server_id))

    def messages(self, channel_id: int) -> list[dict[str, Any]]:
        """All messages of a channel, oldest first, as Discord's JSON."""
        return self._call(lambda control: control.messages(channel_id))

    def post_message(self, channel_id: int, content: str) -> int:
        """Sends a message as the person who owns the server; returns its id."""
        return self._call(lambda control: control.post_message(channel_id, content))

    def delete_message(self, channel_id: int, message_id: int) -> None:
        """Deletes a message, as a moderator does.

        Raises:
            UsageError: there is no such message.
        """
        self._call(lambda control: control.delete_message(channel_id, message_id))

    def edit_message(self, channel_id: int, message_id: int, content: str) -> None:
        """Changes a message's text, whoever wrote it.

        Discord lets nobody do that to another's message: it stands for tampering.

        Raises:
            UsageError: there is no such message.
        """
        self._call(lambda control: control.edit_message(channel_id, message_id, content))

    def drop_gateways(self, *, resumable: bool = True, manner: Manner = "close") -> int:
        """Ends all gateway connections; returns how many there were.

        Args:
            resumable: whether the sessions outlive it.
            manner: ``close`` them with a close code, ``cut`` them without a word, or ask the
                clients to ``reconnect``.
        """
        return self._call(lambda control: control.drop_gateways(resumable=resumable, manner=manner))


def _abandon_after_fork() -> None:
    for host in list(_running):
        host.abandon()
    _running.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_abandon_after_fork)
