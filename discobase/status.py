"""How a connected database is: `Status`, for monitoring and for whoever looks for what is slow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from discobase import markup
from discobase.counted import counted
from discobase.engine.checkpoints.growth import Growth


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A database's connection at one moment, as :meth:`Database.status
    <discobase.Database.status>` tells it.

    What is not known is None. :func:`dataclasses.asdict` makes JSON's types of it.

    Attributes:
        name: the database's name.
        connected: whether it can be used at once.
        server: the Discord server's name.
        server_id: its id.
        database_id: the database's own id, which stands in its channels' topics.
        encrypted: whether what is written into Discord is encrypted by a key.
        head: the position of the last commit that is known here.
        age: seconds since what is known here was all that there was. 0 while the gateway tells what
            others write: that it has fallen silent shows within some 40 s.
        checkpoint: the position of the newest checkpoint.
        checkpoint_age: seconds since it was written.
        gateway: ``live`` while the gateway tells what others write, ``connecting`` while it does
            not, ``off`` where there is no connection, or none to the gateway is wanted.
        gateway_trouble: why it is not live, in words.
        rate_limit_waits: how often an API call has waited for Discord's rate limits since the
            login.
        rate_limit_seconds: how long they have waited, together.
        identifies_left: how many gateway logins the bot had left today, over all processes, when
            Discord was last asked.
        identifies_a_day: how many it has in a day.
        identifies_reset: seconds until it has all of them again.
        writes_blocked: whether something keeps this connection from writing, as far as is known:
            see the `on_trouble` of :class:`~discobase.Database`.
        required_version: the version of discobase that whoever writes has to have, where one is
            required (:meth:`Database.require_version <discobase.Database.require_version>`).
        growth: how much the database holds and has held, and what to do about it.
        calls: how many API calls have been made since the login, by method and path, repetitions
            included. Downloads of attachments are no API calls.
    """

    name: str
    connected: bool = False
    server: str | None = None
    server_id: int | None = None
    database_id: str | None = None
    encrypted: bool | None = None
    head: int | None = None
    age: float | None = None
    checkpoint: int | None = None
    checkpoint_age: float | None = None
    gateway: Literal["live", "connecting", "off"] = "off"
    gateway_trouble: str | None = None
    rate_limit_waits: int = 0
    rate_limit_seconds: float = 0.0
    identifies_left: int | None = None
    identifies_a_day: int | None = None
    identifies_reset: float | None = None
    writes_blocked: bool = False
    required_version: str | None = None
    growth: Growth | None = None
    calls: Mapping[str, int] = field(default_factory=dict[str, int], hash=False)

    @property
    def tail(self) -> int | None:
        """The number of commits after the newest checkpoint, which whoever connects has to read;
        None where no checkpoint is known.
        """
        if self.head is None or self.checkpoint is None:
            return None
        return self.head - self.checkpoint

    @property
    def calls_made(self) -> int:
        """The number of API calls since the login, of all kinds."""
        return sum(self.calls.values())

    def _repr_html_(self) -> str:
        """Return what a notebook shows: all that is known, but for each kind of call."""
        known = {each.name: getattr(self, each.name) for each in fields(self)}
        del known["name"], known["calls"]
        known["calls_made"], known["tail"] = self.calls_made, self.tail
        shown = [(name, _shown(value)) for name, value in known.items() if value is not None]
        return markup.facts(f"Status of {self.name!r}", shown)

    def __repr__(self) -> str:
        facts = [
            f"connected to {self.server!r}" if self.connected else "not connected",
            "encrypted" if self.encrypted else "",
            "" if self.head is None else f"at position {self.head}",
            "" if self.age is None else f"current {self.age:.1f} s ago",
            "" if self.tail is None else f"{counted(self.tail, 'commit')} after the checkpoint",
            f"gateway {self.gateway}",
            f"{self.calls_made} API calls",
            "writes blocked" if self.writes_blocked else "",
            f"{self.rate_limit_seconds:.1f} s in {self.rate_limit_waits} waits for rate limits"
            if self.rate_limit_waits
            else "",
        ]
        return f"<Status of {self.name!r}: {', '.join(filter(None, facts))}>"


def _shown(value: Any) -> Any:
    return f"{value:,.1f}" if isinstance(value, float) else value
