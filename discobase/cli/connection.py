"""Which database a command is about, and with what it connects."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from getpass import getpass
from pathlib import Path
from typing import Any

import discobase
from discobase.cli.kept_names import Note, names_of
from discobase.cli.keys import key_of
from discobase.cli.progress import shown_progress
from discobase.errors import BadToken, ConnectError, UsageError


@dataclass(frozen=True, slots=True)
class Settings:
    """What stands before the command, or in the environment.

    Attributes:
        server: the Discord server's name or id.
        token: the bot's, or `local`, or ``local:PATH``.
        api_url: of another server that speaks Discord's API.
        key: what the database is encrypted by.
        ask_key: whether the key is to be asked for.
        cache: a folder in which the records are kept between commands.
        timeout: seconds that Discord is waited for.
        quiet: whether progress is not to be shown.
    """

    server: str | None = None
    token: str | None = field(default=None, repr=False)
    api_url: str | None = None
    key: str | None = field(default=None, repr=False)
    ask_key: bool = False
    cache: str | None = None
    timeout: float = 60.0
    quiet: bool = False

    @property
    def name(self) -> str:
        """The server's name or id.

        Raises:
            UsageError: none is given.
        """
        if self.server is None:
            raise UsageError(
                "which database? Give the Discord server's name or id with --server, or in "
                "DISCOBASE_SERVER."
            )
        return self.server


def database(
    settings: Settings,
    *,
    read_only: bool = False,
    gateway: bool = False,
    commands: discobase.Commands | None = None,
) -> discobase.Database:
    """Return the database, not connected yet.

    Args:
        settings: which one.
        read_only: whether nothing is to be written, nor a database created.
        gateway: whether a login to the gateway is spent.
        commands: for whom it has commands in Discord, which spends one, too; None for nobody.

    Raises:
        UsageError: none is named, or a setting makes no sense.
        PackageMissing: a key is given, and the package that encrypts is not installed.
    """
    key = _asked("key (32 bytes in hexadecimal, or a passphrase): ") if settings.ask_key else None
    key = key or settings.key
    options: dict[str, Any] = {} if key is None else {"key": key_of(key)}
    return discobase.Database(
        settings.name,
        gateway=gateway or commands is not None,
        cache=settings.cache,
        timeout=settings.timeout,
        read_only=read_only,
        commands=commands or False,
        **options,
    )


@contextmanager
def connected(settings: Settings, *, read_only: bool = False) -> Generator[discobase.Database]:
    """Connect for the length of a block, without a login to the gateway.

    Args:
        settings: to what.
        read_only: whether nothing is to be written, nor a database created.

    Raises:
        DiscobaseError: there is no connection.
    """
    opened = database(settings, read_only=read_only)
    token = token_of(settings)
    if read_only:
        _require_file(token)
    with shown_progress(settings.quiet) as told:
        connection = opened.conn(token, api_url=settings.api_url, progress=told)
        with connection:
            told(discobase.Progress(""))
            _note_names(opened, settings, token)
            yield opened


def _require_file(token: str) -> None:
    """See that the file of an embedded server is there: a command that reads makes none.

    Raises:
        ConnectError: it is not.
    """
    kind, _, path = token.partition(":")
    if kind == "local" and path and not Path(path).expanduser().exists():
        raise ConnectError(
            f"there is no file {path!r} in {str(Path.cwd())!r}: is the path right, and is this the "
            f"folder that it starts from? A command that writes would make it."
        )


def _note_names(opened: discobase.Database, settings: Settings, token: str) -> None:
    """Keep the names of tables and fields for the completion of what is typed next. Those of an
    encrypted database are nobody else's, and are not kept.
    """
    note = Note(settings.name, token, settings.api_url)
    if settings.key or settings.ask_key:
        note.forget()
    else:
        note.write(names_of(opened.stored_tables()))


def token_of(settings: Settings) -> str:
    """Return the token, which is asked for where there is none and somebody sits at the terminal.

    Raises:
        BadToken: there is none.
    """
    token = settings.token or (_asked("token: ") if _is_at_terminal() else None)
    if token is None:
        raise BadToken(
            "there is no token: set DISCOBASE_TOKEN, or give --token local:PATH for the embedded "
            "server. At a terminal it is asked for."
        )
    return token


def _is_at_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _asked(prompt: str) -> str | None:
    """Return what is typed, which is not shown; None for nothing."""
    return getpass(prompt, sys.stderr).strip() or None
