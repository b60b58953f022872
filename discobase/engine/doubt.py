"""What is wrong with the log, for how long it has been, and whether it is believed."""

from __future__ import annotations

import copy
from collections.abc import Callable

from discobase.engine.server.seam import Clock
from discobase.engine.trouble import Trouble, Troubles
from discobase.errors import LogDamaged

DOUBT_SECONDS = 30.0
"""For which reading has to fail in the same way before the log is called damaged. A message may
become readable after it was written, a download may fail for a moment, the lanes are read one
beside the other while others write: a guess, many times what has been seen of these."""

CHECK_SECONDS = 60.0
"""Between two looks whether what is damaged still is: some ten calls a minute. A guess."""


class Doubt:
    """One thing at a time that is wrong, as far as has been seen.

    Args:
        clock: the time.
        told: called when the log is declared damaged, or is to be looked at again.
        troubles: what is told of that.

    Attributes:
        damage: what is wrong for certain; None while nothing is.
    """

    def __init__(self, clock: Clock, told: Callable[[], object], troubles: Troubles) -> None:
        self._clock = clock
        self._told = told
        self._troubles = troubles
        self._what: tuple[int | None, int | None] | None = None
        self._since = 0.0
        self._checked = 0.0
        self.damage: LogDamaged | None = None

    def holds(self, error: LogDamaged) -> bool:
        """Take note of an error, and return whether it has come up for long enough to be
        believed.
        """
        what, now = (error.position, error.channel), self._clock.monotonic()
        if what != self._what:
            self._what, self._since = what, now
        return now - self._since >= DOUBT_SECONDS

    def end(self) -> None:
        """Take note that nothing is wrong."""
        self._what = None

    def declared(self, error: LogDamaged) -> LogDamaged:
        """Declare the log damaged, so that nothing is written, and return the error to raise."""
        if self.damage is None:
            self._troubles.begin(
                Trouble(
                    "damage",
                    f"{error}; this process keeps what it has and writes no more",
                    writes_blocked=True,
                    position=error.position,
                    channel=error.channel,
                    message=error.message,
                )
            )
        self.damage = error
        self._checked = self._clock.monotonic()
        self._told()
        return copy.copy(error)

    def is_due(self) -> bool:
        """Return whether the damage is to be looked at again."""
        return self._clock.monotonic() - self._checked >= CHECK_SECONDS

    def look_at_once(self) -> None:
        """Have the damage looked at again as soon as may be."""
        self._checked = float("-inf")
        self._told()

    def suspend(self) -> LogDamaged | None:
        """Take nothing for damaged while it is looked at again, and return what was."""
        damage, self.damage = self.damage, None
        self._checked = self._clock.monotonic()
        return damage
