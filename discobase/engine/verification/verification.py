"""One verification, from the first call to the report."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from discobase.engine.checkpoints.store import CheckpointListing, CheckpointStore, Stored
from discobase.engine.log.commit_log import CommitLog
from discobase.engine.log.formats import upgrade_needed
from discobase.engine.log.frame import GENESIS, Limits, Malformed
from discobase.engine.log.history import read_channel
from discobase.engine.log.superblock import Superblock
from discobase.engine.operations import LaterFormat
from discobase.engine.replica import Replica
from discobase.engine.server.retry import persist
from discobase.engine.server.seam import UNKNOWN_CHANNEL, NotFound, Server
from discobase.engine.trouble import Troubles
from discobase.engine.verification.beginning import Beginning, beginning_of
from discobase.engine.verification.checkpoints import Held, compare, ignored, look_into
from discobase.engine.verification.judgement import Judged, judge
from discobase.engine.verification.lanes import Lanes
from discobase.engine.verification.memory import Memory, memory_of
from discobase.engine.verification.observer import Observer
from discobase.engine.verification.positions import findings_at
from discobase.engine.verification.replay import Fetched, Replay, State
from discobase.engine.verification.report import Finding, Report
from discobase.progress import Gauge, Step

_POSITIONS = 256
"""Positions in one step aside: some 10 ms of small commits, after which others get the interpreter
(measured for the follower)."""

_BYTES = 1 << 20
"""Bytes of payload in such a step, about: what 20,000 small records take. A frame may be larger,
and is read whole. A guess."""

_WORST_FIRST = {"damage": 0, "warning": 1, "note": 2}


class Verification:
    """Reads all of a database, and compares it with what this process has. Used once.

    Args:
        server: the seam.
        superblock: what and where the database is.
        replica: what this process has, if it has anything.
        limits: what a message carries.
        gauge: told how far it has come.
    """

    def __init__(
        self,
        server: Server,
        superblock: Superblock,
        replica: Replica | None,
        limits: Limits,
        gauge: Gauge,
    ) -> None:
        self._observer = Observer(server)
        self._server = self._observer.seam
        self._superblock = superblock
        self._replica = replica
        self._gauge = gauge
        self._log = CommitLog(self._server, superblock, Troubles())
        self._store = CheckpointStore(self._server, superblock, limits)
        self._lanes = Lanes(self._server, superblock)
        self._replay = Replay(self._server, superblock)
        self._memory = Memory()
        self._judged: Sequence[Judged] = ()
        self._beginning = Beginning()
        self._chain: str | None = GENESIS
        self._compared: int | None = None
        self._findings: list[Finding] = []
        self._in_the_log: list[Finding] = []
        self._kept: list[int] = []
        self._payloads: dict[int, bytes] = {}

    async def run(self) -> Report:
        """Do it.

        Raises:
            UpgradeNeeded: something is there that a later version has written.
            Refused, Uncertain: something could not be read.
        """
        began = self._server.monotonic()
        try:
            listing = await self._look()
            await self._read_lanes(listing)
            await self._replay_all(listing)
            state = await self._last_state()
        finally:
            await self._replay.close()
        damaged = {found.message for found in self._in_the_log if found.severity == "damage"}
        gone = {message for message in damaged if message is not None}
        self._findings += self._lanes.findings(gone)
        self._findings += [
            self._covered(found)
            for found in self._in_the_log
            # That it was edited is no news of what is damaged.
            if found.severity != "warning" or found.message not in damaged
        ]
        return Report(
            position=self._beginning.head.seq + len(self._judged),
            state=state.hash,
            compared=self._compared,
            messages=self._lanes.count,
            records=state.records,
            checkpoints=tuple(self._kept),
            calls=self._observer.calls,
            seconds=self._server.monotonic() - began,
            findings=tuple(sorted(self._findings, key=_place)),
        )

    # What is there

    async def _look(self) -> CheckpointListing:
        """Note what this process has, then look at what else than the log there is: what is
        remembered is there to be read, then.
        """
        with self._gauge.step("looking at the database"):
            self._memory = await self._server.aside(partial(memory_of, self._replica))
            await self._look_at_catalog()
            listing = await self._list_checkpoints()
        if self._memory.why_not:
            why = f"the records of this process could not be compared: {self._memory.why_not}"
            self._findings.append(Finding("warning", why))
        self._findings += ignored(listing)
        await self._begin(listing)
        return listing

    async def _begin(self, listing: CheckpointListing) -> None:
        """Begin where this generation of the log does."""
        begin = await beginning_of(self._server, self._store, self._superblock, listing)
        self._beginning, self._chain = begin, begin.head.chain
        self._findings += begin.findings
        for frame in begin.frames:
            self._lanes.arrivals.note(frame.entry, read=True)
        if begin.held is not None:
            await self._replay.restore(begin.held.packed, begin.held.stored.manifest)
        elif begin.head.seq:
            self._replay.known = False
        self._payloads = {
            frame.entry.message.id: frame.payload
            for frame in begin.frames
            if frame.payload is not None
        }

    async def _look_at_catalog(self) -> None:
        catalog = self._superblock.catalog
        what = "the superblock is gone, or was altered: who connects from now on finds no database"
        try:
            messages = await read_channel(self._server, catalog)
        except NotFound as error:
            _require_unknown_channel(error)
            messages = []
        for message in messages:
            try:
                found = self._superblock.stands_in(message.content)
            except LaterFormat as later:
                if message.author == self._server.author:
                    raise upgrade_needed(later, message) from None
                continue
            if message.author == self._server.author and found:
                return
        self._findings.append(Finding("damage", what, channel=catalog))

    async def _list_checkpoints(self) -> CheckpointListing:
        try:
            return await self._store.list()
        except NotFound as error:
            _require_unknown_channel(error)
            channel = self._superblock.checkpoints
            what = "the channel for checkpoints has been deleted"
            self._findings.append(Finding("warning", what, channel=channel))
            return CheckpointListing()

    # The log

    async def _read_lanes(self, listing: CheckpointListing) -> None:
        """Read the lanes, and judge every position. What is missing is looked for once more, a
        little later.
        """
        channels = await persist(self._server, self._server.channels)
        ends = {channel.id: channel.last_message for channel in channels}
        head = self._memory.head.seq
        with self._gauge.step("reading the log", head, "messages") as step:
            await self._lanes.read(ends, step)
            positions = (stored.manifest.seq for stored in listing.stored)
            until = max(head, self._lanes.existing, *positions)
            await self._judge(until)
            if self._lanes.unexplained or any(each.breaks for each in self._judged):
                await self._server.sleep(self._server.settling)
                await self._lanes.read_on(step)
                await self._judge(until)

    async def _judge(self, until: int) -> None:
        arrivals, chains, begin = self._lanes.arrivals, self._memory.chain_at, self._beginning.head
        self._judged = await self._server.aside(lambda: [*judge(arrivals, begin, until, chains)])

    async def _replay_all(self, listing: CheckpointListing) -> None:
        checkpoints = defaultdict[int, list[Stored]](list)
        for stored in listing.stored:
            checkpoints[stored.manifest.seq].append(stored)
        stops = {*checkpoints, self._memory.head.seq}
        with self._gauge.step("replaying the log", len(self._judged), "commits") as step:
            await self._stop_at(self._beginning.head.seq, checkpoints)
            for batch in _batches(self._judged, stops):
                await self._take(batch, step)
                await self._stop_at(batch[-1].seq, checkpoints)

    async def _take(self, batch: Sequence[Judged], step: Step) -> None:
        for judged in batch:
            self._in_the_log += findings_at(judged, self._memory, self._superblock)
            if judged.entry is None:
                self._chain = self._memory.chain_at(judged.seq + 1)
            elif judged.counts:
                self._chain = judged.entry.header.hash
        fetched = await asyncio.gather(*map(self._fetched, batch))
        self._in_the_log += await self._replay.take(fetched)
        step.add(len(batch))

    async def _fetched(self, judged: Judged) -> Fetched:
        if judged.entry is None or not judged.counts:
            return Fetched(judged)
        payload = self._payloads.get(judged.entry.message.id)
        if payload is not None:
            return Fetched(judged, payload=payload)
        try:
            return Fetched(judged, await self._log.files(judged.entry))
        except (Malformed, NotFound) as error:
            return Fetched(judged, error)

    # What is compared with it

    async def _stop_at(self, seq: int, checkpoints: Mapping[int, Sequence[Stored]]) -> None:
        """Compare what there is of a position with what the log comes to there."""
        for stored in checkpoints.get(seq, ()):
            held = await look_into(self._server, self._store, stored)
            if held is None:
                continue
            wrong = held if isinstance(held, Finding) else await self._compare(held)
            if wrong is not None:
                self._findings.append(wrong)
            else:
                self._kept.append(seq)
        if seq == self._memory.head.seq and self._memory.state:
            await self._compare_with_memory(seq)

    async def _compare(self, held: Held) -> Finding | None:
        seq = held.stored.manifest.seq
        first = seq - self._beginning.head.seq
        following = self._judged[max(0, first) : first + len(self._superblock.lanes)]
        return await compare(held, self._chain, self._replay, following)

    async def _compare_with_memory(self, seq: int) -> None:
        if not self._replay.known:
            what = "the records of this process could not be compared: the log does not come so far"
            self._findings.append(Finding("note", what, seq))
            return
        self._compared = seq
        if (await self._replay.state()).hash != self._memory.state:
            what = "the records that this process has are not those that the log comes to"
            self._findings.append(Finding("damage", what, seq))

    async def _last_state(self) -> State:
        return await self._replay.state() if self._replay.known else State("", 0)

    def _covered(self, found: Finding) -> Finding:
        """Return what is wrong in the log: no damage where a checkpoint has what came of it."""
        above = [seq for seq in self._kept if found.position is not None and seq >= found.position]
        if found.severity != "damage" or not above:
            return found
        what = f"{found.what}. The checkpoint of position {above[0]} has what it came to"
        return replace(found, severity="warning", what=what)


def _batches(judged: Sequence[Judged], stops: set[int]) -> Iterator[Sequence[Judged]]:
    """Cut positions into steps, each of which ends where something is to be compared, or before."""
    batch: list[Judged] = []
    size = 0
    for each in judged:
        batch.append(each)
        size += 0 if each.entry is None else each.entry.header.size
        if len(batch) == _POSITIONS or size >= _BYTES or each.seq in stops:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _require_unknown_channel(error: NotFound) -> None:
    if error.code != UNKNOWN_CHANNEL:
        raise error


def _place(found: Finding) -> tuple[int, int, bool, int]:
    message = found.message or 0
    return _WORST_FIRST[found.severity], found.position or 0, message == 0, message
