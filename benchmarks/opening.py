"""Opening: calls, by the server's own count, and seconds, from a checkpoint."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import discobase
from benchmarks.measuring import Place
from discobase.local import LocalDiscord
from tests.database.long_log import lengthen

_NAME = "bench"


def opening(_: Place) -> None:
    """A million records, and a hundred thousand commits, on servers in this process."""
    print("Opening, from a checkpoint, to the moment it is ready")
    _measure("a million records in 50 commits", commits=50, records=20_000, tail=0)
    _measure("100,000 commits, as fast as Discord", commits=99_600, records=1, tail=399)
    print()


def _measure(title: str, *, commits: int, records: int, tail: int) -> None:
    with LocalDiscord() as discord:
        server = discord.join(_NAME)
        _open(discord, lambda _, item: item(name="item 1").save())
        lengthen(discord, server, commits, records=records, held=1)
        _open(discord, lambda database, _: database.checkpoint())
        lengthen(discord, server, tail, held=1 + commits * records)
        if tail:
            discord.set_limits("discord")
        discord.reset_requests()
        seconds, calls = _open(discord)
    print(f"  {title:<52} {calls:>5} calls {seconds:>8.2f} s")


def _open(
    discord: LocalDiscord, work: Callable[[discobase.Database, type[Any]], object] | None = None
) -> tuple[float, int]:
    database = discobase.Database(_NAME, timeout=600)

    @database.table
    class Item(discobase.Table):
        name: str

    began = time.perf_counter()
    with database.conn(discord.default_token, api_url=discord.api_url, timeout=600):
        cost = time.perf_counter() - began, discord.requests.total
        if work is not None:
            work(database, Item)
        return cost
