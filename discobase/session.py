"""One login of a database: the loop thread, the connection and the engine, from the first byte to
the last.

A session begins once and ends once. It ends by :meth:`Session.close`, or because the connection
cannot go on; either way everything it opened is closed, its thread ends, and whoever waits is told
why.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from concurrent.futures import CancelledError, Future
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeVar

from discobase.callback import Callback
from discobase.engine.checkpoints.growth import Growth
from discobase.engine.interface import EngineInterface
from discobase.engine.lasting import LastingEngine
from discobase.engine.server.discordpy import Connection
from discobase.engine.server.usage import Usage
from discobase.engine.trouble import Trouble, Troubles
from discobase.errors import ConnectError, DiscobaseError, Disconnected
from discobase.feed import Posting
from discobase.key import Key
from discobase.outcome import Outcome
from discobase.portal import Portal, drop_traceback, reraisable
from discobase.progress import Gauge, Progress
from discobase.progress_bar import Telling
from discobase.status import Status
from discobase.target import Target
from discobase.token import hidden

if TYPE_CHECKING:
    from discobase.local import Joined

T = TypeVar("T")

_log = logging.getLogger(__name__)

_CLOSE_SECONDS = 20.0
"""How long a close may take: the engine gives ten of them to what was asked for before, and the
rest is for the connection and the embedded server: a guess."""


class LoginTask(Outcome[None]):
    """A login that goes on by itself: it finishes when the connection ends, and fails with the
    reason why it could not go on.

    Like a :class:`concurrent.futures.Future`, and awaitable too. ``cancel()`` closes the
    connection.
    """

    def __init__(self, close: Callable[[], None]) -> None:
        super().__init__()
        self.set_running_or_notify_cancel()
        self._close = close

    def cancel(self) -> bool:
        """Ask the connection to close, and return at once: True unless it has ended already."""
        if self.settled:
            return False
        self._close()
        return True

    def __await__(self) -> Generator[Any, None, None]:
        """Wait, in any event loop, until the connection ends."""
        return asyncio.wrap_future(self).__await__()


class Session:
    """A connected database, or one on its way. All methods may be called from any thread.

    Args:
        name: the database's name.
        target: where to log in, and as whom.
        awaited: whether somebody is about to wait for the login, and gets its failure raised.
        begun: called with the engine before anybody else has it, on the loop.
        ends_at_exit: whether nobody is expected to close it before the interpreter ends.

    Attributes:
        target: where it has logged in, with the key that the database has by now.
        ended: done when the session is over; its exception says why it could not go on.
    """

    def __init__(
        self,
        name: str,
        target: Target,
        *,
        awaited: bool = False,
        begun: Callable[[EngineInterface], object] | None = None,
        ends_at_exit: bool = False,
    ) -> None:
        self.name: str = name
        self.target: Target = target
        self._awaited = awaited
        self._begun_with = begun
        self._attended = False
        self.ended: LoginTask = LoginTask(self.ask_to_close)
        self.ends_at_exit: bool = ends_at_exit
        self.portal: Portal = Portal(f"discobase {name}", ends_at_exit=ends_at_exit)
        self._pid = os.getpid()
        self._opened: Outcome[None] = Outcome()
        self._opened.set_running_or_notify_cancel()
        self._ending = asyncio.Event()
        self._failure: DiscobaseError | None = None
        self._gauge = Gauge()
        self._begun = time.monotonic()
        told = partial(_tell, target.on_trouble)
        self._callback: Callback[Trouble] = Callback("on_trouble", told)
        self._troubles = Troubles(self._callback.call if target.on_trouble else None)
        self._usage = Usage()
        self._connection: Connection | None = None
        # Set while the session can be used: what every read and write looks at first.
        self._engine: EngineInterface | None = None

    @property
    def forked(self) -> bool:
        """Whether this session was left behind in the process from which this one was forked."""
        return self._pid != os.getpid()

    @property
    def ready(self) -> bool:
        """Whether it can be read and written through at once, in this process."""
        return self._engine is not None and self._pid == os.getpid()

    @property
    def closed(self) -> bool:
        """Whether it has ended because it was closed, and not by a failure."""
        return self.ended.settled and self.ended.exception() is None

    @property
    def over(self) -> bool:
        """Whether the session has ended, or can no longer be used in this process."""
        return self.forked or self.ended.settled

    @property
    def failure(self) -> BaseException | None:
        """Why the session has ended by itself; None where it has not."""
        return self.ended.exception() if self.ended.settled else None

    @property
    def age(self) -> float:
        """Seconds since it was made."""
        return time.monotonic() - self._begun

    def begin(self) -> None:
        """Start the thread and the login on it. Return at once.

        Raises:
            ConnectError: no thread is to be had.
        """
        self.portal.start()
        self.portal.submit(self._run).add_done_callback(self._finish)

    # From the login to the end, on the loop

    async def _run(self) -> None:
        joined = await self._join() if self.target.is_local else None
        try:
            await self._connected(joined)
        finally:
            if joined is not None:
                await asyncio.to_thread(joined.close)

    async def _join(self) -> Joined:
        path = self.target.local_path
        try:
            return await asyncio.to_thread(_join, path, str(self.target.server))
        # The last where SQLite quotes, of a damaged file, what is no text.
        except (OSError, sqlite3.Error, UnicodeDecodeError) as error:
            raise ConnectError(
                f"the embedded server cannot keep its state in {path!r}: {error}"
            ) from error

    async def _connected(self, joined: Joined | None) -> None:
        with self._gauge.step("logging in"):
            connection = await self._unless_ended(
                Connection.open(
                    hidden(joined.token) if joined else self.target.token,
                    self.target.server,
                    api_url=joined.api_url if joined else self.target.api_url,
                    failed=self._fail,
                    usage=self._usage,
                    gateway=self.target.gateway,
                    read_only=self.target.read_only,
                )
            )
        self._connection = connection
        try:
            await self._served(connection)
        finally:
            self._connection = None
            await connection.close()

    async def _served(self, connection: Connection) -> None:
        feed = self.target.feed
        posting = None if feed is None else Posting(feed, self._troubles)
        opening = LastingEngine.open(
            connection,
            limits=self.target.limits,
            failed=self._fail,
            place=self.target.place,
            allow_unsafe=self.target.allow_unsafe,
            gauge=self._gauge,
            hears=self.target.gateway,
            cache=self.target.cache,
            read_only=self.target.read_only,
            label=self.target.label,
            committed=None if posting is None else posting.note,
            troubles=self._troubles,
            successor_of=self.target.successor_of,
            key=self.target.key,
            rekeyed=self._note_key,
        )
        engine = await self._unless_ended(opening)
        try:
            if posting is not None:
                posting.begin(engine)
            if self._begun_with is not None:
                self._begun_with(engine)
            self._engine = engine
            self._opened.set_result(None)
            async with self._serving(connection, engine):
                await self._until_ended()
        finally:
            self._engine = None
            await engine.close(self._failure)
            if posting is not None:
                await posting.end(posts=self._failure is None)

    @asynccontextmanager
    async def _serving(
        self, connection: Connection, engine: EngineInterface
    ) -> AsyncGenerator[None]:
        """Serve people who use the bot in Discord, where that is wanted, for the length of a
        block.
        """
        if self.target.serves is None:
            yield
            return
        serving = asyncio.create_task(
            self.target.serves(connection.interactions, lambda: engine.standing().server_id)
        )
        try:
            yield
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)

    async def _unless_ended(self, step: Awaitable[T]) -> T:
        """Await a step of the login, or raise why it is not to be finished."""
        task = asyncio.ensure_future(step)
        ended = asyncio.ensure_future(self._until_ended())
        try:
            await asyncio.wait({task, ended}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise self._failure or Disconnected("the database was closed while it was connecting")
        finally:
            ended.cancel()
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def _until_ended(self) -> None:
        await self._ending.wait()

    def _note_key(self, key: Key | None) -> None:
        """Take note of the key that the database has now: later logins need it."""
        self.target = replace(self.target, key=key)

    def _fail(self, error: DiscobaseError) -> None:
        """End the session because it cannot go on. On the loop."""
        self._failure = self._failure or error
        self._ending.set()

    def _finish(self, run: Future[None]) -> None:
        """Tell those who wait how it ended, and let the thread go."""
        # Called on the loop's thread, as a rule; on the one that ends the portal, where the run
        # had not begun; on the one that began it, where it was over by then.
        error: BaseException | None = Disconnected(f"the connection of {self.name!r} has ended")
        try:
            error = self._failure or self._reason(run)
        finally:
            self._settle(None if error is None else drop_traceback(error))
            self.portal.stop(0)
            self._callback.end()

    def _settle(self, error: BaseException | None) -> None:
        never_ready = not self._opened.settled
        if never_ready:
            self._opened.set_exception(error or Disconnected("the database was closed"))
        if error is None:
            self.ended.set_result(None)
            return
        told = f"the connection of {self.name!r} has ended: {error}"
        if self._attended or (self._awaited and never_ready):
            _log.info("%s", told)  # it is raised
        else:
            self._troubles.tell(Trouble("ended", told, writes_blocked=True))
        self.ended.set_exception(error)

    def _reason(self, run: Future[None]) -> BaseException | None:
        """Return why the run ended by itself; None where it was ended, by a close or at exit."""
        if failure := self.portal.failure:
            died = Disconnected(f"the thread of {self.name!r} has died: {failure!r}")
            died.__cause__ = failure
            return died
        error = None if run.cancelled() else run.exception()
        if error is None or isinstance(error, Disconnected | CancelledError):
            return None
        if isinstance(error, DiscobaseError):
            return error
        # Told in full: callers get it without the lines it has come through.
        _log.critical(
            "the connection of %r has failed by a fault of ours", self.name, exc_info=error
        )
        failed = ConnectError(f"the connection has failed by a fault of discobase: {error!r}")
        failed.__cause__ = error
        return failed

    # How it is

    def status(self) -> Status:
        """Return how the session is. No API call; never waits, for the login neither."""
        return Status(
            name=self.name,
            connected=self.ready,
            writes_blocked=self._troubles.writes_blocked,
            **(self._status_of_gateway() | self._status_of_engine()),
            **self._status_of_usage(),
        )

    def _status_of_engine(self) -> dict[str, Any]:
        engine = self._engine
        if engine is None:
            return {}
        standing = engine.standing()
        return {
            "database_id": standing.database,
            "server": standing.server,
            "server_id": standing.server_id,
            "encrypted": standing.encrypted,
            "head": standing.head,
            "age": standing.age if isfinite(standing.age) else None,
            "checkpoint": standing.checkpoint,
            "checkpoint_age": standing.checkpoint_age,
            "required_version": engine.replica.writers.minimum,
            "growth": _growth_of(engine),
        }

    def _status_of_gateway(self) -> dict[str, Any]:
        connection = self._connection
        if connection is None:
            why = "there is no connection" if self.over else "the login is under way"
            is_coming = self.target.gateway and not self.over
            return {"gateway": "connecting" if is_coming else "off", "gateway_trouble": why}
        server, engine = connection.access.membership, self._engine
        # That of the server that the database is in, once it is open.
        trouble = connection.trouble if engine is None else engine.standing().events
        wanted = "connecting" if self.target.gateway else "off"
        return {
            "server": server.name,
            "server_id": server.guild,
            "gateway": wanted if trouble else "live",
            "gateway_trouble": trouble,
        }

    def _status_of_usage(self) -> dict[str, Any]:
        usage, identifies = self._usage, self._usage.identifies
        told: dict[str, Any] = {
            "rate_limit_waits": usage.waits,
            "rate_limit_seconds": usage.waited,
            "calls": usage.calls(),
        }
        if identifies is not None:
            told |= {
                "identifies_left": identifies.remaining,
                "identifies_a_day": identifies.total,
                "identifies_reset": max(0.0, identifies.resets_at - time.monotonic()),
            }
        return told

    # Waiting for it

    def engine(
        self,
        purpose: str,
        timeout: float | None,
        told: Callable[[Progress], object] | None = None,
    ) -> EngineInterface:
        """Return the engine. Block while the login is under way.

        Args:
            purpose: what it is wanted for, for errors, as in "the save".
            timeout: seconds to wait; None for no limit.
            told: called on this thread with how far the login has come, if it takes long.

        Raises:
            WaitTimeout: it is not ready yet.
            ConnectError: it never will be; the class says why.
        """
        if self._engine is None and not self._opened.settled:
            self._wait_opened(purpose, timeout, told)
        # Read anew: it may have become ready a moment ago.
        if (engine := self._engine) is not None:
            return engine
        if error := self._failure or self._opened.exception():
            raise reraisable(error)
        raise Disconnected(f"{self.name!r} is being closed: log in again to use it.")

    def _wait_opened(
        self, purpose: str, timeout: float | None, told: Callable[[Progress], object] | None
    ) -> None:
        self._awaited = True
        self.portal.wait_shared(
            self._opened,
            timeout=timeout,
            what=f"{purpose}: the connection",
            meanwhile=None if told is None else Telling(self._gauge, self._begun, told),
        )

    def wait_ended(self, timeout: float | None = None) -> None:
        """Block until the session is over, and raise why it could not go on, if so."""
        self._attended = True
        self.portal.wait_shared(self.ended, timeout=timeout, what="the end of the connection")

    # Ending it

    def abandon(self) -> None:
        """End a session whose database was collected unclosed. Only post: fit for finalizers."""
        if not self.over:
            self.portal.abandon()

    def ask_to_close(self) -> None:
        """Have the session end soon. Never wait."""
        if self.over or not self.portal.alive:
            return
        self.portal.loop.call_soon_threadsafe(self._ending.set)

    def close(self) -> None:
        """End the session: finish what was asked for, close everything, end the thread. Block until
        then. Do nothing in a forked process.

        Raises:
            WaitTimeout: it did not end within 20 s; what was left is abandoned.
        """
        if self.forked:
            return
        self.ask_to_close()
        try:
            self.wait_ended(_CLOSE_SECONDS)
        except Exception as error:
            if not self.ended.settled:
                raise
            _log.debug("the session had failed before it was closed: %s", error)
        finally:
            self.portal.stop()


def _tell(on_trouble: Callable[[Trouble], object] | None, trouble: Trouble, dropped: int) -> None:
    if on_trouble is not None:
        on_trouble(replace(trouble, dropped=dropped))


def _growth_of(engine: EngineInterface) -> Growth | None:
    with suppress(DiscobaseError):  # the replica has failed, or was closed, a moment ago
        return engine.growth()
    return None


def _join(path: str | None, server_name: str) -> Joined:
    """Join the embedded server. It is imported here, for most logins need none, and it takes a
    tenth of the time that the package's import took.
    """
    from discobase.local import join  # noqa: PLC0415

    return join(path, server_name)
