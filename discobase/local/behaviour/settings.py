"""What can be set on the server while it runs."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, fields

from discobase.errors import UsageError

MEBIBYTE = 1024 * 1024

_ONE_IN_A_HUNDRED = 2.3263
"""Standard deviations above the mean that a normal variable exceeds once in a hundred times."""

_SIGNED = {"clock_skew"}
"""Settings that may be negative."""


@dataclass(slots=True)
class Settings:
    """The server's settings; all times are seconds, all sizes bytes.

    Attributes:
        enforce_nonce: whether a second message with the same author, channel and nonce is the first
            one again. Off, it acts as a server that knows nothing of ``enforce_nonce``.
        nonce_window: how long a nonce is remembered. Discord says "the past few minutes", no more
            (assumed: 180).
        nonce_gap: how long a send stands between its look whether its nonce was used and its write:
            of several at once each makes a message, while one after the other is the first one
            again. So acts a server that looks without a lock; 0 is with one.
        repeat_attachments: whether the answer to a repeated nonce has the attachments of the
            message that it gives again. Off, only the answer lacks them.
        history_lag: how much later than events and answers the lists of messages show one.
        history_jitter: how much later still, at most: drawn for each message, so that messages
            come into the lists out of order.
        latency: added to every API request, half before its effect and half after, and half to
            every event.
        latency_tail: the latency that one in a hundred exceeds; the others are spread around
            ``latency``, which half of them exceed (log-normally, as times on networks are). 0 makes
            them all the same.
        clock_skew: by how much the clock that ids are made with is ahead, or behind if negative.
        clock_jitter: by how much it is off from id to id, at most, so that ids are out of order.
        attachment_limit: the largest file (API reference, "Uploading Files").
        request_limit: the largest request as a whole (Discord's page "Message").
        url_lifetime: how long a CDN address is good for (observed: a day).
        heartbeat_interval: between a gateway client's heartbeats (observed).
        resume_window: how long a session without a connection can be resumed (observed: about 90).
        interaction_window: how long an interaction waits for its answer (Discord's page "Receiving
            and Responding").
        followup_window: how long an answered interaction can be followed up (the same page).
        identifies_a_day: gateway logins a day that ``GET /gateway/bot`` counts down from (Discord's
            page "Gateway").
        identify_day: how long such a day is; shorter, a test sees its end.
        list_hidden: whether the list of a server's channels has those too that the bot may not
            view, as Discord's had until the 16th of November 2026 (Discord's page "Channel",
            "Obfuscated Channels").
        settling: after how long it says, in ``GET /users/@me``, that what was written can be read
            by everybody, as ``settling_seconds``. Here that is at once; Discord does not say.
    """

    enforce_nonce: bool = True
    nonce_window: float = 180.0
    nonce_gap: float = 0.0
    repeat_attachments: bool = True
    history_lag: float = 0.0
    history_jitter: float = 0.0
    latency: float = 0.0
    latency_tail: float = 0.0
    clock_skew: float = 0.0
    clock_jitter: float = 0.0
    attachment_limit: int = 10 * MEBIBYTE
    request_limit: int = 25 * MEBIBYTE
    url_lifetime: float = 86_400.0
    heartbeat_interval: float = 41.25
    resume_window: float = 90.0
    interaction_window: float = 3.0
    followup_window: float = 900.0
    identifies_a_day: int = 1000
    identify_day: float = 86_400.0
    list_hidden: bool = False
    settling: float = 0.0

    def change(self, **changes: object) -> None:
        """Change some of them.

        Raises:
            UsageError: there is no such setting, or the value is of another type or negative;
                nothing was changed.
        """
        kinds: dict[str, type[object]] = {
            item.name: type(getattr(self, item.name)) for item in fields(self)
        }
        checked = {name: _fitting(name, value, kinds) for name, value in changes.items()}
        for name, value in checked.items():
            setattr(self, name, value)

    def half_latency(self) -> float:
        """Return the seconds to wait on one way: drawn anew each time where latencies differ."""
        half = self.latency / 2
        if self.latency_tail <= self.latency or not half:
            return half
        spread = math.log(self.latency_tail / self.latency) / _ONE_IN_A_HUNDRED
        return random.lognormvariate(math.log(half), spread)


def _fitting(name: str, value: object, kinds: dict[str, type[object]]) -> object:
    kind = kinds.get(name)
    if kind is None:
        raise UsageError(f"there is no setting {name!r}; there are: {', '.join(kinds)}.")
    if kind is float and type(value) is int:
        value = float(value)
    allowed = type(value) is kind and (not isinstance(value, float) or math.isfinite(value))
    if not allowed or (isinstance(value, int | float) and value < 0 and name not in _SIGNED):
        raise UsageError(f"the setting {name} takes a {kind.__name__} from 0 up, not {value!r}.")
    return value
