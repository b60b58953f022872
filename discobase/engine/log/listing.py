"""What a list of a server's channels tells of how far each of them goes, and of which moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from discobase.engine.server.seam import Channel, Clock


@dataclass(frozen=True, slots=True)
class Moment:
    """A time by both clocks: the monotonic one may stand still while a machine sleeps, the other
    may be set.
    """

    monotonic: float
    wall: float

    @classmethod
    def of(cls, clock: Clock) -> Moment:
        """Return the present moment."""
        return cls(clock.monotonic(), clock.now())


@dataclass(frozen=True, slots=True)
class Listing:
    """The last id of each channel, as one list told it.

    Attributes:
        began: a moment before the list was asked for.
        last: the id of each channel's newest message, 0 where it had none: also of one that was
            deleted since.
    """

    began: Moment
    last: Mapping[int, int]

    @classmethod
    def of(cls, began: Moment, channels: Iterable[Channel]) -> Listing:
        """Return what channels tell that were asked for after a moment."""
        return cls(began, {channel.id: channel.last_message for channel in channels})

    def end_of(self, channel: int, *, known: int) -> int | None:
        """Return the id at which a channel ended; None where the list does not tell: some servers
        name no last ids, and a list may be older than what has been read.

        Args:
            channel: the channel.
            known: the id of a message that is known to have been there.
        """
        last = self.last.get(channel)
        return None if last is None or last < known else last
