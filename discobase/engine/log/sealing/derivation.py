"""The keys of a generation, derived from the key that people give, as its superblock says.

HKDF (RFC 5869) makes them of a key, and scrypt (RFC 7914) a key of a passphrase first. Database and
generation go into it: so databases with one key share nothing, and neither do generations.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from discobase.key import LENGTH, Key

SALT_LENGTH = 16
"""Bytes of a salt: as many as NIST asks for at least (SP 800-132, section 5.1)."""

USUAL_COSTS = (1 << 16, 8, 2)
"""N, r and p of scrypt: 64 MiB, and half a second of a processor here (measured). Of those that
OWASP's Password Storage Cheat Sheet takes for equally strong it is the second, since that of 128
MiB is a quarter of what many free hosts have."""

_MOST_MEMORY = 1 << 28
"""Bytes that scrypt may take, 128 N r, whatever a superblock says: 256 MiB, four times what is
written today. A guess at what leaves room for later, and ends no process."""

_MOST_WORK = 1 << 23
"""N r p at the most: eight times what is written today, some four seconds. A guess."""

_LEAST_N = 1 << 14
"""Below that nobody has written any (and RFC 7914 gives none for interactive logins)."""


@dataclass(frozen=True, slots=True)
class Derivation:
    """How the keys of a generation come of the key that is given.

    Attributes:
        salt: a random salt.
        scrypt: N, r and p, by which a key is made of a passphrase; None where the key is given.
    """

    salt: bytes
    scrypt: tuple[int, int, int] | None

    @classmethod
    def new(cls, key: Key, salt: bytes) -> Derivation:
        """Return how it is done for a new generation."""
        return cls(salt, USUAL_COSTS if key.is_passphrase else None)

    def to_facts(self) -> dict[str, Any]:
        """Write it as a superblock has it."""
        return {"salt": self.salt.hex(), "scrypt": self.scrypt and [*self.scrypt]}

    @classmethod
    def of_facts(cls, facts: Mapping[str, Any]) -> Derivation:
        """Read it, as long as it is bounded.

        Raises:
            ValueError, TypeError, KeyError: it is none.
        """
        salt = bytes.fromhex(facts["salt"])
        if len(salt) != SALT_LENGTH:
            raise ValueError("it is no salt")
        if facts["scrypt"] is None:
            return cls(salt, None)
        n, r, p = facts["scrypt"]
        if not (type(n) is type(r) is type(p) is int and r > 0 and p > 0):
            raise TypeError("these are no costs")
        if n < _LEAST_N or n & (n - 1) or 128 * n * r > _MOST_MEMORY or n * r * p > _MOST_WORK:
            raise ValueError("these are no costs that anybody has written")
        return cls(salt, (n, r, p))

    def root(self, key: Key) -> bytes:
        """Return that of which a generation's keys are made. Takes half a second for a passphrase,
        in which other threads run.

        Args:
            key: a passphrase where :attr:`scrypt` is not None, and no passphrase where it is.

        Raises:
            MemoryError: there is not enough for scrypt.
        """
        return hmac.digest(self.salt, self._master(key), "sha256")

    def _master(self, key: Key) -> bytes:
        if self.scrypt is None:
            return key.reveal()
        n, r, p = self.scrypt
        room = 128 * r * (n + p + 2) + 1024
        try:
            return hashlib.scrypt(
                key.reveal(), salt=self.salt, n=n, r=r, p=p, maxmem=room, dklen=LENGTH
            )
        except ValueError:  # OpenSSL could not allocate it
            pass
        raise MemoryError(f"scrypt takes {room:,} bytes")


def subkey(root: bytes, name: str, database: str, generation: int) -> bytes:
    """Return one of a generation's keys: the first block of HKDF-Expand."""
    info = f"discobase {name} {database} {generation}".encode("ascii")
    return hmac.digest(root, info + b"\x01", "sha256")
