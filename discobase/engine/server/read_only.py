"""A server that is only read, whatever the engine would write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn, cast

from discobase.engine.server.seam import Server, Upload
from discobase.errors import ReadOnly


class _ReadOnlyServer:
    """The seam over another server, of which whatever changes something there is refused.

    The engine does not come to that where it was opened to read. This is the last of its guards:
    what is added to it one day, and does not ask, fails here, and sends nothing.
    """

    def __init__(self, server: Server) -> None:
        self._server = server

    def __getattr__(self, name: str) -> Any:
        return getattr(self._server, name)

    async def elsewhere(self, server: str | int) -> Server:
        """Return another server, which is only read, too."""
        return read_only(await self._server.elsewhere(server))

    async def send(
        self,
        channel: int,
        content: str,  # noqa: ARG002
        uploads: Sequence[Upload],  # noqa: ARG002
        nonce: str,  # noqa: ARG002
        *,
        mention: int | None = None,  # noqa: ARG002
    ) -> NoReturn:
        """Refuse to send a message."""
        raise _refusal(f"a message to channel {channel}")

    async def delete_message(self, channel: int, message: int) -> NoReturn:
        """Refuse to delete a message."""
        raise _refusal(f"the deletion of message {message} in channel {channel}")

    async def create_category(self, name: str) -> NoReturn:
        """Refuse to make a category."""
        raise _refusal(f"a category {name!r}")

    async def create_channel(self, name: str, *, parent: int, topic: str) -> NoReturn:  # noqa: ARG002
        """Refuse to make a channel."""
        raise _refusal(f"a channel {name!r}")

    async def delete_channel(self, channel: int) -> NoReturn:
        """Refuse to delete a channel."""
        raise _refusal(f"the deletion of channel {channel}")

    async def leave_trace(self, catalog: int) -> NoReturn:
        """Refuse to leave a trace."""
        raise _refusal(f"a trace of the catalog {catalog}")

    async def remove_trace(self, trace: int) -> NoReturn:
        """Refuse to remove a trace."""
        raise _refusal(f"the deletion of trace {trace}")


def read_only(server: Server) -> Server:
    """Return the seam over a server that is only read."""
    return cast("Server", _ReadOnlyServer(server))


def _refusal(what: str) -> ReadOnly:
    return ReadOnly(f"this connection only reads (read_only=True): {what} was not sent.")
