"""A person as tests of bots use one: blocking calls, and what is seen of the answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

if TYPE_CHECKING:
    from discobase.local.people.people import People
    from discobase.local.state.interactions import Interaction

Json = dict[str, Any]

State = Literal[
    "waiting",
    "thinking",
    "answered",
    "updated",
    "acknowledged",
    "modal",
    "choices",
    "failed",
]

Do = Callable[[Callable[["People"], "Interaction"], int | None, float], Json]
"""What does something on the server's thread, and waits for follow-ups and seconds at most."""

Look = Callable[[Callable[["People"], Any]], Any]
"""What looks something up on the server's thread."""

ANSWER_SECONDS = 10.0
"""How long a person waits for a bot that answers late: a guess, above what Discord allows it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person sees of a bot's answer to one thing they did.

    Attributes:
        interaction_id: what it is the answer to.
        state: ``waiting`` (none yet), ``thinking`` (deferred), ``answered`` with a message,
            ``updated`` the message with the component, ``acknowledged`` without showing anything,
            a ``modal``, ``choices`` that complete what was typed, or ``failed``.
        message: the message that is the answer, or that was changed, as Discord's JSON; ``None``
            where there is none, or none any more.
        followups: the messages that followed.
        modal: the modal, as Discord's JSON.
        choices: the choices, as Discord's JSON.
        error: what the person is told where the bot did not answer.
    """

    interaction_id: int
    state: State
    message: Json | None
    followups: list[Json]
    modal: Json | None
    choices: list[Json]
    error: str | None

    @property
    def text(self) -> str | None:
        """The text of the message."""
        return None if self.message is None else cast("str", self.message["content"])

    @property
    def ephemeral(self) -> bool:
        """Whether the person alone sees the message."""
        return self.message is not None and bool(self.message["flags"] & 1 << 6)


def answer_of(seen: Json) -> Answer:
    """Return an answer out of the JSON that the admin API gives."""
    fields: Json = dict(seen)
    fields["interaction_id"] = int(seen["interaction_id"])
    return Answer(**fields)


class Person:
    """A person on a :class:`~discobase.local.LocalDiscord`; its method ``person`` makes one.

    What they do to a bot blocks until the bot has answered in any way, or has failed to in the time
    that Discord gives it. Ids may be given as numbers or strings.

    Args:
        id_: the user id.
        name: the user name.
        do: does something on the server.
        look: looks something up there.
    """

    def __init__(self, id_: int, name: str, do: Do, look: Look) -> None:
        self.id = id_
        self.name = name
        self._do = do
        self._look = look

    def __repr__(self) -> str:
        return f"<Person {self.name} {self.id}>"

    @property
    def mention(self) -> str:
        """What mentions the person in a message."""
        return f"<@{self.id}>"

    def say(self, channel_id: int | str, text: str) -> int:
        """Send a message; return its id.

        Raises:
            UsageError: the person may not write there.
        """
        said = self._look(lambda people: people.say(self.id, int(channel_id), text))
        return cast("int", said)

    def messages(self, channel_id: int | str) -> list[Json]:
        """Return what they see in a channel, oldest first: the newest, and what is theirs alone.

        Raises:
            UsageError: they do not see the channel.
        """
        seen = self._look(lambda people: people.view.messages(self.id, int(channel_id)))
        return cast("list[Json]", seen)

    def run_command(self, channel_id: int | str, command: str, /, **options: object) -> Answer:
        """Run a command.

        Args:
            channel_id: where.
            command: its name; a subcommand's after it, with blanks between.
            options: values by the option's name: text, numbers, booleans; ids, or things with an
                ``id``, for users, roles and channels; a file's name and bytes for attachments.

        Raises:
            UsageError: the person is not offered it there, or the options do not fit.
        """
        place = int(channel_id)
        return self._answer(lambda people: people.run_command(self.id, place, command, options))

    def complete(
        self, channel_id: int | str, command: str, option: str, /, **options: object
    ) -> Answer:
        """Type into an option of a command; return what the bot would complete it with.

        Args:
            channel_id: where.
            command: its name, as for :meth:`run_command`.
            option: the option that is typed.
            options: what is typed there, and the values of others.

        Raises:
            UsageError: the person is not offered it there, or the option is not completed.
        """
        place = int(channel_id)
        return self._answer(
            lambda people: people.type_command(self.id, place, command, option, options)
        )

    def use_on_user(self, channel_id: int | str, command: str, user_id: int | str) -> Answer:
        """Run a command of the menu of a user.

        Raises:
            UsageError: the person is not offered it there.
        """
        place, user = int(channel_id), int(user_id)
        return self._answer(lambda people: people.use_menu(self.id, place, command, user=user))

    def use_on_message(self, channel_id: int | str, command: str, message_id: int | str) -> Answer:
        """Run a command of the menu of a message.

        Raises:
            UsageError: the person is not offered it there, or does not see the message.
        """
        place, message = int(channel_id), int(message_id)
        return self._answer(
            lambda people: people.use_menu(self.id, place, command, message=message)
        )

    def press(self, message_id: int | str, button: str) -> Answer:
        """Press a button.

        Args:
            message_id: of the message it is on.
            button: its custom id or its label.

        Raises:
            UsageError: the person sees no such message, or it has no such button to press.
        """
        message = int(message_id)
        return self._answer(lambda people: people.press(self.id, message, button))

    def choose(self, message_id: int | str, menu: str, *values: object) -> Answer:
        """Choose from a menu.

        Args:
            message_id: of the message it is on.
            menu: its custom id or its placeholder.
            values: the entries, by value or label; ids, or things with an ``id``, of users, roles
                and channels.

        Raises:
            UsageError: the person sees no such message, or it has no such menu or entries.
        """
        message = int(message_id)
        return self._answer(lambda people: people.choose(self.id, message, menu, values))

    def submit_modal(self, shown: Answer, /, **values: object) -> Answer:
        """Fill in a modal and send it.

        Args:
            shown: the answer that is the modal.
            values: what goes into its fields, by custom id or label.

        Raises:
            UsageError: it is no modal, or the values do not fit it.
        """
        asked = shown.interaction_id
        return self._answer(lambda people: people.submit_modal(self.id, asked, values))

    def wait(
        self, answer: Answer, *, followups: int = 0, seconds: float = ANSWER_SECONDS
    ) -> Answer:
        """Return the same answer once it is more than *thinking* and has that many follow-ups.

        Args:
            answer: as it was.
            followups: how many follow-ups to wait for.
            seconds: how long to wait; then it is what is there by then.
        """
        asked = answer.interaction_id
        return answer_of(
            self._do(lambda people: people.interaction(self.id, asked), followups, seconds)
        )

    def _answer(self, act: Callable[[People], Interaction]) -> Answer:
        return answer_of(self._do(act, None, ANSWER_SECONDS))
