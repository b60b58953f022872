"""The whole state at a position as canonical lines: written out of a read transaction, and read
into a replica.

Lines of ASCII-only JSON, the same bytes in every process that has applied the same frames:

- the state's format, position and chain;
- each table by name: its next primary key, its schemas by number, its unique key columns, the keys
  that the log says, its records by primary key, and the keys in unique columns that are not what
  would be made of the stored record again (a record that another class has put keeps the key it
  had);
- which changes of recent requests the log has;
- what recent writers are called, and which version they have to have;
- the bytes of the log up to there;
- the recent positions. Which message is a void one's depends on what a reader has seen: so they
  stand apart, and no hash of the state includes them.

Other key columns are not the log's: whoever reads the lines makes them again from the schemas. A
record whose key was kept is a candidate then, which searches have to expect in any case.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from functools import partial
from hashlib import sha256
from itertools import groupby
from typing import Any

from discobase.engine.operations import LARGEST_PK, Introduce, LaterFormat, Require, Schema
from discobase.engine.replica.columns import KeyColumn, table_name
from discobase.engine.replica.contents import Contents
from discobase.engine.replica.file import ReplicaFile
from discobase.engine.replica.layout import Layouts
from discobase.engine.replica.positions import RECENT, Head, Position, PositionTable
from discobase.engine.replica.requests import RequestTable
from discobase.engine.replica.volume import VolumeTable
from discobase.engine.replica.writers import WriterTable

FORMAT = 1

_RECORDS = 4096
"""Records that are written in one step of SQLite, at the most: some milliseconds."""

_BYTES = 1 << 20
"""Bytes in such a step, about: a guess. Larger records come in fewer."""

_INSERTED = 10_000
"""Records that are read in one step: a guess."""

_POSITION = b'["position",'
"""What the lines begin with that no hash includes."""

_IMPOSSIBLE = (LookupError, TypeError, ValueError, RecursionError, StopIteration)
"""What reading a line raises that no snapshot wrote. What SQLite refuses is one, too."""


class NotTheState(Exception):
    """What was given as a state is none, or not the one that was asked for."""


class Snapshot:
    """The state at one moment, on a connection of its own: nobody waits for whoever reads it, and
    what is committed meanwhile is not in it. Used by one thread at a time.

    Args:
        file: the replica's.

    Attributes:
        head: the position.
        hash: of the state, in hexadecimal, once :meth:`lines` has come to its end.
        records: how many, likewise.
        size: the bytes of all lines, likewise.
    """

    def __init__(self, file: ReplicaFile) -> None:
        self._file = file
        # Who reads what is in memory holds up commits, for as long as that takes: a copy does not.
        self._connection = file.connect() if file.concurrent else file.look_into(_to_copy)
        try:
            self._connection.execute("BEGIN")
            # The snapshot is that of the first read.
            row = self._connection.execute("SELECT head, chain FROM state").fetchone()
        except BaseException:
            self.close()
            raise
        self.head: Head = Head(*row)
        self.hash: str = ""
        self.records: int = 0
        self.size: int = 0

    def lines(self) -> Iterator[bytes]:
        """Yield the lines, a number of whole ones at a time."""
        digest = sha256()
        for chunk in self._state():
            digest.update(chunk)
            self.size += len(chunk)
            yield chunk
        for chunk in self._positions():
            self.size += len(chunk)
            yield chunk
        self.hash = digest.hexdigest()

    def frames(self) -> Iterator[tuple[int, int, str, bool, str]]:
        """Yield every position that is remembered, in order: its number, the message that was
        taken, what a frame there had to continue, whether it was applied, and its writer.
        """
        for seq, message, chain, applied, writer in self._frames(after=0):
            yield seq, message, chain, bool(applied), writer

    def _frames(self, after: int) -> Iterator[tuple[int, int, str, int, str]]:
        return self._connection.execute(
            "SELECT seq, message, chain, applied, writer FROM frame WHERE seq > ? ORDER BY seq",
            (after,),
        )

    def lane_ends(self, lanes: int, floor: int = 0) -> tuple[int, ...]:
        """Return the newest message that has passed in each of so many lanes, 0 where none has.

        Args:
            lanes: how many there are.
            floor: the last position that is in none of them.
        """
        held: dict[int, int] = dict(
            self._connection.execute(
                "SELECT seq, message FROM frame WHERE seq > ?",
                (max(floor, self.head.seq - lanes),),
            )
        )
        by_lane = {seq % lanes: message for seq, message in held.items()}
        return tuple(by_lane.get(lane, 0) for lane in range(lanes))

    def contents(self) -> Contents:
        """Return what the tables hold at that moment."""
        return Contents(self._connection, with_sums=self._file.is_kept)

    def close(self) -> None:
        """Let the moment go."""
        self._file.disconnect(self._connection)

    def _state(self) -> Iterator[bytes]:
        yield _line("state", FORMAT, self.head.seq, self.head.chain)
        tables = self._connection.execute("SELECT name, next FROM tables ORDER BY name")
        layouts = Layouts(self._connection)
        for name, following in tables.fetchall():
            yield _line("table", name, following)
            yield from self._declared(name)
            yield from self._records(name)
            yield from self._kept_keys(name, layouts)
        yield from self._requests()
        yield from self._writers()
        yield _line("volume", VolumeTable(self._connection).read())

    def _declared(self, table: str) -> Iterator[bytes]:
        execute = self._connection.execute
        for number, seen, text in execute(
            "SELECT number, seen, schema FROM schemas WHERE name = ? ORDER BY number", (table,)
        ):
            yield f'["schema",{number},{seen},{text}]\n'.encode("ascii")
        for row in execute(
            "SELECT field, fingerprint, kind, missing FROM keyed WHERE name = ? AND is_unique "
            "ORDER BY field, fingerprint",
            (table,),
        ):
            yield _line("unique", *row)
        said = execute(
            "SELECT field, fingerprint, pk, key FROM said WHERE name = ? "
            "ORDER BY field, fingerprint, pk",
            (table,),
        )
        while rows := said.fetchmany(_RECORDS):
            yield b"".join(_line("said", *row) for row in rows)

    def _records(self, table: str) -> Iterator[bytes]:
        after, limit = 0, _RECORDS
        while True:
            try:
                text, last, count = self._slice(table, after, limit)
            except sqlite3.DataError:  # longer than a text of SQLite's may be
                if limit == 1:
                    raise
                limit = 1
                continue
            if not count:
                return
            self.records += count
            after = last
            yield f"{text}\n".encode("ascii")
            limit = min(_RECORDS, max(1, 2 * count * _BYTES // max(len(text), _BYTES)))

    def _slice(self, table: str, after: int, limit: int) -> tuple[str, int, int]:
        """Have SQLite write some records: it lets other threads run meanwhile."""
        found: tuple[str, int, int] = self._connection.execute(
            f"SELECT group_concat('[' || pk || ',' || seq || ',' || schema || ',' || data || ']', "
            f"char(10)), max(pk), count(*) FROM (SELECT pk, seq, schema, data "
            f"FROM {table_name(table)} WHERE pk > ? ORDER BY pk LIMIT ?)",
            (after, limit),
        ).fetchone()
        return found

    def _kept_keys(self, table: str, layouts: Layouts) -> Iterator[bytes]:
        unique = (column for column in layouts.of(table).columns.values() if column.unique)
        for column in sorted(unique, key=lambda column: column.identity):
            for pk, key in layouts.kept_keys(table, column):
                yield _line("kept", *column.identity, pk, key)

    def _requests(self) -> Iterator[bytes]:
        rows = RequestTable(self._connection).runs()
        for _, group in groupby(enumerate(rows), lambda each: each[0] // _RECORDS):
            yield b"".join(_line("request", *row) for _, row in group)

    def _writers(self) -> Iterator[bytes]:
        table = WriterTable(self._connection)
        yield b"".join(_line("writer", *row) for row in table.rows())
        if (minimum := table.read().minimum) is not None:
            yield _line("minimum", minimum)

    def _positions(self) -> Iterator[bytes]:
        recent = self._frames(after=self.head.seq - RECENT)
        yield b"".join(_line("position", *row) for row in recent)


_to_copy = partial(sqlite3.connect, uri=True, check_same_thread=False, isolation_level=None)


def _line(*fields: Any) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode("ascii") + b"\n"


class Restoring:
    """Reads the lines of a snapshot into a replica whose tables are empty, in a transaction of the
    caller's, who rolls it back where this raises.

    Args:
        connection: the writing one.
        layouts: how the tables are laid out.
        positions: which positions have been applied.
        writers: what is known of those who write.
        volume: the bytes of the log.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        layouts: Layouts,
        positions: PositionTable,
        writers: WriterTable,
        volume: VolumeTable,
    ) -> None:
        self._connection = connection
        self._layouts = layouts
        self._position_table = positions
        self._writers = writers
        self._volume = volume
        self._head: Head | None = None
        self._table: _Table | None = None
        self._positions: list[tuple[int, Position, str]] = []

    def read(self, chunks: Iterable[bytes], head: Head, state: str) -> None:
        """Read all lines.

        Args:
            chunks: the bytes, cut anywhere.
            head: the position and chain that they have to be of.
            state: the hash that the state has to have.

        Raises:
            NotTheState: they are no state, or another one.
            LaterFormat: they are of a format that this version does not know.
        """
        digest = sha256()
        try:
            for line in _cut(chunks):
                self._read(line)
                if not self._positions:
                    digest.update(line)
            self._end_table()
            self._end(head)
        except LaterFormat:
            raise
        except (*_IMPOSSIBLE, sqlite3.IntegrityError) as error:
            raise NotTheState(f"it holds a line that cannot be: {error}") from error
        if digest.hexdigest() != state:
            raise NotTheState("it does not have the hash that was said of it")

    def _read(self, line: bytes) -> None:
        if line[1:2].isdigit():
            self._current.add(line)
            return
        fields = json.loads(line)
        match fields:
            case ["state", int(number), int(seq), str(chain)] if self._head is None:
                if number != FORMAT:
                    raise LaterFormat(f"a state of format {number}")
                self._head = Head(seq, chain)
            case ["table", str(name), int(following)] if self._head is not None:
                self._end_table()
                self._layouts.restore(name, following)
                self._table = _Table(self._connection, self._layouts, name)
            case ["request", *row]:
                self._end_table()
                self._connection.execute("INSERT INTO request VALUES (?, ?, ?, ?, ?, ?)", row)
            case ["writer", str(writer), str(label), int(seq)]:
                self._end_table()
                self._writers.introduce(Introduce(writer, label), seq)
            case ["minimum", str(version)]:
                self._end_table()
                self._writers.require(Require(version))
            case ["volume", int(size)]:
                self._end_table()
                self._volume.add(size)
            case ["position", int(seq), int(message), str(chain), int(applied), str(writer)]:
                self._end_table()
                self._positions.append((seq, Position(message, chain, bool(applied)), writer))
            case _:
                self._current.read(fields, line)

    @property
    def _current(self) -> _Table:
        if self._table is None:
            raise ValueError("it stands in no table")
        return self._table

    def _end_table(self) -> None:
        if self._table is not None:
            self._table.end()
        self._table = None

    def _end(self, head: Head) -> None:
        if self._head != head:
            raise ValueError(f"the state is one at {self._head}, not at {head}")
        self._position_table.restore_from(head, self._positions)


class _Table:
    """One table that is being read."""

    def __init__(self, connection: sqlite3.Connection, layouts: Layouts, name: str) -> None:
        self._connection = connection
        self._layouts = layouts
        self._name = name
        self._said: dict[tuple[str, str], dict[int, str]] = {}
        self._columns: list[KeyColumn] | None = None
        self._own: dict[str, list[KeyColumn | None]] = {}
        self._rows: list[tuple[str | None, ...]] = []
        self._insert = ""
        self._is_filled = False
        self._unique: list[KeyColumn] = []

    def read(self, fields: Any, line: bytes) -> None:
        """Read a line that says something of the table.

        Raises:
            ValueError: it does not.
        """
        match fields:
            case ["schema", int(number), int(seen), _]:
                text = line.decode("ascii").split(",", 3)[3][:-2]
                Schema.from_json(text)
                self._layouts.restore_schema(self._name, number, text, seen)
            case ["unique", name, fingerprint, kind, missing]:
                column = KeyColumn(name, fingerprint, kind, missing, unique=True)
                self._unique.append(column)
            case ["said", str(name), str(fingerprint), int(pk), str(key)]:
                self._say(name, fingerprint, pk, key)
            case ["kept", str(name), str(fingerprint), int(pk), key]:
                self._keep(name, fingerprint, pk, key)
            case _:
                raise ValueError(str(fields)[:80])

    def _say(self, name: str, fingerprint: str, pk: int, key: str) -> None:
        self._said.setdefault((name, fingerprint), {})[pk] = key
        self._connection.execute(
            "INSERT INTO said VALUES (?, ?, ?, ?, ?)", (self._name, pk, name, fingerprint, key)
        )

    def add(self, line: bytes) -> None:
        """Add a record."""
        if self._columns is None:
            self._begin()
        pk, seq, schema, data = line[1:-2].decode("ascii").split(",", 3)
        if not (data.startswith("{") and data.endswith("}") and 0 < int(pk) <= LARGEST_PK):
            raise ValueError(f"record {pk[:20]}")
        keys: Iterable[str | None] = ()
        if self._columns:
            keys = self._keys(int(pk), schema, data)
        self._rows.append((pk, seq, schema, data, *keys))
        if len(self._rows) == _INSERTED:
            self._write()

    def _keep(self, name: str, fingerprint: str, pk: int, key: str | None) -> None:
        self._fill()
        column = next(each for each in self._unique if each.identity == (name, fingerprint))
        self._layouts.keep_key(self._name, column, pk, key)

    def end(self) -> None:
        """Take note that the table has been read."""
        self._fill()

    def _begin(self) -> None:
        columns = self._layouts.restore_columns(self._name, self._unique)
        names = "".join(f", {column.name}" for column in columns)
        self._insert = (
            f"INSERT INTO {table_name(self._name)} (pk, seq, schema, data{names}) "
            f"VALUES (?, ?, ?, ?{', ?' * len(columns)})"
        )
        self._columns = columns

    def _keys(self, pk: int, schema: str, data: str) -> Iterator[str | None]:
        """Yield the keys of a record in the columns; None where another class has put it: those are
        made at the end.
        """
        own = self._own.get(schema)
        if own is None:
            layout, number = self._layouts.of(self._name), int(schema)
            own = self._own[schema] = [
                column if column.is_for(layout.fingerprint(number, column.field)) else None
                for column in self._columns or ()
            ]
        record = json.loads(data)
        for column in own:
            if column is None:
                yield None
            else:
                said = self._said.get(column.identity, {}).get(pk)
                yield column.key(record) if said is None else said

    def _write(self) -> None:
        if self._rows:
            self._connection.executemany(self._insert, self._rows)
            self._rows.clear()

    def _fill(self) -> None:
        if self._is_filled:
            return
        if self._columns is None:
            self._begin()
        self._write()
        self._layouts.finish_restored(self._name, self._columns or ())
        self._is_filled = True


def hash_of_state(chunks: Iterable[bytes]) -> str:
    """Return the hash of the state in the lines of a snapshot, without reading what they say.

    Raises:
        NotTheState: they are not whole.
    """
    digest = sha256()
    try:
        for line in _cut(chunks):
            if not line.startswith(_POSITION):
                digest.update(line)
    except ValueError as error:
        raise NotTheState(f"it is cut: {error}") from error
    return digest.hexdigest()


def _cut(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Cut bytes into lines, each with its end."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).splitlines(keepends=True) or [b""]
        if rest.endswith(b"\n"):
            lines, rest = [*lines, rest], b""
        yield from lines
    if rest:
        raise ValueError("the last line has no end")
