"""Unmodified discord.py on the server: the main things a bot does, through its own client."""

from __future__ import annotations

import asyncio
import io
from contextlib import asynccontextmanager

import discord
import pytest
import yarl

INTENTS = discord.Intents(guilds=True, guild_messages=True)


class Bot(discord.Client):
    """A client that keeps what it hears."""

    def __init__(self) -> None:
        super().__init__(intents=INTENTS, guild_ready_timeout=0.1)
        self.heard: asyncio.Queue[tuple[str, object]] = asyncio.Queue()

    async def on_ready(self) -> None:
        self.heard.put_nowait(("ready", None))

    async def on_message(self, message) -> None:
        self.heard.put_nowait(("message", message))

    async def on_raw_message_delete(self, event) -> None:
        self.heard.put_nowait(("delete", event))

    async def on_resumed(self) -> None:
        self.heard.put_nowait(("resumed", None))

    async def on_guild_channel_create(self, channel) -> None:
        self.heard.put_nowait(("channel", channel))

    async def next(self) -> tuple[str, object]:
        return await asyncio.wait_for(self.heard.get(), 10)

    async def hear(self, kind: str):
        while True:
            name, thing = await self.next()
            if name == kind:
                return thing


@pytest.fixture
def directed(place, monkeypatch):
    """discord.py pointed at the server."""
    monkeypatch.setattr(discord.http.Route, "BASE", place.server.api_url)
    gateway = yarl.URL(f"{place.server.origin.replace('http', 'ws')}/gateway")
    monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", gateway)
    return place


@asynccontextmanager
async def bot(place):
    client = Bot()
    await client.login(place.token)
    connected = asyncio.create_task(client.connect())
    try:
        await client.hear("ready")
        yield client, client.get_channel(place.channel)
    finally:
        await client.close()
        await connected


def run(scene):
    return asyncio.run(asyncio.wait_for(scene, 30))


def test_a_bot_logs_in_and_sees_its_guild(directed):
    async def scene():
        async with bot(directed) as (client, channel):
            [guild] = client.guilds
            return guild.id, guild.me.id == client.user.id, channel.name, guild.me.guild_permissions

    guild, itself, name, permissions = run(scene())
    assert (guild, itself, name) == (directed.guild, True, "lane")
    assert permissions.manage_channels
    assert permissions.manage_roles


def test_a_message_is_sent_heard_edited_read_and_deleted(directed):
    async def scene():
        async with bot(directed) as (client, channel):
            sent = await channel.send("hello", silent=True, suppress_embeds=True)
            heard = await client.hear("message")
            assert (heard.id, heard.nonce, heard.flags.value) == (sent.id, sent.nonce, 4100)
            await channel.get_partial_message(sent.id).edit(content="changed")
            [read] = [message async for message in channel.history()]
            assert (read.id, read.content) == (sent.id, "changed")
            await read.delete()
            assert (await client.hear("delete")).message_id == sent.id
            with pytest.raises(discord.NotFound) as caught:
                await channel.fetch_message(sent.id)
            assert caught.value.code == 10008

    run(scene())


def test_a_nonce_given_to_send_is_used_once(directed):
    async def scene():
        async with bot(directed) as (_, channel):
            sends = (channel.send(f"{number}", nonce="position-1") for number in range(20))
            return {message.id for message in await asyncio.gather(*sends)}

    assert len(run(scene())) == 1


def test_long_history_is_read_in_pages_both_ways(directed):
    for number in range(250):
        directed.send(f"{number}")

    async def scene():
        async with bot(directed) as (_, channel):
            newest = [message.content async for message in channel.history(limit=None)]
            after = discord.Object(0)
            oldest = [message.content async for message in channel.history(limit=None, after=after)]
            return newest, oldest

    directed.server.reset_requests()
    newest, oldest = run(scene())
    assert oldest == newest[::-1] == [f"{number}" for number in range(250)]
    assert directed.server.requests.count("GET", "*/messages") == 6


def test_a_file_is_sent_and_read(directed):
    content = bytes(range(256)) * 1000

    async def scene():
        async with bot(directed) as (_, channel):
            file = discord.File(io.BytesIO(content), "wörld data.json", description="data")
            sent = await channel.send("with a file", file=file)
            [attachment] = sent.attachments
            assert (attachment.size, attachment.description) == (len(content), "data")
            assert await attachment.read() == content
            edited = await sent.edit(attachments=[attachment, discord.File(io.BytesIO(b"2"), "b")])
            return [await kept.read() for kept in edited.attachments]

    assert run(scene()) == [content, b"2"]


def test_a_private_category_with_channels_is_made(directed):
    async def scene():
        async with bot(directed) as (client, _):
            [guild] = client.guilds
            overwrites = {
                guild.default_role: discord.PermissionOverwrite(view_channel=False),
                guild.me: discord.PermissionOverwrite(view_channel=True),
            }
            category = await guild.create_category("Data", overwrites=overwrites)
            made = await guild.create_text_channel("Log 0", category=category, topic="t")
            assert (await client.hear("channel")).id == category.id
            heard = await client.hear("channel")
            assert (heard.id, heard.name, heard.topic) == (made.id, "log-0", "t")
            assert heard.permissions_synced
            found = await guild.fetch_channels()
            await made.delete()
            return {channel.name for channel in found}

    assert run(scene()) == {"lane", "Data", "log-0"}


@pytest.mark.parametrize("manner", ["close", "cut", "reconnect"])
def test_a_bot_resumes_after_its_connection_was_dropped(directed, manner):
    async def scene():
        async with bot(directed) as (client, channel):
            await asyncio.to_thread(directed.server.drop_gateways, manner=manner)
            await asyncio.to_thread(directed.send, "while away")
            # The message may still come over the old connection, or be replayed, or come after.
            heard = dict([await client.next(), await client.next()])
            await channel.send("back")
            return heard.keys(), heard["message"].content, (await client.hear("message")).content

    assert run(scene()) == ({"message", "resumed"}, "while away", "back")
    assert directed.server.requests.identifies == 1


def test_a_wrong_token_is_a_login_failure(directed):
    async def scene():
        async with Bot() as client:
            await client.login("nobody")

    with pytest.raises(discord.LoginFailure):
        run(scene())


def test_privileged_intents_that_are_not_switched_on_are_refused(directed):
    async def scene():
        async with discord.Client(intents=discord.Intents.all()) as client:
            await client.start(directed.token)

    with pytest.raises(discord.PrivilegedIntentsRequired):
        run(scene())


def test_discord_py_repeats_a_request_that_failed_after_its_effect_without_doubling_it(
    directed, monkeypatch
):
    sleep = asyncio.sleep
    monkeypatch.setattr(discord.http.asyncio, "sleep", lambda seconds: sleep(seconds / 100))
    directed.server.fault(method="POST", route="*/messages", status=500, when="after")

    async def scene():
        async with bot(directed) as (_, channel):
            await channel.send("once")

    run(scene())
    assert directed.history() == ["once"]
    assert directed.server.requests.count("POST", "*/messages") == 2
