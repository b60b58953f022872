"""What can be set on the server while it runs."""

from __future__ import annotations

from dataclasses import dataclass, fields

from discobase.errors import UsageError

MEBIBYTE = 1024 * 1024


@dataclass(slots=True)
class Settings:
    """The server's settings; all times are seconds, all sizes bytes.

    Attributes:
        enforce_nonce: whether a second message with the same author, channel and nonce is the first
            one again. Off, it acts as a server that knows nothing of ``enforce_nonce``.
        nonce_window: how long a nonce is remembered. Discord says "the past few minutes", no more
            (assumed: 180).
        latency: added to every API request, half before its effect and half after, and half to
            every event.
        attachment_limit: the largest file.
        request_limit: the largest request as a whole.
        url_lifetime: how long a CDN address is good for (observed: a day).
        heartbeat_interval: between a gateway client's heartbeats.
        resume_window: how long a session without a connection can be resumed (observed: about 90).
        identifies_a_day: gateway logins a day that ``GET /gateway/bot`` counts down from.
    """

    enforce_nonce: bool = True
    nonce_window: float = 180.0
    latency: float = 0.0
    attachment_limit: int = 10 * MEBIBYTE
    request_limit: int = 25 * MEBIBYTE
    url_lifetime: float = 86_400.0
    heartbeat_interval: float = 41.25
    resume_window: float = 90.0
    identifies_a_day: int = 1000

    def change(self, **changes: object) -> None:
        """Sets some of them.

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


def _fitting(name: str, value: object, kinds: dict[str, type[object]]) -> object:
    kind = kinds.get(name)
    if kind is None:
        raise UsageError(f"there is no setting {name!r}; there are: {', '.join(kinds)}.")
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind or (isinstance(value, int | float) and value < 0):
        raise UsageError(f"the setting {name} takes a {kind.__name__} from 0 up, not {value!r}.")
    return value
