"""The seam: what the engine needs of a Discord server, and nothing more.

Everything the engine knows of the outside world comes through :class:`Server`: requests, ordered
events, time, randomness, and the worker that heavy steps run on. Who needs less asks for less: a
:class:`Clock`. :mod:`discobase.engine.server.discordpy` is the seam over discord.py; the tests have
another one, simulated, in virtual time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from discobase.errors import MissingPermission

T = TypeVar("T")

SNOWFLAKE_EPOCH_MS = 1_420_070_400_000
"""Discord's epoch, the first millisecond of 2015 (reference, "Snowflakes")."""


SETTLING = 3.0
"""Seconds within which what was written can be read by everybody, where a server does not say: it
is "eventually consistent" (reference, "Consistency"), and when that is Discord says nowhere. A
guess, above the lag of a second or two that has been reported of reads, and far above how much the
clocks behind its ids may differ."""


def snowflake_at(unix_seconds: float) -> int:
    """Return the smallest message id that Discord gives at a time: bits 22 and up are milliseconds
    since its epoch (reference, "Snowflakes").
    """
    return max(0, int(unix_seconds * 1000) - SNOWFLAKE_EPOCH_MS) << 22


def time_of(message: int) -> float:
    """Return when a message was created, in seconds since 1970, by Discord's clock."""
    return ((message >> 22) + SNOWFLAKE_EPOCH_MS) / 1000


def seconds_between(first: int, second: int) -> float:
    """Return the seconds between the creation of two messages, by Discord's clock."""
    return ((second >> 22) - (first >> 22)) / 1000


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that hangs on a message. Its URL expires; the message renews it."""

    name: str
    size: int
    url: str


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to be sent with a message."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """A message as Discord gives it, reduced to what the engine reads. `edited` is whether its
    author has altered the text (message resource, "Message Object": `edited_timestamp`).
    """

    id: int
    channel: int
    author: int
    content: str
    attachments: tuple[Attachment, ...] = ()
    nonce: str | None = None
    edited: bool = False


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel of the server. Categories have no topic, and no parent.

    `last_message` is the id of the newest message that was ever written there, 0 where there was
    none. It stays when that message is deleted: it "may or may not point to an existing or valid
    message" (channel resource, "Channel Object"; docs#272).

    `shown_to` are the ids of those whom an overwrite of its own lets see it: what only the bot may
    see has the bot's.
    """

    id: int
    name: str
    parent: int | None = None
    topic: str = ""
    is_category: bool = False
    last_message: int = 0
    shown_to: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Trace:
    """That a database was made in the server, kept where no permission of a channel matters. It
    names the database's catalog.
    """

    id: int
    catalog: int


@dataclass(frozen=True, slots=True)
class MessageArrived:
    """A message was created, or its creation is reported once more."""

    message: Message


@dataclass(frozen=True, slots=True)
class MessageChanged:
    """A message was edited or deleted by somebody."""

    channel: int
    message: int
    deleted: bool


@dataclass(frozen=True, slots=True)
class EventsLost:
    """Events may have been missed, up to here (a gateway session has begun, the first one too):
    read on from the history.
    """


@dataclass(frozen=True, slots=True)
class AccessChanged:
    """What the bot may do may have changed, or a channel is gone: in one channel, or in any where
    none is named.
    """

    channel: int | None = None


Event = MessageArrived | MessageChanged | EventsLost | AccessChanged


class ServerError(Exception):
    """A request to the server failed. The subclass says what is known of its effect."""


class Uncertain(ServerError):
    """No answer, or one that says nothing of the effect: it may have happened. Sensible to try
    again.
    """


class NotSent(Uncertain):
    """No connection to the server was to be had (refused, no such name, TLS that fails): nothing
    was sent, and nothing happened. Sensible to try again.
    """


class Refused(ServerError):
    """The server refused the request: nothing happened, and trying again will not help.

    Args:
        reason: what the server said, in words.
        code: Discord's JSON error code, 0 where there is none.

    Attributes:
        repeated: whether it may have been the answer to a repetition, so that an earlier try of the
            same request may have taken effect.
    """

    def __init__(self, reason: str, code: int = 0) -> None:
        super().__init__(reason)
        self.code = code
        self.repeated = False


class Forbidden(Refused):
    """401 or 403. Such answers are counted against the sender: stop."""


class NotPermitted(Forbidden):
    """The bot lacks permissions in a channel.

    Args:
        reason: what it lacks, as its users are to be told.

    Attributes:
        reason: the same.
    """

    def __init__(self, reason: MissingPermission) -> None:
        super().__init__(str(reason), MISSING_PERMISSIONS)
        self.reason = reason


class NotFound(Refused):
    """404: the channel, message or attachment is gone, or was never there."""


MISSING_ACCESS = 50001
"""What a request gets to a channel that the bot may not view (opcodes and status codes)."""

MISSING_PERMISSIONS = 50013
"""What a request gets that the bot's permissions do not allow (opcodes and status codes)."""

UNKNOWN_CHANNEL = 10003
"""What a request gets to a channel that has been deleted (the same page)."""

UNKNOWN_MESSAGE = 10008
"""What a send gets when its nonce belongs to a message that has been deleted (docs#6647), among
others."""


TOO_LARGE = frozenset({40005, 50045})
"""What a send gets whose files are larger than the server takes (opcodes and status codes)."""

FILTERED = frozenset({200000, 240000})
"""What a send gets that AutoMod, or the filter of harmful links, holds back (the same page)."""


class Clock(Protocol):
    """Time and randomness."""

    def now(self) -> float:
        """Return the seconds since 1970, by the wall clock."""
        ...

    def monotonic(self) -> float:
        """Return the seconds since some moment, by a clock that never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Let other work run for so many seconds."""
        ...

    def random(self) -> float:
        """Return a random number from 0 up to 1."""
        ...


class Requests(Protocol):
    """What can be asked of one Discord server, by one bot.

    Each raises :exc:`Uncertain` where it may have had its effect, and :exc:`Refused` where it had
    none.
    """

    @property
    def author(self) -> int:
        """The bot's own user id: the author of every frame."""
        ...

    @property
    def id(self) -> int:
        """The id of the server."""
        ...

    @property
    def name(self) -> str:
        """The name of the server, as it was when it was found."""
        ...

    @property
    def settling(self) -> float:
        """Seconds within which what was written can be read by everybody, and after which no lower
        id comes up. A fact of the server: :data:`SETTLING` for Discord.
        """
        ...

    async def send(
        self,
        channel: int,
        content: str,
        uploads: Sequence[Upload],
        nonce: str,
        *,
        mention: int | None = None,
    ) -> Message:
        """Send one message, once, silently, pinging nobody, but for a bot that is mentioned: it can
        read the text of a message of others only where it is (gateway, "Message Content Intent").

        Where the server enforces nonces, and this author has sent the nonce before, the earlier
        message comes back and nothing is created. One API call.

        Raises:
            Uncertain: it may have been sent.
            NotSent: it has not, for want of a connection.
            Refused: it has not been sent.
            NotPermitted: nor may it be.
        """
        ...

    async def history(self, channel: int, *, after: int, limit: int = 100) -> list[Message]:
        """Return the oldest `limit` messages (1 to 100) with an id above `after`, in ascending
        order of id. One API call.

        A server says of a channel that may not be read that there is nothing in it. Here it never
        does.

        Raises:
            NotPermitted: the bot may not read the channel.
        """
        ...

    async def message(self, channel: int, message: int) -> Message:
        """Return one message, with fresh attachment URLs. One API call."""
        ...

    async def fetch(self, attachment: Attachment) -> bytes:
        """Return the bytes of an attachment. No API call: the CDN is counted apart.

        Raises:
            NotFound: the URL has expired, or the attachment is gone.
        """
        ...

    async def delete_message(self, channel: int, message: int) -> None:
        """Delete one message. One API call."""
        ...

    async def channels(self) -> list[Channel]:
        """Return every channel of the server. One API call."""
        ...

    async def require_readable(self, channel: int) -> None:
        """See that the bot may read a channel. No API call where nothing has changed since the
        channels were listed, and the channel has overwrites of the bot and of everyone only. One
        where it is not in that list.

        Raises:
            NotPermitted: it may not.
            NotFound: the channel is gone.
        """
        ...

    async def may_write(self, user: int, channel: int) -> bool:
        """Return whether a user is a member of the server and may write in a channel of it, as far
        as the server tells. Up to three API calls.
        """
        ...

    async def create_category(self, name: str) -> Channel:
        """Make a category that only the bot (and the server's administrators) can see. One API
        call.

        Raises:
            ServerFull: the server has no room for another channel.
        """
        ...

    async def create_channel(self, name: str, *, parent: int, topic: str) -> Channel:
        """Make a text channel in a category, with the category's permissions. One API call.

        Raises:
            ServerFull: the server has no room for another channel.
            NotPermitted: the bot may not make channels there.
        """
        ...

    async def delete_channel(self, channel: int) -> None:
        """Delete a channel or category, with all it holds. One API call."""
        ...

    async def traces(self) -> list[Trace]:
        """Return the traces that this bot has left of databases in this server. One API call; two
        the first time.

        Raises:
            NotFound: there is no place for traces.
        """
        ...

    async def leave_trace(self, catalog: int) -> None:
        """Leave a trace of a database, where channels that are hidden from the bot do not hide it.
        Members of the server see nothing of it. One API call; two the first time.

        Raises:
            Refused: there is one already, or no room for more of them.
            NotFound: there is no place for traces.
        """
        ...

    async def remove_trace(self, trace: int) -> None:
        """Remove a trace. One API call; two the first time."""
        ...


class Server(Requests, Clock, Protocol):
    """One Discord server, seen by one bot, and the time that passes meanwhile."""

    async def elsewhere(self, server: str | int) -> Server:
        """Return another server that the bot is in: the same one each time. It ends with this one.
        One API call for 200 servers of the bot; none where it was asked for by its id before.

        Args:
            server: its name, or its id.

        Raises:
            ServerNotFound: the bot is in no such server.
            ServerAmbiguous: it is in several servers of that name.
            MissingPermission: it may not do there what a database needs.
            ConnectError: Discord refused, or did not answer.
        """
        ...

    def listen(self, handler: Callable[[Event], None]) -> None:
        """Have `handler` called for every event of the server, in the order of the gateway, on the
        loop.
        """
        ...

    @property
    def trouble(self) -> str | None:
        """What keeps the events away, in words; None while they come. From any thread."""
        ...

    async def events_come(self, *, within: float) -> bool:
        """Return whether the events come, or begin to in so many seconds. When they begin,
        :class:`EventsLost` is told.
        """
        ...

    async def events_stop(self) -> None:
        """Wait until no events come."""
        ...

    def work(self, step: Callable[[], T]) -> Awaitable[T]:
        """Run a heavy step off the loop: one at a time, in the order of the calls, to the end."""
        ...

    def aside(self, step: Callable[[], T]) -> Awaitable[T]:
        """Run a step that takes seconds off the loop, beside :meth:`work`, which does not wait for
        it: one at a time, in the order of the calls, to the end.
        """
        ...
