"""Put what an export holds into a database, by a few large commits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from discobase.arguments import checked_progress
from discobase.batches import Item, batches, item_of, note_done
from discobase.engine.changes import (
    CarryIn,
    CarryNext,
    CarrySchema,
    CarryUnique,
    Change,
    DropUnique,
    Preparation,
    Request,
    SayKeys,
)
from discobase.engine.replica import EMPTY, KeyColumn
from discobase.errors import ExportDamaged, ImportRefused
from discobase.progress import Progress
from discobase.progress_bar import callback_for
from discobase.source import Source
from discobase.transfer.checking import Checking, ImportPlan, Scratch
from discobase.transfer.destination import checked_path
from discobase.transfer.opening import ExportFile, opened
from discobase.transfer.pieces import KeyPiece, RecordPiece, TableBegins
from discobase.transfer.present import Present
from discobase.transfer.reading import ExportReading

_TOLD_EACH = 4_096
"""Records between two tellings of how many are checked: some 40 ms."""

_KEYS_AT_ONCE = 2_000
"""Keys that are said in one commit: as many as when a class is made known
(:mod:`discobase.schema`)."""

_PURPOSE = "the import"


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What :meth:`Database.import_ <discobase.Database.import_>` has done.

    Attributes:
        records: how many records were written.
        present: how many were there already, of an import that was interrupted.
        tables: how many tables the export has.
        commits: how many commits it took.
        content: the hash of what the export holds, as :attr:`ExportReport.content
            <discobase.ExportReport.content>` is.
        database: the name of the database that was exported.
        position: the position at which it was.
    """

    records: int
    present: int
    tables: int
    commits: int
    content: str
    database: str
    position: int


def import_all(source: Source, path: object, progress: object = None) -> ImportReport:
    """Put what an export holds into a database. See :meth:`discobase.Database.import_`."""
    given = checked_path(path)
    with (
        callback_for(checked_progress(progress)) as told,
        closing(opened(given)) as file,
        closing(Scratch()) as scratch,
    ):
        source.freshen(fresh=True)
        shown = repr(str(given))
        replica = source.replica(_PURPOSE)
        checking = Checking(
            ExportReading(file.lines(), shown),
            replica,
            source.capacity,
            scratch,
            _teller("checking the export", told, _TOLD_EACH),
        )
        try:
            plan = checking.plan()
        except KeyboardInterrupt as interrupt:
            interrupt.add_note("Nothing was imported: the export was still being checked.")
            raise
        writing = _Writing(source, plan, _teller("importing", told))
        try:
            writing.write(file, shown, scratch)
        except BaseException as error:
            note_done(error, "imported", writing.records, writing.commits)
            goes_on = writing.commits or isinstance(error, KeyboardInterrupt)
            if goes_on and not isinstance(error, ImportRefused):
                error.add_note("To go on, import the same file again: what is there stays.")
            raise
    return ImportReport(
        writing.records,
        plan.present,
        len(plan.tables),
        writing.commits,
        plan.content,
        plan.header.database,
        plan.header.position,
    )


def _teller(
    doing: str, told: Callable[[Progress], object] | None, each: int = 1
) -> Callable[[int, int], None]:
    """Return what tells of progress, whenever so many more records are done."""

    def tell(done: int, total: int) -> None:
        if told is not None and (done % each == 0 or done == total):
            told(Progress(doing, done, total, "records"))

    return tell


class _Writing:
    """The commits of an import.

    First come the schemas of all tables, with their next primary keys, so that whatever else is
    saved meanwhile gets keys above them; then the records; then what no record says: keys, and what
    is unique. What is there already comes to nothing, so that each step may be done again.

    Args:
        source: where to.
        plan: what is to be there.
        told: called with how many records are done.

    Attributes:
        records: how many records were written.
        commits: how many commits were made.
    """

    def __init__(self, source: Source, plan: ImportPlan, told: Callable[[int, int], None]) -> None:
        self.records = self.commits = 0
        self._source = source
        self._said: dict[tuple[str, str, str], set[tuple[int, str]]] = {}
        self._plan = plan
        self._told = told

    def write(self, file: ExportFile, shown: str, scratch: Scratch) -> None:
        """Make the commits.

        Raises:
            ExportDamaged: the file is another one than when it was checked.
            DiscobaseError: as for :meth:`Table.save <discobase.Table.save>`.
        """
        self._told(self._plan.present, self._plan.header.records)
        self._prepare()
        items = self._items(ExportReading(file.lines(), shown))
        for batch in batches(items, self._source.capacity):
            self._commit([item.change for item in batch])
            self.records += len(batch)
            self._told(self._plan.present + self.records, self._plan.header.records)
        self._say_keys(scratch)
        self._constrain()

    def _prepare(self) -> None:
        preparations: list[Preparation] = []
        replica = self._source.replica(_PURPOSE)
        for table in self._plan.tables:
            held = replica.layouts.get(table.name, EMPTY)
            for number, says in table.schemas.items():
                if number not in held.schemas:
                    preparations.append(CarrySchema(table.name, number, says))
                    # Those of version 0.1 are unique at once, also where that was given up since.
                    if number == 0:
                        unique = table.parsed[0].unique
                        preparations += [DropUnique(table.name, name) for name in unique]
            if replica.next_pk(table.name) < table.next:
                preparations.append(CarryNext(table.name, table.next))
        for some in _parted(preparations, self._source.capacity):
            self._commit([], some)

    def _items(self, reading: ExportReading) -> Iterator[Item]:
        """Yield the records that are not there yet."""
        replica = self._source.replica(_PURPOSE)
        present: Present | None = None
        for piece in reading.pieces():
            if isinstance(piece, TableBegins):
                present = Present(replica, piece.table)
            elif isinstance(piece, RecordPiece):
                assert present is not None
                if not present.has(piece):
                    change = CarryIn(piece.table, piece.pk, piece.data, piece.schema)
                    yield item_of(piece.table, change, piece.pk)
        if reading.seal.whole != self._plan.whole:
            raise ExportDamaged(
                "the file has become another one while it was imported: it is imported in part. "
                "Import it again.",
                line=reading.line,
            )

    def _say_keys(self, scratch: Scratch) -> None:
        tables = {table.name: table for table in self._plan.tables}
        said: list[SayKeys] = []
        for piece in scratch.told():
            field = tables[piece.table].parsed[piece.schema].fields[piece.field]
            row = self._source.replica(_PURPOSE).get(piece.table, piece.pk)
            if row is None or self._is_said(piece, field.fingerprint):
                continue  # without a row, somebody has deleted it
            said.append(SayKeys(piece.table, piece.field, field, ((piece.pk, row[1], piece.key),)))
            if len(said) >= _KEYS_AT_ONCE:
                self._commit([], said)
                said = []
        if said:
            self._commit([], said)

    def _is_said(self, piece: KeyPiece, fingerprint: str) -> bool:
        """Return whether an import that was interrupted has said a key."""
        if not self._plan.present:
            return False
        which = (piece.table, piece.field, fingerprint)
        if which not in self._said:
            replica = self._source.replica(_PURPOSE)
            self._said[which] = replica.said(piece.table, [(piece.field, fingerprint)])
        return (piece.pk, piece.field) in self._said[which]

    def _constrain(self) -> None:
        layouts = self._source.replica(_PURPOSE).layouts
        wanted: list[Preparation] = []
        for table in self._plan.tables:
            held = layouts.get(table.name, EMPTY)
            for name, number in table.unique:
                column = KeyColumn.of(name, table.parsed[number].fields[name])
                found = held.unique_column(name)
                if found is not None and found.identity == column.identity:
                    continue
                if found is not None:
                    wanted.append(DropUnique(table.name, name))
                wanted.append(CarryUnique(table.name, name, number))
        if wanted:
            self._commit([], wanted)

    def _commit(self, changes: Sequence[Change], preparations: Sequence[Preparation] = ()) -> None:
        source = self._source
        source.commit(
            Request(changes, preparations=preparations, purpose=_PURPOSE, timeout=source.timeout)
        )
        self.commits += 1


def _parted(preparations: Iterable[Preparation], capacity: int) -> list[list[Preparation]]:
    """Return preparations in their order, as many at a time as one commit holds."""
    parts: list[list[Preparation]] = []
    left = 0
    for preparation in preparations:
        size = Request((), preparations=[preparation]).size
        if size > left or not parts:
            parts.append([])
            left = capacity
        parts[-1].append(preparation)
        left -= size
    return parts
