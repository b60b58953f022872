"""One pass through an export before anything is written: whether the file is whole, and the
database takes what is in it.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from discobase.arguments import checked_table_name
from discobase.engine.keys import NULL
from discobase.engine.log.frame import UNPACKED
from discobase.engine.operations import LARGEST_PK, LaterFormat, Put, Schema, from_line, to_line
from discobase.engine.replica import EMPTY, KeyColumn, Replica
from discobase.engine.replica.columns import KEYLESS
from discobase.engine.together import names_of
from discobase.errors import ImportRefused, TableError
from discobase.transfer.pieces import (
    Header,
    KeyPiece,
    RecordPiece,
    SchemaPiece,
    TableBegins,
    UniquePiece,
)
from discobase.transfer.present import Present
from discobase.transfer.reading import ExportReading

_KEYS_AT_ONCE = 5_000
"""Keys that are held before they go to the disk: a guess."""

_LEVEL = 6
"""Of compression: what the log uses (:mod:`discobase.engine.log.frame`)."""


@dataclass(slots=True)
class TablePlan:
    """What of a table is to be there, besides its records.

    Attributes:
        name: the table's name.
        next: the primary key that its next record is to get.
        schemas: its schemas, as text, by number.
        parsed: the same, as what they say.
        unique: the fields that are to be unique, each with the number of a schema.
    """

    name: str
    next: int
    schemas: dict[int, str] = field(default_factory=dict[int, str])
    parsed: dict[int, Schema] = field(default_factory=dict[int, Schema])
    unique: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])


@dataclass(slots=True)
class ImportPlan:
    """What is to be imported.

    Attributes:
        header: the export's first piece.
        tables: its tables.
        content: the hash of what it holds.
        whole: the hash of all of it.
        present: how many of its records are there already.
    """

    header: Header
    tables: list[TablePlan] = field(default_factory=list[TablePlan])
    content: str = ""
    whole: str = ""
    present: int = 0


class Checking:
    """The pass.

    Args:
        reading: through the export.
        replica: what the database holds.
        capacity: the bytes that one commit carries.
        scratch: where keys are held against each other: a database of SQLite's own that is
            empty, and stays.
        told: called with how many records have been looked at.
    """

    def __init__(
        self,
        reading: ExportReading,
        replica: Replica,
        capacity: int,
        scratch: Scratch,
        told: Callable[[int, int], None],
    ) -> None:
        self._reading = reading
        self._replica = replica
        self._capacity = capacity
        self._scratch = scratch
        self._told = told
        self._present: Present | None = None

    def plan(self) -> ImportPlan:
        """Return what is to be imported.

        Raises:
            ExportDamaged: the file is not whole.
            ImportRefused: the database does not take what is in it.
        """
        pieces = self._reading.pieces()
        header = next(pieces)
        assert isinstance(header, Header)
        plan = ImportPlan(header)
        done = 0
        for piece in pieces:
            match piece:
                case TableBegins():
                    self._end_table(plan)
                    self._begin(plan, piece)
                case SchemaPiece():
                    self._take_schema(plan.tables[-1], piece)
                case UniquePiece():
                    self._take_unique(plan.tables[-1], piece)
                case RecordPiece():
                    plan.present += self._take_record(plan.tables[-1], piece)
                    done += 1
                    self._told(done, header.records)
                case KeyPiece():
                    self._take_key(plan.tables[-1], piece)
                case Header():
                    raise AssertionError(piece)
        self._end_table(plan)
        plan.content, plan.whole = self._reading.seal.content, self._reading.seal.whole
        return plan

    def _begin(self, plan: ImportPlan, piece: TableBegins) -> None:
        try:
            checked_table_name(piece.table)
        except TableError as error:
            raise self._refused(str(error), piece.table) from None
        if piece.next > LARGEST_PK:
            raise self._refused(f"its next primary key would be {piece.next}", piece.table)
        plan.tables.append(TablePlan(piece.table, piece.next))
        self._present = Present(self._replica, piece.table)

    def _take_schema(self, table: TablePlan, piece: SchemaPiece) -> None:
        try:
            schema = Schema.from_json(piece.says)
        except (LaterFormat, ValueError) as error:
            raise self._refused(
                f"its schema {piece.number} is not known: {error}", table.name
            ) from None
        table.schemas[piece.number], table.parsed[piece.number] = piece.says, schema

    def _take_unique(self, table: TablePlan, piece: UniquePiece) -> None:
        schema = table.parsed.get(piece.schema)
        if schema is None or piece.field not in schema.fields:
            raise self._refused(f"no schema {piece.schema} says of {piece.field!r}", table.name)
        table.unique.append((piece.field, piece.schema))

    def _take_record(self, table: TablePlan, record: RecordPiece) -> bool:
        """Look at a record, and return whether it is there already."""
        if record.schema and record.schema not in table.schemas:
            raise self._refused(f"it has no schema {record.schema}", table.name, record.pk)
        put = Put(record.table, record.pk, record.data, record.schema)
        line = to_line(put)
        try:
            sound = "`" not in record.data and from_line(line) == put
        except (LaterFormat, ValueError, RecursionError):
            sound = False
        if not sound:
            raise self._refused("what is stored of it is no record", table.name, record.pk)
        self._require_room(line, record)
        if table.unique:
            self._note_keys(table, record)
        assert self._present is not None
        return self._present.has(record)

    def _require_room(self, line: str, record: RecordPiece) -> None:
        if len(line) <= self._capacity:
            return
        size = len(zlib.compress(line.encode("ascii"), _LEVEL))
        if size > self._capacity or len(line) > UNPACKED:
            raise self._refused(
                f"it comes to {size:,} bytes (compressed), and one commit here carries "
                f"{self._capacity:,}",
                record.table,
                record.pk,
            )

    # What is unique

    def _note_keys(self, table: TablePlan, record: RecordPiece) -> None:
        stored: Mapping[str, Any] = json.loads(record.data)
        schema = table.parsed.get(record.schema)
        for place, (name, number) in enumerate(table.unique):
            column = KeyColumn.of(name, table.parsed[number].fields[name], unique=True)
            is_own = column.is_for(None if schema is None else schema.fingerprint(name))
            try:
                key = (
                    column.key(stored) or KEYLESS
                    if is_own
                    else column.foreign_key(stored, schema=schema)
                )
            except (ValueError, RecursionError):
                raise self._refused(
                    f"its {name!r} has no key, as it would have to", table.name, record.pk
                ) from None
            self._scratch.note(place, record.pk, key, self._reading.line)

    def _take_key(self, table: TablePlan, piece: KeyPiece) -> None:
        schema = table.parsed.get(piece.schema)
        if schema is None or piece.field not in schema.fields or not piece.pk < table.next:
            raise self._refused(f"no schema {piece.schema} says of {piece.field!r}", table.name)
        try:
            self._scratch.tell(piece)
        except UnicodeEncodeError:  # half of a surrogate pair
            raise self._refused(
                f"its {piece.field!r} has a key that is no text", table.name, piece.pk
            ) from None
        held = schema.fields[piece.field]
        for place, (name, number) in enumerate(table.unique):
            other = table.parsed[number].fields[name]
            if name == piece.field and other.fingerprint == held.fingerprint:
                self._scratch.note(place, piece.pk, piece.key, self._reading.line)

    def _end_table(self, plan: ImportPlan) -> None:
        if not plan.tables:
            return
        table = plan.tables[-1]
        assert self._present is not None
        self._present.end()
        self._require_alike(table)
        if table.unique:
            for place, pk, line, other in self._scratch.wrong():
                self._refuse_key(table, place, pk, line, other)
            self._scratch.forget_keys()

    def _refuse_key(self, table: TablePlan, place: int, pk: int, line: int, other: int) -> None:
        fields = ", ".join(names_of(table.unique[place][0]))
        why = (
            f"its {fields} is unique, and record {other} has the same"
            if other
            else f"its {fields} is unique, and what it is to the class that asks for it is not said"
        )
        raise self._refused(why, table.name, pk, line)

    def _require_alike(self, table: TablePlan) -> None:
        """See that the database has no schema of a table but those of the export."""
        held = self._replica.layouts.get(table.name, EMPTY).schemas
        for number, schema in held.items():
            if table.parsed.get(number) != schema:
                raise ImportRefused(
                    f"{table.name!r} is there already, with a schema {number} that the export does "
                    f"not have: nothing was imported. Import into a database that has never had "
                    f"such a table.",
                    table=table.name,
                )

    def _refused(
        self, why: str, table: str, pk: int | None = None, line: int | None = None
    ) -> ImportRefused:
        line = line or self._reading.line
        what = f"record {pk} of {table!r}" if pk else f"table {table!r}"
        return ImportRefused(
            f"line {line}, {what}: {why}. Nothing was imported.", table=table, pk=pk, line=line
        )


class Scratch:
    """Keys of records, held aside on the disk."""

    def __init__(self) -> None:
        # Without a name it is a file that SQLite removes when it is closed
        # (sqlite.org/inmemorydb.html).
        self._connection = sqlite3.connect("", isolation_level=None)
        self._connection.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; BEGIN; "
            "CREATE TABLE keys (place INTEGER, pk INTEGER, key TEXT, line INTEGER, "
            "PRIMARY KEY (place, pk)) WITHOUT ROWID; "
            "CREATE TABLE told (number INTEGER PRIMARY KEY, name TEXT, field TEXT, schema INTEGER, "
            "pk INTEGER, key TEXT)"
        )
        self._held: list[tuple[int, int, str | None, int]] = []

    def note(self, place: int, pk: int, key: str | None, line: int) -> None:
        """Note a key that may be there once; None where it is not known yet."""
        self._held.append((place, pk, key, line))
        if len(self._held) >= _KEYS_AT_ONCE:
            self._flush()

    def tell(self, piece: KeyPiece) -> None:
        """Keep a key that the log is to be told."""
        self._connection.execute(
            "INSERT INTO told (name, field, schema, pk, key) VALUES (?, ?, ?, ?, ?)",
            (piece.table, piece.field, piece.schema, piece.pk, piece.key),
        )

    def told(self) -> Iterator[KeyPiece]:
        """Yield the keys that the log is to be told, in their order."""
        rows = self._connection.execute(
            "SELECT name, field, schema, pk, key FROM told ORDER BY number"
        )
        for row in rows:
            yield KeyPiece(*row)

    def wrong(self) -> Iterator[tuple[int, int, int, int]]:
        """Yield what cannot be unique: place, primary key, line, and the primary key of a record
        that has the same key; 0 where the key is not known.
        """
        self._flush()
        yield from self._connection.execute(
            "SELECT place, pk, line, 0 FROM keys WHERE key IS NULL ORDER BY line LIMIT 1"
        )
        yield from self._connection.execute(
            "SELECT place, max(pk), max(line), min(pk) FROM keys WHERE key NOT IN (?, ?) "
            "GROUP BY place, key HAVING count(*) > 1 LIMIT 1",
            (KEYLESS, NULL),
        )

    def forget_keys(self) -> None:
        """Forget the keys of a table."""
        self._connection.execute("DELETE FROM keys")

    def close(self) -> None:
        """Remove it."""
        self._connection.close()

    def _flush(self) -> None:
        self._connection.executemany("INSERT OR REPLACE INTO keys VALUES (?, ?, ?, ?)", self._held)
        self._held.clear()
