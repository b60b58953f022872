"""The embedded server in the foreground, on its own."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import shlex
import sqlite3
import sys
from collections.abc import Generator

from discobase.cli.exhibition import Exhibition
from discobase.cli.foreground import until_told_to_end, wait_while
from discobase.cli.keys import key_of
from discobase.errors import ConnectError, UsageError
from discobase.local import LocalDiscord

_OF_A_PORT = {
    errno.EADDRINUSE: "is taken",
    errno.EACCES: "is not allowed to this user, as those below 1024 are not on most systems",
}
"""What can be wrong with a port, by the system's code."""


def serve(  # noqa: PLR0917 - the command line has all of them
    port: int,
    path: str | None,
    server_name: str,
    json_line: bool,
    limits: str = "none",
    latency: float = 0.0,
    latency_tail: float = 0.0,
) -> int:
    """Run a server until SIGTERM or SIGINT, and say where it is. To be called on the main thread.

    Args:
        port: to listen on; 0 for a free one.
        path: the file with its state, or ``None`` for none that lasts.
        server_name: a Discord server that is made, with a bot in it, if missing.
        json_line: say it as one line of JSON with ``api_url``, ``token`` and ``server``.
        limits: the profile of rate limits.
        latency: seconds added to every request.
        latency_tail: what one in a hundred exceeds, where they vary; 0 where they do not.

    Returns:
        The exit code.

    Raises:
        UsageError: another process serves the file, the port is taken or not allowed, the server's
            name is empty, or there is no such profile.
        ConnectError: the file can be none of a server's.
    """
    server = LocalDiscord(
        path, port=port, limits=limits, latency=latency, latency_tail=latency_tail
    )
    with _started(server, port) as discord, until_told_to_end():
        discord.join(server_name)
        # What its connections meet, they show in the window.
        logging.getLogger("discobase.engine").addHandler(logging.NullHandler())
        exhibition = Exhibition(discord, key_of(os.environ.get("DISCOBASE_KEY")))
        discord.show(exhibition)
        place = {"api_url": discord.api_url, "token": discord.default_token, "server": server_name}
        sys.stdout.write(json.dumps(place) + "\n" if json_line else _in_words(discord, place, path))
        sys.stdout.flush()
        with contextlib.closing(exhibition):
            wait_while(lambda: True)
    return 0


@contextlib.contextmanager
def _started(discord: LocalDiscord, port: int) -> Generator[LocalDiscord]:
    try:
        discord.start()
    except OSError as error:
        reason = _OF_A_PORT.get(error.errno or 0)
        if not (port and reason):
            raise
        raise UsageError(
            f"port {port} {reason}: give another one with --port, or leave it out for a free one."
        ) from error
    except (sqlite3.Error, UnicodeDecodeError) as error:  # the last where SQLite quotes no text
        raise ConnectError(f"{discord.path!r} cannot be used: {error}.") from error
    with contextlib.closing(discord):
        yield discord


def _in_words(discord: LocalDiscord, place: dict[str, str], path: str | None) -> str:
    kept = "nothing is kept when it ends" if path is None else f"kept in {path}"
    return (
        f"A Discord-compatible server is running ({kept}). Press Ctrl-C to end it.\n"
        f"  API URL  {place['api_url']}\n"
        f"  token    {place['token']}\n"
        f"  server   {place['server']}\n"
        f"  window   {discord.window_url}\n"
        f"Where these are set, a program on this machine that calls db.conn() connects to it:\n"
        f"export DISCOBASE_API_URL={shlex.quote(place['api_url'])}\n"
        f"export DISCOBASE_TOKEN={shlex.quote(place['token'])}\n"
    )
