"""How a database has grown, and whether a new generation of its log would pay.

Whoever connects reads a checkpoint and a short tail, however long the log is. Read whole it is by
whoever verifies it, or finds no checkpoint; and nothing in it ever goes away but by a vacuum.
"""

from __future__ import annotations

from dataclasses import dataclass

from discobase.engine.checkpoints.costs import Tail, seconds_for_tail

_LONG = 600.0
"""Seconds that it takes to read a log whole, above which it is worth a thought: a guess at what
somebody waits for who verifies it."""

_MANY_TIMES = 5.0
"""How much more than its records the log has to hold: of a vacuum so little would be left that it
need not be thought of again soon. A guess."""

_OF_A_RECORD = 100
"""Bytes of a record in a log of which no state has been measured: a small one. A guess."""


@dataclass(frozen=True, slots=True)
class Growth:
    """How much a database holds, and has held.

    Attributes:
        commits: how many there are in the log.
        log_bytes: the bytes of what they say, before compression.
        records: how many there are now.
        state_bytes: the bytes of the whole state in the newest checkpoint, before compression; None
            where no checkpoint is known.
        reading_seconds: about how long it takes to read the log whole.
        advice: what is to be done about it, in words; None where nothing is.
    """

    commits: int
    log_bytes: int
    records: int
    state_bytes: int | None
    reading_seconds: float
    advice: str | None


def growth_of(
    commits: int, log_bytes: int, records: int, state_bytes: int | None, lanes: int
) -> Growth:
    """Return how a database has grown.

    Args:
        commits: how many there are in the log.
        log_bytes: the bytes of what they say, before compression.
        records: how many there are now.
        state_bytes: the bytes of the whole state, before compression, where they are known.
        lanes: how many lanes the log has.
    """
    seconds = seconds_for_tail(Tail(commits, log_bytes), lanes)
    state = records * _OF_A_RECORD if state_bytes is None else state_bytes
    times = log_bytes / max(state, _OF_A_RECORD)
    advice = None
    if seconds > _LONG and times > _MANY_TIMES:
        advice = (
            f"the log holds {times:,.0f} times what its records come to, and to read it whole "
            f"takes about {seconds / 60:,.0f} minutes: a vacuum would pay"
        )
    return Growth(commits, log_bytes, records, state_bytes, seconds, advice)
