"""What stands in two catalogs while a database moves from one server to another.

Before anything is made in the other server the *mark* is written into the catalog that there is,
and then, with the same text, into the one that is made. By it each of them is found from the other
one. It decides nothing: the superblock of the next generation does, in the catalog that there was.
Ids are all that it says, so it is not sealed by a key.

It is a superblock of a format of its own. So versions that know nothing of moves stop at it, and
create nothing beside it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from discobase.engine.log.sealed import ABSURD, sign, signed_in
from discobase.engine.log.sealing import PLAIN
from discobase.engine.log.superblock import MOVED, NEEDED, is_moving, snowflake
from discobase.engine.operations import LaterFormat
from discobase.engine.server.seam import Message, Server

_FINISHED = "discobase: the move with the ticket {} is finished."
"""What is written into the new catalog when the channels that were left are gone."""


@dataclass(frozen=True, slots=True)
class Mark:
    """That a database may be moving.

    Attributes:
        database: its id.
        generation: the number that it has when it has moved.
        ticket: that of its new channels.
        source: the server that it is to leave.
        catalog: the catalog there, in which it is decided.
        target: the server that it is to go to.
    """

    database: str
    generation: int
    ticket: str
    source: int
    catalog: int
    target: int

    def to_content(self) -> str:
        """Write it as the text of a message."""
        facts = {
            "moving": self.database,
            "generation": self.generation,
            "ticket": self.ticket,
            "from": str(self.source),
            "catalog": str(self.catalog),
            "to": str(self.target),
        }
        return sign("superblock", PLAIN, facts, number=MOVED, needs=NEEDED)

    @classmethod
    def in_message(cls, server: Server, message: Message) -> Mark | None:
        """Read the mark in a message; None where there is none, or it is by somebody else."""
        if message.author != server.author:
            return None
        try:
            signed = signed_in(message.content, "superblock", MOVED)
            if signed is None or not is_moving(signed) or not signed.is_by(PLAIN):
                return None
            return cls._of(signed.facts)
        except (LaterFormat, *ABSURD):  # whoever reads superblocks stops at the first
            return None

    @classmethod
    def _of(cls, facts: dict[str, Any]) -> Mark | None:
        mark = cls(
            database=facts["moving"],
            generation=facts["generation"],
            ticket=facts["ticket"],
            source=snowflake(facts["from"]),
            catalog=snowflake(facts["catalog"]),
            target=snowflake(facts["to"]),
        )
        sound = type(mark.generation) is int and type(mark.database) is type(mark.ticket) is str
        return mark if sound else None


def marks_in(server: Server, messages: Iterable[Message]) -> list[tuple[int, Mark]]:
    """Return the marks of a catalog, with their message ids."""
    found = ((message.id, Mark.in_message(server, message)) for message in messages)
    return [(identity, mark) for identity, mark in found if mark is not None]


def finished(ticket: str) -> str:
    """Write what is said in the new catalog when a move is done."""
    return _FINISHED.format(ticket)


def is_finished(server: Server, mark: Mark, messages: Iterable[Message]) -> bool:
    """Return whether the messages of the new catalog say that a move is done."""
    told = finished(mark.ticket)
    return any(each.author == server.author and each.content == told for each in messages)
