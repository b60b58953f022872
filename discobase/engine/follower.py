"""Keeps a replica at the head of the log: events are applied in order, gaps are fetched, the start
is caught up with.

All state changes of the replica happen under :attr:`Follower.turn`, which the committer takes too:
while a proposal is in flight nobody else moves the head.

What arrives is applied, and what counts is decided, by the :class:`Applier
<discobase.engine.applier.Applier>`. A head that may not be the right one is looked up before
anything is built on it (:meth:`Follower.make_sure`).

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
from collections.abc import Collection, Sequence

from discobase.engine.applier import Applier
from discobase.engine.checkpoints.recovery import Recovery
from discobase.engine.checkpoints.store import Stored
from discobase.engine.doubt import CHECK_SECONDS, Doubt
from discobase.engine.gone import Gone
from discobase.engine.holes import Holes
from discobase.engine.log.commit_log import CommitLog
from discobase.engine.log.creation import Found
from discobase.engine.log.entry import Entry
from discobase.engine.log.listing import Listing
from discobase.engine.log.superseded import Superseded
from discobase.engine.replica import Head, Replica, ReplicaLost
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
from discobase.engine.trouble import Trouble
from discobase.engine.versions import release_of
from discobase.errors import (
    ChannelDeleted,
    DatabaseEnded,
    LogDamaged,
    Unavailable,
    UpgradeNeeded,
)

_log = logging.getLogger(__name__)

GAP_SECONDS = 1.0
"""For which a missing position may be on its way before it is fetched: events of several lanes may
overtake each other. By how much is not known; a guess, well above a round trip."""

_LOOK_SECONDS = 5.0
"""Between two looks at a last message that nothing explains: a guess."""

_OLD_SECONDS = 3600.0
"""By how much a replica that was kept has to be older than the log's newest message for a
checkpoint to be looked for: a guess. In an hour some 10,000 commits can be written, which are pages
enough to be worth the call."""

_POLL_SECONDS = 0.5
"""Between two questions whether writing may go on: a guess, well below what a caller notices."""


class Follower:
    """Applies the log to a replica, as it grows.

    Args:
        log: the log.
        replica: the replica, which nobody else changes except under :attr:`turn`.
        recovery: which checkpoint it begins at.
        hears: whether events come. Where they never do, reading has to notice what they would tell.

    Attributes:
        turn: held by whoever changes the replica.
        awaited: who waits for a position.
        lost: commits that do not count.
        holes: what was deleted or altered of what has been applied.
        gone: the channels that were deleted.
        tell: tells those who wait for a position that the head has moved.
    """

    def __init__(
        self, log: CommitLog, replica: Replica, recovery: Recovery, *, hears: bool = True
    ) -> None:
        self._log = log
        self._hears = hears
        self._replica = replica
        self._recovery = recovery
        self._arrived = asyncio.Event()
        self._outdated = False
        self._behind = False
        self._gap = (-1, 0.0)
        self._lanes = range(len(log.superblock.lanes))
        self._doubt = Doubt(log.server, self._arrived.set, log.troubles)
        self._applier = Applier(log, replica, recovery, self._doubt, self._arrived.set)
        self.holes = Holes(log, replica, self._applier, self._doubt)
        self.gone = Gone(log.superblock, log.troubles, self._doubt.declared)
        self.turn = asyncio.Lock()
        self.awaited = self._applier.awaited
        self.lost = self._applier.lost
        self.tell = self._applier.tell

    @property
    def stopped(self) -> DatabaseEnded | LogDamaged | UpgradeNeeded | None:
        """Why nothing may be written, nor called up to date; None while all is well. A copy: who
        raises it adds a traceback of their own.
        """
        # What is gone of a database that has ended is no damage.
        stop = self._log.stop
        damage = None if stop.ended else self._doubt.damage
        return copy.copy(damage or stop.ended or stop.later or self._superseded())

    def _superseded(self) -> UpgradeNeeded | None:
        """Return why this version may not write, by what the log says at the head; None where it
        may. What others write is applied all the same: an operator may take it back.
        """
        minimum = self._replica.writers.minimum
        if minimum is None or release_of(minimum) <= self._log.release:
            return None
        return UpgradeNeeded("a minimum version that its operator has set", minimum)

    @property
    def _is_over(self) -> bool:
        """Whether nothing of the log is to be applied any more."""
        return self._log.stop.later is not None or self._log.stop.ended is not None

    @property
    def healing(self) -> bool:
        """Whether something is being healed, and nothing is to be written before that is done."""
        return self._doubt.healing is not None

    @property
    def sealed(self) -> bool:
        """Whether the log has been sealed for another generation, in which it goes on."""
        return self._replica.sealed > self._log.superblock.generation

    @property
    def on_hold(self) -> bool:
        """Whether nothing is to be written before something else is done: what is being healed or
        made again, or the change of generation. From any thread.
        """
        if self.healing or self.gone.awaited is not None:
            return True
        return self.sealed or self._log.catalog.successor.known.is_set()

    @property
    def held_up(self) -> str | None:
        """What writing waits for, in sentences; None where it waits for nothing. From any
        thread.
        """
        if self.sealed:
            return (
                "Saves wait while the log changes to a new generation, as a vacuum makes one; if "
                "whoever makes it has died, for half a minute at the most."
            )
        if (deleted := self.gone.awaited) is not None:
            return _waiting("made again", deleted, self.gone.hindrance)
        if (wound := self._doubt.healing) is not None:
            return _waiting("healed", wound, self.holes.hindrance)
        for channel, message in self._log.ends.unexplained.items():
            return (
                f"Saves wait, for half a minute at the most, for a process that still has what is "
                f"gone: message {message}, the newest of channel {channel}, has been deleted, and "
                f"nothing tells what it was."
            )
        return None

    @property
    def behind(self) -> bool:
        """Whether something may be in the log that has not been applied, though events come. From
        any thread.
        """
        return self._behind or bool(self._applier.arrivals) or self.stopped is not None

    @property
    def sure(self) -> bool:
        """Whether the head is known to be the right one."""
        return not self._applier.unsure

    # Events

    def handle(self, event: Event) -> None:
        """Take note of an event. Called on the loop, in the order of the gateway; never waits."""
        match event:
            case MessageArrived(message=message):
                self._hear(message)
            case MessageChanged():
                if self.holes.note(event):
                    self._arrived.set()
            case EventsLost():
                self.read_again()
            case AccessChanged():
                pass  # what it comes to is told when it has been looked at

    def _hear(self, message: Message) -> None:
        if self._log.is_echo(message):
            return
        try:
            entry = self._log.entry(message)
        except (DatabaseEnded, UpgradeNeeded):
            self._arrived.set()
            return
        if entry is None:
            if message.channel in self._log.superblock.lanes:
                self._log.ends.hear_stranger(message.channel, message.id)
            return
        self._log.sending.forestalled(entry)
        if self._doubt.damage is None and not self._is_over:
            self.note_told()
            self._applier.note(entry, read=False)
        elif self.holes and entry.header.seq <= self._replica.head.seq:
            # It may have taken the place of what is gone: look at once.
            self._doubt.look_at_once()

    def read_again(self) -> None:
        """Read the lanes as soon as may be: something may be there that was not heard of."""
        self._outdated = self._behind = True
        self._arrived.set()

    def look_at_catalog(self) -> None:
        """Look at the catalog as soon as may be: a superblock has come, which may be of a later
        generation.
        """
        self.holes.note_superblock()
        if self._doubt.damage is not None:
            self._doubt.look_at_once()  # others may have healed it so
        self._arrived.set()

    def note_told(self) -> None:
        """Note that up to now events have told all that there was, unless something may have been
        missed.
        """
        if not self.behind:
            self._log.last_look.note_current(self._log.last_look.moment())

    def look(self) -> None:
        """Look at what there is to do: the replica's file has failed."""
        self._arrived.set()

    async def follow(self) -> None:
        """Apply what arrives, until cancelled, until the log goes on in a later format, or in
        another generation, or until the database has ended.
        """
        attempt = 0
        while not (self._is_over or self._log.catalog.successor.known.is_set()):
            await self._something_to_do()
            try:
                await self._take_in()
                self._tell_whether_superseded()
                attempt = 0
            except (Uncertain, Refused) as error:
                _log.warning("the log could not be read (%s); trying again", error)
                await self._log.server.sleep(pause(self._log.server, attempt))
                attempt += 1
                self._arrived.set()
            except (DatabaseEnded, LogDamaged, UpgradeNeeded) as error:
                _log.debug("following has stopped: %s", error)
            except Exception as error:  # noqa: BLE001 - the log has it all, and is read again
                failed = Trouble("fault", "following the log has failed; it is read again")
                self._log.troubles.tell(failed, error=error)
                await self._log.server.sleep(pause(self._log.server, attempt))
                attempt += 1
                self.read_again()

    def _tell_whether_superseded(self) -> None:
        if (error := self._superseded()) is not None:
            self._log.troubles.begin(Trouble("version", str(error), writes_blocked=True))
        elif self._log.stop.later is None:
            self._log.troubles.end("version", "this version of discobase may write again")

    async def _something_to_do(self) -> None:
        """Wait for an event; where the log is damaged, or something in it is not explained yet, no
        longer than until it is looked at again.
        """
        waiting = None if self._doubt.damage is None else CHECK_SECONDS
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
            if self._doubt.damage is not None:
                await self._check_again()
                return
            await self._advance()
            while self._outdated or self.holes.changed:
                await self._make_up()
            if self.holes.catalog_changed:
                await self.holes.examine_catalog()
            if self._log.ends.unexplained:
                await self._look_on()
        if self._applier.arrivals:
            await self._wait_for_gap()

    async def _make_up(self) -> None:
        """Read what events were lost; losses during the reading count anew."""
        outdated, self._outdated = self._outdated, False
        try:
            listing = await self.catch_up()
            if outdated:
                self.gone.suspect(listing)
                await self.holes.examine_catalog(listing)
        except (Uncertain, Refused):
            self._outdated = outdated or self._outdated
            raise
        self._behind = self._outdated

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

    async def begin(self, found: Found, *, moved: bool = False) -> None:
        """Read the log for the first time, as far as it went when the database was looked for: from
        the newest checkpoint on, where there is one that holds. One API call for 100 frames of a
        lane, and one for the list of checkpoints where there ever was one: not for a replica that
        was kept, unless it is old.

        Args:
            found: the database.
            moved: whether the replica was made of other lanes.

        Raises:
            LogDamaged, UpgradeNeeded, Uncertain, Refused: as :meth:`catch_up`.
        """
        await self._log.catalog.take(found.catalog)
        try:
            await self._begin(found, moved=moved)
        except ReplicaLost:  # its file has failed: another one is there, which holds nothing yet
            await self.catch_up()
        self._log.require_taken_over(self._replica.head.seq + 1)

    async def _begin(self, found: Found, *, moved: bool) -> None:
        if self._replica.head.seq:
            await self._applier.move_on(moved=moved)
        candidates = await self._checkpoints_ahead(found.listing)
        if candidates is None:
            await self._go_on(found.listing)
            return
        if not await self._applier.begin(candidates, found.listing):
            await self.catch_up(found.listing)
            return
        await self._advance()
        if self._applier.arrivals:
            await self.catch_up()
        else:
            self._compare_ends(found.listing)

    async def _go_on(self, listing: Listing) -> None:
        """Read on from what was kept. Without events a short job reads no lane that ends where it
        did, and asks for the newest message alone.
        """
        if self._hears:
            await self.catch_up(listing)
        else:
            await self._examine_untold(await self._look(listing))

    async def _checkpoints_ahead(self, listing: Listing) -> Sequence[Stored] | None:
        """Return the checkpoints to begin at, the newest first; None where it is better to go on
        from where the replica stands.
        """
        head = self._replica.head.seq
        if head == 0:
            return await self._recovery.candidates(listing)
        known = self._replica.positions.message_at(head)
        last = max((listing.last.get(lane, 0) for lane in self._log.superblock.lanes), default=0)
        if seconds_between(known, last) < _OLD_SECONDS:
            return None
        candidates = await self._recovery.candidates(listing)
        return candidates if self._applier.reading.spares_pages(candidates) else None

    async def make_up_for_the_start(self) -> None:
        """Read what was written between the first reading and the begin of a session, if one has
        begun since. One API call where that is nothing.

        Not the newest message of each lane is looked for, as after other sessions that were lost:
        all of them were read a moment ago.

        Raises:
            LogDamaged, UpgradeNeeded, Uncertain, Refused: as :meth:`catch_up`.
        """
        while self._outdated:
            self._outdated = False
            listing = await self._look()
            if not self._log.catalog.is_known(listing):
                await self.holes.examine_catalog(listing)
        self._behind = False

    async def catch_up(self, listing: Listing | None = None) -> Listing:
        """Look, read all lanes to their ends, and apply what is new; again, for half a minute, as
        long as something does not fit. One API call, and one for 100 frames of a lane; one more for
        a lane whose newest message is gone.

        Args:
            listing: how far the channels went, where they have just been listed.

        Returns:
            How far they went when what fits was read.

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
                listing = await self._read_and_apply(listing)
            except Superseded:
                raise
            except LogDamaged as error:
                if isinstance(error, ChannelDeleted) and self.gone.note(error):
                    raise
                listing = None
                if await self._applier.goes_on_from_a_checkpoint(error):
                    continue
                if self._doubt.damage is not None:
                    raise
                attempt = attempt + 1 if self._replica.head.seq == before else 0
                if self._doubt.holds(error):
                    if await self._applier.goes_on_above(error):
                        continue
                    raise self._doubt.declared(error) from error.__cause__
                await self._log.server.sleep(pause(self._log.server, attempt))
            else:
                self._doubt.end()
                return listing

    async def _read_and_apply(self, listing: Listing | None) -> Listing:
        """Read what there is once, and apply what follows.

        Raises:
            LogDamaged: something does not fit, as far as can be seen now.
        """
        await self.holes.examine_changes()
        if listing is None:
            listing = await self._log.list_channels()
        after = self._replica.positions.read_from()
        await self._applier.reading.read_lanes(after=after, listing=listing)
        await self.holes.miss_none(after)
        await self._applier.apply_all()
        if self._applier.arrivals:
            raise self._applier.missing()
        self._compare_ends(listing)
        return listing

    async def refresh(self) -> None:
        """Apply every commit that was acknowledged before this call. One API call where there is
        none, and one more where the head has to be looked up (:meth:`make_sure`), or where no
        events come and the last look is a minute ago.

        Raises:
            LogDamaged, UpgradeNeeded: the log cannot be read to its end.
            Uncertain, Refused: Discord could not be read.
        """
        began = self._log.last_look.moment()
        self.require_sound()
        if not await self._read_on() and self._applier.arrivals:
            await self.catch_up()
        elif self._applier.unsure and await self._applier.look_up_head():
            await self.refresh()
        else:
            if self.sealed:
                await self._log.catalog.read()  # it may go on elsewhere
            self._log.last_look.note_current(began)
            await self._look_for_changes()

    async def _read_on(self) -> bool:
        """Read what follows the head, and apply it, until nothing does, or until all that was there
        when this began is applied: others may write faster than it is read. Return whether it was
        that.
        """
        enough = None
        while True:
            head = self._replica.head.seq
            entries = await self._log.newer(head, self._replica.positions.below(head + 1))
            for entry in entries:
                self._applier.note(entry, read=True)
            await self._advance()
            if self._replica.head.seq == head:
                return False
            if enough is None:
                # Positions have no gaps, and this lane's next one was not there.
                last = max((entry.header.seq for entry in entries), default=head)
                enough = last + len(self._lanes) - 1
            if self._replica.head.seq >= enough:
                return True

    async def _look_for_changes(self) -> None:
        """Look for what events would have told, where none come: that the newest message of a lane
        was deleted, or that there is another superblock. No API call where that was done within a
        minute, else one.
        """
        if self._hears or not self._log.last_look.doubtful():
            return
        await self._examine_untold(await self._look_on())
        if self._log.ends.unexplained:
            self._arrived.set()  # whoever follows looks on

    async def _examine_untold(self, listing: Listing) -> None:
        """See whether the catalog and the message of the head are what they were, which no event
        would tell: others may go on elsewhere, or where the head stood. One API call, and one more
        where there is anything new in the catalog.
        """
        self.gone.suspect(listing)
        if not self._log.catalog.is_known(listing):
            await self.holes.examine_catalog(listing)
        try:
            await self.holes.examine_head()
        except LogDamaged:
            await self.catch_up()  # it may only be late, and is damage where it stays so

    async def make_sure(self) -> None:
        """Before something is proposed at the head: see to it that the head is right, and that what
        comes after it was empty a short while ago. No API call where that is known already.

        Waits, for half a minute at the most, where the last message of a lane is gone and nothing
        that is known explains it.

        Raises:
            LogDamaged, UpgradeNeeded: the log cannot be read to its end.
            Uncertain, Refused: Discord could not be read.
        """
        await self._applier.heal()
        self.require_sound()
        if self.holes.changed:
            await self.catch_up()
        if self.holes.catalog_changed:
            await self.holes.examine_catalog()
        listing = None
        while self._log.last_look.doubtful():
            listing = await self._look_on()
            if self._log.ends.unexplained:
                await self._log.server.sleep(_LOOK_SECONDS)
        if listing is not None and not self._hears:
            await self._examine_untold(listing)
        if self._applier.unsure:
            await self.refresh()
        self.require_sound()

    async def explained(self) -> None:
        """Wait while the newest message of a lane is gone and nothing that is known explains it:
        half a minute at the most, in which :meth:`follow` looks again and again; and while
        something that is gone is being healed, or the log changes to another generation.
        """
        while (self._log.ends.unexplained or self.on_hold) and self.stopped is None:
            await self._log.server.sleep(_POLL_SECONDS)

    def require_sound(self) -> None:
        """See that nothing keeps this process from writing, as far as is known.

        Raises:
            DatabaseEnded, LogDamaged, UpgradeNeeded: something does.
        """
        if (stopped := self.stopped) is not None:
            raise stopped

    async def adopt(self, entry: Entry) -> None:
        """Apply the frame of another writer, which came first at the position after the head."""
        self._applier.note(entry, read=True)
        await self._advance()

    async def is_certain(self, head: Head) -> bool:
        """Look, and return whether the log is known to have come to a head: its frame was read from
        below it, or one above it that continues it (invariant I6). One API call, and one more where
        nothing stands above it.

        Args:
            head: what was the head a while ago.

        Raises:
            LogDamaged, UpgradeNeeded: the log cannot be read to its end.
            Uncertain, Refused: Discord could not be read.
        """
        async with self.turn:
            self.require_sound()
            listing = await self._look()
            if self._log.ends.unexplained or self.holes.changed or self.sealed:
                return False
            if self._replica.head == head and not await self._is_head_there(listing):
                return False
            if self._replica.head == head:
                return not self._applier.arrivals
            above = await self._applier.position(head.seq + 1)
            return above is not None and above.applied and above.chain == head.chain

    async def _is_head_there(self, listing: Listing) -> bool:
        """Read the lane of the head from below it; return whether its message is there."""
        seq, positions = self._replica.head.seq, self._replica.positions
        after = positions.safely_below(seq)
        entries = await self._log.tail(seq % len(self._lanes), after, listing)
        for entry in entries:
            self._applier.note(entry, read=True)
        await self._advance()
        if seq <= self._log.superblock.floor:
            return True  # an earlier generation has decided it
        return positions.message_at(seq) in {entry.message.id for entry in entries}

    # The look

    async def look_beside(self, gone: Collection[int]) -> None:
        """Look at the lanes that are left, where others are gone, and apply what they hold. One API
        call, and one for each lane that holds something newer than is known.

        Args:
            gone: the channels of the others.

        Raises:
            LogDamaged: there is more than can be applied without what is gone.
            Unavailable: the newest message of a lane that is there is gone, and for half a minute
                somebody may know what it was.
            DatabaseEnded, UpgradeNeeded: this version may not write.
            Uncertain, Refused: Discord could not be read.
        """
        stop = self._log.stop
        if (stopped := stop.ended or stop.later or self._superseded()) is not None:
            raise copy.copy(stopped)
        await self._applier.heal()
        listing = await self._log.list_channels(without=gone)
        self._explain_applied()
        await self._read_newer(listing, gone)
        await self._applier.apply_all()
        if self._applier.arrivals:
            raise self._applier.missing()
        if self._applier.unsure and self._log.superblock.lane_of(self._applier.unsure) not in gone:
            await self._applier.look_up_head()
        self._compare_ends(listing)
        self._give_up_unexplained()
        if self._log.ends.unexplained:
            raise Unavailable(f"{self.held_up}")

    async def _read_newer(self, listing: Listing, gone: Collection[int] = ()) -> None:
        """Read every lane that holds something newer than is known, and keep what is there until
        its turn comes.
        """
        channels = self._log.superblock.lanes
        for lane, after in enumerate(self._replica.positions.read_from()):
            if channels[lane] not in gone and not self._is_known(lane, listing):
                for entry in await self._log.tail(lane, after, listing):
                    self._applier.note(entry, read=True)

    async def _look(self, listing: Listing | None = None) -> Listing:
        """See whether any lane holds something newer than is known, and apply that. One API call
        where none does, for the list of channels.

        Args:
            listing: how far they went, where they have just been listed.
        """
        if listing is None:
            listing = await self._log.list_channels()
        self._explain_applied()
        await self._read_newer(listing)
        await self._advance()
        if self._applier.arrivals:
            return await self.catch_up()
        self._compare_ends(listing)
        return listing

    def _is_known(self, lane: int, listing: Listing) -> bool:
        channel = self._log.superblock.lanes[lane]
        last = listing.end_of(channel, known=0) if self._log.catalog.tells_ends(listing) else None
        return last is not None and self._log.ends.is_known(channel, last)

    def _explain_applied(self) -> None:
        for lane, channel in enumerate(self._log.superblock.lanes):
            self._log.ends.explain(channel, self._replica.positions.newest_in(lane))

    def _compare_ends(self, listing: Listing) -> None:
        """Compare the last ids of the lanes with what is known, now that they have been read. Where
        that explains them, the log held nothing else when they were listed.
        """
        self._explain_applied()
        known, now = self._log.ends.unexplained, self._log.server.monotonic()
        for channel in self._log.superblock.lanes:
            self._log.ends.look_at(channel, listing.last.get(channel, 0), now)
        if not self._log.ends.unexplained:
            self._log.last_look.confirm(listing.began)
        for channel, message in self._log.ends.unexplained.items():
            gone = (
                f"message {message}, the newest of channel {channel}, is gone, and nothing tells "
                f"what it was; writing waits for half a minute in case another process still has it"
            )
            self._log.troubles.begin(
                Trouble("damage", gone, writes_blocked=True, channel=channel, message=message),
                of=channel,
            )
        for channel, message in known.items():
            if channel not in self._log.ends.unexplained:
                self._log.troubles.end(
                    "damage",
                    f"message {message}, the newest of channel {channel}, is there, or it is known "
                    f"by now what it was",
                    of=channel,
                )

    async def _look_on(self) -> Listing:
        """Look, and wait no longer for what nothing has explained for half a minute."""
        listing = await self._look()
        self._give_up_unexplained()
        return listing

    def _give_up_unexplained(self) -> None:
        for channel, message in self._log.ends.give_up(self._log.server.monotonic()).items():
            on = f"writing goes on without message {message}, the newest of channel {channel}"
            self._log.troubles.end("damage", on, of=channel)
            self.lost.add_unread(
                channel,
                message,
                "it was the newest message of its channel and has been deleted; nobody has said "
                "what it was, and others write where it may have stood",
            )

    # Damage

    async def _check_again(self) -> None:
        """See whether what is damaged still is, if the last look is a while ago."""
        if not self._doubt.is_due():
            return
        damage = self._doubt.suspend()
        try:
            # Somebody else may have healed it, and this process be one that does not.
            self.holes.healed(await self._applier.reading.covered_up_to())
            await self.holes.examine_again()
            await self.holes.examine_catalog()
            await self.catch_up()
        except (Uncertain, Refused):
            self._doubt.damage = damage
            raise
        except LogDamaged as error:
            self._doubt.damage = error
            raise
        self._log.troubles.end("damage", f"the log is whole again: {damage}")

    # Applying

    async def _advance(self) -> None:
        """Apply all that follows the head without a gap; where something does not fit, read the
        log again until it does, or is damaged.
        """
        try:
            await self._applier.apply_all()
        except LogDamaged:
            await self.catch_up()


def _waiting(until: str, wound: LogDamaged, hindrance: Exception | None) -> str:
    """Return in sentences that saves wait for something."""
    tried = "" if hindrance is None else f" The last try has failed: {hindrance}"
    return f"Saves wait until this is {until}, and are tried again after that: {wound}.{tried}"
