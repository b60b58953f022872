"""How much is asked of the server, so that a test can say what something costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, NamedTuple


class RequestKind(NamedTuple):
    """What requests are counted by.

    ``route`` is the template (``/channels/{channel_id}/messages``); ``status`` is 0 for one that
    was cut off without an answer; ``bot`` is the bot's id, or 0 where the token was nobody's.
    """

    method: str
    route: str
    status: int
    bot: int


@dataclass(slots=True)
class Requests:
    """How many API requests there were; CDN downloads and gateway logins apart."""

    by_kind: Counter[RequestKind] = field(default_factory=Counter[RequestKind])
    downloads: int = 0
    identifies: int = 0

    @property
    def total(self) -> int:
        """All API requests."""
        return self.by_kind.total()

    def count(
        self,
        method: str = "*",
        route: str = "*",
        *,
        status: int | None = None,
        bot: int | None = None,
    ) -> int:
        """Return the API requests that fit.

        Args:
            method: an HTTP method, or a pattern with ``*``.
            route: a template, or a pattern with ``*`` (``*/messages``).
            status: only those with this status.
            bot: only those of this bot.
        """
        return sum(
            number
            for kind, number in self.by_kind.items()
            if fnmatchcase(kind.method, method)
            and fnmatchcase(kind.route, route)
            and status in {None, kind.status}
            and bot in {None, kind.bot}
        )

    def copy(self) -> Requests:
        """Return the counts as they are now."""
        return Requests(Counter(self.by_kind), self.downloads, self.identifies)

    def reset(self) -> None:
        """Begin again at 0."""
        self.by_kind.clear()
        self.downloads = self.identifies = 0

    def as_json(self) -> dict[str, Any]:
        """Return the counts for the admin API."""
        return {
            "total": self.total,
            "downloads": self.downloads,
            "identifies": self.identifies,
            "requests": list(self._rows()),
        }

    def _rows(self) -> Iterator[dict[str, Any]]:
        for kind, number in sorted(self.by_kind.items()):
            yield {**kind._asdict(), "bot": str(kind.bot), "count": number}
