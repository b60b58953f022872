"""The commit log as everybody may read it: frames in lanes, each of them checked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from discobase.engine.log.authors import hidden_text
from discobase.engine.log.catalog import Catalog
from discobase.engine.log.downloads import download
from discobase.engine.log.entry import Commit, Entry, carried, commit_of
from discobase.engine.log.frame import Malformed, check_files, read_header, read_payload
from discobase.engine.log.history import read_channel
from discobase.engine.log.lane_ends import LaneEnds
from discobase.engine.log.last_look import LastLook
from discobase.engine.log.listing import Listing
from discobase.engine.log.presence import require_present
from discobase.engine.log.stop import Stop
from discobase.engine.log.superblock import Superblock
from discobase.engine.operations import LaterFormat
from discobase.engine.server.retry import persist
from discobase.engine.server.seam import UNKNOWN_CHANNEL, Message, NotFound, Server
from discobase.engine.trouble import Trouble, Troubles
from discobase.errors import DatabaseEnded, LogDamaged
from discobase.key import Key
from discobase.progress import Gauge, Step


class ReadLog:
    """The log of one generation of a database, to be read.

    Args:
        server: the seam to Discord.
        superblock: where the lanes are.
        troubles: what is told of what goes wrong.
        gauge: told how far long readings have come.
        key, place, heeds_claims: those of the :class:`Catalog
            <discobase.engine.log.catalog.Catalog>`.

    Attributes:
        gauge: the same.
        stop: why nothing may be written any more, if anything says so.
        catalog: what the catalog says.
        last_look: when the log was last known to hold nothing but what has been applied.
        ends: how far each lane is known.
        carried: the payloads of commits below the lanes, by message: those of a bundle.
    """

    def __init__(
        self,
        server: Server,
        superblock: Superblock,
        troubles: Troubles,
        *,
        gauge: Gauge | None = None,
        key: Key | None = None,
        place: str = "this server",
        heeds_claims: bool = True,
    ) -> None:
        self.gauge = gauge or Gauge()
        self.server = server
        self.superblock = superblock
        self.troubles = troubles
        self.stop = Stop(troubles)
        self.catalog = Catalog(
            server, superblock, self.stop, key=key, place=place, heeds_claims=heeds_claims
        )
        self.last_look = LastLook(server)
        self.ends = LaneEnds(superblock.lanes)
        self.carried: dict[int, bytes] = {}

    def entry(self, message: Message) -> Entry | None:
        """Read the frame in a message; None where it holds none, stands outside its lane, or is by
        somebody else.

        Raises:
            UpgradeNeeded: it is a frame of a later format, or the superblock of one.
            DatabaseEnded: it says that nobody writes to this database any more.
            SuccessionRefused: it is by a bot that was succeeded, and its text is not shown.
        """
        if message.channel == self.superblock.catalog:
            self.catalog.hear(message)
            return None
        if message.author != self.server.author and not self._is_of_predecessor(message):
            return None
        try:
            if message.channel not in self.superblock.lanes:
                return None
            header = read_header(message.content, self.superblock.sealing)
        except LaterFormat as later:
            raise self.stop.by_later(later, message) from None
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
        if listing is not None and self.catalog.tells_ends(listing):
            end = listing.end_of(channel, known=max(known, self.ends.known(channel)))
            if end == known:
                return []
        messages = await self._messages(channel, after, end=end, step=step)
        self._explain(channel, messages)
        return [entry for message in messages if (entry := self.entry(message))]

    async def stretch(self, lane: int, after: int, last: int) -> list[Entry]:
        """Read the frames of a lane above message id `after`, in ascending order of id, to the page
        that shows message id `last`, or one above it. One API call a page.
        """
        messages = await self._messages(lane, after, until=lambda message: message.id >= last)
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
            error = await self.catalog.gone(lane)
            if isinstance(error, LogDamaged):
                await self.catalog.require_current()
            raise error from unknown
        self.catalog.require_in_force()
        return messages

    def _explain(self, lane: int, messages: Sequence[Message]) -> None:
        """Note how far a lane is known, from where it was known before: all that was read there is
        handed on.
        """
        if messages:
            self.ends.explain(lane, messages[-1].id)

    async def list_channels(self, *, without: Collection[int] = ()) -> Listing:
        """Return how far each channel goes. One API call.

        Args:
            without: lanes that need not be there.

        Raises:
            ChannelDeleted: a lane has been deleted.
            DatabaseEnded: it has, with the database.
            Superseded: the log goes on in another generation.
            NotPermitted: a lane is not shown to the bot.
        """
        began = self.last_look.moment()
        listing = Listing.of(began, await persist(self.server, self.server.channels))
        needed = [lane for lane in self.superblock.lanes if lane not in without]
        unlisted = [lane for lane in needed if lane not in listing.last]
        try:
            await require_present(self.server, self.superblock, unlisted)
        except DatabaseEnded as ended:
            self.catalog.heed(ended)
        except LogDamaged:
            await self.catalog.require_current()
            raise
        self.catalog.require_in_force()
        return listing

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
            raise self.stop.by_later(later, entry.message, entry.header.seq) from None
        except (Malformed, NotFound) as error:
            if isinstance(error, NotFound):
                await self.catalog.require_current()  # its channel may be gone
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
