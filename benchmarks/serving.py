"""The embedded server itself, asked by a plain aiohttp client: it must not be what is measured."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from statistics import median

import aiohttp

from benchmarks.measuring import Place

_AT_ONCE, _ROUNDS = 16, 5
_CREATES, _PAGES = 3_000, 600
_PAGE = 100
_WANTED_CREATES, _WANTED_PAGES = 1_500, 300


def serving(place: Place) -> None:
    """Print how many messages are created, and pages of history read, in a second."""
    asyncio.run(_serving(place))


async def _serving(place: Place) -> None:
    headers = {"Authorization": f"Bot {place.token}"}
    async with aiohttp.ClientSession(place.api_url + "/", headers=headers) as http:
        messages = f"channels/{await _channel(http)}/messages"
        body = {"content": '{"name":"Peter","password":"foobar"}'}

        async def create() -> None:
            async with http.post(messages, json=body) as response:
                assert "id" in await response.json()

        async def read() -> None:
            async with http.get(messages, params={"limit": _PAGE}) as response:
                assert (await response.read()).count(b'"timestamp"') == _PAGE

        print(f"The embedded server, {_AT_ONCE} requests at once from one other process")
        await _report("messages created", create, _CREATES, _WANTED_CREATES)
        await _report(f"pages of {_PAGE} messages read", read, _PAGES, _WANTED_PAGES)
        print()


async def _channel(http: aiohttp.ClientSession) -> str:
    async with http.get("users/@me/guilds") as response:
        (guild,) = await response.json()
    async with http.post(f"guilds/{guild['id']}/channels", json={"name": "asked"}) as response:
        return (await response.json())["id"]


async def _report(what: str, ask: Callable[[], Awaitable[None]], number: int, wanted: int) -> None:
    rates = [await _rate(ask, number) for _ in range(_ROUNDS)]
    spread = f"({min(rates):,.0f} to {max(rates):,.0f}; at least {wanted:,} are wanted)"
    print(f"  {what:<52} {median(rates):>8,.0f} /s {spread}")


async def _rate(ask: Callable[[], Awaitable[None]], number: int) -> float:
    left = iter(range(number))

    async def worker() -> None:
        for _ in left:
            await ask()

    began = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(_AT_ONCE)))
    return number / (time.perf_counter() - began)
