"""Keeps a replica at the head of the log: events are applied in order, gaps are fetched, the start
is caught up with.

All state changes of the replica happen under :attr:`Follower.turn`, which the committer takes too:
while a proposal is in flight nobody else moves the head.

Positions are applied in order, none before the one below it (invariant I1), and which message
counts at each is the same for every reader (invariant I3). Where a nonce was forgotten, or is not
enforced at all, an event may show a second message while the first one has not been heard of. So a
head that could be such a one is looked up before anything is built on it
(:meth:`Follower.make_sure`), and a frame that does not fit the chain is believed only after the log
has been read again: it is more likely that the head is wrong.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from itertools import islice

from discobase.engine.awaited import Awaited
from discobase.engine.log.commit_log import TRUST, Commit, CommitLog, Entry, decide
from discobase.engine.log.frame import GENESIS
from discobase.engine.replica import Head, Replica
from discobase.engine.server.retry import pause
from discobase.engine.server.seam import (
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

_LOOKS = 5
"""How often the log is read in vain before a missing position counts as lost.

A message may become readable a little after it was written, and the lanes are read one beside the
other while others write. Five looks take some 3 s with the pauses between them; a guess.
"""


class Follower:
    """Applies the log to a replica, as it grows.

    Args:
        log: the log.
        replica: the replica, which nobody else changes except under :attr:`turn`.

    Attributes:
        turn: held by whoever changes the replica.
        awaited: who waits for a position.
    """

    def __init__(self, log: CommitLog, replica: Replica) -> None:
        self._log = log
        self._replica = replica
        self._early: dict[int, list[Entry]] = {}
        self._arrived = asyncio.Event()
        self._outdated = False
        self._gap = (-1, 0.0)
        self._read_back: set[int] = set()
        self._unsure = 0
        self._lanes = range(len(log.superblock.lanes))
        self.turn = asyncio.Lock()
        self.awaited = Awaited()
        self._damage: LogDamaged | None = None

    @property
    def stopped(self) -> LogDamaged | UpgradeNeeded | None:
        """Why nothing is applied any more, nor may be written; None while all is well."""
        return self._damage or self._log.later

    # Events

    def handle(self, event: Event) -> None:
        """Take note of an event. Called on the loop, in the order of the gateway; never waits."""
        match event:
            case MessageArrived(message=message):
                self._hear(message)
            case MessageChanged(channel=channel, message=message, deleted=deleted):
                if channel in self._log.superblock.lanes:
                    _log.error(
                        "message %d in lane channel %d was %s: the log is damaged there; "
                        "this process still has the data",
                        message,
                        channel,
                        "deleted" if deleted else "edited",
                    )
            case EventsLost():
                self.read_again()

    def _hear(self, message: Message) -> None:
        if self._log.is_echo(message):
            return
        try:
            entry = self._log.entry(message)
        except UpgradeNeeded:
            self._arrived.set()
            return
        if entry is None:
            return
        self._log.forestalled(entry)
        if self.stopped is None:
            self._note(entry)

    def read_again(self) -> None:
        """Read the lanes as soon as may be: something may be there that was not heard of."""
        self._outdated = True
        self._arrived.set()

    def _note(self, entry: Entry, *, read: bool = False) -> None:
        """Keep an entry until its turn comes.

        Args:
            entry: the entry.
            read: whether it was read from the log: then all that came before it in its lane was
                read, too. An event tells of itself only.
        """
        if read:
            self._read_back.add(entry.message.id)
        held = self._early.setdefault(entry.header.seq, [])
        if all(other.message.id != entry.message.id for other in held):
            held.append(entry)
        self._arrived.set()

    async def follow(self) -> None:
        """Apply what arrives, until cancelled or stopped."""
        attempt = 0
        while self.stopped is None:
            await self._arrived.wait()
            self._arrived.clear()
            try:
                await self._take_in()
                attempt = 0
            except (Uncertain, Refused) as error:
                _log.warning("the log could not be read (%s); trying again", error)
                await self._log.server.sleep(pause(self._log.server, attempt))
                attempt += 1
                self._arrived.set()
            except LogDamaged as error:
                _log.critical("%s; this process keeps what it has and writes no more", error)
                self._damage = error
            except UpgradeNeeded:
                continue  # the log has told of it, and stays stopped
            except Exception:  # noqa: BLE001 - the log has it all, and is read again
                _log.exception("following the log has failed; it is read again")
                await self._log.server.sleep(pause(self._log.server, attempt))
                attempt += 1
                self.read_again()

    async def _take_in(self) -> None:
        async with self.turn:
            await self._advance()
            while self._outdated:
                await self._make_up()
        if self._early:
            await self._wait_for_gap()

    async def _make_up(self) -> None:
        """Read what events were lost; losses during the reading count anew."""
        self._outdated = False
        try:
            await self.catch_up()
            await self._log.read_catalog()
        except (Uncertain, Refused):
            self._outdated = True
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
        await asyncio.wait(
            {arrival := asyncio.ensure_future(self._arrived.wait())}, timeout=remaining
        )
        arrival.cancel()
        self._arrived.set()

    # Reading the log; the caller holds the turn

    async def catch_up(self) -> None:
        """Read all lanes to their ends and apply what is new. One API call for 100 frames of a
        lane, and one to see that it ends.

        Raises:
            LogDamaged: a position is missing though later ones are there, or a frame is not what
                was written.
            UpgradeNeeded: the log goes on in a later format.
            Uncertain, Refused: Discord could not be read.
        """
        looks = 0
        while True:
            before, began = self._replica.head.seq, self._log.moment()
            following = sorted((before + 1 + step for step in self._lanes), key=self._lane_of)
            await self._read_lanes(after=[self._replica.positions.below(seq) for seq in following])
            await self._advance()
            if not self._early:
                self._log.confirm(began)
                return
            looks = looks + 1 if self._replica.head.seq == before else 0
            if looks == _LOOKS:
                break
            await self._log.server.sleep(pause(self._log.server, looks))
        missing = self._replica.head.seq + 1
        raise LogDamaged(
            f"this position is missing from the log, though position {min(self._early)} is there: "
            f"its message has been deleted, or altered so that it is no frame any more",
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

    async def refresh(self) -> None:
        """Apply every commit that was acknowledged before this call. One API call where there is
        none, and one more where the head has to be looked up (:meth:`make_sure`).

        Raises:
            LogDamaged, UpgradeNeeded: the log cannot be read to its end.
            Uncertain, Refused: Discord could not be read.
        """
        if self.stopped is not None:
            raise self.stopped
        while True:
            head, began = self._replica.head.seq, self._log.moment()
            for entry in await self._log.newer(head, self._replica.positions.below(head + 1)):
                self._note(entry, read=True)
            await self._advance()
            if self._replica.head.seq == head:
                break
        if self._early:
            await self.catch_up()
        elif self._unsure and await self._look_up_head():
            await self.refresh()
        else:
            self._log.confirm(began)

    async def make_sure(self) -> None:
        """Before something is proposed at the head: see to it that the head is right, and that what
        comes after it was empty a short while ago. No API call where that is known already.

        Raises:
            LogDamaged, UpgradeNeeded: the log cannot be read to its end.
            Uncertain, Refused: Discord could not be read.
        """
        if self.stopped is not None or self._log.doubtful() or self._unsure:
            await self.refresh()

    def _lane_of(self, seq: int) -> int:
        return seq % len(self._lanes)

    async def _look_up_head(self) -> bool:
        """Read the head's position from the log; whether it holds something else than was
        thought.
        """
        seq, chain = self._replica.head.seq, self._replica.head.chain
        for entry in await self._log.at(seq, after=self._replica.positions.below(seq)):
            self._note(entry, read=True)
        self._unsure = 0
        await self._advance()
        return self._replica.head.chain != chain

    async def adopt(self, entry: Entry) -> None:
        """Apply the frame of another writer, which came first at the position after the head."""
        self._note(entry, read=True)
        await self._advance()

    async def _advance(self) -> None:
        """Apply all that follows the head without a gap."""
        while True:
            if await self._changes_history() or self._breaks_the_chain():
                await self._rebuild()
            await self._apply_what_follows()
            # What came at an applied position in the meantime has not been looked at.
            if not self._passed():
                return

    async def _apply_what_follows(self) -> None:
        ready = self._decided(self._replica.head)
        while batch := list(islice(ready, _BATCH)):
            candidates = [other for entry, _ in batch for other in self._early[entry.header.seq]]
            head = self._replica.positions.message_at(self._replica.head.seq)
            await self._apply(batch)
            *_, before, last = (head, *(entry.message.id for entry, _ in batch))
            self._unsure = self._replica.head.seq if self._could_be_second(last, before) else 0
            self._drop(candidates)

    def _passed(self) -> list[Entry]:
        """Return the entries that are kept at positions which have been applied."""
        head = self._replica.head.seq
        return [entry for seq, held in self._early.items() if seq <= head for entry in held]

    def _drop(self, entries: Iterable[Entry]) -> None:
        """Keep entries no longer: they have been looked at."""
        for entry in entries:
            held = self._early[entry.header.seq]
            held.remove(entry)
            if not held:
                del self._early[entry.header.seq]
            self._read_back.discard(entry.message.id)

    def _decided(self, head: Head) -> Iterator[tuple[Entry, bool]]:
        """Yield what follows a head in order: each position's entry, and whether it counts or is
        void.
        """
        seq, chain = head.seq + 1, head.chain
        while candidates := self._early.get(seq):
            winner = decide(candidates, chain)
            if winner is None:
                yield min(candidates, key=lambda entry: entry.message.id), False
            else:
                yield winner, True
                chain = winner.header.hash
            seq += 1

    async def _apply(self, batch: Sequence[tuple[Entry, bool]]) -> None:
        """Apply a run of positions; up to the first damaged one, if there is one."""
        sound, failed = await self._read(batch)
        await self._log.server.work(lambda: self._replica.apply(sound))
        self.tell()
        if failed is not None:
            raise failed

    async def _read(
        self, batch: Sequence[tuple[Entry, bool]]
    ) -> tuple[list[Commit | Entry], BaseException | None]:
        """Read the commits of a run of positions, up to the first that cannot be read, and say why
        not.
        """
        reading: list[Awaitable[Commit | Entry]] = [
            self._log.read(entry) if counts else _void(entry) for entry, counts in batch
        ]
        read = await asyncio.gather(*reading, return_exceptions=True)
        sound: list[Commit | Entry] = []
        for commit in read:
            if isinstance(commit, BaseException):
                return sound, commit
            sound.append(commit)
        return sound, None

    # Two messages at one position

    async def _changes_history(self) -> bool:
        passed, positions = self._passed(), self._replica.positions
        if any(map(positions.changes_history, passed)):
            return True
        old = [entry for entry in passed if entry.header.seq < positions.oldest]
        changed = bool(old) and await self._log.server.work(
            lambda: self._replica.changes_history(old)
        )
        if not changed:
            self._drop(passed)
        return changed

    def _could_be_second(self, message: int, before: int) -> bool:
        """Return whether an earlier message may stand at the same position, unheard of: an event
        told of this one, and its nonce may have been used and forgotten since the position below it
        was written.
        """
        if message in self._read_back:
            return False
        late = self._log.doubtful() and seconds_between(before, message) > TRUST
        return late or not self._log.enforced

    def _breaks_the_chain(self) -> bool:
        """Return whether a frame does not fit the one below it, and the one below is known from an
        event only.
        """
        sure = not self._unsure
        for entry, counts in self._decided(self._replica.head):
            sure = sure and entry.message.id in self._read_back
            if not counts and not sure:
                return True
        return False

    async def _rebuild(self) -> None:
        """Start again from the first frame: the log does not go on from what had been decided."""
        _log.error("two messages carry one position: the replica is built again from the log")
        await self._read_lanes(after=[0] * len(self._lanes))
        commits, failed = await self._read(list(self._decided(Head(0, GENESIS))))
        if failed is not None:
            raise failed
        await self._log.server.work(lambda: self._replica.replay(commits))
        self.tell()
        self._unsure = 0


async def _void(entry: Entry) -> Entry:
    """Return a frame that does not fit the one below it: void if it was written ahead, else a sign
    of damage.
    """
    if not entry.header.behind:
        raise LogDamaged(
            "the frame of this position does not fit the one below it: one of the two was altered",
            position=entry.header.seq,
            channel=entry.message.channel,
            message=entry.message.id,
        )
    return entry
