"""Sharing one server between the databases of a process, and between the processes that name the same file.

Without a path there is one server for each process, until it ends. With a path, the first process that comes serves the file;
others join it by its address. When that process ends or dies, one of the others takes over, on the same port with the same
file, so that its clients need only connect again.
"""

from __future__ import annotations

from discobase.local.hosting import LocalDiscord


class Joined:
    """A place on a shared server.

    Attributes:
        api_url: what takes the place of ``https://discord.com/api/v10``.
        token: of the bot that is in the Discord server asked for.
    """

    def __init__(self, api_url: str, token: str) -> None:
        self.api_url = api_url
        self.token = token

    def close(self) -> None:
        """Leaves the server."""


_own: list[LocalDiscord] = []


def join(path: str | None, server_name: str) -> Joined:
    """Joins the server."""
    if not _own:
        _own.append(LocalDiscord(path).start())
    _own[0].join(server_name)
    return Joined(_own[0].api_url, _own[0].default_token)
