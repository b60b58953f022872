"""What a database and its logins are given, checked when it is given."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from math import inf
from pathlib import Path
from typing import Any, TypeVar, cast

from discobase.engine.log.frame import Limits
from discobase.engine.server.interactions import Interactions
from discobase.engine.server.login import DISCORD_API
from discobase.engine.trouble import Trouble
from discobase.engine.versions import OWN, release_of, written_release
from discobase.errors import BadToken, TableError, UsageError
from discobase.feed import Feed
from discobase.key import Key
from discobase.progress import Progress
from discobase.shown import shortened
from discobase.timeouts import UsualStaleness
from discobase.token import hidden

T = TypeVar("T")

LOCAL = "local"
"""The token that stands for the embedded server; a colon and a path may follow."""

_LONGEST_NAME = 100
"""Characters of a table's name: as many as a channel's in Discord has (channel resource, "Modify
Channel"). That tables need no more is a guess."""

_USUAL_STALENESS = 10.0
"""Seconds that what is read may be old where there is no gateway: about as old as it gets where
there is one and it is lost (:data:`~discobase.engine.server.retry.LONGEST_PAUSE`). Whoever is done
sooner reads at no cost; whoever goes on for an hour makes six calls a minute at the most."""

_SIMILAR = 0.8
"""How much a word has to be like ``local`` to be taken for it (:func:`difflib.get_close_matches`):
a guess."""


Serves = Callable[[Interactions, Callable[[], int]], Coroutine[Any, Any, None]]
"""What serves people over a connection, until it is cancelled: it is given what they do, and what
tells the id of the server in which the database is.
"""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a login goes, and as whom.

    Args:
        token: the bot's token; ``local`` or ``local:PATH`` for the embedded server, the path in
            full.
        server: the Discord server's name, or its id.
        api_url: the address of the REST API.
        limits: what a message carries there.
        allow_unsafe: whether to go on where the server does not enforce nonces.
        gateway: whether to connect to the gateway, too.
        cache: the folder in which the records are kept between runs; None to keep none.
        read_only: whether nothing is to be written there.
        label: what the log is to call this writer; empty where nothing.
        on_trouble: what is called with what goes wrong, on a thread of its own.
        successor_of: the id of a bot whose database is taken over, if it is not yet.
        key: the key that the database is encrypted by; None for none.
        serves: what serves people who use the bot in Discord; None where nothing does.
        feed: the channel in which changes are posted; None for none.
    """

    token: str = field(repr=False)
    server: str | int
    api_url: str
    limits: Limits
    allow_unsafe: bool = False
    gateway: bool = True
    cache: Path | None = None
    read_only: bool = False
    label: str = field(default="", compare=False)
    on_trouble: Callable[[Trouble], object] | None = field(default=None, compare=False, repr=False)
    successor_of: int | None = None
    key: Key | None = field(default=None, repr=False)
    serves: Serves | None = field(default=None, compare=False, repr=False)
    feed: Feed | None = None

    @property
    def is_local(self) -> bool:
        """Whether the embedded server is meant, which is started or joined by the login."""
        return self.token == LOCAL or self.token.startswith(f"{LOCAL}:")

    @property
    def local_path(self) -> str | None:
        """The file of the embedded server; None for the one that lives as long as the process."""
        return str(self.token).partition(":")[2] or None

    @property
    def place(self) -> str:
        """Which Discord server on which host, for errors. The embedded server is at another address
        each time: what it was asked for by says more.
        """
        at = repr(str(self.token)) if self.is_local else self.api_url
        return f"the server {self.server!r} at {at}"


def checked_confirm(confirm: object) -> str | None:
    """Return what is said back to a repair.

    Raises:
        UsageError: it is no text.
    """
    if confirm is None or isinstance(confirm, str):
        return confirm
    raise UsageError(
        f"{shortened(confirm)} is nothing to say back: give the `confirm` of what db.repair() has "
        f"returned, a text."
    )


def check_database(name: object, server: object, timeout: object, attachment_limit: object) -> None:
    """Check what a :class:`~discobase.Database` is made with.

    Raises:
        UsageError: one of them makes no sense.
    """
    if not (isinstance(name, str) and name):
        raise UsageError(
            f"{shortened(name)} is no name for a database: give the Discord server's name, a text; "
            f"its id goes into server=."
        )
    checked_server(server)
    checked_wait(timeout)
    if not _is_positive(attachment_limit, int):
        given = shortened(attachment_limit)
        raise UsageError(f"attachment_limit={given}: give a number of bytes above 0.")


def checked_other_server(server: object) -> str | int:
    """Return the name or the id of a server to move to, if it is that.

    Raises:
        UsageError: it is neither.
    """
    if server is None:
        raise UsageError("server=None: give the name or the id of the server to move to.")
    return cast("str | int", checked_server(server))


def checked_server(server: object) -> str | int | None:
    """Return the name or the id of a server, if it is that; None where it is left out.

    Raises:
        UsageError: it is neither.
    """
    if server is None or (isinstance(server, str) and server) or _is_positive(server, int):
        return cast("str | int | None", server)
    raise UsageError(f"server={shortened(server)}: give a name or an id, or leave it out.")


def checked_wait(timeout: object) -> float | None:
    """Return the seconds that a call is to wait, if they are that; 0 is a look.

    Raises:
        UsageError: they are not.
    """
    return _checked_seconds("timeout", timeout)


def _checked_seconds(name: str, seconds: object) -> float | None:
    """Return what an argument of a name says, if it is seconds from 0 on, or None for no limit.

    Raises:
        UsageError: it is not.
    """
    if seconds is None:
        return None
    if isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 <= seconds < inf:
        return seconds
    raise UsageError(f"{name}={shortened(seconds)}: give seconds from 0 on, or None for no limit.")


def checked_flag(name: str, flag: object) -> bool:
    """Return what an argument of a name says, if it is a bool: another value is a slip, such as a
    positional one in a wrong place.

    Raises:
        UsageError: it is none.
    """
    if isinstance(flag, bool):
        return flag
    raise UsageError(f"{name}={shortened(flag)}: give True or False.")


def checked_choice(name: str, given: object, choices: Sequence[T]) -> T:
    """Return what is given for an option, if it is one of those that there are.

    Raises:
        UsageError: it is none.
    """
    for choice in choices:
        if type(given) is type(choice) and given == choice:
            return choice
    *others, last = map(repr, choices)
    raise UsageError(f"{name}={shortened(given)}: give {', '.join(others)} or {last}.")


def checked_staleness(staleness: object, *, gateway: object) -> float | None:
    """Return how many seconds old it may be what a search reads; None for no limit.

    Raises:
        UsageError: it is no number of seconds, or `gateway` is no bool.
    """
    hears = checked_flag("gateway", gateway)
    if isinstance(staleness, UsualStaleness):
        return None if hears else _USUAL_STALENESS
    return _checked_seconds("max_staleness", staleness)


LANES = 40
"""Channels that a log may have: with as many new ones beside them, while a vacuum makes those, two
categories hold them (a category holds 50)."""


def checked_lanes(lanes: object) -> int | None:
    """Return how many channels a log is to have; None for as many as before.

    Raises:
        UsageError: it is no such number.
    """
    if lanes is None:
        return None
    if type(lanes) is not int or not 1 <= lanes <= LANES:
        raise UsageError(
            f"lanes is a number of channels, from 1 to {LANES}, or None: got {shortened(lanes)}"
        )
    return lanes


def checked_position(position: object) -> int:
    """Return the position of a commit, if it is one; 0 stands before the first.

    Raises:
        UsageError: it is none.
    """
    if isinstance(position, int) and not isinstance(position, bool) and position >= 0:
        return position
    raise UsageError(
        f"{shortened(position)} is no position: give the version of a record that was saved, or "
        f"the head of a database, which are integers from 0 on."
    )


def checked_number(name: str, number: object, most: int) -> int:
    """Return what an argument of a name says, if it is a whole number from 1 on.

    Args:
        name: the argument's.
        number: what it says.
        most: the largest that it may say.

    Raises:
        UsageError: it is none.
    """
    if type(number) is int and 1 <= number <= most:
        return number
    raise UsageError(f"{name} is a number from 1 to {most:,}: got {shortened(number)}")


def checked_progress(progress: object) -> Callable[[Progress], object] | bool | None:
    """Return who is to be told of progress, if that can be done.

    Raises:
        UsageError: it cannot.
    """
    if progress is None or isinstance(progress, bool) or callable(progress):
        return progress
    raise UsageError(
        f"progress={shortened(progress)}: give a function that takes a discobase.Progress, or True "
        f"for a bar on the terminal."
    )


def checked_version(version: object) -> str:
    """Return the release of discobase that is required with a version: what comes before it, as
    2.1.0.dev0 and 2.1rc1, counts as that one.

    Raises:
        UsageError: it is no version, or above the one that runs.
    """
    release = written_release(version) if isinstance(version, str) else None
    if release is None:
        raise UsageError(
            f"{shortened(version)} is no version of discobase: give its numbers, as in '2.1'."
        )
    if release_of(release) > release_of(OWN):
        raise UsageError(
            f"this is discobase {OWN}: to require {version} would stop this program, too. Upgrade "
            f"it first."
        )
    return release


def check_callback(on_trouble: object) -> None:
    """Check what is to be called with what goes wrong.

    Raises:
        UsageError: it cannot be called, or only awaited, or not with one argument.
    """
    if on_trouble is not None and not callable(on_trouble):
        raise UsageError(
            f"on_trouble={shortened(on_trouble)}: give a function that takes a Trouble."
        )
    if inspect.iscoroutinefunction(on_trouble):
        raise UsageError(
            f"on_trouble={shortened(on_trouble)}: give a plain function. It is called on a thread "
            f"of its own, where no event loop runs."
        )
    if on_trouble is not None and not _takes_one(on_trouble):
        raise UsageError(
            f"on_trouble={shortened(on_trouble)}: it is called with one argument, a Trouble, which "
            f"it does not take."
        )


def _takes_one(function: Callable[..., object]) -> bool:
    """Return whether a function can be called with one argument, as far as it tells."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # what is written in C may not tell
        return True
    try:
        signature.bind(None)
    except TypeError:
        return False
    return True


def _is_positive(value: object, *kinds: type[int | float]) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool) and 0 < value < inf


def checked_table_name(table: object) -> str:
    """Return a table's name if it is one.

    Raises:
        TableError: it is none.
    """
    if not (isinstance(table, str) and 0 < len(table) <= _LONGEST_NAME):
        raise TableError(
            f"{shortened(table)} is no name for a table: give a text of 1 to {_LONGEST_NAME} "
            f"characters."
        )
    try:
        table.encode()
    except UnicodeEncodeError:
        raise TableError(f"{table!a} is no name for a table: it is not valid Unicode.") from None
    return table


def target(
    token: str | None,
    api_url: str | None,
    server: str | int,
    limits: Limits,
    *,
    allow_unsafe: bool = False,
    gateway: bool = True,
    cache: Path | None = None,
    read_only: bool = False,
    label: str = "",
    on_trouble: Callable[[Trouble], object] | None = None,
    successor_of: int | None = None,
    key: Key | None = None,
    serves: Serves | None = None,
    feed: Feed | None = None,
) -> Target:
    """Return where a login goes, by its arguments and the environment.

    Raises:
        BadToken: there is no token, or it can be none.
        UsageError: the address of the API is no text, the path leads nowhere, or `allow_unsafe` is
            no bool.
    """
    given = hidden(token or os.environ.get("DISCOBASE_TOKEN") or "")
    address = api_url or os.environ.get("DISCOBASE_API_URL") or DISCORD_API
    checked_flag("allow_unsafe", allow_unsafe)
    place = _checked_address(address)
    return Target(
        _checked_token(given),
        server,
        place,
        limits,
        allow_unsafe,
        gateway,
        cache,
        read_only,
        label,
        on_trouble,
        _checked_bot(successor_of, read_only=read_only),
        key,
        serves,
        feed,
    )


def _checked_bot(bot: object, *, read_only: bool) -> int | None:
    """Return the id of a bot that is to be succeeded, if there is one."""
    if bot is None:
        return None
    if not _is_positive(bot, int):
        raise UsageError(
            f"successor_of={shortened(bot)}: give the id of the bot's user as a number, as the "
            f"topics of the database's channels have it."
        )
    if read_only:
        raise UsageError(
            f"successor_of={bot} takes a database over, which writes, and this one was made with "
            f"read_only=True: let a program that may write take it over first."
        )
    return cast("int", bot)


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
    word, colon, path = token.strip().partition(":")
    if word == LOCAL and colon:
        return hidden(f"{LOCAL}:{_checked_path(str(path))}")
    if word != LOCAL and "." not in word and _is_like_local(word):
        meant = f"'{LOCAL}:PATH'" if path else f"'{LOCAL}'"
        raise BadToken(f"this is no bot token: did you mean {meant}, the embedded server?")
    if _is_path(token.strip()):
        raise BadToken(
            f"this is no bot token, but looks like a path: for the embedded server, with its state "
            f"in a file, write '{LOCAL}:PATH'."
        )
    return token.strip()


def _is_path(token: str) -> bool:
    """Return whether a token is the path of a file, or a URL. A slash alone does not make it one:
    those of other servers may have some.
    """
    return (
        token.startswith(("./", "../", "~/"))
        or any(mark in token for mark in ("\\", "://"))
        or token.endswith((".db", ".sqlite", ".sqlite3"))
    )


def _checked_path(path: str) -> str:
    """Return the path of the embedded server's file, in full."""
    if not path:
        raise BadToken(
            f"there is no path behind '{LOCAL}:': name a file, or log in with '{LOCAL}' for a "
            f"server that keeps nothing."
        )
    if path.startswith("//"):
        rest = path.lstrip("/") or "FILE"
        raise UsageError(
            f"'{LOCAL}:{path}' looks like a URL, and is none: write '{LOCAL}:{rest}' for a file in "
            f"the folder of this process, or '{LOCAL}:/{rest}' for one from the root on."
        )
    return str(_in_full(path, f"the path {path!r} of '{LOCAL}:PATH'"))


def _in_full(path: str, named: str) -> Path:
    """Return a path in full: the folder of this process may be another one by the time that it is
    used, or used again in a forked process. No shell has seen it, so ``~`` is the home folder here.

    Raises:
        UsageError: it leads nowhere.
    """
    try:
        return Path(path).expanduser().resolve()
    # This process's own folder is gone; a NUL character; a user who has no home.
    except (OSError, ValueError, RuntimeError) as error:
        raise UsageError(f"{named} leads nowhere: {error}") from error


def checked_cache(cache: object) -> Path | None:
    """Return the folder in which records are kept, in full.

    Raises:
        UsageError: it can be no folder.
    """
    if cache is None:
        return None
    shown = shortened(cache)
    if not isinstance(cache, str | os.PathLike) or not os.fspath(cast("str", cache)):
        raise UsageError(f"cache={shown}: give the path of a folder, or leave it out.")
    given = os.fspath(cast("str | os.PathLike[str]", cache))
    if not isinstance(cast("object", given), str):
        raise UsageError(f"cache={shown}: give the path as a text, not as bytes.")
    folder = _in_full(given, f"cache={cache!r}")
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"cache={cache!r} is a file: give the path of a folder.")
    return folder


def _is_like_local(word: str) -> bool:
    return bool(get_close_matches(word.lower(), [LOCAL], cutoff=_SIMILAR))


def _checked_address(address: object) -> str:
    if not isinstance(address, str):
        raise UsageError(f"api_url={shortened(address)}: give the address of an API as a text.")
    if "@" in (address.partition("://")[2] or address).lstrip("/").partition("/")[0]:
        raise UsageError(
            "api_url= has a name or a password in it, which would stand in logs: give the address "
            "alone."
        )
    return address.rstrip("/")
