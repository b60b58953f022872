"""Sealed by encryption: AES-256-GCM, each message by a key of its own.

GCM gives everything away where one key meets one nonce twice with different data (SP 800-38D,
section 8 and appendix A). Random nonces would rest on randomness, which a process repeats that was
forked, or was restored from a copy of its memory. So there is none: the key of a message is derived
from a keyed hash of all that goes into it (a synthetic nonce, as in RFC 5297 and RFC 8452). Two
messages have one key only where they are the same message, whose second ciphertext tells nothing;
or where two of 128 bits are alike, which among 2**48 messages comes up with a chance of 2**-33.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from discobase.engine.log.sealing.derivation import Derivation, subkey
from discobase.engine.log.sealing.sealing import Forged, Sealable
from discobase.errors import KeyNeeded, PackageMissing

NUMBER = 2
"""Of the format of all that is encrypted, which versions before it do not know."""

NEEDS = "2.0"
"""The version of discobase that reads it."""

CIPHER = "AES-256-GCM"

_NONCE = bytes(12)
"""GCM's own nonce. Each key encrypts one message, so it need not differ."""

_CHECK = re.compile("[0-9a-f]{32}")

_TAG = 16
"""Bytes that GCM puts behind what it has encrypted."""


@dataclass(frozen=True, slots=True)
class Encryption:
    """How a generation is encrypted, as its superblock says.

    Attributes:
        derivation: how its keys are derived.
        check: a text by which a key is known for the right one.
    """

    derivation: Derivation
    check: str

    def to_facts(self) -> dict[str, Any]:
        """Write it as a superblock has it."""
        return {"cipher": CIPHER, **self.derivation.to_facts(), "check": self.check}

    @classmethod
    def of_facts(cls, facts: Mapping[str, Any]) -> Encryption:
        """Read it.

        Raises:
            ValueError, TypeError, KeyError: it is none.
        """
        check = facts["check"]
        if facts["cipher"] != CIPHER or not _CHECK.fullmatch(check):
            raise ValueError("it is encrypted in no way that is known")
        return cls(Derivation.of_facts(facts), check)


class Encrypted:
    """A :class:`~discobase.engine.log.sealing.sealing.Sealing` by a key.

    Args:
        root: that of which the keys of the generation are made.
        database: the database's id.
        generation: the generation's number.

    Attributes:
        check: what its superblock says, by which the key is known.

    Raises:
        PackageMissing: the package `cryptography` cannot be imported.
    """

    number = NUMBER
    needs: str | None = NEEDS
    overhead = _TAG
    suffix: str | None = "bin"

    __slots__ = ("__cipher", "__hashing", "__invalid", "__message", "_place", "check")

    def __init__(self, root: bytes, database: str, generation: int) -> None:
        try:
            # Lazily: whoever encrypts nothing need not have it.
            from cryptography.exceptions import InvalidTag  # noqa: PLC0415
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415
        except ImportError as error:
            root = b""
            raise PackageMissing("cryptography", "crypto") from error
        self.__cipher, self.__invalid = AESGCM, InvalidTag
        self.__hashing = subkey(root, "hash", database, generation)
        self.__message = subkey(root, "message", database, generation)
        self.check = subkey(root, "check", database, generation).hex()[:32]
        self._place = f"discobase {database} {generation}"

    def __repr__(self) -> str:
        return f"<{CIPHER}, {self._place}>"

    def hash(self, kind: Sealable, data: bytes) -> str:
        """Return HMAC-SHA-256: without the key nobody can try what it may be of."""
        return _keyed(self.__hashing, kind, data).hex()

    def payload_hash(self, unhashed: str, payload: bytes, stored: bytes) -> str:  # noqa: ARG002
        """Return the hash of the whole header and of what is encrypted, byte for byte: two builds
        of zlib pack one payload differently.
        """
        return self.hash("payload", f"{unhashed}\n".encode("ascii") + stored)[:32]

    def close(self, kind: Sealable, bound: str, hash_: str, data: bytes) -> bytes:
        """Encrypt, by a key that no other message has."""
        cipher = self.__cipher(_keyed(self.__message, kind, hash_.encode("ascii")))
        return cipher.encrypt(_NONCE, data, self._associated(kind, bound))

    def open(self, kind: Sealable, bound: str, hash_: str, data: bytes) -> bytes:
        """Decrypt."""
        cipher = self.__cipher(_keyed(self.__message, kind, hash_.encode("utf-8", "surrogatepass")))
        try:
            return cipher.decrypt(_NONCE, data, self._associated(kind, bound))
        except self.__invalid:
            raise Forged("it was not encrypted by this key, or not for this place") from None

    def _associated(self, kind: Sealable, bound: str) -> bytes:
        return f"{self._place} {kind}\n{bound}".encode("utf-8", "surrogatepass")

    def to_text(self, data: bytes) -> str:
        """Return base64."""
        return base64.b64encode(data).decode("ascii")

    def from_text(self, text: str) -> bytes:
        """Return what base64 stands for."""
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise Forged("it is no base64") from None

    def to_json(self, data: bytes) -> str:
        """Return base64 as a string of JSON."""
        return json.dumps(self.to_text(data))

    def from_json(self, value: object) -> bytes:
        """Return what base64 stands for."""
        if not isinstance(value, str):
            raise Forged("it is no text")
        return self.from_text(value)


def _keyed(key: bytes, kind: Sealable, data: bytes) -> bytes:
    return hmac.digest(key, kind.encode("ascii") + b"\0" + data, "sha256")


class Locked:
    """A sealing whose key is not known: whoever comes to it has overlooked that the database is
    encrypted, and neither reads nor writes anything.
    """

    number = NUMBER
    needs: str | None = NEEDS
    overhead = _TAG
    suffix: str | None = "bin"

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise KeyNeeded("this server")

    hash = payload_hash = close = open = to_text = from_text = to_json = from_json = _refuse
