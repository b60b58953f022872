"""What and where the database is: the superblock, which names all of its channels by id."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from discobase.engine.base36 import DIGITS, base36
from discobase.engine.log.authors import Predecessor, author_of
from discobase.engine.log.formats import mark
from discobase.engine.log.sealed import ABSURD, seal, unseal
from discobase.engine.log.topic import CATALOG, LOG
from discobase.engine.server.seam import Server

_FORMAT, _OF_SEVERAL_BOTS = 1, 2
"""The second one is of logs that more than one bot has written: who does not know that would take
what the others wrote for nothing, and write over it."""

_NEEDED = "2.0"
"""The version of discobase that knows of them."""

_MARK = mark("superblock")
_EARLIER_CHECKPOINTS = "snapshots"
"""How superblocks called the channel before the name was settled."""

ID_LENGTH = 8
"""Characters of a database's id: 36**8 ids, and 17 of a nonce's 25 characters are left."""

_GENERATIONS = 36**8
"""Above any generation: its number, a dot, and a position of 8 characters are those 17."""

_IDENTITY = re.compile(f"[{DIGITS}]{{{ID_LENGTH}}}")
_SNOWFLAKE = re.compile(r"[1-9][0-9]{0,18}")
"""An id as a superblock has it: "up to 64 bits" (reference, "Snowflakes"), of which the first is
still 0 in this century."""


@dataclass(frozen=True, slots=True)
class Superblock:
    """The identity and the channels of one generation of a database; and the bots that have written
    it before the one whose superblock it is.
    """

    database: str
    generation: int
    catalog: int
    lanes: tuple[int, ...]
    checkpoints: int
    created: float
    predecessors: tuple[Predecessor, ...] = ()

    def lane_of(self, seq: int) -> int:
        """Return the channel that a position lives in."""
        return self.lanes[seq % len(self.lanes)]

    def nonce_of(self, seq: int) -> str:
        """Return the nonce that makes a position write-once: unique over databases, generations
        and positions, at most 25 characters.

        Discord's description allows a string of 25 characters (message resource, "Create Message").
        """
        return f"{self.database}{base36(self.generation)}.{base36(seq)}"

    @property
    def own_from(self) -> int:
        """The first position that the bot of this superblock may write."""
        return max((each.last for each in self.predecessors), default=0) + 1

    def is_of(self, author: int, own: int, seq: int) -> bool:
        """Return whether a position is an author's to write, for the bot with the id `own`."""
        return author == author_of(self.predecessors, own, seq)

    @property
    def names(self) -> dict[int, str]:
        """What the channels are in the database that it cannot be read without, by id."""
        lanes = {lane: f"lane {LOG}{number}" for number, lane in enumerate(self.lanes)}
        return {self.catalog: CATALOG, **lanes}

    def to_content(self) -> str:
        """Write the superblock as the text of a message."""
        fields: dict[str, Any] = {
            "database": self.database,
            "generation": self.generation,
            "catalog": str(self.catalog),
            "lanes": [str(lane) for lane in self.lanes],
            "checkpoints": str(self.checkpoints),
            "created": round(self.created, 3),
        }
        if not self.predecessors:
            return seal("superblock", _FORMAT, fields)
        fields["authors"] = [each.to_json() for each in self.predecessors]
        return seal("superblock", _OF_SEVERAL_BOTS, fields, needs=_NEEDED)

    @classmethod
    def from_content(cls, content: str) -> Superblock | None:
        """Read the superblock in a message's text; None where there is none, or it was altered.

        Raises:
            LaterFormat: it is a superblock that this version cannot read.
        """
        fields = unseal(content, "superblock", _OF_SEVERAL_BOTS)
        try:
            return None if fields is None else cls._of(fields)
        except ABSURD:
            return None

    @classmethod
    def _of(cls, fields: dict[str, Any]) -> Superblock | None:
        """Return what the fields say; None where no superblock ever said so."""
        block = cls(
            database=fields["database"],
            generation=fields["generation"],
            catalog=snowflake(fields["catalog"]),
            lanes=tuple(snowflake(lane) for lane in fields["lanes"]),
            checkpoints=snowflake(fields.get("checkpoints") or fields[_EARLIER_CHECKPOINTS]),
            created=float(fields["created"]),
            predecessors=tuple(map(Predecessor.from_json, fields.get("authors", ()))),
        )
        sound = (
            type(fields["lanes"]) is list
            and _IDENTITY.fullmatch(block.database)
            and type(block.generation) is int
            and 0 < block.generation < _GENERATIONS
            and block.lanes
            and math.isfinite(block.created)
        )
        return block if sound else None


def random_name(server: Server) -> str:
    """Return what tells writers, and messages that several may write, apart: up to as many
    characters as a database's id has.
    """
    return base36(int(server.random() * 36**ID_LENGTH))


def snowflake(text: str) -> int:
    """Read an id as a sealed message has it.

    Raises:
        TypeError, ValueError: it is none.
    """
    if not _SNOWFLAKE.fullmatch(text):
        raise ValueError
    return int(text)


def is_superblock(content: str) -> bool:
    """Return whether a message's text claims to be a superblock, of whatever format."""
    return content.startswith(_MARK)
