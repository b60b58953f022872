"""Which message was the newest of each lane, and whether what is known explains it.

Discord keeps the id of a channel's newest message when that message is deleted (channel resource,
"Channel Object"; docs#272). So a last id that stands for nothing that was read, heard of or applied
tells that something was there (invariant I6).
"""

from __future__ import annotations

from collections.abc import Sequence

EXPLAINED_WITHIN = 30.0
"""Seconds for which a last id that nothing explains keeps writers from going on: time for whoever
still holds what was there to say so, and for a history that shows it late. A guess, many times what
has been seen of either."""


class LaneEnds:
    """The newest message of each lane that something explains.

    Args:
        lanes: the lanes' channels.
    """

    def __init__(self, lanes: Sequence[int]) -> None:
        self._lanes = lanes
        self._explained = dict.fromkeys(lanes, 0)
        self._strangers = dict.fromkeys(lanes, 0)
        self._unexplained: dict[int, tuple[int, float]] = {}

    def explain(self, lane: int, message: int) -> None:
        """Note that a lane is known up to a message: it was read, or applied."""
        self._explained[lane] = max(self._explained[lane], message)

    def hear_stranger(self, lane: int, message: int) -> None:
        """Note that somebody else has written into a lane: that message is no commit, though others
        before it may not have been heard of.
        """
        self._strangers[lane] = max(self._strangers[lane], message)

    def known(self, lane: int) -> int:
        """Return the newest message up to which a lane is known."""
        return self._explained[lane]

    def is_known(self, lane: int, last: int) -> bool:
        """Return whether a lane with this last id holds nothing that is not known."""
        return last <= self._explained[lane]

    def look_at(self, lane: int, last: int, now: float) -> None:
        """Take note of a lane's last id, after the lane was read to its end.

        Args:
            lane: the lane's channel.
            last: its last id, as it was before the reading.
            now: the time, by a clock that does not go back.
        """
        if last <= self._explained[lane] or last == self._strangers[lane]:
            self._unexplained.pop(lane, None)
        elif self._unexplained.get(lane, (0, 0.0))[0] != last:
            self._unexplained[lane] = (last, now)

    @property
    def unexplained(self) -> dict[int, int]:
        """The last ids that nothing explains, by lane. From any thread."""
        return {lane: last for lane, (last, _) in self._unexplained.copy().items()}

    def give_up(self, now: float) -> dict[int, int]:
        """Take for explained what nothing has explained for long enough, and return it, by lane."""
        given_up = {
            lane: last
            for lane, (last, since) in self._unexplained.items()
            if now - since >= EXPLAINED_WITHIN
        }
        for lane, last in given_up.items():
            self.explain(lane, last)
            del self._unexplained[lane]
        return given_up
