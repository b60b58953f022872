"""The database: login and logout, its tables, and what concerns it as a whole."""

from __future__ import annotations

import asyncio
import os
import threading
import warnings
import weakref
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import partial
from math import inf
from types import MappingProxyType, TracebackType
from typing import Any, TypeVar, cast, overload

from discobase.binding import Binding
from discobase.engine.changes import Placed, Request
from discobase.engine.keys import Kind
from discobase.engine.log.frame import Limits
from discobase.engine.replica import Replica
from discobase.engine.server.client import DISCORD_API
from discobase.errors import AlreadyConnected, BadToken, NotConnected, TableError, UsageError
from discobase.portal import users_line
from discobase.records.codec import Codec
from discobase.session import LOCAL, LoginTask, Session, Target
from discobase.table import Table, bind

T = TypeVar("T", bound=Table)

_CLOSE_SECONDS = 20.0
_LONGEST_NAME = 100

_inherited: list[Session] = []
"""Sessions of the process from which this one was forked. They are kept, untouched: to collect them
would close what the parent uses."""


class Database:
    """A Discord server, used as a database.

    Making one connects to nothing. Attach tables with :meth:`table`, then connect: with
    :meth:`conn` around the work, or with :meth:`login_thread` or :meth:`login_task` once for the
    life of the process. All methods may be called from any thread.

    In a process forked from a connected one, the database connects again by itself when it is first
    used, with one warning.

    Args:
        name: the Discord server's name. Bots cannot make servers: the bot has to be in one of this
            name (the embedded server makes it).
        server: another name, or the id, where `name` is not the server's, or not unique. Digits
            that are the name of none are taken for an id.
        timeout: seconds that a blocking call waits for Discord at most; None for no limit.
        attachment_limit: bytes that one file may have on this server; 10 MiB unless it is boosted.

    Raises:
        UsageError: one of them makes no sense.
    """

    def __init__(
        self,
        name: str,
        *,
        server: str | int | None = None,
        timeout: float | None = 60.0,
        attachment_limit: int = Limits().attachment,
    ) -> None:
        _check_arguments(name, server, timeout, attachment_limit)
        self._name = name
        self._server = name if server is None else server
        self._timeout = timeout
        self._limits = Limits(attachment=attachment_limit)
        self._tables: dict[str, type[Table]] = {}
        self._session: Session | None = None
        self._forget: Callable[[], object] | None = None
        self._locks: dict[int, threading.Lock] = {}

    def __repr__(self) -> str:
        session = self._session
        state = "not connected" if session is None or session.over else "connected"
        return f"<Database {self._name!r}: {state}, {len(self._tables)} tables>"

    @property
    def name(self) -> str:
        """The database's name."""
        return self._name

    @property
    def tables(self) -> Mapping[str, type[Table]]:
        """The attached tables, by name."""
        return MappingProxyType(self._tables)

    @property
    def head(self) -> int:
        """The position of the last commit that this process knows of, 0 before the first. No API
        call.

        Positions count the commits of all writers: 1, 2, 3 ... without gaps.

        Raises:
            NotConnected: there is no connection.
        """
        return self.replica().head.seq

    # Tables

    @overload
    def table(self, model: type[T], /) -> type[T]: ...

    @overload
    def table(self, /, *, name: str | None = None) -> Callable[[type[T]], type[T]]: ...

    def table(
        self, model: type[T] | None = None, /, *, name: str | None = None
    ) -> type[T] | Callable[[type[T]], type[T]]:
        """Attach a class: ``@db.table`` above it, or ``@db.table(name="people")``. Connected or
        not; costs no API call.

        Args:
            model: the class, derived from :class:`Table`.
            name: the table's name, up to 100 characters; the class's by default.

        Raises:
            TableError: it is no such class, is attached already, or the name is taken or none.
        """
        if model is None:
            return lambda model: self._attach(model, name)
        return self._attach(model, name)

    def _attach(self, model: type[T], name: str | None) -> type[T]:
        given = cast("object", model)  # whatever a decorator may be put above
        if not (isinstance(given, type) and issubclass(given, Table)) or given is Table:
            raise TableError(
                f"{model!r} is no table: it has to be a class derived from discobase.Table."
            )
        table = _checked_name(model.__name__ if name is None else name)
        if table in self._tables:
            raise TableError(
                f"{self._name!r} has a table {table!r} already, {self._tables[table]!r}: give this "
                f"one another name with @db.table(name=...)."
            )
        bind(model, Binding[Any](self, table, Codec(model, table)))
        self._tables[table] = model
        return model

    # Connecting

    def login_thread(
        self, token: str | None = None, *, api_url: str | None = None
    ) -> threading.Thread:
        """Start the thread that connects, and return it. Does not wait: see :meth:`wait_ready`.

        The thread is a daemon; it ends when the connection does.

        Args:
            token: the bot's token; from ``DISCOBASE_TOKEN`` where it is left out. ``local`` starts
                the embedded server in this process, ``local:PATH`` the one that keeps its state in
                that file, and joins it if another process runs it already.
            api_url: the REST API of another server that speaks Discord's; from
                ``DISCOBASE_API_URL`` where it is left out.

        Raises:
            AlreadyConnected: the database is connected, or connecting.
            BadToken: there is no token, or it can be none.
            UsageError: the address of the API is no text.
        """
        return self._log_in(token, api_url).portal.thread

    def login_task(self, token: str | None = None, *, api_url: str | None = None) -> LoginTask:
        """Connect in the background, and return a handle at once.

        The handle has ``result``, ``exception``, ``done`` and ``cancel``, and can be awaited. It
        finishes when the connection ends. It need not be kept: the login goes on without it.

        Args and errors as for :meth:`login_thread`.
        """
        return self._log_in(token, api_url).ended

    def login(self, token: str | None = None, *, api_url: str | None = None) -> None:
        """Connect, and block until the database is closed from another thread, or by Ctrl-C, which
        closes it.

        Args as for :meth:`login_thread`.

        Raises:
            ConnectError: the connection could not be made, or not kept; the class says why.
            AlreadyConnected: the database is connected, or connecting.
        """
        session = self._log_in(token, api_url, awaited=True)
        try:
            session.wait_ended()
        except BaseException:
            session.close(_CLOSE_SECONDS)
            raise

    def wait_ready(self, timeout: float | None = None) -> None:
        """Block until the database can be used, or raise why it never will.

        Args:
            timeout: seconds to wait; None for no limit.

        Raises:
            NotConnected: there has been no login.
            WaitTimeout: it is not ready yet.
            ConnectError: it never will be: :exc:`BadToken`, :exc:`ServerNotFound`,
                :exc:`MissingPermission` ...
        """
        self._live_session().engine(timeout, "wait_ready")

    def conn(
        self,
        token: str | None = None,
        *,
        api_url: str | None = None,
        timeout: float | None = None,
    ) -> Connected:
        """Connect for the length of a ``with`` block, which closes the database at its end; ``async
        with`` works too.

        Args:
            token: as for :meth:`login_thread`.
            api_url: as for :meth:`login_thread`.
            timeout: seconds to wait until the database can be used; None for the database's own.

        Returns:
            A context manager, whose value is this database.
        """
        return Connected(
            self,
            partial(self._log_in, token, api_url, awaited=True),
            self._timeout if timeout is None else timeout,
        )

    def close(self) -> None:
        """Finish what was asked for, close the connection and end its thread. Blocks until then;
        harmless when not connected.

        Raises:
            WaitTimeout: the connection did not end within 20 s; what was left is abandoned.
        """
        with self._lock():
            session = self._session
        if session is not None and not session.forked:
            session.close(_CLOSE_SECONDS)

    def refresh(self) -> None:
        """See everything that was committed anywhere before this call. Blocks; one API call where
        there is nothing new.

        Reads need no such call to see what this process wrote, nor what the gateway has told it of.
        After it, they also see what another process has just finished saving.

        Raises:
            NotConnected: there is no connection.
            Unavailable: Discord could not be read.
        """
        self._live_session().refresh(self._timeout)

    def _log_in(self, token: str | None, api_url: str | None, *, awaited: bool = False) -> Session:
        with self._lock():
            if self._session is not None and not self._session.over:
                raise AlreadyConnected(
                    f"{self._name!r} is connected already: close() it before another login."
                )
            return self._begin(self._target(token, api_url), awaited=awaited)

    def _begin(self, target: Target, *, awaited: bool) -> Session:
        session = Session(self._name, target, awaited=awaited)
        session.begin()
        self._session = session
        if self._forget is not None:
            self._forget()
        finalizer = weakref.finalize(self, session.abandon)
        finalizer.atexit = False
        self._forget = finalizer.detach
        return session

    def _target(self, token: str | None, api_url: str | None) -> Target:
        given = token or os.environ.get("DISCOBASE_TOKEN") or ""
        address = api_url or os.environ.get("DISCOBASE_API_URL") or DISCORD_API
        return Target(_checked_token(given), self._server, _checked_address(address), self._limits)

    def _lock(self) -> threading.Lock:
        # One for each process: a lock that another thread held at the moment of a fork is never
        # released in the child.
        return self._locks.setdefault(os.getpid(), threading.Lock())

    # What tables need: the Source of their bindings

    @property
    def capacity(self) -> int:
        """The bytes that one commit carries, compressed where that helps."""
        return self._limits.payload

    def replica(self) -> Replica:
        """The state that tables read from. Waits while a login is under way."""
        return self._live_session().engine(self._timeout, "the search").replica

    @property
    def timeout(self) -> float | None:
        """Seconds that a call waits for Discord at most; None for no limit."""
        return self._timeout

    def commit(self, request: Request) -> Placed:
        """Commit changes of tables, all or none. Tables call this; one API call, often shared."""
        return self._live_session().commit(request)

    def want_index(self, table: str, field: str, kind: Kind) -> None:
        """Ask for an index on a field, to be made when there is time."""
        self._live_session().want_index(table, field, kind)

    def _live_session(self) -> Session:
        session = self._session
        if session is None:
            raise NotConnected(
                f"{self._name!r} is not connected: use `with db.conn(token):`, or login_thread(), "
                f"first."
            )
        if session.forked:
            return self._reconnect(session)
        if session.ended.done() and session.ended.exception() is None:
            raise NotConnected(f"{self._name!r} was closed: log in again to use it.")
        return session

    def _reconnect(self, inherited: Session) -> Session:
        """In a forked child: connect as the parent did."""
        with self._lock():
            if self._session is inherited:
                _inherited.append(inherited)
                filename, line = users_line()
                warnings.warn_explicit(
                    f"{self._name!r} was connected in the process from which this one was forked; "
                    f"connecting again. Each such process is one more login with this bot: Discord "
                    f"allows 1000 a day.",
                    RuntimeWarning,
                    filename,
                    line,
                )
                self._begin(inherited.target, awaited=True)
            assert self._session is not None
            return self._session


def _check_arguments(name: object, server: object, timeout: object, attachment: object) -> None:
    if not (isinstance(name, str) and name):
        raise UsageError(
            f"{name!r} is no name for a database: give the Discord server's name, a text; its id "
            f"goes into server=."
        )
    if not (server is None or (isinstance(server, str) and server) or _is_positive(server, int)):
        raise UsageError(f"server={server!r}: give a name or an id, or leave it out.")
    if not (timeout is None or _is_positive(timeout, int, float)):
        raise UsageError(f"timeout={timeout!r}: give seconds above 0, or None for no limit.")
    if not _is_positive(attachment, int):
        raise UsageError(f"attachment_limit={attachment!r}: give a number of bytes above 0.")


def _is_positive(value: object, *kinds: type[int | float]) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool) and 0 < value < inf


def _checked_name(table: object) -> str:
    if not (isinstance(table, str) and 0 < len(table) <= _LONGEST_NAME):
        raise TableError(
            f"{table!r} is no name for a table: give a text of 1 to {_LONGEST_NAME} characters."
        )
    try:
        table.encode()
    except UnicodeEncodeError:
        raise TableError(f"{table!a} is no name for a table: it is not valid Unicode.") from None
    return table


def _checked_token(token: object) -> str:
    if not isinstance(token, str):
        raise BadToken(
            f"a bot token is a text, not {type(token).__name__}: copy it from the portal"
        )
    if not token.strip():
        raise BadToken(
            "there is no bot token: give it to the login, or set DISCOBASE_TOKEN. To try things "
            "out without one, log in with the token 'local'."
        )
    word, _, path = token.strip().partition(":")
    if word != LOCAL and "." not in word and get_close_matches(word.lower(), [LOCAL], cutoff=0.8):
        meant = f"'{LOCAL}:PATH'" if path else f"'{LOCAL}'"
        raise BadToken(f"this is no bot token: did you mean {meant}, the embedded server?")
    return token.strip()


def _checked_address(address: object) -> str:
    if not isinstance(address, str):
        raise UsageError(f"api_url={address!r}: give the address of an API as a text.")
    return address.rstrip("/")


class Connected:
    """What :meth:`Database.conn` returns: connects on entry, closes on exit."""

    def __init__(
        self, database: Database, begin: Callable[[], object], timeout: float | None
    ) -> None:
        self._database = database
        self._begin = begin
        self._timeout = timeout

    def __enter__(self) -> Database:
        self._begin()
        try:
            self._database.wait_ready(self._timeout)
        except BaseException:
            self._database.close()
            raise
        return self._database

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._database.close()

    async def __aenter__(self) -> Database:
        self._begin()
        try:
            await asyncio.to_thread(self._database.wait_ready, self._timeout)
        except BaseException:
            await _finished(self._database.close)
            raise
        return self._database

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await _finished(self._database.close)


async def _finished(work: Callable[[], None]) -> None:
    """Do something on a thread, to its end even where the task that waits is cancelled."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
