"""The committer: takes requests off the queue, makes commits of them, and tells each caller what
became of its own.

Group commit: whatever waits goes into one frame. A frame is proposed at the head, where each
request holds or fails for itself; then the log decides. Won: the proposal is settled, the callers
get their places. Lost: it is withdrawn, the winner applied, and all of it checked again at the new
head, for the state it was valid on is not the state any more. Thus a commit stands in the log only
where it is valid (invariant I2), and no position is proposed before the one below it has been
applied (invariant I1).
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from math import inf

import janus

from discobase.engine.batch import TOLD_SECONDS, Batch, told_in_time
from discobase.engine.changes import IndexWanted, Request, TextIndexWanted
from discobase.engine.committed import Committed
from discobase.engine.follower import Follower
from discobase.engine.log.commit_log import CommitLog
from discobase.engine.log.entry import Entry
from discobase.engine.log.frame import Draft, Limits, encode
from discobase.engine.log.sending import TRIES, NothingSent, Unanswered
from discobase.engine.log.superseded import Superseded
from discobase.engine.operations import Introduce, Seal
from discobase.engine.replica import Proposal, Replica, ReplicaLost
from discobase.engine.server.seam import NotPermitted, ServerError
from discobase.engine.trouble import Trouble
from discobase.errors import (
    ChannelDeleted,
    DatabaseEnded,
    DiscobaseError,
    Disconnected,
    KeyChanged,
    LogDamaged,
    OutcomeUnknown,
    RecordRefused,
    RecordTooLarge,
    Unavailable,
    UpgradeNeeded,
)

_FILLED_AT_A_TIME = 200
"""Records for which a key column is filled in one step, which a commit may have to wait for: 4 ms
of a processor, at most 10 (measured over 600,000 records whose keys come in no order). More of them
take no less time each, for each comes into another page of the index; less, and the index is late
in a database that is always written to, where one step comes between two commits."""


class Committer:
    """Turns requests into commits, one frame in flight at a time.

    Args:
        log: where the commits go.
        replica: the state at the head.
        follower: applies what other writers commit.
        writer: this writer's id, as it stands in its frames.
        limits: what a message carries.
        label: what the log is to call this writer; empty where nothing.
        committed: called on the loop with each commit that was made, when its callers have been
            answered; never waits. None where nobody has asked.

    Attributes:
        wrote: the position of the last commit that it has made, 0 before the first.
    """

    def __init__(
        self,
        log: CommitLog,
        replica: Replica,
        follower: Follower,
        *,
        writer: str,
        limits: Limits,
        label: str = "",
        committed: Callable[[Committed], object] | None = None,
    ) -> None:
        self._log = log
        self._replica = replica
        self._follower = follower
        self._writer = writer
        self._introduction = Introduce(writer, label) if label else None
        self._limits = limits
        self._committed = committed
        self._loop = asyncio.get_running_loop()
        self.wrote = 0
        self._queue: janus.Queue[Request | IndexWanted | TextIndexWanted] = janus.Queue()
        self._handed_over: deque[Request | IndexWanted | TextIndexWanted] = deque()
        self._shut = False
        self._held_back: Request | None = None
        self._taken: Sequence[Request] = []
        self._left: list[Batch] = []
        self._sent = False
        self._is_filling = False

    def put(self, request: Request | IndexWanted | TextIndexWanted) -> None:
        """Queue a request. From any thread; never waits, and takes no lock: a signal handler or a
        finalizer that comes in the middle may put another one.

        Raises:
            Disconnected: the committer has stopped.
        """
        if self._shut:
            raise _stopped()
        # The queue has a mutex, which is taken on the loop alone.
        self._handed_over.append(request)
        try:
            self._loop.call_soon_threadsafe(self._enqueue)
        except RuntimeError as error:  # the loop is closed
            raise _stopped() from error

    def _enqueue(self) -> None:
        """Queue what was handed over, in its order. On the loop."""
        while self._handed_over:
            request = self._handed_over.popleft()
            if isinstance(request, Request) and request.timeout is not None:
                request.ends = self._log.server.monotonic() + request.timeout
            try:
                self._queue.async_q.put_nowait(request)
            except janus.AsyncQueueShutDown:
                if isinstance(request, Request) and request.future.set_running_or_notify_cancel():
                    Batch([request]).fail(_stopped())

    async def run(self) -> None:
        """Make commits until cancelled, or until there is nothing left to do after :meth:`shut`."""
        with contextlib.suppress(janus.AsyncQueueShutDown):
            while True:
                if not self._left:
                    await self._next_batch()
                batch = self._left.pop() if self._left else Batch(self._taken)
                try:
                    await self._commit(batch)
                except Exception as error:  # noqa: BLE001 - one batch's fault is not the next one's
                    failed = Trouble("fault", "a commit has failed by a fault of discobase")
                    self._log.troubles.tell(failed, error=error)
                    await self._recover(batch, error)
                self._taken = []
                await self._fill()

    def move_on(self, log: CommitLog, follower: Follower) -> None:
        """Go on in another generation of the log, with all that was asked for and not done. When
        :meth:`run` has ended; it is to be run again.

        Args:
            log: where the commits go from now on.
            follower: applies what other writers commit.
        """
        self._log, self._follower = log, follower
        self._sent = False
        self._left = [*Batch(self._taken).unsettled()]
        for batch in self._left:
            for request in batch.requests:
                request.repeat()  # it may be among what the new generation begins with

    def shut(self) -> None:
        """Take no more requests."""
        self._shut = True
        self._enqueue()
        self._queue.shutdown(immediate=False)

    async def stop(self, reason: DiscobaseError) -> None:
        """Fail what waits, and what was under way. After :meth:`shut`, and when :meth:`run` has
        ended.

        Args:
            reason: why the connection ended.
        """
        ended: DiscobaseError = Disconnected(
            f"the connection ended before this was sent, and nothing was written: {reason}"
        )
        if isinstance(reason, KeyChanged):
            ended = copy.copy(reason)
        why = str(reason).removesuffix(" Nothing was written.")  # of the login that says so
        unknown = OutcomeUnknown(f"the connection ended while the commit was under way: {why}")
        is_sent = self._sent and self._log.sending.sent
        for request in self._taken:
            Batch([request]).fail(unknown if is_sent or request.may_be_done else ended)
        waiting = [self._held_back] if self._held_back else []
        while not self._queue.async_q.empty():
            item = self._queue.async_q.get_nowait()
            waiting += [item] if isinstance(item, Request) else []
        left = [request for request in waiting if request.future.set_running_or_notify_cancel()]
        Batch(left).fail(ended)
        await self._queue.aclose()

    # Collecting

    async def _next_batch(self) -> None:
        """Take what waits, as far as one message can carry it; requests that were given up are left
        out.
        """
        item: Request | IndexWanted | TextIndexWanted = (
            self._held_back or await self._queue.async_q.get()
        )
        if isinstance(item, Request):
            # Until it is taken its caller may give it up, and knows then that nothing was written.
            self._held_back = item
            await self._follower.explained()
        self._held_back = None
        batch: list[Request] = []
        self._taken = batch
        size = 0
        while True:
            if isinstance(item, IndexWanted | TextIndexWanted):
                await self._index(item)
            elif batch and size + item.size > self._limits.payload:
                self._held_back = item
                return
            elif item.future.set_running_or_notify_cancel():
                batch.append(item)
                size += item.size
            if self._queue.async_q.empty():
                return
            item = self._queue.async_q.get_nowait()

    async def _index(self, wanted: IndexWanted | TextIndexWanted) -> None:
        async with self._follower.turn:
            await self._log.server.work(partial(self._replica.index, wanted))
        self._is_filling = True

    async def _fill(self) -> None:
        """Fill indexes that were begun, until they are done or there are requests."""
        while self._is_filling:
            async with self._follower.turn:
                self._is_filling = await self._log.server.work(
                    partial(self._replica.fill, _FILLED_AT_A_TIME)
                )
            if not self._queue.async_q.empty():
                return

    # Committing

    async def _commit(self, batch: Batch) -> None:
        batches = [batch] if batch.requests else []
        while batches:
            first, *rest = batches
            with self._told_in_time(rest):
                tried = await self._attempt_in_turn(first)
            batches = [*tried, *(left for each in rest for left in each.unsettled())]

    def _for_turn(self, batch: Batch) -> float | None:
        """Return for how long a batch waits for its turn; None for no limit."""
        left = batch.over - TOLD_SECONDS - self._log.server.monotonic()
        return left if 0 < left < inf else None

    def _told_in_time(self, batches: Sequence[Batch]) -> contextlib.AbstractContextManager[None]:
        """Have callers told in time that nothing was sent: what is waited for may take longer than
        they do.
        """
        return told_in_time(self._log.server, batches, self._unsent)

    def _unsent(self) -> Unavailable:
        return _unsent(self._follower.held_up or "the log is still being read")

    async def _attempt_in_turn(self, batch: Batch) -> Sequence[Batch]:
        """Try to commit a batch at the next position, once nobody else moves the head, and return
        what has to be tried after that. Where the head is in doubt it is looked for first, which
        may take until Discord can be reached again.
        """
        with contextlib.ExitStack() as telling:
            telling.enter_context(self._told_in_time([batch]))
            await self._follower.explained()
            try:
                async with asyncio.timeout(self._for_turn(batch)):
                    await self._follower.turn.acquire()
            except TimeoutError:
                return batch.fail(self._unsent())  # all are told: others may begin to wait
            try:
                return await self._attempt_when_sure(batch, telling)
            finally:
                self._follower.turn.release()

    async def _attempt_when_sure(
        self, batch: Batch, telling: contextlib.ExitStack
    ) -> Sequence[Batch]:
        try:
            await self._follower.make_sure()
        except Superseded:
            return [batch]  # for whoever goes on in the next generation
        except ChannelDeleted as error:
            return self._put_off(batch, error)
        except (DatabaseEnded, LogDamaged, UpgradeNeeded) as error:
            return batch.fail(error)
        except ServerError as error:
            return batch.fail(_unread(error))
        telling.close()
        left = batch.unsettled()
        if self._follower.on_hold or not left:
            return left  # what is to be healed, or a seal, was found just now
        return await self._attempt(left[0])

    async def _recover(self, batch: Batch, fault: Exception) -> None:
        """Tell the callers of a batch that a fault of the program has come between, and go on."""
        told: DiscobaseError = Unavailable(f"a fault of discobase: {fault!r}. Nothing was written.")
        if self._sent:
            told = OutcomeUnknown(f"a fault of discobase while the commit was under way: {fault!r}")
            self._follower.read_again()
        told.__cause__ = fault
        self._sent = False
        async with self._follower.turn:
            await self._log.server.work(self._replica.withdraw)
        batch.fail(told)

    async def _attempt(self, batch: Batch) -> Sequence[Batch]:
        try:
            proposal, draft = await self._log.server.work(partial(self._prepare, batch))
        except RecordTooLarge as error:
            return batch.halves(error)
        except ReplicaLost:
            return [batch]  # built again before the next try
        if draft is None:
            return batch.answer(proposal)
        return await self._append(batch, proposal, draft)

    def _prepare(self, batch: Batch) -> tuple[Proposal, Draft | None]:
        """Propose a batch and make its frame, on the worker; no frame, and nothing left open in the
        replica, where there is nothing to write.
        """
        proposal = self._replica.propose(batch.requests, self._introduction)
        try:
            draft = self._draft(proposal) if proposal.operations else None
        except BaseException:
            self._replica.withdraw()
            raise
        if draft is None:
            self._replica.withdraw()
        return proposal, draft

    def _draft(self, proposal: Proposal) -> Draft:
        return encode(
            proposal.operations,
            seq=proposal.seq,
            chain=proposal.chain,
            writer=self._writer,
            time=self._log.server.now(),
            limits=self._limits,
            sealing=self._log.superblock.sealing,
        )

    async def _append(self, batch: Batch, proposal: Proposal, draft: Draft) -> Sequence[Batch]:
        if self._log.last_look.doubtful():
            # This process stood still since it looked: what comes after the head may be known to
            # the others, and its nonce forgotten.
            await self._log.server.work(self._replica.withdraw)
            return [batch]
        below = self._replica.positions.safely_below(proposal.seq)
        self._sent = True
        try:
            entry, fenced = await self._until_held(batch, draft, after=below)
        except NothingSent as error:
            await self._log.server.work(self._replica.withdraw)
            self._sent = False
            return batch.fail_first(_unsent(str(error))) if error.over else [batch]
        except (DiscobaseError, ServerError) as error:
            await self._log.server.work(self._replica.withdraw)
            self._sent = False
            return self._give_up(batch, error)
        won = entry.header.hash == draft.header.hash
        if won:
            await self._log.server.work(partial(self._settle, batch, proposal, entry))
            self.wrote = entry.header.seq
            self._follower.tell()
            self._tell_of(proposal)
        else:
            await self._log.server.work(self._replica.withdraw)
            batch.note_sent()
        self._sent = False
        if won:
            return ()
        batches = await self._lose(batch, entry)
        if not fenced:
            return batches
        return [part for each in batches for part in each.parted(_unanswered())]

    async def _until_held(self, batch: Batch, draft: Draft, *, after: int) -> tuple[Entry, bool]:
        """Send a frame until its position holds it, or another one. Return which, and whether it
        was a fence that had the answer.

        A server may have no answer to this frame, ever, and to others: a proxy chokes on its size,
        or a bug on what it says. So after some tries a *fence* is sent in its place, an empty frame
        under the same nonce. If the position holds the fence, the other is not written, and never
        will be. If the fence has no answer either, it is not the frame's fault.

        Raises:
            NothingSent: there was no connection until the time of the first caller was over.
        """
        seq, chain = draft.header.seq, draft.header.chain
        patience = batch.ends - TOLD_SECONDS
        append = partial(self._log.append, after=after, chain=chain)
        # Where others are faster, the tries at one position may never be enough.
        left = TRIES - batch.unanswered
        tried = 0
        while True:
            if left > 0:
                with contextlib.suppress(Unanswered):
                    entry = await append(draft, tries=left, tried=tried, patience=patience)
                    batch.note_unanswered(self._log.sending.unanswered)
                    return entry, False
                tried += self._log.sending.unanswered
            with contextlib.suppress(Unanswered):
                return await append(self._fence(seq, chain), tries=1, tried=tried), True
            tried, left = tried + 1, TRIES

    def _fence(self, seq: int, chain: str) -> Draft:
        """Return an empty frame."""
        return self._draft(Proposal(seq, chain))

    async def commit_seal(self, seal: Seal) -> tuple[Entry, bool]:
        """Put a seal above the head, unless somebody else has put something there. In the
        follower's turn. One API call.

        Returns:
            What stands there, and whether it is the seal.

        Raises:
            DiscobaseError, ServerError, Unanswered: it could not be written, as far as is known.
        """
        head = self._replica.head
        draft = self._draft(Proposal(head.seq + 1, head.chain, [seal]))
        after = self._replica.positions.safely_below(draft.header.seq)
        entry = await self._log.append(draft, after=after, chain=head.chain)
        await self._follower.adopt(entry)
        return entry, entry.header.hash == draft.header.hash

    async def commit_nothing(self) -> None:
        """Put an empty frame above the head, unless somebody else has put one there. In the
        follower's turn. One API call.

        Raises:
            DiscobaseError, ServerError, Unanswered: it could not be written, as far as is known.
        """
        head = self._replica.head
        fence = self._fence(head.seq + 1, head.chain)
        after = self._replica.positions.safely_below(fence.header.seq)
        entry = await self._log.append(fence, after=after, chain=head.chain)
        await self._follower.adopt(entry)

    def _tell_of(self, proposal: Proposal) -> None:
        if self._committed is not None:
            encrypted = self._log.superblock.encryption is not None
            self._committed(Committed(proposal.seq, proposal.operations, encrypted))

    def _settle(self, batch: Batch, proposal: Proposal, entry: Entry) -> None:
        """Make a proposal the state, and answer its callers, on the worker: it is in the log."""
        self._replica.settle(entry)
        batch.answer(proposal)

    def _give_up(self, batch: Batch, error: DiscobaseError | ServerError) -> Sequence[Batch]:
        """Tell what became of a batch whose append has failed, or what is to be tried instead."""
        if isinstance(error, RecordTooLarge | RecordRefused):
            return batch.halves(error)
        if isinstance(error, Superseded):
            if self._log.sending.sent:
                for request in batch.requests:
                    request.repeat()  # by its name it is known in the next generation
            return [batch]
        if isinstance(error, ChannelDeleted):
            if self._log.sending.unanswered:
                batch.note_unknown()
            return self._put_off(batch, error)
        unsettled = _unsettled(error)
        if isinstance(unsettled, OutcomeUnknown):
            self._follower.read_again()
        return batch.fail(unsettled)

    def _put_off(self, batch: Batch, error: ChannelDeleted) -> Sequence[Batch]:
        """Have a batch wait for a channel that is about to be made again; else tell its callers
        that it is gone.
        """
        return [batch] if self._follower.gone.note(error) else batch.fail(error)

    async def _lose(self, batch: Batch, winner: Entry) -> Sequence[Batch]:
        """Another writer came first: the batch is to be tried again on top of what that one
        wrote.
        """
        try:
            await self._follower.adopt(winner)
        except Superseded:
            return [batch]
        except ChannelDeleted as error:
            return self._put_off(batch, error)
        except (DatabaseEnded, LogDamaged, UpgradeNeeded) as error:
            return batch.fail(error)
        except ServerError as error:
            return batch.fail(_unread(error))
        return [batch]


def _stopped() -> Disconnected:
    return Disconnected("the connection has ended; nothing was written.")


def _unsent(why: str) -> Unavailable:
    return Unavailable(
        f"Discord could not be reached in time: {why}. Nothing was sent, and nothing was written."
    )


def _unanswered() -> Unavailable:
    return Unavailable(
        "Discord has no answer to this commit, each time it is sent, and to others it has. Its "
        "position holds another one by now: nothing was written. Look whether the record is very "
        "large."
    )


def _unread(error: ServerError) -> DiscobaseError:
    if isinstance(error, NotPermitted):
        return error.reason
    return Unavailable(f"the log could not be read: {error}. Nothing was written.")


def _unsettled(error: DiscobaseError | ServerError) -> DiscobaseError:
    if isinstance(error, DiscobaseError):
        return error
    return OutcomeUnknown(
        f"the commit was sent, and the log could not be read afterwards ({error}): repeat it with "
        f"the same object, which does it once, or look whether it happened."
    )
