"""What a database and its logins are given, checked when it is given."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Sequence
from math import inf
from pathlib import Path
from typing import TypeVar, cast

from discobase.engine.versions import OWN, release_of, written_release
from discobase.errors import TableError, UsageError
from discobase.progress import Progress
from discobase.shown import shortened
from discobase.timeouts import UsualStaleness

T = TypeVar("T")

_LONGEST_NAME = 100
"""Characters of a table's name: as many as a channel's in Discord has (channel resource, "Modify
Channel"). That tables need no more is a guess."""

_USUAL_STALENESS = 10.0
"""Seconds that what is read may be old where there is no gateway: about as old as it gets where
there is one and it is lost (:data:`~discobase.engine.server.retry.LONGEST_PAUSE`). Whoever is done
sooner reads at no cost; whoever goes on for an hour makes six calls a minute at the most."""


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
    try:
        name.encode()
    except UnicodeEncodeError:
        raise UsageError(f"{name!a} is no name for a database: it is not valid Unicode.") from None
    checked_server(server)
    checked_wait(timeout)
    if not is_positive(attachment_limit, int):
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
    if server is None or (isinstance(server, str) and server) or is_positive(server, int):
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


def is_positive(value: object, *kinds: type[int | float]) -> bool:
    """Return whether a value is a number above 0, and not infinite.

    Args:
        value: the value.
        kinds: the types of numbers that will do.
    """
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


def full_path(path: str, named: str) -> Path:
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
    folder = full_path(given, f"cache={cache!r}")
    try:
        is_file = folder.exists() and not folder.is_dir()
    except OSError as error:  # a name that is too long
        raise UsageError(f"cache={shown} can be no folder: {error.strerror}.") from error
    if is_file:
        raise UsageError(f"cache={cache!r} is a file: give the path of a folder.")
    return folder
