"""Each position of a log that was read to its end: what stands there, and whether it counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from discobase.engine.arrivals import Arrivals
from discobase.engine.log.entry import Entry, decide
from discobase.engine.replica import Head

Chains = Callable[[int], str | None]
"""What a frame at a position has to continue, as far as somebody remembers it."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What stands at a position.

    Attributes:
        seq: the position.
        entry: the frame that was taken; None where nothing is there.
        counts: whether it counts, or is void.
        fits: whether it continues what is below it.
        others: the frames that stand there, too.
    """

    seq: int
    entry: Entry | None = None
    counts: bool = False
    fits: bool = True
    others: tuple[Entry, ...] = ()

    @property
    def breaks(self) -> bool:
        """Whether who reads the log from its beginning comes no further."""
        return self.entry is None or not self.fits


def judge(arrivals: Arrivals, begin: Head, until: int, chains: Chains) -> Iterator[Judged]:
    """Yield every position from one up to another, in order, as every reader decides it. Where
    nobody could read on it goes on as if what comes next were right.

    Args:
        arrivals: all frames of the log.
        begin: what the first of them is to continue.
        until: the last position.
        chains: what is remembered of it.
    """
    head, fits = begin, True
    while head.seq < until:
        for entry, counts in arrivals.decided(head):
            seq = entry.header.seq
            if seq > until:
                return
            yield Judged(seq, entry, counts, fits, _others(arrivals, entry))
            head, fits = Head(seq, entry.header.hash if counts else head.chain), True
        seq = head.seq + 1
        if seq > until:
            return
        if arrivals.at(seq):
            fits = False
            head = Head(head.seq, _resumed(arrivals.at(seq), chains(seq)))
        else:
            yield Judged(seq)
            head = Head(seq, _resumed(arrivals.at(seq + 1), chains(seq + 1)))


def _others(arrivals: Arrivals, taken: Entry) -> tuple[Entry, ...]:
    """Return what stands beside a frame at its position."""
    at = arrivals.at(taken.header.seq)
    return tuple(entry for entry in at if entry.message.id != taken.message.id)


def _resumed(candidates: Sequence[Entry], remembered: str | None) -> str:
    """Return the chain with which a log goes on that was cut."""
    if remembered is not None and (not candidates or decide(candidates, remembered)):
        return remembered
    first = min(candidates, key=lambda entry: entry.message.id, default=None)
    return "" if first is None else first.header.chain
