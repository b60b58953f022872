"""What is wrong with the log, and for how long it has been."""

from __future__ import annotations

from discobase.errors import LogDamaged

DOUBT_SECONDS = 30.0
"""For which reading has to fail in the same way before the log is called damaged. A message may
become readable after it was written, a download may fail for a moment, the lanes are read one
beside the other while others write: a guess, many times what has been seen of these."""


class Doubt:
    """One thing at a time that is wrong, as far as has been seen."""

    def __init__(self) -> None:
        self._what: tuple[int | None, int | None] | None = None
        self._since = 0.0

    def holds(self, error: LogDamaged, now: float) -> bool:
        """Take note of an error, and return whether it has come up for long enough to be believed.

        Args:
            error: what was found.
            now: the time, by a clock that does not go back.
        """
        what = (error.position, error.channel)
        if what != self._what:
            self._what, self._since = what, now
        return now - self._since >= DOUBT_SECONDS

    def end(self) -> None:
        """Take note that nothing is wrong."""
        self._what = None
