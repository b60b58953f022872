"""Open what a superblock says with the key that was given: or say why that cannot be.

Whoever has a key writes only where the superblock was written by somebody who has it, too. One that
is not encrypted, or was altered, ends the login before anything is written: it may have been put
there so that what is saved can be read. Where whoever changed the key has said so under the one
that was given (:mod:`discobase.engine.log.rekeying`), the error says that.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable, Sequence
from functools import partial

from discobase.engine.log.former_keys import FormerKey
from discobase.engine.log.rekeying import change_told
from discobase.engine.log.sealing import (
    PLAIN,
    Derivation,
    Encrypted,
    Encryption,
    Locked,
    Sealing,
)
from discobase.engine.log.sealing.derivation import SALT_LENGTH
from discobase.engine.log.superblock import Superblock
from discobase.engine.server.seam import Message, Server
from discobase.errors import (
    ConnectError,
    KeyChanged,
    KeyNeeded,
    LogDamaged,
    NotEncrypted,
    WrongKey,
)
from discobase.key import Key

_ASKED = 3
"""Superblocks beside the newest that are tried by a former key: more than one is there only for a
moment, or where somebody has put them there. A guess."""


async def unlocked(
    server: Server,
    block: Superblock,
    catalog: Iterable[Message],
    key: Key | None,
    *,
    place: str,
    made: Superblock | None = None,
    held: Superblock | None = None,
) -> Superblock:
    """Return a superblock with what seals its generation. No API call; half a second of work, aside
    of all else, where the key is a passphrase; that for each key before it where it is another one.

    Args:
        server: the seam.
        block: the superblock that counts.
        catalog: the messages of its catalog.
        key: the key that was given.
        place: which server it is, for errors.
        made: a superblock whose keys this process has already, as it has written it, or met it
            before: those of a passphrase are derived once.
        held: the superblock by which this process has read and written; None where it logs in.

    Raises:
        KeyChanged: the key was given by which the database was encrypted before; or there is none,
            and `held` is not encrypted.
        KeyNeeded: it is encrypted, and there is no key.
        WrongKey: it is encrypted by another one, or was altered.
        NotEncrypted: there is a key, and it is not encrypted.
        LogDamaged: it was altered.
        PackageMissing: the package that decrypts cannot be imported.
        ConnectError: there is not enough memory to derive a key of a passphrase.
    """
    own = [message for message in catalog if message.author == server.author]
    try:
        sealing = await _sealing_for(server, block, key, place, made)
    except (KeyNeeded, NotEncrypted, WrongKey) as error:
        if key is None and held is None:
            raise
        if (changed := await _change(server, block, own, key, held)) is not None:
            raise changed from error
        raise
    if sealing is PLAIN:
        return block
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


async def _sealing_for(
    server: Server, block: Superblock, key: Key | None, place: str, made: Superblock | None
) -> Sealing:
    """Return what seals the generation of a superblock, by the key."""
    if made is not None and made == block and not isinstance(made.sealing, Locked):
        return made.sealing
    if block.encryption is None:
        if key is not None:
            raise NotEncrypted(place)
        return PLAIN
    if key is None:
        raise KeyNeeded(place)
    return await _sealing(server, block, block.encryption, key)


async def _change(
    server: Server,
    block: Superblock,
    own: Sequence[Message],
    key: Key | None,
    held: Superblock | None,
) -> KeyChanged | None:
    """Return what somebody who had the key has said of its change; None where nobody has."""
    for former in reversed(block.former_keys):
        if held is not None and former.until <= held.generation:
            continue  # that one never came to be: the log has gone on by this key
        sealing = await _former_sealing(server, block, former, key, held)
        changed = None if sealing is None else change_told(block, former, sealing)
        if changed is None:
            continue
        # Of the superblocks of one generation the first counts, and that is the newest one here.
        is_of_the_change = former.until == block.generation
        if is_of_the_change or key is None:
            return changed
        return None if await _goes_on_by(server, block, own, key, former.until) else changed
    return None


async def _former_sealing(
    server: Server, block: Superblock, former: FormerKey, key: Key | None, held: Superblock | None
) -> Sealing | None:
    """Return what seals by a key, as a former one says; None where that is another kind of key."""
    derivation = former.derivation
    if derivation is None or key is None:
        return PLAIN if derivation is None and key is None else None
    if (derivation.scrypt is not None) != key.is_passphrase:
        return None
    own = held and held.encryption and (held.encryption.derivation, held.sealed_for)
    if held is not None and own == (derivation, former.made):
        return held.sealing
    return await _derived(server, block.database, former.made, derivation, key)


async def _goes_on_by(
    server: Server, block: Superblock, own: Sequence[Message], key: Key, until: int
) -> bool:
    """Return whether the database has a superblock by a key that is of a generation in which the
    key is said to have been changed already: then that change never came to be.
    """
    found = (Superblock.from_content(message.content) for message in own)
    later = [other for other in found if other and other.generation >= until and other != block]
    for other in later[:_ASKED]:
        if (encryption := other.encryption) is None:
            continue
        try:
            sealing = await _sealing(server, other, encryption, key)
        except WrongKey:
            continue
        if any(Superblock.from_content(each.content, sealing) == other for each in own):
            return True
    return False


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
