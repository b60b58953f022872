"""Drives the package discordbase 0.1.0 (REST only, httpx): its tables, as its README does."""

from __future__ import annotations

import asyncio
import os

import discordbase
from discordbase.rest import DiscordRESTClient
from saying import say


async def database() -> discordbase.DiscordBase:
    """What DiscordBase.connect() makes: it has no argument for the address, its REST client has."""
    rest = DiscordRESTClient(os.environ["TOKEN"], api_base=os.environ["API_URL"])
    me = await rest.current_user()
    return discordbase.DiscordBase(
        rest=rest, guild_id=os.environ["SERVER_ID"], bot_user_id=str(me["id"])
    )


async def main() -> None:
    async with await database() as db:
        smoke = await db.smoke_test()
        say("smoke", [smoke["guild"]["name"], smoke["category"]["name"], smoke["readback_ok"]])
        schema = {"id": "str", "name": "str", "age": "int"}
        users = await db.table("Users of 2026", schema=schema, create=True)
        say("table", users.name)
        for number in range(120):
            await users.insert({"id": f"u{number}", "name": "Ada", "age": number})
        say("count", await users.count())
        say("got", await users.get("u7"))
        say("patched", await users.patch("u7", {"name": "Änne 🎈"}, unset=["age"]))
        await users.delete("u8")
        say("deleted", await users.get("u8"))
        say("found", await users.find(lambda row: row["name"] != "Ada"))
        for what, row in (
            ("conflict", {"id": "u7"}),
            ("schema", {"id": "x", "age": "old"}),
            ("large", {"id": "y", "name": "z" * 1900}),
        ):
            try:
                await users.insert(row)
            except discordbase.DiscordBaseError as error:
                say(what, type(error).__name__)
    async with await database() as db:
        say("again", await (await db.table("users-of-2026")).count())


asyncio.run(main())
