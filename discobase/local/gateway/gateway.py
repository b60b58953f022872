"""The gateway put together: its sessions, its open connections, and what they are sent."""

from __future__ import annotations

from typing import Literal

from discobase.local import wire
from discobase.local.behaviour.faults import Faults
from discobase.local.behaviour.limits import Limits
from discobase.local.behaviour.settings import Settings
from discobase.local.gateway.broadcast import Broadcast
from discobase.local.gateway.connection import Connection
from discobase.local.gateway.delivery import Delivery
from discobase.local.gateway.opcodes import RECONNECT, UNKNOWN_ERROR
from discobase.local.gateway.rate_limits import Logins
from discobase.local.gateway.sessions import Sessions
from discobase.local.state.counts import Requests
from discobase.local.state.message_json import MessageJson
from discobase.local.state.state import State

Manner = Literal["close", "cut", "reconnect"]


class Gateway:
    """What all conversations with clients share.

    Args:
        state: who is where.
        message_json: makes the JSON of messages.
        settings: the latency, and how long sessions last.
        limits: how fast clients may talk.
        faults: of events.
        requests: counts the logins.
    """

    def __init__(
        self,
        state: State,
        message_json: MessageJson,
        *,
        settings: Settings,
        limits: Limits,
        faults: Faults,
        requests: Requests,
    ) -> None:
        self.state = state
        self.settings = settings
        self.limits = limits
        self.requests = requests
        self.sessions = Sessions(state)
        self.logins = Logins(state, settings, limits)
        self.connections: set[Connection] = set()
        self.delivery = Delivery(self.sessions, settings, faults)
        self.broadcast = Broadcast(state, message_json, self.sessions, self.delivery)

    def drop_connections(self, *, resumable: bool, manner: Manner) -> int:
        """End all connections; return how many.

        Args:
            resumable: whether the sessions outlive it.
            manner: ``close`` them with a close code, ``cut`` them without a word, or ask the
                clients to ``reconnect``.
        """
        if not resumable:
            for session in self.sessions:
                self.sessions.end(session)
        connections = list(self.connections)
        for connection in connections:
            if manner == "cut":
                connection.cut()
            elif manner == "reconnect":
                connection.send(wire.text({"t": None, "s": None, "op": RECONNECT, "d": None}))
            else:
                connection.close(UNKNOWN_ERROR)
        return len(connections)


def gateway_url(origin: str) -> str:
    """Return the gateway's address at an HTTP origin."""
    return f"{origin.replace('http', 'ws', 1)}/gateway"
