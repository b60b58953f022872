"""Saving: ``save()`` beside a bare ``channel.send`` of discord.py, on the same server."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import discord
from discord.gateway import DiscordWebSocket
from yarl import URL

import discobase
from benchmarks.measuring import Place, compare, seconds

T = TypeVar("T")

_SINGLE, _AT_ONCE = 100, 64


class BareClient:
    """discord.py as its own documentation uses it, on a loop in a thread, so that a caller can wait
    for it."""

    def __init__(self, place: Place) -> None:
        # discord.py keeps its addresses in class attributes; discobase does not touch them.
        discord.http.Route.BASE = place.api_url
        DiscordWebSocket.DEFAULT_GATEWAY = URL(
            place.api_url.replace("http", "ws").replace("/api/v10", "/gateway")
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._client = discord.Client(intents=discord.Intents(guilds=True, guild_messages=True))
        self._channel: discord.TextChannel
        self._thread.start()
        self.run(self._open(place))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _open(self, place: Place) -> None:
        await self._client.login(place.token)
        self._connection = asyncio.create_task(self._client.connect())
        await self._client.wait_until_ready()
        guild = next(guild for guild in self._client.guilds if guild.name == place.server)
        self._channel = await guild.create_text_channel("bare")

    def send(self) -> None:
        """Send one message and wait until Discord has it."""
        self.run(self._channel.send('{"name":"Peter","password":"foobar"}'))

    def send_at_once(self, number: int) -> None:
        """Send so many messages at once."""

        async def all_of_them() -> None:
            texts = ('{"name":"Peter","password":"foobar"}' for _ in range(number))
            await asyncio.gather(*map(self._channel.send, texts))

        self.run(all_of_them())

    def close(self) -> None:
        """Log out and end the thread."""
        self.run(self._client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()


@contextlib.contextmanager
def _both_sides(place: Place) -> Iterator[tuple[type[discobase.Table], BareClient]]:
    db = discobase.Database(place.server)

    @db.table
    class User(discobase.Table):
        name: str
        password: str

    bare = BareClient(place)
    with contextlib.closing(bare), db.conn(place.token, api_url=place.api_url):
        yield User, bare


def saving(place: Place) -> None:
    """One record, and many threads at once."""
    with _both_sides(place) as (user, bare):
        compare(
            "One record, until Discord has it",
            ("discobase: save()", lambda: seconds(lambda: _new(user).save(), _SINGLE)),
            ("discord.py: channel.send(), waited for", lambda: seconds(bare.send, _SINGLE)),
        )
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            compare(
                f"{_AT_ONCE} records at once (time for each)",
                (
                    f"discobase: save() in {_AT_ONCE} threads",
                    lambda: _each(
                        lambda: list(threads.map(lambda _: _new(user).save(), range(_AT_ONCE)))
                    ),
                ),
                (
                    "discord.py: channel.send(), gathered",
                    lambda: _each(lambda: bare.send_at_once(_AT_ONCE)),
                ),
            )


def saving_much(place: Place) -> None:
    """Ten thousand records with save_many, which nobody would send one by one."""
    db = discobase.Database(place.server)

    @db.table
    class Bulk(discobase.Table):
        name: str
        password: str

    with db.conn(place.token, api_url=place.api_url):
        began = time.perf_counter()
        report = Bulk.save_many(Bulk(name=f"user {n}", password="foobar") for n in range(10_000))
        duration = time.perf_counter() - began
    print("Ten thousand records with save_many")
    print(
        f"  {duration * 1e3:.0f} ms, {report.commits} commits, {report.records / duration:,.0f} "
        f"records/s\n"
    )


def _new(user: type[discobase.Table]) -> discobase.Table:
    return user(name="Peter", password="foobar")


def _each(work: Any) -> float:
    return seconds(work, 5) / _AT_ONCE
