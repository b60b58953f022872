"""A vacuum, and a move: for how long saves wait, at Discord's limits and with its latency."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import discobase
from benchmarks.measuring import Place
from discobase.local import LocalDiscord

_NAME = "bench"
_OTHER = "bench elsewhere"


def vacuuming(_: Place) -> None:
    """A vacuum, and a move to another server, each over a tail of 100 commits, while another writer
    saves; on a server in this process.
    """
    _measure("A vacuum", lambda database: database.vacuum().paused)
    _measure("A move", lambda database: database.move(server=_OTHER).paused)


def _measure(title: str, change: Callable[[discobase.Database], float]) -> None:
    print(f"{title}, at Discord's limits and with 0.1 s of latency")
    with LocalDiscord() as discord:
        discord.join(_NAME)
        discord.join(_OTHER)
        database, item = _database()
        other, theirs = _database()
        with (
            database.conn(discord.default_token, api_url=discord.api_url, timeout=600),
            other.conn(discord.default_token, api_url=discord.api_url, timeout=600),
        ):
            for number in range(100):
                item(name=f"item {number}").save()
            discord.set_limits("discord")
            discord.set(latency=0.1)
            ended, waits = threading.Event(), list[float]()

            def save_on() -> None:
                while not ended.is_set():
                    began = time.perf_counter()
                    theirs(name="another").save()
                    waits.append(time.perf_counter() - began)
                    ended.wait(0.5)  # else it would wait for Discord's limits

            saving = threading.Thread(target=save_on)
            saving.start()
            time.sleep(2)
            began = time.perf_counter()
            paused = change(database)
            seconds = time.perf_counter() - began
            time.sleep(2)
            ended.set()
            saving.join()
    print(f"  {'saves wait for, as the maker measures it':<52} {paused:>8.2f} s")
    print(f"  {'the longest save of another writer meanwhile':<52} {max(waits):>8.2f} s")
    print(f"  {'all of it':<52} {seconds:>8.2f} s")
    print()


def _database() -> tuple[discobase.Database, type[discobase.Table]]:
    database = discobase.Database(_NAME, timeout=600)

    @database.table
    class Item(discobase.Table):
        name: str

    return database, Item
