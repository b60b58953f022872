"""How a replica is laid out in SQL: its tables, their schemas and their key columns.

One SQL table holds one discobase table: ``pk``, ``seq`` (the commit that last wrote the record),
``schema`` (the number of the schema under which it was written) and ``data`` (its JSON text), and
beside them the key columns (:mod:`discobase.engine.replica.columns`). Keys compare as the field's
own type does, so an index on a column serves equality and order (SQLite's indexes end with the
primary key, so also the order of equal keys), and tells whether a value of a unique field is taken.
Plain columns, filled by us, work with every SQLite there is and cost a reader nothing.

An index has the rows whose key is not NULL, so that over a column without keys it is empty. A table
is made with some such columns and indexes to spare: to begin a key column in a large table is to
give one of them its name. Which rows lack a key is noted aside, in ``lacking``: where a column
lacks none, whoever searches need not look for others than those of a key.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache, reduce
from types import MappingProxyType

from discobase.engine.operations import (
    Constrain,
    Declare,
    FieldSchema,
    Keys,
    Release,
    Schema,
)
from discobase.engine.replica.checksums import summed
from discobase.engine.replica.columns import KEYLESS, NO_KEY, KeyColumn, sql_name, table_name
from discobase.engine.replica.text_index import TextIndex, text_index
from discobase.engine.together import names_of
from discobase.errors import DuplicatesFound

LAYOUT = """
CREATE TABLE frame (
    seq INTEGER PRIMARY KEY, message INTEGER NOT NULL, chain TEXT NOT NULL,
    applied INTEGER NOT NULL, writer TEXT NOT NULL
);
CREATE TABLE state (
    only INTEGER PRIMARY KEY CHECK (only = 1), head INTEGER NOT NULL, chain TEXT NOT NULL
);
CREATE TABLE tables (name TEXT PRIMARY KEY, next INTEGER NOT NULL);
CREATE TABLE schemas (
    name TEXT NOT NULL, number INTEGER NOT NULL, schema TEXT NOT NULL, seen INTEGER NOT NULL,
    PRIMARY KEY (name, number)
) WITHOUT ROWID;
CREATE TABLE keyed (
    name TEXT NOT NULL, field TEXT NOT NULL, fingerprint TEXT NOT NULL, kind TEXT NOT NULL,
    missing TEXT, is_unique INTEGER NOT NULL, is_whole INTEGER NOT NULL, filled INTEGER,
    number INTEGER NOT NULL, PRIMARY KEY (name, field, fingerprint)
) WITHOUT ROWID;
CREATE TABLE lacking (
    number INTEGER NOT NULL, pk INTEGER NOT NULL, PRIMARY KEY (number, pk)
) WITHOUT ROWID;
CREATE TABLE said (
    name TEXT NOT NULL, pk INTEGER NOT NULL, field TEXT NOT NULL, fingerprint TEXT NOT NULL,
    key TEXT NOT NULL, PRIMARY KEY (name, pk, field, fingerprint)
) WITHOUT ROWID;
"""
"""What every replica begins with. ``said`` has the keys that the log says, ``lacking`` the rows
without a key, by the ``number`` of the column; ``filled`` is the primary key up to which a column
has been filled in steps, NULL where it is not filled so."""

_SPARE_COLUMNS = 4
"""With indexes that have nothing. Each costs an insert 0.4 us, and a row a byte (measured). A guess
at how many fields without an index of their own are searched by in a table that has grown large:
the fifth one makes commits wait while SQLite looks through the table, for a million rows 0.2 s."""

_AT_ONCE = 2_000
"""Records for which a column that a schema asks for is filled in the commit that declares it: some
20 ms. In a larger table it is filled in steps."""

_NAMED_DUPLICATES = 10
"""How many of the values that records share an error tells of: a guess at what is read."""

_DROPPED, _SPARE = "dropped_", "spare_"

Identity = tuple[str, str]
"""What tells a key column from the others of its table: field and fingerprint."""

Columns = Mapping[Identity, KeyColumn]
"""Key columns, by their identities."""

_parsed = lru_cache(maxsize=1024)(Schema.from_json)
"""Schemas by their texts: a guess at how many one process meets."""


@dataclass(frozen=True, slots=True)
class Current:
    """What the newest schema that has a field says of it.

    Args:
        number: the schema's.
        schema: what it says.
        seen: the position up to which the records fit its keys.
    """

    number: int
    schema: FieldSchema
    seen: int


@dataclass(frozen=True, slots=True)
class Layout:
    """How one table is laid out.

    Args:
        schemas: the schemas that were declared, by number; 0 for that of version 0.1.
        numbers: the number under which each was declared last, by its text.
        number: the last of them, 0 before the first.
        current: what the newest schema that has it says of each field.
        columns: the key columns.
        unfinished: those that are being filled, of no use to anybody yet.
        says: whether the log says keys of records.
        filling: those of the unfinished that are filled in steps between commits.
        lacking: those that some row has no key in.
        places: the number of each column in ``lacking``.
        text: the index of the table's texts; None where there is none.
    """

    schemas: Mapping[int, Schema]
    numbers: Mapping[str, int]
    number: int
    current: Mapping[str, Current]
    columns: Columns
    unfinished: Columns
    says: bool
    filling: frozenset[Identity] = frozenset()
    lacking: frozenset[Identity] = frozenset()
    places: Mapping[Identity, int] = field(default_factory=dict[Identity, int])
    text: TextIndex | None = None

    @property
    def every_column(self) -> tuple[KeyColumn, ...]:
        """The key columns, also those that are being filled."""
        return (*self.columns.values(), *self.unfinished.values())

    @property
    def newest(self) -> Schema | None:
        """What the class says of the fields that has declared the table last; None where none
        has.
        """
        text = self.newest_text
        return None if text is None else self.schemas[self.numbers[text]]

    @property
    def newest_text(self) -> str | None:
        """The same as the log has it."""
        whole = [text for text, at in self.numbers.items() if not self.schemas[at].is_part]
        return max(whole, key=self.numbers.__getitem__, default=None)

    def is_whole(self, column: KeyColumn) -> bool:
        """Return whether a column is filled, and has the key of each row.

        Another commit may change that before a row is read: whoever relies on it has the statement
        look again (:func:`keys_unknown`).
        """
        return column.identity in self.columns and column.identity not in self.lacking

    def keyless(self, column: KeyColumn) -> str:
        """Return the condition in SQL for rows without a key in a column, for the writer."""
        return f"pk IN (SELECT pk FROM lacking WHERE number = {self.places[column.identity]})"

    def unique_column(self, name: str) -> KeyColumn | None:
        """Return the column in which a field is unique; None where it is not."""
        found = (each for each in self.columns.values() if each.unique and each.field == name)
        return next(found, None)

    def fingerprint(self, number: int, name: str) -> str | None:
        """Return the fingerprint that a field has by the schema of a number."""
        schema = self.schemas.get(number)
        return None if schema is None else schema.fingerprint(name)

    def is_current(self, name: str, fingerprint: str) -> bool:
        """Return whether a field has a fingerprint by the newest schema that has the field."""
        return name in self.current and self.current[name].schema.fingerprint == fingerprint

    def is_newest(self, number: int, name: str) -> bool:
        """Return whether the schema of a number is the newest one that has a field."""
        return name in self.current and self.current[name].number == number

    def seen(self, name: str, fingerprint: str) -> int:
        """Return the position up to which the keys of a field, by a fingerprint, are known for all
        records.
        """
        return self.current[name].seen if self.is_current(name, fingerprint) else 0


def keys_unknown(table: str, columns: Iterable[KeyColumn]) -> str:
    """Return the expression in SQL that tells whether key columns are not filled, or lack the key
    of some row: two look-ups for each.
    """
    lacks = "EXISTS (SELECT 1 FROM lacking WHERE lacking.number = keyed.number)"
    return " OR ".join(_is_not(table, column, f"NOT {lacks}") for column in columns) or "0"


def unfilled(table: str, columns: Iterable[KeyColumn]) -> str:
    """Return the expression in SQL that tells whether key columns are not filled, or gone."""
    return " OR ".join(_is_not(table, column, "1") for column in columns) or "0"


def key_unknown(table: str, column: KeyColumn) -> str:
    """Return the condition in SQL for rows whose key a column lacks, once it is filled."""
    return (
        f"pk IN (SELECT lacking.pk FROM keyed CROSS JOIN lacking ON lacking.number = keyed.number "
        f"WHERE {_noted(table, column)})"
    )


def _is_not(table: str, column: KeyColumn, condition: str) -> str:
    noted = f"{_noted(table, column)} AND keyed.is_whole AND {condition}"
    return f"NOT EXISTS (SELECT 1 FROM keyed WHERE {noted})"


@lru_cache(maxsize=1024)
def _noted(table: str, column: KeyColumn) -> str:
    names = zip(("name", "field", "fingerprint"), (table, *column.identity), strict=True)
    # As a hexadecimal literal a text needs no quotes, whatever is in it.
    texts = ((name, text.encode().hex()) for name, text in names)
    return " AND ".join(f"keyed.{name} = CAST(x'{text}' AS TEXT)" for name, text in texts)


def by_columns(connection: sqlite3.Connection, table: str, steps: Iterable[str]) -> Iterator[str]:
    """Yield the steps of SQLite's plan, with the columns that indexes are over for their names."""
    found = _indexes(connection, table)
    for step in steps:
        yield reduce(lambda text, names: text.replace(*names), found, step)


def _indexes(connection: sqlite3.Connection, table: str) -> list[tuple[str, str]]:
    """Return the indexes of a table, each with the column that it is over, their names not
    quoted.
    """
    return connection.execute(
        "SELECT index_list.name, info.name FROM pragma_index_list(?) AS index_list, "
        "pragma_index_info(index_list.name) AS info",
        (table_name(table).strip('"'),),
    ).fetchall()


EMPTY = Layout({}, {}, 0, {}, {}, {}, says=False)
"""The layout of a table that is not there."""


def may_make_unique(layout: Layout, column: KeyColumn, *, is_newest: bool) -> bool:
    """Return whether a class is to make a field unique, as it loads it: where it is not yet; or
    where it is by another fingerprint, if the class's schema is the newest one that has the field
    and takes no values for different that are equal now. By kind: keys of all other kinds are equal
    for more values than those of ``plain``.

    Args:
        layout: the table's.
        column: the class's, of the field.
        is_newest: whether the class's schema is, or is about to be, the newest one.
    """
    held = layout.unique_column(column.field)
    if held is None:
        return True
    if held.fingerprint == column.fingerprint:
        return False
    pairs = zip(held.parts, column.parts, strict=True) if column.parts else [(held, column)]
    return is_newest and all(one.kind in ("plain", other.kind) for one, other in pairs)


def exists(connection: sqlite3.Connection, table: str) -> bool:
    """Return whether there is a SQL table for a table's records."""
    found = connection.execute("SELECT 1 FROM tables WHERE name = ?", (table,))
    return found.fetchone() is not None


class Layouts:
    """The layouts of all tables, made and changed on the writing connection, inside a transaction.

    Args:
        connection: the writing one.
        with_sums: whether each row has a checksum.
    """

    def __init__(self, connection: sqlite3.Connection, *, with_sums: bool = False) -> None:
        self._connection = connection
        self._with_sums = with_sums
        self._known: dict[str, Layout] = {}
        self._all: Mapping[str, Layout] | None = None
        self._closing: set[str] = set()

    def of(self, table: str) -> Layout:
        """Return the layout of a table, which is made if it is not there."""
        if found := self._known.get(table):
            return found
        if not exists(self._connection, table):
            self._make(table)
        layout = self._known[table] = self._read(table)
        self._all = None
        return layout

    @property
    def may_have_changed(self) -> bool:
        """Whether tables may have been laid out otherwise since :meth:`all` was asked last."""
        return self._all is None

    def all(self) -> Mapping[str, Layout]:
        """Return the layouts of all tables, by name."""
        if self._all is None:
            names = self._connection.execute("SELECT name FROM tables").fetchall()
            self._all = MappingProxyType({name: self.of(name) for (name,) in names})
        return self._all

    def forget(self) -> None:
        """Forget what was read: the transaction, or a part of it, has been rolled back."""
        self._known.clear()
        self._closing.clear()
        self._all = None

    def keep(self) -> None:
        """See which columns have the key of each row by now, after operations that belong
        together.
        """
        for table in self._closing:
            held = self.of(table).lacking
            if self._read_lacking(self.of(table).places) != held:
                self.changed(table)
        self._closing.clear()

    def drop_all(self) -> None:
        """Remove every table, and what was declared of it."""
        self.forget()
        for (name,) in self._connection.execute("SELECT name FROM tables").fetchall():
            self._connection.execute(f"DROP TABLE {table_name(name)}")
        for table in ("tables", "schemas", "keyed", "said", "lacking"):
            self._connection.execute(f"DELETE FROM {table}")

    def _make(self, table: str) -> None:
        self._connection.execute("INSERT INTO tables VALUES (?, 1)", (table,))
        made = (
            f"CREATE TABLE {table_name(table)} (pk INTEGER PRIMARY KEY, seq INTEGER NOT NULL, "
            f"schema INTEGER NOT NULL, data TEXT NOT NULL)"
        )
        self._connection.execute(summed(made) if self._with_sums else made)
        for number in range(_SPARE_COLUMNS):
            spare = f"{_SPARE}{number}"
            self._connection.execute(f"ALTER TABLE {table_name(table)} ADD COLUMN {spare} TEXT")
            self._make_index(table, sql_name("spare", table, str(number)), spare)

    def _read(self, table: str) -> Layout:
        execute = self._connection.execute
        declared: list[tuple[int, str, int]] = execute(
            "SELECT number, schema, seen FROM schemas WHERE name = ? ORDER BY number", (table,)
        ).fetchall()
        schemas = {number: _parsed(text) for number, text, _ in declared}
        finished: dict[tuple[str, str], KeyColumn] = {}
        unfinished: dict[tuple[str, str], KeyColumn] = {}
        filling: set[Identity] = set()
        places: dict[Identity, int] = {}
        for name, fingerprint, kind, missing, unique, whole, filled, place in execute(
            "SELECT field, fingerprint, kind, missing, is_unique, is_whole, filled, number "
            "FROM keyed WHERE name = ?",
            (table,),
        ):
            column = KeyColumn(name, fingerprint, kind, missing, bool(unique))
            (finished if whole else unfinished)[name, fingerprint] = column
            places[name, fingerprint] = place
            if filled is not None:
                filling.add((name, fingerprint))
        return Layout(
            schemas,
            {text: number for number, text, _ in declared},
            max(schemas, default=0),
            {
                name: Current(number, schema, seen)
                for number, _, seen in declared
                for name, schema in schemas[number].fields.items()
            },
            finished,
            unfinished,
            says=execute("SELECT 1 FROM said WHERE name = ? LIMIT 1", (table,)).fetchone()
            is not None,
            filling=frozenset(filling),
            lacking=self._read_lacking(places),
            places=places,
            text=text_index(self._connection, table),
        )

    def _read_lacking(self, places: Mapping[Identity, int]) -> frozenset[Identity]:
        look = "SELECT 1 FROM lacking WHERE number = ? LIMIT 1"
        execute = self._connection.execute
        return frozenset(
            each for each, place in places.items() if execute(look, (place,)).fetchone()
        )

    def changed(self, table: str) -> None:
        """Take note that a table is laid out otherwise from now on."""
        self._known.pop(table, None)
        self._all = None

    # What a snapshot says

    def restore(self, table: str, following: int) -> None:
        """Make a table that is not there, with the next primary key that it has."""
        self._make(table)
        self._connection.execute("UPDATE tables SET next = ? WHERE name = ?", (following, table))
        self.changed(table)

    def restore_schema(self, table: str, number: int, text: str, seen: int) -> None:
        """Give a table a schema that the log has declared."""
        self._connection.execute(
            "INSERT INTO schemas VALUES (?, ?, ?, ?)", (table, number, text, seen)
        )
        self.changed(table)

    def restore_columns(self, table: str, unique: Sequence[KeyColumn]) -> list[KeyColumn]:
        """Make the key columns of a table without records: the unique ones, and those that schemas
        ask for and whose fingerprints are current. :meth:`finish_restored` has to follow.
        """
        layout = self.of(table)
        columns = {column.identity: column for column in unique}
        for _, schema in sorted(layout.schemas.items()):
            for name in schema.keyed:
                column = KeyColumn.of(name, schema.fields[name])
                if layout.is_current(*column.identity):
                    columns.setdefault(column.identity, column)
        for column in columns.values():
            self._make_column(table, column)
        return [*columns.values()]

    def finish_restored(self, table: str, columns: Sequence[KeyColumn]) -> None:
        """Fill what is left open in the columns of a table that has its records, and index them."""
        for column in columns:
            self._fill(table, column, f"{column.name} IS NULL")
            self._make_index(table, column.index_name(table), column.name)
            self._note(table, column, unique=column.unique)
            self._look_for_lacking(table, column)

    def keep_key(self, table: str, column: KeyColumn, pk: int, key: str | None) -> None:
        """Have a key in a column that is not what would be made of the stored record again."""
        self._set_keys(table, column, [(key, pk)])

    # Rows that lack a key

    def note_keys(
        self, table: str, column: KeyColumn, keys: Sequence[tuple[str | None, int]]
    ) -> None:
        """Take note of which rows lack a key in a column, and which do not any more.

        Args:
            table: the table's name.
            column: the column.
            keys: what stands in the column now, each with the primary key of its row.
        """
        layout = self.of(table)
        place = layout.places[column.identity]
        if column.identity in layout.lacking:
            self._connection.executemany(
                "DELETE FROM lacking WHERE number = ? AND pk = ?",
                [(place, pk) for key, pk in keys if key not in NO_KEY],
            )
            self._closing.add(table)
        if lacking := [(place, pk) for key, pk in keys if key in NO_KEY]:
            self._connection.executemany(
                f"INSERT OR IGNORE INTO lacking SELECT ?, pk FROM {table_name(table)} WHERE pk = ?",
                lacking,
            )
            if column.identity not in layout.lacking:
                self.changed(table)

    def forget_keys(self, table: str, pk: int) -> None:
        """Take note that a row is gone."""
        layout = self.of(table)
        if layout.lacking:
            self._connection.executemany(
                "DELETE FROM lacking WHERE number = ? AND pk = ?",
                [(layout.places[identity], pk) for identity in layout.lacking],
            )
            self._closing.add(table)

    def _look_for_lacking(self, table: str, column: KeyColumn) -> None:
        place = self.of(table).places[column.identity]
        self._connection.execute(
            f"INSERT INTO lacking SELECT {place}, pk FROM {table_name(table)} "
            f"WHERE {column.name} IS NULL OR {column.name} = ?",
            (KEYLESS,),
        )
        self.changed(table)

    def kept_keys(self, table: str, column: KeyColumn) -> Iterator[tuple[int, str | None]]:
        """Yield the keys in a column that are not what would be made of the stored records again,
        by primary key: only of records that another class has put.
        """
        layout = self.of(table)
        others = f"schema NOT IN ({self._numbers_of(layout, column)}) ORDER BY pk"
        made = _filled(
            layout, column, self._to_fill(table, column, others), layout.seen(*column.identity)
        )
        held = self._connection.execute(
            f"SELECT {column.name} FROM {table_name(table)} WHERE {others}"
        )
        for (key, pk), (kept,) in zip(made, held, strict=True):
            if key != kept:
                yield pk, kept

    def told_keys(self, table: str, column: KeyColumn) -> Iterator[tuple[int, str]]:
        """Yield the keys that records of other classes are known to have for a column, there or
        not, by primary key: those that nobody could make who had the stored records alone.
        """
        layout = self.of(table)
        others = f"schema NOT IN ({self._numbers_of(layout, column)}) ORDER BY pk"
        rows = self._to_fill(table, column, others)
        seen = layout.seen(*column.identity)
        held: Iterator[tuple[str | None]] | None = None
        if column.identity in layout.columns and layout.columns[column.identity].unique:
            held = self._connection.execute(
                f"SELECT {column.name} FROM {table_name(table)} WHERE {others}"
            )
        for row in rows:
            pk, _, number, data, _ = row
            (key, _), *_ = _filled(layout, column, [row], seen)
            if held is not None:
                (key,) = next(held)
            schema = layout.schemas.get(number)
            if key is not None and key != column.foreign_key(json.loads(data), schema=schema):
                yield pk, key

    @staticmethod
    def _numbers_of(layout: Layout, column: KeyColumn) -> str:
        """Return the numbers of the schemas whose classes a column is for, as SQL has them."""
        return ", ".join(
            str(number)
            for number in layout.schemas
            if column.is_for(layout.fingerprint(number, column.field))
        )

    # What the log says of fields

    def declare(self, declared: Declare) -> None:
        """Give a table a schema, and the key columns that it asks for.

        Raises:
            DuplicatesFound: version 0.1 declared it, and records share a value that it would have
                unique.
        """
        table, number = declared.table, declared.number
        self.of(table)
        self._connection.execute(
            "INSERT OR REPLACE INTO schemas VALUES (?, ?, ?, ?)",
            (table, number, declared.schema, declared.seen),
        )
        self.changed(table)
        if number == 0:
            self._lay_out_0_1(table)
        else:
            self._lay_out(table)

    def say(self, said: Keys) -> None:
        """Take over the keys that the log says, and fill a key column as far as it says them."""
        table, column = said.table, KeyColumn.of(said.field, said.schema)
        self._connection.executemany(
            "INSERT OR REPLACE INTO said VALUES (?, ?, ?, ?, ?)",
            [(table, pk, *column.identity, key) for pk, key in said.keys],
        )
        self.changed(table)
        if said.loaded is not None:
            self.begin_column(table, column)
            loaded = said.loaded
            where = f"{column.name} IS NULL AND {_among(loaded.after, loaded.upto)}"
            self._fill(table, column, where, seen=loaded.seen)
        elif self._has_column(table, column):
            self._set_keys(table, column, [(key, pk) for pk, key in said.keys])

    def forget_said(self, table: str, pk: int) -> None:
        """Forget the keys that the log said of a record: it is put again, or gone."""
        if not self.of(table).says:
            return
        self._connection.execute("DELETE FROM said WHERE name = ? AND pk = ?", (table, pk))

    def constrain(self, wanted: Constrain) -> None:
        """Make a field unique, as classes with one schema load it.

        Raises:
            DuplicatesFound: records share a value.
        """
        table, name = wanted.table, wanted.field
        field = self.of(table).schemas[wanted.schema].fields[name]
        self.add_column(table, KeyColumn.of(name, field, unique=True))

    def release(self, wanted: Release) -> None:
        """Have a field unique no longer."""
        if held := self.of(wanted.table).unique_column(wanted.field):
            self._release(wanted.table, held)

    def _release(self, table: str, column: KeyColumn) -> None:
        if self.of(table).is_current(*column.identity):
            self._note(table, column, unique=False)
        else:
            self._drop_column(table, column)

    def _lay_out(self, table: str) -> None:
        """Keep the key columns that are of use to the newest schemas, and those in which fields are
        unique; fill what others left open; add those that the last schema asks for.
        """
        layout = self.of(table)
        schema = layout.schemas[layout.number]
        for column in layout.every_column:
            if layout.is_current(*column.identity):
                self._fill_unknown(table, column)  # what is filled in steps as far as it is filled
            elif not column.unique:
                self._drop_column(table, column)
        self._forget_said_of_others(table, layout)
        for name in schema.keyed:
            column = KeyColumn.of(name, schema.fields[name])
            if self._is_large(table):
                self.begin_column(table, column, in_steps=True)
            else:
                self.add_column(table, column)

    def _is_large(self, table: str) -> bool:
        found = self._connection.execute(
            f"SELECT 1 FROM {table_name(table)} LIMIT 1 OFFSET {_AT_ONCE}"
        )
        return found.fetchone() is not None

    def _lay_out_0_1(self, table: str) -> None:
        """Have just the key columns that a schema of version 0.1 asks for."""
        layout = self.of(table)
        schema = layout.schemas[0]
        for column in layout.every_column:
            self._drop_column(table, column)
        for name in schema.keyed:
            self.add_column(
                table, KeyColumn.of(name, schema.fields[name], unique=name in schema.unique)
            )

    def _forget_said_of_others(self, table: str, layout: Layout) -> None:
        execute = self._connection.execute
        found = execute("SELECT DISTINCT field, fingerprint FROM said WHERE name = ?", (table,))
        for name, fingerprint in found.fetchall():
            if not layout.is_current(name, fingerprint):
                execute(
                    "DELETE FROM said WHERE name = ? AND field = ? AND fingerprint = ?",
                    (table, name, fingerprint),
                )

    # Key columns

    def add_column(self, table: str, column: KeyColumn) -> None:
        """Give a field a key column with an index, if it has none like it, and make it unique where
        it is to be.

        Raises:
            DuplicatesFound: it is to be unique, and records share a value.
        """
        layout = self.of(table)
        held = layout.columns.get(column.identity)
        if column.identity in layout.unfinished:
            self._fill(table, column, f"{column.name} IS NULL")
        elif held is None:
            self._make_column(table, column)
            self._note(table, column, unique=False, whole=False)
            self._fill(table, column)
            self._make_index(table, column.index_name(table), column.name)
        if column.unique and not (held and held.unique):
            # One that was made for searches may have gaps, which are no matter there.
            self._fill_unknown(table, column)
            self._refuse_duplicates(table, column)
        if held is None or column.unique:
            self._note(table, column, unique=column.unique)

    def begin_column(self, table: str, column: KeyColumn, *, in_steps: bool = False) -> None:
        """Give a field a key column that is still to be filled, if it has none like it.

        Args:
            table: the table's name.
            column: the column.
            in_steps: whether :meth:`fill_on` is to fill it; otherwise the log does.
        """
        if not self._has_column(table, column):
            if spare := self._spare_column(table):
                self._rename_column(table, spare, column.name)
            else:
                self._make_column(table, column)
                self._make_index(table, column.index_name(table), column.name)
            self._note(table, column, unique=False, whole=False)
        layout = self.of(table)
        if in_steps and column.identity in {*layout.unfinished} - layout.filling:
            self._note(table, column, unique=False, whole=False, filled=0)

    def fill_on(self, table: str, column: KeyColumn, records: int) -> None:
        """Fill a column, which is filled in steps, for some records more.

        Args:
            table: the table's name.
            column: the column.
            records: how many to fill it for at most.
        """
        which = (table, *column.identity)
        (after,) = self._connection.execute(
            "SELECT filled FROM keyed WHERE name = ? AND field = ? AND fingerprint = ?", which
        ).fetchone()
        rows = self._to_fill(table, column, f"pk > {after} ORDER BY pk LIMIT {records}").fetchall()
        self._fill_rows(table, column, rows, self.of(table).seen(*column.identity))
        if len(rows) < records:
            self._note(table, column, unique=False)
            return
        # Not noted as a change of the layout: there is none, for anybody.
        self._connection.execute(
            "UPDATE keyed SET filled = ? WHERE name = ? AND field = ? AND fingerprint = ?",
            (rows[-1][0], *which),
        )

    def _has_column(self, table: str, column: KeyColumn) -> bool:
        layout = self.of(table)
        return column.identity in layout.columns or column.identity in layout.unfinished

    def is_known(self, table: str, column: KeyColumn) -> bool:
        """Return whether the log tells the key in a column of every record of a table.

        What stands in the column does not count. This replica may have made it long ago, for a
        search, and have kept the key of a record that another class has put again since; one that
        makes it now has none there.
        """
        layout = self.of(table)
        seen = layout.seen(*column.identity)
        others = f"seq > {seen} AND schema NOT IN ({self._numbers_of(layout, column)})"
        rows = self._to_fill(table, column, others)
        return all(key is not None for key, _ in _filled(layout, column, rows, seen))

    def _note(
        self,
        table: str,
        column: KeyColumn,
        *,
        unique: bool,
        whole: bool = True,
        filled: int | None = None,
    ) -> None:
        self._connection.execute(
            "INSERT INTO keyed (name, field, fingerprint, kind, missing, is_unique, is_whole, "
            "filled, number) SELECT ?, ?, ?, ?, ?, ?, ?, ?, coalesce(max(number), 0) + 1 "
            "FROM keyed WHERE TRUE ON CONFLICT (name, field, fingerprint) DO UPDATE SET "
            "kind = excluded.kind, missing = excluded.missing, is_unique = excluded.is_unique, "
            "is_whole = excluded.is_whole, filled = excluded.filled",
            (table, *column.identity, column.kind, column.missing, unique, whole, filled),
        )
        self.changed(table)

    def _make_column(self, table: str, column: KeyColumn) -> None:
        self._connection.execute(f"ALTER TABLE {table_name(table)} ADD COLUMN {column.name} TEXT")

    def _make_index(self, table: str, name: str, sql_column: str) -> None:
        self._connection.execute(
            f"CREATE INDEX {name} ON {table_name(table)} ({sql_column}) "
            f"WHERE {sql_column} IS NOT NULL"
        )

    def _spare_column(self, table: str) -> str | None:
        """Return a column that nobody uses, with an index; None where none is left."""
        return next((name for name in self._sql_columns(table) if name.startswith(_SPARE)), None)

    def _sql_columns(self, table: str) -> list[str]:
        execute = self._connection.execute
        return [row[1] for row in execute(f"PRAGMA table_info({table_name(table)})")]

    def _rename_column(self, table: str, name: str, to: str) -> None:
        self._connection.execute(f"ALTER TABLE {table_name(table)} RENAME COLUMN {name} TO {to}")

    def _fill_unknown(self, table: str, column: KeyColumn) -> None:
        """Fill a column for the rows whose keys were not known when they were put, or looked at."""
        layout = self.of(table)
        unknown = f"{column.name} IS NULL"
        if column.identity in layout.columns or column.identity in layout.filling:
            unknown = f"{layout.keyless(column)} AND {unknown}"
        self._fill(table, column, unknown)

    def _fill(
        self, table: str, column: KeyColumn, where: str = "TRUE", seen: int | None = None
    ) -> None:
        """Fill a column for some records.

        Args:
            table: the table's name.
            column: the column.
            where: which records, as a condition in SQL.
            seen: the position up to which they have been loaded; None for what the newest schema
                says.
        """
        if seen is None:
            seen = self.of(table).seen(*column.identity)
        self._fill_rows(table, column, self._to_fill(table, column, where).fetchall(), seen)

    def _fill_rows(
        self,
        table: str,
        column: KeyColumn,
        rows: Sequence[tuple[int, int, int, str, str | None]],
        seen: int,
    ) -> None:
        self._set_keys(table, column, [*_filled(self.of(table), column, rows, seen)])

    def _set_keys(
        self, table: str, column: KeyColumn, keys: Sequence[tuple[str | None, int]]
    ) -> None:
        self._connection.executemany(
            f"UPDATE {table_name(table)} SET {column.name} = ? WHERE pk = ?", keys
        )
        if column.identity in self.of(table).places:
            self.note_keys(table, column, keys)

    def _to_fill(self, table: str, column: KeyColumn, where: str) -> sqlite3.Cursor:
        """Select what a column is filled from, for some records."""
        sql_table = table_name(table)
        if not self.of(table).says:
            return self._connection.execute(
                f"SELECT pk, seq, schema, data, NULL FROM {sql_table} WHERE {where}"
            )
        return self._connection.execute(
            f"SELECT pk, seq, schema, data, (SELECT key FROM said WHERE name = ? AND "
            f"said.pk = {sql_table}.pk AND field = ? AND fingerprint = ?) "
            f"FROM {sql_table} WHERE {where}",
            (table, *column.identity),
        )

    def _refuse_duplicates(self, table: str, column: KeyColumn) -> None:
        sql_table = table_name(table)
        found = self._connection.execute(
            f"SELECT group_concat(pk), min(data), count(*) OVER () FROM {sql_table} "
            f"WHERE {column.counts} GROUP BY {column.name} HAVING count(*) > 1 "
            f"ORDER BY min(pk) LIMIT {_NAMED_DUPLICATES}"
        ).fetchall()
        if found:
            groups = [tuple(sorted(map(int, pks.split(",")))) for pks, _, _ in found]
            names, record = names_of(column.field), json.loads(found[0][1])
            shared = [record.get(name) for name in names]
            raise DuplicatesFound.among(table, names, shared, groups, values=found[0][2])

    def _drop_column(self, table: str, column: KeyColumn) -> None:
        """Take a column out of use. It stays under another name: a reader that still asks for it is
        told that it is gone, and SQLite removes columns only since 3.35, in a time that grows with
        the table.
        """
        execute = self._connection.execute
        execute(f"DROP INDEX {self._index_over(table, column)}")
        dropped = sum(name.startswith(_DROPPED) for name in self._sql_columns(table))
        self._rename_column(table, column.name, f"{_DROPPED}{dropped}")
        execute("DELETE FROM lacking WHERE number = ?", (self.of(table).places[column.identity],))
        execute(
            "DELETE FROM keyed WHERE name = ? AND field = ? AND fingerprint = ?",
            (table, *column.identity),
        )
        self.changed(table)

    def _index_over(self, table: str, column: KeyColumn) -> str:
        """Return the name of a column's index, quoted: one to spare has kept its own."""
        over = {sql_column: name for name, sql_column in _indexes(self._connection, table)}
        name = over[column.name.strip('"')]
        return f'"{name}"'


def _filled(
    layout: Layout,
    column: KeyColumn,
    rows: Iterable[tuple[int, int, int, str, str | None]],
    seen: int,
) -> Iterator[tuple[str | None, int]]:
    """Yield the key of each record in a column, and its primary key.

    Args:
        layout: the table's.
        column: the column.
        rows: primary key, version, number of the schema, data, and the key that the log says.
        seen: the position up to which what the log does not say is as what is stored.
    """

    @cache
    def is_own(number: int) -> bool:
        return column.is_for(layout.fingerprint(number, column.field))

    for pk, seq, number, data, said in rows:
        if said is not None:
            yield said, pk
        elif seq <= seen or is_own(number):
            yield column.key(json.loads(data)), pk
        else:
            yield column.foreign_key(json.loads(data), schema=layout.schemas.get(number)), pk


def _among(after: int, upto: int) -> str:
    return f"pk > {after} AND pk <= {upto}"
