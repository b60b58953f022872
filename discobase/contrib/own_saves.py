"""Visitors see what they have saved, whichever process answers them, by a cookie."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Any

from discobase import Database
from discobase.errors import DiscobaseError, WaitTimeout

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_log = logging.getLogger(__name__)

COOKIE = "discobase_position"

SECONDS_KEPT = 60
"""How long a browser keeps a position: every process has heard of a commit by then, also without
the gateway, where the log is read each ten seconds."""

_DIGITS = 19
"""More than any position has: SQLite's integers have as many."""

_READING = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods by which nothing is to be changed (RFC 9110, section 9.2.1)."""


class Positions:
    """What a process knows of the positions that visitors come with.

    Args:
        database: what is saved to.
        seconds: how long a request waits at the most: whoever makes a position up waits so long.
    """

    def __init__(self, database: Database, seconds: float) -> None:
        self._database = database
        self._seconds = seconds

    def head(self) -> int | None:
        """Return where this process is; None where it is not connected, which is not waited for."""
        try:
            return self._database.head if self._database.ready else None
        except DiscobaseError:  # it has just ended: whoever uses it is told so
            return None

    def seen(self, position: int | None) -> bool:
        """Wait for a position, and return whether it is, or may be, one of this database."""
        if position is None or not self._seconds:
            return True
        try:
            self._database.wait_for(position, timeout=self._seconds)
        except WaitTimeout as error:
            _log.info("a visitor's position is not waited for any longer: %s", error)
            return False
        except DiscobaseError as error:
            # Whatever the application asks the database for raises it, or it needs none.
            _log.debug("a visitor's position was not waited for: %s", error)
        return True


class OwnSaves:
    """A WSGI application around another one: each answer to a request that has saved something
    leaves the position of that in a cookie, and the visitor's next request waits for it.

    Where several processes serve, another one may answer the request after a redirect, a moment
    before it hears of what the first one has saved. The wait costs no API call, as a rule.

    Args:
        application: the one that answers.
        database: what it saves to.
        seconds: as for :class:`Positions`.
    """

    def __init__(self, application: WSGIApplication, database: Database, seconds: float) -> None:
        self._application = application
        self._positions = Positions(database, seconds)

    def __call__(self, request: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        lost = not self._positions.seen(position_of(_cookie_in(request)))
        before = self._positions.head()
        only_reads = reads(request["REQUEST_METHOD"])

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Callable[..., Any]:
            # A page that sets no cookie, and changed nothing, may be kept by a proxy.
            head = self._positions.head()
            if head != before and not (only_reads and not _sets_cookie(headers)):
                headers = [*headers, _cookie(str(head), SECONDS_KEPT)]
            elif lost:
                headers = [*headers, _cookie("", 0)]
            return start_response(status, headers, *error)

        return self._application(request, start)


def reads(method: str) -> bool:
    """Return whether nothing is to be changed by a method."""
    return method in _READING


def position_of(text: str) -> int | None:
    """Return the position that a cookie has; None where it is no number of one."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < _DIGITS else None


def _cookie_in(request: WSGIEnvironment) -> str:
    try:
        cookie = SimpleCookie(request.get("HTTP_COOKIE", "")).get(COOKIE)
    except CookieError:
        return ""
    return "" if cookie is None else cookie.value


def _sets_cookie(headers: list[tuple[str, str]]) -> bool:
    return any(name.lower() == "set-cookie" for name, _ in headers)


def _cookie(value: str, age: int) -> tuple[str, str]:
    return (
        "Set-Cookie",
        f"{COOKIE}={value}; Max-Age={age}; Path=/; HttpOnly; SameSite=Lax",
    )
