"""A server on a daemon thread of this process, behind blocking calls that any thread may make."""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import wait
from os import PathLike
from types import TracebackType
from typing import Any, Self, TypeVar

from discobase.claim import Claim
from discobase.errors import UsageError
from discobase.local.behaviour.profiles import Profile
from discobase.local.behaviour.settings import Settings
from discobase.local.control.control import Control
from discobase.local.people.people import People
from discobase.local.people.person import Person
from discobase.local.platform import Platform
from discobase.local.process.listener import LOOPBACK, Listener
from discobase.local.state.file_format import absolute, require_usable
from discobase.local.state.interactions import Interaction
from discobase.local.window.exhibit import Exhibit
from discobase.own_threads import own_thread
from discobase.standard_descriptors import occupy_standard_descriptors

_T = TypeVar("_T")

_CLAIM_SECONDS = 0.5
"""How long a process that is just ending may hold on to the file: a guess."""

_LAST_LOOK_SECONDS = 0.1
"""How often a command that waits looks whether the server still runs: a guess. Commands take
microseconds, so hardly any waits so long."""

_PAUSE_SECONDS = 1.0
"""How long a fork may wait for a server to come to the end of a step: a guess. Steps take
milliseconds; one that waits for whatever the forking thread holds would take for ever."""

_running: weakref.WeakSet[LocalDiscord] = weakref.WeakSet()
_left_to_the_parent: list[Listener] = []
"""In a forked child: servers that must never be finalized there."""


class LocalDiscord(Control):
    """A Discord-compatible server in this process, on a loopback port.

    Use it as a context manager, or :meth:`start` and :meth:`close` it; one that is not closed runs
    until the process ends. Its methods block until they are done, for microseconds, and may be
    called from any thread. Those of :class:`~discobase.local.control.control.Control` are the
    commands: what Discord lets no bot do.

    Args:
        path: of the SQLite file that keeps its state, made if missing; ``None`` for none that
            lasts. A relative one is fixed here.
        port: to listen on; 0 for a free one.
        limits: the profile of rate limits; ``none``, ``discord`` for what is known of Discord's, or
            a :class:`~discobase.local.behaviour.profiles.Profile` of your own.
        latency: seconds added to every request.
        settings: further settings by name, see
            :class:`~discobase.local.behaviour.settings.Settings`.

    Raises:
        UsageError: there is no such profile or setting, or the path is empty.
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
        self.path: str | None = None if path is None else absolute(path)
        self._wanted_port = port
        self._limits = limits
        self._settings = Settings()
        self._settings.change(latency=latency, **settings)
        self._claim: Claim | None = None
        self._port = 0
        self._pid = 0
        self._listener: Listener | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stop = asyncio.Event()
        self._failure: BaseException | None = None

    def start(self, *, claim: Claim | None = None) -> Self:
        """Start the server; return when it accepts connections.

        Args:
            claim: on the file, if the caller holds it already; kept by the caller if this fails.

        Raises:
            UsageError: it runs already, or another process serves the file.
            ConnectError: the file can be none of a server's.
            OSError: the port is taken.
        """
        if self._thread is not None:
            raise UsageError("this server runs already.")
        occupy_standard_descriptors()
        if self.path is not None:
            require_usable(self.path)
        self._claim = claim
        if self.path is not None and claim is None:
            self._claim = Claim(self.path)
            if not self._claim.take(_CLAIM_SECONDS):
                raise UsageError(
                    f"another process serves {self.path}: end it first, or use what it serves. A "
                    f"program joins it that logs in with the token 'local:{self.path}'."
                )
        self._pid = os.getpid()
        started = threading.Event()
        self._thread = threading.Thread(
            target=self._run_loop, args=(started,), name="discobase-local", daemon=True
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
        """Stop the server; its connections end. Do nothing if it does not run."""
        thread, loop = self._thread, self._loop
        if thread is None or loop is None or self._pid != os.getpid():
            return
        loop.call_soon_threadsafe(self._stop.set)
        thread.join()
        self._thread = self._loop = self._listener = None
        _running.discard(self)
        self._release()

    def pause(self, resumed: threading.Event) -> bool:
        """Have the server's thread wait between two steps, if it serves a file.

        Args:
            resumed: ends the wait.

        Returns:
            Whether it waits.
        """
        thread, loop = self._thread, self._loop
        if self.path is None or loop is None or thread in {None, threading.current_thread()}:
            return False
        paused = threading.Event()

        def wait_to_be_resumed() -> None:
            paused.set()
            resumed.wait()

        try:
            loop.call_soon_threadsafe(wait_to_be_resumed)
        except RuntimeError:  # the loop is closed
            return False
        return paused.wait(_PAUSE_SECONDS)

    def abandon(self, *, paused: bool) -> None:
        """Let go of what belongs to the parent, in a forked child: there the server goes on.

        Args:
            paused: whether the server was paused for the fork.
        """
        if self._listener is not None:
            self._listener.abandon(between_steps=paused)
            _left_to_the_parent.append(self._listener)

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

    def _run_loop(self, started: threading.Event) -> None:
        try:
            with own_thread():
                asyncio.run(self._serve(started))
        except BaseException as error:  # noqa: BLE001 - start() raises it
            self._failure = error
        finally:
            started.set()

    async def _serve(self, started: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        listener = Listener(self.path, self._limits, self._settings)
        try:
            self._port = await listener.open(self._wanted_port)
            if self.path is not None:
                listener.platform.store.set_meta("port", str(self._port))
            self._listener = listener
            started.set()
            await self._stop.wait()
        finally:
            await listener.close()

    @property
    def _platform(self) -> Platform:
        return self._running_server()[1].platform

    def _run(self, step: Callable[[], _T]) -> _T:
        loop, _ = self._running_server()

        async def run() -> _T:
            return step()

        return self._result(run(), loop)

    def _do(
        self, act: Callable[[People], Interaction], followups: int | None, seconds: float
    ) -> dict[str, Any]:
        """Let a person do something, and wait for what they see of it."""
        loop, listener = self._running_server()
        people = listener.people

        async def run() -> dict[str, Any]:
            return await people.answered(act(people), followups=followups, seconds=seconds)

        return self._result(run(), loop)

    def _result(self, work: Coroutine[Any, Any, _T], loop: asyncio.AbstractEventLoop) -> _T:
        """Run a coroutine on the server's loop, and return what it returns.

        Raises:
            UsageError: the server was closed in the meantime.
        """
        thread = self._thread
        closed = UsageError("this server was closed before it came to it.")
        try:
            future = asyncio.run_coroutine_threadsafe(work, loop)
        except RuntimeError:  # the loop is closed
            work.close()
            raise closed from None
        while not future.done() and thread is not None and thread.is_alive():
            # Not for ever: what a loop is given in its last moment it neither runs nor cancels.
            wait({future}, timeout=_LAST_LOOK_SECONDS)
        if not future.done() or future.cancelled():
            work.close()
            raise closed
        return future.result()

    def _running_server(self) -> tuple[asyncio.AbstractEventLoop, Listener]:
        loop, listener = self._loop, self._listener
        if loop is None or listener is None or self._pid != os.getpid():
            raise UsageError("this server does not run in this process: start() it first.")
        return loop, listener

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

    def show(self, exhibit: Exhibit | None) -> None:
        """Have the window show something beside the channels, until it is told otherwise.

        Args:
            exhibit: what it shows; None for nothing. Its methods are called on threads of the
                window's.

        Raises:
            UsageError: the server does not run.
        """
        listener = self._running_server()[1]
        self._run(lambda: listener.show(exhibit))

    def onlookers(self, server_id: int) -> dict[str, str]:
        """Return a token for each bot in a server, by the bots' ids: to look at what the bot sees,
        through the API. What is asked for with it is counted nowhere, no limit, latency or fault
        takes it, and it can change nothing. It ends with the server.

        Args:
            server_id: the server's.
        """
        platform = self._platform
        return self._run(lambda: platform.onlookers.tokens(server_id))

    def person(self, name: str, server_id: int) -> Person:
        """Return a person who talks to bots and uses their commands, buttons, menus and modals.

        Args:
            name: the user name; there is one person of a name.
            server_id: the server they are made a member of, if they are not.

        Raises:
            UsageError: there is no such server.
        """
        people = self._running_server()[1].people
        person_id = self._run(lambda: people.add(name, server_id))
        return Person(person_id, name, self._do, lambda look: self._run(lambda: look(people)))


class _Fork(threading.local):
    """What the fork that this thread is at has paused."""

    def __init__(self) -> None:
        self.paused: list[LocalDiscord] = []
        self.resumed = threading.Event()

    def begin(self) -> None:
        self.resumed = threading.Event()
        self.paused = [server for server in list(_running) if server.pause(self.resumed)]

    def end_in_parent(self) -> None:
        self.paused = []
        self.resumed.set()

    def end_in_child(self) -> None:
        for server in list(_running):
            server.abandon(paused=server in self.paused)
        _running.clear()
        self.paused = []


_fork = _Fork()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_fork.begin,
        after_in_parent=_fork.end_in_parent,
        after_in_child=_fork.end_in_child,
    )
