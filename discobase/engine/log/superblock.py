"""What and where the database is: the superblock, which names all of its channels by id.

A database begins with its first generation, and each generation has a superblock of its own, of
which the first that is written counts. Those after the first are of a format of their own, so that
versions that know nothing of generations stop there.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Any

from discobase.engine.base36 import DIGITS, base36
from discobase.engine.log.formats import mark
from discobase.engine.log.sealed import ABSURD, seal, unseal
from discobase.engine.log.topic import CATALOG, LOG
from discobase.engine.server.seam import Server

_FIRST, _LATER = 1, 2
"""The formats: of the first generation's superblock, and of those after it."""

_NEEDS = "2.0"
"""The version of discobase that knows generations."""

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
class Base:
    """What the lanes of a later generation begin behind.

    Attributes:
        seq: the position of the seal, the last one of the generation before: the first that is in
            these lanes is the one above it.
        chain: what the frame above the seal continues.
        checkpoint: the message with the checkpoint of a position below that.
        bundle: the message with the commits from there up to the seal.
        volume: the bytes of all payloads of the log up to the seal, unpacked.
    """

    seq: int
    chain: str
    checkpoint: int
    bundle: int
    volume: int


@dataclass(frozen=True, slots=True)
class Superblock:
    """The identity and the channels of one generation of a database.

    Attributes:
        database: the id of the database.
        generation: the number of the generation.
        catalog: the channel of the catalog.
        lanes: the channels of the log.
        checkpoints: the channel for checkpoints.
        created: when the database was, in seconds since 1970, by its creator's clock.
        made: the generation whose channels these are: an earlier one where a seal was lifted; 0
            stands for the first.
        origin: the message id of the first superblock that the database had; 0 where this is it.
        ticket: that of its channels; empty where they are those of the first generation.
        base: what the lanes begin behind; None where they begin with the first position.
    """

    database: str
    generation: int
    catalog: int
    lanes: tuple[int, ...]
    checkpoints: int
    created: float
    made: int = 0
    origin: int = 0
    ticket: str = ""
    base: Base | None = None

    @property
    def floor(self) -> int:
        """The last position that is not in the lanes; 0 where all are."""
        return 0 if self.base is None else self.base.seq

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
    def nonce(self) -> str:
        """The nonce that makes the superblock of a later generation write-once. No position has it,
        for none has a colon.
        """
        return f"{self.database}{base36(self.generation)}:block"

    def made_in(self, generation: int) -> bool:
        """Return whether the channels were those of the database in a generation."""
        return max(1, self.made) <= generation <= self.generation

    def lifted(self, origin: int) -> Superblock:
        """Return the superblock of the next generation in the same channels.

        Args:
            origin: the message id of the first superblock of the database.
        """
        made = self.made or self.generation
        return replace(self, generation=self.generation + 1, made=made, origin=origin)

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
        if self.generation == 1:
            return seal("superblock", _FIRST, fields)
        fields |= {"made": self.made, "origin": str(self.origin), "ticket": self.ticket}
        if (base := self.base) is not None:
            fields["base"] = {
                "seq": base.seq,
                "chain": base.chain,
                "checkpoint": str(base.checkpoint),
                "bundle": str(base.bundle),
                "volume": base.volume,
            }
        return seal("superblock", _LATER, fields, _NEEDS)

    @classmethod
    def from_content(cls, content: str) -> Superblock | None:
        """Read the superblock in a message's text; None where there is none, or it was altered.

        Raises:
            LaterFormat: it is a superblock that this version cannot read.
        """
        fields = unseal(content, "superblock", _LATER)
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
            **(_of_later(fields) if fields["generation"] != 1 else {}),
        )
        sound = (
            type(fields["lanes"]) is list
            and _IDENTITY.fullmatch(block.database)
            and type(block.generation) is int
            and 0 < block.generation < _GENERATIONS
            and block.lanes
            and math.isfinite(block.created)
            and 0 <= block.made <= block.generation
        )
        return block if sound else None


def _of_later(fields: dict[str, Any]) -> dict[str, Any]:
    """Return what the superblock of a later generation says beside what all of them say."""
    base, ticket, made = fields.get("base"), fields["ticket"], fields["made"]
    if type(ticket) is not str or type(made) is not int:
        raise TypeError
    origin = 0 if fields["origin"] == "0" else snowflake(fields["origin"])
    later = {"made": made, "origin": origin, "ticket": ticket}
    return later if base is None else later | {"base": _base_of(base)}


def _base_of(fields: dict[str, Any]) -> Base:
    seq, chain, volume = fields["seq"], fields["chain"], fields["volume"]
    if not type(seq) is type(volume) is int or min(seq, volume) < 0 or type(chain) is not str:
        raise TypeError
    checkpoint, bundle = snowflake(fields["checkpoint"]), snowflake(fields["bundle"])
    return Base(seq, chain, checkpoint, bundle, volume)


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
