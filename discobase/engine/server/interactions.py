"""What people do with a bot's commands, as the seam passes it on, and what is answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Json = dict[str, Any]

Heard = Callable[[Mapping[str, Any]], None]
"""What takes an interaction as the gateway sends it. Never waits."""


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file of an answer.

    Attributes:
        name: its name.
        data: what is in it.
    """

    name: str
    data: bytes


class Interactions(Protocol):
    """The interactions of a bot. Each gateway session of it hears of all of them; the first answer
    to one is taken, and no other ("Receiving and Responding to Interactions").
    """

    def listen(self, heard: Heard | None) -> None:
        """Have what people do passed on, or nothing any more."""
        ...

    async def answer(self, interaction: int, token: str, body: Json) -> bool:
        """Answer an interaction; return whether this answer is the one that counts. One API call,
        which is not counted against the bot's rate limits.

        Args:
            interaction: its id.
            token: its token.
            body: the answer, as Discord's JSON.

        Raises:
            Refused: Discord does not take it.
            Uncertain: Discord did not answer.
        """
        ...

    async def complete(self, token: str, body: Json, files: Sequence[SentFile] = ()) -> None:
        """Put a message in the place of an answer that was deferred, or change it. One API call.

        Args:
            token: the interaction's token.
            body: the message, as Discord's JSON.
            files: its files.

        Raises:
            Refused: Discord does not take it.
            Uncertain: Discord did not answer.
        """
        ...

    async def commands(self, server: int) -> list[Json]:
        """Return the bot's commands in a server, as Discord's JSON. One API call, or two.

        Raises:
            Refused, Uncertain: they could not be read.
        """
        ...

    async def register(self, server: int, commands: Sequence[Json]) -> None:
        """Put commands in the place of all that the bot has in a server. One API call.

        Raises:
            Refused, Uncertain: that could not be done.
        """
        ...
