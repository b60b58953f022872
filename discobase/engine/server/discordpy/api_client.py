"""discord.py's HTTP client, bound to one API URL.

discord.py keeps the API's address in class attributes, shared by the whole process. Here each
client rewrites its own requests, so that two databases in one process may live on two servers, and
a bot of the user's beside them is left alone.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast

import aiohttp
import discord
from discord.http import HTTPClient, Route

from discobase.engine.server.discordpy.call_trace import Call, trace_of_calls
from discobase.engine.server.usage import Usage
from discobase.token import forget_frames

_CONNECT_SECONDS, _SILENCE_SECONDS = 10.0, 30.0
"""How long a peer may take to accept a connection, and to send its next bytes: a guess."""


class ApiClient(HTTPClient):
    """discord.py's HTTP client, with one server's address, and with a limit on how long a socket
    may be silent.

    aiohttp's own limit is five minutes for a whole request, which is too long to wait for a dead
    peer, and too short for a large upload that has to wait for its rate limit.

    Each call leaves through here, and is counted (:mod:`.call_trace`).

    Args:
        loop: where it runs.
        api_url: the address of the REST API.
        usage: where calls are counted.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, api_url: str, usage: Usage) -> None:
        super().__init__(loop, http_trace=trace_of_calls())
        self._api_url = api_url
        self._usage = usage

    async def static_login(self, token: str) -> Any:
        """Log in. May be tried again when it fails, which leaves the sockets of 2.7.1 open."""
        try:
            return await super().static_login(token)
        except BaseException:
            await self.close()
            self.connector = discord.utils.MISSING
            raise

    async def request(self, route: Route, **kwargs: Any) -> Any:
        """Make a request of this client's server.

        2.7.1 takes JSON for JSON only where its type is ``application/json`` to the letter: many a
        compatible server adds the charset.
        """
        route.url = self._api_url + route.url.removeprefix(Route.BASE)
        kwargs["timeout"] = aiohttp.ClientTimeout(
            total=None, sock_connect=_CONNECT_SECONDS, sock_read=_SILENCE_SECONDS
        )
        call = Call(self._usage, f"{route.method} {route.path}")
        kwargs["trace_request_ctx"] = call
        try:
            answer = await super().request(route, **kwargs)
        except (OSError, aiohttp.ClientError, TimeoutError) as error:
            forget_frames(error)
            raise
        except discord.HTTPException as error:
            said = _as_json(error.text)
            if not isinstance(said, dict):
                raise
            raise type(error)(error.response, cast("dict[str, Any]", said)) from error
        finally:
            call.ends()
        return _as_json(answer) if isinstance(answer, str) else answer


def _as_json(text: str) -> object:
    """Return what a body says, if it is JSON; else the body."""
    try:
        return json.loads(text)
    except ValueError:
        return text
