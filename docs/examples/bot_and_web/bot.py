"""The bot: what people do in Discord goes on the list, and what is new there is told in Discord.

It is a program with discord.py like any other. discobase blocks, so each of its calls is made in
another thread. Both use one token, each with a gateway session of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import os

import discord
import store
import yarl
from discord import app_commands
from discord.ext import tasks

CHANNEL = "shopping"
"""Where the bot tells what is new. It makes the channel if there is none."""

# Commands need no more; and the log of the database is none of this half's business.
bot = discord.Client(
    intents=discord.Intents(guilds=True),
    allowed_mentions=discord.AllowedMentions.none(),  # whatever people put on the list
)
tree = app_commands.CommandTree(bot)


@tree.command(description="Put a thing on the list")
async def want(interaction: discord.Interaction, thing: str) -> None:
    """``/want``."""
    # Discord waits three seconds for an answer, and a save may take longer.
    await interaction.response.defer()
    by = interaction.user.display_name
    new = await asyncio.to_thread(store.want, thing, by, announced=True)
    await interaction.followup.send(f"{thing} is on the list{'' if new else ' already'}.")


@tree.command(description="Take a thing off the list")
async def bought(interaction: discord.Interaction, thing: str) -> None:
    """``/bought``."""
    await interaction.response.defer()
    was_there = await asyncio.to_thread(store.bought, thing)
    await interaction.followup.send(f"{thing} {'is bought' if was_there else 'was not wanted'}.")


@bought.autocomplete("thing")
async def wanted_things(_: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
    """What ``/bought`` offers while somebody types. Reading costs no API call."""
    found = [item.thing for item in await asyncio.to_thread(store.wanted)]
    fitting = [thing for thing in found if typed.casefold() in thing.casefold()]
    return [app_commands.Choice(name=thing, value=thing) for thing in fitting[:25]]


@tree.command(name="list", description="What is on the list")
async def show(interaction: discord.Interaction) -> None:
    """``/list``."""
    lines = [f"{item.thing} ({item.by})" for item in await asyncio.to_thread(store.wanted)]
    await interaction.response.send_message("\n".join(lines)[:2000] or "Nothing is wanted.")


@tasks.loop(seconds=1)
async def tell_news(channel: discord.TextChannel) -> None:
    """Tell in Discord what the web app has put on the list."""
    for item in await asyncio.to_thread(store.take_news):
        await channel.send(f"{item.by} wants {item.thing}.")


@bot.event
async def on_ready() -> None:
    """Offer the commands, and begin to tell. This comes again when a session was lost."""
    if tell_news.is_running():
        return
    server = discord.utils.get(bot.guilds, name=store.SERVER)
    if server is None:
        raise RuntimeError(f"the bot is in no server called {store.SERVER!r}")
    channel = discord.utils.get(server.text_channels, name=CHANNEL)
    if channel is None:
        channel = await server.create_text_channel(CHANNEL)
    tree.copy_global_to(guild=server)
    await tree.sync(guild=server)
    tell_news.start(channel)
    print("the bot is there", flush=True)


async def main() -> None:
    """Connect both halves, and run until the bot is ended."""
    if address := os.environ.get("DISCOBASE_API_URL"):  # the embedded server, for discord.py
        discord.http.Route.BASE = address
        gateway = yarl.URL(address).with_scheme("ws").with_path("/gateway")
        discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = gateway
    async with store.db.conn(), bot:
        await bot.start(os.environ["DISCOBASE_TOKEN"])


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):  # which is how it ends
        asyncio.run(main())
