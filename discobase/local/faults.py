"""Misbehaving on demand, in requests and in events.

Requests fail, are delayed or cut off, before or after their effect; events are lost, doubled,
delayed or disordered. A fault is set for a number of times. The first one that fits a request takes
it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal, get_args

from discobase.errors import UsageError

Moment = Literal["before", "after"]
EventAction = Literal["drop", "duplicate", "delay", "reorder"]


@dataclass(slots=True)
class RequestFault:
    """What happens to requests of a route.

    Attributes:
        method: an HTTP method, or a pattern with ``*``.
        route: a template such as ``/channels/{channel_id}/messages``, or a pattern with ``*``;
            downloads are ``/attachments/{channel_id}/{attachment_id}/{name}``.
        channel: only requests to this channel.
        count: how many requests it takes.
        when: before the request has had its effect, or after.
        delay: seconds to wait at that moment.
        status: the status to answer with; ``None`` lets the true answer through (after the delay).
        body: the JSON body of that answer; left out, one that names the status.
        headers: further headers of that answer.
        reset: cut the connection (TCP RST) and answer nothing.
    """

    method: str = "*"
    route: str = "*"
    channel: int | None = None
    count: int = 1
    when: Moment = "before"
    delay: float = 0.0
    status: int | None = None
    body: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict[str, str])
    reset: bool = False

    def __post_init__(self) -> None:
        _check_choice("when", self.when, get_args(Moment))

    @property
    def replaces_answer(self) -> bool:
        """Whether the client gets something else than the true answer."""
        return self.reset or self.status is not None

    def fits(self, method: str, route: str, channel: int | None) -> bool:
        """Whether it takes a request."""
        return (
            self.count > 0
            and fnmatchcase(method, self.method)
            and fnmatchcase(route, self.route)
            and self.channel in {None, channel}
        )


@dataclass(slots=True)
class EventFault:
    """What happens to gateway events.

    Attributes:
        action: ``drop`` it, send it twice (``duplicate``), hold it back for ``delay`` seconds while
            others pass, or ``reorder`` it behind the next event of its kind (or a second, when none
            comes).
        event: the event's name.
        channel: only events of this channel.
        count: how many events it takes.
        delay: seconds, for ``delay``.
    """

    action: EventAction
    event: str = "MESSAGE_CREATE"
    channel: int | None = None
    count: int = 1
    delay: float = 0.0

    def __post_init__(self) -> None:
        _check_choice("action", self.action, get_args(EventAction))

    def fits(self, event: str, channel: int | None) -> bool:
        """Whether it takes an event."""
        return self.count > 0 and event == self.event and self.channel in {None, channel}


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise UsageError(f"the {name} of a fault is one of {', '.join(choices)}, not {value!r}.")


class Faults:
    """The faults that are set."""

    def __init__(self) -> None:
        self._of_requests: list[RequestFault] = []
        self._of_events: list[EventFault] = []

    def set_request(self, fault: RequestFault) -> None:
        """Adds a fault of requests."""
        self._of_requests.append(fault)

    def set_event(self, fault: EventFault) -> None:
        """Adds a fault of events."""
        self._of_events.append(fault)

    def clear(self) -> None:
        """Ends all of them."""
        self._of_requests.clear()
        self._of_events.clear()

    def left(self) -> int:
        """How many requests and events are still to be taken."""
        return sum(fault.count for fault in self._of_requests) + sum(
            fault.count for fault in self._of_events
        )

    def take_request(self, method: str, route: str, channel: int | None) -> RequestFault | None:
        """The fault that takes this request, one time fewer left."""
        for fault in self._of_requests:
            if fault.fits(method, route, channel):
                fault.count -= 1
                if not fault.count:
                    self._of_requests.remove(fault)
                return fault
        return None

    def take_event(self, event: str, channel: int | None) -> EventFault | None:
        """The fault that takes this event, one time fewer left."""
        for fault in self._of_events:
            if fault.fits(event, channel):
                fault.count -= 1
                if not fault.count:
                    self._of_events.remove(fault)
                return fault
        return None
