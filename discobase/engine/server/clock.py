"""Time and randomness as this process has them."""

from __future__ import annotations

import asyncio
import random
import time


class SystemClock:
    """The clocks of the operating system; implements
    :class:`~discobase.engine.server.seam.Clock`.
    """

    def now(self) -> float:
        """See :meth:`~discobase.engine.server.seam.Clock.now`."""
        return time.time()

    def monotonic(self) -> float:
        """See :meth:`~discobase.engine.server.seam.Clock.monotonic`."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """See :meth:`~discobase.engine.server.seam.Clock.sleep`."""
        await asyncio.sleep(seconds)

    def random(self) -> float:
        """See :meth:`~discobase.engine.server.seam.Clock.random`."""
        return random.random()  # noqa: S311 - jitter and identifiers, no secrets
