"""The commits between a checkpoint and a seal, collected for the generation that begins there."""

from __future__ import annotations

import asyncio

from discobase.engine.checkpoints.bundle import Carried
from discobase.engine.log.commit_log import CommitLog
from discobase.engine.log.entry import Entry
from discobase.engine.log.frame import Malformed
from discobase.engine.replica import Position, Replica
from discobase.engine.server.seam import NotFound
from discobase.errors import Unavailable


class Tail:
    """The frames that a replica has taken above a position, each as it stands in the log.

    Args:
        log: the log.
        replica: says which message was taken at each position.
        after: the position.
    """

    def __init__(self, log: CommitLog, replica: Replica, after: int) -> None:
        self._log = log
        self._replica = replica
        self._after = after
        self._taken: dict[int, Carried] = {}

    def frames(self) -> list[Carried]:
        """Return what was collected, in order."""
        return [self._taken[seq] for seq in sorted(self._taken)]

    @property
    def size(self) -> int:
        """The bytes of it."""
        return sum(len(frame.payload or b"") for frame in self._taken.values())

    async def collect(self) -> None:
        """Collect what was applied since. No API call where that is nothing; else one, and one for
        100 commits of each lane.

        Raises:
            Unavailable: a commit is gone.
            LogDamaged: the log is not as it should be.
            Refused, Uncertain: it could not be read.
        """
        head, positions = self._replica.head.seq, self._replica.positions
        missing = [seq for seq in range(self._after + 1, head + 1) if seq not in self._taken]
        if not missing:
            return
        lanes = len(self._log.superblock.lanes)
        first = {seq % lanes: seq for seq in reversed(missing)}
        listing = await self._log.list_channels()
        found = await asyncio.gather(
            *(
                self._log.tail(lane, positions.safely_below(seq), listing)
                for lane, seq in first.items()
            )
        )
        entries = {entry.message.id: entry for lane in found for entry in lane}
        held = await self._log.server.work(lambda: [self._replica.position(seq) for seq in missing])
        for seq, position in zip(missing, held, strict=True):
            if position is None or position.message not in entries:
                raise _gone(seq)
            await self._take(entries[position.message], position)

    async def add(self, entry: Entry) -> None:
        """Add a frame that was just applied. A download where it has files.

        Raises: as :meth:`collect`.
        """
        seq = entry.header.seq
        position = await self._log.server.work(lambda: self._replica.position(seq))
        if position is None or position.message != entry.message.id:
            raise _gone(seq)
        await self._take(entry, position)

    async def _take(self, entry: Entry, position: Position) -> None:
        try:
            payload = await self._log.payload(entry) if position.applied else None
        except (Malformed, NotFound) as error:
            raise _gone(entry.header.seq) from error
        self._taken[entry.header.seq] = Carried(entry, payload)


def _gone(seq: int) -> Unavailable:
    return Unavailable(
        f"the commit at position {seq} is gone from the log, or was altered, and could not be "
        f"carried on. Ask for it again: then it is in the checkpoint"
    )
