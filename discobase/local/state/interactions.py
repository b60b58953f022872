"""Interactions: what people do with a bot's commands, buttons, menus and modals, and its answers.

An interaction is answered once, within seconds, and followed up for minutes; both by its token
alone. Here is what may follow what; `people.py` makes them, `routes/interactions.py` takes the
answers. They live in memory: a restart of the server ends them. Source: Discord's page "Receiving
and Responding".
"""

from __future__ import annotations

import asyncio
import json
import secrets
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from discobase.local import refusals
from discobase.local.behaviour.settings import Settings
from discobase.local.gateway.broadcast import Broadcast
from discobase.local.state import payloads
from discobase.local.state.entities import Bot, Channel
from discobase.local.state.messages import Changes, Draft, Messages
from discobase.local.state.state import State
from discobase.local.state.store import MessageRow

Json = dict[str, Any]

COMMAND, COMPONENT, AUTOCOMPLETE, MODAL_SUBMIT = 2, 3, 4, 5
"""Types of interactions."""

PONG, MESSAGE, DEFERRED_MESSAGE, DEFERRED_UPDATE, UPDATE, CHOICES, MODAL = 1, 4, 5, 6, 7, 8, 9
LAUNCH_ACTIVITY = 12
"""Types of answers."""

EPHEMERAL, LOADING = 1 << 6, 1 << 7
"""Flags of messages: only one person sees it; the person is told that the bot is thinking."""

_COMMAND_MESSAGE, _MENU_MESSAGE = 20, 23
_FITTING = {
    COMMAND: {PONG, MESSAGE, DEFERRED_MESSAGE, MODAL},
    COMPONENT: {PONG, MESSAGE, DEFERRED_MESSAGE, DEFERRED_UPDATE, UPDATE, MODAL},
    AUTOCOMPLETE: {CHOICES},
    MODAL_SUBMIT: {PONG, MESSAGE, DEFERRED_MESSAGE, DEFERRED_UPDATE, UPDATE},
}
_NO_ANSWER = {
    COMMAND: "The application did not respond",
    COMPONENT: "This interaction failed",
    AUTOCOMPLETE: "Loading options failed",
    MODAL_SUBMIT: "Something went wrong. Try again.",
}


class Whisper(NamedTuple):
    """A message that only one person sees."""

    message: MessageRow
    user_id: int


@dataclass(slots=True, eq=False)
class Interaction:
    """Something a person did that a bot has to answer.

    Attributes:
        id: its id.
        type: a command, a component used, a command being typed, or a modal sent.
        bot: whose command or component it is.
        user_id: the person.
        channel: where.
        data: what exactly, as the bot is told.
        source_id: the message with the component, or from whose component the modal came.
        cause: the interaction that the modal was the answer to.
        token: by which it is answered.
        answer: the type of the answer; ``None`` so far.
        original_id: the message that is the answer, or that it changed.
        followup_ids: the messages that followed.
        modal: that the bot shows.
        choices: that the bot proposes for what is typed.
        error: what the person is told where no answer came.
    """

    id: int
    type: int
    bot: Bot
    user_id: int
    channel: Channel
    data: Json
    source_id: int | None = None
    cause: Interaction | None = None
    token: str = field(default_factory=lambda: secrets.token_urlsafe(96))
    answer: int | None = None
    original_id: int | None = None
    followup_ids: list[int] = field(default_factory=list[int])
    modal: Json | None = None
    choices: list[Json] = field(default_factory=list[Json])
    error: str | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self) -> None:
        """Wakes those who wait for a change."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def change(self) -> None:
        """Waits until something about it changes."""
        await self._changed.wait()

    def fits(self, answer: int) -> bool:
        """Whether it can be answered in this way."""
        updates = answer in {UPDATE, DEFERRED_UPDATE}
        return answer in _FITTING[self.type] and not (updates and self.source_id is None)


class Interactions:
    """The interactions that can still be answered or followed up.

    Args:
        state: who is where.
        messages: makes the messages.
        broadcast: tells of them.
        settings: how long an answer may take.
    """

    def __init__(
        self, state: State, messages: Messages, broadcast: Broadcast, settings: Settings
    ) -> None:
        self._state = state
        self._messages = messages
        self._broadcast = broadcast
        self._settings = settings
        self._by_token: dict[str, Interaction] = {}
        self._whispers: dict[int, Whisper] = {}

    def begin(self, interaction: Interaction) -> None:
        """Starts the clock of a new interaction."""
        self._by_token[interaction.token] = interaction
        loop = asyncio.get_running_loop()
        loop.call_later(self._settings.interaction_window, self._give_up, interaction)
        loop.call_later(self._settings.followup_window, self._forget, interaction)

    def _give_up(self, interaction: Interaction) -> None:
        if interaction.answer is None:
            interaction.error = _NO_ANSWER[interaction.type]
            self._forget(interaction)
            interaction.tell()

    def _forget(self, interaction: Interaction) -> None:
        self._by_token.pop(interaction.token, None)

    def to_answer(self, interaction_id: int, token: str) -> Interaction:
        """The interaction with this id and token.

        Raises:
            Refusal: 10062, there is none, or its time is over.
        """
        found = self._by_token.get(token)
        if found is None or found.id != interaction_id:
            raise refusals.unknown_interaction()
        return found

    def to_follow_up(self, application_id: int, token: str) -> Interaction:
        """The answered interaction with this token.

        Raises:
            Refusal: 10015, there is no such application, or nothing was answered yet; 50027, there
                is no such token, or its time is over.
        """
        if application_id not in self._state.bots:
            raise refusals.unknown_webhook()
        found = self._by_token.get(token)
        if found is None or found.bot.id != application_id:
            raise refusals.invalid_webhook_token()
        if found.answer in {None, CHOICES}:
            raise refusals.unknown_webhook()
        return found

    def post(
        self, interaction: Interaction, draft: Draft, *, ephemeral: bool, followup: bool = False
    ) -> MessageRow:
        """Writes a message as an answer or follow-up, for all or for the person alone."""
        flags = draft.flags | (EPHEMERAL if ephemeral else 0)
        draft = replace(draft, flags=flags, **self._kind(interaction, followup=followup))
        draft.more.update(self._origin(interaction, followup=followup))
        author_id, channel = interaction.bot.id, interaction.channel
        if ephemeral:
            message = self._messages.whisper(channel, author_id, draft)
            self._whispers[message.id] = Whisper(message, interaction.user_id)
        else:
            message = self._messages.create(channel, author_id, draft)
            self._broadcast.message_created(message, None)
        if followup:
            interaction.followup_ids.append(message.id)
        else:
            interaction.original_id = message.id
        interaction.tell()
        return message

    def _kind(self, interaction: Interaction, *, followup: bool) -> Json:
        """The type of a message, or the one it replies to (assumed: Discord names neither)."""
        replied_to = interaction.original_id if followup else interaction.source_id
        if interaction.type == COMMAND and not followup:
            typed = interaction.data["type"] == 1
            return {"type": _COMMAND_MESSAGE if typed else _MENU_MESSAGE}
        if replied_to is None:
            return {}
        channel = interaction.channel
        place = {"channel_id": str(channel.id), "guild_id": str(channel.guild_id)}
        return {"reference": {"type": 0, "message_id": str(replied_to), **place}}

    def _origin(self, interaction: Interaction, *, followup: bool) -> Json:
        """The fields of a message that say which interaction it came of."""
        application_id = str(interaction.bot.id)
        metadata = self._metadata(interaction)
        if followup and interaction.original_id is not None:
            metadata["original_response_message_id"] = str(interaction.original_id)
        fields: Json = {
            "application_id": application_id,
            "webhook_id": application_id,
            "interaction_metadata": metadata,
        }
        if interaction.type == COMMAND and not followup:
            fields["interaction"] = {
                "id": str(interaction.id),
                "type": COMMAND,
                "name": interaction.data["name"],
                "user": metadata["user"],
            }
        return fields

    def _metadata(self, interaction: Interaction) -> Json:
        fields: Json = {
            "id": str(interaction.id),
            "type": interaction.type,
            "user": payloads.user(self._state.users[interaction.user_id]),
            "authorizing_integration_owners": {"0": str(interaction.channel.guild_id)},
        }
        if interaction.type == COMPONENT:
            fields["interacted_message_id"] = str(interaction.source_id)
        if interaction.cause is not None:
            fields["triggering_interaction_metadata"] = self._metadata(interaction.cause)
        return fields

    def message(self, channel_id: int, message_id: int | None) -> MessageRow | None:
        """A message of a channel, whoever sees it."""
        if message_id is None:
            return None
        whisper = self._whispers.get(message_id)
        if whisper is None:
            return self._messages.message(channel_id, message_id)
        return whisper.message if whisper.message.channel_id == channel_id else None

    def whispers(self, channel_id: int, user_id: int) -> list[MessageRow]:
        """The messages that only this person sees in a channel, oldest first."""
        return [
            whisper.message
            for whisper in self._whispers.values()
            if (whisper.message.channel_id, whisper.user_id) == (channel_id, user_id)
        ]

    def whisper(self, message_id: int) -> Whisper | None:
        """A message that only one person sees."""
        return self._whispers.get(message_id)

    def edit(self, interaction: Interaction, message: MessageRow, changes: Changes) -> MessageRow:
        """Changes a message of the interaction; one that was deferred gets its text by that."""
        flags = flags_of(message)
        if flags & LOADING:
            told = flags if changes.flags is None else changes.flags
            changes = replace(changes, flags=told & ~LOADING, silent=True)
        edited = self._messages.edit(message, changes)
        whisper = self._whispers.get(message.id)
        if whisper is None:
            self._broadcast.message_updated(edited)
        else:
            self._whispers[message.id] = whisper._replace(message=edited)
        interaction.tell()
        return edited

    def delete(self, interaction: Interaction, message: MessageRow) -> None:
        """Removes a message of the interaction."""
        self._messages.delete([message.id])
        if self._whispers.pop(message.id, None) is None:
            self._broadcast.messages_deleted(interaction.channel, [message.id], bulk=False)
        interaction.tell()


def flags_of(message: MessageRow) -> int:
    """A message's flags."""
    return int(json.loads(message.head + "}")["flags"])
