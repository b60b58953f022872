"""A database as a connection: login and logout, and how far what this process knows reaches."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Self

from discobase.arguments import (
    checked_cache,
    checked_flag,
    checked_position,
    checked_progress,
    checked_server,
    checked_wait,
)
from discobase.connected import Connected
from discobase.interactive import cell_of
from discobase.key import Key
from discobase.label import checked_label
from discobase.portal import users_frame
from discobase.progress import Progress
from discobase.progress_bar import callback_for
from discobase.reruns import close_earlier, note
from discobase.session import LoginTask, Session
from discobase.session_source import SessionSource
from discobase.target import Target, Where
from discobase.timeouts import DATABASE_TIMEOUT, DatabaseTimeout
from discobase.token import hidden


class Connectable:
    """What can be connected, in a thread of its own, and by itself in a forked process.

    Args:
        source: its connections, one after the other.
        key: the key that was given; None for none.
        where: tells where a login goes.
    """

    def __init__(self, source: SessionSource, key: Key | None, where: Where) -> None:
        self._source = source
        self._key = key
        self._where = where

    @property
    def name(self) -> str:
        """The database's name."""
        return self._source.name

    @property
    def ready(self) -> bool:
        """Whether the database can be used at once, without waiting for a login, in this process.
        No API call; never waits, nor connects.
        """
        return self._source.ready

    @property
    def head(self) -> int:
        """The position of the last commit that this process knows of, 0 before the first. No API
        call.

        Positions count the commits of all writers: 1, 2, 3 ... without gaps. A record's
        :attr:`version <discobase.Table.version>` is the position of the commit that wrote it.
        Another process can wait for one: see :meth:`wait_for`. Take the head where the last write
        was a delete, which leaves no version.

        Raises:
            NotConnected: there is no connection.
        """
        return self._source.replica().head.seq

    def login_thread(
        self,
        token: str | None = None,
        *,
        api_url: str | None = None,
        allow_unsafe: bool = False,
        successor_of: int | None = None,
    ) -> threading.Thread:
        """Start the thread that connects, and return it. Do not wait: see :meth:`wait_ready`.

        The thread is a daemon; it ends when the connection does.

        In a notebook or at a prompt, a cell that is run again closes the connection of before, also
        where it has made a new :class:`Database` in the place of that one's.

        Args:
            token: the bot's token; from ``DISCOBASE_TOKEN`` where it is left out. ``local`` starts
                the embedded server in this process, ``local:PATH`` the one that keeps its state in
                that file, and joins it if another process runs it already. A relative path is taken
                from the folder in which the process is now; ``~`` is the home folder.
            api_url: the REST API of another server that speaks Discord's; from
                ``DISCOBASE_API_URL`` where it is left out.
            allow_unsafe: whether to go on where that server does not enforce nonces as Discord
                does. What programs save at the same time may be lost there, so let one program
                alone write.
            successor_of: the id of the bot whose account is lost, and whose database this one takes
                over: once, see `docs/howto/succession.md`. Where that is done already it changes
                nothing.

        Raises:
            AlreadyConnected: the database is connected, or connecting.
            BadToken: there is no token, or it can be none.
            UsageError: the address of the API is no text, the path leads nowhere, or `successor_of`
                is no id.
        """
        token = hidden(token)
        return self._log_in(
            token, api_url, allow_unsafe=allow_unsafe, successor_of=successor_of
        ).portal.thread

    def login_task(
        self,
        token: str | None = None,
        *,
        api_url: str | None = None,
        allow_unsafe: bool = False,
        successor_of: int | None = None,
    ) -> LoginTask:
        """Connect in the background, and return a handle at once.

        The handle has ``result``, ``exception``, ``done`` and ``cancel``, and can be awaited. It
        finishes when the connection ends. It need not be kept: the login goes on without it.

        Args and errors as for :meth:`login_thread`.
        """
        token = hidden(token)
        return self._log_in(
            token, api_url, allow_unsafe=allow_unsafe, successor_of=successor_of
        ).ended

    def login_lazily(
        self,
        token: str | None = None,
        *,
        api_url: str | None = None,
        server: str | int | None = None,
        cache: str | os.PathLike[str] | None = None,
        label: str | None = None,
        allow_unsafe: bool = False,
    ) -> None:
        """Connect when the database is first used, in each process that uses it, and not now.
        Return at once.

        For modules that many processes load: of a web application before its workers are forked,
        of its commands, of a reloader. Whoever uses the database first waits until it is there. A
        login that has failed by what may pass, such as a network that is gone, or a bot that is not
        in the server yet, is made anew by the first use ten seconds later; until then each use
        raises why it has failed. After :meth:`close`, which the end of the interpreter does where
        nobody else has, nothing connects by itself any more.

        Where the database is connected, or connecting, this changes nothing.

        Args:
            token: as for :meth:`login_thread`, and so are those that can be left out. One that is
                given is checked at once, as far as that goes without a connection; that of the
                environment is looked up and checked at the first use.
            api_url: as for :meth:`login_thread`.
            server: in the place of what the database was made with, where the settings of a
                deployment say so.
            cache: likewise.
            label: likewise.
            allow_unsafe: as for :meth:`login_thread`.

        Raises:
            BadToken: the token that is given can be none.
            UsageError: `server`, `cache`, `label` or `allow_unsafe` makes no sense, or with a token
                that is given, the address or the path.
        """
        token = hidden(token)
        given: dict[str, Any] = {
            "server": checked_server(server),
            "cache": checked_cache(cache),
            "label": None if label is None else checked_label(label),
        }
        instead = {name: value for name, value in given.items() if value is not None}
        checked_flag("allow_unsafe", allow_unsafe)
        where = self._target(token, api_url, allow_unsafe=allow_unsafe)
        if token:
            where()  # raises, rather than the first use, which may be long after
        self._source.log_in_when_used(lambda: replace(where(), **instead))

    def login(
        self,
        token: str | None = None,
        *,
        api_url: str | None = None,
        allow_unsafe: bool = False,
        successor_of: int | None = None,
    ) -> None:
        """Connect, and block until the database is closed from another thread, or by Ctrl-C, which
        closes it.

        Args as for :meth:`login_thread`.

        Raises:
            ConnectError: the connection could not be made, or not kept; the class says why.
            AlreadyConnected: the database is connected, or connecting.
        """
        token = hidden(token)
        session = self._log_in(
            token, api_url, allow_unsafe=allow_unsafe, successor_of=successor_of, awaited=True
        )
        try:
            session.wait_ended()
        except BaseException:
            session.close()
            raise

    def wait_ready(
        self,
        timeout: float | None = None,
        *,
        progress: Callable[[Progress], object] | bool | None = None,
    ) -> None:
        """Block until the database can be used, or raise why it never will.

        The gateway session may begin later. Until it does the log is read every few seconds for
        what other processes save.

        Args:
            timeout: seconds to wait; None, as it is where it is left out, for no limit.
            progress: called with a :class:`Progress <discobase.Progress>` whenever there is news of
                one, once the login takes longer than two seconds; on this thread, and what it
                raises is raised here. True shows a bar where `tqdm` is installed and standard error
                is a terminal, and nothing elsewhere.

        Raises:
            NotConnected: there has been no login.
            UsageError: the timeout, or what is to be told of progress, is none.
            WaitTimeout: it is not ready yet.
            ConnectError: it never will be: :exc:`BadToken`, :exc:`ServerNotFound`,
                :exc:`MissingPermission` ...
        """
        limit = checked_wait(timeout)
        with callback_for(checked_progress(progress)) as told:
            self._source.session().engine("wait_ready", limit, told)

    def conn(
        self,
        token: str | None = None,
        *,
        api_url: str | None = None,
        timeout: float | DatabaseTimeout | None = DATABASE_TIMEOUT,
        allow_unsafe: bool = False,
        successor_of: int | None = None,
        progress: Callable[[Progress], object] | bool | None = None,
    ) -> Connected[Self]:
        """Connect for the length of a ``with`` block, which closes the database at its end; ``async
        with`` works too.

        Args:
            token: as for :meth:`login_thread`.
            api_url: as for :meth:`login_thread`.
            timeout: seconds to wait until the database can be used; None for no limit. The
                database's own where it is left out.
            allow_unsafe: as for :meth:`login_thread`.
            successor_of: as for :meth:`login_thread`.
            progress: as for :meth:`wait_ready`; in ``async with`` it is called on the thread that
                waits, which is not the event loop's.

        Returns:
            A context manager, whose value is this database.

        Raises:
            UsageError: the timeout, or what is to be told of progress, is none.
        """
        token = hidden(token)
        limit = self._source.timeout if timeout is DATABASE_TIMEOUT else checked_wait(timeout)
        return Connected(
            self,
            begin=partial(
                self._log_in,
                token,
                api_url,
                allow_unsafe=allow_unsafe,
                successor_of=successor_of,
                awaited=True,
            ),
            wait=partial(self.wait_ready, limit, progress=checked_progress(progress)),
            close=self.close,
        )

    def close(self) -> None:
        """Finish what was asked for, close the connection and end its thread. Block until then.
        Harmless when not connected.

        Raises:
            WaitTimeout: the connection did not end within 20 s; what was left is abandoned.
        """
        self._source.close()

    # What this process knows

    def refresh(self) -> None:
        """See everything that was committed anywhere before this call. Block; one API call where
        there is nothing new.

        Reads need no such call to see what this process wrote, nor what the gateway has told it of.
        After it, they also see what another process has just finished saving.

        Raises:
            NotConnected: there is no connection.
            Unavailable: Discord could not be read.
        """
        self._source.refresh()

    def wait_for(
        self, position: int, *, timeout: float | DatabaseTimeout | None = DATABASE_TIMEOUT
    ) -> None:
        """Block until this process has applied a commit, and so reads what it wrote.

        For what another process has just acknowledged: where one worker of a web server saves a
        record and redirects, and another one answers the request that follows, the first hands
        on the record's ``version``, in the session or in the address, and the second waits for it.

        No API call where the commit is known already, or an event of the gateway brings it, as a
        rule within moments. If none does, the log is read after a second, and then again in ever
        longer pauses.

        Args:
            position: the :attr:`version <discobase.Table.version>` of a record, or the
                :attr:`head` of a database.
            timeout: seconds to wait; 0 for a look, None for no limit. The database's own where it
                is left out.

        Raises:
            UsageError: the position or the timeout is none.
            WaitTimeout: it has not come; both positions are named.
            NotConnected: there is no connection.
            Disconnected: the connection ended meanwhile.
            LogDamaged, UpgradeNeeded: the log cannot be read to its end.
        """
        limit = self._source.timeout if timeout is DATABASE_TIMEOUT else checked_wait(timeout)
        self._source.wait_for(checked_position(position), limit)

    def _target(
        self,
        token: str | None,
        api_url: str | None,
        *,
        allow_unsafe: bool = False,
        successor_of: int | None = None,
    ) -> Callable[[], Target]:
        """Return what tells, at the login, where it goes."""
        return partial(
            self._where,
            token,
            api_url,
            self._key_by_now,
            allow_unsafe=allow_unsafe,
            successor_of=successor_of,
        )

    @property
    def _key_by_now(self) -> Key | None:
        """The key that was given, or that the last connection has changed it to."""
        last = self._source.target
        return self._key if last is None else last.key

    def _log_in(
        self,
        token: str | None,
        api_url: str | None,
        *,
        allow_unsafe: bool,
        successor_of: int | None,
        awaited: bool = False,
    ) -> Session:
        where = self._target(token, api_url, allow_unsafe=allow_unsafe, successor_of=successor_of)
        cell = cell_of(users_frame())
        if cell is None:
            return self._source.log_in(where, awaited=awaited)
        close_earlier(cell, self._source, where())
        session = self._source.log_in(where, awaited=awaited)
        note(cell, self._source, self)
        return session
