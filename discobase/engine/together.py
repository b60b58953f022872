"""Fields that are unique together: in the log and the replica one field, which stands for them.

Its name says which they are, and begins as no field's does: pydantic takes none with an underscore
before it. Its key is made of theirs. So all that is done for a unique field is done for them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from discobase.engine.keys import KINDS, NULL, Kind

TOGETHER: Kind = "together"

_PREFIX = "_together:"
_DEPENDS = "*"
"""As :data:`~discobase.engine.operations.DEPENDS`: where one of the fingerprints ends with it, so
does what they are joined to, once more."""

_AND = "+"
"""What stands between fingerprints: none has it."""


class Part(NamedTuple):
    """One of the fields, as a schema says of it.

    Args:
        kind: how its key is made.
        fingerprint: of the field.
        missing: the key of records that lack it; None where no one key is right for them.
    """

    kind: Kind
    fingerprint: str
    missing: str | None


def together(names: Iterable[str]) -> str:
    """Return what fields are called that are unique together: the same in whatever order."""
    return _PREFIX + json.dumps(sorted(names), separators=(",", ":"))


def is_together(name: str) -> bool:
    """Return whether a name stands for several fields."""
    return name.startswith(_PREFIX)


@lru_cache(maxsize=1024)  # a guess at how many one process meets
def names_of(name: str) -> tuple[str, ...]:
    """Return the fields that a name stands for: for that of a field, that alone."""
    return tuple(json.loads(name.removeprefix(_PREFIX))) if is_together(name) else (name,)


def check(name: str, kind: str, fingerprint: str, missing: str | None) -> None:
    """See that a name that stands for several fields has what a schema says of them, and that no
    other one has.

    Args:
        name: of a field, or what :func:`together` gave.
        kind: how its key is made.
        fingerprint: that of the field, or what :func:`joined_prints` gave.
        missing: the key where the field is missing, or what :func:`joined_missing` gave.

    Raises:
        TypeError, ValueError: it is otherwise.
    """
    if is_together(name) != (kind == TOGETHER):
        raise ValueError(name)
    if is_together(name):
        names = names_of(name)
        if together(names) != name or len(parts_of(fingerprint, missing or "")) != len(names):
            raise ValueError(name)


def joined_prints(fingerprints: Sequence[str]) -> str:
    """Return the fingerprint of fields together, which is equal only if theirs are."""
    depends = any(each.endswith(_DEPENDS) for each in fingerprints)
    return _AND.join(fingerprints) + (_DEPENDS if depends else "")


def joined_missing(parts: Iterable[Part]) -> str:
    """Return what a schema says, in the place of a key for records that lack the fields, of how the
    key of each is made.
    """
    return json.dumps([[part.kind, part.missing] for part in parts], separators=(",", ":"))


@lru_cache(maxsize=1024)
def parts_of(fingerprint: str, missing: str) -> tuple[Part, ...]:
    """Return what a schema says of each of the fields.

    Args:
        fingerprint: that :func:`joined_prints` gave.
        missing: what :func:`joined_missing` gave.

    Raises:
        TypeError, ValueError: it is none.
    """
    prints = fingerprint.removesuffix(_DEPENDS).split(_AND)
    said = [(kind, key) for kind, key in json.loads(missing)]
    kinds = KINDS - {TOGETHER}
    if not all(kind in kinds and isinstance(key, str | None) for kind, key in said):
        raise ValueError(missing)
    return tuple(Part(kind, each, key) for each, (kind, key) in zip(prints, said, strict=True))


def joined_key(keys: Sequence[str | None], keyless: str) -> str | None:
    """Return the key of fields together.

    Args:
        keys: theirs; None for one that is not known.
        keyless: what stands for a value for which no key is right.

    Returns:
        Null's where one of the values is null, which is no value; None where one is not known.
    """
    if NULL in keys:
        return NULL
    if None in keys:
        return None
    return keyless if keyless in keys else json.dumps(keys, ensure_ascii=False)


def keys_in(key: str | None, count: int) -> Sequence[str | None]:
    """Return the keys of the fields that one is made of; None for each that it does not tell."""
    known = key is not None and key.startswith("[")
    return json.loads(key) if known and key else [None] * count
