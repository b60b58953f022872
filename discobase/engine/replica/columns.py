"""Key columns: what stands in one for each record, and who may trust it.

A column holds the keys of a field as classes with one fingerprint load it, and nobody else uses it.
No replica runs the code of a class, or they would disagree. So a key is made of what is stored
where a class with that fingerprint wrote the record, or has loaded it and said that the key comes
out the same; where it comes out otherwise, the log says how (:class:`Keys
<discobase.engine.operations.Keys>`).

====================  ==============================================================================
in the column         the record
====================  ==============================================================================
a key                 has a value with this key (:mod:`discobase.engine.keys`)
:data:`KEYLESS`       has no value that one key is right for; it may be any, and is unique to nobody
NULL                  was written by a class with another fingerprint: its value is not known
====================  ==============================================================================

A search by a column takes the last two for candidates.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from discobase.engine.keys import NULL, Kind, key
from discobase.engine.operations import DEPENDS, OF_0_1, FieldSchema, Schema
from discobase.engine.together import TOGETHER, joined_key, keys_in, names_of, parts_of

KEYLESS = ""
"""What stands for a value in the place of its key where no key is right."""

NO_KEY = frozenset({None, KEYLESS})
"""What stands there where a row lacks a key."""

NO_VALUES = frozenset({None, KEYLESS, NULL})
"""What may be there any number of times in a unique column."""


@cache
def sql_name(*parts: str) -> str:
    """Return a quoted name for SQL, the same for the same parts and no others."""
    # In hexadecimal, because SQLite takes "User" and "user" for the same table.
    return f'"{"_".join((parts[0], *(part.encode().hex() for part in parts[1:])))}"'


def table_name(name: str) -> str:
    """Return the SQL table that holds a table's records, quoted."""
    return sql_name("records", name)


def sql_text(text: str) -> str:
    """Return a text as SQL has it, quoted."""
    quoted = text.replace("'", "''")
    return f"'{quoted}'"


@dataclass(frozen=True, slots=True)
class KeyColumn:
    """A field's key column, for the classes with one fingerprint of the field.

    Args:
        field: the field's name.
        fingerprint: of the field.
        kind: how its keys are made.
        missing: the key of records that lack the field; None where no one key is right for them. Of
            fields together, how the key of each is made.
        unique: whether a key may be there once.
    """

    field: str
    fingerprint: str
    kind: Kind
    missing: str | None = None
    unique: bool = False

    @classmethod
    def of(cls, name: str, field: FieldSchema, *, unique: bool = False) -> KeyColumn:
        """Return the column for a field as a class declares it."""
        return cls(name, field.fingerprint, field.kind, field.missing, unique)

    @property
    def identity(self) -> tuple[str, str]:
        """What tells it from the table's others: field and fingerprint."""
        return self.field, self.fingerprint

    @property
    def name(self) -> str:
        """Its name in SQL, quoted."""
        return sql_name("key", self.field, self.fingerprint)

    def index_name(self, table: str) -> str:
        """Return the name of the index over it, quoted."""
        return sql_name("index", table, self.field, self.fingerprint)

    @property
    def counts(self) -> str:
        """The SQL condition for keys that may be there once."""
        return f"{self.name} <> '{KEYLESS}' AND {self.name} <> '{NULL}'"

    def is_for(self, fingerprint: str | None) -> bool:
        """Return whether what a class with a fingerprint stores has its keys here."""
        return self.fingerprint in (OF_0_1, fingerprint)

    def key(self, record: Mapping[str, Any]) -> str | None:
        """Return the key of a record that a class with this fingerprint wrote, or has loaded and
        found to be as it is stored.
        """
        if self.kind == TOGETHER:
            return joined_key([part.key(record) for part in self.parts], KEYLESS)
        if self.field in record:
            return self._key_of(record[self.field])
        return None if self.fingerprint == OF_0_1 else self._missing

    def _key_of(self, value: Any) -> str | None:
        try:
            made = key(self.kind, value)
            if made is not None and not made.isascii():
                made.encode()
        except (ValueError, RecursionError):
            # Such as of a lone surrogate, which SQLite does not store. Who has the column for its
            # own searches alone may not find damage where others find none (invariant I3).
            if self.unique:
                raise
            return None
        return made

    def foreign_key(
        self,
        record: Mapping[str, Any],
        before: tuple[Mapping[str, Any], str | None] | None = None,
        schema: Schema | None = None,
    ) -> str | None:
        """Return the key of a record that a class with another fingerprint wrote.

        Args:
            record: what is stored.
            before: what was stored before, and its key.
            schema: that of the class, where it is known.
        """
        if self.kind == TOGETHER:
            return self._foreign_together(record, before, schema)
        if self.fingerprint.endswith(DEPENDS):
            return None
        if self.field not in record:
            return self._missing
        if before is None or self.field not in before[0]:
            return None
        same = json.dumps(record[self.field]) == json.dumps(before[0][self.field])
        return before[1] if same else None

    def _foreign_together(
        self,
        record: Mapping[str, Any],
        before: tuple[Mapping[str, Any], str | None] | None,
        schema: Schema | None,
    ) -> str | None:
        keys: list[str | None] = []
        held = keys_in(before and before[1], len(self.parts))
        for part, key_before in zip(self.parts, held, strict=True):
            if schema is not None and part.is_for(schema.fingerprint(part.field)):
                keys.append(part.key(record))
            else:
                keys.append(part.foreign_key(record, before and (before[0], key_before)))
        return joined_key(keys, KEYLESS)

    @property
    def parts(self) -> tuple[KeyColumn, ...]:
        """What the columns of the fields would be, of fields together; none of a single one."""
        return _parts(self) if self.kind == TOGETHER else ()

    @property
    def _missing(self) -> str:
        return KEYLESS if self.missing is None else self.missing


@lru_cache(maxsize=1024)  # a guess at how many one process meets
def _parts(column: KeyColumn) -> tuple[KeyColumn, ...]:
    said = parts_of(column.fingerprint, column.missing or "")
    return tuple(
        KeyColumn(name, part.fingerprint, part.kind, part.missing, unique=column.unique)
        for name, part in zip(names_of(column.field), said, strict=True)
    )


def values_of(column: KeyColumn, record: Mapping[str, Any], key: str | None) -> list[Any]:
    """Return the values that a record has in the fields of a column, for an error; what their keys
    say of them where the record lacks a field, and has the class's default.
    """
    names = names_of(column.field)
    keys = keys_in(key, len(names)) if column.kind == TOGETHER else [key]
    return [
        record.get(name, (each or "").removeprefix('"'))
        for name, each in zip(names, keys, strict=True)
    ]
