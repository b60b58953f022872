"""When this process last knew that the log holds nothing but what it has applied, and for how long
that can be built on.
"""

from __future__ import annotations

from discobase.engine.log.listing import Moment
from discobase.engine.server.seam import Server

TRUST = 60.0
"""Seconds for which a nonce is certainly remembered: Discord says "the past few minutes" (message
resource, "Create Message") and not how many (docs#6647). A minute is on the safe side of that."""


class LastLook:
    """The last look at the log, by both clocks.

    Args:
        server: the seam, for its clocks.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._current = Moment(float("-inf"), float("-inf"))
        self.unsettle()

    def moment(self) -> Moment:
        """Return the present moment."""
        return Moment.of(self._server)

    def confirm(self, moment: Moment) -> None:
        """Note that at this moment the log held nothing but what has been applied by now.

        Only what this writer has asked for itself tells that: an event says what was written, not
        how long ago, nor what was written after it.
        """
        self._confirmed = moment
        self.note_current(moment)

    def note_current(self, moment: Moment) -> None:
        """Note that at this moment nothing that could be seen of the log was newer than what has
        been applied by now. That suffices for reading, and not for writing behind it.
        """
        if moment.monotonic > self._current.monotonic:
            self._current = moment

    def age(self) -> float:
        """Return the seconds since what has been applied was all that could be seen. From any
        thread.
        """
        return self._since(self._current)

    def unsettle(self) -> None:
        """Note that what is known of the head is not enough to write behind it."""
        self._confirmed = Moment(float("-inf"), float("-inf"))

    def doubtful(self) -> bool:
        """Return whether the nonce of the next position may have been used and forgotten since the
        head was confirmed.
        """
        return self._since(self._confirmed) > TRUST

    def _since(self, then: Moment) -> float:
        now = self.moment()
        return max(now.monotonic - then.monotonic, now.wall - then.wall)
