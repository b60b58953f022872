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

_MASK = "[the token]"
_NOTHING = "\0"
"""What no answer says: in the place of a token, where there is none yet."""


class Unreached(ConnectionError):
    """A call had no connection, in none of its tries."""


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
        compatible server adds the charset. And what it raises says what the server says, which may
        be the request, token and all.
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
            if call.connected:
                raise
            raise Unreached(f"{type(error).__name__}: {error}") from error
        except discord.HTTPException as error:
            refusal = self._retold(error)
        else:
            return _as_json(answer) if isinstance(answer, str) else answer
        finally:
            call.ends()
        raise refusal  # here, so that it does not lead to the one in whose place it stands

    def _retold(self, error: discord.HTTPException) -> discord.HTTPException:
        """Return a refusal with what its JSON says, and without the token."""
        text = error.text.replace(self.token or _NOTHING, _MASK)
        said = _as_json(text)
        if not isinstance(said, dict):
            if text == error.text:
                return error
            said = {"message": text, "code": error.code}
        return type(error)(error.response, cast("dict[str, Any]", said))


def _as_json(text: str) -> object:
    """Return what a body says, if it is JSON; else the body."""
    try:
        return json.loads(text)
    except ValueError:
        return text
