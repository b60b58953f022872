"""Keeps a replica at the head of the log: events are applied in order, gaps are fetched, the start
is caught up with.

All state changes of the replica happen under :attr:`Follower.turn`, which the committer takes too:
while a proposal is in flight nobody else moves the head.

Positions are applied in order, none before the one below it (invariant I1), and which message
counts at each is the same for every reader (invariant I3). Where a nonce was forgotten, or is not
enforced at all, an event may show a second message while the first one has not been heard of. So a
head that could be such a one is looked up before anything is built on it
(:meth:`Follower.make_sure`), and a frame that does not fit the chain is believed only after the log
has been read again: it is more likely that the head is wrong. A frame at a position that has been
applied already, and is not the one that was, is never ignored: it may have taken the place of one
that was deleted.

Nothing is called damaged at first sight (:mod:`discobase.engine.doubt`), and what was called so is
looked at again from time to time. Nobody builds on a hole unseen (invariant I6): before a writer
goes on after a silence it *looks* whether the last message of each lane is explained by what is
known (:mod:`discobase.engine.log.lane_ends`), and a message that was deleted or altered is looked
up before anything else is written.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import logging
from collections.abc import Iterable, Sequence
from itertools import islice, takewhile
from operator import itemgetter

from discobase.engine.arrivals import Arrivals
from discobase.engine.awaited import Awaited
from discobase.engine.doubt import Doubt
from discobase.engine.log.commit_log import TRUST, Commit, CommitLog, Entry, decide
from discobase.engine.log.frame import GENESIS
from discobase.engine.lost import LostCommits
from discobase.engine.replica import Displaced, Head, Position, Replica, ReplicaLost
from discobase.engine.server.retry import pause
from discobase.engine.server.seam import (
    AccessChanged,
    Event,
    EventsLost,
    Message,
    MessageArrived,
    MessageChanged,
    Refused,
    Uncertain,
    seconds_between,
)
from discobase.errors import LogDamaged, UpgradeNeeded

_log = logging.getLogger(__name__)

GAP_SECONDS = 1.0
"""For which a missing position may be on its way before it is fetched: events of several lanes may
overtake each other. By how much is not known; a guess, well above a round trip."""

_BATCH = 256
"""Frames that are applied in one step of the worker, so that other steps get their turn: some 10 ms
of small ones (measured)."""

_CHECK_SECONDS = 60.0
"""Between two looks whether what is damaged still is: some ten calls a minute. A guess."""

_LOOK_SECONDS = 5.0
"""Between two looks at a last message that nothing explains: a guess."""


_POLL_SECONDS = 0.5
"""Between two questions whether writing may go on: a guess, well below what a caller notices."""


class Follower:
    """Applies the log to a replica, as it grows.

    Args:
        log: the log.
        replica: the replica, which nobody else changes except under :attr:`turn`.

    Attributes:
        turn: held by whoever changes the replica.
        awaited: who waits for a position.
        lost: commits that do not count.
    """

    def __init__(self, log: CommitLog, replica: Replica) -> None:
        self._log = log
        self._replica = replica
        self._arrivals = Arrivals()
        self._arrived = asyncio.Event()
        self._outdated = False
        self._gap = (-1, 0.0)
        self._unsure = 0
        self._head_read = 0
        self._compared: Head | None = None
        self._lanes = range(len(log.superblock.lanes))
        self._changed: dict[int, MessageChanged] = {}
        self._catalog_changed = False
        self._holes: dict[int, MessageChanged] = {}
        self._doubt = Doubt()
        self._damage: LogDamaged | None = None
        self._checked = 0.0
        self.turn = asyncio.Lock()
        self.awaited = Awaited()
        self.lost = LostCommits()

    @property
    def stopped(self) -> LogDamaged | UpgradeNeeded | None:
        """Why nothing is applied any more, nor may be written; None while all is well. A copy: who
        raises it adds a traceback of their own.
        """
        return copy.copy(self._damage or self._log.later)

    # Events

    def handle(self, event: Event) -> None:
        """Take note of an event. Called on the loop, in the order of the gateway; never waits."""
        match event:
            case MessageArrived(message=message):
                self._hear(message)
            case MessageChanged(channel=channel, message=message):
                self._note_change(channel, message, event)
            case EventsLost():
                self.read_again()
            case AccessChanged():
                pass  # what it comes to is told when it has been looked at

    def _note_change(self, channel: int, message: int, event: MessageChanged) -> None:
        if channel in self._log.superblock.lanes:
            self._changed[message] = event
        elif channel == self._log.superblock.catalog and self._log.may_be_superblock(message):
            self._catalog_changed = True
        else:
            return
        self._arrived.set()

    def _hear(self, message: Message) -> None:
        if self._log.is_echo(message):
            return
        try:
            entry = self._log.entry(message)
        except UpgradeNeeded:
            self._arrived.set()
            return
        if entry is None:
            if message.channel in self._log.superblock.lanes:
                self._log.ends.hear_stranger(message.channel, message.id)
            return
        self._log.forestalled(entry)
        if self.stopped is None:
            self._note(entry)
        elif self._holes and entry.header.seq <= self._replica.head.seq:
            # It may have taken the place of what is gone: look at once.
            self._checked = float("-inf")
            self._arrived.set()

    def read_again(self) -> None:
        """Read the lanes as soon as may be: something may be there that was not heard of."""
        self._outdated = True
        self._arrived.set()

    def look(self) -> None:
        """Look at what there is to do: the replica's file has failed."""
        self._arrived.set()

    def _note(self, entry: Entry, *, read: bool = False) -> None:
        self._arrivals.note(entry, read=read)
        self._arrived.set()

    async def follow(self) -> None:
        """Apply what arrives, until cancelled, or until the log goes on in a later format."""
        attempt = 0
        while self._log.later is None:
            await self._something_to_do()
            try:
                await self._take_in()
                attempt = 0
            except (Uncertain, Refused) as error:
                _log.warning("the log could not be read (%s); trying again", error)
                await self._log.server.sleep(pause(self._log.server, attempt))
                attempt += 1
                self._arrived.set()
            except (LogDamaged, UpgradeNeeded) as error:
                _log.debug("following has stopped: %s", error)
            except Exception:  # noqa: BLE001 - the log has it all, and is read again
                _log.exception("following the log has failed; it is read again")
                await self._log.server.sleep(pause(self._log.server, attempt))
                attempt += 1
                self.read_again()

    async def _something_to_do(self) -> None:
        """Wait for an event; where the log is damaged, or something in it is not explained yet, no
        longer than until it is looked at again.
        """
        waiting = None if self._damage is None else _CHECK_SECONDS
        if self._log.ends.unexplained:
            waiting = _LOOK_SECONDS
        await self._wait_for_arrival(waiting)
        self._arrived.clear()

    async def _wait_for_arrival(self, within: float | None) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._arrived.wait()

    async def _take_in(self) -> None:
        async with self.turn:
            if self._damage is not None:
                await self._check_again()
                return
            await self._advance()
            while self._outdated or self._changed:
                await self._make_up()
            if self._catalog_changed:
                await self._examine_catalog()
            if self._log.ends.unexplained:
                await self._look_on()
        if self._arrivals:
            await self._wait_for_gap()

    async def _make_up(self) -> None:
        """Read what events were lost; losses during the reading count anew."""
        outdated, self._outdated = self._outdated, False
        try:
            await self.catch_up()
            if outdated:
                await self._examine_catalog()
        except (Uncertain, Refused):
            self._outdated = outdated or self._outdated
            raise

    async def _wait_for_gap(self) -> None:
        """Give a missing position its time to arrive, then fetch it."""
        head, now = self._replica.head.seq, self._log.server.monotonic()
        if self._gap[0] != head:
            self._gap = (head, now)
        remaining = self._gap[1] + GAP_SECONDS - now
        if remaining <= 0:
            async with self.turn:
                await self.catch_up()
            return
        await self._wait_for_arrival(remaining)
        self._arrived.set()

    # Reading the log; the caller holds the turn

    async def catch_up(self) -> None:
        """Look, read all lanes to their ends, and apply what is new; again, for half a minute, as
        long as something does not fit. One API call, one for 100 frames of a lane, and one to see
        that it ends.

        Raises:
            LogDamaged: a position is missing though later ones are there, or a frame is not what
                was written.
            UpgradeNeeded: the log goes on in a later format.
            Uncertain, Refused: Discord could not be read.
        """
        attempt = 0
        while True:
            before = self._replica.head.seq
            try:
                await self._read_and_apply()
            except LogDamaged as error:
                if self._damage is not None:
                    raise
                attempt = attempt + 1 if self._replica.head.seq == before else 0
                if self._doubt.holds(error, self._log.server.monotonic()):
                    if await self._goes_on_above(error):
                        continue
                    raise self._declared(error) from error.__cause__
                await self._log.server.sleep(pause(self._log.server, attempt))
            else:
                self._doubt.end()
                return

    async def _read_and_apply(self) -> None:
        """Read what there is once, and apply what follows.

        Raises:
            LogDamaged: something does not fit, as far as can be seen now.
        """
        began = self._log.moment()
        await self._examine_changes()
        last = await self._log.last_messages()
        after = [self._replica.positions.safely_below(seq) for seq in self._following()]
        await self._read_lanes(after=after)
        await self._miss_none(after)
        await self._apply_all()
        if self._arrivals:
            raise self._missing()
        self._compare_ends(last)
        if not self._log.ends.unexplained:
            self._log.confirm(began)

    def _following(self) -> list[int]:
        """Return the next position of each lane, in the order of the lanes."""
        head = self._replica.head.seq
        return sorted((head + 1 + step for step in self._lanes), key=self._lane_of)

    def _missing(self) -> LogDamaged:
        missing = self._replica.head.seq + 1
        if held := self._arrivals.at(missing):
            message = held[0].message
            return LogDamaged(
                "the frame of this position does not fit the one below it: one of the two was "
                "altered, or what it was built on is gone",
                position=missing,
                channel=message.channel,
                message=message.id,
            )
        return LogDamaged(
            f"this position is missing from the log, though position {self._arrivals.first} is "
            f"there: its message has been deleted, or altered so that it is no frame any more",
            position=missing,
            channel=self._log.superblock.lane_of(missing),
        )

    def tell(self) -> None:
        """Tell those who wait for a position that the head has moved."""
        self.awaited.tell(self._replica.head.seq)

    async def _read_lanes(self, *, after: Sequence[int]) -> None:
        """Read every lane to its end, each from above a message id of its own."""
        for entries in await asyncio.gather(*map(self._log.tail, self._lanes, after)):
            for entry in entries:
                self._note(entry, read=True)

    async def _miss_none(self, after: Sequence[int]) -> None:
        """See whether the newest message that was applied in each lane is still there, where the
        lane has just been read from below it.
        """
        passed = self._arrivals.passed(self._replica.head.seq)
        held = {entry.message.id for entry in passed}
        for lane in self._lanes:
            newest = self._replica.positions.newest_in(lane)
            if newest > after[lane] and newest not in held:
                change = MessageChanged(self._log.superblock.lanes[lane], newest, deleted=False)
                await self._examine(change)

    async def refresh(self) -> None:
        """Apply every commit that was acknowledged before this call. One API call where there is
        none, and one more where the head has to be looked up (:meth:`make_sure`).

        Raises:
            LogDamaged, UpgradeNeeded: the log cannot be read to its end.
            Uncertain, Refused: Discord could not be read.
        """
        self._require_sound()
        while True:
            head = self._replica.head.seq
            for entry in await self._log.newer(head, self._replica.positions.below(head + 1)):
                self._note(entry, read=True)
            await self._advance()
            if self._replica.head.seq == head:
                break
        if self._arrivals:
            await self.catch_up()
        elif self._unsure and await self._look_up_head():
            await self.refresh()

    async def make_sure(self) -> None:
        """Before something is proposed at the head: see to it that the head is right, and that what
        comes after it was empty a short while ago. No API call where that is known already.

        Waits, for half a minute at the most, where the last message of a lane is gone and nothing
        that is known explains it.

        Raises:
            LogDamaged, UpgradeNeeded: the log cannot be read to its end.
            Uncertain, Refused: Discord could not be read.
        """
        await self._heal()
        self._require_sound()
        if self._changed:
            await self.catch_up()
        if self._catalog_changed:
            await self._examine_catalog()
        while self._log.doubtful():
            await self._look_on()
            if self._log.ends.unexplained:
                await self._log.server.sleep(_LOOK_SECONDS)
        if self._unsure:
            await self.refresh()

    async def explained(self) -> None:
        """Wait while the newest message of a lane is gone and nothing that is known explains it:
        half a minute at the most, in which :meth:`follow` looks again and again.
        """
        while self._log.ends.unexplained and self.stopped is None:
            await self._log.server.sleep(_POLL_SECONDS)

    def _require_sound(self) -> None:
        if (stopped := self.stopped) is not None:
            raise stopped

    def _lane_of(self, seq: int) -> int:
        return seq % len(self._lanes)

    async def adopt(self, entry: Entry) -> None:
        """Apply the frame of another writer, which came first at the position after the head."""
        self._note(entry, read=True)
        await self._advance()

    # The look

    async def _look(self) -> None:
        """See whether any lane holds something newer than is known, and apply that. One API call
        where none does.
        """
        began, last = self._log.moment(), await self._log.last_messages()
        self._explain_applied()
        for lane, seq in zip(self._lanes, self._following(), strict=True):
            channel = self._log.superblock.lanes[lane]
            if not self._log.ends.is_known(channel, last.get(channel, 0)):
                after = self._replica.positions.safely_below(seq)
                for entry in await self._log.tail(lane, after):
                    self._note(entry, read=True)
        await self._advance()
        if self._arrivals:
            await self.catch_up()
            return
        self._compare_ends(last)
        if not self._log.ends.unexplained:
            self._log.confirm(began)

    def _explain_applied(self) -> None:
        for lane, channel in enumerate(self._log.superblock.lanes):
            self._log.ends.explain(channel, self._replica.positions.newest_in(lane))

    def _compare_ends(self, last: dict[int, int]) -> None:
        """Compare the last ids of the lanes with what is known, now that they have been read."""
        self._explain_applied()
        known, now = self._log.ends.unexplained, self._log.server.monotonic()
        for channel in self._log.superblock.lanes:
            self._log.ends.look_at(channel, last.get(channel, 0), now)
        for channel, message in self._log.ends.unexplained.items():
            if known.get(channel) != message:
                _log.error(
                    "message %d, the newest of channel %d, is gone, and nothing tells what it was; "
                    "writing waits for half a minute in case another process still has it",
                    message,
                    channel,
                )

    async def _look_on(self) -> None:
        """Look, and wait no longer for what nothing has explained for half a minute."""
        await self._look()
        for channel, message in self._log.ends.give_up(self._log.server.monotonic()).items():
            self.lost.add_unread(
                channel,
                message,
                "it was the newest message of its channel and has been deleted; nobody has said "
                "what it was, and others write where it may have stood",
            )

    # Messages that were deleted or altered

    async def _examine_changes(self) -> None:
        while self._changed:
            message, change = next(iter(self._changed.items()))
            try:
                await self._examine(change)
            except LogDamaged:
                if self._damage is not None:
                    del self._changed[message]
                raise
            # Only now: a writer that comes in between waits for what is found.
            del self._changed[message]

    async def _examine(self, change: MessageChanged) -> None:
        """Look a message up that was changed: is it still what was applied?

        Raises:
            LogDamaged: it is gone, or is something else now.
        """
        if change.deleted:
            self._arrivals.drop_message(change.message)
        seq = await self._log.server.work(lambda: self._replica.find(change.message))
        if seq is None:
            return  # what is kept of it is read again now
        found = await self._log.message(change.channel, change.message)
        if found is not None and await self._is_as_applied(seq, found):
            self._holes.pop(change.message, None)
            return
        instead = await self._log.at(seq, after=self._replica.positions.safely_below(seq))
        self.lost.found(entry.message.id for entry in instead)
        for entry in instead:
            self._note(entry, read=True)
        self._holes[change.message] = change
        error = LogDamaged(
            f"the message of this position has been {'altered' if found else 'deleted'}; this "
            f"process still has what it said",
            position=seq,
            channel=change.channel,
            message=change.message,
        )
        await self._apply_all()
        if change.message in self._holes:
            # What is not found though nobody has said that it was deleted may only be late.
            raise self._declared(error) if change.deleted or found is not None else error

    async def _examine_catalog(self) -> None:
        """See whether the superblock is still there."""
        try:
            await self._log.read_catalog()
            self._catalog_changed = False
        except LogDamaged as error:
            raise self._declared(error) from error.__cause__

    async def _is_as_applied(self, seq: int, message: Message) -> bool:
        """Return whether a message still is the frame that was applied at a position. A pin, or
        flags that an administrator has set, change nothing.
        """
        entry = self._log.entry(message)
        expected = await self._log.server.work(lambda: self._replica.hash_at(seq))
        if entry is None or (entry.header.hash != expected and expected is not None):
            return False
        if entry.header.encoding != "inline":
            return bool(message.attachments)
        try:
            await self._log.read(entry)
        except LogDamaged:
            return False
        return True

    # Damage

    def _declared(self, error: LogDamaged) -> LogDamaged:
        """Stop writing: something is wrong, and has been for long enough."""
        if self._damage is None:
            _log.critical("%s; this process keeps what it has and writes no more", error)
        self._damage = error
        self._checked = self._log.server.monotonic()
        self._arrived.set()
        return copy.copy(error)

    async def _check_again(self) -> None:
        """See whether what is damaged still is, if the last look is a while ago."""
        if self._log.server.monotonic() - self._checked < _CHECK_SECONDS:
            return
        damage, self._damage = self._damage, None
        self._checked = self._log.server.monotonic()
        try:
            for hole in [*self._holes.values()]:
                await self._examine(hole)
            await self._examine_catalog()
            await self.catch_up()
        except (Uncertain, Refused):
            self._damage = damage
            raise
        except LogDamaged as error:
            self._damage = error
            raise
        _log.warning("the log is whole again: %s", damage)

    async def _goes_on_above(self, error: LogDamaged) -> bool:
        """Return whether frames that do not fit are void, since what they were built on is not in
        the log: then whoever writes next goes on above them, and shows by that that they are void.

        Not where the frame below them was altered: then it is that one that is wrong.
        """
        head = self._replica.head
        above = head.seq + 1
        candidates = self._arrivals.at(above)
        if error.position != above or not candidates or decide(candidates, head.chain):
            return False
        if not await self._is_head_unaltered():
            return False
        run = above
        while self._arrivals.at(run + 1):
            run += 1
        if run < self._arrivals.last:
            return False  # a position above them is missing: that is a hole
        await self._pass(list(self._arrivals.decided(head, void_up_to=run)))
        return True

    async def _is_head_unaltered(self) -> bool:
        seq = self._replica.head.seq
        if seq == 0:
            return True
        message = self._replica.positions.message_at(seq)
        found = await self._log.message(self._log.superblock.lane_of(seq), message)
        return found is not None and not found.edited and await self._is_as_applied(seq, found)

    # Applying

    async def _advance(self) -> None:
        """Apply all that follows the head without a gap; where something does not fit, read the
        log again until it does, or is damaged.
        """
        try:
            await self._apply_all()
        except LogDamaged:
            await self.catch_up()

    async def _apply_all(self) -> None:
        """Apply all that follows the head without a gap.

        Raises:
            LogDamaged: something does not fit, as far as can be seen now.
        """
        while True:
            await self._heal()
            if await self._changes_history():
                await self._rebuild()
            await self._apply_what_follows()
            # What came at an applied position in the meantime has not been looked at.
            if not self._arrivals.passed(self._replica.head.seq):
                return

    async def _heal(self) -> None:
        """See to it that the replica can be used, after its file has failed."""
        if self._replica.failing:
            with contextlib.suppress(ReplicaLost):
                await self._log.server.work(self._replica.heal)
        if self._replica.lost:
            await self._rebuild()

    async def _apply_what_follows(self) -> None:
        while True:
            ready = self._arrivals.decided(self._replica.head)
            batch = list(islice(ready, _BATCH))
            counting = list(takewhile(itemgetter(1), batch))
            if counting:
                await self._pass(counting)
            elif self._arrivals.at(self._replica.head.seq + 1):
                # Something stands there that does not fit: it is the head that may be wrong.
                if await self._look_up_head():
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
            raise self._missing()
        self._compared = self._replica.head
        await self._rebuild()
        if self._compared == self._replica.head:
            raise self._missing()

    async def _pass(self, batch: Sequence[tuple[Entry, bool]]) -> None:
        """Apply a run of positions; up to the first damaged one, if there is one."""
        before = self._replica.positions.message_at(self._replica.head.seq)
        # What comes at these positions in the meantime is looked at after that.
        candidates = [self._arrivals.at(entry.header.seq) for entry, _ in batch]
        commits, failed = await self._read(batch)
        await self._log.server.work(lambda: self._replica.apply(commits))
        self.tell()
        passed = batch[: len(commits)]
        if passed:
            ids = [before, *(entry.message.id for entry, _ in passed)]
            self._head_read = ids[-1] if self._arrivals.was_read(passed[-1][0]) else 0
            self._unsure = self._replica.head.seq if self._could_be_second(ids[-1], ids[-2]) else 0
        for (entry, counts), held in zip(passed, candidates, strict=False):
            self._throw_away(held, entry if counts else None)
        if failed is not None:
            raise failed

    def _throw_away(self, candidates: Iterable[Entry], winner: Entry | None) -> None:
        """Drop what stands at a position that has passed, and note what of it does not count."""
        for entry in candidates:
            if winner is None:
                self.lost.add(entry, "it is void: what it was built on is not in the log")
            elif entry.message.id != winner.message.id:
                self.lost.add(entry, _second_to(winner.message.id))
        self._arrivals.drop(candidates)

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

    # Two messages at one position

    async def _changes_history(self) -> bool:
        """Return whether something that has arrived stands at an applied position in the place of
        what was applied there, and drop what does not.
        """
        for entry in self._arrivals.passed(self._replica.head.seq):
            if await self._replaces(entry):
                return True
            self._arrivals.drop([entry])
        return False

    async def _replaces(self, entry: Entry) -> bool:
        seq = entry.header.seq
        held = await self._position(seq)
        if entry.message.id == held.message or entry in self.lost:
            return False
        if held.loses_to(entry):
            return True
        # The other one counts, if it is still there.
        found = await self._log.message(entry.message.channel, held.message)
        if found is None or (held.applied and not await self._is_as_applied(seq, found)):
            return True
        self.lost.add(entry, _second_to(held.message))
        return False

    async def _position(self, seq: int) -> Position:
        if (recent := self._replica.positions.at(seq)) is not None:
            return recent
        position = await self._log.server.work(lambda: self._replica.position(seq))
        assert position is not None
        return position

    def _could_be_second(self, message: int, before: int) -> bool:
        """Return whether an earlier message may stand at the same position, unheard of: an event
        told of this one, and its nonce may have been used and forgotten since the position below it
        was written.
        """
        if self._head_read == message:
            return False
        late = self._log.doubtful() and seconds_between(before, message) > TRUST
        return late or not self._log.enforced

    async def _look_up_head(self) -> bool:
        """Read the head's position from the log, unless it was read before, and apply what follows
        from that; whether the head is another one now.
        """
        head, positions = self._replica.head, self._replica.positions
        message = positions.message_at(head.seq)
        if self._head_read == message:
            return False
        for entry in await self._log.at(head.seq, after=positions.safely_below(head.seq)):
            self._note(entry, read=True)
        self._head_read, self._unsure = message, 0
        await self._apply_all()
        return self._replica.head != head

    async def _rebuild(self) -> None:
        """Start again from the first frame: the log does not go on from what had been decided, or
        what was there is lost.
        """
        if not self._replica.lost:
            _log.error(
                "the log is not as it was thought to be: it is read again from its beginning"
            )
        await self._read_lanes(after=[0] * len(self._lanes))
        try:
            decided = self._decided_anew()
            commits, failed = await self._read(decided)
            if failed is not None:
                raise failed
        except LogDamaged:
            # All of it is read again, should it be looked at again.
            self._arrivals.clear()
            raise
        candidates = [self._arrivals.at(entry.header.seq) for entry, _ in decided]
        counting = {entry.header.seq: entry.message.id for entry, counts in decided if counts}
        displaced = await self._log.server.work(lambda: self._replica.displaced(counting))
        await self._log.server.work(lambda: self._replica.replay(commits))
        self.tell()
        self._unsure, self._head_read = 0, decided[-1][0].message.id if decided else 0
        self._holes.clear()
        self.lost.found(counting.values())
        for (entry, counts), held in zip(decided, candidates, strict=True):
            self._throw_away(held, entry if counts else None)
        for frame in displaced:
            self._tell_displaced(frame, counting.get(frame.seq))

    def _decided_anew(self) -> list[tuple[Entry, bool]]:
        """Return what the log comes to, now that all of it was read.

        Raises:
            LogDamaged: it ends below what has been applied, as far as can be seen now.
        """
        decided = list(self._arrivals.decided(Head(0, GENESIS)))
        end = decided[-1][0].header.seq if decided else 0
        if end >= self._replica.head.seq:
            return decided
        gone = LogDamaged(
            "the log ends below this position, which this process has applied: messages have been "
            "deleted",
            position=end + 1,
            channel=self._log.superblock.lane_of(end + 1),
        )
        has_hole = self._arrivals.last > end
        if has_hole or not self._doubt.holds(gone, self._log.server.monotonic()):
            raise gone
        return decided

    def _tell_displaced(self, frame: Displaced, instead: int | None) -> None:
        why = "its message has been deleted, and the log goes on without it"
        if instead is not None:
            why = _second_to(instead)
        channel = self._log.superblock.lane_of(frame.seq)
        self.lost.add_unread(channel, frame.message, why, frame.seq, frame.writer)


def _second_to(message: int) -> str:
    return (
        f"message {message} stands at its position; its writer has written it again, if it went on"
    )
