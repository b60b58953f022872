"""Applies what has arrived, in order, and decides what counts.

Positions are applied in order, none before the one below it (invariant I1), and which message
counts at each is the same for every reader (invariant I3). Where a nonce was forgotten, or is not
enforced at all, an event may show a second message while the first one has not been heard of. So a
head that could be such a one is looked up before anything is built on it, and a frame that does not
fit the chain is believed only after the log has been read again: it is more likely that the head is
wrong. A frame at a position that has been applied already, and is not the one that was, is never
ignored: it may have taken the place of one that was deleted.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import islice, takewhile
from operator import itemgetter

from discobase.engine.arrivals import Arrivals
from discobase.engine.awaited import Awaited
from discobase.engine.checkpoints.recovery import Recovery
from discobase.engine.checkpoints.store import Stored
from discobase.engine.doubt import Doubt
from discobase.engine.log.commit_log import CommitLog
from discobase.engine.log.entry import Commit, Entry, decide
from discobase.engine.log.frame import GENESIS
from discobase.engine.log.last_look import TRUST
from discobase.engine.log.listing import Listing
from discobase.engine.lost import LostCommits
from discobase.engine.reading import Reading
from discobase.engine.replica import Applied, Head, Position, Replica, ReplicaLost
from discobase.engine.server.seam import Message, seconds_between
from discobase.engine.trouble import Trouble
from discobase.errors import LogDamaged
from discobase.progress import Step

_BATCH = 256
"""Frames that are applied in one step of the worker, so that other steps get their turn: some 10 ms
of small ones (measured)."""


class Applier:
    """Applies frames to a replica, whose turn the caller holds.

    Args:
        log: where they stand.
        replica: the replica.
        recovery: which checkpoint it begins at.
        doubt: what is wrong with the log.
        noted: called when a frame waits for its turn.

    Attributes:
        arrivals: the frames that wait for their turn.
        reading: reads what is there of them.
        unsure: the head's position, where another message may stand there that was not heard of;
            else 0.
        epoch: how often the log was read again from its beginning.
        awaited: who waits for a position.
        lost: commits that do not count.
    """

    def __init__(
        self,
        log: CommitLog,
        replica: Replica,
        recovery: Recovery,
        doubt: Doubt,
        noted: Callable[[], object],
    ) -> None:
        self._log = log
        self._replica = replica
        self._recovery = recovery
        self._doubt = doubt
        self._noted = noted
        self._lanes = range(len(log.superblock.lanes))
        self._head_read = 0
        self._compared: Head | None = None
        self.arrivals = Arrivals()
        note = partial(self.note, read=True)
        self.reading = Reading(log, replica, recovery, self.arrivals, note)
        self.unsure = 0 if replica.sure else replica.head.seq
        self.epoch = 0
        self.awaited = Awaited()
        self.lost = LostCommits(lambda: replica.writers.labels, log.troubles)

    def note(self, entry: Entry, *, read: bool) -> None:
        """Keep a frame until its turn comes (:meth:`Arrivals.note
        <discobase.engine.arrivals.Arrivals.note>`).
        """
        self.arrivals.note(entry, read=read)
        self._noted()

    async def apply_all(self) -> None:
        """Apply all that follows the head without a gap.

        Raises:
            LogDamaged: something does not fit, as far as can be seen now.
        """
        while True:
            await self.heal()
            if await self._changes_history():
                await self._rebuild()
            await self._apply_what_follows()
            # What came at an applied position in the meantime has not been looked at.
            if not self.arrivals.passed(self._replica.head.seq):
                return

    async def heal(self) -> None:
        """See to it that the replica can be used, after its file has failed."""
        if self._replica.failing:
            with contextlib.suppress(ReplicaLost):
                await self._change(self._replica.heal)
        if self._replica.lost:
            await self._rebuild()

    async def _change(self, step: Callable[[], None]) -> None:
        """Change the replica. The engine of the next generation gets it behind what has been asked
        of the worker by then, and whoever still works here leaves it alone from then on.

        Raises:
            Superseded: the next generation is known.
        """
        self._log.catalog.require_in_force()
        await self._log.server.work(step)

    async def _apply_what_follows(self) -> None:
        to_do = max(0, self.arrivals.last - self._replica.head.seq)
        with self._log.gauge.step("applying the log", to_do, "commits") as step:
            await self._apply_in_batches(step)

    async def _apply_in_batches(self, step: Step) -> None:
        while True:
            ready = self.arrivals.decided(self._replica.head)
            batch = list(islice(ready, _BATCH))
            counting = list(takewhile(itemgetter(1), batch))
            if counting:
                await self._pass(counting)
                step.add(len(counting))
            elif self.arrivals.at(self._replica.head.seq + 1):
                # Something stands there that does not fit: it is the head that may be wrong.
                if await self.look_up_head():
                    return
                if not batch:
                    await self._compare()
                    return
                await self._pass(batch[:1])
            else:
                return

    async def _compare(self) -> None:
        """Something does not fit the head: read the whole log once, for what the head was built on
        may be wrong, too.

        Raises:
            LogDamaged: it does not fit even so.
        """
        if self._compared == self._replica.head:
            raise self.missing()
        self._compared = self._replica.head
        await self._rebuild()
        if self._compared == self._replica.head:
            raise self.missing()

    async def _pass(self, batch: Sequence[tuple[Entry, bool]]) -> None:
        """Apply a run of positions; up to the first damaged one, if there is one."""
        before = self._replica.positions.message_at(self._replica.head.seq)
        # What comes at these positions in the meantime is looked at after that.
        candidates = [self.arrivals.at(entry.header.seq) for entry, _ in batch]
        commits, failed = await self._read(batch)
        await self._change(lambda: self._replica.apply(commits))
        self.tell()
        passed = batch[: len(commits)]
        if passed:
            ids = [before, *(entry.message.id for entry, _ in passed)]
            self._head_read = ids[-1] if self.arrivals.was_read(passed[-1][0]) else 0
            self.unsure = self._replica.head.seq if self._could_be_second(ids[-1], ids[-2]) else 0
        for (entry, counts), held in zip(passed, candidates, strict=False):
            self._throw_away(held, entry if counts else None)
        if failed is not None:
            raise failed

    def tell(self) -> None:
        """Tell those who wait for a position that the head has moved."""
        self.awaited.tell(self._replica.head.seq)

    def _throw_away(self, candidates: Iterable[Entry], winner: Entry | None) -> None:
        """Drop what stands at a position that has passed, and note what of it does not count."""
        for entry in candidates:
            if winner is None:
                self.lost.add(entry, "it is void: what it was built on is not in the log")
            elif entry.message.id != winner.message.id:
                self.lost.add(entry, _second_to(winner.message.id))
        self.arrivals.drop(candidates)

    async def _read(
        self, batch: Iterable[tuple[Entry, bool]]
    ) -> tuple[list[Commit | Entry], BaseException | None]:
        """Read the commits of a run of positions, up to the first that cannot be read, and say why
        not.
        """
        reading = [self._read_one(entry, counts=counts) for entry, counts in batch]
        sound: list[Commit | Entry] = []
        for commit in await asyncio.gather(*reading, return_exceptions=True):
            if isinstance(commit, BaseException):
                return sound, commit
            sound.append(commit)
        return sound, None

    async def _read_one(self, entry: Entry, *, counts: bool) -> Commit | Entry:
        return await self._log.read(entry) if counts else entry

    # What is missing

    def missing(self) -> LogDamaged:
        """Return the error for the position after the head, where later ones wait."""
        missing = self._replica.head.seq + 1
        if held := self.arrivals.at(missing):
            message = held[0].message
            return LogDamaged(
                "the frame of this position does not fit the one below it: one of the two was "
                "altered, or what it was built on is gone",
                position=missing,
                channel=message.channel,
                message=message.id,
            )
        return LogDamaged(
            f"this position is missing from the log, though position {self.arrivals.first} is "
            f"there: its message has been deleted, or altered so that it is no frame any more",
            position=missing,
            channel=self._log.superblock.lane_of(missing),
        )

    async def goes_on_above(self, error: LogDamaged) -> bool:
        """Return whether frames that do not fit are void, since what they were built on is not in
        the log: then whoever writes next goes on above them, and shows by that that they are void.

        Not where the frame below them was altered: then it is that one that is wrong.
        """
        head = self._replica.head
        above = head.seq + 1
        candidates = self.arrivals.at(above)
        if error.position != above or not candidates or decide(candidates, head.chain):
            return False
        if not await self._is_head_unaltered():
            return False
        run = above
        while self.arrivals.at(run + 1):
            run += 1
        if run < self.arrivals.last:
            return False  # a position above them is missing: that is a hole
        await self._pass(list(self.arrivals.decided(head, void_up_to=run)))
        return True

    async def _is_head_unaltered(self) -> bool:
        seq = self._replica.head.seq
        if seq <= self.reading.decided_up_to:
            return True
        message = self._replica.positions.message_at(seq)
        found = await self._log.message(self._log.superblock.lane_of(seq), message)
        return found is not None and not found.edited and await self.is_as_applied(seq, found)

    # Two messages at one position

    async def _changes_history(self) -> bool:
        """Return whether something that has arrived stands at an applied position in the place of
        what was applied there, and drop what does not.
        """
        for entry in self.arrivals.passed(self._replica.head.seq):
            if await self._replaces(entry):
                return True
            self.arrivals.drop([entry])
        return False

    async def _replaces(self, entry: Entry) -> bool:
        seq = entry.header.seq
        if seq <= self.reading.decided_up_to:
            return False
        held = await self.position(seq)
        if held is None or entry.message.id == held.message or entry in self.lost:
            return False
        if held.loses_to(entry):
            return True
        # The other one counts, if it is still there.
        found = await self._log.message(entry.message.channel, held.message)
        if found is None or (held.applied and not await self.is_as_applied(seq, found)):
            return True
        self.lost.add(entry, _second_to(held.message))
        return False

    async def position(self, seq: int) -> Position | None:
        """Return a position that has passed; None where it has not, or a checkpoint has decided
        what it holds.
        """
        if (recent := self._replica.positions.at(seq)) is not None:
            return recent
        return await self._log.server.work(lambda: self._replica.position(seq))

    def _could_be_second(self, message: int, before: int) -> bool:
        """Return whether an earlier message may stand at the same position, unheard of: an event
        told of this one, and its nonce may have been used and forgotten since the position below it
        was written.
        """
        if self._head_read == message:
            return False
        late = self._log.last_look.doubtful() and seconds_between(before, message) > TRUST
        return late or not self._log.enforced

    async def look_up_head(self) -> bool:
        """Read the head's position from the log, unless it was read before, and apply what follows
        from that; whether the head is another one now.
        """
        head, positions = self._replica.head, self._replica.positions
        message = positions.message_at(head.seq)
        if self._head_read == message:
            return False
        for entry in await self._log.at(head.seq, after=positions.safely_below(head.seq)):
            self.note(entry, read=True)
        self._head_read, self.unsure = message, 0
        await self.apply_all()
        return self._replica.head != head

    async def is_as_applied(self, seq: int, message: Message) -> bool:
        """Return whether a message still is the frame that was applied at a position. A pin, or
        flags that an administrator has set, change nothing.
        """
        entry = self._log.entry(message)
        expected = await self.reading.chain_at(seq)
        if entry is None or (entry.header.hash != expected and expected is not None):
            return False
        if entry.header.encoding != "inline":
            return bool(message.attachments)
        try:
            await self._log.read(entry)
        except LogDamaged:
            return False
        return True

    # From a checkpoint, or from the first frame

    async def begin(self, candidates: Iterable[Stored], listing: Listing) -> bool:
        """Take over the state of the newest checkpoint that holds, and keep the frames above it
        until their turn comes. Return whether there is one. An API call for each 100 frames of a
        lane above it; a download, beside those.

        Args:
            candidates: the checkpoints that are there, the newest first.
            listing: how far the channels went.

        Raises:
            Uncertain, Refused: Discord could not be read.
        """

        async def restore(stored: Stored, packed: bytes) -> None:
            await self.reading.restore(stored, packed)
            head = self._replica.head.seq
            self._head_read = self._replica.positions.message_at(head)
            self.tell()

        return await self.reading.from_newest(candidates, restore, listing)

    async def goes_on_from_a_checkpoint(self, error: LogDamaged) -> bool:
        """Take over the state of a checkpoint at a position that is missing, or above it, if there
        is one: somebody who held what was deleted has written it. One API call.

        Raises:
            Uncertain, Refused: Discord could not be read.
        """
        if error.position is None or error.position <= self._replica.head.seq:
            return False
        found = await self._recovery.candidates(None)
        if not any(stored.manifest.seq >= error.position for stored in found):
            return False
        return await self.reading.from_newest(found, self._replay_from)

    async def move_on(self, *, moved: bool = False) -> None:
        """See to it that the replica stands in this generation of the log. No API call where it
        does; else as for an opening from a checkpoint. Readers see the old state until then.

        Args:
            moved: whether it was made of other lanes: above their end it holds nothing of these.

        Raises:
            LogDamaged: there is no checkpoint that it could go on from.
            Uncertain, Refused: Discord could not be read.
        """
        base, head = self._log.superblock.base, self._replica.head
        if base is None:
            return
        is_in = head.seq == base.seq if moved else head.seq >= base.seq
        if is_in and await self.reading.chain_at(base.seq) in {None, base.chain}:
            return
        candidates = await self._recovery.candidates(None)
        replay = partial(self._replay_from, is_cut=moved)
        if not await self.reading.from_newest(candidates, replay):
            await self._log.catalog.require_current()
            raise LogDamaged(
                "no checkpoint of this generation can be read, and its log does not begin with the "
                "first position",
                channel=self._log.superblock.checkpoints,
            )

    async def _rebuild(self) -> None:
        """Start again from the newest checkpoint, or from the first frame: the log does not go on
        from what had been decided, or what was there is lost.
        """
        if not self._replica.lost:
            text = "the log is not as it was thought to be: it is read again from its beginning"
            self._log.troubles.tell(Trouble("damage", text))
        candidates = await self._recovery.candidates(None)
        if not await self.reading.from_newest(candidates, self._replay_from):
            await self.reading.read_lanes(after=[0] * len(self._lanes))
            await self._replay_from(None, b"")

    async def _replay_from(
        self, stored: Stored | None, packed: bytes, *, is_cut: bool = False
    ) -> None:
        """Apply what was read anew: from a checkpoint on, or all of it.

        Args:
            stored: the checkpoint.
            packed: its bytes.
            is_cut: whether the log may have been cut below what has been applied.
        """
        try:
            begin = stored.manifest.head if stored else Head(0, GENESIS)
            decided = self._decided_anew(begin, is_cut=is_cut)
            commits, failed = await self._read(decided)
            if failed is not None:
                raise failed
        except LogDamaged:
            # All of it is read again, should it be looked at again.
            self.arrivals.clear()
            raise
        candidates = [self.arrivals.at(entry.header.seq) for entry, _ in decided]
        before = await self._applied()
        if stored is not None:
            self._log.catalog.require_in_force()
            await self.reading.restore(stored, packed, commits)
        else:
            await self._change(lambda: self._replica.replay(commits))
        self.tell()
        head = self._replica.head.seq
        self.unsure, self._head_read = 0, self._replica.positions.message_at(head)
        self.epoch += 1
        now = {frame.seq: frame.message for frame in await self._applied()}
        self.lost.found(now.values())
        for (entry, counts), held in zip(decided, candidates, strict=True):
            self._throw_away(held, entry if counts else None)
        # What a checkpoint has decided long ago is not known here one by one.
        first = min(now, default=1) if stored else 1
        floor = self._log.superblock.floor  # what stands there says where a generation ends
        for frame in before:
            if first <= frame.seq != floor and now.get(frame.seq) != frame.message:
                self._tell_displaced(frame, now.get(frame.seq))

    async def _applied(self) -> list[Applied]:
        return await self._log.server.work(self._replica.applied)

    def _decided_anew(self, head: Head, *, is_cut: bool) -> list[tuple[Entry, bool]]:
        """Return what the log comes to after a head, now that all of it was read from there on.

        Raises:
            LogDamaged: it ends below what has been applied, as far as can be seen now.
        """
        decided = list(self.arrivals.decided(head))
        end = decided[-1][0].header.seq if decided else head.seq
        if is_cut or end >= self._replica.head.seq:
            return decided
        gone = LogDamaged(
            "the log ends below this position, which this process has applied: messages have been "
            "deleted",
            position=end + 1,
            channel=self._log.superblock.lane_of(end + 1),
        )
        has_hole = self.arrivals.last > end
        if has_hole or not self._doubt.holds(gone):
            raise gone
        return decided

    def _tell_displaced(self, frame: Applied, instead: int | None) -> None:
        why = "its message has been deleted, and the log goes on without it"
        if instead is not None:
            why = _second_to(instead)
        channel = self._log.superblock.lane_of(frame.seq)
        self.lost.add_unread(channel, frame.message, why, frame.seq, frame.writer)


def _second_to(message: int) -> str:
    return (
        f"message {message} stands at its position; its writer has written it again, if it went on"
    )
