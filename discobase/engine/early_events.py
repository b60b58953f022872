"""Events that come while a database is still looked for."""

from __future__ import annotations

from collections.abc import Callable

from discobase.engine.server.seam import Clock, Event, EventsLost


class EarlyEvents:
    """Keeps events until there is an engine that takes them.

    Args:
        clock: the time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: list[tuple[float, Event]] = []
        self._handler: Callable[[Event], None] | None = None

    def handle(self, event: Event) -> None:
        """Hand an event on, or keep it. Called on the loop, in the order of the gateway."""
        if self._handler is not None:
            self._handler(event)
        else:
            self._kept.append((self._clock.monotonic(), event))

    def hand_on(self, handler: Callable[[Event], None], *, since: float) -> None:
        """Give what was kept, and from now on all events, to a handler.

        Args:
            handler: takes them.
            since: the moment, by the clock that does not go back, from which on all that was
                written has still to be read: events that were lost before it are no loss.
        """
        self._handler = handler
        for moment, event in self._kept:
            if not isinstance(event, EventsLost) or moment >= since:
                handler(event)
        self._kept.clear()

    def end(self) -> None:
        """Keep nothing any more: there will be no engine."""
        self.hand_on(lambda _: None, since=self._clock.monotonic())
