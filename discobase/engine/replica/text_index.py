"""The index of texts: which words stand in which records of a table, by SQLite's FTS5.

A table has one at the most, over all places that this process searches. It is its process's own
matter, as an index for a search is: no log tells of it, no hash of the state includes it. It
changes in the transaction in which records do, and has, as it is made in steps, the records up to
a primary key.

What is indexed are words that are cut here (:mod:`discobase.engine.words`), with spaces between
them: SQLite has nothing to decide of them. The texts themselves are not kept a second time
(sqlite.org/fts5.html, 4.4.1), so that a record's old words are made anew of the record before they
are taken out.

In a kept file rows of FTS5's own tables have no checksum. All of them have one together, which is
written when the file is closed.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from discobase.engine.replica.checksums import Altered
from discobase.engine.replica.columns import sql_name, sql_text, table_name
from discobase.engine.texts import Place, places_of, places_text, texts_in
from discobase.engine.words import RULE, words_of

LAYOUT = """
CREATE TABLE searched (
    name TEXT PRIMARY KEY, places TEXT NOT NULL, rule TEXT NOT NULL, filled INTEGER,
    seal INTEGER
) WITHOUT ROWID;
"""
"""The indexes: over which places, cut by which rule, up to which primary key, NULL for all of them;
and, while the file is closed, the checksum of what FTS5 holds."""

_PREFIX = "texts"

_OWN_TABLES = {
    "data": "CAST(id AS TEXT) || ' ' || hex(block)",
    "idx": "segid || ' ' || quote(term) || ' ' || pgno",
    "docsize": "group_concat(id || quote(sz))",
    "config": "k || ' ' || v",
}
"""What FTS5 has for an index without texts (sqlite.org/fts5.html, 9), and what of it is to be as it
was: in one piece where there is a row for each record."""


@cache
def has_fts5() -> bool:
    """Return whether this SQLite has FTS5: builds may lack it."""
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        try:
            connection.execute("CREATE VIRTUAL TABLE texts USING fts5(words)")
        except sqlite3.OperationalError:
            return False
    return True


@cache
def index_name(table: str) -> str:
    """Return the SQL table that is the index of a table's texts, quoted."""
    return sql_name(_PREFIX, table)


def is_of_an_index(name: str) -> bool:
    """Return whether a SQL table, its name not quoted, is an index or is FTS5's own in one."""
    return name.startswith(f"{_PREFIX}_")


@dataclass(frozen=True, slots=True)
class TextIndex:
    """The index of a table's texts.

    Args:
        table: the table's name.
        places: where the texts stand.
        is_whole: whether it has all records.
    """

    table: str
    places: tuple[Place, ...]
    is_whole: bool

    @property
    def name(self) -> str:
        """Its name in SQL, quoted."""
        return index_name(self.table)

    @property
    def gone(self) -> str:
        """The expression in SQL that tells whether it is not there as it is here."""
        return (
            f"NOT EXISTS (SELECT 1 FROM searched WHERE name = {sql_text(self.table)} "
            f"AND places = {sql_text(places_text(self.places))} AND filled IS NULL)"
        )


def text_index(connection: sqlite3.Connection, table: str) -> TextIndex | None:
    """Return the index of a table's texts; None where there is none."""
    row = connection.execute(
        "SELECT places, filled IS NULL FROM searched WHERE name = ?", (table,)
    ).fetchone()
    return None if row is None else TextIndex(table, places_of(row[0]), bool(row[1]))


@dataclass(slots=True)
class _Index:
    """An index as it is written to; `filled` is None where it has all records."""

    places: tuple[Place, ...]
    filled: int | None


class TextIndexes:
    """The indexes of all tables, changed on the writing connection, inside a transaction.

    Args:
        connection: the writing one.
        changed: told of each table whose index is another one from now on, or has become whole.
    """

    def __init__(self, connection: sqlite3.Connection, changed: Callable[[str], object]) -> None:
        self._connection = connection
        self._changed = changed
        self._known: dict[str, _Index] | None = None

    def has(self, table: str, places: tuple[Place, ...]) -> bool:
        """Return whether there is an index over just these places; over none, whether there is no
        index.
        """
        held = self._indexes().get(table)
        return (() if held is None else held.places) == places

    def want(self, table: str, places: tuple[Place, ...], *, is_empty: bool) -> None:
        """Have one index of a table's texts, over these places; none where there are none.

        Args:
            table: the table's name.
            places: where the texts stand.
            is_empty: whether the table has no records, so that the index has all of them.
        """
        if self.has(table, places):
            return
        if table in self._indexes():
            self._connection.execute(f"DROP TABLE {index_name(table)}")
            self._connection.execute("DELETE FROM searched WHERE name = ?", (table,))
        if places:
            self._make(table)
            self._connection.execute(
                "INSERT INTO searched (name, places, rule, filled) VALUES (?, ?, ?, ?)",
                (table, places_text(places), RULE, None if is_empty else 0),
            )
        self._known = None
        self._changed(table)

    def put(self, table: str, pk: int, data: str) -> None:
        """Take over the texts of a record that is about to be put."""
        index = self._indexes().get(table)
        if index is None or not _has(index, pk):
            return
        new = _words(index, data)
        before = self._before(table, pk)
        if before is not None:
            old = _words(index, before)
            if old == new:
                return
            self._take_out(table, pk, old)
        self._put_in(table, pk, new)

    def remove(self, table: str, pk: int) -> None:
        """Take out the texts of a record that is about to be deleted."""
        index = self._indexes().get(table)
        if index is not None and _has(index, pk) and (held := self._before(table, pk)) is not None:
            self._take_out(table, pk, _words(index, held))

    def fill_on(self, table: str, records: int) -> None:
        """Take over the texts of some more records that are there.

        Args:
            table: the table's name.
            records: how many at most.
        """
        index = self._indexes()[table]
        if index.filled is None:
            return
        rows: list[tuple[int, str]] = self._connection.execute(
            f"SELECT pk, data FROM {table_name(table)} WHERE pk > ? ORDER BY pk LIMIT ?",
            (index.filled, records),
        ).fetchall()
        self._connection.executemany(
            _inserting(table), ((pk, _words(index, data)) for pk, data in rows)
        )
        index.filled = rows[-1][0] if len(rows) == records else None
        self._connection.execute(
            "UPDATE searched SET filled = ? WHERE name = ?", (index.filled, table)
        )
        if index.filled is None:
            self._changed(table)

    def begin_anew(self) -> None:
        """Have no record in any index: there are none, or they come in another way than by
        :meth:`put`.
        """
        for table in self._indexes():
            self._connection.execute(f"DROP TABLE {index_name(table)}")
            self._make(table)
            self._changed(table)
        self._connection.execute("UPDATE searched SET filled = 0, rule = ?", (RULE,))
        self._known = None

    def forget(self) -> None:
        """Forget what was read: the transaction, or a part of it, has been rolled back."""
        self._known = None

    def go_on(self, *, was_closed: bool) -> None:
        """Go on with the indexes of a file that was kept: as they are, where it was closed and they
        are cut by the same rule; else they are made anew.

        Raises:
            Altered: they are not as they were written, or cannot be read here.
        """
        rows = self._connection.execute("SELECT name, rule, seal FROM searched").fetchall()
        if not rows:
            return
        if not has_fts5():
            raise Altered("it has indexes of texts, which this SQLite cannot read")
        if not was_closed or any(rule != RULE for _, rule, _ in rows):
            self.begin_anew()
        elif any(_sum(self._connection, table) != seal for table, _, seal in rows):
            raise Altered("an index of texts is not what was written")
        self._connection.execute("UPDATE searched SET seal = NULL")

    def _indexes(self) -> Mapping[str, _Index]:
        if self._known is None:
            rows = self._connection.execute("SELECT name, places, filled FROM searched")
            self._known = {name: _Index(places_of(text), filled) for name, text, filled in rows}
        return self._known

    def _before(self, table: str, pk: int) -> str | None:
        row = self._connection.execute(
            f"SELECT data FROM {table_name(table)} WHERE pk = ?", (pk,)
        ).fetchone()
        return row[0] if row else None

    def _make(self, table: str) -> None:
        # The tokenizer folds no more than has been folded, and takes what is not ASCII for letters.
        self._connection.execute(
            f"CREATE VIRTUAL TABLE {index_name(table)} "
            f"USING fts5(words, content = '', tokenize = 'ascii')"
        )

    def _put_in(self, table: str, pk: int, words: str) -> None:
        self._connection.execute(_inserting(table), (pk, words))

    def _take_out(self, table: str, pk: int, words: str) -> None:
        name = index_name(table)
        self._connection.execute(
            f"INSERT INTO {name} ({name}, rowid, words) VALUES ('delete', ?, ?)", (pk, words)
        )


def seal(connection: sqlite3.Connection) -> None:
    """Have a file that is about to be closed say what its indexes hold."""
    for (table,) in connection.execute("SELECT name FROM searched").fetchall():
        connection.execute(
            "UPDATE searched SET seal = ? WHERE name = ?", (_sum(connection, table), table)
        )


def _sum(connection: sqlite3.Connection, table: str) -> int:
    """Return the checksum of all that FTS5 holds of an index: 0.4 s for a million short texts."""
    found = 0
    for own, columns in _OWN_TABLES.items():
        name = f'{index_name(table)[:-1]}_{own}"'
        for (value,) in connection.execute(f"SELECT {columns} FROM {name}"):
            found = zlib.crc32(value if isinstance(value, bytes) else str(value).encode(), found)
    return found


def _has(index: _Index, pk: int) -> bool:
    """Return whether an index has the record under a primary key, if there is one."""
    return index.filled is None or pk <= index.filled


def _words(index: _Index, data: str) -> str:
    return " ".join(words_of(texts_in(json.loads(data), index.places)))


@cache
def _inserting(table: str) -> str:
    return f"INSERT INTO {index_name(table)} (rowid, words) VALUES (?, ?)"
