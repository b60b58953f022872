"""Routes: which handler answers which method and path, found by walking the path's segments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from discobase.local.platform import Platform
from discobase.local.rest.call import Call
from discobase.local.rest.response import Reply
from discobase.local.state.entities import Bot

Handler = Callable[[Call], Reply]

Caller = Callable[[Platform, Mapping[str, str]], Bot]
"""What finds who asks by what stands in the path, or refuses the request."""


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint.

    Attributes:
        method: the HTTP method.
        template: the path, as ``/channels/{channel_id}``.
        handler: what answers it; ``None`` for one that Discord has and this server does not serve.
        name: what Discord's description calls it.
        caller: finds who asks, where a token in the path says it instead of the header.
        public: whether it answers those too who have no token.
    """

    method: str
    template: str
    handler: Handler | None
    name: str = ""
    caller: Caller | None = None
    public: bool = False


@dataclass(slots=True)
class _Node:
    next: dict[str, _Node] = field(default_factory=dict[str, "_Node"])
    any: _Node | None = None
    routes: dict[str, Route] = field(default_factory=dict[str, Route])


class Match(NamedTuple):
    """The routes of a path by method, and what stands in the places of its parameters."""

    routes: dict[str, Route]
    parameters: dict[str, str]


class Table:
    """All routes.

    Args:
        routes: where several have the same method and template, the first counts.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
        self._routes: dict[tuple[str, str], Route] = {}
        for route in routes:
            self._routes.setdefault((route.method, route.template), route)
            self._add(route)

    def routes(self) -> list[Route]:
        """Return all routes that count."""
        return list(self._routes.values())

    def _add(self, route: Route) -> None:
        node = self._root
        for segment in route.template.strip("/").split("/"):
            if segment.startswith("{"):
                node.any = node.any or _Node()
                node = node.any
            else:
                node = node.next.setdefault(segment, _Node())
        node.routes.setdefault(route.method, route)

    def find(self, path: str) -> Match | None:
        """Return the routes of a path, or ``None``."""
        found = _walk(self._root, tuple(path.strip("/").split("/")), ())
        if found is None:
            return None
        routes, values = found
        template = next(iter(routes.values())).template
        names = [part.strip("{}") for part in template.split("/") if part.startswith("{")]
        return Match(routes, dict(zip(names, values, strict=True)))


def _walk(
    node: _Node, segments: tuple[str, ...], values: tuple[str, ...]
) -> tuple[dict[str, Route], tuple[str, ...]] | None:
    if not segments:
        return (node.routes, values) if node.routes else None
    segment, rest = segments[0], segments[1:]
    fixed = node.next.get(segment)
    found = None if fixed is None else _walk(fixed, rest, values)
    if found is None and node.any is not None:
        found = _walk(node.any, rest, (*values, segment))
    return found
