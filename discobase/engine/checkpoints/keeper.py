"""Writes a checkpoint when one is due, or is asked for, beside all else.

Due is one when the tail has come to cost more than a new checkpoint would
(:mod:`discobase.engine.checkpoints.costs`). It is written by whoever writes commits, or has come
with a long tail to read. Of several at once most find, when their random pause is over, that
another one has done it. No commit waits for it: the state is read from a transaction of its own, on
a thread of its own.

A checkpoint keeps what the log has decided, and decides nothing itself. So it is published only
from a *certain* head: after a look, and when the frame of that position was read from the log, or
one above it that continues it (invariant I6).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass

from discobase.engine.checkpoints.costs import PAGE, State, Tail, is_due
from discobase.engine.checkpoints.manifest import Manifest
from discobase.engine.checkpoints.store import (
    CheckpointDamaged,
    CheckpointListing,
    CheckpointStore,
    Stored,
    TooLarge,
)
from discobase.engine.checkpoints.taking import take
from discobase.engine.follower import Follower
from discobase.engine.log.superblock import Superblock
from discobase.engine.replica import Replica
from discobase.engine.server.seam import (
    UNKNOWN_CHANNEL,
    NotFound,
    NotPermitted,
    Refused,
    Server,
    ServerError,
    Uncertain,
)
from discobase.engine.trouble import Trouble, Troubles
from discobase.errors import DiscobaseError, Unavailable

_log = logging.getLogger(__name__)

_SOON, _LATER = 2.0, 60.0
"""Seconds within which a process that writes makes a checkpoint which is due, and after which one
that does not write does so in its place: guesses. A look costs a call, a checkpoint for nothing
costs an upload."""

_TRIES = 3
"""Heads that are tried, where others are at work in between: a guess."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint: the whole state at a position, kept in Discord, so that an opening reads it and
    the commits after it, and nothing older.

    Attributes:
        position: the position.
        records: how many records it holds.
        size: the bytes that it takes in Discord.
        message: the id of its message.
    """

    position: int
    records: int
    size: int
    message: int


class CheckpointKeeper:
    """Keeps the tail short.

    Args:
        server: the seam.
        superblock: what and where the database is.
        replica: the state.
        follower: knows whether it is what the log says.
        store: the checkpoints that are there.
        troubles: told of what cannot be written.
        writer: this writer's id.
        wrote: tells the position of the last commit that this writer has made, 0 before the first.

    Attributes:
        newest: the newest checkpoint that is known.
    """

    def __init__(
        self,
        server: Server,
        superblock: Superblock,
        replica: Replica,
        follower: Follower,
        store: CheckpointStore,
        *,
        troubles: Troubles,
        writer: str,
        wrote: Callable[[], int],
    ) -> None:
        self._server = server
        self._lanes = len(superblock.lanes)
        self._superblock = superblock
        self._replica = replica
        self._follower = follower
        self._store = store
        self._troubles = troubles
        self._writer = writer
        self._wrote = wrote
        self._one = asyncio.Lock()
        self._hurry = asyncio.Event()
        self._read = 0
        self._considered = 0
        self._volume_before = 0
        self.newest: Stored | None = None

    @property
    def tail(self) -> Tail:
        """The commits after the newest checkpoint that is known."""
        since = self.newest.manifest.seq if self.newest else 0
        commits = max(0, self._replica.head.seq - since)
        return Tail(commits, max(0, self._replica.volume - self._volume_before))

    def begin(self, newest: Stored | None, *, since: int) -> None:
        """Take note of how the replica has come to the head.

        Args:
            newest: the checkpoint that it has begun at; None where that was none.
            since: the head that it has begun with.
        """
        self.newest = newest
        self._volume_before = self._replica.volume_before
        head = self._replica.head.seq
        self._read = head - since
        # Which checkpoints there are need not be known where a replica was kept and little was to
        # be read. Of many such processes, which may be all that there are, now and then one looks.
        if newest is None and since and self._server.random() * PAGE >= 1:
            self._considered = head + PAGE

    async def keep(self) -> None:
        """Write checkpoints when they are due, until cancelled; or, after :meth:`hurry`, the one
        that is due now, if any.
        """
        while True:
            if not await self._comes(max(self._first_due(), self._considered)):
                return
            try:
                if await self._is_due():
                    await self._write_in_turn()
            except (DiscobaseError, ServerError, TooLarge) as error:
                self._tell(_why(error))
            except Exception as error:  # noqa: BLE001 - the database goes on without
                fault = Trouble("fault", f"no checkpoint could be written: {error!r}")
                self._troubles.tell(fault, error=error)
            self._considered = self._replica.head.seq + PAGE

    def _tell(self, why: str) -> None:
        text = f"a checkpoint is due and cannot be written ({why}); it will be tried again"
        self._troubles.begin(Trouble("checkpoint", text))

    def hurry(self) -> None:
        """Wait for nothing any more: the connection is about to be closed."""
        self._hurry.set()

    async def write(self) -> Checkpoint:
        """Write a checkpoint of the state at the head, unless that is there already.

        Raises:
            Unavailable: Discord refused it or did not answer, the head is not certain now, or the
                records are held in memory, where nobody can read them beside a commit.
            MissingPermission: the bot may not write, or read, in its channel.
            LogDamaged, UpgradeNeeded: the log is not as it should be.
        """
        if self._replica.in_memory:
            raise Unavailable("no checkpoint could be written: no disk has room for the records")
        try:
            async with self._one:
                listing = await self._list()
                covering = await self._covering(listing, self._replica.head.seq)
                stored = covering or await self._write(listing)
        except NotPermitted as error:
            raise error.reason from error
        except (Refused, Uncertain, TooLarge) as error:
            raise Unavailable(f"no checkpoint could be written: {_why(error)}") from error
        manifest = stored.manifest
        return Checkpoint(manifest.seq, manifest.records, manifest.packed, stored.message.id)

    async def cover(self, position: int) -> None:
        """See to it that there is a checkpoint of this history at a position, or above it.

        Raises:
            Unavailable, MissingPermission, LogDamaged, UpgradeNeeded: as :meth:`write`.
            TooLarge, Refused, Uncertain: it could not be written.
        """
        async with self._one:
            listing = await self._list()
            if await self._covering(listing, position) is None:
                await self._write(listing)

    async def is_covered(self, position: int) -> bool:
        """Return whether there is such a checkpoint. One API call for 100 messages of the channel,
        and a download of each that may be it.

        Raises:
            Refused, Uncertain: the channel could not be read.
        """
        async with self._one:
            return await self._covering(await self._list(), position) is not None

    async def _covering(self, listing: CheckpointListing, position: int) -> Stored | None:
        for stored in listing.stored:
            if (
                stored.manifest.seq >= position
                and await self._is_of_this_history(stored)
                and await self._is_whole(stored)
            ):
                return stored
        return None

    async def _is_whole(self, stored: Stored) -> bool:
        try:
            await self._store.verified(stored)
        except CheckpointDamaged:
            return False
        return True

    async def _is_of_this_history(self, stored: Stored) -> bool:
        head = stored.manifest.head
        if head == self._replica.head:
            return True
        chain = await self._server.work(lambda: self._replica.hash_at(head.seq))
        return chain == head.chain

    # When

    def _first_due(self) -> int:
        """Return the position before which no checkpoint can be due."""
        return (self.newest.manifest.seq if self.newest else 0) + self._lanes * PAGE

    async def _comes(self, position: int) -> bool:
        """Wait until a position is applied; return whether it was before the time to hurry."""
        while self._replica.head.seq < position:
            if self._hurry.is_set():
                return False
            coming = asyncio.ensure_future(self._follower.awaited.comes(position, within=None))
            hurrying = asyncio.ensure_future(self._hurry.wait())
            try:
                await asyncio.wait({coming, hurrying}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                coming.cancel()
                hurrying.cancel()
                await asyncio.gather(coming, hurrying, return_exceptions=True)
        return True

    async def _is_due(self) -> bool:
        if self._replica.in_memory:
            return False
        records = await self._server.aside(self._replica.count_all)
        tail = self.tail
        packed = self.newest.manifest.packed if self.newest else tail.packed
        return is_due(tail, State(records, packed), self._lanes)

    async def _write_in_turn(self) -> None:
        """Write one, unless another process has done so meanwhile."""
        due = self._first_due()
        at_work = self._wrote() >= due or self._read >= self._lanes * PAGE
        pause = self._server.random() * _SOON if at_work else _LATER * (1 + self._server.random())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._hurry.wait()
        async with self._one:
            listing = await self._list()
            if await self._is_due():
                await self._write(listing)

    # How

    async def _list(self) -> CheckpointListing:
        """Look at what is there."""
        listing = await self._store.list()
        newest = listing.stored[0] if listing.stored else None
        if newest is None or self.newest is None or newest.message.id != self.newest.message.id:
            self.newest, self._volume_before = newest, self._replica.volume
        return listing

    async def _write(self, listing: CheckpointListing) -> Stored:
        for _ in range(_TRIES):
            volume = self._replica.volume
            manifest, closed = await self._server.aside(self._take)
            if await self._follower.is_certain(manifest.head):
                written = self.newest = await self._store.write(manifest, closed)
                self._volume_before = volume
                self._troubles.end("checkpoint", "a checkpoint was written")
                _log.info(
                    "a checkpoint of %d records at position %d was written: %d bytes",
                    manifest.records,
                    manifest.seq,
                    manifest.packed,
                )
                await self._store.tidy(listing, written)
                return written
        raise Unavailable("what was last committed is not certain yet: others write there")

    def _take(self) -> tuple[Manifest, bytes]:
        """Read the state as it is now, and seal it. Takes seconds for a million records."""
        return take(
            self._replica,
            self._superblock,
            before=self.newest.message.id if self.newest else 0,
            writer=self._writer,
            time=self._server.now(),
        )


def _why(error: Exception) -> str:
    """Return in words why no checkpoint could be written."""
    if isinstance(error, NotFound) and error.code == UNKNOWN_CHANNEL:
        return (
            "their channel has been deleted, and is not made again; all else goes on without them"
        )
    return str(error)
