"""Which messages the lists of messages do not show yet, where the settings ask for such a lag."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from discobase.local.behaviour.settings import Settings


class _Written(NamedTuple):
    """When a message was written, and how much of the jitter is its own, from 0 to 1."""

    moment: float
    share: float


class ReadLag:
    """The messages that were written while there was a lag, until they are shown.

    What was shown once stays so. The settings of the moment count: without a lag all is shown.

    Args:
        settings: the lag.
        clock: seconds that only go forward.
    """

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._hidden: defaultdict[int, dict[int, _Written]] = defaultdict(dict)

    def begin(self, channel_id: int, message_id: int) -> None:
        """Note that a message was written."""
        if self._settings.history_lag or self._settings.history_jitter:
            written = _Written(self._clock(), random.random())  # noqa: S311 - no secret
            self._hidden[channel_id][message_id] = written

    def hidden(self, channel_id: int) -> AbstractSet[int]:
        """Return the messages of a channel that are not shown yet."""
        written = self._hidden.get(channel_id)
        if not written:
            return frozenset()
        now, settings = self._clock(), self._settings
        self._hidden[channel_id] = {
            id_: at
            for id_, at in written.items()
            if now < at.moment + settings.history_lag + at.share * settings.history_jitter
        }
        return self._hidden[channel_id].keys()
