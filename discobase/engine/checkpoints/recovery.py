"""Which checkpoint a replica begins at, so that of the log only the tail is read.

The newest that holds: one that is damaged, of a later format, or at odds with the log is passed
over, and the one before it counts; where none holds, the whole log does. One whose bytes could not
be had is looked at again a minute later. A checkpoint only keeps what the log has decided
(invariant I6): where the frames that can be seen do not go on from it, it is the checkpoint that is
wrong.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterator

from discobase.engine.checkpoints.manifest import Manifest
from discobase.engine.checkpoints.packing import unpack
from discobase.engine.checkpoints.store import CheckpointDamaged, CheckpointStore, Stored
from discobase.engine.log.authors import hidden_text
from discobase.engine.log.commit_log import CommitLog
from discobase.engine.log.listing import Listing
from discobase.engine.replica import Position, Positions
from discobase.engine.server.seam import NotPermitted, Refused, Uncertain
from discobase.engine.trouble import Trouble

_AGAIN_SECONDS = 60.0
"""After which a checkpoint counts again whose bytes were not to be had for a while: as long as
between two looks at what is damaged (``doubt.py``), so that a log that goes on from it alone is
read with the next of them. Not at once, for whoever reads the log would try it without an end."""


class CheckpointUnreadable(Exception):
    """The bytes of a checkpoint are not to be had now, and may be later."""


class Recovery:
    """The checkpoints that this process may begin at.

    Args:
        log: the log.
        store: the checkpoints that are there.

    Attributes:
        used: the checkpoint that the replica began at; None where that was the first frame.
    """

    def __init__(self, log: CommitLog, store: CheckpointStore) -> None:
        self._log = log
        self._store = store
        self._passed_over: dict[int, float] = {}
        self._told: set[int] = set()
        self.used: Stored | None = None

    async def candidates(self, listing: Listing | None) -> list[Stored]:
        """Return the checkpoints that may be begun at, the newest first. One API call for 100
        messages of their channel; none where it was never written to.

        Args:
            listing: how far the channels went, where they have just been listed.

        Raises:
            Uncertain, NotPermitted: the channel could not be read.
            SuccessionRefused: there is none but by a bot that was succeeded, and its text is not
                shown to this one.
        """
        channel, end = self._log.superblock.checkpoints, None
        if listing is not None and self._log.catalog.tells_ends(listing):
            end = listing.end_of(channel, known=0)
        if end == 0:
            return []
        try:
            found = await self._store.list(end)
        except NotPermitted:
            raise
        except Refused as error:
            self._tell(channel, f"the checkpoints cannot be read ({error}): the whole log is")
            return []
        if found.hidden is not None and not found.stored:
            raise hidden_text(found.hidden)
        for message, why in found.ignored:
            self.pass_over(message.id, why)
        now = self._log.server.monotonic()
        return [each for each in found.stored if self._passed_over.get(each.message.id, 0.0) <= now]

    def pass_over(self, message: int, why: str, *, for_a_while: bool = False) -> None:
        """Do not begin at a checkpoint, now and later, or now alone, and say so once."""
        now = self._log.server.monotonic()
        self._passed_over[message] = now + _AGAIN_SECONDS if for_a_while else math.inf
        if message not in self._told:
            self._told.add(message)
            self._tell(
                self._log.superblock.checkpoints,
                f"the checkpoint of message {message} is passed over: {why}. What came before it "
                f"is read in its place",
                message,
            )

    def _tell(self, channel: int, text: str, message: int | None = None) -> None:
        self._log.troubles.tell(Trouble("checkpoint", text, channel=channel, message=message))

    async def covering(
        self, position: int, chain_at: Callable[[int], Awaitable[str | None]]
    ) -> Stored | None:
        """Return the newest checkpoint that has what the log said at a position, as this process
        knows the log: one whose bytes hold what it names, and from which the same chain goes on.
        None where there is none. One API call for 100 messages of their channel, and a download of
        each that may be it.

        Args:
            position: the position.
            chain_at: tells which hash the frame above a position continues; None where that is not
                known.

        Raises:
            Uncertain, NotPermitted: the channel could not be read.
        """
        for stored in await self.candidates(None):
            manifest = stored.manifest
            if manifest.seq < position:
                break
            if await chain_at(manifest.seq) == manifest.chain and await self._is_whole(stored):
                return stored
        return None

    async def _is_whole(self, stored: Stored) -> bool:
        """Return whether a checkpoint can be begun at, and pass it over where it cannot."""
        try:
            await self._store.verified(stored)
        except CheckpointDamaged as error:
            self.pass_over(stored.message.id, str(error))
        except Uncertain as error:
            self.pass_over(stored.message.id, _unread(error), for_a_while=True)
        else:
            return True
        return False

    async def read(self, stored: Stored) -> bytes:
        """Return the packed bytes of a checkpoint, checked (:meth:`CheckpointStore.read
        <discobase.engine.checkpoints.store.CheckpointStore.read>`).

        Raises:
            CheckpointDamaged: they are not what was written, or are gone.
            CheckpointUnreadable: they are not to be had now.
        """
        try:
            return await self._store.read(stored)
        except Uncertain as error:
            raise CheckpointUnreadable(_unread(error)) from error


def _unread(error: Uncertain) -> str:
    return f"its bytes could not be read: {error}"


def read_from(manifest: Manifest) -> list[int]:
    """Return the message id in each lane from above which it has to be read after a checkpoint."""
    lanes = len(manifest.lanes)
    recent = tuple(
        Position(manifest.lanes[seq % lanes], "", applied=True)
        for seq in range(max(1, manifest.seq + 1 - lanes), manifest.seq + 1)
    )
    return Positions(manifest.head, recent, lanes).read_from()


def lines_of(packed: bytes, manifest: Manifest, each: Callable[[int], object]) -> Iterator[bytes]:
    """Yield the lines of a checkpoint, a number of bytes at a time.

    Args:
        packed: its bytes.
        manifest: what is said of them.
        each: told of how many bytes have been unpacked.

    Raises:
        NotTheState: they are not what is said.
    """
    for chunk in unpack(packed, manifest):
        each(len(chunk))
        yield chunk
