"""The server of an original database: a login of its own that only reads."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Self, TypeVar

from discobase.engine.log.history import PAGE
from discobase.engine.server.discordpy import Connection
from discobase.engine.server.retry import persist
from discobase.engine.server.seam import (
    Channel,
    Message,
    NotPermitted,
    Refused,
    Server,
    Uncertain,
)
from discobase.engine.verification.observer import Observer
from discobase.errors import Unavailable
from discobase.session import Session
from discobase.target import Target

T = TypeVar("T")

_WHAT = "the reading of the original database"


class OriginalServer(Session):
    """A login that opens nothing: it lists channels, and reads their messages page by page.

    A context manager: it logs in at the beginning, without the gateway, and out at the end.

    Args:
        name: the name of the database that is written to.
        target: where that one is logged in, and as whom.
        server: the name or the id of the server that is read.
        timeout: seconds to wait for the login, and for each page; None for no limit.
    """

    def __init__(self, name: str, target: Target, server: str | int, timeout: float | None) -> None:
        reading = replace(
            target, server=server, read_only=True, gateway=False, cache=None, on_trouble=None
        )
        super().__init__(name, reading, awaited=True)
        self._attended = True
        self._timeout = timeout
        self._observer: Observer | None = None

    async def _served(self, connection: Connection) -> None:
        self._observer = Observer(connection)
        self._opened.set_result(None)
        await self._until_ended()

    def __enter__(self) -> Self:
        self.begin()
        try:
            self._wait_opened(_WHAT, self._timeout, None)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def calls(self) -> int:
        """API calls so far, the login left out."""
        return self._looking.calls

    @property
    def bot(self) -> int:
        """The bot's own user id."""
        return self._looking.seam.author

    @property
    def _looking(self) -> Observer:
        assert self._observer is not None
        return self._observer

    def channels(self) -> list[Channel]:
        """Return the server's channels. Block; one API call.

        Raises:
            Unavailable: Discord did not answer, or refused.
        """
        return self._ask(lambda server: persist(server, server.channels))

    def pages(self, channel: Channel, after: int = 0) -> Iterator[list[Message]]:
        """Yield the messages of a channel above a message id, in ascending order of id. Block; one
        API call for a page of a hundred, and none where the channel ended at that id.

        Args:
            channel: the channel, as the list told it. What is written after that need not be read.
            after: the message id.

        Raises:
            MissingPermission: the bot may not read the channel.
            Unavailable: Discord did not answer, or refused.
        """
        while after < channel.last_message and (page := self._page(channel.id, after)):
            yield page
            after = page[-1].id

    def _page(self, channel: int, after: int) -> list[Message]:
        return self._ask(
            lambda server: persist(server, server.history, channel, after=after, limit=PAGE)
        )

    def _ask(self, ask: Callable[[Server], Awaitable[T]]) -> T:
        answered = partial(_answered, ask, self._looking.seam)
        return self.portal.call(answered, timeout=self._timeout, what=_WHAT)


async def _answered(ask: Callable[[Server], Awaitable[T]], server: Server) -> T:
    try:
        return await ask(server)
    except NotPermitted as error:
        raise error.reason from error
    except (Refused, Uncertain) as error:
        raise Unavailable(f"the original database could not be read: {error}") from error
