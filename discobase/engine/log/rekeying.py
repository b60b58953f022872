"""A change of a database's key, as the superblock of the first generation with another one says it.

Whoever has the former key cannot tell by the new one whether a superblock is by somebody who may
make it. So whoever changes the key says so under the former one, of exactly that superblock. Later
superblocks hand it on, as far as there is room.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from discobase.engine.log.former_keys import FormerKey
from discobase.engine.log.sealing import Derivation, Sealing
from discobase.engine.log.superblock import Superblock
from discobase.errors import KeyChanged, KeyKind
from discobase.key import Key

_ROOM = 1_950
"""Characters that a superblock may have: a message takes 2,000 (message resource, "Create
Message")."""

_LABEL = 48
"""Characters of JSON that a label may take there: more would not fit beside 40 lanes."""


@dataclass(frozen=True, slots=True)
class Rekeying:
    """A change of the key that is under way.

    Attributes:
        key: the new key; None where nothing is to be encrypted any more.
        noted: adds to the superblock of the next generation that it was changed.
    """

    key: Key | None
    noted: Callable[[Superblock], Superblock]


def noted(
    block: Superblock, former: Superblock, *, writer: str, label: str, time: float
) -> Superblock:
    """Return the superblock of a new generation with the word that the key was changed.

    Args:
        block: the superblock, which is to say nothing else besides.
        former: that of the generation before, with what seals it.
        writer: the id of who changes the key.
        label: what the log calls that one. Not told where the database was not encrypted before,
            since everybody could read it.
        time: when, in seconds since 1970.
    """
    encryption = former.encryption
    facts: dict[str, Any] = {"of": _outline(block), "time": round(time, 3), "writer": writer}
    if encryption is not None and label:
        facts["label"] = _shortened(label)
    key = FormerKey.of(
        facts,
        until=block.generation,
        made=former.sealed_for,
        derivation=None if encryption is None else encryption.derivation,
        sealing=former.sealing,
    )
    kept = (*block.former_keys, key)
    while kept:
        said = replace(block, former_keys=kept)
        if len(said.to_content()) <= _ROOM:
            return said
        kept = kept[1:]
    return block


def change_told(block: Superblock, key: FormerKey, sealing: Sealing) -> KeyChanged | None:
    """Return that a key was changed, if one of a superblock's former keys was: None where nobody
    who had it has said so of that superblock, or of one that came before it.

    Args:
        block: the superblock, which need not be believed in anything.
        key: the former key.
        sealing: what seals by the key that was given, as the former one says.
    """
    facts = key.open(sealing)
    if facts is None or key.until > block.generation:
        return None
    if key.until == block.generation and facts.get("of") != _outline(block):
        return None
    time, writer, label = facts.get("time"), facts.get("writer"), facts.get("label", "")
    if not isinstance(time, float | int) or not isinstance(writer, str):
        return None
    return KeyChanged(
        generation=key.until,
        time=time,
        writer=writer,
        label=label if isinstance(label, str) else "",
        before=_kind_of(key.derivation),
        now=_kind_of(None if block.encryption is None else block.encryption.derivation),
    )


def _kind_of(derivation: Derivation | None) -> KeyKind:
    if derivation is None:
        return "none"
    return "key" if derivation.scrypt is None else "passphrase"


def _outline(block: Superblock) -> str:
    """Return a hash of what a superblock says of its generation, which no other superblock of it
    says otherwise: a successor's has another catalog, and other authors.
    """
    base, encryption = block.base, block.encryption
    said = [
        block.database,
        block.generation,
        [str(lane) for lane in block.lanes],
        str(block.checkpoints),
        block.ticket,
        None if encryption is None else encryption.to_facts(),
        base and [base.seq, base.chain, str(base.checkpoint), str(base.bundle), base.volume],
    ]
    text = json.dumps(said, separators=(",", ":")).encode("ascii")
    return hashlib.sha256(text).hexdigest()[:32]


def _shortened(label: str) -> str:
    while len(json.dumps(label)) - 2 > _LABEL:
        label = label[:-1]
    return label
