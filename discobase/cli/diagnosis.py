"""What is examined of a bot and its database: what is wrong with it, and how to mend that."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import discobase
from discobase.cli.connection import Settings, database, token_of
from discobase.cli.exit_status import line_of
from discobase.errors import (
    BadToken,
    ConnectError,
    DatabaseNotFound,
    DiscobaseError,
    KeyNeeded,
    LogDamaged,
    MissingPermission,
    NotEncrypted,
    ServerAmbiguous,
    ServerNotFound,
    Unavailable,
    UpgradeNeeded,
    WaitTimeout,
    WrongKey,
)

_DISCORD = "https://discord.com/api/v10"

_LIVE_WITHIN = 15.0
"""Seconds in which a session at the gateway begins as a rule, with room: a guess."""

_SLOW = 2.0
"""Seconds of an API call above which something is in the way: Discord answers in some 0.2 s. A
guess."""

_CLOCK_OFF = 5.0
"""Seconds that a clock may be off: the header that tells the time counts whole ones. A guess."""

_FEW_LOGINS = 50
"""Gateway logins left in a day below which it is worth a thought: a guess."""

_LONG_TAIL = 60.0
"""Seconds to read the log, above which a checkpoint is missed where there is none: a guess."""


class State(StrEnum):
    """How it is with something."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was examined.

    Attributes:
        name: what it is.
        state: how it is with it.
        found: what was found.
        mend: what to do about it; None where nothing is to be done.
    """

    name: str
    state: State
    found: str
    mend: str | None = None


NAMES = (
    *("token", "server", "intents", "permissions", "key", "log"),
    *("checkpoint", "limits", "gateway", "lag", "clock"),
)
"""What is examined, in order. What lies behind a problem is not known."""

_OF_ERRORS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str, str], ...] = (
    (
        BadToken,
        "token",
        "Reset the token in the developer portal (Bot, Reset Token), and set DISCOBASE_TOKEN.",
    ),
    (
        DatabaseNotFound,
        "server",
        "Make the database with `discobase init`, or name another server with --server.",
    ),
    ((ServerNotFound, ServerAmbiguous), "server", "`discobase init` shows the way."),
    (MissingPermission, "permissions", "Grant what is named; other programs go on by themselves."),
    ((KeyNeeded, WrongKey, NotEncrypted), "key", "Give the key that it was created with: --key."),
    (
        LogDamaged,
        "log",
        "Leave programs running that have the records. `discobase repair` goes on with the rest.",
    ),
    (UpgradeNeeded, "log", "Install the version that is named."),
    (
        (Unavailable, WaitTimeout),
        "lag",
        "Try again; see https://discordstatus.com, and whether a proxy is in the way.",
    ),
)
"""Which thing an error is about, and what to do. From the top, the first that fits."""


def examine(settings: Settings) -> list[Check]:
    """Examine a bot and its database, and return what was found of each thing, in order. It changes
    nothing, and costs some twenty API calls and one login to the gateway.

    Args:
        settings: which database, and with what to connect.
    """
    found = {check.name: check for check in _found(settings)}
    return [found.get(name) or Check(name, State.UNKNOWN, "not known") for name in NAMES]


def _found(settings: Settings) -> Iterator[Check]:
    try:
        token = token_of(settings)
        # First without a right to write, which would make a database where there is none.
        with database(settings, read_only=True).conn(token, api_url=settings.api_url):
            pass
        opened = database(settings, gateway=True)
        with opened.conn(token, api_url=settings.api_url):
            yield from _of_connection(opened)
    except DiscobaseError as error:
        yield from _of_error(error)
        return
    yield _clock(settings, token)


def _of_error(error: DiscobaseError) -> Iterator[Check]:
    """Yield what an error says of the thing that it is about, and of those before it."""
    name: str
    mend: str | None
    for kinds, name, mend in _OF_ERRORS:  # noqa: B007 - they are used behind it
        if isinstance(error, kinds):
            break
    else:
        name, mend = ("server" if isinstance(error, ConnectError) else "log", None)
    if name != "lag":
        for before in NAMES[: NAMES.index(name)]:
            yield Check(before, State.OK, "no problem was found")
    yield Check(name, State.PROBLEM, line_of(error), mend)


def _of_connection(opened: discobase.Database) -> Iterator[Check]:
    began = time.monotonic()
    is_live = _is_live(opened)
    seconds = time.monotonic() - began
    before = time.monotonic()
    opened.refresh()
    lag = time.monotonic() - before
    status, lost = opened.status(), opened.lost()
    yield Check("token", State.OK, "Discord knows the bot")
    yield Check("server", State.OK, f"{status.server} ({status.server_id})")
    yield Check("intents", State.OK, "none of the privileged ones is needed")
    yield Check("permissions", State.OK, "the bot may do all that a database needs")
    kept = "encrypted, and the key fits" if status.encrypted else "not encrypted"
    yield Check("key", State.OK, kept)
    yield _log(status, len(lost))
    yield _checkpoint(status)
    yield _limits(status)
    if is_live:
        yield Check("gateway", State.OK, f"live within {seconds:.1f} s of the login")
    else:
        yield Check(
            "gateway",
            State.WARNING,
            f"not live after {seconds:.0f} s: {status.gateway_trouble or 'no reason is known'}",
            "What others write is seen some ten seconds late meanwhile. If it stays so, see "
            "https://discordstatus.com, and whether WebSockets are let through.",
        )
    yield _lag(lag)


def _is_live(opened: discobase.Database) -> bool:
    end = time.monotonic() + _LIVE_WITHIN
    while opened.status().gateway != "live":
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def _log(status: discobase.Status, lost: int) -> Check:
    if lost or status.writes_blocked:
        blocked = ", and nothing can be written" if status.writes_blocked else ""
        return Check(
            "log",
            State.PROBLEM,
            f"{lost} commits are lost{blocked}",
            "`discobase verify` names what is wrong.",
        )
    found = f"read to position {status.head:,}, nothing is lost"
    advice = status.growth.advice if status.growth is not None else None
    return Check("log", State.WARNING if advice else State.OK, found, advice)


def _checkpoint(status: discobase.Status) -> Check:
    seconds = status.growth.reading_seconds if status.growth is not None else 0.0
    if status.checkpoint is None:
        is_long = seconds > _LONG_TAIL
        return Check(
            "checkpoint",
            State.WARNING if is_long else State.OK,
            f"there is none, and the log takes about {seconds:.1f} s to read",
            "Write one: `discobase checkpoint`." if is_long else None,
        )
    return Check(
        "checkpoint",
        State.OK,
        f"at position {status.checkpoint:,}, {status.tail or 0:,} commits ago",
    )


def _limits(status: discobase.Status) -> Check:
    left, waits = status.identifies_left, status.rate_limit_waits
    told = "not told" if left is None else f"{left:,} of {status.identifies_a_day:,}"
    found = f"gateway logins left today: {told}; waits for rate limits: {waits}"
    if left is not None and left < _FEW_LOGINS:
        return Check(
            "limits",
            State.WARNING,
            found,
            "Something logs in again and again. Give jobs that end soon gateway=False.",
        )
    return Check("limits", State.OK, found)


def _lag(seconds: float) -> Check:
    found = f"an API call takes {seconds * 1000:.0f} ms"
    if seconds > _SLOW:
        return Check("lag", State.WARNING, found, "Is a proxy in the way, or the line busy?")
    return Check("lag", State.OK, found)


def _clock(settings: Settings, token: str) -> Check:
    """Hold this machine's clock against the server's. Nothing in a database rests on it."""
    if token.startswith("local") and settings.api_url is None:
        return Check("clock", State.OK, "the embedded server has that of this machine")
    address = f"{settings.api_url or _DISCORD}/gateway"
    agent = f"DiscordBot (discobase, {discobase.__version__})"
    request = Request(address, headers={"User-Agent": agent})  # noqa: S310 - an address of an API
    began = time.time()
    try:
        with urlopen(request, timeout=settings.timeout) as response:  # noqa: S310 - as above
            told = response.headers["Date"]
    except (HTTPError, URLError, HTTPException, OSError) as error:
        return Check("clock", State.UNKNOWN, f"the server could not be asked: {error}")
    if told is None:
        return Check("clock", State.UNKNOWN, "the server does not tell the time")
    here = (began + time.time()) / 2
    off = here - parsedate_to_datetime(told).timestamp()
    if abs(off) <= _CLOCK_OFF:
        return Check("clock", State.OK, f"within {_CLOCK_OFF:.0f} s of the server's")
    return Check(
        "clock",
        State.WARNING,
        f"{abs(off):.0f} s {'ahead of' if off > 0 else 'behind'} the server's",
        "Set the clock, by NTP. The database does not rest on it; times that programs store do.",
    )
