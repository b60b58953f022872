"""When a checkpoint is due: what it costs to read the tail, beside what reading a checkpoint does.

Times are those of somebody who opens the database with nothing. The figures are of the order of
what was seen; the decision has to be right within a factor of two or so, for both costs grow slowly
and nothing depends on them but the time of an opening.
"""

from __future__ import annotations

from dataclasses import dataclass

PAGE = 100
"""Messages in a page of history (message resource, "Get Channel Messages")."""

_ROUND_TRIP = 0.15
"""Seconds that a call takes: a guess at Discord's, from Europe or America."""

_BURST = 5
"""Pages of one channel that Discord gives at once; then one a second (observed)."""

_DOWNLOADED = 5_000_000
"""Bytes a second that come from Discord's CDN: a guess, 40 Mbit/s."""

_APPLIED = 25_000
"""Commits a second that a replica applies (measured: 256 small ones in 10 ms)."""

_LOADED = 300_000
"""Small records a second that are read from a checkpoint into a replica (measured)."""

_UNPACKED = 30_000_000
"""Bytes a second of payloads, unpacked, that a replica applies: the same records, at 100 bytes."""

_PACKED = 8
"""How much smaller a frame's payload becomes where it is packed: a guess."""


@dataclass(frozen=True, slots=True)
class Tail:
    """The frames after a checkpoint.

    Args:
        commits: how many.
        size: the bytes of their payloads, unpacked.
    """

    commits: int
    size: int

    @property
    def packed(self) -> float:
        """The bytes that are downloaded, about."""
        return self.size / _PACKED


@dataclass(frozen=True, slots=True)
class State:
    """What a checkpoint holds.

    Args:
        records: how many.
        packed: the bytes that are downloaded.
    """

    records: int
    packed: float


def seconds_for_tail(tail: Tail, lanes: int) -> float:
    """Return how long it takes to read and apply a tail. The lanes are read side by side."""
    pages = -(-tail.commits // (lanes * PAGE))
    calls = pages * _ROUND_TRIP + max(0, pages - _BURST)
    downloads = tail.packed / _DOWNLOADED
    return calls + downloads + tail.size / _UNPACKED + tail.commits / _APPLIED


def seconds_for_state(state: State) -> float:
    """Return how long it takes to read a checkpoint: a call, a download, and its records."""
    return 2 * _ROUND_TRIP + state.packed / _DOWNLOADED + state.records / _LOADED


def is_due(tail: Tail, state: State, lanes: int) -> bool:
    """Return whether a new checkpoint is to be written: reading the tail of the last one has come
    to cost more than reading a new one would.

    Not where it costs no more than a page a lane: as many calls as any tail does.

    Args:
        tail: the frames after the newest checkpoint, all of them where there is none.
        state: what the new one would hold.
        lanes: how many lanes the log has.
    """
    least = seconds_for_tail(Tail(lanes * PAGE, 0), lanes)
    return seconds_for_tail(tail, lanes) > max(least, seconds_for_state(state))
