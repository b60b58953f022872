"""Drives the package discobase 1.0.0: its tables through all that its Table class offers."""

from __future__ import annotations

import asyncio
import logging
import os
import sys

import pointed  # noqa: F401
from saying import say

import discobase

logging.basicConfig(level=logging.WARNING)
db = discobase.Database(os.environ["SERVER_NAME"])


@db.table
class User(discobase.Table):
    name: str
    age: int


async def attempt(what: str, work) -> None:
    """Says what a step gave, or which error it raised."""
    try:
        say(what, await work)
    except Exception as error:  # noqa: BLE001 - the test tells which it should be
        say(what, f"{type(error).__name__}: {error}")


async def names(**query) -> list[str]:
    return sorted(f"{user.name} {user.age}" for user in await User.find(**query))


async def grow() -> list[str]:
    for number in range(10, 15):
        await User(name=f"user{number}", age=number).save()
    return await names()


async def change() -> str:
    user = await User.find_unique(name="Ada")
    user.age = 37
    await user.update()
    return (await User.find_unique(name="Ada")).age


async def drop() -> list[str]:
    user = await User.find_unique(name="Bob")
    await user.delete()
    return await names()


async def fill() -> None:
    await User(name="Ada", age=36).save()
    await User(name="Bob", age=41).save()
    await attempt("found", names(name="Ada"))
    await attempt("all", names())
    await attempt("missing", User.find_unique(name="Nobody"))
    await attempt("updated", change())
    await attempt("deleted", drop())
    await attempt("grown", grow())


async def read() -> None:
    await attempt("all", names())
    await attempt("cleaned", db.clean())


async def serve() -> None:
    say("waiting for commands")
    await asyncio.to_thread(sys.stdin.read)


async def main(scene) -> None:
    async with db.conn(os.environ["TOKEN"]):
        say("ready", sorted(db.tables))
        await scene()
    say("closed")


asyncio.run(main({"fill": fill, "read": read, "serve": serve}[sys.argv[1]]))
