"""Sealed by hashes alone: everybody can read it, and sees whether it was altered."""

from __future__ import annotations

import hashlib
import json

from discobase.engine.log.sealing.sealing import Forged, Sealable, Sealing


def hash_of(data: bytes) -> str:
    """Return the hash used throughout a log that is not encrypted: SHA-256, cut to 128 bits to
    leave room for data in a message of 2,000 characters.

    Only the bot can write frames, so what it has to withstand is alteration, and for that 128 bits
    are ample.
    """
    return hashlib.sha256(data).hexdigest()[:32]


class Plain:
    """A :class:`~discobase.engine.log.sealing.sealing.Sealing` that encrypts nothing."""

    number = 1
    needs: str | None = None
    overhead = 0
    suffix: str | None = None

    def hash(self, kind: Sealable, data: bytes) -> str:  # noqa: ARG002 - it is the same for all kinds
        """Return SHA-256."""
        return hashlib.sha256(data).hexdigest()

    def payload_hash(self, unhashed: str, payload: bytes, stored: bytes) -> str:  # noqa: ARG002
        """Return the hash of the payload before compression."""
        return hash_of(payload)

    def close(self, kind: Sealable, bound: str, hash_: str, data: bytes) -> bytes:  # noqa: ARG002
        """Return the bytes as they are."""
        return data

    def open(self, kind: Sealable, bound: str, hash_: str, data: bytes) -> bytes:  # noqa: ARG002
        """Return the bytes as they are: their hash is for the caller to compare."""
        return data

    def to_text(self, data: bytes) -> str:
        """Return the lines of a payload as they are."""
        return data.decode("ascii")

    def from_text(self, text: str) -> bytes:
        """Return the lines as they stand in a message."""
        return text.encode("utf-8", "surrogatepass")

    def to_json(self, data: bytes) -> str:
        """Return the facts as they are: an object in JSON."""
        return data.decode("ascii")

    def from_json(self, value: object) -> bytes:
        """Return the object in compact JSON."""
        if not isinstance(value, dict):
            raise Forged("it is no object")
        return json.dumps(value, separators=(",", ":")).encode()


PLAIN: Sealing = Plain()
