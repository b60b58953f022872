"""Interactions: what people do with a bot's commands, buttons, menus and modals.

An interaction is answered once, within seconds, and followed up for minutes; both by its token
alone. Here is what may follow what, and until when. They live in memory: a restart of the server
ends them. Source: Discord's page "Receiving and Responding".
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from typing import Any

from discobase.local import refusals
from discobase.local.behaviour.settings import Settings
from discobase.local.state.entities import Bot, Channel
from discobase.local.state.state import State

Json = dict[str, Any]

COMMAND, COMPONENT, AUTOCOMPLETE, MODAL_SUBMIT = 2, 3, 4, 5
"""Types of interactions."""

PONG, MESSAGE, DEFERRED_MESSAGE, DEFERRED_UPDATE, UPDATE, CHOICES, MODAL = 1, 4, 5, 6, 7, 8, 9
LAUNCH_ACTIVITY = 12
"""Types of answers."""

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

    def notify(self) -> None:
        """Wake those who wait for a change."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait_for_change(self) -> None:
        """Wait until something about it changes."""
        await self._changed.wait()

    def fits(self, answer: int) -> bool:
        """Return whether it can be answered in this way."""
        updates = answer in {UPDATE, DEFERRED_UPDATE}
        return answer in _FITTING[self.type] and not (updates and self.source_id is None)


class Interactions:
    """The interactions that can still be answered or followed up.

    Args:
        state: the bots there are.
        settings: how long an answer may take.
    """

    def __init__(self, state: State, settings: Settings) -> None:
        self._state = state
        self._settings = settings
        self._by_token: dict[str, Interaction] = {}

    def begin(self, interaction: Interaction) -> None:
        """Start the clock of a new interaction."""
        self._by_token[interaction.token] = interaction
        loop = asyncio.get_running_loop()
        loop.call_later(self._settings.interaction_window, self._give_up, interaction)
        loop.call_later(self._settings.followup_window, self._forget, interaction)

    def _give_up(self, interaction: Interaction) -> None:
        if interaction.answer is None:
            interaction.error = _NO_ANSWER[interaction.type]
            self._forget(interaction)
            interaction.notify()

    def _forget(self, interaction: Interaction) -> None:
        self._by_token.pop(interaction.token, None)

    def to_answer(self, interaction_id: int, token: str) -> Interaction:
        """Return the interaction with this id and token.

        Raises:
            Refusal: 10062, there is none, or its time is over.
        """
        found = self._by_token.get(token)
        if found is None or found.id != interaction_id:
            raise refusals.unknown_interaction()
        return found

    def to_follow_up(self, application_id: int, token: str) -> Interaction:
        """Return the answered interaction with this token.

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
