"""Requests that share a frame: how they are cut apart, and what their callers are told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import InvalidStateError
from dataclasses import dataclass
from math import inf

from discobase.engine.changes import Request
from discobase.engine.replica import Proposal
from discobase.engine.server.seam import Clock
from discobase.errors import DiscobaseError

TOLD_SECONDS = 0.25
"""How long before their time is over a caller is told that nothing was sent, so that the answer
is there in time: many times what it takes, and a guess."""

_COINCIDENCES = 3
"""How often a request by itself may have no answer where another frame in its place has one, which
may be chance: a server can come back just then. A guess; with :data:`TRIES
<discobase.engine.log.sending.TRIES>` each, twelve tries have been in vain after that. Two
rounds were too few: half of the sends failing by chance are enough for them now and then."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some requests, in the order in which they were put."""

    requests: Sequence[Request]

    @property
    def ends(self) -> float:
        """When the time of the first of its callers is over."""
        return min(request.ends for request in self.requests)

    @property
    def over(self) -> float:
        """When the time of the last of its callers is over who can be told that nothing was sent;
        infinite where there is one who cannot.
        """
        return max(inf if request.sent else request.ends for request in self.requests)

    @property
    def unanswered(self) -> int:
        """How often each of them was sent without an answer, at the least."""
        return min(request.unanswered for request in self.requests)

    def note_unanswered(self, tries: int) -> None:
        """Note how often it was sent without an answer."""
        for request in self.requests:
            request.unanswered += tries

    def note_sent(self) -> None:
        """Note that it was sent, and that another frame holds its position."""
        for request in self.requests:
            request.sent = True

    def note_unknown(self) -> None:
        """Note that it was sent, and that nobody can tell any more whether it was written."""
        for request in self.requests:
            request.sent = True
            request.repeat()

    def answer(self, proposal: Proposal) -> tuple[Batch, ...]:
        """Tell each caller what the proposal has come to. Nothing is left to be tried."""
        for request, verdict in zip(self.requests, proposal.verdicts, strict=True):
            # On the worker: the loop may have failed it because it is being closed.
            with contextlib.suppress(InvalidStateError):
                if isinstance(verdict, DiscobaseError):
                    request.future.set_exception(verdict)
                else:
                    request.future.set_result(verdict)
        return ()

    def fail(self, error: DiscobaseError) -> tuple[Batch, ...]:
        """Tell all callers of an error. Nothing is left to be tried."""
        for request in self.requests:
            # The worker may have answered it in the meantime.
            with contextlib.suppress(InvalidStateError):
                request.future.set_exception(error)
        return ()

    def fail_first(self, error: DiscobaseError) -> tuple[Batch, ...]:
        """Fail those whose time is over first; return the others, which are to be tried again."""
        first = self.ends
        Batch([request for request in self.requests if request.ends <= first]).fail(error)
        return self.unsettled()

    def unsettled(self) -> tuple[Batch, ...]:
        """Return those whose callers have been told nothing yet: one batch, or none."""
        left = [request for request in self.requests if not request.future.done()]
        return (Batch(left),) if left else ()

    def halves(self, error: DiscobaseError) -> tuple[Batch, ...]:
        """Cut it in two, to be tried apart, down to the single request that will never do: what one
        is refused for is no reason to refuse those it shares a frame with.
        """
        if len(self.requests) == 1:
            return self.fail(error)
        middle = len(self.requests) // 2
        return Batch(self.requests[:middle]), Batch(self.requests[middle:])

    def parted(self, error: DiscobaseError) -> tuple[Batch, ...]:
        """Cut it in two where its frame had no answer, and a fence in its place had one: down to
        the single request that never has one.
        """
        for request in self.requests:
            request.strikes, request.unanswered = request.strikes + 1, 0
        if len(self.requests) == 1 and self.requests[0].strikes <= _COINCIDENCES:
            return (self,)
        return self.halves(error)


@contextlib.contextmanager
def told_in_time(
    clock: Clock, batches: Iterable[Batch], unsent: Callable[[], DiscobaseError]
) -> Generator[None]:
    """Tell each caller whose time is over meanwhile that nothing was sent, in time.

    But for those whose time is over as it begins, and those of whose requests something has been
    sent before: they find out by themselves.

    Args:
        clock: the time.
        batches: whose callers.
        unsent: says what kept them from being sent.
    """
    now = clock.monotonic()
    waiting = [
        request
        for batch in batches
        for request in batch.requests
        if not request.sent and now < request.ends - TOLD_SECONDS < inf
    ]
    telling = asyncio.create_task(_tell(clock, waiting, unsent)) if waiting else None
    try:
        yield
    finally:
        if telling is not None:
            telling.cancel()


async def _tell(
    clock: Clock, requests: Iterable[Request], unsent: Callable[[], DiscobaseError]
) -> None:
    for request in sorted(requests, key=lambda request: request.ends):
        left = request.ends - TOLD_SECONDS - clock.monotonic()
        await clock.sleep(max(0.0, left))
        Batch([request]).fail(unsent())
