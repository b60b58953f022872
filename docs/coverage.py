"""Makes docs/local-coverage.md, the page that says how much of Discord's API is served locally.

Run it after routes were added: ``python docs/coverage.py``. The tests say when that was forgotten.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path

from discobase.local.rest.endpoints import UNSERVED
from discobase.local.rest.routing import Route
from discobase.local.rest.table import TABLE

DOCS = Path(__file__).parent
PAGE = DOCS / "local-coverage.md"
NOTES = tomllib.loads((DOCS / "local-coverage.toml").read_text("utf-8"))

_HEAD = """\
<!-- Made by docs/coverage.py; do not edit. -->

# What the local server serves

Every endpoint of Discord's published description of its API (July 2026) and every gateway event of
its documentation. What is not served answers `501` with the endpoint's name, so that a bot's author
sees at once what is missing; what is served in part says here what is left out.
[How it behaves](local-behaviour.md) is told in detail on a page of its own.
"""


def is_served(route: Route) -> bool:
    """Whether the server has a handler for an endpoint of the description."""
    found = TABLE.find(route.template)
    served = None if found is None else found.routes.get(route.method)
    return served is not None and served.handler is not None


def endpoint_rows() -> list[tuple[str, str, str]]:
    """Each endpoint: its name, its path, and how far it is served."""
    rows = []
    for route in UNSERVED:
        left_out = NOTES["partly"].get(route.name)
        state = "not served"
        if is_served(route):
            state = "served" if left_out is None else f"partly: {left_out}"
        rows.append((f"`{route.name}`", f"`{route.method} {route.template}`", state))
    return rows


def event_rows() -> list[tuple[str, str]]:
    """Each gateway event, and how far it is served."""
    return [(f"`{name}`", state or "not served") for name, state in NOTES["events"].items()]


def page() -> str:
    """The whole page."""
    endpoints, events = endpoint_rows(), event_rows()
    beyond = "`POST /attachments/refresh-urls` is served too: bots use it, undescribed as it is."
    return "\n".join(
        [
            _HEAD,
            "## Endpoints",
            "",
            f"{_count([state for *_, state in endpoints])} {beyond}",
            "",
            *_table(("endpoint", "request", "state"), endpoints),
            "",
            "## Gateway events",
            "",
            _count([state for *_, state in events]),
            "",
            *_table(("event", "state"), events),
            "",
        ]
    )


def _count(states: list[str]) -> str:
    counts = Counter(state.partition(":")[0] for state in states)
    return (
        f"Of {len(states)}, {counts['served']} are served, {counts['partly']} partly,"
        f" {counts['not served']} not."
    )


def _table(head: tuple[str, ...], rows: list) -> list[str]:
    cells = [head, ("---",) * len(head), *rows]
    return [f"| {' | '.join(row)} |" for row in cells]


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
