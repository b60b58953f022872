"""The commit log: write-once positions, striped over the lanes.

The one idea that everything rests on: a nonce that the server enforces is a write-once register. A
second message by the same author with the same nonce is not created; the first one comes back
instead (message resource, "Create Message"). The nonce of a frame is made of its position, so every
position is written once, by whoever comes first, in whichever process; and to send again after a
lost answer does no harm.

Discord remembers a nonce for "the past few minutes" only. So an answer is trusted only while this
writer knows that the position was empty no longer than :data:`TRUST` ago: before that it looks
whether there is anything newer, and if it finds afterwards that the answer took longer (a process
may stand still for an hour between two lines), it reads the lane back before it believes that it
has won. The same read-back serves servers that do not enforce nonces at all.

Where two messages carry one position all the same, every reader takes the one with the lowest id
whose chain fits (:func:`decide`): invariant I3. Every frame that is read is checked against the
hash in its header, and chained by that of the frame before: invariant I4.
"""

from __future__ import annotations

import contextlib
import copy
import logging
from collections.abc import Callable, Sequence
from typing import NoReturn

from discobase.engine.log.authors import hidden_text
from discobase.engine.log.catalogs import newest_of, origin_of, superblocks_in
from discobase.engine.log.downloads import download
from discobase.engine.log.entry import Commit, Entry, carried, commit_of, decide
from discobase.engine.log.formats import upgrade_needed
from discobase.engine.log.frame import (
    Draft,
    Malformed,
    check_files,
    read_header,
    read_payload,
)
from discobase.engine.log.history import read_channel
from discobase.engine.log.lane_ends import LaneEnds
from discobase.engine.log.last_words import last_word
from discobase.engine.log.listing import Listing, Moment
from discobase.engine.log.presence import gone, require_present
from discobase.engine.log.sending import TRIES, Sending
from discobase.engine.log.superblock import Superblock, random_name
from discobase.engine.log.superseded import NextGeneration, Superseded
from discobase.engine.log.unlocking import unlocked
from discobase.engine.operations import LaterFormat
from discobase.engine.server.retry import persist
from discobase.engine.server.seam import (
    UNKNOWN_CHANNEL,
    UNKNOWN_MESSAGE,
    Message,
    NotFound,
    Server,
    Uncertain,
)
from discobase.engine.trouble import Trouble, Troubles
from discobase.engine.versions import OWN, release_of
from discobase.errors import (
    ConnectError,
    DatabaseEnded,
    DatabaseTakenOver,
    DiscobaseError,
    KeyNeeded,
    LogDamaged,
    NoncesIgnored,
    NotEncrypted,
    UpgradeNeeded,
    WrongKey,
)
from discobase.key import Key
from discobase.progress import Gauge, Step

_log = logging.getLogger(__name__)

TRUST = 60.0
"""Seconds for which a nonce is certainly remembered: Discord says "the past few minutes" (message
resource, "Create Message") and not how many (docs#6647). A minute is on the safe side of that."""


class CommitLog:
    """The log of one database, written by one writer and read by anybody.

    Args:
        server: the seam to Discord.
        superblock: where the lanes are.
        troubles: what is told of what goes wrong.
        gauge: told how far long readings have come.
        version: the version of discobase that writes.
        key: the key that the database is encrypted by; None for none. By it the superblocks of
            later generations are believed, or not.
        place: which server it is, for errors.
        heeds_claims: whether this bot is not to write any more where another one claims to succeed
            it. Not so for that other one, which reads as this bot does.

    Attributes:
        gauge: the same.
        enforced: whether the server enforces nonces.
        refusal: why nothing may be written, where the server turned out not to enforce them.
        later: what was met of a later format, first; None while all that was met is known. Nothing
            may be written any more when there is something.
        ended: why nobody writes to this database any more; None while nothing says so.
        ends: how far each lane is known.
        sending: what is sent of what is appended.
        carried: the payloads of commits below the lanes, by message: those of a bundle.
        successor: the next generation, when it is known.
        origin: the message id of the first superblock that the database ever had.
    """

    def __init__(
        self,
        server: Server,
        superblock: Superblock,
        troubles: Troubles,
        *,
        gauge: Gauge | None = None,
        version: str = OWN,
        key: Key | None = None,
        place: str = "this server",
        heeds_claims: bool = True,
    ) -> None:
        self.gauge = gauge or Gauge()
        self._key, self._place = key, place
        self._heeds_claims = heeds_claims
        self._own_from = superblock.own_from
        self.server = server
        self.release = release_of(version)
        self.superblock = superblock
        self.troubles = troubles
        self.enforced = True
        self.refusal: NoncesIgnored | None = None
        self.later: UpgradeNeeded | None = None
        self.ended: DatabaseEnded | None = None
        self.ends = LaneEnds(superblock.lanes)
        self.carried: dict[int, bytes] = {}
        self.successor = NextGeneration()
        self.origin = superblock.origin
        self._superblock_message: int | None = None
        self._catalog_end = 0
        self.sending = Sending(self)
        self._current = Moment(float("-inf"), float("-inf"))
        self.unsettle()

    # What is known of the head

    def moment(self) -> Moment:
        """Return the present moment."""
        return Moment.of(self.server)

    def confirm(self, moment: Moment) -> None:
        """Note that at this moment the log held nothing but what has been applied by now.

        Only what this writer has asked for itself tells that: an event says what was written, not
        how long ago, nor what was written after it.
        """
        self._confirmed = moment
        self.note_current(moment)

    def note_current(self, moment: Moment) -> None:
        """Note that at this moment nothing that could be seen of the log was newer than what has
        been applied by now. That suffices for reading, and not for writing behind it.
        """
        if moment.monotonic > self._current.monotonic:
            self._current = moment

    def age(self) -> float:
        """Return the seconds since what has been applied was all that could be seen. From any
        thread.
        """
        return self._since(self._current)

    def unsettle(self) -> None:
        """Note that what is known of the head is not enough to write behind it."""
        self._confirmed = Moment(float("-inf"), float("-inf"))

    def doubtful(self) -> bool:
        """Return whether the nonce of the next position may have been used and forgotten since the
        head was confirmed.
        """
        return self._since(self._confirmed) > TRUST

    def _since(self, then: Moment) -> float:
        now = self.moment()
        return max(now.monotonic - then.monotonic, now.wall - then.wall)

    # Writing

    async def append(
        self,
        draft: Draft,
        *,
        after: int,
        chain: str,
        tries: int = TRIES,
        tried: int = 0,
        patience: float | None = None,
    ) -> Entry:
        """Write a position, and return what it holds afterwards: the draft, or the frame of another
        writer that came first.

        Settled by the answer or by the gateway's echo, whichever comes first (discord.py holds back
        the answer to the call that empties a bucket, by up to 5 s). Costs one API call; one more
        where it took longer than a nonce is sure to be remembered, or where the server does not
        enforce nonces.

        Args:
            draft: the frame.
            after: a message id of its lane, below anything the position can hold.
            chain: the hash of the last applied frame.
            tries: how often it is sent where there is no answer.
            tried: how often something was sent to this position before, and had no answer.
            patience: the time, by a clock that does not go back, up to which it is tried without a
                connection, as long as nothing was sent to this position; None where a try without
                one counts as one without an answer.

        Raises:
            Unanswered: no try had an answer. What the position holds, now or later, is not known.
            NothingSent: there was no connection, and nothing was sent.
            NoncesIgnored, DatabaseEnded: nothing may be written any more; nothing was.
            Unavailable: the server refused it; nothing was written.
            OutcomeUnknown: the server refused it, after a try whose outcome is unknown.
            LogDamaged: the position was written before, and its message deleted since.
            UpgradeNeeded: the position holds a frame of a later format.
            Superseded: the log goes on in another generation.
            Uncertain, Refused: it was sent, and the log could not be read afterwards.
        """
        if (refusal := self.ended or self.refusal) is not None:
            raise copy.copy(refusal)
        seq, began = draft.header.seq, self.moment()
        if seq < self._own_from:
            self.require_taken_over(seq)
        try:
            entry = await self.sending.until_known(
                draft, after=after, tries=tries, tried=tried, patience=patience
            )
            if not self.enforced or self.doubtful():
                found = await self.sending.look_again(seq, after, "was sent")
                entry = _holder(found, chain) or entry
        except LogDamaged:
            # A lane that is gone is no damage where the log has gone on elsewhere.
            await self.require_current()
            raise
        if entry.header.hash == draft.header.hash:
            self.confirm(began)
            self.sending.note_written(entry, draft)
        return entry

    def require_taken_over(self, seq: int) -> None:
        """See that a position is this bot's to write: below it the log is its predecessors'.

        Raises:
            LogDamaged: what they have written there is gone.
        """
        if seq < self._own_from:
            raise LogDamaged(
                f"the log ends below position {self._own_from - 1}, up to which another "
                f"bot has written it: messages of that bot have been deleted",
                position=seq,
                channel=self.superblock.lane_of(seq),
            )

    # Reading

    def is_echo(self, message: Message) -> bool:
        """Return whether a message that has arrived is what this writer has just sent, and settle
        the append that waits for it.

        Nobody needs to read such a message: its header is known, and the committer applies it. Not
        so where nonces are not enforced: then it may be one of two.
        """
        if not self.enforced or message.author != self.server.author:
            return False
        return self.sending.is_echo(message)

    def entry(self, message: Message) -> Entry | None:
        """Read the frame in a message; None where it holds none, stands outside its lane, or is by
        somebody else.

        Raises:
            UpgradeNeeded: it is a frame of a later format, or the superblock of one.
            DatabaseEnded: it says that nobody writes to this database any more.
            SuccessionRefused: it is by a bot that was succeeded, and its text is not shown.
        """
        if message.channel == self.superblock.catalog:
            self._heed(last_word(self.server, [message]))
        if message.author != self.server.author and not self._is_of_predecessor(message):
            return None
        try:
            if message.channel == self.superblock.catalog:
                Superblock.from_content(message.content)
            if message.channel not in self.superblock.lanes:
                return None
            header = read_header(message.content, self.superblock.sealing)
        except LaterFormat as later:
            raise self._stopped_by(later, message) from None
        except Malformed as error:
            self.troubles.tell(
                Trouble(
                    "damage",
                    f"message {message.id} in channel {message.channel} is a damaged frame: "
                    f"{error}",
                    channel=message.channel,
                    message=message.id,
                )
            )
            return None
        if header is None or self.superblock.lane_of(header.seq) != message.channel:
            return None
        if not self.superblock.is_of(message.author, self.server.author, header.seq):
            return None
        return Entry(message, header)

    def _is_of_predecessor(self, message: Message) -> bool:
        """Return whether a message is in a lane, and by a bot that has been succeeded.

        Raises:
            SuccessionRefused: it is, and its text is not shown to this bot.
        """
        bots = {each.bot for each in self.superblock.predecessors}
        if message.author not in bots or message.channel not in self.superblock.lanes:
            return False
        if not message.content:
            raise hidden_text(message.author)
        return True

    def _heed(self, ended: DatabaseEnded | None) -> None:
        """Write nothing any more, if there is a reason why nobody does.

        Raises:
            DatabaseEnded: there is one.
        """
        if ended is None or (isinstance(ended, DatabaseTakenOver) and not self._heeds_claims):
            return
        self._end(ended)

    def _end(self, ended: DatabaseEnded) -> NoReturn:
        """Write nothing any more, for a reason; of several the first is told.

        Raises:
            DatabaseEnded: always.
        """
        if self.ended is None:
            self.ended = ended
            self.troubles.begin(Trouble("ended", str(ended), writes_blocked=True))
        raise copy.copy(self.ended)

    def _stopped_by(
        self, later: LaterFormat, message: Message, position: int | None = None
    ) -> UpgradeNeeded:
        """Return the error for what is of a later format, from which on nothing may be written."""
        error = upgrade_needed(later, message, position)
        if self.later is None:
            self.later = error
            self.troubles.begin(
                Trouble(
                    "version",
                    str(error),
                    writes_blocked=True,
                    position=position,
                    channel=message.channel,
                    message=message.id,
                )
            )
        return error

    async def read_catalog(self, listing: Listing | None = None) -> None:
        """Look at the superblocks that there are now, or were when the channels were listed. One
        API call; one more where it is not listed how far the catalog goes.

        Raises:
            UpgradeNeeded: one of them is of a later format.
            DatabaseEnded: nobody writes to this database any more.
            LogDamaged: that of this database is gone: nobody could open it any more.
        """
        catalog, end = self.superblock.catalog, None
        if listing is not None:
            end = listing.end_of(catalog, known=max(1, self._catalog_end))
        try:
            messages = await read_channel(self.server, catalog, end=end)
        except NotFound:
            if isinstance(ended := await self.gone(catalog), DatabaseEnded):
                raise ended from None
            raise
        await self.take_catalog(messages)

    async def take_catalog(self, messages: Sequence[Message]) -> None:
        """Look at the superblocks among the messages of the catalog, all of which have been read.

        Raises:
            UpgradeNeeded: one of them is of a later format.
            DatabaseEnded: nobody writes to this database any more.
            LogDamaged: that of this database is gone, or does not count: nobody could open it any
                more.
            Superseded: there is one of a later generation.
        """
        catalog = self.superblock.catalog
        for message in messages:
            self.entry(message)
        held = superblocks_in(self.server, messages)
        await self._require_newest(held or (), messages)
        if held is None:
            raise LogDamaged(
                "this database was given up: its superblock was deleted before anything had been "
                "committed, and another process took it for what a creation had left. Nothing can "
                "be saved in it; connect again, and save there",
                channel=catalog,
                step="",
            )
        own = [message for message in messages if message.author == self.server.author]
        found = [each for each in own if self.superblock.stands_in(each.content)]
        if not found:
            raise LogDamaged(
                "the superblock, which says where the database is, has been deleted or altered: "
                "who connects from now on cannot find it",
                channel=catalog,
            )
        self._superblock_message, self._catalog_end = found[0].id, messages[-1].id
        self.origin = origin_of(held)

    async def _require_newest(
        self, held: Sequence[tuple[int, Superblock]], messages: Sequence[Message]
    ) -> None:
        """See that none of the superblocks of the catalog is of a later generation. No API call; as
        for :func:`unlocked <discobase.engine.log.unlocking.unlocked>` where one is.

        Raises:
            Superseded: one is.
            DatabaseEnded: one is, and it is not by who has the key.
            Uncertain: the key could not be derived now.
        """
        newest = newest_of(held)
        if newest is None or newest.generation <= self.superblock.generation:
            return
        known = self.successor.superblock
        try:
            successor = await unlocked(
                self.server, newest, messages, self._key, place=self._place, made=known
            )
        except (KeyNeeded, WrongKey, NotEncrypted, LogDamaged) as error:
            self._end(_forged(newest, error))
        except ConnectError as error:
            raise Uncertain(str(error)) from error
        raise self.successor.found(successor)

    def _require_in_force(self) -> None:
        """See that this is not known to be over: what is read of it says nothing any more, and the
        replica may be with the next generation already.

        Raises:
            Superseded: it is over.
        """
        if (successor := self.successor.superblock) is not None:
            raise Superseded(successor)

    async def require_current(self) -> None:
        """See that the log has not gone on in another generation, nor ended. One API call.

        Raises:
            Superseded: it has gone on.
            DatabaseEnded: nobody writes to this database any more.
            Refused, Uncertain: the catalog could not be read.
        """
        catalog = self.superblock.catalog
        try:
            messages = await read_channel(self.server, catalog)
        except NotFound:
            if isinstance(ended := await self.gone(catalog), DatabaseEnded):
                raise ended from None
            return
        self._heed(last_word(self.server, messages))
        await self._require_newest(superblocks_in(self.server, messages) or (), messages)

    async def follow_on(self, successor: Superblock) -> Superblock:
        """Write the superblock of the next generation, unless there is one, and return the one that
        counts. Three API calls.

        Args:
            successor: the superblock.

        Raises:
            DatabaseEnded: nobody writes to this database any more.
            Refused, Uncertain: it could not be written, or the catalog not be read: it may count.
        """
        content, nonce = successor.to_content(), successor.nonce
        try:
            await self.require_current()
            await persist(self.server, self.server.send, successor.catalog, content, (), nonce)
        except NotFound as error:
            if error.code != UNKNOWN_MESSAGE:  # one was there, and is deleted: there is a later one
                raise
        except Superseded as superseded:
            return superseded.successor
        # Of several the first counts, and only what is read tells which that is.
        try:
            await self.require_current()
        except Superseded as superseded:
            return superseded.successor
        raise Uncertain("the superblock that was just written is not there yet")

    def is_catalog_known(self, listing: Listing) -> bool:
        """Return whether the catalog held nothing new when the channels were listed."""
        return listing.last.get(self.superblock.catalog, 0) <= self._catalog_end

    async def write_superblock(self) -> None:
        """Write the superblock again, which is gone. One API call.

        Raises:
            Refused, Uncertain: it could not be written.
        """
        nonce = f"{self.superblock.database}.again.{random_name(self.server)}"
        content = self.superblock.to_content()
        sent = await persist(
            self.server, self.server.send, self.superblock.catalog, content, (), nonce
        )
        self._superblock_message = sent.id

    def may_be_superblock(self, message: int) -> bool:
        """Return whether a message of the catalog may be the superblock, as far as is known."""
        return self._superblock_message in {None, message}

    async def at(self, seq: int, *, after: int) -> list[Entry]:
        """Read all messages that carry a position, in ascending order of id, looked for above
        message id `after`. One API call for each 100.
        """
        messages = await self._messages(self.superblock.lane_of(seq), after)
        entries = [entry for message in messages if (entry := self.entry(message))]
        return [entry for entry in entries if entry.header.seq == seq]

    async def tail(
        self,
        lane: int,
        after: int,
        listing: Listing | None = None,
        step: Step | None = None,
        *,
        known: int = 0,
    ) -> list[Entry]:
        """Read the frames of a lane above a message id, in ascending order of id: all of them, or
        those that were there when the channels were listed.

        One API call a page; one for the empty page where it is not listed how far the lane goes,
        and none where it is known that far.

        Args:
            lane: the lane's number.
            after: the message id.
            listing: how far the channels went.
            step: told how many messages have been read.
            known: a message id of the lane; nothing is read where the lane ended there.
        """
        channel = self.superblock.lanes[lane]
        end = None
        if listing is not None and self.tells_ends(listing):
            end = listing.end_of(channel, known=max(known, self.ends.known(channel)))
            if end == known:
                return []
        messages = await self._messages(channel, after, end=end, step=step)
        self._explain(channel, messages)
        return [entry for message in messages if (entry := self.entry(message))]

    async def newer(self, head: int, after: int) -> list[Entry]:
        """Read the next frames in the lane of position `head + 1`, above a message id of it: empty
        where nothing is newer. One API call, and one for each page that holds no frame.

        Positions have no gaps, so this one lane tells. What others have written into it tells
        nothing.
        """
        messages = await self._messages(
            self.superblock.lane_of(head + 1),
            after,
            until=lambda message: bool(self.entry(message)),
        )
        self._explain(self.superblock.lane_of(head + 1), messages)
        return [entry for message in messages if (entry := self.entry(message))]

    async def _messages(
        self,
        lane: int,
        after: int,
        *,
        end: int | None = None,
        until: Callable[[Message], bool] | None = None,
        step: Step | None = None,
    ) -> list[Message]:
        """Read a lane."""
        try:
            messages = await read_channel(
                self.server, lane, after=after, end=end, until=until, step=step
            )
        except NotFound as unknown:
            if unknown.code != UNKNOWN_CHANNEL:
                raise
            error = await self.gone(lane)
            if isinstance(error, LogDamaged):
                await self.require_current()
            raise error from unknown
        self._require_in_force()
        return messages

    def _explain(self, lane: int, messages: Sequence[Message]) -> None:
        """Note how far a lane is known, from where it was known before: all that was read there is
        handed on.
        """
        if messages:
            self.ends.explain(lane, messages[-1].id)

    async def list_channels(self) -> Listing:
        """Return how far each channel goes. One API call.

        Raises:
            LogDamaged: a lane has been deleted.
            DatabaseEnded: it has, with the database.
            Superseded: the log goes on in another generation.
            NotPermitted: a lane is not shown to the bot.
        """
        began = self.moment()
        listing = Listing.of(began, await persist(self.server, self.server.channels))
        unlisted = [lane for lane in self.superblock.lanes if lane not in listing.last]
        try:
            await require_present(self.server, self.superblock, unlisted)
        except DatabaseEnded as ended:
            self._heed(ended)
        except LogDamaged:
            await self.require_current()
            raise
        self._require_in_force()
        return listing

    async def gone(self, channel: int) -> LogDamaged | DatabaseEnded:
        """Return the error for a channel of the database that is gone. One API call, and some more
        where the catalog is.

        Raises:
            Uncertain: the server does not answer.
        """
        error = await gone(self.server, self.superblock, channel)
        if isinstance(error, DatabaseEnded):
            with contextlib.suppress(DatabaseEnded):
                self._heed(error)
        return error

    def tells_ends(self, listing: Listing) -> bool:
        """Return whether a list of channels tells how far they go: not every server does. Of the
        catalog it is known that it goes as far as the superblock.
        """
        known = self._superblock_message or 1
        return listing.end_of(self.superblock.catalog, known=known) is not None

    async def message(self, channel: int, message: int) -> Message | None:
        """Return a message as it is now; None where it is gone. One API call."""
        try:
            return await persist(self.server, self.server.message, channel, message)
        except NotFound:
            return None

    async def read(self, entry: Entry) -> Commit:
        """Read the whole commit of an entry, checked. No API call for inline frames, a download for
        each attachment of others.

        Raises:
            LogDamaged: what is there is not what was written.
            UpgradeNeeded: it was written by a later version.
        """
        try:
            if (payload := self.carried.get(entry.message.id)) is not None:
                return await self.server.work(lambda: carried(entry, payload))
            files = await self.files(entry)
            return await self.server.work(lambda: commit_of(entry, files, self.superblock.sealing))
        except LaterFormat as later:
            raise self._stopped_by(later, entry.message, entry.header.seq) from None
        except (Malformed, NotFound) as error:
            if isinstance(error, NotFound):
                await self.require_current()  # its channel may be gone
            raise LogDamaged(
                f"the frame of this position is damaged: {error}",
                position=entry.header.seq,
                channel=entry.message.channel,
                message=entry.message.id,
            ) from error

    async def payload(self, entry: Entry) -> bytes:
        """Return the payload of an entry of the lanes, checked. As :meth:`read`.

        Raises:
            Malformed: it is not what was written.
            NotFound: it is gone.
        """
        files = await self.files(entry)
        content = entry.message.content
        return await self.server.work(
            lambda: read_payload(entry.header, content, files, self.superblock.sealing)
        )

    async def files(self, entry: Entry) -> list[bytes]:
        """Fetch what hangs on the message of an entry: its URLs may have expired, and may do so
        again while this process stands still. No API call as a rule, a download for each.

        Raises:
            Malformed: they are larger than they can be.
            NotFound: they are gone.
        """
        if entry.header.encoding == "inline":
            return []
        sizes = (file.size for file in entry.message.attachments)
        check_files(entry.header, sizes, self.superblock.sealing)
        return await download(self.server, entry.message)


def _forged(newest: Superblock, error: DiscobaseError) -> DatabaseEnded:
    """Return why nothing is written any more where a later generation was not begun by who has the
    key.
    """
    return DatabaseEnded(
        f"a generation {newest.generation} of this database was begun (channel {newest.catalog}), "
        f"and not with the key of this connection: it is not gone on with, and nothing is written "
        f"any more. A new connection says the same: {error}"
    )


def _holder(found: Sequence[Entry], chain: str) -> Entry | None:
    """Return what holds a position, of all messages that carry it: the one that counts, unless an
    older one had used it up before. Whether others have gone on above that is for the follower to
    find out.
    """
    first = min(found, key=lambda entry: entry.message.id, default=None)
    if first is None or first.header.chain != chain:
        return first
    return decide(found, chain)
