"""What the catalog of a connected database says: whether its log goes on here, or in another
generation, or has ended.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace

from discobase.engine.log.catalogs import newest_of, origin_of, superblocks_in
from discobase.engine.log.history import read_channel
from discobase.engine.log.last_words import last_word
from discobase.engine.log.listing import Listing, Moment
from discobase.engine.log.presence import gone
from discobase.engine.log.sealing import Locked
from discobase.engine.log.stop import Stop
from discobase.engine.log.superblock import Superblock, random_name
from discobase.engine.log.superseded import NextGeneration, Superseded
from discobase.engine.log.unlocking import unlocked
from discobase.engine.operations import LaterFormat
from discobase.engine.server.retry import persist
from discobase.engine.server.seam import UNKNOWN_MESSAGE, Message, NotFound, Server, Uncertain
from discobase.errors import (
    ConnectError,
    DatabaseEnded,
    DatabaseTakenOver,
    DiscobaseError,
    KeyChanged,
    KeyNeeded,
    LogDamaged,
    NotEncrypted,
    WrongKey,
)
from discobase.key import NO_KEY, Key, NoKey


class GivenUp(LogDamaged):
    """The superblock was deleted, and before there was another one somebody has said that none
    counts any more: writing it again is of no use.
    """


class Catalog:
    """The catalog, as it concerns one generation of the log.

    Args:
        server: the seam to Discord.
        superblock: that of the generation.
        stop: told where nothing may be written any more.
        key: the key that the database is encrypted by; None for none. By it the superblocks of
            later generations are believed, or not.
        place: which server it is, for errors.
        heeds_claims: whether this bot is not to write any more where another one claims to succeed
            it. Not so for that other one, which reads as this bot does.

    Attributes:
        successor: the next generation, when it is known.
        origin: the message id of the first superblock that the database ever had.
    """

    def __init__(
        self,
        server: Server,
        superblock: Superblock,
        stop: Stop,
        *,
        key: Key | None,
        place: str,
        heeds_claims: bool,
    ) -> None:
        self._server = server
        self._superblock = superblock
        self._stop = stop
        self._key, self._place = key, place
        self._heeds_claims = heeds_claims
        self.successor = NextGeneration()
        self.origin = superblock.origin
        self._next_keys: list[Key | None] = []
        self._made: tuple[Superblock, Key | None] | None = None
        self._superblock_message: int | None = None
        self._end = self._heard = 0

    def hear(self, message: Message) -> None:
        """Heed what a message of the catalog says.

        Raises:
            UpgradeNeeded: it is a superblock of a later format.
            DatabaseEnded: it says that nobody writes to this database any more.
        """
        self._heard = max(self._heard, message.id)
        self.heed(last_word(self._server, [message]))
        if message.author != self._server.author:
            return
        try:
            Superblock.from_content(message.content)
        except LaterFormat as later:
            raise self._stop.by_later(later, message) from None

    def heed(self, ended: DatabaseEnded | None) -> None:
        """Write nothing any more, if there is a reason why nobody does.

        Raises:
            DatabaseEnded: there is one.
        """
        if ended is None or (isinstance(ended, DatabaseTakenOver) and not self._heeds_claims):
            return
        self._stop.end(ended)

    async def read(self, listing: Listing | None = None) -> None:
        """Look at the superblocks that there are now, or were when the channels were listed. One
        API call; one more where it is not listed how far the catalog goes.

        Raises:
            UpgradeNeeded: one of them is of a later format.
            DatabaseEnded: nobody writes to this database any more.
            LogDamaged: that of this database is gone: nobody could open it any more.
        """
        catalog = self._superblock.catalog
        end = self._heard if self._heard > self._end else None
        if listing is not None:
            end = listing.end_of(catalog, known=max(1, self._end))
        try:
            messages = await read_channel(self._server, catalog, end=end)
        except NotFound:
            if isinstance(ended := await self.gone(catalog), DatabaseEnded):
                raise ended from None
            raise
        await self.take(messages)

    async def take(self, messages: Sequence[Message]) -> None:
        """Look at the superblocks among the messages of the catalog, all of which have been read.

        Raises:
            UpgradeNeeded: one of them is of a later format.
            DatabaseEnded: nobody writes to this database any more.
            GivenUp: none counts any more.
            LogDamaged: that of this database is gone: nobody could open it any more.
            Superseded: there is one of a later generation.
        """
        catalog = self._superblock.catalog
        for message in messages:
            self.hear(message)
        held = superblocks_in(self._server, messages)
        await self._require_newest(held or (), messages)
        if held is None:
            raise GivenUp(
                "this database was given up: its superblock was deleted before anything had been "
                "committed, and another process took it for what a creation had left. Nothing can "
                "be saved in it; connect again, and save there",
                channel=catalog,
                step="",
            )
        own = [message for message in messages if message.author == self._server.author]
        found = [each for each in own if self._superblock.stands_in(each.content)]
        if not found:
            raise LogDamaged(
                "the superblock, which says where the database is, has been deleted or altered: "
                "who connects from now on cannot find it",
                channel=catalog,
            )
        self._superblock_message, self._end = found[0].id, messages[-1].id
        self.origin = origin_of(held)

    async def _require_newest(
        self, held: Sequence[tuple[int, Superblock]], messages: Sequence[Message]
    ) -> None:
        """See that none of the superblocks of the catalog is of a later generation. No API call; as
        for :func:`unlocked <discobase.engine.log.unlocking.unlocked>` where one is.

        Raises:
            Superseded: one is. Where the key was changed by somebody who had it, and this process
                does not have the new one, that is found out by whoever goes on.
            DatabaseEnded: one is, and it is not by who has the key.
            Uncertain: the key could not be derived now.
        """
        newest = newest_of(held)
        if newest is None or newest.generation <= self._superblock.generation:
            return
        try:
            successor, key = await self._opened(newest, messages)
        except ConnectError as error:
            raise Uncertain(str(error)) from error
        raise self.successor.found(successor, key)

    async def _opened(
        self, newest: Superblock, messages: Sequence[Message]
    ) -> tuple[Superblock, Key | None]:
        """Return a later superblock with what seals its generation, and the key."""
        key, known = self._key_for(newest)
        try:
            return await self._unlocked(newest, messages, key, known), key
        except KeyChanged:
            return await self._rekeyed(newest, messages)
        except (KeyNeeded, WrongKey, NotEncrypted, LogDamaged) as error:
            self._stop.end(_forged(newest, error))

    def _key_for(self, newest: Superblock) -> tuple[Key | None, Superblock | None]:
        """Return by which key a later superblock is tried first, and one whose keys are known."""
        if self._made is not None and newest == self._made[0]:
            return self._made[1], self._made[0]
        if (known := self.successor.superblock) is not None:
            return self.successor.key, known
        return self._key, None

    async def _unlocked(
        self,
        newest: Superblock,
        messages: Sequence[Message],
        key: Key | None,
        known: Superblock | None = None,
    ) -> Superblock:
        return await unlocked(
            self._server,
            newest,
            messages,
            key,
            place=self._place,
            made=known,
            held=self._superblock,
        )

    async def _rekeyed(
        self, newest: Superblock, messages: Sequence[Message]
    ) -> tuple[Superblock, Key | None]:
        """Return a superblock whose key was changed by somebody who had it, with what seals it if
        this process has asked for that key, too, and else locked; and the key.
        """
        for key in self._next_keys:
            with contextlib.suppress(KeyNeeded, WrongKey, NotEncrypted, KeyChanged, LogDamaged):
                return await self._unlocked(newest, messages, key), key
        return replace(newest, sealing=Locked()), self._key

    def expect(self, key: Key | None) -> None:
        """Take a key for one that a later generation may have: this process is about to change to
        it.
        """
        self._next_keys.append(key)

    def require_in_force(self) -> None:
        """See that this is not known to be over: what is read of it says nothing any more, and the
        replica may be with the next generation already.

        Raises:
            Superseded: it is over.
        """
        if (successor := self.successor.superblock) is not None:
            raise Superseded(successor)

    async def require_unchanged(self) -> None:
        """See that the log has not gone on in another generation, nor ended, as far as the list of
        channels tells: it may lag a little. One API call, and one where anything in the catalog is
        new. Of the catalog Discord gives five pages in five seconds (observed), which all processes
        of a bot share, so a change of generation is to take few of them.

        Raises:
            Superseded, DatabaseEnded: as for :meth:`require_current`.
            Refused, Uncertain: the channels could not be listed, or the catalog not be read.
        """
        began = Moment.of(self._server)
        listing = Listing.of(began, await persist(self._server, self._server.channels))
        if not self._end or not self.is_known(listing):
            end = listing.end_of(self._superblock.catalog, known=max(1, self._end))
            await self.require_current(end)
            self._end = end or self._end

    async def require_current(self, end: int | None = None) -> None:
        """See that the log has not gone on in another generation, nor ended. Two API calls, one
        where it is known how far the catalog goes.

        Args:
            end: how far, as far as it has to be read.

        Raises:
            Superseded: it has gone on.
            DatabaseEnded: nobody writes to this database any more.
            Refused, Uncertain: the catalog could not be read.
        """
        catalog = self._superblock.catalog
        try:
            messages = await read_channel(
                self._server,
                catalog,
                end=end,
                until=None if end is None else lambda message: message.id >= end,
            )
        except NotFound:
            if isinstance(ended := await self.gone(catalog), DatabaseEnded):
                raise ended from None
            return
        self.heed(last_word(self._server, messages))
        await self._require_newest(superblocks_in(self._server, messages) or (), messages)

    async def follow_on(
        self, successor: Superblock, key: Key | NoKey | None = NO_KEY
    ) -> Superblock:
        """Write the superblock of the next generation, unless there is one, and return the one that
        counts. Three API calls.

        Args:
            successor: the superblock.
            key: that of the next generation, where it is another one.

        Raises:
            DatabaseEnded: nobody writes to this database any more.
            Refused, Uncertain: it could not be written, or the catalog not be read: it may count.
        """
        content, nonce = successor.to_content(), successor.nonce
        self._made, end = (successor, self._key if isinstance(key, NoKey) else key), None
        try:
            await self.require_unchanged()
            # In this catalog, wherever the next generation has its own.
            catalog = self._superblock.catalog
            sent = await persist(self._server, self._server.send, catalog, content, (), nonce)
            end = sent.id
        except NotFound as error:
            if error.code != UNKNOWN_MESSAGE:  # one was there, and is deleted: there is a later one
                raise
        except Superseded as superseded:
            return superseded.successor
        # Of several the first counts, and only what is read tells which that is.
        try:
            await self.require_current(end)
        except Superseded as superseded:
            return superseded.successor
        raise Uncertain("the superblock that was just written is not there yet")

    def has_made(self, block: Superblock) -> bool:
        """Return whether a superblock is the one that :meth:`follow_on` has written."""
        return self._made is not None and self._made[0] == block

    def is_being_written(self, message: Message) -> bool:
        """Return whether a message is the superblock that :meth:`follow_on` writes, and reads."""
        return self._made is not None and self._made[0].to_content() == message.content

    def is_known(self, listing: Listing) -> bool:
        """Return whether the catalog held nothing new when the channels were listed."""
        return listing.last.get(self._superblock.catalog, 0) <= self._end

    def tells_ends(self, listing: Listing) -> bool:
        """Return whether a list of channels tells how far they go: not every server does. Of the
        catalog it is known that it goes as far as the superblock.
        """
        known = self._superblock_message or 1
        return listing.end_of(self._superblock.catalog, known=known) is not None

    async def write_superblock(self) -> None:
        """Write the superblock again, which is gone. One API call.

        Raises:
            Refused, Uncertain: it could not be written.
        """
        nonce = f"{self._superblock.database}.again.{random_name(self._server)}"
        content = self._superblock.to_content()
        sent = await persist(
            self._server, self._server.send, self._superblock.catalog, content, (), nonce
        )
        self._superblock_message = sent.id

    def may_be_superblock(self, message: int) -> bool:
        """Return whether a message of the catalog may be the superblock, as far as is known."""
        return self._superblock_message in {None, message}

    async def gone(self, channel: int) -> LogDamaged | DatabaseEnded:
        """Return the error for a channel of the database that is gone. One API call, and some more
        where the catalog is.

        Raises:
            Uncertain: the server does not answer.
        """
        error = await gone(self._server, self._superblock, channel)
        if isinstance(error, DatabaseEnded):
            with contextlib.suppress(DatabaseEnded):
                self.heed(error)
        return error


def _forged(newest: Superblock, error: DiscobaseError) -> DatabaseEnded:
    """Return why nothing is written any more where a later generation was not begun by who has the
    key.
    """
    return DatabaseEnded(
        f"a generation {newest.generation} of this database was begun (channel {newest.catalog}), "
        f"and not with the key of this connection: it is not gone on with, and nothing is written "
        f"any more. A new connection says the same: {error}"
    )
