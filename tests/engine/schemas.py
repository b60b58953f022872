"""Schemas without classes, and what declares them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from discobase.engine.changes import DeclareSchema, MakeUnique, Preparation
from discobase.engine.keys import Kind
from discobase.engine.operations import FieldSchema, Schema
from discobase.engine.replica import EMPTY, KeyColumn, Replica

FINGERPRINT = "as stored"


def schema_of(
    kinds: Mapping[str, Kind],
    unique: Sequence[str] = (),
    indexed: Sequence[str] = (),
    fingerprint: str = FINGERPRINT,
) -> str:
    """The schema of a class that loads what is stored as it stands, as text."""
    fields = {name: FieldSchema(kind, fingerprint) for name, kind in kinds.items()}
    return Schema(fields, tuple(unique), tuple(indexed)).to_json()


def declaring(replica: Replica, schemas: Mapping[str, str]) -> list[Preparation]:
    """What the log lacks of schemas, whose classes load what is stored as it stands."""
    preparations: list[Preparation] = []
    for table, text in schemas.items():
        layout = replica.layouts.get(table, EMPTY)
        if text not in layout.numbers:
            preparations.append(DeclareSchema(table, text, layout.number, replica.head.seq))
        preparations += [MakeUnique(table, name, text) for name in Schema.from_json(text).unique]
    return preparations


def column(name: str, kind: Kind = "plain", fingerprint: str = FINGERPRINT) -> KeyColumn:
    """The key column of a field of :func:`schema_of`."""
    return KeyColumn.of(name, FieldSchema(kind, fingerprint))
