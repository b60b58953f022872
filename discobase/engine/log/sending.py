"""Sends a frame under the nonce of its position, until it is known what the position holds.

To send again after a lost answer does no harm: the nonce makes a position write-once. What is told
of a send is never more than is known: nothing was sent as long as there was no connection, and
after the first try that may have come through nobody says so any more.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Protocol

from discobase.engine.log.catalog import Catalog
from discobase.engine.log.entry import Entry
from discobase.engine.log.frame import Draft
from discobase.engine.log.last_look import LastLook
from discobase.engine.log.superblock import Superblock
from discobase.engine.server.retry import pause
from discobase.engine.server.seam import (
    FILTERED,
    TOO_LARGE,
    UNKNOWN_CHANNEL,
    UNKNOWN_MESSAGE,
    Message,
    NotFound,
    NotPermitted,
    NotSent,
    Refused,
    Server,
    Uncertain,
)
from discobase.errors import (
    DatabaseEnded,
    DiscobaseError,
    LogDamaged,
    OutcomeUnknown,
    RecordRefused,
    RecordTooLarge,
    Unavailable,
    UpgradeNeeded,
)

_log = logging.getLogger(__name__)

_USUAL = 2
"""Tries without an answer that are nothing to warn of: connections break now and then, and an
embedded server that another process takes over costs two. A guess."""

TRIES = 3
"""Tries without an answer after which :meth:`Sending.until_known` asks whoever called it what to
do: one more than is usual. Where the status is 500, 502, 504 or 524, discord.py makes five of each,
in 16 s. To ask too early costs a message."""


class Unanswered(Exception):
    """What was sent had no answer each time, and neither has it been heard of: it may be there, or
    still come, until the position holds something else.

    Args:
        why: the last error.
    """

    def __init__(self, why: Uncertain) -> None:
        super().__init__(str(why))


class NothingSent(Exception):
    """There was no connection, and nothing was sent.

    Args:
        why: the last error.
        over: whether the time for it is over; else what is known of the head has become too old to
            go on.

    Attributes:
        over: the same.
    """

    def __init__(self, why: NotSent, *, over: bool) -> None:
        super().__init__(str(why))
        self.over = over


class Destination(Protocol):
    """What sending needs of the log."""

    server: Server
    superblock: Superblock
    catalog: Catalog
    last_look: LastLook
    enforced: bool

    def entry(self, message: Message) -> Entry | None:
        """Read the frame in a message; None where it holds none."""
        ...

    async def at(self, seq: int, *, after: int) -> list[Entry]:
        """Read all messages that carry a position."""
        ...


class Sending:
    """What one writer sends, a frame at a time.

    Args:
        log: where to.

    Attributes:
        unanswered: how many tries of the last frame had no answer.
        sent: whether it may have been sent, and be written.
    """

    def __init__(self, log: Destination) -> None:
        self._log = log
        self.unanswered = 0
        self.sent = False
        self._awaited: tuple[Draft, asyncio.Future[Entry]] | None = None
        self._written = (0, "")
        self._under_way: set[asyncio.Task[Message]] = set()

    async def until_known(
        self, draft: Draft, *, after: int, tries: int, tried: int, patience: float | None
    ) -> Entry:
        """Send a frame until it is known what its position holds: by the answer, or by the
        gateway's echo. Arguments and errors are those of :meth:`CommitLog.append
        <discobase.engine.log.commit_log.CommitLog.append>`.
        """
        echo: asyncio.Future[Entry] = asyncio.get_running_loop().create_future()
        self._awaited = (draft, echo)
        self.sent = tried > 0
        try:
            return await self._until_known(
                draft, echo, after, tries=tries, tried=tried, patience=patience
            )
        finally:
            self._awaited = None

    def note_written(self, entry: Entry, draft: Draft) -> None:
        """Note which message a frame has become."""
        self._written = (entry.message.id, draft.content)

    def is_echo(self, message: Message) -> bool:
        """Return whether a message is what was just sent, and settle what waits for it."""
        if self._awaited is None:
            return self._written == (message.id, message.content)
        draft, echo = self._awaited
        lane = self._log.superblock.lane_of(draft.header.seq)
        if message.content != draft.content or message.channel != lane:
            return False
        if not echo.done():
            echo.set_result(Entry(message, draft.header))
        return True

    def forestalled(self, entry: Entry) -> None:
        """Settle what is under way, if this entry that has arrived holds the position that it wants
        to write.
        """
        if self._awaited is None:
            return
        draft, echo = self._awaited
        if draft.header.seq == entry.header.seq and not echo.done():
            echo.set_result(entry)
            if entry.header.hash != draft.header.hash:
                self.note_lost()

    def note_lost(self) -> None:
        """Note that the position of what was sent is another's: whoever ends this before it can go
        on knows that nothing was written. Not where the position may hold two messages, of which
        the other one may count.
        """
        if self._log.enforced and not self._log.last_look.doubtful():
            self.sent = False

    async def _until_known(
        self,
        draft: Draft,
        echo: asyncio.Future[Entry],
        after: int,
        *,
        tries: int,
        tried: int,
        patience: float | None,
    ) -> Entry:
        """Send until it is known what the position holds, under one nonce each time."""
        seq, server = draft.header.seq, self._log.server
        attempt, self.unanswered = tried, 0
        while True:
            try:
                return await self._once_connected(draft, echo, patience)
            except Uncertain as error:
                last = error
                self.unanswered += 1
                _log.log(
                    logging.INFO if attempt < _USUAL else logging.WARNING,
                    "position %d: outcome unknown (%s); trying again under the same nonce",
                    seq,
                    error,
                )
            except Refused as error:
                if attempt == 0 and not error.repeated:
                    self.sent = False  # why it was refused takes a look, in which this may end
                    raise await self._reason(error, draft) from error
                return await self._refused(error, draft, after)
            await asyncio.wait({echo}, timeout=pause(server, attempt))
            if echo.done():
                return echo.result()
            attempt += 1
            if self._log.last_look.doubtful() and (
                found := await self.look_again(seq, after, "had no answer for a minute")
            ):
                return found[0]
            if self.unanswered >= tries:
                raise Unanswered(last)

    async def _once_connected(
        self, draft: Draft, echo: asyncio.Future[Entry], patience: float | None
    ) -> Entry:
        """Send once; as long as nothing was sent to the position, wait where there is no connection
        to send it over.
        """
        attempt = 0
        while True:
            before, self.sent = self.sent, True
            try:
                return await self._send(draft, echo)
            except NotSent as error:
                if before or patience is None:
                    raise
                self.sent = False
                await self._wait_for_connection(error, attempt, patience)
                attempt += 1

    async def _wait_for_connection(self, error: NotSent, attempt: int, patience: float) -> None:
        """Wait before the next try, where the last one had no connection.

        Raises:
            NothingSent: the time for that is over, or would be; or the head is to be looked up.
        """
        seconds = pause(self._log.server, attempt)
        if self._log.server.monotonic() + seconds >= patience:
            raise NothingSent(error, over=True)
        _log.log(
            logging.INFO if attempt < _USUAL else logging.WARNING,
            "no connection, and nothing is sent (%s); trying again",
            error,
        )
        await self._log.server.sleep(seconds)
        if self._log.last_look.doubtful():
            raise NothingSent(error, over=False)

    async def _send(self, draft: Draft, echo: asyncio.Future[Entry]) -> Entry:
        seq = draft.header.seq
        server, superblock = self._log.server, self._log.superblock
        lane, nonce = superblock.lane_of(seq), superblock.nonce_of(seq)
        send = asyncio.ensure_future(server.send(lane, draft.content, draft.uploads, nonce))
        self._under_way.add(send)
        send.add_done_callback(self._ended)
        either: set[asyncio.Future[Any]] = {send, echo}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if echo.done():
            return echo.result()
        message = send.result()
        if message.content == draft.content:
            return Entry(message, draft.header)
        return self._entry_of(message, seq)

    def _ended(self, send: asyncio.Task[Message]) -> None:
        """Let go of a send that the echo may have overtaken. Its failure is no news then: the
        message is there.
        """
        self._under_way.discard(send)
        if not send.cancelled() and (error := send.exception()):
            _log.debug("a send ended with %r", error)

    async def _refused(self, error: Refused, draft: Draft, after: int) -> Entry:
        """Find what the position holds although a try was refused, since an earlier one may have
        taken effect; or the reason why it is empty.
        """
        seq = draft.header.seq
        try:
            found = await self.look_again(seq, after, f"was refused: {error} (code {error.code})")
        except (Refused, Uncertain):
            raise OutcomeUnknown(
                f"Discord refused the commit at position {seq}: {error} (code {error.code}), and "
                f"the log could not be read after that. An earlier try may have been written: "
                f"repeat it with the same object, which does it once, or look whether it happened."
            ) from error
        if found:
            return found[0]
        reason = await self._reason(error, draft)
        if isinstance(reason, LogDamaged | DatabaseEnded):
            raise reason from error
        raise OutcomeUnknown(
            f"Discord refused the commit at position {seq}: {error} (code {error.code}). An "
            f"earlier try had no answer and is not in the log, but may still arrive: repeat it "
            f"with the same object, which does it once, or look whether it happened."
        ) from error

    async def look_again(self, seq: int, after: int, why: str) -> list[Entry]:
        """Read all messages that carry a position, after something was sent to it."""
        try:
            return await self._log.at(seq, after=after)
        except UpgradeNeeded as error:
            raise OutcomeUnknown(
                f"the commit at position {seq} {why}, and the log goes on in a form that this "
                f"version cannot read: it may have been written. {error}"
            ) from error

    async def _reason(self, error: Refused, draft: Draft) -> DiscobaseError:
        """Return the error for a message that was refused, and is not there."""
        seq = draft.header.seq
        if isinstance(error, NotFound) and error.code == UNKNOWN_MESSAGE:
            # It stays so until the nonce is forgotten. Who writes then has to have looked.
            self._log.last_look.unsettle()
            return LogDamaged(
                "this position was written, and its message has been deleted: nothing can be "
                "written there until Discord has forgotten it, some minutes after it was sent",
                position=seq,
                channel=self._log.superblock.lane_of(seq),
                step="Save the same object again then",
            )
        if isinstance(error, NotFound) and error.code == UNKNOWN_CHANNEL:
            return await self._log.catalog.gone(self._log.superblock.lane_of(seq))
        if isinstance(error, NotPermitted):
            return error.reason
        if error.code in TOO_LARGE:
            return RecordTooLarge(sum(len(upload.data) for upload in draft.uploads), None)
        if error.code in FILTERED:
            return RecordRefused(
                f"Discord's filters refuse what is written ({error}, code {error.code}); nothing "
                f"was written. Look at the server's AutoMod rules: they have to leave out its bots."
            )
        return Unavailable(
            f"Discord refused the commit: {error} (code {error.code}). Nothing was written."
        )

    def _entry_of(self, message: Message, seq: int) -> Entry:
        entry = self._log.entry(message)
        if entry is None or entry.header.seq != seq:
            raise LogDamaged(
                "the message that holds this position is not a frame of it; was it edited?",
                position=seq,
                channel=message.channel,
                message=message.id,
            )
        return entry

    async def close(self) -> None:
        """Cancel what is still being sent."""
        sending = list(self._under_way)
        for send in sending:
            send.cancel()
        await asyncio.gather(*sending, return_exceptions=True)
