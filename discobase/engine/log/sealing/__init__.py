"""How what is written is sealed: by hashes alone, or encrypted, as the superblock says.

One object does all of it (:class:`Sealing`), and goes with the superblock wherever that goes.
"""

from discobase.engine.log.sealing.derivation import Derivation
from discobase.engine.log.sealing.encryption import Encrypted, Encryption, Locked
from discobase.engine.log.sealing.plain import PLAIN, hash_of
from discobase.engine.log.sealing.sealing import Forged, Sealable, Sealing

__all__ = [
    "PLAIN",
    "Derivation",
    "Encrypted",
    "Encryption",
    "Forged",
    "Locked",
    "Sealable",
    "Sealing",
    "hash_of",
]
