"""What a verification costs, told before."""

from __future__ import annotations

from dataclasses import dataclass

from discobase.engine.log.history import PAGE

PAGES_A_SECOND = 1.0
"""Pages of one channel's history that Discord gives: about 5 in 5 s (observed)."""

_REPLAYED_A_SECOND = 10_000.0
"""Commits of one small record that are read and replayed. The replay alone takes 65,000 a second
here (measured); the rest, and other computers, are a guess."""

_BESIDE = 6
"""Calls for the list of channels, the catalog, the checkpoints, and the ends of both."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What a verification takes.

    Attributes:
        calls: API calls.
        seconds: how long, at Discord's limits and without the download of attachments.
    """

    calls: int
    seconds: float

    def __str__(self) -> str:
        return f"about {self.calls:,} API calls, {self.seconds:,.0f} s at Discord's limits"


def costs_of(head: int, lanes: int) -> Costs:
    """Return what it takes to verify a log.

    Args:
        head: the last position.
        lanes: how many lanes there are.
    """
    pages = -(-head // (lanes * PAGE))
    return Costs(pages * lanes + _BESIDE, pages / PAGES_A_SECOND + head / _REPLAYED_A_SECOND)
