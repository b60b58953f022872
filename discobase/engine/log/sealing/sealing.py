"""What seals what is written, as the log and the checkpoints see it: a protocol."""

from __future__ import annotations

from typing import Literal, Protocol

Sealable = Literal[
    "frame",
    "payload",
    "superblock",
    "checkpoint",
    "part",
    "state",
    "bundle",
    "piece",
    "commits",
    "succession",
]
"""What is sealed: a frame's header line, its payload, a message with facts, the bytes of a
checkpoint, or those of a bundle (``commits``). No two of them have the same
hashes, nor are encrypted by the same key."""


class Forged(ValueError):
    """What is there is not what was sealed: it was altered, or put where it does not belong."""


class Sealing(Protocol):
    """How one generation of a database is sealed.

    Attributes:
        number: of the format that everything is in which it makes.
        needs: the version of discobase that reads it; None where the first one does.
        overhead: how many bytes sealed bytes have more.
        suffix: what the names of files end with that it has sealed; None where that says what is in
            them.
    """

    number: int
    needs: str | None
    overhead: int
    suffix: str | None

    def hash(self, kind: Sealable, data: bytes) -> str:
        """Return the hash of some bytes: 64 hexadecimal digits."""
        ...

    def payload_hash(self, unhashed: str, payload: bytes, stored: bytes) -> str:
        """Return the hash of a frame's payload: 32 hexadecimal digits.

        Args:
            unhashed: the frame's header line, with an empty text for the hash.
            payload: the payload.
            stored: the payload as it is sealed: packed, where it is.
        """
        ...

    def close(self, kind: Sealable, bound: str, hash_: str, data: bytes) -> bytes:
        """Seal some bytes.

        Args:
            kind: what they are.
            bound: what they belong to: they open beside nothing else.
            hash_: their hash, by this object; that of a payload covers what it is bound to.
            data: the bytes.
        """
        ...

    def open(self, kind: Sealable, bound: str, hash_: str, data: bytes) -> bytes:
        """Return what :meth:`close` has sealed.

        Raises:
            Forged: it is not that.
        """
        ...

    def to_text(self, data: bytes) -> str:
        """Write sealed bytes into a message: in ASCII, without back-ticks."""
        ...

    def from_text(self, text: str) -> bytes:
        """Return the sealed bytes in a message.

        Raises:
            Forged: there are none.
        """
        ...

    def to_json(self, data: bytes) -> str:
        """Write sealed facts as JSON."""
        ...

    def from_json(self, value: object) -> bytes:
        """Return the sealed facts in a message.

        Raises:
            Forged: there are none.
        """
        ...
