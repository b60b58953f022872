"""The way of an event to its sessions: the latency, and the faults that are set for events."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable

from discobase.local.behaviour.faults import DAMAGES, EventFault, Faults
from discobase.local.behaviour.settings import Settings
from discobase.local.gateway.opcodes import UNKNOWN_ERROR
from discobase.local.gateway.session import Session
from discobase.local.gateway.sessions import Sessions

_REORDERED_AT_LATEST = 1.0
"""Seconds that a reordered event waits for another of its kind: a guess, told in `EventFault`."""


class Delivery:
    """The way of events to sessions.

    Args:
        sessions: all there are.
        settings: the latency.
        faults: of events.
    """

    def __init__(self, sessions: Sessions, settings: Settings, faults: Faults) -> None:
        self._sessions = sessions
        self._settings = settings
        self._faults = faults
        self._held: defaultdict[str, list[Callable[[], None]]] = defaultdict(list)

    def send(
        self,
        event: str,
        sessions: Iterable[Session],
        text_for: Callable[[Session], str],
        channel_id: int | None = None,
    ) -> None:
        """Send an event, unless a fault takes it.

        Args:
            event: its name.
            sessions: whom it is for.
            text_for: makes its data for one of them.
            channel_id: the channel that it concerns.
        """
        takers = list(sessions)

        def deliver(damage: EventFault | None = None) -> None:
            for session in takers:
                session.emit(event, text_for(session), self._settings.half_latency(), damage)

        fault = self._faults.take_event(event, channel_id)
        if fault is None:
            deliver()
            self._release(event)
        elif fault.action in DAMAGES:
            deliver(fault)
        elif fault.action == "duplicate":
            deliver()
            deliver()
        elif fault.action == "delay":
            asyncio.get_running_loop().call_later(fault.delay, deliver)
        elif fault.action == "reorder":
            self._held[event].append(deliver)
            asyncio.get_running_loop().call_later(_REORDERED_AT_LATEST, self._release, event)
        elif fault.action != "drop":
            resumable = fault.action == "disconnect"
            self._sessions.close(takers, UNKNOWN_ERROR, resumable=resumable)
            deliver()

    def send_to_one(self, event: str, session: Session, text: str) -> None:
        """Send an event to one session. Faults may damage it, and no more."""
        fault = self._faults.take_damaged(event)
        session.emit(event, text, self._settings.half_latency(), fault)

    def _release(self, event: str) -> None:
        for deliver in self._held.pop(event, ()):
            deliver()
