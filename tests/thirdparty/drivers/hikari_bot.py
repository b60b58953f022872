"""Drives hikari, a client that shares no code with discord.py."""

from __future__ import annotations

import asyncio
import os

import hikari
from saying import say

CHANNEL = int(os.environ["CHANNEL_ID"])
SERVER = int(os.environ["SERVER_ID"])

bot = hikari.GatewayBot(
    os.environ["TOKEN"],
    rest_url=os.environ["API_URL"],
    intents=hikari.Intents.ALL,
    banner=None,
    suppress_optimization_warning=True,
)


async def heard(event_type, predicate=None):
    return await bot.wait_for(event_type, timeout=10, predicate=predicate)


async def messages() -> None:
    hearing = asyncio.create_task(heard(hikari.GuildMessageCreateEvent))
    await asyncio.sleep(0)
    sent = await bot.rest.create_message(CHANNEL, "hello from hikari", nonce="n1")
    event = await hearing
    say("heard", [event.message_id == sent.id, event.content, event.message.nonce])
    edited = await sent.edit("changed by hikari")
    say("edited", [edited.content, edited.edited_timestamp is not None])
    for number in range(149):
        await bot.rest.create_message(CHANNEL, str(number))
    newest = await bot.rest.fetch_messages(CHANNEL)
    say("history", [len(newest), newest[0].content, newest[len(newest) - 1].content])
    gone = await bot.rest.create_message(CHANNEL, "to be deleted")
    await gone.delete()
    try:
        await bot.rest.fetch_message(CHANNEL, gone.id)
    except hikari.NotFoundError as error:
        say("deleted", error.code)


async def files() -> None:
    content = bytes(range(256)) * 4000
    sent = await bot.rest.create_message(CHANNEL, attachment=hikari.Bytes(content, "data.bin"))
    [attachment] = sent.attachments
    say("file", [attachment.filename, attachment.size, await attachment.read() == content])


async def channels() -> None:
    hidden = hikari.PermissionOverwrite(
        id=SERVER, type=hikari.PermissionOverwriteType.ROLE, deny=hikari.Permissions.VIEW_CHANNEL
    )
    category = await bot.rest.create_guild_category(SERVER, "Hikari")
    hearing = asyncio.create_task(
        heard(hikari.GuildChannelCreateEvent, lambda event: event.channel.name != "Hikari")
    )
    await asyncio.sleep(0)
    made = await bot.rest.create_guild_text_channel(
        SERVER, "From Hikari", topic="t", category=category, permission_overwrites=[hidden]
    )
    say("channel", [(await hearing).channel.name, made.name, made.parent_id == category.id])
    await bot.rest.edit_channel(made, topic="changed")
    say("topic", (await bot.rest.fetch_channel(made)).topic)
    await bot.rest.delete_channel(made)
    say("channels", sorted(one.name for one in await bot.rest.fetch_guild_channels(SERVER)))


async def person() -> None:
    say("waiting for a person")
    event = await heard(hikari.GuildMessageCreateEvent, lambda event: not event.is_bot)
    say("person", event.content)


async def commands() -> None:
    application = await bot.rest.fetch_application()
    wanted = bot.rest.slash_command_builder("greet", "Greets somebody")
    wanted.add_option(
        hikari.CommandOption(
            type=hikari.OptionType.STRING, name="name", description="Whom", is_required=True
        )
    )
    await bot.rest.set_application_commands(application, [wanted], guild=SERVER)
    [command] = await bot.rest.fetch_application_commands(application, guild=SERVER)
    say("command", [command.name, command.options[0].name])
    hearing = asyncio.create_task(heard(hikari.CommandInteractionCreateEvent))
    await asyncio.sleep(0)
    say("waiting for a command")
    interaction = (await hearing).interaction
    whom = interaction.options[0].value
    await interaction.create_initial_response(
        hikari.ResponseType.MESSAGE_CREATE, f"Hello, {whom}!", flags=hikari.MessageFlag.EPHEMERAL
    )
    await interaction.edit_initial_response(f"Hello again, {whom}!")
    followed = await interaction.execute("And goodbye.")
    say("answered", followed.content)


async def refusals() -> None:
    try:
        await bot.rest.create_message(CHANNEL, "x" * 2001)
    except hikari.BadRequestError as error:
        say("too long", error.code)
    try:
        await bot.rest.fetch_channel(SERVER + 1)
    except hikari.NotFoundError as error:
        say("no channel", error.code)


async def main() -> None:
    available = asyncio.create_task(bot.wait_for(hikari.GuildAvailableEvent, timeout=10))
    await bot.start(check_for_updates=False)
    await available
    say("ready", [bot.get_me().is_bot, bot.cache.get_guild(SERVER).name])
    for scene in (messages, files, channels, person, commands, refusals):
        await scene()
    await bot.close()
    say("closed")


asyncio.run(main())
