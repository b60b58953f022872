"""Open what a superblock says with the key that was given: or say why that cannot be.

Whoever has a key writes only where the superblock was written by somebody who has it, too. One that
is not encrypted, or was altered, ends the login before anything is written: it may have been put
there so that what is saved can be read.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable
from functools import partial

from discobase.engine.log.sealing import PLAIN, Derivation, Encrypted, Encryption, Sealing
from discobase.engine.log.sealing.derivation import SALT_LENGTH
from discobase.engine.log.superblock import Superblock
from discobase.engine.server.seam import Message, Server
from discobase.errors import ConnectError, KeyNeeded, LogDamaged, NotEncrypted, WrongKey
from discobase.key import Key


async def unlocked(
    server: Server,
    block: Superblock,
    catalog: Iterable[Message],
    key: Key | None,
    *,
    place: str,
    made: Superblock | None = None,
) -> Superblock:
    """Return a superblock with what seals its generation. No API call; half a second of work, aside
    of all else, where the key is a passphrase.

    Args:
        server: the seam.
        block: the superblock that counts.
        catalog: the messages of its catalog.
        key: the key that was given.
        place: which server it is, for errors.
        made: a superblock whose keys this process has already, as it has written it, or met it
            before: those of a passphrase are derived once.

    Raises:
        KeyNeeded: it is encrypted, and there is no key.
        WrongKey: it is encrypted by another one, or was altered.
        NotEncrypted: there is a key, and it is not encrypted.
        LogDamaged: it was altered.
        PackageMissing: the package that decrypts cannot be imported.
        ConnectError: there is not enough memory to derive a key of a passphrase.
    """
    if block.encryption is None:
        if key is not None:
            raise NotEncrypted(place)
        return block
    if key is None:
        raise KeyNeeded(place)
    if made is not None and made == block:
        sealing = made.sealing
    else:
        sealing = await _sealing(server, block, block.encryption, key)
    own = (message for message in catalog if message.author == server.author)
    for message in own:
        # The first one may have been altered, and be there once more.
        found = Superblock.from_content(message.content, sealing)
        if found is not None and found.encryption and found.generation == block.generation:
            return found
    raise LogDamaged(
        "the superblock was altered by somebody who does not have the key. A process that has the "
        "database open writes it again by itself",
        channel=block.catalog,
        step="Leave it running, and try again",
    )


async def _sealing(
    server: Server, block: Superblock, encryption: Encryption, key: Key
) -> Encrypted:
    needs_passphrase = encryption.derivation.scrypt is not None
    if needs_passphrase == key.is_passphrase:
        sealing = await _derived(
            server, block.database, block.sealed_for, encryption.derivation, key
        )
        if hmac.compare_digest(sealing.check.encode(), encryption.check.encode()):
            return sealing
    raise WrongKey(passphrase=needs_passphrase, given=key.is_passphrase)


async def new_sealing(
    server: Server, database: str, generation: int, key: Key | None
) -> tuple[Encryption | None, Sealing]:
    """Return how a new generation is encrypted, for its superblock, and what seals it; where there
    is no key it is not. No API call; half a second of work, aside of all else, for a passphrase.

    Args:
        server: the seam.
        database: the database's id.
        generation: the generation's number.
        key: the key; None for none.

    Raises:
        PackageMissing: the package that encrypts cannot be imported.
        ConnectError: there is not enough memory to derive a key of a passphrase.
    """
    if key is None:
        return None, PLAIN
    # Not by the seam: nothing is decided by it, and it is to be one that nobody else has.
    derivation = Derivation.new(key, secrets.token_bytes(SALT_LENGTH))
    sealing = await _derived(server, database, generation, derivation, key)
    return Encryption(derivation, sealing.check), sealing


async def _derived(
    server: Server, database: str, generation: int, derivation: Derivation, key: Key
) -> Encrypted:
    try:
        return await server.aside(partial(_sealing_of, database, generation, derivation, key))
    except MemoryError as error:
        raise ConnectError(f"no key can be derived of the passphrase here: {error}") from None


def _sealing_of(database: str, generation: int, derivation: Derivation, key: Key) -> Encrypted:
    return Encrypted(derivation.root(key), database, generation)
