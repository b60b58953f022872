"""A vacuum: for how long saves wait, at Discord's limits and with its latency."""

from __future__ import annotations

import threading
import time

import discobase
from benchmarks.measuring import Place
from discobase.local import LocalDiscord

_NAME = "bench"


def vacuuming(_: Place) -> None:
    """A vacuum over a tail of 100 commits, while another writer saves; on a server in this
    process.
    """
    print("A vacuum, at Discord's limits and with 0.1 s of latency")
    with LocalDiscord() as discord:
        discord.join(_NAME)
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
            told = database.vacuum()
            seconds = time.perf_counter() - began
            time.sleep(2)
            ended.set()
            saving.join()
    print(f"  {'saves wait for, as the maker measures it':<52} {told.paused:>8.2f} s")
    print(f"  {'the longest save of another writer meanwhile':<52} {max(waits):>8.2f} s")
    print(f"  {'all of it':<52} {seconds:>8.2f} s")
    print()


def _database() -> tuple[discobase.Database, type[discobase.Table]]:
    database = discobase.Database(_NAME, timeout=600)

    @database.table
    class Item(discobase.Table):
        name: str

    return database, Item
