"""REST: the way of one request, from its path to its answer.

A handler runs in one step of the loop, from reading the state to the commit in the file; so
requests that race for the same thing are served one after the other, and what was answered is kept.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from math import inf
from typing import cast

from aiohttp import web

from discobase.local import refusals, wire
from discobase.local.behaviour.faults import RequestFault
from discobase.local.behaviour.limits import Scope, major
from discobase.local.behaviour.outages import VIA, Outage, as_json, banned, usual
from discobase.local.behaviour.profiles import RequestFacts
from discobase.local.gateway.connection import reset
from discobase.local.platform import Platform
from discobase.local.refusals import Refusal
from discobase.local.rest.call import Call
from discobase.local.rest.forms.form import as_snowflake, id_in_path
from discobase.local.rest.request import Body, read_body
from discobase.local.rest.response import Reply
from discobase.local.rest.routing import Route
from discobase.local.rest.table import TABLE
from discobase.local.state.counts import RequestKind
from discobase.local.state.entities import Bot
from discobase.local.state.onlookers import PREFIX, may_ask
from discobase.local.state.snowflakes import age

_VERSIONED = re.compile(r"/api(?:/v(9|10))?(/.*)")
_NOWHERE = "unknown"
"""The route that requests to unknown paths are counted under."""

_CUT_OFF = 0
"""The status that requests without an answer are counted under."""

_SENDING = ("POST", "/channels/{channel_id}/messages")
"""What looks whether a nonce was used."""

_NOBODY = Bot(id=0, token="")
"""Who asks without a token, where anybody may."""

_NO_FAULT = RequestFault(count=0)

_Answer = tuple[int, str, Mapping[str, str]]
"""Status, JSON text and further headers."""


class Exchange:
    """One request to the REST API and its answer.

    Args:
        platform: the server.
        request: the request.
        origin: scheme, host and port at which the client reaches this server.
    """

    def __init__(self, platform: Platform, request: web.BaseRequest, origin: str) -> None:
        self._platform = platform
        self._request = request
        self._origin = origin
        self._route = Route(request.method, _NOWHERE, None)
        self._parameters: dict[str, str] = {}
        self._limit_headers: dict[str, str] = {}
        self._scope: Scope | None = None
        self._looked = inf
        self._address = request.remote or ""
        token = request.headers.get("Authorization", "").removeprefix("Bot ")
        self._onlooker = platform.onlookers.bot_of(token)
        self._bot = self._onlooker or platform.state.bot_of(token)

    async def run(self) -> web.StreamResponse:
        """Answer the request and count it, where it is not by somebody who only looks."""
        if self._onlooker is not None:
            return await self._look()
        if self._platform.limits.is_banned(self._address):
            return self._count(_as_response(banned(), {}))
        try:
            self._find_route()
            body = await read_body(self._request, self._platform.settings.request_limit)
        except Refusal as refusal:
            self._limit({})
            return self._count(self._respond(*_refused(refusal)))
        return self._count(await self._serve(body))

    async def _look(self) -> web.Response:
        """Answer somebody who only looks: at once, whatever limits and faults there are."""
        self._origin += PREFIX
        try:
            self._find_route()
            if not may_ask(self._route.method, self._route.template):
                raise refusals.missing_permissions()
            body = await read_body(self._request, self._platform.settings.request_limit)
        except Refusal as refusal:
            return self._respond(*_refused(refusal))
        return self._respond(*self._reply(body))

    def _find_route(self) -> None:
        versioned = _VERSIONED.fullmatch(self._request.path)
        match = None if versioned is None else TABLE.find(versioned[2])
        if match is None:
            raise refusals.not_found()
        route = match.routes.get(self._request.method)
        if route is None:
            raise refusals.method_not_allowed()
        self._route, self._parameters = route, match.parameters

    async def _serve(self, body: Body) -> web.Response | None:
        """Return the answer, or ``None`` where the connection was cut instead."""
        settings = self._platform.settings
        fault = self._take_fault(body.raw) or _NO_FAULT
        early = fault.when == "before"
        await _pause(settings.half_latency() + (fault.delay if early else 0.0))
        await self._look_for_nonce()
        reply = self._limit(body.json)
        if reply is None and early and fault.replaces_answer:
            return self._apply_fault(fault)
        reply = reply or self._reply(body)
        await _pause(settings.half_latency() + (0.0 if early else fault.delay))
        return self._apply_fault(fault) if fault.replaces_answer else self._respond(*reply)

    async def _look_for_nonce(self) -> None:
        """Wait between a send's look for its nonce and its write, where settings ask for that."""
        gap = self._platform.settings.nonce_gap
        if gap and (self._route.method, self._route.template) == _SENDING:
            self._looked = time.time()
            await _pause(gap)

    def _limit(self, body: object) -> _Answer | None:
        """Count the request against the rate limits; return the answer if they refuse it."""
        verdict = self._platform.limits.take(self._facts(body))
        self._limit_headers = verdict.headers
        if verdict.retry_after is None:
            return None
        self._scope = verdict.scope
        return 429, wire.text(verdict.body), {}

    def _facts(self, body: object) -> RequestFacts:
        """Return the request as the limits see it."""
        route, parameters, platform = self._route, self._parameters, self._platform
        bot = 0 if self._bot is None else self._bot.id
        channel = platform.state.channels.get(_id(parameters.get("channel_id")))
        message = _id(parameters.get("message_id"))
        missing = (
            route.method == "DELETE"
            and message > 0
            and (channel is None or platform.messages.find(channel.id, message) is None)
        )
        return RequestFacts(
            bot,
            route.method,
            route.template,
            major(parameters),
            "" if channel is None else str(channel.guild_id),
            frozenset(cast("dict[str, object]", body)) if isinstance(body, dict) else frozenset(),
            age(message, time.time()) if message else 0.0,
            missing,
        )

    def _take_fault(self, body: bytes) -> RequestFault | None:
        channel = _id(self._parameters.get("channel_id")) or None
        faults, route = self._platform.faults, self._route
        return faults.take_request(route.method, route.template, channel, body)

    def _reply(self, body: Body) -> _Answer:
        try:
            status, text = self._handle(body)
        except Refusal as refusal:
            return _refused(refusal)
        return status, text, {}

    def _handle(self, body: Body) -> Reply:
        route, parameters = self._route, self._parameters
        if route.caller is not None:
            self._bot = route.caller(self._platform, parameters)
        bot = self._bot or (_NOBODY if route.public else None)
        if bot is None:
            raise refusals.unauthorized()
        if route.handler is None:
            raise refusals.not_served(route.name)
        ids = {
            name: id_in_path(name, value)
            for name, value in parameters.items()
            if name.endswith("_id")
        }
        words = {name: value for name, value in parameters.items() if name not in ids}
        query = self._request.query
        call = Call(
            self._platform,
            bot,
            ids,
            query,
            body.json,
            body.files,
            self._origin,
            words,
            self._looked,
        )
        return route.handler(call)

    def _apply_fault(self, fault: RequestFault) -> web.Response | None:
        if fault.reset:
            reset(self._request.transport)
            return None
        outage = usual(fault.status or 500)
        if fault.body is not None:
            outage = as_json(outage.status, fault.body, self._limit_headers)
        return _as_response(outage, fault.headers)

    def _respond(self, status: int, text: str, more: Mapping[str, str]) -> web.Response:
        headers = {"Via": VIA}
        if status != 204:
            headers["Content-Type"] = "application/json"
        headers.update(self._limit_headers)
        headers.update(more)
        return web.Response(status=status, body=text.encode(), headers=headers)

    def _count(self, response: web.Response | None) -> web.Response:
        status = _CUT_OFF if response is None else response.status
        bot = 0 if self._bot is None else self._bot.id
        kind = RequestKind(self._route.method, self._route.template, status, bot)
        self._platform.requests.by_kind[kind] += 1
        self._platform.limits.answered(self._address, status, self._scope)
        return web.Response() if response is None else response


def _refused(refusal: Refusal) -> _Answer:
    return refusal.status, wire.text(refusal.body()), refusal.headers


def _as_response(outage: Outage, more: Mapping[str, str]) -> web.Response:
    headers = {**outage.headers, **more}
    return web.Response(status=outage.status, body=outage.text.encode(), headers=headers)


def _id(text: str | None) -> int:
    """Return the id in a path, or 0 where there is none that a channel or message could have."""
    return as_snowflake(text) or 0


async def _pause(seconds: float) -> None:
    if seconds > 0:
        await asyncio.sleep(seconds)
