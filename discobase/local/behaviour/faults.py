"""Failures on demand, of requests and of events.

Requests fail, are delayed or cut off, before or after their effect; events are lost, doubled,
delayed, disordered or damaged, or their connection is dropped. A fault is set for a number of
times, or for good, and takes all that fits it or, from a seed, some. The first one that takes a
request counts.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from typing import Any, Literal, TypeVar, get_args

from discobase.errors import UsageError
from discobase.local.behaviour.kinds import check

Moment = Literal["before", "after"]
EventAction = Literal[
    "drop",
    "duplicate",
    "delay",
    "reorder",
    "alter",
    "truncate",
    "misencode",
    "corrupt",
    "disconnect",
    "end",
]
DAMAGES = frozenset[EventAction]({"alter", "truncate", "misencode", "corrupt"})
"""Actions after which an event comes, but not as it should."""


@dataclass(slots=True, kw_only=True)
class _Fault:
    """What all faults have.

    Attributes:
        channel: only what concerns this channel.
        count: how many it takes; ``None`` for all until faults are cleared.
        probability: how likely it takes each that fits, from 0 to 1.
        seed: what the choice is drawn from: the same one makes the same choices.
    """

    channel: int | None = None
    count: int | None = 1
    probability: float = 1.0
    seed: int | None = None
    _random: random.Random = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check(type(self), {name: getattr(self, name) for name in _names(self)})
        if not 0 <= self.probability <= 1:
            raise UsageError(f"a probability is from 0 to 1, not {self.probability!r}.")
        self._random = random.Random(self.seed)  # noqa: S311 - no secret

    @property
    def over(self) -> bool:
        """Whether it has taken all that it was set for."""
        return self.count is not None and self.count <= 0

    def takes(self, channel: int | None) -> bool:
        """Return whether it takes what fits it otherwise, and count that."""
        if self.over or self.channel not in {None, channel}:
            return False
        if self.probability < 1 and self._random.random() >= self.probability:
            return False
        if self.count is not None:
            self.count -= 1
        return True


_F = TypeVar("_F", bound=_Fault)


@dataclass(slots=True, kw_only=True)
class RequestFault(_Fault):
    """What happens to requests of a route.

    Attributes:
        method: an HTTP method, or a pattern with ``*``.
        route: a template such as ``/channels/{channel_id}/messages``, or a pattern with ``*``;
            downloads are ``/attachments/{channel_id}/{attachment_id}/{name}``.
        containing: a text that the body holds as it is sent, its files and its nonce included.
        when: before the request has had its effect, or after.
        delay: seconds to wait at that moment.
        status: the status to answer with; ``None`` lets the true answer through (after the delay).
        body: the JSON body of that answer; left out, what usually comes with the status: from 520
            on, HTML of Cloudflare's.
        headers: further headers of that answer.
        reset: cut the connection (TCP RST) and answer nothing.
    """

    method: str = "*"
    route: str = "*"
    containing: str = ""
    when: Moment = "before"
    delay: float = 0.0
    status: int | None = None
    body: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict[str, str])
    reset: bool = False

    def __post_init__(self) -> None:
        _Fault.__post_init__(self)
        _check_choice("when", self.when, get_args(Moment))

    @property
    def replaces_answer(self) -> bool:
        """Whether the client gets something else than the true answer."""
        return self.reset or self.status is not None

    def fits(self, method: str, route: str, body: bytes) -> bool:
        """Return whether it is one for requests of a route with a body."""
        return (
            fnmatchcase(method, self.method)
            and fnmatchcase(route, self.route)
            and self.containing.encode() in body
        )


@dataclass(slots=True, kw_only=True)
class EventFault(_Fault):
    """What happens to gateway events.

    Attributes:
        action: ``drop`` it, send it twice (``duplicate``), hold it back for ``delay`` seconds while
            others pass, ``reorder`` it behind the next event of its kind (or a second, when none
            comes), or damage it: ``alter`` what its payload says, ``truncate`` it in the middle of
            its JSON, ``misencode`` it with a byte that is no UTF-8, or ``corrupt`` the compressed
            stream in which it is sent. Or drop the connections that it was for: ``disconnect`` them
            so that it comes with the resume, or ``end`` their sessions so that it is lost.
            READY, GUILD_CREATE and GUILD_DELETE are taken only by what damages them.
        event: the event's name, or a pattern with ``*``.
        delay: seconds, for ``delay``.
        payload: what the payload says instead, for ``alter``: its name ``t``, its number ``s``, its
            data ``d``, its operation ``op``; those that are left out stay as they are.
    """

    action: EventAction
    event: str = "MESSAGE_CREATE"
    delay: float = 0.0
    payload: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        _Fault.__post_init__(self)
        _check_choice("action", self.action, get_args(EventAction))
        if (self.payload is not None) != (self.action == "alter"):
            raise UsageError("a fault that alters events has a payload, and no other one has.")

    def fits(self, event: str) -> bool:
        """Return whether it is one for events of a name."""
        return fnmatchcase(event, self.event)


def _names(fault: _Fault) -> list[str]:
    return [each.name for each in fields(fault) if each.init]


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise UsageError(f"the {name} of a fault is one of {', '.join(choices)}, not {value!r}.")


class Faults:
    """The faults that are set."""

    def __init__(self) -> None:
        self._of_requests: list[RequestFault] = []
        self._of_events: list[EventFault] = []

    def set_request(self, fault: RequestFault) -> None:
        """Add a fault of requests."""
        self._of_requests.append(fault)

    def set_event(self, fault: EventFault) -> None:
        """Add a fault of events."""
        self._of_events.append(fault)

    def clear(self) -> None:
        """End all of them."""
        self._of_requests.clear()
        self._of_events.clear()

    def left(self) -> int:
        """Return how many requests and events will still be taken, but for faults set for good."""
        return sum(fault.count or 0 for fault in (*self._of_requests, *self._of_events))

    def take_request(
        self, method: str, route: str, channel: int | None, body: bytes = b""
    ) -> RequestFault | None:
        """Return the fault that takes this request, and count that."""
        fitting = [fault for fault in self._of_requests if fault.fits(method, route, body)]
        return _taken(self._of_requests, fitting, channel)

    def take_event(self, event: str, channel: int | None) -> EventFault | None:
        """Return the fault that takes this event, and count that."""
        fitting = [fault for fault in self._of_events if fault.fits(event)]
        return _taken(self._of_events, fitting, channel)

    def take_damaged(self, event: str) -> EventFault | None:
        """Return the fault that damages this event, and count that."""
        fitting = [
            fault for fault in self._of_events if fault.fits(event) and fault.action in DAMAGES
        ]
        return _taken(self._of_events, fitting, None)


def _taken(faults: list[_F], fitting: list[_F], channel: int | None) -> _F | None:
    for fault in fitting:
        if fault.takes(channel):
            if fault.over:
                faults.remove(fault)
            return fault
    return None
