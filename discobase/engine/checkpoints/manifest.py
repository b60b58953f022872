"""What a checkpoint is: the text of its message, and of the messages with its other parts."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from discobase.engine.log.formats import mark
from discobase.engine.log.sealed import ABSURD, seal, unseal
from discobase.engine.log.sealing import PLAIN, Sealing
from discobase.engine.log.superblock import Superblock, snowflake
from discobase.engine.replica import Head

LONGEST = 2_000
"""Characters of a message (message resource, "Create Message")."""

_PART = mark("part")

_COUNTS = ("generation", "seq", "size", "packed", "records")


@dataclass(frozen=True, slots=True)
class Manifest:
    """The facts of one checkpoint.

    Attributes:
        database: the database's id.
        generation: of the database.
        seq: the position whose state it holds.
        chain: what the frame after it continues.
        state: the hash of the state.
        size: the bytes of its lines.
        packed: the bytes as they are packed, all parts together.
        hash: of these, by what seals them.
        records: how many it holds.
        lanes: the newest message in each lane that has passed, 0 where there is none.
        before: the checkpoint before it, a message id; 0 where there is none.
        writer: who wrote it.
        time: when, in seconds since 1970, by its writer's clock.
        parts: the messages with the bytes that come before those of its own.
    """

    database: str
    generation: int
    seq: int
    chain: str
    state: str
    size: int
    packed: int
    hash: str
    records: int
    lanes: tuple[int, ...]
    before: int
    writer: str
    time: float
    parts: tuple[int, ...] = ()

    @property
    def head(self) -> Head:
        """The head of a replica that has its state."""
        return Head(self.seq, self.chain)

    def is_of(self, superblock: Superblock) -> bool:
        """Return whether it is a state of this generation of a database, or of one before in the
        same channels.
        """
        return superblock.made_in(self.generation) and (self.database, len(self.lanes)) == (
            superblock.database,
            len(superblock.lanes),
        )

    def to_content(self, sealing: Sealing = PLAIN) -> str:
        """Write it as the text of a message.

        Args:
            sealing: how it is sealed.
        """
        facts = asdict(self) | {
            "lanes": [str(lane) for lane in self.lanes],
            "before": str(self.before),
            "time": round(self.time, 3),
            "parts": [str(part) for part in self.parts],
        }
        return seal("checkpoint", sealing, facts)

    @classmethod
    def from_content(cls, content: str, sealing: Sealing = PLAIN) -> Manifest | None:
        """Read the manifest in a message's text; None where there is none, or it was altered.

        Args:
            content: the text.
            sealing: how it is sealed.

        Raises:
            LaterFormat: it is one that this version cannot read.
        """
        facts = unseal(content, "checkpoint", sealing)
        try:
            return None if facts is None else cls._of(facts)
        except ABSURD:
            return None

    @classmethod
    def _of(cls, facts: dict[str, Any]) -> Manifest | None:
        texts = {name: facts[name] for name in ("database", "chain", "state", "hash", "writer")}
        counts = {name: facts[name] for name in _COUNTS}
        time = float(facts["time"])
        sound = (
            all(type(text) is str for text in texts.values())
            and all(type(count) is int and count >= 0 for count in counts.values())
            and type(facts["lanes"]) is type(facts["parts"]) is list
            and math.isfinite(time)
        )
        if not sound:
            return None
        return cls(
            **texts,
            **counts,
            lanes=tuple(_id(lane) for lane in facts["lanes"]),
            before=_id(facts["before"]),
            time=time,
            parts=tuple(snowflake(part) for part in facts["parts"]),
        )


def _id(text: str) -> int:
    return 0 if text == "0" else snowflake(text)


def part_content(ticket: str, number: int, sealing: Sealing = PLAIN) -> str:
    """Write the text of a message with a part.

    Args:
        ticket: what the parts of one checkpoint share.
        number: 0, 1, 2 ...
        sealing: how it is sealed.
    """
    return seal("part", sealing, {"ticket": ticket, "number": number})


def is_part(content: str) -> bool:
    """Return whether a message's text claims to be that of a part, of whatever format."""
    return content.startswith(_PART)
