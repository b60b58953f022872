"""People: they say things, run commands, press buttons, choose, fill in modals, and see answers.

A bot cannot tell them from people on Discord. They are for tests of bots; what a person could not
do on Discord is a :class:`discobase.errors.UsageError`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from discobase.errors import UsageError
from discobase.local.people.command_options import fill_options, nested, subcommand
from discobase.local.people.component_values import fill_modal, fill_select
from discobase.local.people.interaction_event import interaction_create
from discobase.local.people.offered_commands import find_offered
from discobase.local.people.resolved import Resolved
from discobase.local.people.view import View
from discobase.local.platform import Platform
from discobase.local.state.commands import CHAT_INPUT, ON_MESSAGE, ON_USER, USER
from discobase.local.state.components import BUTTON, LINK, SELECTS, parts
from discobase.local.state.drafts import Draft
from discobase.local.state.entities import Bot, Channel
from discobase.local.state.interactions import (
    AUTOCOMPLETE,
    COMMAND,
    COMPONENT,
    MODAL_SUBMIT,
    Interaction,
)
from discobase.local.state.permissions import SEND_MESSAGES, USE_APPLICATION_COMMANDS
from discobase.local.state.store import MessageRow

Json = dict[str, Any]

_MENTION = re.compile(r"<@!?(\d{1,20})>")


class People:
    """The people on the server, and what they do.

    Args:
        platform: the server.
    """

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self.view = View(platform)
        self._interactions: dict[int, Interaction] = {}

    def add(self, name: str, server_id: int) -> int:
        """Return the id of a person, who is made, and made a member of a server, if need be.

        Raises:
            UsageError: there is no such server.
        """
        state = self._platform.state
        guild = state.guilds.get(server_id)
        if guild is None:
            raise UsageError(f"there is no server {server_id}.")
        person = state.person_named(name) or state.create_person(name)
        if person.id not in guild.members:
            state.add_person(person, guild)
            self._platform.broadcast.member_added(guild.members[person.id])
        return person.id

    def say(self, person_id: int, channel_id: int, text: str) -> int:
        """Send a message; return its id.

        Raises:
            UsageError: the person may not write there.
        """
        channel = self.view.channel(person_id, channel_id, SEND_MESSAGES)
        users = self._platform.state.users
        mentioned = [int(id_) for id_ in _MENTION.findall(text) if int(id_) in users]
        draft = Draft(content=text.strip(), mentions=list(dict.fromkeys(mentioned)))
        message = self._platform.messages.create(channel, person_id, draft)
        self._platform.broadcast.message_created(message, None)
        return message.id

    def run_command(
        self,
        person_id: int,
        channel_id: int,
        command: str,
        options: Mapping[str, object] | None = None,
    ) -> Interaction:
        """Run a command; a subcommand is named after it, with blanks between.

        Raises:
            UsageError: the person is not offered it there, or the options do not fit.
        """
        return self._command(COMMAND, person_id, channel_id, command, options or {})

    def type_command(
        self,
        person_id: int,
        channel_id: int,
        command: str,
        option: str,
        options: Mapping[str, object],
    ) -> Interaction:
        """Type into an option of a command, so that the bot completes it.

        Raises:
            UsageError: the person is not offered it there, or the option is not completed.
        """
        return self._command(AUTOCOMPLETE, person_id, channel_id, command, options, typed=option)

    def _command(
        self,
        kind: int,
        person_id: int,
        channel_id: int,
        name: str,
        options: Mapping[str, object],
        *,
        typed: str | None = None,
    ) -> Interaction:
        channel = self.view.channel(person_id, channel_id, USE_APPLICATION_COMMANDS)
        head, *words = name.split()
        bot, command = find_offered(self._platform, person_id, channel, head, CHAT_INPUT)
        defined = subcommand(command, words)
        if typed is not None and not any(
            o["name"] == typed and o.get("autocomplete") for o in defined
        ):
            raise UsageError(f"the command {name!r} does not complete an option {typed!r}.")
        resolved = self._resolved(person_id, channel)
        filled = fill_options(defined, options, resolved, typed)
        data = _command_data(command)
        if filled or words:
            data["options"] = nested(words, filled)
        return self._begin(kind, bot, person_id, channel, data, resolved=resolved)

    def use_menu(
        self, person_id: int, channel_id: int, command: str, *, user: int = 0, message: int = 0
    ) -> Interaction:
        """Run a command of the menu of a user or a message.

        Raises:
            UsageError: the person is not offered it there.
        """
        channel = self.view.channel(person_id, channel_id, USE_APPLICATION_COMMANDS)
        kind = ON_USER if user else ON_MESSAGE
        bot, found = find_offered(self._platform, person_id, channel, command, kind)
        resolved = self._resolved(person_id, channel)
        if user:
            resolved.add(USER, user)
        else:
            resolved.message(self.view.json(self.view.message(person_id, message)))
        data = {**_command_data(found), "target_id": str(user or message)}
        return self._begin(COMMAND, bot, person_id, channel, data, resolved=resolved)

    def press(self, person_id: int, message_id: int, custom_id: str) -> Interaction:
        """Press a button, named by its custom id or its label.

        Raises:
            UsageError: the person sees no such message, or it has no such button to press.
        """
        message = self.view.message(person_id, message_id)
        button = _component(self.view.json(message), custom_id, {BUTTON})
        if button["style"] >= LINK:
            raise UsageError(f"the button {custom_id!r} sends no interaction.")
        return self._use(person_id, message, button, {}, None)

    def choose(
        self, person_id: int, message_id: int, custom_id: str, values: Sequence[object]
    ) -> Interaction:
        """Choose from a menu, named by its custom id or its placeholder.

        Raises:
            UsageError: the person sees no such message, or it has no such menu or entries.
        """
        message = self.view.message(person_id, message_id)
        menu = _component(self.view.json(message), custom_id, SELECTS)
        resolved = self._resolved(person_id, self._platform.state.channels[message.channel_id])
        chosen = {"values": fill_select(menu, values, resolved)}
        return self._use(person_id, message, menu, chosen, resolved)

    def _use(
        self,
        person_id: int,
        message: MessageRow,
        component: Json,
        more: Json,
        resolved: Resolved | None,
    ) -> Interaction:
        bot = self._platform.state.bots.get(message.author_id)
        if bot is None:
            raise UsageError("this message is no bot's.")
        data = {
            "component_type": component["type"],
            "custom_id": component["custom_id"],
            "id": component["id"],
            **more,
        }
        channel = self._platform.state.channels[message.channel_id]
        return self._begin(
            COMPONENT, bot, person_id, channel, data, resolved=resolved, source_id=message.id
        )

    def submit_modal(
        self, person_id: int, interaction_id: int, values: Mapping[str, object]
    ) -> Interaction:
        """Fill in and send the modal that was the answer to an interaction.

        Raises:
            UsageError: there is no such modal, or the values do not fit it.
        """
        cause = self.interaction(person_id, interaction_id)
        if cause.modal is None:
            raise UsageError("the bot did not answer with a modal.")
        resolved = self._resolved(person_id, cause.channel)
        filled = fill_modal(cause.modal, values, resolved)
        data: Json = {"custom_id": cause.modal["custom_id"], "components": filled}
        return self._begin(
            MODAL_SUBMIT,
            cause.bot,
            person_id,
            cause.channel,
            data,
            resolved=resolved,
            source_id=cause.source_id,
            cause=cause,
        )

    def interaction(self, person_id: int, interaction_id: int) -> Interaction:
        """Return something that the person did.

        Raises:
            UsageError: they did no such thing.
        """
        found = self._interactions.get(interaction_id)
        if found is None or found.user_id != person_id:
            raise UsageError(f"there is no interaction {interaction_id} of this person.")
        return found

    async def answered(
        self, interaction: Interaction, *, followups: int | None = None, seconds: float
    ) -> Json:
        """Wait for a bot's answer; return what the person sees of it.

        Args:
            interaction: what they did.
            followups: ``None`` waits for any answer; a number for that many follow-ups and an
                answer that is more than *thinking*.
            seconds: how long to wait; then it is what they see by then.
        """
        met = _is_answered if followups is None else self._is_followed_up(followups)
        try:
            async with asyncio.timeout(seconds):
                while not met(interaction):
                    await interaction.wait_for_change()
        except TimeoutError:
            return self.view.answer(interaction)
        return self.view.answer(interaction)

    def _is_followed_up(self, followups: int) -> Callable[[Interaction], bool]:
        def met(interaction: Interaction) -> bool:
            seen = self.view.answer(interaction)
            done = seen["state"] not in {"waiting", "thinking"}
            return seen["state"] == "failed" or (done and len(seen["followups"]) >= followups)

        return met

    def _begin(
        self,
        kind: int,
        bot: Bot,
        person_id: int,
        channel: Channel,
        data: Json,
        *,
        resolved: Resolved | None = None,
        source_id: int | None = None,
        cause: Interaction | None = None,
    ) -> Interaction:
        if resolved is not None and resolved.fields:
            data = {**data, "resolved": resolved.fields}
        new_id = self._platform.new_id()
        interaction = Interaction(
            new_id, kind, bot, person_id, channel, data, source_id=source_id, cause=cause
        )
        self._interactions[interaction.id] = interaction
        window = self._platform.settings.followup_window
        asyncio.get_running_loop().call_later(window, self._interactions.pop, interaction.id, None)
        self._platform.interactions.begin(interaction)
        self._platform.broadcast.interaction_created(
            bot,
            channel,
            lambda origin: interaction_create(self._platform, self.view, interaction, origin),
        )
        return interaction

    def _resolved(self, person_id: int, channel: Channel) -> Resolved:
        platform = self._platform
        guild = platform.state.guilds[channel.guild_id]
        return Resolved(
            platform.state,
            guild,
            person_id,
            lambda file: platform.attachments.upload(channel.id, person_id, file, platform.origin),
        )


def _is_answered(interaction: Interaction) -> bool:
    return interaction.answer is not None or interaction.error is not None


def _command_data(command: Json) -> Json:
    data = {"id": command["id"], "name": command["name"], "type": command["type"]}
    return {**data, "guild_id": command["guild_id"]} if "guild_id" in command else data


def _component(message: Json, name: str, kinds: Iterable[int]) -> Json:
    for component in parts(message["components"]):
        names = {component.get(key) for key in ("custom_id", "label", "placeholder")}
        if component["type"] in kinds and name in names:
            if component.get("disabled"):
                raise UsageError(f"{name!r} is disabled.")
            return component
    raise UsageError(f"the message {message['id']} has no such component {name!r}.")
