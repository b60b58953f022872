"""One database's replica: its parts put together, its transaction and its head."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable, Mapping, Sequence
from types import MappingProxyType

from discobase.engine.changes import IndexWanted, Request
from discobase.engine.log.commit_log import Commit, Entry
from discobase.engine.log.frame import GENESIS
from discobase.engine.replica.columns import KeyColumn
from discobase.engine.replica.file import ReplicaFile
from discobase.engine.replica.layout import EMPTY, LAYOUT, Layout, Layouts
from discobase.engine.replica.positions import Displaced, Head, Position, Positions, PositionTable
from discobase.engine.replica.proposals import Proposal, Proposals
from discobase.engine.replica.reader import Reader, Row
from discobase.engine.replica.tables import Tables
from discobase.errors import LogDamaged, SchemaConflict, UniqueViolation


class Replica:
    """The materialised state of one database, in a temporary file that lasts as long as it does.

    Args:
        lanes: how many lanes the log has.

    Attributes:
        positions: the head, and which positions have been applied before it.
        layouts: how each table is laid out, by name.

    Raises:
        ConnectError: the file cannot be made.
    """

    def __init__(self, lanes: int) -> None:
        self._file = ReplicaFile()
        self._reader = Reader(self._file)
        self._writer = self._file.connect()
        # Not synchronous: a replica that is lost is read again from Discord.
        self._writer.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;" + LAYOUT)
        self._writer.execute("INSERT INTO state VALUES (1, 0, ?)", (GENESIS,))
        self._layouts = Layouts(self._writer)
        self._tables = Tables(self._writer, self._layouts)
        self._position_table = PositionTable(self._writer, lanes)
        self._proposals = Proposals(self._writer, self._tables, self._layouts)
        self._filling: dict[IndexWanted, tuple[KeyColumn, int]] = {}
        self.positions: Positions = self._position_table.read()
        self.layouts: Mapping[str, Layout] = MappingProxyType({})

    @property
    def head(self) -> Head:
        """The head; :attr:`positions` has it together with the positions of the same moment."""
        return self.positions.head

    # Reading: any thread

    def get(self, table: str, pk: int) -> Row | None:
        """Return the record under a primary key, or None. Never waits."""
        return self._reader.get(table, pk)

    def select(self, table: str, keys: Sequence[tuple[KeyColumn, str]]) -> list[Row]:
        """Return the records that may have these keys, in the order of their primary keys. Never
        waits.

        May return too many: the caller compares values (:meth:`Reader.select
        <discobase.engine.replica.reader.Reader.select>`).

        Args:
            table: the table's name.
            keys: key columns of :attr:`layouts`, and the key in each.
        """
        return self._reader.select(table, keys)

    def stored(
        self, table: str, after: int, schemas: Sequence[int], since: int, limit: int
    ) -> list[tuple[int, int, int, str]]:
        """Return records that were not written under any of some schemas (:meth:`Reader.stored
        <discobase.engine.replica.reader.Reader.stored>`). Never waits.
        """
        return self._reader.stored(table, after, schemas, since, limit)

    def said(self, table: str, fields: Sequence[tuple[str, str]]) -> set[tuple[int, str]]:
        """Return for which records the log says a key (:meth:`Reader.said
        <discobase.engine.replica.reader.Reader.said>`). Never waits.
        """
        return self._reader.said(table, fields)

    def count(self, table: str) -> int:
        """Return the number of records of a table. Never waits."""
        return self._reader.count(table)

    # Writing: one step at a time, on the engine's worker

    def apply(self, commits: Iterable[Commit | Entry]) -> None:
        """Apply frames that follow the head, in order. A bare entry is a void frame: its position
        passes, nothing else changes.

        Raises:
            LogDamaged: a commit cannot be; nothing is applied.
        """
        with self._transaction():
            self._follow(commits)

    def replay(self, commits: Iterable[Commit | Entry]) -> None:
        """Forget everything, and apply the log from its first frame. Readers see the old state
        until it is done.

        Raises:
            LogDamaged: a commit cannot be; nothing is forgotten.
        """
        with self._transaction():
            self._tables.drop_all()
            self._position_table.clear()
            self._follow(commits)

    def propose(self, requests: Iterable[Request]) -> Proposal:
        """Apply the requests that hold on the state at the head, each after those before it, and
        leave the transaction open.

        A request holds or fails as a whole, for itself alone. :meth:`settle` or :meth:`withdraw`
        has to follow.
        """
        self._begin()
        try:
            return self._proposals.propose(requests, self._position_table.head)
        except BaseException:
            self.withdraw()
            raise

    def settle(self, entry: Entry) -> None:
        """Make the proposal the state: it stands in the log, as this entry."""
        self._position_table.advance(entry, applied=True)
        self._commit()

    def withdraw(self) -> None:
        """Forget the proposal: it came to nothing."""
        self._tables.forget()
        self._position_table.restore(self.positions)
        # After some errors, such as a full disk, SQLite has rolled back by itself.
        if self._writer.in_transaction:
            self._writer.execute("ROLLBACK")

    def index(self, wanted: IndexWanted) -> None:
        """Begin a key column with an index for a field that has none: when :meth:`fill` has filled
        it, equality on the field is a look-up. Do nothing where the newest schema has another
        fingerprint of the field: hardly a key would be known.
        """
        with self._transaction():
            layout = self._layouts.all().get(wanted.table, EMPTY)
            if layout.is_current(wanted.field, wanted.fingerprint):
                column = KeyColumn.of(wanted.field, layout.current[wanted.field].schema)
                self._layouts.begin_column(wanted.table, column)
                self._filling[wanted] = (column, 0)

    def fill(self, records: int) -> bool:
        """Fill a column that was begun for some records more, and return whether any is left to be
        filled.
        """
        for wanted, (column, after) in [*self._filling.items()][:1]:
            with self._transaction():
                upto = self._layouts.fill_on(wanted.table, column, after, records)
            del self._filling[wanted]
            if upto is not None:
                self._filling[wanted] = (column, upto)
        return bool(self._filling)

    def changes_history(self, entries: Iterable[Entry]) -> bool:
        """Return whether one of these entries, at positions that have passed however long ago,
        would have been taken instead of the one that was.
        """
        return any(map(self._position_table.changes_history, entries))

    def position(self, seq: int) -> Position | None:
        """Return a position that has passed, however long ago; None where there is none."""
        return self._position_table.at(seq)

    def find(self, message: int) -> int | None:
        """Return the position that a message was taken for; None where it was taken for none."""
        return self._position_table.find(message)

    def hash_at(self, seq: int) -> str | None:
        """Return the hash of the frame that was applied at a position; None where none was."""
        return self._position_table.hash_at(seq)

    def displaced(self, messages: Mapping[int, int]) -> list[Displaced]:
        """Return what was applied and is not among the messages that count, by position."""
        return self._position_table.displaced(messages)

    def close(self) -> None:
        """Close every connection and remove the file. A reader still at work finishes first: what
        it holds goes with it. Never waits.
        """
        self._file.disconnect(self._writer)
        self._reader.close()
        self._file.remove()

    def _follow(self, commits: Iterable[Commit | Entry]) -> None:
        for commit in commits:
            if isinstance(commit, Commit):
                self._do(commit)
                self._position_table.advance(commit.entry, applied=True)
            else:
                self._position_table.advance(commit, applied=False)
        self._tables.keep_next()

    def _do(self, commit: Commit) -> None:
        entry = commit.entry
        for operation in commit.operations:
            try:
                self._tables.apply(operation, entry.header.seq)
            except (UniqueViolation, SchemaConflict, LookupError) as error:
                raise LogDamaged(
                    f"the log holds a commit that cannot be: {error}",
                    position=entry.header.seq,
                    channel=entry.message.channel,
                    message=entry.message.id,
                ) from error

    # The transaction and the head

    @contextlib.contextmanager
    def _transaction(self) -> Generator[None]:
        self._begin()
        try:
            yield
        except BaseException:
            self.withdraw()
            raise
        self._commit()

    def _begin(self) -> None:
        self._writer.execute("BEGIN IMMEDIATE")

    def _commit(self) -> None:
        self._writer.execute("COMMIT")
        self._publish()

    def _publish(self) -> None:
        """Let readers and the engine see what has just become the state."""
        self.positions = self._position_table.read()
        self.layouts = self._layouts.all()
