"""The bot's application, of which members of servers see nothing: its id, and traces in its emojis.

An application has emojis of its own, 2000 at the most, that no server lists; what is done with them
needs no permission (emoji resource, "Application-Owned Emoji"). A trace is one of them: its name
says which server and which catalog it is of.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Generator

import discord

from discobase.engine.base36 import base36
from discobase.engine.server.discordpy.client import GatewayClient
from discobase.engine.server.discordpy.errors import answered
from discobase.engine.server.login import Access
from discobase.engine.server.seam import NotFound, ServerError, Trace

_NAME = re.compile(r"db_([0-9a-z]{1,13})_([0-9a-z]{1,13})")
"""The name of a trace: the ids of its server and its catalog in base 36. An emoji's name has 2 to
32 characters (Discord's description of its API); 64 bits take 13 of them."""

_IMAGE = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAIAAAACAAQAAAADrRVxmAAAAGUlEQVR42mNgGAWjYBSMglEwCkbBKKAvAAAIgAABw1fM"
    "HQAAAABJRU5ErkJggg=="
)
"""Discord wants "the 128x128 emoji image" (emoji resource, "Create Application Emoji"): a black
one."""

_NO_SUCH_REQUEST = frozenset({405, 501})
"""What servers answer that speak Discord's API and have no such emojis, where it is not 404."""


class Application:
    """The application of a bot.

    Args:
        client: the client, logged in.
        access: what the login came to.
    """

    def __init__(self, client: GatewayClient, access: Access) -> None:
        self._client = client
        self._bot = access.bot
        self._guild = access.guild
        self._id: int | None = None

    async def known_id(self) -> int:
        """Return the application's id; where that is not to be had, the bot's user id, which is the
        same for all but the oldest bots (observed). As :meth:`id`, otherwise.
        """
        try:
            return await self.id()
        except ServerError:
            return self._bot

    async def id(self) -> int:
        """Return the application's id. One API call, once."""
        if self._id is None:
            with answered():
                self._id = int((await self._client.http.application_info())["id"])
        return self._id

    async def traces(self) -> list[Trace]:
        """See :meth:`~discobase.engine.server.seam.Requests.traces`."""
        with _answered():
            listed = await self._client.http.get_application_emojis(await self.id())
            named = [(int(emoji["id"] or 0), emoji["name"] or "") for emoji in listed["items"]]
        found = [(identity, _NAME.fullmatch(name)) for identity, name in named]
        return [
            Trace(identity, int(name[2], 36))
            for identity, name in found
            if name and int(name[1], 36) == self._guild
        ]

    async def leave_trace(self, catalog: int) -> None:
        """See :meth:`~discobase.engine.server.seam.Requests.leave_trace`."""
        name = f"db_{base36(self._guild)}_{base36(catalog)}"
        with _answered():
            await self._client.http.create_application_emoji(await self.id(), name, _IMAGE)

    async def remove_trace(self, trace: int) -> None:
        """See :meth:`~discobase.engine.server.seam.Requests.remove_trace`."""
        with _answered():
            await self._client.http.delete_application_emoji(await self.id(), trace)


@contextlib.contextmanager
def _answered() -> Generator[None]:
    """Raise the seam's errors; the one for what is not there where there is no such request."""
    with answered():
        try:
            yield
        except discord.HTTPException as error:
            if error.status not in _NO_SUCH_REQUEST:
                raise
            raise NotFound(error.text or "no such request", error.code) from error
