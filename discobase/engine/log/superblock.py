"""What and where the database is: the superblock, which names all of its channels by id.

A database begins with its first generation, and each generation has a superblock of its own, of
which the first that is written counts.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from typing import Any

from discobase.engine.base36 import DIGITS, base36
from discobase.engine.log.authors import Predecessor, author_of
from discobase.engine.log.formats import mark
from discobase.engine.log.sealed import ABSURD, Signed, sign, signed_in
from discobase.engine.log.sealing import PLAIN, Encryption, Locked, Sealing
from discobase.engine.log.topic import CATALOG, LOG
from discobase.engine.server.seam import Server

_NOT_FOR_ALL = 3
"""Of logs that not every version can go on with: of several bots, or behind an earlier generation.
Who does not know that would take what came before for nothing, and write over it. The formats below
are those of the sealings."""

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
    """The identity and the channels of one generation of a database, how it is sealed, and which
    bots have written it.

    Attributes:
        database: the database's id.
        generation: the generation's number.
        catalog: the channel of the catalog.
        lanes: the channels of the log.
        checkpoints: the channel of the checkpoints.
        created: when it was created, in seconds since 1970, by its creator's clock.
        encryption: how it is encrypted; None where it is not.
        sealing: what seals all that is written in this generation.
        predecessors: the bots that have written it before the one whose superblock it is.
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
    encryption: Encryption | None = None
    sealing: Sealing = field(default=PLAIN, compare=False, repr=False)
    predecessors: tuple[Predecessor, ...] = ()
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
        return self.sealed_for <= generation <= self.generation

    @property
    def sealed_for(self) -> int:
        """The generation whose keys seal what is in the channels: the one that they were made
        for.
        """
        return max(1, self.made)

    def lifted(self, origin: int) -> Superblock:
        """Return the superblock of the next generation in the same channels, which is sealed as
        this one is.

        Args:
            origin: the message id of the first superblock of the database.
        """
        made = self.made or self.generation
        return replace(self, generation=self.generation + 1, made=made, origin=origin)

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
        if self.generation == 1 and not self.predecessors:
            return sign("superblock", self.sealing, fields)
        if self.predecessors:
            fields["authors"] = [each.to_json() for each in self.predecessors]
        if self.generation > 1:
            fields |= self._later_facts()
        return sign("superblock", self.sealing, fields, number=_NOT_FOR_ALL, needs=_NEEDED)

    def _later_facts(self) -> dict[str, Any]:
        """Return what is said of a later generation alone."""
        facts = {"made": self.made, "origin": str(self.origin), "ticket": self.ticket}
        if (base := self.base) is None:
            return facts
        behind = {
            "seq": base.seq,
            "chain": base.chain,
            "checkpoint": str(base.checkpoint),
            "bundle": str(base.bundle),
            "volume": base.volume,
        }
        return facts | {"base": behind}

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
        signed = signed_in(content, "superblock", _NOT_FOR_ALL)
        if signed is None or signed.number not in range(1, _NOT_FOR_ALL + 1):
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


def _is_encrypted(signed: Signed) -> bool:
    if signed.number == _NOT_FOR_ALL:
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
