"""One database's replica: its parts put together, its transaction and its head."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, TypeVar

from discobase.engine.changes import IndexWanted, Request, TextIndexWanted
from discobase.engine.log.entry import Commit, Entry
from discobase.engine.log.frame import GENESIS
from discobase.engine.operations import Introduce, Operation
from discobase.engine.replica.cache import LAYOUT as KEPT
from discobase.engine.replica.cache import Cache, mark, note_layout, was_closed, was_sure
from discobase.engine.replica.check import Check, require_sound_beginning
from discobase.engine.replica.checksums import Altered, summed
from discobase.engine.replica.columns import KeyColumn
from discobase.engine.replica.file import ReplicaFile, failed, is_busy, is_full, is_untrue
from discobase.engine.replica.layout import EMPTY, LAYOUT, Layout, Layouts
from discobase.engine.replica.ownership import SIGN
from discobase.engine.replica.positions import Applied, Head, Position, Positions, PositionTable
from discobase.engine.replica.proposals import Proposal, Proposals
from discobase.engine.replica.reader import FlaggedRow, Reader, Row, Selection
from discobase.engine.replica.requests import LAYOUT as REQUESTS
from discobase.engine.replica.requests import RequestTable
from discobase.engine.replica.seals import LAYOUT as SEALS
from discobase.engine.replica.seals import SealTable
from discobase.engine.replica.snapshot import Restoring, Snapshot
from discobase.engine.replica.tables import Tables
from discobase.engine.replica.text_index import LAYOUT as TEXTS
from discobase.engine.replica.text_index import TextIndexes, seal
from discobase.engine.replica.volume import LAYOUT as VOLUME
from discobase.engine.replica.volume import VolumeTable
from discobase.engine.replica.writers import LAYOUT as WRITERS
from discobase.engine.replica.writers import Writers, WriterTable
from discobase.engine.server.seam import Uncertain
from discobase.engine.texts import Place
from discobase.errors import ConnectError, Disconnected, LogDamaged, SchemaConflict, UniqueViolation

T = TypeVar("T")

_log = logging.getLogger(__name__)


class ReplicaLost(Uncertain):
    """The replica's file has failed, and nothing of it could be kept: the log has to be replayed.

    Whoever reads the log takes it as they take an answer that did not come: again, a little later.
    """


class _Unfit(Exception):
    """A file that was kept is not of this database, or not of this format."""


_Fill = Callable[[ReplicaFile, sqlite3.Connection], None]

_IMPOSSIBLE = (
    *(UniqueViolation, SchemaConflict, LookupError),
    *(ValueError, TypeError, ArithmeticError, RecursionError),
)
"""What an operation raises that nobody proposes: it is not valid where it stands, or what it says
is of no form that can be stored."""


class Replica:
    """The materialised state of one database, in a file that lasts as long as it does; with a cache
    in one that stays, and of which the next process begins where this one has ended.

    Args:
        lanes: how many lanes the log has.
        cache: where the file is kept; None for a temporary one. It is the replica's from now on,
            which gives up the claim.

    Attributes:
        positions: the head, and which positions have been applied before it.
        layouts: how each table is laid out, by name.
        writers: what is known of those who write.
        volume: the bytes of the log up to the head: of all payloads that count, unpacked.
        volume_before: as many of them as the replica has begun with.
        sealed: the generation that the last seal has announced which was applied; 0 where none was.
        lost: whether nothing is there to be read until the log has been replayed.
        sure: whether the head that it begins with is known to be the right one.

    Raises:
        ConnectError: the file cannot be made.
    """

    def __init__(self, lanes: int, cache: Cache | None = None) -> None:
        self._lanes = lanes
        self._cache = cache
        self._check: Check | None = None
        self._proposed: Sequence[Operation] = ()
        self._failure: sqlite3.Error | None = None
        self._told: Callable[[], object] = _tell_nobody
        self.lost: bool = False
        self.sure: bool = True
        self._full = False
        self._searched: dict[str, tuple[Place, ...]] = {}
        self.layouts: Mapping[str, Layout] = MappingProxyType({})
        self.writers: Writers = Writers()
        self.volume: int = 0
        self.volume_before: int = 0
        self.sealed: int = 0
        try:
            if cache is None or not self._go_on_with(cache):
                self._use(*self._empty())
        except BaseException:
            if self._cache is not None:
                self._cache.release()
            raise
        self._reader = Reader(self._file, self._note)
        self.positions: Positions = self._position_table.read()
        if self._cache is not None:
            self._cache.remove_older()

    def _use(self, file: ReplicaFile, writer: sqlite3.Connection) -> None:
        """Write to a file from now on."""
        self._file = file
        self._writer = writer
        self._layouts = Layouts(writer, with_sums=file.is_kept)
        self._requests = RequestTable(writer)
        self._writers = WriterTable(writer)
        self._volume = VolumeTable(writer)
        self._texts = TextIndexes(writer, self._layouts.changed)
        self._seals = SealTable(writer)
        self._tables = Tables(writer, self._layouts, self._requests, self._writers, self._texts)
        self._position_table = PositionTable(writer, self._lanes)
        self._proposals = Proposals(
            writer, self._tables, self._layouts, self._requests, self._writers
        )

    @property
    def head(self) -> Head:
        """The head; :attr:`positions` has it together with the positions of the same moment."""
        return self.positions.head

    @property
    def in_memory(self) -> bool:
        """Whether memory holds the records, for want of room: who reads then holds up commits."""
        return not self._file.concurrent

    # Reading: any thread

    @property
    def is_checked(self) -> bool:
        """Whether records are to be held against their checksums when they are read: those of a
        file that is kept. Only what hands on whole rows does that.
        """
        return self._file.is_kept

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

    def fold(
        self,
        selection: Selection,
        arguments: Mapping[str, object],
        fold: Callable[[Iterable[FlaggedRow]], T],
    ) -> T:
        """Return what a function makes of the rows of a selection, one by one (:meth:`Reader.fold
        <discobase.engine.replica.reader.Reader.fold>`). Never waits.
        """
        return self._reader.fold(selection, arguments, fold)

    def cells(
        self,
        selection: Selection,
        arguments: Mapping[str, object],
        columns: Sequence[str],
        tail: str,
    ) -> list[Any]:
        """Return something else of the rows of a selection than the records (:meth:`Reader.cells
        <discobase.engine.replica.reader.Reader.cells>`). Never waits.
        """
        return self._reader.cells(selection, arguments, columns, tail)

    def explain(
        self, selection: Selection, arguments: Mapping[str, object]
    ) -> tuple[list[str], int, int]:
        """Return how the rows of a selection are read (:meth:`Reader.explain
        <discobase.engine.replica.reader.Reader.explain>`). Never waits.
        """
        return self._reader.explain(selection, arguments)

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

    def next_pk(self, table: str) -> int:
        """Return the primary key that the next record of a table gets. Any thread."""
        return self._reader.next_pk(table)

    def count(self, table: str) -> int:
        """Return the number of records of a table. Never waits."""
        return self._reader.count(table)

    def with_file(self, step: Callable[[ReplicaFile], T]) -> T:
        """Do a step that reads the file by a connection of its own (:meth:`Reader.with_file
        <discobase.engine.replica.reader.Reader.with_file>`). Never waits.
        """
        return self._reader.with_file(step)

    def note_failure(self, error: sqlite3.Error) -> None:
        """Note that the file has failed somebody who reads it by a connection of their own."""
        self._note(error)

    def count_all(self) -> int:
        """Return the number of records of all tables. Never waits; 0.1 s for a million."""
        return sum(map(self.count, self.layouts))

    # Writing: one step at a time, on the engine's worker

    def apply(self, commits: Iterable[Commit | Entry]) -> None:
        """Apply frames that follow the head, in order. A bare entry is a void frame: its position
        passes, nothing else changes.

        Raises:
            LogDamaged: a commit cannot be; nothing is applied.
        """
        commits = list(commits)
        self._kept(partial(self._apply, commits))

    def _apply(self, commits: Sequence[Commit | Entry]) -> None:
        with self._transaction():
            self._follow(commits)

    def replay(self, commits: Iterable[Commit | Entry]) -> None:
        """Forget everything, and apply the log from its first frame. Readers see the old state
        until it is done.

        Raises:
            LogDamaged: a commit cannot be; nothing is forgotten.
        """
        commits = list(commits)
        try:
            self._replay(commits)
        except sqlite3.Error as error:
            self._renew(error)
            self._again(partial(self._replay, commits))
        self.lost = False
        self._reader.resume()

    def _replay(self, commits: Sequence[Commit | Entry]) -> None:
        with self._transaction():
            self._clear()
            self._follow(commits)
        self.volume_before = 0

    def _clear(self) -> None:
        """Go back to the beginning of the log."""
        self._tables.drop_all()
        self._position_table.clear()
        self._volume.clear()
        for table, places in self._searched.items():
            self._texts.want(table, places, is_empty=False)

    def restore(
        self,
        chunks: Iterable[bytes],
        head: Head,
        state: str,
        commits: Iterable[Commit | Entry] = (),
    ) -> None:
        """Forget everything, take over a state that a snapshot has written, and apply frames that
        follow it. Readers see the old state until it is done.

        Args:
            chunks: the snapshot's lines, cut anywhere.
            head: the position and chain that it has to be of.
            state: the hash that it has to have.
            commits: the frames.

        Raises:
            LogDamaged: a commit cannot be; nothing is forgotten.
            NotTheState: it is another one, or none; nothing is forgotten.
            LaterFormat: it is of a format that this version does not know; nothing is forgotten.
            ReplicaLost: no file takes it.
        """
        try:
            self._restore(chunks, head, state, [*commits])
        except sqlite3.Error as error:
            if not failed(error):
                raise
            self._renew(error)
            if not self.head.seq:
                self._lose()  # what was copied is nothing that could be gone on with
            raise _lost() from error
        self.lost = False
        self._reader.resume()

    def _restore(
        self,
        chunks: Iterable[bytes],
        head: Head,
        state: str,
        commits: Sequence[Commit | Entry],
    ) -> None:
        with self._transaction():
            self._clear()
            restoring = Restoring(
                self._writer, self._layouts, self._position_table, self._writers, self._volume
            )
            restoring.read(chunks, head, state)
            before = self._volume.read()
            self._follow(commits)
        self.volume_before = before

    def snapshot(self) -> Snapshot:
        """Return the state of this moment, for one thread to read while the others go on. Any
        thread; never waits.

        Raises:
            ReplicaLost: there is no state.
            Disconnected: the replica was closed.
        """
        if self.lost:
            raise _lost()
        return Snapshot(self._file)

    def propose(
        self, requests: Iterable[Request], introduction: Introduce | None = None
    ) -> Proposal:
        """Apply the requests that hold on the state at the head, each after those before it, and
        leave the transaction open.

        A request holds or fails as a whole, for itself alone. :meth:`settle` or :meth:`withdraw`
        has to follow.

        Args:
            requests: the requests.
            introduction: of the writer, for the log if it does not have it.
        """
        return self._kept(partial(self._propose, list(requests), introduction))

    def _propose(self, requests: Sequence[Request], introduction: Introduce | None) -> Proposal:
        self._begin()
        try:
            proposal = self._proposals.propose(requests, self._position_table.head, introduction)
        except BaseException:
            self.withdraw()
            raise
        self._proposed = proposal.operations
        return proposal

    def settle(self, entry: Entry) -> None:
        """Make the proposal the state: it stands in the log, as this entry."""
        try:
            self._position_table.advance(entry, applied=True)
            self._end_at_head(entry.header.size)
            self._commit()
        except sqlite3.Error as error:
            if not failed(error):
                raise
            # What stands in the log has happened, whatever becomes of a file here.
            self.withdraw()
            with contextlib.suppress(ReplicaLost):
                self._renew(error)
                self._kept(partial(self._apply, [Commit(entry, list(self._proposed))]))

    def withdraw(self) -> None:
        """Forget the proposal: it came to nothing."""
        self._tables.forget()
        self._position_table.restore(self.positions)
        # After some errors, such as a full disk, SQLite has rolled back by itself.
        with contextlib.suppress(sqlite3.Error):
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")

    def index(self, wanted: IndexWanted | TextIndexWanted) -> None:
        """Begin a key column with an index for a field that has none: when :meth:`fill` has filled
        it, equality on the field is a look-up. Do nothing where the newest schema has another
        fingerprint of the field: hardly a key would be known.

        Likewise an index of a table's texts, in the place of the one that is there.
        """
        if isinstance(wanted, TextIndexWanted):
            self._searched[wanted.table] = wanted.places
            step = partial(self._index_texts, wanted)
        else:
            step = partial(self._index, wanted)
        with contextlib.suppress(ReplicaLost):
            self._kept(step)

    def _index_texts(self, wanted: TextIndexWanted) -> None:
        if self._texts.has(wanted.table, wanted.places):
            return
        with self._transaction():
            is_empty = wanted.table not in self._layouts.all()
            self._texts.want(wanted.table, wanted.places, is_empty=is_empty)

    def _index(self, wanted: IndexWanted) -> None:
        with self._transaction():
            layout = self._layouts.all().get(wanted.table, EMPTY)
            if layout.is_current(wanted.field, wanted.fingerprint):
                column = KeyColumn.of(wanted.field, layout.current[wanted.field].schema)
                self._layouts.begin_column(wanted.table, column, in_steps=True)

    @property
    def filling(self) -> bool:
        """Whether :meth:`fill` has something to do."""
        return not self.lost and any(map(_is_filling, self.layouts.values()))

    def fill(self, records: int) -> bool:
        """Fill a column that was begun for some records more, and return whether any is left to be
        filled.
        """
        with contextlib.suppress(ReplicaLost):
            self._kept(partial(self._fill, records))
        return self.filling

    def _fill(self, records: int) -> None:
        for table, layout in self._layouts.all().items():
            if layout.text is not None and not layout.text.is_whole:
                with self._transaction():
                    self._texts.fill_on(table, records)
                return
            for identity in sorted(layout.filling):
                with self._transaction():
                    self._layouts.fill_on(table, layout.unfinished[identity], records)
                    self._layouts.keep()
                return

    def position(self, seq: int) -> Position | None:
        """Return a position that has passed, however long ago; None where there is none."""
        return self._kept(lambda: self._position_table.at(seq))

    def find(self, message: int) -> int | None:
        """Return the position that a message was taken for; None where it was taken for none."""
        return self._kept(lambda: self._position_table.find(message))

    def hash_at(self, seq: int) -> str | None:
        """Return the hash of the frame that was applied at a position; None where none was."""
        return self._kept(lambda: self._position_table.hash_at(seq))

    def applied(self) -> list[Applied]:
        """Return which frames are known to have been applied, by position; none where the replica
        is lost.
        """
        return [] if self.lost else self._kept(self._position_table.applied)

    def applied_below(self, below: int | None, *, above: int, number: int) -> list[Applied]:
        """Return the last frames that are known to have been applied between two positions, the
        last one first; none where the replica is lost.

        Args:
            below: the position that they are below; None for the newest.
            above: the position that they are above.
            number: how many they are at the most.
        """
        if self.lost:
            return []
        find = self._position_table.applied_below
        return self._kept(lambda: find(below, above=above, number=number))

    def close(self, *, sure: bool = False) -> None:
        """Close every connection, and remove the file unless it is kept. A reader still at work
        finishes first: what it holds goes with it. Never waits.

        Args:
            sure: whether the head is known to be the right one.
        """
        if self._check is not None:
            self._check.stop()
        if self._file.is_kept and not self.failing:
            with contextlib.suppress(sqlite3.Error):
                self.withdraw()
                seal(self._writer)
                mark(self._writer, clean=True, sure=sure)
        self._file.disconnect(self._writer)
        self._reader.close()
        self._file.end()
        if self._cache is not None:
            self._cache.release()

    def _follow(self, commits: Sequence[Commit | Entry]) -> None:
        for commit in commits:
            if isinstance(commit, Commit):
                self._do(commit)
                self._position_table.advance(commit.entry, applied=True)
            else:
                self._position_table.advance(commit, applied=False)
        self._tables.keep()
        self._end_at_head(_size_of(commits))

    def _end_at_head(self, size: int) -> None:
        """Forget what the head has left behind, and note how many bytes have come up to it."""
        self._requests.prune(self._position_table.head.seq)
        self._writers.prune()
        self._volume.add(size)

    def _do(self, commit: Commit) -> None:
        entry = commit.entry
        for operation in commit.operations:
            try:
                self._tables.apply(operation, entry.header.seq)
            except _IMPOSSIBLE as error:
                raise LogDamaged(
                    f"the log holds a commit that cannot be: {error}",
                    position=entry.header.seq,
                    channel=entry.message.channel,
                    message=entry.message.id,
                ) from error

    # Another generation of the log

    def move_to(self, lanes: int, superblock: str) -> None:
        """Be the replica of another generation from now on, whose log goes on from the seal of the
        one before, or begins at a checkpoint below that.

        Args:
            lanes: how many lanes it has.
            superblock: the text of its superblock.
        """
        self._lanes = lanes
        self._position_table.relay(lanes)
        self.positions = self._position_table.read()
        if self._cache is not None:
            self._cache.move_to(superblock)
            with contextlib.suppress(ReplicaLost):
                self._kept(self._take_over)

    def _take_over(self) -> None:
        if self._cache is not None:
            self._cache.take_over(self._writer)

    # A file that was kept

    def _go_on_with(self, cache: Cache) -> bool:
        """Go on where another process has ended, and return whether that can be done."""
        try:
            file = cache.newest()
        except OSError as error:
            _log.warning("the cache %s cannot be read: %s", cache.folder, error)
            return False
        if file is None:
            return False
        writer = None
        try:
            writer = file.connect()
            self._require_fit(cache, file, writer)
            self._use(file, writer)
            self._go_on_with_texts(writer)
            self._position_table.load()
            layouts, sure = self._layouts.all(), was_sure(writer)
            writers, volume = self._writers.read(), self._volume.read()
            sealed = self._seals.read()
            mark(writer, clean=False)
        except (_Unfit, sqlite3.Error) as error:
            _log.warning("the records in the cache %s are built anew: %s", cache.folder, error)
            if writer is not None:
                file.disconnect(writer)
            return False
        self.layouts, self.writers, self.sure = layouts, writers, sure
        self.volume = self.volume_before = volume
        self.sealed = sealed
        return True

    def _go_on_with_texts(self, writer: sqlite3.Connection) -> None:
        writer.execute("BEGIN IMMEDIATE")
        self._texts.go_on(was_closed=was_closed(writer))
        if self._layouts.may_have_changed:
            note_layout(writer)
        writer.execute("COMMIT")

    def _require_fit(self, cache: Cache, file: ReplicaFile, writer: sqlite3.Connection) -> None:
        """See that a file may be gone on with: all of it where it was not closed cleanly, else as
        far as it is built on at once, and the rest by :meth:`check_on`.
        """
        if not cache.fits(writer):  # before anything is written to it
            raise _Unfit(
                "they are of another database, of another version of discobase, or were never whole"
            )
        writer.executescript(file.pragmas)
        check = Check(file)
        if was_closed(writer):
            require_sound_beginning(writer)
            self._check = check
        else:
            _log.info("the cache %s was not closed: it is checked first", cache.folder)
            check.all()

    @property
    def unchecked(self) -> bool:
        """Whether it began with a file that :meth:`check_on` has to look through."""
        return self._check is not None

    def check_on(self) -> bool:
        """Look through some more of a file that was kept, and return whether any of it is left. On
        any thread, beside all else. What is not as it was written is a failure of the file.
        """
        check = self._check
        if check is None or check.file is not self._file:
            return False
        try:
            return check.step()
        except Disconnected:
            return False
        except sqlite3.Error as error:
            if not (is_busy(error) or check.stopped or check.file is not self._file):
                self._note(error if failed(error) else Altered(str(error)))
        return False

    def _give_up_cache(self, why: object) -> None:
        """Keep nothing from now on."""
        if self._cache is not None:
            _log.warning(
                "the cache %s cannot be used (%s): this connection has its records in a temporary "
                "file",
                self._cache.folder,
                why,
            )
            self._cache.release()
            self._cache = None

    # When the file fails

    @property
    def failing(self) -> bool:
        """Whether :meth:`heal` has something to do."""
        return self._failure is not None

    def tell_failure(self, told: Callable[[], object]) -> None:
        """Have a function called, on any thread, when :attr:`failing` or :attr:`lost` has become
        true.
        """
        self._told = told

    def heal(self) -> None:
        """Put another file in the place of one that fails.

        Raises:
            ReplicaLost: nothing of it could be kept.
        """
        if self._failure is not None:
            self._renew(self._failure)

    def _note(self, error: sqlite3.Error) -> None:
        """Note that a reader was failed by the file. On any thread."""
        if self._failure is None:
            self._failure = error
            self._told()

    def _kept(self, step: Callable[[], T]) -> T:
        """Do a step; where the file fails, do it once more in another one.

        Raises:
            ReplicaLost: nothing could be kept.
        """
        if self.lost:
            raise _lost()
        try:
            return step()
        except sqlite3.Error as error:
            if not failed(error):
                raise
            self._renew(error)
        return self._again(step)

    def _again(self, step: Callable[[], T]) -> T:
        """Do a step in a file that has just been made."""
        try:
            return step()
        except sqlite3.Error as error:
            self._lose()
            raise _lost() from error

    def _renew(self, error: sqlite3.Error) -> None:
        """Put another file in the place of this one, with what this one holds if it can be had.

        Raises:
            ReplicaLost: nothing of it could be kept.
        """
        if is_full(error) and self._cache is not None:
            self._give_up_cache(error)  # another disk may have room
        else:
            self._full = self._full or is_full(error)
        _log.warning(
            "the file that holds the records in this process fails (%s): %s. Is the disk of "
            "its folder full, or was the folder removed?",
            error,
            "memory holds them from now on" if self._full else "another one is made",
        )
        copied = None if self.lost or is_untrue(error) else self._copy()
        if copied is None:
            self._lose()
        try:
            file, writer = copied or self._empty()
        except ConnectError as none:
            raise _lost() from none
        former, former_writer = self._file, self._writer
        self._use(file, writer)
        if copied is not None:
            self._position_table.restore(self.positions)
        self._reader.change(file)
        self._failure = None
        with contextlib.suppress(sqlite3.Error):
            former.disconnect(former_writer)
        # Whoever comes next may go on with what there was no room to go on with.
        is_left = former.is_kept and self._cache is None and not is_untrue(error)
        (former.end if is_left else former.remove)()
        if copied is None:
            raise _lost()

    def _lose(self) -> None:
        self.lost = True
        self._reader.suspend()
        self._told()

    def _copy(self) -> tuple[ReplicaFile, sqlite3.Connection] | None:
        """Copy the state into another file; None where it cannot be read as it was."""
        if (cached := self._cached(self._copy_to)) is not None:
            return cached
        ways = (ReplicaFile.in_folder, ReplicaFile.in_memory)
        for make in ways[1:] if self._full else ways:
            with contextlib.suppress(ConnectError, sqlite3.Error):
                return _filled(make(), self._copy_to)
        return None

    def _copy_to(self, file: ReplicaFile, writer: sqlite3.Connection) -> None:
        writer.executescript(_beginning(file))
        if file.concurrent:
            self._writer.backup(writer)
        else:
            # A backup is page by page, and says in its header that there is a WAL: in memory there
            # is none, and nobody could open it.
            self._writer.execute("VACUUM INTO ?", (file.uri,))
        row = writer.execute("SELECT head, chain FROM state").fetchone()
        sound = writer.execute("PRAGMA quick_check").fetchone()
        if (row, sound) != ((self.head.seq, self.head.chain), ("ok",)):
            raise sqlite3.DatabaseError("the copy is not what was written")

    def _empty(self) -> tuple[ReplicaFile, sqlite3.Connection]:
        """Make a file that holds nothing yet.

        Raises:
            ConnectError: none can be made, not even in memory.
        """
        if (cached := self._cached(self._lay_out)) is not None:
            return cached
        try:
            if not self._full:
                return _filled(ReplicaFile.in_folder(), self._lay_out)
        except ConnectError:
            if not self.lost:
                raise
        except sqlite3.Error as error:
            self._full = True
            _log.warning("no file can be made for the records (%s): memory holds them", error)
        try:
            return _filled(ReplicaFile.in_memory(), self._lay_out)
        except sqlite3.Error as error:
            raise ConnectError(f"no file can be made for the records: {error}") from error

    def _cached(self, fill: _Fill) -> tuple[ReplicaFile, sqlite3.Connection] | None:
        """Make a file in the cache, and fill it; None where there is no cache, or not any more."""
        if self._cache is None:
            return None
        try:
            return _filled(self._cache.make(), fill)
        except (OSError, sqlite3.Error) as error:
            self._give_up_cache(error)
        return None

    def _lay_out(self, file: ReplicaFile, writer: sqlite3.Connection) -> None:
        layout = LAYOUT + REQUESTS + WRITERS + VOLUME + SEALS + TEXTS
        if file.is_kept:
            layout = summed(layout + KEPT)
        writer.executescript(_beginning(file) + layout)
        writer.execute("INSERT INTO state VALUES (1, 0, ?)", (GENESIS,))
        if self._cache is not None and file.is_kept:
            self._cache.begin(writer)

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
        if self._file.is_kept and self._layouts.may_have_changed:
            note_layout(self._writer)
        self._writer.execute("COMMIT")
        self._publish()

    def _publish(self) -> None:
        """Let readers and the engine see what has just become the state."""
        self.positions = self._position_table.read()
        self.layouts = self._layouts.all()
        self.writers = self._writers.read()
        self.volume = self._volume.read()
        self.sealed = self._seals.read()


def _filled(file: ReplicaFile, fill: _Fill) -> tuple[ReplicaFile, sqlite3.Connection]:
    """Connect to a new file, and fill it; remove it where that fails."""
    writer = None
    try:
        writer = file.connect()
        fill(file, writer)
    except BaseException:
        if writer is not None:
            file.disconnect(writer)
        file.remove()
        raise
    return file, writer


def _beginning(file: ReplicaFile) -> str:
    """Return what a new file is told first. A kept one has its sign before it has a log beside it
    (WAL): by that log alone, which may be lost or altered, nobody would know whose it is.
    """
    return f"{SIGN if file.is_kept else ''}{file.pragmas}"


def _is_filling(layout: Layout) -> bool:
    return bool(layout.filling) or (layout.text is not None and not layout.text.is_whole)


def _size_of(commits: Iterable[Commit | Entry]) -> int:
    return sum(commit.entry.header.size for commit in commits if isinstance(commit, Commit))


def _lost() -> ReplicaLost:
    return ReplicaLost("the records are read again from the log")


def _tell_nobody() -> None:
    """Nobody has asked to be told."""
