"""The replica: the state at the head of the log, in SQLite, for everybody in this process to read.

One SQL table holds one discobase table: ``pk``, ``seq`` (the commit that last wrote the record) and
``data`` (its JSON text), and beside them one column for each field that is looked up, holding the
field's key (:mod:`discobase.engine.keys`). Keys compare as the field's own type does, so an index
on the column serves equality and order; a unique field has a unique one. Plain columns, filled by
us, work with every SQLite there is and cost a reader nothing.

There is one writing connection, used by one step at a time (:meth:`Server.work
<discobase.engine.server.Server.work>`). Readers take connections of their own from a pool, on
whichever thread they run: in WAL mode they see the last finished commit and wait for nobody.

A proposed commit is applied inside an open transaction and stays there, unseen, until the log has
decided: it is then settled together with the new head, or withdrawn as if it had never been. So a
commit is seen whole or not at all (invariant I5), the state depends on the frames alone (invariant
I3), and what is proposed was valid on the state at the head (invariant I2).
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import tempfile
import weakref
from collections import deque
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from discobase.engine.frame import GENESIS
from discobase.engine.keys import JSON, NULL, Kind, key
from discobase.engine.layout import LAYOUT, column_name, index_name, table_name
from discobase.engine.log import Commit, Entry
from discobase.engine.operations import (
    Change,
    Declare,
    Delete,
    Insert,
    Operation,
    Placed,
    Put,
    Remove,
    Replace,
    Schema,
)
from discobase.errors import (
    ConflictError,
    ConnectError,
    DiscobaseError,
    Disconnected,
    LogDamaged,
    RecordNotFound,
    UniqueViolation,
)

Row = tuple[int, int, str]
"""A record as it is held: primary key, seq, data."""

_LARGEST_PK = 2**63 - 1


@dataclass(frozen=True, slots=True)
class KeyedField:
    """A field that has a key column: the kind of its key, and whether it is unique."""

    kind: Kind
    unique: bool


@dataclass(slots=True)
class Layout:
    """How the writer sees a table: the statement that puts a record, the key columns, the next
    primary key, and the schemas that were found to be met.
    """

    put: str
    keyed: dict[str, KeyedField]
    next: int
    met: set[str] = field(default_factory=set[str])


@dataclass(frozen=True, slots=True)
class Head:
    """The last position the state includes, and the hash of the last frame applied."""

    seq: int
    chain: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one request: where its changes are placed, or the error that kept them out."""

    placed: Placed | None = None
    error: DiscobaseError | None = None


@dataclass(slots=True)
class Proposal:
    """The requests that hold at the head, applied but not yet settled."""

    seq: int
    chain: str
    operations: list[Operation] = field(default_factory=list[Operation])
    verdicts: list[Verdict] = field(default_factory=list[Verdict])


class _LayoutChanged(Exception):
    """A key column that was there when the query was written is gone."""


class Replica:
    """The materialised state of one database, in a temporary folder that lasts as long as it does.

    Args:
        lanes: how many lanes the log has.

    Raises:
        ConnectError: there is no room for the folder.
    """

    def __init__(self, lanes: int) -> None:
        self._lanes = lanes
        folder = _folder()
        self._remove_folder = weakref.finalize(self, _remove, folder, os.getpid())
        self._path = Path(folder) / "replica.sqlite"
        self._idle: deque[sqlite3.Connection] = deque()
        self._closed = False
        self._writer = self._connect()
        self._writer.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;" + LAYOUT)
        self._writer.execute("INSERT INTO state VALUES (1, 0, ?)", (GENESIS,))
        self._layouts: dict[str, Layout] = {}
        self.head = Head(0, GENESIS)
        self.keyed: Mapping[str, Mapping[str, KeyedField]] = MappingProxyType({})

    def _connect(self) -> sqlite3.Connection:
        # Connections are handed from thread to thread, never used by two at a time; transactions
        # are opened by hand.
        return sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)

    # Reading: any thread

    def get(self, table: str, pk: int) -> Row | None:
        """The record under a primary key, or None. Never waits."""
        if not 0 < pk <= _LARGEST_PK:
            return None
        rows = self._read(
            table, f"SELECT pk, seq, data FROM {table_name(table)} WHERE pk = ?", (pk,)
        )
        return rows[0] if rows else None

    def select(self, table: str, keys: Mapping[str, tuple[Kind, str]]) -> list[Row]:
        """The records whose fields may have these keys, in the order of their primary keys. Never
        waits.

        May return too many: fields without a usable key column narrow nothing down, and a record
        that lacks a field is always included, for the field may have a default that fits. The
        caller compares values.

        Args:
            table: the table's name.
            keys: for each field the kind of its key, and the key.
        """
        columns = self.keyed.get(table, {})
        conditions: list[str] = []
        arguments: list[str] = []
        for name, (kind, text) in keys.items():
            if name in columns and columns[name].kind == kind:
                # Qualified: SQLite takes the bare name of a column that is not there for a string.
                column = f"{table_name(table)}.{column_name(name)}"
                # Null has a key of its own in each record of a unique field: see _key.
                of_each = columns[name].unique and text == NULL
                match = f"BETWEEN '{NULL}' AND '{NULL}~'" if of_each else "= ?"
                conditions.append(f"({column} {match} OR {column} IS NULL)")
                arguments += [] if of_each else [text]
        rows = f"SELECT pk, seq, data FROM {table_name(table)}"
        if conditions:
            with contextlib.suppress(_LayoutChanged):
                where = f" WHERE {' AND '.join(conditions)} ORDER BY pk"
                return self._read(table, rows + where, arguments)
        return self._read(table, f"{rows} ORDER BY pk", ())

    def count(self, table: str) -> int:
        """The number of records of a table. Never waits."""
        rows = self._read(table, f"SELECT count(*) FROM {table_name(table)}", ())
        return int(rows[0][0]) if rows else 0

    def _read(self, table: str, sql: str, arguments: Sequence[object]) -> list[Row]:
        with self._reader() as reader:
            try:
                return reader.execute(sql, arguments).fetchall()
            except sqlite3.OperationalError as error:
                if not _exists(reader, table):
                    return []
                if "no such column" in str(error):
                    raise _LayoutChanged from error
                # It was not there a moment ago.
                return reader.execute(sql, arguments).fetchall()

    @contextlib.contextmanager
    def _reader(self) -> Generator[sqlite3.Connection]:
        try:
            reader = self._idle_reader() or self._connect()
            try:
                yield reader
            finally:
                self._idle.append(reader)
        except sqlite3.OperationalError as error:
            if self._closed:
                raise Disconnected("the database was closed before it was read.") from error
            raise
        finally:
            if self._closed:
                self._close_readers()

    def _idle_reader(self) -> sqlite3.Connection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _close_readers(self) -> None:
        while reader := self._idle_reader():
            reader.close()

    # Writing: one step at a time, on the engine's worker

    def apply(self, commits: Iterable[Commit | Entry]) -> None:
        """Apply frames that follow the head, in order. A bare entry is a void frame: its position
        passes, nothing else changes.
        """
        with self._transaction():
            self._follow(commits)

    def replay(self, commits: Iterable[Commit | Entry]) -> None:
        """Forget everything, and apply the log from its first frame. Readers see the old state
        until it is done.
        """
        with self._transaction():
            self._forget()
            self._follow(commits)

    def _follow(self, commits: Iterable[Commit | Entry]) -> None:
        for commit in commits:
            if isinstance(commit, Commit):
                self._apply(commit)
                self._advance(commit.entry, applied=True)
            else:
                self._advance(commit, applied=False)

    def _forget(self) -> None:
        self._layouts.clear()
        for (name,) in self._writer.execute("SELECT name FROM tables").fetchall():
            self._writer.execute(f"DROP TABLE {table_name(name)}")
        for table in ("frame", "tables", "declared", "keyed"):
            self._writer.execute(f"DELETE FROM {table}")
        self._writer.execute("UPDATE state SET head = 0, chain = ?", (GENESIS,))

    def propose(self, requests: Iterable[Sequence[Change]]) -> Proposal:
        """Apply the requests that hold on the state at the head, each after those before it, and
        leave the transaction open.

        A request holds or fails as a whole, for itself alone. :meth:`settle` or :meth:`withdraw`
        has to follow.
        """
        self._writer.execute("BEGIN IMMEDIATE")
        head = self._read_head()
        proposal = Proposal(seq=head.seq + 1, chain=head.chain)
        try:
            for changes in requests:
                proposal.verdicts.append(self._try(changes, proposal))
        except BaseException:
            self.withdraw()
            raise
        return proposal

    def settle(self, entry: Entry) -> None:
        """The proposal stands in the log, as this entry: make it the state."""
        self._advance(entry, applied=True)
        self._writer.execute("COMMIT")
        self._publish()

    def withdraw(self) -> None:
        """The proposal came to nothing: forget it."""
        self._layouts.clear()
        # After some errors, such as a full disk, SQLite has rolled back by itself.
        if self._writer.in_transaction:
            self._writer.execute("ROLLBACK")

    def index(self, table: str, name: str, kind: Kind) -> None:
        """Give a field a key column with an index, if it has none: from then on, equality on it is
        a look-up.
        """
        with self._transaction():
            if _exists(self._writer, table) and name not in self._layout(table).keyed:
                self._add_key(table, name, KeyedField(kind, unique=False))

    def below(self, seq: int) -> int:
        """A message id below which the message of a position is not: from there on its lane has to
        be read.

        The message before it in the lane would do, if it were known to be the first at its own
        position. One that came second may be younger than what is looked for, but not all that came
        since: hence the lowest of these.
        """
        (message,) = self._writer.execute(
            "SELECT min(message) FROM frame WHERE seq >= ? AND seq < ?", (seq - self._lanes, seq)
        ).fetchone()
        return message if message is not None and seq > self._lanes else 0

    def message_at(self, seq: int) -> int:
        """The message id of an applied position, 0 where there is none."""
        row = self._writer.execute("SELECT message FROM frame WHERE seq = ?", (seq,)).fetchone()
        return int(row[0]) if row else 0

    def changes_history(self, entry: Entry) -> bool:
        """Whether an entry at a position that is already applied would have been taken instead of
        the one that was.
        """
        row = self._writer.execute(
            "SELECT message, prev, applied FROM frame WHERE seq = ?", (entry.header.seq,)
        ).fetchone()
        if row is None or row[0] == entry.message.id:
            return False
        message, prev, applied = row
        fits = entry.header.prev == prev
        return fits and (not applied or entry.message.id < message)

    def close(self) -> None:
        """Close every connection and remove the file. A reader still at work finishes first."""
        self._closed = True
        self._writer.close()
        self._close_readers()
        self._remove_folder()

    # The transaction and the head

    @contextlib.contextmanager
    def _transaction(self) -> Generator[None]:
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.withdraw()
            raise
        self._writer.execute("COMMIT")
        self._publish()

    def _publish(self) -> None:
        """Let readers and the engine see what has just become the state."""
        self.head = self._read_head()
        keyed: dict[str, dict[str, KeyedField]] = {}
        for name, column, kind, unique in self._writer.execute(
            "SELECT name, field, kind, is_unique FROM keyed"
        ):
            keyed.setdefault(name, {})[column] = KeyedField(kind, bool(unique))
        self.keyed = keyed

    def _read_head(self) -> Head:
        seq, chain = self._writer.execute("SELECT head, chain FROM state").fetchone()
        return Head(seq, chain)

    def _advance(self, entry: Entry, *, applied: bool) -> None:
        seq, message = entry.header.seq, entry.message.id
        head = self._read_head()
        if seq != head.seq + 1:
            raise AssertionError(f"position {seq} does not follow the head {head.seq}")
        execute = self._writer.execute
        execute("INSERT INTO frame VALUES (?, ?, ?, ?)", (seq, message, head.chain, applied))
        execute(
            "UPDATE state SET head = ?, chain = ?",
            (seq, entry.header.digest if applied else head.chain),
        )

    # Requests, checked on the state at the head

    def _try(self, changes: Sequence[Change], proposal: Proposal) -> Verdict:
        self._writer.execute("SAVEPOINT request")
        try:
            placed = Placed(proposal.seq)
            operations: list[Operation] = []
            for change in changes:
                operation = self._check(change)
                if operation is not None:
                    self._apply_one(operation, proposal.seq)
                    operations.append(operation)
                placed.pks.append(operation.pk if isinstance(operation, Put | Delete) else 0)
        except DiscobaseError as error:
            self._layouts.clear()
            self._writer.execute("ROLLBACK TO request")
            return Verdict(error=error)
        finally:
            if self._writer.in_transaction:
                self._writer.execute("RELEASE request")
        proposal.operations += operations
        if not operations:
            placed.seq = proposal.seq - 1
        return Verdict(placed=placed)

    def _check(self, change: Change) -> Operation | None:
        """The operation that a change comes to at this state; None where there is nothing to do."""
        match change:
            case Declare(table=table, schema=schema):
                return self._news(table, schema)
            case Insert(table=table, data=data):
                return Put(table, self._layout(table).next, data)
            case Replace(table=table, pk=pk, data=data, version=version):
                self._require(table, pk, version)
                return Put(table, pk, data)
            case Remove(table=table, pk=pk, version=version):
                self._require(table, pk, version)
                return Delete(table, pk)

    def _require(self, table: str, pk: int, version: int | None) -> None:
        self._layout(table)
        row = self._writer.execute(
            f"SELECT seq FROM {table_name(table)} WHERE pk = ?",
            (pk if abs(pk) <= _LARGEST_PK else 0,),
        ).fetchone()
        if row is None:
            raise RecordNotFound(f"record {pk} of {table!r} has been deleted; nothing was written.")
        if version is not None and row[0] != version:
            raise ConflictError(table, pk, expected=version, found=row[0])

    # Operations, applied without deciding anything

    def _apply(self, commit: Commit) -> None:
        for operation in commit.operations:
            try:
                self._apply_one(operation, commit.entry.header.seq)
            except UniqueViolation as error:
                raise LogDamaged(
                    f"the log holds a commit that cannot be: {error}",
                    position=commit.entry.header.seq,
                    channel=commit.entry.message.channel,
                    message=commit.entry.message.id,
                ) from error

    def _apply_one(self, operation: Operation, seq: int) -> None:
        match operation:
            case Put(table=table, pk=pk, data=data):
                self._put(table, pk, seq, data)
            case Delete(table=table, pk=pk):
                self._layout(table)
                self._writer.execute(f"DELETE FROM {table_name(table)} WHERE pk = ?", (pk,))
            case Declare(table=table, schema=schema):
                self._declare(table, schema)

    def _put(self, table: str, pk: int, seq: int, data: str) -> None:
        layout = self._layout(table)
        keys = _keys(pk, data, layout.keyed)
        try:
            self._writer.execute(layout.put, (pk, seq, data, *keys.values()))
        except sqlite3.IntegrityError as error:
            raise self._violation(table, pk, data, keys) from error
        if pk >= layout.next:
            layout.next = pk + 1
            self._writer.execute("UPDATE tables SET next = ? WHERE name = ?", (pk + 1, table))

    def _violation(
        self, table: str, pk: int, data: str, keys: Mapping[str, str | None]
    ) -> UniqueViolation:
        for name, column in self._layout(table).keyed.items():
            held = self._writer.execute(
                f"SELECT pk FROM {table_name(table)} WHERE {column_name(name)} = ? AND pk <> ?",
                (keys[name], pk),
            ).fetchone()
            if held and column.unique:
                return UniqueViolation(table, name, json.loads(data)[name], held[0])
        raise AssertionError(f"{table!r} refused record {pk}, and no unique field says why")

    def _declare(self, table: str, text: str) -> None:
        schema = Schema.from_json(text)
        for name, column in list(self._layout(table).keyed.items()):
            if name in schema.unique or column.unique or schema.kinds.get(name) != column.kind:
                self._drop_key(table, name)
        for name in dict.fromkeys((*schema.unique, *schema.indexed)):
            if name not in self._layout(table).keyed:
                self._add_key(
                    table, name, KeyedField(schema.kinds[name], unique=name in schema.unique)
                )
        self._writer.execute("UPDATE tables SET schema = ? WHERE name = ?", (text, table))
        self._writer.execute("INSERT OR IGNORE INTO declared VALUES (?, ?)", (table, text))

    def _news(self, table: str, text: str) -> Declare | None:
        """What has to be declared for a writer whose classes have this schema.

        A schema takes effect when it is first seen, and an older one does not come back: programs
        of two versions may write side by side, and a newer one may have dropped a mark. But no
        writer is let down that counts on a unique field: where the table lacks it, it is declared
        again, beside what the others ask for.
        """
        layout = self._layout(table)
        if text in layout.met:
            return None
        if not self._was_declared(table, text):
            return Declare(table, text)
        wanted = Schema.from_json(text)
        if all(name in layout.keyed and layout.keyed[name].unique for name in wanted.unique):
            layout.met.add(text)
            return None
        (current,) = self._writer.execute(
            "SELECT schema FROM tables WHERE name = ?", (table,)
        ).fetchone()
        return Declare(table, Schema.from_json(current).joined(wanted).to_json())

    def _was_declared(self, table: str, schema: str) -> bool:
        found = self._writer.execute(
            "SELECT 1 FROM declared WHERE name = ? AND schema = ?", (table, schema)
        )
        return found.fetchone() is not None

    # The SQL tables

    def _layout(self, table: str) -> Layout:
        """How a table is laid out in SQL, which is made if it is not there."""
        if found := self._layouts.get(table):
            return found
        execute = self._writer.execute
        if not _exists(self._writer, table):
            execute("INSERT INTO tables VALUES (?, 1, NULL)", (table,))
            execute(
                f"CREATE TABLE {table_name(table)} "
                f"(pk INTEGER PRIMARY KEY, seq INTEGER NOT NULL, data TEXT NOT NULL)"
            )
        keyed = {
            name: KeyedField(kind, bool(unique))
            for name, kind, unique in execute(
                "SELECT field, kind, is_unique FROM keyed WHERE name = ? ORDER BY field", (table,)
            )
        }
        (following,) = execute("SELECT next FROM tables WHERE name = ?", (table,)).fetchone()
        layout = self._layouts[table] = Layout(_put_statement(table, keyed), keyed, following)
        return layout

    def _add_key(self, table: str, name: str, column: KeyedField) -> None:
        execute = self._writer.execute
        present = {f'"{row[1]}"' for row in execute(f"PRAGMA table_info({table_name(table)})")}
        if column_name(name) not in present:
            execute(f"ALTER TABLE {table_name(table)} ADD COLUMN {column_name(name)} TEXT")
        for pk, data in execute(f"SELECT pk, data FROM {table_name(table)}").fetchall():
            found = _keys(pk, data, {name: column})[name]
            execute(
                f"UPDATE {table_name(table)} SET {column_name(name)} = ? WHERE pk = ?", (found, pk)
            )
        if column.unique:
            self._refuse_duplicates(table, name)
        kind = "UNIQUE INDEX" if column.unique else "INDEX"
        execute(
            f"CREATE {kind} {index_name(table, name)} ON {table_name(table)} ({column_name(name)})"
        )
        execute("INSERT INTO keyed VALUES (?, ?, ?, ?)", (table, name, column.kind, column.unique))
        self._layouts.pop(table, None)

    def _refuse_duplicates(self, table: str, name: str) -> None:
        column = column_name(name)
        twice = self._writer.execute(
            f"SELECT min(pk), max(data) FROM {table_name(table)} WHERE {column} IS NOT NULL "
            f"GROUP BY {column} HAVING count(*) > 1"
        ).fetchone()
        if twice:
            raise UniqueViolation(table, name, json.loads(twice[1])[name], twice[0])

    def _drop_key(self, table: str, name: str) -> None:
        # The column stays, out of use: SQLite can drop columns only since 3.35, and a replica does
        # not live long.
        self._writer.execute(f"DROP INDEX {index_name(table, name)}")
        self._writer.execute("DELETE FROM keyed WHERE name = ? AND field = ?", (table, name))
        self._layouts.pop(table, None)


def _remove(folder: str, owner: int) -> None:
    """Remove a replica's folder: at its close, when it is collected unclosed, or at exit; never in
    a forked child, for it is the parent's.
    """
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)


def _put_statement(table: str, keyed: Mapping[str, KeyedField]) -> str:
    # Only the primary key may be in the way: a row in the way of a unique key is a violation, not
    # to be replaced.
    columns = [column_name(name) for name in keyed]
    names = "".join(f", {column}" for column in columns)
    updates = "".join(f", {column} = excluded.{column}" for column in columns)
    return (
        f"INSERT INTO {table_name(table)} (pk, seq, data{names}) "
        f"VALUES (?, ?, ?{', ?' * len(columns)}) "
        f"ON CONFLICT (pk) DO UPDATE SET seq = excluded.seq, data = excluded.data{updates}"
    )


def _keys(pk: int, data: str, columns: Mapping[str, KeyedField]) -> dict[str, str | None]:
    """The keys of a record's fields; None where the record lacks the field."""
    if not columns:
        return {}
    record = json.loads(data)
    return {
        name: _key(pk, column, record[name]) if name in record else None
        for name, column in columns.items()
    }


def _key(pk: int, column: KeyedField, value: JSON) -> str | None:
    """The key of a value. Any number of records may have null in a unique field, so there the key
    of each is its own; no other key begins like it (:func:`discobase.engine.keys.key`).
    """
    if column.unique and value is None:
        return f"{NULL}{pk}"
    return key(column.kind, value)


def _folder() -> str:
    try:
        return tempfile.mkdtemp(prefix="discobase-")
    except OSError as error:
        raise ConnectError(
            f"the database's records need a temporary folder, and none can be made: {error}. Set "
            f"TMPDIR to a folder that is writable."
        ) from error


def _exists(connection: sqlite3.Connection, table: str) -> bool:
    return (
        connection.execute("SELECT 1 FROM tables WHERE name = ?", (table,)).fetchone() is not None
    )
