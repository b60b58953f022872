"""Where a login goes, and as whom: by its arguments, the database's and the environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Protocol, cast

from discobase.arguments import checked_flag, full_path, is_positive
from discobase.engine.log.frame import Limits
from discobase.engine.server.interactions import Interactions
from discobase.engine.server.login import DISCORD_API
from discobase.engine.trouble import Trouble
from discobase.errors import BadToken, UsageError
from discobase.feed import Feed
from discobase.key import Key
from discobase.label import default_label
from discobase.shown import shortened
from discobase.token import hidden

LOCAL = "local"
"""The token that stands for the embedded server; a colon and a path may follow."""

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


class Where(Protocol):
    """Tells where a login goes, by its own arguments: :func:`target`, with what the database was
    made with.
    """

    def __call__(
        self,
        token: str | None,
        api_url: str | None,
        key: Key | None,
        /,
        *,
        allow_unsafe: bool = False,
        successor_of: int | None = None,
    ) -> Target:
        """Return it, or raise why a login can go nowhere."""
        ...


def target(
    token: str | None,
    api_url: str | None,
    key: Key | None,
    *,
    allow_unsafe: bool = False,
    successor_of: int | None = None,
    server: str | int,
    limits: Limits,
    gateway: bool,
    cache: Path | None,
    read_only: bool,
    label: str | None,
    on_trouble: Callable[[Trouble], object] | None,
    serves: Serves | None,
    feed: Feed | None,
) -> Target:
    """Return where a login goes, by its arguments, the environment, and what the database was made
    with.

    Raises:
        BadToken: there is no token, or it can be none.
        UsageError: the address of the API is no text, the path leads nowhere, or `allow_unsafe` is
            no bool.
    """
    given = hidden(token if is_given(token) else os.environ.get("DISCOBASE_TOKEN", ""))
    address = api_url if is_given(api_url) else os.environ.get("DISCOBASE_API_URL") or DISCORD_API
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
        default_label() if label is None else label,
        on_trouble,
        _checked_bot(successor_of, read_only=read_only),
        key,
        serves,
        feed,
    )


def is_given(value: object) -> bool:
    """Return whether something is given in the place of the environment's: an empty text is not."""
    return value is not None and value != ""


def _checked_bot(bot: object, *, read_only: bool) -> int | None:
    """Return the id of a bot that is to be succeeded, if there is one."""
    if bot is None:
        return None
    if not is_positive(bot, int):
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
    return str(full_path(path, f"the path {path!r} of '{LOCAL}:PATH'"))


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
