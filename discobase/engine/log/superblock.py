"""What and where the database is: the superblock, which names all of its channels by id."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

from discobase.engine.base36 import DIGITS, base36
from discobase.engine.log.authors import Predecessor, author_of
from discobase.engine.log.formats import mark
from discobase.engine.log.sealed import ABSURD, Signed, sign, signed_in
from discobase.engine.log.sealing import PLAIN, Encryption, Locked, Sealing
from discobase.engine.log.topic import CATALOG, LOG
from discobase.engine.server.seam import Server

_OF_SEVERAL_BOTS = 3
"""Of logs that more than one bot has written: who does not know that would take what the others
wrote for nothing, and write over it. The formats below are those of the sealings."""

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
    """The identity and the channels of one generation of a database, how it is sealed, and which
    bots have written it.

    Attributes:
        database: the database's id.
        generation: the generation's number.
        catalog: the channel of the catalog.
        lanes: the channels of the log.
        checkpoints: the channel of the checkpoints.
        created: when it was created, in seconds since 1970.
        encryption: how it is encrypted; None where it is not.
        sealing: what seals all that is written in this generation.
        predecessors: the bots that have written it before the one whose superblock it is.
    """

    database: str
    generation: int
    catalog: int
    lanes: tuple[int, ...]
    checkpoints: int
    created: float
    encryption: Encryption | None = None
    sealing: Sealing = field(default=PLAIN, compare=False, repr=False)
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
        """Write the superblock as the text of a message.

        Raises:
            KeyNeeded: it is encrypted, and was not unlocked.
        """
        fields: dict[str, Any] = {
            "database": self.database,
            "generation": self.generation,
            "catalog": str(self.catalog),
            "lanes": [str(lane) for lane in self.lanes],
            "checkpoints": str(self.checkpoints),
            "created": round(self.created, 3),
        }
        if self.encryption is not None:
            fields["encryption"] = self.encryption.to_facts()
        if not self.predecessors:
            return sign("superblock", self.sealing, fields)
        fields["authors"] = [each.to_json() for each in self.predecessors]
        return sign("superblock", self.sealing, fields, number=_OF_SEVERAL_BOTS, needs=_NEEDED)

    def stands_in(self, content: str) -> bool:
        """Return whether a message's text is this superblock, unaltered."""
        return Superblock.from_content(content, self.sealing) == self

    @classmethod
    def from_content(cls, content: str, sealing: Sealing | None = None) -> Superblock | None:
        """Read the superblock in a message's text; None where there is none, or it was altered.

        Args:
            content: the text.
            sealing: what opens it if it is encrypted. Without it what an encrypted one says is not
                known to be true, and it is locked: what it names can be neither read nor written.

        Raises:
            LaterFormat: it is a superblock that this version cannot read.
        """
        signed = signed_in(content, "superblock", _OF_SEVERAL_BOTS)
        if signed is None or signed.number not in range(1, _OF_SEVERAL_BOTS + 1):
            return None
        if not _is_encrypted(signed):
            sealing = PLAIN
        try:
            if sealing is not None and not signed.is_by(sealing):
                return None
            return cls._of(signed.facts, sealing or Locked())
        except ABSURD:
            return None

    @classmethod
    def _of(cls, fields: dict[str, Any], sealing: Sealing) -> Superblock | None:
        """Return what the fields say; None where no superblock ever said so."""
        block = cls(
            database=fields["database"],
            generation=fields["generation"],
            catalog=snowflake(fields["catalog"]),
            lanes=tuple(snowflake(lane) for lane in fields["lanes"]),
            checkpoints=snowflake(fields.get("checkpoints") or fields[_EARLIER_CHECKPOINTS]),
            created=float(fields["created"]),
            predecessors=tuple(map(Predecessor.from_json, fields.get("authors", ()))),
            encryption=None if sealing is PLAIN else Encryption.of_facts(fields["encryption"]),
            sealing=sealing,
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


def _is_encrypted(signed: Signed) -> bool:
    if signed.number == _OF_SEVERAL_BOTS:
        return "encryption" in signed.facts
    return signed.number != PLAIN.number


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
