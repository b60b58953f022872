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
from collections import deque
from collections.abc import Sequence
from concurrent.futures import InvalidStateError
from functools import partial
from math import inf

import janus

from discobase.engine.changes import IndexWanted, Request, TextIndexWanted
from discobase.engine.follower import Follower
from discobase.engine.log.commit_log import (
    TOLD_SECONDS,
    TRIES,
    CommitLog,
    Entry,
    Unanswered,
    Unreached,
)
from discobase.engine.log.frame import Draft, Limits, encode
from discobase.engine.operations import Introduce
from discobase.engine.replica import Proposal, Replica, ReplicaLost
from discobase.engine.server.seam import NotPermitted, ServerError
from discobase.engine.trouble import Trouble
from discobase.errors import (
    DiscobaseError,
    Disconnected,
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

_COINCIDENCES = 3
"""How often a request by itself may have no answer where another frame in its place has one, which
may be chance: a server can come back just then. A guess; with :data:`TRIES
<discobase.engine.log.commit_log.TRIES>` each, twelve tries have been in vain after that. Two
rounds were too few: half of the sends failing by chance are enough for them now and then."""

Batch = Sequence[Request]
"""Requests that share a frame."""


class Committer:
    """Turns requests into commits, one frame in flight at a time.

    Args:
        log: where the commits go.
        replica: the state at the head.
        follower: applies what other writers commit.
        writer: this writer's id, as it stands in its frames.
        limits: what a message carries.
        label: what the log is to call this writer; empty where nothing.

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
    ) -> None:
        self._log = log
        self._replica = replica
        self._follower = follower
        self._writer = writer
        self._introduction = Introduce(writer, label) if label else None
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self.wrote = 0
        self._queue: janus.Queue[Request | IndexWanted | TextIndexWanted] = janus.Queue()
        self._handed_over: deque[Request | IndexWanted | TextIndexWanted] = deque()
        self._shut = False
        self._held_back: Request | None = None
        self._taken: Sequence[Request] = ()
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
                    _fail_all([request], _stopped())

    async def run(self) -> None:
        """Make commits until cancelled, or until there is nothing left to do after :meth:`shut`."""
        with contextlib.suppress(janus.AsyncQueueShutDown):
            while True:
                await self._next_batch()
                try:
                    await self._commit(self._taken)
                except Exception as error:  # noqa: BLE001 - one batch's fault is not the next one's
                    failed = Trouble("fault", "a commit has failed by a fault of discobase")
                    self._log.troubles.tell(failed, error=error)
                    await self._recover(self._taken, error)
                self._taken = ()
                await self._fill()

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
        ended = Disconnected(
            f"the connection ended before this was sent, and nothing was written: {reason}"
        )
        unknown = OutcomeUnknown(f"the connection ended while the commit was under way: {reason}")
        _fail_all(self._taken, unknown if self._sent and self._log.sent else ended)
        waiting = [self._held_back] if self._held_back else []
        while not self._queue.async_q.empty():
            item = self._queue.async_q.get_nowait()
            waiting += [item] if isinstance(item, Request) else []
        _fail_all(
            [request for request in waiting if request.future.set_running_or_notify_cancel()], ended
        )
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
        batches = [batch] if batch else []
        while batches:
            await self._follower.explained()
            first, *rest = batches
            batches = [*await self._attempt_in_turn(first), *rest]

    async def _attempt_in_turn(self, batch: Batch) -> Sequence[Batch]:
        """Try to commit a batch, once nobody else moves the head: what reads the log may take until
        Discord can be reached again.

        Its callers are told of that in time, but for those whose time is over as it begins, and
        where some of it has been sent before: they find out by themselves.
        """
        ends = min(request.ends for request in batch) - TOLD_SECONDS
        left = ends - self._log.server.monotonic()
        told = 0 < left < inf and not any(request.sent for request in batch)
        try:
            async with asyncio.timeout(left if told else None):
                await self._follower.turn.acquire()
        except TimeoutError:
            return _give_up_first(batch, _unsent("the log is still being read"))
        try:
            return await self._attempt(batch)
        finally:
            self._follower.turn.release()

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
        _fail_all(batch, told)

    async def _attempt(self, batch: Batch) -> Sequence[Batch]:
        """Try to commit a batch at the next position, and return what has to be tried after that.

        Where the head is in doubt it is looked for first.
        """
        try:
            await self._follower.make_sure()
        except (LogDamaged, UpgradeNeeded) as error:
            return _fail_all(batch, error)
        except ServerError as error:
            return _fail_all(batch, _unread(error))
        if self._follower.healing:
            return [batch]  # found just now
        try:
            proposal, draft = await self._log.server.work(partial(self._prepare, batch))
        except RecordTooLarge as error:
            return _halves(batch, error)
        except ReplicaLost:
            return [batch]  # built again before the next try
        if draft is None:
            return _answer(batch, proposal)
        return await self._append(batch, proposal, draft)

    def _prepare(self, batch: Batch) -> tuple[Proposal, Draft | None]:
        """Propose a batch and make its frame, on the worker; no frame, and nothing left open in the
        replica, where there is nothing to write.
        """
        proposal = self._replica.propose(batch, self._introduction)
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
        )

    async def _append(self, batch: Batch, proposal: Proposal, draft: Draft) -> Sequence[Batch]:
        if self._log.doubtful():
            # This process stood still since it looked: what comes after the head may be known to
            # the others, and its nonce forgotten.
            await self._log.server.work(self._replica.withdraw)
            return [batch]
        below = self._replica.positions.safely_below(proposal.seq)
        self._sent = True
        try:
            entry, fenced = await self._until_held(batch, draft, after=below)
        except Unreached as error:
            await self._log.server.work(self._replica.withdraw)
            self._sent = False
            return _give_up_first(batch, _unsent(str(error))) if error.over else [batch]
        except (DiscobaseError, ServerError) as error:
            await self._log.server.work(self._replica.withdraw)
            self._sent = False
            return self._give_up(batch, error)
        won = entry.header.hash == draft.header.hash
        if won:
            await self._log.server.work(partial(self._settle, batch, proposal, entry))
            self.wrote = entry.header.seq
            self._follower.tell()
        else:
            await self._log.server.work(self._replica.withdraw)
            for request in batch:
                request.sent = True
        self._sent = False
        if won:
            return ()
        batches = await self._lose(batch, entry)
        return _parted(batches) if fenced else batches

    async def _until_held(self, batch: Batch, draft: Draft, *, after: int) -> tuple[Entry, bool]:
        """Send a frame until its position holds it, or another one. Return which, and whether it
        was a fence that had the answer.

        A server may have no answer to this frame, ever, and to others: a proxy chokes on its size,
        or a bug on what it says. So after some tries a *fence* is sent in its place, an empty frame
        under the same nonce. If the position holds the fence, the other is not written, and never
        will be. If the fence has no answer either, it is not the frame's fault.

        Raises:
            Unreached: there was no connection until the time of the first caller was over.
        """
        patience = min(request.ends for request in batch)
        seq, chain = draft.header.seq, draft.header.chain
        append = partial(self._log.append, after=after, chain=chain)
        # Where others are faster, the tries at one position may never be enough.
        left = TRIES - min(request.unanswered for request in batch)
        tried = 0
        while True:
            if left > 0:
                with contextlib.suppress(Unanswered):
                    entry = await append(draft, tries=left, tried=tried, patience=patience)
                    _count_unanswered(batch, self._log.unanswered)
                    return entry, False
                tried += self._log.unanswered
            with contextlib.suppress(Unanswered):
                return await append(self._fence(seq, chain), tries=1, tried=tried), True
            tried, left = tried + 1, TRIES

    def _fence(self, seq: int, chain: str) -> Draft:
        """Return an empty frame."""
        return self._draft(Proposal(seq, chain))

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

    def _settle(self, batch: Batch, proposal: Proposal, entry: Entry) -> None:
        """Make a proposal the state, and answer its callers, on the worker: it is in the log."""
        self._replica.settle(entry)
        _answer(batch, proposal)

    def _give_up(self, batch: Batch, error: DiscobaseError | ServerError) -> Sequence[Batch]:
        """Tell what became of a batch whose append has failed, or what is to be tried instead."""
        if isinstance(error, RecordTooLarge | RecordRefused):
            return _halves(batch, error)
        unsettled = _unsettled(error)
        if isinstance(unsettled, OutcomeUnknown):
            self._follower.read_again()
        return _fail_all(batch, unsettled)

    async def _lose(self, batch: Batch, winner: Entry) -> Sequence[Batch]:
        """Another writer came first: the batch is to be tried again on top of what that one
        wrote.
        """
        try:
            await self._follower.adopt(winner)
        except (LogDamaged, UpgradeNeeded) as error:
            return _fail_all(batch, error)
        except ServerError as error:
            return _fail_all(batch, _unread(error))
        return [batch]


def _stopped() -> Disconnected:
    return Disconnected("the connection has ended; nothing was written.")


def _answer(batch: Batch, proposal: Proposal) -> Sequence[Batch]:
    for request, verdict in zip(batch, proposal.verdicts, strict=True):
        # On the worker: the loop may have failed it because it is being closed.
        with contextlib.suppress(InvalidStateError):
            if isinstance(verdict, DiscobaseError):
                request.future.set_exception(verdict)
            else:
                request.future.set_result(verdict)
    return ()


def _unsent(why: str) -> Unavailable:
    return Unavailable(
        f"Discord could not be reached in time: {why}. Nothing was sent, and nothing was written."
    )


def _give_up_first(batch: Batch, error: Unavailable) -> Sequence[Batch]:
    """Fail those whose time is over first; the others are to be tried again."""
    first = min(request.ends for request in batch)
    _fail_all([request for request in batch if request.ends <= first], error)
    left = [request for request in batch if request.ends > first]
    return [left] if left else ()


def _halves(batch: Batch, error: RecordTooLarge | RecordRefused | Unavailable) -> Sequence[Batch]:
    """Cut a batch in two, to be tried apart, down to the single request that will never do: what
    one is refused for is no reason to refuse those it shares a frame with.
    """
    if len(batch) == 1:
        return _fail_all(batch, error)
    middle = len(batch) // 2
    return [batch[:middle], batch[middle:]]


def _parted(batches: Sequence[Batch]) -> Sequence[Batch]:
    """Cut batches in two whose frame had no answer, where a fence in its place had one: down to the
    single request that never has one.
    """
    parted: list[Batch] = []
    for batch in batches:
        for request in batch:
            request.strikes, request.unanswered = request.strikes + 1, 0
        if len(batch) == 1 and batch[0].strikes <= _COINCIDENCES:
            parted.append(batch)
        else:
            parted += _halves(batch, _unanswered())
    return parted


def _count_unanswered(batch: Batch, tries: int) -> None:
    for request in batch:
        request.unanswered += tries


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


def _fail_all(batch: Batch, error: DiscobaseError) -> Sequence[Batch]:
    for request in batch:
        # The worker may have answered it in the meantime.
        with contextlib.suppress(InvalidStateError):
            request.future.set_exception(error)
    return ()
