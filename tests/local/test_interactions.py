"""Commands, buttons, menus and modals of an unmodified discord.py bot, used by people."""

from __future__ import annotations

import asyncio
import io
from types import SimpleNamespace
from typing import Literal

import discord
import pytest
from discord import app_commands, ui

from discobase.errors import UsageError
from discobase.local import LocalDiscord
from tests.local.bots import directed_to, running
from tests.local.conftest import furnish


class Feedback(ui.Modal, title="Feedback"):
    subject = ui.TextInput(label="Subject", max_length=20)
    story = ui.TextInput(label="Story", style=discord.TextStyle.paragraph, required=False)

    async def on_submit(self, interaction):
        await interaction.response.send_message(f"{self.subject} / {self.story}", ephemeral=True)


class Order(ui.Modal, title="Order"):
    size = ui.Label(
        text="Size",
        component=ui.Select(
            options=[discord.SelectOption(label=s, value=s[0]) for s in ("big", "small")]
        ),
    )
    to = ui.Label(text="To", component=ui.UserSelect())

    async def on_submit(self, interaction):
        [user] = self.to.component.values
        await interaction.response.edit_message(
            content=f"{self.size.component.values} for {user.name}", view=None
        )


class Panel(ui.View):
    def __init__(self):
        super().__init__(timeout=None)
        self.count = 0

    @ui.button(label="Count", custom_id="count")
    async def press(self, interaction, button):
        self.count += 1
        button.label = f"Counted {self.count}"
        await interaction.response.edit_message(view=self)

    @ui.button(label="Later", custom_id="later")
    async def later(self, interaction, button):
        await interaction.response.defer()
        await interaction.edit_original_response(content="Changed later", view=self)

    @ui.button(label="Tell me", custom_id="tell")
    async def tell(self, interaction, button):
        await interaction.response.send_message("for you", ephemeral=True)

    @ui.button(label="Order", custom_id="order")
    async def order(self, interaction, button):
        await interaction.response.send_modal(Order())

    @ui.button(label="Never", custom_id="never", disabled=True)
    async def never(self, interaction, button):
        raise AssertionError

    @ui.select(
        placeholder="Colours",
        custom_id="colours",
        max_values=2,
        options=[
            discord.SelectOption(label=name.title(), value=name)
            for name in ("red", "blue", "green")
        ],
    )
    async def colours(self, interaction, select):
        await interaction.response.send_message(f"{interaction.user.name}: {select.values}")

    @ui.select(cls=ui.UserSelect, custom_id="who")
    async def who(self, interaction, select):
        await interaction.response.send_message(f"{[user.name for user in select.values]}")

    @ui.select(cls=ui.ChannelSelect, custom_id="where")
    async def where(self, interaction, select):
        await interaction.response.send_message(f"{[channel.name for channel in select.values]}")


class Bot(discord.Client):
    """A bot with a command for each thing that a command can do."""

    def __init__(self):
        super().__init__(
            intents=discord.Intents(guilds=True, guild_messages=True), guild_ready_timeout=0.1
        )
        self.tree = app_commands.CommandTree(self)
        _add_commands(self.tree)

    async def setup_hook(self):
        await self.tree.sync()


def _add_commands(tree):  # noqa: C901 - a command for each thing that commands can do
    @tree.command(description="Says hello")
    @app_commands.describe(name="whom", times="how often")
    async def greet(interaction, name: str, times: app_commands.Range[int, 1, 3] = 1):
        await interaction.response.send_message(f"Hello, {name}!" * times)

    @tree.command(description="Takes one of each kind")
    async def kinds(
        interaction,
        who: discord.Member,
        where: discord.TextChannel,
        role: discord.Role,
        share: float,
        sure: bool,
        colour: Literal["red", "blue"],
        file: discord.Attachment,
    ):
        content = await file.read()
        parts = (who.name, where.name, role.name, share, sure, colour, file.filename, content)
        await interaction.response.send_message(f"{parts}")

    @tree.command(description="Tells a secret")
    async def secret(interaction):
        await interaction.response.send_message("between us", ephemeral=True)
        await interaction.followup.send("and this", ephemeral=True)
        await interaction.followup.send("for all")

    @tree.command(description="Takes its time")
    async def slow(interaction, hidden: bool = False):
        await interaction.response.defer(thinking=True, ephemeral=hidden)
        await asyncio.sleep(0.2)
        first = await interaction.followup.send("at last", wait=True)
        assert first.id == (await interaction.original_response()).id
        second = await interaction.followup.send("and more", wait=True)
        await second.edit(content="and more, edited")

    @tree.command(description="Edits and deletes")
    async def fleeting(interaction):
        await interaction.response.send_message("first")
        await interaction.edit_original_response(content="second")
        assert (await interaction.original_response()).content == "second"
        await interaction.delete_original_response()
        await interaction.followup.send("gone")

    @tree.command(description="Does nothing")
    async def silent(interaction):
        pass

    @tree.command(description="Sends a file")
    async def report(interaction):
        file = discord.File(io.BytesIO(b"a,b"), "report.csv")
        embed = discord.Embed(title="Report", description="of today")
        response = await interaction.response.send_message(file=file, embed=embed)
        assert response.resource.attachments[0].filename == "report.csv"

    @tree.command(description="Shows a panel")
    async def panel(interaction, hidden: bool = False):
        await interaction.response.send_message("panel", view=Panel(), ephemeral=hidden)

    @tree.command(description="Asks")
    async def ask(interaction):
        await interaction.response.send_modal(Feedback())

    @tree.command(description="Answers twice")
    async def twice(interaction):
        adapter = discord.webhook.async_.async_context.get()
        await interaction.response.send_message("once")
        with pytest.raises(discord.HTTPException) as caught:
            await adapter.create_interaction_response(
                interaction.id,
                interaction.token,
                session=interaction._session,
                params=discord.webhook.async_.interaction_response_params(5),
            )
        await interaction.followup.send(f"{caught.value.status} {caught.value.code}")

    @tree.command(description="Finds a fruit")
    async def fruit(interaction, name: str):
        await interaction.response.send_message(f"one {name}")

    @fruit.autocomplete("name")
    async def complete(interaction, current):
        names = ("apple", "apricot", "pear")
        return [
            app_commands.Choice(name=n.title(), value=n) for n in names if n.startswith(current)
        ]

    @tree.command(description="Laid out by components")
    async def layout(interaction):
        view = ui.LayoutView()
        container = ui.Container(ui.TextDisplay("# Title"), ui.Separator())
        container.add_item(ui.Section("beside", accessory=ui.Button(label="Go", custom_id="go")))
        view.add_item(container)
        await interaction.response.send_message(view=view)

    @tree.command(description="For those who manage channels")
    @app_commands.default_permissions(manage_channels=True)
    async def manage(interaction):
        await interaction.response.send_message("managed")

    tag = app_commands.Group(name="tag", description="Tags")

    @tag.command(name="add", description="Adds one")
    async def add(interaction, name: str):
        await interaction.response.send_message(f"added {name}")

    tree.add_command(tag)

    @tree.context_menu(name="Who is it")
    async def who_is_it(interaction, user: discord.Member):
        await interaction.response.send_message(f"It is {user.name}")

    @tree.context_menu(name="Quote it")
    async def quote_it(interaction, message: discord.Message):
        await interaction.response.send_message(f"{message.author.name}: {message.content}")


@pytest.fixture(scope="module")
def stage():
    """A server with a bot that runs, and with Ada and Bob."""
    with LocalDiscord() as server, directed_to(server):
        place = furnish(server)
        with running(Bot(), place.token) as bot:
            ada, bob = (server.person(name, place.guild) for name in ("Ada", "Bob"))
            yield SimpleNamespace(
                server=server, place=place, bot=bot, ada=ada, bob=bob, channel=place.channel
            )


@pytest.fixture
def panel(stage):
    """The id of a new message with buttons and menus."""
    return stage.ada.run_command(stage.channel, "panel").message["id"]


def test_a_command_is_answered_with_a_message_that_all_see(stage):
    seen = stage.ada.run_command(stage.channel, "greet", name="Bob", times=2)
    assert (seen.state, seen.text, seen.ephemeral) == ("answered", "Hello, Bob!Hello, Bob!", False)
    message = seen.message
    assert message["type"] == 20
    assert message["interaction_metadata"]["user"]["username"] == "Ada"
    assert message["interaction"]["name"] == "greet"
    assert stage.bob.messages(stage.channel)[-1] == message
    assert stage.place.history()[0] == seen.text


def test_options_of_all_kinds_reach_the_bot(stage):
    role = stage.place.rest("GET", f"/guilds/{stage.place.guild}/roles").body[1]
    seen = stage.ada.run_command(
        stage.channel,
        "kinds",
        who=stage.bob,
        where=stage.channel,
        role=role["id"],
        share=0.5,
        sure=True,
        colour="blue",
        file=("data.bin", b"\x00\x01"),
    )
    parts = ("Bob", "lane", role["name"], 0.5, True, "blue", "data.bin", b"\x00\x01")
    assert seen.text == f"{parts}"


@pytest.mark.parametrize(
    ("command", "options", "word"),
    [
        ("nothing", {}, "nobody here offers"),
        ("greet", {}, "needs its option 'name'"),
        ("greet", {"name": "x", "age": 3}, "no option age"),
        ("greet", {"name": "x", "times": 4}, "from 1 to 3"),
        ("greet", {"name": "x", "times": "often"}, "does not take 'often'"),
        ("greet", {"name": "x", "times": True}, "does not take True"),
        ("tag", {}, "needs one of its subcommands"),
        ("tag remove", {}, "no subcommand 'remove'"),
        ("manage", {}, "nobody here offers"),
    ],
)
def test_a_person_cannot_do_what_discord_s_client_would_not_let_him(stage, command, options, word):
    with pytest.raises(UsageError, match=word):
        stage.ada.run_command(stage.channel, command, **options)


def test_a_subcommand_is_run(stage):
    assert stage.ada.run_command(stage.channel, "tag add", name="x").text == "added x"


def test_an_ephemeral_answer_is_seen_by_the_person_alone(stage):
    before = stage.place.history()
    seen = stage.ada.wait(stage.ada.run_command(stage.channel, "secret"), followups=2)
    assert (seen.text, seen.ephemeral) == ("between us", True)
    assert [message["content"] for message in seen.followups] == ["and this", "for all"]
    texts = [message["content"] for message in stage.ada.messages(stage.channel)]
    assert texts[-3:] == ["between us", "and this", "for all"]
    texts = [message["content"] for message in stage.bob.messages(stage.channel)]
    assert "between us" not in texts
    assert stage.place.history() == ["for all", *before]
    answer = stage.place.rest("GET", f"{stage.place.messages}/{seen.message['id']}")
    assert answer.code == 10008


@pytest.mark.parametrize("hidden", [False, True])
def test_a_deferred_answer_is_thinking_until_its_first_follow_up(stage, hidden):
    seen = stage.ada.run_command(stage.channel, "slow", hidden=hidden)
    assert (seen.state, seen.message) == ("thinking", None)
    seen = stage.ada.wait(seen, followups=1)
    assert (seen.state, seen.text, seen.ephemeral) == ("answered", "at last", hidden)
    assert seen.message["edited_timestamp"] is None
    assert len(seen.followups) == 1


def test_an_answer_is_edited_and_deleted(stage):
    seen = stage.ada.wait(stage.ada.run_command(stage.channel, "fleeting"), followups=1)
    assert (seen.message, seen.followups[0]["content"]) == (None, "gone")


def test_a_bot_that_does_not_answer_is_told_of_as_discord_does(stage):
    stage.server.set(interaction_window=0.2)
    try:
        seen = stage.ada.run_command(stage.channel, "silent")
    finally:
        stage.server.set(interaction_window=3.0)
    assert (seen.state, seen.error) == ("failed", "The application did not respond")


def test_an_interaction_is_answered_once(stage):
    seen = stage.ada.wait(stage.ada.run_command(stage.channel, "twice"), followups=1)
    assert seen.followups[0]["content"] == "400 40060"


def test_files_and_embeds_come_with_an_answer(stage):
    message = stage.ada.run_command(stage.channel, "report").message
    assert message["embeds"][0]["title"] == "Report"
    assert stage.place.rest.get_url(message["attachments"][0]["url"]) == (200, b"a,b")


def test_a_button_changes_the_message_it_is_on(stage, panel):
    for count in (1, 2):
        seen = stage.ada.press(panel, "count")
        assert (seen.state, seen.message["id"]) == ("updated", panel)
        assert seen.message["components"][0]["components"][0]["label"] == f"Counted {count}"
    assert stage.bob.press(panel, "Counted 2").state == "updated"


def test_a_button_may_change_it_later_or_answer_in_private(stage, panel):
    seen = stage.ada.press(panel, "Later")
    assert seen.state == "acknowledged"
    assert stage.place.rest("GET", f"{stage.place.messages}/{panel}").status == 200
    told = stage.bob.press(panel, "Tell me")
    assert (told.text, told.ephemeral) == ("for you", True)
    assert told.message["message_reference"]["message_id"] == panel


def test_buttons_of_an_ephemeral_message_work_for_the_person_alone(stage):
    hidden = stage.ada.run_command(stage.channel, "panel", hidden=True).message["id"]
    seen = stage.ada.press(hidden, "count")
    assert (seen.state, seen.message["flags"] & 64) == ("updated", 64)
    with pytest.raises(UsageError, match="sees no message"):
        stage.bob.press(hidden, "count")


def test_what_cannot_be_pressed_or_chosen_is_said(stage, panel):
    with pytest.raises(UsageError, match="disabled"):
        stage.ada.press(panel, "Never")
    with pytest.raises(UsageError, match="no such component"):
        stage.ada.press(panel, "colours")
    with pytest.raises(UsageError, match="takes 1 to 2 entries, not 3"):
        stage.ada.choose(panel, "colours", "red", "blue", "green")
    with pytest.raises(UsageError, match="no entry 'pink'"):
        stage.ada.choose(panel, "Colours", "pink")


def test_entries_of_menus_are_chosen(stage, panel):
    assert stage.bob.choose(panel, "Colours", "red", "Green").text == "Bob: ['red', 'green']"
    assert stage.ada.choose(panel, "who", stage.bob).text == "['Bob']"
    assert stage.ada.choose(panel, "where", stage.channel).text == "['lane']"


def test_a_modal_is_filled_in(stage):
    asked = stage.ada.run_command(stage.channel, "ask")
    assert (asked.state, asked.modal["title"]) == ("modal", "Feedback")
    seen = stage.ada.submit_modal(asked, Subject="Bees", Story="are fine")
    assert (seen.text, seen.ephemeral) == ("Bees / are fine", True)
    with pytest.raises(UsageError, match="not filled in"):
        stage.ada.submit_modal(asked, Story="no subject")
    with pytest.raises(UsageError, match="0 to 20 characters"):
        stage.ada.submit_modal(asked, Subject="x" * 21)


def test_a_modal_from_a_button_has_menus_and_changes_the_message(stage, panel):
    asked = stage.ada.press(panel, "Order")
    seen = stage.ada.submit_modal(asked, Size="big", To=stage.bob)
    assert (seen.state, seen.text) == ("updated", "['b'] for Bob")
    assert seen.message["components"] == []


def test_an_option_that_is_typed_needs_what_is_typed(stage):
    with pytest.raises(UsageError, match="name"):
        stage.ada.complete(stage.channel, "fruit", "name")


def test_what_is_typed_is_completed(stage):
    seen = stage.ada.complete(stage.channel, "fruit", "name", name="ap")
    assert seen.state == "choices"
    assert [choice["value"] for choice in seen.choices] == ["apple", "apricot"]
    assert stage.ada.run_command(stage.channel, "fruit", name="apple").text == "one apple"


def test_commands_of_menus_are_used(stage):
    seen = stage.ada.use_on_user(stage.channel, "Who is it", stage.bob.id)
    assert (seen.text, seen.message["type"]) == ("It is Bob", 23)
    said = stage.bob.say(stage.channel, "bees are fine")
    assert stage.ada.use_on_message(stage.channel, "Quote it", said).text == "Bob: bees are fine"


def test_a_message_can_be_laid_out_by_components(stage):
    message = stage.ada.run_command(stage.channel, "layout").message
    assert message["flags"] & 1 << 15
    [container] = message["components"]
    assert [part["type"] for part in container["components"]] == [10, 14, 9]


def test_people_act_over_http_too(stage):
    admin = stage.place.rest.admin
    carl = admin("POST", "/people", {"name": "Carl", "server_id": str(stage.place.guild)}).body[
        "id"
    ]
    who = {"person_id": carl, "channel_id": str(stage.channel)}
    seen = admin(
        "POST", "/people/commands", {**who, "command": "greet", "options": {"name": "you"}}
    ).body
    assert (seen["state"], seen["message"]["content"]) == ("answered", "Hello, you!")
    panel = admin("POST", "/people/commands", {**who, "command": "panel"}).body["message"]["id"]
    used = {"person_id": carl, "message_id": panel}
    assert (
        admin("POST", "/people/presses", {**used, "custom_id": "count"}).body["state"] == "updated"
    )
    chosen = admin(
        "POST", "/people/choices", {**used, "custom_id": "colours", "values": ["red"]}
    ).body
    assert chosen["message"]["content"] == "Carl: ['red']"
    asked = admin("POST", "/people/commands", {**who, "command": "ask"}).body
    sent = {
        "person_id": carl,
        "interaction_id": asked["interaction_id"],
        "values": {"Subject": "Bees"},
    }
    shown = admin("POST", "/people/modals", sent).body
    assert shown["message"]["content"] == "Bees /"
    assert admin("POST", "/people/messages", {**who, "text": "hi"}).body["id"].isdecimal()
    texts = [message["content"] for message in admin("POST", "/people/view", who).body["messages"]]
    assert texts[-2:] == ["Bees /", "hi"]
    slow = admin("POST", "/people/commands", {**who, "command": "slow"}).body
    waited = {"person_id": carl, "interaction_id": slow["interaction_id"], "followups": 1}
    assert admin("POST", "/people/answers", waited).body["message"]["content"] == "at last"
    assert admin("POST", "/people/commands", {**who, "command": "none"}).status == 400
